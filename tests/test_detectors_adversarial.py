"""ALAD: its games and scores by hand, what is kept, what training on does."""

import math

import numpy as np
import pytest
import torch

from dmlib import compute, detectors, metrics
from dmlib.detectors.adversarial import SCORES, judges_loss, makers_loss
from dmlib.training import Recipe

RECIPE = Recipe(epochs=6, batch_size=100, learning_rate=1e-3, validation=0.2)


def events(n, seed, strange=False):
    """Four columns that two numbers describe; the strange ones keep each column, and not how they are related."""
    rng = compute.stream(seed, "events")
    z = rng.normal(size=(n, 2))
    x = np.column_stack([z, z @ [1, 1], z @ [1, -1]])
    return rng.permuted(x, axis=0) if strange else x


def small(**options):
    settings = {"hidden": (16, 16), "width": 16, "latent": 2, "scaling": "standard", "recipe": RECIPE}
    return detectors.ALAD(**settings | options)


@pytest.fixture(scope="module")
def fitted():
    return small().fit(events(1_500, 1))


def test_where_nobody_can_tell_the_loss_is_six_logarithms_of_two():
    nobody = [(torch.zeros(5), torch.zeros(5))] * 3
    assert judges_loss(nobody, torch.ones(5)).item() == pytest.approx(6 * math.log(2))
    assert makers_loss(nobody, torch.ones(5)).item() == pytest.approx(6 * math.log(2))


def test_judges_and_makers_want_the_opposite():
    sure = [(torch.full((4,), 5.0), torch.full((4,), -5.0))] * 3
    fooled = [(made, true) for true, made in sure]
    for loss, good, bad in ((judges_loss, sure, fooled), (makers_loss, fooled, sure)):
        assert loss(good, torch.ones(4)) < 0.1 < 20 < loss(bad, torch.ones(4))


def test_the_loss_is_equations_22_to_24_by_hand():
    module = small().build(4).eval()
    x, z = torch.randn(30, 4), torch.randn(30, 2)
    pairs = module(x, z)
    d = [(torch.sigmoid(true).log().mean() + (1 - torch.sigmoid(made)).log().mean()) for true, made in pairs]
    assert judges_loss(pairs, torch.ones(30)).item() == pytest.approx(-sum(d).item(), rel=1e-4)
    back = module.generate(module.encode(x))
    made = module.judge_xx(module.features_xx(torch.cat([x, back], dim=1)))[:, 0]
    assert torch.allclose(pairs[1][1], made)


def test_each_player_is_moved_by_its_own_loss():
    module = small().build(4)
    assert not {id(p) for p in module.makers()} & {id(p) for p in module.judges()}
    assert len(module.makers()) + len(module.judges()) == len(list(module.parameters()))
    judges_loss(module(torch.randn(50, 4), torch.randn(50, 2)), torch.ones(50)).backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in module.judges())


def test_the_four_scores_by_hand(fitted):
    x = events(50, 2)
    module = fitted.history_.modules[0]
    z = torch.as_tensor(fitted._standardised(x), dtype=torch.float32)
    back = module.generate(module.encode(z))
    true, made = (module.features_xx(torch.cat([z, other], dim=1)) for other in (z, back))
    expected = {
        "L1": (z - back).abs().sum(dim=1),
        "L2": (z - back).square().sum(dim=1).sqrt(),
        "logits": -torch.sigmoid(module.judge_xx(made)[:, 0]).log(),
        "features": (true - made).abs().sum(dim=1),
    }
    assert expected.keys() == SCORES.keys()
    for score, value in expected.items():
        assert fitted.set_params(score=score).anomaly_score(x) == pytest.approx(value.numpy(), rel=1e-3, abs=1e-5)
    fitted.set_params(score="features")


def test_scoring_has_no_dropout_and_no_batch(fitted):
    x = events(200, 3)
    whole = fitted.anomaly_score(x)
    assert np.array_equal(whole, fitted.anomaly_score(x))
    assert fitted.anomaly_score(x[:3]) == pytest.approx(whole[:3], rel=1e-4)


def test_the_epoch_kept_is_the_one_whose_unseen_events_come_back_best(fitted):
    assert len(fitted.history_.train) == len(fitted.history_.validation) == RECIPE.epochs
    (kept,) = fitted.history_.best
    assert kept.epoch == int(np.argmin(fitted.history_.validation))
    assert kept.loss == min(fitted.history_.validation)


def test_with_nothing_set_aside_the_last_epoch_is_kept():
    alad = small(recipe=RECIPE.replace(validation=None, epochs=3)).fit(events(500, 4))
    (kept,) = alad.history_.best
    assert kept.epoch == 2 and alad.history_.validation == [] and len(alad.history_.train) == 3
    assert not any(p.requires_grad for p in kept.module.parameters()) and not kept.module.training


def test_what_does_not_come_back_is_strange():
    alad = small(score="L1", recipe=RECIPE.replace(epochs=15)).fit(events(2_000, 4))
    area = metrics.auc(*(alad.anomaly_score(events(1_000, 5, strange)) for strange in (False, True)))
    assert area > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score": "L3"}, "score='L3'"),
        ({"hidden": ()}, "hidden: expected one layer"),
        ({"hidden": (0,)}, "hidden=0"),
        ({"latent": 0}, "latent=0"),
        ({"width": 0}, "width=0"),
        ({"dropout": 1.0}, "dropout"),
        ({"recipe": RECIPE.replace(batch_size=1)}, "two events or more in a batch"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(events(60, 6))


def test_the_grid_has_the_published_names():
    grid = detectors.ALAD.grid("3")
    _, one = grid["ALAD_ld40_lr1e-5_bs20000_epoch2000_enc512_L_2"]
    assert (one.latent, one.score, one.recipe.batch_size, one.recipe.epochs) == (40, "L2", 20_000, 2_000)
