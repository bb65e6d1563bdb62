"""The machine as a whole: recipes that agree, batches that do not matter, toys at their rate, clear errors."""

from dataclasses import replace

import numpy as np
import pytest

from dmlib import nplm

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
    assert (fits.t >= 0).all() and fits.t[5] > 40 > fits.t[:5].max()
    x = np.array([[0.5], [4.0]])
    assert np.diff(fits.log_ratio(x)[5])[0] > 1


def test_t_is_that_of_the_log_ratio(sample, fits):
    reference, toys = sample
    a = 300 / len(reference)
    for toy, data in enumerate(toys):
        t = 2 * (fits.log_ratio(data)[toy].sum() - a * np.expm1(fits.log_ratio(reference)[toy]).sum())
        assert fits.t[toy] == pytest.approx(t, abs=1e-8)


def test_history_grows_to_t(fits):
    step, t = fits.history
    assert (
        t.shape == (6, len(step))
        and (np.diff(step) > 0).all()
        and step[0] == 0
        and step[-1] == 300 + len(step[step > 300])
    )
    assert np.allclose(t[:, -1], fits.t, atol=1e-6)
    newton = t[:, step > 300]
    assert (np.diff(newton, axis=1) >= 0).all()


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


def test_a_toy_alone_is_a_toy_among_others(sample, fits):
    reference, toys = sample
    start = nplm.initial_weights((1, 3, 1), 6, seed=1)
    (t,) = nplm.fit(reference, [toys[5]], 300, (1, 3, 1), 4.0, QUICK, initial=start[5])
    assert t == pytest.approx(fits.t[5], abs=0.02)


def test_the_best_of_several_starts_counts(sample):
    reference, toys = sample
    args = (reference, toys, 300, (1, 3, 1), 4.0)
    starts = nplm.initial_weights((1, 3, 1), 18, seed=3).reshape(6, 3, 10)
    alone = [nplm.fit(*args, QUICK, initial=starts[:, i]) for i in range(3)]
    fits = nplm.fit_models(*args, replace(QUICK, starts=3), seed=3)
    assert np.allclose(fits.t, np.max(alone, axis=0), atol=0.02)
    assert (np.argmax(alone, axis=0) > 0).any()  # or one start would do
    assert np.allclose(fits.history.t[:, -1], fits.t, atol=1e-6)
    assert (fits.history.t[:, fits.history.step > fits.history.step[-1] - 10] >= alone[0][:, None] - 0.02).all()


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

    Against the better of two runs of Adam, four seeds of Newton: mean differences -0.09 to 0.08, the lowest -0.72.
    """
    reference, toys = sample
    args = (reference[:1000], toys, 300, (1, 3, 1), 2.0)
    adam = [nplm.fit(*args, recipe=nplm.Adam(epochs=4000, learning_rate=5e-3), seed=seed) for seed in range(2)]
    difference = nplm.fit(*args, recipe="newton") - np.max(adam, axis=0)
    assert abs(np.mean(difference)) < 0.5 and difference.min() > -3


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
        ({"toys": [np.zeros((5, 1)), np.zeros((0, 1))]}, r"toys\[1\] is empty: expected at least one event"),
        ({"toys": np.zeros((5, 1))}, r"not one of shape \(5, 1\); write \[data\]"),
        ({"toys": [np.zeros(5)]}, r"toys\[0\]: expected events of shape \(n, d\), not \(5,\); write x\[:, None\]"),
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
        ({"reference_weights": np.ones(3)}, "weights of reference: expected 20 finite numbers"),
        ({"reference_weights": -np.ones(20)}, "weights of reference: expected 20 finite numbers, none negative"),
        ({"batch": 0}, "batch=0: expected a whole number above 0"),
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
    ],
)
def test_recipes_check_their_constants(make):
    with pytest.raises(ValueError, match="expected a number"):
        make()


def test_the_papers_epochs():
    assert [nplm.Adam().steps(a) for a in ((2, 5, 1), (5, 5, 5, 5, 1))] == [150_000, 300_000]
