"""HDF5 files as others publish them: pandas tables in the layout of PyTables, and one-dimensional datasets."""

import blosc
import h5py
import numpy as np
import pandas as pd

JET = ("px", "py", "pz", "m", "tau1", "tau2", "tau3")
OLYMPICS = [f"{quantity}{jet}" for jet in ("j1", "j2") for quantity in JET]
BLOSC, OPTIONAL = 32001, h5py.h5z.FLAG_OPTIONAL


def jets(n, labels=True, seed=0):
    """A table of two jets as in the LHC Olympics' feature files: GeV, the harder jet first; every tenth is signal."""
    rng = np.random.default_rng(seed)
    columns = {}
    for jet, side in (("j1", 1), ("j2", -1)):
        pt, phi = rng.uniform(1200, 2000, n), rng.normal(0, 0.1, n)
        tau1 = rng.uniform(0.1, 1, n)
        momentum = side * pt * np.cos(phi), side * pt * np.sin(phi), rng.normal(0, 500, n), rng.uniform(20, 600, n)
        columns |= dict(zip([q + jet for q in JET], [*momentum, tau1, tau1 / 2, tau1 / 4], strict=True))
    frame = pd.DataFrame(columns)
    return frame.assign(label=(np.arange(n) % 10 == 3) * 1.0) if labels else frame


def write_table(path, frame, pack=None, chunks=None, label_apart=False):
    """Writes a table in pandas' fixed format; `pack` is None, "gzip" or "blosc"."""
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        names = np.array([str(name) for name in frame], "S") if isinstance(frame.columns[0], str) else frame.columns
        blocks = [slice(0, -1), slice(-1, None)] if label_apart else [slice(None)]
        _write(group, "axis0", np.asarray(names), pack, None)
        _write(group, "axis1", np.arange(len(frame)), pack, None)
        for place, block in enumerate(blocks):
            _write(group, f"block{place}_items", np.asarray(names)[block], pack, None)
            _write(group, f"block{place}_values", frame.iloc[:, block].to_numpy(), pack, chunks)
            group[f"block{place}_values"].attrs["transposed"] = np.uint8(1)


def write_columns(path, **columns):
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[name] = values


def _write(group, name, values, pack, chunks):
    if pack != "blosc":
        extendable = {"maxshape": (None,) * values.ndim, "chunks": chunks or True} if pack else {}
        group.create_dataset(name, data=values, compression=pack, **extendable)
        return
    chunks = chunks[: values.ndim] if chunks else values.shape
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(chunks)
    properties.set_filter(BLOSC, OPTIONAL)
    space = h5py.h5s.create_simple(values.shape, (h5py.h5s.UNLIMITED,) * values.ndim)
    dataset = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(values.dtype), space, properties)
    for corner in np.ndindex(*(-(-size // chunk) for size, chunk in zip(values.shape, chunks, strict=True))):
        corner = tuple(place * chunk for place, chunk in zip(corner, chunks, strict=True))
        part = values[tuple(slice(start, start + chunk) for start, chunk in zip(corner, chunks, strict=True))]
        whole = np.zeros(chunks, values.dtype)  # chunks at the edge are stored whole
        whole[tuple(slice(size) for size in part.shape)] = part
        dataset.write_direct_chunk(corner, blosc.compress(whole.tobytes(), typesize=values.dtype.itemsize))
