"""Inputs that once gave a wrong number, a message from deep inside, or none: figures, counts, drawings, stored tables.

One row an input: what is called, and what it must say or give. Each kind of fault stands with its neighbours.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dmlib import counting, metrics, plotting, results

RNG = np.random.default_rng(1)
B, S = RNG.normal(size=400), RNG.normal(1, 1, size=200)
FIGURES = (
    metrics.auc,
    metrics.roc_curve,
    metrics.figures_of_merit,
    metrics.sic_curve,
    metrics.sic_band,
    metrics.max_sic,
    lambda *arguments: metrics.signal_efficiency(*arguments[:2], 0.1, *arguments[2:]),
)
COUNTS = (counting.p_value, counting.log_p_value, counting.asimov_significance, counting.s_over_sqrt_b)


@pytest.fixture(autouse=True)
def quiet_and_without_figures():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


def masked(values, *hidden):
    array = np.ma.masked_array(values, np.zeros(len(values), bool))
    array[list(hidden)] = np.ma.masked
    return array


# Masks: numpy drops them when it makes a plain array, and what was left out comes back as a number.


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("function", FIGURES)
def test_masked_events_are_refused(function, place):
    names = ("background_scores", "signal_scores", "background_weights", "signal_weights")
    arguments = [B, S, np.ones(len(B)), np.ones(len(S))]
    arguments[place] = masked(arguments[place], 3, 5)
    with pytest.raises(ValueError, match=rf"{names[place]} holds masked values: .*\.compressed\(\)"):
        function(*arguments)


def test_a_mask_that_hides_nothing_is_no_mask():
    assert metrics.auc(masked(B), masked(S)) == metrics.auc(B, S)
    hidden = masked(np.append(B, 1e9), len(B))
    assert metrics.auc(hidden.compressed(), S) == metrics.auc(B, S)
    assert counting.p_value(masked([3]), masked([1.0])) == counting.p_value(3, 1.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [(lambda f=f, i=i: f(*[masked([4, 5], 0) if i == j else [4, 5] for j in range(3)]), name)
     for f in COUNTS for i, name in enumerate(("observed|signal", "background", "background_error"))]
    + [
        (lambda: counting.z_score(masked([0.1, 0.2], 0)), "p"),
        (lambda: counting.z_score(log_p=masked([-1.0, -2.0], 0)), "log_p"),
        (lambda: counting.global_p_value(masked([0.1, 0.2], 0), 2), "p"),
        (lambda: counting.global_p_value(0.1, masked([1, 2], 0)), "trials"),
        (lambda: metrics.signal_efficiency(B, S, masked([0.1, 0.2], 0)), "background_efficiency"),
        (lambda: metrics.significance_improvement(masked([0.1, 0.2], 0), 0.1), "signal_efficiency"),
        (lambda: plotting.sic({"a": ([0.1, 1.0], masked([2.0, 1.0], 0))}), "significance improvements of 'a'"),
        (lambda: plotting.scatter(np.ma.masked_equal([[0.0, 1.0]], 1.0), [[0.0, 1.0]]), "background"),
        (lambda: plotting.stacked(masked([1.0, 2.0], 0), ["a", "b"], [1, 1], [0, 3], "x"), "values"),
    ],
)  # fmt: skip
def test_masked_numbers_are_refused(call, name):
    with pytest.raises(ValueError, match=f"^({name}) holds masked values"):
        call()


# Scale: only ratios of weights count, whatever their unit.


@pytest.mark.parametrize("unit", [1e-308, 1e-200, 1e-160, 1e-20, 1e160, 1e200, 1e307])
def test_figures_do_not_depend_on_the_unit_of_weights(unit):
    w_b, w_s = RNG.uniform(0.1, 1, len(B)), RNG.uniform(0.1, 1, len(S))
    for function in FIGURES:
        a, b = function(B, S, w_b, w_s), function(B, S, unit * w_b, unit * w_s)
        if isinstance(a, pd.DataFrame):
            a, b = a[["value", "error", "events"]].to_numpy(), b[["value", "error", "events"]].to_numpy()
        for one, two in zip(np.atleast_1d(a), np.atleast_1d(b), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-9)


@pytest.mark.parametrize("weight", [5e-324, 1e-320, 1e308, np.finfo(float).max])
def test_equal_weights_are_none(weight):
    expected = metrics.figures_of_merit(B, S)
    pd.testing.assert_frame_equal(metrics.figures_of_merit(B, S, np.full(len(B), weight)), expected)


# Own output, and selections that keep nothing or one event.


def test_figures_of_one_event_each():
    f = metrics.figures_of_merit([0.0], [1.0])
    assert f.value["AUC"] == 1 and f.drop("AUC").value.isna().all()
    assert f.error["AUC"] == pytest.approx(0.683)
    for function in (metrics.sic_curve, metrics.sic_band):
        assert not any(len(part) for part in function([0.0], [1.0]))
    plotting.sic({"one event": metrics.sic_curve([0.0], [1.0])}).figure.canvas.draw()
    assert np.isnan(metrics.max_sic([0.0], [1.0])).all()


def test_sic_of_all_supported_cuts_is_drawn():
    plotting.sic({"all": metrics.sic_curve(B, S, min_events=0)}).figure.canvas.draw()


@pytest.mark.parametrize("function", FIGURES)
@pytest.mark.parametrize("empty", [[], np.array([]), pd.Series([], dtype=float), ()])
def test_no_events_are_named(function, empty):
    with pytest.raises(ValueError, match="background_scores: expected one score for each event, and at least one"):
        function(empty, S)
    with pytest.raises(ValueError, match="signal_scores: expected one score for each event, and at least one"):
        function(B, empty)


# Messages from inside: numbers of another form than expected.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.auc(["a"], [1.0]), "background_scores: expected numbers, not"),
        (lambda: metrics.auc(None, [1.0]), "background_scores: expected one score for each event"),
        (lambda: metrics.auc(pd.DataFrame({"score": [1.0]}), [1.0]), r"not an array of shape \(1, 1\)"),
        (lambda: metrics.auc([1.0], [1.0], 2.0), "background_weights: expected one weight for each of the 1 events"),
        (lambda: metrics.auc([1.0], [1.0], [1j]), "background_weights: expected numbers"),
        (lambda: metrics.signal_efficiency(B, S, "1e-2"), "background_efficiency: expected numbers"),
        (lambda: metrics.signal_efficiency(B, S, None), "background_efficiency: expected numbers above 0"),
        (lambda: metrics.figures_of_merit(B, S, background_efficiencies=0), "background_efficiencies: expected"),
        (lambda: metrics.figures_of_merit(B, S, seed=1.5), "seed=1.5: expected a whole number"),
        (lambda: metrics.figures_of_merit(B, S, seed=-1), "seed=-1: expected a whole number"),
        (lambda: counting.p_value([1, 2], [1.0, 2.0, 3.0]), "expected arrays of one shape"),
        (lambda: counting.p_value(3, None), "background: 1 of 1 values are not between"),
        (lambda: counting.p_value("3", 1.0), "observed: expected numbers, not '3'"),
        (counting.z_score, "give either p or log_p"),
        (lambda: results.load("resonnant"), "no table 'resonnant'.*Did you mean 'resonant"),
        (lambda: results.load(None), "no table None: expected one of"),
        (lambda: results.provenance("nothing"), "no table 'nothing': expected one of"),
    ],
)
def test_messages_name_the_argument(call, message):
    with pytest.raises((ValueError, KeyError), match=message):
        call()


def test_no_working_point_is_a_table_without_any():
    f = metrics.figures_of_merit(B, S, background_efficiencies=[])
    assert list(f.index) == ["AUC", "max SI"] and np.isnan(f.value["max SI"])


# Counts: negative, huge, none.


@pytest.mark.parametrize("function", COUNTS)
@pytest.mark.parametrize("bad", [-1, -1e-300, np.nan, np.inf, 1e16, 1e300])
def test_counts_out_of_range_are_named(function, bad):
    for arguments, name in (
        ((bad, 1.0), "observed|signal"),
        ((1, bad), "background"),
        ((1, 1.0, bad), "background_error"),
    ):
        with pytest.raises(ValueError, match=f"({name}): 1 of 1 values are not between"):
            function(*arguments)


@pytest.mark.parametrize("function", COUNTS)
def test_no_background_is_refused_and_no_event_is_no_surprise(function):
    with pytest.raises(ValueError, match="an empty control region does not make the background zero"):
        function(3, 0.0)
    for error in (0.0, 0.5, 100.0):
        assert function(0, 1.0, error) == {"p_value": 1.0}.get(function.__name__, 0.0)


def test_no_counts_give_no_numbers():
    for function in COUNTS:
        assert function([], 1.0).shape == (0,)
    assert counting.z_score([]).shape == (0,)


# Shared state: what is handed out may be changed without harm.


def test_a_changed_table_changes_no_other():
    results.provenance("resonant")["tables"].clear()
    results.load("resonant").attrs["settings"].clear()
    assert results.load("resonant").attrs["settings"] and "resonant" in results.names()


def test_figures_leave_their_arguments_alone():
    arguments = [B.copy(), S.copy(), np.full(len(B), 3.0), np.full(len(S), 3.0)]
    for array in arguments:
        array.setflags(write=False)
    for function in FIGURES:
        function(*arguments)
    assert (arguments[2] == 3).all()
