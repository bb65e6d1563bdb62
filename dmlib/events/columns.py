"""Events as flat NumPy columns, which all formats share, and their awkward form."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike

KINDS = ("j", "b", "e-", "e+", "m-", "m+", "g")
_Types = dict[str, type[np.generic]]
EVENT: _Types = {"id": np.int64, "process": np.int32, "weight": np.float32, "met": np.float32, "met_phi": np.float32}
OPTIONAL: _Types = {"met_true": np.float32}  # after those of EVENT, where a simulation tells it
OBJECT: _Types = {"kind": np.int8, "E": np.float32, "pt": np.float32, "eta": np.float32, "phi": np.float32}


def event_types(present: Collection[str]) -> _Types:
    """The types of the columns of events, with those of `OPTIONAL` that are present."""
    return EVENT | {name: kind for name, kind in OPTIONAL.items() if name in present}


@dataclass
class Columns:
    """Some events as flat columns.

    Arguments:
        events: Column name -> values, shape (events,); the process as places in `processes`. Those of `OPTIONAL` are
            there where the events have them.
        processes: The names of the processes.
        counts: Objects in each event, shape (events,).
        objects: Column name -> values, shape (counts.sum(),); the kind as places in `KINDS`.
    """

    events: dict[str, np.ndarray]
    processes: list[str]
    counts: np.ndarray
    objects: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def offsets(self) -> np.ndarray:
        """Where the objects of each event begin, and where those of the last end, shape (events + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64, copy=False)

    def __getitem__(self, part: slice | np.ndarray) -> Columns:
        """The events of a slice, or of a mask, with their objects."""
        events = {name: values[part] for name, values in self.events.items()}
        if isinstance(part, slice):
            start, stop, _ = part.indices(len(self))
            first = int(self.counts[:start].sum())
            inside: Any = slice(first, first + int(self.counts[start:stop].sum()))
        else:
            inside = np.repeat(part, self.counts)
        objects = {name: values[inside] for name, values in self.objects.items()}
        return Columns(events, self.processes, self.counts[part], objects)


def encode(names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Names as places in the list of those that differ, and that list, in the order in which they first come."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([places[name] for name in names], np.int32), list(places)


def merge(blocks: Iterable[Columns]) -> Columns:
    """Joins columns end to end, as they come: hardly more memory is used than the result needs.

    Raises:
        ValueError: Only some events have a column of `OPTIONAL`: for the others there is no value that is not a guess.
    """
    processes: list[str] = []
    growing: dict[str, _Growing] = {}
    for block in blocks:
        columns = block.events | block.objects | {"counts": block.counts}
        if "process" in columns:
            codes, names = encode([*processes, *block.processes])
            columns["process"] = codes[len(processes) :][columns["process"]]
            processes = names
        for name, values in columns.items():
            growing.setdefault(name, _Growing(values.dtype)).add(values)
    joined = {name: column.close() for name, column in growing.items()}
    events = {name: joined[name] for name in EVENT | OPTIONAL if name in joined}
    for name in OPTIONAL:
        if name in events and (found := len(events[name])) < (total := len(joined["counts"])):
            advice = f'expected all or none; ak.without_field(events, "{name}") leaves it out'
            raise ValueError(f"only {found:,} of {total:,} events to be joined have {name}; {advice}")
    return Columns(events, processes, joined["counts"], {name: joined[name] for name in OBJECT if name in joined})


class _Growing:
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

    layout = record(columns.events, {"process": columns.processes}, length=len(columns))
    if columns.objects:
        name = "Momentum4D" if {"E", "pt", "eta", "phi"} <= {*columns.objects} else None  # some columns make no vector
        objects = record(columns.objects, {"kind": KINDS}, parameters={"__record__": name})
        objects = ak.contents.ListOffsetArray(ak.index.Index64(columns.offsets), objects)
        layout = ak.contents.RecordArray([*layout.contents, objects], [*layout.fields, "objects"])
    return ak.Array(layout, attrs=attrs)


def complete(events: ak.Array) -> ak.Array:
    """Events of which no value is missing, as arrays that need not provide for it.

    Raises:
        TypeError: These are no events.
        ValueError: A value is missing (None).
    """
    if isinstance(events, ak.Record):
        raise TypeError("this is one event; expected an array of events, such as events[:1] where this was events[0]")
    if not isinstance(events, ak.Array) or not events.fields:
        found = f"{type(events).__name__} {reprlib.repr(events)}"
        raise TypeError(f"expected events, an awkward array as from read_csv, not {found}")
    if "?" not in (kind := str(events.type)) and "option[" not in kind:
        return events
    for name in events.fields:
        for column in [(name, field) for field in events[name].fields] or [name]:
            if _some_missing(events[column]):
                label = column if isinstance(column, str) else ".".join(column)
                raise ValueError(f"{label} is missing (None) in some events; fill or drop what is masked")
    return _without_options(ak.to_packed(events))


def _some_missing(values: ak.Array) -> bool:
    return any(ak.any(ak.is_none(values, axis=axis), axis=None) for axis in range(values.ndim))


def _without_options(values: Any) -> Any:
    """Packed values, of which none is missing, in arrays that do not provide for it."""

    def replace(layout: ak.contents.Content, **_: Any) -> ak.contents.Content | None:
        return _without_options(layout.project()) if layout.is_option else None

    return ak.transform(replace, values, highlevel=isinstance(values, ak.Array))


def from_awkward(events: ak.Array) -> Columns:
    """An array of events as columns; the opposite of `to_awkward`, for anything cut or computed from events too.

    Raises:
        TypeError: These are no events.
        ValueError: A field is missing, an object kind is unknown, or a number is missing or not finite.
    """
    events = complete(events)
    missing = ({*EVENT, "objects"} - {*events.fields}) or ({*OBJECT} - {*events.objects.fields})
    if missing:
        raise ValueError(f"these are no events: {', '.join(sorted(missing))} missing; expected the fields of read_csv")
    fields = {name: events[name] for name in events.fields}
    return checked_columns(fields, ak.to_numpy(ak.num(events.objects)), ak.flatten(events.objects))


def checked_columns(events: dict[str, Any], counts: np.ndarray, objects: Any) -> Columns:
    """Columns of any suitable type as `Columns`, checked: names of processes and kinds may be strings or categories."""
    process, processes = _codes(events["process"], "process")
    kind = kind_codes(objects["kind"])
    types = event_types(events)
    return Columns(
        {name: process if name == "process" else checked(events[name], name, types[name]) for name in types},
        processes,
        counts.astype(np.int32),
        {name: kind if name == "kind" else checked(objects[name], name, OBJECT[name]) for name in OBJECT},
    )


def kind_codes(kinds: ak.Array | ArrayLike) -> np.ndarray:
    """Object kinds, as strings or as places in `KINDS`, as places in `KINDS`."""
    if not isinstance(kinds, ak.Array) and np.issubdtype((places := _flat(kinds, "kind")).dtype, np.integer):
        if len(places) and not 0 <= places.min() <= places.max() < len(KINDS):
            expected = f"places 0 to {len(KINDS) - 1} in KINDS"
            raise ValueError(f"kind holds {places.min()} to {places.max()}; expected {expected}")
        return places.astype(np.int8)
    codes, names = _codes(kinds, "kind")
    if unknown := [name for name in names if name not in KINDS]:
        raise ValueError(f"unknown object kinds: {', '.join(unknown)}; expected {' '.join(KINDS)}")
    return np.array([KINDS.index(name) for name in names], np.int8)[codes]


def _codes(strings: ak.Array | ArrayLike, name: str) -> tuple[np.ndarray, list[str]]:
    """Strings or categories as places in the list of names that are used, and that list."""
    import pyarrow as pa

    if isinstance(strings, ak.Array):
        if not len(strings):  # ak.to_arrow fails on categories without entries
            return np.zeros(0, np.int32), []
        values = ak.to_arrow(strings, extensionarray=False, categorical_as_dictionary=True)
    else:
        entries = _flat(strings, name, object)
        try:
            values = pa.array(entries, pa.string())
        except pa.ArrowException:
            place = next((i for i, entry in enumerate(entries) if not isinstance(entry, str)), 0)
            raise ValueError(f"{name}[{place}] is {entries[place]!r}; expected a name, a string") from None
    if values.null_count:
        raise ValueError(f"a {name} is missing (None); expected a name, a string")
    if not isinstance(values, pa.DictionaryArray):
        values = values.dictionary_encode()
    index = values.indices.to_numpy()
    used = np.unique(index)
    table = np.zeros(len(values.dictionary), np.int32)
    table[used], names = encode(values.dictionary.take(pa.array(used)).to_pylist())
    return table[index], names


def checked(values: ArrayLike, name: str, kind: type[np.generic]) -> np.ndarray:
    """A column in its type.

    Raises:
        ValueError: A number is missing, not finite, or does not fit the type.
    """
    array = _flat(values, name)
    whole = kind is np.int64
    if array.size and not (np.can_cast(array.dtype, kind) if whole else array.dtype.kind in "biuf"):
        expected = "whole numbers that fit int64" if whole else "numbers"
        raise ValueError(f"{name} has type {array.dtype}; expected {expected}")
    with np.errstate(over="ignore"):
        result: np.ndarray = array.astype(kind)
    bad = np.flatnonzero(~np.isfinite(result))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]}; expected finite numbers within float32")
    return result


def _flat(values: Any, name: str, dtype: type | None = None) -> np.ndarray:
    """A column of any kind as a NumPy array of one dimension, of which nothing is masked."""
    if isinstance(values, ak.Array):
        values = ak.to_numpy(values, allow_missing=True)
    if np.ma.is_masked(values):
        place = np.flatnonzero(np.ma.getmaskarray(values))[0]
        raise ValueError(f"{name}[{place}] is masked; fill or drop such entries")
    array = np.asarray(values, dtype)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected one value an entry, in one dimension")
    return array


def _categorical(codes: np.ndarray, names: Sequence[str]):
    strings = ak.from_iter([*names, ""], highlevel=False)[:-1]  # strings, even where there is no name
    index = ak.index.Index32(codes.astype(np.int32))
    return ak.contents.IndexedArray(index, strings, parameters={"__array__": "categorical"})
