"""What users hand over: tables, pools of toys, masks, seeds of every kind, counts that are none."""

import numpy as np
import pandas as pd
import pytest

from dmlib import nplm

rng = np.random.default_rng(3)
REFERENCE, TOYS = rng.normal(size=(300, 2)), [rng.normal(size=(n, 2)) for n in (50, 60, 55)]
QUICK = nplm.Newton(nplm.Adam(epochs=20, learning_rate=1e-2), starts=1, iterations=10)
MASKED = np.ma.masked_greater(TOYS[0], 1.0)
FITS = {
    "network": lambda reference, toys, **options: nplm.fit(reference, toys, 50, (2, 2, 1), 1.2, QUICK, **options),
    "kernels": lambda reference, toys, **options: nplm.fit_kernels(reference, toys, 50, 20, 2.0, 1e-6, **options).t,
}


@pytest.fixture(params=FITS)
def fit(request):
    return FITS[request.param]


def test_pools_of_toys_are_toys(fit):
    pool = nplm.draw_from(REFERENCE, 50, 3, seed=1)
    assert np.array_equal(fit(REFERENCE, pool), fit(REFERENCE, pool.toys))
    mixed = nplm.mix(pool, nplm.draw_from(REFERENCE, 5, 3, seed=2))
    assert [len(x) > len(y) for x, y in zip(mixed, pool.toys, strict=True)] == [True] * 3
    assert len(nplm.neyman_pearson(pool, lambda x: x[:, 0], 50, 50)) == 3


def test_tables_are_events(fit):
    columns = ["pt", "eta"]
    tables = [pd.DataFrame(x, columns=columns) for x in TOYS]
    t = fit(pd.DataFrame(REFERENCE, columns=columns), tables)
    assert np.array_equal(t, fit(REFERENCE, TOYS)) and np.array_equal(t, fit(REFERENCE, tuple(TOYS)))
    assert np.array_equal(t, fit(REFERENCE, (x for x in TOYS)))
    assert np.array_equal(nplm.draw_from(tables[0], 9, 1, 0).toys[0], nplm.draw_from(TOYS[0], 9, 1, 0).toys[0])


@pytest.mark.parametrize("toys", [pd.DataFrame(TOYS[0], columns=["a", "b"]), TOYS[0], pd.Series([1.0, 2.0])])
def test_one_sample_is_not_a_list_of_them(fit, toys):
    with pytest.raises(ValueError, match=r"toys: expected a sequence of arrays \(n, d\), not .*; write \[data\]"):
        fit(REFERENCE, toys)


@pytest.mark.parametrize("toys", ["abc", {"a": TOYS[0]}, 3, None], ids=repr)
def test_other_things_are_no_toys(fit, toys):
    with pytest.raises(ValueError, match="toys: expected a sequence of arrays"):
        fit(REFERENCE, toys)


@pytest.mark.parametrize("toy", [[["a", "b"]], [[1, "b"]], [[1.0, 2.0], [3.0]], pd.DataFrame({"a": ["x"], "b": [1]})])
def test_words_are_no_features(fit, toy):
    with pytest.raises(ValueError, match=r"toys\[0\]: expected numbers"):
        fit(REFERENCE, [toy])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: FITS["network"](REFERENCE, [MASKED]), r"toys\[0\]"),
        (lambda: FITS["kernels"](np.ma.masked_greater(REFERENCE, 1), TOYS), "reference"),
        (lambda: FITS["network"](REFERENCE, TOYS, reference_weights=np.ma.masked_less(np.arange(300.0), 5)), "weights"),
        (lambda: FITS["network"](REFERENCE, TOYS, initial=np.ma.masked_less(np.zeros(9), 1)), "initial"),
        (lambda: nplm.draw_from(MASKED, 10, 1, 0), "pool"),
        (lambda: nplm.draw(lambda rng, n: np.ma.masked_less(rng.normal(size=(n, 2)), 0), 100, 1, 0), "generator"),
        (lambda: nplm.normalise(REFERENCE, MASKED), r"samples\[0\]"),
        (lambda: nplm.neyman_pearson(TOYS, lambda x: np.ma.masked_less(x[:, 0], 0), 50, 50), "log_ratio"),
        (lambda: nplm.significance(np.ma.masked_less([1.0, 5.0], 2), 3), "t"),
        (lambda: nplm.empirical_significance(5.0, np.ma.masked_less(np.arange(9.0), 2)), "null"),
        (lambda: nplm.compatibility(np.ma.masked_less(np.arange(90.0), 2), 3), "null"),
        (lambda: nplm.KernelMachine(MASKED, 1, 1), "centres"),
        (lambda: nplm.KernelMachine(REFERENCE[:9], 1, 1).features(MASKED), "x"),
    ],
)
def test_masks_are_not_dropped(call, name):
    with pytest.raises(ValueError, match=rf"{name} .*holds masked values|{name} holds masked values"):
        call()


def test_masks_without_masked_values_are_no_trouble(fit):
    assert np.array_equal(fit(np.ma.array(REFERENCE), [np.ma.array(x) for x in TOYS]), fit(REFERENCE, TOYS))


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: nplm.draw(lambda rng, n: rng.normal(size=(n, 1)), 50, 2, seed)[1],
        lambda seed: nplm.draw_from(REFERENCE, 50, 2, seed).toys[1],
        lambda seed: nplm.initial_weights((2, 3, 1), 2, seed),
        lambda seed: FITS["network"](REFERENCE, TOYS, seed=seed),
        lambda seed: FITS["kernels"](REFERENCE, TOYS, seed=seed),
        lambda seed: nplm.extrapolated_significance(30.0, np.arange(1.0, 40), seed).error,
    ],
    ids=["draw", "draw_from", "initial_weights", "fit", "fit_kernels", "extrapolated_significance"],
)
@pytest.mark.filterwarnings("ignore:.*sigmoids are saturated")  # which some start of so short a training may be
def test_seeds_of_every_kind(draw):
    assert np.array_equal(draw(3), draw(np.int64(3))) and np.array_equal(draw(3), draw(np.uint8(3)))
    assert np.array_equal(draw(np.random.default_rng(3)), draw(np.random.default_rng(3)))
    generator = np.random.default_rng(3)
    for one, other in ((draw(None), draw(None)), (draw(generator), draw(generator)), (draw(3), draw(4))):
        assert not np.array_equal(one, other)
    for seed in (-1, 1.5, "1", True):
        with pytest.raises(ValueError, match="seed=.*: expected a whole number"):
            draw(seed)


def test_streams_of_one_seed_are_apart():
    """A reference of `default_rng(0)`, null toys, and toys from a pool, all with the seed 0, share no event."""
    reference = np.random.default_rng(0).normal(size=(5_000, 1))
    toys = nplm.draw(lambda rng, size: rng.normal(size=(size, 1)), 500, 20, seed=0)
    events = np.concatenate([reference, *toys])
    assert len(np.unique(events)) == len(events)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nplm.draw(lambda rng, n: rng.normal(size=(n, 1)), 50, -1, 0), "n=-1: expected a whole number of 0"),
        (lambda: nplm.draw(lambda rng, n: rng.normal(size=(n, 1)), 50, 2.5, 0), "n=2.5: expected a whole number of 0"),
        (lambda: nplm.draw_from(REFERENCE, 50, -1, 0), "n=-1: expected a whole number of 0 or more"),
        (lambda: nplm.draw_from(REFERENCE, np.nan, 1, 0), "expected=nan: expected a finite number above 0"),
        (lambda: nplm.initial_weights((1, 1), -2), "toys=-2: expected a whole number of 0 or more"),
        (lambda: nplm.degrees_of_freedom(5), "architecture=5: expected numbers of neurons"),
        (lambda: nplm.fit(REFERENCE, TOYS, 50, (2, 2, 1), "1"), "weight_clipping='1': expected a bound"),
        (lambda: nplm.fit(REFERENCE, TOYS, 50, (2, 2, 1), [1, 2]), r"weight_clipping=\[1, 2\]: expected a bound"),
        (lambda: nplm.fit(REFERENCE, TOYS, "50", (2, 2, 1), 1), "expected='50': expected a finite number above 0"),
        (lambda: nplm.fit(REFERENCE, TOYS, 50, (2, 2, 1), 1, chunk=0.5), "chunk=0.5: expected a whole number"),
        (lambda: nplm.fit_kernels(REFERENCE, TOYS, 50, 0, 1, 1), "centres=0: expected a whole number of 1 or more"),
        (lambda: nplm.fit_kernels(REFERENCE, TOYS, 50, 9, 0, 1), "sigma=0: expected a finite number above 0"),
        (lambda: nplm.KernelMachine(REFERENCE, 1, 1, iterations=0), "iterations=0: expected a whole number of 1"),
        (lambda: nplm.KernelMachine(REFERENCE, 1, 1, tolerance=0), "tolerance=0: expected a finite number above 0"),
        (lambda: nplm.suggest(REFERENCE[:9], 5), "reference has 9 events: expected at least 20"),
        (lambda: nplm.suggest(np.ones((50, 2)), 5), "reference: nine in ten pairs of events coincide"),
        (lambda: nplm.compatibility(np.ones(50), 3, bins=0), "bins=0: expected a whole number of 2 or more"),
        (lambda: nplm.significance(5.0, [3, 4]), r"dof=\[3, 4\]: expected a finite number above 0"),
        (
            lambda: nplm.KernelMachine(REFERENCE[:9], 1, 1).sums(REFERENCE, [1]),
            "weights: expected one weight for each of",
        ),
    ],
)
def test_numbers_that_are_none_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_toys_are_a_list_of_none():
    assert nplm.draw(lambda rng, n: rng.normal(size=(n, 1)), 50, 0, 0) == []
    assert nplm.draw_from(REFERENCE, 50, 0, 0) == ([], 0.0) and nplm.initial_weights((2, 1), 0).shape == (0, 3)


def test_more_expected_events_than_reference():
    """The square root of their number is no more centres than there are."""
    assert nplm.suggest(REFERENCE, 1e6).centres == 300
    assert np.isfinite(nplm.fit_kernels(REFERENCE, TOYS, 1e6).t).all()


def test_single_precision_is_the_same_toy(fit):
    """The rounding of features does not send a toy to other starts."""
    single = [x.astype(np.float32) for x in TOYS]
    assert np.allclose(fit(REFERENCE, single), fit(REFERENCE, TOYS), atol=0.02)


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_size_of_features_is_blamed(fit):
    with pytest.raises(FloatingPointError, match="t of toy 0 is not finite.*features of very different size"):
        fit(REFERENCE * 1e200, [x * 1e200 for x in TOYS])
