"""How one cell of a table is written."""

from __future__ import annotations

import math
import re
from numbers import Integral, Real
from typing import Any

import numpy as np

MOST_DIGITS = 15  # what a float holds
SUPERSCRIPTS = str.maketrans("+-0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NUMBER = re.compile(r"[<>]? ?[−-]?[\d.,∞]+(e[+-]?\d+)?( ± [\d.,∞]+)?( × 10[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)? ?%?")


def is_missing(value: Any) -> bool:
    """Says whether a value is NaN, None or their like."""
    import pandas as pd  # not with the module: a chapter that only draws starts faster without

    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def is_number(value: Any) -> bool:
    """Says whether a value is a number; a truth value is none."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_) and not is_missing(value)


def is_numeric(values: list) -> bool:
    """Says whether all values are numbers, written out or not, so that they belong to the right of their column."""
    present = [value for value in values if not is_missing(value)]
    return all(is_number(v) or (isinstance(v, str) and bool(NUMBER.fullmatch(v))) for v in present)


def written(values: list, digits: int | str, whole: bool, missing: str) -> list[str]:
    """Returns the cells of a column; a column of whole numbers has no decimals, if that is wished."""
    numbers = [float(value) for value in values if is_number(value) and math.isfinite(value)]
    if isinstance(digits, int) and whole and all(number.is_integer() for number in numbers):
        digits = 0
    bound = all(number >= 0 for number in numbers)
    return [cell(value, digits, missing, bound) for value in values]


def cell(value: Any, digits: int | str, missing: str, bound: bool = False) -> str:
    """Returns one cell; `bound` gives a number that is too small for the digits as a bound."""
    if is_missing(value):
        return missing
    if not is_number(value):
        return {True: "yes", False: "no"}[bool(value)] if isinstance(value, bool | np.bool_) else str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    fixed = isinstance(digits, int)
    form = f",.{digits}f" if fixed else str(digits)
    text = format(int(value), ",d") if isinstance(value, Integral) and fixed else format(float(value), form)
    if not re.search("[1-9]", text):  # zero, as far as its digits say
        small = bound and fixed and value > 0
        return f"< {10.0 ** -int(digits):{form}}" if small else text.replace("-", "")
    mantissa, _, power = text.lower().partition("e")
    text = f"{mantissa} × 10{str(int(power)).translate(SUPERSCRIPTS)}" if power else text
    return text.replace("-", "−")


def with_error(value: Any, error: Any, digits: int, missing: str) -> str:
    """Returns a value and its error in one cell, rounded by the error; the value alone where there is none."""
    if not is_number(value) or math.isinf(value) or is_missing(error):
        return cell(value, digits, missing)
    if math.isfinite(error) and error > 0:
        leading, _, exponent = f"{error:.2e}".partition("e")
        digits = min(max(int(float(leading) <= 3.54) - int(exponent), 0), MOST_DIGITS)
    # As floats: whole numbers have the decimals of their errors.
    return f"{cell(float(value), digits, missing)} ± {cell(float(error), digits, missing, bound=True)}"


def label(value: Any) -> str:
    """Returns what a row or a column is called: numbers in their shortest form, nothing for what is missing."""
    shortest = is_number(value) and math.isfinite(value) and not float(value).is_integer()
    return cell(value, ".6g" if shortest else 0, "")


def labels(values: list) -> list[str]:
    """Returns what rows are called; fractions that stand below each other have as many digits as the longest."""
    written = [label(value) for value in values]
    if not all(re.fullmatch(r"−?[\d,]*\.?\d*", text) for text in written):
        return written
    digits = max((len(text.partition(".")[2]) for text in written), default=0)
    return [cell(value, digits, "") if digits else text for value, text in zip(values, written, strict=True)]
