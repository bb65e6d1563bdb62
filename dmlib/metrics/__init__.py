r"""How good is an anomaly score? ROC, AUC, signal efficiency and significance improvement, with weights and errors.

Scores are higher for more anomalous events, and a cut keeps the events at or above its threshold. With weights, a
number of events means an effective one, :math:`(\sum w)^2 / \sum w^2`: as many of equal weight would be as precise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from .roc import Roc, effective, enough, read, working_points
from .sic import max_sic, sic_band, sic_curve, significance_improvement

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "auc",
    "figures_of_merit",
    "max_sic",
    "roc_curve",
    "sic_band",
    "sic_curve",
    "signal_efficiency",
    "significance_improvement",
]


def roc_curve(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Returns the efficiencies of background and signal for a cut at every score that occurs.

    Arguments:
        background_scores: Anomaly scores of the background events, shape (n,).
        signal_scores: Anomaly scores of the signal events, shape (m,).
        background_weights: Their weights, shape (n,); none means one each. Events of weight zero do not count.
        signal_weights: Likewise, shape (m,).

    Returns:
        eff_b: Ascending from 0 to 1. Events with equal scores pass in one step.
        eff_s: From 0 to 1.
        thresholds: Descending from infinity; events with a score of at least that pass.

    Raises:
        ValueError: If an array is empty, not one-dimensional or holds values that are not finite, or if weights do not
            fit, are negative or are all zero.

    Example:
        >>> eff_b, eff_s, thresholds = roc_curve([0, 1, 2, 3], [2, 4])
        >>> eff_b.tolist(), eff_s.tolist()
        ([0.0, 0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0, 1.0])
    """
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    return roc.eff_b, roc.eff_s, roc.thresholds


def auc(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
) -> float:
    r"""Returns the area under the ROC curve, the probability that a signal event scores above a background event.

    .. math:: \mathrm{AUC} = P(s_S > s_B) + \tfrac12 P(s_S = s_B)

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `roc_curve`.

    Example:
        >>> auc([0, 1, 2, 3], [2, 4])
        0.8125
    """
    eff_b, eff_s, _ = roc_curve(background_scores, signal_scores, background_weights, signal_weights)
    return float(trapezoid(eff_s, eff_b))


def signal_efficiency(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_efficiency: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
    *,
    min_events: float = 10,
) -> np.ndarray | float:
    r"""Returns the fraction of signal that passes the cut which a given fraction of background passes.

    The cut t is the upper quantile of the background scores at that fraction, i.e. the score of the background event
    with which the fraction is reached. If other events share it, only the part needed is let in:

    .. math:: \epsilon_S = P_S(s > t) + \phi\, P_S(s = t), \qquad \phi = \frac{\epsilon_B - P_B(s > t)}{P_B(s = t)}

    This is the ROC curve with straight lines between its points, as the challenge's scores were read, and the curve of
    a cut that decides ties by lot. Where the curve climbs vertically at the very working point, its foot is taken: the
    k-th highest of N background scores is passed by k/(N+1) of all background on average, so that the working point is
    the one asked for; the top of the step, the loosest cut with that count, would let in one event in k more.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `roc_curve`.
        background_efficiency: Working points, above 0 and at most 1, a number or an array.
        min_events: Effective background events that must pass the cut.

    Returns:
        The signal efficiency, in the shape of the working points; NaN where too few background events pass.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 2.2.1
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> signal_efficiency(range(1000), range(500, 1500), [1e-1, 1e-2, 1e-3])
        array([0.6 , 0.51,  nan])
    """
    points = working_points(background_efficiency)
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    supported = enough(roc.background_events(points), min_events)
    return np.where(supported, read(points, roc.eff_b, roc.eff_s), np.nan)[()]


def figures_of_merit(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
    *,
    background_efficiencies: Sequence[float] = (1e-2, 1e-3, 1e-4),
    min_events: float = 10,
    n_bootstrap: int = 200,
    seed: int | np.random.Generator = 0,
) -> pd.DataFrame:
    r"""Returns the challenge's figures of merit with their statistical errors.

    The error is the standard deviation over bootstrap samples: as many background and as many signal events are drawn
    again, with replacement and with their weights, and everything is redone, the threshold included. Where all or none
    of the signal passes (or the classes do not overlap) drawing again shows no spread, and the error is the distance
    to the 68.3 % confidence limit for n effective events, :math:`1 - 0.317^{1/n}`.

    Max SI, the largest of several noisy numbers, lies too high on average: the more so, the noisier they are and the
    closer to each other. Its error then lies too high as well, by up to a third in tests.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `roc_curve`.
        background_efficiencies: Working points, above 0 and at most 1.
        min_events: Effective background events that must pass a working point; max SI runs over those with enough.
        n_bootstrap: Number of bootstrap samples, at least 2.
        seed: Seed or generator for them.

    Returns:
        A table indexed by `figure` ("AUC", "eff_S(1e-2)", ..., "SI(1e-2)", ..., "max SI") with the columns `value`,
        `error`, `events` (effective background events past the cut) and `note` (why a value is NaN, over which
        points max SI runs, where an error is a limit; else empty).

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), sections 2.2.1 and 5.2.2
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> rng = np.random.default_rng(1)
        >>> figures_of_merit(rng.normal(0, 1, 2000), rng.normal(1, 1, 500))[["value", "error"]].round(3)
                     value  error
        figure
        AUC          0.760  0.012
        eff_S(1e-2)  0.064  0.023
        eff_S(1e-3)    NaN    NaN
        eff_S(1e-4)    NaN    NaN
        SI(1e-2)     0.640  0.229
        SI(1e-3)       NaN    NaN
        SI(1e-4)       NaN    NaN
        max SI       0.640  0.229
    """
    import pandas as pd

    points = working_points(background_efficiencies)
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    events = roc.background_events(points)
    supported = enough(events, min_events)

    def figures(eff_b: np.ndarray, eff_s: np.ndarray) -> np.ndarray:
        efficiency = np.where(supported, read(points, eff_b, eff_s), np.nan)
        best = significance_improvement(efficiency, points)[supported].max() if supported.any() else np.nan
        return np.array([trapezoid(eff_s, eff_b), *efficiency, best])

    area, *efficiency, best = figures(roc.eff_b, roc.eff_s)
    area_error, *error, best_error = np.std(roc.bootstrap(figures, n_bootstrap, seed), axis=0, ddof=1)
    n_background, n_signal = map(effective, roc.weights)

    separated, extreme = np.isclose(area, (0, 1), rtol=0, atol=1e-12).any(), np.isin(efficiency, (0, 1))
    area_error = _limit(min(n_background, n_signal)) if separated else area_error
    error = np.where(extreme, _limit(n_signal), error)
    si, si_error = significance_improvement(efficiency, points), significance_improvement(error, points)

    labels = [np.format_float_scientific(point, trim="-", exp_digits=1) for point in points]
    too_few = "{:.3g} effective background events past the cut, {:g} needed"
    notes = np.where(extreme, "all or none of the signal passes: the error is a limit", "")
    notes = np.where(supported, notes, [too_few.format(n, min_events) for n in events])
    rows = [
        ("AUC", area, area_error, n_background, "the classes do not overlap: the error is a limit" if separated else "")
    ]
    rows += zip([f"eff_S({label})" for label in labels], efficiency, error, events, notes, strict=True)
    rows += zip([f"SI({label})" for label in labels], si, si_error, events, notes, strict=True)
    if supported.any():
        at = np.flatnonzero(si == best)[-1]
        best_error = max(best_error, si_error[at]) if extreme[at] else best_error
        over = ", ".join(label for label, ok in zip(labels, supported, strict=True) if ok)
        rows += [("max SI", best, best_error, events[at], f"largest at {labels[at]}, of {over}")]
    else:
        rows += [("max SI", np.nan, np.nan, np.nan, "no working point has enough background events past the cut")]
    return pd.DataFrame(rows, columns=["figure", "value", "error", "events", "note"]).set_index("figure")


def _limit(n: float) -> float:
    """Upper 68.3 % limit on a fraction of which none was seen among n events."""
    return 1 - 0.317 ** (1 / n)
