r"""Sigmoid networks for many toys at once, with the derivatives of the loss written by hand.

All toys share an architecture, each has its own weights. Weights are one matrix, shape (toys, parameters): layer after
layer, for every neuron the weights of its inputs and then its bias. A batch of toys is worked through in chunks of
events, so that memory does not grow with the number of events.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch

from dmlib import _check, compute

from .batches import Batch

_ALMOST_NOTHING = 1e-16  # weight of a cell without reference events, for the Fisher matrix


def check_architecture(architecture: Sequence[int]) -> tuple[int, ...]:
    """Returns the numbers of neurons of all layers, or says what is wrong with them."""
    layers = tuple(architecture) if isinstance(architecture, Iterable) else ()
    if len(layers) < 2 or not all(isinstance(n, int | np.integer) and n > 0 for n in layers):
        raise ValueError(f"architecture={architecture!r}: expected numbers of neurons by layer, as (2, 5, 1)")
    if layers[-1] != 1:
        raise ValueError(f"architecture={architecture!r} ends in {layers[-1]}: expected 1, the log ratio; add a 1")
    return tuple(int(n) for n in layers)


def degrees_of_freedom(architecture: Sequence[int]) -> int:
    r"""Returns the number of weights and biases of a network, the degrees of freedom that Wilks' theorem gives t.

    .. math:: N_\mathrm{par} = \sum_{l=1}^{L} a_l (a_{l-1} + 1)

    Arguments:
        architecture: Neurons of each layer, from the number of features to 1.

    Raises:
        ValueError: The architecture does not end in 1, or holds anything but whole numbers above 0.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equation 5
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> [degrees_of_freedom(a) for a in [(1, 3, 1), (2, 5, 1), (3, 5, 1), (5, 5, 5, 5, 1)]]
        [10, 21, 26, 96]
    """
    return sum(n * (m + 1) for m, n in pairwise(check_architecture(architecture)))


def upper_bounds(architecture: Sequence[int], weight_clipping: float, clip_biases: bool) -> np.ndarray:
    """Returns the largest absolute value of every parameter, shape (parameters,); that of a free one is infinite."""
    if isinstance(weight_clipping, str) or np.ndim(weight_clipping) or not weight_clipping > 0:  # it may be infinite
        raise ValueError(f"weight_clipping={weight_clipping!r}: expected a bound above 0 on the size of the weights")
    layers = [np.full((n, m + 1), float(weight_clipping)) for m, n in pairwise(architecture)]
    for layer in layers:
        layer[:, -1] = weight_clipping if clip_biases else np.inf
    return np.concatenate([layer.ravel() for layer in layers])


def initial_weights(architecture: Sequence[int], toys: int, seed: compute.Seed = 0, weight_clipping: float = np.inf):
    r"""Draws the weights that trainings start from, as Keras does: Glorot's uniform distribution, biases 0.

    .. math:: w \sim U(-s, s), \qquad s = \sqrt{6 / (a_{l-1} + a_l)}

    What falls outside the clipping is put on its edge, as Keras does after its first step.

    Arguments:
        architecture: Neurons of each layer.
        toys: Number of trainings.
        seed: Training i draws from the stream of (seed, "initial weights", i), which does not depend on how many there
            are; of a Generator, they draw in turn.
        weight_clipping: Largest absolute value.

    Returns:
        Array of shape (toys, parameters).

    References:
        | Understanding the difficulty of training deep feedforward neural networks (Glorot and Bengio, 2010)
        | https://proceedings.mlr.press/v9/glorot10a.html

    Example:
        >>> w = initial_weights((2, 5, 1), toys=3, seed=1)
        >>> w.shape, float(w[:, 2].max())  # the third number is the first neuron's bias
        ((3, 21), 0.0)
    """
    layers = check_architecture(architecture)
    weights = np.zeros((_check.count(toys, "toys", 0), degrees_of_freedom(layers)))
    for toy, row in enumerate(weights):
        rng, low = compute.stream(seed, "initial weights", toy), 0
        for m, n in pairwise(layers):
            limit, size = np.sqrt(6 / (m + n)), n * (m + 1)
            row[low : low + size].reshape(n, m + 1)[:, :-1] = rng.uniform(-limit, limit, (n, m))
            low += size
    return np.clip(weights, -weight_clipping, weight_clipping)


def tensor(array: np.ndarray) -> torch.Tensor:
    """Returns an array on the device, in double precision but for Apple's GPUs, which have none."""
    device = compute.device()
    return torch.as_tensor(array, dtype=torch.float32 if device.startswith("mps") else torch.float64, device=device)


class Workspace:
    """Memory that is used again in the next chunk: to allocate it anew would take as long as to fill it.

    An array taken under a name is overwritten when the same name is taken again.
    """

    def __init__(self):
        self._memory: dict[tuple, torch.Tensor] = {}

    def take(self, name: object, like: torch.Tensor, *shape: int) -> torch.Tensor:
        """Returns an array of a shape, of the type and on the device of another one, with whatever is in it."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        if key not in self._memory or self._memory[key].numel() < size:
            self._memory[key] = like.new_empty(size)
        return self._memory[key][:size].view(shape)


class Network:
    r"""The loss of many toys, its gradient and its Fisher matrix.

    .. math::
        L = \sum_{x \in \mathcal{R}} a_x \left(e^{f(x)} - 1\right) - \sum_{x \in \mathcal{D}} f(x), \qquad
        F = \sum_{x \in \mathcal{R}} a_x e^{f(x)}\, \nabla f\, \nabla f^T

    The Fisher matrix is the expected matrix of second derivatives of L if f is right, and never indefinite.

    Arguments:
        architecture: Neurons of each layer; the inner ones are logistic sigmoids.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equation 1
        | https://arxiv.org/abs/1912.12155
    """

    def __init__(self, architecture: Sequence[int]):
        self.shapes = [(n, m + 1) for m, n in pairwise(architecture)]
        self.parameters = degrees_of_freedom(architecture)
        self._workspace = Workspace()

    def log_ratio(self, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Returns f, shape (toys, n), at events of shape (toys or 1, features + 1, n) with a last row of ones."""
        return self._forward(self._layers(weights), x, Workspace())[-1][:, 0]

    def loss(self, weights: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Returns L of every toy, shape (toys,)."""
        total = weights.new_zeros(len(weights))
        layers = self._layers(weights)
        for x, in_reference, in_data in batch.chunks:
            self._slope(self._forward(layers, x, self._workspace)[-1], in_reference, in_data, total)
        return total

    def gradient(self, weights: torch.Tensor, batch: Batch, loss: bool = False):
        """Returns the gradient of L, shape (toys, parameters), and L itself where it is asked for (else None)."""
        layers, total = self._layers(weights), weights.new_zeros(weights.shape)
        parts = self._layers(total)
        value = weights.new_zeros(len(weights)) if loss else None
        for x, in_reference, in_data in batch.chunks:
            outputs = self._forward(layers, x, self._workspace)
            slope = self._slope(outputs[-1], in_reference, in_data, value)
            self._backward(layers, parts, x, outputs, slope)
        return total, value

    def fisher(self, weights: torch.Tensor, batch: Batch):
        """Returns L, its gradient, and the Fisher matrix, shape (toys, parameters, parameters)."""
        layers, gradient = self._layers(weights), weights.new_zeros(weights.shape)
        parts = self._layers(gradient)
        fisher = weights.new_zeros(len(weights), self.parameters, self.parameters)
        value = weights.new_zeros(len(weights))
        for x, in_reference, in_data in batch.chunks:
            outputs = self._forward(layers, x, self._workspace)
            slope = self._slope(outputs[-1], in_reference, in_data, value)
            if in_reference is None:
                self._backward(layers, parts, x, outputs, slope)
                continue
            # Above 0 also where a cell holds data only: slope / root times root times the Jacobian is its gradient.
            root = (slope if in_data is None else slope + in_data).clamp_min(_ALMOST_NOTHING).sqrt_()
            jacobian = self._jacobian(layers, x, outputs, root)
            gradient += torch.bmm(jacobian, (slope / root).transpose(1, 2))[:, :, 0]
            fisher.baddbmm_(jacobian, jacobian.transpose(1, 2))
        return value, gradient, fisher

    # Every method below works on one chunk: x is (toys or 1, features + 1, n), the rest (toys, neurons, n).

    def _layers(self, weights):
        """The parameters of each layer as a view, shape (toys, neurons, inputs + 1)."""
        sizes = [n * m for n, m in self.shapes]
        parts = weights.split(sizes, dim=1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _forward(self, layers, x, workspace):
        """Outputs of all layers, which stay until the workspace is used again."""
        outputs: list[torch.Tensor] = []
        toys, n = len(layers[0]), x.shape[-1]
        for i, layer in enumerate(layers):
            z = workspace.take(("output", i), x, toys, layer.shape[1], n)
            if i:
                torch.baddbmm(layer[:, :, -1:], layer[:, :, :-1], outputs[-1], out=z)
            elif len(x) == toys:
                torch.bmm(layer, x, out=z)
            else:  # the same events for all toys: one matrix product
                torch.mm(layer.reshape(-1, layer.shape[2]), x[0], out=z.view(-1, n))
            outputs.append(z.sigmoid_() if i < len(layers) - 1 else z)
        return outputs

    def _slope(self, f, in_reference, in_data, value):
        """Derivative of L by f, in the place of f; adds to the loss if that is asked for."""
        if in_data is not None and value is not None:
            value -= (f * in_data).sum(dim=(1, 2))
        if in_reference is None:
            return f.copy_(in_data).neg_()
        if value is None:
            f.exp_().mul_(in_reference)
        else:
            value += f.expm1_().mul_(in_reference).sum(dim=(1, 2))
            f.add_(in_reference)
        return f if in_data is None else f.sub_(in_data)

    def _delta(self, layers, i, delta, outputs):
        """Derivative by the inputs of layer i's neurons, from that by the inputs of layer i + 1."""
        next_layer, out = layers[i + 1][:, :, :-1], self._workspace.take(("delta", i), outputs[i], *outputs[i].shape)
        if delta.shape[1] == 1:
            torch.mul(next_layer.transpose(1, 2), delta, out=out)
        else:
            torch.bmm(next_layer.transpose(1, 2), delta, out=out)
        return torch.ops.aten.sigmoid_backward.grad_input(out, outputs[i], grad_input=out)

    def _backward(self, layers, parts, x, outputs, delta):
        for i in reversed(range(1, len(layers))):
            parts[i][:, :, :-1] += torch.bmm(delta, outputs[i - 1].transpose(1, 2))
            parts[i][:, :, -1] += delta.sum(dim=2)
            delta = self._delta(layers, i - 1, delta, outputs)
        if len(x) == len(delta):
            parts[0] += torch.bmm(delta, x.transpose(1, 2))
        else:
            parts[0] += torch.mm(delta.flatten(0, 1), x[0].T).view_as(parts[0])

    def _jacobian(self, layers, x, outputs, delta):
        """Derivative of f by every parameter, times delta, shape (toys, parameters, n)."""
        toys, n = len(delta), x.shape[-1]
        jacobian = self._workspace.take("jacobian", delta, toys, self.parameters, n)
        rows = jacobian.split([k * m for k, m in self.shapes], dim=1)
        for i in reversed(range(len(layers))):
            out = rows[i].unflatten(1, self.shapes[i])
            if i:
                torch.mul(delta[:, :, None], outputs[i - 1][:, None], out=out[:, :, :-1])
                out[:, :, -1] = delta
                delta = self._delta(layers, i - 1, delta, outputs)
            else:
                torch.mul(delta[:, :, None], x[:, None], out=out)
        return jacobian
