"""Turns generated pieces into the embedded Parquet files and their card."""

from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from data_scripts.files import rounded, row, write_card
from dmlib import channels, compute, events

from . import detector, generate, plots, processes, signals

LUMINOSITY = 10.0  # 1/fb, as the weights of the challenge
PB = 1e3 * LUMINOSITY  # events per pb
BITS = 11  # of mantissa: a relative 2e-4, far below any resolution
SIGNAL_EVENTS = {"": 1_500, "mixture": 1_200}  # at most, in one channel
OVERWEIGHT = 1e-2  # of an unweighted sample: see `unweighted`
MOST = {"1": 9_900, "2a": 10_200, "2b": 25_000, "3": 25_000}  # unweighted events, in all parts
# Of the unweighted background; small channels need much of it for a blind set that supports a working point of 1e-2.
BLIND_SHARE, VALIDATION_SHARE = {"1": 0.165, "2a": 0.14, "2b": 0.065, "3": 0.065}, 0.05
# The hackathon's backgrounds: events and luminosity in 1/fb (seed paper, section 2.2; Zenodo 3961917).
CHALLENGE = {"1": (214_185, 7.79), "2a": (20_005, 309.6), "2b": (340_268, 7.8), "3": (8_544_111, 8.02)}
# What the sample expected in 10/fb when its missing momentum was the true one, and W and Z had Table 2's cross sections
# in their leptonic decays alone.
BEFORE = {"1": 54_420.0, "2a": 528.8, "2b": 117_300.0, "3": 627_500.0}
DRAWS = 100  # draws of one parton-level event have ids that agree but for the last two digits
ROUNDED = ("met", "met_true", "met_phi", "E", "pt", "eta", "phi")
SCALARS = ("generated", "sigma", "above_100", "above_600")
IS_NOT = [
    "the challenge's own sample, nor a replacement for it: one hard process with a parton shower, no matched extra "
    "partons, so the tails of jet multiplicity are lighter",
    "a full detector simulation: see the detector's description above",
    "normalised by its generator: cross sections of the background are those of the challenge's Table 2, times our "
    "acceptance; the factor K between the two is listed for every process",
]


class Generated:
    """The pieces of one job: columns of the kept events and the totals of the run."""

    def __init__(self, number, job, pieces):
        self.job = job
        self.n = int(sum(p["generated"] for p in pieces))
        # pb; every piece estimates the same cross section
        self.sigma = job.branching * float(sum(p["sigma"] * p["generated"] for p in pieces) / self.n)
        self.above = {cut: sum(p[f"above_{cut}"] for p in pieces) / self.n for cut in (100, 600)}
        self.columns = self._columns(number, pieces) if job.channels else {}

    def _columns(self, number, pieces):
        columns = {k: np.concatenate([p[k] for p in pieces]) for k in pieces[0] if k not in SCALARS}
        # One number per generated event of the whole sample; its draws are numbered from 0.
        piece = np.repeat(np.arange(len(pieces)), [len(p["number"]) for p in pieces])
        partons = (number * 100_000 + piece) * 100_000 + columns.pop("number")
        self.passes = columns.pop("passes")
        columns["id"] = partons * DRAWS + generate.ranks(partons * len(channels.CHANNELS) + self.passes.argmax(axis=1))
        # pb: what one event stands for
        draws = self.job.decays * self.job.responses
        columns["weight"] = self.sigma / self.n / draws * columns.pop("share")
        columns["process"] = np.full(len(columns["id"]), self.job.process)
        return columns

    def channel(self, channel):
        """Columns of the events that pass a channel, weights in pb."""
        return generate.select(self.columns, np.flatnonzero(self.passes[:, self.job.channels.index(channel)]))


def _together(parts):
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def _scaled(columns, factor):
    return columns | {"weight": columns["weight"] * factor}


def generator_sigma(process, generated):
    """Cross section in pb that the generator gives a process in all its decays, within the cuts of Table 2."""
    table = processes.PROCESSES[process]
    cut = table.h_t_min
    total = [g for g in generated if g.job.process == process and not g.job.channels]
    return sum(g.sigma * (g.above[int(cut)] if cut else 1.0) for g in total) / table.branching


def _effective(weight):
    return float(weight.sum() ** 2 / (weight**2).sum()) if len(weight) else 0.0


def unweighted(columns, rng, most=np.inf):
    """Unweights to `most` events or fewer: every kept event stands for the same number of real ones.

    Of a parton-level event that stands for u times as many, u draws are kept (rounded up or down at random, so that the
    mean is exact). The few that stand for more than all their draws lose `OVERWEIGHT` of the sample, no more.
    """
    weight = columns["weight"]
    _, of_event = np.unique(columns["id"] // DRAWS, return_inverse=True)
    wanted = np.bincount(of_event, weight) / max(_unit(weight), weight.sum() / most)
    wanted = np.floor(wanted + rng.random(len(wanted)))
    kept = np.flatnonzero(columns["id"] % DRAWS < wanted[of_event])
    return generate.select(columns, kept) | {"weight": np.full(len(kept), weight.sum() / len(kept))}


def _unit(weight):
    """The least unit u whose excess, the sum of max(w - u, 0), is at most `OVERWEIGHT` of the sum of weights."""
    falling = np.sort(weight)[::-1]
    excess = np.cumsum(falling) - np.arange(1, len(falling) + 1) * falling  # where u is each of the weights
    n = np.searchsorted(excess, OVERWEIGHT * weight.sum(), side="right")  # so many are larger
    return (falling[:n].sum() - OVERWEIGHT * weight.sum()) / n


def _share(columns, numbers):
    """Some events of an unweighted sample, which then stand for all of it."""
    part = generate.select(columns, np.sort(numbers))
    return _scaled(part, len(columns["id"]) / len(numbers))


def numbered(seed, number):
    """The seed of the number-th of several alike: numpy reads a large one as [seed, number], and these stay apart."""
    return seed + (number << 32)


class Files:
    """Writes samples and collects their rows of the card."""

    def __init__(self, folder):
        self.folder, self.rows = folder, {}

    def write(self, channel, name, columns, seed):
        """Shuffles and writes one sample; events that rounding takes below a cut are dropped."""
        columns = {k: rounded(v, BITS) if k in ROUNDED else v for k, v in columns.items()}
        sample = events.from_columns(**columns)
        sample = sample[channels.passes(sample, channel)]
        sample = sample[compute.stream(seed).permutation(len(sample))]
        path = self.folder / channel / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        events.write_parquet(sample, path)
        weight = sample.weight.to_numpy().astype(float)
        self.rows[f"{channel}/{name}"] = {
            "file": f"{channel}/{name}.parquet",
            **row(path, len(sample)),
            "expected_10fb": float(weight.sum()),
            "effective_events": _effective(weight),
            "largest_weight_share": float(weight.max() / weight.sum()),
        }


def by_job(items, results):
    """The generated jobs, from their pieces."""
    pieces = defaultdict(list)
    for (job, _), result in zip(items, results, strict=True):
        pieces[job.name].append((job, result))
    return [
        Generated(number, parts[0][0], [result for _, result in parts])
        for number, parts in enumerate(pieces.values())
    ]  # fmt: skip


def background(generated, channel, role):
    """Columns of all processes of a channel, weighted for 10/fb, and a row of the card for each."""
    parts, rows = [], []
    for process, table in processes.PROCESSES.items():
        used = [g for g in generated if (g.job.process, g.job.role) == (process, role) and channel in g.job.channels]
        if not used:
            continue
        sigma = generator_sigma(process, generated)
        parts += (selected := [_scaled(g.channel(channel), PB * table.sigma / sigma) for g in used])
        weight = np.concatenate([p["weight"] for p in selected])
        rows.append(
            {
                "channel": channel,
                "process": process,
                "sigma_generator_pb": sigma,
                "sigma_challenge_pb": table.sigma,
                "k_factor": table.sigma / sigma,
                "expected_10fb": float(weight.sum()),
                "share": 0.0,
                "events_generated": sum(g.n for g in used),
                "events_kept": len(weight),
                "ess": _effective(weight),
                "note": table.note,
            }
        )
    total = sum(r["expected_10fb"] for r in rows)
    for r in rows:
        r["share"] = r["expected_10fb"] / total
    return _together(parts), rows


def shares(columns, channel):
    """The unweighted background, split by parton-level event: train, validation, blind."""
    rng = compute.stream(numbered(20260101, channels.CHANNELS.index(channel)))
    pool = unweighted(columns, rng, MOST[channel])
    partons, of_event = np.unique(pool["id"] // DRAWS, return_inverse=True)
    place = rng.permutation(len(partons))[of_event] / len(partons)
    blind = BLIND_SHARE[channel]
    part = np.digitize(place, (1 - blind - VALIDATION_SHARE, 1 - blind))
    return {k: _share(pool, np.flatnonzero(part == i)) for i, k in enumerate(("train", "validation", "blind"))}


def _signal(files, generated, job, kind, number):
    """Writes a signal in its channels; returns its rows of the card."""
    (g,) = [g for g in generated if g.job.name == job.name]
    rows = []
    for channel in job.channels:
        columns = _scaled(g.channel(channel), PB)
        kept = len(columns["id"])
        if not kept:
            continue
        if kept > SIGNAL_EVENTS[kind]:
            chosen = compute.stream(numbered(20260102, number)).permutation(kept)[: SIGNAL_EVENTS[kind]]
            columns = _share(columns, chosen)
        name = f"{kind}/{job.process}".lstrip("/")
        files.write(channel, name, columns, numbered(20260103, number))
        rows.append(
            {
                "channel": channel,
                "signal": job.process,
                "sigma_generator_pb": g.sigma,
                "events_generated": g.n,
                "events_passing": kept,
                "events_kept": files.rows[f"{channel}/{name}"]["events"],
                "acceptance": kept / g.n,
            }
        )
    return rows


def assemble(items, results, folder):
    """Writes `<folder>/<channel>/<sample>.parquet` and `<folder>/card.json`; returns the card."""
    generated, files = by_job(items, results), Files(Path(folder))
    train_rows, test_rows, summary = [], [], []
    for number, channel in enumerate(channels.CHANNELS):
        columns, rows = background(generated, channel, "train")
        train_rows += rows
        parts = shares(columns, channel)
        files.write(channel, "background", parts["train"], numbered(20260104, number))
        files.write(channel, "background-validation", parts["validation"], numbered(20260105, number))
        test, rows = background(generated, channel, "test")
        test_rows += rows
        files.write(channel, "background-test", test, numbered(20260106, number))
        n, luminosity = CHALLENGE[channel]
        summary.append(
            {
                "channel": channel,
                "expected_10fb_challenge": n / luminosity * LUMINOSITY,
                "expected_10fb_before": BEFORE[channel],
                "expected_10fb_here": files.rows[f"{channel}/background-test"]["expected_10fb"],
                "train": files.rows[f"{channel}/background"]["events"],
                "train_partons": len(np.unique(parts["train"]["id"] // DRAWS)),
                "validation": files.rows[f"{channel}/background-validation"]["events"],
                "test": files.rows[f"{channel}/background-test"]["events"],
                "test_effective": files.rows[f"{channel}/background-test"]["effective_events"],
                "test_effective_tail": _tail(test),
            }
        )
    signal_rows, mixture_rows = [], []
    for number, job in enumerate(signals.TEST):
        signal_rows += _signal(files, generated, job, "", number)
    for number, job in enumerate(signals.MIXTURE):
        mixture_rows += _signal(files, generated, job, "mixture", 1_000 + number)
    for channel in channels.CHANNELS:  # made apart: see blind.py
        if (path := files.folder / channel / "blind.parquet").exists():
            rows = {"file": f"{channel}/blind.parquet", **row(path, len(events.read_parquet(path)))}
            files.rows[f"{channel}/blind"] = rows
    plots.draw(folder)
    card = {
        "title": "Dark Machines-like events in four channels",
        "licence": "CC-BY-4.0",
        "generator": "Pythia 8, leading order with parton shower and hadronisation, 13 TeV, no multiple interactions",
        "version": {package: version(package) for package in ("pythia8mc", "fastjet")},
        "seeds": "from the name of each run and the number of its piece: see data_scripts/darkmachines",
        "luminosity_fb": LUMINOSITY,
        "detector": detector.DESCRIPTION,
        "cuts": "V + jets only with H_T > 100 GeV and njets with H_T > 600 GeV, as in the challenge",
        "unweighting": "without replacement; where fake missing momentum makes few parton-level events stand for many, "
        "several draws of their decays and of the detector are kept, which share their partons and stay in one of the "
        f"parts; what stands for more than all its draws loses {OVERWEIGHT:.1%} of a channel's weight",
        "precision": f"float32, rounded to {BITS} binary digits: a relative 2e-4",
        "channels": summary,
        "train_processes": train_rows,
        "test_processes": test_rows,
        "signals": sorted(signal_rows, key=lambda r: r["channel"]),
        "signal_notes": signals.NOTES,
        "mixture_signals": sorted(mixture_rows, key=lambda r: r["channel"]),
        "families": signals.FAMILIES,
        "not_generated": processes.MISSING,
        "samples": files.rows,
        "is_not": IS_NOT,
    }
    write_card(card, Path(folder) / "card.json")
    return card


def _tail(columns):
    """Effective number of events past the cut on H_T + MET that keeps 1e-3 of the background."""
    n, weight = len(columns["counts"]), columns["weight"]
    jet = np.isin(columns["kind"], ("j", "b"))
    h_t = np.bincount(np.repeat(np.arange(n), columns["counts"])[jet], columns["pt"][jet], n)
    order = np.argsort(-(h_t + columns["met"]))
    past = order[np.cumsum(weight[order]) <= 1e-3 * weight.sum()]
    return _effective(weight[past])
