"""DeepSetVAE: events as sets of objects, in no order and of any number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Self

import torch
from torch import nn
from torch.nn.functional import one_hot

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .objects import ObjectDetector, chamfer, unpacked
from .variational import dense, gaussian

QUICK = Recipe(epochs=8, batch_size=256, learning_rate=2e-3, anneal=True, validation=0.1, clip=10.0)
BETAS, WEIGHTS = (0.0, 1e-6, 1e-3, 0.1, 0.5, 0.8, 0.999, 1.0), (1.0, 10.0)  # table 8


class FSPool(nn.Module):
    r"""Pools a set feature by feature: sorted over the objects, then summed with weights that depend on the place.

    .. math:: p_f = \sum_{i=1}^{n} w_f\!\left(\frac{i - 1}{n - 1}\right) h_{(i), f}

    with :math:`h_{(1), f} \ge h_{(2), f} \ge \dots` and w piecewise linear between learnt knots, so that sets of any
    size share it. One object stands at the first knot; an empty set gives zeros.

    Arguments:
        d: Number of features of an object.
        knots: Number of knots of each weight.

    References:
        | FSPool: Learning Set Representations with Featurewise Sort Pooling (Zhang et al., 2019)
        | https://arxiv.org/abs/1906.02795

    Example:
        >>> h, filled = torch.randn(10, 5, 3), torch.arange(5).expand(10, 5) < 2
        >>> FSPool(3)(h, filled).shape
        torch.Size([10, 3])
    """

    def __init__(self, d: int, knots: int = 16):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(knots, d))

    def forward(self, h: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """Pools features h, shape (n, m, d), of the objects that are filled, shape (n, m)."""
        values = h.masked_fill(~filled[..., None], -torch.inf).sort(dim=1, descending=True).values
        number = filled.sum(dim=1, keepdim=True)
        place = torch.arange(h.shape[1], device=h.device).expand_as(filled)
        knot = place.clamp(max=number - 1).clamp_min(0) / (number - 1).clamp_min(1) * (len(self.weight) - 1)
        low = knot.long().clamp(max=len(self.weight) - 2)
        part = (knot - low)[..., None]
        weight = (1 - part) * self.weight[low] + part * self.weight[low + 1]
        inside = (place < number)[..., None]
        return (torch.where(inside, values, 0.0) * weight).sum(dim=1)


class SetVAE(nn.Module):
    """An encoder that maps every object alike and pools, a dense decoder that says all objects at once."""

    def __init__(self, m: int, kinds: int, width: int, latent: int):
        super().__init__()
        self.m, self.kinds = m, kinds
        self.each = dense([4 + kinds, *[width] * 4], nn.ReLU)
        self.pool, self.gauss = FSPool(width), nn.Linear(width, 2 * latent)
        self.trunk = nn.Sequential(dense([latent, width, width], nn.ReLU), nn.ReLU())
        self.momenta, self.classes = nn.Linear(width, 4 * m), nn.Linear(width, (kinds + 1) * m)

    def posterior(self, x: torch.Tensor, noise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        objects = unpacked(x)
        kind = one_hot(objects.kind, self.kinds + 1)[..., 1:].to(x.dtype)
        h = self.each(torch.cat([objects.momentum, kind], dim=2))
        return gaussian(self.gauss(self.pool(h, objects.filled)), noise)

    def decode(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns momenta, shape (n, m, 4), and log-probabilities of being empty or of each kind, (n, m, kinds + 1)."""
        h = self.trunk(z)
        logits = self.classes(h).unflatten(1, (self.m, self.kinds + 1))
        return self.momenta(h).unflatten(1, (self.m, 4)), logits.log_softmax(dim=2)


@dataclass(eq=False, repr=False)
class DeepSetVAE(ObjectDetector):
    r"""A variational autoencoder of sets: neither the order of the objects nor empty slots matter.

    .. math:: L(x) = (1 - \beta) \Big( L_C(x, \hat x) - \omega \sum_{x} \log p_{k(x)}(\hat y_x)
       - \omega \sum_{y} \log p_\mathrm{none}(y) \Big) + \beta\, \mathrm{KL}

    Every object, (E, pT, eta, phi) and its kind, is mapped by the same network; `FSPool` makes the set one vector. The
    decoder says m objects and with which probability each is of a kind, or none. The Chamfer distance :math:`L_C` sums
    over all objects x of the event the distance to the nearest decoded one, :math:`\hat y_x`, and over all decoded ones
    y, each as far as it is there at all, the distance to the nearest x. The kind k(x) is asked of :math:`\hat y_x`;
    those that are nearest to no x are to be none. (This last term is ours: else nothing asks for empty slots.)

    All these are sums over objects, so that events with many score high. At beta = 1 only KL is left.

    Arguments:
        width: Units of the hidden layers, and features of an object.
        latent: Dimensions of the latent space.
        beta: Weight of KL, 0 to 1.
        weight: Weight :math:`\omega` of the kinds.
        kinds: X has the columns of ``features.leading(events, n, kind=True)``; False: those without kinds.
        score: "reconstruction", "radius" or "total", as in `BetaVAE`.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.3 and table 8
        | https://arxiv.org/abs/2105.14027
        | Deep Set Auto Encoders for Anomaly Detection in Particle Physics (Ostdiek, 2021)
        | https://arxiv.org/abs/2109.01695

    Example:
        >>> from dmlib import samples
        >>> x = features.leading(samples.load("darkmachines/2a/background-validation"), 6, kind=True)
        >>> vae = DeepSetVAE(width=16, recipe=QUICK.replace(epochs=2, batch_size=50)).fit(x)
        >>> vae.encode(x).shape
        (502, 8)
    """

    width: int = 64
    latent: int = 8
    beta: float = 1e-3
    weight: float = 1.0
    kinds: bool = True
    score: str = "total"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns the published settings at beta = 1, which performed best; the others are in `grid`.

        It reads ``features.leading(events, 19, kind=True)``: with missing energy the decoder's 20 objects. How it was
        trained the paper does not say.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> DeepSetVAE.paper("1").width
            256
        """
        _check.choice(channel, "channel", CHANNELS)
        recipe = Recipe(epochs=200, batch_size=256, learning_rate=1e-3, validation=0.1, patience=20, clip=10.0)
        return cls(256, beta=1.0, recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of table 8 by their names in the published files: each an encoding and a detector.

        Submitted were those with a beta of 0.001 and 1 (the text says 0 and 1).

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> list(DeepSetVAE.grid("1"))[-1]
            'DeepSetVAE_beta_1.0_weight_10.0'
        """
        encode = partial(features.leading, n=19, kind=True)
        return {
            f"DeepSetVAE_beta_{beta}_weight_{weight}": (encode, cls.paper(channel).set_params(beta=beta, weight=weight))
            for beta, weight in product(BETAS, WEIGHTS)
        }

    def build(self, d: int) -> torch.nn.Module:
        """Returns encoder, pooling and decoder."""
        self._check_settings()
        _check.count(self.width, "width")
        _check.at_least(float(self.weight), "weight")
        return SetVAE(d // 5, self.n_kinds, self.width, self.latent)

    def distance(self, y: tuple[torch.Tensor, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Returns the Chamfer distance and what the kinds add, of each event and its reconstruction."""
        objects, (momenta, log_p) = unpacked(x), y
        none = log_p[..., 0]
        value, nearest = chamfer(momenta, objects.momentum, 1 - none.exp(), objects.filled)
        asked = log_p.gather(1, nearest[..., None].expand(-1, -1, log_p.shape[2]))
        right = asked.gather(2, objects.kind[..., None])[..., 0] * objects.filled
        wanted = torch.zeros_like(none).scatter_add(1, nearest, objects.filled.to(none.dtype)) > 0
        return value - self.weight * (right.sum(dim=1) + (none * ~wanted).sum(dim=1))
