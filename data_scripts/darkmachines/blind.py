"""The signals of the blind set: if you want to take part, do not read on.

The set is sealed by agreement: its signals appear nowhere else in the course, its seeds come from `PHRASE`, and it is
generated outside `make data`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from data_scripts import pythia
from data_scripts.files import rounded
from dmlib import channels, compute, events

from . import assembly, generate, items
from .job import Job, decays

PHRASE = "a lantern of paper over quiet water"

# Pairs of scalar leptoquarks, each to a top quark and a tau.
LEPTOQUARK = ("LeptoQuark:gg2LQLQbar=on", "LeptoQuark:qqbar2LQLQbar=on", "42:m0=900", "42:0:products=6 15")
# Pairs of heavy down-type quarks, each to a top quark and a W.
HEAVY_QUARK = (
    "FourthBottom:gg2bPrimebPrimebar=on", "FourthBottom:qqbar2bPrimebPrimebar=on", "FourthGeneration:VtbPrime=0.2",
    "7:m0=850", "8:m0=3000", *decays(7, "6"),
)  # fmt: skip
# Pairs of excited muon neutrinos, each to a W and a muon or a Z and a neutrino.
EXCITED_NEUTRINO = ("ExcitedFermion:qqbar2numuStarnumuStar=on", "4000014:m0=400", "ExcitedFermion:contactDec=0.")
# A heavy boson to two quarks of a hidden sector, whose hadrons decay to quarks or, two in five, to dark matter.
_DARK_HADRONS = (4900111, 4900113, 4900211, 4900213)
DARK_JETS = (
    "HiddenValley:ffbar2Zv=on", "4900023:m0=2500", "4900023:mMin=2000", *decays(4900023, "4900101"),
    "HiddenValley:Ngauge=2", "HiddenValley:nFlav=2", "HiddenValley:FSR=on", "HiddenValley:fragment=on",
    "HiddenValley:alphaOrder=1", "HiddenValley:setLambda=on", "HiddenValley:Lambda=10.", "HiddenValley:pTminFSR=11.",
    "4900101:m0=10", "52:m0=5",
    *(f"{pdg}:m0=20" for pdg in _DARK_HADRONS),
    *(f"{pdg}:oneChannel=1 0.4 91 52 -52" for pdg in _DARK_HADRONS),
    *(f"{pdg}:addChannel=1 0.3 91 {q} -{q}" for pdg in _DARK_HADRONS for q in (1, 3)),
)  # fmt: skip
LEPTONIC = (*decays(24, "11 13 15"), *decays(23, "11 13 15"))

SIGNALS = [
    Job("leptoquark", LEPTOQUARK, ("1", "2b", "3"), 3_000),
    Job("heavy-quark", HEAVY_QUARK, ("3",), 1_000),
    Job("heavy-quark", (*HEAVY_QUARK, *LEPTONIC), ("2a",), 3_000, variant="-leptonic"),
    Job("excited-neutrino", (*EXCITED_NEUTRINO, *LEPTONIC), ("2a", "2b"), 2_000),
    Job("dark-jets", DARK_JETS, ("1", "3"), 3_000),
]
# Events of each signal in a channel, and noise events for each thousand of background.
EVENTS = {
    "1": {"leptoquark": 40, "dark-jets": 60},
    "2a": {"heavy-quark": 60, "excited-neutrino": 50},
    "2b": {"leptoquark": 60, "excited-neutrino": 50},
    "3": {"leptoquark": 50, "heavy-quark": 60, "dark-jets": 80},
}
NOISE = 15
CODES = dict(zip(("dark-jets", "excited-neutrino", "heavy-quark", "leptoquark"), "CADB", strict=True))
OBJECTS = ("kind", "E", "pt", "eta", "phi")


def run(item):
    """Generates a piece of a job, as `generate.run`, with a seed of its own."""
    job, number = item
    return generate.generate(job, pythia.seed(f"{PHRASE}/{job.name}/{number}"))


def noise(columns, channel, n, rng):
    """Events of no theory: each takes its objects, one by one, and its missing momentum from different events."""
    shuffled = dict(columns)
    objects = rng.permutation(len(columns["pt"]))
    shuffled |= {name: columns[name][objects] for name in OBJECTS}
    met = rng.permutation(len(columns["met"]))
    shuffled |= {name: columns[name][met] for name in ("met", "met_phi", "met_true")}
    passing = np.flatnonzero(channels.passes(events.from_columns(**shuffled), channel))
    return generate.select(shuffled, np.sort(rng.choice(passing, n, replace=False)))


def main(folder="dmlib/data/darkmachines"):
    """Writes `<channel>/blind.parquet` and the labels, `blind-truth.parquet`, once all other samples are generated."""
    everything = items()
    generated = assembly.by_job(
        everything, compute.map(generate.run, everything, store="_generated/darkmachines", progress=True)
    )
    pieces = [piece for job in SIGNALS for piece in job.pieces()]
    hidden = assembly.by_job(pieces, compute.map(run, pieces, store="_generated/darkmachines-blind", progress=True))
    truth = []
    for number, channel in enumerate(channels.CHANNELS):
        rng = compute.stream(assembly.numbered(pythia.seed(PHRASE), number))
        background = assembly.shares(assembly.background(generated, channel, "train")[0], channel)["blind"]
        n = len(background["id"])
        parts = {"background": background, "noise": noise(background, channel, round(n * NOISE / 1_000), rng)}
        for name, wanted in EVENTS[channel].items():
            (signal,) = [g for g in hidden if g.job.process == name and channel in g.job.channels]
            columns = signal.channel(channel)
            chosen = rng.choice(len(columns["id"]), wanted, replace=False)
            parts[CODES[name]] = generate.select(columns, np.sort(chosen))
        labels = np.repeat(list(parts), [len(part["id"]) for part in parts.values()])
        columns = {k: np.concatenate([part[k] for part in parts.values()]) for k in background}
        columns = {k: rounded(v, assembly.BITS) if k in assembly.ROUNDED else v for k, v in columns.items()}
        columns |= {"weight": np.ones(len(labels)), "process": np.full(len(labels), "unknown")}
        del columns["met_true"]  # it would tell too much
        passing = rng.permutation(np.flatnonzero(channels.passes(events.from_columns(**columns), channel)))
        columns["id"] = np.argsort(np.append(passing, np.setdiff1d(np.arange(len(labels)), passing)))
        sample = events.from_columns(**columns)[passing]  # numbered from 0
        events.write_parquet(sample, Path(folder) / channel / "blind.parquet")
        truth.append(pd.DataFrame({"channel": channel, "label": labels[passing]}))
    pd.concat(truth, ignore_index=True).to_parquet(Path(folder) / "blind-truth.parquet", index=False)


if __name__ == "__main__":
    main()
