"""From columns with spikes, counts and empty slots, to columns that have a density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dmlib import _check

SPIKE = 10  # zero is one if it is so many times as frequent as any other value


class Dequantiser(TransformerMixin, BaseEstimator):
    r"""Standardises columns that a density shall be learnt of, and says where noise has to fill them.

    A whole number and an empty slot are points: a density can grow there without end, and sees nothing else. A count n
    is spread evenly over :math:`[n - \frac12, n + \frac12)`, so that the density at n is its probability. An entry that
    is empty is replaced by standard normal noise: as wide as what the column holds where it is filled, so that an empty
    slot is neither likelier nor less likely than a filled one for its noise. Positive quantities enter as logarithms.
    Mean and standard deviation of each column are those of its filled entries.

    Which columns are what is read off the data, or told by their numbers. An empty tuple: none.

    Arguments:
        counts: Columns of whole numbers; None: those with whole numbers only.
        padded: Columns whose zeros are empty slots; None: those, no counts, where zero is a spike, or where all other
            values are positive.
        logarithms: Columns to take the logarithm of; None: those, no counts, whose filled entries are all positive.
        least: Leave out columns that fewer events fill.

    Attributes:
        counts_, padded_, logarithms_, used_: Which columns are counts, padded, logarithms, or in use, shape (d,).
        mean_, scale_: Of the filled entries, shape (d,).

    References:
        | A note on the evaluation of generative models (Theis et al., 2015), section 3.1
        | https://arxiv.org/abs/1511.01844
        | Phase Space Sampling and Inference from Weighted Events with Autoregressive Flows (Stienen and Verheyen, 2020)
        | https://arxiv.org/abs/2011.13445

    Example:
        >>> x = np.array([[2, 50.5], [1, 0.0], [1, 0.0], [3, 80.2], [1, 0.0]])  # a count, and momenta in a slot
        >>> scaler = Dequantiser(least=2).fit(x)
        >>> scaler.transform(x)[:2].round(2)
        array([[ 0.47, -1.  ],
               [-0.71,   nan]])
        >>> bool(np.allclose(scaler.inverse_transform(scaler.transform(x)), x))
        True
    """

    def __init__(
        self,
        counts: Sequence[int] | None = None,
        padded: Sequence[int] | None = None,
        logarithms: Sequence[int] | None = None,
        least: int = 20,
    ):
        self.counts = counts
        self.padded = padded
        self.logarithms = logarithms
        self.least = least

    def fit(self, x: ArrayLike, weight: ArrayLike | None = None) -> Dequantiser:
        """Learns what the columns are, and their means and standard deviations.

        Arguments:
            x: Events, shape (n, d).
            weight: Of each event, shape (n,); None weighs all alike.

        Raises:
            ValueError: No column varies, a number is none of a column, or a logarithm is asked for that does not exist.
        """
        x = _check.feature_array(x)
        w = _check.weights(weight, len(x), "weight")
        zero, positive = x == 0, ((x > 0) | (x == 0)).all(axis=0)
        self.counts_ = self._chosen("counts", (x == np.rint(x)).all(axis=0))
        spike = np.array([_is_spike(column) for column in x.T])
        self.padded_ = self._chosen("padded", ~self.counts_ & zero.any(axis=0) & (positive | spike))
        self.logarithms_ = self._chosen("logarithms", ~self.counts_ & positive & (self.padded_ | ~zero.any(axis=0)))
        filled = ~(zero & self.padded_)
        if (bad := np.flatnonzero(self.logarithms_ & (filled & (x <= 0)).any(axis=0))).size:
            raise ValueError(f"logarithms: column {bad[0]} holds {x[filled[:, bad[0]], bad[0]].min():g}")
        y = self._logarithms_of(x)
        counted = w[:, None] * filled
        total = np.maximum(counted.sum(axis=0), np.finfo(float).tiny)
        self.mean_ = (counted * y).sum(axis=0) / total
        variance = (counted * (y - self.mean_) ** 2).sum(axis=0) / total
        varies = np.where(filled, y, -np.inf).max(axis=0) > np.where(filled, y, np.inf).min(axis=0)
        self.used_ = varies & (~self.padded_ | (filled.sum(axis=0) >= self.least))
        if not self.used_.any():
            raise ValueError("X: every column has the same value in all events; expected some that vary")
        self.scale_ = np.where(self.used_, np.sqrt(variance + self.counts_ / 12), 1.0)
        return self

    def transform(self, x: ArrayLike) -> np.ndarray:
        """Returns the standardised columns in use, shape (n, k): NaN where an entry is empty, counts without noise."""
        check_is_fitted(self)
        x = _check.feature_array(x, len(self.used_))
        z = (self._logarithms_of(x) - self.mean_) / self.scale_
        return np.where(self._empty(x), np.nan, z)[:, self.used_]

    def inverse_transform(self, z: ArrayLike) -> np.ndarray:
        """Maps z, with or without noise on its counts, back to x; columns not in use hold zeros."""
        check_is_fitted(self)
        z = _check.numbers(z, "z")
        x = np.zeros((len(z), len(self.used_)))
        x[:, self.used_] = np.where(np.isnan(z), 0.0, z * self.scale_[self.used_] + self.mean_[self.used_])
        x[:, self.counts_] = np.rint(x[:, self.counts_])
        logarithms = self.logarithms_ & self.used_
        filled = np.zeros(x.shape, dtype=bool)
        filled[:, self.used_] = ~np.isnan(z)
        x[:, logarithms] = np.where(filled[:, logarithms], np.exp(x[:, logarithms]), 0.0)
        return x

    def log_det(self, x: ArrayLike) -> np.ndarray:
        r"""Returns :math:`\log|\det \partial z / \partial x|` of the filled entries of each event, shape (n,)."""
        check_is_fitted(self)
        x = _check.feature_array(x, len(self.used_))
        slope = -np.log(self.scale_) - np.where(self.logarithms_, self._logarithms_of(x), 0.0)
        return np.where(self._empty(x), 0.0, slope)[:, self.used_].sum(axis=1)

    def filled(self, x: ArrayLike) -> np.ndarray:
        """Returns how many entries of padded columns are filled in each event, shape (n,)."""
        check_is_fitted(self)
        x = _check.feature_array(x, len(self.used_))
        return (self.padded_ & ~self._empty(x))[:, self.used_].sum(axis=1)

    @property
    def width_(self) -> np.ndarray:
        """Over what width of z a count is spread, shape (k,); 0 for other columns."""
        return (self.counts_ / self.scale_)[self.used_]

    def noisy(self, z: torch.Tensor) -> torch.Tensor:
        """Returns z with its counts spread and its empty entries filled by noise, drawn afresh from torch's stream."""
        width = torch.as_tensor(self.width_, dtype=z.dtype, device=z.device)
        return torch.where(z.isnan(), torch.randn_like(z), z + width * (torch.rand_like(z) - 0.5))

    def _empty(self, x: np.ndarray) -> np.ndarray:
        return (x == 0) & self.padded_

    def _logarithms_of(self, x: np.ndarray) -> np.ndarray:
        """Logarithms where they are taken; of a value that has none, which no training held, as small as can be."""
        return np.where(self.logarithms_, np.log(np.where(x > 0, x, np.finfo(float).tiny)), x)

    def _chosen(self, name: str, found: np.ndarray) -> np.ndarray:
        told = getattr(self, name)
        if told is None:
            return found
        mask = np.zeros(len(found), dtype=bool)
        for number in told:
            if _check.count(number, f"{name}: the number of a column", 0) >= len(found):
                raise ValueError(f"{name}: there is no column {number}, only 0 to {len(found) - 1}")
            mask[number] = True
        return mask


def _is_spike(column: np.ndarray) -> bool:
    """Whether zero is far more frequent than any other value."""
    values, counts = np.unique(column, return_counts=True)
    others = counts[values != 0]
    return bool(len(others)) and (column == 0).sum() > SPIKE * others.max()
