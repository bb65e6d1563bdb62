"""dmlib.events: the format, the arrays, round trips, and files that appear whole or not at all."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from decimal import Decimal
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import events
from dmlib.events import csv_kernel, parquet
from dmlib.events.columns import OPTIONAL, from_awkward, merge, to_awkward

LINES = (
    b"354;ttbar;2.5e-05;832841;-1.22431;b,947383,824498,-0.523103,1.64421;j,1.06946e+06,243675,0.328962,2.25014;\n"
    b"354;ttbar;2.5e-05;1000;0.5;\n"
    b"355;z_jets;1;20000;3.1;e-,3000,2000,1,2;e+,3000,2000,1,2;m-,3000,2000,1,2;m+,3000,2000,1,2;g,3000,2000,1,2;\n"
)


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(LINES)
    return events.read_csv(path)


def identical(a, b):
    return a.layout.form == b.layout.form and a.to_list() == b.to_list()


def read(tmp_path, text, **options):
    path = tmp_path / "text.csv"
    path.write_bytes(text)
    return events.read_csv(path, **options)


def test_values_units_and_layout(sample):
    assert str(sample.type) == (
        "3 * {id: int64, process: categorical[type=string], weight: float32, met: float32, met_phi: float32, objects: "
        "var * Momentum4D[kind: categorical[type=string], E: float32, pt: float32, eta: float32, phi: float32]}"
    )
    assert sample.id.tolist() == [354, 354, 355]
    assert sample.process.tolist() == ["ttbar", "ttbar", "z_jets"]
    assert ak.num(sample.objects).tolist() == [2, 0, 5]
    assert sample.met.tolist() == np.float32([832.841, 1, 20]).tolist()
    assert sample.objects.E[0].tolist() == np.float32([947.383, 1069.46]).tolist()
    assert sample.objects.kind[2].tolist() == ["e-", "e+", "m-", "m+", "g"]
    assert sample.attrs["skipped"] == []


def test_vectors(sample):
    first, second = sample.objects[:1, 0], sample.objects[:1, 1]
    assert np.isclose(first.px[0], 824.498 * np.cos(1.64421))
    assert np.isclose((first + second).E[0], 947.383 + 1069.46)
    assert np.isclose(first.deltaR(second)[0], np.hypot(0.523103 + 0.328962, 2.25014 - 1.64421))
    assert ak.sum(sample.objects.kind == "j", axis=1).tolist() == [1, 0, 0]
    assert ak.is_categorical(sample.process) and ak.is_categorical(sample.objects.kind)


@pytest.mark.parametrize(
    "text",
    [
        LINES.replace(b";\n", b"\n"),
        LINES.replace(b"\n", b"\r\n"),
        LINES[:-1],
        LINES[:-2],
        LINES.replace(b";", b" ; ").replace(b",", b", "),
        LINES.replace(b";", b";\t").replace(b"\n", b" \r\n"),
        b"\n" + LINES.replace(b"\n", b"\n \t\r\n\n"),
        LINES.replace(b"m-", b"mu-").replace(b"m+", b"mu+").replace(b"g,", b"a,"),
        LINES.replace(b"354;", b"+354;").replace(b"355;", b"3.55e+02;"),
        LINES.replace(b"1000;", b"1.000000000000000000000e3;").replace(b"20000;", b"+020000.;"),
    ],
    ids="unterminated crlf unfinished unfinished2 blanks tabs empty-lines aliases ids digits".split(),
)
def test_spellings(tmp_path, sample, text):
    assert identical(read(tmp_path, text), sample)


def test_many_objects_and_strange_processes(tmp_path):
    text = "1;Z' → μμ, (x);1;2;3" + ";j,1,2,3,4" * 300 + "\n2;;1;2;3;"
    array = read(tmp_path, text.encode())
    assert ak.num(array.objects).tolist() == [300, 0]
    assert array.process.tolist() == ["Z' → μμ, (x)", ""]


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n\n"])
def test_no_events(tmp_path, text):
    array = read(tmp_path, text)
    assert len(array) == 0 and len(array.objects.pt) == 0
    events.write_csv(array, tmp_path / "o.csv")
    events.write_parquet(array, tmp_path / "o.parquet")
    assert (tmp_path / "o.csv").read_bytes() == b""
    assert identical(events.read_parquet(tmp_path / "o.parquet"), array)
    assert events.csv_to_parquet(tmp_path / "o.csv", tmp_path / "p.parquet").events == 0
    assert identical(events.read_parquet(tmp_path / "p.parquet"), array)


def test_round_trips(tmp_path, sample):
    cut = sample[[2, 0]][ak.num(sample.objects[[2, 0]]) > 0]
    cut["objects"] = cut.objects[cut.objects.pt > 2.5]
    for array in (sample, cut, events.concatenate([sample, cut])):
        events.write_csv(array, tmp_path / "o.csv")
        events.write_parquet(array, tmp_path / "o.parquet")
        for again in (events.read_csv(tmp_path / "o.csv"), events.read_parquet(tmp_path / "o.parquet")):
            assert again.to_list() == array.to_list() and str(again.type) == str(array.type)


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(finite, min_size=1, max_size=30))
def test_every_float32_survives_csv(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    values = np.float32(values)[np.abs(np.float32(values)) < 3e38]
    n = len(values)
    array = events.from_columns(
        id=np.arange(n), process=["x"] * n, weight=values, met=values, met_phi=values, counts=np.ones(n, int),
        kind=["g"] * n, E=values, pt=values, eta=values, phi=values,
    )  # fmt: skip
    events.write_csv(array, path)
    again = events.read_csv(path)
    for column in (again.weight, again.met, again.objects.E[:, 0], again.objects.phi[:, 0]):
        assert (ak.to_numpy(column).view(np.uint32) == values.view(np.uint32)).all()


def test_genuine_file(tmp_path):
    folder = os.environ.get("DMLIB_TEST_DATA")
    path = Path(folder or "", "darkmachines/monojet_Zp2000.0_DM_50.0_chan3.csv")
    if not folder or not path.exists():
        pytest.skip("the genuine Dark Machines file is not here (DMLIB_TEST_DATA)")
    array = events.read_csv(path)
    assert len(array) == 6399
    assert set(array.process.tolist()) == {"monojet_Zp2000.0_DM_50.0"} and set(array.id.tolist()) == {354}
    fields = [line.rstrip(";\n").split(";") for line in path.read_text().splitlines()]
    assert ak.num(array.objects).tolist() == [len(line) - 5 for line in fields]
    pt = [np.float32(float(Decimal(entry.split(",")[2]) / 1000)) for line in fields for entry in line[5:]]
    assert np.array_equal(ak.to_numpy(ak.flatten(array.objects.pt)), pt)
    jets = array.objects[(array.objects.kind == "j") | (array.objects.kind == "b")]
    assert 600 < ak.min(ak.sum(jets.pt, axis=1)) < 600.02
    events.write_csv(array, tmp_path / "again.csv")
    assert identical(events.read_csv(tmp_path / "again.csv"), array)
    report = events.csv_to_parquet(path, tmp_path / "again.parquet", chunk_bytes=100_000)
    assert (report.events, report.objects, report.skipped) == (6399, 23473, [])
    assert identical(events.read_parquet(tmp_path / "again.parquet"), array)
    assert (tmp_path / "again.parquet").stat().st_size < 0.5 * path.stat().st_size


def test_parquet_says_what_it_is_and_is_deterministic(tmp_path, sample):
    events.write_parquet(sample, tmp_path / "a.parquet")
    events.write_parquet(sample, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.metadata[b"unit"] == b"GeV" and schema.field("met").metadata == {b"unit": b"GeV"}
    column = pq.read_metadata(tmp_path / "a.parquet").row_group(0).column(1)
    assert column.path_in_schema == "process" and "RLE_DICTIONARY" in column.encodings and column.compression == "ZSTD"


def test_some_columns(tmp_path, sample):
    events.write_parquet(sample, tmp_path / "a.parquet")
    array = events.read_parquet(tmp_path / "a.parquet", columns=["objects.pt", "met"])
    assert array.fields == ["met", "objects"] and array.objects.fields == ["pt"]
    assert array.objects.pt.tolist() == sample.objects.pt.tolist()
    assert events.read_parquet(tmp_path / "a.parquet", columns=["process"]).fields == ["process"]
    with pytest.raises(ValueError, match="unknown columns mass; expected some of id"):
        events.read_parquet(tmp_path / "a.parquet", columns=["mass"])


def test_parquet_of_another_kind(tmp_path, sample):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": pa.array([1])}), path)
    with pytest.raises(ValueError, match=r"a\.parquet has no column process"):
        events.read_parquet(path)
    events.write_parquet(sample, path)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match='does not say unit = "GeV"'):
        events.read_parquet(tmp_path / "b.parquet")
    pq.write_table(table.set_column(3, "met", pa.array([1.0] * 3)), tmp_path / "c.parquet")
    with pytest.raises(ValueError, match="column met is double; expected float"):
        events.read_parquet(tmp_path / "c.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="no Parquet file or is damaged"):
        events.read_parquet(path)


GOOD = dict(
    id=[1, 2], process=["a", "b"], weight=[1, 1], met=[5, 2], met_phi=[0, 1], counts=[2, 0],
    kind=["j", "b"], E=[3, 2], pt=[2, 1], eta=[0, 0], phi=[0, 1],
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"met": [1]}, "met has 1 entries, counts has 2"),
        ({"pt": [1]}, "pt has 1 entries, counts sums to 2"),
        ({"counts": [3, -1]}, r"counts\[1\] is negative"),
        ({"counts": [1.5, 0.5]}, "counts has type float64; expected whole numbers"),
        ({"kind": ["j", "tau"]}, "unknown object kinds: tau; expected j b e-"),
        ({"kind": [0, 7]}, "kind holds 0 to 7; expected places 0 to 6"),
        ({"E": [1, np.nan]}, r"E\[1\] is nan; expected finite"),
        ({"E": [1e39, 1]}, r"E\[0\] is 1e\+39; expected finite numbers within float32"),
        ({"id": np.uint64([2**64 - 1, 1])}, "id has type uint64"),
        ({"process": [None, "a"]}, "missing"),
        ({"met_true": [1]}, "met_true has 1 entries, counts has 2"),
        ({"met_true": [1, np.inf]}, r"met_true\[1\] is inf; expected finite"),
        ({"met_true": [1, None]}, "met_true has type object; expected numbers"),
    ],
)
def test_from_columns_checks(change, message):
    assert events.from_columns(**GOOD).objects.kind.tolist() == [["j", "b"], []]
    assert identical(events.from_columns(**{**GOOD, "kind": np.array([0, 1])}), events.from_columns(**GOOD))
    with pytest.raises(ValueError, match=message):
        events.from_columns(**{**GOOD, **change})


def test_only_events_are_written(tmp_path, sample):
    with pytest.raises(ValueError, match="weight missing"):
        events.write_parquet(ak.without_field(sample, "weight"), tmp_path / "x")
    bad = ak.with_field(sample, ak.Array(np.float32([1, np.inf, 2])), "met")
    with pytest.raises(ValueError, match=r"met\[1\] is inf"):
        events.write_csv(bad, tmp_path / "x")
    for name in ("a;b", "a\nb", " a", "a\t"):
        with pytest.raises(ValueError, match="cannot be written"):
            events.write_csv(events.from_columns(**{**GOOD, "process": [name, "b"]}), tmp_path / "x")
    assert not list(tmp_path.glob("*x*"))


class DiskFull(OSError):
    pass


@pytest.mark.parametrize("old", [None, b"the old file"])
@pytest.mark.parametrize("error", [DiskFull, KeyboardInterrupt])
def test_failed_writing_leaves_the_old_file(tmp_path, sample, monkeypatch, old, error):
    source, target = tmp_path / "events.csv", tmp_path / "out"
    if old:
        target.write_bytes(old)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    for write in (events.write_csv, events.write_parquet):
        with pytest.raises(error):
            write(sample, target)
    monkeypatch.undo()
    monkeypatch.setattr(pq.ParquetWriter, "write_batch", fail)
    with pytest.raises(error):
        events.csv_to_parquet(source, target, chunk_bytes=100)
    monkeypatch.undo()
    source.write_bytes(LINES + b"bad\n")
    with pytest.raises(ValueError, match="line 4, byte"):
        events.csv_to_parquet(source, target, chunk_bytes=100)
    assert (target.read_bytes() if target.exists() else None) == old
    assert {path.name for path in tmp_path.iterdir()} == {"events.csv"} | ({"out"} if old else set())


def test_killed_conversion_leaves_the_old_file(tmp_path):
    source, target = tmp_path / "events.csv", tmp_path / "out.parquet"
    source.write_bytes(LINES * 20_000)
    target.write_bytes(b"the old file")
    code = f"from dmlib import events; events.csv_to_parquet({str(source)!r}, {str(target)!r}, chunk_bytes=1000)"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not (parts := list(tmp_path.glob(".out*"))) or not parts[0].stat().st_size:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert target.read_bytes() == b"the old file"


def test_new_files_follow_the_umask_and_links(tmp_path, sample):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    events.write_parquet(sample, tmp_path / "link")
    (tmp_path / "plain").touch()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_read_only_installation(monkeypatch):
    def refuse(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(csv_kernel, "njit", refuse)
    assert csv_kernel._compiled(len) is len


def test_skipped_lines_are_json(tmp_path):
    array = read(tmp_path, b"x\n" + LINES, on_error="skip")
    ((line, message),) = json.loads(json.dumps(array.attrs["skipped"]))
    assert len(array) == 3 and line == 1 and "line 1, byte 0" in message


def test_slices_of_columns(sample):
    columns = from_awkward(sample)
    for part in (slice(0, 1), slice(1, 3), slice(2, 2)):
        assert to_awkward(columns[part]).to_list() == sample[part].to_list()


# The momentum that truly escaped, which some events have


@pytest.fixture
def told(sample):
    """Events that have it, with other fields of the user's own, as they come."""
    return ak.with_field(ak.with_field(sample, [1.0, 2.0, 3.0], "score"), [4.5, 0.0, 1e-3], "met_true")


def test_true_momentum_stands_after_the_measured(sample):
    array = events.from_columns(**GOOD, met_true=[4.5, 0])
    assert array.fields == ["id", "process", "weight", "met", "met_phi", "met_true", "objects"]
    assert str(array.met_true.type) == "2 * float32" and array.met_true.tolist() == [4.5, 0]
    assert identical(array[[name for name in array.fields if name not in OPTIONAL]], events.from_columns(**GOOD))
    assert identical(events.from_columns(**GOOD, met_true=None), events.from_columns(**GOOD))
    assert not {*OPTIONAL} & {*from_awkward(sample).events}


def test_true_momentum_through_columns(told):
    columns = from_awkward(told)
    assert [*columns.events] == ["id", "process", "weight", "met", "met_phi", "met_true"]
    for part in (slice(0, 1), slice(1, 3), slice(2, 2), np.array([True, False, True])):
        assert to_awkward(columns[part]).met_true.tolist() == np.float32(told.met_true)[part].tolist()
    assert to_awkward(merge([columns[:1], columns[1:]])).to_list() == to_awkward(columns).to_list()
    for empty in (columns[:0], from_awkward(ak.without_field(told, "met_true"))[:0]):  # no event, so none without it
        assert to_awkward(merge([empty, columns])).to_list() == to_awkward(columns).to_list()
    with pytest.raises(ValueError, match=r"met_true is missing \(None\) in some events"):
        from_awkward(ak.with_field(told, ak.mask(told.met_true, told.met_true > 0), "met_true"))


def test_events_with_and_without_true_momentum_are_not_joined(told, sample):
    assert len(events.concatenate([told, told[:1]]).met_true) == 4
    for some in ([told, sample[:1]], [sample[:1], told]):
        with pytest.raises(ValueError, match=r"only 3 of 4 events to be joined have met_true; .*ak\.without_field"):
            events.concatenate(some)
    assert events.concatenate([ak.without_field(told, "met_true"), sample]).fields == sample.fields


def test_true_momentum_in_parquet(tmp_path, told, sample):
    path, without = tmp_path / "a.parquet", tmp_path / "b.parquet"
    events.write_parquet(told, path)
    assert identical(events.read_parquet(path), to_awkward(from_awkward(told)))
    assert pq.read_schema(path).field("met_true").metadata == {b"unit": b"GeV"}
    column = pq.read_metadata(path).row_group(0).column(5)
    assert column.path_in_schema == "met_true" and "BYTE_STREAM_SPLIT" in column.encodings
    assert column.statistics is None
    assert events.read_parquet(path, columns=["objects.pt", "met_true"]).fields == ["met_true", "objects"]
    assert events.read_parquet(path, columns=["met", "process"]).fields == ["process", "met"]
    events.write_parquet(sample, without)
    assert "met_true" not in pq.read_schema(without).names
    assert identical(events.read_parquet(without), sample)
    with pytest.raises(ValueError, match=r"b\.parquet has no column met_true, as only some files have; leave it out"):
        events.read_parquet(without, columns=["met", "met_true"])
    with pytest.raises(ValueError, match="unknown columns met_truth; expected some of .*met_phi, met_true, objects"):
        events.read_parquet(path, columns=["met_truth"])
    table = pq.read_table(path)
    pq.write_table(table.set_column(5, "met_true", pa.array([1.0] * 3)), path)
    with pytest.raises(ValueError, match="column met_true is double; expected float"):
        events.read_parquet(path)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.tuples(finite, finite), max_size=20), st.booleans(), st.integers(1, 7))
def test_any_true_momentum_survives_parquet(tmp_path_factory, values, present, rows):
    path = tmp_path_factory.mktemp("parquet") / "x.parquet"
    met, true = np.float32(values).reshape(-1, 2).T
    n = len(values)
    array = events.from_columns(
        id=np.arange(n), process=["x"] * n, weight=met, met=met, met_phi=met, counts=np.ones(n, int), kind=["g"] * n,
        E=met, pt=met, eta=met, phi=met, met_true=true if present else None,
    )  # fmt: skip
    columns = from_awkward(array)
    with open(path, "wb") as file:  # in many row groups
        parquet.write_blocks([columns[: n // 2], columns[n // 2 :]], file, 1, rows, present=columns.events)
    again = events.read_parquet(path)
    assert identical(again, array) and ("met_true" in again.fields) == present
    if present:
        assert (ak.to_numpy(again.met_true).view(np.uint32) == true.view(np.uint32)).all()
        assert ak.almost_equal(events.read_parquet(path, columns=["met_true"]).met_true, array.met_true)


def test_text_has_no_place_for_true_momentum(tmp_path, told, sample):
    for name, array in (("a.csv", told), ("b.csv", sample)):
        events.write_csv(array, tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert identical(events.read_csv(tmp_path / "a.csv"), sample)


def test_import_is_light():
    code = textwrap.dedent("""
        import sys, dmlib.events
        assert not {"numba", "pandas", "torch"} & set(sys.modules), "slow imports"
    """)
    subprocess.run([sys.executable, "-c", code], check=True)
