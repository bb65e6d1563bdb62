"""The classifiers, and those of others in their place."""

import inspect

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from dmlib.models import NetworkClassifier, TreeClassifier
from dmlib.models.classifiers import make
from dmlib.resonant import IAD, CWoLa
from dmlib.training import Recipe

RECIPE = Recipe(epochs=3, batch_size=128, learning_rate=1e-2, validation=0.3)


def samples(n_one=600, n_zero=200):
    """The same distribution twice, so that balanced classes have the posterior of a half."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(n_one, 2)), rng.normal(size=(n_zero, 2))


class Recorder(ClassifierMixin, BaseEstimator):
    """Takes events to validate with before the weights, as some libraries do."""

    def fit(self, X, y, X_val=None, y_val=None, sample_weight=None):
        self.given_ = X_val, y_val, sample_weight
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


LINEAR = LogisticRegression()
FOREIGN = {
    "pipeline": make_pipeline(StandardScaler(), LINEAR),
    "pipeline in a pipeline": make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), LINEAR)),
    "grid": GridSearchCV(LINEAR, {"C": [0.1, 1.0]}, cv=2, scoring="neg_log_loss"),
    "grid of pipelines": GridSearchCV(
        make_pipeline(StandardScaler(), LINEAR), {"logisticregression__C": [1.0]}, cv=2, scoring="neg_log_loss"
    ),
    "forest": RandomForestClassifier(n_estimators=20, min_samples_leaf=50),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_weights_reach_foreign_classifiers(name):
    """Three times as many events of one kind: with weights the mean posterior is a half, without three quarters."""
    one, zero = samples()
    iad = IAD(FOREIGN[name]).fit(one, np.ones(len(one)), background=zero)
    assert iad.anomaly_score(one).mean() == pytest.approx(0.5, abs=0.06)


def test_weights_go_by_name():
    one, zero = samples()
    x_val, y_val, weight = IAD(Recorder()).fit(one, np.ones(len(one)), background=zero).classifier_.given_
    assert x_val is None and y_val is None
    assert np.allclose(weight[:600], 2 / 3) and np.allclose(weight[600:], 2)


@pytest.mark.parametrize(
    "classifier",
    [
        KNeighborsClassifier(5),
        LinearDiscriminantAnalysis(),
        make_pipeline(StandardScaler(), KNeighborsClassifier(5)),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [5]}, cv=2),
    ],
    ids=["neighbours", "discriminant", "pipeline", "grid"],
)
def test_without_weights_only_samples_of_one_size_will_do(classifier):
    one, zero = samples()
    with pytest.raises(ValueError, match=r"takes no sample_weight, but the two samples have \[200, 600\] events"):
        IAD(classifier).fit(one, np.ones(len(one)), background=zero)
    same = IAD(classifier).fit(one[:200], np.ones(200), background=zero)
    assert same.anomaly_score(one).shape == (600,)


@pytest.mark.parametrize("classifier", [LinearSVC(), "forest", None, TreeClassifier, StandardScaler(), 3])
def test_what_gives_no_probabilities_is_refused(classifier):
    one, zero = samples(20, 20)
    with pytest.raises(ValueError, match="expected one of network, trees, or a classifier with predict_proba"):
        IAD(classifier).fit(one, np.ones(20), background=zero)


def test_seed_reaches_what_is_random_within():
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3))
    one, zero = samples()
    x, m = np.concatenate([one, zero]), np.linspace(3, 4, 800)
    scores = [CWoLa(forest, random_state=seed).fit(x, m, (3.4, 3.6)).anomaly_score(x) for seed in (1, 1, 2)]
    assert np.array_equal(scores[0], scores[1]) and not np.array_equal(scores[0], scores[2])


@pytest.mark.parametrize("name", ["network", "trees"])
def test_names_stand_for_classifiers(name):
    assert make(name, 3).random_state == 3


@pytest.mark.parametrize("classifier", [NetworkClassifier((8,), RECIPE), TreeClassifier(1)], ids=["network", "trees"])
@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (np.zeros(50), None, "two classes"),
        (np.arange(50) % 3, None, "two classes"),
        (np.arange(49) % 2, None, "y: expected one class for each of the 50 events"),
        (np.ma.masked_equal(np.arange(50) % 2, 1), None, "y: .* none masked"),
        (np.arange(50) % 2, np.ones(49), "sample_weight: expected one weight for each of the 50 events"),
        (np.arange(50) % 2, np.zeros(50), "sample_weight are all zero"),
        (np.arange(50) % 2, -np.ones(50), "sample_weight: 50 of 50 values .* negative"),
        (np.arange(50) % 2, np.r_[np.nan, np.ones(49)], "sample_weight: the weight of event 0 is nan"),
        (np.arange(50) % 2, np.ma.masked_less(np.arange(50.0), 3), "sample_weight holds masked values"),
    ],
)
def test_classifiers_refuse(classifier, y, weight, message):
    x = np.random.default_rng(1).normal(size=(50, 2))
    with pytest.raises(ValueError, match=message):
        classifier.fit(x, y, weight)


@pytest.mark.parametrize("classifier", [NetworkClassifier((8,), RECIPE), TreeClassifier(1)], ids=["network", "trees"])
def test_classes_may_have_any_names(classifier):
    x = np.random.default_rng(1).normal(size=(400, 2))
    y = np.where(x[:, 0] > 0, "signal", "background")
    assert set(classifier.fit(x, y).predict(x)) <= {"signal", "background"}
    assert classifier.classes_.tolist() == ["background", "signal"]


def test_parameters_stand_in_the_signature():
    for estimator in (NetworkClassifier, TreeClassifier):
        names = set(inspect.signature(estimator).parameters)
        assert set(estimator().get_params()) == names and "random_state" in names
