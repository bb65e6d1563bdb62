"""The convolutional VAE: columns become objects, Chamfer distances, posteriors with flows, the published models."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import cdist

from dmlib import compute, detectors, features, samples, training
from dmlib.detectors import objects
from dmlib.detectors.posterior_flows import FLOWS
from dmlib.training import Recipe

RECIPE = Recipe(epochs=4, batch_size=100, learning_rate=5e-3, anneal=True, validation=0.2, clip=10.0)
N = 6  # objects of an event, at most


@pytest.fixture(scope="module")
def events():
    return samples.load("darkmachines/2a/background-validation")


@pytest.fixture(scope="module")
def x(events):
    return features.leading(events, N)


def small(**options):
    return detectors.ConvVAE(**{"width": 6, "latent": 3, "recipe": RECIPE} | options)


def tensor(detector, x):
    return training.tensors(detector._standardised(x.to_numpy(dtype=float)))[0]


def test_columns_become_objects(events, x):
    detector = small(recipe=RECIPE.replace(epochs=1)).fit(x)
    kind, momentum = objects.unpacked(tensor(detector, x))
    assert kind.shape == (len(x), N + 1) and momentum.shape == (len(x), N + 1, 4)
    i = int(np.argmax(np.array([len(e) for e in events.objects.pt]) == 3))
    assert kind[i].tolist() == [2, 1, 1, 1, 0, 0, 0]  # missing energy, three objects, empty slots
    by_pt = np.argsort(-np.asarray(events[i].objects.pt))
    mean, scale = detector.mean_[6:10], detector.scale_[6:10]
    found = momentum[i].double().numpy() * scale + mean
    for row, name in enumerate(("E", "pt", "eta", "phi")):
        expected = np.asarray(events[i].objects[name], dtype=float)[by_pt]
        expected = np.log10(expected) if row < 2 else expected
        assert found[1:4, row] == pytest.approx(expected, abs=1e-5)
    log_met = np.log10(events[i].met)
    assert found[0] == pytest.approx([log_met, log_met, 0, events[i].met_phi], abs=1e-5)
    assert (momentum[i, 4:] == 0).all()
    filled = momentum[kind > 0]
    assert filled.mean(dim=0).abs().max() < 1e-5 and filled.std(dim=0) == pytest.approx(1, abs=1e-3)


def test_weights_count_in_means_too(x):
    double = pd.concat([x, x.iloc[:100]])
    one = small(recipe=RECIPE.replace(epochs=1)).fit(double)
    two = small(recipe=RECIPE.replace(epochs=1)).fit(x, 1.0 + (np.arange(len(x)) < 100))
    assert two.mean_ == pytest.approx(one.mean_) and two.scale_ == pytest.approx(one.scale_)


def test_what_is_no_table_of_objects_is_refused(events, x):
    detector = small(recipe=RECIPE.replace(epochs=1))
    kinds = features.leading(events, N, kind=True)
    for wrong in (kinds, x[x.columns[::-1]], x.drop(columns="o2_E"), x.rename(columns={"o1_pt": "pt"}), x.iloc[:, :2]):
        with pytest.raises(ValueError, match=r"expected the 2 \+ 4 n columns of features.leading\(events, n\)"):
            detector.fit(wrong)
    with pytest.raises(ValueError, match=r"X has 25 columns: expected the 2 \+ 4 n"):
        detector.fit(x.to_numpy()[:, :-1])
    for column, value, message in (
        ("o1_pt", -3.0, "pt and E of the objects: 1 of .* are not positive"),
        ("o1_E", 0.0, "pt and E of the objects: 1 of .* are not positive"),
        ("met", -1.0, "met: 1 of .* are negative"),
    ):
        broken = x.copy()
        broken.loc[5, column] = value
        with pytest.raises(ValueError, match=message):
            detector.fit(broken)


def test_an_event_may_be_empty(x):
    """Without missing energy and objects: nothing to reconstruct, nothing to be far from."""
    detector = small().fit(x)
    empty = x.iloc[:2].copy()
    empty.iloc[0] = 0.0
    assert np.isfinite(detector.anomaly_score(empty)).all() and np.isfinite(detector.encode(empty)).all()


def test_the_chamfer_distance_is_that_of_sets():
    rng = compute.stream(1)
    y, x = rng.normal(size=(5, 4, 4)), rng.normal(size=(5, 6, 4))
    filled, present = rng.random((5, 6)) < 0.6, rng.random((5, 4))
    filled[0], filled[1] = False, True
    values, nearest = objects.chamfer(*(torch.as_tensor(a) for a in (y, x, present, filled)))
    for i in range(5):
        distance = cdist(x[i][filled[i]], y[i])
        there = distance.min(axis=1).sum() if filled[i].any() else 0.0
        back = (present[i] * distance.min(axis=0)).sum() if filled[i].any() else 0.0
        assert values[i].item() == pytest.approx(there + back, abs=1e-4)
        assert np.array_equal(nearest[i].numpy()[filled[i]], distance.argmin(axis=1))
    every = torch.ones(5, 6, dtype=torch.bool)
    same = torch.as_tensor(x)
    order = torch.randperm(6)
    assert objects.chamfer(same[:, order], same, every, every)[0].max() < 2e-3
    assert torch.allclose(
        *(
            objects.chamfer(a, b, every[:, : len(a[0])], every[:, : len(b[0])])[0]
            for a, b in ((same, torch.as_tensor(y)), (torch.as_tensor(y), same))
        )
    )


def test_gradients_of_the_distance_are_finite_where_points_coincide_and_where_none_are():
    y = torch.zeros(2, 3, 4, requires_grad=True)
    filled = torch.tensor([[True, True], [False, False]])
    value, _ = objects.chamfer(y, torch.zeros(2, 2, 4), torch.ones(2, 3), filled)
    value.sum().backward()
    assert torch.isfinite(y.grad).all() and value[1] == 0


@pytest.mark.parametrize("flow", [None, *FLOWS])
def test_the_loss_depends_on_beta_and_every_weight(flow, x):
    detector = small(flow=flow, recipe=RECIPE.replace(epochs=1)).fit(x)
    with training.seeded(1, "weights"):
        module = detector.build(5 * (N + 1))
    z = tensor(detector, x)
    detector.beta = beta = torch.tensor(0.2, requires_grad=True)
    detector.loss(module, z).mean().backward()
    assert abs(beta.grad) > 1e-2
    assert all((p.grad != 0).any() for p in module.parameters())


def test_the_divergence_of_a_flow_that_does_nothing_is_that_of_a_normal_distribution(x):
    detector = small(flow="householder", recipe=RECIPE.replace(epochs=1)).fit(x)
    with training.seeded(1, "weights"):
        module = detector.build(5 * (N + 1))
    with torch.no_grad():  # R = 0
        module.flow.parameters_of[-1].weight.zero_()
        module.flow.parameters_of[-1].bias.zero_()
    z = tensor(detector, x)[:10]
    with training.seeded(2), torch.no_grad():
        drawn = module.posterior(z.repeat(2_000, 1))[1].unflatten(0, (2_000, 10)).mean(dim=0)
        module.flow = None
        exact = module.posterior(z)[1]
    assert drawn.numpy() == pytest.approx(exact.numpy(), abs=0.1)  # a standard error of 0.03 at most


@pytest.mark.parametrize("flow", [None, *FLOWS])
def test_it_trains_and_is_saved_with_every_flow(flow, x, tmp_path):
    detector = small(flow=flow, measure="squares", recipe=RECIPE.replace(epochs=12)).fit(x)
    with training.seeded(1, "weights"):
        untrained = detector.build(5 * (N + 1))
    z = tensor(detector, x)
    before, after = (detector.scores(m, z).mean() for m in (untrained, detector.history_.modules[0]))
    assert after < 0.9 * before  # four seeds: 0.63 to 0.74
    detector.save(tmp_path / "vae.zip")
    again = detectors.load(tmp_path / "vae.zip")
    assert np.array_equal(again.anomaly_score(x), detector.anomaly_score(x))
    assert np.array_equal(again.encode(x), detector.encode(x)) and again.flow == flow


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flow": "radial"}, "flow='radial'"),
        ({"measure": "mse"}, "measure='mse'"),
        ({"kernels": (3, 4)}, r"kernels=\(3, 4\): expected odd numbers"),
        ({"kernels": ()}, r"kernels=\(\): expected odd numbers"),
        ({"width": 0}, "width"),
        ({"units": (0,), "flow": "planar"}, "units"),
        ({"beta": 2.0}, "beta"),
    ],
)
def test_settings_that_cannot_be(options, message, x):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(x)


def test_it_is_the_papers():
    """Tables 9 to 13 and section 4.6; names are those of the published files."""
    models = detectors.ConvVAE.grid("2b")
    assert list(models)[:2] == ["VAE_NoF", "VAE_PlanarFlow"] and len(models) == 9
    plain = models["VAE_NoF"][1]
    assert (plain.recipe.batch_size, plain.recipe.learning_rate, plain.recipe.anneal) == (32, 1e-3, True)
    layers = [layer.kernel_size for layer in plain.build(100).encoder if isinstance(layer, torch.nn.Conv2d)]
    assert layers == [(3, 4), (5, 1), (7, 1)] and plain.latent == 10
    planar = models["VAE_PlanarFlow"][1].build(100).flow
    assert len(planar.steps) == 6
    assert [layer.out_features for layer in planar.parameters_of if hasattr(layer, "out_features")][:3] == [90] * 3
    iaf = models["VAE_IAF"][1].build(100).flow
    assert len(iaf.steps) == 4 and iaf.steps[0].network[0].out_features == 330
    snf = models["VAE_OrthogonalSNF"][1].build(100).flow
    assert len(snf.steps) == 4 and snf.steps[0].units == 8
    convolutional = models["VAE_ConvolutionalFlow"][1].build(100).flow
    reach = [int(step.seen[0].clamp(max=9)[1]) for step in convolutional.steps]
    assert reach == [1, 2, 4, 8] and convolutional.steps[0].seen.shape == (10, 7)
    assert [detectors.ConvVAE.grid(c)["CNN_BVAE"][1].beta for c in ("1", "2a", "2b", "3")] == [0.4, 0.9, 0.3, 0.1]
    for _, model in models.values():
        model.build(100)
