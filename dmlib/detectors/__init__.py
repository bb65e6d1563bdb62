"""The challenge's detectors: methods that learn the background alone, and score how little an event is like it.

Each has ``fit(X, sample_weight=None)`` and ``anomaly_score(X)``, higher for stranger events. Their defaults train in
seconds; the class method ``paper(channel)`` has the published settings. ``save(path)`` and `load` keep them on disk.
"""

from .adversarial import ALAD
from .autoencoder import SimpleAE
from .base import Detector, TorchDetector, load
from .combine import background_efficiency, combine
from .flow import SplineFlow, relative_likelihood
from .grids import grid
from .images import ConvVAE
from .kde import KDE
from .latent import LatentSpace
from .mixture import DAGMM
from .normalised import NormalizedAE
from .sets import DeepSetVAE
from .svdd import DeepSVDD, DeepSVDDEnsemble
from .variational import BetaVAE, VariationalDetector

__all__ = [
    "ALAD",
    "DAGMM",
    "KDE",
    "BetaVAE",
    "ConvVAE",
    "DeepSVDD",
    "DeepSVDDEnsemble",
    "DeepSetVAE",
    "Detector",
    "LatentSpace",
    "NormalizedAE",
    "SimpleAE",
    "SplineFlow",
    "TorchDetector",
    "VariationalDetector",
    "background_efficiency",
    "combine",
    "grid",
    "load",
    "relative_likelihood",
]
