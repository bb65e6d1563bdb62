"""HDF5 files as others publish them: pandas tables in the layout of PyTables, and one-dimensional datasets."""

import h5py
import hdf5plugin
import numpy as np
import pandas as pd

JET = ("px", "py", "pz", "m", "tau1", "tau2", "tau3")
OLYMPICS = [f"{quantity}{jet}" for jet in ("j1", "j2") for quantity in JET]
PACK = {
    "blosc": hdf5plugin.Blosc(cname="blosclz", clevel=9),
    "blosc2": hdf5plugin.Blosc2(),
    "bzip2": hdf5plugin.BZip2(),
    "zstd": hdf5plugin.Zstd(),
}


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
    """Writes a table in pandas' fixed format; `pack` is None, one of h5py's filters, or one of `PACK`."""
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
    extendable = {"maxshape": (None,) * values.ndim, "chunks": (chunks and chunks[: values.ndim]) or True}
    filters = PACK.get(pack, {"compression": pack})
    group.create_dataset(name, data=values, **(extendable | dict(filters) if pack else {}))
