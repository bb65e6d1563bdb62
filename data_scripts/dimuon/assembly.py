"""Turns generated chunks into the embedded Parquet files and their card."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from data_scripts import files, pythia
from dmlib import compute
from dmlib.features.dimuon import COLUMNS, m_ll

from . import card, jobs, muons, plots, tables

PT_BITS = 11  # of the mantissa: rounded by at most 2^-12 of the value
ANGLE_STEP = 2**-11  # rounded by at most 2.4e-4
COEFFICIENT_BITS = 10
WHOLE_BITS = 20  # for columns that are rounded already, and for weights, of which there are few different ones
EVENTS = {"drell-yan": 1_000_000, **{job.name: 20_000 for job in jobs.Z_PRIME}}
TAIL_MIN = 120.0  # GeV
IMAGES = Path("book/images")


class Generated:
    """The chunks of one job.

    Events are rounded as they will be kept, and those that rounding takes out of the acceptance are left out.
    """

    def __init__(self, job, chunks):
        self.job = job
        self.generated = sum(int(c["generated"]) for c in chunks)
        # pb; every chunk estimates the same cross section
        self.sigma = float(np.mean([c["sigma"] for c in chunks]))
        self.sigma_error = float(np.sqrt(np.sum(np.square([c["sigma_error"] for c in chunks]))) / len(chunks))
        names = (*COLUMNS, "linear", "quadratic") if job.contact else COLUMNS
        self.events = _rounded(pd.DataFrame({k: np.concatenate([c[k] for c in chunks]) for k in names}))

    @property
    def accepted(self):
        """Cross section within the acceptance in pb."""
        return self.sigma * len(self.events) / self.generated

    def weighted(self, total):
        """The events, each with its share of a cross section in pb."""
        return self.events.assign(weight=np.full(len(self.events), self.sigma / self.generated / total))

    def row(self, kept):
        low, high = (line.split("=")[1] for line in self.job.lines if line.startswith("PhaseSpace"))
        return {
            "run": self.job.name,
            "sigma_generator_pb": self.sigma,
            "sigma_error_pb": self.sigma_error,
            "hard_mass_GeV": f"over {low}" if high == "-1" else f"{low} to {high}",
            "events_generated": self.generated,
            "accepted": len(self.events),
            "events_kept": kept,
        }


def _rounded(events):
    for name in COLUMNS:
        value = events[name].to_numpy()
        events[name] = (
            files.rounded(value, PT_BITS)
            if name.startswith("pt")
            else (np.round(value / ANGLE_STEP) * ANGLE_STEP).astype(np.float32)
        )
    if "linear" in events:
        linear, quadratic = (files.rounded(events[k].to_numpy(), COEFFICIENT_BITS) for k in ("linear", "quadratic"))
        # A weight is never negative: quadratic >= linear^2 / 4, after rounding too.
        least = files.rounded(linear**2 / 4 * (1 + 2.0**-COEFFICIENT_BITS), COEFFICIENT_BITS)
        events["linear"], events["quadratic"] = linear, np.maximum(quadratic, least)
    return events[muons.accepted(events)].reset_index(drop=True)


def _samples(runs):
    """The tables to be written, by name."""
    total = runs[jobs.FULL.name].accepted
    samples = {name: runs[name].events.iloc[:n].copy() for name, n in EVENTS.items()}
    for name, n in EVENTS.items():
        if len(samples[name]) < n:
            raise ValueError(f"{name}: {len(samples[name])} events accepted, {n} wanted; generate more chunks")
    samples["drell-yan-tail"] = _shuffled(
        "drell-yan-tail", pd.concat([_tail(runs[job.name], total) for job in jobs.TAIL])
    )
    lowest, *others = (runs[job.name].weighted(total) for job in jobs.CONTACT)
    # The rest of all pairs: the weights sum to one, and toys of the whole spectrum have the right number of events.
    lowest["weight"] = (1 - sum(part["weight"].sum() for part in others)) / len(lowest)
    contact = pd.concat([lowest, *others])
    samples["contact"] = _shuffled("contact", contact[[*COLUMNS, "weight", "linear", "quadratic"]])
    return samples


def _tail(run, total):
    events = run.weighted(total)
    return events[_mass(events) > TAIL_MIN]


def _mass(events):
    return m_ll(*(events[name] for name in COLUMNS))


def _shuffled(name, events):
    return events.iloc[compute.stream(pythia.seed(f"dimuon/{name}/shuffle")).permutation(len(events))]


def assemble(items, results, folder):
    """Writes `<folder>/<sample>.parquet`, `<folder>/card.json` and the plots.

    Arguments:
        items: All of `jobs.items()`.
        results: What `run` returned for each.
        folder: Where the sample goes.

    Returns:
        The card.
    """
    folder = Path(folder)
    runs = {job.name: Generated(job, chunks) for job, chunks in files.by_job(items, results).items()}
    samples = _samples(runs)
    rows = {}
    for name, events in samples.items():
        path = folder / f"{name}.parquet"
        rows[name] = {"file": path.name, **files.write_table(events, path, WHOLE_BITS)}
        if "weight" in events:
            weight = events["weight"].to_numpy(np.float64)
            rows[name] |= {
                "sum_of_weights": float(weight.sum()),
                "effective_events": float(weight.sum() ** 2 / (weight**2).sum()),
                "largest_weight_share": float(weight.max() / weight.sum()),
            }
    samples = {name: events.assign(m_ll=_mass(events)) for name, events in samples.items()}
    kept = EVENTS | {job.name: len(_tail(runs[job.name], 1.0)) for job in jobs.TAIL}
    processes = [run.row(kept.get(name, len(run.events))) for name, run in runs.items()]
    result = card.card(samples, rows, processes, runs[jobs.FULL.name].accepted, version("pythia8mc"))
    files.write_card(result, folder / "card.json")
    plots.draw(samples, tables.table_3(samples), IMAGES)
    return result
