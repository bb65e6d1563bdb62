"""The machine as a whole: recipes that agree, batches that do not matter, toys at their rate, clear errors."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from dmlib import nplm
from dmlib.nplm import train

QUICK = nplm.Newton(warm_up=nplm.Adam(epochs=300, learning_rate=5e-3), starts=1, iterations=40)


@pytest.fixture(scope="module")
def sample():
    """One exponential feature; the last toy holds a peak."""
    rng = np.random.default_rng(11)
    reference = rng.exponential(size=(3000, 1))
    toys = [rng.exponential(size=(rng.poisson(300), 1)) for _ in range(5)]
    toys.append(np.concatenate([toys[0], rng.normal(4.0, 0.1, (30, 1))]))
    return reference, toys


@pytest.fixture(scope="module")
def fits(sample):
    reference, toys = sample
    return nplm.fit_models(reference, toys, 300, (1, 3, 1), 4.0, QUICK, seed=1)


def test_t_is_not_negative_and_finds_the_peak(fits):
    assert (fits.t >= 0).all() and fits.t[5] > 20 > fits.t[:5].max()
    x = np.array([[0.5], [4.0]])
    assert np.diff(fits.log_ratio(x)[5])[0] > 0.5


def test_t_is_that_of_the_log_ratio(sample, fits):
    reference, toys = sample
    a = 300 / len(reference)
    for toy, data in enumerate(toys):
        t = 2 * (fits.log_ratio(data)[toy].sum() - a * np.expm1(fits.log_ratio(reference)[toy]).sum())
        assert fits.t[toy] == pytest.approx(t, abs=1e-8)


def test_history_grows_to_t(fits):
    (epoch, warm_up), (iteration, t) = fits.history
    assert warm_up.shape == (6, 100) and epoch.tolist() == list(range(0, 300, 3))
    assert t.shape == (6, len(iteration)) and iteration.tolist() == list(range(1, len(iteration) + 1))
    assert np.allclose(t[:, -1], fits.t, atol=1e-6) and (np.diff(t, axis=1) >= 0).all()
    assert (t[:, 0] > warm_up[:, -1] - 0.5).all()


def test_same_seed_same_t(sample, fits):
    reference, toys = sample
    assert np.array_equal(nplm.fit(reference, toys, 300, (1, 3, 1), 4.0, QUICK, seed=1), fits.t)
    assert not np.allclose(nplm.fit(reference, toys, 300, (1, 3, 1), 4.0, QUICK, seed=2), fits.t, atol=1e-6)


@pytest.mark.parametrize("how", [{"batch": 2}, {"batch": 4}, {"chunk": 500}], ids=str)
def test_batches_and_chunks_do_not_matter(sample, fits, how):
    """Sums in another order differ in the last digit of a float32, which the warm-up carries along."""
    reference, toys = sample
    t = nplm.fit(reference, toys, 300, (1, 3, 1), 4.0, QUICK, seed=1, **how)
    assert np.allclose(t, fits.t, atol=0.02)


@pytest.mark.parametrize("order", [[5], [0, 1, 2], [3, 4, 5], [4, 2, 0, 5, 1, 3], [1, 1, 5]], ids=str)
def test_t_of_a_toy_does_not_depend_on_its_place_or_on_the_others(sample, fits, order):
    reference, toys = sample
    t = nplm.fit(reference, [toys[i] for i in order], 300, (1, 3, 1), 4.0, QUICK, seed=1)
    assert np.allclose(t, fits.t[order], atol=0.02)


def test_cells_are_used_toy_by_toy():
    """Toys of 90 and 110 events with a reference of 300: the latter have twice as many events as cells, or more."""
    rng = np.random.default_rng(2)
    reference, toys = rng.normal(size=(300, 2)), [rng.normal(size=(n, 2)) for n in (110, 90, 115, 85)]
    args = (100, (2, 3, 1), 1.5, replace(QUICK, cells=200, iterations=200))
    together = nplm.fit(reference, toys, *args)
    assert np.allclose([nplm.fit(reference, [x], *args)[0] for x in toys], together, atol=0.02)
    assert np.allclose(nplm.fit(reference, toys[::-1], *args)[::-1], together, atol=0.02)
    all_events = nplm.fit(reference, toys, 100, (2, 3, 1), 1.5, replace(QUICK, iterations=200, cells=None))
    assert np.allclose(together[[1, 3]], all_events[[1, 3]], atol=0.02)


@pytest.mark.parametrize("bad", [[0], [2], [0, 1], [1, 2]], ids=str)
def test_a_start_that_ends_in_nan_never_counts(sample, bad, monkeypatch):
    """Wherever among the three starts it is, and that of which toy."""
    reference, toys = sample
    recipe = replace(QUICK, starts=3, cells=None)
    (good,) = (i for i in range(3) if i not in bad) if len(bad) == 2 else ((set(range(3)) - set(bad)).pop(),)
    real, calls = train.newton.minimise, []

    def minimise(network, weights, *rest):
        calls.append(len(calls))
        weights = real(network, weights, *rest)
        if calls[-1] in bad:
            weights[1] = np.nan
        return weights

    args = (reference, toys[:2], 300, (1, 3, 1), 4.0, recipe)
    whole = nplm.fit(*args)
    monkeypatch.setattr(train.newton, "minimise", minimise)
    t = nplm.fit(*args)
    assert t[0] == whole[0] and np.isfinite(t[1]) and t[1] <= whole[1] and good not in bad


def test_toy_whose_starts_all_end_in_nan_is_named(sample, monkeypatch):
    reference, toys = sample
    real, calls = train.newton.minimise, []

    def minimise(network, weights, *rest):
        calls.append(None)
        weights = real(network, weights, *rest)
        weights[1] = np.nan if len(calls) > 2 else weights[1]  # in the second batch
        return weights

    monkeypatch.setattr(train.newton, "minimise", minimise)
    with pytest.raises(FloatingPointError, match="t of toy 3 is not finite from any start"):
        nplm.fit(reference, toys[:4], 300, (1, 3, 1), 4.0, replace(QUICK, starts=2), batch=2)


def test_saturated_sigmoids_are_not_passed_over():
    """Features in GeV: every sigmoid is 0 or 1 at all events, whatever the weights on the way."""
    rng = np.random.default_rng(1)
    reference, data = rng.uniform(5e3, 9e3, (1000, 2)), rng.uniform(5e3, 9e3, (200, 2))
    with pytest.warns(RuntimeWarning, match=r"toys \[0\]: sigmoids are saturated at all events.*`normalise`"):
        nplm.fit(reference, [data], 200, (2, 3, 1), 1.2, QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nplm.fit(
            *nplm.normalise(reference, reference), [nplm.normalise(reference, data)[0]], 200, (2, 3, 1), 1.2, QUICK
        )


def test_the_best_of_several_starts_counts(sample):
    reference, toys = sample
    args = (reference, toys, 300, (1, 3, 1), 4.0)
    starts = train.Trainer((1, 3, 1), np.full(10, 4.0), replace(QUICK, starts=3), True, 99).starts(toys, 3)
    alone = [nplm.fit(*args, QUICK, initial=start) for start in starts]
    fits = nplm.fit_models(*args, replace(QUICK, starts=3), seed=3)
    assert np.allclose(fits.t, np.max(alone, axis=0), atol=0.02)
    assert (np.argmax(alone, axis=0) > 0).any()  # or one start would do
    t = fits.history.iterations.t
    assert np.allclose(t[:, -1], fits.t, atol=1e-6) and (t[:, -10:] >= alone[0][:, None] - 0.02).all()


def test_order_of_events_does_not_matter(sample, fits):
    reference, toys = sample
    rng = np.random.default_rng(0)
    t = nplm.fit(rng.permutation(reference), [rng.permutation(x) for x in toys], 300, (1, 3, 1), 4.0, QUICK, seed=1)
    assert np.allclose(t, fits.t, atol=0.02)


def test_one_reference_a_toy(sample):
    """In a list, from a function, or with weights: the same; and for equal references that of a shared one."""
    reference, toys = sample
    args = (300, (1, 3, 1), 4.0, QUICK, 1)
    rng = np.random.default_rng(3)
    own = [rng.exponential(size=(n, 1)) for n in (1500, 1600, 1400)]
    listed = nplm.fit(own, toys[:3], *args)
    assert np.allclose(nplm.fit(lambda i: own[i], toys[:3], *args, batch=2), listed, atol=0.02)
    weighted = nplm.fit(lambda i: (own[i], np.full(len(own[i]), 2.0)), toys[:3], *args)
    assert np.allclose(weighted, listed, atol=0.02)
    shared = nplm.fit([reference] * 3, toys[:3], *args)
    assert np.allclose(shared, nplm.fit(reference, toys[:3], *args), atol=0.02)


def test_weights_of_the_reference_count(sample):
    """Half the events with twice the weight, and the others with none."""
    reference, toys = sample
    weights = np.where(np.arange(len(reference)) < 1500, 2.0, 0.0)
    args = (toys[:2], 300, (1, 3, 1), 4.0, QUICK, 1)
    assert np.allclose(
        nplm.fit(reference, *args, reference_weights=weights), nplm.fit(reference[:1500], *args), atol=0.02
    )


def test_recipes_agree(sample):
    """On small samples, with Adam at five times the learning rate of the paper, so that few epochs suffice.

    The better of two runs each; for three seeds the medians of the differences are 0.00 to 0.12, the lowest -3.1.
    """
    reference, toys = sample
    args = (reference[:1000], toys, 300, (1, 3, 1), 2.0)
    newton, adam = (
        np.max([nplm.fit(*args, recipe, seed) for seed in range(2)], axis=0)
        for recipe in ("newton", nplm.Adam(epochs=4000, learning_rate=5e-3))
    )
    assert abs(np.median(newton - adam)) < 0.5 and (newton - adam).min() > -5


def test_clipped_biases_can_only_lower_the_optimum(sample):
    reference, toys = sample
    args = (reference, toys, 300, (1, 1), 0.3, QUICK)
    free, clipped = (nplm.fit_models(*args, clip_biases=clip) for clip in (False, True))
    assert (clipped.t <= free.t + 1e-6).all()
    assert abs(free.weights[:, 0]).max() <= 0.3 and abs(clipped.weights).max() <= 0.3


def test_null_toys_come_at_the_stated_rate():
    """A linear f has 3 degrees of freedom and no edges: t is chi-squared, inflated by 1 + N(R)/N_R = 1.1.

    Ten seeds gave 2.2 % to 6.2 % of 400 toys beyond the 95 % quantile of the inflated law, p-values of its
    compatibility from 0.06 to 0.96, and means from 3.07 to 3.35.
    """
    toys = nplm.draw(lambda rng, size: rng.normal(size=(size, 2)), expected=200, n=400, seed=1)
    t = nplm.fit(
        lambda i: np.random.default_rng([5, i]).normal(size=(2000, 2)), toys, 200, (2, 1), 5.0,
        nplm.Newton(warm_up=nplm.Adam(epochs=20), starts=1, iterations=30), batch=100,
    )  # fmt: skip
    assert 0.015 < (t / 1.1 > 7.815).mean() < 0.085
    assert nplm.compatibility(t / 1.1, dof=3).ks_p_value > 1e-3
    assert t.mean() == pytest.approx(3.3, abs=0.5)


def bad(reference=None, toys=None, expected=10.0, architecture=(1, 2, 1), clip=1.0, **options):
    reference = np.zeros((20, 1)) if reference is None else reference
    toys = [np.zeros((5, 1))] if toys is None else toys
    return nplm.fit(reference, toys, expected, architecture, clip, **{"recipe": QUICK, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"toys": []}, "toys: expected at least one data sample"),
        ({"toys": [np.zeros((5, 1)), np.zeros((0, 1))]}, r"toys\[1\]: expected features of at least one event"),
        ({"toys": np.zeros((5, 1))}, r"not one of shape \(5, 1\); write \[data\]"),
        ({"toys": [np.zeros(5)]}, r"toys\[0\]: expected features .* not \(5,\); write x\[:, None\]"),
        ({"toys": [np.full((5, 1), np.nan)]}, r"toys\[0\]: feature 0 of event 0 is nan"),
        ({"reference": np.full((5, 1), np.inf)}, "reference: feature 0 of event 0 is inf"),
        ({"toys": [np.zeros((5, 2))]}, r"toys\[0\] has 2 features: expected 1, the first number of architecture"),
        ({"reference": np.zeros((5, 2))}, "reference has 2 features: expected 1, the first number"),
        ({"reference": [np.zeros((5, 1))] * 3}, "one array for all toys or 1, one a toy, not 3"),
        ({"architecture": (1, 3)}, r"architecture=\(1, 3\) ends in 3: expected 1, the log ratio"),
        ({"architecture": (1,)}, r"architecture=\(1,\): expected numbers of neurons"),
        ({"architecture": (1, 2.5, 1)}, "expected numbers of neurons"),
        ({"clip": 0}, "weight_clipping=0: expected a bound above 0"),
        ({"clip": np.nan}, "weight_clipping=nan: expected a bound above 0"),
        ({"expected": -1}, "expected=-1: expected a finite number above 0"),
        ({"recipe": "sgd"}, "recipe='sgd': expected 'adam', 'newton', or an Adam"),
        ({"initial": np.full(7, 2.0)}, "initial: a weight of size 2 lies outside the box.*clip them, or widen"),
        ({"initial": np.zeros(3)}, r"initial: expected weights of shape \(1, 7\), not \(3,\)"),
        ({"reference_weights": np.ones(3)}, "weights of reference: expected one weight for each of the 20"),
        ({"reference_weights": -np.ones(20)}, "weights of reference: 20 of 20 values .* are negative"),
        ({"batch": 0}, "batch=0: expected a whole number of 1 or more"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        bad(**options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nplm.Adam(epochs=0),
        lambda: nplm.Adam(beta_1=1.0),
        lambda: nplm.Newton(tolerance=-1),
        lambda: nplm.Newton(starts=0),
        lambda: nplm.Newton(starts=2.5),
        lambda: nplm.Newton(cells=-1),
        lambda: nplm.Newton(patience=True),
        lambda: nplm.Adam(epochs=100.0),
        lambda: nplm.Adam(learning_rate=np.inf),
        lambda: nplm.Newton(warm_up="adam"),
    ],
)
def test_recipes_check_their_constants(make):
    with pytest.raises(ValueError, match=r"=.*: expected (a number|a whole number|a finite number|an Adam)"):
        make()


def test_the_papers_epochs():
    assert [nplm.Adam().steps(a) for a in ((2, 5, 1), (5, 5, 5, 5, 1))] == [150_000, 300_000]
