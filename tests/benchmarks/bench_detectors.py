"""Detectors beside PyOD's of the same name on a channel's events, and a kernel density on a grid beside a tree."""

import time
from functools import partial

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.vae import VAE
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity

from dmlib import challenge, detectors, features
from dmlib.detectors import kde
from dmlib.models import kernels
from dmlib.training import Recipe
from tests.benchmarks import Row

EPOCHS, BATCH, SEEDS = 15, 250, (0, 1, 2)
SLACK = 0.01  # of a mean of three median AUCs, which scatter by 0.03 from seed to seed


def _beside(name, ours, theirs, channel) -> list[Row]:
    """Seconds of an epoch and median AUC of two detectors that learn the same table, over the seeds."""
    seconds, gains = [], []
    for seed in SEEDS:
        one, other = clone(ours).set_params(random_state=seed), theirs(random_state=seed)
        times, medians = [], []
        for detector, score in ((one, one.anomaly_score), (other, other.decision_function)):
            start = time.perf_counter()
            detector.fit(_encode(channel.background))
            times.append(time.perf_counter() - start)
            figures = channel.figures(channel.scores(lambda events, score=score: score(_encode(events))), 2)
            medians.append(figures["AUC"].median())
        seconds.append(times[1] / times[0])
        gains.append(medians[0] - medians[1])
    return [
        Row(f"{name}, PyOD's / ours, an epoch", np.median(seconds), ">=", 1),
        Row(f"{name}, median AUC, ours - PyOD's", np.mean(gains), ">=", -SLACK, ""),
    ]


def _encode(events) -> np.ndarray:
    return features.leading(events, 8).to_numpy()


def _grid() -> list[Row]:
    """The density of channel 2b in three dimensions."""
    x = features.static(challenge.channel("2b").background, slots=kde.SLOTS).to_numpy().astype(float)
    z = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    centres = PCA(3, whiten=True, random_state=0).fit_transform(z)
    width = kernels.silverman(centres)
    start = time.perf_counter()
    tree = KernelDensity(bandwidth=width).fit(centres).score_samples(centres)
    middle = time.perf_counter()
    grid = kernels.Grid(centres, width).log_density(centres)
    end = time.perf_counter()
    return [
        Row("KDE in 3 dimensions, tree / FFT", (middle - start) / (end - middle), ">=", 20),
        Row("their rank correlation", spearmanr(tree, grid).statistic, ">=", 0.99, ""),
    ]


def measure() -> list[Row]:
    """Measures on one thread."""
    torch.set_num_threads(1)
    channel, recipe = challenge.channel("1"), Recipe(epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-3)
    common = {"epoch_num": EPOCHS, "batch_size": BATCH, "lr": 1e-3, "verbose": 0, "dropout_rate": 0.0}
    ae = partial(AutoEncoder, hidden_neuron_list=[200, 200, 20, 10], **common)
    layers = {"encoder_neuron_list": [256, 128, 64], "decoder_neuron_list": [64, 128, 256], "latent_dim": 13}
    return [
        *_beside("autoencoder", detectors.SimpleAE(recipe=recipe), ae, channel),
        *_beside("VAE", detectors.BetaVAE(recipe=recipe), partial(VAE, **layers, **common), channel),
        *_grid(),
    ]
