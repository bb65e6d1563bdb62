"""A table of texts, written as HTML and as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Hashable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .cells import is_numeric, label, labels

if TYPE_CHECKING:
    import pandas as pd

Heads = list[tuple[str, int]]  # text, and how many columns or rows it spans


class Grid:
    """Columns of texts under one row of headings, or more where columns are in groups.

    Arguments:
        names: Label -> what to call it.
        caption: A title.
    """

    def __init__(self, names: Mapping[Any, str], caption: str | None):
        self.names, self.caption = names, caption
        self.columns: list[tuple[str, ...]] = []
        self.cells: list[list[str]] = []
        self.right: list[bool] = []
        self.index_names: list[str] = []
        self.index: list[tuple[str, ...]] = []
        self.index_right: list[bool] = []
        self.group = ""

    def add(self, column: Hashable, cells: list[str], right: bool, unit: str) -> None:
        """Adds a column."""
        *groups, last = map(self._name, column if isinstance(column, tuple) else (column,))
        self.columns.append((*groups, _with_unit(last, unit)))
        self.cells.append(cells)
        self.right.append(right)

    def label(self, frame: pd.DataFrame, units: Mapping[Any, str]) -> None:
        """Adds the names of rows and columns, where they say something."""
        if len({column[1:] for column in self.columns}) == 1 and self.columns[0][1:]:
            self.columns = [column[:1] for column in self.columns]  # each group has one column, of one name
        if frame.columns.nlevels == 1 and frame.columns.name is not None:
            self.group = self._name(frame.columns.name)
        index = frame.index
        if index.name is None and index.equals(frame.reset_index(drop=True).index):
            return  # it only numbers the rows
        rows = [row if isinstance(row, tuple) else (row,) for row in index]
        levels = [list(level) for level in zip(*rows, strict=True)]
        named = [[self.names.get(v, text) for v, text in zip(level, labels(level), strict=True)] for level in levels]
        self.index = list(zip(*named, strict=True))
        self.index_names = [_with_unit(self._name(name), units.get(name, "")) for name in index.names]
        self.index_right = [is_numeric(level) for level in levels] or [False] * index.nlevels

    def _name(self, value: Any) -> str:
        return self.names.get(value, label(value))

    @property
    def heads(self) -> list[Heads]:
        """The rows of headings: groups above what they span."""
        depth = len(self.columns[0])
        rows: list[Heads] = [[(self.group, len(self.columns))]] if self.group else []
        for level in range(depth - 1):
            spans = groupby(self.columns, key=lambda column: column[: level + 1])
            rows.append([(prefix[-1], len(list(columns))) for prefix, columns in spans])
        return [*rows, [(column[-1], 1) for column in self.columns]]

    def html(self) -> str:
        """The table for a page or a notebook. Alignment is in styles, which survive where classes are stripped."""
        heads = self.heads
        lines = [f"<caption>{_escape(self.caption)}</caption>"] if self.caption else []
        lines.append("<thead>")
        rows_spanned = f' rowspan="{len(heads)}"' if len(heads) > 1 else ""
        for level, row in enumerate(heads):
            lines.append("<tr>")
            if level == 0:
                for name, right in zip(self.index_names, self.index_right, strict=True):
                    start = f'<th scope="col"{rows_spanned}{_side(right)}>' if name else f"<td{rows_spanned}>"
                    lines.append(f"{start}{_escape(name)}</{start[1:3]}>")
            last, place = level == len(heads) - 1, 0
            for name, span in row:
                side = _side(self.right[place]) if last else ' style="text-align: center"'
                scope = "col" if last else f'colgroup" colspan="{span}'
                lines.append(f'<th scope="{scope}"{side}>{_escape(name)}</th>')
                place += span
            lines.append("</tr>")
        lines += ["</thead>", "<tbody>"]
        spans = _row_spans(self.index)
        for number, texts in enumerate(zip(*self.cells, strict=True)):
            lines.append("<tr>")
            for level, name in enumerate(self.index[number] if self.index else ()):
                if span := spans[number][level]:
                    scope = "row" if span == 1 else f'rowgroup" rowspan="{span}'
                    lines.append(f'<th scope="{scope}"{_side(self.index_right[level])}>{_escape(name)}</th>')
            lines += [f"<td{_side(right)}>{_escape(text)}</td>" for text, right in zip(texts, self.right, strict=True)]
            lines.append("</tr>")
        return "\n".join(['<table class="dataframe course-table">', *lines, "</tbody>", "</table>"])

    def text(self) -> str:
        """The table for a terminal."""
        *groups, heads = self.heads
        rows = [[*self.index_names, *(name for name, _ in heads)]]
        spans = _row_spans(self.index)
        for number, cells in enumerate(zip(*self.cells, strict=True)):
            names = self.index[number] if self.index else ()
            rows.append([*(name if spans[number][level] else "" for level, name in enumerate(names)), *cells])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [self.caption] if self.caption else []
        for group in groups:
            line, place = "", len(self.index_names)
            for name, span in group:
                line = line.ljust(sum(widths[:place]) + 2 * place)
                line += f"{name}  "  # may reach over the columns of its group
                place += span
            lines.append(line.rstrip())
        for row in rows:
            sides = zip(row, widths, [*self.index_right, *self.right], strict=True)
            lines.append("  ".join(text.rjust(n) if right else text.ljust(n) for text, n, right in sides).rstrip())
        return "\n".join(lines)


def _with_unit(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name


def _side(right: bool) -> str:
    return f' style="text-align: {"right" if right else "left"}"'


def _row_spans(index: list[tuple[str, ...]]) -> list[list[int]]:
    """How many rows each label spans; 0 where it goes on from the row above."""
    spans = [[1] * len(row) for row in index]
    for level in range(len(index[0]) - 1 if index else 0):
        for _, rows in groupby(range(len(index)), key=lambda number: index[number][: level + 1]):
            first, *others = rows
            spans[first][level] += len(others)
            for number in others:
                spans[number][level] = 0
    return spans


def _escape(text: str) -> str:
    """Returns the text for HTML; between two dollar signs is mathematics, a single one is kept from MathJax."""
    parts = re.split(r"\$([^$]+)\$", text)  # text, mathematics, text, ...
    plain = [html.escape(part).replace("$", "<span>$</span>") for part in parts[::2]]
    maths = [rf'<span class="math">\({html.escape(part)}\)</span>' for part in parts[1::2]]
    return "".join(a + b for a, b in zip(plain, [*maths, ""], strict=True))
