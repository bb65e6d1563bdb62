"""How a network is trained: the paper's recipe, and a faster one. A recipe is frozen before any data are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dmlib import _check


def _counts(recipe, *names):
    for name in names:
        _check.count(getattr(recipe, name), name)


@dataclass(frozen=True)
class Adam:
    r"""The recipe of the paper: Adam on all events at once, for a fixed number of epochs, weights clipped in each.

    Arguments:
        epochs: Number of steps; None is the paper's, 150,000 with one hidden layer (section 3), 300,000 with more
            (section 5).
        learning_rate: Size of a step.
        beta_1, beta_2: How long gradients and their squares are remembered.
        epsilon: Added to the root of the mean square, as Keras does.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), sections 2.1, 3 and 5
        | https://arxiv.org/abs/1912.12155
        | Adam: a method for stochastic optimization (Kingma and Ba, 2014)
        | https://arxiv.org/abs/1412.6980

    Example:
        >>> Adam(epochs=1000)
        Adam(epochs=1000, learning_rate=0.001, beta_1=0.9, beta_2=0.99, epsilon=1e-07)
    """

    epochs: int | None = None
    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.99
    epsilon: float = 1e-7

    def __post_init__(self):
        _counts(self, *() if self.epochs is None else ("epochs",))
        for name in ("learning_rate", "epsilon"):
            _check.positive(getattr(self, name), name)
        for name in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a number from 0 to below 1")

    def steps(self, architecture: Sequence[int]) -> int:
        """Returns the number of epochs for an architecture."""
        return self.epochs or (150_000 if len(architecture) <= 3 else 300_000)


@dataclass(frozen=True)
class Newton:
    r"""Fisher scoring with Marquardt's damping, within the clipping box, from the ends of a few short Adam warm-ups.

    In place of the second derivatives that give Newton's method its name stands the Fisher matrix F, their expectation
    if f is right, which is never indefinite (as in the Gauss-Newton method). With gradient g a step solves

    .. math:: (F + \lambda\, \mathrm{diag} F)\, \delta = -g

    for the weights that are free to move. Those on an edge of the box with a slope that pushes them outward stay, and
    those that a step would carry outside stop at the edge. :math:`\lambda` falls when a step lowers the loss as F
    promised, and grows when it does not. Without the warm-up the steps end in poor minima.

    The loss has many minima, and a run ends in one of them. So each toy is trained from a few random starts, and the
    best end counts: it is nearer the maximum that t is defined by than one training can come, however long.

    Arguments:
        warm_up: The warm-up. Its learning rate is ten times the paper's: a few hundred epochs are to find the valley of
            a minimum, not its floor.
        starts: Random starts of each toy; the one that ends with the lowest loss on all events is taken.
        cells: Where there are at least twice as many events, warm-up and steps are first taken on so many cells, in
            which all events stand at their common mean, and then, from the best end, steps on all events. None: all is
            done on all events.
        iterations: Most steps after a warm-up, and again on all events after cells.
        tolerance: A toy is done when F promises less than this gain in t, in `patience` lightly damped steps running.
        patience: See `tolerance`.

    References:
        | An algorithm for least-squares estimation of nonlinear parameters (Marquardt, 1963)
        | https://doi.org/10.1137/0111030
        | Damping parameter in Marquardt's method (Nielsen, 1999)
        | https://www2.imm.dtu.dk/pubdb/pubs/648-full.html

    Example:
        >>> Newton(warm_up=Adam(epochs=500), iterations=50).iterations
        50
    """

    warm_up: Adam = Adam(epochs=500, learning_rate=1e-2)
    starts: int = 6
    cells: int | None = 4096
    iterations: int = 300
    tolerance: float = 1e-3
    patience: int = 3

    def __post_init__(self):
        _counts(self, "starts", "iterations", "patience", *() if self.cells is None else ("cells",))
        _check.positive(self.tolerance, "tolerance")
        if not isinstance(self.warm_up, Adam):
            raise ValueError(f"warm_up={self.warm_up!r}: expected an Adam(...)")


RECIPES: dict[str, Adam | Newton] = {"adam": Adam(), "newton": Newton()}


def named(recipe: str | Adam | Newton) -> Adam | Newton:
    """Returns the recipe of a name; a recipe itself is passed through."""
    if isinstance(recipe, Adam | Newton):
        return recipe
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise ValueError(f"recipe={recipe!r}: expected {', '.join(map(repr, RECIPES))}, or an Adam(...) or Newton(...)")
    return RECIPES[recipe]
