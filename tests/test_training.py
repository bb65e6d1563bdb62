"""The training loop: it learns, keeps the best epochs, and says what is wrong."""

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


OPTIONS = {"epochs": 20, "batch_size": 50, "learning_rate": 0.1}


def test_learns_a_line_and_ends_in_its_best_epoch():
    module = linear()
    history = training.fit(module, squared(module), regression(), regression(seed=1), keep=3, **OPTIONS)
    assert abs(module.weight.item() - 3) < 0.2
    assert len(history.train) == len(history.validation) == 20 and len(history.best) == 3
    losses = [loss for _, loss, _ in history.best]
    assert losses == sorted(losses) and losses[0] == min(history.validation)
    assert [history.validation[epoch] for epoch, _, _ in history.best] == losses
    assert torch.equal(module.weight, history.best[0][2]["weight"])


def test_states_visit_the_kept_epochs_and_end_in_the_best():
    module = linear()
    history = training.fit(module, squared(module), regression(), regression(seed=1), keep=4, **OPTIONS)
    weights = [m.weight.item() for m in history.states(module)]
    assert len(set(weights)) == 4 and module.weight.item() == weights[-1] == history.best[0][2]["weight"].item()


def test_without_validation_the_last_epochs_are_kept():
    module = linear()
    history = training.fit(module, squared(module), regression(), keep=2, **OPTIONS)
    assert [epoch for epoch, _, _ in history.best] == [19, 18] and history.validation == []


def test_same_seed_same_weights():
    weights = set()
    for _ in range(2):
        module = linear()
        training.fit(module, squared(module), regression(), seed=3, **OPTIONS)
        weights.add(module.weight.item())
    assert len(weights) == 1


def test_patience_stops_when_nothing_improves():
    module = linear()
    history = training.fit(
        module,
        squared(module),
        regression(),
        regression(seed=1),
        patience=3,
        epochs=500,
        batch_size=50,
        learning_rate=0.1,
    )
    assert len(history.train) == history.best[0][0] + 4 < 500


def test_incomplete_batch_is_left_out_unless_it_is_the_only_one():
    sizes = []
    module = linear()

    def loss(x, y):
        sizes.append(len(x))
        return squared(module)(x, y)

    training.fit(module, loss, regression(130), epochs=1, batch_size=50)
    training.fit(module, loss, regression(30), epochs=1, batch_size=50)
    assert sizes == [50, 50, 30]


@pytest.mark.parametrize("data", [(torch.zeros(0, 1), torch.zeros(0, 1)), (torch.zeros(3, 1), torch.zeros(2, 1)), ()])
def test_data_that_do_not_fit_are_refused(data):
    module = linear()
    with pytest.raises(ValueError, match="data: expected tensors of one length"):
        training.fit(module, squared(module), data, epochs=1, batch_size=2)


def test_patience_needs_validation():
    module = linear()
    with pytest.raises(ValueError, match="patience"):
        training.fit(module, squared(module), regression(), patience=1, **OPTIONS)


def test_loss_that_is_not_finite_is_named():
    module = linear()
    x, y = regression()
    with pytest.raises(FloatingPointError, match="training loss of epoch 0 is nan.*learning rate"):
        training.fit(module, squared(module), (x, y * np.nan), **OPTIONS)


def test_split_is_by_lot_and_complete():
    train, aside = training.split(1_000, 0.3, seed=4)
    assert len(aside) == 300 and np.array_equal(np.sort(np.r_[train, aside]), np.arange(1_000))
    assert not np.array_equal(train, training.split(1_000, 0.3, seed=5)[0])


@pytest.mark.parametrize("share", [0, 1, -0.1, 2])
def test_split_refuses_a_share_beyond_zero_and_one(share):
    with pytest.raises(ValueError, match="validation=.*between 0 and 1"):
        training.split(10, share, seed=1)


def test_seeded_leaves_the_global_generator_alone():
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    with training.seeded(1):
        torch.rand(5)
    assert torch.equal(torch.rand(3), expected)


def test_annealing_ends_with_steps_of_zero_and_closer_to_the_minimum():
    """Noisy gradients leave a constant rate off the minimum: its mean squared distance is 280 times as large."""
    distance = {True: 0.0, False: 0.0}
    x, y = torch.ones(400, 1), torch.randn(400, generator=torch.Generator().manual_seed(1))
    for anneal in distance:
        for seed in range(10):
            line = torch.nn.Linear(1, 1, bias=False)
            training.fit(
                line,
                lambda x, y, line=line: (line(x)[:, 0] - y).square(),
                (x, y),
                epochs=20,
                batch_size=10,
                learning_rate=0.05,
                anneal=anneal,
                seed=seed,
            )
            distance[anneal] += (line.weight.item() - y.mean().item()) ** 2
    assert distance[True] < 0.1 * distance[False]
