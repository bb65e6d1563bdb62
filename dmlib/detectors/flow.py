"""SplineFlow: the density of whole events, by an autoregressive flow of rational quadratic splines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.models import Dequantiser, flows
from dmlib.training import Recipe

from .base import TorchDetector

QUICK = Recipe(epochs=10, batch_size=256, learning_rate=4e-3, anneal=True, validation=0.1, clip=5.0)
COLUMNS = ("counts_", "padded_", "logarithms_", "used_", "mean_", "scale_")  # what a `Dequantiser` has learnt
LEAST = 100  # events with a number of filled entries, to have a median and a spread of their own


@dataclass(eq=False, repr=False)
class SplineFlow(TorchDetector):
    r"""A normalising flow as a density of whole events; an event is strange where the density is low.

    .. math:: s(x) = -\log p(x), \qquad \log p(x) = \log N\big(f(z)\big) + \log\left|\det\frac{\partial f}{\partial z}
       \right| + \log\left|\det\frac{\partial z}{\partial x}\right|

    f is a masked autoregressive flow: each column is mapped by a spline whose knots a network sets from the columns
    before. z are the columns of the event, standardised, with momenta as logarithms; counts and empty slots, where a
    density would grow without end, are dequantised (`dmlib.models.Dequantiser`): in training by noise drawn afresh
    for every batch, in scoring by its centre.

    The number of filled slots varies, and so does the number of dimensions of an event. A density per GeV for each
    momentum ranks events with many objects against those with few in another way than one per TeV. With ``level`` an
    event is compared with those that have as many filled entries: the score's median among them is subtracted, and it
    is divided by their spread.

    Arguments:
        kind: "rqs", rational quadratic splines, or "maf", affine transforms, cheaper.
        transforms: Number of autoregressive transforms.
        hidden: Units of each hidden layer of a transform's network.
        bins, bound: Bins of a spline, and where it ends, in standard deviations; beyond it is the identity.
        counts, padded, logarithms: Which columns are whole numbers, have empty slots, enter as logarithms: their
            numbers, or None to read it off the training.
        density: "standardised", of z, where each filled or empty entry is one dimension without a unit; or "x", of the
            entries that are filled, in the units that they have.
        level: Compare with events that have as many filled entries.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    Attributes:
        columns_: The fitted `dmlib.models.Dequantiser`.
        levels_: Median and spread of the training's scores by the number of filled entries, shape (n, 2); without
            ``level`` none are taken.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.8 and table 15
        | https://arxiv.org/abs/2105.14027
        | Phase Space Sampling and Inference from Weighted Events with Autoregressive Flows (Stienen and Verheyen, 2020)
        | https://arxiv.org/abs/2011.13445

    Example:
        >>> x = np.random.default_rng(1).normal(size=(2000, 2))
        >>> x[:, 1] += x[:, 0] ** 2
        >>> flow = SplineFlow(recipe=QUICK.replace(epochs=5)).fit(x)
        >>> ordinary, strange = flow.anomaly_score([[1.5, 2.2], [0.0, 3.5]])
        >>> bool(strange > ordinary + 1)
        True
    """

    kind: str = "rqs"
    transforms: int = 2
    hidden: tuple[int, ...] = (64, 64)
    bins: int = 6
    bound: float = 5.0
    counts: tuple[int, ...] | None = None
    padded: tuple[int, ...] | None = None
    logarithms: tuple[int, ...] | None = None
    density: str = "standardised"
    level: bool = False
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns the published settings: 11 transforms by 7 layers of 200 units, for a GPU.

        The encodings are in `grid`. The paper names an initial learning rate and no schedule: half a cosine is ours, as
        is the bound of the splines.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> SplineFlow.paper("3").recipe.epochs
            10
        """
        epochs = 10 if _check.choice(channel, "channel", CHANNELS) == "3" else 100
        recipe = Recipe(epochs=epochs, batch_size=512, learning_rate=1e-3, anneal=True, validation=0.1)
        return cls("rqs", 11, (200,) * 7, bins=35, recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of section 4.8 by their names in the published files: each an encoding and a detector.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> list(SplineFlow.grid("1"))
            ['Flow-Efficient_Likelihood', 'Flow-Efficient-No-E_Likelihood', 'Flow-Aggregates_Likelihood']
        """
        encodings: dict[str, Callable[..., Any]] = {
            "Efficient": features.efficient,
            "Efficient-No-E": partial(features.efficient, energy=False),
            "Aggregates": features.aggregates,  # described, but not among the submitted
        }
        return {f"Flow-{name}_Likelihood": (encode, cls.paper(channel)) for name, encode in encodings.items()}

    def build(self, d: int) -> torch.nn.Module:
        """Returns the flow."""
        for name in ("transforms", "bins"):
            _check.count(getattr(self, name), name)
        for size in self.hidden:
            _check.count(size, "hidden")
        _check.positive(self.bound, "bound")
        return flows.build(self.kind, d, 0, self.transforms, self.hidden, self.bins, self.bound)

    def loss(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns -log p of each event with fresh noise on its counts and in its empty entries, which are NaN."""
        return -module().log_prob(self.columns_.noisy(x))

    def scores(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns -log p of each event at the centre of the noise."""
        return -module().log_prob(x.nan_to_num(nan=0.0))

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        _check.choice(self.density, "density", ("standardised", "x"))
        super()._fit(x, weight)
        self.levels_ = np.empty((0, 2))
        if self.level:
            most = int((self.columns_.padded_ & self.columns_.used_).sum())
            weights = _check.weights(weight, len(x), "sample_weight")
            self.levels_ = _levels(self._surprise(x), self.columns_.filled(x), weights, most)

    def _score(self, x: np.ndarray) -> np.ndarray:
        surprise = self._surprise(x)
        if not self.level:
            return surprise
        median, spread = self.levels_[self.columns_.filled(x)].T
        return (surprise - median) / spread

    def _surprise(self, x: np.ndarray) -> np.ndarray:
        """-log p, of z or of x; for that what the noise in empty entries adds is taken off again."""
        surprise = super()._score(x)
        if self.density == "standardised":
            return surprise
        empty = np.isnan(self._standardised(x)).sum(axis=1)
        return surprise - self.columns_.log_det(x) - 0.5 * np.log(2 * np.pi) * empty

    def _fit_columns(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self.columns_ = Dequantiser(self.counts, self.padded, self.logarithms).fit(x, weight)
        self.mean_, self.scale_, self.used_ = self.columns_.mean_, self.columns_.scale_, self.columns_.used_

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        return self.columns_.transform(x)

    def _arrays(self) -> dict[str, np.ndarray]:
        return super()._arrays() | {name: getattr(self.columns_, name) for name in COLUMNS} | {"levels": self.levels_}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.columns_, self.levels_ = Dequantiser(self.counts, self.padded, self.logarithms), arrays.pop("levels")
        for name in COLUMNS:
            setattr(self.columns_, name, arrays[name])
        super()._restore(arrays)


def relative_likelihood(score: ArrayLike) -> np.ndarray:
    r"""Returns likelihoods as the challenge's paper rescales them: 0 is the strangest of a sample, 1 the likeliest.

    .. math:: S(x) = \frac{\log p(x) - \log p_\min}{\log p_\max - \log p_\min}

    The paper calls it an anomaly score; it is high for *ordinary* events. And it is of the sample: an event's value
    changes with the company that it is in, so that two samples have to be rescaled together. The order of the events
    of one sample is that of their likelihoods.

    Arguments:
        score: -log p of each event of a sample, as from ``SplineFlow.anomaly_score``, shape (n,).

    Raises:
        ValueError: All events have the same likelihood.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), equation 16
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> relative_likelihood([10.0, 12.0, 20.0])
        array([1. , 0.8, 0. ])
    """
    log_p = -_check.column(score, "score")
    low, high = log_p.min(), log_p.max()
    if low == high:
        raise ValueError(f"score: all events have {-low:g}; expected scores that differ")
    return (log_p - low) / (high - low)


def _levels(surprise: np.ndarray, filled: np.ndarray, weight: np.ndarray, most: int) -> np.ndarray:
    """Median and spread of the scores for every number of filled entries, 0 to the most there can be.

    Where there are too few events the median is read off a line through the others, along which a change of unit moves
    all medians, and the spread is that of the nearest number.
    """
    numbers, events = np.unique(filled, return_counts=True)
    enough = events >= min(LEAST, events.max())
    common, own = numbers[enough], []
    for k in common:
        order = np.argsort(surprise[filled == k])
        values, w = surprise[filled == k][order], weight[filled == k][order]
        low, median, high = np.interp((0.25, 0.5, 0.75), (np.cumsum(w) - w / 2) / w.sum(), values)
        own.append((median, (high - low) / 1.349))  # so many standard deviations of a normal law
    every = np.arange(most + 1)
    levels = np.array(own)[np.abs(every[:, None] - common).argmin(axis=1)]
    line = np.polyfit(common, np.array(own)[:, 0], min(1, len(common) - 1), w=np.sqrt(events[enough]))
    rare = ~np.isin(every, common)
    levels[rare, 0] = np.polyval(line, every[rare])
    return levels
