"""Samples a masked autoregressive flow quickly: each hidden unit is computed once, not once for every feature."""

from __future__ import annotations

import torch
from torch import nn
from zuko.flows import MaskedAutoregressiveTransform
from zuko.lazy import Flow
from zuko.utils import unpack

CHUNK = 8_000  # events at a time: more leave the processor's cache, fewer are all overhead


class _Inverse:
    r"""Inverse of one masked autoregressive transform, feature by feature in its order.

    The k-th feature in the order is :math:`x_k = f^{-1}(y_k;\, \phi_k(x_{<k}, c))`. zuko asks the whole network for
    every k. Here hidden units are sorted by the last feature that they depend on: as soon as it is known, they are
    computed, and never again.
    """

    def __init__(self, transform: MaskedAutoregressiveTransform):
        layers = [layer for layer in transform.hyper if hasattr(layer, "mask")]
        self.activations = [layer for layer in transform.hyper if not hasattr(layer, "mask")]
        if any(not isinstance(layer, nn.Module) or list(layer.parameters()) for layer in self.activations):
            raise ValueError("sampling: expected a plain masked network, not one with residual blocks")
        self.transform = transform
        d = len(transform.order)
        self.order = torch.argsort(transform.order).tolist()
        # Degree: how many features of the order must be known. Context is known from the start.
        first = layers[0].mask.shape[1]
        degree = torch.cat([transform.order + 1, transform.order.new_zeros(first - d)])
        columns = torch.arange(first, device=degree.device)
        self.layers = []
        for layer in layers[:-1]:
            unit = (layer.mask * degree).amax(dim=1)
            rows = torch.argsort(unit, stable=True)
            weight = (layer.weight * layer.mask).detach()[rows][:, columns]
            counts = torch.bincount(unit, minlength=d + 1).tolist()
            self.layers.append((weight, layer.bias.detach()[rows, None], counts))
            degree, columns = unit, rows
        last = layers[-1]
        self.weight = (last.weight * last.mask).detach()[:, columns]
        self.bias = last.bias.detach()[:, None]

    def __call__(self, y: torch.Tensor, context: torch.Tensor | None) -> torch.Tensor:
        """Maps y, shape (d, n), back to x, with the context in rows too."""
        n, total = y.shape[1], self.transform.total
        x = torch.zeros_like(y) if context is None else torch.cat([torch.zeros_like(y), context])
        hidden = [y.new_empty(len(weight), n) for weight, _, _ in self.layers]
        known = [0] * len(self.layers)  # units computed so far, by layer
        for k, feature in enumerate(self.order):
            below = x
            for i, (weight, bias, counts) in enumerate(self.layers):
                start, stop = known[i], known[i] + counts[k]
                if stop > start:
                    part = torch.addmm(bias[start:stop], weight[start:stop, : len(below)], below)
                    hidden[i][start:stop] = self.activations[i](part)
                known[i] = stop
                below = hidden[i][:stop]
            rows = slice(feature * total, (feature + 1) * total)
            phi = torch.addmm(self.bias[rows], self.weight[rows, : len(below)], below).T
            x[feature] = self.transform.univariate(*unpack(phi, self.transform.shapes)).inv(y[feature])
        return x[: len(y)]


@torch.no_grad()
def inverse(flow: Flow, z: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
    r"""Maps latent points to features: :math:`x = f^{-1}(z; c)`, as ``flow(c).transform.inv(z)`` does, but faster.

    Arguments:
        flow: A ``zuko.flows.MAF`` or ``NSF`` with plain masked networks.
        z: Latent points, shape (n, d).
        context: Shape (n, c); None if the flow has none.

    Returns:
        Features, shape (n, d).

    References:
        | Masked Autoregressive Flow for Density Estimation (Papamakarios et al., 2017)
        | https://arxiv.org/abs/1705.07057

    Example:
        >>> import zuko
        >>> flow, z, c = zuko.flows.MAF(3, 1), torch.randn(10, 3), torch.zeros(10, 1)
        >>> torch.allclose(inverse(flow, z, c), flow(c).transform.inv(z), atol=1e-5)
        True
    """
    if z.shape[1] == 1:  # one feature depends on no other: zuko inverts it in one go
        return flow(context).transform.inv(z)
    steps = [_Inverse(transform) for transform in reversed(flow.transform.transforms)]
    x = torch.empty_like(z)
    chunk = CHUNK if z.device.type == "cpu" else 100 * CHUNK
    for start in range(0, len(z), chunk):
        part = z[start : start + chunk].T
        c = None if context is None else context[start : start + chunk].T
        for step in steps:
            part = step(part, c)
        x[start : start + chunk] = part.T
    return x
