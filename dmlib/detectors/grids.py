"""The challenge's grids of models: tables 6 to 22 of its paper as data, to be run by whoever has the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .adversarial import ALAD
from .autoencoder import SimpleAE
from .base import Detector
from .flow import SplineFlow
from .images import ConvVAE
from .kde import KDE
from .latent import LatentSpace
from .mixture import DAGMM
from .sets import DeepSetVAE
from .svdd import DeepSVDD
from .variational import BetaVAE


def grid(channel: str) -> dict[str, tuple[Callable[..., Any], Detector]]:
    """Returns the challenge's models for a channel, by their names in the published files.

    Each is an encoding and a detector that is not fitted yet::

        for name, (encode, detector) in detectors.grid("2a").items():
            detector.fit(encode(background))
            score = detector.anomaly_score(encode(events))

    Settings are the published ones, made for a GPU; ``detector.set_params(recipe=...)`` shortens a training. The two
    scores of a beta-VAE are two models here and could be one training (`BetaVAE`).

    Arguments:
        channel: "1", "2a", "2b" or "3".

    Raises:
        ValueError: There is no such channel.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), tables 6 to 22
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> models = grid("2a")
        >>> encode, detector = models["DeepSetVAE_beta_1.0_weight_1.0"]
        >>> len(models), detector.latent
        (1053, 8)
    """
    models: dict[str, tuple[Callable[..., Any], Detector]] = {}
    for method in (SimpleAE, BetaVAE, DeepSetVAE, ConvVAE, DeepSVDD, DAGMM, ALAD, LatentSpace):
        models |= method.grid(channel)
    return models | KDE.grid(channel, _reducing) | SplineFlow.grid(channel)


def _reducing(beta: float, d: int) -> BetaVAE:
    """The small VAE that a kernel density stands on: one hidden layer of 32 units (section 4.7)."""
    recipe = BetaVAE.paper("1").recipe
    return BetaVAE(hidden=(32,), latent=d, beta=beta, recipe=recipe)
