"""Figures of merit: closed forms, ties, weights, support, and errors that match an ensemble of repeated experiments."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from dmlib import metrics

PROPERTY = settings(deadline=None, derandomize=True, max_examples=25)
# Few distinct values: ties within and between the classes are the rule.
TIED = arrays(np.float64, st.integers(1, 30), elements=st.integers(-4, 4).map(float))
# Weights from 0 (no event) over 3 (three events).
COUNTS = st.integers(0, 3)


def weighted(scores):
    return st.tuples(st.just(scores), arrays(np.int64, len(scores), elements=COUNTS).filter(np.any))


WEIGHTED = TIED.flatmap(weighted)


def gaussians(shift, n_background, n_signal, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n_background), rng.normal(shift, size=n_signal)


# Closed forms


def test_two_gaussians_have_their_closed_form():
    shift = 1.5
    f = metrics.figures_of_merit(*gaussians(shift, 50_000, 5_000, seed=1))
    truth = {"AUC": norm.cdf(shift / np.sqrt(2))}
    for label in ("1e-2", "1e-3"):
        truth[f"eff_S({label})"] = norm.sf(norm.isf(float(label)) - shift)
        truth[f"SI({label})"] = truth[f"eff_S({label})"] / np.sqrt(float(label))
    truth["max SI"] = truth["SI(1e-2)"]
    f = f.assign(truth=pd.Series(truth)).dropna()
    assert len(f) == len(truth)
    assert ((f.value - f.truth) / f.error).abs().max() < 3
    assert (f.error < 0.2 * f.value).all()
    assert f.events["eff_S(1e-3)"] == pytest.approx(50)
    assert f.note["max SI"] == "largest at 1e-2, of 1e-2, 1e-3"


def test_random_score_passes_signal_like_background():
    f = metrics.figures_of_merit(*gaussians(0, 40_000, 10_000, seed=2))
    for label in ("1e-2", "1e-3"):
        assert abs(f.value[f"eff_S({label})"] - float(label)) < 3 * f.error[f"eff_S({label})"]
        assert abs(f.value[f"SI({label})"] - np.sqrt(float(label))) < 3 * f.error[f"SI({label})"]


def test_higher_score_is_more_anomalous():
    background, signal = gaussians(2, 1_000, 1_000, seed=3)
    assert metrics.auc(background, signal) > 0.9
    assert metrics.auc(-background, -signal) < 0.1
    assert metrics.signal_efficiency(background, signal, 0.1) > 0.5
    assert metrics.signal_efficiency(-background, -signal, 0.1) < 0.01


def test_working_point_is_unbiased_on_average():
    # Signal drawn densely from the background's law: its efficiency is the background efficiency of the cut.
    rng, signal = np.random.default_rng(4), (np.arange(4_000) + 0.5) / 4_000
    passed = [metrics.signal_efficiency(rng.random(1_000), signal, 1e-2) for _ in range(300)]
    assert np.mean(passed) == pytest.approx(10 / 1_001, abs=4 * np.std(passed) / np.sqrt(300))
    assert 4 * np.std(passed) / np.sqrt(300) < 0.8e-3  # the top of the step would give 11/1001


# Against scikit-learn, and by properties


@PROPERTY
@given(WEIGHTED, WEIGHTED)
def test_auc_is_the_probability_of_the_right_order(background, signal):
    (b, w_b), (s, w_s) = background, signal
    order = (s[:, None] > b) + 0.5 * (s[:, None] == b)
    expected = np.sum(w_s[:, None] * w_b * order) / (w_s.sum() * w_b.sum())
    assert metrics.auc(b, s, w_b, w_s) == pytest.approx(expected, abs=1e-12)
    label = np.repeat([0, 1], [len(b), len(s)])
    library = sklearn.metrics.roc_auc_score(label, np.concatenate([b, s]), sample_weight=np.concatenate([w_b, w_s]))
    assert metrics.auc(b, s, w_b, w_s) == pytest.approx(library, abs=1e-12)


@PROPERTY
@given(WEIGHTED, WEIGHTED)
def test_whole_weights_are_repeated_events(background, signal):
    (b, w_b), (s, w_s) = background, signal
    repeated = np.repeat(b, w_b), np.repeat(s, w_s)
    for a, c in zip(metrics.roc_curve(b, s, w_b, w_s), metrics.roc_curve(*repeated), strict=True):
        np.testing.assert_array_equal(a, c)
    assert metrics.auc(b, s, w_b, w_s) == metrics.auc(*repeated)
    points = [0.03, 0.1, 1 / 3, 0.5, 1.0]
    np.testing.assert_array_equal(
        metrics.signal_efficiency(b, s, points, w_b, w_s, min_events=0),
        metrics.signal_efficiency(*repeated, points, min_events=0),
    )


@PROPERTY
@given(TIED, TIED)
def test_only_the_order_of_scores_matters(b, s):
    points = [0.03, 0.1, 1 / 3, 0.5, 1.0]
    for transform in (np.exp, lambda x: 1e6 * x**3 - 1e7):
        changed = transform(b), transform(s)
        assert metrics.auc(*changed) == metrics.auc(b, s)
        for a, c in zip(metrics.roc_curve(*changed)[:2], metrics.roc_curve(b, s)[:2], strict=True):
            np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(
            metrics.signal_efficiency(*changed, points, min_events=0),
            metrics.signal_efficiency(b, s, points, min_events=0),
        )


@PROPERTY
@given(WEIGHTED, WEIGHTED)
def test_roc_counts_the_events_at_or_above_each_threshold(background, signal):
    (b, w_b), (s, w_s) = background, signal
    eff_b, eff_s, thresholds = metrics.roc_curve(b, s, w_b, w_s)
    assert (eff_b[0], eff_s[0], eff_b[-1], eff_s[-1]) == (0, 0, 1, 1)
    assert np.all(np.diff(eff_b) >= 0) and np.all(np.diff(eff_s) >= 0) and np.all(np.diff(thresholds) < 0)
    for e_b, e_s, t in zip(eff_b, eff_s, thresholds, strict=True):
        assert e_b == pytest.approx(w_b[b >= t].sum() / w_b.sum())
        assert e_s == pytest.approx(w_s[s >= t].sum() / w_s.sum())


@PROPERTY
@given(WEIGHTED, WEIGHTED, st.floats(0.01, 1))
def test_efficiency_is_that_of_a_cut_which_decides_ties_by_lot(background, signal, point):
    (b, w_b), (s, w_s) = background, signal
    p_b, p_s = w_b / w_b.sum(), w_s / w_s.sum()
    t = max(x for x in np.unique(b[w_b > 0]) if p_b[b >= x].sum() >= point * (1 - 1e-8))
    lot = (point - p_b[b > t].sum()) / p_b[b == t].sum()
    expected = p_s[s > t].sum() + lot * p_s[s == t].sum()
    assert metrics.signal_efficiency(b, s, point, w_b, w_s, min_events=0) == pytest.approx(expected, abs=1e-6)


# Ties, separation, support


def test_constant_score_is_useless_but_allowed():
    f = metrics.figures_of_merit(np.zeros(2_000), np.zeros(50))
    assert f.value["AUC"] == 0.5
    assert f.value["eff_S(1e-2)"] == pytest.approx(1e-2)
    assert f.error["eff_S(1e-2)"] < 1e-12


def test_perfect_score_has_a_limit_for_an_error():
    # All background tied at 0 is the hard case: the cut that only signal passes lies in no background interval.
    f = metrics.figures_of_merit(np.zeros(20_000), np.ones(100))
    assert f.value["AUC"] == 1 and f.value["eff_S(1e-3)"] == 1
    assert f.value["max SI"] == pytest.approx(1 / np.sqrt(1e-3))
    assert f.error["AUC"] == f.error["eff_S(1e-3)"] == pytest.approx(1.149 / 100, rel=0.02)
    assert f.error["max SI"] == pytest.approx(f.error["SI(1e-3)"])
    assert "limit" in f.note["AUC"] and "limit" in f.note["SI(1e-2)"]


def test_signal_below_all_background_has_a_limit_too():
    f = metrics.figures_of_merit(np.linspace(1, 2, 20_000), np.zeros(100))
    assert f.value["AUC"] == pytest.approx(0) and f.value["max SI"] == 0
    assert f.error["eff_S(1e-2)"] == pytest.approx(1.149 / 100, rel=0.02)
    assert f.error["AUC"] > 0 and f.error["max SI"] == pytest.approx(f.error["SI(1e-3)"])


def test_working_point_finer_than_the_sample_is_not_given():
    f = metrics.figures_of_merit(*gaussians(1, 2_000, 500, seed=5))
    assert f.note["eff_S(1e-2)"] == "" and f.value["eff_S(1e-2)"] > 0
    assert f.note["eff_S(1e-3)"] == "2 effective background events past the cut, 10 needed"
    assert f.note["SI(1e-4)"] == "0.2 effective background events past the cut, 10 needed"
    assert f.loc[["eff_S(1e-3)", "SI(1e-3)", "eff_S(1e-4)", "SI(1e-4)"], ["value", "error"]].isna().all(axis=None)
    assert f.value["max SI"] == f.value["SI(1e-2)"]
    assert f.note["max SI"] == "largest at 1e-2, of 1e-2"


def test_no_background_past_any_cut():
    f = metrics.figures_of_merit([0.0, 0.1, 0.2], [1.0, 2.0])
    assert f.drop("AUC").value.isna().all() and (f.note != "").all()
    assert np.isnan(metrics.significance_improvement(0.5, 0.0))
    assert np.isnan(metrics.signal_efficiency([0.0, 0.1], [1.0], 1e-4))


@pytest.mark.parametrize(("n", "supported"), [(999, False), (1_000, True)])
def test_ten_events_are_enough(n, supported):
    for weights in (None, np.full(n, 0.1)):  # 0.1 adds up to a working point only within rounding
        efficiency = metrics.signal_efficiency(np.arange(n), np.arange(n), 1e-2, weights)
        assert np.isfinite(efficiency) == supported


def test_one_heavy_event_is_no_support():
    weights = np.ones(10_000)
    weights[-20] = 1_000  # among the highest scores, so that it makes up most of the working point
    f = metrics.figures_of_merit(np.arange(10_000), np.arange(9_000, 10_000), weights)
    assert np.isnan(f.value["eff_S(1e-2)"]) and f.events["eff_S(1e-2)"] < 1.1
    assert len(metrics.sic_curve(np.arange(10_000), np.arange(10_000), weights)[0]) < 10_000


def test_weights_support_a_finer_working_point():
    # A sample enriched in the tail and weighted back: 1e-4 of the background, with 5,000 events.
    rng = np.random.default_rng(6)
    background = rng.normal(1.5, 1.5, 5_000)
    weights = norm.pdf(background) / norm.pdf(background, 1.5, 1.5)
    f = metrics.figures_of_merit(background, rng.normal(2, size=5_000), weights)
    truth = norm.sf(norm.isf(1e-4) - 2)
    assert f.events["eff_S(1e-4)"] > 100
    assert f.error["eff_S(1e-4)"] < 0.2 * truth
    assert abs(f.value["eff_S(1e-4)"] - truth) < 3 * f.error["eff_S(1e-4)"]


def test_sic_stops_at_25_events_and_agrees_with_the_figures():
    background, signal = gaussians(1.5, 10_000, 2_000, seed=7)
    eff_b, si = metrics.sic_curve(background, signal)
    assert eff_b[0] == pytest.approx(25 / 10_000) and eff_b[-1] == 1 and si[-1] == 1
    assert np.all(np.diff(eff_b) > 0) and np.all(np.isfinite(si))
    f = metrics.figures_of_merit(background, signal)
    assert si[np.isclose(eff_b, 1e-2)] == pytest.approx(f.value["SI(1e-2)"])
    assert [len(x) for x in metrics.sic_curve(background[:20], signal)] == [0, 0]


def test_sic_band_contains_most_of_the_true_curve():
    shift = 1.5
    eff_b, low, high = metrics.sic_band(*gaussians(shift, 10_000, 2_000, seed=8))
    assert (len(eff_b), eff_b[-1], low[-1], high[-1]) == (100, 1, 1, 1)
    truth = norm.sf(norm.isf(eff_b) - shift) / np.sqrt(eff_b)
    assert np.mean(np.abs(truth - (low + high) / 2) < (high - low)) > 0.9  # two standard deviations, correlated points
    assert np.all(high[:50] > low[:50])
    assert [len(x) for x in metrics.sic_band([1.0, 2.0], [3.0])] == [0, 0, 0]


# Errors


@pytest.mark.parametrize("enriched", [False, True])
def test_errors_match_repeated_experiments(enriched):
    rng, shift, values, errors = np.random.default_rng(9), 1.5, [], []
    for seed in range(200):
        background, weights = rng.normal(size=2_000), None
        if enriched:
            background = rng.normal(1, 1.5, 2_000)
            weights = norm.pdf(background) / norm.pdf(background, 1, 1.5)
        f = metrics.figures_of_merit(background, rng.normal(shift, size=300), weights, n_bootstrap=20, seed=seed)
        values.append(f.value[["AUC", "eff_S(1e-2)"]])
        errors.append(f.error[["AUC", "eff_S(1e-2)"]])
    values, errors = np.array(values), np.array(errors)
    truth = np.array([norm.cdf(shift / np.sqrt(2)), norm.sf(norm.isf(1e-2) - shift)])
    spread = values.std(axis=0)
    assert np.all(np.abs(np.sqrt(np.mean(errors**2, axis=0)) / spread - 1) < 0.25)
    assert np.all(np.abs(values.mean(axis=0) - truth) < 0.3 * spread)
    coverage = np.mean(np.abs(values - truth) < errors, axis=0)
    assert np.all((0.58 < coverage) & (coverage < 0.78)), coverage


def test_max_si_is_biased_upwards_at_low_counts():
    rng, best, fixed = np.random.default_rng(10), [], []
    points = np.array([1e-2, 5e-3, 2e-3, 1e-3])
    for _ in range(200):
        background, signal = rng.normal(size=10_000), rng.normal(1.9, size=50)  # true SI between 3.4 and 3.8
        si = metrics.significance_improvement(metrics.signal_efficiency(background, signal, points), points)
        fixed.append(si)
        best.append(si.max())
    truth = norm.sf(norm.isf(points) - 1.9) / np.sqrt(points)
    assert np.all(np.abs(np.mean(fixed, axis=0) - truth) < 4 * np.std(fixed, axis=0) / np.sqrt(200))
    assert 1.1 < np.mean(best) / truth.max() < 1.4


def test_same_seed_same_errors():
    sample = gaussians(1, 2_000, 500, seed=11)
    f = [metrics.figures_of_merit(*sample, n_bootstrap=20, seed=seed).error["AUC"] for seed in (1, 1, 2)]
    assert f[0] == f[1] != f[2]


@pytest.mark.parametrize("function", [metrics.figures_of_merit, metrics.sic_band, metrics.max_sic])
def test_seeds_of_every_kind(function):
    def errors(seed):
        return np.array(function(*gaussians(1, 200, 100, seed=11), n_bootstrap=5, seed=seed), dtype=object).tolist()

    assert str(errors(3)) == str(errors(np.int64(3))) != str(errors(4))
    assert str(errors(None)) != str(errors(None))
    generator = np.random.default_rng(3)
    first = str(errors(generator))
    assert first != str(errors(generator)) and first == str(errors(np.random.default_rng(3))) != str(errors(3))
    with pytest.raises(ValueError, match="seed='3': expected a whole number"):
        errors("3")


@PROPERTY
@given(WEIGHTED, WEIGHTED, st.sampled_from([1e-320, 1e-200, 1e-5, 1e200, 1e306]))
def test_only_ratios_of_weights_count(background, signal, unit):
    (b, w_b), (s, w_s) = background, signal
    points = [0.1, 0.5]
    rounding = 1e-3 if unit < 1e-300 else 1e-12  # floats that small hold a few digits only
    scaled = unit * w_b, unit * w_s
    assert metrics.auc(b, s, *scaled) == pytest.approx(metrics.auc(b, s, w_b, w_s), abs=rounding)
    f, g = (metrics.figures_of_merit(b, s, *w, background_efficiencies=points, min_events=1, n_bootstrap=5)
            for w in ((w_b, w_s), scaled))  # fmt: skip
    np.testing.assert_allclose(f.value.to_numpy(), g.value.to_numpy(), atol=10 * rounding)
    np.testing.assert_allclose(f.events.to_numpy(), g.events.to_numpy(), rtol=10 * rounding)


def test_weights_far_apart_are_no_support():
    background, weights = np.arange(1_000.0), np.ones(1_000)
    weights[-100:] = 1e-300  # their squares are not held by floats
    eff_b, si = metrics.sic_curve(background, background, weights)
    assert np.isfinite(si).all() and eff_b[0] == pytest.approx(25 / 900)


def test_one_working_point_is_a_table_too():
    sample = gaussians(1, 2_000, 500, seed=12)
    one, several = (metrics.figures_of_merit(*sample, background_efficiencies=e) for e in (0.1, [0.1]))
    pd.testing.assert_frame_equal(one, several)
    assert list(one.index) == ["AUC", "eff_S(1e-1)", "SI(1e-1)", "max SI"]


def test_other_working_points():
    f = metrics.figures_of_merit(*gaussians(1, 2_000, 500, seed=12), background_efficiencies=[0.5, 0.025])
    assert list(f.index) == ["AUC", "eff_S(5e-1)", "eff_S(2.5e-2)", "SI(5e-1)", "SI(2.5e-2)", "max SI"]
    assert list(f.columns) == ["value", "error", "events", "note"]


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [1.0]), "background_scores: .* at least one event"),
        (([1.0], [[1.0]]), r"signal_scores: .* not an array of shape \(1, 1\)"),
        ((["low"], [1.0]), "background_scores: expected numbers, not"),
        (
            ([1.0, np.nan, np.inf], [1.0]),
            r"background_scores: the score of event 1 is nan; expected a finite number \(2 of 3 are not\)",
        ),
        (([1.0], [-np.inf]), "signal_scores: the score of event 0 is -inf"),
        (([1.0, 2.0], [1.0], [1.0]), r"background_weights: expected one weight for each of the 2 events, .* \(1,\)"),
        (([1.0, 2.0], [1.0], [1.0, -0.5]), "background_weights: 1 of 2 .* negative"),
        (([1.0], [1.0, 2.0], None, [np.nan, 1.0]), "signal_weights: the weight of event 0 is nan"),
        (([1.0], [1.0], [0.0]), "background_weights are all zero"),
    ],
)
def test_bad_input_is_named(arguments, message):
    for function in (metrics.auc, metrics.roc_curve, metrics.figures_of_merit, metrics.sic_curve, metrics.sic_band):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_bad_options_are_named():
    for point in (0, 1.5, [0.1, np.nan]):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            metrics.signal_efficiency([1.0], [1.0], point)
    with pytest.raises(ValueError, match="background_efficiencies: expected a number or a list"):
        metrics.figures_of_merit([1.0], [1.0], background_efficiencies=[[0.1]])
    for n in (-1, 1, 2.5, True):
        with pytest.raises(ValueError, match=f"n_bootstrap={n}: expected a whole number of 2 or more"):
            metrics.figures_of_merit([1.0], [1.0], n_bootstrap=n)
    with pytest.raises(ValueError, match="n_points=0: expected a whole number of 2 or more"):
        metrics.max_sic(range(100), range(100), n_points=0)
    for n in (-1, np.nan):
        with pytest.raises(ValueError, match="min_events=.* of 0 or more"):
            metrics.sic_curve(range(100), range(100), min_events=n)


def test_tables_and_float32_are_fine():
    background, signal = (x.astype(np.float32) for x in gaussians(1, 1_000, 100, seed=13))
    table = pd.Series(background, index=range(1_000, 0, -1))
    assert metrics.auc(table, list(signal)) == metrics.auc(background, signal)


def test_max_sic_is_the_top_of_the_curve():
    rng = np.random.default_rng(7)
    b, s = rng.normal(0, 1, 20_000), rng.normal(2, 1, 5_000)
    value, error = metrics.max_sic(b, s)
    eff_b, si = metrics.sic_curve(b, s)
    assert 0.9 * si.max() < value < 1.05 * si.max() and 0.01 < error < 0.3 * value
    _, low, high = metrics.sic_band(b, s)
    assert low.max() < value < high.max()


def test_max_sic_of_repeated_samples_scatters_as_it_says():
    rng = np.random.default_rng(8)
    pairs = [metrics.max_sic(rng.normal(0, 1, 4_000), rng.normal(2, 1, 2_000)) for _ in range(40)]
    values, errors = np.array(pairs).T
    assert 0.6 < errors.mean() / values.std(ddof=1) < 1.7


def test_max_sic_of_a_small_sample_is_unknown():
    assert np.isnan(metrics.max_sic(range(20), range(20))).all()
