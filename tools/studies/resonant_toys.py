"""A resonance in two normal features, with all densities known."""

import numpy as np
from scipy.stats import norm

from dmlib.resonant.benchmark import REGION

MEAN, WIDTH = np.array([1.5, -1.0]), 0.25  # of the signal


def background(n, rng, region=(3.0, 4.0)):
    return rng.normal(size=(n, 2)), rng.uniform(*region, n)


def signal(n, rng):
    return rng.normal(MEAN, WIDTH, (n, 2)), rng.uniform(*REGION, n)


def true_ratio(x):
    return (norm.logpdf(x, MEAN, WIDTH) - norm.logpdf(x)).sum(axis=1)


class Exact:
    """The true background density, in place of a flow."""

    def log_prob(self, x, m):
        return norm.logpdf(x).sum(axis=1)
