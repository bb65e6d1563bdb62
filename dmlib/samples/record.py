"""What a DOI record offers: its files, and which of them is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pooch
import requests
from pooch.downloaders import doi_to_repository

# Zenodo asks programs to say who they are, and slows down those that do not. "identity", because byte ranges count
# the bytes on the wire.
HEADERS = {
    "User-Agent": "dmlib (course Anomaly Detection for New Physics), by way of pooch",
    "Accept-Encoding": "identity",
}
TIMEOUT = 30.0  # seconds without a byte


def find(doi: str, pattern: str, cache: Path) -> str:
    """Returns the name of the one file of a DOI record that fits a regular expression.

    Files that are in the cache folder come first, so that a record once fetched is not asked again.

    Raises:
        ConnectionError: the record cannot be reached.
        ValueError: no single file fits; the message lists what the record has.
    """
    names = [path.name for path in folder(doi, cache).glob("*")]
    if len(matching(pattern, names)) != 1:
        try:
            names = sorted(listing(doi))
        except (requests.RequestException, KeyError, ValueError) as error:
            raise unreachable(doi, f"a file named like {pattern}", folder(doi, cache), error) from error
    if len(found := matching(pattern, names)) != 1:
        raise ValueError(f"The record doi:{doi} has no single file named like {pattern}; it has {shown(names)}.")
    return found[0]


def listing(doi: str) -> dict[str, tuple[str, str]]:
    """Returns the address and the checksum of every file of a record, by name."""
    repository = doi_to_repository(doi, headers=HEADERS, timeout=TIMEOUT)
    registry = pooch.create(path="", base_url="")
    repository.populate_registry(registry)
    return {name: (repository.download_url(name), checksum) for name, checksum in registry.registry.items()}


def folder(doi: str, cache: Path) -> Path:
    """Returns where the files of a record lie."""
    return cache / doi.replace("/", "_")


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Returns the names, or paths from the start of a folder's name, that a regular expression fits."""
    return [name for name in names if re.fullmatch(rf"(?:.*/)?(?:{pattern})", name)]


def shown(names: Sequence[str], most: int = 40) -> str:
    """Returns some names for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def unreachable(doi: str, name: str, path: Path, error: Exception, kept: str = "") -> ConnectionError:
    """What to say of a file that cannot be had."""
    return ConnectionError(
        f"Cannot fetch {name} of the record doi:{doi} ({type(error).__name__}: {error}).{kept}\n"
        f"Try again later, or download it by hand from https://doi.org/{doi} and put it at\n    {path}\n"
        "(the environment variable DMLIB_DATA names another cache folder)."
    )
