"""The Parquet form of events: energies in GeV (said in the metadata), objects as lists of records."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dmlib import _files
from dmlib.events.columns import EVENT, KINDS, OBJECT, OPTIONAL, Columns, event_types, kind_codes

_UNITS = {"met": "GeV", "met_phi": "rad", "met_true": "GeV", "E": "GeV", "pt": "GeV", "phi": "rad"}


def _field(name: str, kind: type) -> pa.Field:
    names = {"process": pa.int32(), "kind": pa.int8()}
    arrow = pa.dictionary(names[name], pa.string()) if name in names else pa.from_numpy_dtype(kind)
    return pa.field(name, arrow, nullable=False, metadata={"unit": _UNITS[name]} if name in _UNITS else None)


_OBJECT = pa.struct([_field(*item) for item in OBJECT.items()])
_OBJECTS = pa.field("objects", pa.list_(pa.field("element", _OBJECT, nullable=False)), nullable=False)
_LEAF = "objects.list.element."


def _schema(present: Collection[str]) -> pa.Schema:
    fields = [_field(*item) for item in event_types(present).items()]
    return pa.schema([*fields, _OBJECTS], metadata={"unit": "GeV"})


def write_blocks(
    blocks: Iterable[Columns], file: BinaryIO, level: int, rows: int = 1 << 17, present: Collection[str] = ()
) -> tuple[int, int]:
    """Writes blocks, each as row groups of at most `rows` events, at a zstd level; returns how many events, objects.

    All blocks have those of the optional columns that are `present`.
    """
    written, schema = np.zeros(2, int), _schema(present)
    floats = [field.name for field in schema if field.type == pa.float32()]
    floats += [_LEAF + name for name, kind in OBJECT.items() if kind is np.float32]
    options = {
        # Floats split into bytes: exponents, and the zeros of weights and rounded values, are then packed apart.
        "column_encoding": {"id": "DELTA_BINARY_PACKED"} | dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        "use_dictionary": ["process", _LEAF + "kind"],
        "compression": "zstd",
        "compression_level": level,
        "write_statistics": ["id", "met"],
    }
    with pq.ParquetWriter(file, schema, **options) as writer:
        for block in blocks:
            for start in range(0, len(block), rows):
                writer.write_batch(_batch(block[start : start + rows], schema))
            written += len(block), len(block.objects["kind"])
    return int(written[0]), int(written[1])


def _batch(columns: Columns, schema: pa.Schema) -> pa.RecordBatch:
    def dictionary(codes: np.ndarray, names: Iterable[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))

    events = {**columns.events, "process": dictionary(columns.events["process"], columns.processes)}
    objects = {**columns.objects, "kind": dictionary(columns.objects["kind"], KINDS)}
    records = pa.StructArray.from_arrays([pa.array(objects[name]) for name in OBJECT], fields=list(_OBJECT))
    lists = pa.ListArray.from_arrays(columns.offsets.astype(np.int32), records).cast(_OBJECTS.type)
    return pa.RecordBatch.from_arrays([*(pa.array(events[name]) for name in schema.names[:-1]), lists], schema=schema)


def read_blocks(path: str | os.PathLike, columns: Sequence[str] | None) -> Iterator[Columns]:
    """Reads a file by row groups, at least one block; `columns` as in `dmlib.events.read_parquet`."""
    if isinstance(columns, str):
        raise TypeError(f"columns={columns!r}; expected a list of fields, such as [{columns!r}]")
    wanted = [*EVENT, "objects"] if columns is None else list(columns)
    known = [*EVENT, *OPTIONAL, "objects", *(f"objects.{name}" for name in OBJECT)]
    if unknown := [str(name) for name in wanted if name not in known]:
        raise ValueError(f"unknown columns {', '.join(unknown)}; expected some of {', '.join(known)}")
    if not wanted:
        raise ValueError(f"columns is empty; expected None, for all, or some of {', '.join(known)}")
    path = _files.expanded(path)
    with open(path, "rb") as source:
        try:
            file = pq.ParquetFile(source)
            schema = _schema(file.schema_arrow.names)
            _check(path, file.schema_arrow, schema)
            if columns is None:
                wanted = schema.names
            elif absent := [name for name in OPTIONAL if name in wanted and name not in schema.names]:
                raise ValueError(f"{path} has no column {absent[0]}, as only some files have; leave it out of columns")
            leaves = [name.replace("objects.", _LEAF) for name in wanted]
            leaves += [_LEAF + "kind"]  # it tells how many objects
            yield _columns(pa.record_batch([pa.array([], field.type) for field in schema], schema=schema), wanted)
            for group in range(file.num_row_groups):
                for batch in file.read_row_group(group, leaves).to_batches():
                    batch.validate(full=True)  # or a damaged index would reach beyond the names
                    yield _columns(batch, wanted)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the system, not of the file
                raise
            message = f"{path} is no Parquet file or is damaged ({error}); make it anew from the CSV"
            raise ValueError(message) from error


def _check(path: str | os.PathLike, found: pa.Schema, expected: pa.Schema) -> None:
    for field in expected:
        if field.name not in found.names:
            raise ValueError(f"{path} has no column {field.name}: not written by dmlib.events; use write_parquet")
        if found.field(field.name).type != field.type:
            raise ValueError(f"{path}: column {field.name} is {found.field(field.name).type}; expected {field.type}")
    if (found.metadata or {}).get(b"unit") != b"GeV":
        raise ValueError(f'{path} does not say unit = "GeV" in its metadata; expected a file of dmlib.events')


def _columns(batch: pa.RecordBatch, wanted: list[str]) -> Columns:
    events: dict[str, np.ndarray] = {}
    processes: list[str] = []
    for name in EVENT | OPTIONAL:
        if name in wanted:
            events[name], processes = _values(batch.column(name), processes)
    lists = batch.column("objects")
    records = lists.flatten()
    objects: dict[str, np.ndarray] = {}
    for name in OBJECT:
        if "objects" in wanted or f"objects.{name}" in wanted:
            objects[name], kinds = _values(records.field(name), [])
            if name == "kind":
                objects[name] = kind_codes(kinds)[objects[name]]
    return Columns(events, processes, np.diff(lists.offsets.to_numpy()), objects)


def _values(array: pa.Array, names: list[str]) -> tuple[np.ndarray, list[str]]:
    if isinstance(array, pa.DictionaryArray):
        array, names = array.indices, array.dictionary.to_pylist()
    return array.to_numpy(), names
