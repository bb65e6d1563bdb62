"""From a table of leading objects to sets and images: what detectors share that see objects, not columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from dmlib import _check
from dmlib.events.columns import KINDS

from .variational import VariationalDetector

MOMENTUM = ("pt", "eta", "phi", "E")


class Objects(NamedTuple):
    """Objects of events, shapes (n, m) and (n, m, 4): their kinds, 0 for an empty slot, and standardised momenta."""

    kind: torch.Tensor
    momentum: torch.Tensor

    @property
    def filled(self) -> torch.Tensor:
        return self.kind > 0


class ObjectDetector(VariationalDetector):
    r"""A detector of events as sets or images of objects, from the columns of ``features.leading(events, n, kind)``.

    Each object is :math:`(\log_{10} E, \log_{10} p_T, \eta, \phi)`; missing transverse energy is one more, the first,
    with both logarithms alike, at eta = 0, and with a kind of its own. The four are standardised over all objects of
    the training alike, whatever their slot. A slot is empty where pt is zero (and its kind, if there are kinds).

    Attributes:
        mean_, scale_: Of each number of each object, as the module gets them: kind, then the four.
    """

    kinds: bool

    @property
    def n_kinds(self) -> int:
        """The number of kinds, missing energy one of them."""
        return 1 + (len(KINDS) if self.kinds else 1)

    def _expect(self, columns: list[str] | int) -> None:
        each = (["kind"] if self.kinds else []) + list(MOMENTUM)
        d = columns if isinstance(columns, int) else len(columns)
        n = (d - 2) // len(each)
        names = ["met", "met_phi", *(f"o{k}_{name}" for k in range(1, n + 1) for name in each)]
        if n < 1 or len(names) != d or (not isinstance(columns, int) and columns != names):
            found = f"{d} columns" if isinstance(columns, int) else f"{d} columns, {', '.join(columns[:7])}, ..."
            call = f"features.leading(events, n{', kind=True' if self.kinds else ''})"
            raise ValueError(f"X has {found}: expected the 2 + {len(each)} n columns of {call}, n = 1 or more")

    def _objects(self, x: np.ndarray) -> np.ndarray:
        """Kinds and momenta of all objects, missing energy first, shape (n, m, 5); empty slots are zero."""
        slots = x[:, 2:].reshape(len(x), -1, 4 + self.kinds)
        pt, eta, phi, energy = np.moveaxis(slots[..., -4:], 2, 0)
        kind = slots[..., 0] if self.kinds else (pt != 0).astype(float)
        if self.kinds and not np.isin(kind, range(len(KINDS) + 1)).all():
            raise ValueError(
                f"X: expected kinds as whole numbers from 0 (empty) to {len(KINDS)}, as features.leading has"
            )
        _check.refuse((kind > 0) & ((pt <= 0) | (energy <= 0)), "X: pt and E of the objects", "are not positive")
        _check.refuse((kind == 0) & (pt != 0), "X: pt of the objects", "are not zero where the kind is 0, empty")
        _check.refuse(x[:, 0] < 0, "X: met", "are negative")
        missing = np.stack([(x[:, 0] > 0) * self.n_kinds, x[:, 0], x[:, 0], 0 * x[:, 0], x[:, 1]], axis=1)
        objects = np.concatenate([missing[:, None], np.stack([kind, energy, pt, eta, phi], axis=2)], axis=1)
        filled = objects[..., :1] > 0
        objects[..., 1:3] = np.log10(np.where(filled, objects[..., 1:3], 1.0))
        return np.where(filled, objects, 0.0)

    def _fit_columns(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        objects = self._objects(x)
        m = objects.shape[1]
        w = (objects[..., 0] > 0) * (np.ones(len(x)) if weight is None else weight)[:, None]
        momentum = objects[..., 1:]
        if not w.any() or not np.ptp(x, axis=0).any():
            raise ValueError("X: every column has the same value in all events; expected some that vary")
        mean = np.average(momentum, axis=(0, 1), weights=np.broadcast_to(w[..., None], momentum.shape))
        spread = np.sqrt(
            np.average((momentum - mean) ** 2, axis=(0, 1), weights=np.broadcast_to(w[..., None], momentum.shape))
        )
        self.mean_, self.scale_ = np.tile([0.0, *mean], m), np.tile([1.0, *np.where(spread > 0, spread, 1.0)], m)
        self.used_ = np.ones(5 * m, dtype=bool)

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        objects = self._objects(x)
        z = (objects.reshape(len(x), -1) - self.mean_) / self.scale_
        return np.where(np.repeat(objects[..., 0] > 0, 5, axis=1), z, 0.0)


def unpacked(x: torch.Tensor) -> Objects:
    """Objects of rows as `ObjectDetector` hands them to a module, shape (n, 5 m)."""
    objects = x.unflatten(1, (-1, 5))
    return Objects(objects[..., 0].long(), objects[..., 1:])


def chamfer(
    y: torch.Tensor, x: torch.Tensor, present: torch.Tensor, filled: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Returns how far apart two sets of points are, and of each point of the second the nearest of the first.

    .. math:: L_C = \sum_{x} \min_y |x - y| + \sum_y p_y \min_x |x - y|

    Arguments:
        y: Points that were decoded, shape (n, k, 4).
        x: Points of the events, shape (n, m, 4).
        present: Weights p of y, shape (n, k): how surely each is part of the set.
        filled: Which x are, shape (n, m).

    Returns:
        The distances, shape (n,), and the numbers of the nearest y, shape (n, m).
    """
    distance = (x[:, :, None] - y[:, None]).square().sum(dim=3).add(1e-8).sqrt()  # at zero a root has no gradient
    there, nearest = distance.min(dim=2)
    back = distance.masked_fill(~filled[:, :, None], torch.inf).min(dim=1).values
    back = torch.where(filled.any(dim=1, keepdim=True), back, 0.0)  # of an empty set nothing is far
    return (there * filled).sum(dim=1) + (back * present).sum(dim=1), nearest
