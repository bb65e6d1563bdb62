"""Fisher scoring with Marquardt's damping, within a box, for many toys at once."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .batches import Batch
from .networks import Network
from .recipes import Newton

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-2, 1e-9, 1e9
_LEAST_DIAGONAL = 1e-7  # what damps a weight that does nothing, relative to the one that does most
_EDGE_ROUNDS = 4  # how often weights that reach an edge are taken out of a step


def minimise(
    network: Network,
    weights: torch.Tensor,
    bounds: torch.Tensor,
    batch: Batch,
    recipe: Newton,
    record: Callable[[int, torch.Tensor], None],
) -> torch.Tensor:
    """Takes the steps of `Newton` until every toy has converged.

    Arguments:
        network: Gives loss, gradient and Fisher matrix.
        weights: Shape (toys, parameters), inside the box.
        bounds: Largest absolute values, shape (parameters,).
        batch: The events.
        recipe: The constants.
        record: Called in each iteration with its number and the loss of every toy.

    Returns:
        The weights of lowest loss.
    """
    result = weights.clone()
    numbers = torch.arange(len(weights), device=weights.device)  # of the toys still at work
    loss, gradient, fisher = network.fisher(weights, batch)
    losses = loss.clone()
    damping, growth = torch.full_like(loss, _FIRST_DAMPING), torch.full_like(loss, 2.0)
    quiet = torch.zeros_like(numbers)  # steps running that promised nothing
    for iteration in range(1, recipe.iterations + 1):
        step = _step(weights, bounds, gradient, fisher, damping)
        promised = -(gradient * step).sum(1) - 0.5 * torch.einsum("ti,tij,tj->t", step, fisher, step)
        trial = (weights + step).clamp_(-bounds, bounds)
        new_loss, new_gradient, new_fisher = network.fisher(trial, batch)
        gain = torch.where(torch.isfinite(new_loss), (loss - new_loss) / promised.clamp_min(1e-30), -torch.inf)
        better = gain > 0
        weights = torch.where(better[:, None], trial, weights)
        loss = torch.where(better, new_loss, loss)
        gradient = torch.where(better[:, None], new_gradient, gradient)
        fisher = torch.where(better[:, None, None], new_fisher, fisher)
        # A step that is short for its damping promises little anywhere.
        quiet = torch.where((2 * promised < recipe.tolerance) & (damping < 1), quiet + 1, 0)
        shrink = (1 - (2 * gain.clamp(0, 1) - 1) ** 3).clamp_min(1 / 3)
        damping = (damping * torch.where(better, shrink, growth)).clamp_min(_LEAST_DAMPING)
        growth = torch.where(better, 2.0, 2 * growth)
        result[numbers], losses[numbers] = weights, loss
        record(iteration, losses)
        left = ((quiet < recipe.patience) & (damping < _MOST_DAMPING)).nonzero()[:, 0]
        if not len(left):
            break
        if len(left) < len(numbers):  # a toy that is done keeps its weights, whoever else is in the batch
            weights, loss, gradient, fisher = weights[left], loss[left], gradient[left], fisher[left]
            damping, growth, quiet, numbers = damping[left], growth[left], quiet[left], numbers[left]
            batch = batch.select(left)
    return result


def _step(weights, bounds, gradient, fisher, damping):
    """The step of every toy: free weights solve the damped equations, those that meet an edge stop there."""
    diagonal = fisher.diagonal(dim1=1, dim2=2)
    least = _LEAST_DIAGONAL * diagonal.amax(dim=1, keepdim=True).clamp_min(1e-30)
    damped = fisher + torch.diag_embed(damping[:, None] * torch.maximum(diagonal, least))
    to_edge = torch.stack([-bounds - weights, bounds - weights])
    fixed = ((weights >= bounds) & (gradient < 0)) | ((weights <= -bounds) & (gradient > 0))
    step = torch.zeros_like(weights)
    for _ in range(_EDGE_ROUNDS):
        free = ~fixed
        right = torch.where(free, -gradient - torch.einsum("tij,tj->ti", fisher, torch.where(fixed, step, 0)), 0)
        matrix = torch.where(free[:, :, None] & free[:, None, :], damped, 0) + torch.diag_embed(fixed.to(damped))
        step = torch.where(free, torch.linalg.solve_ex(matrix, right)[0], step)
        beyond = free & ((step < to_edge[0]) | (step > to_edge[1]))
        step = step.clamp(to_edge[0], to_edge[1])
        if not beyond.any():
            break
        fixed = fixed | beyond
    return torch.nan_to_num(step, nan=0.0)
