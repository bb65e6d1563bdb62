"""Overdensities: methods that ask where the data exceed their background, with a resonant mass to find it by.

Every method has ``fit(x, m, region=(low, high))`` and ``anomaly_score(x, m)``: features x, shape (n, d), and masses m,
shape (n,). Scores are higher where there is more data than background. The bounds `Supervised` and `IAD` are given
what no search has: labels, or a perfect background.
"""

from .belt import interval
from .benchmark import Benchmark, lhco
from .classifiers import NetworkClassifier, TreeClassifier
from .density import ANODE, CATHODE
from .flows import ConditionalFlow
from .hunt import Ensemble, cross_scores, search, select
from .preprocessing import LogitScaler
from .residual import RANODE, profile
from .spectrum import Bump, Spectrum
from .weak import IAD, CWoLa, Supervised

__all__ = [
    "ANODE",
    "CATHODE",
    "IAD",
    "RANODE",
    "Benchmark",
    "Bump",
    "CWoLa",
    "ConditionalFlow",
    "Ensemble",
    "LogitScaler",
    "NetworkClassifier",
    "Spectrum",
    "Supervised",
    "TreeClassifier",
    "cross_scores",
    "interval",
    "lhco",
    "profile",
    "search",
    "select",
]
