"""Tables that are ready to be read: units, errors, words for what is missing, as HTML and as plain text.

Pandas' Styler rounds and hides, but writes an empty row of headings, a style sheet and identifiers for each table, no
scopes for screen readers, and nothing for a terminal; great_tables has no plain text either, and five kilobytes of
styles a table.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dmlib import _check

from . import cells
from .grid import Grid

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Table:
    """A table as `table` returns it; a notebook shows it as the last value of a cell, `print` as plain text.

    Attributes:
        html: For pages and notebooks.
        text: For terminals.
    """

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def table(
    frame: pd.DataFrame | pd.Series,
    digits: int | str | Mapping[Any, int | str] = 2,
    *,
    errors: Mapping[Any, Any] | None = None,
    units: Mapping[Any, str] | None = None,
    names: Mapping[Any, str] | None = None,
    missing: str = "n/a",
    caption: str | None = None,
) -> Table:
    r"""Shows a DataFrame or a Series as a reader wants to see it; the frame itself keeps all its digits.

    Numbers stand to the right, with separators of thousands; a column of whole numbers has no decimals. In a column
    without negative numbers, one that is too small for its digits is given as a bound, `< 0.01`. Truth values are yes
    and no. A value with an error is rounded by it, as the Particle Data Group does: to the second significant digit of
    an error that begins with 100 to 354, else to the first. The index is left out if it only numbers the rows and has
    no name. Text between two dollar signs is mathematics.

    Arguments:
        frame: What to show.
        digits: Digits after the point, or a format such as `".0%"` or `".1e"`; for all columns, or column -> digits
            (2 for those left out).
        errors: Column -> column of its errors; the two become one, as 10.2 ± 0.3. By default "x error" holds those of
            "x". Where an error is missing the value stands alone. Where columns are in groups, the name within the
            group is enough, here and in `digits`.
        units: Column, or name of the index -> unit, which is added to the heading in brackets.
        names: A label, or a text in a cell -> what to call it, as `PROCESS_NAMES`.
        missing: What stands for NaN and None.
        caption: A title above the table.

    Returns:
        What a notebook shows.

    Raises:
        ValueError: The frame is none or has no columns, digits are no digits, or an argument names a column that the
            frame does not have.

    References:
        | Review of Particle Physics, Introduction, section 5.3 (Particle Data Group, 2022)
        | https://pdg.lbl.gov/2022/reviews/rpp2022-rev-rpp-intro.pdf

    Example:
        >>> import pandas as pd
        >>> from dmlib import plotting
        >>> frame = pd.DataFrame({"max SIC": [12.068, 1.0312], "error": [0.76, 0.0041], "published": [10.2, None]})
        >>> frame.index = pd.Index(["CATHODE", "CWoLa"], name="method")
        >>> plotting.table(frame, digits=1, errors={"max SIC": "error"}, missing="not published")
        method         max SIC      published
        CATHODE     12.1 ± 0.8           10.2
        CWoLa    1.031 ± 0.004  not published
    """
    import pandas as pd  # not with the module: a chapter that only draws starts faster without

    if isinstance(frame, pd.Series):
        frame = frame.to_frame("value" if frame.name is None else frame.name)
    if not isinstance(frame, pd.DataFrame) or not len(frame.columns):
        raise ValueError(f"frame: expected a pandas DataFrame with columns, or a Series, not {type(frame).__name__}")
    if errors is None:
        errors = {name: f"{name} error" for name in frame.columns if f"{name} error" in frame.columns}
    errors, units, names = dict(errors), dict(units or {}), dict(names or {})
    own = dict(digits) if isinstance(digits, Mapping) else {}
    default = 2 if isinstance(digits, Mapping) else digits
    columns = list(frame.columns)
    _refuse_unknown("digits", own, columns)
    _refuse_unknown("errors", [*errors, *errors.values()], columns)
    _refuse_unknown("units", units, [*columns, *frame.index.names])
    for value in (default, *own.values()):
        _refuse_digits(value)
    error_of = {i: _error_column(column, errors, columns) for i, column in enumerate(columns)}
    grid = Grid(names, caption)
    for i in sorted(set(error_of) - set(error_of.values())):
        values, partner = frame.iloc[:, i].tolist(), error_of[i]
        form = _setting(own, columns[i], None)
        if partner is None:
            texts = cells.written(values, default if form is None else form, form is None, missing)
        else:
            texts = _with_errors(values, frame.iloc[:, partner].tolist(), default if form is None else form, missing)
        texts = [names.get(v, text) if isinstance(v, str) else text for v, text in zip(values, texts, strict=True)]
        grid.add(columns[i], texts, cells.is_numeric(values), _setting(units, columns[i], ""))
    grid.label(frame, units)
    return Table(grid.html(), grid.text())


def with_errors(values: Any, errors: Any, digits: int = 2, missing: str = "n/a") -> Any:
    """Writes values with their errors, as 10.2 ± 0.3, rounded as in `table`; for tables with a column a method.

    Arguments:
        values: A number, or a Series of numbers.
        errors: Its error, or one for each value, in their order.
        digits: Digits after the point where an error is zero or missing.
        missing: What stands for a missing value.

    Returns:
        A text, or a Series of texts with the index and the name of the values.

    Raises:
        ValueError: There is not one error for each value, or digits are no number.

    Example:
        >>> from dmlib import plotting
        >>> plotting.with_errors(4.6267, 0.1399)
        '4.63 ± 0.14'
    """
    import pandas as pd

    _check.count(digits, "digits", least=0)
    if not isinstance(values, pd.Series):
        return cells.with_error(values, errors, digits, missing)
    if len(errors := list(errors)) != len(values):
        raise ValueError(f"errors: expected one for each of the {len(values)} values, not {len(errors)}")
    return pd.Series(_with_errors(values.tolist(), errors, digits, missing), values.index, name=values.name)


def _with_errors(values: list, errors: list, digits: int | str, missing: str) -> list[str]:
    plain = 2 if isinstance(digits, str) else digits
    return [cells.with_error(value, error, plain, missing) for value, error in zip(values, errors, strict=True)]


def _refuse_unknown(argument: str, keys: Iterable[Any], columns: list) -> None:
    known = [*columns, *(column[-1] for column in columns if isinstance(column, tuple))]
    for key in keys:
        if key not in known:
            there = ", ".join(repr(name) for name in columns if name is not None)
            raise ValueError(
                f"{argument}: there is no column {key!r}; expected one of {there}.{_check.near(key, map(str, known))}"
            )


def _refuse_digits(digits: Any) -> None:
    if not isinstance(digits, str):
        if _check.count(digits, "digits", least=0) > cells.MOST_DIGITS:
            raise ValueError(f"digits={digits}: expected {cells.MOST_DIGITS} at most, as many as a number has")
        return
    try:
        float(format(0.5, digits).rstrip("%").replace(",", ""))
    except ValueError:
        raise ValueError(f"digits={digits!r}: expected a number, or a format of one as '.0%' or '.1e'") from None


def _setting(of: Mapping[Any, Any], column: Hashable, default: Any) -> Any:
    """What is set for a column, or for its name within its group."""
    return of.get(column, of.get(column[-1], default) if isinstance(column, tuple) else default)


def _error_column(column: Hashable, errors: Mapping[Any, Any], columns: list) -> int | None:
    """The place of the column that holds a column's errors."""
    name = _setting(errors, column, None)
    if isinstance(column, tuple) and not isinstance(name, tuple):
        name = (*column[:-1], name)
    return columns.index(name) if name in columns else None
