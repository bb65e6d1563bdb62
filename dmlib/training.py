"""One torch training loop for the whole course: batches, validation, the best epochs kept."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    import torch

__all__ = ["History", "fit", "seeded", "split", "tensors"]


@dataclass
class History:
    """What a training left behind.

    Arguments:
        train: Mean loss of each epoch, taken while the weights moved.
        validation: Mean loss after each epoch on the events set aside; empty without any.
        best: The epochs kept, as (epoch, loss, state of the module), the best first.
    """

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: list[tuple[int, float, dict]] = field(default_factory=list, repr=False)

    def states(self, module: torch.nn.Module) -> Iterator[torch.nn.Module]:
        """Yields the module in the state of each epoch kept, and leaves it in that of the best one.

        Averaging over several good epochs smooths what any one of them has learnt of the noise.
        """
        for _, _, state in reversed(self.best):
            module.load_state_dict(state)
            yield module


def tensors(*arrays: np.ndarray, device: str | None = None) -> tuple[torch.Tensor, ...]:
    """Returns arrays as float32 tensors.

    Arguments:
        arrays: Anything that numpy reads.
        device: Where to; None asks `dmlib.compute.device`.

    Example:
        >>> tensors([1, 2])[0].dtype
        torch.float32
    """
    import torch

    from dmlib import compute

    device = device or compute.device()
    return tuple(torch.as_tensor(np.ascontiguousarray(a, dtype=np.float32), device=device) for a in arrays)


def split(n: int, validation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares out n events by lot: the numbers of those to train on, and of those set aside.

    Arguments:
        n: Number of events.
        validation: Share to set aside.
        seed: Of the lot.

    Raises:
        ValueError: The share is not between 0 and 1.

    Example:
        >>> train, aside = split(10, 0.2, seed=1)
        >>> len(train), len(aside), sorted([*train, *aside]) == list(range(10))
        (8, 2, True)
    """
    if not 0 < validation < 1:
        raise ValueError(f"validation={validation!r}: expected a share between 0 and 1")
    train, aside = np.split(np.random.default_rng(seed).permutation(n), [round(n * (1 - validation))])
    return train, aside


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Lets torch draw its initial weights from a seed, and leaves its global generator as it was.

    Example:
        >>> import torch
        >>> with seeded(1):
        ...     one = torch.nn.Linear(2, 1)
        >>> with seeded(1):
        ...     two = torch.nn.Linear(2, 1)
        >>> torch.equal(one.weight, two.weight)
        True
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def fit(
    module: torch.nn.Module,
    loss: Callable[..., torch.Tensor],
    data: Sequence[torch.Tensor],
    validation: Sequence[torch.Tensor] | None = None,
    *,
    epochs: int,
    batch_size: int,
    optimizer: Callable | None = None,
    learning_rate: float = 1e-3,
    anneal: bool = False,
    keep: int = 1,
    patience: int | None = None,
    clip: float | None = None,
    seed: int = 0,
    progress: bool = False,
) -> History:
    r"""Trains a module by stochastic gradient descent.

    .. math:: L = \frac{1}{n} \sum_{i \in \text{batch}} \ell(\theta; x_i)

    Arguments:
        module: Trained in place; afterwards in the state of its best epoch (without validation: of the last).
        loss: ``loss(*batch)`` gives the loss of each event of a batch, shape (n,). Weights are among the tensors.
        data: Tensors of equal length, one row an event.
        validation: The same for events that are not trained on.
        epochs: How often every event is seen; the last, incomplete batch of an epoch is left out if it is not the only
            one.
        batch_size: Events in one step.
        optimizer: Takes parameters and ``lr``; None is Adam.
        learning_rate: The ``lr``.
        anneal: Let the learning rate fall to zero over the training, as half a cosine; few epochs then go further.
        keep: How many epochs to keep: those of lowest validation loss (without validation: the last).
        patience: Stop after so many epochs without a better validation loss.
        clip: Largest norm of the gradient; None clips nothing.
        seed: Of the order of the events. Initial weights are the caller's.
        progress: Show a bar.

    Returns:
        The losses, and the epochs kept.

    Raises:
        ValueError: There are no events, or tensors differ in length.
        FloatingPointError: A loss is not finite.

    Example:
        >>> import torch
        >>> line = torch.nn.Linear(1, 1)
        >>> x = torch.linspace(-1, 1, 100)[:, None]
        >>> history = fit(line, lambda x: (line(x) - 2 * x).square().sum(1), [x], epochs=50, batch_size=10,
        ...     learning_rate=0.1)
        >>> round(line.weight.item(), 2)
        2.0
    """
    import torch

    for name, group in (("data", data), ("validation", validation)):
        lengths = None if group is None else [len(t) for t in group]
        if lengths is not None and (len(set(lengths)) != 1 or not lengths[0]):
            raise ValueError(f"{name}: expected tensors of one length, at least one event, not {lengths}")
    if patience is not None and validation is None:
        raise ValueError("patience: there is no validation loss to wait for; give validation, or patience=None")
    # Fused: one call instead of some for every parameter, a seventh of a small flow's time.
    optimizer = (optimizer or partial(torch.optim.Adam, fused=True))(module.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    n, device = len(data[0]), data[0].device
    steps = epochs * max(n // batch_size, 1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if anneal else None
    history = History()
    for epoch in tqdm(range(epochs), disable=not progress):
        module.train()
        order = torch.randperm(n, generator=generator).to(device)
        ends = range(batch_size, n + 1, batch_size) if n >= batch_size else [n]
        total, seen = torch.zeros((), device=device), 0
        for end in ends:
            chosen = order[max(end - batch_size, 0) : end]
            value = loss(*(t[chosen] for t in data)).mean()
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()
            if schedule:
                schedule.step()
            total, seen = total + value.detach() * len(chosen), seen + len(chosen)
        history.train.append(_finite(total / seen, "training", epoch, learning_rate))
        if validation is None:
            history.best.append((epoch, history.train[-1], copy.deepcopy(module.state_dict())))
            del history.best[:-keep]
            continue
        history.validation.append(_finite(_mean(module, loss, validation), "validation", epoch, learning_rate))
        _keep(history, module, epoch, keep)
        if patience is not None and epoch - history.best[0][0] >= patience:
            break
    if validation is None:
        history.best.reverse()
    if history.best:
        module.load_state_dict(history.best[0][2])
    module.eval()
    return history


def _mean(module: torch.nn.Module, loss: Callable, data: Sequence[torch.Tensor], batch_size: int = 20_000):
    import torch

    module.eval()
    with torch.no_grad():
        parts = [loss(*(t[i : i + batch_size] for t in data)).sum() for i in range(0, len(data[0]), batch_size)]
    return torch.stack(parts).sum() / len(data[0])


def _keep(history: History, module: torch.nn.Module, epoch: int, keep: int) -> None:
    value = history.validation[-1]
    if len(history.best) < keep or value < history.best[-1][1]:
        history.best.append((epoch, value, copy.deepcopy(module.state_dict())))
        history.best.sort(key=lambda kept: kept[1])
        del history.best[keep:]


def _finite(value: torch.Tensor, kind: str, epoch: int, learning_rate: float) -> float:
    value = float(value)
    if not np.isfinite(value):
        raise FloatingPointError(
            f"{kind} loss of epoch {epoch} is {value}: look for values that are not finite or very large in the data,"
            f" or try a smaller learning rate than {learning_rate:g}"
        )
    return value
