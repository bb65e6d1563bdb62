"""`make resonant`, too: the whole chain of a search (training, cut, fit, scan over windows) on data without signal.

The toys share no event: the background of the LHC Olympics sample is dealt out to them.
"""

import numpy as np

from dmlib import compute, features, resonant, samples
from dmlib.resonant.benchmark import FEATURES
from tools import studies

SEED = 0

TOYS, EVENTS = 100, 3_750
WINDOWS = tuple((round(3.2 + 0.1 * k, 1), round(3.5 + 0.1 * k, 1)) for k in range(9))
EFFICIENCY, FOLDS = 0.2, 5
TREES = {"ensemble": 1, "max_iter": 50, "max_leaf_nodes": 8}


def items() -> list[dict]:
    """Every toy with the features as they are, and correlated with the mass."""
    return [{"toy": toy, "shifted": shifted} for shifted in (False, True) for toy in range(TOYS)]


def toy_of(item: dict) -> tuple[np.ndarray, np.ndarray]:
    """Features and masses of a toy."""
    table = samples.load("lhco/background")
    mine = compute.stream(SEED, "pool").permutation(len(table))[item["toy"] * EVENTS : (item["toy"] + 1) * EVENTS]
    table = table.iloc[np.sort(mine)]
    table = features.shifted(table) if item["shifted"] else table
    return table[list(FEATURES)].to_numpy(float), table.m_jj.to_numpy(float)


def scan(item: dict) -> studies.Tables:
    """Z of the bump in every window; None where the fit of the spectrum fails."""
    rows = []
    x, m = toy_of(item)
    for k, window in enumerate(WINDOWS):
        seed = compute.seed(SEED, "window", k, item["toy"], int(item["shifted"]))
        method = resonant.CWoLa(resonant.TreeClassifier(**TREES), random_state=seed)
        spectrum = resonant.Spectrum(parameters=3, bin_width=0.1)
        try:
            bump, _ = resonant.search(method, x, m, window, EFFICIENCY, FOLDS, seed, spectrum)
            row = {"observed": bump.observed, "expected": bump.expected, "p_value": bump.p_value, "z": bump.z}
        except RuntimeError:
            row = {"observed": None, "expected": None, "p_value": None, "z": None}
        rows.append(item | {"low": window[0], "high": window[1]} | row)
    return {"claims": rows}


STUDY = studies.Study(
    "claims",
    "make resonant",
    {scan: items()},
    {"trees": TREES, "efficiency": EFFICIENCY, "folds": FOLDS, "events": EVENTS, "windows": WINDOWS},
    shared=("pool",),  # the events are dealt out to the toys once, and each toy is seen twice
)
