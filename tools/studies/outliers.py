"""`make outliers`: the figures of merit of the detectors of Part II on all signals of all channels."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.decomposition import PCA

from dmlib import challenge, compute, detectors, features
from dmlib.challenge import CUTS, Channel
from dmlib.detectors import kde
from tools import studies

CHANNELS, SEEDS = ("1", "2a", "2b", "3"), (0, 1, 2)
FIGURES = {"AUC": "auc", "eff_S(1e-2)": "eff_1e-2", "max SI": "max_si"}
LARGE, SHARE = ("2b", "3"), 0.4  # channels with enough events to need a smaller share of the epochs
Score = Callable[[ak.Array], np.ndarray]
eight = partial(features.leading, n=8)
fields = partial(features.static, slots=kde.SLOTS)


def pca(channel: Channel) -> Score:
    """What ten principal components of the standardised leading objects leave over."""
    x = eight(channel.background).to_numpy()
    mean, spread = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    flat = PCA(10, random_state=0).fit((x - mean) / spread)

    def residual(events: ak.Array) -> np.ndarray:
        z = (eight(events).to_numpy() - mean) / spread
        return np.square(z - flat.inverse_transform(flat.transform(z))).mean(axis=1)

    return residual


# Of each method its encoding, and a detector with quick settings.
DETECTORS: dict[str, tuple[Callable[[ak.Array], pd.DataFrame], detectors.Detector]] = {
    "SimpleAE": (eight, detectors.SimpleAE()),
    "NormalizedAE": (eight, detectors.NormalizedAE()),
    "VAE": (fields, detectors.BetaVAE()),
    "VAE, radius": (fields, detectors.BetaVAE(latent=21, beta=1.0, score="radius")),
    "VAE, dynamic": (features.dynamic, detectors.BetaVAE(encoding="dynamic")),
    "VAE, dynamic, radius": (
        features.dynamic,
        detectors.BetaVAE(latent=21, beta=1.0, score="radius", encoding="dynamic"),
    ),
    "deep set VAE": (partial(features.leading, n=12, kind=True), detectors.DeepSetVAE()),
    "deep set VAE, beta 1": (partial(features.leading, n=12, kind=True), detectors.DeepSetVAE(beta=1.0)),
    "conv VAE": (partial(features.leading, n=12), detectors.ConvVAE()),
    "conv VAE, planar": (partial(features.leading, n=12), detectors.ConvVAE(flow="planar")),
    "conv VAE, squares": (partial(features.leading, n=12), detectors.ConvVAE(measure="squares")),
    "KDE": (fields, detectors.KDE()),
    "KDE, VAE": (fields, detectors.KDE(reduction=detectors.BetaVAE(hidden=(32,), latent=6))),
    "flow": (features.efficient, detectors.SplineFlow()),
    "flow, no E": (partial(features.efficient, energy=False), detectors.SplineFlow()),
    "flow, no E, per GeV": (partial(features.efficient, energy=False), detectors.SplineFlow(density="x")),
    "flow, no E, levelled": (partial(features.efficient, energy=False), detectors.SplineFlow(density="x", level=True)),
    "flow, aggregates": (features.aggregates, detectors.SplineFlow()),
}
ONE_SEED = ("PCA", "SimpleAE as published")


def trained(method: str, channel: Channel, seed: compute.Seed) -> Score:
    """The score of a method that has learnt a channel's background."""
    if method == "PCA":
        return pca(channel)
    if method == "SimpleAE as published":  # up to a thousand epochs; its version for channel 2a reads four objects
        encode = partial(features.leading, n=4 if channel.name == "2a" else 8)
        detector: Any = detectors.SimpleAE.paper(channel.name, seed)
    else:
        encode, quick = DETECTORS[method]
        detector = clone(quick)
        seeds = {name: seed for name in detector.get_params() if name.endswith("random_state")}  # a reduction's too
        detector.set_params(**seeds)
        if channel.name in LARGE and hasattr(detector, "recipe"):
            epochs = math.ceil(SHARE * detector.recipe.epochs)
            detector.set_params(recipe=detector.recipe.replace(epochs=epochs))
    detector.fit(encode(channel.background))
    return lambda events: detector.anomaly_score(encode(events))


def judge(item: dict) -> studies.Tables:
    """One method, trained on one channel with one seed: a row for each signal."""
    channel, method = challenge.channel(item["channel"]), item["method"]
    start = time.process_time()
    seed = compute.seed(item["seed"], method, item["channel"])
    score = CUTS[method] if method in CUTS else trained(method, channel, seed)
    seconds = time.process_time() - start
    table = channel.figures(channel.scores(score))
    rows = []
    for signal, figures in table.iterrows():
        row = {**item, "signal": signal}
        for figure, name in FIGURES.items():
            row |= {name: figures[figure], f"{name}_error": figures[f"{figure} error"]}
        rows.append(row | {"seconds": round(seconds, 1)})
    return {"outliers": rows}


def items() -> list[dict]:
    """Every method in every channel; those that train quickly, with several seeds."""
    once = [(method, 0) for method in (*CUTS, *ONE_SEED)]
    several = [(method, seed) for method in DETECTORS for seed in SEEDS]
    return [{"method": m, "channel": c, "seed": s} for m, s in once + several for c in CHANNELS]


# All methods are judged with the same bootstrap samples of a signal.
STUDY = studies.Study("outliers", "make outliers", {judge: items()}, {"seeds": len(SEEDS)}, shared=("bootstrap",))
