"""What is known of a published sample, and what each set of samples is asked for."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import awkward as ak

ARCHIVE = r"\.(?:tar|tgz|tar\.gz|zip)"  # a regular expression: how the names of archives end


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
        files: Regular expressions for the file's name in the record; one that fits a single file goes first.
        kept: Name of the converted file in the cache folder, without suffix; several samples may be rows of one.
        members: Regular expressions for the file's path where the record's file is an archive.
        part: Which rows of the converted file, by a name in `PARTS`.
        events: The number published of this sample.
        total: The number published of the whole file.
        note: What is assumed.
    """

    record: Record
    files: tuple[str, ...]
    kept: str
    members: tuple[str, ...] = ()
    part: str = "all"
    events: int | None = None
    total: int | None = None
    note: str = ""


PARTS = {
    "all": "all rows",
    "validation": "the first of every ten rows; weights scaled to the luminosity of the whole",
    "training": "the first, third, ... of the rows that are not for validation; weights scaled to that of the whole",
    "test": "the second, fourth, ... of the rows that are not for validation; weights scaled to that of the whole",
    "label 0": "the rows labelled as background",
    "label 1": "the rows labelled as signal",
    "first half": "the first half of the rows",
    "second half": "the second half of the rows",
}


class Set(ABC):
    """A set of samples: which of them are published, how a published file is converted, and how a sample is read."""

    @abstractmethod
    def published(self) -> Iterator[tuple[str, Published]]:
        """The published samples, each with its name."""

    def unlisted(self, name: str) -> Published | None:
        """A published sample that may be asked for although it is not listed."""
        return None

    @abstractmethod
    def convert(self, source: Path, target: Path) -> int:
        """Writes what is in a published file as Parquet, and returns how many events the file holds."""

    @abstractmethod
    def read(self, path: Path, name: str, part: str = "all") -> ak.Array | pd.DataFrame:
        """Reads a sample, or a part of the file, from an embedded or converted file."""


class Table(Set):
    """A set whose samples are tables."""

    @abstractmethod
    def table(self, source: Path) -> pd.DataFrame:
        """The columns that are kept of a published file."""

    @abstractmethod
    def finish(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns of a sample in their order; no labels are among them."""

    def convert(self, source: Path, target: Path) -> int:
        frame = self.table(source).astype(np.float32)
        finite = np.isfinite(frame).all(axis=1)
        if not finite.all():
            left_out = (
                f"{(~finite).sum():,} of {len(frame):,} events are left out: they hold a value that is not finite."
            )
            warnings.warn(left_out, stacklevel=6)
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
