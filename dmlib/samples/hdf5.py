"""Tables in HDF5 files of others: pandas tables as PyTables stores them, and one-dimensional datasets.

PyTables itself is not used: it unpickles what a file's attributes hold, and a file from the network must not run code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

_BLOSC = 32001  # the number under which the Blosc filter is registered with the HDF Group


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
        columns = {}
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
        raise ValueError(
            f"{path} is no whole HDF5 file of the expected kind ({error}). Delete it and call again."
        ) from error


def _values(dataset: h5py.Dataset) -> np.ndarray:
    """All values; chunks packed with Blosc, PyTables' own filter, which h5py lacks, are unpacked here."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(place)[0] for place in range(properties.get_nfilters())]
    if filters != [_BLOSC]:
        return dataset[()]
    import blosc

    result = np.zeros(dataset.shape, dataset.dtype)
    for place in range(dataset.id.get_num_chunks()):
        corner = dataset.id.get_chunk_info(place).chunk_offset
        unpacked, data = dataset.id.read_direct_chunk(corner)
        if not unpacked:
            try:
                data = blosc.decompress(data)
            except blosc.blosc_extension.error as error:
                raise OSError(f"a chunk of {dataset.name} is damaged: {error}") from error
        chunk = np.frombuffer(data, dataset.dtype).reshape(dataset.chunks)
        room = result[tuple(slice(start, start + size) for start, size in zip(corner, dataset.chunks, strict=True))]
        room[...] = chunk[tuple(slice(size) for size in room.shape)]
    return result
