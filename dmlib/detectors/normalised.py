"""NormalizedAE: an autoencoder whose reconstruction error is the energy of a probability density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from dmlib import _check, compute, features, training
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .base import TorchDetector
from .variational import dense

WARM = Recipe(epochs=30, batch_size=256, learning_rate=2e-3, anneal=True, clip=10.0)
QUICK = Recipe(epochs=6, batch_size=256, learning_rate=3e-4, anneal=True, clip=10.0)


class SphereAE(nn.Module):
    """Encoder and decoder of dense layers; the latent space is a sphere, which no chain can leave."""

    def __init__(self, d: int, hidden: tuple[int, ...], latent: int):
        super().__init__()
        self.encoder, self.decode = dense([d, *hidden, latent]), dense([latent, *reversed(hidden), d])

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Returns points on the sphere, shape (n, latent)."""
        return normalize(self.encoder(x), dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns reconstructed events."""
        return self.decode(self.encode(x))


def langevin(
    energy: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    steps: int,
    size: float,
    temperature: float,
    onto: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
) -> torch.Tensor:
    r"""Lets points wander until they are distributed as :math:`e^{-E(x)/T}`.

    .. math:: x \leftarrow x - \frac{\epsilon^2}{2 T} \nabla E(x) + \epsilon\, n, \qquad n \sim N(0, 1)

    A step down the energy is never longer than the noise's :math:`\epsilon \sqrt{d}`: where the energy is steep, far
    from all events, an unbounded step would overshoot.

    Arguments:
        energy: E, of points of shape (n, d), shape (n,).
        x: Where the points start.
        steps: How many.
        size: Their size, :math:`\epsilon`.
        temperature: T.
        onto: Puts the points back where they belong after each step, on a sphere say.
    """
    for _ in range(steps):
        with torch.enable_grad():  # validation and scores ask for none
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(energy(x).sum(), x)
        down = 0.5 * size**2 / temperature * slope
        longest = size * x.shape[1] ** 0.5
        down = down * (longest / down.norm(dim=1, keepdim=True).clamp_min(1e-12)).clamp_max(1.0)
        x = onto(x.detach() - down + size * torch.randn_like(x))
    return x.detach()


@dataclass(eq=False, repr=False)
class NormalizedAE(TorchDetector):
    r"""A normalised autoencoder: what it was not trained on it must not reconstruct either.

    .. math:: p(x) = \frac{1}{Z} e^{-E(x)/T}, \qquad E(x) = \frac{1}{d} \left| x - D(E(x)) \right|^2, \qquad
       L(x^+) = E(x^+) - E(x^-) + \gamma \left( E(x^+)^2 + E(x^-)^2 \right)

    An autoencoder learns to reconstruct background, and may reconstruct simpler or emptier events just as well. With
    the error as an energy the gradient of :math:`-\log p(x)` is that of E(x+) less its mean over events
    :math:`x^- \sim p`: those that the autoencoder itself takes for ordinary. They are drawn by Langevin chains, first
    over the latent sphere, by the energy of what the decoder makes of it, then over events. Where they are not
    background their error is raised. Without :math:`\gamma` both energies could grow together.

    The training starts as a plain autoencoder (``warm_up``), since chains of an untrained network lead nowhere. It ends
    without an epoch chosen by its loss, which is near zero when all is well.

    Arguments:
        hidden: Units of the encoder's hidden layers; the decoder has them in reverse.
        latent: Dimensions of the space whose unit sphere events are encoded on, at least 2.
        gamma: Weight of the squared energies.
        temperature: T.
        steps: Number of steps of the chains over the sphere and over events.
        sizes: Their sizes, in units of the sphere's radius and of the columns' standard deviations.
        warm_up: How it is trained as a plain autoencoder.
        recipe: How it is trained then; None: not at all, it stays an autoencoder.
        random_state: Seed.

    Attributes:
        history_: Losses of both trainings, one after the other.

    References:
        | Autoencoding Under Normalization Constraints (Yoon et al., 2021): https://arxiv.org/abs/2105.05735
        | A Normalized Autoencoder for LHC Triggers (Dillon et al., 2022): https://arxiv.org/abs/2206.14225

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> x /= np.linalg.norm(x, axis=1, keepdims=True)  # a circle, and nothing inside
        >>> nae = NormalizedAE(hidden=(16,), latent=2, recipe=QUICK.replace(epochs=1)).fit(x)
        >>> nae.anomaly_score(x).shape
        (1000,)
    """

    hidden: tuple[int, ...] = (64, 32)
    latent: int = 10
    gamma: float = 1.0
    temperature: float = 0.05
    steps: tuple[int, int] = (8, 8)
    sizes: tuple[float, float] = (0.1, 0.1)
    warm_up: Recipe = WARM
    recipe: Recipe | None = QUICK  # type: ignore[assignment]
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns settings of the size that the method's papers have; it was no entry of the challenge.

        It reads ``features.leading(events, 8)``, as `SimpleAE` does, and has its layers.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> NormalizedAE.paper("1").steps
            (50, 50)
        """
        _check.choice(channel, "channel", CHANNELS)
        recipe = Recipe(epochs=50, batch_size=128, learning_rate=1e-4, clip=10.0)
        warm_up = recipe.replace(epochs=200, learning_rate=1e-3)
        return cls((200, 200, 20), steps=(50, 50), warm_up=warm_up, recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the model by its name, with its encoding: one, as the challenge has none.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> list(NormalizedAE.grid("1"))
            ['NormalizedAE']
        """
        return {"NormalizedAE": (partial(features.leading, n=8), cls.paper(channel))}

    def build(self, d: int) -> torch.nn.Module:
        """Returns encoder and decoder."""
        for size in self.hidden:
            _check.count(size, "hidden")
        _check.count(self.latent, "latent", 2)
        _check.at_least(float(self.gamma), "gamma")
        _check.positive(self.temperature, "temperature")
        for name, check in (("steps", _check.count), ("sizes", _check.positive)):
            pair = getattr(self, name)
            if len(pair) != 2:
                raise ValueError(f"{name}={pair!r}: expected two, for the latent sphere and for events")
            for value in pair:
                check(value, name)
        return SphereAE(d, self.hidden, self.latent)

    def energy(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared difference of each event and its reconstruction."""
        return (module(x) - x).square().mean(dim=1)

    def sampled(self, module: Any, n: int) -> torch.Tensor:
        """Draws n events from the density that the autoencoder stands for, shape (n, d), standardised."""
        energy = partial(self.energy, module)
        weight = next(module.parameters())
        z = normalize(torch.randn(n, self.latent, device=weight.device), dim=1)
        onto = partial(normalize, dim=1)
        z = langevin(lambda z: energy(module.decode(z)), z, self.steps[0], self.sizes[0], self.temperature, onto)
        with torch.no_grad():
            x = module.decode(z)
        return langevin(energy, x, self.steps[1], self.sizes[1], self.temperature)

    def loss(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the energy of each event less that of an event drawn, and their squares weighed by gamma."""
        positive, negative = self.energy(module, x), self.energy(module, self.sampled(module, len(x)))
        return positive - negative + self.gamma * (positive.square() + negative.square())

    def scores(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the energy of each event."""
        return self.energy(module, x)

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self._fit_columns(x, weight)
        z = self._standardised(x)
        with training.seeded(self.random_state, "weights"):
            module = self.build(z.shape[1]).to(compute.device())
        seed = compute.seed(self.random_state, "warm-up")
        warm = training.fit(module, partial(self.energy, module), [z], recipe=self.warm_up, weight=weight, seed=seed)
        self.history_ = warm
        if self.recipe is not None:
            self.history_ = training.fit(
                module, partial(self.loss, module), [z], recipe=self.recipe, weight=weight, seed=self.random_state
            )
            best = [kept._replace(epoch=len(warm.train) + kept.epoch) for kept in self.history_.best]
            losses = warm.train + self.history_.train, warm.validation + self.history_.validation
            self.history_ = training.History(*losses, best)
