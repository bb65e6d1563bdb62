"""Events as flat NumPy columns, which all formats share, and their awkward form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

KINDS = ("j", "b", "e-", "e+", "m-", "m+", "g")
EVENT = {"id": np.int64, "process": np.int32, "weight": np.float32, "met": np.float32, "met_phi": np.float32}
OBJECT = {"kind": np.int8, "E": np.float32, "pt": np.float32, "eta": np.float32, "phi": np.float32}


@dataclass
class Columns:
    """Some events as flat columns.

    Arguments:
        events: Column name -> values, shape (events,); the process as places in `processes`.
        processes: The names of the processes.
        counts: Objects in each event, shape (events,); None where objects are not read.
        objects: Column name -> values, shape (counts.sum(),); the kind as places in `KINDS`.
    """

    events: dict[str, np.ndarray]
    processes: list[str]
    counts: np.ndarray | None
    objects: dict[str, np.ndarray]

    def __getitem__(self, part: slice) -> Columns:
        """The events of a slice."""
        events = {name: values[part] for name, values in self.events.items()}
        if self.counts is None:
            return Columns(events, self.processes, None, {})
        start, stop, _ = part.indices(len(self.counts))
        first = int(self.counts[:start].sum())
        inside = slice(first, first + int(self.counts[start:stop].sum()))
        return Columns(
            events, self.processes, self.counts[part], {name: values[inside] for name, values in self.objects.items()}
        )


def places(values: Sequence[str], among: dict[str, int]) -> np.ndarray:
    """The places of strings in a growing list of names."""
    return np.array([among.setdefault(value, len(among)) for value in values], np.int32)


def merge(blocks: Iterable[Columns]) -> Columns:
    """Joins columns end to end, as they come: hardly more memory is used than the result needs."""
    names: dict[str, int] = {}
    piles: dict[str, _Pile] = {}

    def pile(name: str, values: np.ndarray) -> None:
        piles.setdefault(name, _Pile(values.dtype)).add(values)

    for block in blocks:
        for name, values in block.events.items():
            pile(name, places(block.processes, names)[values] if name == "process" else values)
        for name, values in block.objects.items():
            pile(name, values)
        if block.counts is not None:
            pile("counts", block.counts)
    values = {name: pile.close() for name, pile in piles.items()}
    events = {name: values[name] for name in EVENT if name in values}
    return Columns(events, list(names), values.get("counts"), {name: values[name] for name in OBJECT if name in values})


class _Pile:
    """A column that grows in place: the system moves pages where concatenating would copy, and hold, all twice."""

    def __init__(self, dtype: np.dtype):
        self.values, self.size = np.empty(0, dtype), 0

    def add(self, values: np.ndarray) -> None:
        start, self.size = self.size, self.size + len(values)
        if self.size > len(self.values):
            self.values.resize(self.size + self.size // 8, refcheck=False)
        self.values[start : self.size] = values

    def close(self) -> np.ndarray:
        self.values.resize(self.size, refcheck=False)
        return self.values


def to_awkward(columns: Columns, attrs: dict[str, Any] | None = None) -> ak.Array:
    """Columns as an array of events, without a copy of the numbers."""

    def record(values: dict[str, np.ndarray], categories: dict[str, Sequence[str]], **options: Any):
        fields = [
            _categorical(column, categories[name]) if name in categories else ak.contents.NumpyArray(column)
            for name, column in values.items()
        ]
        return ak.contents.RecordArray(fields, list(values), **options)

    layout = record(columns.events, {"process": columns.processes})
    if columns.counts is not None:
        offsets = np.zeros(len(columns.counts) + 1, np.int64)
        np.cumsum(columns.counts, out=offsets[1:])
        name = "Momentum4D" if {"E", "pt", "eta", "phi"} <= {*columns.objects} else None  # some columns make no vector
        objects = record(columns.objects, {"kind": KINDS}, parameters={"__record__": name})
        objects = ak.contents.ListOffsetArray(ak.index.Index64(offsets), objects)
        layout = ak.contents.RecordArray([*layout.contents, objects], [*layout.fields, "objects"])
    return ak.Array(layout, attrs=attrs)


def from_awkward(events: ak.Array) -> Columns:
    """An array of events as columns; the opposite of `to_awkward`, for anything cut or computed from events too.

    Raises:
        ValueError: Where a field is missing, an object kind is unknown, or a number is missing or not finite.
    """
    missing = ({*EVENT, "objects"} - {*events.fields}) or ({*OBJECT} - {*events.objects.fields})
    if missing:
        raise ValueError(f"these are no events: {', '.join(sorted(missing))} missing; expected the fields of read_csv")
    objects = ak.flatten(events.objects)
    numbers = {name: ak.to_numpy(events[name], allow_missing=False) for name in EVENT if name != "process"}
    momenta = {name: ak.to_numpy(objects[name], allow_missing=False) for name in OBJECT if name != "kind"}
    counts = ak.to_numpy(ak.num(events.objects))
    return from_numpy(numbers | {"process": events.process}, counts, momenta | {"kind": objects.kind})


def from_numpy(events: dict[str, Any], counts: np.ndarray, objects: dict[str, Any]) -> Columns:
    """Columns of any suitable type as `Columns`, checked: names of processes and kinds may be strings or categories."""
    process, processes = process_codes(events["process"])
    kind = kind_codes(objects["kind"])
    return Columns(
        {name: process if name == "process" else checked(events[name], name, EVENT[name]) for name in EVENT},
        processes,
        counts.astype(np.int32),
        {name: kind if name == "kind" else checked(objects[name], name, OBJECT[name]) for name in OBJECT},
    )


def kind_codes(kinds: ak.Array | Sequence) -> np.ndarray:
    """Object kinds, as strings or as places in `KINDS`, as places in `KINDS`."""
    if not isinstance(kinds, ak.Array) and np.issubdtype((kinds := np.asarray(kinds)).dtype, np.integer):
        if len(kinds) and not 0 <= kinds.min() <= kinds.max() < len(KINDS):
            raise ValueError(
                f"kind holds {kinds.min()} to {kinds.max()}; expected places 0 to {len(KINDS) - 1} in KINDS"
            )
        return kinds.astype(np.int8)
    among = {name: place for place, name in enumerate(KINDS)}
    codes = _codes(kinds, among)
    if len(among) > len(KINDS):
        raise ValueError(f"unknown object kinds: {', '.join(list(among)[len(KINDS) :])}; expected {' '.join(KINDS)}")
    return codes.astype(np.int8)


def process_codes(processes: ak.Array | Sequence) -> tuple[np.ndarray, list[str]]:
    """Process names as places in the list of distinct names, and that list."""
    names: dict[str, int] = {}
    return _codes(processes, names), list(names)


def _codes(strings: ak.Array | Sequence, among: dict[str, int]) -> np.ndarray:
    import pyarrow as pa

    if not len(strings):  # ak.to_arrow fails on categories without entries
        return np.zeros(0, np.int32)
    if isinstance(strings, ak.Array):
        strings = ak.to_arrow(strings, extensionarray=False, categorical_as_dictionary=True)
    else:
        strings = pa.array(np.asarray(strings, object), pa.string())
    if strings.null_count:
        raise ValueError("a process or an object kind is missing (None)")
    if not isinstance(strings, pa.DictionaryArray):
        strings = strings.dictionary_encode()
    index = strings.indices.to_numpy()
    used = np.unique(index)
    table = np.zeros(len(strings.dictionary), np.int32)
    table[used] = places(strings.dictionary.take(pa.array(used)).to_pylist(), among)
    return table[index]


def checked(values: np.ndarray, name: str, kind: type) -> np.ndarray:
    """A column in its type.

    Raises:
        ValueError: Where a number is not finite, or does not fit the type.
    """
    values = np.asarray(values)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; expected one number an entry")
    if kind is np.int64:
        if values.size and not np.can_cast(values.dtype, kind):
            raise ValueError(f"{name} has type {values.dtype}; expected whole numbers that fit int64")
        return values.astype(kind)
    with np.errstate(over="ignore"):
        result = values.astype(kind)
    bad = np.flatnonzero(~np.isfinite(result))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {values[bad[0]]}; expected finite numbers within float32")
    return result


def _categorical(codes: np.ndarray, names: Sequence[str]):
    text = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, text)])
    letters = ak.contents.NumpyArray(np.frombuffer(b"".join(text), np.uint8), parameters={"__array__": "char"})
    strings = ak.contents.ListOffsetArray(ak.index.Index64(offsets), letters, parameters={"__array__": "string"})
    index = ak.index.Index32(codes.astype(np.int32))
    return ak.contents.IndexedArray(index, strings, parameters={"__array__": "categorical"})
