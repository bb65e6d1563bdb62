"""`make challenge`, too, where the files are at hand: what the challenge's own models reached.

`DMLIB_TEST_DATA` names the folder that holds `challenge-results/*.csv`, the scores of all 1,048 models in the archive
of the challenge's results (https://doi.org/10.5281/zenodo.4897467, MIT licence).
"""

import os
from pathlib import Path

import pandas as pd

from dmlib import challenge
from tools import studies
from tools.studies.challenge import SUBSET, family

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


def scores() -> pd.DataFrame:
    """All models on all pairs of signal and channel."""
    return challenge.read_scores(Path(os.environ[DATA]) / "challenge-results")


def extract(item: dict) -> studies.Tables:
    """One model under the name that the chapters give it."""
    rows = scores().query("Model == @item['model']")
    names = {"Chan": "channel", "Signal": "signal", "AUC": "auc", "1e-2": "eff_1e-2", "max SI": "max_si"}
    return {"published": [item | row for row in rows[list(names)].rename(columns=names).to_dict("records")]}


def field(models: list[str]) -> studies.Tables:
    """The models that are trained on our events as well, in the challenge's format; and a line on every model."""
    table = scores()
    improvements = challenge.total_improvement(table).reset_index()
    improvements.insert(1, "Family", improvements["Model"].map(family))
    return {
        "field": table[table["Model"].isin(models)].to_dict("records"),
        "improvements": improvements.to_dict("records"),
    }


ITEMS = [{"method": method, "model": model} for method, model in MODELS.items()]
PARTS = {extract: ITEMS, field: [SUBSET]}
STUDY = studies.Study("published", "make challenge", PARTS, {"models": MODELS}, needs=DATA)
