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
MODELS = {  # of the course -> of the challenge
    "SimpleAE": "SimpleAE",
    "VAE": "VAE-static-beta0.001-z13_RL",
    "VAE, radius": "VAE-static-beta1-z21_Radius",
    "VAE, dynamic": "VAE-dynamic-beta0.001-z13_RL",
    "VAE, dynamic, radius": "VAE-dynamic-beta1-z21_Radius",
    "deep set VAE": "DeepSetVAE_beta_0.001_weight_1.0",
    "deep set VAE, beta 1": "DeepSetVAE_beta_1.0_weight_1.0",
    "conv VAE": "VAE_NoF",
    "conv VAE, planar": "VAE_PlanarFlow",
    "conv VAE, squares": "CNN_BVAE",
    "KDE": "KDE_PCA_D=6",
    "KDE, VAE": "KDE_VAE_b=1e-3_D=6",
    "flow": "Flow-Efficient_Likelihood",
    "flow, no E": "Flow-Efficient-No-E_Likelihood",
}
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
