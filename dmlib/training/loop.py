"""The loop: batches, steps, validation, and the epochs kept."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from tqdm import tqdm

from dmlib import _check, compute

from .data import CHUNK, split, tensors
from .random import generator, seeded
from .recipe import Recipe


class Kept(NamedTuple):
    """An epoch that was kept: its number, its loss, and a copy of the module as it then was."""

    epoch: int
    loss: float
    module: torch.nn.Module


@dataclass
class History:
    """What a training left behind.

    The modules kept are copies of their own, never changed again: they may be asked from several threads or processes.

    Arguments:
        train: Mean loss of each epoch, taken while the weights moved.
        validation: Mean loss after each epoch on the events set aside; empty without any.
        best: The epochs kept, the best first (without validation: the last first).
    """

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: list[Kept] = field(default_factory=list, repr=False)

    @property
    def modules(self) -> list[torch.nn.Module]:
        """The module as it was in each epoch kept, the best first.

        Averaging over several good epochs smooths what any one of them has learnt of the noise.
        """
        return [kept.module for kept in self.best]


def fit(
    module: torch.nn.Module,
    loss: Callable[..., torch.Tensor],
    data: Sequence[ArrayLike],
    validation: Sequence[ArrayLike] | None = None,
    *,
    recipe: Recipe,
    weight: ArrayLike | None = None,
    seed: compute.Seed = 0,
    progress: bool = False,
) -> History:
    r"""Trains a module by stochastic gradient descent.

    .. math:: L = \frac{1}{n} \sum_{i \in \text{batch}} w_i\, \ell(\theta; x_i)

    Arguments:
        module: Trained in place, where it is; afterwards in the state of its best epoch (without validation: of the
            last).
        loss: ``loss(*batch)`` gives the loss of each event of a batch, shape (n,).
        data: Arrays or tensors of equal length, one row an event.
        validation: The same for events that are not trained on. None: ``recipe.validation`` says which share of the
            data is set aside.
        recipe: The settings.
        weight: How much each event of the data counts, shape (n,); the mean is made 1.
        seed: Of the split and the order of the events. Initial weights are the caller's (`seeded`).
        progress: Show a bar.

    Returns:
        The losses, and the epochs kept.

    Raises:
        TypeError: The recipe is none.
        ValueError: There are no events, arrays differ in length, weights are negative or not finite, or the loss does
            not give one value for each event.
        FloatingPointError: A loss is not finite.

    Example:
        >>> import torch
        >>> line = torch.nn.Linear(1, 1)
        >>> x = torch.linspace(-1, 1, 100)[:, None]
        >>> recipe = Recipe(epochs=50, batch_size=10, learning_rate=0.1)
        >>> history = fit(line, lambda x: (line(x) - 2 * x).square().sum(1), [x], recipe=recipe)
        >>> round(line.weight.item(), 2)
        2.0
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe={recipe!r}: expected a Recipe, as in training.Recipe(epochs=10)")
    device = next(module.parameters(), torch.empty(0)).device
    data, validation, loss = _prepared(data, validation, loss, weight, recipe, seed, device)
    if recipe.patience is not None and validation is None:
        raise ValueError("patience: there is no validation loss to wait for; give validation, or patience=None")
    parameters = [p for p in module.parameters() if p.requires_grad]
    sgd = functools.partial(torch.optim.SGD, momentum=0.9)
    kind: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW if recipe.optimizer == "adam" else sgd
    # Fused: one call instead of some for every parameter.
    optimizer = kind(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    stream = generator(seed, "order")
    n = len(data[0])
    size = min(recipe.batch_size, n)
    batches = n // size
    history = History()
    states: list[tuple[int, float, dict]] = []
    with seeded(seed, "noise"):  # of layers that draw while they train, as dropout does
        for epoch in tqdm(range(recipe.epochs), disable=not progress):
            module.train()
            order = torch.randperm(n, generator=stream).to(device)
            total = torch.zeros((), device=device)
            for k in range(batches):
                chosen = order[k * size : (k + 1) * size]
                if recipe.anneal:
                    done = (epoch * batches + k) / (recipe.epochs * batches)
                    optimizer.param_groups[0]["lr"] = recipe.learning_rate * 0.5 * (1 + np.cos(np.pi * done))
                batch_loss = _each(loss, [t[chosen] for t in data]).mean()
                optimizer.zero_grad(set_to_none=True)
                batch_loss.backward()
                if recipe.clip is not None:
                    torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
                optimizer.step()
                total += batch_loss.detach()
            history.train.append(_finite(total / batches, "training", epoch, recipe))
            module.eval()
            if validation is not None:
                history.validation.append(_finite(_mean(loss, validation), "validation", epoch, recipe))
            _keep(states, history, module, epoch, recipe.keep)
            if recipe.patience is not None and epoch - states[0][0] >= recipe.patience:
                break
    module.load_state_dict(states[0][2])
    for epoch, value, state in states:
        frozen = copy.deepcopy(module).requires_grad_(False)
        frozen.load_state_dict(state)
        history.best.append(Kept(epoch, value, frozen))
    return history


def _prepared(
    data: Sequence[ArrayLike],
    validation: Sequence[ArrayLike] | None,
    loss: Callable[..., torch.Tensor],
    weight: ArrayLike | None,
    recipe: Recipe,
    seed: compute.Seed,
    device: torch.device,
) -> tuple[Sequence[torch.Tensor], Sequence[torch.Tensor] | None, Callable[..., torch.Tensor]]:
    """Data and validation as tensors, and a loss that minds the weights."""
    events = tensors(*data, device=device)
    aside = None if validation is None else tensors(*validation, device=device)
    for name, group in (("data", events), ("validation", aside)):
        lengths = None if group is None else [len(t) for t in group]
        if lengths is not None and (len(set(lengths)) != 1 or not lengths[0]):
            raise ValueError(f"{name}: expected arrays of one length, at least one event, not {lengths}")
    if aside is not None and weight is not None:
        raise ValueError("weight: expected none beside validation; put weights into data and loss, or let fit split")
    if weight is not None:
        weight = _check.weights(weight, len(events[0]), "weight")
        events, loss = (*events, *tensors(weight / weight.mean(), device=device)), _weighted(loss)
    if aside is None and recipe.validation is not None:
        parts = split(len(events[0]), recipe.validation, seed)
        events, aside = (tuple(t[part] for t in events) for part in parts)
    return events, aside, loss


def _weighted(loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The loss of a batch that ends in the weights of its events."""
    return lambda *batch: _each(loss, batch[:-1]) * batch[-1]


def _each(loss: Callable, batch: Sequence[torch.Tensor]) -> torch.Tensor:
    values = loss(*batch)
    if values.shape != (len(batch[0]),):
        shape = tuple(values.shape)
        raise ValueError(f"loss: expected one value for each of {len(batch[0])} events, not a tensor of shape {shape}")
    return values


def _mean(loss: Callable, data: Sequence[torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        parts = [loss(*part).sum() for part in zip(*(t.split(CHUNK) for t in data), strict=True)]
    return torch.stack(parts).sum() / len(data[0])


def _keep(states: list, history: History, module: torch.nn.Module, epoch: int, keep: int) -> None:
    """Adds an epoch to those kept if it belongs there: best first, or, without validation, the latest first."""
    value = (history.validation or history.train)[-1]
    if history.validation and len(states) == keep and value >= states[-1][1]:
        return
    states.insert(0, (epoch, value, copy.deepcopy(module.state_dict())))
    if history.validation:
        states.sort(key=lambda kept: kept[:2][::-1])
    del states[keep:]


def _finite(loss: torch.Tensor, kind: str, epoch: int, recipe: Recipe) -> float:
    value = float(loss)
    if not np.isfinite(value):
        hint = f"look for very large values in the data, or try a smaller learning rate than {recipe.learning_rate:g}"
        raise FloatingPointError(f"{kind} loss of epoch {epoch} is {value}: {hint}")
    return value
