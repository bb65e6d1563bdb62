"""Runs one piece of one job: Pythia, the detector, the channels."""

import itertools
import tempfile
from pathlib import Path

import numpy as np

from data_scripts import pythia
from dmlib import channels, compute, events

from . import candidates, detector, matrix_elements, slha
from .processes import PROCESSES

BATCH = 200
OBJECT_COLUMNS = ("kind", "E", "pt", "eta", "phi")


def _start(job, seed):
    """Pythia for a job, and what must live as long as it."""
    low, high = job.pt_hat
    lines = [*candidates.settings(), f"PhaseSpace:pTHatMin={low}", *job.lines]
    if np.isfinite(high):
        lines.append(f"PhaseSpace:pTHatMax={high}")
    hook = candidates.hook(job)
    kept = [hook]
    with tempfile.TemporaryDirectory() as folder:
        if job.spectrum:
            path = Path(folder) / "spectrum.slha"
            slha.write(path, *job.spectrum)
            lines += [f"SLHA:file={path}", "SLHA:verbose=0"]
        return pythia.start(lines, seed, hook, lambda p: kept.extend(matrix_elements.attach(p, job))), kept


def select(columns, events):
    """The columns of some events; `events` are sorted indices."""
    objects = np.isin(np.repeat(np.arange(len(columns["counts"])), columns["counts"]), events)
    return {k: v[objects if k in OBJECT_COLUMNS else events] for k, v in columns.items()}


def _one_each(columns, rng):
    """Keeps one event a parton-level event, drawn at random; `share` counts those there were."""
    order = rng.permutation(len(columns["number"]))
    _, first, share = np.unique(columns["number"][order], return_index=True, return_counts=True)
    chosen = np.sort(order[first])  # of one number there is one, and numbers ascend
    return select(columns, chosen) | {"share": share}


def run(item):
    """Generates a piece of a job and its number, with a seed of their names: see `generate`."""
    job, number = item
    return generate(job, pythia.seed(f"darkmachines/{job.name}/{number}"))


def generate(job, seed):
    """Generates the events of a job.

    Arguments:
        job: The job, or a piece of it (see `Job.pieces`).
        seed: For Pythia and the detector.

    Returns:
        Dictionary of arrays: the columns of the kept events (see `events.from_columns`), `passes` (events, channels
        of the job), `share` (how many of the drawn decays passed), `number` of the parton-level event; and numbers:
        `generated`, `sigma` in pb, and `above_100`, `above_600`: events with H_T beyond, in jobs without
        channels.
    """
    generator, kept = _start(job, seed)
    rng = compute.stream(seed)
    h_t_min = PROCESSES[job.process].h_t_min if job.process in PROCESSES else 0.0
    counts = {"generated": job.events, "above_100": 0, "above_600": 0}
    parts = []
    found = candidates.find(generator, job)
    while batch := list(itertools.islice(found, BATCH)):
        number, particles = zip(*batch, strict=True)
        record, n = detector.detect(particles, rng), len(batch)
        sample = events.from_columns(id=np.array(number), process=[job.process] * n, weight=np.ones(n), **record)
        h_t = channels.h_t(sample)
        for cut in (100, 600):
            counts[f"above_{cut}"] += int((h_t > cut).sum())
        passes = np.array([channels.passes(sample, c) & (h_t >= h_t_min) for c in job.channels], bool).reshape(-1, n).T
        parts.append(
            select(record | {"number": np.array(number), "passes": passes}, np.flatnonzero(passes.any(axis=1)))
        )
    columns = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]} if parts else _nothing(job)
    sigma = generator.infoPython().sigmaGen() * 1e9
    del generator, kept  # in this order
    return _one_each(columns, rng) | counts | {"sigma": sigma}


def _nothing(job):
    floats = dict.fromkeys(("met", "met_phi", "E", "pt", "eta", "phi"), np.zeros(0))
    whole = dict.fromkeys(("counts", "number"), np.zeros(0, int))
    return floats | whole | {"kind": np.zeros(0, "<U2"), "passes": np.zeros((0, len(job.channels)), bool)}
