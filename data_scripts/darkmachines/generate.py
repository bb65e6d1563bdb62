"""Runs one chunk of one job: Pythia, the detector, the channels."""

import hashlib
import math
import tempfile
from pathlib import Path

import numpy as np
import pythia8mc

from dmlib import channels, events

from . import detector, slha
from .processes import PROCESSES

CHUNK = 5_000  # events generated a chunk: some 20 seconds of work
BATCH = 500
OBJECT_COLUMNS = ("kind", "E", "pt", "eta", "phi")


def _seed(job, chunk):
    """A seed from the job's name alone: adding a job changes no other."""
    digest = hashlib.sha256(f"darkmachines/{job.name}/{chunk}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 900_000_000 + 1


def _pythia(job, seed):
    low, high = job.pt_hat
    lines = [
        "Print:quiet=on", "Beams:eCM=13000.", "PartonLevel:MPI=off", "PartonVertex:setVertex=on",
        "Random:setSeed=on", f"Random:seed={seed}", f"PhaseSpace:pTHatMin={low}",
        f"PhaseSpace:pTHatMax={-1 if math.isinf(high) else high}", *job.lines,
    ]  # fmt: skip
    pythia = pythia8mc.Pythia("", False)
    with tempfile.TemporaryDirectory() as folder:
        if job.spectrum:
            path = Path(folder) / "spectrum.slha"
            slha.write(path, *job.spectrum)
            lines += [f"SLHA:file={path}", "SLHA:verbose=0"]
        for line in lines:
            if not pythia.readString(line):
                raise ValueError(f"{job.name}: Pythia does not know the setting {line!r}")
        if not pythia.init():
            raise RuntimeError(f"{job.name}: Pythia does not start with {lines}")
    return pythia


def run(item):
    """Generates one chunk of a job.

    Arguments:
        item: The job and the number of the chunk.

    Returns:
        Dictionary of arrays: the columns of the kept events (see `events.from_columns`), `passes` (events, channels
        of the job), `generated`, `sigma` in pb, and `above_100`, `above_600`: generated events with H_T beyond.
    """
    job, chunk = item
    seed = _seed(job, chunk)
    pythia, rng = _pythia(job, seed), np.random.default_rng(seed)
    h_t_min = PROCESSES[job.process].h_t_min if job.process in PROCESSES else 0.0
    wanted = min(CHUNK, job.events - chunk * CHUNK)
    kept, generated, above = [], 0, {100: 0, 600: 0}
    while generated < wanted:
        record = detector.detect(pythia.nextBatch(min(BATCH, wanted - generated)), rng)
        n = len(record["met"])
        generated += n
        batch = events.from_columns(id=np.zeros(n, int), process=[job.process] * n, weight=np.ones(n), **record)
        h_t = channels.h_t(batch)
        for cut in above:
            above[cut] += int((h_t > cut).sum())
        passes = np.array([channels.passes(batch, c) & (h_t >= h_t_min) for c in job.channels], bool).reshape(-1, n).T
        keep = passes.any(axis=1)
        objects = np.repeat(keep, record["counts"])
        kept.append(
            {"passes": passes[keep]} | {k: v[objects if k in OBJECT_COLUMNS else keep] for k, v in record.items()}
        )
    columns = {k: np.concatenate([part[k] for part in kept]) for k in kept[0]}
    sigma = pythia.infoPython().sigmaGen() * 1e9
    return columns | {"generated": generated, "sigma": sigma, "above_100": above[100], "above_600": above[600]}
