"""The kernel machine against a direct dense solver, and its behaviour on toys."""

import numpy as np
import pytest
from scipy.special import expit

from dmlib import nplm


def gaussians(x, centres, sigma):
    return np.exp(-((x[:, None] - centres[None]) ** 2).sum(axis=2) / (2 * sigma**2))


def dense(reference, weights, data, centres, sigma, penalty):
    """Newton's method in the coefficients of all centres, with full matrices: f at reference and data, and t."""
    x, y = np.concatenate([reference, data]), np.repeat([0.0, 1.0], [len(reference), len(data)])
    w, n = np.concatenate([weights, np.ones(len(data))]), len(x)
    k, kernel = gaussians(x, centres, sigma), gaussians(centres, centres, sigma)
    alpha = np.zeros(len(centres))
    for _ in range(50):
        p = expit(k @ alpha)
        gradient = k.T @ (w * (p - y)) / n + 2 * penalty * kernel @ alpha
        hessian = (k.T * (w * p * (1 - p))) @ k / n + 2 * penalty * kernel
        alpha -= np.linalg.solve(hessian, gradient)
    f = k @ alpha
    return f, 2 * (f[len(reference) :].sum() - (weights * np.expm1(f[: len(reference)])).sum())


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(4)
    reference = rng.normal(size=(800, 2))
    return reference, [rng.normal(size=(150, 2)), rng.normal(0.3, 1.0, size=(170, 2))], reference[:15]


@pytest.mark.parametrize("penalty", [1e-2, 1e-5])
def test_fit_is_that_of_a_dense_solver(sample, penalty):
    reference, toys, centres = sample
    weights = np.random.default_rng(1).uniform(0.5, 1.5, len(reference))
    a = 150 * weights / weights.sum()
    machine = nplm.KernelMachine(centres, 1.5, penalty, iterations=50, tolerance=1e-9)
    fits = machine.fit(reference, toys, 150, reference_weights=weights)
    for toy, data in enumerate(toys):
        f, t = dense(reference, a, data, centres, 1.5, penalty)
        assert fits.t[toy] == pytest.approx(t, rel=1e-5, abs=1e-5)
        assert np.allclose(fits.log_ratio(np.concatenate([reference, data]))[toy], f, atol=1e-5)


def test_one_step_is_newtons_first(sample):
    """With full matrices in the coefficients of all centres, from zero."""
    reference, toys, centres = sample
    machine, a = nplm.KernelMachine(centres, 1.5, 1e-6), 150 / 800
    k, kernel = gaussians(reference, centres, 1.5), gaussians(centres, centres, 1.5)
    fits = machine.fit(reference, toys, 150)
    for toy, data in enumerate(toys):
        h = gaussians(data, centres, 1.5)
        hessian = (a * k.T @ k + h.T @ h) / 4 + 2e-6 * (800 + len(data)) * kernel
        alpha = np.linalg.solve(hessian, (h.sum(axis=0) - a * k.sum(axis=0)) / 2)
        assert np.allclose(fits.log_ratio(data)[toy], h @ alpha, atol=1e-6)
        assert fits.t[toy] == pytest.approx(2 * ((h @ alpha).sum() - a * np.expm1(k @ alpha).sum()), abs=1e-6)


def test_sums_of_parts_are_a_toy(sample):
    """In any mixture with events; and with weights, that of events which are there so many times."""
    reference, toys, centres = sample
    machine = nplm.KernelMachine(centres, 1.5, 1e-6)
    parts = machine.sums(toys[0][:40]) + machine.sums(toys[0][40:])
    assert parts.n == 150 and np.allclose(
        machine.fit(reference, [parts, *toys], 150).t[[0, 2]], machine.fit(reference, toys, 150).t
    )
    twice, weighted = machine.sums(np.repeat(toys[0], 2, axis=0)), machine.sums(toys[0], np.full(150, 2.0))
    assert np.allclose(twice.gram, weighted.gram) and np.allclose(twice.total, weighted.total)
    assert np.allclose(parts.total, machine.features(toys[0]).sum(axis=0))
    with pytest.raises(ValueError, match="sums are enough for one step"):
        nplm.KernelMachine(centres, 1.5, 1e-6, iterations=2).fit(reference, [parts], 150)


def test_chunks_and_groups_do_not_matter(sample, monkeypatch):
    reference, toys, centres = sample
    machine = nplm.KernelMachine(centres, 1.5, 1e-6)
    t = machine.fit(reference, toys, 150).t
    monkeypatch.setattr("dmlib.nplm.kernels._CHUNK", 37)
    monkeypatch.setattr("dmlib.nplm.kernels._TOYS", 1)
    assert np.allclose(machine.fit(reference, toys, 150).t, t, rtol=1e-9)


def test_suggested_penalty_is_that_at_which_unseen_toys_stay_above_zero(sample, monkeypatch):
    """The machine is asked for its t; it is told, here, that they fall below 0 under 1e-8."""
    fitted = []

    def fit(machine, reference, toys, expected):
        fitted.append((reference, [toy.n for toy in toys]))
        return nplm.KernelFits(machine, np.array([1.0, 1.0 if machine.penalty > 3e-9 else -1.0]), None, None)

    monkeypatch.setattr(nplm.KernelMachine, "fit", fit)
    seen = []
    sums = nplm.KernelMachine.sums
    monkeypatch.setattr(nplm.KernelMachine, "sums", lambda machine, x: seen.append(x) or sums(machine, x))
    reference = sample[0]
    assert nplm.suggest(reference, 150).penalty == 1e-8
    assert len(fitted) == 4 and len(seen) == 100 and 130 < np.mean([len(x) for x in seen]) < 170
    of_machine, of_toys = ({tuple(x) for x in events} for events in (fitted[0][0], np.concatenate(seen)))
    assert not of_machine & of_toys and of_machine | of_toys == {tuple(x) for x in reference}


def test_features_are_orthonormal_in_the_kernels_space(sample):
    reference, _, centres = sample
    machine = nplm.KernelMachine(centres, 1.5, 1e-3)
    phi = machine.features(centres)
    assert machine.centres.shape == (15, 2) and np.allclose(phi @ phi.T, gaussians(centres, centres, 1.5), atol=1e-9)


def test_centres_that_add_nothing_are_left_out():
    """In one dimension a few dozen wide Gaussians make all the others; t is that of far more centres."""
    rng = np.random.default_rng(5)
    reference, data = rng.exponential(size=(5000, 1)), rng.exponential(size=(520, 1))
    ordered = np.sort(reference, axis=0)[::-1]  # both reach as far as the reference does
    machines = [nplm.KernelMachine(ordered[::step], 2.0, 1e-8) for step in (20, 2)]
    few, many = (machine.fit(reference, [data], 500).t[0] for machine in machines)
    assert all(len(machine.centres) < 60 for machine in machines) and few == pytest.approx(many, abs=0.1)


def test_toys_do_not_depend_on_each_other(sample):
    reference, toys, centres = sample
    machine = nplm.KernelMachine(centres, 1.5, 1e-6)
    together = machine.fit(reference, toys, 150).t
    assert np.allclose([machine.fit(reference, [toy], 150).t[0] for toy in toys], together, atol=1e-3)
    assert np.allclose(machine.fit([reference, reference], toys, 150).t, together, atol=1e-3)
    rng = np.random.default_rng(0)
    assert np.allclose(
        machine.fit(rng.permutation(reference), [rng.permutation(x) for x in toys], 150).t, together, atol=1e-3
    )


def test_same_seed_same_t(sample):
    reference, toys, _ = sample
    one, two, other = (nplm.fit_kernels(reference, toys, 150, 20, 1.5, 1e-6, seed).t for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_machine_finds_a_peak_and_null_toys_agree_among_themselves():
    rng = np.random.default_rng(6)
    reference = rng.exponential(size=(20_000, 1))
    null = nplm.draw(lambda r, n: r.exponential(size=(n, 1)), 1000, 60, seed=1)
    peak = nplm.draw(lambda r, n: r.normal(4.0, 0.1, (n, 1)), 40, 10, seed=2)
    hyper = nplm.suggest(reference, 1000)
    assert hyper.centres == 145 and 2.1 < hyper.sigma < 2.5 and 1e-10 <= hyper.penalty <= 1e-5
    t = nplm.fit_kernels(reference, null + nplm.mix(null[:10], peak), 1000, *hyper).t
    assert np.median(nplm.empirical_significance(t[60:], t[:60]).z) > 1.9
    assert 5 < np.median(t[:60]) < 15


def test_one_newton_step_is_close_to_convergence(sample):
    """Where the penalty keeps f small."""
    reference, toys, centres = sample
    one, all_ = (nplm.KernelMachine(centres, 1.5, 1e-3, iterations=n).fit(reference, toys, 150) for n in (1, 50))
    assert one.iterations.tolist() == [1, 1] and 2 < all_.iterations.max() < 15
    assert np.allclose(one.t, all_.t, rtol=0.2)


def test_more_steps_let_f_run_away_where_the_penalty_is_small():
    """Five events at 12, where the reference has hardly any."""
    rng = np.random.default_rng(0)
    reference = rng.exponential(size=(4_000, 1))
    data = np.concatenate([rng.exponential(size=(1_000, 1)), np.full((5, 1), 12.0)])
    one, all_, stiff = (
        nplm.KernelMachine(reference[:150], 2.3, penalty, n).fit(reference, [data], 1000).log_ratio([[12.0]])
        for penalty, n in ((1e-8, 1), (1e-8, 50), (1e-5, 50))
    )
    assert one < 2.01 and all_ > 4 and stiff < 1.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nplm.KernelMachine(x, 0, 1e-3), "sigma=0: expected a finite number above 0"),
        (lambda x: nplm.KernelMachine(x, 1, np.nan), "penalty=nan: expected a finite number above 0"),
        (
            lambda x: nplm.KernelMachine(x[:0], 1, 1),
            r"centres: expected features of at least one event, shape \(n, d\), not \(0, 2\)",
        ),
        (lambda x: nplm.KernelMachine(x, 1, 1).fit(x, [], 10), "toys: expected at least one data sample"),
        (lambda x: nplm.KernelMachine(x, 1, 1).fit(x, [x * np.nan], 10), r"toys\[0\]: feature 0 of event 0 is nan"),
        (lambda x: nplm.KernelMachine(x, 1, 1).features(x[:, :1]), "x has 1 features: expected 2, as the centres"),
        (lambda x: nplm.KernelMachine(x, 1, 1).fit(x[:, :1], [x], 10), "reference has 1 features: expected 2"),
        (lambda x: nplm.fit_kernels(x, [x], 10, 99, 1, 1), "centres=99: expected a number from 1 to 20"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0).normal(size=(20, 2)))
