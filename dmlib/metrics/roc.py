"""The weighted ROC curve behind `dmlib.metrics`: what is read off it, and the bootstrap that gives all errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import sklearn.metrics
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from dmlib import _check, compute

_HAIR = 1e-9  # relative; sums of weights reach a working point, or a number of events, only up to rounding


class Curve(NamedTuple):
    """Efficiencies of background and signal, ascending together from 0 to 1."""

    eff_b: np.ndarray
    eff_s: np.ndarray

    def area(self) -> float:
        return float(trapezoid(self.eff_s, self.eff_b))

    def signal_efficiency(self, points: np.ndarray) -> np.ndarray:
        return interpolate(points, self.eff_b, self.eff_s)

    def improvement(self, points: np.ndarray) -> np.ndarray:
        return self.signal_efficiency(points) / np.sqrt(points)


class Roc:
    """The ROC curve of two samples, and what it was made of; the functions of `dmlib.metrics` say what each figure is.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `dmlib.metrics.roc_curve`.

    Attributes:
        curve: Efficiencies for a cut at every score that occurs.
        thresholds: The cuts, descending from infinity.
        weights: Those of background and signal events, without zeros, scaled by a power of two.

    Example:
        >>> Roc([0, 1, 2, 3], [2, 4]).curve.area()
        0.8125
    """

    def __init__(
        self,
        background_scores: ArrayLike,
        signal_scores: ArrayLike,
        background_weights: ArrayLike | None = None,
        signal_weights: ArrayLike | None = None,
    ) -> None:
        background, w_b = _sample("background", background_scores, background_weights)
        signal, w_s = _sample("signal", signal_scores, signal_weights)
        y, scores = np.repeat([0, 1], [len(background), len(signal)]), np.concatenate([background, signal])
        options = {"sample_weight": np.concatenate([w_b, w_s]), "drop_intermediate": False}
        eff_b, eff_s, self.thresholds = sklearn.metrics.roc_curve(y, scores, **options)
        self.curve, self.weights = Curve(eff_b, eff_s), (w_b, w_s)
        # For each event, the index of the threshold at which it starts to pass.
        self._steps = tuple(np.searchsorted(-self.thresholds, -scores) for scores in (background, signal))

    def effective_events(self) -> tuple[float, float]:
        """Effective numbers of background and signal events, (sum w)^2 / sum w^2."""
        n_background, n_signal = (float(w.sum() ** 2 / (w**2).sum()) for w in self.weights)
        return n_background, n_signal

    def background_events(self, points: np.ndarray) -> np.ndarray:
        """Effective background events past each working point; of events that share the cut, the part let in."""
        weights = self.weights[0]
        squares = np.bincount(self._steps[0], weights**2, len(self.thresholds)).cumsum()
        passed = interpolate(points, self.curve.eff_b, squares)
        # Weights whose squares underflow are no support.
        return np.divide((points * weights.sum()) ** 2, passed, out=np.zeros_like(passed), where=passed > 0)

    def sic(self, min_events: float) -> tuple[np.ndarray, np.ndarray]:
        """Background efficiencies and significance improvements of all cuts from the tightest supported one on."""
        points = np.unique(self.curve.eff_b)[1:]
        too_few = np.flatnonzero(~supported(self.background_events(points), min_events))
        points = points[too_few[-1] + 1 if len(too_few) else 0 :]
        return points, self.curve.improvement(points)

    def sic_replicas(
        self, min_events: float, n_points: int, n_bootstrap: int, seed: compute.Seed
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points evenly spaced in the logarithm, shape (k,), the SIC there, and that of redrawn samples, (n, k)."""
        n_points = _check.count(n_points, "n_points", 2)
        points, _ = self.sic(min_events)
        if not len(points):
            return points, points, np.empty((0, 0))
        points = np.geomspace(points[0], 1, n_points)
        replicas = self.bootstrap(lambda curve: curve.improvement(points), n_bootstrap, seed)
        return points, self.curve.improvement(points), replicas

    def bootstrap(self, statistic: Callable[[Curve], ArrayLike], n: int, seed: compute.Seed) -> np.ndarray:
        """Returns statistic(curve) of n samples of redrawn events, shape (n, ...).

        Events keep their step along the sorted scores, so that a redrawn curve costs one pass and no sorting. Samples
        of the same sizes and seed are redrawn alike: scores of the same events are compared event by event.
        """
        n, rng = _check.count(n, "n_bootstrap", 2), compute.stream(seed, "bootstrap")

        def redrawn(steps: np.ndarray, weights: np.ndarray) -> np.ndarray:
            drawn = rng.integers(len(steps), size=len(steps))
            passed = np.bincount(steps[drawn], weights[drawn], len(self.thresholds)).cumsum()
            return passed / passed[-1]

        return np.array([statistic(Curve(*map(redrawn, self._steps, self.weights))) for _ in range(n)])


def interpolate(points: np.ndarray, eff_b: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Interpolates y at working points; where the curve climbs vertically at one, the foot of the step."""
    return np.interp(points * (1 - _HAIR), eff_b, y)


def supported(events: np.ndarray, min_events: float) -> np.ndarray:
    """Whether effective numbers of events reach the number asked for."""
    return events >= _check.at_least(min_events, "min_events") * (1 - 10 * _HAIR)


def _sample(name: str, scores: ArrayLike, weights: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """The scores and weights of one class, without the events of weight zero."""
    x = _check.column(scores, f"{name}_scores", one="score")
    w = _check.weights(weights, len(x), f"{name}_weights")
    # Only ratios of weights count. A power of two rounds nothing, and keeps sums and squares from overflowing.
    w = np.ldexp(w, -np.frexp(w.max())[1])
    return x[w > 0], w[w > 0]
