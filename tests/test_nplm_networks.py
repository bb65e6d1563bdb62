"""The batched networks: derivatives against autograd, and t against closed forms and a convex solver."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit

from dmlib import nplm
from dmlib.nplm.batches import Batch, Points
from dmlib.nplm.networks import Network, upper_bounds

ARCHITECTURES = [(1, 3, 1), (2, 5, 1), (3, 1), (3, 4, 2, 1), (5, 5, 5, 5, 1)]
SHORT = nplm.Newton(warm_up=nplm.Adam(epochs=200), starts=1, iterations=60, tolerance=1e-8)


def case(architecture, shared, chunk, seed=0):
    """Two toys of unequal length, their weights, and the samples they were made of."""
    rng, d = np.random.default_rng(seed), architecture[0]
    references = [rng.normal(size=(n, d)) for n in ((300,) if shared else (300, 280))]
    weights = [rng.uniform(0.1, 0.5, len(x)) for x in references]
    data = [rng.normal(size=(n, d)) for n in (70, 50)]
    theta = torch.tensor(rng.normal(size=(2, nplm.degrees_of_freedom(architecture))))
    samples = [[Points(x, w) for x, w in zip(references, weights, strict=True)]]
    samples += [[Points(x, None, np.ones(len(x))) for x in data]]
    return Batch(samples, 2, chunk, "cpu", torch.float64), theta, references, weights, data


def plain(architecture, theta, x):
    """f(x) by the definition: one toy, one layer after the other."""
    h, place = torch.tensor(x), 0
    for i in range(1, len(architecture)):
        n, m = architecture[i], architecture[i - 1] + 1
        layer = theta[place : place + n * m].view(n, m)
        place += n * m
        h = h @ layer[:, :-1].T + layer[:, -1]
        if i < len(architecture) - 1:
            h = torch.sigmoid(h)
    return h[:, 0]


def plain_loss(architecture, theta, reference, weights, data):
    f = plain(architecture, theta, reference)
    return (torch.tensor(weights) * torch.expm1(f)).sum() - plain(architecture, theta, data).sum()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "redrawn"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_loss_gradient_and_fisher_matrix_are_those_of_autograd(architecture, shared):
    batch, theta, references, weights, data = case(architecture, shared, chunk=64)
    network = Network(architecture)
    loss, gradient, fisher = network.fisher(theta, batch)
    assert torch.allclose(network.loss(theta, batch), loss, rtol=1e-12)
    assert torch.allclose(network.gradient(theta, batch, loss=True)[1], loss, rtol=1e-12)
    assert torch.allclose(network.gradient(theta, batch)[0], gradient, rtol=1e-10, atol=1e-11)
    for toy in range(2):
        r, a = (values[0 if shared else toy] for values in (references, weights))
        w = theta[toy].clone().requires_grad_()
        value = plain_loss(architecture, w, r, a, data[toy])
        (expected,) = torch.autograd.grad(value, w)
        jacobian = torch.autograd.functional.jacobian(lambda v, r=r: plain(architecture, v, r), w.detach())
        slope = torch.tensor(a) * torch.exp(plain(architecture, w.detach(), r))
        assert loss[toy].item() == pytest.approx(value.item(), rel=1e-12)
        assert torch.allclose(gradient[toy], expected, rtol=1e-10, atol=1e-11)
        assert torch.allclose(fisher[toy], (jacobian.T * slope) @ jacobian, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_points_with_weights_in_both_samples_are_the_points_twice(architecture):
    rng, d = np.random.default_rng(4), architecture[0]
    theta = torch.tensor(rng.normal(size=(2, nplm.degrees_of_freedom(architecture))))
    both = [Points(rng.normal(size=(n, d)), rng.poisson(1.0, n) / 5, rng.poisson(1.0, n) * 1.0) for n in (90, 60)]
    apart = [[Points(p.x, p.in_reference) for p in both], [Points(p.x, None, p.in_data) for p in both]]
    one, two = (Batch(samples, 2, 64, "cpu", torch.float64) for samples in ([both], apart))
    network = Network(architecture)
    assert torch.allclose(network.loss(theta, one), network.loss(theta, two), rtol=1e-12)
    assert torch.allclose(network.gradient(theta, one)[0], network.gradient(theta, two)[0], rtol=1e-10, atol=1e-11)
    for a, b in zip(network.fisher(theta, one), network.fisher(theta, two), strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("chunk", [1, 37, 300, 4096])
def test_size_of_chunks_does_not_matter(chunk):
    whole, theta, *_ = case((2, 5, 1), True, chunk=10_000)
    parts, *_ = case((2, 5, 1), True, chunk=chunk)
    for one, other in zip(
        Network((2, 5, 1)).fisher(theta, whole), Network((2, 5, 1)).fisher(theta, parts), strict=True
    ):
        assert torch.allclose(one, other, rtol=1e-11, atol=1e-11)


def test_some_toys_of_a_batch_are_what_they_were():
    for shared in (True, False):
        batch, theta, *_ = case((2, 5, 1), shared, chunk=64)
        kept = torch.tensor([1])
        assert torch.allclose(
            Network((2, 5, 1)).loss(theta[kept], batch.select(kept)), Network((2, 5, 1)).loss(theta, batch)[kept]
        )


def test_degrees_of_freedom_are_those_of_the_paper():
    assert [nplm.degrees_of_freedom(a) for a in ((1, 3, 1), (1, 10, 1), (2, 5, 1))] == [10, 31, 21]
    assert nplm.initial_weights((5, 5, 5, 5, 1), toys=2).shape == (2, 96)


def test_initial_weights_are_glorots():
    w = nplm.initial_weights((2, 5, 1), toys=2000, seed=3)
    hidden, biases, last = w[:, [0, 1]], w[:, [2, 5, 20]], w[:, 15:20]
    assert not biases.any() and abs(hidden).max() <= np.sqrt(6 / 7) and abs(last).max() <= 1
    assert hidden.std() == pytest.approx(np.sqrt(2 / 7), rel=0.03)
    assert np.array_equal(w[:5], nplm.initial_weights((2, 5, 1), toys=5, seed=3))
    assert abs(nplm.initial_weights((2, 5, 1), 10, weight_clipping=0.1)).max() == 0.1


def test_box_holds_weights_and_where_asked_biases():
    both, weights = (upper_bounds((2, 2, 1), 1.5, clip) for clip in (True, False))
    assert (both == 1.5).all()
    assert weights.tolist() == [1.5, 1.5, np.inf, 1.5, 1.5, np.inf, 1.5, 1.5, np.inf]


@pytest.mark.parametrize("n", [60, 100, 150])
def test_t_of_a_constant(n):
    """With nothing to tell events apart t is that of a counting experiment."""
    (t,) = nplm.fit(np.zeros((500, 1)), [np.zeros((n, 1))], 100.0, (1, 1), 5.0, SHORT)
    assert t == pytest.approx(2 * (n * np.log(n / 100) - n + 100), abs=1e-6)


@pytest.mark.parametrize("clip", [20.0, 0.05], ids=["free", "at the edge"])
def test_t_of_a_linear_function_is_that_of_a_convex_solver(clip):
    rng = np.random.default_rng(1)
    reference, data = rng.normal(size=(4000, 2)), rng.normal(0.1, 1.1, size=(1050, 2))
    weights = rng.uniform(0.5, 1.5, 4000)
    a = 1000 * weights / weights.sum()

    def loss(w):
        f = reference @ w[:2] + w[2]
        slope = np.column_stack([reference, np.ones(4000)]).T @ (a * np.exp(f))
        return (a * np.expm1(f)).sum() - (data @ w[:2] + w[2]).sum(), slope - [*data.sum(axis=0), len(data)]

    best = minimize(loss, np.zeros(3), jac=True, bounds=[(-clip, clip)] * 3, method="L-BFGS-B", tol=1e-13)
    (t,) = nplm.fit(reference, [data], 1000, (2, 1), clip, SHORT, reference_weights=weights, clip_biases=True)
    assert t == pytest.approx(-2 * best.fun, abs=1e-5) and t > 5


def test_log_ratio_is_the_network():
    rng = np.random.default_rng(2)
    toys = [rng.normal(size=(90, 2)), rng.normal(size=(110, 2))]
    fits = nplm.fit_models(rng.normal(size=(500, 2)), toys, 100, (2, 5, 1), 1.2, nplm.Adam(epochs=20))
    x = rng.normal(size=(5000, 2))
    f = fits.log_ratio(x)
    assert f.shape == (2, 5000)
    for toy in range(2):
        assert np.allclose(f[toy], plain((2, 5, 1), torch.tensor(fits.weights[toy]), x).numpy(), rtol=1e-10)
    assert not np.allclose(f[0], expit(f[0]))
