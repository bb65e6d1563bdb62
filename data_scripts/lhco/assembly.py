"""Turns generated chunks into the embedded Parquet files and their card."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from data_scripts import files

from . import card, jobs, plots, resolution

IMAGES = Path("book/images")


class Generated:
    """The chunks of one job."""

    def __init__(self, job, chunks):
        self.job = job
        self.events = resolution.smeared(np.concatenate([chunk["features"] for chunk in chunks]), job.name)
        self.generated, self.taken = (sum(int(chunk[key]) for chunk in chunks) for key in ("generated", "taken"))
        # pb, of the events that pass all cuts; every chunk estimates the same
        self.sigma = float(np.mean([chunk["sigma"] for chunk in chunks])) * len(self.events) / self.taken

    def row(self):
        row = {"run": self.job.name, "m_jj_tev": list(self.job.window) if self.job.veto else None}
        if self.job.veto:  # signals have no cross section of their own: inject as many events as you like
            row |= {"sigma_pb": self.sigma, "luminosity_fb": len(self.events) / self.sigma / 1000}
        return row | {
            "events_generated": self.generated,
            "after_early_veto": self.taken,
            "events_kept": len(self.events),
        }


def assemble(items, results, folder):
    """Writes `<folder>/<sample>.parquet`, `<folder>/card.json` and the plots.

    Arguments:
        items: All of `jobs.items()`.
        results: What `run` returned for each.
        folder: Where the sample goes; a black box that lies there keeps its row of the card.

    Returns:
        The card.
    """
    folder = Path(folder)
    runs = {job.name: Generated(job, chunks) for job, chunks in files.by_job(items, results).items()}
    rows, samples = {}, {}
    for name in (job.name for job in jobs.SAMPLES):
        path = folder / f"{name}.parquet"
        rows[name] = {"file": path.name, **files.write_table(runs[name].events, path)}
        samples[name] = pd.read_parquet(path)  # rounded: the card is about what is in the files
        rows[name]["inside_region"] = int(inside(samples[name]).sum())
    if (old := folder / "card.json").exists() and "blackbox" in (kept := json.loads(old.read_text())["samples"]):
        rows["blackbox"] = kept["blackbox"]
    studies = {name: run.events[inside(run.events)] for name, run in runs.items() if name not in samples}
    versions = {package: version(package) for package in ("pythia8mc", "fastjet")}
    result = card.card(samples, studies, rows, [run.row() for run in runs.values()], versions)
    files.write_card(result, folder / "card.json")
    plots.draw(samples, IMAGES)
    return result


def inside(events):
    return events["m_jj"].between(*jobs.REGION)
