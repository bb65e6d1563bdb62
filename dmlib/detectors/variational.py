"""BetaVAE, and what all variational autoencoders share: a latent space with a prior, and the weight beta of the two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from dmlib import _check, compute, features, training
from dmlib.channels import CHANNELS
from dmlib.events.columns import KINDS
from dmlib.training import Recipe

from .base import TorchDetector

QUICK = Recipe(epochs=20, batch_size=512, learning_rate=2e-3, anneal=True, validation=0.1, clip=10.0)
SCORES = ("reconstruction", "radius", "total")
SLOTS = {"j": 20, "b": 10, "e-": 5, "e+": 5, "m-": 5, "m+": 5, "g": 5}  # of `static`: those never filled are left out
SLOT = (*(f"is_{kind}" for kind in (*KINDS, "none")), "pt", "eta", "phi", "E")  # columns of a slot of `dynamic`
BETAS, LATENT = (1e-6, 1e-3, 0.1, 0.5, 0.8, 0.999, 1), (5, 8, 13, 21, 34)  # table 7


class VariationalDetector(TorchDetector):
    r"""A detector with a latent space: an encoder gives every event a distribution there, a decoder maps points back.

    .. math:: L(x) = (1 - \beta)\, d\big(x, D(z)\big) + \beta\, \mathrm{KL}\big(q(z \mid x) \,\|\, N(0, 1)\big),
       \qquad z \sim q(z \mid x)

    A method says with ``build(d)`` what its module is, with methods ``posterior(x, noise=True)``, which returns z and
    the divergence, and ``decode(z)``; and with ``distance(y, x)`` how far decoded events lie from events. Scores are of
    the centre of q, without noise: the distance ("reconstruction"), how far z lies from the origin ("radius"), or the
    loss ("total").
    """

    beta: float
    latent: int
    score: str

    def distance(self, y: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns how far each decoded event is from the event itself."""
        raise NotImplementedError(f"{type(self).__name__} lacks a distance")

    def loss(self, module: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns distance and divergence of each event, weighed by beta."""
        z, divergence = module.posterior(x)
        return (1 - self.beta) * self.distance(module.decode(z), x) + self.beta * divergence

    def scores(self, module: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns the score of each event at the centre of its distribution in latent space."""
        z, divergence = module.posterior(x, noise=False)
        if self.score == "radius":
            return z.norm(dim=1)
        distance = self.distance(module.decode(z), x)
        return distance if self.score == "reconstruction" else (1 - self.beta) * distance + self.beta * divergence

    def encode(self, X: ArrayLike) -> np.ndarray:
        """Returns where events lie in latent space, shape (n, latent): the centres, by the best epoch.

        Arguments:
            X: Events, with the columns of the training.

        Raises:
            ValueError: Columns are not those of the training, or a value is not finite.
            sklearn.exceptions.NotFittedError: `fit` was not called.
        """
        z, module = self.standardise(X), self.history_.modules[0]
        posterior: Any = module.posterior
        return training.evaluate(lambda x: posterior(x, noise=False)[0], z)

    def _check_settings(self) -> None:
        """Checks what all have."""
        _check.share(float(self.beta), "beta")
        _check.count(self.latent, "latent")
        _check.choice(self.score, "score", SCORES)


def gaussian(parameters: torch.Tensor, noise: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws from normal distributions, or takes their centres, and returns their divergences from N(0, 1) too.

    The parameters are means and logarithms of variances side by side. The latter are bounded: what one odd event asks
    for must not overflow.
    """
    mean, log_variance = parameters.chunk(2, dim=1)
    log_variance = log_variance.clamp(-12, 8)
    z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if noise else mean
    return z, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def dense(sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ELU, bias: bool = True) -> nn.Sequential:
    """Returns dense layers of the given sizes, with an activation after each but the last."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b, bias=bias), activation()]
    return nn.Sequential(*layers[:-1])


class DenseVAE(nn.Module):
    """Encoder and decoder of dense layers."""

    def __init__(self, d: int, hidden: Sequence[int], latent: int):
        super().__init__()
        self.encoder, self.decode = dense([d, *hidden, 2 * latent]), dense([latent, *reversed(hidden), d])

    def posterior(self, x: torch.Tensor, noise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        return gaussian(self.encoder(x), noise)


@dataclass(eq=False, repr=False)
class BetaVAE(VariationalDetector):
    r"""A variational autoencoder; an event is strange if it is reconstructed badly, or encoded far from the origin.

    .. math:: L(x) = (1 - \beta)\, \mathrm{MSE}(x, \hat x) + \beta\, \mathrm{KL}

    MSE is the mean over columns, KL the sum over latent dimensions: what beta means depends on both numbers. At
    beta = 0 it is an autoencoder whose noise dies out; at beta = 1 the decoder is not trained, and an event is encoded
    wherever an encoder that may put all of them at the origin puts it. From beta = 0.5 on static columns nothing is
    left in most latent dimensions.

    With ``encoding="dynamic"`` the first term is that of the paper's equation 25, for counts n, classes c (the kinds of
    the objects) and all other columns r:

    .. math:: R(x) = 100 (n - \hat n)^2 + \frac{1}{d_r} \sum_i (r_i - \hat r_i)^2
       - \frac{10}{d_c} \sum_i \big(c_i \log \hat c_i + (1 - c_i) \log(1 - \hat c_i)\big)

    (There beta is the weight of the reconstruction; here it is that of KL throughout.)

    Arguments:
        hidden: Units of the encoder's hidden layers; the decoder has them in reverse.
        latent: Dimensions of the latent space.
        beta: Weight of KL, 0 to 1.
        score: "reconstruction", "radius" or "total". It is no matter of the training: ``set_params(score="radius")``
            gives a fitted detector its other score.
        encoding: "static", any columns that a mean squared error suits, as from ``features.static``; or "dynamic", the
            columns of ``features.dynamic``.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.2, table 7 and equation 25
        | https://arxiv.org/abs/2105.14027
        | Auto-Encoding Variational Bayes (Kingma and Welling, 2013): https://arxiv.org/abs/1312.6114

    Example:
        >>> x = np.random.default_rng(1).normal(size=(2000, 4)) * [1, 1, 0.1, 0.1]
        >>> x[:, 2:] += x[:, :2]  # two numbers describe an event
        >>> vae = BetaVAE(hidden=(16,), latent=2, recipe=QUICK.replace(epochs=10, batch_size=50)).fit(x)
        >>> ordinary, strange = vae.anomaly_score([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, -1.0, -1.0]])
        >>> bool(strange > 10 * ordinary)
        True
        >>> vae.encode(x).shape
        (2000, 2)
    """

    hidden: tuple[int, ...] = (256, 128, 64)
    latent: int = 13
    beta: float = 1e-3
    score: str = "reconstruction"
    encoding: str = "static"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns the published settings that the paper goes on with: beta = 1, 21 latent dimensions, the radius.

        It reads ``features.static``. Hidden layers and batches are those of section 4.13; the rest of the training is
        ours. All 140 models are in `grid`.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> BetaVAE.paper("1").latent
            21
        """
        _check.choice(channel, "channel", CHANNELS)
        recipe = Recipe(epochs=200, batch_size=1_000, learning_rate=1e-3, validation=0.1, patience=20, clip=10.0)
        return cls((512, 256, 128), 21, 1.0, "radius", recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of table 7 by their names in the published files: each an encoding and a detector.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> len(BetaVAE.grid("1")), "VAE-static-beta1e-06-z13_RL" in BetaVAE.grid("1")
            (140, True)
        """
        encodings: dict[str, Callable[..., Any]] = {
            "static": partial(features.static, slots=SLOTS),
            "dynamic": features.dynamic,
        }
        scores = {"RL": "reconstruction", "Radius": "radius"}
        models: dict[str, tuple[Callable[..., Any], Self]] = {}
        for (encoding, encode), beta, z, (label, score) in product(encodings.items(), BETAS, LATENT, scores.items()):
            model = cls.paper(channel).set_params(encoding=encoding, beta=beta, latent=z, score=score)
            models[f"VAE-{encoding}-beta{beta:g}-z{z}_{label}"] = encode, model
        return models

    def build(self, d: int) -> torch.nn.Module:
        """Returns encoder and decoder."""
        self._check_settings()
        for size in self.hidden:
            _check.count(size, "hidden")
        return DenseVAE(d, self.hidden, self.latent)

    def distance(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared difference, or that of equation 25, of each event and its reconstruction."""
        if self.encoding == "static":
            return (y - x).square().mean(dim=1)
        count, kind = (torch.as_tensor(part[self.used_], device=x.device) for part in _parts(len(self.used_)))
        other = ~(count | kind)
        squares = (y - x).square()
        crossed = binary_cross_entropy_with_logits(y[:, kind], x[:, kind], reduction="none")
        d_r, d_c = (max(1, int(part.sum())) for part in (other, kind))
        return 100 * squares[:, count].sum(dim=1) + squares[:, other].sum(dim=1) / d_r + 10 * crossed.sum(dim=1) / d_c

    def _expect(self, columns: list[str] | int) -> None:
        _check.choice(self.encoding, "encoding", ("static", "dynamic"))
        if self.encoding == "static":
            return
        d = columns if isinstance(columns, int) else len(columns)
        slots = (d - 3) // len(SLOT)
        names = ["met", "met_phi", "n", *(f"o{k}_{name}" for k in range(1, slots + 1) for name in SLOT)]
        if slots < 1 or len(names) != d or (not isinstance(columns, int) and columns != names):
            found = f"{d} columns" if isinstance(columns, int) else f"{d} columns, {', '.join(columns[:4])}, ..."
            raise ValueError(
                f"X has {found}: encoding='dynamic' expects those of features.dynamic(events, n), 3 + 12 n"
            )

    def _fit_columns(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        super()._fit_columns(x, weight)
        if self.encoding == "dynamic":  # numbers of objects and classes enter as they are
            whole = np.any(_parts(x.shape[1]), axis=0)
            self.mean_, self.scale_ = np.where(whole, 0.0, self.mean_), np.where(whole, 1.0, self.scale_)


def _parts(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of the d columns of `features.dynamic` is the number of objects, and which are classes."""
    columns = np.arange(d)
    return columns == 2, (columns > 2) & ((columns - 3) % len(SLOT) < len(KINDS) + 1)
