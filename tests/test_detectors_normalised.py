"""The normalised autoencoder: its chains against known densities, its loss, and what it mends."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from dmlib import compute, detectors, metrics, training
from dmlib.detectors.normalised import langevin
from dmlib.training import Recipe

WARM = Recipe(epochs=20, batch_size=100, learning_rate=5e-3, anneal=True)


def small(**options):
    settings = {"hidden": (32, 32), "latent": 2, "steps": (10, 10), "warm_up": WARM}
    recipe = WARM.replace(epochs=10, learning_rate=1e-3)
    return detectors.NormalizedAE(**settings | {"recipe": recipe} | options)


def islands(n, seed):
    """Two islands on a line."""
    rng = compute.stream(seed, "islands")
    return 2 * rng.choice([-1, 1], n)[:, None] + 0.15 * rng.normal(size=(n, 2))


def bridge(n, seed):
    """What lies on the line between them."""
    rng = compute.stream(seed, "bridge")
    return rng.uniform(-1.2, 1.2, n)[:, None] + 0.1 * rng.normal(size=(n, 2))


@pytest.fixture(scope="module")
def plain():
    return small(recipe=None).fit(islands(1_000, 1))


@pytest.fixture(scope="module")
def normalised():
    return small().fit(islands(1_000, 1))


@pytest.mark.parametrize(("temperature", "size"), [(1.0, 0.3), (0.25, 0.15)])
def test_chains_reach_the_density_of_their_energy(temperature, size):
    """E = (x - 1)^2 / 2 is a normal distribution around 1 of variance T."""
    with training.seeded(1):
        x = langevin(lambda x: 0.5 * (x - 1).square().sum(1), torch.zeros(4_000, 2), 200, size, temperature)
    assert x.mean(dim=0).numpy() == pytest.approx([1, 1], abs=0.05)
    assert x.var(dim=0).numpy() == pytest.approx([temperature] * 2, rel=0.1)
    assert not x.requires_grad


def test_chains_on_a_sphere_stay_there_and_find_its_low_side():
    """E = -z_3: von Mises and Fisher's distribution, whose mean of z_3 is coth(1/T) - T."""
    with training.seeded(1):
        start = normalize(torch.randn(4_000, 3), dim=1)
        z = langevin(lambda z: -z[:, 2], start, 200, 0.15, 0.5, lambda z: normalize(z, dim=1))
    assert torch.allclose(z.norm(dim=1), torch.ones(4_000))
    assert z[:, 2].mean().item() == pytest.approx(1 / np.tanh(2) - 0.5, abs=0.03)


def test_steps_down_a_cliff_do_not_overshoot():
    with training.seeded(1):
        x = langevin(lambda x: 1e6 * x.square().sum(1), torch.full((50, 2), 10.0), 1, 0.1, 1.0)
    assert x.norm(dim=1).min() > 13 and torch.isfinite(x).all()


def test_chains_leave_the_network_as_it_is_and_work_where_no_gradients_are(plain):
    module = plain.build(2)
    with training.seeded(1), torch.no_grad():
        drawn = plain.sampled(module, 20)
    assert drawn.shape == (20, 2) and all(p.grad is None for p in module.parameters())


def test_the_loss_is_energies_and_their_squares_and_depends_on_gamma(plain):
    module = plain.history_.modules[0]
    x = torch.randn(60, 2)
    detector = small(gamma=0.7)
    with training.seeded(5):
        negative = detector.energy(module, detector.sampled(module, 60))
    positive = detector.energy(module, x)
    with training.seeded(5):
        loss = detector.loss(module, x)
    assert torch.allclose(loss, positive - negative + 0.7 * (positive.square() + negative.square()))
    detector.gamma = torch.tensor(0.7, requires_grad=True)
    detector.loss(module, x).mean().backward()
    assert detector.gamma.grad > 0


def test_what_an_autoencoder_reconstructs_without_having_seen_it_becomes_strange(plain, normalised):
    """Six seeds: the bridge's error grows 1.9 times at least, that of events 1.5 times at most."""
    x, between = islands(1_000, 2), bridge(1_000, 3)
    before, after = (
        {k: d.anomaly_score(v).mean() for k, v in (("x", x), ("between", between))} for d in (plain, normalised)
    )
    assert after["between"] > 1.5 * before["between"] and after["x"] < 2 * before["x"]
    areas = [metrics.auc(d.anomaly_score(x), d.anomaly_score(between)) for d in (plain, normalised)]
    assert areas[1] > max(areas[0], 0.98)


def test_its_samples_are_events(plain, normalised):
    """Fewer of the events drawn lie between the islands than of those that the plain autoencoder gives."""

    def share(detector):
        with training.seeded(7):
            drawn = detector.sampled(detector.history_.modules[0], 2_000).numpy() * detector.scale_ + detector.mean_
        return (abs(drawn.mean(axis=1)) < 1.3).mean()

    assert share(normalised) < 0.3 * share(plain)  # six seeds: 0.11 at most


def test_the_history_is_of_both_trainings(plain, normalised):
    assert len(plain.history_.train) == 20 and len(normalised.history_.train) == 30
    assert normalised.history_.train[:20] == plain.history_.train
    assert normalised.history_.best[0].epoch == 29


def test_it_is_saved(normalised, tmp_path):
    normalised.save(tmp_path / "nae.zip")
    again, x = detectors.load(tmp_path / "nae.zip"), islands(50, 4)
    assert np.array_equal(again.anomaly_score(x), normalised.anomaly_score(x))
    assert again.warm_up == normalised.warm_up and again.recipe == normalised.recipe


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 1}, "latent=1: expected a whole number of 2 or more"),
        ({"gamma": -1.0}, "gamma"),
        ({"temperature": 0.0}, "temperature"),
        ({"steps": (5,)}, r"steps=\(5,\): expected two"),
        ({"steps": (5, 0)}, "steps"),
        ({"sizes": (0.1, -1.0)}, "sizes"),
        ({"hidden": (0,)}, "hidden"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(islands(50, 1))
