"""The samples of the course: a catalogue of those shipped with dmlib and those published, and one way to load them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import platformdirs

from dmlib import _check, _files
from dmlib.samples.darkmachines import DarkMachines
from dmlib.samples.dimuon import DIMUON
from dmlib.samples.lhco import LHCO
from dmlib.samples.published import Set, parts
from dmlib.samples.published import published as _published

if TYPE_CHECKING:
    import awkward as ak

__all__ = ["cache_folder", "card", "catalogue", "fetch", "load"]

DATA = Path(__file__).parents[1] / "data"
SETS: dict[str, Set] = {"darkmachines": DarkMachines(), "lhco": LHCO, "dimuon": DIMUON}


def catalogue() -> pd.DataFrame:
    """Returns a table of all samples, without reading any of them.

    Returns:
        One row a sample, indexed by its name: ``darkmachines/<channel>/<stem>``, ``darkmachines/sm/<process>``,
        ``lhco/<stem>`` or ``dimuon/<stem>``. Columns: ``events`` and ``bytes`` of the embedded sample (missing where
        there is none), ``public_events`` of the published one (missing where there is none, or where its number is not
        published), ``source`` (``"embedded"``, ``"public"`` or both), ``licence``, and ``generator``.

    Example:
        >>> import dmlib
        >>> table = dmlib.samples.catalogue()
        >>> int(table.loc["darkmachines/sm/ttbar", "public_events"])
        13590811
    """
    embedded, public = _embedded(), _published()
    rows = {}
    for name in sorted(embedded.keys() | public.keys(), key=_order):
        entry = embedded.get(name) or _public_card(name)
        rows[name] = {
            "events": entry["events"] if name in embedded else pd.NA,
            "bytes": _path(name, entry).stat().st_size if name in embedded else pd.NA,
            "public_events": public[name].events or pd.NA if name in public else pd.NA,
            "source": ", ".join(["embedded"] * (name in embedded) + ["public"] * (name in public)),
            "licence": entry["licence"],
            "generator": entry.get("generator"),
        }
    counts = dict.fromkeys(("events", "bytes", "public_events"), "Int64")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name").astype(counts)


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
        >>> dmlib.samples.card("darkmachines/sm/ttbar")["doi"]
        '10.5281/zenodo.3685861'
    """
    _require_known(name)
    return {"name": name} | (_embedded().get(name) or _public_card(name))


def load(name: str, source: str = "embedded", progress: bool | None = None) -> ak.Array | pd.DataFrame:
    """Loads a sample: the one shipped with dmlib, or the published one of the same name.

    The first use of a published sample downloads its file (up to gigabytes, the full Standard Model more; a cut
    download goes on where it stopped), unpacks it and converts it to Parquet; later uses need no network, and the
    download may then be deleted. All this lies in the folder named by the environment variable ``DMLIB_DATA``, by
    default the user's cache folder. Embedded and converted files alike are checked against the SHA-256 recorded for
    them. A published sample is loaded whole: read the largest in parts, from the file that `fetch` returns.

    The background of a channel is split in three, none of whose events is in another. Embedded: ``background``, to
    train on, is unweighted (every weight is equal), as is ``background-validation``; ``background-test`` is weighted,
    with more events in its tails. Public: of the rows of the one file every tenth for validation, and the others in
    turn to train and to test, with weights that make each stand for the luminosity of the whole. Where events or their
    masses carry a weight, use it.

    The samples ``darkmachines/<channel>/blind`` and ``lhco/blackbox`` have no labels: every process is ``"unknown"``.

    Arguments:
        name: A sample's name, as in `catalogue`.
        source: ``"embedded"`` or ``"public"``.
        progress: Whether to draw a progress bar of the download; by default only in a terminal.

    Returns:
        Of darkmachines: the events, as from `dmlib.events.read_parquet`, energies in GeV. Of lhco: a table of float32
        with columns m_jj, m_j1, delta_m (TeV; j1 is the lighter jet, delta_m = m_j2 - m_j1), tau21_1, tau21_2.
        Of dimuon: one with columns pt1, pt2, eta1, eta2, delta_phi, m_ll (GeV, radian), the last computed from the
        others on loading, and where the sample is weighted weight, linear and quadratic.

    Raises:
        TypeError: the name is no string.
        ValueError: there is no such sample or source, or a file is not what was recorded or published.
        ConnectionError: the published set cannot be reached; the message says how to fetch it by hand.
        OSError: the disk is too small.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 2 and table 4
        | https://arxiv.org/abs/2105.14027
        | The LHC Olympics 2020 (Kasieczka et al., 2021)
        | https://arxiv.org/abs/2101.08320
        | Learning multivariate new physics (D'Agnolo et al., 2019), section 4
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> import dmlib
        >>> background = dmlib.samples.load("darkmachines/1/background")
        >>> background.objects.pt.ndim
        2
    """
    if source not in ("embedded", "public"):
        raise ValueError(f"source={source!r}: expected one of 'embedded', 'public'.")
    if source == "public":
        path = _fetch(name, progress)
        return _owner(name).read(path, name, _published()[name].part)
    _require_known(name)
    if name not in _embedded():
        raise ValueError(f'{name!r} is not shipped with dmlib; load it with source="public".')
    entry = _embedded()[name]
    path, sha256 = _path(name, entry), entry["sha256"]
    if _files.sha256(path) != sha256:
        raise ValueError(f"{path} is not the file that its card describes (SHA-256 {sha256}). Reinstall dmlib.")
    return _owner(name).read(path, name)


def fetch(name: str, progress: bool | None = None) -> Path:
    """Returns the Parquet file that a published sample is loaded from, downloaded and converted at the first use.

    For samples that do not fit in memory: read the file by columns with `dmlib.events.read_parquet`, or by row groups
    with pyarrow. It holds all rows of the published file, of which a sample may be a part (see `card`).

    Arguments:
        name: A sample's name, as in `catalogue`.
        progress: As in `load`.

    Raises:
        ValueError: As in `load`.
        ConnectionError: As in `load`.
        OSError: As in `load`.

    Example:
        >>> import dmlib
        >>> path = dmlib.samples.fetch("darkmachines/sm/ttbar")  # doctest: +SKIP
    """
    return _fetch(name, progress)


def cache_folder() -> Path:
    """Returns the folder that keeps the published sets: ``DMLIB_DATA``, or the user's cache folder."""
    return _files.expanded(os.environ.get("DMLIB_DATA") or platformdirs.user_cache_dir("dmlib")).absolute()


def _fetch(name: str, progress: bool | None) -> Path:
    from dmlib.samples import convert

    _require_known(name)
    if name not in _published():
        raise ValueError(f'{name!r} is in none of the published sets; load it with source="embedded".')
    return convert.parquet(_owner(name), _published()[name], cache_folder(), progress)


def _owner(name: str) -> Set:
    return SETS[name.partition("/")[0]]


def _embedded() -> dict[str, dict[str, Any]]:
    """The cards of the embedded samples by name."""
    cards: dict[str, dict[str, Any]] = {}
    for folder in SETS:
        file = DATA / folder / "card.json"
        if file.exists():
            general = json.loads(file.read_text())
            samples = general.pop("samples")
            cards |= {f"{folder}/{key}": general | entry for key, entry in samples.items()}
    return cards


def _public_card(name: str) -> dict[str, Any]:
    sample = _published()[name]
    fields = {key: getattr(sample.record, key) for key in ("title", "doi", "licence", "generator", "reference")}
    fields |= {"file": sample.file, "part": parts()[sample.part], "note": sample.note, "events": sample.events}
    return {key: value for key, value in fields.items() if value}


def _path(name: str, entry: dict[str, Any]) -> Path:
    folder, _, key = name.partition("/")
    return DATA / folder / entry.get("file", f"{key}.parquet")


def _order(name: str) -> tuple[str, bool, str]:
    folder, _, stem = name.rpartition("/")
    return folder, not stem.startswith("background"), stem


def _require_known(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name={name!r}: expected a sample's name; dmlib.samples.catalogue() lists all of them.")
    names = _embedded().keys() | _published().keys()
    if name not in names:
        all_of_them = "dmlib.samples.catalogue() lists all of them."
        raise ValueError(f"There is no sample {name!r}.{_check.near(name, names)} {all_of_them}")
