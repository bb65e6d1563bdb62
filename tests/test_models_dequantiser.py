"""Columns with spikes made into columns that have a density, and back."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from dmlib import compute, features, samples
from dmlib.models import Dequantiser


@pytest.fixture(scope="module")
def events():
    return features.efficient(samples.load("darkmachines/2b/background"), energy=False)


@pytest.fixture(scope="module")
def fitted(events):
    return Dequantiser().fit(events)


def test_columns_of_events_are_told_apart(events, fitted):
    names = np.array(events.columns)
    assert set(names[fitted.counts_]) >= {"n_j", "n_b", "n_e-", "n_g"}
    assert {n for n in names[fitted.counts_ & fitted.used_] if not n.startswith("n_")} == set()
    padded = set(names[fitted.padded_])
    assert {"jet2_pt", "jet2_eta", "jet5_phi", "lepton3_eta"} <= padded
    assert not padded & {"met", "met_phi", "lepton1_pt", "lepton2_eta"}  # always filled: some zeros are an angle
    logarithms = set(names[fitted.logarithms_ & fitted.used_])
    assert {"met", "jet1_pt", "jet7_pt", "lepton2_pt"} <= logarithms and all("eta" not in n for n in logarithms)
    assert "lepton4_pt" not in names[fitted.used_]  # one event in 22,135


def test_events_come_back(events, fitted):
    x = events.to_numpy(float)
    back = fitted.inverse_transform(fitted.transform(x))
    assert np.allclose(back[:, fitted.used_], x[:, fitted.used_], rtol=1e-9, atol=0)


def test_counts_and_empty_slots_are_recoverable_from_under_the_noise(events, fitted):
    x = events.to_numpy(float)[:5_000]
    z = torch.as_tensor(fitted.transform(x))
    torch.manual_seed(1)
    noisy = fitted.noisy(z).numpy()
    assert np.isfinite(noisy).all()
    back = fitted.inverse_transform(noisy)
    counts = fitted.counts_ & fitted.used_
    assert np.array_equal(back[:, counts], x[:, counts])
    still = ~counts & fitted.used_ & ~((x == 0) & fitted.padded_)
    assert np.allclose(back[still], x[still], rtol=1e-9, atol=0)  # and nothing else has moved
    assert not np.array_equal(noisy, fitted.noisy(z).numpy())  # afresh each time


def test_noise_has_the_laws_that_are_promised():
    rng = compute.stream(1)
    n = 20_000
    x = np.c_[rng.poisson(3, n), np.where(rng.random(n) < 0.4, 0, rng.normal(-5, 20, n))]
    scaler = Dequantiser().fit(x)
    assert scaler.counts_.tolist() == [True, False] and scaler.padded_.tolist() == [False, True]
    torch.manual_seed(2)
    z = scaler.transform(x)
    noisy = scaler.noisy(torch.as_tensor(z)).numpy()
    spread = (noisy[:, 0] - z[:, 0]) * scaler.scale_[0]
    assert kstest(spread, "uniform", (-0.5, 1)).pvalue > 1e-3
    assert kstest(noisy[x[:, 1] == 0, 1], "norm").pvalue > 1e-3
    assert noisy.mean(axis=0) == pytest.approx([0, 0], abs=0.03) and noisy.std(axis=0) == pytest.approx(
        [1, 1], abs=0.03
    )


def test_log_det_is_the_derivatives():
    rng = compute.stream(2)
    x = np.c_[rng.lognormal(size=(500, 2)), rng.normal(size=500), rng.poisson(2, 500)]
    x[::3, 1] = 0
    scaler, step = Dequantiser().fit(x), 1e-6
    slopes = np.zeros(len(x))
    for k in range(4):
        moved = x.copy()
        moved[:, k] += step * (moved[:, k] != 0 if k == 1 else 1)
        slope = (scaler.transform(moved)[:, k] - scaler.transform(x)[:, k]) / step
        slopes += np.log(slope, where=slope > 0, out=np.zeros(len(x)))
    assert scaler.log_det(x) == pytest.approx(slopes, abs=1e-4)
    assert scaler.filled(x).tolist() == (x[:, 1] > 0).astype(int).tolist()


def test_weights_are_copies():
    x = np.c_[compute.stream(3).lognormal(size=(200, 2)), np.arange(200) % 4]
    x[::3, 1] = 0
    one, two = Dequantiser().fit(x, np.repeat([1.0, 2.0], 100)), Dequantiser().fit(np.r_[x, x[100:]])
    assert one.mean_ == pytest.approx(two.mean_) and one.scale_ == pytest.approx(two.scale_)


def test_columns_can_be_told():
    x = np.c_[np.arange(100.0) + 1, np.arange(100) % 2]
    scaler = Dequantiser(counts=(), padded=(1,), logarithms=(0,), least=2).fit(x)
    assert scaler.padded_.tolist() == [False, True] and scaler.logarithms_.tolist() == [True, False]
    assert scaler.used_.tolist() == [True, False]  # where it is filled it is always 1
    for options, message in (
        ({"counts": (2,)}, "counts: there is no column 2, only 0 to 1"),
        ({"padded": (-1,)}, "padded"),
        ({"logarithms": (1,), "padded": ()}, "logarithms: column 1 holds 0"),
    ):
        with pytest.raises(ValueError, match=message):
            Dequantiser(**options).fit(x)
    with pytest.raises(ValueError, match="same value in all events"):
        Dequantiser().fit(np.ones((50, 2)))


def test_a_momentum_that_no_training_held_is_far_out():
    x = compute.stream(4).lognormal(size=(300, 1))
    z = Dequantiser().fit(x).transform([[0.0], [-3.0]])
    assert np.isfinite(z).all() and (z < -100).all()
