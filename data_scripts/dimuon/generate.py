"""Runs one chunk: Pythia's events, their muons, the acceptance."""

import awkward as ak
import numpy as np

from data_scripts import pythia
from dmlib import compute

from . import contact, muons

BATCH = 2_000
COMMON = ("HadronLevel:all=off",)


def run(item):
    """Generates a chunk.

    Arguments:
        item: (`jobs.Job`, number of the chunk).

    Returns:
        Columns of the accepted events, the number generated, and Pythia's cross section and its error in pb.
    """
    job, chunk = item
    name = f"dimuon/{job.name}/{chunk}"
    generator = pythia.start((*COMMON, *job.lines), pythia.seed(name))
    rng = compute.stream(pythia.seed(f"{name}/smearing"))
    parts = []
    for start in range(0, job.events, BATCH):
        batch = generator.nextBatch(min(BATCH, job.events - start))
        parts.append(_features(batch, rng, job.contact))
    info = generator.infoPython()
    return {
        "generated": job.events,
        "sigma": info.sigmaGen() * 1e9,
        "sigma_error": info.sigmaErr() * 1e9,
        **{k: np.concatenate([part[k] for part in parts]).astype(np.float32) for k in parts[0]},
    }


def _features(batch, rng, with_contact):
    record = flat(batch.prt)
    final = (record["status"] > 0) & (np.abs(record["id"]) == 13)
    muon = {k: v[final] for k, v in record.items()}
    kept, columns = muons.select(
        muon["event"], np.sign(muon["id"]), muon["px"], muon["py"], muon["pz"], len(batch), rng
    )
    if with_contact:
        linear, quadratic = contact.coefficients(*hard_process(batch, record))
        columns |= {"linear": linear[kept], "quadratic": quadratic[kept]}
    return columns


def flat(particles):
    """The event records one after the other, as arrays."""
    columns = {"event": np.repeat(np.arange(len(particles)), ak.to_numpy(ak.num(particles.id)))}
    columns |= {k: ak.to_numpy(ak.flatten(particles[k])) for k in ("id", "status")}
    return columns | {k: ak.to_numpy(ak.flatten(particles.p[k])) for k in ("px", "py", "pz", "e")}


def hard_process(batch, record):
    """The incoming quark, the cosine of its angle to the mu-, the mass squared and the coupling of every event."""
    hard = np.abs(record["status"]) == 23  # before they radiate
    minus, plus = (_momentum(record, hard & (record["id"] == charge * 13)) for charge in (1, -1))
    pair = minus + plus
    process = _momentum(record, record["status"] == -22)  # the pair before the partons radiated
    # Pythia takes the muons of the hard process to the pair's last momentum by one boost; this is the way back.
    half = (process - pair)[:3] / (process + pair)[3]
    minus = _boosted(minus, 2 * half / (1 + (half**2).sum(axis=0)))
    minus = _boosted(minus, -process[:3] / process[3])
    first, s, alpha = (ak.to_numpy(batch.info[k]) for k in ("id1", "sHat", "alphaEM"))  # the first parton has pz > 0
    cos_theta = np.sign(first) * minus[2] / np.sqrt((minus[:3] ** 2).sum(axis=0))
    return np.abs(first), cos_theta, s, alpha


def _momentum(record, mask):
    return np.stack([record[k][mask] for k in ("px", "py", "pz", "e")])


def _boosted(p, beta):
    gamma = 1 / np.sqrt(1 - (beta**2).sum(axis=0))
    along = (beta * p[:3]).sum(axis=0)
    space = p[:3] + beta * gamma * (gamma / (gamma + 1) * along + p[3])
    return np.concatenate([space, [gamma * (p[3] + along)]])
