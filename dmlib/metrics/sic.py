"""Significance improvement: the factor that a cut gains, for every cut, with its error. Part of `dmlib.metrics`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check, compute

from .roc import Roc


def significance_improvement(signal_efficiency: ArrayLike, background_efficiency: ArrayLike) -> np.ndarray | float:
    r"""Returns the factor by which a cut changes :math:`S/\sqrt B`.

    .. math:: \mathrm{SI} = \frac{\epsilon_S}{\sqrt{\epsilon_B}}

    It is NaN where no background passes: the ratio is then unknown rather than infinite.

    Arguments:
        signal_efficiency, background_efficiency: Numbers or arrays of one shape.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), equation 29
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> significance_improvement([0.3, 0.1], [0.01, 0.0])
        array([ 3., nan])
    """
    eff_s = _check.numbers(signal_efficiency, "signal_efficiency")
    eff_b = _check.numbers(background_efficiency, "background_efficiency")
    return eff_s / np.sqrt(np.where(eff_b > 0, eff_b, np.nan))


def sic_curve(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
    *,
    min_events: float = 25,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Returns the significance improvement characteristic: SI for every cut with enough background behind it.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `roc_curve`.
        min_events: The curve stops where fewer effective background events than this pass, coming from loose cuts.

    Returns:
        eff_b: Background efficiencies, ascending to 1. Empty if the sample is smaller than `min_events`.
        si: Significance improvements; where several cuts pass the same background, the tightest (see
            `signal_efficiency`).

    References:
        | Multivariate discrimination and the Higgs + W/Z search (Gallicchio et al., 2010)
        | https://arxiv.org/abs/1010.3698

    Example:
        >>> eff_b, si = sic_curve(range(1000), range(500, 1500))
        >>> float(eff_b[0]), float(si[0].round(3))
        (0.025, 3.32)
    """
    return Roc(background_scores, signal_scores, background_weights, signal_weights).sic(min_events)


def sic_band(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
    *,
    min_events: float = 25,
    n_points: int = 100,
    n_bootstrap: int = 200,
    seed: compute.Seed = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Returns the statistical error of `sic_curve` as a band: the central 68 % of bootstrap samples at each point.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `roc_curve`.
        min_events: As for `sic_curve`.
        n_points: Number of background efficiencies, at least 2, evenly spaced in their logarithm over the range
            of `sic_curve`.
        n_bootstrap: Number of bootstrap samples, drawn as for `figures_of_merit`.
        seed: Their seed, or a generator; None redraws afresh in every call.

    Returns:
        eff_b: Background efficiencies, ascending to 1. Empty where `sic_curve` is.
        low: Lower edge of the band.
        high: Upper edge.

    Example:
        >>> eff_b, low, high = sic_band(range(1000), range(500, 1500))
        >>> bool(low[0] < sic_curve(range(1000), range(500, 1500))[1][0] < high[0])
        True
    """
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    points, _, replicas = roc.sic_replicas(min_events, n_points, n_bootstrap, seed)
    if not len(points):
        return points, points, points
    low, high = np.quantile(replicas, (0.1587, 0.8413), axis=0)
    return points, low, high


def max_sic(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
    *,
    min_events: float = 25,
    n_points: int = 100,
    n_bootstrap: int = 100,
    seed: compute.Seed = 0,
) -> tuple[float, float]:
    r"""Returns the largest significance improvement over all supported cuts, and its statistical error.

    The largest of many noisy numbers lies too high on average, the more so the fewer events stand behind it.

    Arguments:
        background_scores, signal_scores, background_weights, signal_weights: As for `roc_curve`.
        min_events: As for `sic_curve`.
        n_points: As for `sic_band`: the maximum runs over these cuts.
        n_bootstrap: Number of bootstrap samples, at least 2.
        seed: Their seed, or a generator; None redraws afresh in every call.

    Returns:
        value: NaN if no cut is supported.
        error: Standard deviation of the maximum over the bootstrap samples.

    Example:
        >>> value, error = max_sic(range(1000), range(500, 1500))
        >>> round(value, 1)
        3.3
    """
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    points, curve, replicas = roc.sic_replicas(min_events, n_points, n_bootstrap, seed)
    if not len(points):
        return np.nan, np.nan
    return float(curve.max()), float(replicas.max(axis=1).std(ddof=1))
