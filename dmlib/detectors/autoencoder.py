"""SimpleAE: an autoencoder's reconstruction error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Self

import torch
from torch import nn

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .base import TorchDetector

ACTIVATIONS = {"elu": "ELU", "relu": "ReLU", "tanh": "Tanh"}
QUICK = Recipe(epochs=30, batch_size=250, learning_rate=2e-3, anneal=True, validation=0.1)


@dataclass(eq=False, repr=False)
class SimpleAE(TorchDetector):
    r"""A dense autoencoder; an event is strange if what comes out is not what went in.

    .. math:: s(x) = \frac{1}{d} \left| x - D(E(x)) \right|^2

    The encoder E squeezes d standardised features through ever fewer units into a few, the decoder D mirrors it. What
    the training has seen often is reconstructed well. Complex events are not, strange or not: with padded slots the
    score counts objects.

    Arguments:
        hidden: Units of the encoder's hidden layers; the decoder has them in reverse.
        latent: Units of the bottleneck.
        activation: "elu", "relu" or "tanh", after every layer but the last.
        dropout: Share of the units of each hidden layer that are silenced in a training step.
        initial: Law of the initial weights: "torch" (uniform, by the number of inputs) or "normal" (of width 0.05, as
            Keras has it).
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.1 and table 6
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(1).normal(size=(2000, 4)) * [1, 1, 0.1, 0.1]
        >>> x[:, 2:] += x[:, :2]  # two numbers describe an event
        >>> ae = SimpleAE(hidden=(16,), latent=2, recipe=Recipe(epochs=10, learning_rate=1e-2)).fit(x)
        >>> ordinary, strange = ae.anomaly_score([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, -1.0, -1.0]])
        >>> bool(strange > 10 * ordinary)
        True
    """

    hidden: tuple[int, ...] = (200, 200, 20)
    latent: int = 10
    activation: str = "elu"
    dropout: float = 0.0
    initial: str = "torch"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns the published settings: the benchmark of three channels, or that tuned for channel 2a.

        The benchmark reads ``features.leading(events, 8)``, that of 2a ``features.leading(events, 4)``. The paper does
        not give SGD's learning rate and momentum; 0.1 and 0.9 are ours.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> SimpleAE.paper("2a").latent
            15
        """
        _check.choice(channel, "channel", CHANNELS)
        recipe = Recipe(epochs=1_000, batch_size=125, learning_rate=1e-3, validation=0.1, patience=20)
        if channel == "2a":
            sgd = recipe.replace(optimizer="sgd", learning_rate=0.1)
            return cls((), 15, "relu", dropout=0.05, initial="torch", recipe=sgd, random_state=random_state)
        return cls(activation="tanh", initial="normal", recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the model of table 6 by its name in the published files, with its encoding.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> encode, ae = SimpleAE.grid("2a")["SimpleAE"]
            >>> encode.keywords, ae.latent
            ({'n': 4}, 15)
        """
        return {"SimpleAE": (partial(features.leading, n=4 if channel == "2a" else 8), cls.paper(channel))}

    def build(self, d: int) -> torch.nn.Module:
        """Returns encoder and decoder as one module."""
        for size in (*self.hidden, self.latent):
            _check.count(size, "hidden and latent")
        _check.choice(self.activation, "activation", ACTIVATIONS)
        _check.choice(self.initial, "initial", ("torch", "normal"))
        _check.share(self.dropout, "dropout", one=False)
        activation, encoder = getattr(nn, ACTIVATIONS[self.activation]), [d, *self.hidden, self.latent]
        layers: list[nn.Module] = []
        for a, b in pairwise([*encoder, *encoder[-2::-1]]):
            layers += [nn.Linear(a, b), activation(), nn.Dropout(self.dropout)]
        module = nn.Sequential(*layers[:-2])
        if self.initial == "normal":
            for layer in module:
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=0.05)
                    nn.init.zeros_(layer.bias)
        return module

    def loss(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared difference of each event and its reconstruction."""
        return (module(x) - x).square().mean(dim=1)
