"""Dark Machines events: CSV, Parquet, and awkward arrays with four-vector behaviour.

An event is a record of ``id`` (int64), ``process`` (categorical string), ``weight``, ``met`` and ``met_phi`` (float32)
and ``objects``: a list of ``Momentum4D`` records of ``kind`` (categorical string, one of `KINDS`), ``E``, ``pt``,
``eta`` and ``phi`` (float32), in the order in which they are stored. Energies and momenta are GeV, angles radian.
Events whose simulation tells it have ``met_true`` (float32) after ``met_phi``: the transverse momentum of the particles
that truly escaped. The challenge's files do not hold it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
import vector
from numpy.typing import ArrayLike

from dmlib import _files
from dmlib.events.columns import KINDS, checked, checked_columns, from_awkward, merge, to_awkward

__all__ = [
    "KINDS",
    "Conversion",
    "concatenate",
    "csv_to_parquet",
    "from_columns",
    "read_csv",
    "read_parquet",
    "write_csv",
    "write_parquet",
]

vector.register_awkward()


@dataclass(frozen=True)
class Conversion:
    """What `csv_to_parquet` did.

    Arguments:
        events: Events written.
        objects: Objects written.
        skipped: Line number and message of every line left out.
    """

    events: int
    objects: int
    skipped: list[tuple[int, str]]


def read_csv(path: str | os.PathLike, on_error: str = "raise") -> ak.Array:
    """Reads a Dark Machines CSV file, one event a line: ``id;process;weight;MET;METphi;kind,E,pt,eta,phi;...``.

    Energies become GeV; every number becomes the float32 nearest to its decimal. Blanks, empty lines, a ``;`` at the
    end of a line, Windows line ends, an unfinished last line and the object codes ``mu-``, ``mu+`` and ``a`` (photon)
    are understood, as are a byte-order mark and files packed with gzip. The first call ever compiles the
    parser (about five seconds), the first of a later session loads it (one or two); Parquet needs neither.

    Arguments:
        path: The file.
        on_error: ``"raise"`` stops at the first line that cannot be read; ``"skip"`` leaves such lines out, and warns
            if none is left.

    Returns:
        The events; ``events.attrs["skipped"]`` lists line number and message of every line left out.

    Raises:
        ValueError: A line cannot be read (the message says file, line, byte, what stands there and what was expected),
            or the file is packed and cut.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 2.2
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "events.csv")
        >>> _ = path.write_text("1;ttbar;0.5;50000;1.2;j,130000,120000,0.4,-1.1;b,90000,80000,-0.5,2.0;")
        >>> events = read_csv(path)
        >>> events.objects.pt.tolist()
        [[120.0, 80.0]]
        >>> events.objects[events.objects.kind == "b"].E.tolist()
        [[90.0]]
    """
    from dmlib.events import csv

    skipped: list[tuple[int, str]] = []
    columns = merge(csv.read_blocks(path, on_error, 1 << 21, skipped))
    _warn_if_nothing_is_left(path, len(columns), skipped)
    return to_awkward(columns, {"skipped": skipped})


def write_csv(events: ak.Array, path: str | os.PathLike) -> None:
    """Writes events in the form that `read_csv` reads: MeV, and as many digits as bring every float32 back.

    Arguments:
        events: The events; ``met_true`` is left out, as the format has no place for it.
        path: The file; replaced when all is written, untouched if that fails. Packed where the name ends with
            ``.gz``.

    Raises:
        TypeError: These are no events, or it is a single one.
        ValueError: A number is missing or not finite, or the name of a process has no place in the format.

    Example:
        >>> import pathlib, tempfile
        >>> from dmlib import samples
        >>> events = samples.load("darkmachines/1/background")[:100]
        >>> path = pathlib.Path(tempfile.mkdtemp(), "events.csv")
        >>> write_csv(events, path)
        >>> read_csv(path).objects.to_list() == events.objects.to_list()
        True
    """
    from dmlib.events import csv

    columns = from_awkward(events)
    with _files.replacing(path) as file, _files.packing(file, path) as text:
        csv.write_text(columns, text)


def csv_to_parquet(
    src: str | os.PathLike, dst: str | os.PathLike, on_error: str = "raise", chunk_bytes: int = 1 << 24
) -> Conversion:
    """Converts a CSV file of any length to Parquet, some megabytes at a time.

    Arguments:
        src: The CSV file.
        dst: The Parquet file; replaced when all is written, untouched if that fails.
        on_error: As in `read_csv`.
        chunk_bytes: How much of the CSV is held in memory at once (a few times this is used), and in a row group.

    Returns:
        The numbers of events and objects written, and the lines left out.

    Raises:
        ValueError: As in `read_csv`, or `chunk_bytes` is not positive.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> line = "1;ttbar;0.5;50000;1.2;j,130000,120000,0.4,-1.1;b,90000,80000,-0.5,2.0;"
        >>> _ = (folder / "events.csv").write_text(line)
        >>> csv_to_parquet(folder / "events.csv", folder / "events.parquet")
        Conversion(events=1, objects=2, skipped=[])
    """
    from dmlib.events import csv, parquet

    skipped: list[tuple[int, str]] = []
    with _files.replacing(dst) as file:
        blocks = csv.read_blocks(src, on_error, chunk_bytes, skipped)
        # 5 % larger than level 19, which is several times slower
        written, objects = parquet.write_blocks(blocks, file, level=3)
    _warn_if_nothing_is_left(src, written, skipped)
    return Conversion(written, objects, skipped)


def read_parquet(path: str | os.PathLike, columns: Sequence[str] | None = None) -> ak.Array:
    """Reads events that `write_parquet` or `csv_to_parquet` wrote.

    Arguments:
        path: The file.
        columns: Which fields to read, such as ``["met", "objects.pt"]``; all that the file holds by default.

    Returns:
        The events, as from `read_csv`, with ``met_true`` where the file holds it.

    Raises:
        ValueError: The file is damaged or of another kind, or `columns` names no field, one that is unknown, or a
            ``met_true`` that the file does not hold.

    Example:
        >>> import pathlib, tempfile
        >>> from dmlib import samples
        >>> path = pathlib.Path(tempfile.mkdtemp(), "events.parquet")
        >>> write_parquet(samples.load("darkmachines/1/background")[:100], path)
        >>> events = read_parquet(path, columns=["met", "objects.pt"])
        >>> len(events), events.fields, events.objects.fields
        (100, ['met', 'objects'], ['pt'])
    """
    from dmlib.events import parquet

    return to_awkward(merge(parquet.read_blocks(path, columns)))


def write_parquet(events: ak.Array, path: str | os.PathLike) -> None:
    """Writes events as Parquet: GeV, zstd, about half the bytes of the CSV; equal events give equal bytes.

    Arguments:
        events: The events.
        path: The file; replaced when all is written, untouched if that fails.

    Raises:
        TypeError: These are no events, or it is a single one.
        ValueError: A number is missing or not finite.
    """
    from dmlib.events import parquet

    columns = from_awkward(events)
    with _files.replacing(path) as file:
        parquet.write_blocks([columns], file, level=19, present=columns.events)


def from_columns(
    *,
    id: ArrayLike,
    process: ArrayLike,
    weight: ArrayLike,
    met: ArrayLike,
    met_phi: ArrayLike,
    counts: ArrayLike,
    kind: ArrayLike,
    E: ArrayLike,
    pt: ArrayLike,
    eta: ArrayLike,
    phi: ArrayLike,
    met_true: ArrayLike | None = None,
) -> ak.Array:
    """Builds events from flat columns, with the objects of all events end to end.

    Arguments:
        id, process, weight, met, met_phi: One entry an event; met in GeV, met_phi in radian.
        counts: The number of objects of each event.
        kind, E, pt, eta, phi: One entry an object; kind as strings or as places in `KINDS`, E and pt in GeV.
        met_true: One entry an event, GeV: the transverse momentum of what truly escaped; no such field by default.

    Returns:
        The events, as from `read_csv`.

    Raises:
        ValueError: Lengths do not fit, a kind is unknown, an entry is masked, missing or of another type, or a number
            is not finite within float32.

    Example:
        >>> events = from_columns(
        ...     id=[1, 2], process=["ttbar", "ttbar"], weight=[1, 1], met=[50, 20], met_phi=[0, 1], counts=[2, 0],
        ...     kind=["j", "b"], E=[130, 90], pt=[120, 80], eta=[0.4, -0.5], phi=[-1.1, 2])
        >>> events.objects.kind.tolist()
        [['j', 'b'], []]
        >>> (events.objects[:1, 0] + events.objects[:1, 1]).pt.tolist()
        [40.2...]
    """
    events: dict[str, Any] = {"id": id, "process": process, "weight": weight, "met": met, "met_phi": met_phi}
    events |= {} if met_true is None else {"met_true": met_true}
    objects: dict[str, Any] = {"kind": kind, "E": E, "pt": pt, "eta": eta, "phi": phi}
    numbers = checked(counts, "counts", np.int64)
    if (numbers < 0).any():
        raise ValueError(f"counts[{np.argmax(numbers < 0)}] is negative; expected the number of objects of each event")
    for columns, length, source in ((events, len(numbers), "counts has"), (objects, numbers.sum(), "counts sums to")):
        for name, values in columns.items():
            if (found := len(values) if np.ndim(values) else 1) != length:
                raise ValueError(f"{name} has {found} entries, {source} {length}; expected equal numbers")
    return to_awkward(checked_columns(events, numbers, objects))


def concatenate(samples: Iterable[ak.Array]) -> ak.Array:
    """Puts samples end to end (``ak.concatenate`` does not join categorical strings).

    Arguments:
        samples: Events of each sample; at least one sample.

    Returns:
        The events of all, in order.

    Raises:
        TypeError: This is no list of samples.
        ValueError: There is no sample, or only some have ``met_true``.

    Example:
        >>> from dmlib import samples
        >>> training, test = (samples.load(f"darkmachines/1/background{part}") for part in ("", "-test"))
        >>> len(concatenate([training, test])) == len(training) + len(test)
        True
    """
    columns = [from_awkward(sample) for sample in samples]
    if not columns:
        raise ValueError("concatenate: expected at least one sample, got none")
    return to_awkward(merge(columns))


def _warn_if_nothing_is_left(path: str | os.PathLike, events: int, skipped: list[tuple[int, str]]) -> None:
    if skipped and not events:
        warnings.warn(f"No event is left: all {len(skipped):,} lines were skipped. {skipped[0][1]}", stacklevel=3)
