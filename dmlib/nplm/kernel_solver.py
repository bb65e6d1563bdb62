"""What the Newton steps of the kernel machine work on: features of the samples, and conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

MEMORY = 64_000_000  # numbers: features are kept up to this many, beyond it they are computed again when needed
_CHUNK = 8192  # events
_RESIDUAL, _STEPS = 1e-4, 300  # of conjugate gradients, relative
_DIRECT = 500  # up to so many features the first step is solved directly


class Reference:
    """Features of the reference, kept where they fit into memory, and what the first step and the others need of it."""

    def __init__(self, machine, x, weights):
        import torch

        self.machine, self.x, self.weights, self.n = machine, x, weights, len(x)
        r = len(machine.centres)
        self._kept = [machine._features(part) for part in x.split(_CHUNK)] if len(x) * r <= MEMORY else None
        # With many features some events do for the preconditioner.
        self.direct = r <= _DIRECT
        some = slice(None, None, 1 if self.direct else max(1, len(x) // (20 * r)))
        self.gram, self.sums = x.new_zeros(r, r), x.new_zeros(r)
        for part, w in zip(x[some].split(_CHUNK), weights[some].split(_CHUNK), strict=True):
            phi = machine._features(part)
            self.gram += (w[:, None] * phi).T @ phi
            self.sums += w @ phi
        # A quarter for the slope of the sigmoid at 0, and twice, as the data are about as many as the weights say.
        gram = 0.5 * weights.sum() / weights[some].sum() * self.gram
        gram.diagonal().add_(2 * machine.penalty * self.n)
        factor, fault = torch.linalg.cholesky_ex(gram)
        self._factor = torch.diag_embed(gram.diagonal().sqrt()) if fault else factor

    def chunks(self):
        parts = self._kept or (self.machine._features(part) for part in self.x.split(_CHUNK))
        return zip(parts, self.weights.split(_CHUNK), strict=True)

    def precondition(self, v):
        import torch

        return torch.cholesky_solve(v.T, self._factor).T


class Data:
    """Features of the toys, padded to one length."""

    def __init__(self, machine, toys):
        lengths = [len(x) for x in toys]
        room = np.zeros((len(toys), max(lengths), toys[0].shape[1]))
        mask = np.zeros(room.shape[:2])
        for i, x in enumerate(toys):
            room[i, : len(x)], mask[i, : len(x)] = x, 1
        self.mask, self.n = machine._tensor(mask), machine._tensor(lengths)
        self.phi = machine._features(machine._tensor(room).flatten(0, 1)).unflatten(0, room.shape[:2])

    def sums(self):
        """Sums of the features of each toy, shape (toys, r), and of their products, shape (toys, r, r)."""
        phi = self.phi * self.mask[:, :, None]
        return phi.sum(1), phi.mT @ phi

    def of(self, b):
        return (self.phi @ b[:, :, None])[:, :, 0]

    def back(self, values):
        return (values[:, None] @ self.phi)[:, 0]


def conjugate_gradients(product: Callable, right: torch.Tensor, precondition: Callable) -> torch.Tensor:
    """Solves a positive system for every toy; product and precondition act on all of them, shape (toys, r)."""
    import torch

    x = torch.zeros_like(right)
    residual = right.clone()
    z = precondition(residual)
    direction, old = z, (residual * z).sum(1, keepdim=True)
    goal = _RESIDUAL**2 * old
    for _ in range(_STEPS):
        image = product(direction)
        alpha = old / (direction * image).sum(1, keepdim=True).clamp_min(1e-300)
        alpha = torch.where(old > goal, alpha, 0)
        x, residual = x + alpha * direction, residual - alpha * image
        z = precondition(residual)
        new = (residual * z).sum(1, keepdim=True)
        if (new <= goal).all():
            break
        direction, old = z + new / old.clamp_min(1e-300) * direction, new
    return x
