"""The resonant methods on toys whose likelihood ratio is known."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone

from dmlib import metrics
from dmlib.resonant import (
    ANODE,
    CATHODE,
    IAD,
    RANODE,
    CWoLa,
    Ensemble,
    Flow,
    LogitScaler,
    NetworkClassifier,
    Supervised,
    TreeClassifier,
    cross_scores,
    profile,
    search,
    select,
)
from dmlib.training import Recipe
from tools.studies.resonant_toys import MEAN, REGION, Exact, background, signal, true_ratio

QUICK = Recipe(epochs=10, learning_rate=5e-3, validation=0.2, keep=3)
FLOW = Flow("rqs", transforms=1, hidden=(24,), recipe=QUICK)
NETWORK = NetworkClassifier(hidden=(32, 32), recipe=QUICK.replace(epochs=15, learning_rate=3e-3))
TREES = TreeClassifier(ensemble=3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    (xb, mb), (xs, ms) = background(24_000, rng), signal(600, rng)
    return np.concatenate([xb, xs]), np.concatenate([mb, ms])


@pytest.fixture(scope="module")
def test_events():
    rng = np.random.default_rng(4)
    return *background(8_000, rng, REGION), *signal(2_000, rng)


@pytest.fixture(scope="module")
def outer(data):
    x, m = data
    outside = (m < REGION[0]) | (m > REGION[1])
    return FLOW.fit(x[outside], m[outside], LogitScaler().fit(x))


def auc(method, events):
    xb, mb, xs, ms = events
    return metrics.auc(method.anomaly_score(xb, mb), method.anomaly_score(xs, ms))


def best(events):
    return metrics.auc(true_ratio(events[0]), true_ratio(events[2]))


@pytest.mark.parametrize("classifier", [NETWORK, TREES], ids=["network", "trees"])
def test_supervised_is_the_likelihood_ratio(classifier, test_events):
    rng = np.random.default_rng(5)
    (xb, mb), (xs, ms) = background(4_000, rng, REGION), signal(4_000, rng)
    x, m, y = np.concatenate([xb, xs]), np.concatenate([mb, ms]), np.repeat([0, 1], 4_000)
    method = Supervised(classifier).fit(x, m, labels=y, region=REGION)
    assert auc(method, test_events) > best(test_events) - 0.01
    near = np.linalg.norm(test_events[0] - MEAN, axis=1) < 1  # far away there is nothing to learn from
    score = method.anomaly_score(test_events[0][near])
    assert spearmanr(score, true_ratio(test_events[0][near]))[0] > 0.9


@pytest.mark.parametrize("classifier", [NETWORK, TREES], ids=["network", "trees"])
def test_mixtures_order_events_as_the_pure_samples_would(classifier, data, test_events):
    x, m = data
    cwola = CWoLa(classifier, width=0.3).fit(x, m, region=REGION)
    iad = IAD(classifier).fit(x, m, background=background(8_000, np.random.default_rng(6))[0], region=REGION)
    for method in (cwola, iad):
        assert auc(method, test_events) > 0.9


def test_posterior_of_equal_samples_is_a_half(data):
    x, _ = background(6_000, np.random.default_rng(7))
    y = np.arange(6_000) % 2
    for classifier in (NETWORK, TREES):
        p = classifier.fit(x, y).predict_proba(x)
        assert np.allclose(p.sum(axis=1), 1) and abs(p[:, 1].mean() - 0.5) < 0.03 and p[:, 1].std() < 0.12


def test_weights_shift_the_posterior():
    x = np.zeros((2_000, 1)) + np.random.default_rng(1).normal(size=(2_000, 1))
    y = np.arange(2_000) % 2
    for classifier in (NETWORK, TREES):
        p = classifier.fit(x, y, np.where(y == 1, 3.0, 1.0)).predict_proba(x)[:, 1]
        assert p.mean() == pytest.approx(0.75, abs=0.04)


def test_densities_find_the_signal(data, test_events, outer):
    x, m = data
    anode = ANODE(FLOW).fit(x, m, region=REGION)
    assert auc(anode, test_events) > 0.8
    cathode = CATHODE(FLOW, NETWORK).fit(x, m, region=REGION, outer=outer)
    assert auc(cathode, test_events) > 0.9


@pytest.mark.parametrize("mass", ["kde", "spectrum"])
def test_drawn_background_is_the_real_one(mass, data, outer):
    """A classifier hardly tells them apart, by the upper 95 % limit of its AUC; a corrupted sample it does."""
    x, m = data
    cathode = CATHODE(FLOW, TreeClassifier(ensemble=1), oversampling=1, mass=mass).fit(x, m, REGION, outer=outer)
    drawn, masses = cathode.sample_background(8_000, seed=1)
    assert masses.min() >= REGION[0] and masses.max() <= REGION[1]
    real, _ = background(8_000, np.random.default_rng(9), REGION)
    limit, caught = (two_sample(real, other) for other in (drawn, drawn * (1.0, 1.2)))
    assert limit[0] + 1.64 * limit[1] < 0.53  # samples of three seeds: AUC 0.502 to 0.510, errors 0.007
    assert caught[0] - 1.64 * caught[1] > 0.51


def two_sample(one, two):
    half = len(one) // 2
    classifier = TreeClassifier(ensemble=2).fit(np.r_[one[:half], two[:half]], np.repeat([0, 1], half))
    table = metrics.figures_of_merit(*(classifier.predict_proba(s[half:])[:, 1] for s in (one, two)), n_bootstrap=50)
    return table.loc["AUC", "value"], table.loc["AUC", "error"]


def test_correlated_features_break_cwola_but_not_cathode():
    """Without any signal, CWoLa finds the mass itself in features that follow it; the latent space knows it."""
    rng = np.random.default_rng(10)

    def following(n, region):
        x, m = background(n, rng, region)
        return x + 6 * np.abs(m[:, None] - 3.5) * (1, 0), m  # different in the side bands

    x, m = following(16_000, (3.0, 4.0))
    inside, outside = following(6_000, REGION), following(6_000, (3.0, 3.25))
    cwola = CWoLa(TREES).fit(x, m, region=REGION)
    assert metrics.auc(cwola.anomaly_score(outside[0]), cwola.anomaly_score(inside[0])) > 0.7
    latent = CATHODE(FLOW, TREES, latent=True, oversampling=2).fit(x, m, region=REGION)
    assert abs(metrics.auc(latent.anomaly_score(*outside), latent.anomaly_score(*inside)) - 0.5) < 0.15


SIGNAL = Flow("rqs", transforms=2, hidden=(32,), recipe=QUICK.replace(epochs=20, validation=0.3, clip=10))
RESIDUAL = RANODE(signal=SIGNAL)


@pytest.mark.parametrize("w", [None, 0.05])
def test_residual_finds_signal_and_share(w, data, test_events):
    """Over samples of three seeds: AUC 0.986 to 0.987, learnt w 0.061 to 0.066."""
    x, m = data
    method = clone(RESIDUAL).set_params(w=w, start=0.01).fit(x, m, region=REGION, outer=Exact())
    assert auc(method, test_events) > 0.97
    assert method.log_likelihood_ > 0
    assert method.w_ == pytest.approx(0.05, rel=1e-5) if w else 0.04 < method.w_ < 0.08  # true: 0.06


def test_residual_with_a_learnt_background(data, test_events, outer):
    """What the flow of the side bands gets wrong counts as signal: three seeds give w of 0.069 to 0.070."""
    x, m = data
    method = clone(RESIDUAL).set_params(start=0.01).fit(x, m, region=REGION, outer=outer)
    assert auc(method, test_events) > 0.97
    assert 0.045 < method.w_ < 0.1


def test_profile_peaks_where_there_is_signal(data):
    x, m = data
    method = clone(RESIDUAL).set_params(signal__hidden=(16,), signal__recipe=QUICK.replace(epochs=8, keep=1))
    method.outer_ = Exact()
    assert profile(method, x, m, REGION, [0.001, 0.05, 0.6]).log_likelihood.argmax() == 1


def test_ensemble_is_the_mean_of_its_members(data):
    x, m = data
    ensemble = Ensemble(CWoLa(TreeClassifier(ensemble=1)), n=2).fit(x[:3_000], m[:3_000], region=REGION)
    one, two = (member.anomaly_score(x, m) for member in ensemble.members_)
    assert np.allclose(ensemble.anomaly_score(x, m), (one + two) / 2) and not np.allclose(one, two)


class Memory(CWoLa):
    """Scores an event 1 if it saw it."""

    def fit(self, x, m, region):
        self.seen_ = set(x[:, 0])
        return self

    def anomaly_score(self, x, m=None):
        return np.array([float(v in self.seen_) for v in x[:, 0]])


def test_no_event_is_scored_by_a_model_that_saw_it(data):
    x, m = data
    scores, fold = cross_scores(Memory(), x, m, REGION, folds=3)
    assert not scores.any() and np.bincount(fold).min() > len(x) / 3 - 2


def test_cut_keeps_the_wanted_share():
    rng = np.random.default_rng(1)
    scores, fold = rng.random(50_000), rng.integers(5, size=50_000)
    passes = select(scores, fold, rng.random(50_000) < 0.5, 0.02)
    assert passes.mean() == pytest.approx(0.02, abs=0.002)


def test_background_of_a_cut_may_be_zeros_and_ones():
    rng = np.random.default_rng(1)
    scores, fold, background = rng.random(1_000), np.arange(1_000) % 2, np.arange(1_000) % 3 > 0
    assert np.array_equal(select(scores, fold, background, 0.1), select(scores, fold, background.astype(int), 0.1))


SEEDS = []


class Seeds(CWoLa):
    """Notes the seeds that it is fitted with."""

    def fit(self, x, m, region):
        SEEDS.append(self.random_state)
        return self

    def anomaly_score(self, x, m=None):
        return np.zeros(len(x))


def test_members_and_folds_have_seeds_of_their_own():
    rng = np.random.default_rng(1)
    x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
    cross_scores(Ensemble(Ensemble(Seeds(), n=2), n=2), x, m, REGION, folds=3)
    assert len(SEEDS) == len(set(SEEDS)) == 12


def test_search_finds_a_bump_and_none_without_signal(data):
    rng = np.random.default_rng(12)
    m = np.concatenate([3 + rng.exponential(0.5, 20_000), rng.normal(3.5, 0.05, 250)])
    m[:20_000][m[:20_000] > 4.5] = rng.uniform(3, 4.5, (m[:20_000] > 4.5).sum())
    x = np.concatenate([rng.normal(size=(20_000, 2)), signal(250, rng)[0]])
    method = CWoLa(TreeClassifier(ensemble=2), width=0.3)
    bump, passes = search(method, x, m, REGION, efficiency=0.02, folds=3)
    assert bump.z > 5 and passes.mean() < 0.05
    nothing, _ = search(method, x[:20_000], m[:20_000], REGION, efficiency=0.02, folds=3)
    assert abs(nothing.z) < 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, m: CWoLa(TREES).fit(x, m, region=(3.9, 3.95)),
            "no events in the upper side band.* m goes from 3 to 3.95",
        ),
        (lambda x, m: CWoLa(TREES).fit(x, m, region=(4, 3)), r"region=\(4, 3\): expected .*lower edge, upper edge"),
        (lambda x, m: CWoLa(TREES).fit(x, m, region=(3.5, np.inf)), r"region=\(3.5, inf\): expected finite"),
        (lambda x, m: RANODE(FLOW).fit(x, m, region=(3.5, np.inf)), r"region=\(3.5, inf\): expected finite"),
        (lambda x, m: ANODE(FLOW).fit(x, m, region=3.5), "region=3.5: expected finite"),
        (lambda x, m: search(CWoLa(TREES), x, m, (3.5, np.inf), 0.1), r"region=\(3.5, inf\): expected finite"),
        (lambda x, m: CWoLa(TREES, width=0).fit(x, m, region=(3.2, 3.4)), "width=0"),
        (
            lambda x, m: CWoLa("forest").fit(x, m, region=(3.2, 3.4)),
            "classifier='forest': expected one of",
        ),
        (lambda x, m: IAD(TREES).fit(x, m, background=x[:, :1]), "background has 1 features: expected 2, as in x"),
        (lambda x, m: IAD(TREES).fit(x, m, x, region=(8, 9)), "none of the 50 events lies in it.* from 3 to 3.95"),
        (lambda x, m: IAD(TREES).fit(np.ma.masked_less(x, 0), m, x), "x holds masked values"),
        (lambda x, m: Supervised(TREES).fit(x, m, labels=m[:3]), "labels: expected one for each of the 50 events"),
        (lambda x, m: Supervised(TREES).fit(x, m, labels=np.where(m > 3.5, 1, -1)), r"1 for signal .* not \[-1, 1\]"),
        (lambda x, m: Supervised(TREES).fit(x, m, labels=np.where(m > 3.5, "s", "b")), r"1 for signal .*'b', 's'"),
        (lambda x, m: Supervised(TREES).fit(x, m, labels=np.ma.masked_less(m > 3.5, 1)), "labels: expected one"),
        (lambda x, m: Supervised(TREES).fit(x, m, labels=m > 0), "0 events against|50 events against 0"),
        (
            lambda x, m: ANODE(FLOW).fit(x, m, region=(8, 9)),
            "none of the 50 events lies in it",
        ),
        (lambda x, m: ANODE(FLOW).fit(x, m, region=(2, 4)), "all 50 events lie in it"),
        (lambda x, m: CATHODE(FLOW, mass="flat").fit(x, m, (3.3, 3.7), outer=FLOW), "mass='flat': expected 'kde' or"),
        (lambda x, m: RANODE(FLOW, w=1.5).fit(x, m, (3.3, 3.7)), "w: expected numbers above 0 and below 1, not 1.5"),
        (lambda x, m: RANODE(FLOW, mass_bins=0).fit(x, m, (3.3, 3.7)), "mass_bins=0"),
        (
            lambda x, m: RANODE(FLOW, Flow(recipe=Recipe())).fit(x, m, (3.3, 3.7), outer=Exact()),
            "signal: its recipe sets no events aside",
        ),
        (lambda x, m: CATHODE(FLOW, oversampling=-1).fit(x, m, (3.3, 3.7)), "oversampling=-1"),
        (lambda x, m: Ensemble(CWoLa(TREES), n=0).fit(x, m, region=(3.3, 3.7)), "n=0: expected a whole number"),
        (lambda x, m: TreeClassifier(ensemble=0).fit(x, m > 3.5), "ensemble=0"),
        (
            lambda x, m: cross_scores(CWoLa(TREES), x, m, REGION, folds=1),
            "folds=1: expected a whole number of 2 or more",
        ),
        (lambda x, m: cross_scores(CWoLa(TREES), x, m, REGION, folds=51), "folds=51: expected at most 50"),
        (lambda x, m: select(m, m[:3] > 3.5, m > 0, 0.1), "one for each of the 50 scores"),
        (lambda x, m: select(np.ma.masked_less(m, 3.2), m > 3.5, m > 0, 0.1), "scores holds masked values"),
        (lambda x, m: select(m, m > 3.5, m > 0, 0.001), "efficiency=0.001 leaves none"),
        (lambda x, m: NETWORK.fit(x, m > 0), "two classes"),
        (lambda x, m: NETWORK.fit(x, m > 3.5, -m), "sample_weight"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match=message):
        call(rng.normal(size=(50, 2)), np.linspace(3, 3.95, 50))
