"""`make nplm-dimuon`: pairs of muons, for chapter 18: the deep network on three hypotheses, scans by kernel machine.

Sections 4 and 5 of Learning Multivariate New Physics (D'Agnolo et al., 2019). All toys come from one sample of a
million Drell-Yan events. Each block shuffles it anew and cuts it into a part for references, one for null toys, and one
for toys with signal: within a block no two of them share an event. Another block finds the events in other roles.

Every item has streams of its own; `SHARED` names what several have in common on purpose.
"""

import time
from functools import cache
from typing import NamedTuple

import numpy as np

from dmlib import compute, nplm, samples
from dmlib.features.dimuon import COLUMNS
from tools import studies

FEATURES = list(COLUMNS)
EXPECTED, RATIO = 20_000, 5  # N(R), and reference events for each
NONE = "no signal"  # not "null", which pandas reads as a missing value
SEED = 18

# The deep network, as published but for the way to the minimum: toys of full size have one start, which takes 15 s.
ARCHITECTURE, CLIPPING = (5, 5, 5, 5, 1), 2.5
LONG = nplm.Adam(epochs=3_000, learning_rate=1e-2)
RECIPE = nplm.Newton(LONG, starts=1)
RECIPES = {"newton": "newton", "adam": "adam", "one start": RECIPE, "six long": nplm.Newton(LONG)}
HYPOTHESES = {NONE: (), "zprime-300": ("zprime-300", 40), "contact": ("contact", 1.0)}
DEEP_TOYS, DEEP_BLOCK = 30, 5  # of each hypothesis; fitted together
SMALL, SMALL_TOYS, SMALL_SIGNAL = 1 / 40, 8, 6  # to compare the recipes: size, toys, signal events in half of them
MASSES = [60, 75, 85, 90, 95, 105, 120, 140, 160, 180, 200, 220, 240, 260, 280, 300, 320, 340, 370, 400, 450, 500, 600]
MASSES += [800, 2_000]

# The kernel machine of chapter 19: published width and penalty, fewer centres.
CENTRES, SIGMA, PENALTY = 150, 3.0, 1e-6
BLOCKS, NULL, TOYS = 50, 6, 2  # a block holds so many null toys, and so many toys of each signal
PEAK = 95  # GeV: up to there the contact interaction adds and removes a few events of 18,000, and is left out


class Configuration(NamedTuple):
    """An experiment, and the signals in it.

    Arguments:
        signals: Names, and for each the sizes: number of expected events N(S) of a Z', c_W of the contact interaction.
        expected: Expected number of events N(R) before the cut.
        ratio: Reference events for each of them.
        cut: Least pT of the first muon, or least mass, in GeV.
        features: What the machine sees.
        stiff: Keep the penalty times the number of events as it is without the cut.
    """

    signals: dict
    expected: int = EXPECTED
    ratio: float = RATIO
    cut: tuple[str, float] | None = None
    features: list[str] = FEATURES
    stiff: bool = False


ALL = {"zprime-200": (20, 40, 60, 80), "zprime-300": (10, 15, 20, 25, 30, 35, 40, 50, 60), "zprime-600": (4, 6, 10, 15)}
ALL["contact"] = (0.5, 1.0, 1.5, 2.0, 2.5)
CONFIGURATIONS = {
    "whole": Configuration(ALL),
    "m_ll > 95": Configuration(ALL, cut=("m_ll", 95)),
    "pT > 75": Configuration({"zprime-300": (20, 40)}, cut=("pt1", 75)),
    "mass for angle": Configuration({"zprime-300": (20, 40)}, features=[*FEATURES[:4], "m_ll"]),
    **{f"N(R) = {n}": Configuration({"zprime-300": (n // 1000,)}, n) for n in (10_000, 40_000, 100_000)},
    **{f"reference {r}": Configuration({"zprime-300": (40,)}, ratio=r) for r in (0.25, 0.5, 1, 2, 10)},
    "m_ll > 95, stiff": Configuration(ALL, cut=("m_ll", 95), stiff=True),
    "pT > 75, stiff": Configuration({"zprime-300": (20, 40)}, cut=("pt1", 75), stiff=True),
}


@cache
def _sample(name):
    """Features, mass (and what a contact interaction with c_W = 1 adds, in both orders) of a sample."""
    events = samples.load(f"dimuon/{name}")
    if name == "contact":
        events = events[events.m_ll > PEAK]
        events = events.assign(linear=events.weight * events.linear, quadratic=events.weight * events.quadratic)
    return {column: events[column].to_numpy(float) for column in events}


def _rows(name, chosen):
    return np.column_stack([_sample(name)[column][chosen] for column in (*FEATURES, "m_ll")])


def added(signal: str, size: float, expected: float, rng: np.random.Generator) -> np.ndarray:
    """Signal events of one toy: features and mass."""
    if signal != "contact":
        events = len(_sample(signal)["m_ll"])
        return _rows(signal, rng.choice(events, rng.poisson(size), replace=False))
    change = np.maximum(size * _sample(signal)["linear"] + size**2 * _sample(signal)["quadratic"], 0)
    number = rng.poisson(expected * change.sum())
    return _rows(signal, rng.choice(len(change), number, p=change / change.sum()))


def shuffled(*path: str | int) -> np.ndarray:
    """All Drell-Yan events, features and mass, in an order of their own."""
    rng = compute.stream(SEED, *path, "order of the events")
    return _rows("drell-yan", rng.permutation(len(_sample("drell-yan")["m_ll"])))


def deep(item: dict) -> studies.Tables:
    """t of a block of toys by the deep network, and what it has learnt."""
    start = time.process_time()
    toys, references, reuse = deep_toys(item)
    rows, learnt = [], []
    scaled = [nplm.normalise(r[:, :-1], r[:, :-1], x[:, :-1]) for r, x in zip(references, toys, strict=True)]
    seed = compute.seed(SEED, "deep", item["hypothesis"], item["block"], "weights")
    fits = nplm.fit_models(*zip(*scaled, strict=True), EXPECTED, ARCHITECTURE, CLIPPING, RECIPE, seed)
    seconds = (time.process_time() - start) / len(toys)
    for i, (x, t) in enumerate(zip(toys, fits.t, strict=True)):
        name = {"hypothesis": item["hypothesis"], "toy": item["block"] * DEEP_BLOCK + i}
        rows.append(name | {"events": len(x), "t": t, "reuse": reuse, "seconds": seconds})
        f = fits.log_ratio(scaled[i][0])[i]
        learnt += [name | row for row in ratio(references[i][:, -1], x[:, -1], f)]
    return {"nplm-dimuon": rows, "nplm-dimuon-ratio": learnt}


def deep_toys(item: dict) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """Toys of a block, a reference for each of them, and how often the block uses an event."""
    path, n = ("deep", item["hypothesis"], item["block"]), item.get("toys", DEEP_BLOCK)
    events = shuffled(*path)
    references = np.split(events[: n * RATIO * EXPECTED], n)
    pool = events[n * RATIO * EXPECTED :]
    toys, reuse = nplm.draw_from(pool, EXPECTED, n, compute.seed(SEED, *path, "background"))
    if signal := HYPOTHESES[item["hypothesis"]]:
        rng = compute.stream(SEED, *path, "signal")
        toys = [np.concatenate([x, added(*signal, EXPECTED, rng)]) for x in toys]
    return toys, references, reuse


def recipes(item: dict) -> studies.Tables:
    """t of small toys, half of them with a Z' of 300 GeV, by one of the recipes."""
    expected, rng = round(SMALL * EXPECTED), compute.stream(SEED, "compared toys", "sizes and signal")
    size = RATIO * expected
    events = shuffled("compared toys")
    toys = [events[start : start + rng.poisson(expected)] for start in size + 2 * expected * np.arange(SMALL_TOYS)]
    for i in range(SMALL_TOYS // 2, SMALL_TOYS):
        toys[i] = np.concatenate([toys[i], added("zprime-300", SMALL_SIGNAL, expected, rng)])
    reference, *toys = nplm.normalise(events[:size, :-1], events[:size, :-1], *(x[:, :-1] for x in toys))
    start, seed = time.process_time(), compute.seed(SEED, "compared weights")
    t = nplm.fit(reference, toys, expected, ARCHITECTURE, CLIPPING, RECIPES[item["recipe"]], seed)
    seconds = time.process_time() - start
    rows = [item | {"toy": i, "t": value, "seconds": seconds / len(toys)} for i, value in enumerate(t)]
    return {"nplm-dimuon-recipes": rows}


def ratio(reference_masses: np.ndarray, masses: np.ndarray, f: np.ndarray) -> list[dict]:
    """Events in bins of the mass: expected, seen, and as the network has it."""
    weight = EXPECTED / len(reference_masses)
    expected = weight * np.histogram(reference_masses, MASSES)[0]
    learnt = weight * np.histogram(reference_masses, MASSES, weights=np.exp(f))[0]
    seen = np.histogram(masses, MASSES)[0]
    names = ("low", "high", "expected", "learnt", "seen")
    return [
        dict(zip(names, map(float, row), strict=True))
        for row in zip(MASSES[:-1], MASSES[1:], expected, learnt, seen, strict=True)
    ]


def scan(item: dict) -> studies.Tables:
    """t of a block of toys of a configuration: without signal, and with each of its signals, on the same background."""
    name, block = item["configuration"], item["block"]
    c, path = CONFIGURATIONS[name], ("scan", name, block)
    columns = [[*FEATURES, "m_ll"].index(feature) for feature in c.features]
    place = [*FEATURES, "m_ll"].index(c.cut[0]) if c.cut else None

    def selected(events):
        return events[events[:, place] > c.cut[1]] if c.cut else events

    everything = shuffled(*path)
    size = round(c.ratio * c.expected)
    reference = selected(everything[:size])
    for_null, for_toys = np.array_split(everything[size:], 2)
    null, reuse_null = nplm.draw_from(for_null, c.expected, NULL, compute.seed(SEED, *path, "null toys"))
    toys, reuse_toys = nplm.draw_from(for_toys, c.expected, TOYS, compute.seed(SEED, *path, "background"))

    kept = len(reference) / size
    x = reference[:, columns]
    scaled = nplm.normalise(x, x)[0]
    machine = nplm.KernelMachine(scaled[:CENTRES], SIGMA, PENALTY / kept if c.stiff else PENALTY)

    def sums(events):
        return machine.sums(nplm.normalise(x, selected(events)[:, columns])[0])

    found = [{"signal": NONE, "size": 0.0, "toy": i, "reuse": reuse_null} for i in range(NULL)]
    of_toys, background = [sums(events) for events in null], [sums(events) for events in toys]
    for signal, sizes in c.signals.items():
        for value in sizes:
            for i in range(TOYS):
                rng = compute.stream(SEED, *path, "signal", signal, str(value), i)
                events = added(signal, value, c.expected, rng)
                of_toys.append(background[i] + sums(events) if len(selected(events)) else background[i])
                found.append({"signal": signal, "size": float(value), "toy": i, "reuse": reuse_toys})
    t = machine.fit(scaled, of_toys, c.expected * kept).t
    rows = [
        {"configuration": name, "expected": c.expected, "ratio": c.ratio, "block": block, **row, "t": float(value)}
        for row, value in zip(found, t, strict=True)
    ]
    return {"nplm-dimuon-scans": rows}


STUDY = studies.Study(
    "nplm-dimuon",
    "make nplm-dimuon",
    {
        deep: [{"hypothesis": name, "block": b} for b in range(DEEP_TOYS // DEEP_BLOCK) for name in HYPOTHESES],
        scan: [{"configuration": c, "block": block} for block in range(BLOCKS) for c in CONFIGURATIONS],
        recipes: [{"recipe": recipe} for recipe in RECIPES],
    },
    {"architecture": ARCHITECTURE, "weight_clipping": CLIPPING, "recipe": repr(RECIPE)}
    | {"centres": CENTRES, "sigma": SIGMA, "penalty": PENALTY, "blocks": BLOCKS},
    shared=("compared toys", "compared weights"),  # of the recipes
)
