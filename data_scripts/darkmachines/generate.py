"""Runs one piece of one job: Pythia, the detector, the channels.

What passes a channel is often rare: missing momentum of multijets comes from a weak decay of a hadron, from a jet
measured too low, or from both. So in one generated event the weak decays are drawn `job.decays` times, and for each of
these the detector's response `job.responses` times. Of the results that pass a channel `job.kept` at most are kept for
it, drawn at random, and weighted with the share that passed: the weights are exact. To test on one is kept, so that no
two events share their partons; to train on a few are, since unweighting asks for events of equal weight.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np

from data_scripts import pythia
from dmlib import channels, compute, events

from . import detector, hooks, matrix_elements, slha, weak
from .detector import INVISIBLE, Least, Particles, Passage
from .processes import PROCESSES

BATCH = 1_000
OBJECT_COLUMNS = ("kind", "E", "pt", "eta", "phi")
LEAST = {"1": Least(200, 600), "2a": Least(50, 0, 3), "2b": Least(50, 50, 2), "3": Least(100, 600)}
# An event whose visible particles have less than this share of what a channel asks for is not shown to the detector
# (tests/test_data_scripts.py looks for losses).
VISIBLE_SHARE = 0.7


def _start(job, seed):
    """Pythia for a job, and what must live as long as it."""
    low, high = job.pt_hat
    lines = [*(weak.SETTINGS if job.decays > 1 else ()), f"PhaseSpace:pTHatMin={low}", *job.lines]
    if np.isfinite(high):
        lines.append(f"PhaseSpace:pTHatMax={high}")
    hook = hooks.of(job)
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


def ranks(values):
    """The place of each value among those equal to it, from 0, in the order in which they stand."""
    order = np.argsort(values, kind="stable")
    _, first, count = np.unique(values[order], return_index=True, return_counts=True)
    rank = np.empty(len(values), int)
    rank[order] = np.arange(len(values)) - np.repeat(first, count)
    return rank


def _few_each(columns, most, rng):
    """Keeps at most so many draws of each parton-level event, at random; `share` says how many each stands for."""
    order = rng.permutation(len(columns["number"]))
    kept = np.sort(order[ranks(columns["number"][order]) < most])
    passing = np.bincount(columns["number"])
    chosen = columns["number"][kept]
    return select(columns, kept) | {"share": passing[chosen] / np.minimum(passing[chosen], most)}


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
        of the job: the one that an event is kept for), `share` (how many of the draws that passed it stands for) and
        `number` of the parton-level event; and numbers: `generated`, `sigma` in pb, and `above_100`, `above_600`: draws
        with H_T beyond.
    """
    generator, kept = _start(job, seed)
    rng = compute.stream(seed)
    counts = {"generated": job.events, "above_100": 0, "above_600": 0}
    parts, done = [], 0
    while done < job.events:
        particles, n = _particles(generator, min(BATCH, job.events - done))
        record = detector.reconstruct(list(_readings(generator, job, particles, n, rng)), rng)
        record["number"] = done + record.pop("event")
        done += n
        passing = _passing(job, record, counts)
        for i in range(len(job.channels)):
            chosen = np.flatnonzero(passing[:, i])
            here = np.arange(len(job.channels)) == i
            parts.append(
                _few_each(select(record | {"passes": np.tile(here, (len(passing), 1))}, chosen), job.kept, rng)
            )
    sigma = generator.infoPython().sigmaGen() * 1e9
    del generator, kept  # in this order
    columns = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]} if parts else {}
    return columns | counts | {"sigma": sigma}


def _particles(generator, n):
    """The final particles, and the hadrons with heavy quarks, of the next events; and how many events there are."""
    record = generator.nextBatch(n).prt
    event = np.repeat(np.arange(len(record)), ak.to_numpy(ak.num(record.id)))
    pdg, status = (ak.to_numpy(ak.flatten(record[name])) for name in ("id", "status"))
    size = np.abs(pdg)
    keep = (status > 0) | detector.is_hadron_with(size, 5) | detector.is_hadron_with(size, 4)
    columns = {name: ak.flatten(record.p[name]) for name in ("px", "py", "pz", "e")} | {"m": ak.flatten(record.m)}
    columns = {name: ak.to_numpy(column)[keep] for name, column in columns.items()}
    return Particles({"event": event[keep], "id": pdg[keep], "status": status[keep], **columns}), len(record)


def _least(job):
    """What passes one of the job's channels has as much."""
    wanted = [LEAST[c] for c in job.channels] or [Least()]
    return Least(*(min(getattr(w, name) for w in wanted) for name in ("met", "h_t", "leptons")))


def _visible_pt(particles, n):
    """The scalar sum of the visible particles' transverse momenta in each of n events."""
    visible = particles[(particles.status > 0) & ~np.isin(np.abs(particles.id), INVISIBLE)]
    return np.bincount(visible.event, np.hypot(visible.px, visible.py), n)


def _readings(generator, job, particles, n, rng):
    """The draws of decays and detector, with the places of their events among the n."""
    least = _least(job)
    decays = weak.Decays(generator, particles) if job.decays > 1 else None
    worth = _visible_pt(particles, n) >= VISIBLE_SHARE * least.h_t
    if decays and least.leptons:
        worth &= weak.leptons_at_most(Passage(decays.rest, n), decays.hadrons, n) >= least.leptons
    particles, decays = particles.of(worth), decays and decays.of(worth)
    place = np.flatnonzero(worth)
    for _ in range(job.decays):
        drawn = decays.draw() if decays else particles
        enough = Passage(drawn, len(place)).leptons() >= least.leptons
        passage = Passage(drawn.of(enough), int(enough.sum()))
        for _ in range(job.responses):
            reading = passage.measured(rng, least)
            yield replace(reading, event=place[enough][reading.event])


def _passing(job, record, counts):
    """Which of the job's channels each event passes, shape (events, channels); counts events by their H_T."""
    n = len(record["number"])
    columns = {k: v for k, v in record.items() if k != "number"}
    sample = events.from_columns(id=record["number"], process=[job.process] * n, weight=np.ones(n), **columns)
    h_t = channels.h_t(sample)
    for cut in (100, 600):
        counts[f"above_{cut}"] += int((h_t > cut).sum())
    h_t_min = PROCESSES[job.process].h_t_min if job.process in PROCESSES else 0.0
    return (
        np.array([channels.passes(sample, c) & (h_t >= h_t_min) for c in job.channels], bool)
        .reshape(len(job.channels), n)
        .T
    )
