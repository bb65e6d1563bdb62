"""DAGMM: an autoencoder whose latent space a mixture of Gaussians is fitted to, both at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from dmlib import _check, compute, features, training
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .base import TorchDetector
from .variational import SLOTS, dense

QUICK = Recipe(epochs=10, batch_size=500, learning_rate=3e-4, clip=10.0)
FLOOR = 1e-6  # added to the diagonal of a covariance, so that it can be inverted


class Mixture(NamedTuple):
    """K Gaussians in d dimensions: weights (K,), means (K, d), and lower triangular roots of covariances (K, d, d)."""

    weight: torch.Tensor
    mean: torch.Tensor
    root: torch.Tensor

    def energy(self, z: torch.Tensor) -> torch.Tensor:
        """Returns the negative logarithm of the density at points z, shape (n, d)."""
        residual = z[None] - self.mean[:, None]
        solved = torch.linalg.solve_triangular(self.root, residual.transpose(1, 2), upper=False)
        volume = self.root.diagonal(dim1=1, dim2=2).log().sum(dim=1) + 0.5 * z.shape[1] * math.log(2 * math.pi)
        return -torch.logsumexp(self.weight.log()[:, None] - volume[:, None] - 0.5 * solved.square().sum(dim=1), dim=0)


def shared_out(z: torch.Tensor, gamma: torch.Tensor) -> Mixture:
    r"""Returns the mixture that events z make, shape (n, d), when component k has the share gamma of each, (n, K).

    .. math:: \hat\phi_k = \frac{1}{N} \sum_i \hat\gamma_{ik}, \quad
       \hat\mu_k = \frac{\sum_i \hat\gamma_{ik} z_i}{\sum_i \hat\gamma_{ik}}, \quad
       \hat\Sigma_k = \frac{\sum_i \hat\gamma_{ik} (z_i - \hat\mu_k)(z_i - \hat\mu_k)^T}{\sum_i \hat\gamma_{ik}}

    Example:
        >>> z = torch.randn(1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        >>> one = shared_out(z, torch.ones(1000, 1, dtype=torch.float64))
        >>> one.mean.shape, one.root.shape
        (torch.Size([1, 2]), torch.Size([1, 2, 2]))
    """
    total = gamma.sum(dim=0).clamp_min(1e-12)
    mean = gamma.T @ z / total[:, None]
    residual = z[None] - mean[:, None]
    covariance = (gamma.T[:, :, None] * residual).transpose(1, 2) @ residual / total[:, None, None]
    floor = FLOOR * torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    return Mixture(total / len(z), mean, torch.linalg.cholesky(covariance + floor))


class Networks(nn.Module):
    """Compression and estimation networks, and, once trained, the mixture that all events of the training make."""

    def __init__(self, d: int, hidden: tuple[int, ...], latent: int, units: int, components: int, dropout: float):
        super().__init__()
        self.encoder, self.decoder = dense([d, *hidden, latent], nn.Tanh), dense([latent, *hidden[::-1], d], nn.Tanh)
        estimate = [nn.Linear(latent + 2, units), nn.Tanh(), nn.Dropout(dropout), nn.Linear(units, components)]
        self.estimate = nn.Sequential(*estimate, nn.Softmax(dim=1))
        size = latent + 2
        for name, shape in (("weight", ()), ("mean", (size,)), ("root", (size, size))):
            self.register_buffer(f"mixture_{name}", torch.zeros(components, *shape, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns reconstructed events, and what describes an event: latent variables, and how much was lost."""
        latent = self.encoder(x)
        y = self.decoder(latent)
        distance = (x - y).norm(dim=1) / x.norm(dim=1).clamp_min(1e-6)
        return y, torch.cat([latent, distance[:, None], cosine_similarity(x, y, dim=1)[:, None]], dim=1)

    def mixture(self) -> Mixture:
        """Returns the mixture kept."""
        return Mixture(*(getattr(self, f"mixture_{name}") for name in Mixture._fields))


@dataclass(eq=False, repr=False)
class DAGMM(TorchDetector):
    r"""A deep autoencoding Gaussian mixture: an event is strange where the mixture of latent space is thin.

    .. math:: L = \left| x - x' \right| + \lambda_1 E(z) + \lambda_2 \sum_{k, j} \frac{1}{\hat\Sigma_{k, jj}}, \qquad
       E(z) = -\log \sum_k \hat\phi_k\, N(z; \hat\mu_k, \hat\Sigma_k)

    The compression network gives of each event its latent variables, the relative distance of its reconstruction and
    the cosine between both: these are z. The estimation network shares each event out among K components, which makes
    the mixture of a batch (`shared_out`). All is trained at once. The score is the energy E in the mixture of all
    events of the training. (Equation 19 as printed lacks the weights :math:`\hat\phi_k`; the method's paper has them.)

    Look at ``shares_``: one component may take all events, and the mixture is then a single Gaussian. Two seeds may
    differ by more than two methods do.

    Arguments:
        hidden: Units of the encoder's hidden layers; the decoder has them in reverse.
        latent: Latent dimensions.
        units: Units of the estimation network's hidden layer, :math:`d_1`.
        components: Number of Gaussians, :math:`d_2`.
        energy: Weight of the energy, :math:`\lambda_1`.
        singular: Weight of the term that keeps variances from zero, :math:`\lambda_2`.
        scaling: "filled" or "standard", as in `TorchDetector`.
        dropout: Share of the estimation network's units left out in a step of the training.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.11, tables 18 and 19
        | https://arxiv.org/abs/2105.14027
        | Deep Autoencoding Gaussian Mixture Model for Unsupervised Anomaly Detection (Zong et al., 2018)
        | https://openreview.net/forum?id=BJJLHbb0-

    Example:
        >>> x = np.random.default_rng(1).normal(size=(2000, 4)) * 0.1 + [1, 1, 0, 0]
        >>> dagmm = DAGMM(hidden=(16,), latent=2, recipe=QUICK.replace(epochs=5, learning_rate=3e-3)).fit(x)
        >>> ordinary, strange = dagmm.anomaly_score([[1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 1.0, 1.0]])
        >>> bool(strange > ordinary), dagmm.shares_.shape
        (True, (4,))
    """

    hidden: tuple[int, ...] = (128, 256, 512)
    latent: int = 10
    units: int = 10
    components: int = 4
    energy: float = 1e-2
    singular: float = 1e-3
    dropout: float = 0.5
    scaling: str = "filled"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns published settings, those of the best of its models by total improvement; all are in `grid`.

        It reads ``features.static``.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> DAGMM.paper("1").components
            8
        """
        _check.choice(channel, "channel", CHANNELS)
        recipe = Recipe(epochs=50, batch_size=1000, learning_rate=1e-4, clip=10.0)
        return cls(units=15, components=8, singular=1e-2, recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of table 19 by their names in the published files: each an encoding and a detector.

        The files have learning rates of 1e-6 and 1e-7 in their names where the table has 1e-4 and 1e-5; here they are
        the table's. Batches have 5,000 events there where the table has 100, and none has 30 latent dimensions.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> len(DAGMM.grid("1"))
            384
        """
        encode = partial(features.static, slots=SLOTS)
        models: dict[str, tuple[Callable[..., Any], Self]] = {}
        rates, weights = {"1e-06": 1e-4, "1e-07": 1e-5}, ("0.001", "0.01")
        table = product((10, 20), rates, (500, 1000, 5000), weights, weights, (50, 100), (10, 15), (4, 8))
        for setting in table:
            latent, rate, batch, energy, singular, epochs, units, components = setting
            recipe = Recipe(epochs=epochs, batch_size=batch, learning_rate=rates[rate], clip=10.0)
            model = cls(latent=latent, units=units, components=components, recipe=recipe)
            model.set_params(energy=float(energy), singular=float(singular))
            models["_".join(["DAGMM", *map(str, setting)])] = encode, model
        return models

    def build(self, d: int) -> torch.nn.Module:
        """Returns both networks."""
        for name in ("latent", "units", "components"):
            _check.count(getattr(self, name), name)
        for size in self.hidden:
            _check.count(size, "hidden")
        for name in ("energy", "singular"):
            _check.at_least(getattr(self, name), name)
        _check.share(self.dropout, "dropout", one=False)
        return Networks(d, self.hidden, self.latent, self.units, self.components, self.dropout)

    def loss(self, module: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns reconstruction and energy of each event in the mixture of its batch, and the batch's own term."""
        y, z = module(x)
        z, gamma = z.double(), module.estimate(z).double()
        mixture = shared_out(z, gamma)
        variances = mixture.root.square().sum(dim=2)
        energy = self.energy * mixture.energy(z) + self.singular * (1 / variances).sum()
        return (x - y).square().sum(dim=1).add(1e-12).sqrt() + energy.to(x.dtype)

    def scores(self, module: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns the energy of each event in the mixture of the training."""
        return module.mixture().energy(module(x)[1].double())

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        super()._fit(x, weight)
        (z,) = training.tensors(self._standardised(x))
        share = torch.ones(len(x)) if weight is None else torch.as_tensor(weight / weight.mean())
        modules: list[Any] = list(self.history_.modules)
        for module in modules:
            with torch.no_grad():
                described = torch.cat([module(part)[1] for part in z.split(training.data.CHUNK)])
                gamma = module.estimate(described).double() * share.to(described)[:, None].double()
                for name, value in zip(Mixture._fields, shared_out(described.double(), gamma), strict=True):
                    getattr(module, f"mixture_{name}").copy_(value)

    @property
    def shares_(self) -> np.ndarray:
        """The weights of the components, the largest first, shape (K,)."""
        best: Any = self.history_.modules[0]
        return np.sort(best.mixture_weight.cpu().numpy())[::-1]
