"""What is known of the published samples, and what each set of samples is asked for."""

from __future__ import annotations

import functools
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import awkward as ak

_LIST = Path(__file__).parents[1] / "data" / "published.json"


@dataclass(frozen=True)
class Record:
    """A DOI record: what its card says, and how many bytes one of its archives may unpack to."""

    doi: str
    title: str
    generator: str
    reference: str
    licence: str = "as the record states"
    limit: float = 20e9


@dataclass(frozen=True)
class Published:
    """A published sample.

    Arguments:
        record: The record it is in.
        kept: Name of the converted file in the cache folder, without suffix; several samples may be rows of one.
        file: Regular expression for the file's name in the record.
        member: Regular expression for the file's path where the record's file is an archive.
        part: Which rows of the converted file, by a name in `parts`.
        events: The number published of this sample.
        total: The number published of the whole file.
        note: What is assumed.
    """

    record: Record
    kept: str
    file: str
    member: str = ""
    part: str = "all"
    events: int | None = None
    total: int | None = None
    note: str = ""


@functools.cache
def published() -> dict[str, Published]:
    """Returns the published samples by name, as ``data/published.json`` lists them."""
    samples = {}
    for entry in json.loads(_LIST.read_text())["records"]:
        record = Record(**entry["record"])
        for name, fields in entry["samples"].items():
            samples[name] = Published(record, **({"kept": name} | entry["common"] | fields))
    return samples


def parts() -> dict[str, str]:
    """Returns what the parts of a file are, in words."""
    return json.loads(_LIST.read_text())["parts"]


class Set(ABC):
    """A set of samples: how a published file is converted, and how a sample is read."""

    @abstractmethod
    def convert(self, source: Path, target: Path) -> int:
        """Writes what is in a published file as Parquet, and returns how many events the file holds."""

    @abstractmethod
    def read(self, path: Path, name: str, part: str = "all") -> ak.Array | pd.DataFrame:
        """Reads a sample, or a part of the file, from an embedded or converted file."""


@dataclass(frozen=True)
class Table(Set):
    """A set whose samples are tables.

    Arguments:
        table: Returns the columns that are kept of a published file.
        finish: Returns the columns of a sample in their order; no labels are among them.
    """

    table: Callable[[Path], pd.DataFrame]
    finish: Callable[[pd.DataFrame], pd.DataFrame]

    def convert(self, source: Path, target: Path) -> int:
        frame = self.table(source).astype(np.float32)
        finite = np.isfinite(frame).all(axis=1)
        if not finite.all():
            left_out = f"{(~finite).sum():,} of {len(frame):,} events are left out"
            warnings.warn(f"{left_out}: they hold a value that is not finite.", stacklevel=6)
        frame[finite].to_parquet(target, compression="zstd", index=False)
        return len(frame)

    def read(self, path: Path, name: str, part: str = "all") -> pd.DataFrame:
        frame = pd.read_parquet(path)
        if part != "all":
            frame = frame[_rows(frame, part)].reset_index(drop=True)
        return self.finish(frame).astype(np.float32)


def _rows(frame: pd.DataFrame, part: str) -> Any:
    """A mask of the rows of a part."""
    if part.startswith("label "):
        return frame["label"] == float(part.removeprefix("label "))
    first = np.arange(len(frame)) < -(-len(frame) // 2)
    return {"first half": first, "second half": ~first}[part]
