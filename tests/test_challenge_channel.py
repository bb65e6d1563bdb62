"""A channel of the challenge with all its samples, and the figures of merit of a score on its signals."""

import awkward as ak
import numpy as np
import pandas as pd
import pytest

from dmlib import challenge, compute, metrics, samples


@pytest.fixture(scope="module")
def leptons():
    return challenge.channel("2a")


def missing(events):
    return events.met


def test_a_channel_has_its_background_in_three_parts_and_the_signals_of_table_3(leptons):
    for part, stem in (("background", ""), ("validation", "-validation"), ("test", "-test")):
        assert len(getattr(leptons, part)) == samples.catalogue().loc[f"darkmachines/2a/background{stem}", "events"]
    assert {"gluino_1000.0_neutralino_1.0", "pp23mt_50", "chaneut_cha200_neut50"} <= leptons.signals.keys()
    assert not [name for name in leptons.signals if "blind" in name or "mixture" in name or "background" in name]


def test_figures_are_those_of_metrics_with_the_weights_of_the_test(leptons):
    scores = leptons.scores(missing)
    assert list(scores) == ["background", *leptons.signals]
    table = leptons.figures(scores, n_bootstrap=20)
    assert list(table.index) == list(leptons.signals)
    for name in list(leptons.signals)[:2]:
        weights = ak.to_numpy(leptons.test.weight)
        drawn = {"n_bootstrap": 20, "seed": compute.seed(0, "bootstrap", "2a", name)}
        expected = metrics.figures_of_merit(scores["background"], scores[name], weights, **drawn)
        for figure in ("AUC", "eff_S(1e-2)", "max SI"):
            np.testing.assert_equal(table.loc[name, figure], expected.loc[figure, "value"])
            np.testing.assert_equal(table.loc[name, f"{figure} error"], expected.loc[figure, "error"])


def test_a_constant_score_finds_nothing(leptons):
    table = leptons.figures(leptons.scores(lambda events: np.zeros(len(events))), n_bootstrap=5)
    assert (table["AUC"] == 0.5).all()


def test_what_is_wrong_is_named(leptons):
    with pytest.raises(ValueError, match="name='4'"):
        challenge.channel("4")
    with pytest.raises(ValueError, match="scores of background"):
        leptons.scores(lambda events: [1.0])
    with pytest.raises(ValueError, match=r"nothing for background.*expected what Channel.scores returns"):
        leptons.figures({name: [1.0] for name in leptons.signals})


def test_cuts_are_scores_of_every_channel(leptons):
    for cut in challenge.CUTS.values():
        assert all(np.ptp(values) > 0 for values in leptons.scores(cut).values())
    np.testing.assert_array_equal(challenge.CUTS["objects"](leptons.test), ak.num(leptons.test.objects))
    total = ak.sum(leptons.test.objects.pt, axis=1) + leptons.test.met
    np.testing.assert_allclose(challenge.CUTS["sum of momenta"](leptons.test), total)


def test_the_median_of_equal_signals_has_the_error_of_a_median():
    """Of n normal values with one width the median has 1.25 times that width over the root of n."""
    n = 401
    table = pd.DataFrame({"AUC": np.full(n, 0.7), "eff_S(1e-2)": 0.1, "max SI": 1.0})
    table = table.assign(**{f"{name} error": 0.02 for name in table})
    row = challenge.medians({"a": table, "b": table.assign(AUC=0.9)}).loc["a"]
    assert row["AUC"] == pytest.approx(0.7) and row["max SI"] == 1
    assert row["AUC error"] == pytest.approx(0.02 * np.sqrt(np.pi / 2 / n), rel=0.1)
    with pytest.raises(ValueError, match="'a' lacks AUC error"):
        challenge.medians({"a": table.drop(columns="AUC error")})
