"""How a published file becomes a sample: fetched, unpacked, converted to Parquet once, and read in parts.

Nothing appears under its final name before it is whole, and what is there is compared with its recorded checksum.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pandas as pd
from filelock import FileLock

from dmlib import events
from dmlib.samples.published import ARCHIVE, Published

# The columns of the LHC Olympics' feature files, by name or, in some, by number.
_JET = ("px", "py", "pz", "m", "tau1", "tau2", "tau3")
_OLYMPICS = [f"{quantity}{jet}" for jet in ("j1", "j2") for quantity in _JET]
_MUONS = ["pt1", "pt2", "eta1", "eta2", "delta_phi"]


def parquet(sample: Published, cache: Path, progress: bool | None) -> Path:
    """Returns the converted file in the cache folder, fetched and converted if it is not there."""
    from dmlib.samples import download  # and with it pooch, which draws in a notebook's widgets, and warns without them

    key = f"{sample.kept}.parquet"
    path = cache / key
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):  # a second process waits here, then finds the file
            if not path.exists():
                _make(sample, cache, key, progress)
    known = download.pinned(cache, key)
    if known and sha256(path) != known:
        raise ValueError(f"{path} has been altered since it was converted. Delete it and call again.")
    return path


def sha256(path: Path) -> str:
    """Returns a file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(sample: Published, cache: Path, key: str, progress: bool | None) -> None:
    from dmlib.samples import archive, download, record

    doi = sample.record.doi
    source = download.fetch(doi, record.find(doi, sample.files, cache), cache, progress)
    scratch = cache / "unpacked"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    scratch.mkdir()
    new = scratch / "new.parquet"
    try:
        packed = re.search(rf"{ARCHIVE}$", source.name)
        file = archive.extract(source, sample.members, scratch, sample.record.limit) if packed else source
        rows = _CONVERTERS[key.split("/")[0]](file, new)
        if sample.total not in (None, rows):
            warnings.warn(f"{sample.kept}: {rows:,} events, where {sample.total:,} were published.", stacklevel=4)
        download.pin(cache, key, new)
        (cache / key).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, cache / key)
    except ValueError as error:
        error.add_note(f"{source} can be unpacked by hand, and its files read with dmlib.events.read_csv or h5py.")
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message = f"Disk full while {source.name} was converted; free some space and call again"
            raise OSError(errno.ENOSPC, message, str(cache)) from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _convert_events(source: Path, target: Path) -> int:
    return events.csv_to_parquet(source, target).events


def _convert_lhco(source: Path, target: Path) -> int:
    from dmlib.features import lhco
    from dmlib.samples import hdf5

    raw = hdf5.read_frame(source, [*_OLYMPICS, "label"])
    frame = lhco.features(raw)
    if "label" in raw:
        frame = frame.assign(label=raw["label"].to_numpy())
    return _write_frame(frame, target)


def _convert_dimuon(source: Path, target: Path) -> int:
    from dmlib.samples import hdf5

    frame = hdf5.read_columns(source, _MUONS)
    swapped = (frame.pt2 > frame.pt1).to_numpy()
    frame.loc[swapped, ["pt1", "pt2", "eta1", "eta2"]] = frame.loc[swapped, ["pt2", "pt1", "eta2", "eta1"]].to_numpy()
    turn = np.abs(frame.delta_phi) % (2 * np.pi)
    return _write_frame(frame.assign(delta_phi=np.minimum(turn, 2 * np.pi - turn)), target)  # 0 to pi


_CONVERTERS = {"darkmachines": _convert_events, "lhco": _convert_lhco, "dimuon": _convert_dimuon}


def _write_frame(frame: pd.DataFrame, target: Path) -> int:
    frame = frame.astype(np.float32)
    finite = np.isfinite(frame).all(axis=1)
    if not finite.all():
        left_out = f"{(~finite).sum():,} of {len(frame):,} events are left out: they hold a value that is not finite."
        warnings.warn(left_out, stacklevel=6)
    frame[finite].to_parquet(target, compression="zstd", index=False)
    return len(frame)


def read_frame(path: Path, part: str) -> pd.DataFrame:
    """Reads some rows of a converted table, without their labels."""
    frame = pd.read_parquet(path)
    row, half = np.arange(len(frame)), -(-len(frame) // 2)
    rows = {"first half": row < half, "second half": row >= half, "all": row >= 0}
    rows |= {f"label {label}": frame["label"] == label for label in (0, 1) if "label" in frame}
    return frame.loc[rows[part]].drop(columns="label", errors="ignore").reset_index(drop=True)


def read_events(path: Path, part: str) -> ak.Array:
    """Reads some rows of converted events, block by block, with weights that stand for the whole's luminosity."""
    from dmlib.events import parquet
    from dmlib.events.columns import Columns, merge, to_awkward

    if part == "all":
        return events.read_parquet(path)
    total = 0.0

    def chosen() -> Iterator[Columns]:
        nonlocal total
        first = 0
        for block in parquet.read_blocks(path, None):
            row = first + np.arange(len(block.counts))
            first += len(row)
            total += block.events["weight"].sum(dtype=float)
            kept = in_part(row, part)
            objects = np.repeat(kept, block.counts)
            yield Columns(
                {name: values[kept] for name, values in block.events.items()},
                block.processes,
                block.counts[kept],
                {name: values[objects] for name, values in block.objects.items()},
            )

    columns = merge(chosen())
    weight = columns.events["weight"]
    if (part_total := weight.sum(dtype=float)) > 0:
        weight *= total / part_total
    return to_awkward(columns)


def in_part(row: np.ndarray, part: str) -> np.ndarray:
    """Returns whether rows, by their number, belong to a part of the background; no row belongs to two.

    Rows that follow each other go to different parts, so that a file sorted by process is split fairly.
    """
    validation, odd = row % 10 == 0, (row - row // 10 - 1) % 2 == 1
    return {"validation": validation, "training": ~validation & ~odd, "test": ~validation & odd}[part]
