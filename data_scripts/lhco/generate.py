"""Runs one chunk of a job: Pythia, jets, features."""

import numpy as np

from .. import pythia
from . import jets
from .veto import EarlyVeto

BATCH = 250


def run(item):
    """Generates one chunk of a job.

    Arguments:
        item: The job and the number of the chunk.

    Returns:
        Dictionary: `features` (n, 5); `generated` hard events and `taken`, those that the early veto let pass;
        `sigma` in pb of the latter.
    """
    job, chunk = item
    veto = EarlyVeto(job.window, jets.LEADING_PT, jets.ETA_MAX) if job.veto else None
    generator = pythia.start(job.lines, pythia.seed(f"lhco/{job.name}/{chunk}"), veto)
    kept = []
    for start in range(0, job.events, BATCH):
        batch = generator.nextBatch(min(BATCH, job.events - start))
        kept.append(jets.features(batch, *job.window))
    return {
        "features": np.concatenate(kept).astype(np.float32),
        "generated": veto.seen if veto else job.events,
        "taken": job.events,
        "sigma": generator.infoPython().sigmaGen() * 1e9,
    }
