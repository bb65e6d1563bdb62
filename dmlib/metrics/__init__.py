r"""How good is an anomaly score? ROC, AUC, signal efficiency and significance improvement, with weights and errors.

Scores are higher for more anomalous events, and a cut keeps the events at or above its threshold. With weights, a
number of events means an effective one, :math:`(\sum w)^2 / \sum w^2`: as many of equal weight would be as precise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check

from .figures import figures_of_merit
from .roc import Roc, supported
from .sic import max_sic, sic_band, sic_curve, significance_improvement

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
        ValueError: An array is empty, not one-dimensional, or holds masked values or such as are not finite; or weights
            do not fit, are negative or are all zero.

    Example:
        >>> eff_b, eff_s, thresholds = roc_curve([0, 1, 2, 3], [2, 4])
        >>> eff_b.tolist(), eff_s.tolist()
        ([0.0, 0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0, 1.0])
    """
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    return *roc.curve, roc.thresholds


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
    return Roc(background_scores, signal_scores, background_weights, signal_weights).curve.area()


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
    a cut that breaks ties at random. Where the curve climbs vertically at the working point, its foot is taken: the
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
    points = _check.shares(background_efficiency, "background_efficiency", zero=False)
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    enough = supported(roc.background_events(points), min_events)
    return np.where(enough, roc.curve.signal_efficiency(points), np.nan)[()]
