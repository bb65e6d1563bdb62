"""LatentSpace: each score is that of scikit-learn in the latent space, and combinations are those of `combine`."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from dmlib import detectors, metrics
from dmlib.detectors.latent import SINGLE
from dmlib.training import Recipe

RECIPE = Recipe(epochs=30, batch_size=50, learning_rate=5e-3, anneal=True, clip=10.0)


def plane(n, seed):
    """Events on a plane in five dimensions."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    return np.column_stack([z, z @ [1, 1], z @ [1, -1], z[:, 0]]) + 0.05 * rng.normal(size=(n, 5))


def far(n, seed):
    """On the plane too, far out."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    z = 3.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.column_stack([z, z @ [1, 1], z @ [1, -1], z[:, 0]])


@pytest.fixture(scope="module")
def vae():
    return detectors.BetaVAE((24,), 2, 0.01, recipe=RECIPE).fit(plane(1_500, 0))


def white(latent, z):
    return (z - latent.latent_.mean(axis=0)) / latent.latent_.std(axis=0)


def test_the_mixture_and_the_centroids_are_scikit_learns(vae):
    x, new = plane(800, 1), plane(100, 2)
    for method, expected in {
        "GMM": lambda z, at, seed: (
            -GaussianMixture(8, reg_covar=1e-4, max_iter=50, random_state=seed).fit(z).score_samples(at)
        ),
        "KMeans": lambda z, at, seed: KMeans(20, n_init=1, random_state=seed).fit(z).transform(at).min(axis=1),
    }.items():
        latent = detectors.LatentSpace(method, vae).fit(x)
        seed = latent._methods[method].random_state
        z, at = (white(latent, part) for part in (latent.latent_, vae.encode(new)))
        np.testing.assert_allclose(latent.anomaly_score(new), expected(z, at, seed), rtol=1e-8)


@pytest.mark.parametrize("method", [name for name in SINGLE if name != "VAE"])
def test_what_lies_far_out_in_the_latent_space_is_strange(vae, method):
    latent = detectors.LatentSpace(method, vae).fit(plane(1_500, 3))
    area = metrics.auc(latent.anomaly_score(plane(500, 4)), latent.anomaly_score(far(500, 4)))
    assert area > 0.85


def test_without_a_method_it_is_the_autoencoder(vae):
    x = plane(300, 5)
    np.testing.assert_array_equal(detectors.LatentSpace("VAE", vae).fit(x).anomaly_score(x), vae.anomaly_score(x))


def test_combinations_put_all_five_on_the_scale_of_events_set_aside(vae):
    x, new = plane(1_000, 6), plane(200, 7)
    latent = detectors.LatentSpace("PROD", vae, aside=0.3).fit(x)
    assert latent.scales_.shape == (5, 300) and len(latent.latent_) == 700
    each = latent._each(new)
    u = [detectors.background_efficiency(s, b) for s, b in zip(each, latent.scales_, strict=True)]
    np.testing.assert_allclose(latent.anomaly_score(new), np.prod(u, axis=0))
    encoded = {row.tobytes() for row in latent.latent_}
    assert sum(row.tobytes() in encoded for row in vae.encode(x)) == 700  # those set aside train nothing


def test_the_autoencoder_has_its_own_share_of_the_events():
    latent = detectors.LatentSpace("IF", detectors.BetaVAE((8,), 2, recipe=RECIPE.replace(epochs=1)), share=0.25)
    latent.fit(plane(400, 8))
    assert len(latent.latent_) == 300 and not hasattr(latent.vae, "n_features_in_")


@pytest.mark.parametrize("method", [*SINGLE, "AVG"])
def test_each_is_saved_and_loaded(vae, method, tmp_path):
    x = plane(400, 9)
    latent = detectors.LatentSpace(method, vae).fit(x)
    latent.save(tmp_path / "latent.zip")
    np.testing.assert_allclose(detectors.load(tmp_path / "latent.zip").anomaly_score(x), latent.anomaly_score(x))


@pytest.mark.parametrize("method", ["IF", "GMM", "KMeans"])
def test_events_count_by_their_weights(vae, method):
    x = np.concatenate([plane(1_000, 10), far(200, 10)])
    there = np.repeat([False, True], [1_000, 200])
    few, many = (detectors.LatentSpace(method, vae).fit(x, np.where(there, w, 1.0)) for w in (1e-3, 50.0))
    areas = [metrics.auc(one.anomaly_score(x)[~there], one.anomaly_score(x)[there]) for one in (few, many)]
    assert areas[0] > 0.85 > areas[1] + 0.2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("method", "SVM", "method='SVM'"),
        ("vae", "pca", "vae='pca': expected None, or a detector with a method encode"),
        ("share", 1.0, "share"),
        ("aside", 0.0, "aside"),
        ("components", 0, "components"),
        ("centroids", 0, "centroids"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name, value, message):
    with pytest.raises(ValueError, match=message):
        detectors.LatentSpace().set_params(**{name: value}).fit(plane(50, 11))
