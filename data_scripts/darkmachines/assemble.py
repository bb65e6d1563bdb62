"""Turns generated chunks into the embedded Parquet files and their card."""

import hashlib
import json
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dmlib import events

from . import detector, generate, processes

LUMINOSITY = 10.0  # 1/fb, as the weights of the challenge
PB = 1e3 * LUMINOSITY  # events per pb
CHANNELS = ("1", "2a", "2b", "3")
# The hackathon's backgrounds: events and luminosity in 1/fb (seed paper, section 2.2; Zenodo 3961917).
CHALLENGE = {"1": (214_185, 7.79), "2a": (20_005, 309.6), "2b": (340_268, 7.8), "3": (8_544_111, 8.02)}
IS_NOT = [
    "the challenge's own sample, nor a replacement for it: one hard process with a parton shower, no matched extra "
    "partons, so the tails of jet multiplicity are lighter",
    "a full detector simulation: see the detector's description above",
    "complete: " + "; ".join(f"{k} ({v})" for k, v in processes.MISSING.items()),
    "normalised by its generator: cross sections of the background are those of the challenge's Table 2, times our "
    "acceptance; the factor K between the two is listed for every process",
    "unweighted: slices in the transverse momentum of the hard process have a weight each, so the tails hold more "
    "events than 10/fb would",
]


class Generated:
    """The chunks of one job: columns of the kept events and the totals of the run."""

    def __init__(self, number, job, chunks):
        self.job = job
        self.n = int(sum(c["generated"] for c in chunks))
        # pb; every chunk estimates the same cross section
        self.sigma = job.branching * float(sum(c["sigma"] * c["generated"] for c in chunks) / self.n)
        self.above = {cut: int(sum(c[f"above_{cut}"] for c in chunks)) / self.n for cut in (100, 600)}
        scalars = ("generated", "sigma", "above_100", "above_600")
        self.columns = {k: np.concatenate([c[k] for c in chunks]) for k in chunks[0] if k not in scalars}
        # One number per generated event of the whole sample: an event in two channels has it in both.
        self.columns["id"] = number * 1_000_000 + np.arange(len(self.columns["met"]))

    def channel(self, channel):
        """Columns of the events that pass a channel, each with its cross section in pb as weight."""
        keep = self.columns["passes"][:, self.job.channels.index(channel)]
        objects = np.repeat(keep, self.columns["counts"])
        names = ("id", "met", "met_phi", "counts", *generate.OBJECT_COLUMNS)
        selected = {k: self.columns[k][objects if k in generate.OBJECT_COLUMNS else keep] for k in names}
        n = int(keep.sum())
        return selected | {"process": np.full(n, self.job.process), "weight": np.full(n, self.sigma / self.n)}


def _generator_sigma(process, jobs):
    """Cross section in pb that the generator gives a process within the cuts of Table 2."""
    cut = processes.PROCESSES[process].h_t_min
    inclusive = [g for g in jobs if not g.job.channels or "3" in g.job.channels]
    if cut:
        return sum(g.sigma * g.above[int(cut)] for g in inclusive)
    total = [g for g in inclusive if not g.job.channels]
    return sum(g.sigma for g in total or inclusive)


def _write(folder, channel, name, parts, rng):
    """Shuffles and writes one sample; returns its row of the card."""
    columns = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
    sample = events.from_columns(**columns)
    sample = sample[rng.permutation(len(sample))]
    path = folder / channel / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    events.write_parquet(sample, path)
    weight = columns["weight"]
    return {
        "file": f"{channel}/{name}.parquet",
        "events": len(sample),
        "expected_10fb": float(weight.sum()),
        "effective_events": float(weight.sum() ** 2 / (weight**2).sum()),
        "largest_weight_share": float(weight.max() / weight.sum()),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
    }


def _round(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value


def assemble(chunks, folder):
    """Writes `<folder>/<channel>/<sample>.parquet` and `<folder>/card.json` from the chunks of every job."""
    folder = Path(folder)
    generated = [Generated(number, job, parts) for number, (job, parts) in enumerate(chunks.items())]
    by_process = defaultdict(list)
    for g in generated:
        by_process[g.job.process].append(g)

    rng = np.random.default_rng(20260101)
    samples, background_rows, signal_rows = {}, [], []
    for channel in CHANNELS:
        parts = []
        for process, table in processes.PROCESSES.items():
            used = [g for g in by_process[process] if channel in g.job.channels]
            if not used:
                continue
            sigma = _generator_sigma(process, by_process[process])
            k_factor = table.sigma / sigma
            selected = [g.channel(channel) for g in used]
            for part in selected:
                part["weight"] = part["weight"] * k_factor * PB
            parts += selected
            weight = np.concatenate([p["weight"] for p in selected])
            background_rows.append(
                {
                    "channel": channel,
                    "process": process,
                    "sigma_generator_pb": sigma,
                    "sigma_challenge_pb": table.sigma,
                    "k_factor": k_factor,
                    "events_generated": sum(g.n for g in used),
                    "events_kept": len(weight),
                    "expected_10fb": float(weight.sum()),
                    "ess": float(weight.sum() ** 2 / (weight**2).sum()) if len(weight) else 0.0,
                    "note": table.note,
                }
            )
        samples[f"{channel}/background"] = _write(folder, channel, "background", parts, rng)
        for job in processes.SIGNALS:
            if channel not in job.channels:
                continue
            (g,) = by_process[job.process]
            part = g.channel(channel)
            part["weight"] = part["weight"] * PB
            samples[f"{channel}/{job.process}"] = _write(folder, channel, job.process, [part], rng)
            signal_rows.append(
                {
                    "channel": channel,
                    "signal": job.process,
                    "sigma_generator_pb": g.sigma,
                    "events_generated": g.n,
                    "events_kept": len(part["id"]),
                    "acceptance": len(part["id"]) / g.n,
                }
            )
    challenge = [
        {
            "channel": c,
            "expected_10fb_challenge": n / luminosity * LUMINOSITY,
            "expected_10fb_here": samples[f"{c}/background"]["expected_10fb"],
            "effective_events": samples[f"{c}/background"]["effective_events"],
            "events": samples[f"{c}/background"]["events"],
        }
        for c, (n, luminosity) in CHALLENGE.items()
    ]
    card = {
        "title": "Dark Machines-like events in four channels",
        "licence": "CC-BY-4.0",
        "generator": "Pythia 8, leading order with parton shower and hadronisation, 13 TeV, no multiple interactions",
        "version": {package: version(package) for package in ("pythia8mc", "fastjet")},
        "seeds": "from the name of each run and the number of its chunk: see data_scripts/darkmachines/generate.py",
        "luminosity_fb": LUMINOSITY,
        "detector": detector.DESCRIPTION,
        "cuts": "V + jets only with H_T > 100 GeV and njets with H_T > 600 GeV, as in the challenge",
        "processes": background_rows,
        "signals": signal_rows,
        "channels": challenge,
        "samples": samples,
        "is_not": IS_NOT,
    }
    for rows in (background_rows, signal_rows, challenge):
        for row in rows:
            row.update({k: _round(v) for k, v in row.items()})
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    return card
