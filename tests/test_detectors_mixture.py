"""DAGMM: its mixture against scikit-learn's, what its loss depends on, singular batches, the published grid."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from dmlib import compute, detectors
from dmlib.detectors.mixture import Mixture, shared_out
from dmlib.training import Recipe

RECIPE = Recipe(epochs=8, batch_size=200, learning_rate=3e-3)


def clumps(n, seed):
    """Three clumps in three dimensions, of different shapes."""
    rng = compute.stream(seed, "clumps")
    k = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    centres, spreads = np.array([[0, 0, 0], [4, 0, 1], [0, 5, -2]]), np.array([[1, 1, 1], [0.3, 2, 1], [1, 0.5, 0.2]])
    return centres[k] + spreads[k] * rng.normal(size=(n, 3)) @ [[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]]


def small(**options):
    return detectors.DAGMM(**{"hidden": (16,), "latent": 2, "units": 8, "recipe": RECIPE} | options)


def test_the_energy_is_scikit_learns_of_the_same_mixture():
    x = clumps(3_000, 1)
    fitted = GaussianMixture(3, random_state=0, tol=1e-8, max_iter=1_000).fit(x)
    gamma = torch.as_tensor(fitted.predict_proba(x))
    energy = shared_out(torch.as_tensor(x), gamma).energy(torch.as_tensor(clumps(500, 2))).numpy()
    assert energy == pytest.approx(-fitted.score_samples(clumps(500, 2)), abs=1e-3)


def test_the_mixture_is_equation_18():
    z, gamma = torch.randn(50, 2).double(), torch.rand(50, 3).double()
    mixture = shared_out(z, gamma)
    share = (gamma / gamma.sum(dim=0)).numpy()
    assert mixture.weight.numpy() == pytest.approx(gamma.mean(dim=0).numpy())
    for k in range(3):
        mean = share[:, k] @ z.numpy()
        residual = z.numpy() - mean
        covariance = (share[:, k, None] * residual).T @ residual
        assert mixture.mean[k].numpy() == pytest.approx(mean)
        assert (mixture.root[k] @ mixture.root[k].T).numpy() == pytest.approx(covariance, abs=1e-5)


def test_it_is_a_density():
    axis = torch.linspace(-12, 12, 241, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    mixture = Mixture(torch.tensor([0.4, 0.6]), torch.tensor([[0.0, 1], [3, -2]]), torch.eye(2).repeat(2, 1, 1))
    mixture = Mixture(*(part.double() for part in mixture))
    assert (-mixture.energy(grid)).exp().sum().item() * 0.1**2 == pytest.approx(1, abs=1e-6)


def test_events_that_agree_make_no_singular_covariance():
    z = torch.ones(20, 4, dtype=torch.float64)
    mixture = shared_out(z, torch.full((20, 2), 0.5, dtype=torch.float64))
    assert torch.isfinite(mixture.energy(z)).all()
    assert torch.isfinite(shared_out(z, torch.eye(2).double().repeat(10, 1) * torch.tensor([1.0, 0.0])).energy(z)).all()


def test_the_loss_depends_on_every_weight_that_it_names():
    dagmm = small()
    module = dagmm.build(4).eval()
    x = torch.randn(100, 4)
    for name in ("energy", "singular"):
        value = torch.tensor(0.01, requires_grad=True)
        setattr(dagmm, name, value)
        dagmm.loss(module, x).mean().backward()
        assert value.grad.abs() > 0
        setattr(dagmm, name, 0.01)


def test_the_score_is_the_energy_in_the_mixture_of_the_training():
    x = clumps(1_000, 3)
    dagmm = small(random_state=2).fit(x)
    module = dagmm.history_.modules[0]
    with torch.no_grad():
        z = module(torch.as_tensor(dagmm._standardised(x), dtype=torch.float32))[1]
        expected = shared_out(z.double(), module.estimate(z).double()).energy(z.double())
    assert dagmm.anomaly_score(x) == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-4)
    assert dagmm.shares_.sum() == pytest.approx(1) and (np.diff(dagmm.shares_) <= 0).all()


def test_one_component_is_a_gaussian():
    assert small(components=1).fit(clumps(500, 4)).shares_ == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 0}, "latent=0"),
        ({"components": 0}, "components=0"),
        ({"units": 0}, "units=0"),
        ({"energy": -1.0}, "energy"),
        ({"singular": np.nan}, "singular"),
        ({"dropout": 1.0}, "dropout"),
        ({"hidden": (0,)}, "hidden=0"),
        ({"scaling": "none"}, "scaling='none': expected 'standard' or 'filled'"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(clumps(50, 5))


def test_the_grid_has_the_published_names():
    grid = detectors.DAGMM.grid("1")
    _, best = grid["DAGMM_10_1e-07_1000_0.001_0.01_50_15_8"]
    assert (best.latent, best.recipe.batch_size, best.energy, best.singular) == (10, 1000, 0.001, 0.01)
    assert (best.recipe.epochs, best.units, best.components) == (50, 15, 8)
