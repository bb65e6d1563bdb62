"""dmlib.events given what people give it: packed and marked files, masked and missing values, what is no event."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlib import channels, events, features
from dmlib.events import csv_kernel

LINES = b"".join(b"%d;ttbar;0.5;%d000;1.2;j,130000,120000,0.4,-1.1;b,90000,80000,-0.5,2;\n" % (i, i) for i in range(50))
GOOD = dict(
    id=[1, 2], process=["a", "b"], weight=[1, 1], met=[5, 2], met_phi=[0, 1], counts=[2, 0],
    kind=["j", "b"], E=[3, 2], pt=[2, 1], eta=[0, 0], phi=[0, 1],
)  # fmt: skip
MARK = b"\xef\xbb\xbf"


@pytest.fixture
def sample(tmp_path):
    (tmp_path / "events.csv").write_bytes(LINES)
    return events.read_csv(tmp_path / "events.csv")


# Bytes and paths


@pytest.mark.parametrize("text", [LINES, LINES[:-1], LINES.replace(b"\n", b"\r\n"), b"\n" + LINES])
@pytest.mark.parametrize("chunk", [1, 1000, 1 << 20])
def test_byte_order_mark(tmp_path, sample, text, chunk):
    path = tmp_path / "marked.csv"
    path.write_bytes(MARK + text)
    again = events.read_csv(path, on_error="skip")
    assert again.to_list() == sample.to_list() and again.attrs["skipped"] == []
    assert events.csv_to_parquet(path, tmp_path / "a.parquet", chunk_bytes=chunk).events == len(sample)


def test_places_count_the_byte_order_mark(tmp_path):
    path = tmp_path / "marked.csv"
    path.write_bytes(MARK + b"1;a;x;2;3\n")
    with pytest.raises(ValueError, match='line 1, byte 7: "x" is no number'):
        events.read_csv(path)
    path.write_bytes(MARK)
    assert len(events.read_csv(path)) == 0
    path.write_bytes(MARK + LINES + MARK + LINES)  # two files put together: the second mark is in the text
    assert [line for line, _ in events.read_csv(path, on_error="skip").attrs["skipped"]] == [51]


def test_packed_text(tmp_path, sample):
    for name in ("packed.csv.gz", "unmarked.csv"):  # the bytes tell, not the name
        (tmp_path / name).write_bytes(gzip.compress(LINES))
        assert events.read_csv(tmp_path / name).to_list() == sample.to_list()
        assert events.csv_to_parquet(tmp_path / name, tmp_path / "a.parquet", chunk_bytes=100).events == len(sample)


def test_packed_text_in_two_members_and_with_a_mark(tmp_path, sample):
    path = tmp_path / "packed.csv.gz"
    path.write_bytes(gzip.compress(MARK + LINES[:1000]) + gzip.compress(LINES[1000:]))
    assert events.read_csv(path).to_list() == sample.to_list()


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_cut_packed_text_is_refused(tmp_path, on_error):
    path, whole = tmp_path / "packed.csv.gz", gzip.compress(LINES * 20)
    for size in (len(whole) - 4, len(whole) // 2, 12):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"packed\.csv.* is cut or damaged"):
            events.read_csv(path, on_error)
        with pytest.raises(ValueError, match=r"packed\.csv.* is cut or damaged"):
            events.csv_to_parquet(path, tmp_path / "a.parquet", on_error, chunk_bytes=5000)
    assert not (tmp_path / "a.parquet").exists()


def test_altered_packed_text_is_refused(tmp_path):
    path, whole = tmp_path / "packed.csv.gz", bytearray(gzip.compress(LINES * 20))
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"packed\.csv.* is cut or damaged|line \d+, byte"):
        events.read_csv(path)


@pytest.mark.parametrize("suffix", [".gz", ".GZ"])
def test_written_packed_where_the_name_says_so(tmp_path, sample, suffix):
    path, again = tmp_path / f"out.csv{suffix}", tmp_path / f"again.csv{suffix}"
    for target in (path, again):
        events.write_csv(sample, target)
    packed = path.read_bytes()
    assert packed[:2] == b"\x1f\x8b" and packed == again.read_bytes()
    assert events.read_csv(path).to_list() == sample.to_list()
    bad = ak.with_field(sample, np.full(len(sample), np.nan, np.float32), "met")
    with pytest.raises(ValueError, match="is nan"):
        events.write_csv(bad, path)
    assert path.read_bytes() == packed and not list(tmp_path.glob(".*"))


def test_home_folder(tmp_path, sample, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    events.write_csv(sample, "~/a.csv")
    events.write_parquet(sample, Path("~/a.parquet"))
    assert events.csv_to_parquet("~/a.csv", "~/b.parquet").events == len(sample)
    for again in (events.read_csv("~/a.csv"), events.read_parquet("~/a.parquet"), events.read_parquet("~/b.parquet")):
        assert again.to_list() == sample.to_list()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.parquet", "b.parquet", "events.csv"]
    monkeypatch.chdir(tmp_path)
    events.write_csv(sample, "~nobody-of-this-name.csv")  # a name like any other
    assert (tmp_path / "~nobody-of-this-name.csv").exists()


def test_nothing_left_is_said(tmp_path):
    path = tmp_path / "events.csv"
    for text in (b"no\nevents\n", "1;a;1;2;3\n".encode("utf-16")):
        path.write_bytes(text)
        with pytest.warns(
            UserWarning, match=r"No event is left: all \d+ lines were skipped.*events\.csv, line 1"
        ) as told:
            assert len(events.read_csv(path, on_error="skip")) == 0
        assert told[0].filename == __file__
        with pytest.warns(UserWarning, match="No event is left") as told:
            events.csv_to_parquet(path, tmp_path / "a.parquet", on_error="skip")
        assert told[0].filename == __file__


@pytest.mark.filterwarnings("error")
def test_something_left_or_nothing_there_is_not(tmp_path):
    for text in (b"", b"\n", b"no event\n" + LINES):
        (tmp_path / "events.csv").write_bytes(text)
        events.read_csv(tmp_path / "events.csv", on_error="skip")


@pytest.mark.parametrize("chunk", [0, -1])
def test_chunks_have_bytes(tmp_path, sample, chunk):
    with pytest.raises(ValueError, match="chunk_bytes=.*: expected a whole number of 1 or more"):
        events.csv_to_parquet(tmp_path / "events.csv", tmp_path / "a.parquet", chunk_bytes=chunk)
    assert not (tmp_path / "a.parquet").exists()


def test_a_folder_is_no_file(tmp_path, sample):
    for write in (events.write_csv, events.write_parquet):
        with pytest.raises(IsADirectoryError, match="expected the name of a file"):
            write(sample, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["events.csv"]


# Damaged files


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_damaged_parquet_is_told(tmp_path_factory, place, bit, cut):
    folder = tmp_path_factory.mktemp("parquet")
    (folder / "a.csv").write_bytes(LINES)
    events.csv_to_parquet(folder / "a.csv", folder / "a.parquet", chunk_bytes=500)
    data = bytearray((folder / "a.parquet").read_bytes())
    place = int(place * len(data))
    data[place] ^= 1 << bit
    (folder / "a.parquet").write_bytes(data[:place] if cut else data)
    try:  # a number may have changed, and nothing tells: that is what checksums are for
        array = events.read_parquet(folder / "a.parquet")
    except ValueError as error:
        assert "a.parquet" in str(error) or "kind" in str(error)
    else:
        assert not cut and len(array.to_list()) == len(array)


def test_parquet_with_an_index_beyond_the_names(tmp_path, sample):
    events.write_parquet(sample, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table[:0], tmp_path / "b.parquet")
    assert len(events.read_parquet(tmp_path / "b.parquet")) == 0


READ = "import sys; from dmlib import events; print(len(events.read_csv(sys.argv[1])))"


def test_damaged_compiled_parser_is_made_anew(tmp_path, sample):
    """In processes of their own, with a cache of their own: the first compiles (some seconds)."""

    def read():
        command = [sys.executable, "-c", READ, tmp_path / "events.csv"]
        done = subprocess.run(
            command, env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}, capture_output=True
        )
        assert done.stdout == b"50\n", done.stderr.decode()

    read()
    kept = {path: path.read_bytes() for path in (tmp_path / "cache").glob("*/*.nb[ic]")}
    for place, (path, whole) in enumerate(sorted(kept.items())):
        path.write_bytes(whole[: len(whole) // 2 * (place % 2)])  # some empty, some cut
    read()
    assert all(path.stat().st_size > 0.9 * len(whole) for path, whole in kept.items())


def test_damaged_compiled_parser_that_stays_is_told(monkeypatch, sample, tmp_path):
    class Damaged:
        stats = type("Stats", (), {"cache_path": "/the/cache"})

        def __call__(self, *_):
            raise EOFError("Ran out of input")

        def recompile(self):
            raise PermissionError(13, "Permission denied")

    for name in ("_word", "_blanks", "_digits", "_number", "_parse"):
        monkeypatch.setattr(csv_kernel, name, Damaged())
    with pytest.raises(RuntimeError, match="/the/cache holds a damaged copy .* delete the folder"):
        events.read_csv(tmp_path / "events.csv")


# Values that are masked, missing or of another type


@pytest.mark.parametrize("name", GOOD)
def test_masked_columns_are_refused(name):
    values = np.ma.masked_array(GOOD[name], mask=[False, True])
    with pytest.raises(ValueError, match=rf"{name}\[1\] is masked"):
        events.from_columns(**{**GOOD, name: values})
    nothing_masked = np.ma.masked_array(GOOD[name])
    assert events.from_columns(**{**GOOD, name: nothing_masked}).to_list() == events.from_columns(**GOOD).to_list()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"process": [1, 2]}, r"process\[0\] is 1; expected a name"),
        ({"process": ["a", 2]}, r"process\[1\] is 2; expected a name"),
        ({"process": [True, False]}, r"process\[0\] is True; expected a name"),
        ({"process": ["a", None]}, "a process is missing"),
        ({"process": ["a", np.nan]}, r"process\[1\] is nan; expected a name"),
        ({"process": "ab"}, "process has 1 entries, counts has 2"),
        ({"process": [["a"], ["b"]]}, r"process has shape \(2, 1\)"),
        ({"process": ak.Array(["a", None])}, "a process is missing"),
        ({"kind": [0.0, 1.0]}, r"kind\[0\] is 0.0; expected a name"),
        ({"kind": ["j", None]}, "a kind is missing"),
        ({"kind": [-1, 0]}, "kind holds -1 to 0; expected places 0 to 6"),
        ({"id": pd.array([1, None], "Int64")}, r"id\[1\] is masked|id has type"),
        ({"id": [1.0, 2.0]}, "id has type float64; expected whole numbers"),
        ({"met": pd.array([1, None], "Float32")}, r"met\[1\] is (masked|nan)"),
        ({"met": ak.Array([1, None])}, r"met\[1\] is masked"),
        ({"met": ["1", "2"]}, "met has type <U1; expected numbers"),
        ({"met": [1j, 2]}, "met has type complex128; expected numbers"),
        ({"met": [None, 2]}, "met has type object; expected numbers"),
        ({"met": np.array([1, 2], "M8[s]")}, "met has type datetime64"),
        ({"met": [[1], [2]]}, r"met has shape \(2, 1\)"),
        ({"met": 5}, "met has 1 entries, counts has 2"),
        ({"counts": 2}, r"counts has shape \(\)"),
        ({"counts": [-1, 3]}, r"counts\[0\] is negative"),
    ],
)  # fmt: skip
def test_columns_of_another_type_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        events.from_columns(**{**GOOD, **change})


def test_columns_of_every_usual_type():
    expected = events.from_columns(**GOOD).to_list()
    for change in (
        {"process": pd.Series(["a", "b"], index=[5, 6])},
        {"process": pd.Categorical(["a", "b"])},
        {"process": np.array(["a", "b"])},
        {"kind": pd.Categorical(["j", "b"]), "met": pd.Series([5, 2], index=[3, 3])},
        {"kind": ak.Array(["j", "b"]), "met": ak.Array([5, 2]), "counts": ak.Array([2, 0])},
        {"met": pd.array([5, 2], "Float64"), "id": np.array([1, 2], np.uint8), "weight": np.array([True, True])},
    ):
        assert events.from_columns(**{**GOOD, **change}).to_list() == expected, change


def few(array):
    """The first twenty events, and which of them are to be masked."""
    return array[:20], np.arange(20) % 3 == 1


def with_missing(array):
    """Events of which something is masked, by what it is."""
    array, some = few(array)
    objects = array.objects
    return {
        "met": ak.with_field(array, ak.mask(array.met, ~some), "met"),
        "id": ak.mask(array, ~some),  # whole events: the first field is named
        "objects.kind": ak.with_field(array, ak.mask(objects, objects.pt > 100), "objects"),
        "objects.E": ak.with_field(array, ak.with_field(objects, ak.mask(objects.E, objects.pt > 100), "E"), "objects"),
    }


USES = {
    "write_csv": events.write_csv,
    "write_parquet": events.write_parquet,
    "concatenate": lambda array, _: events.concatenate([array]),
    "leading": lambda array, _: features.leading(array),
    "by_kind": lambda array, _: features.by_kind(array),
    "aggregates": lambda array, _: features.aggregates(array),
    "slots": lambda array, _: features.slots(array),
    "h_t": lambda array, _: channels.h_t(array),
    "passes": lambda array, _: channels.passes(array, "2b"),
    "leptons": lambda array, _: channels.leptons(array),
}


@pytest.mark.parametrize("use", USES)
def test_missing_values_are_refused(tmp_path, sample, use):
    for name, array in with_missing(sample).items():
        with pytest.raises(ValueError, match=rf"{name} is missing \(None\) in some events"):
            USES[use](array, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("use", USES)
def test_masks_that_hide_nothing_do_not_matter(tmp_path, sample, use):
    sample, _ = few(sample)
    unmasked = ak.mask(
        ak.with_field(sample, ak.mask(sample.objects, sample.objects.pt > 0), "objects"), sample.met >= 0
    )
    cut = with_missing(sample)["met"][~few(sample)[1]]  # what was masked is gone
    for array, plain in ((unmasked, sample), (cut, sample[~few(sample)[1]])):
        results = [USES[use](each, tmp_path / name) for each, name in ((array, "a"), (plain, "b"))]
        if results[0] is None:
            assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
        else:
            assert type(results[0]) is type(results[1])
            a, b = (each.tolist() if hasattr(each, "tolist") else repr(each) for each in results)
            assert a == b


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", [ak.Array([1.0]), np.ones(3), pd.DataFrame({"met": [1.0]}), None, "events.csv"])
def test_what_is_no_event_is_refused(tmp_path, use, kind):
    with pytest.raises(TypeError, match="expected events, an awkward array as from read_csv, not"):
        USES[use](kind, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("use", USES)
def test_one_event_is_refused(tmp_path, sample, use):
    with pytest.raises(TypeError, match=r"this is one event; expected an array of events, such as events\[:1\]"):
        USES[use](sample[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_concatenate_wants_a_list_of_samples(sample):
    with pytest.raises(ValueError, match="concatenate: expected at least one sample, got none"):
        events.concatenate([])
    with pytest.raises(TypeError, match="this is one event"):
        events.concatenate(sample)
    assert len(events.concatenate([sample[:0], sample[:0]])) == 0
    assert len(events.concatenate(iter([sample, sample[:3]]))) == 53


def test_columns_to_read(tmp_path, sample):
    path = tmp_path / "a.parquet"
    events.write_parquet(sample, path)
    with pytest.raises(ValueError, match="columns is empty; expected None, for all, or some of id"):
        events.read_parquet(path, columns=[])
    with pytest.raises(TypeError, match=r"columns='met'; expected a list of fields, such as \['met'\]"):
        events.read_parquet(path, columns="met")
    with pytest.raises(ValueError, match="unknown columns None"):
        events.read_parquet(path, columns=[None])
    assert events.read_parquet(path, columns=("met", "met")).fields == ["met"]
    assert events.read_parquet(path, columns=["objects.pt"]).objects.fields == ["pt"]
