"""The challenge's figures of merit in one table. Part of `dmlib.metrics`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dmlib import _check, compute

from .roc import Curve, Roc, supported


def figures_of_merit(
    background_scores: ArrayLike,
    signal_scores: ArrayLike,
    background_weights: ArrayLike | None = None,
    signal_weights: ArrayLike | None = None,
    *,
    background_efficiencies: ArrayLike = (1e-2, 1e-3, 1e-4),
    min_events: float = 10,
    n_bootstrap: int = 200,
    seed: compute.Seed = 0,
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
        background_efficiencies: Working points, above 0 and at most 1: several, or a single number.
        min_events: Effective background events that must pass a working point; max SI runs over those with enough.
        n_bootstrap: Number of bootstrap samples, at least 2.
        seed: Their seed, or a generator; None redraws afresh in every call.

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
        SI(1e-2)     0.640  0.232
        SI(1e-3)       NaN    NaN
        SI(1e-4)       NaN    NaN
        max SI       0.640  0.232
    """
    points = np.atleast_1d(_check.shares(background_efficiencies, "background_efficiencies", zero=False))
    if points.ndim > 1:
        raise ValueError(f"background_efficiencies: expected a number or a list of them, not {points.ndim} dimensions")
    roc = Roc(background_scores, signal_scores, background_weights, signal_weights)
    events, (n_background, n_signal) = roc.background_events(points), roc.effective_events()
    enough = supported(events, min_events)

    def figures(curve: Curve) -> np.ndarray:
        efficiency = np.where(enough, curve.signal_efficiency(points), np.nan)
        best = curve.improvement(points).max(initial=0, where=enough)
        return np.array([curve.area(), *efficiency, best])

    area, *efficiency, best = figures(roc.curve)
    area_error, *error, best_error = np.std(roc.bootstrap(figures, n_bootstrap, seed), axis=0, ddof=1)
    separated, extreme = np.isclose(area, (0, 1), rtol=0, atol=1e-12).any(), np.isin(efficiency, (0, 1))
    area_error = _limit(min(n_background, n_signal)) if separated else area_error
    error = np.where(extreme, _limit(n_signal), error)
    labels = [np.format_float_scientific(point, trim="-", exp_digits=1) for point in points]
    too_few = [f"{n:.3g} effective background events past the cut, {min_events:g} needed" for n in events]
    notes = np.where(extreme, "all or none of the signal passes: the error is a limit", "")
    notes = np.where(enough, notes, too_few)

    note = "the classes do not overlap: the error is a limit" if separated else ""
    rows = [("AUC", area, area_error, n_background, note)]
    for figure, unit in (("eff_S", np.ones_like(points)), ("SI", np.sqrt(points))):
        names = [f"{figure}({label})" for label in labels]
        rows += zip(names, efficiency / unit, error / unit, events, notes, strict=True)
    if enough.any():
        at = np.flatnonzero(efficiency / np.sqrt(points) == best)[-1]
        best_error = max(best_error, error[at] / np.sqrt(points[at])) if extreme[at] else best_error
        over = ", ".join(label for label, ok in zip(labels, enough, strict=True) if ok)
        rows += [("max SI", best, best_error, events[at], f"largest at {labels[at]}, of {over}")]
    else:
        rows += [("max SI", np.nan, np.nan, np.nan, "no working point has enough background events past the cut")]
    return pd.DataFrame(rows, columns=["figure", "value", "error", "events", "note"]).set_index("figure")


def _limit(n: float) -> float:
    """Upper 68.3 % limit on a fraction of which none was seen among n events."""
    return 1 - 0.317 ** (1 / n)
