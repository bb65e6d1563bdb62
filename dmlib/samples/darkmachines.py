"""The Dark Machines sets: events in the four channels of the challenge, and the Standard Model in none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np

from dmlib import events
from dmlib.events.columns import Columns, from_awkward, merge, to_awkward
from dmlib.samples.published import Set


class DarkMachines(Set):
    """Events as CSV files, many of them in archives; a background is split in parts by the number of its row."""

    def convert(self, source: Path, target: Path) -> int:
        return events.csv_to_parquet(source, target).events

    def read(self, path: Path, name: str, part: str = "all") -> ak.Array:
        """Reads events; the process of those in a blind set is hidden."""
        sample = events.read_parquet(path) if part == "all" else read_part(path, part)
        if not name.endswith("/blind"):
            return sample
        columns = from_awkward(sample)
        columns.events["process"][:] = 0
        columns.processes[:] = ["unknown"]
        return to_awkward(columns)


def read_part(path: Path, part: str) -> ak.Array:
    """Reads some rows of a file of events, block by block, with weights that stand for the whole's luminosity."""
    from dmlib.events import parquet

    total = 0.0

    def chosen() -> Iterator[Columns]:
        nonlocal total
        first = 0
        for block in parquet.read_blocks(path, None):
            row = first + np.arange(len(block))
            first += len(row)
            total += block.events["weight"].sum(dtype=float)
            yield block[in_part(row, part)]

    columns = merge(chosen())
    weight = columns.events["weight"]
    if (part_total := weight.sum(dtype=float)) > 0:
        weight *= total / part_total
    return to_awkward(columns)


def in_part(row: np.ndarray, part: str) -> np.ndarray:
    """Returns whether rows, by their number, belong to a part of the background; no row belongs to two.

    Rows that follow each other go to different parts, so that a file sorted by process is split fairly.
    """
    validation, odd = row % 10 == 0, (row - row // 10 - 1) % 2 == 1
    return {"validation": validation, "training": ~validation & ~odd, "test": ~validation & odd}[part]
