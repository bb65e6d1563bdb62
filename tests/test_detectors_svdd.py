"""Fixed targets: losses by hand, collapse, the ensemble's scales, the published grid."""

import warnings

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from dmlib import compute, detectors, metrics
from dmlib.detectors import DeepSVDD, DeepSVDDEnsemble, background_efficiency
from dmlib.detectors.svdd import HOW
from dmlib.training import Recipe

RECIPE = Recipe(epochs=10, batch_size=100, learning_rate=2e-3)


def events(n, seed, strange=False):
    """Two momenta and two angles; the second pair is often empty. Strange ones are five times as hard."""
    rng = compute.stream(seed, "events", int(strange))
    x = np.column_stack([rng.exponential(100, n), rng.normal(size=n), rng.exponential(50, n), rng.normal(size=n)])
    x[rng.random(n) < 0.7, 2:] = 0
    return x * ([5, 1, 5, 1] if strange else [1, 1, 1, 1])


def small(**options):
    return DeepSVDD(**{"dimensions": 5, "hidden": (32, 16), "recipe": RECIPE} | options)


def test_the_loss_is_the_mean_square_from_the_target():
    svdd = small(target=3.0)
    module = svdd.build(4)
    x = torch.randn(20, 4)
    y = module(x).detach().numpy()
    assert svdd.loss(module, x).detach().numpy() == pytest.approx(((y - 3.0) ** 2).mean(axis=1), rel=1e-5)


def test_the_divergence_is_that_of_normal_distributions():
    svdd = small(target=0.0, divergence="kl")
    module = svdd.build(4)
    x = torch.randn(20, 4)
    mean, log_variance = module(x).chunk(2, dim=1)
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean(dim=1)
    assert torch.allclose(svdd.loss(module, x), expected, atol=1e-6)


def test_without_biases_an_empty_event_is_answered_with_zeros():
    svdd = small(target=2.0).fit(events(500, 1))
    assert svdd.anomaly_score(np.zeros((1, 4))) == pytest.approx([4.0])
    assert svdd.mean_.tolist() == [0, 0, 0, 0]


def test_a_column_that_is_rarely_filled_keeps_its_unit():
    x = events(2_000, 2)
    assert small().fit(x).scale_[2] == pytest.approx(np.sqrt((x[x[:, 2] != 0, 2] ** 2).mean()))


@pytest.mark.parametrize(
    ("options", "least"),
    [({"target": 1.0}, 0.53), ({"target": 10.0}, 0.64), ({"target": 0.0, "divergence": "kl"}, 0.7)],
)
def test_harder_events_are_stranger(options, least):
    """Six seeds: 0.59 to 0.67, 0.69 to 0.73, 0.75 to 0.78."""
    svdd = small(**options).fit(events(3_000, 3))
    assert metrics.auc(*(svdd.anomaly_score(events(2_000, 4, strange)) for strange in (False, True))) > least


def test_a_collapse_is_named():
    """With biases alone to train, every event is answered alike."""
    x = events(400, 5)
    alike = small(hidden=(8,), target=1.0, bias=True, recipe=RECIPE.replace(epochs=1))
    with pytest.warns(UserWarning, match=r"DeepSVDD\(target=1\) has collapsed: 1 different scores of 400 events"):
        collapsed = alike.fit(x * [1, 0, 0, 0] + 1e9)
    assert collapsed.distinct_ == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small().fit(x).distinct_ > 100


@pytest.fixture(scope="module")
def ensemble():
    return DeepSVDDEnsemble((0, 1, 25), dimensions=5, hidden=(32, 16), recipe=RECIPE).fit(events(2_000, 6))


def test_a_plain_mean_is_that_of_the_largest_target(ensemble):
    x = events(1_000, 7)
    plain = ensemble.set_params(how="mean").anomaly_score(x)
    largest = ensemble.members_[-1].anomaly_score(x)
    assert spearmanr(plain, largest).statistic > 0.95
    assert plain == pytest.approx(np.mean([member.anomaly_score(x) for member in ensemble.members_], axis=0))


def test_the_scales_are_those_of_events_set_aside(ensemble):
    x = events(300, 8)
    pairs = [(m.anomaly_score(x), own) for m, own in zip(ensemble.members_, ensemble.losses_, strict=True)]
    assert ensemble.losses_.shape == (3, 400)
    median = ensemble.set_params(how="median").anomaly_score(x)
    assert median == pytest.approx(np.mean([loss / np.median(own) for loss, own in pairs], axis=0))
    log_f = ensemble.set_params(how="log efficiency").anomaly_score(x)
    f = np.array([1 - background_efficiency(loss, own) for loss, own in pairs])
    assert log_f == pytest.approx(-np.log(f).mean(axis=0), rel=1e-6)
    assert log_f.mean() == pytest.approx(1, abs=0.3)  # -log of a uniform number


def test_members_have_seeds_of_their_own(ensemble):
    first = [next(m.history_.modules[0].parameters())[0, 0].item() for m in ensemble.members_]
    assert len(set(first)) == 3


def test_the_grid_has_the_published_names():
    grid = DeepSVDD.grid("2a")
    assert len(grid) == 80
    _, reduced = grid["DeepSVDD_Reduced_d34"]
    _, one = grid["DeepSVDD_C4_d233"]
    assert (reduced.how, reduced.dimensions, one.target, one.dimensions) == ("mean", 34, 4, 233)


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (small(dimensions=0), "dimensions=0"),
        (small(divergence="l1"), "divergence='l1'"),
        (small(divergence="kl"), "target=10: expected 0"),
        (small(target=np.inf), "target=inf"),
        (small(hidden=(0,)), "hidden=0"),
        (DeepSVDDEnsemble(how="max"), "how='max'"),
        (DeepSVDDEnsemble(targets=()), "targets: expected one or more"),
        (DeepSVDDEnsemble(aside=1.0), "aside"),
    ],
)
def test_settings_that_cannot_be(detector, message):
    with pytest.raises(ValueError, match=message):
        detector.fit(events(50, 9))


def test_names_of_scales_are_known():
    assert HOW[0] == DeepSVDDEnsemble().how
    assert set(HOW) == {"log efficiency", "median", "mean"}
    assert detectors.DeepSVDDEnsemble.paper("3").how in HOW
