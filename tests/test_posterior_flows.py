"""Posterior flows: determinants against autograd, inverses, densities, and what they are for."""

import numpy as np
import pytest
import torch
from torch.func import jacrev, vmap

from dmlib import training
from dmlib.detectors.posterior_flows import FLOWS, PosteriorFlow, Sylvester, _step

D = 5


def flow(kind, steps=3, hidden=(8,), spread=1.0, d=D):
    """A flow in double precision, far from the identity."""
    with training.seeded(1):
        made = PosteriorFlow(kind, d, 4, steps, hidden).double()
        last = made.parameters_of[-1]
        torch.nn.init.normal_(last.weight, std=spread)
        torch.nn.init.normal_(last.bias, std=spread)
        for step in made.steps:  # of the inverse autoregressive
            for weight in step.parameters():
                weight.data *= 2 * spread
    return made.requires_grad_(False)


def points(n=40, d=D, seed=2):
    with training.seeded(seed):
        return 2 * torch.randn(n, d, dtype=torch.double), torch.randn(n, 4, dtype=torch.double)


@pytest.mark.parametrize("kind", FLOWS)
@pytest.mark.parametrize("steps", [1, 3])
def test_determinants_are_those_of_autograd(kind, steps):
    made, (z, h) = flow(kind, steps), points()
    mapped, log_det = made(z, h)
    jacobian = vmap(jacrev(lambda one, c: made(one[None], c[None])[0][0]))(z, h)
    assert torch.allclose(torch.linalg.slogdet(jacobian).logabsdet, log_det, atol=1e-6)
    assert (torch.linalg.det(jacobian) > 0).all()
    assert (mapped - z).norm(dim=1).median() > 0.3 and log_det.std() > 0.1  # no identity


@pytest.mark.parametrize("kind", FLOWS)
def test_they_can_be_inverted(kind):
    """Newton's method finds the one point that is mapped to each."""
    made, (z, h) = flow(kind, 2, spread=0.5), points()
    target, guess = made(z, h)[0], z + 0.05
    for _ in range(30):
        error = made(guess, h)[0] - target
        jacobian = vmap(jacrev(lambda one, c: made(one[None], c[None])[0][0]))(guess, h)
        guess = guess - torch.linalg.solve(jacobian, error)
    assert torch.allclose(guess, z, atol=1e-6)


@pytest.mark.parametrize("kind", FLOWS)
def test_the_density_integrates_to_one(kind):
    """In two dimensions: a cell's image has the area that the determinant says, so the density's sum is 1."""
    made = flow(kind, 2, spread=0.5, d=2)
    axis = torch.linspace(-6, 6, 481, dtype=torch.double)
    z = torch.cartesian_prod(axis, axis)
    mapped, log_det = made(z, torch.ones(len(z), 4, dtype=torch.double))
    log_q = -0.5 * z.square().sum(dim=1) - np.log(2 * np.pi) - log_det
    grid = mapped.unflatten(0, (481, 481))
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    (ux, uy), (vx, vy) = ((p - q).unbind(dim=2) for p, q in ((c, a), (d, b)))
    areas = 0.5 * (ux * vy - uy * vx)  # of quadrilaterals, by their diagonals
    q = log_q.exp().unflatten(0, (481, 481))
    assert (areas > 0).all()
    total = (areas * 0.25 * (q[:-1, :-1] + q[1:, :-1] + q[1:, 1:] + q[:-1, 1:])).sum()
    assert total == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("kind", FLOWS)
def test_a_new_one_is_close_to_the_identity_and_every_weight_counts(kind):
    with training.seeded(1):
        made = PosteriorFlow(kind, D, 4, steps=4, hidden=(8,))
        z, h = torch.randn(30, D), torch.randn(30, 4)
    mapped, log_det = made(z, h)
    # An inverse autoregressive step shifts by what its network gives at the start.
    assert (mapped - z).abs().mean() < (0.5 if kind == "iaf" else 0.25)
    (mapped.square().sum(dim=1) - log_det).sum().backward()
    assert all((p.grad != 0).any() for p in made.parameters())


@pytest.mark.parametrize("kind", FLOWS)
def test_extreme_parameters_stay_finite(kind):
    made, (z, h) = flow(kind, spread=100.0).float().requires_grad_(), points()
    mapped, log_det = made(z.float(), h.float())
    (mapped.square().sum() - log_det.sum()).backward()
    assert torch.isfinite(mapped).all() and torch.isfinite(log_det).all()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters())


@pytest.mark.parametrize("kind", ["orthogonal", "householder", "triangular"])
def test_bases_have_orthonormal_columns(kind):
    step = Sylvester(D, kind, 3, reverse=True)
    own = torch.randn(20, step.own, dtype=torch.double)
    unit = torch.eye(step.units, dtype=torch.double)
    q = torch.stack([step.turned(e.expand(20, -1), own) for e in unit], dim=2)
    assert q.shape == (20, D, 3 if kind == "orthogonal" else D)
    assert torch.allclose(q.transpose(1, 2) @ q, unit.expand(20, -1, -1))
    y = torch.randn(20, D, dtype=torch.double)
    assert torch.allclose(step.turned(y, own, back=True), (q.transpose(1, 2) @ y[..., None])[..., 0])


def test_which_dimensions_see_which():
    z, a = points(1)
    for kind, lower in (("iaf", True), ("convolutional", False)):
        step = _step(kind, D, (16,), 0).double()
        a = torch.ones(1, step.size, dtype=torch.double)
        jacobian = jacrev(lambda one, step=step, a=a: step(one[None], a)[0][0])(z[0])
        beyond = torch.triu(jacobian, 1) if lower else torch.tril(jacobian, -1)
        assert (beyond == 0).all() and (jacobian != 0).sum() > D


def test_a_posterior_that_no_normal_distribution_is_can_be_learnt():
    """The target is an arc, log p = -(|z| - 2)^2 / 0.08 - (z_1 - 2)^2 / 4: flows reach a lower bound than a normal."""

    def bound(kind):
        with training.seeded(3):
            made = PosteriorFlow(kind, 2, 1, steps=4, hidden=(8,)) if kind else None
            centre = torch.zeros(4, requires_grad=True)
            parameters = [centre, *(made.parameters() if made else [])]
            optimiser = torch.optim.Adam(parameters, 2e-2)
            losses = []
            for _ in range(200):
                z = centre[:2] + torch.randn(256, 2) * centre[2:].exp()
                log_q = -centre[2:].sum()
                if made:
                    z, log_det = made(z, torch.ones(256, 1))
                    log_q = log_q - log_det
                log_p = -(z.norm(dim=1) - 2).square() / 0.08 - (z[:, 0] - 2).square() / 4
                loss = (log_q - log_p).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
        return np.mean(losses[-50:])

    normal = bound(None)
    assert all(bound(kind) < normal - 0.1 for kind in ("planar", "householder", "iaf"))


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match="flow='radial': expected one of planar"):
        PosteriorFlow("radial", 2, 2)
    with pytest.raises(ValueError, match="steps=0"):
        PosteriorFlow("planar", 2, 2, steps=0)
