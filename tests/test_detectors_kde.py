"""Kernel densities and the detector made of them, against scipy, scikit-learn and closed forms."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde, multivariate_normal, spearmanr
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity

from dmlib import compute, detectors, features, samples
from dmlib.detectors import kde
from dmlib.models import kernels
from dmlib.training import Recipe


def related(n, seed, d=3):
    """Columns of unlike spread, each related to the one before."""
    rng = compute.stream(seed, "related")
    return np.cumsum(rng.normal(size=(n, d)), axis=1) * 10.0 ** np.arange(d)


class Halves(detectors.Detector):
    """A reducer as simple as can be: sums and differences of the first two columns."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def _fit(self, x, weight):
        self.fits_ = getattr(self, "fits_", 0) + 1

    def encode(self, X):
        x = np.asarray(X)
        return self.scale * np.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], axis=1)


@pytest.mark.parametrize("d", [1, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_kde_is_scipys(d, weighted):
    x, other = related(800, 1, d), 3 * related(300, 2, d)  # into the far tails
    weight = compute.stream(3).uniform(0.1, 2, 800) if weighted else None
    ours = detectors.KDE(dimensions=d, rare=0).fit(x, weight).anomaly_score(other)
    assert ours == pytest.approx(
        -gaussian_kde(x.T, "silverman", weight).logpdf(other.T), rel=1e-7
    )  # scipy inverts the covariance


def test_kernel_sums_are_exact_where_doubles_underflow():
    centres, far = related(50, 1), np.array([[1e3, -1e3, 1e5]])
    expected = [multivariate_normal(c, 4.0).logpdf(far[0]) for c in centres]
    assert kernels.log_density(far, centres, 2.0)[0] == pytest.approx(
        np.logaddexp.reduce(expected) - np.log(50), rel=1e-12
    )
    assert np.exp(expected).max() == 0


def test_a_centre_without_weight_is_none():
    x, weight = related(200, 1), np.repeat([1.0, 0.0], 100)
    q = related(20, 2)
    assert kernels.log_density(q, x, 3.0, weight) == pytest.approx(kernels.log_density(q, x[:100], 3.0), rel=1e-12)
    for engine in kde.ENGINES:
        one, two = (
            detectors.KDE(dimensions=2, bandwidth=0.3, engine=engine, whiten=False).fit(*data).anomaly_score(q)
            for data in ((x, weight), (np.concatenate([x[:100], x[:100]]), None))
        )
        assert np.argsort(one).tolist() == np.argsort(two).tolist()


@pytest.mark.slow
def test_engines_agree_on_events():
    """Where they should: the tree everywhere in two dimensions, the grid to what interpolation costs."""
    train = features.static(samples.load("darkmachines/2a/background"), kde.SLOTS)
    test = features.static(samples.load("darkmachines/2a/background-test"), kde.SLOTS)[:1_500]
    exact, tree, fft = (
        detectors.KDE(dimensions=2, centres=4_000, engine=engine).fit(train).anomaly_score(test)
        for engine in kde.ENGINES
    )
    assert tree == pytest.approx(exact, rel=1e-6)
    assert spearmanr(fft, exact)[0] > 0.999 and np.abs(fft - exact).max() < 0.3
    strangest = np.argsort(exact)[-3:]
    assert np.array_equal(fft[strangest], exact[strangest])  # beyond the grid the sum is exact


@pytest.mark.parametrize(("d", "rank"), [(1, 0.9999), (2, 0.9995), (3, 0.999), (4, 0.99)])
def test_the_grid_ranks_as_the_sum_does(d, rank):
    rng = compute.stream(d, "t")
    x, q = rng.standard_t(4, size=(4_000, d)), rng.standard_t(4, size=(4_000, d))
    weight, width = rng.uniform(0.5, 1.5, 4_000), 0.4
    exact, fast = kernels.log_density(q, x, width, weight), kernels.Grid(x, width, weight).log_density(q)
    assert spearmanr(exact, fast)[0] > rank
    assert abs(np.mean(fast - exact)) < 0.1 * d


def test_a_grid_too_coarse_is_refused():
    x = related(500, 1, 6)
    with pytest.raises(ValueError, match=r"a grid in 6 dimensions .* take fewer dimensions"):
        detectors.KDE(engine="fft").fit(x)


def test_cross_validation_finds_the_width_that_the_data_want():
    x = compute.stream(1).normal(size=(2_000, 2))
    assert 0.6 < kernels.cross_validated(x) / kernels.silverman(x) < 1.5  # of a normal law, Silverman's
    comb = x + 20 * (np.arange(2_000) % 5)[:, None]
    width = kernels.cross_validated(comb)
    assert width < 0.5 * kernels.silverman(comb)
    left = (
        -detectors.KDE(dimensions=2, bandwidth="cross-validation").fit(comb[:1_000]).anomaly_score(comb[1_000:]).mean()
    )
    assert left > -detectors.KDE(dimensions=2).fit(comb[:1_000]).anomaly_score(comb[1_000:]).mean() + 0.5


def test_components_are_those_of_scikit_learn():
    x = related(500, 1, 5)
    ours = detectors.KDE(dimensions=2, bandwidth=0.5).fit(x)
    z = PCA(2, whiten=True).fit_transform((x - x.mean(axis=0)) / x.std(axis=0))
    assert np.abs(ours.centres_) == pytest.approx(np.abs(z), rel=1e-9)
    log_p = KernelDensity(bandwidth=0.5).fit(z).score_samples(z)
    assert np.ptp(ours.anomaly_score(x) + log_p) < 1e-9  # a constant apart, the volume of the map
    plain = detectors.KDE(dimensions=2, whiten=False).fit(x).centres_
    assert np.corrcoef(plain.T)[0, 1] == pytest.approx(0, abs=1e-9) and plain[:, 0].std() > 2 * plain[:, 1].std()


def test_a_rare_column_does_not_rule_the_components():
    x = np.c_[related(2_000, 1, 4), np.zeros((2_000, 2))]
    x[7, 4:] = 50.0, 60.0
    with_rare, without = (detectors.KDE(dimensions=4, rare=rare).fit(x) for rare in (0.0, 0.01))
    assert np.abs(with_rare.centres_[7]).max() > 40 > 10 > np.abs(without.centres_[7]).max()


def test_a_detectors_latent_space_reduces_events():
    x, q = related(500, 1), related(100, 2)
    reducer = Halves()
    fitted = detectors.KDE(reduction=reducer).fit(x)
    expected = gaussian_kde(reducer.encode(x).T, "silverman").logpdf(reducer.encode(q).T)
    assert fitted.anomaly_score(q) == pytest.approx(-expected, rel=1e-9)
    assert not hasattr(reducer, "fits_") and fitted.reduction_.fits_ == 1  # a clone was fitted
    reducer.fit(x)
    assert detectors.KDE(reduction=reducer).fit(x).reduction_ is reducer and reducer.fits_ == 1  # used as it is


def test_with_its_reducer_it_is_saved(tmp_path, monkeypatch):
    def encode(self, X):
        return np.stack([self.anomaly_score(X), np.asarray(X)[:, 0]], axis=1)

    monkeypatch.setattr(detectors.SimpleAE, "encode", encode, raising=False)
    reducer = detectors.SimpleAE(hidden=(8,), latent=2, recipe=Recipe(epochs=2))
    x = related(400, 1, 4)
    fitted = detectors.KDE(reduction=reducer, bandwidth=0.5).fit(x)
    fitted.save(tmp_path / "kde.zip")
    again = detectors.load(tmp_path / "kde.zip")
    assert np.array_equal(again.anomaly_score(x), fitted.anomaly_score(x))
    assert again.reduction.get_params() == reducer.get_params()
    with pytest.raises(NotImplementedError, match="Halves cannot be saved"):
        detectors.KDE(reduction=Halves()).fit(x).save(tmp_path / "other.zip")


@pytest.mark.parametrize("engine", kde.ENGINES)
def test_each_engine_is_saved(engine, tmp_path):
    x, weight = related(300, 1), compute.stream(2).uniform(0.5, 1.5, 300)
    fitted = detectors.KDE(dimensions=2, engine=engine).fit(x, weight)
    fitted.save(tmp_path / "kde.zip")
    assert np.array_equal(detectors.load(tmp_path / "kde.zip").anomaly_score(x), fitted.anomaly_score(x))


def test_the_published_models_are_named_and_can_be_fitted():
    models = detectors.KDE.grid("2b", vae=lambda beta, d: Halves(scale=beta))
    assert len(models) == 36 and {"KDE_PCA_D=9", "KDE_VAE_b=1e-5_D=2"} <= set(models)
    assert {m.engine for _, m in models.values() if m.dimensions <= 4} == {"fft"}
    assert {m.engine for _, m in models.values() if m.dimensions > 4} == {"exact"}
    assert {m.bandwidth for _, m in detectors.KDE.grid("1").values()} == {"cross-validation"}
    x = related(600, 1, 12)
    for _, model in models.values():
        assert np.isfinite(model.fit(x).anomaly_score(x)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "tsne"}, "reduction='tsne': expected 'pca'"),
        ({"reduction": 3}, r"reduction=3: expected 'pca', or a detector with a method encode\(X\)"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 4}, "dimensions=4: X varies in 3 independent directions"),
        ({"bandwidth": "scott"}, "bandwidth='scott'"),
        ({"bandwidth": 0.0}, "bandwidth"),
        ({"engine": "gpu"}, "engine='gpu': expected one of exact, tree, fft"),
        ({"centres": 1}, "centres"),
        ({"rare": 2.0}, "rare"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        detectors.KDE(**{"dimensions": 2} | options).fit(related(50, 1))
    with pytest.raises(ValueError, match="all latent variables of Halves"):
        detectors.KDE(reduction=Halves(scale=0.0)).fit(related(50, 1))
