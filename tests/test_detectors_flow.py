"""The spline flow as a detector: densities against closed forms, units, levels, and the score as it was published."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, poisson, spearmanr

from dmlib import compute, detectors, features
from dmlib.detectors import flow as module
from dmlib.training import Recipe

RECIPE = Recipe(epochs=15, batch_size=200, learning_rate=5e-3, anneal=True, validation=0.1, clip=5.0)


def small(**options):
    return detectors.SplineFlow(**{"hidden": (32,), "recipe": RECIPE} | options)


def crescent(n, seed):
    x = compute.stream(seed, "crescent").normal(size=(n, 2))
    x[:, 1] += x[:, 0] ** 2
    return x


def jets(n, seed):
    """Momenta in GeV in three slots, falling, and how many are filled; each event has one at least."""
    rng = compute.stream(seed, "jets")
    number = 1 + rng.binomial(2, 0.4, n)
    pt = -np.sort(-np.exp(rng.normal(4, 0.5, (n, 3))), axis=1) * (np.arange(3) < number[:, None])
    return np.c_[number, pt]


@pytest.fixture(scope="module")
def bent():
    return small(density="x").fit(crescent(6_000, 1))


@pytest.fixture(scope="module")
def of_jets():
    """Fitted on the same jets in GeV and in TeV, levelled or not, by density."""
    x = jets(4_000, 1)
    return {
        (density, unit, level): small(density=density, level=level).fit(x * np.r_[1, np.full(3, unit)])
        for density in ("standardised", "x")
        for unit in (1.0, 1e-3)
        for level in (False, True)
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rqs", "maf"])
def test_a_flow_on_a_gaussian_gives_its_density(kind):
    covariance = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.5], [0.0, -0.5, 25.0]])
    law = multivariate_normal([0, 5, -3], covariance)
    x, other = (law.rvs(n, random_state=np.random.default_rng(n)) for n in (8_000, 2_000))
    difference = -small(kind=kind, density="x").fit(x).anomaly_score(other) - law.logpdf(other)
    assert abs(difference.mean()) < 0.05 and np.median(np.abs(difference)) < 0.15


@pytest.mark.slow
def test_the_probability_of_a_count_is_found():
    x = compute.stream(1).poisson(2.5, 8_000)
    p = np.exp(-small(density="x").fit(x[:, None]).anomaly_score(np.arange(7.0)[:, None]))
    assert p == pytest.approx(poisson(2.5).pmf(np.arange(7)), abs=0.03)


def test_it_integrates_to_one(bent):
    axes = np.linspace(-6, 6, 241), np.linspace(-6, 24, 601)
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    total = np.exp(-bent.anomaly_score(points)).sum() * 0.05 * 0.05
    assert total == pytest.approx(1, abs=0.01)


def test_it_inverts(bent):
    z = torch.as_tensor(bent.columns_.transform(crescent(500, 2)), dtype=torch.float32)
    transform = bent.history_.modules[0]().transform
    assert torch.allclose(transform.inv(transform(z)), z, atol=1e-4)


@pytest.mark.parametrize("kind", ["rqs", "maf"])
@pytest.mark.parametrize("far", [8.0, -8.0, 1e3, -1e6])
def test_gradients_stay_finite_in_the_tails(kind, far):
    """A batch wholly outside of the splines' boxes, and what training makes of it."""
    detector = small(kind=kind).fit(crescent(300, 1))
    torch.manual_seed(1)
    flow = detector.build(2)
    optimiser = torch.optim.Adam(flow.parameters(), 1e-3)
    for _ in range(3):
        optimiser.zero_grad()
        loss = detector.loss(flow, torch.full((50, 2), far) + torch.rand(50, 2)).mean()
        loss.backward()
        assert torch.isfinite(loss)
        gradients = [p.grad for p in flow.parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(g).all() for g in gradients)
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        optimiser.step()
    assert torch.isfinite(detector.scores(flow, torch.randn(50, 2))).all()


def test_a_unit_turns_the_order_of_unlike_events_and_levels_set_it_right(of_jets):
    """Within one number of filled slots a unit only shifts the score, so that a level takes it off altogether."""
    x = jets(2_000, 2)
    tera = x * np.r_[1, np.full(3, 1e-3)]
    score = {key: d.anomaly_score(x if key[1] == 1 else tera) for key, d in of_jets.items()}
    filled = x[:, 0].astype(int)
    plain, other = score["x", 1.0, False], score["x", 1e-3, False]
    for k in (1, 2, 3):
        shift = (other - plain)[filled == k]
        assert shift == pytest.approx(k * np.log(1e-3), abs=0.01)  # a density in TeV^-k is 1000^k that in GeV^-k
    assert spearmanr(plain, other)[0] < 0.5
    assert score["x", 1e-3, True] == pytest.approx(score["x", 1.0, True], abs=0.02)
    # Standardised, nothing has a unit; so it is without a level.
    assert score["standardised", 1e-3, False] == pytest.approx(score["standardised", 1.0, False], abs=0.02)


def test_levels_centre_and_scale_every_number_of_slots(of_jets):
    x = jets(2_000, 3)
    for density in ("standardised", "x"):
        score = of_jets[density, 1.0, True].anomaly_score(x)
        plain = of_jets[density, 1.0, False].anomaly_score(x)
        for k in (1, 2, 3):
            low, median, high = np.quantile(score[x[:, 0] == k], (0.25, 0.5, 0.75))
            assert abs(median) < 0.2 and (high - low) / 1.349 == pytest.approx(1, abs=0.2)
            assert spearmanr(score[x[:, 0] == k], plain[x[:, 0] == k])[0] == pytest.approx(1)


def test_a_rare_number_of_slots_lies_on_the_line_of_the_others():
    filled = np.repeat([3, 6, 9, 12], [500, 500, 500, 5])
    surprise = compute.stream(1).normal(10.0 * filled, 2.0)
    levels = module._levels(surprise, filled, np.ones(len(filled)), 15)
    assert levels[[3, 6, 9], 0] == pytest.approx([30, 60, 90], abs=0.5)
    assert levels[[0, 12, 15], 0] == pytest.approx([0, 120, 150], abs=1.5)
    assert levels[:, 1] == pytest.approx(2, rel=0.15) and len(levels) == 16
    moved = module._levels(surprise + 7 * filled, filled, np.ones(len(filled)), 15)
    assert moved[:, 0] - levels[:, 0] == pytest.approx(7 * np.arange(16)) and moved[:, 1] == pytest.approx(levels[:, 1])


@pytest.mark.slow
def test_an_empty_slot_is_no_spike():
    """Were its zeros left, the density there would grow: events with few jets would become ever more ordinary."""
    x = jets(4_000, 4)
    noise, spike = small(density="standardised").fit(x), small(padded=(), logarithms=()).fit(x)
    gap = [
        np.median(d.anomaly_score(x)[x[:, 0] == 3]) - np.median(d.anomaly_score(x)[x[:, 0] == 1])
        for d in (noise, spike)
    ]
    assert abs(gap[0]) < 2.5 < 4 < gap[1]


@pytest.mark.parametrize("level", [False, True])
def test_it_is_saved_with_its_columns_and_levels(tmp_path, level, of_jets):
    x = jets(300, 5)
    fitted = of_jets["x", 1.0, level]
    fitted.save(tmp_path / "flow.zip")
    again = detectors.load(tmp_path / "flow.zip")
    assert np.array_equal(again.anomaly_score(x), fitted.anomaly_score(x)) and again.level == level


def test_the_published_score_is_high_for_ordinary_events_and_depends_on_the_sample(bent):
    ordinary, strange = bent.anomaly_score(crescent(300, 6)), bent.anomaly_score([[0.0, 8.0], [3.0, 0.0]])
    rescaled = detectors.relative_likelihood(np.r_[ordinary, strange])
    assert rescaled[:300].mean() > 0.5 > rescaled[300:].mean()
    assert rescaled.min() == 0 and rescaled.max() == 1
    assert np.array_equal(np.argsort(rescaled), np.argsort(-np.r_[ordinary, strange]))
    alone = detectors.relative_likelihood(ordinary)
    assert alone.min() == 0 < rescaled[:300].min()  # the same events in other company
    with pytest.raises(ValueError, match="all events have 3"):
        detectors.relative_likelihood([3.0, 3.0])


def test_it_is_the_papers():
    flow = detectors.SplineFlow.paper("1")
    assert (flow.transforms, flow.hidden, flow.bins) == (11, (200,) * 7, 35)
    assert (flow.recipe.batch_size, flow.recipe.learning_rate, flow.recipe.epochs) == (512, 1e-3, 100)
    assert [detectors.SplineFlow.paper(c).recipe.epochs for c in ("2a", "2b", "3")] == [100, 100, 10]
    built = flow.build(9)
    assert len(built.transform.transforms) == 11
    layers = [layer for layer in built.transform.transforms[0].hyper if hasattr(layer, "mask")]
    assert [layer.out_features for layer in layers] == [200] * 7 + [9 * (3 * 35 - 1)]
    models = detectors.SplineFlow.grid("3")
    assert models["Flow-Efficient_Likelihood"][0] is features.efficient and len(models) == 3
    assert {d.recipe.epochs for _, d in models.values()} == {10}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "nsf"}, "kind='nsf'"),
        ({"density": "pT"}, "density='pT'"),
        ({"hidden": (0,)}, "hidden"),
        ({"transforms": 0}, "transforms"),
        ({"bins": 0}, "bins"),
        ({"bound": -1.0}, "bound"),
        ({"counts": (7,)}, "counts: there is no column 7"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(crescent(50, 1))
