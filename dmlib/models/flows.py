"""Densities p(x) and p(x | m): masked autoregressive flows behind one small class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import zuko
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch.nn.functional import pad

from dmlib import _check, compute, training

from .sampling import inverse
from .scaling import LogitScaler

PAPER = training.Recipe(epochs=100, batch_size=256, learning_rate=1e-4, validation=0.5, keep=10)


class Spline(zuko.transforms.MonotonicRQSTransform):
    """zuko's rational quadratic spline, its bins without a softmax, which takes most of the time where bins are few.

    Bin widths are bounded before the exponential, so that no maximum has to be subtracted.
    """

    def __init__(self, widths, heights, derivatives, bound: float = 5.0, slope: float = 1e-3, **options):
        torch.distributions.Transform.__init__(self, **options)
        limit = -np.log(slope)
        self.horizontal, self.vertical = (self._knots(raw, bound, limit) for raw in (widths, heights))
        self.derivatives = torch.exp(pad(derivatives / (1 + abs(derivatives / limit)), (1, 1)))

    @staticmethod
    def _knots(raw, bound, limit):
        sums = torch.cumsum(torch.exp(raw / (1 + abs(2 * raw / limit))), dim=-1)
        return bound * (2 * pad(sums / sums[..., -1:], (1, 0)) - 1)


def build(kind: str, features: int, context: int, transforms: int, hidden, bins: int, bound: float) -> zuko.flows.MAF:
    """Returns an untrained masked autoregressive flow, affine ("maf") or by rational quadratic splines ("rqs")."""
    options = {"transforms": transforms, "hidden_features": tuple(hidden)}
    if _check.choice(kind, "kind", ("maf", "rqs")) == "rqs":
        options |= {"univariate": partial(Spline, bound=bound), "shapes": [(bins,), (bins,), (bins - 1,)]}
    flow = zuko.flows.MAF(features, context, **options)
    if features == 1 and not context:  # plain parameters without a network, which zuko starts far from the identity
        for parameter in flow.parameters():
            torch.nn.init.zeros_(parameter)
    return flow


@dataclass(eq=False, repr=False)
class Flow(BaseEstimator):
    r"""Density of features, or of features given the resonant mass, learnt from events.

    .. math:: \log p(x \mid m) = \log N\big(f(z; m)\big) + \log\left|\det\frac{\partial f}{\partial z}\right|
       + \log\left|\det\frac{\partial z}{\partial x}\right|

    with z the logit-scaled features (`LogitScaler`) and f a masked autoregressive flow: affine ("maf") or by rational
    quadratic splines ("rqs"). Training minimises :math:`-\langle\log p(x \mid m)\rangle`; several of the best epochs
    are kept, densities are averaged over them and each of them draws as many events. Without masses in `fit` the
    density is p(x).

    Arguments:
        kind: "maf" or "rqs".
        transforms: Number of autoregressive transforms.
        hidden: Units of each hidden layer of a transform's network.
        bins, bound: Bins of a spline, and where it ends; beyond it is the identity. For "rqs".
        margin: Of `LogitScaler`.
        recipe: How it is trained (`dmlib.training.Recipe`); by default as in CATHODE's paper.
        random_state: Seed of the weights, the split and the order of the events.

    Attributes:
        scaler_: The fitted `LogitScaler`.
        flows_: The fitted flow in each epoch kept, the best first.
        history_: Losses and kept epochs (`dmlib.training.History`).

    References:
        | Masked Autoregressive Flow for Density Estimation (Papamakarios et al., 2017)
        | https://arxiv.org/abs/1705.07057
        | Neural Spline Flows (Durkan et al., 2019): https://arxiv.org/abs/1906.04032
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 2000)
        >>> x = rng.normal(m[:, None], 0.1, (2000, 2))
        >>> recipe = training.Recipe(epochs=5, learning_rate=1e-2, validation=0.2)
        >>> flow = Flow(transforms=2, hidden=(16,), recipe=recipe).fit(x, m)
        >>> flow.sample([3.2, 3.8]).shape
        (2, 2)
    """

    kind: str = "maf"
    transforms: int = 15
    hidden: tuple[int, ...] = (128,)
    bins: int = 8
    bound: float = 8.0
    margin: float = 1e-3
    recipe: training.Recipe = PAPER
    random_state: compute.Seed = 0

    def fit(self, x: ArrayLike, m: ArrayLike | None = None, scaler: LogitScaler | None = None) -> Flow:
        """Learns the density of x, shape (n, d), given m, shape (n,), if there is one.

        Arguments:
            x, m: The events.
            scaler: A fitted `LogitScaler` to use; None fits one to x. Give one that knows all events which the density
                is asked for later, in the signal region say: it is no part of the density, and uses no labels.

        Raises:
            ValueError: Features or masses are not finite or do not fit, or the kind of flow is unknown.
            FloatingPointError: The training diverges.
        """
        flow, *data = self.prepare(x, m, scaler)
        self.history_ = training.fit(
            flow, lambda z, *c: -flow(*c).log_prob(z), data, recipe=self.recipe, seed=self.random_state
        )
        self.flows_ = self.history_.modules
        return self

    def prepare(self, x: ArrayLike, m: ArrayLike | None = None, scaler: LogitScaler | None = None):
        """Returns an untrained flow and what it is to be trained on, for methods that have a loss of their own.

        Arguments:
            x, m, scaler: As for `fit`.

        Returns:
            A zuko flow, the scaled features, shape (n, d), and with masses their context, shape (n, 1). Whoever trains
            the flow assigns `flows_`.
        """
        x = _check.feature_array(x)
        self.mass_mean_ = self.mass_scale_ = None
        for name in ("transforms", "bins"):
            _check.count(getattr(self, name), name)
        _check.positive(self.bound, "bound")
        if m is not None:
            m = _check.masses(m, len(x))
            self.mass_mean_, self.mass_scale_ = m.mean(), m.std() or 1.0
        self.scaler_ = scaler or LogitScaler(self.margin).fit(x)
        shape = x.shape[1], int(m is not None), self.transforms, self.hidden, self.bins, self.bound
        with training.seeded(self.random_state, "weights"):
            flow = build(self.kind, *shape)
        return flow.to(compute.device()), self.scaler_.transform(x), *self._context(m)

    def log_prob(self, x: ArrayLike, m: ArrayLike | None = None) -> np.ndarray:
        """Returns log p(x | m) of each event, shape (n,): the density averaged over the epochs kept."""
        x, *data = self._arguments(x, m)
        logs = [training.evaluate(lambda z, *c, f=flow: f(*c).log_prob(z), *data) for flow in self.flows_]
        return logsumexp(logs, axis=0) - np.log(len(logs)) + self.scaler_.log_det(x)

    def sample(self, m: ArrayLike, seed: compute.Seed = 0) -> np.ndarray:
        """Draws events; returns their features, shape (n, d).

        Arguments:
            m: The mass of each event to draw, shape (n,); how many to draw if the flow was fitted without masses.
            seed: A whole number, or a generator.
        """
        check_is_fitted(self)
        rng = compute.stream(seed, "sample")
        with_masses = self.mass_mean_ is not None
        n = np.size(m) if with_masses else _check.count(m, "m, the number of events to draw", 0)
        context = self._context(_check.masses(m, n) if with_masses else None)
        z, *c = training.tensors(rng.standard_normal((n, len(self.scaler_.low_))), *context)
        share = rng.permutation(n) % len(self.flows_)
        x = np.empty(z.shape)
        for k, flow in enumerate(self.flows_):
            of_k = torch.as_tensor(share == k, device=z.device)
            x[share == k] = inverse(flow, z[of_k], *(part[of_k] for part in c)).double().cpu().numpy()
        return self.scaler_.inverse_transform(x)

    def latent(self, x: ArrayLike, m: ArrayLike | None = None) -> np.ndarray:
        """Maps events to the flow's latent space (the best epoch's), where they are normal if p(x | m) is right."""
        _, *data = self._arguments(x, m)
        return training.evaluate(lambda z, *c: self.flows_[0](*c).transform(z), *data)

    def _context(self, m):
        return () if m is None else (((m - self.mass_mean_) / self.mass_scale_)[:, None],)

    def _arguments(self, x, m):
        check_is_fitted(self, "flows_")
        x = _check.feature_array(x, len(self.scaler_.low_))
        if (m is None) != (self.mass_mean_ is None):
            raise ValueError(f"m: expected {'no masses' if m is not None else 'masses'}, as in training")
        m = None if m is None else _check.masses(m, len(x))
        return x, self.scaler_.transform(x), *self._context(m)


ConditionalFlow = Flow  # its name before it could do without masses
