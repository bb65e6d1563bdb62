"""New Physics Learning Machine: a network, or a kernel machine, that tests data against a reference sample.

`fit` gives the test statistic t of every data sample, `significance` and its relatives say how surprising t is,
`draw` and `draw_from` make toys, and `fit_kernels` is the fast machine.
"""

from .fit import Curve, Fits, History, fit, fit_models
from .kernel_fit import Suggestion, fit_kernels, suggest
from .kernels import KernelFits, KernelMachine, Sums
from .networks import degrees_of_freedom, initial_weights
from .recipes import Adam, Newton
from .significance import (
    Compatibility,
    Extrapolation,
    Significance,
    compatibility,
    empirical_significance,
    extrapolated_significance,
    significance,
)
from .toys import PoolToys, draw, draw_from, mix, neyman_pearson, normalise

__all__ = [
    "Adam",
    "Compatibility",
    "Curve",
    "Extrapolation",
    "Fits",
    "History",
    "KernelFits",
    "KernelMachine",
    "Newton",
    "PoolToys",
    "Significance",
    "Suggestion",
    "Sums",
    "compatibility",
    "degrees_of_freedom",
    "draw",
    "draw_from",
    "empirical_significance",
    "extrapolated_significance",
    "fit",
    "fit_kernels",
    "fit_models",
    "initial_weights",
    "mix",
    "neyman_pearson",
    "normalise",
    "significance",
    "suggest",
]
