"""The Dark Machines text format: to columns in blocks, and back.

A block of lines goes through the compiled kernel; where that stops, the line is read here, slowly and exactly. So the
rules of the format and all messages stand in one place: `_line`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import BinaryIO

import numpy as np

from dmlib import _check, _files
from dmlib.events import csv_kernel
from dmlib.events.columns import EVENT, KINDS, OBJECT, Columns, encode

_BLANKS = b" \t\r"
_CODES = {name.encode(): code for code, name in enumerate(KINDS)} | {b"mu-": 4, b"mu+": 5, b"a": 6}
_NUMBER = re.compile(rb"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?0*\d{1,6}))?")
_OVERFLOW = 2.0**128 - 2.0**103  # from here on the nearest float32 is infinite
_SPARE = bytes(8)  # the kernel looks eight bytes ahead
_MARK = b"\xef\xbb\xbf"  # the byte-order mark that some programs put before UTF-8 text

_State = tuple[int, int, int, int, int]  # where the parser stands: byte, lines, events, objects, runs of one process


class _BadField(Exception):
    """What is wrong in a line: the place, and what in words."""


def read_blocks(
    path: str | os.PathLike, on_error: str, chunk_bytes: int, skipped: list[tuple[int, str]]
) -> Iterator[Columns]:
    """Reads a file as blocks of whole lines, at least one block; lines left out are added to `skipped`."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f'on_error = {on_error!r}; expected "raise" or "skip"')
    _check.count(chunk_bytes, "chunk_bytes")
    line, offset, buffers = 1, 0, _Buffers(0)
    with _files.unpacked(path) as file:
        for block in _whole_lines(file, chunk_bytes):
            size = len(block) - len(_SPARE)
            if buffers.capacity < size:
                buffers = _Buffers(size + size // 4)
            mark = len(_MARK) if offset == 0 and block.startswith(_MARK) else 0
            state = buffers.parse(block, size, (mark, 0, 0, 0, 0))
            while (start := state[0]) < size:
                lines, stop = state[1], block.index(b"\n", start)
                try:
                    state = buffers.add(_line(block[start:stop]), start, state)
                except _BadField as bad:
                    place, what = bad.args
                    message = f"{path}, line {line + lines}, byte {offset + start + place}: {what}"
                    if on_error == "raise":
                        advice = 'Correct the line, or pass on_error="skip" to leave such lines out.'
                        raise ValueError(f"{message}. {advice}") from None
                    skipped.append((line + lines, message))
                state = buffers.parse(block, size, (stop + 1, lines + 1, *state[2:]))
            yield buffers.columns(block, state)
            line, offset = line + state[1], offset + size


def _whole_lines(file: BinaryIO, chunk_bytes: int) -> Iterator[bytes]:
    parts: list[bytes] = []
    empty = True
    while chunk := file.read(chunk_bytes):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join([*parts, memoryview(chunk)[:end], _SPARE])
            parts, empty = [], False
        parts.append(chunk[end:])
    if any(parts) or empty:
        yield b"".join([*parts, b"\n", _SPARE])


class _Buffers:
    """The arrays that the kernel fills; made once, as long as the largest block could need."""

    def __init__(self, capacity: int):
        self.capacity = capacity
        rows = capacity // 9 + 1  # nothing is shorter than the event "1;;1;1;1\n", unless it holds nothing
        self.ids = np.empty(rows, np.int64)
        self.runs, self.counts = np.empty((2, rows), np.int32)
        self.begin, self.end = np.empty((2, rows), np.int64)
        self.header = np.empty((3, rows), np.float32)
        self.kinds = np.empty(rows, np.int8)
        self.momenta = np.empty((4, rows), np.float32)

    def parse(self, block: bytes, size: int, state: _State) -> _State:
        """Lets the kernel run until it is done or stops at a line."""
        arrays = self.ids, self.runs, self.begin, self.end, self.header, self.counts, self.kinds, self.momenta
        return csv_kernel.parse(np.frombuffer(block, np.uint8), size, *state, *arrays)

    def add(self, values: tuple, start: int, state: _State) -> _State:
        """Adds what `_line` found."""
        byte, lines, event, obj, run = state
        self.ids[event], (begin, end), self.header[:, event], objects = values
        self.begin[run], self.end[run] = start + begin, start + end
        self.runs[event], self.counts[event] = run, len(objects)
        for place, (kind, *momentum) in enumerate(objects, obj):
            self.kinds[place], self.momenta[:, place] = kind, momentum
        return byte, lines, event + 1, obj + len(objects), run + 1

    def columns(self, block: bytes, state: _State) -> Columns:
        """A copy of what is filled."""
        _, _, event, obj, run = state
        names = [block[i:j].decode() for i, j in zip(self.begin[:run], self.end[:run], strict=True)]
        codes, processes = encode(names)
        events = self.ids[:event].copy(), codes[self.runs[:event]], *self.header[:, :event].copy()
        objects = self.kinds[:obj].copy(), *self.momenta[:, :obj].copy()
        counts = self.counts[:event].copy()
        return Columns(
            dict(zip(EVENT, events, strict=True)), processes, counts, dict(zip(OBJECT, objects, strict=True))
        )


def _line(text: bytes) -> tuple[int, tuple[int, int], list[np.float32], list[tuple]]:
    """One event: id, place of the process in the line, (weight, MET, METphi), (kind, E, pt, eta, phi) an object."""
    fields = list(_split(text, b";", 0))
    if len(fields) < 5:
        raise _BadField(0, f"{len(fields)} fields in {_short(text)}; expected id;process;weight;MET;METphi and objects")
    (at, number), (begin, process), *rest = fields[:5]
    try:
        process.decode()
    except UnicodeDecodeError as error:
        raise _BadField(begin + error.start, f"process {_short(process)} is not UTF-8; expected text") from None
    header = [
        _float32(*field, what, exponent)
        for field, what, exponent in zip(rest, ("a weight", "MET in MeV", "METphi"), (0, -3, 0), strict=True)
    ]
    objects = fields[5:-1] if len(fields) > 5 and not fields[-1][1] else fields[5:]  # after a last ; stands nothing
    return _int64(at, number), (begin, begin + len(process)), header, [_object(*field) for field in objects]


def _object(place: int, text: bytes) -> tuple:
    fields = list(_split(text, b",", place))
    if len(fields) != 5:
        raise _BadField(place, f"{len(fields)} fields in object {_short(text)}; expected kind,E,pt,eta,phi")
    code = fields[0][1]
    if code not in _CODES:
        expected = " ".join(name.decode() for name in _CODES)
        raise _BadField(place, f"unknown object code {_short(code)}; expected one of {expected}")
    whats = ("E in MeV", -3), ("pt in MeV", -3), ("eta", 0), ("phi", 0)
    return _CODES[code], *(_float32(*field, *what) for field, what in zip(fields[1:], whats, strict=True))


def _split(text: bytes, separator: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    for field in text.split(separator):
        yield place + len(field) - len(field.lstrip(_BLANKS)), field.strip(_BLANKS)
        place += len(field) + 1


def _int64(place: int, text: bytes) -> int:
    if _NUMBER.fullmatch(text):
        number = Decimal(text.decode())  # some programs write large whole numbers as 1e+06
        if -(2**63) <= number < 2**63 and number == int(number):
            return int(number)
    raise _BadField(place, f"{_short(text)} is no event id; expected a whole number that fits int64")


def _float32(place: int, text: bytes, what: str, exponent: int) -> np.float32:
    """The float32 nearest to text times 10**exponent, ties to even."""
    match = _NUMBER.fullmatch(text)
    if not match:
        raise _BadField(place, f"{_short(text)} is no number; expected {what}")
    decimal = f"{match[1].decode()}e{int(match[2] or 0) + exponent}"
    double = float(decimal)
    if abs(double) >= _OVERFLOW:
        raise _BadField(place, f"{_short(text)} is too large for float32; expected {what}")
    single = np.float32(double)
    value = float(single)  # NumPy would compare a float with a float32 as float32
    with np.errstate(over="ignore"):
        other = np.nextafter(single, np.float32(np.copysign(np.inf, double - value)))
    if double != value and float(other) - double == double - value:
        # The float64 lies right between two float32, the decimal maybe not: rounding twice is not rounding once.
        exact, tie = Decimal(decimal), Decimal(double)
        if exact != tie and (exact > tie) == (float(other) > value):
            return other
    return single


def _short(text: bytes) -> str:
    text = text if len(text) <= 40 else text[:37] + b"..."
    return f'"{text.decode(errors="backslashreplace")}"'


def write_text(columns: Columns, file: BinaryIO, rows: int = 1 << 16) -> None:
    """Writes columns as lines, with as many digits as bring every float32 back."""
    for name in columns.processes:
        if re.search("[;\r\n]|^[ \t]|[ \t]$", name):
            raise ValueError(f"process {name!r} cannot be written: it holds ; or a line end, or a blank at an end")
    for start in range(0, len(columns), rows):
        file.write(_text(columns[start : start + rows]))


def _text(columns: Columns) -> memoryview:
    import pyarrow as pa
    import pyarrow.compute as pc

    def decode(codes: np.ndarray, names: Sequence[str]) -> pa.Array:
        return pa.array(names, pa.string()).take(pa.array(codes))

    def join(parts: list[pa.Array], separator: str) -> pa.Array:
        return pc.binary_join_element_wise(*(part.cast(pa.string()) for part in parts), separator)

    events, objects = columns.events, columns.objects
    momenta = [_decimals(objects[name], exponent) for name, exponent in (("E", 3), ("pt", 3), ("eta", 0), ("phi", 0))]
    text = join([join([decode(objects["kind"], KINDS), *momenta], ","), pa.array([""] * len(objects["kind"]))], ";")
    lists = pa.ListArray.from_arrays(columns.offsets.astype(np.int32), text)
    header = [_decimals(events["weight"]), _decimals(events["met"], 3), _decimals(events["met_phi"])]
    header = [pa.array(events["id"]), decode(events["process"], columns.processes), *header]
    lines = join([*header, pc.binary_join(lists, "")], ";")
    return memoryview(("\n".join(lines.to_pylist()) + "\n").encode())


def _decimals(values: np.ndarray, exponent: int = 0):
    """The shortest decimals that bring values back, times 10**exponent (digit for digit: no arithmetic on values)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(values).cast(pa.string())
    if not exponent:
        return text
    # At most nine digits, so the float64 nearest to the shifted decimal prints as that decimal.
    scientific = pc.match_substring(text, "e")
    plain = pc.binary_join_element_wise(pc.if_else(scientific, "0", text), f"e{exponent}", "")
    pairs = (number.split("e") for number in text.filter(scientific).to_pylist())
    shifted = pa.array([f"{mantissa}e{int(power) + exponent}" for mantissa, power in pairs], pa.string())
    return pc.replace_with_mask(plain.cast(pa.float64()).cast(pa.string()), scientific, shifted)
