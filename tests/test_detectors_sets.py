"""The deep-set VAE: what order and padding may not change, its loss term by term, and the published models."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from dmlib import detectors, features, samples, training
from dmlib.detectors import objects
from dmlib.detectors.sets import FSPool
from dmlib.training import Recipe

RECIPE = Recipe(epochs=4, batch_size=100, learning_rate=5e-3, anneal=True, validation=0.2, clip=10.0)
N = 6  # slots


@pytest.fixture(scope="module")
def events():
    return samples.load("darkmachines/2a/background-validation")


@pytest.fixture(scope="module")
def x(events):
    return features.leading(events, N, kind=True)


@pytest.fixture(scope="module")
def fitted(x):
    return small().fit(x)


def small(**options):
    return detectors.DeepSetVAE(**{"width": 16, "latent": 3, "recipe": RECIPE} | options)


def tensor(detector, x):
    return training.tensors(detector._standardised(np.asarray(x, dtype=float)))[0]


def permuted(x, seed=1):
    """The same events, the slots of each in an order of its own."""
    rng = np.random.default_rng(seed)
    values = x.to_numpy().copy()
    slots = values[:, 2:].reshape(len(x), N, 5)
    values[:, 2:] = np.stack([rng.permutation(event) for event in slots]).reshape(len(x), -1)
    return values


@pytest.mark.parametrize("score", ["reconstruction", "radius", "total"])
def test_the_order_of_objects_changes_nothing(score, fitted, x):
    fitted.set_params(score=score)
    moved = permuted(x)
    assert (moved != x.to_numpy()).any(axis=1).mean() > 0.9
    assert fitted.anomaly_score(moved) == pytest.approx(fitted.anomaly_score(x.to_numpy()), rel=1e-4, abs=1e-5)
    assert fitted.encode(moved) == pytest.approx(fitted.encode(x.to_numpy()), abs=1e-5)


def test_a_network_that_sees_columns_would_fail_there(x):
    ae = detectors.SimpleAE(hidden=(16,), latent=3, recipe=RECIPE).fit(x.to_numpy())
    assert not np.allclose(ae.anomaly_score(permuted(x)), ae.anomaly_score(x.to_numpy()), rtol=0.1)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_padding_changes_nothing(n, fitted):
    """Not how many slots stay empty, nor what is in them."""
    with training.seeded(1):
        kind, momentum, noise = torch.randint(1, 8, (30, n)), torch.randn(30, n, 4), torch.randn(30, 9, 4)
    codes = []
    for empty, fill in ((1, 0.0), (4, 0.0), (4, 100.0), (9, -100.0)):
        kinds = torch.cat([kind, torch.zeros(30, empty, dtype=torch.long)], dim=1)
        momenta = torch.cat([momentum, fill * noise[:, :empty]], dim=1)
        rows = torch.cat([kinds[..., None], momenta], dim=2).flatten(1)
        codes.append(fitted.history_.modules[0].posterior(rows, noise=False)[0])
    assert all(torch.allclose(codes[0], other, atol=1e-5) for other in codes)
    assert n == 0 or codes[0].std(dim=0).min() > 1e-3


def test_more_slots_than_objects_change_nothing_in_latent_space(events, fitted, x):
    wide = features.leading(events, 12, kind=True)
    few = (wide.filter(like="_kind") > 0).sum(axis=1).to_numpy() <= N
    padded = small().fit(wide)
    padded.mean_, padded.scale_ = (np.tile(values[:5], 13) for values in (fitted.mean_, fitted.scale_))
    module = fitted.history_.modules[0]
    one, two = (module.posterior(tensor(d, y[few]), noise=False)[0] for d, y in ((fitted, x), (padded, wide)))
    assert few.mean() > 0.8 and torch.allclose(one, two, atol=1e-5)


def test_fspool_is_a_weighted_sum_of_what_is_sorted():
    with training.seeded(2):
        pool, h = FSPool(3, knots=4), torch.randn(6, 5, 3)
        torch.nn.init.normal_(pool.weight)
    for n in range(6):
        filled = torch.zeros(6, 5, dtype=torch.bool)
        chosen = [2, 0, 4, 1, 3][:n]
        filled[:, chosen] = True
        out = pool(h, filled).detach().numpy()
        for event in range(6):
            for f in range(3):
                ordered = np.sort(h[event, chosen, f].numpy())[::-1]
                places = np.linspace(0, 3, n) if n > 1 else np.zeros(n)
                weights = np.interp(places, range(4), pool.weight[:, f].detach().numpy())
                assert out[event, f] == pytest.approx(float(ordered @ weights), abs=1e-5)


def test_fspool_has_gradients_at_any_size():
    with training.seeded(2):
        pool, h = FSPool(3), torch.randn(4, 3, 3, requires_grad=True)
    filled = torch.tensor([[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=torch.bool)
    pool(h, filled).sum().backward()
    assert torch.isfinite(h.grad).all() and torch.isfinite(pool.weight.grad).all()
    assert ((h.grad != 0).all(dim=2) == filled).all()


def test_the_distance_term_by_term(x):
    detector = small(weight=3.0, recipe=RECIPE.replace(epochs=1)).fit(x)
    z = tensor(detector, x)[:40]
    kind, momentum = objects.unpacked(z)
    with training.seeded(3):
        y = torch.randn(40, N + 1, 4)
        log_p = (2 * torch.randn(40, N + 1, 9)).log_softmax(dim=2)
    found = detector.distance((y, log_p), z)
    for i in range(40):
        filled = kind[i].numpy() > 0
        p = log_p[i].double().numpy()
        distance = cdist(momentum[i].numpy()[filled], y[i].numpy())
        nearest = distance.argmin(axis=1)
        expected = distance.min(axis=1).sum() + ((1 - np.exp(p[:, 0])) * distance.min(axis=0)).sum()
        expected -= 3 * p[nearest, kind[i].numpy()[filled]].sum()
        expected -= 3 * np.delete(p[:, 0], nearest).sum()
        assert found[i].item() == pytest.approx(expected, rel=1e-4)


def test_a_perfect_answer_costs_nothing(x):
    detector = small(recipe=RECIPE.replace(epochs=1)).fit(x)
    z = tensor(detector, x)
    kind, momentum = objects.unpacked(z)
    log_p = (100.0 * torch.nn.functional.one_hot(kind, 9)).log_softmax(dim=2)
    away = torch.where((kind > 0)[..., None], momentum, 50.0)
    assert detector.distance((away, log_p), z).max() < 2e-3


def test_the_loss_depends_on_beta_weight_and_every_parameter(x):
    detector = small(recipe=RECIPE.replace(epochs=1)).fit(x)
    with training.seeded(1, "weights"):
        module = detector.build(5 * (N + 1))
    z = tensor(detector, x)
    detector.beta, detector.weight = (torch.tensor(v, requires_grad=True) for v in (0.2, 2.0))
    detector.loss(module, z).mean().backward()
    assert abs(detector.beta.grad) > 1e-2 and detector.weight.grad > 1e-2
    assert all((p.grad != 0).any() for p in module.parameters())


def test_training_reconstructs_better_than_an_untrained_network(x):
    detector = small(score="reconstruction", recipe=RECIPE.replace(epochs=20)).fit(x)
    with training.seeded(1):
        untrained = detector.build(5 * (N + 1))
    z = tensor(detector, x)
    before, after = (detector.scores(m, z).mean().item() for m in (untrained, detector.history_.modules[0]))
    assert after < 0.8 * before  # six seeds: 0.73 at most


def test_at_beta_one_the_decoder_is_not_trained(x):
    detector = small(beta=1.0).fit(x)
    with training.seeded(0, "weights"):
        untrained = detector.build(5 * (N + 1))
    trained = detector.history_.modules[0]
    for name in ("trunk", "momenta", "classes"):
        for a, b in zip(getattr(untrained, name).parameters(), getattr(trained, name).parameters(), strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(untrained.gauss.weight, trained.gauss.weight)


def test_columns_are_checked(events, x, fitted):
    with pytest.raises(ValueError, match=r"expected the 2 \+ 5 n columns of features.leading\(events, n, kind=True\)"):
        small().fit(features.leading(events, N))
    with pytest.raises(ValueError, match=r"expected the 2 \+ 4 n columns of features.leading\(events, n\)"):
        small(kinds=False).fit(x)
    for value, message in (
        (9.0, "whole numbers from 0"),
        (1.5, "whole numbers"),
        (0.0, "not zero where the kind is 0"),
    ):
        broken = x.copy()
        broken.loc[3, "o1_kind"] = value
        with pytest.raises(ValueError, match=message):
            fitted.anomaly_score(broken)


def test_without_kinds_there_are_two(events):
    detector = small(kinds=False).fit(features.leading(events, N))
    assert detector.n_kinds == 2 and detector.build(35).kinds == 2
    assert np.isfinite(detector.anomaly_score(features.leading(events, N))).all()


@pytest.mark.parametrize(
    ("options", "message"), [({"width": 0}, "width"), ({"weight": -1.0}, "weight"), ({"beta": 2.0}, "beta")]
)
def test_settings_that_cannot_be(options, message, x):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(x)


def test_it_is_the_papers():
    """Table 8 and section 4.3; names are those of the published files."""
    models = detectors.DeepSetVAE.grid("1")
    assert len(models) == 16
    submitted = [f"DeepSetVAE_beta_{b}_weight_{w}" for b in ("0.001", "1.0") for w in ("1.0", "10.0")]
    assert set(submitted) <= models.keys() and models[submitted[1]][1].weight == 10
    module = models[submitted[0]][1].build(5 * 20)
    outputs = {name: layer.out_features for name, layer in module.named_modules() if hasattr(layer, "out_features")}
    assert outputs["momenta"] == 80 and outputs["classes"] == 180  # 20 four-vectors; eight kinds or none
    assert [size for name, size in outputs.items() if name.startswith("each")] == [256] * 4
    assert [size for name, size in outputs.items() if name.startswith("trunk")] == [256] * 2
