"""`make outliers`, too, where the files are at hand: what the challenge's own models of the course's methods reached.

`DMLIB_TEST_DATA` names the folder that holds `challenge-results/*.csv`, the scores of all 1,048 models in the archive
of the challenge's results (https://doi.org/10.5281/zenodo.4897467, MIT licence).
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from tools import studies

DATA = "DMLIB_TEST_DATA"
MODELS = {"SimpleAE": "SimpleAE"}  # of the course -> of the challenge
POINTS = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}


def extract(item: dict) -> studies.Tables:
    """The published figures of one model on its 34 pairs of signal and channel."""
    files = sorted((Path(os.environ[DATA]) / "challenge-results").glob("*.csv"))
    scores = pd.concat([pd.read_csv(file, dtype={"Chan": str}) for file in files])
    rows = []
    for row in scores[scores["Model"] == item["model"]].to_dict("records"):
        improvements = [row[name] / np.sqrt(point) for name, point in POINTS.items()]
        figures = {"auc": row["AUC"], "eff_1e-2": row["1e-2"], "max_si": max(improvements)}
        rows.append({**item, "channel": row["Chan"], "signal": row["Signal"], **figures})
    return {"published": rows}


ITEMS = [{"method": method, "model": model} for method, model in MODELS.items()]
STUDY = studies.Study("published", "make outliers", {extract: ITEMS}, {"models": MODELS}, needs=DATA)
