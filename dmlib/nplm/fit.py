"""The machine itself: a network fitted to every toy, and the test statistic t that comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check, compute

from .networks import Network, check_architecture, tensor, upper_bounds
from .recipes import Adam, Newton, named
from .references import References
from .toys import PoolToys, data_samples
from .train import Trained, Trainer

CHUNK = {"cpu": 2048, "cuda": 8192, "mps": 8192}  # events at a time
TOYS = {"cpu": 16, "cuda": 256, "mps": 64}  # at a time
_FEATURES = "the first number of architecture"


class Curve(NamedTuple):
    """How t grew with the steps of an algorithm.

    Arguments:
        step: Shape (k,).
        t: Of every toy at these steps, the best so far, shape (toys, k); a toy that is done stays where it is.
    """

    step: np.ndarray
    t: np.ndarray


class History(NamedTuple):
    """How t grew, with the epochs of Adam and with the iterations of Newton, each counted on from start to start.

    Arguments:
        epochs: t against the epoch.
        iterations: t against the iteration; without any for the recipe of the paper.
    """

    epochs: Curve
    iterations: Curve


@dataclass
class Fits:
    """The fitted networks of all toys.

    Arguments:
        architecture: Neurons of each layer.
        t: Test statistic of every toy, shape (toys,).
        weights: Shape (toys, parameters): layer after layer, neuron after neuron, its bias last.
        history: t against epochs and iterations.
    """

    architecture: tuple[int, ...]
    t: np.ndarray
    weights: np.ndarray = field(repr=False)
    history: History = field(repr=False)

    def log_ratio(self, x: ArrayLike) -> np.ndarray:
        r"""Returns :math:`f(x) = \log n(x|\hat w) / n(x|R)` of every toy at x, shape (n, d), as (toys, n).

        Raises:
            ValueError: x does not have the features of the architecture, or is not finite.
        """
        x = _check.feature_array(x, self.architecture[0], "x", _FEATURES)
        network, weights = Network(self.architecture), tensor(self.weights)
        x, out = np.vstack([x.T, np.ones(len(x))])[None], np.empty((len(self.t), len(x)))
        for low in range(0, x.shape[2], 4096):
            part = tensor(x[:, :, low : low + 4096])
            for i in range(0, len(out), 64):
                out[i : i + 64, low : low + 4096] = network.log_ratio(weights[i : i + 64], part).cpu().numpy()
        return out


def fit(
    reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
    toys: Sequence[ArrayLike] | PoolToys,
    expected: float,
    architecture: Sequence[int],
    weight_clipping: float,
    recipe: str | Adam | Newton = "newton",
    seed: compute.Seed = 0,
    **options,
) -> np.ndarray:
    r"""Returns the test statistic t of every toy: how much better the best network describes it than the reference.

    .. math:: t = -2 \min_w L(w)

    Arguments:
        reference: Events (N_R, d) that follow the reference model, for all toys; or one such array for each toy, or a
            function of its number that returns it.
        toys: Data samples, each (n_i, d).
        expected: Expected number of events N(R) of the reference model.
        architecture: Neurons of each layer, from d to 1.
        weight_clipping: Largest absolute value of a weight.
        recipe: ``"newton"``, ``"adam"`` (the paper's), or an `Adam` or `Newton` with other constants.
        seed: Of the initial weights.
        options: The further arguments of `fit_models`, which says more about all of them.

    Returns:
        Array of shape (toys,).

    Raises:
        ValueError: An argument is not what it should be; see `fit_models`.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equations 1 and 2
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> rng = np.random.default_rng(1)
        >>> toys = [rng.normal(shift, 1.0, size=(200, 2)) for shift in (0.0, 0.5)]
        >>> quick = Newton(warm_up=Adam(epochs=100, learning_rate=0.01), iterations=30)
        >>> t = fit(rng.normal(size=(1000, 2)), toys, 200, architecture=(2, 5, 1), weight_clipping=1.2, recipe=quick)
        >>> t.shape, bool(t[0] < 40 < t[1])
        ((2,), True)
    """
    return fit_models(reference, toys, expected, architecture, weight_clipping, recipe, seed, **options).t


def fit_models(
    reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
    toys: Sequence[ArrayLike] | PoolToys,
    expected: float,
    architecture: Sequence[int],
    weight_clipping: float,
    recipe: str | Adam | Newton = "newton",
    seed: compute.Seed = 0,
    *,
    clip_biases: bool = False,
    reference_weights: ArrayLike | Sequence[ArrayLike] | None = None,
    initial: ArrayLike | None = None,
    batch: int | None = None,
    chunk: int | None = None,
) -> Fits:
    r"""Fits a network to every toy, and returns the fits.

    .. math::
        t = -2 \min_w L, \qquad L = \frac{N(R)}{\mathcal{N}_R} \sum_{x \in \mathcal{R}} \left(e^{f(x; w)} - 1\right)
        - \sum_{x \in \mathcal{D}} f(x; w)

    The network f learns the log ratio of the data's density to the reference's, and t is the likelihood ratio of the
    two hypotheses, as far as the network finds it within the box :math:`|w| \le W`. The paper bounds "each weight" and
    counts "weights and biases" among the parameters, and its authors' public code bounds the weights alone: so do we.
    The recipe belongs to the test: take the same for data and toys, fixed beforehand.

    A finite reference inflates t. To second order in f, reference and data fluctuate alike, and for
    :math:`\nu` degrees of freedom

    .. math:: \langle t \rangle \approx \nu \left(1 + \frac{N(R)}{\mathcal{N}_R}\right)

    over toys that each have a reference of their own. With one reference for all, its fluctuation is the same in every
    toy: t is then shifted by an amount that another reference would change, and toys calibrate it only for this one.

    Arguments:
        reference: Events that follow the reference model: one array (N_R, d) for all toys; a sequence of arrays, one a
            toy; or a function that takes the number of a toy and returns its array (or array and weights), so that not
            all need to be in memory.
        toys: Data samples, each (n_i, d), with numbers of events that fluctuate. For observed data: ``[data]``.
        expected: Expected number of events N(R) of the reference model.
        architecture: Neurons of each layer, from d to 1; the inner ones are logistic sigmoids.
        weight_clipping: Largest absolute value W of a weight.
        recipe: ``"newton"`` or ``"adam"`` (the paper's), or an `Adam` or `Newton` with other constants.
        seed: Of the initial weights. Those of a toy depend on the seed and on its events, in any order, so that its t
            is the same in every list of toys.
        clip_biases: Bound the biases too.
        reference_weights: Of the reference events, in the same form as the reference; scaled to add up to N(R). None
            weighs all alike.
        initial: Weights to start from, shape (parameters,) or (toys, parameters), in place of all random starts.
        batch: Toys at a time; None takes 16 on a CPU, more on a GPU.
        chunk: Events at a time; None takes 2048 on a CPU, more on a GPU.

    Returns:
        The fits, with ``t``, ``log_ratio(x)`` and ``history``.

    Raises:
        ValueError: A sample is empty, not finite, or does not fit the architecture; the architecture does not end in 1;
            the clipping is not above 0; the recipe is unknown; initial weights lie outside the box.
        FloatingPointError: No training of a toy ends in finite numbers.

    Warns:
        RuntimeWarning: Sigmoids are saturated at all events of a toy, so that no gradient is left to train them.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equations 1 and 2
        | https://arxiv.org/abs/1912.12155
        | Learning New Physics from a Machine (D'Agnolo and Wulzer, 2018)
        | https://arxiv.org/abs/1806.02350

    Example:
        >>> rng = np.random.default_rng(1)
        >>> reference = rng.exponential(size=(2000, 1))
        >>> data = np.concatenate([rng.exponential(size=(200, 1)), rng.normal(4, 0.1, size=(20, 1))])
        >>> quick = Newton(warm_up=Adam(epochs=200, learning_rate=0.01), iterations=30)
        >>> fits = fit_models(reference, [data], expected=200, architecture=(1, 3, 1), weight_clipping=7, recipe=quick)
        >>> bool(fits.t[0] > 20), fits.log_ratio([[1.0], [4.0]]).shape, fits.history.epochs.t.shape
        (True, (1, 2), (1, 600))
    """
    layers = check_architecture(architecture)
    recipe = named(recipe)
    bounds = upper_bounds(layers, weight_clipping, clip_biases)
    samples = data_samples(toys, layers[0], _FEATURES)
    references = References(reference, reference_weights, expected, len(samples), layers[0], _FEATURES)
    kind = compute.device().partition(":")[0]
    batch = TOYS[kind] if batch is None else _check.count(batch, "batch")
    chunk = CHUNK[kind] if chunk is None else _check.count(chunk, "chunk")
    trainer, trained = Trainer(layers, bounds, recipe, references.shared, chunk), []
    starts = trainer.starts(samples, seed) if initial is None else _given(initial, samples, bounds)
    for low in range(0, len(samples), batch):
        numbers = range(low, min(low + batch, len(samples)))
        prepared = [trainer.toy(i, *references.of(i), samples[i]) for i in numbers]
        for group in ([toy for toy in prepared if toy.cells], [toy for toy in prepared if not toy.cells]):
            if group:
                trained.append(trainer.train(group, starts[:, np.array([toy.number for toy in group])]))
    return _collected(layers, trained)


def _collected(layers: tuple[int, ...], trained: Sequence[Trained]) -> Fits:
    """All toys in their order."""
    order = np.argsort(np.concatenate([part.numbers for part in trained]))

    def all_of(arrays):
        return np.concatenate(arrays)[order]

    def curve(records):
        """The record of those that needed fewer steps ends as it was."""
        steps, rows = sorted(set().union(*records)), []
        for record, part in zip(records, trained, strict=True):
            known = np.array(sorted(record))
            last = known[np.searchsorted(known, steps, side="right") - 1] if steps else known[:0]
            rows.append(np.array([record[step] for step in last]).reshape(len(steps), len(part.t)).T)
        return Curve(np.array(steps, dtype=int), all_of(rows))

    vanished = np.flatnonzero(all_of([part.vanished for part in trained]))
    if len(vanished):
        what = "sigmoids are saturated at all events, and t is that of a constant"
        hint = "`normalise` the features, or take more starts"
        warnings.warn(f"toys {vanished.tolist()}: {what}; {hint}", RuntimeWarning, stacklevel=3)
    history = History(curve([part.epochs for part in trained]), curve([part.iterations for part in trained]))
    return Fits(layers, all_of([part.t for part in trained]), all_of([part.weights for part in trained]), history)


def _given(initial, samples, bounds):
    """Weights to start from that somebody chose, shape (1, toys, parameters)."""
    initial, toys = _check.numbers(initial, "initial"), len(samples)
    if initial.shape not in ((len(bounds),), (toys, len(bounds))):
        raise ValueError(f"initial: expected weights of shape ({toys}, {len(bounds)}), not {initial.shape}")
    _check.refuse(~np.isfinite(initial), "initial", "are not finite")
    if (outside := np.abs(initial) > bounds).any():
        most = np.abs(initial)[outside].max()
        raise ValueError(f"initial: a weight of size {most:g} lies outside the box; clip them, or widen the box")
    return np.broadcast_to(initial, (1, toys, len(bounds))).copy()
