"""The compiled half of the CSV reader: plain lines, byte by byte, at hundreds of megabytes a second.

Whatever is not plain (a fault, an odd spelling, a number too close to the middle between two float32) makes the kernel
stop at the start of that line, and `dmlib.events.csv` goes through it with care. So there is no error handling here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

# numba's mixed arithmetic of uint64 and int64 is floating point, hence so many typed constants; an unsigned index also
# spares the test for a negative one.
U = np.uint64
_ASCII_ZEROS, _ABOVE_NINE, _HIGH_BITS = U(0x3030303030303030), U(0x7676767676767676), U(0x8080808080808080)
_BYTE_OF_BIT = U(0x0001020304050607)
_EVERY_2ND_BYTE, _EVERY_2ND_PAIR = U(0x00FF00FF00FF00FF), U(0x0000FFFF0000FFFF)
_TENS = 10 ** np.arange(9, dtype=np.uint64)
_REACH = 80
_POWERS = np.array([float(f"1e{k}") for k in range(-_REACH, _REACH + 1)])
_TINY, _HUGE = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def _compiled(function: Callable) -> Any:
    # _nrt=False: nothing is allocated here, and counting references (atomically) would cost a third of the time.
    options: dict[str, Any] = {"nogil": True, "forceinline": True, "_nrt": False}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to cache in: a read-only installation without a home
        return njit(**options)(function)


@_compiled
def _word(a, i):
    """Eight bytes as one little-endian integer (compiled to a single load)."""
    j = U(i)
    low = U(a[j]) | U(a[j + U(1)]) << U(8) | U(a[j + U(2)]) << U(16) | U(a[j + U(3)]) << U(24)
    high = U(a[j + U(4)]) << U(32) | U(a[j + U(5)]) << U(40) | U(a[j + U(6)]) << U(48) | U(a[j + U(7)]) << U(56)
    return low | high


@_compiled
def _blanks(a, i):
    """Steps over blanks, tabs and carriage returns."""
    while a[U(i)] <= 32 and (a[U(i)] == 32 or a[U(i)] == 9 or a[U(i)] == 13):
        i += 1
    return i


@_compiled
def _digits(a, i, value):
    """Appends a run of digits to an integer, eight a step and without branches: lengths are too random to predict."""
    while True:
        x = _word(a, i) ^ _ASCII_ZEROS
        stop = ((x + _ABOVE_NINE) | x) & _HIGH_BITS  # the lowest bit set marks the first byte that is no digit
        if stop == 0:
            n = U(8)
        else:
            n = (((stop & (~stop + U(1))) >> U(7)) * _BYTE_OF_BIT) >> U(56)
            x = (x << (U(56) - (n << U(3)))) << U(8)  # in two steps, as a shift by 64 is undefined
        x = (x * U(1 + (10 << 8))) >> U(8)  # digits to pairs, pairs to fours, fours to eight
        x = ((x & _EVERY_2ND_BYTE) * U(1 + (100 << 16))) >> U(16)
        x = ((x & _EVERY_2ND_PAIR) * U(1 + (10000 << 32))) >> U(32)
        value = value * _TENS[n] + x
        i += np.int64(n)
        if stop != 0:
            return value, i


@_compiled
def _number(a, i, exponent):
    """Reads a decimal number times 10**exponent; returns it, the place behind it, and whether it is sure.

    At most 18 digits count: the rest changes less than a tenth of a float64 unit. Together with the power of ten and
    the product the float64 is off by less than three units, so its float32 is the correctly rounded one unless it lies
    within eight units of a tie; such numbers, and those outside float32's normal range, are not sure.
    """
    i = _blanks(a, i)
    negative = a[U(i)] == 45  # -
    i += negative | (a[U(i)] == 43)  # +
    start = i
    mantissa, i = _digits(a, i, U(0))
    dot, point = i, np.int64(a[U(i)] == 46)  # .
    mantissa, i = _digits(a, i + point, mantissa)
    digits = i - start - point
    exponent -= i - dot - point
    if digits > 18:
        mantissa, kept = U(0), 0
        for j in range(start, i):
            if j == dot:
                continue
            if kept < 18:
                mantissa = mantissa * U(10) + U(a[U(j)] - 48)
                if mantissa > 0:
                    kept += 1
            else:
                exponent += 1
    if a[U(i)] == 101 or a[U(i)] == 69:  # e E
        i += 1
        down = a[U(i)] == 45
        if down or a[U(i)] == 43:
            i += 1
        first = i
        power, i = _digits(a, i, U(0))
        if not 0 < i - first < 4:
            digits = 0
        exponent += -np.int64(power) if down else np.int64(power)
    i = _blanks(a, i)
    if digits == 0 or exponent < -_REACH or exponent > _REACH:
        return np.float32(0), i, False
    value = np.int64(mantissa) * _POWERS[U(exponent + _REACH)]
    from_tie = (np.float64(value).view(np.int64) & 0x1FFFFFFF) - 0x10000000
    sure = (mantissa == U(0)) | ((_TINY < value) & (value < _HUGE) & ((from_tie < -8) | (from_tie > 8)))
    return np.float32(-value if negative else value), i, sure


def parse(a: np.ndarray, size: int, *state_and_columns: Any) -> tuple[int, int, int, int, int]:
    """Calls :func:`_parse`; compiles it anew where what an earlier session compiled was cut or damaged on the disk.

    Raises:
        RuntimeError: It is damaged and cannot be replaced.
    """
    try:
        return _parse(a, size, *state_and_columns)
    except Exception as error:  # numba's, when it loads the kernel: the kernel itself raises none
        try:
            for function in (_word, _blanks, _digits, _number, _parse):
                function.recompile()  # and so empties its cache
        except OSError:
            folder = _parse.stats.cache_path
            message = f"{folder} holds a damaged copy of the compiled CSV parser; delete the folder or make it writable"
            raise RuntimeError(message) from error
        return _parse(a, size, *state_and_columns)


@_compiled
def _parse(a, size, i, lines, event, obj, run, ids, runs, begin, end, header, counts, kinds, momenta):
    """Fills columns from the lines that start at byte i, up to the first that is not plain.

    Arguments:
        a: The text as bytes; ends in a newline at `size`, with eight bytes to spare behind it.
        i, lines, event, obj, run: Where to go on: byte, lines passed, and rows filled in the columns of events, of
            objects and of runs of one process.
        ids, runs, header, counts: Event columns; header is (weight, MET, METphi), runs counts changes of the process.
        begin, end: Where the process of a run stands in the text.
        kinds, momenta: Object columns; momenta is (E, pt, eta, phi).

    Returns:
        The five numbers to go on from; the first is `size` when all is read.
    """
    while i < size:
        line, first = i, obj
        state = line, lines, event, first, run
        i = _blanks(a, i)
        if a[U(i)] == 10:
            i += 1
            lines += 1
            continue

        start = i
        number, i = _digits(a, i, U(0))
        plain = 0 < i - start < 19
        i = _blanks(a, i)
        if not plain or a[U(i)] != 59:  # ;
            return state
        ids[event] = np.int64(number)

        i = _blanks(a, i + 1)
        start, known = i, False
        if run > 0:  # most often the process of the line before
            old, length = begin[run - 1], end[run - 1] - begin[run - 1]
            while i - start + 8 <= length and _word(a, i) == _word(a, old):
                i += 8
                old += 8
            while i - start < length and a[U(i)] == a[U(old)]:
                i += 1
                old += 1
            known = i - start == length and a[U(i)] == 59
        if not known:
            i = start
            while a[U(i)] != 59 and a[U(i)] != 10 and a[U(i)] < 128:
                i += 1
            stop = i
            while stop > start and (a[U(stop - 1)] == 32 or a[U(stop - 1)] == 9 or a[U(stop - 1)] == 13):
                stop -= 1
            begin[run], end[run] = start, stop

        for f in range(3):
            if not plain or a[U(i)] != 59:
                return state
            header[U(f), U(event)], i, plain = _number(a, i + 1, -3 if f == 1 else 0)  # MET: MeV to GeV
        if not plain:
            return state

        while a[U(i)] == 59:
            i = _blanks(a, i + 1)
            code = a[U(i)]
            if code == 10:
                break
            if code == 106:  # j
                kind = 0
            elif code == 98:  # b
                kind = 1
            elif code == 103 or code == 97:  # g a
                kind = 6
            elif code == 101 or code == 109:  # e m mu
                i += 1 + (code == 109 and a[U(i + 1)] == 117)
                kind = (2 if code == 101 else 4) + (a[U(i)] == 43)
                plain = a[U(i)] == 43 or a[U(i)] == 45
            else:
                return state
            if not plain:
                return state
            i = _blanks(a, i + 1)
            for f in range(4):
                if not plain or a[U(i)] != 44:  # ,
                    return state
                momenta[U(f), U(obj)], i, plain = _number(a, i + 1, -3 if f < 2 else 0)
            if not plain:
                return state
            kinds[U(obj)] = kind
            obj += 1
        if a[U(i)] != 10:
            return state
        i += 1
        lines += 1
        run += not known
        runs[event] = run - 1
        counts[event] = obj - first
        event += 1
    return i, lines, event, obj, run
