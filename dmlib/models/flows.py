"""Conditional densities p(x | m): masked autoregressive flows behind one small class."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import zuko
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, compute, training

from .sampling import inverse
from .scaling import LogitScaler


def build(kind: str, features: int, context: int, transforms: int, hidden, bins: int, bound: float) -> zuko.flows.MAF:
    """Returns an untrained masked autoregressive flow, affine ("maf") or by rational quadratic splines ("rqs")."""
    options = {"transforms": transforms, "hidden_features": tuple(hidden)}
    if kind == "maf":
        return zuko.flows.MAF(features, context, **options)
    if kind == "rqs":
        spline = partial(zuko.transforms.MonotonicRQSTransform, bound=bound)
        return zuko.flows.MAF(features, context, univariate=spline, shapes=[(bins,), (bins,), (bins - 1,)], **options)
    raise ValueError(f"kind={kind!r}: expected 'maf' or 'rqs'")


class ConditionalFlow(BaseEstimator):
    r"""Density of features given the resonant mass, learnt from events.

    .. math:: \log p(x \mid m) = \log N\big(f(z; m)\big) + \log\left|\det\frac{\partial f}{\partial z}\right|
       + \log\left|\det\frac{\partial z}{\partial x}\right|

    with z the logit-scaled features (`LogitScaler`) and f a masked autoregressive flow: affine ("maf") or by rational
    quadratic splines ("rqs"). Training minimises :math:`-\langle\log p(x \mid m)\rangle`; several of the best epochs
    are kept, densities are averaged over them and samples are shared out among them.

    Arguments:
        kind: "maf" or "rqs".
        transforms: Number of autoregressive transforms.
        hidden: Units of each hidden layer of a transform's network.
        bins, bound: Bins of a spline, and where it ends; beyond it is the identity. For "rqs".
        epochs, batch_size, learning_rate, weight_decay: Of AdamW (no decay: Adam).
        anneal: Let the learning rate fall to zero (see `dmlib.training.fit`).
        validation: Share of the events set aside, by whose loss epochs are judged.
        keep: Epochs kept.
        margin: Of `LogitScaler`.
        random_state: Seed of the weights, the split and the order of the events.

    Attributes:
        scaler_: The fitted `LogitScaler`.
        flow_: The fitted flow, in the state of its best epoch.
        history_: Losses and kept epochs (`dmlib.training.History`).

    References:
        | Masked Autoregressive Flow for Density Estimation (Papamakarios et al., 2017)
        | https://arxiv.org/abs/1705.07057
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 2000)
        >>> x = rng.normal(m[:, None], 0.1, (2000, 2))
        >>> flow = ConditionalFlow(transforms=2, hidden=(16,), epochs=5, learning_rate=1e-2, random_state=1).fit(x, m)
        >>> flow.sample([3.2, 3.8]).shape
        (2, 2)
    """

    def __init__(
        self,
        kind="maf",
        transforms=15,
        hidden=(128,),
        bins=8,
        bound=8.0,
        epochs=100,
        batch_size=256,
        learning_rate=1e-4,
        weight_decay=0.0,
        anneal=False,
        validation=0.5,
        keep=10,
        margin=1e-3,
        random_state=0,
    ):
        self.kind = kind
        self.transforms = transforms
        self.hidden = hidden
        self.bins = bins
        self.bound = bound
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.anneal = anneal
        self.validation = validation
        self.keep = keep
        self.margin = margin
        self.random_state = random_state

    def fit(self, x: ArrayLike, m: ArrayLike, scaler: LogitScaler | None = None) -> ConditionalFlow:
        """Learns the density of x, shape (n, d), given m, shape (n,).

        Arguments:
            x, m: The events.
            scaler: A fitted `LogitScaler` to use; None fits one to x. Give one that knows all events which the density
                is asked for later, in the signal region say: it is no part of the density, and uses no labels.

        Raises:
            ValueError: Features or masses are not finite or do not fit, or the kind of flow is unknown.
            FloatingPointError: The training diverges.
        """
        x = _check.features(x)
        m = _check.masses(m, len(x))
        parts = training.split(len(x), self.validation, self.random_state)
        self.scaler_ = scaler or LogitScaler(self.margin).fit(x)
        self.mass_mean_, self.mass_scale_ = m.mean(), m.std() or 1.0
        with training.seeded(self.random_state):
            shape = self.transforms, self.hidden, self.bins, self.bound
            self.flow_ = build(self.kind, x.shape[1], 1, *shape).to(compute.device())
        train, validation = (training.tensors(self.scaler_.transform(x[p]), self._context(m[p])) for p in parts)
        self.history_ = training.fit(
            self.flow_,
            lambda z, c: -self.flow_(c).log_prob(z),
            train,
            validation,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=partial(torch.optim.AdamW, weight_decay=self.weight_decay, fused=True),
            learning_rate=self.learning_rate,
            anneal=self.anneal,
            keep=self.keep,
            seed=self.random_state,
        )
        return self

    def log_prob(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Returns log p(x | m) of each event, shape (n,): the density averaged over the epochs kept."""
        z, c, x = self._latent_arguments(x, m)
        with torch.no_grad():
            logs = [self._log_prob(z, c) for _ in self.history_.states(self.flow_)]
            mean = torch.logsumexp(torch.stack(logs), 0) - np.log(len(logs))
        return mean.double().cpu().numpy() + self.scaler_.log_det(x)

    def sample(self, m: ArrayLike, seed: int | np.random.Generator = 0) -> np.ndarray:
        """Draws one event for each mass in m, shape (n,); returns features, shape (n, d)."""
        check_is_fitted(self)
        m = _check.masses(m, len(np.asarray(m)))
        rng = np.random.default_rng(seed)
        z, c = training.tensors(rng.standard_normal((len(m), len(self.scaler_.low_))), self._context(m))
        share = rng.permutation(len(m)) % len(self.history_.best)  # each kept epoch draws as many
        x = np.empty(z.shape)
        for k, flow in enumerate(self.history_.states(self.flow_)):
            of_k = torch.as_tensor(share == k, device=z.device)
            x[share == k] = inverse(flow, z[of_k], c[of_k]).double().cpu().numpy()
        return self.scaler_.inverse_transform(x)

    def latent(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Maps events to the flow's latent space (the best epoch's), where they are normal if p(x | m) is right."""
        z, c, _ = self._latent_arguments(x, m)
        with torch.no_grad():
            parts = [self.flow_(b).transform(a) for a, b in zip(z.split(20_000), c.split(20_000), strict=True)]
        return torch.cat(parts).double().cpu().numpy()

    def _context(self, m):
        return ((m - self.mass_mean_) / self.mass_scale_)[:, None]

    def _latent_arguments(self, x, m):
        check_is_fitted(self)
        x = _check.features(x, len(self.scaler_.low_))
        m = _check.masses(m, len(x))
        return *training.tensors(self.scaler_.transform(x), self._context(m)), x

    def _log_prob(self, z, c):
        return torch.cat([self.flow_(b).log_prob(a) for a, b in zip(z.split(20_000), c.split(20_000), strict=True)])
