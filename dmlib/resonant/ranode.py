"""R-ANODE: the signal's density and its share, with the background held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted
from torch.nn.functional import logsigmoid

from dmlib import _check, compute, training
from dmlib.models import Flow

from .base import fresh_flow, select_events, sideband_flow

PAPER = training.Recipe(
    epochs=300, batch_size=256, learning_rate=3e-4, weight_decay=0.01, validation=0.5, keep=10, clip=10.0
)


@dataclass(eq=False, repr=False)
class RANODE(BaseEstimator):
    r"""Residual ANODE: fits what the data hold beyond the background.

    .. math:: p_\text{data}(x, m) = w\,p_\text{sig}(x, m) + (1 - w)\,p_\text{out}(x \mid m)\,p_\text{bg}(m)

    The background comes from the side bands and is held fixed; a flow for the signal, jointly in features and mass, is
    trained on the data inside the region by the likelihood above. The signal is no longer a small difference of two
    large densities. :math:`p_\text{bg}(m)` is a histogram of the masses in the region, where the signal is few.

    Arguments:
        flow: A `Flow` for the side bands, not fitted; None takes that of CATHODE's paper.
        signal: A `Flow` for the signal, not fitted, whose recipe is that of the whole fit; None takes the paper's.
        w: Share of signal in the region, held fixed; None learns it, as :math:`w = \sigma(\omega)`, from `start`.
        start: Where a learnt w starts.
        mass_bins: Bins of the background's mass histogram.
        random_state: Seed.

    Attributes:
        outer_: The fitted background flow.
        signal_: The fitted signal flow, a density of the features with the mass as the last of them.
        w_: The share of signal: that of the best epoch if it is learnt.
        log_likelihood_: Of the events set aside, the mean of :math:`\log p_\text{data} - \log p_\text{bg}`: the gain
            over background alone.
        history_: Losses and kept epochs (`dmlib.training.History`).

    References:
        | Residual ANODE (Das, Kasieczka and Shih, 2023)
        | https://arxiv.org/abs/2312.11629

    Example:
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = Flow("rqs", transforms=1, hidden=(8,), recipe=training.Recipe(epochs=2, validation=0.2))
        >>> method = RANODE(quick, signal=quick).fit(x, m, region=(3.3, 3.7))
        >>> 0 < method.w_ < 1
        True
    """

    flow: Flow | None = None
    signal: Flow | None = None
    w: float | None = None
    start: float = 0.01
    mass_bins: int = 50
    random_state: compute.Seed = 0

    def fit(self, x: ArrayLike, m: ArrayLike, region: tuple[float, float], outer: Flow | None = None) -> RANODE:
        """Learns from features x, shape (n, d), and masses m, shape (n,).

        Arguments:
            x, m: The events.
            region: Edges of the signal region.
            outer: A flow fitted to the side bands already, by another method of this package with the same region, or
                any background density with a ``log_prob(x, m)``.

        Raises:
            ValueError: No event lies inside the region, or none outside; w is not between 0 and 1; arguments are not
                finite or do not fit; the signal's recipe has no validation.
            FloatingPointError: A training diverges.
        """
        share = self.start if self.w is None else self.w
        _check.share(share, "start" if self.w is None else "w", zero=False, one=False)
        _check.count(self.mass_bins, "mass_bins")
        x, m, inside = select_events(x, m, region)
        self.outer_ = outer or sideband_flow(self.flow, x, m, inside, self.random_state)
        x_in, m_in = x[inside], m[inside]
        self.mass_density_, self.mass_edges_ = np.histogram(m_in, self.mass_bins, region, density=True)
        self.mass_density_ = np.maximum(self.mass_density_, 0.1 / (len(m_in) * np.diff(self.mass_edges_)[0]))

        signal = Flow("rqs", transforms=6, hidden=(64, 64), recipe=PAPER) if self.signal is None else self.signal
        if getattr(signal.recipe, "validation", None) is None:
            raise ValueError("signal: its recipe sets no events aside to judge by; expected a share as validation")
        self.signal_ = fresh_flow(signal, self.random_state, "signal")
        both = np.column_stack([x_in, m_in])
        flow, z = self.signal_.prepare(both)
        start = torch.tensor(np.log(share / (1 - share)), dtype=torch.float32, device=compute.device())
        logit = torch.nn.Parameter(start, requires_grad=self.w is None)
        module = torch.nn.Module()  # what is trained: the flow and the share
        module.flow, module.logit = flow, logit
        # Both densities in the signal flow's coordinates, so that no Jacobian has to be carried along.
        background = self._log_background(x_in, m_in) - self.signal_.scaler_.log_det(both)

        def loss(z, background):
            signal = logsigmoid(logit) + flow().log_prob(z)
            return background - torch.logaddexp(signal, logsigmoid(-logit) + background)

        recipe, seed = self.signal_.recipe, self.signal_.random_state
        self.history_ = training.fit(module, loss, (z, background), recipe=recipe, seed=seed)
        self.signal_.flows_ = [kept.get_submodule("flow") for kept in self.history_.modules]
        self.w_ = float(torch.sigmoid(logit.detach()))
        self.log_likelihood_ = -self.history_.best[0].loss
        return self

    def anomaly_score(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        r"""Returns :math:`\log p_\text{sig}(x, m) / p_\text{bg}(x, m)` of each event, shape (n,)."""
        check_is_fitted(self, "signal_")
        x = _check.feature_array(x, len(self.signal_.scaler_.low_) - 1)
        m = _check.masses(m, len(x))
        return self.signal_.log_prob(np.column_stack([x, m])) - self._log_background(x, m)

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
        >>> quick = Flow("rqs", transforms=1, hidden=(8,), recipe=training.Recipe(epochs=1, validation=0.2))
        >>> profile(RANODE(quick, signal=quick), x, m, (3.3, 3.7), [0.01, 0.1]).shape
        (2, 2)
    """
    outer = getattr(method, "outer_", None)
    rows = []
    for value in w:
        fitted = clone(method).set_params(w=float(value)).fit(x, m, region, outer=outer)
        outer = fitted.outer_
        rows.append((float(value), fitted.log_likelihood_))
    return pd.DataFrame(rows, columns=["w", "log_likelihood"])
