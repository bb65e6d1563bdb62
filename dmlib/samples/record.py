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


def find(doi: str, patterns: Sequence[str], cache: Path) -> str:
    """Returns the name of the one file of a DOI record that is meant, where the exact name is not known.

    Files that are in the cache folder come first, so that a record once fetched is not asked again.

    Arguments:
        doi: The record.
        patterns: Regular expressions for whole names; one that fits a single file goes before those behind it.
        cache: The cache folder.

    Raises:
        ConnectionError: the record cannot be reached.
        ValueError: no pattern fits a single file; the message lists what the record has.
    """
    here = [path.name for path in folder(doi, cache).glob("*")]
    if (name := only(patterns, here)) is not None:
        return name
    try:
        there = sorted(listing(doi))
    except (requests.RequestException, KeyError, ValueError) as error:
        wanted = f"a file named like {' or '.join(patterns)}"
        raise unreachable(doi, wanted, folder(doi, cache), error) from error
    if (name := only(patterns, there)) is None:
        raise ValueError(
            f"The record doi:{doi} has no single file named like {' or '.join(patterns)}; it has {shown(there)}."
        )
    return name


def listing(doi: str) -> dict[str, tuple[str, str]]:
    """Returns the address and the checksum of every file of a record, by name."""
    repository = doi_to_repository(doi, headers=HEADERS, timeout=TIMEOUT)
    registry = pooch.create(path="", base_url="")
    repository.populate_registry(registry)
    return {name: (repository.download_url(name), checksum) for name, checksum in registry.registry.items()}


def folder(doi: str, cache: Path) -> Path:
    """Returns where the files of a record lie."""
    return cache / doi.replace("/", "_")


def only(patterns: Iterable[str], names: Sequence[str]) -> str | None:
    """Returns the name or path that the first pattern which fits just one of them fits, or None."""
    for pattern in patterns:
        fitting = [name for name in names if re.fullmatch(rf"(?:.*/)?(?:{pattern})", name)]
        if len(fitting) == 1:
            return fitting[0]
    return None


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
