"""The samples of the course: a catalogue of those shipped with dmlib and those published, and one way to load them."""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import awkward as ak
import pandas as pd
from filelock import FileLock

from dmlib import events

DATA = Path(__file__).parent / "data"
SOURCES = ("embedded", "public")

# The hackathon set of the Dark Machines challenge. Backgrounds and their numbers of events: section 2.2 of the paper;
# signals of each channel: the published score files.
_DOI = "10.5281/zenodo.3961917"
_ARCHIVE = "training_files.tar"
_PUBLIC = {
    "title": "Dark Machines unsupervised hackathon",
    "doi": _DOI,
    "archive": _ARCHIVE,
    "licence": "CC-BY-4.0",
    "generator": "MG5_aMC@NLO, Pythia 8.239, Delphes 3.4.2",
    "reference": "https://arxiv.org/abs/2105.14027",
}
_PUBLIC_EVENTS = {
    "1/background": 214_185,
    "2a/background": 20_005,
    "2b/background": 340_268,
    "3/background": 8_544_111,
    "3/monojet_Zp2000.0_DM_50.0": 6_399,  # counted in the file; the other signals' numbers are not published
}
_PUBLIC_SIGNALS = {
    "1": "glgl1400_neutralino1100 glgl1600_neutralino800 monojet_Zp2000.0_DM_50.0 monotop_200_A "
    "sqsq1_sq1400_neut800 sqsq_sq1800_neut800 stlp_st1000 stop2b1000_neutralino300",
    "2a": "chaneut_cha200_neut50 chaneut_cha250_neut150 chaneut_cha300_neut100 chaneut_cha400_neut200 "
    "gluino_1000.0_neutralino_1.0 pp23mt_50 pp24mt_50",
    "2b": "chacha_cha300_neut140 chacha_cha400_neut60 chacha_cha600_neut200 chaneut_cha200_neut50 "
    "chaneut_cha250_neut150 gluino_1000.0_neutralino_1.0 pp23mt_50 pp24mt_50 stlp_st1000",
    "3": "glgl1400_neutralino1100 glgl1600_neutralino800 gluino_1000.0_neutralino_1.0 monoV_Zp2000.0_DM_1.0 "
    "monojet_Zp2000.0_DM_50.0 monotop_200_A sqsq1_sq1400_neut800 sqsq_sq1800_neut800 stlp_st1000 "
    "stop2b1000_neutralino300",
}


def catalogue() -> pd.DataFrame:
    """Returns a table of all samples, without reading any of them.

    Returns:
        One row a sample, indexed by its name ``darkmachines/<channel>/<stem>``. Columns: ``events`` and ``bytes`` of
        the embedded sample (missing where there is none), ``public_events`` of the published one (missing where there
        is none, or where its number is not published), ``source`` (``"embedded"``, ``"public"`` or both),
        ``licence``, and ``generator``.

    Example:
        >>> import dmlib
        >>> table = dmlib.samples.catalogue()
        >>> int(table.loc["darkmachines/3/background", "public_events"])
        8544111
    """
    embedded, public = _embedded(), _public()
    rows = []
    for name in sorted(embedded.keys() | public.keys(), key=_order):
        entry = card(name)
        rows.append(
            {
                "name": name,
                "events": entry["events"] if name in embedded else pd.NA,
                "bytes": (DATA / "darkmachines" / entry["file"]).stat().st_size if name in embedded else pd.NA,
                "public_events": public.get(name, {}).get("events", pd.NA),
                "source": ", ".join(s for s, has in zip(SOURCES, (embedded, public), strict=True) if name in has),
                "licence": entry["licence"],
                "generator": entry.get("generator"),
            }
        )
    counts = dict.fromkeys(("events", "bytes", "public_events"), "Int64")
    return pd.DataFrame(rows).set_index("name").astype(counts)


def card(name: str) -> dict[str, Any]:
    """Returns what is known about a sample: how it was made, from what, under which licence, and what it is not.

    Arguments:
        name: A sample's name, as in `catalogue`.

    Returns:
        The fields of the whole set, and over them those of the sample; of the embedded one where there is one, and of
        the published one otherwise.

    Raises:
        ValueError: there is no such sample.

    Example:
        >>> import dmlib
        >>> dmlib.samples.card("darkmachines/2a/pp24mt_50")["licence"]
        'CC-BY-4.0'
    """
    _require_known(name)
    return {"name": name} | (_embedded().get(name) or _public()[name])


def load(name: str, source: str = "embedded", progress: bool | None = None) -> ak.Array:
    """Loads a sample: the one shipped with dmlib, or the published one of the same name.

    The first use of a published sample downloads its archive (gigabytes; a cut download goes on where it stopped),
    unpacks the one file and converts it to Parquet; later uses need no network, and the archive may then be deleted.
    All this lies in the folder named by the environment variable ``DMLIB_DATA``, by default the user's cache folder.
    Embedded and converted files alike are checked against the SHA-256 recorded for them.

    Arguments:
        name: A sample's name, as in `catalogue`.
        source: ``"embedded"`` or ``"public"``.
        progress: Whether to draw a progress bar of the download; by default only in a terminal.

    Returns:
        The events, as from `dmlib.events.read_parquet`: energies in GeV.

    Raises:
        ValueError: there is no such sample or source, or a file is not what was recorded or published.
        ConnectionError: the published set cannot be reached; the message says how to fetch it by hand.
        OSError: the disk is too small.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 2 and table 4
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> import dmlib
        >>> background = dmlib.samples.load("darkmachines/1/background")
        >>> background.objects.pt.ndim
        2
    """
    if source not in SOURCES:
        raise ValueError(f"source={source!r}: expected one of {', '.join(map(repr, SOURCES))}.")
    _require_known(name)
    if source == "embedded":
        if name not in _embedded():
            raise ValueError(f'{name!r} is not shipped with dmlib; load it with source="public".')
        entry = _embedded()[name]
        path, sha256 = DATA / "darkmachines" / entry["file"], entry["sha256"]
        if _sha256(path) != sha256:
            raise ValueError(f"{path} is not the file that its card describes (SHA-256 {sha256}). Reinstall dmlib.")
        return events.read_parquet(path)
    if name not in _public():
        raise ValueError(f'{name!r} is not in the published set doi:{_DOI}; load it with source="embedded".')
    return events.read_parquet(_public_parquet(name, progress))


def cache_folder() -> Path:
    """Returns the folder that keeps the published sets: ``DMLIB_DATA``, or the user's cache folder."""
    import pooch  # here and below only for published sets: it draws in a notebook's widgets, and warns without them

    return Path(os.environ.get("DMLIB_DATA") or pooch.os_cache("dmlib")).expanduser().absolute()


def _public_parquet(name: str, progress: bool | None) -> Path:
    """The published sample as a Parquet file in the cache folder, fetched and converted if it is not there."""
    from dmlib import _download

    cache, key = cache_folder(), f"{name}.parquet"
    path = cache / key
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):  # a second process waits here, then finds the file
            if not path.exists():
                _convert(name, cache, key, progress)
    sha256 = _download.pinned(cache, key)
    if sha256 and _sha256(path) != sha256:
        raise ValueError(f"{path} has been altered since it was converted. Delete it and call again.")
    return path


def _convert(name: str, cache: Path, key: str, progress: bool | None) -> None:
    from dmlib import _archive, _download

    archive = _download.fetch(_DOI, _ARCHIVE, cache, progress)
    _, channel, stem = name.split("/")
    pattern = rf"{re.escape(stem)}_chan{channel}(_[\d.]+)?\.csv"  # a background's file name ends with its luminosity
    scratch = cache / "unpacked"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    try:
        csv = _archive.extract(archive, pattern, scratch)
        new = scratch / "new.parquet"
        report = events.csv_to_parquet(csv, new)
        expected = _public()[name].get("events", report.events)
        if report.events != expected:
            warnings.warn(f"{name}: {report.events:,} events, where {expected:,} were published.", stacklevel=4)
        _download.pin(cache, key, new)
        (cache / key).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, cache / key)
    except ValueError as error:
        error.add_note(f"{archive} can be unpacked by hand, and its files read with dmlib.events.read_csv.")
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _embedded() -> dict[str, dict[str, Any]]:
    """The cards of the embedded samples by name."""
    file = DATA / "darkmachines" / "card.json"
    if not file.exists():
        return {}
    general = json.loads(file.read_text())
    samples = general.pop("samples")
    return {f"darkmachines/{key}": general | entry for key, entry in samples.items()}


@functools.cache
def _public() -> dict[str, dict[str, Any]]:
    """The cards of the published samples by name."""
    keys = [f"{channel}/{s}" for channel, signals in _PUBLIC_SIGNALS.items() for s in ("background", *signals.split())]
    counts = {key: {"events": _PUBLIC_EVENTS[key]} if key in _PUBLIC_EVENTS else {} for key in keys}
    return {f"darkmachines/{key}": _PUBLIC | counts[key] for key in keys}


def _order(name: str) -> tuple[str, bool, str]:
    folder, _, stem = name.rpartition("/")
    return folder, stem != "background", stem


def _require_known(name: str) -> None:
    names = _embedded().keys() | _public().keys()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise ValueError(f"There is no sample {name!r}.{hint} dmlib.samples.catalogue() lists all of them.")
