"""The settings of a training, checked once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dmlib import _check


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: the settings of `fit`.

    Arguments:
        epochs: How often every event is seen.
        batch_size: Events in one step. The last, incomplete batch of an epoch is left out if it is not the only one.
        learning_rate: Size of the steps.
        weight_decay: Of AdamW; 0 makes it Adam.
        optimizer: "adam", or "sgd" for stochastic gradient descent with a momentum of 0.9.
        anneal: Let the learning rate fall to zero over the training, as half a cosine; few epochs then go further.
        validation: Share of the events set aside, by whose loss epochs are judged; None judges none.
        patience: Stop after so many epochs without a better validation loss.
        keep: How many epochs to keep and average over: those of lowest validation loss (without validation: the last).
        clip: Largest norm of the gradient; None clips nothing.

    Raises:
        ValueError: A setting cannot be: the message names it.

    References:
        | Decoupled Weight Decay Regularization (Loshchilov and Hutter, 2017): https://arxiv.org/abs/1711.05101
        | SGDR: Stochastic Gradient Descent with Warm Restarts (Loshchilov and Hutter, 2016), for ``anneal``
        | https://arxiv.org/abs/1608.03983

    Example:
        >>> quick = Recipe(epochs=3, learning_rate=5e-3, anneal=True)
        >>> quick.replace(epochs=10).epochs
        10
    """

    epochs: int = 100
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    anneal: bool = False
    validation: float | None = None
    patience: int | None = None
    keep: int = 1
    clip: float | None = None
    optimizer: str = "adam"

    def __post_init__(self):
        for name in ("epochs", "batch_size", "keep"):
            _check.count(getattr(self, name), name)
        _check.positive(self.learning_rate, "learning_rate")
        _check.at_least(self.weight_decay, "weight_decay")
        _check.choice(self.optimizer, "optimizer", ("adam", "sgd"))
        if self.validation is not None:
            _check.share(self.validation, "validation", zero=False, one=False)
        if self.patience is not None:
            _check.count(self.patience, "patience")
        if self.clip is not None:
            _check.positive(self.clip, "clip")

    def replace(self, **changes) -> Recipe:
        """Returns the recipe with some settings changed."""
        return dataclasses.replace(self, **changes)
