"""Toys from a generator and from a pool, their scaling, and the ideal test."""

import numpy as np
import pytest

from dmlib import nplm


def uniform(rng, size):
    return rng.random((size, 1))


def test_sizes_are_poisson_and_toys_independent_of_their_number():
    toys = nplm.draw(uniform, 50, 2000, seed=1)
    sizes = [len(x) for x in toys]
    assert np.mean(sizes) == pytest.approx(50, abs=1) and np.var(sizes) == pytest.approx(50, rel=0.15)
    assert np.array_equal(nplm.draw(uniform, 50, 3, seed=1)[2], toys[2])
    assert not np.array_equal(nplm.draw(uniform, 50, 1, seed=2)[0], toys[0])


@pytest.mark.parametrize(("n", "reuse"), [(5, 0.5), (40, 4)])
def test_pool_is_dealt_out(n, reuse):
    """No event twice in a toy; none in two toys while the pool lasts; and all equally often afterwards."""
    pool = np.arange(1000.0)[:, None]
    toys, used = nplm.draw_from(pool, 100, n, seed=1)
    assert used == pytest.approx(reuse, rel=0.1) and used == sum(map(len, toys)) / 1000
    assert all(len(set(x[:, 0])) == len(x) for x in toys)
    counts = np.bincount(np.concatenate(toys)[:, 0].astype(int), minlength=1000)
    assert counts.max() - counts.min() <= 1 + (reuse > 1)


def test_features_are_scaled_by_the_reference():
    rng = np.random.default_rng(1)
    reference = np.column_stack([rng.exponential(40, 5000), rng.normal(3, 2, 5000)])
    scaled, other = nplm.normalise(reference, reference, reference[:7] + 1)
    assert scaled[:, 0].mean() == pytest.approx(1) and scaled[:, 0].min() > 0
    assert scaled[:, 1].mean() == pytest.approx(0, abs=1e-12) and scaled[:, 1].std() == pytest.approx(1)
    assert np.allclose(other - scaled[:7], [1 / reference[:, 0].mean(), 1 / reference[:, 1].std()])


def test_ideal_test_statistic():
    """For a shifted Gaussian t is linear in the sum of x: mean and spread are known."""
    shift, expected = 0.2, 400
    null, new = (nplm.draw(lambda r, n, s=s: r.normal(s, 1, (n, 1)), expected, 1000, 3) for s in (0.0, shift))
    t0, t1 = (nplm.neyman_pearson(x, lambda x: shift * x[:, 0] - shift**2 / 2, 400, 400) for x in (null, new))
    for t, mean in ((t0, -expected * shift**2), (t1, expected * shift**2)):
        assert t.mean() == pytest.approx(mean, abs=1.5)
        assert t.std() == pytest.approx(2 * np.sqrt(expected * (shift**2 + shift**4 / 4)), rel=0.1)


def test_no_fit_beats_the_ideal_test():
    """Linear f hold the true ratio of shifted Gaussians: the fitted t is above the ideal one, its power below."""
    reference = np.random.default_rng(0).normal(size=(80_000, 1))
    toys = nplm.draw(lambda rng, n: rng.normal(0.2, 1, (n, 1)), 400, 20, seed=4)
    recipe = nplm.Newton(warm_up=nplm.Adam(epochs=20), starts=1, iterations=20)
    fitted = nplm.fit(reference, toys, 400, (1, 1), 3.0, recipe)
    ideal = nplm.neyman_pearson(toys, lambda x: 0.2 * x[:, 0] - 0.02, 400, 400)
    assert (fitted > ideal - 0.5).all()  # the finite reference moves t by a little
    null = nplm.fit(reference, nplm.draw(lambda r, n: r.normal(size=(n, 1)), 400, 20, seed=5), 400, (1, 1), 3.0, recipe)
    assert null.mean() < 6 < fitted.mean()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nplm.draw(uniform, 0, 3, 1), "expected=0: expected a finite number above 0"),
        (lambda: nplm.draw(lambda rng, n: rng.random(n), 10, 3, 1), r"generator: expected \d+ events, shape"),
        (lambda: nplm.draw_from(np.zeros((5, 1)), 100, 1, 1), "pool has 5 events: expected at least"),
        (lambda: nplm.mix([1], [1, 2]), r"equally many toys of each, not \[1, 2\]"),
        (lambda: nplm.normalise(np.ones((5, 1))), "feature 0 is constant"),
        (lambda: nplm.neyman_pearson([np.zeros((2, 1))], lambda x: x, 1, 1), "one number below infinity for each"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
