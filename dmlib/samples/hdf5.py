"""Tables in HDF5 files of others: pandas tables as PyTables stores them, and one-dimensional datasets.

PyTables itself is not used: it unpickles what a file's attributes hold, and a file from the network must not run code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 (gives h5py the filters that others pack with: Blosc, bzip2, LZ4, Zstandard, ...)
import numpy as np
import pandas as pd


def read_frame(path: Path, names: Sequence[str]) -> pd.DataFrame:
    """Reads the table that ``DataFrame.to_hdf`` wrote in its default format ("fixed").

    Arguments:
        path: The file, with one table in it.
        names: The names of the columns, for a file that only numbers them.

    Raises:
        ValueError: The file is damaged or holds something else.
    """
    with _opened(path) as file:
        groups = [g for g in [file, *file.values()] if isinstance(g, h5py.Group) and "block0_values" in g]
        if len(groups) != 1:
            raise ValueError(f"{path} holds {', '.join(file) or 'nothing'}; expected one pandas table (fixed format)")
        group = groups[0]
        columns: dict[Any, np.ndarray] = {}
        for block in range(sum(name.endswith("_items") for name in group)):
            items, values = _values(group[f"block{block}_items"]), _values(group[f"block{block}_values"])
            values = values if group[f"block{block}_values"].attrs.get("transposed", 0) else values.T
            columns |= dict(zip(items.tolist(), values.T, strict=True))
        frame = pd.DataFrame(columns)[_values(group["axis0"]).tolist()]
    named = [name.decode() if isinstance(name, bytes) else name for name in frame]
    return frame.set_axis(list(names)[: len(named)] if named == list(range(len(named))) else named, axis=1)


def read_columns(path: Path, names: Sequence[str]) -> pd.DataFrame:
    """Reads one-dimensional datasets, found by name without regard to case.

    Raises:
        ValueError: The file is damaged, or a dataset is missing or of another shape.
    """
    with _opened(path) as file:
        found = {name.lower(): name for name in file}
        if missing := [name for name in names if name not in found]:
            raise ValueError(f"{path} has no dataset {', '.join(missing)}; it has {', '.join(file) or 'none'}")
        columns = {name: _values(file[found[name]]).squeeze() for name in names}
    lengths = {values.shape for values in columns.values()}
    if len(lengths) != 1 or len(lengths.pop()) != 1:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in columns.items())
        raise ValueError(f"{path}: expected columns of one length, got {shapes}")
    return pd.DataFrame(columns)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError) as error:  # what h5py makes of a file that is cut, or none
        message = f"{path} is no whole HDF5 file of the expected kind ({error}). Delete it and call again."
        raise ValueError(message) from error


def _values(dataset: h5py.Dataset) -> np.ndarray:
    """All values.

    Raises:
        OSError: They are damaged.
        ValueError: They are whole, but packed with a filter that is not installed.
    """
    properties = dataset.id.get_create_plist()
    for number, _, _, name in map(properties.get_filter, range(properties.get_nfilters())):
        if not h5py.h5z.filter_avail(number):
            packed = f"{dataset.file.filename}: {dataset.name} is packed with the filter {number} ({name.decode()})"
            advice = "unpack it where that is, with h5repack -f NONE"
            raise ValueError(f"{packed}, which is neither in HDF5 nor in hdf5plugin; {advice}")
    try:
        return dataset[()]
    except OSError as error:
        raise OSError(f"{dataset.name} is damaged: {error}") from error
