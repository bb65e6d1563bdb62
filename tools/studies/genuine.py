"""`make resonant`, too, where the file is at hand: methods on genuine events of the LHC Olympics' signal region.

`DMLIB_TEST_DATA` names the folder that holds `lhco/innerdata_train.npy`: 60,000 events, 395 of them signal.
"""

import os
from pathlib import Path

import numpy as np

from dmlib import compute, metrics, resonant
from tools import studies

DATA = "DMLIB_TEST_DATA"
KINDS, SEEDS, FOLDS = ("supervised", "IAD"), range(5), 5
TREES = {"ensemble": 3}


def judge(item: dict) -> studies.Tables:
    """Max SIC, every event scored by trees that never saw it."""
    m, *features, y = np.load(Path(os.environ[DATA]) / "lhco" / "innerdata_train.npy").T
    x, rng = np.column_stack(features), compute.stream(item["seed"], "folds", item["kind"])
    fold, seen, scores = rng.permutation(len(y)) % FOLDS, rng.random(len(y)) < 0.5, np.empty(len(y))
    for k in range(FOLDS):
        seed = {"random_state": compute.seed(item["seed"], "fold", item["kind"], k)}
        train, trees = fold != k, resonant.TreeClassifier(**TREES)
        if item["kind"] == "supervised":
            method = resonant.Supervised(trees, **seed).fit(x[train], m[train], labels=y[train])
        else:  # half of the background and all signal are the data, the other half is the perfect background
            data, rest = train & (seen | (y == 1)), train & ~seen & (y == 0)
            method = resonant.IAD(trees, **seed).fit(x[data], m[data], background=x[rest])
        scores[~train] = method.anomaly_score(x[~train])
    seed = compute.seed(item["seed"], "bootstrap", item["kind"])
    value, error = metrics.max_sic(scores[y == 0], scores[y == 1], seed=seed)
    row = {"method": item["kind"], "seed": item["seed"], "max_sic": value, "error": error}
    return {"genuine": [row]}


ITEMS = [{"kind": kind, "seed": seed} for kind in KINDS for seed in SEEDS]
STUDY = studies.Study("genuine", "make resonant", {judge: ITEMS}, {"trees": TREES, "folds": FOLDS}, needs=DATA)
