"""Normalising flows that bend the posterior of a variational autoencoder, each with its log-determinant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import normalize, softplus
from zuko.nn import MaskedMLP

from dmlib import _check

LEVEL = math.log(math.e - 1)  # softplus of it is 1: where u is 0 it stays 0
Bent = tuple[torch.Tensor, torch.Tensor]  # points (n, d), and the logarithms of the determinants (n,)


class Step(nn.Module):
    """One transformation of d latent dimensions, with ``size`` parameters that the encoder gives for each event."""

    size: int

    def forward(self, z: torch.Tensor, a: torch.Tensor) -> Bent:
        """Maps points z, shape (n, d), with parameters a, shape (n, size)."""
        raise NotImplementedError


class Planar(Step):
    r""":math:`z' = z + u \tanh(w^T z + b)`, u bent so that :math:`w^T u > -1`, where the map can be inverted."""

    def __init__(self, d: int):
        super().__init__()
        self.size = 2 * d + 1

    def forward(self, z: torch.Tensor, a: torch.Tensor) -> Bent:
        """Maps points z, shape (n, d), with parameters a, shape (n, size)."""
        d = z.shape[1]
        u, w, b = a[:, :d], a[:, d : 2 * d] + 0.1, a[:, -1:]  # at w = 0 there is no direction to bend along
        along = (w * u).sum(dim=1, keepdim=True)
        u = u + (softplus(along + LEVEL) - 1 - along) * w / w.square().sum(dim=1, keepdim=True).clamp_min(1e-12)
        h = torch.tanh((w * z).sum(dim=1, keepdim=True) + b)
        slope = 1 + (1 - h.square()) * (w * u).sum(dim=1, keepdim=True)
        return z + u * h, _log(slope)[:, 0]


class Sylvester(Step):
    r""":math:`z' = z + Q R \tanh(\tilde R Q^T z + b)`: planar flows of several units at once.

    R and :math:`\tilde R` are upper triangular, their diagonals bounded by 1, so that the map can be inverted and its
    determinant is that of a triangular matrix. Q has orthonormal columns: "orthogonal", any; "householder", a product
    of reflections; "triangular", the identity or, in every other step, the reversed order of dimensions.

    Arguments:
        d: Number of dimensions.
        kind: Of Q.
        vectors: Columns of an orthogonal Q, or number of reflections.
        reverse: The reversed order; for "triangular".
    """

    def __init__(self, d: int, kind: str, vectors: int = 8, reverse: bool = False):
        super().__init__()
        self.kind, self.vectors, self.reverse = kind, vectors, reverse
        self.units = min(vectors, d) if kind == "orthogonal" else d
        self.own = {"orthogonal": d * self.units, "householder": d * vectors, "triangular": 0}[kind]
        self.size = 2 * self.units**2 + self.units + self.own

    def turned(self, y: torch.Tensor, a: torch.Tensor, back: bool = False) -> torch.Tensor:
        """Returns Q y of each event, or ``back``, the transpose of Q times y, with Q's own parameters a."""
        if self.kind == "triangular":
            return y.flip(1) if self.reverse else y
        if self.kind == "orthogonal":
            d = len(a[0]) // self.units
            start = torch.eye(d, self.units, dtype=a.dtype, device=a.device)
            q = torch.linalg.qr(start + a.view(len(a), d, self.units)).Q
            return torch.einsum("ndm,nd->nm" if back else "ndm,nm->nd", q, y)
        start = torch.eye(y.shape[1], dtype=a.dtype, device=a.device)
        vectors = [v + start[k % len(start)] for k, v in enumerate(a.view(len(a), self.vectors, -1).unbind(dim=1))]
        for v in vectors if back else reversed(vectors):
            v = normalize(v, dim=1)
            y = y - 2 * (v * y).sum(dim=1, keepdim=True) * v
        return y

    def forward(self, z: torch.Tensor, a: torch.Tensor) -> Bent:
        """Maps points z, shape (n, d), with parameters a, shape (n, size)."""
        m = self.units
        r, other, b, own = a.split([m * m, m * m, m, self.own], dim=1)
        r, other = (matrix.view(len(z), m, m) for matrix in (r, other))
        diagonals = [torch.tanh(matrix.diagonal(dim1=1, dim2=2) + start) for matrix, start in ((r, 0), (other, 0.5))]
        r, other = (
            torch.triu(matrix, 1) + torch.diag_embed(diagonal)
            for matrix, diagonal in zip((r, other), diagonals, strict=True)
        )
        h = torch.tanh((other @ self.turned(z, own, back=True)[..., None])[..., 0] + b)
        slope = 1 + (1 - h.square()) * diagonals[0] * diagonals[1]
        return z + self.turned((r @ h[..., None])[..., 0], own), _log(slope).sum(dim=1)


class InverseAutoregressive(Step):
    r""":math:`z'_i = \mu_i(z_{<i}) + \sigma_i(z_{<i})\, z_i`, with :math:`\mu` and :math:`\sigma` by a masked network.

    The network sees the encoder's parameters beside z. In every other step the order of dimensions is reversed.
    """

    def __init__(self, d: int, hidden: Sequence[int], context: int = 16, reverse: bool = False):
        super().__init__()
        self.size = context
        order = torch.arange(d).flip(0) if reverse else torch.arange(d)
        before = torch.cat([order[:, None] > order[None], torch.ones(d, context, dtype=torch.bool)], dim=1)
        self.network = MaskedMLP(before.repeat_interleave(2, dim=0), hidden, activation=nn.ELU)

    def forward(self, z: torch.Tensor, a: torch.Tensor) -> Bent:
        """Maps points z, shape (n, d), with parameters a, shape (n, size)."""
        shift, scale = self.network(torch.cat([z, a], dim=1)).unflatten(1, (-1, 2)).unbind(dim=2)
        log_scale = nn.functional.logsigmoid(scale + 4)  # near 1 at the start
        return shift + log_scale.exp() * z, log_scale.sum(dim=1)


class Convolutional(Step):
    r""":math:`z' = z + u \odot \tanh(\mathrm{conv}(z, w))`, a convolution along the dimensions.

    Each dimension sees itself and those after it (before it, in every other step), ``dilation`` apart: the Jacobian is
    triangular, with :math:`1 + u_i \tanh' w_1` on its diagonal. u is bounded so that it stays positive.
    """

    seen: torch.Tensor
    first: torch.Tensor

    def __init__(self, d: int, kernel: int = 7, dilation: int = 1, reverse: bool = False):
        super().__init__()
        self.size, self.reverse = d + kernel, reverse
        reach = torch.arange(d)[:, None] + dilation * torch.arange(kernel)
        self.register_buffer("seen", reach.clamp(max=d), persistent=False)  # beyond the last there is a zero
        self.register_buffer("first", torch.eye(1, kernel), persistent=False)  # where w starts

    def forward(self, z: torch.Tensor, a: torch.Tensor) -> Bent:
        """Maps points z, shape (n, d), with parameters a, shape (n, size)."""
        z = z.flip(1) if self.reverse else z
        u, w = a[:, : z.shape[1]], a[:, z.shape[1] :] + self.first
        padded = torch.cat([z, z.new_zeros(len(z), 1)], dim=1)
        h = torch.tanh((padded[:, self.seen] * w[:, None]).sum(dim=2))
        u = torch.tanh(u) / w[:, :1].abs().clamp_min(1.0)
        bent, slope = z + u * h, 1 + u * (1 - h.square()) * w[:, :1]
        return bent.flip(1) if self.reverse else bent, _log(slope).sum(dim=1)


def _log(slope: torch.Tensor) -> torch.Tensor:
    """Logarithms of slopes that rounding may have made zero."""
    return slope.clamp_min(1e-6).log()


FLOWS = ("planar", "orthogonal", "householder", "triangular", "iaf", "convolutional")


class PosteriorFlow(nn.Module):
    r"""Several transformations in a row, whose parameters a network reads off what the encoder saw.

    .. math:: \log q(z_K \mid x) = \log q(z_0 \mid x)
       - \sum_k \log\left|\det \frac{\partial z_k}{\partial z_{k-1}}\right|

    Arguments:
        kind: One of `FLOWS`.
        d: Dimensions of latent space.
        context: Length of what the encoder gives of an event.
        steps: Number of transformations.
        hidden: Units of the hidden layers of the network that gives parameters; for "iaf", of the masked networks.

    References:
        | Variational Inference with Normalizing Flows (Rezende and Mohamed, 2015): https://arxiv.org/abs/1505.05770
        | Sylvester Normalizing Flows for Variational Inference (van den Berg et al., 2018)
        | https://arxiv.org/abs/1803.05649
        | Improved Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016)
        | https://arxiv.org/abs/1606.04934
        | Convolutional Normalizing Flows (Zheng et al., 2017): https://arxiv.org/abs/1711.02255

    Example:
        >>> flow = PosteriorFlow("planar", d=3, context=5, steps=2)
        >>> z, log_det = flow(torch.randn(10, 3), torch.randn(10, 5))
        >>> z.shape, log_det.shape
        (torch.Size([10, 3]), torch.Size([10]))
    """

    def __init__(self, kind: str, d: int, context: int, steps: int = 4, hidden: Sequence[int] = ()):
        super().__init__()
        _check.choice(kind, "flow", FLOWS)
        transformations = [_step(kind, d, hidden, k) for k in range(_check.count(steps, "steps"))]
        self.steps, self.sizes = nn.ModuleList(transformations), [step.size for step in transformations]
        sizes = [context, *([] if kind == "iaf" else hidden)]
        layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ELU())]
        last = nn.Linear(sizes[-1], sum(self.sizes))
        nn.init.normal_(last.weight, std=0.02)  # near the identity at the start
        nn.init.zeros_(last.bias)
        self.parameters_of = nn.Sequential(*layers, last)

    def forward(self, z: torch.Tensor, context: torch.Tensor) -> Bent:
        """Maps points z, shape (n, d), of events of which the encoder gave the context."""
        total = z.new_zeros(len(z))
        for step, a in zip(self.steps, self.parameters_of(context).split(self.sizes, dim=1), strict=True):
            z, log_det = step(z, a)
            total = total + log_det
        return z, total


def _step(kind: str, d: int, hidden: Sequence[int], k: int) -> Step:
    """The k-th transformation of a kind."""
    if kind == "planar":
        return Planar(d)
    if kind == "iaf":
        return InverseAutoregressive(d, hidden or (64,), reverse=k % 2 == 1)
    if kind == "convolutional":
        return Convolutional(d, dilation=2**k, reverse=k % 2 == 1)
    return Sylvester(d, kind, reverse=k % 2 == 1)
