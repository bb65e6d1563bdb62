"""The weighted ROC curve behind `dmlib.metrics`: checked input, reading between its points, bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import sklearn.metrics
from numpy.typing import ArrayLike

_HAIR = 1e-9  # relative; sums of weights reach a working point, or a number of events, only up to rounding


class Roc:
    """A ROC curve and the events it was made of.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `dmlib.metrics.roc_curve`.
    """

    def __init__(
        self,
        background_scores: ArrayLike,
        signal_scores: ArrayLike,
        background_weights: ArrayLike | None,
        signal_weights: ArrayLike | None,
    ) -> None:
        background = _checked("background", background_scores, background_weights)
        signal = _checked("signal", signal_scores, signal_weights)
        scores, weights = (np.concatenate(pair) for pair in zip(background, signal, strict=True))
        is_signal = np.repeat([0, 1], [len(background.scores), len(signal.scores)])
        self.eff_b, self.eff_s, self.thresholds = sklearn.metrics.roc_curve(
            is_signal, scores, sample_weight=weights, drop_intermediate=False
        )
        self.weights = background.weights, signal.weights
        # For each event, the index of the threshold at which it starts to pass.
        self._steps = [np.searchsorted(-self.thresholds, -sample.scores) for sample in (background, signal)]

    def background_events(self, points: np.ndarray) -> np.ndarray:
        """Effective background events past each working point; of events that share the cut, the part let in."""
        weights = self.weights[0]
        squares = np.bincount(self._steps[0], weights**2, len(self.thresholds)).cumsum()
        return (points * weights.sum()) ** 2 / read(points, self.eff_b, squares)

    def bootstrap(
        self,
        statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
        n_bootstrap: int,
        seed: int | np.random.Generator,
    ) -> np.ndarray:
        """Returns statistic(eff_b, eff_s) of n_bootstrap samples of redrawn events, shape (n_bootstrap, ...).

        Events keep their step along the sorted scores, so that a redrawn curve costs one pass and no sorting.
        """
        if n_bootstrap < 2:
            raise ValueError(f"n_bootstrap must be at least 2, got {n_bootstrap}")
        rng = np.random.default_rng(seed)

        def redrawn(steps: np.ndarray, weights: np.ndarray) -> np.ndarray:
            drawn = rng.integers(len(steps), size=len(steps))
            passed = np.bincount(steps[drawn], weights[drawn], len(self.thresholds)).cumsum()
            return passed / passed[-1]

        return np.array([statistic(*map(redrawn, self._steps, self.weights)) for _ in range(n_bootstrap)])


def read(points: np.ndarray, eff_b: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Interpolates y at working points; where the curve climbs vertically at one, the foot of the step."""
    return np.interp(points * (1 - _HAIR), eff_b, y)


def enough(events: np.ndarray, min_events: float) -> np.ndarray:
    """Whether effective numbers of events reach the number asked for."""
    return events >= min_events * (1 - 10 * _HAIR)


def effective(weights: np.ndarray) -> float:
    """Effective number of events, (sum w)^2 / sum w^2."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def working_points(background_efficiency: ArrayLike) -> np.ndarray:
    """The background efficiencies as an array, checked."""
    points = np.asarray(background_efficiency, dtype=float)
    if not np.all((points > 0) & (points <= 1)):
        raise ValueError(f"background efficiencies must be above 0 and at most 1, got {background_efficiency}")
    return points


class _Sample(NamedTuple):
    scores: np.ndarray
    weights: np.ndarray


def _checked(name: str, scores: ArrayLike, weights: ArrayLike | None) -> _Sample:
    """The scores and weights of one class, without the events of weight zero."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 1 or scores.size == 0:
        raise ValueError(f"{name}_scores must hold one score an event and at least one event, got shape {scores.shape}")
    _refuse(f"{name}_scores", ~np.isfinite(scores), "not finite (NaN or infinite); mend the score or drop the events")
    if weights is None:
        return _Sample(scores, np.ones(len(scores)))
    weights = np.asarray(weights, dtype=float)
    if weights.shape != scores.shape:
        raise ValueError(f"{name}_weights have shape {weights.shape}, {name}_scores {scores.shape}; give one an event")
    _refuse(f"{name}_weights", ~np.isfinite(weights), "not finite (NaN or infinite)")
    _refuse(f"{name}_weights", weights < 0, "negative; efficiencies made of them need not lie between 0 and 1")
    kept = weights > 0
    if not kept.any():
        raise ValueError(f"{name}_weights are all zero")
    return _Sample(scores[kept], weights[kept])


def _refuse(name: str, bad: np.ndarray, why: str) -> None:
    if bad.any():
        raise ValueError(f"{name}: {bad.sum()} of {bad.size} values (the first at index {bad.argmax()}) are {why}")
