"""The trainings of a batch of toys: from several starts, on cells where events are many, and the best end counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dmlib import compute

from . import adam, newton
from .batches import Batch, Points
from .cells import squeeze
from .networks import Network, initial_weights, tensor
from .recipes import Adam, Newton

_VANISHED = 1e-16  # Fisher information of the weights on the features, relative to that of the constant in f


@dataclass(frozen=True)
class Toy:
    """A toy, and what its network is trained on.

    Arguments:
        number: Its place in the list.
        reference, data: Events.
        cells: Both as cells; None where events are too few.
    """

    number: int
    reference: Points
    data: Points
    cells: Points | None


@dataclass
class Trained:
    """What comes out of the trainings of some toys.

    Arguments:
        numbers: Of these toys.
        t: Test statistic, shape (toys,).
        weights: Shape (toys, parameters).
        vanished: True where no gradient is left, shape (toys,).
        epochs, iterations: t at the recorded steps: step to shape (toys,).
    """

    numbers: list[int]
    t: np.ndarray
    weights: np.ndarray
    vanished: np.ndarray
    epochs: dict[int, np.ndarray]
    iterations: dict[int, np.ndarray]


class Trainer:
    """Trains networks as a recipe says.

    Arguments:
        layers: Neurons of each layer.
        bounds: Largest absolute values, shape (parameters,).
        recipe: How.
        shared: Whether all toys have the same reference.
        chunk: Events at a time.
    """

    def __init__(self, layers: tuple[int, ...], bounds: np.ndarray, recipe: Adam | Newton, shared: bool, chunk: int):
        self.layers, self.shared, self.chunk = layers, shared, chunk
        self.newton = recipe if isinstance(recipe, Newton) else None
        self.warm_up = recipe.warm_up if isinstance(recipe, Newton) else recipe
        self.network, self.device = Network(layers), compute.device()
        self.bounds = tensor(bounds)
        self.dtype = self.bounds.dtype

    def starts(self, samples: Sequence[np.ndarray], seed: compute.Seed) -> np.ndarray:
        """Returns random weights to start from, shape (starts, toys, parameters).

        Those of a toy depend on its events and the seed alone, so that its t does not depend on the other toys.
        """
        base, number = compute.seed(seed, "trainings"), self.newton.starts if self.newton else 1
        drawn = [initial_weights(self.layers, number, compute.seed(base, "toy", _fingerprint(x))) for x in samples]
        bounds = self.bounds.cpu().numpy()
        return np.clip(drawn, -bounds, bounds).swapaxes(0, 1)

    def toy(self, number: int, reference: np.ndarray, weights: np.ndarray, data: np.ndarray) -> Toy:
        """Returns a toy of these events, with its cells if the recipe has any."""
        cells = squeeze(reference, weights, data, self.newton.cells) if self.newton and self.newton.cells else None
        return Toy(number, Points(reference, weights), Points(data, None, np.ones(len(data))), cells)

    def train(self, toys: Sequence[Toy], starts: np.ndarray) -> Trained:
        """Trains toys from all their starts.

        Arguments:
            toys: All with cells, or all without.
            starts: Weights, shape (starts, toys, parameters).

        Raises:
            FloatingPointError: No training of a toy ends in finite numbers.
        """
        references = [toy.reference for toy in (toys[:1] if self.shared else toys)]
        events = self._batch(toys, references, [toy.data for toy in toys])
        first = self._batch(toys, [toy.cells for toy in toys]) if toys[0].cells else events
        single = first.to(torch.float32)
        numbers = [toy.number for toy in toys]
        epochs: dict[int, np.ndarray] = {}
        iterations: dict[int, np.ndarray] = {}
        weights = tensor(starts[0])
        best = torch.full_like(weights[:, 0], torch.inf)
        for i, start in enumerate(starts):
            trial = self._warmed_up(start, single, _recorder(epochs, i * self.warm_up.steps(self.layers), best))
            trial = self._refined(trial, first, _recorder(iterations, len(iterations), best))
            loss = self.network.loss(trial, events)
            better = loss < best  # never true of NaN
            weights = torch.where(better[:, None], trial, weights)
            best = torch.where(better, loss, best)
        _check_finite(best, numbers)
        if first is not events:
            record = _recorder(iterations, len(iterations), torch.full_like(best, torch.inf))
            weights = self._refined(weights, events, record)
        loss, _, fisher = self.network.fisher(weights, events)
        _check_finite(loss, numbers)
        vanished = self._vanished(fisher).cpu().numpy()
        return Trained(numbers, -2 * loss.cpu().numpy(), weights.cpu().numpy(), vanished, epochs, iterations)

    def _batch(self, toys, *samples):
        return Batch(samples, len(toys), self.chunk, self.device, self.dtype)

    def _warmed_up(self, start, batch, record):
        """The end of Adam's epochs, which are taken in single precision."""
        weights, bounds = torch.as_tensor(start, dtype=torch.float32, device=self.device), self.bounds.to(torch.float32)
        epochs = self.warm_up.steps(self.layers)
        weights = adam.minimise(self.network, weights, bounds, batch, self.warm_up, epochs, record)
        return weights.to(self.dtype).clamp_(-self.bounds, self.bounds)  # the rounded bounds may lie outside

    def _refined(self, weights, batch, record):
        """The end of Newton's iterations, if the recipe has any."""
        if self.newton is None:
            return weights
        return newton.minimise(self.network, weights, self.bounds, batch, self.newton, record)

    def _vanished(self, fisher: torch.Tensor) -> torch.Tensor:
        """True where f no longer depends on the weights of the features, the constant apart."""
        neurons, inputs = self.network.shapes[0]
        information = fisher.diagonal(dim1=1, dim2=2)
        return information[:, : neurons * inputs].amax(dim=1) < _VANISHED * information[:, -1]


def _check_finite(loss, numbers):
    if not (finite := loss.isfinite().cpu()).all():
        hint = "look for features of very different size (`normalise` them), or try a smaller weight_clipping"
        raise FloatingPointError(f"t of toy {numbers[finite.int().argmin()]} is not finite from any start: {hint}")


def _fingerprint(x):
    """A name made of a toy's events. Neither their order changes it nor the rounding of the last digits."""
    with np.errstate(over="ignore"):
        columns = np.sort(x.astype(np.float32), axis=0) + np.float32(0)  # which makes -0 to 0
    return hashlib.sha256(columns.tobytes()).hexdigest()


def _recorder(history: dict[int, np.ndarray], done: int, best: torch.Tensor) -> Callable[[int, torch.Tensor], None]:
    """Writes the best t so far into the history: steps and lowest loss of earlier starts are `done` and `best`."""

    def record(step, loss):
        least = torch.fmin(loss.to(best.dtype), best)
        history[done + step] = -2 * torch.where(least < torch.inf, least, torch.nan).cpu().numpy()

    return record
