"""DeepSVDD: networks that are to answer every event with the same numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .base import Detector, TorchDetector
from .combine import background_efficiency
from .variational import dense, gaussian

QUICK = Recipe(epochs=6, batch_size=512, learning_rate=1e-3)
TARGETS, DIMENSIONS = (0, 1, 2, 3, 4, 10, 25), (5, 8, 13, 21, 34, 55, 89, 144, 233, 377)
HOW = ("log efficiency", "median", "mean")


@dataclass(eq=False, repr=False)
class DeepSVDD(TorchDetector):
    r"""A network with a fixed target: an event is strange if the answer to it is not the one that all should get.

    .. math:: L(x) = \frac{1}{d} \left| \hat y(x) - C_d \right|^2

    Nothing is reconstructed: background is compressed to one point, and what the network has not met is not. The
    temptation is to answer without looking at the event. A constant answer has zero loss, and the network then has
    collapsed: all scores agree to rounding. With biases any target is reached in this way, without them only zero is,
    by weights that are zero. A training that goes on for long enough comes close in any case; see ``distinct_``.

    With ``loss="kl"`` the answer is a normal distribution, d means and d logarithms of variances, whose divergence from
    N(0, 1) is the loss: the encoder of a variational autoencoder at beta = 1.

    Arguments:
        target: The number C that each output is to be; 0 for "kl".
        dimensions: Number of outputs, d.
        hidden: Units of the hidden layers.
        bias: Whether layers have biases.
        divergence: "mse", the loss above, or "kl".
        scaling: "filled" or "standard", as in `TorchDetector`.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    Attributes:
        distinct_: Number of different scores, to six digits, among the events of the training. Where these are few, or
            the scores' spread is below a millionth of the target's square, the training warns that it has collapsed.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.9, equation 17, tables 16 and 17
        | https://arxiv.org/abs/2105.14027
        | Deep One-Class Classification (Ruff et al., 2018): https://proceedings.mlr.press/v80/ruff18a.html

    Example:
        >>> x = np.random.default_rng(1).normal(size=(2000, 4)) * 0.1 + [1, 1, 0, 0]
        >>> svdd = DeepSVDD(dimensions=5, hidden=(32,), recipe=QUICK.replace(epochs=20, batch_size=100)).fit(x)
        >>> ordinary, strange = svdd.anomaly_score([[1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 1.0, 1.0]])
        >>> bool(strange > 10 * ordinary)
        True
    """

    target: float = 10.0
    dimensions: int = 21
    hidden: tuple[int, ...] = (512, 256, 128)
    bias: bool = False
    divergence: str = "mse"
    scaling: str = "filled"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns published settings, at d = 21 and C = 10; all targets and dimensions are in `grid`.

        It reads ``features.leading(events, 8)``. The paper does not name the number of epochs, nor the biases; a batch
        of 10,000 is larger than some channels have events.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> DeepSVDD.paper("1").recipe.batch_size
            10000
        """
        _check.choice(channel, "channel", CHANNELS)
        return cls(recipe=Recipe(epochs=50, batch_size=10_000, learning_rate=1e-3), random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Detector]]:
        """Returns the models of table 17 by their names in the published files: each an encoding and a detector.

        The files have models with 377 outputs too.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> len(DeepSVDD.grid("1")), "DeepSVDD_C25_d21" in DeepSVDD.grid("1")
            (80, True)
        """
        models: dict[str, tuple[Callable[..., Any], Detector]] = {}
        encode = partial(features.leading, n=8)
        for d in DIMENSIONS:
            for target in TARGETS:
                models[f"DeepSVDD_C{target}_d{d}"] = encode, cls.paper(channel).set_params(target=target, dimensions=d)
            models[f"DeepSVDD_Reduced_d{d}"] = encode, DeepSVDDEnsemble.paper(channel).set_params(dimensions=d)
        return models

    def build(self, d: int) -> torch.nn.Module:
        """Returns the network."""
        _check.count(self.dimensions, "dimensions")
        _check.choice(self.divergence, "divergence", ("mse", "kl"))
        target = _check.at_least(self.target, "target", -np.inf)
        if self.divergence == "kl" and target != 0:
            raise ValueError(f"target={target:g}: expected 0 with divergence='kl', whose target is N(0, 1)")
        for size in self.hidden:
            _check.count(size, "hidden")
        outputs = self.dimensions * (2 if self.divergence == "kl" else 1)
        return dense([d, *self.hidden, outputs], bias=self.bias)

    def loss(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared difference from the target, or the divergence, of each event."""
        y = module(x)
        if self.divergence == "mse":
            return (y - self.target).square().mean(dim=1)
        return gaussian(y, noise=False)[1] / self.dimensions

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        super()._fit(x, weight)
        score = self._score(x)
        self.distinct_ = len(np.unique([f"{value:.5e}" for value in score]))
        if self.distinct_ < min(10, len(x)) or score.std() < 1e-6 * max(1.0, self.target**2):
            warnings.warn(
                f"DeepSVDD(target={self.target:g}) has collapsed: {self.distinct_} different scores of {len(x)} events,"
                f" spread {score.std():.1e}; take fewer epochs, bias=False or a target other than 0",
                stacklevel=3,
            )

    def _arrays(self) -> dict[str, np.ndarray]:
        return super()._arrays() | {"distinct": np.array(self.distinct_)}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.distinct_ = int(arrays.pop("distinct"))
        super()._restore(arrays)


@dataclass(eq=False, repr=False)
class DeepSVDDEnsemble(Detector):
    r"""Several fixed targets at once: the published "Reduced" models.

    The losses of the seven networks differ by orders of magnitude, since that of a target C starts at :math:`C^2`:
    their plain mean is the largest target's alone. So each is put on a scale of its own first,

    .. math:: s(x) = -\frac{1}{K} \sum_k \log f_k(x),

    with :math:`f_k` the background efficiency of the k-th score (`background_efficiency`) on events set aside; or it is
    divided by its median there.

    Arguments:
        targets: The numbers C.
        how: "log efficiency" as above; "median", the mean of the losses, each over its median; "mean", as they are.
        dimensions, hidden, bias, recipe: Of each network, as in `DeepSVDD`.
        aside: Share of the events that the scales are taken from, and no network is trained on.
        random_state: Seed.

    Attributes:
        members_: The fitted `DeepSVDD` of each target.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.9
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> x = np.random.default_rng(1).normal(size=(2000, 4)) * 0.1 + [1, 1, 0, 0]
        >>> recipe = QUICK.replace(epochs=5, batch_size=100)
        >>> both = DeepSVDDEnsemble(targets=(0, 25), dimensions=5, hidden=(32,), recipe=recipe).fit(x)
        >>> ordinary, strange = both.anomaly_score([[1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 1.0, 1.0]])
        >>> bool(strange > ordinary)
        True
    """

    targets: tuple[float, ...] = TARGETS
    how: str = "log efficiency"
    dimensions: int = 21
    hidden: tuple[int, ...] = (512, 256, 128)
    bias: bool = False
    recipe: Recipe = QUICK
    aside: float = 0.2
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns published settings: all targets of table 17, and the mean of their losses as they are.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> DeepSVDDEnsemble.paper("1").how
            'mean'
        """
        return cls(how="mean", recipe=DeepSVDD.paper(channel).recipe, random_state=random_state)

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        _check.choice(self.how, "how", HOW)
        if not self.targets:
            raise ValueError("targets: expected one or more")
        share = _check.share(self.aside, "aside", zero=False, one=False)
        order = compute.stream(self.random_state, "aside").permutation(len(x))
        n_aside = max(1, round(share * len(x)))
        aside, used = order[:n_aside], order[n_aside:]
        self.members_ = []
        for target in self.targets:
            member = self._member(target).fit(x[used], None if weight is None else weight[used])
            self.members_.append(member)
        self.losses_ = np.array([member.anomaly_score(x[aside]) for member in self.members_])
        self.weights_ = np.ones(n_aside) if weight is None else weight[aside]

    def _member(self, target: float) -> DeepSVDD:
        seed = compute.seed(self.random_state, "target", f"{float(target):g}")
        return DeepSVDD(target, self.dimensions, self.hidden, self.bias, recipe=self.recipe, random_state=seed)

    def _score(self, x: np.ndarray) -> np.ndarray:
        losses = np.array([member.anomaly_score(x) for member in self.members_])
        if self.how == "mean":
            return losses.mean(axis=0)
        if self.how == "median":
            return np.mean([loss / np.median(own) for loss, own in zip(losses, self.losses_, strict=True)], axis=0)
        strange = [background_efficiency(a, b, self.weights_) for a, b in zip(losses, self.losses_, strict=True)]
        return -np.log1p(-np.clip(strange, 0, 1 - 1e-15)).mean(axis=0)

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"losses": self.losses_, "weights": self.weights_, "columns": np.array(self.n_features_in_)}
        for k, member in enumerate(self.members_):
            arrays |= {f"member{k}/{name}": array for name, array in member._arrays().items()}
        return arrays

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.losses_, self.weights_ = arrays["losses"], arrays["weights"]
        self.members_ = []
        for k, target in enumerate(self.targets):
            member, start = self._member(target), f"member{k}/"
            member._restore({n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)})
            member._remember(int(arrays["columns"]))
            self.members_.append(member)
