"""Overdensities: methods that ask where the data exceed their background, with a resonant mass to find it by.

Every method has ``fit(x, m, region=(low, high))`` and ``anomaly_score(x, m)``: features x, shape (n, d), and masses m,
shape (n,). Scores are higher where there is more data than background. The bounds `Supervised` and `IAD` are given
what no search has: labels, or a perfect background.
"""

from dmlib.models import ConditionalFlow, Flow, LogitScaler, NetworkClassifier, TreeClassifier

from .anode import ANODE
from .benchmark import Benchmark, lhco
from .cathode import CATHODE
from .cwola import IAD, CWoLa, Supervised
from .interval import interval
from .ranode import RANODE, profile
from .search import Ensemble, cross_scores, search, select
from .spectrum import Bump, Spectrum

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
    "Flow",
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
