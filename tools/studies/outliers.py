"""`make outliers`: the figures of merit of the detectors of Part II on all signals of all channels."""

import time
from collections.abc import Callable

import awkward as ak
import numpy as np
from sklearn.decomposition import PCA

from dmlib import challenge, channels, compute, detectors, features
from dmlib.challenge import Channel
from tools import studies

CHANNELS, SEEDS = ("1", "2a", "2b", "3"), (0, 1, 2)
FIGURES = {"AUC": "auc", "eff_S(1e-2)": "eff_1e-2", "max SI": "max_si"}
Score = Callable[[ak.Array], np.ndarray]


def _leading(n: int) -> Callable[[ak.Array], np.ndarray]:
    return lambda events: features.leading(events, n)


def simple_ae(channel: Channel, seed: compute.Seed) -> Score:
    """The benchmark's autoencoder; channels 2b and 3 have enough events to need fewer epochs."""
    ae = detectors.SimpleAE(random_state=seed)
    if channel.name in ("2b", "3"):
        ae.set_params(recipe=ae.recipe.replace(epochs=12))
    encode = _leading(8)
    ae.fit(encode(channel.background))
    return lambda events: ae.anomaly_score(encode(events))


def as_published(channel: Channel, seed: compute.Seed) -> Score:
    """SimpleAE with the paper's settings, up to a thousand epochs; its version for channel 2a reads four objects."""
    encode = _leading(4 if channel.name == "2a" else 8)
    ae = detectors.SimpleAE.paper(channel.name, seed).fit(encode(channel.background))
    return lambda events: ae.anomaly_score(encode(events))


def pca(channel: Channel, seed: compute.Seed) -> Score:
    """What ten principal components of the standardised leading objects leave over."""
    x = _leading(8)(channel.background).to_numpy()
    mean, spread = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    flat = PCA(10, random_state=0).fit((x - mean) / spread)

    def residual(events: ak.Array) -> np.ndarray:
        z = (_leading(8)(events).to_numpy() - mean) / spread
        return np.square(z - flat.inverse_transform(flat.transform(z))).mean(axis=1)

    return residual


UNTRAINED: dict[str, Score] = {
    "missing momentum": lambda events: events.met,
    "H_T": channels.h_t,
    "sum of momenta": lambda events: ak.sum(events.objects.pt, axis=1) + events.met,
    "objects": lambda events: ak.num(events.objects),
}
TRAINED = {"PCA": pca, "SimpleAE": simple_ae, "SimpleAE as published": as_published}
ONE_SEED = ("PCA", "SimpleAE as published")


def judge(item: dict) -> studies.Tables:
    """One method, trained on one channel with one seed: a row for each signal."""
    channel, method = challenge.channel(item["channel"]), item["method"]
    start = time.process_time()
    seed = compute.seed(item["seed"], method, item["channel"])
    score = UNTRAINED[method] if method in UNTRAINED else TRAINED[method](channel, seed)
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
    once = [(method, 0) for method in (*UNTRAINED, *ONE_SEED)]
    several = [(method, seed) for method in TRAINED if method not in ONE_SEED for seed in SEEDS]
    return [{"method": m, "channel": c, "seed": s} for m, s in once + several for c in CHANNELS]


# All methods are judged with the same bootstrap samples of a signal.
STUDY = studies.Study("outliers", "make outliers", {judge: items()}, {"seeds": len(SEEDS)}, shared=("bootstrap",))
