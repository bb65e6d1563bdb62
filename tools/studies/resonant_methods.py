"""`make resonant`: the methods for overdensities side by side, each with five samples and trainings.

An item is one data set with one seed; all its methods share the flow of the side bands.
"""

import itertools
from dataclasses import asdict

import numpy as np
from scipy.stats import rankdata, spearmanr

from dmlib import compute, metrics, resonant
from dmlib.models import Flow
from dmlib.resonant.benchmark import REGION
from dmlib.training import Recipe
from tools import studies

SEEDS = range(5)
SIZES = (100, 300, 500, 2_000)  # 1,000 is the benchmark's own
NOISE = (2, 5, 10)

# Between the chapters' quick settings and those of the papers, which take days on two cores.
FLOW = {"kind": "rqs", "transforms": 2, "hidden": (64,)}
OUTER = Recipe(epochs=5, batch_size=512, learning_rate=5e-3, anneal=True, validation=0.1)
INNER = OUTER.replace(epochs=8)
RESIDUAL = Recipe(epochs=15, batch_size=1024, learning_rate=3e-3, validation=0.3, keep=3, clip=10)
NETWORK = Recipe(epochs=15, batch_size=512, validation=0.2, keep=5)
TREES = {"ensemble": 5}
RECIPES = {"outer": OUTER, "inner": INNER, "residual": RESIDUAL, "network": NETWORK}
SETTINGS = {"flow": FLOW, "trees": TREES} | {name: asdict(recipe) for name, recipe in RECIPES.items()}

COMBINED = ("CWoLa, trees", "CATHODE, trees", "ANODE", "R-ANODE")
GRID = np.logspace(-3.6, 0, 37)  # background efficiencies of the stored curves
TOP = 0.01  # share of the background that counts as selected


def items() -> list[dict]:
    """What to compute: the benchmark, signal sizes, features of noise, and no signal, each with all seeds."""
    one = {"n_signal": 1_000, "shifted": False, "noise": 0}
    parts = [
        one | {"part": "benchmark"},
        one | {"part": "correlated", "shifted": True},
        *(one | {"part": "signal", "n_signal": n} for n in SIZES),
        *(one | {"part": "noise", "noise": n} for n in NOISE),
        *(one | {"part": "nothing", "n_signal": 0, "shifted": shifted} for shifted in (False, True)),
    ]
    return [part | {"seed": seed} for seed in SEEDS for part in parts]


def study(item: dict) -> studies.Tables:
    """Trains the methods of an item; returns rows for the tables."""
    return _sculpted(item) if item["part"] == "nothing" else _compared(item)


def seed_of(item: dict, *path: str) -> int:
    """A seed for one purpose of an item."""
    return compute.seed(item["seed"], item["part"], item["n_signal"], int(item["shifted"]), item["noise"], *path)


def data_of(item: dict) -> resonant.Benchmark:
    """The sample of an item."""
    options = {name: item[name] for name in ("n_signal", "shifted", "noise")}
    return resonant.lhco(**options, seed=seed_of(item, "sample"))


def fitted(data: resonant.Benchmark, item: dict):
    """Yields names and fitted methods, each trained with a seed of its own."""
    classifiers = {"trees": resonant.TreeClassifier(**TREES)}
    if item["part"] != "signal":
        classifiers["network"] = resonant.NetworkClassifier(recipe=NETWORK)
    region = {"region": REGION}

    def trained(name, method, x=data.x, m=data.m, **options):
        return name, method.set_params(random_state=seed_of(item, name)).fit(x, m, **options)

    for name, classifier in classifiers.items():
        if item["n_signal"]:
            labelled = data.labelled_x, np.zeros(len(data.labelled_x))
            yield trained(f"supervised, {name}", resonant.Supervised(classifier), *labelled, labels=data.labelled_y)
            yield trained(f"IAD, {name}", resonant.IAD(classifier), background=data.extra, **region)
        yield trained(f"CWoLa, {name}", resonant.CWoLa(classifier), **region)
    if item["noise"]:
        return
    outer, inner, residual = (Flow(**FLOW, recipe=recipe) for recipe in (OUTER, INNER, RESIDUAL))
    name, anode = trained("ANODE", resonant.ANODE(outer, inner), **region)
    yield name, anode
    region["outer"] = anode.outer_
    for name, classifier in classifiers.items():
        yield trained(f"CATHODE, {name}", resonant.CATHODE(None, classifier), **region)
        yield trained(f"LaCATHODE, {name}", resonant.CATHODE(None, classifier, latent=True), **region)
    if item["n_signal"]:
        yield trained("R-ANODE", resonant.RANODE(signal=residual), **region)


def _compared(item):
    """Max SIC of each method and of some together, curves, and how alike the scores are."""
    data, rows, curves, ranks = data_of(item), [], [], {}
    for method, model in fitted(data, item):
        score = np.asarray(model.anomaly_score(data.test_x, data.test_m))
        if method in COMBINED:
            ranks[method] = rankdata(score) / len(score)
        rows.append(_row(item, data, method, score) | {"w": getattr(model, "w_", None)})
        if item["part"] in ("benchmark", "correlated"):
            curves += _curve(item, data, method, score)
    alike = []
    if item["part"] in ("benchmark", "correlated"):
        rows.append(_row(item, data, "mean rank", np.mean(list(ranks.values()), axis=0)))
        alike = [_alike(item, data.test_y, pair, ranks) for pair in itertools.combinations(ranks, 2)]
    return {"resonant": rows, "resonant-curves": curves, "resonant-alike": alike}


def _row(item, data, method, score):
    background, signal = score[data.test_y == 0], score[data.test_y == 1]
    value, error = metrics.max_sic(background, signal, seed=seed_of(item, "bootstrap", method))
    names = {name: item[name] for name in ("part", "n_signal", "shifted", "noise", "seed")}
    row = names | {"method": method, "max_sic": value, "error": error, "auc": metrics.auc(background, signal)}
    return row | {"s_over_sqrt_b": data.significance}


def _curve(item, data, method, score):
    efficiency, sic = metrics.sic_curve(score[data.test_y == 0], score[data.test_y == 1])
    grid = GRID[(GRID >= efficiency[0]) & (GRID <= efficiency[-1])]
    values = np.interp(np.log(grid), np.log(efficiency), sic)
    names = {name: item[name] for name in ("part", "seed")}
    return [names | {"method": method, "eff_b": e, "sic": s} for e, s in zip(grid, values, strict=True)]


def _alike(item, y, pair, ranks):
    """Do two methods pick the same events? Of background and of signal apart."""
    row = {"part": item["part"], "seed": item["seed"], "one": pair[0], "other": pair[1]}
    for name, kind in (("background", y == 0), ("signal", y == 1)):
        one, other = (ranks[method][kind] for method in pair)
        row[f"correlation_{name}"] = spearmanr(one, other).statistic
        if name == "background":
            both = [scores > np.quantile(scores, 1 - TOP) for scores in (one, other)]
            row["common"] = (both[0] & both[1]).sum() / both[0].sum()
    return row


def _sculpted(item):
    """Without signal: half of the data trains, the other half is cut on, and its spectrum fitted."""
    data, rows = data_of(item), []
    train = compute.stream(seed_of(item), "halves").permutation(len(data.x)) % 2 == 0
    half = data._replace(x=data.x[train], m=data.m[train], y=data.y[train])
    x, m = data.x[~train], data.m[~train]
    bins = np.quantile(m, np.linspace(0, 1, 11))
    for method, model in fitted(half, item):
        score = np.asarray(model.anomaly_score(x, m))
        for efficiency in (0.1, 0.01):
            passes = score > np.quantile(score, 1 - efficiency)
            shares = np.histogram(m[passes], bins)[0] / np.histogram(m, bins)[0]
            row = {name: item[name] for name in ("shifted", "seed")} | {"method": method, "efficiency": efficiency}
            rows.append(row | {"carved": shares.max() / max(shares.min(), 1 / len(m)), "z": _bump(m[passes])})
    return {"resonant-sculpted": rows}


def _bump(m):
    try:
        return resonant.Spectrum(parameters=4).fit(m, REGION).bump(m).z
    except (RuntimeError, ValueError):  # carved beyond what the function can follow
        return None


STUDY = studies.Study("resonant", "make resonant", {study: items()}, SETTINGS)
