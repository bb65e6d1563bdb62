"""From a method to a claim: scores of unseen events, a cut, and the bump in the mass that it leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, compute

from .base import reseeded, select_events
from .spectrum import Bump, Spectrum


class Ensemble(BaseEstimator):
    """Several trainings of a method that differ in their seed alone; scores are their mean.

    A single training scatters: in what it starts from, in which events it stops by. The mean scatters less, and is
    better than most of its members.

    Arguments:
        method: A method of this package, not fitted. Every training has a seed of its own, made from the method's.
        n: Number of trainings.

    Attributes:
        members_: The fitted methods.

    Example:
        >>> from dmlib.resonant import CWoLa, TreeClassifier
        >>> rng = np.random.default_rng(1)
        >>> x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
        >>> ensemble = Ensemble(CWoLa(TreeClassifier(ensemble=1)), n=2).fit(x, m, region=(3.3, 3.7))
        >>> ensemble.anomaly_score(x, m).shape
        (400,)
    """

    def __init__(self, method, n: int = 5):
        self.method = method
        self.n = n

    def fit(self, x: ArrayLike, m: ArrayLike, **options) -> Ensemble:
        """Fits all members; ``options`` are those of the method's ``fit``."""
        members = [reseeded(self.method, "member", k) for k in range(_check.count(self.n, "n"))]
        self.members_ = [member.fit(x, m, **options) for member in members]
        return self

    def anomaly_score(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Returns the mean score of each event, shape (n,)."""
        check_is_fitted(self)
        return np.mean([member.anomaly_score(x, m) for member in self.members_], axis=0)


def cross_scores(
    method, x: ArrayLike, m: ArrayLike, region: tuple[float, float], folds: int = 5, seed: compute.Seed = 0, **options
) -> tuple[np.ndarray, np.ndarray]:
    """Scores every event by a model that never saw it.

    A classifier remembers the events it was trained on, signal and fluctuations alike: a cut on their scores finds a
    bump where there is none. So the data are split at random, and each part is scored by the model of all others.

    Arguments:
        method: A method of this package, not fitted. Every training has a seed of its own, made from the method's.
        x, m: Features, shape (n, d), and masses, shape (n,).
        region: Edges of the signal region.
        folds: Number of parts, at least 2.
        seed: Of the split.
        options: Further arguments of the method's ``fit``, the same for all parts.

    Returns:
        scores: Shape (n,).
        fold: Number of each event's part, shape (n,).

    Raises:
        ValueError: There are fewer than 2 folds, or arguments are not finite or do not fit.

    References:
        | Extending the search for new resonances with machine learning (Collins et al., 2019), section III
        | https://arxiv.org/abs/1902.02634

    Example:
        >>> from dmlib.resonant import CWoLa, TreeClassifier
        >>> rng = np.random.default_rng(1)
        >>> x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
        >>> scores, fold = cross_scores(CWoLa(TreeClassifier(ensemble=1)), x, m, (3.3, 3.7), folds=2)
        >>> scores.shape, np.unique(fold).tolist()
        ((400,), [0, 1])
    """
    x, m, _ = select_events(x, m, region, bounded=False)
    if _check.count(folds, "folds", 2) > len(x):
        raise ValueError(f"folds={folds}: expected at most {len(x)}, the number of events")
    fold = compute.stream(seed, "folds").permutation(len(x)) % folds
    scores = np.empty(len(x))
    for k in range(folds):
        out = fold == k
        model = reseeded(method, "fold", k).fit(x[~out], m[~out], region=region, **options)
        scores[out] = model.anomaly_score(x[out], m[out])
    return scores, fold


def select(scores: np.ndarray, fold: np.ndarray, background: np.ndarray, efficiency: float) -> np.ndarray:
    """Cuts on scores where a given share of background passes, fixed for each part by the other parts.

    Arguments:
        scores, fold: From `cross_scores`.
        background: Which events are background as far as one knows: those of the side bands, shape (n,).
        efficiency: The share of them that shall pass.

    Returns:
        Which events pass, shape (n,).

    Raises:
        ValueError: The efficiency is not between 0 and 1, or leaves no background event of some part; arrays do not
            fit.

    Example:
        >>> scores, fold = np.random.default_rng(1).random(10_000), np.arange(10_000) % 2
        >>> round(float(select(scores, fold, np.ones(10_000, bool), 0.1).mean()), 2)
        0.1
    """
    _check.share(efficiency, "efficiency", zero=False, one=False)
    scores = _check.column(scores, "scores")
    fold, background = np.asarray(fold), np.asarray(background, bool)
    if not fold.shape == background.shape == scores.shape:
        raise ValueError(f"fold and background: expected one for each of the {len(scores)} scores")
    passes = np.zeros(len(scores), bool)
    for k in np.unique(fold):
        others = scores[background & (fold != k)]
        if efficiency * len(others) < 1:
            raise ValueError(f"efficiency={efficiency:g} leaves none of {len(others)} background events")
        threshold = np.quantile(others, 1 - efficiency)
        passes[fold == k] = scores[fold == k] > threshold
    return passes


def search(
    method,
    x: ArrayLike,
    m: ArrayLike,
    region: tuple[float, float],
    efficiency: float,
    folds: int = 5,
    seed: compute.Seed = 0,
    spectrum: Spectrum | None = None,
    **options,
) -> tuple[Bump, np.ndarray]:
    """Looks for a bump in one signal region: `cross_scores`, a cut, and a fit of the spectrum that passes.

    The p-value is local, and right only if background alone makes no bump by the cut. Repeat the whole chain on data
    without signal to know.

    Arguments:
        method, x, m, region, folds, seed, options: As for `cross_scores`.
        efficiency: Share of the side-band events that pass the cut.
        spectrum: A `Spectrum`, not fitted.

    Returns:
        bump: Events in the region beside what the fit expects, with p-value and Z.
        passes: Which events passed the cut, shape (n,).

    Example:
        >>> from dmlib.resonant import CWoLa, TreeClassifier
        >>> rng = np.random.default_rng(1)
        >>> m = 3 + rng.exponential(0.5, 4000)
        >>> x = rng.normal(size=(4000, 2))
        >>> bump, passes = search(CWoLa(TreeClassifier(ensemble=1)), x, m, (3.3, 3.7), efficiency=0.1, folds=2)
        >>> abs(bump.z) < 4
        True
    """
    low, high = _check.region(region, bounded=True)
    _check.share(efficiency, "efficiency", zero=False, one=False)  # before hours of training
    scores, fold = cross_scores(method, x, m, region, folds, seed, **options)
    m = np.asarray(m, float)
    passes = select(scores, fold, (m < low) | (m > high), efficiency)
    spectrum = Spectrum() if spectrum is None else clone(spectrum)
    return spectrum.fit(m[passes], region).bump(m[passes]), passes
