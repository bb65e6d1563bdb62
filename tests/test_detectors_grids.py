"""The challenge's grids against its published files: names are those, and none is missing."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from dmlib import detectors, samples
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

FILES = "AE ALAD CNN_BVAE CNN_VAE ConvVAE_and_Flows DAGMM DeepSVDD DeepSetVAE Flow KDE MethodsInLatentSpaceOfVAE VAE"


@pytest.mark.parametrize("channel", CHANNELS)
def test_names_are_those_of_the_published_files(channel):
    folder = Path(os.environ.get("DMLIB_TEST_DATA", "")) / "challenge-results"
    if not folder.is_dir():
        pytest.skip("DMLIB_TEST_DATA names no folder with the challenge's published scores")
    published = set().union(*(pd.read_csv(folder / f"{name}.csv")["Model"] for name in FILES.split()))
    models = detectors.grid(channel)
    assert published <= models.keys()
    more = models.keys() - published
    assert more == {"Flow-Aggregates_Likelihood"} | {name for name in more if name.startswith("DeepSetVAE_beta_")}
    assert len(more) == 13  # betas that were scanned and not submitted; an encoding that was described


def test_models_are_each_others_strangers():
    """No two share an object that training would change, and none is fitted."""
    models = detectors.grid("1")
    assert len({id(detector) for _, detector in models.values()}) == len(models)
    settings = {repr(sorted(clone(d).get_params().items(), key=str)) + d.__class__.__name__ for _, d in models.values()}
    assert len(settings) >= len(models) - 2  # the flow has three encodings and one setting
    assert not any(hasattr(detector, "n_features_in_") for _, detector in models.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "SimpleAE",
        "VAE-static-beta0.1-z13_Radius",
        "VAE-dynamic-beta0.001-z5_RL",
        "DeepSetVAE_beta_0.001_weight_10.0",
        "VAE_HouseholderSNF",
        "CNN_BVAE",
        "KDE_VAE_b=1e-3_D=3",
        "DeepSVDD_C4_d8",
        "DeepSVDD_Reduced_d8",
        "DAGMM_10_1e-06_500_0.01_0.001_50_10_4",
        "ALAD_ld10_lr1e-5_bs100_epoch2000_enc512_L_1",
        "LS_Average_4_0.1_1000",
    ],
)
def test_a_model_can_be_run(name):
    """With its encoding, on genuine columns; one epoch."""
    encode, detector = detectors.grid("2a")[name]
    short = Recipe(batch_size=100, epochs=1, validation=0.2)
    part = {"KDE": "reduction__recipe", "LS_": "vae__recipe"}.get(name[:3], "recipe")
    detector.set_params(**{part: short})
    background = samples.load("darkmachines/2a/background-validation")
    score = detector.fit(encode(background)).anomaly_score(encode(background))
    assert score.shape == (len(background),) and np.isfinite(score).all() and score.std() > 0


def test_there_is_no_fifth_channel():
    with pytest.raises(ValueError, match="channel='4'"):
        detectors.grid("4")
