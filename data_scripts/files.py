"""From generated chunks to files: tables and cards, written so that the same sample gives the same bytes."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def by_job(items, results):
    """The results of each job, in order; an item is (job, number of the chunk)."""
    chunks = {job: [] for job, _ in items}
    for (job, _), result in zip(items, results, strict=True):
        chunks[job].append(result)
    return chunks


def rounded(values, bits):
    """Finite values rounded to `bits` of the 23 that float32 has after the point: 13 are a relative 6e-5."""
    lost = np.uint32(23 - bits)
    whole = np.asarray(values, np.float32).view(np.uint32)
    return ((whole + (np.uint32(1) << (lost - np.uint32(1)))) >> lost << lost).view(np.float32)


def write_table(frame, path, bits=13):
    """Writes a table of float columns, each rounded to `bits` of mantissa; returns its row of the card."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: rounded(frame[name].to_numpy(), bits) for name in frame}
    pq.write_table(
        pa.table(columns),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding=dict.fromkeys(columns, "BYTE_STREAM_SPLIT"),
        write_statistics=False,
    )
    return row(path, len(frame))


def row(path, n):
    """The part of a card's row that every sample has."""
    data = path.read_bytes()
    return {"events": n, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def write_card(card, path):
    path.write_text(json.dumps(_rounded(card), indent=1) + "\n")


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
