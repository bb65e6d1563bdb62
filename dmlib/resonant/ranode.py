"""R-ANODE: the signal's density and its share, with the background held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, compute, training
from dmlib.models import ConditionalFlow, LogitScaler
from dmlib.models.flows import build

from .base import select_events, sideband_flow

if TYPE_CHECKING:
    import pandas as pd


class RANODE(BaseEstimator):
    r"""Residual ANODE: fits what the data hold beyond the background.

    .. math:: p_\text{data}(x, m) = w\,p_\text{sig}(x, m) + (1 - w)\,p_\text{out}(x \mid m)\,p_\text{bg}(m)

    The background comes from the side bands and is held fixed; a flow for the signal, jointly in features and mass, is
    trained on the data inside the region by the likelihood above. The signal is no longer a small difference of two
    large densities. :math:`p_\text{bg}(m)` is a histogram of the masses in the region, where the signal is few.

    Arguments:
        flow: A `ConditionalFlow` for the side bands, not fitted; None takes the paper's.
        w: Share of signal in the region, held fixed; None learns it, as :math:`w = \sigma(\omega)`, from `start`.
        start: Where a learnt w starts.
        transforms, hidden, bins, bound: Of the signal flow, rational quadratic splines.
        epochs, batch_size, learning_rate: Of AdamW.
        anneal: Let the learning rate fall to zero (see `dmlib.training.fit`).
        validation: Share of the events in the region set aside, by which epochs are judged.
        keep: Epochs over which the signal's density is averaged.
        mass_bins: Bins of the background's mass histogram.
        random_state: Seed.

    Attributes:
        outer_: The fitted background flow.
        w_: The share of signal: that of the best epoch if it is learnt.
        log_likelihood_: Of the events set aside, the mean of :math:`\log p_\text{data} - \log p_\text{bg}`: the gain
            over background alone.

    References:
        | Residual ANODE (Das, Kasieczka and Shih, 2023)
        | https://arxiv.org/abs/2312.11629

    Example:
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = ConditionalFlow(transforms=1, hidden=(8,), epochs=2)
        >>> method = RANODE(quick, transforms=1, hidden=(8,), epochs=2).fit(x, m, region=(3.3, 3.7))
        >>> 0 < method.w_ < 1
        True
    """

    def __init__(
        self,
        flow: ConditionalFlow | None = None,
        w: float | None = None,
        start: float = 0.01,
        transforms=6,
        hidden=(64, 64),
        bins=8,
        bound=8.0,
        epochs=300,
        batch_size=256,
        learning_rate=3e-4,
        anneal=False,
        validation=0.5,
        keep=10,
        mass_bins=50,
        random_state=0,
    ):
        self.flow = flow
        self.w = w
        self.start = start
        self.transforms = transforms
        self.hidden = hidden
        self.bins = bins
        self.bound = bound
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.anneal = anneal
        self.validation = validation
        self.keep = keep
        self.mass_bins = mass_bins
        self.random_state = random_state

    def fit(
        self, x: ArrayLike, m: ArrayLike, region: tuple[float, float], outer: ConditionalFlow | None = None
    ) -> RANODE:
        """Learns from features x, shape (n, d), and masses m, shape (n,).

        Arguments:
            x, m: The events.
            region: Edges of the signal region.
            outer: A flow fitted to the side bands already, by another method of this package with the same region.

        Raises:
            ValueError: No event lies inside the region, or none outside; w is not between 0 and 1; arguments are not
                finite or do not fit.
            FloatingPointError: A training diverges.
        """
        share = self.start if self.w is None else self.w
        if not 0 < share < 1:
            raise ValueError(f"{'start' if self.w is None else 'w'}={share!r}: expected a share between 0 and 1")
        x, m, inside = select_events(x, m, region)
        self.outer_ = outer or sideband_flow(self.flow, x, m, inside, self.random_state)
        x, m = x[inside], m[inside]
        self.mass_density_, self.mass_edges_ = np.histogram(m, self.mass_bins, region, density=True)
        self.mass_density_ = np.maximum(self.mass_density_, 0.1 / (len(m) * np.diff(self.mass_edges_)[0]))
        self.scaler_ = LogitScaler(self.outer_.scaler_.margin).fit(np.column_stack([x, m]))

        with training.seeded(self.random_state):
            flow = build("rqs", x.shape[1] + 1, 0, self.transforms, self.hidden, self.bins, self.bound)
        self.module_ = torch.nn.ModuleDict({"flow": flow})
        logit = torch.tensor(np.log(share / (1 - share)), dtype=torch.float32)
        if self.w is None:
            self.module_.register_parameter("logit", torch.nn.Parameter(logit))
        else:
            self.module_.register_buffer("logit", logit)
        self.module_.to(compute.device())

        # Both densities in the signal flow's coordinates, so that no Jacobian has to be carried along.
        background = self._log_background(x, m) - self.scaler_.log_det(np.column_stack([x, m]))
        z = self.scaler_.transform(np.column_stack([x, m]))
        parts = training.split(len(x), self.validation, self.random_state)

        def loss(z, background):
            logit = self.module_.logit
            signal = torch.nn.functional.logsigmoid(logit) + self.module_["flow"]().log_prob(z)
            return background - torch.logaddexp(signal, torch.nn.functional.logsigmoid(-logit) + background)

        self.history_ = training.fit(
            self.module_,
            loss,
            *(training.tensors(z[p], background[p]) for p in parts),
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=partial(torch.optim.AdamW, fused=True),
            learning_rate=self.learning_rate,
            anneal=self.anneal,
            keep=self.keep,
            clip=10.0,
            seed=self.random_state,
        )
        self.w_ = float(torch.sigmoid(self.module_.logit.detach()))
        self.log_likelihood_ = -self.history_.best[0][1]
        return self

    def anomaly_score(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        r"""Returns :math:`\log p_\text{sig}(x, m) / p_\text{bg}(x, m)` of each event, shape (n,)."""
        check_is_fitted(self, "module_")
        x = _check.features(x, len(self.outer_.scaler_.low_))
        m = _check.masses(m, len(x))
        both = np.column_stack([x, m])
        (z,) = training.tensors(self.scaler_.transform(both))
        with torch.no_grad():
            logs = [
                torch.cat([module["flow"]().log_prob(part) for part in z.split(20_000)])
                for module in self.history_.states(self.module_)
            ]
            signal = torch.logsumexp(torch.stack(logs), 0) - np.log(len(logs))
        return signal.double().cpu().numpy() + self.scaler_.log_det(both) - self._log_background(x, m)

    def _log_background(self, x, m):
        place = np.clip(np.searchsorted(self.mass_edges_, m, side="right") - 1, 0, len(self.mass_density_) - 1)
        return self.outer_.log_prob(x, m) + np.log(self.mass_density_[place])


def profile(
    method: RANODE, x: ArrayLike, m: ArrayLike, region: tuple[float, float], w: Sequence[float]
) -> pd.DataFrame:
    r"""Returns the likelihood against the share of signal: `method` is trained anew with each w held fixed.

    Arguments:
        method: A `RANODE`, fitted or not; a fitted one lends its background flow.
        x, m: Features, shape (n, d), and masses, shape (n,).
        region: Edges of the signal region.
        w: Shares to try, between 0 and 1.

    Returns:
        Table with the columns ``w`` and ``log_likelihood`` (the gain over background alone, per event set aside).

    References:
        | Residual ANODE (Das, Kasieczka and Shih, 2023), section 4
        | https://arxiv.org/abs/2312.11629

    Example:
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = ConditionalFlow(transforms=1, hidden=(8,), epochs=1)
        >>> profile(RANODE(quick, transforms=1, hidden=(8,), epochs=1), x, m, (3.3, 3.7), [0.01, 0.1]).shape
        (2, 2)
    """
    import pandas as pd

    outer = getattr(method, "outer_", None)
    rows = []
    for value in w:
        fitted = clone(method).set_params(w=float(value)).fit(x, m, region, outer=outer)
        outer = fitted.outer_
        rows.append((float(value), fitted.log_likelihood_))
    return pd.DataFrame(rows, columns=["w", "log_likelihood"])
