"""dmlib.events against files in every legal style and against broken ones, beside a naive reader written anew here."""

import gzip
import re
from fractions import Fraction

import awkward as ak
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dmlib import events
from dmlib.events import csv
from dmlib.events.columns import merge, to_awkward

pytestmark = pytest.mark.filterwarnings("ignore:No event is left")  # lines are skipped here until none is left
hostile = settings(deadline=None, derandomize=True, max_examples=100)

KINDS = {name: name for name in events.KINDS} | {"mu-": "m-", "mu+": "m+", "a": "g"}
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
GOOD = b"1;ttbar;0.5;50000;1.2;j,130000,120000,0.4,-1.1;"


def nearest_float32(exact):
    """By exact comparison with both neighbours, ties to the even one."""
    guess = np.float32(float(exact))
    with np.errstate(over="ignore"):
        around = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    around = [value for value in around if np.isfinite(value)]
    return min(around, key=lambda value: (abs(Fraction(float(value)) - exact), value.view(np.uint32) & 1))


def number(text, scale=1):
    assert NUMBER.fullmatch(text)
    exact = Fraction(text) / scale
    assert abs(exact) < 2**128 - 2**103
    value = nearest_float32(exact)
    return float(-value if text.startswith("-") and value == 0 and not np.signbit(value) else value)


def naive(line):
    """One line as a dictionary, None for an empty one; any exception means that it is bad."""
    fields = [field.strip(" \t\r") for field in line.decode().split(";")]
    if fields == [""]:
        return None
    if len(fields) > 5 and not fields[-1]:
        fields.pop()
    assert NUMBER.fullmatch(fields[0])
    identity = Fraction(fields[0])
    assert identity.denominator == 1 and -(2**63) <= identity < 2**63
    objects = []
    for field in fields[5:]:
        kind, E, pt, eta, phi = (part.strip(" \t\r") for part in field.split(","))
        objects.append({"kind": KINDS[kind], "E": number(E, 1000), "pt": number(pt, 1000)})
        objects[-1] |= {"eta": number(eta), "phi": number(phi)}
    weight, met, met_phi = number(fields[2]), number(fields[3], 1000), number(fields[4])
    return {
        "id": int(identity), "process": fields[1], "weight": weight, "met": met, "met_phi": met_phi, "objects": objects
    }  # fmt: skip


def naive_file(text):
    rows, bad = [], []
    for place, line in enumerate(text.split(b"\n"), 1):
        try:
            row = naive(line)
        except Exception:
            bad.append(place)
        else:
            rows += [row] if row else []
    return rows, bad


def in_chunks(path, chunk_bytes):
    skipped = []
    return to_awkward(merge(csv.read_blocks(path, "skip", chunk_bytes, skipped))).to_list(), skipped


def bits(rows):
    return repr(rows)  # tells -0.0 from 0.0


def compare(path, text, chunk_bytes):
    path.write_bytes(text)
    rows, bad = naive_file(text)
    array = events.read_csv(path, on_error="skip")
    assert bits(array.to_list()) == bits(rows)
    assert [line for line, _ in array.attrs["skipped"]] == bad
    again, skipped = in_chunks(path, chunk_bytes)
    assert bits(again) == bits(rows) and skipped == array.attrs["skipped"]
    if bad:
        with pytest.raises(ValueError, match=rf"{re.escape(str(path))}, line {bad[0]}, byte \d+: .*; expected .*skip"):
            events.read_csv(path)
    else:
        assert bits(events.read_csv(path).to_list()) == bits(rows)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile") / "events.csv"


small = st.floats(-1e7, 1e7)


def middle(base, digits, hair):
    """The middle between two float32, all of it or cut short, or a hair beside it."""
    return f"{(float(base) + float(np.nextafter(base, np.float32(np.inf)))) / 2:.60f}"[:digits] + hair


ties = st.builds(
    middle,
    st.floats(2**-10, 2**20, width=32).map(np.float32),
    st.integers(30, 60),
    st.sampled_from(["", "0", "00000001", "9"]),
)
numbers = st.one_of(
    st.builds(
        lambda form, value: form % value, st.sampled_from(["%g", "%.9g", "%.17g", "%.18e", "%.25f", "%+.3E"]), small
    ),
    st.sampled_from(["0", "-0", "+5", ".5", "7.", "00012", "1e-45", "7e-46", "1.1754943e-38", "3.4028235e38", "1E+5"]),
    st.sampled_from(["0." + "0" * 60 + "1e60", "1" + "0" * 50 + "e-45", "9007199254740993", "16777217000", "16777217"]),
    st.integers(0, 10**25).map(str),
    ties,
)
blank = st.sampled_from(["", "", "", " ", "\t", "  "])
process = st.one_of(st.sampled_from(["ttbar", "4top", "z_jets", "", "Zp(μμ), 2"]), st.text(max_size=12)).map(
    lambda text: re.sub("[;\n]", "", text.encode(errors="ignore").decode()).strip(" \t\r")
)


@st.composite
def lines(draw):
    gap = draw(blank)

    def join(separator, fields):
        return separator.join(f"{gap}{field}{gap}" for field in fields)

    identity = draw(st.one_of(st.integers(0, 400), st.integers(-(2**63), 2**63 - 1)))
    fields = [str(identity), draw(process), *draw(st.tuples(numbers, numbers, numbers))]
    for kind in draw(st.lists(st.sampled_from([*KINDS]), max_size=4)):
        fields.append(join(",", [kind, *draw(st.tuples(numbers, numbers, numbers, numbers))]))
    return (join(";", fields) + draw(st.sampled_from(["", ";", ";" + gap]))).encode()


newline = st.sampled_from([b"\n", b"\r\n"])
chunk = st.integers(1, 300)


@hostile
@given(st.lists(lines(), max_size=6), newline, st.booleans(), chunk)
def test_every_style(path, some, end, finished, size):
    text = end.join(some) + (end if finished else b"")
    rows, bad = naive_file(text)
    assert not bad and len(rows) == len(some)
    compare(path, text, size)


@hostile
@given(st.lists(lines(), max_size=6), newline, chunk, st.sampled_from([bytes, gzip.compress]))
def test_marked_and_packed(path, some, end, size, pack):
    text = end.join(some)
    rows, _ = naive_file(text)
    path.write_bytes(pack(b"\xef\xbb\xbf" + text))
    assert bits(events.read_csv(path).to_list()) == bits(rows) == bits(in_chunks(path, size)[0])


ALPHABET = st.sampled_from(list(b"0123456789" * 3 + b".,;-+eE jbgamu\t\r\nx\x00\xc3\xa9\xff"))


@hostile
@given(st.lists(ALPHABET, max_size=80).map(bytes), chunk)
@example(b"1;;1;1;1", 1)
@example(b"1;;1;1;1;j,1,1,1,1\n" * 30, 7)
def test_arbitrary_bytes(path, text, size):
    compare(path, text, size)


some_lines = st.lists(
    st.sampled_from([GOOD, GOOD + b"m-,3,2,1,0", b"7;z;1;2;3", b"", b"8;z;1;2"]), min_size=1, max_size=5
)
some_edits = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2), ALPHABET), min_size=1, max_size=4)


@hostile
@given(some_lines, some_edits, chunk)
def test_mutated_lines(path, some, edits, size):
    text = bytearray(b"\n".join(some))
    for place, action, byte in edits:
        place %= len(text) + 1
        text[place : place + (action != 0)] = bytes([byte]) if action < 2 else b""
    compare(path, bytes(text), size)


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        (b"1;a;1;2", 0, '4 fields in "1;a;1;2"; expected id;process;weight;MET;METphi and objects'),
        (b"run;a;1;2;3", 0, '"run" is no event id; expected a whole number that fits int64'),
        (b"1.5;a;1;2;3", 0, '"1.5" is no event id'),
        (b"9223372036854775808;a;1;2;3", 0, "is no event id"),
        (b"1e999;a;1;2;3", 0, "is no event id"),
        (b"1;a;x;2;3", 4, '"x" is no number; expected a weight'),
        (b"1;a;1;;3", 6, '"" is no number; expected MET in MeV'),
        (b"1;a;1;2; nan", 9, '"nan" is no number; expected METphi'),
        (b"1;a;1;inf;3", 6, '"inf" is no number'),
        (b"1;a;1;1_0;3", 6, '"1_0" is no number'),
        (b"1;a;1;1e;3", 6, '"1e" is no number'),
        (b"1;a;1;0x10;3", 6, '"0x10" is no number'),
        (b"1;a;1;1e42;3", 6, '"1e42" is too large for float32; expected MET in MeV'),
        (b"1;a;3.4028236e38;1;3", 4, "is too large for float32; expected a weight"),
        (b"1;a;1;2;3;j,1,2,3", 10, '4 fields in object "j,1,2,3"; expected kind,E,pt,eta,phi'),
        (b"1;a;1;2;3;j,1,2,3,4,5", 10, "6 fields in object"),
        (b"1;a;1;2;3;j1,2,3,4,5", 10, 'unknown object code "j1"; expected one of j b e- e+ m- m+ g mu- mu+ a'),
        (b"1;a;1;2;3;tau,2,3,4,5", 10, 'unknown object code "tau"'),
        (b"1;a;1;2;3;;j,1,2,3,4", 10, "1 fields in object"),
        (b"1;a;1;2;3;j,1,2,3,4;b,1,2,3,4 x", 28, '"4 x" is no number; expected phi'),
        (b"1;a;1;2;3;j,-,2,3,4", 12, '"-" is no number; expected E in MeV'),
        (b"1;a\xff;1;2;3", 3, 'process "a\\xff" is not UTF-8'),
        (b"1;a;1;2;" + b"y" * 500, 8, '"' + "y" * 37 + '..." is no number'),
        (b"\xef\xbb\xbf1;a;1;2;3", 0, "is no event id"),
    ],
)
def test_messages(path, line, place, what):
    path.write_bytes(GOOD + b"\n\n" + line + b"\n" + GOOD)
    byte = len(GOOD) + 2 + place
    with pytest.raises(ValueError) as caught:
        events.read_csv(path)
    assert str(caught.value).startswith(f"{path}, line 3, byte {byte}: {what}") or (
        what in str(caught.value) and f"{path}, line 3, byte {byte}: " in str(caught.value)
    )
    assert str(caught.value).endswith('Correct the line, or pass on_error="skip" to leave such lines out.')
    array = events.read_csv(path, on_error="skip")
    assert len(array) == 2 and [line for line, _ in array.attrs["skipped"]] == [3]
    with pytest.raises(ValueError, match=f"line 3, byte {byte}: "):
        events.csv_to_parquet(path, path.with_suffix(".parquet"), chunk_bytes=10)
    report = events.csv_to_parquet(path, path.with_suffix(".parquet"), on_error="skip", chunk_bytes=10)
    assert (report.events, report.objects) == (2, 2) and report.skipped == array.attrs["skipped"]


def test_long_and_hostile_files_take_no_time(path):
    for text in (b"1\n" * 20_000, b"1;a;1;2;3" + b";j" * 300_000, b";" * 10**6, b"9" * 10**6, b"j,1,2,3\n" * 20_000):
        path.write_bytes(text)
        assert len(events.read_csv(path, on_error="skip")) == 0
    path.write_bytes(b"1;a;1e-" + b"9" * 10**5 + b";" + b"1" * 10**5 + b";0." + b"1" * 10**5)
    with pytest.raises(ValueError, match=r'byte 4: "1e-9+\.\.\."'):
        events.read_csv(path)


def test_on_error_is_checked(path):
    path.write_bytes(GOOD)
    for call in (lambda: events.read_csv(path, "ignore"), lambda: events.csv_to_parquet(path, path, "ignore")):
        with pytest.raises(ValueError, match='on_error = \'ignore\'; expected "raise" or "skip"'):
            call()
    assert path.read_bytes() == GOOD
    with pytest.raises(FileNotFoundError):
        events.read_csv(path.with_name("none.csv"))


def test_line_numbers_run_through_the_chunks(path):
    path.write_bytes((GOOD + b"\n") * 999 + b"bad\n" + GOOD)
    for size in (1, 50, 1000, 10**6):
        rows, ((line, message),) = in_chunks(path, size)
        assert len(rows) == 1000 and line == 1000 and f"byte {999 * (len(GOOD) + 1)}: " in message


def test_all_processes_of_a_mixed_file(path):
    names = [f"process {i % 7}" for i in range(5000)]
    path.write_bytes(b"".join(f"{i};{name};1;2;3\n".encode() for i, name in enumerate(names)))
    array = events.read_csv(path)
    assert array.process.tolist() == names and len(ak.categories(array.process)) == 7
