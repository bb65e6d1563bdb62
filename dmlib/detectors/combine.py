"""Scores of different methods on one scale, and their combinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check

TAIL = 25  # effective background events above where the tail is continued: an error of a fifth there

_HOW: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "AND": lambda u: u.min(axis=0),
    "OR": lambda u: u.max(axis=0),
    "PROD": lambda u: u.prod(axis=0),
    "AVG": lambda u: u.mean(axis=0),
}
COMBINATIONS = tuple(_HOW)


def background_efficiency(
    scores: ArrayLike, background_scores: ArrayLike, background_weights: ArrayLike | None = None
) -> np.ndarray:
    r"""Returns scores as shares of the background that is *less* strange, 0 to 1: high is strange.

    .. math:: u(s) = 1 - f(s), \qquad f(s) = \frac{\sum_i w_i\, [s_i > s]}{\sum_i w_i}

    f is the background efficiency of a cut at s, of equation 26. As printed there it is *small* for anomalies, and the
    combinations that the paper builds from it ask for numbers that are high for them: hence u. On background u is
    uniform between 0 and 1, whatever the score was, so that scores of different methods can be compared.

    Beyond the last background event f would be zero, and the strangest events of all would be alike. From the score
    that 25 effective background events exceed, f goes on as an exponential,

    .. math:: f(s) = f(s_0)\, e^{-(s - s_0) / \lambda},

    with :math:`\lambda` their mean excess over :math:`s_0`.

    Arguments:
        scores: Of the events, shape (n,).
        background_scores: Of background that was not trained on, shape (m,).
        background_weights: Their weights; None counts all alike.

    Returns:
        u of each event, shape (n,).

    Raises:
        ValueError: There is no background, a score is not finite, or weights do not fit.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.13 and equation 26
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> background_efficiency([0.0, 5.0, 9.0], np.arange(10))
        array([0.1, 0.6, 1. ])
    """
    scores = _check.column(scores, "scores", one="score")
    background = _check.column(background_scores, "background_scores", one="score")
    weight = _check.weights(background_weights, len(background), "background_weights")
    order = np.argsort(background)
    background, weight = background[order], weight[order] / weight.sum()
    above = np.append(np.cumsum(weight[::-1])[::-1], 0.0)  # the share from each event on
    f = above[np.searchsorted(background, scores, side="right")]
    squares = np.cumsum(weight[::-1] ** 2)[::-1]
    enough = np.flatnonzero(above[:-1] ** 2 / squares >= TAIL)
    start = int(enough[-1]) if len(enough) else 0
    tail, tail_weight = background[start + 1 :], weight[start + 1 :]
    if len(enough) and tail_weight.sum() > 0 and tail[-1] > background[start]:
        s_0, f_0 = background[start], tail_weight.sum()
        excess = np.average(tail - s_0, weights=tail_weight)
        f = np.where(scores > s_0, f_0 * np.exp(-(scores - s_0) / excess), f)
    return np.clip(1 - f, 0, 1)  # sums are rounded


def combine(scores: Sequence[ArrayLike], how: str = "AVG") -> np.ndarray:
    r"""Returns one score an event out of several that are on one scale, as from `background_efficiency`.

    .. math:: \text{AND} = \min_k u_k, \quad \text{OR} = \max_k u_k, \quad \text{PROD} = \prod_k u_k, \quad
       \text{AVG} = \frac{1}{K} \sum_k u_k

    Where u is high for anomalies, "AND" calls an event strange that all methods find strange, "OR" one that any of them
    does. In the challenge's published files it is the other way round, as there f was combined as it is printed.

    Arguments:
        scores: Of each method, shape (n,); 0 to 1.
        how: "AND", "OR", "PROD" or "AVG".

    Returns:
        The combined score, shape (n,).

    Raises:
        ValueError: There is no such combination, there are no scores, they differ in length, or one is not between 0
            and 1.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.13
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> combine([[0.9, 0.2], [0.5, 0.4]], how="AND")
        array([0.5, 0.2])
    """
    function = _HOW[_check.choice(how, "how", _HOW)]
    if not len(scores):
        raise ValueError("scores: expected those of one method or more")
    columns = [_check.column(s, f"scores[{k}]", one="score") for k, s in enumerate(scores)]
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"scores: expected as many of each method, not {[len(column) for column in columns]}")
    return function(np.array([_check.shares(column, f"scores[{k}]") for k, column in enumerate(columns)]))
