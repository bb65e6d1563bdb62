"""The trainings of a batch of toys: from several starts, on cells where events are many, and the best end counts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dmlib import compute

from . import adam, newton
from .batches import Batch, Sample
from .networks import Network, initial_weights
from .recipes import Adam, Newton

if TYPE_CHECKING:
    import torch

_VANISHED = 1e-16  # Fisher information of the weights on the features, relative to that of the constant in f


@dataclass
class Trained:
    """What comes out of the trainings of some toys.

    Arguments:
        numbers: Of these toys.
        t: Test statistic, shape (toys,).
        weights: Shape (toys, parameters).
        vanished: True where no gradient is left, shape (toys,).
        history: t at the recorded steps: step to shape (toys,).
    """

    numbers: list[int]
    t: np.ndarray
    weights: np.ndarray
    vanished: np.ndarray
    history: dict[int, np.ndarray]


class Trainer:
    """Trains networks as a recipe says.

    Arguments:
        layers: Neurons of each layer.
        bounds: Largest absolute values, shape (parameters,).
        recipe: How.
        chunk: Events at a time.
    """

    def __init__(self, layers: tuple[int, ...], bounds: np.ndarray, recipe: Adam | Newton, chunk: int):
        import torch

        self.layers, self.recipe, self.chunk = layers, recipe, chunk
        self.network, self.device = Network(layers), compute.device()
        self.refines = isinstance(recipe, Newton)
        self.warm_up = recipe.warm_up if isinstance(recipe, Newton) else recipe
        # Apple's GPUs have no double precision.
        self.dtype = torch.float32 if self.device.startswith("mps") else torch.float64
        self.bounds = torch.as_tensor(bounds, dtype=self.dtype, device=self.device)

    def train(
        self,
        numbers: list[int],
        references: Sequence[tuple[np.ndarray, np.ndarray]],
        data: Sequence[np.ndarray],
        cells: Sequence[Sample | None],
        starts: np.ndarray,
    ) -> Trained:
        """Trains toys from all their starts.

        Arguments:
            numbers: Of the toys, for messages.
            references: Events and weights of each toy, or once for all.
            data: Events of each toy.
            cells: Cells of each toy, or None for all.
            starts: Weights, shape (starts, toys, parameters).

        Raises:
            FloatingPointError: No training of a toy ends in finite numbers.
        """
        import torch

        events = self._batch(
            len(data), [(x, w, None) for x, w in references], [(x, None, np.ones(len(x))) for x in data]
        )
        first = events if cells[0] is None else self._batch(len(data), cells)
        single = first.to(torch.float32)
        history: dict[int, np.ndarray] = {}
        best = torch.full((len(data),), torch.inf, dtype=self.dtype, device=self.device)
        weights = torch.as_tensor(starts[0], dtype=self.dtype, device=self.device)
        for start in starts:
            trial = self._one_start(start, single, first, best, history)
            loss = self.network.loss(trial, events)
            better = loss < best  # never true of NaN
            weights = torch.where(better[:, None], trial, weights)
            best = torch.where(better, loss, best)
        self._check(best, numbers)
        if first is not events:
            record = _recorder(history, torch.full_like(best, torch.inf))
            weights = newton.minimise(self.network, weights, self.bounds, events, self.recipe, record)
        loss, _, fisher = self.network.fisher(weights, events)
        self._check(loss, numbers)
        return Trained(
            numbers, -2 * loss.cpu().numpy(), weights.cpu().numpy(), self._vanished(fisher).cpu().numpy(), history
        )

    def _batch(self, toys, *samples):
        return Batch(samples, toys, self.chunk, self.device, self.dtype)

    def _one_start(self, start, single, batch, best, history):
        """The end of one training: the warm-up in single precision, the steps to the minimum in double."""
        import torch

        weights = torch.as_tensor(start, dtype=torch.float32, device=self.device)
        bounds, epochs = self.bounds.to(torch.float32), self.warm_up.steps(self.layers)
        record = _recorder(history, best)
        weights = adam.minimise(self.network, weights, bounds, single, self.warm_up, epochs, record)
        weights = weights.to(self.dtype).clamp_(-self.bounds, self.bounds)  # the rounded bounds may lie outside
        if self.refines:
            record = _recorder(history, best)
            weights = newton.minimise(self.network, weights, self.bounds, batch, self.recipe, record)
        return weights

    def _check(self, loss, numbers):
        wrong = np.flatnonzero(~np.isfinite(loss.cpu().numpy()))
        if len(wrong):
            raise FloatingPointError(
                f"t of toy {numbers[wrong[0]]} is not finite from any start: e^f overflows; look for features of very"
                " different size (`normalise` them), or try a smaller weight_clipping"
            )

    def _vanished(self, fisher: torch.Tensor) -> torch.Tensor:
        """True where f no longer depends on the weights of the features, the constant apart."""
        neurons, inputs = self.network.shapes[0]
        information = fisher.diagonal(dim1=1, dim2=2)
        return information[:, : neurons * inputs].amax(dim=1) < _VANISHED * information[:, -1]


def starts_of(
    samples: Sequence[np.ndarray],
    layers: tuple[int, ...],
    recipe: Adam | Newton,
    seed: compute.Seed,
    bounds: np.ndarray,
) -> np.ndarray:
    """Returns random weights to start from, shape (starts, toys, parameters).

    Those of a toy depend on its events and the seed alone, so that its t does not depend on the other toys.
    """
    number = recipe.starts if isinstance(recipe, Newton) else 1
    base = compute.seed(seed, "trainings")
    drawn = [initial_weights(layers, number, compute.seed(base, "toy", _fingerprint(x))) for x in samples]
    return np.clip(drawn, -bounds, bounds).swapaxes(0, 1)


def _fingerprint(x):
    """A name made of a toy's events. Neither their order changes it nor the rounding of the last digits."""
    with np.errstate(over="ignore"):
        columns = np.sort(x.astype(np.float32), axis=0) + np.float32(0)  # which makes -0 to 0
    return hashlib.sha256(columns.tobytes()).hexdigest()


def _recorder(history, best):
    """Writes t into the history, from its last step on: the best so far, `best` being that of earlier starts."""
    import torch

    done = max(history, default=0)

    def record(step, loss):
        least = torch.fmin(loss.to(best.dtype), best)
        history[done + step] = -2 * torch.where(least < torch.inf, least, torch.nan).cpu().numpy()

    return record
