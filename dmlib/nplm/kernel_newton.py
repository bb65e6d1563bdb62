"""Newton's steps of the kernel machine beyond the first, for those who want the minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from .kernels import KernelMachine

_HALVINGS = 20


def further_steps(
    machine: KernelMachine, reference: np.ndarray, weights: np.ndarray, data: np.ndarray, coefficients: np.ndarray
) -> tuple[np.ndarray, int]:
    """Takes Newton steps until one promises little; a step that does not lower the objective is halved.

    Arguments:
        machine: Gives features, penalty, the most steps, and what is little.
        reference, weights: Events of the reference, shape (n, d), and their weights.
        data: Events of a toy.
        coefficients: After the first step.

    Returns:
        The coefficients, and how many steps there were, the first included.
    """
    x, w = np.concatenate([reference, data]), np.concatenate([weights, np.ones(len(data))])
    sign = np.repeat([1.0, -1.0], [len(reference), len(data)])
    ridge = machine.penalty * len(x)

    def expand(b):
        """The objective times N, its gradient, and its second derivatives."""
        value, gradient = ridge * (b**2).sum(), 2 * ridge * b
        hessian = torch.diag(torch.full_like(b, 2 * ridge))
        for phi, a, s in machine.chunks(x, w, sign):
            f = s * (phi @ b)
            p = torch.sigmoid(f)
            value = value + a @ torch.nn.functional.softplus(f)
            gradient = gradient + (a * s * p) @ phi
            hessian += (phi.T * (a * p * (1 - p))) @ phi
        return value, gradient, hessian

    b = machine.tensor(coefficients)
    value, gradient, hessian = expand(b)
    for step_number in range(2, machine.iterations + 1):
        step = -torch.linalg.solve(hessian, gradient)
        for halving in range(_HALVINGS):
            trial = b + step / 2**halving
            new = expand(trial)
            if new[0] <= value + 1e-12 * abs(value):
                break
        else:
            return b.cpu().numpy(), step_number
        promised = -(gradient @ step)
        b, (value, gradient, hessian) = trial, new
        if promised <= machine.tolerance:
            return b.cpu().numpy(), step_number
    return b.cpu().numpy(), machine.iterations
