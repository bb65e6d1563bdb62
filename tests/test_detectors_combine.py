"""Scores as shares of background, and their four combinations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from dmlib import compute
from dmlib.detectors import background_efficiency, combine

numbers = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=60)


def test_on_background_it_is_uniform_whatever_the_score():
    rng = compute.stream(1, "uniform")
    for draw in (rng.normal, rng.exponential, rng.standard_cauchy):
        u = background_efficiency(draw(size=4_000), draw(size=100_000))
        assert kstest(u, "uniform").pvalue > 1e-3


@given(numbers, numbers)
def test_the_order_of_events_stays(scores, background):
    u = background_efficiency(scores, background)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(u[order]) >= -1e-12).all() and (u >= 0).all() and (u <= 1).all()


def test_inside_it_counts_what_lies_above_with_its_weight():
    background, weight = np.arange(100.0), np.linspace(1, 2, 100)
    u = background_efficiency([10.5, 50.0], background, weight)
    assert u == pytest.approx([weight[:11].sum() / weight.sum(), weight[:51].sum() / weight.sum()])
    whole = np.repeat(background, np.arange(1, 101))
    assert background_efficiency([33.5], background, np.arange(1, 101)) == pytest.approx(
        background_efficiency([33.5], whole)
    )


def test_the_tail_goes_on_as_an_exponential():
    """Of an exponential law that is the truth."""
    background = compute.stream(2, "tail").exponential(size=100_000)
    scores = np.array([12.0, 15.0, 20.0])
    f = 1 - background_efficiency(scores, background)
    assert np.log(f) == pytest.approx(-scores, rel=0.25)
    assert (np.diff(f) < 0).all()


def test_the_combinations_by_hand():
    a, b = [0.9, 0.2, 0.5], [0.5, 0.4, 0.5]
    assert combine([a, b], "AND").tolist() == [0.5, 0.2, 0.5]
    assert combine([a, b], "OR").tolist() == [0.9, 0.4, 0.5]
    assert combine([a, b], "PROD") == pytest.approx([0.45, 0.08, 0.25])
    assert combine([a, b], "AVG") == pytest.approx([0.7, 0.3, 0.5])
    assert combine([a], "OR").tolist() == a


def test_two_methods_that_see_different_things_see_more_together():
    rng = compute.stream(3, "together")
    background, signal = rng.normal(size=(20_000, 2)), rng.normal(1, size=(5_000, 2))

    def u(events, k):
        return background_efficiency(events[:, k], background[:, k])

    def area(score_b, score_s):
        return np.searchsorted(np.sort(score_b), score_s).mean() / len(score_b)

    alone = area(u(background, 0), u(signal, 0))
    for how in ("AND", "OR", "PROD", "AVG"):
        both = [combine([u(events, 0), u(events, 1)], how) for events in (background, signal)]
        assert area(*both) > alone + 0.03


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: background_efficiency([np.nan], [1.0]), "scores: the score of event 0 is nan"),
        (lambda: background_efficiency([1.0], []), "background_scores"),
        (lambda: background_efficiency([1.0], [1.0], [1.0, 2.0]), "background_weights"),
        (lambda: combine([[0.5]], "XOR"), "how='XOR'"),
        (lambda: combine([]), "expected those of one method or more"),
        (lambda: combine([[0.5], [0.5, 0.5]]), "expected as many of each method"),
        (lambda: combine([[1.5]]), r"scores\[0\]: expected numbers between 0 and 1"),
    ],
)
def test_what_cannot_be_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
