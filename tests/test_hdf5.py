"""Tables in HDF5 files of others: as PyTables wrote them, packed in every usual way, and broken."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from h5files import OLYMPICS, PACK, jets, write_columns, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib.samples import hdf5

NAMES = [*OLYMPICS, "label"]


def test_file_that_pandas_wrote():
    """40 rows by pandas 3.1 and PyTables 3.11: to_hdf(key="df", complevel=9, complib="blosc")."""
    frame = hdf5.read_frame(Path(__file__).with_name("pandas_table.h5"), NAMES)
    assert list(frame) == NAMES and frame.shape == (40, 15)
    assert frame.label.to_numpy().nonzero()[0].tolist() == [3, 13, 23, 33]
    sums = {"pxj1": -1205, "pzj2": -2708, "mj1": 13213, "tau1j2": 32}  # as pandas sums them
    assert frame[[*sums]].sum().to_dict() == sums
    assert ((frame.pxj1**2 + frame.pyj1**2).between(1199**2, 2001**2)).all()


@pytest.mark.parametrize("pack", [None, "gzip", "lzf", *PACK])
@pytest.mark.parametrize("label_apart", [False, True])
def test_tables_in_every_packing(tmp_path, pack, label_apart):
    frame = jets(53)
    write_table(tmp_path / "a.h5", frame, pack, chunks=(10, 4), label_apart=label_apart)
    pd.testing.assert_frame_equal(hdf5.read_frame(tmp_path / "a.h5", NAMES), frame)


@settings(max_examples=30)
@given(shape=st.tuples(st.integers(1, 40), st.integers(2, 6)), chunks=st.tuples(st.integers(1, 50), st.integers(1, 8)))
def test_chunks_of_any_shape(tmp_path_factory, shape, chunks):
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=shape), columns=[f"x{i}" for i in range(shape[1])])
    path = tmp_path_factory.getbasetemp() / "chunks.h5"
    write_table(path, frame, "blosc", chunks)
    pd.testing.assert_frame_equal(hdf5.read_frame(path, []), frame)


def test_columns_that_are_only_numbered(tmp_path):
    write_table(tmp_path / "a.h5", jets(9).set_axis(range(15), axis=1))
    assert list(hdf5.read_frame(tmp_path / "a.h5", NAMES)) == NAMES
    write_table(tmp_path / "b.h5", jets(9, labels=False).set_axis(range(14), axis=1))
    assert list(hdf5.read_frame(tmp_path / "b.h5", NAMES)) == OLYMPICS


def test_columns_by_name_in_any_case(tmp_path):
    write_columns(tmp_path / "a.h5", PT1=np.arange(3.0), pt2=np.arange(3)[:, None], other=np.zeros(7))
    frame = hdf5.read_columns(tmp_path / "a.h5", ["pt1", "pt2"])
    assert frame.to_dict("list") == {"pt1": [0.0, 1.0, 2.0], "pt2": [0, 1, 2]}


def test_what_is_missing_is_named(tmp_path):
    write_columns(tmp_path / "a.h5", pt1=np.zeros(3), pt2=np.zeros(4))
    with pytest.raises(ValueError, match="a.h5 has no dataset eta1, eta2; it has pt1, pt2"):
        hdf5.read_columns(tmp_path / "a.h5", ["pt1", "eta1", "eta2"])
    with pytest.raises(ValueError, match=r"columns of one length, got pt1 \(3,\), pt2 \(4,\)"):
        hdf5.read_columns(tmp_path / "a.h5", ["pt1", "pt2"])
    with pytest.raises(ValueError, match="a.h5 holds pt1, pt2; expected one pandas table"):
        hdf5.read_frame(tmp_path / "a.h5", NAMES)


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.95])
@pytest.mark.parametrize("pack", [None, "blosc", "bzip2"])
def test_cut_file_is_refused(tmp_path, keep, pack):
    path = tmp_path / "a.h5"
    write_table(path, jets(500), pack, chunks=(100, 15))
    path.write_bytes(path.read_bytes()[: int(keep if keep > 1 else keep * path.stat().st_size)])
    with pytest.raises(ValueError, match="a.h5 is no whole HDF5 file"):
        hdf5.read_frame(path, NAMES)


@pytest.mark.parametrize("pack", ["gzip", *PACK])
def test_damaged_chunk_is_refused(tmp_path, pack):
    path = tmp_path / "a.h5"
    write_table(path, jets(500), pack, chunks=(100, 15))
    with h5py.File(path) as file:
        chunk = file["df/block0_values"].id.get_chunk_info(2)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + 16] = bytes(16)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="a.h5 is no whole HDF5 file.*block0_values is damaged"):
        hdf5.read_frame(path, NAMES)


def test_filter_that_is_not_there_is_named(tmp_path):
    """The file is whole: nobody is told to delete it."""
    write_table(tmp_path / "a.h5", jets(5))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((5, 15))
        properties.set_filter(32900, h5py.h5z.FLAG_OPTIONAL)
        del file["df/block0_values"]
        space = h5py.h5s.create_simple((5, 15))
        dataset = h5py.h5d.create(file["df"].id, b"block0_values", h5py.h5t.NATIVE_DOUBLE, space, properties)
        dataset.write_direct_chunk((0, 0), bytes(600))
    with pytest.raises(
        ValueError, match="/df/block0_values is packed with the filter 32900.*neither in HDF5 nor in"
    ) as error:
        hdf5.read_frame(tmp_path / "a.h5", NAMES)
    assert "elete" not in str(error.value)


def test_pickles_are_not_read(tmp_path):
    """What PyTables would unpickle stays text."""
    write_table(tmp_path / "a.h5", jets(5))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["df"].attrs["info"] = np.bytes_(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert len(hdf5.read_frame(tmp_path / "a.h5", NAMES)) == 5
