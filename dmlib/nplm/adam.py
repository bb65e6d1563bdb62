"""Adam with weight clipping, for many toys at once."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .batches import Batch
from .networks import Network
from .recipes import Adam

POINTS = 100  # of the history


def minimise(
    network: Network,
    weights: torch.Tensor,
    bounds: torch.Tensor,
    batch: Batch,
    recipe: Adam,
    epochs: int,
    record: Callable[[int, torch.Tensor], None],
) -> torch.Tensor:
    r"""Takes Adam's steps, each followed by a return into the box.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        w \leftarrow \mathrm{clip}\left(w - \eta \frac{\sqrt{1 - \beta_2^k}}{1 - \beta_1^k}
        \frac{m}{\sqrt{v} + \epsilon}\right)

    Arguments:
        network: Gives the gradient.
        weights: Shape (toys, parameters), changed in place.
        bounds: Largest absolute values, shape (parameters,).
        batch: The events.
        recipe: The constants.
        epochs: Number of steps.
        record: Called a hundred times with the epoch and the loss of every toy.

    Returns:
        The weights.
    """
    mean, square = torch.zeros_like(weights), torch.zeros_like(weights)
    every = max(epochs // POINTS, 1)
    for k in range(1, epochs + 1):
        asked = (k - 1) % every == 0
        gradient, loss = network.gradient(weights, batch, loss=asked)
        if asked:
            record(k - 1, loss)
        mean.lerp_(gradient, 1 - recipe.beta_1)
        square.mul_(recipe.beta_2).addcmul_(gradient, gradient, value=1 - recipe.beta_2)
        rate = recipe.learning_rate * (1 - recipe.beta_2**k) ** 0.5 / (1 - recipe.beta_1**k)
        weights.addcdiv_(mean, square.sqrt().add_(recipe.epsilon), value=-rate)
        weights.clamp_(-bounds, bounds)
    return weights
