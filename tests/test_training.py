"""The training loop: it learns, keeps the best epochs, says what is wrong, and is the same from threads."""

import dataclasses
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from dmlib import training


def regression(n=400, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 1, generator=generator)
    return x, 3 * x + 0.1 * torch.randn(n, 1, generator=generator)


def squared(module):
    return lambda x, y: (module(x) - y).square().sum(dim=1)


def linear(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Linear(1, 1)


RECIPE = training.Recipe(epochs=20, batch_size=50, learning_rate=0.1)


def test_learns_a_line_and_ends_in_its_best_epoch():
    module = linear()
    history = training.fit(module, squared(module), regression(), regression(seed=1), recipe=RECIPE.replace(keep=3))
    assert abs(module.weight.item() - 3) < 0.2
    assert len(history.train) == len(history.validation) == 20 and len(history.best) == 3
    losses = [loss for _, loss, _ in history.best]
    assert losses == sorted(losses) and losses[0] == min(history.validation)
    assert [history.validation[epoch] for epoch, _, _ in history.best] == losses
    assert torch.equal(module.weight, history.best[0].module.weight)


def test_kept_epochs_are_modules_of_their_own():
    module = linear()
    history = training.fit(module, squared(module), regression(), regression(seed=1), recipe=RECIPE.replace(keep=4))
    weights = [kept.weight.item() for kept in history.modules]
    assert len(set(weights)) == 4 and weights[0] == module.weight.item()
    with torch.no_grad():
        module.weight.zero_()
    assert [kept.weight.item() for kept in history.modules] == weights
    assert not any(p.requires_grad for kept in history.modules for p in kept.parameters())


def test_without_validation_the_last_epochs_are_kept():
    module = linear()
    history = training.fit(module, squared(module), regression(), recipe=RECIPE.replace(keep=2))
    assert [kept.epoch for kept in history.best] == [19, 18] and history.validation == []


def test_recipe_sets_events_aside():
    """The events split at random are those that `split` names."""
    one, two = linear(), linear()
    x, y = regression()
    history = training.fit(one, squared(one), (x, y), recipe=RECIPE.replace(validation=0.25), seed=3)
    train, aside = training.split(len(x), 0.25, 3)
    again = training.fit(two, squared(two), (x[train], y[train]), (x[aside], y[aside]), recipe=RECIPE, seed=3)
    assert history.validation == again.validation and torch.equal(one.weight, two.weight)


def test_weights_count_events():
    """The weighted mean of two numbers is where the weighted square is smallest."""
    module = torch.nn.Linear(1, 1, bias=False)
    x, y = np.ones((2_000, 1)), np.arange(2_000) % 2
    recipe = training.Recipe(epochs=30, batch_size=100, learning_rate=0.05, anneal=True)
    loss = lambda x, y: (module(x)[:, 0] - y).square()  # noqa: E731
    training.fit(module, loss, (x, y), weight=np.where(y == 1, 3.0, 1.0), recipe=recipe)
    assert module.weight.item() == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("weight", [np.ones(3), np.zeros(400), np.full(400, np.nan), -np.ones(400)])
def test_weights_that_do_not_fit_are_refused(weight):
    module = linear()
    with pytest.raises(ValueError, match="weight"):
        training.fit(module, squared(module), regression(), weight=weight, recipe=RECIPE)


def test_same_seed_same_weights():
    weights = set()
    for _ in range(2):
        module = linear()
        training.fit(module, squared(module), regression(), recipe=RECIPE, seed=3)
        weights.add(module.weight.item())
    assert len(weights) == 1


def test_patience_stops_when_nothing_improves():
    module = linear()
    history = training.fit(
        module,
        squared(module),
        regression(),
        regression(seed=1),
        recipe=RECIPE.replace(epochs=500, patience=3),
    )
    assert len(history.train) == history.best[0].epoch + 4 < 500


def test_incomplete_batch_is_left_out_unless_it_is_the_only_one():
    sizes = []
    module = linear()

    def loss(x, y):
        sizes.append(len(x))
        return squared(module)(x, y)

    training.fit(module, loss, regression(130), recipe=RECIPE.replace(epochs=1))
    training.fit(module, loss, regression(30), recipe=RECIPE.replace(epochs=1))
    assert sizes == [50, 50, 30]


@pytest.mark.parametrize("data", [(torch.zeros(0, 1), torch.zeros(0, 1)), (torch.zeros(3, 1), torch.zeros(2, 1)), ()])
def test_data_that_do_not_fit_are_refused(data):
    module = linear()
    with pytest.raises(ValueError, match="data: expected arrays of one length"):
        training.fit(module, squared(module), data, recipe=RECIPE)


def test_loss_is_one_value_an_event():
    module = linear()
    losses = [lambda x, y: (module(x) - y).square().mean(), lambda x, y: (module(x) - y).square()]
    for loss, weight in itertools.product(losses, (None, np.ones(400))):
        with pytest.raises(ValueError, match="loss: expected one value for each of 50 events, not a tensor of shape"):
            training.fit(module, loss, regression(), weight=weight, recipe=RECIPE)


@pytest.mark.parametrize("recipe", [{"epochs": 3}, None])
def test_recipe_is_a_recipe(recipe):
    module = linear()
    with pytest.raises(TypeError, match="recipe=.*expected a Recipe"):
        training.fit(module, squared(module), regression(), recipe=recipe)


def test_patience_needs_validation():
    module = linear()
    with pytest.raises(ValueError, match="patience"):
        training.fit(module, squared(module), regression(), recipe=RECIPE.replace(patience=1))


def test_loss_that_is_not_finite_is_named():
    module = linear()
    x, y = regression()
    with pytest.raises(FloatingPointError, match="training loss of epoch 0 is nan.*learning rate"):
        training.fit(module, squared(module), (x, y * np.nan), recipe=RECIPE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs=0: expected a whole number of 1 or more"),
        ({"epochs": 2.5}, "epochs=2.5: expected a whole number"),
        ({"epochs": True}, "epochs=True: expected a whole number"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"keep": 0}, "keep=0"),
        ({"patience": 0}, "patience=0"),
        ({"learning_rate": 0}, "learning_rate=0: expected a finite number above 0"),
        ({"learning_rate": np.nan}, "learning_rate=nan: expected a finite number above 0"),
        ({"learning_rate": "1e-3"}, "learning_rate='1e-3'"),
        ({"learning_rate": None}, "learning_rate=None"),
        ({"weight_decay": -1}, "weight_decay=-1: expected a finite number of 0 or more"),
        ({"validation": 0.0}, "validation: expected numbers above 0 and below 1, not 0.0"),
        ({"validation": 1}, "validation: .*, not 1"),
        ({"validation": np.inf}, "validation: .*, not inf"),
        ({"clip": 0}, "clip=0: expected a finite number above 0"),
    ],
)
def test_recipe_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.replace(**change)


def test_recipe_is_a_value():
    """scikit-learn copies the parameters of an estimator and compares them."""
    same = training.Recipe(epochs=np.int64(20), batch_size=50, learning_rate=np.float64(0.1))
    assert same == RECIPE and hash(same) == hash(RECIPE) and pickle.loads(pickle.dumps(RECIPE)) == RECIPE
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPE.epochs = 3


def test_split_is_at_random_and_complete():
    train, aside = training.split(1_000, 0.3, seed=4)
    assert len(aside) == 300 and np.array_equal(np.sort(np.r_[train, aside]), np.arange(1_000))
    assert not np.array_equal(train, training.split(1_000, 0.3, seed=5)[0])


@pytest.mark.parametrize("share", [0, 1, -0.1, 2])
def test_split_refuses_a_share_beyond_zero_and_one(share):
    with pytest.raises(ValueError, match="validation: expected numbers above 0 and below 1"):
        training.split(10, share, seed=1)


def test_split_refuses_to_leave_a_part_empty():
    with pytest.raises(ValueError, match="validation=0.1 of 3 events"):
        training.split(3, 0.1, seed=1)


def drawn(seed):
    with training.seeded(seed, "weights"):
        layers = torch.nn.Linear(3, 2), torch.nn.Conv2d(1, 2, 3), torch.nn.GRU(2, 3), torch.nn.Embedding(4, 2)
        numbers = torch.rand(3), torch.randn(3), torch.randn_like(torch.ones(3)), torch.empty(3).normal_()
        numbers += torch.randperm(9), torch.randint(9, (3,)), torch.bernoulli(torch.full((9,), 0.5))
    return [p for layer in layers for p in layer.parameters()] + list(numbers)


def test_seeded_draws_the_same_again_and_leaves_the_global_generator_alone():
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    one, two, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_seeded_draws_the_same_in_threads():
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(drawn, [1] * 8))
    assert all(torch.equal(a, b) for draws in many for a, b in zip(draws, drawn(1), strict=True))


def test_training_in_threads_is_that_in_one():
    def weight(seed):
        with training.seeded(seed, "weights"):
            module = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        training.fit(module, squared(module), regression(), recipe=RECIPE.replace(validation=0.2), seed=seed)
        return module[0].weight

    alone = [weight(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(a, b) for a, b in zip(alone, pool.map(weight, range(4)), strict=True))


def test_evaluation_in_chunks_is_that_at_once():
    x = np.random.default_rng(1).normal(size=(1_000, 3))
    values = [training.evaluate(lambda x: x.square().sum(1), x, batch_size=n) for n in (7, 1_000)]
    assert np.array_equal(*values) and values[0].dtype == float


def test_annealing_ends_with_steps_of_zero_and_closer_to_the_minimum():
    """Noisy gradients leave a constant rate off the minimum: its mean squared distance is 280 times as large."""
    distance = {True: 0.0, False: 0.0}
    x, y = torch.ones(400, 1), torch.randn(400, generator=torch.Generator().manual_seed(1))
    for anneal in distance:
        for seed in range(10):
            line = torch.nn.Linear(1, 1, bias=False)
            loss = lambda x, y, line=line: (line(x)[:, 0] - y).square()  # noqa: E731
            recipe = training.Recipe(epochs=20, batch_size=10, learning_rate=0.05, anneal=anneal)
            training.fit(line, loss, (x, y), recipe=recipe, seed=seed)
            distance[anneal] += (line.weight.item() - y.mean().item()) ** 2
    assert distance[True] < 0.1 * distance[False]
