"""The fast detector of the darkmachines sample against closed forms and the genuine file; skipped without fastjet."""

import awkward as ak
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pythia8mc", reason="the generator's environment (.venv-generate) is not this one")
pytest.importorskip("fastjet", reason="the generator's environment (.venv-generate) is not this one")

from data_scripts.darkmachines import assembly, beside, detector, generate, signals, towers
from data_scripts.darkmachines.detector import Least, Particles, Passage
from dmlib import channels, compute, events


def particles(*rows):
    """Particles of the given event, id, pt, eta and phi, all stable and massless."""
    event, pdg, pt, eta, phi = (np.array(column) for column in zip(*rows, strict=True))
    momentum = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta), "e": pt * np.cosh(eta)}
    return Particles({"event": event, "id": pdg, "status": np.ones(len(pdg), int), **momentum})


@pytest.mark.parametrize(("calorimeter", "eta"), [(towers.ELECTROMAGNETIC, 0.3), (towers.HADRONIC, -2.05)])
def test_towers_are_measured_with_the_resolution_of_the_card(calorimeter, eta):
    n, energy = 20_000, 100.0
    hit = towers.Towers(calorimeter, np.arange(n), np.full(n, energy), np.full(n, eta), np.full(n, 1.0))
    seen, px, py, pz, e = hit.measured(np.random.default_rng(1))
    constant, stochastic, noise = next(v for k, v in calorimeter.resolution.items() if abs(eta) < k)
    width = np.sqrt((constant * energy) ** 2 + stochastic**2 * energy + noise**2)
    assert len(seen) == n and e.mean() == pytest.approx(energy, abs=4 * width / np.sqrt(n))
    assert e.std() == pytest.approx(width, rel=0.03)
    assert np.hypot(np.hypot(px, py), pz) == pytest.approx(e)
    found = np.arcsinh(pz / np.hypot(px, py))
    assert np.ptp(found) == pytest.approx(0.1 if calorimeter is towers.HADRONIC else 0.0174, rel=0.01)
    assert found.min() < eta < found.max() and abs(np.median(np.arctan2(py, px)) - 1.0) < 0.1


def test_particles_in_one_tower_are_measured_together():
    hit = towers.Towers(towers.HADRONIC, np.array([0, 0, 1]), np.array([2.0, 3.0, 4.0]), np.full(3, 0.55), np.zeros(3))
    assert hit.energy.tolist() == [5.0, 4.0] and hit.of_particle.tolist() == [0, 0, 1]


def test_towers_below_the_threshold_are_not_seen():
    n = 2_000  # two widths of the noise are 3.2 GeV
    hit = towers.Towers(towers.HADRONIC, np.arange(n), np.full(n, 1.0), np.full(n, 0.5), np.zeros(n))
    assert len(hit.measured(np.random.default_rng(1))[0]) < 0.1 * n


def test_neutrinos_and_muons_are_missing():
    n, rows = 400, []
    for event in range(n):
        rows += [(event, 22, 100.0, 0.5, 0.0), (event, 13, 60.0, -0.5, 2.0), (event, 14, 40.0, 0.0, 3.0)]
    reading = Passage(particles(*rows), n).measured(np.random.default_rng(2))
    assert reading.met_true == pytest.approx(40.0)
    assert np.median(reading.met) == pytest.approx(100.0, rel=0.02)
    assert np.cos(reading.met_phi).max() < -0.99


def test_soft_charged_particles_never_reach_the_calorimeters():
    rows = [(0, 211, 0.3, 0.0, 0.0), (1, 211, 50.0, 0.0, 0.0)]
    reading = Passage(particles(*rows), 2).measured(np.random.default_rng(3))
    assert reading.met[0] == 0 and reading.met[1] > 20


def test_objects_have_the_kinds_and_rates_of_the_card():
    n, rows = 4_000, []
    for event in range(n):
        rows += [(event, 11, 50.0, 0.3, 0.0), (event, -13, 50.0, 2.0, 2.0), (event, 22, 50.0, 1.0, -2.0)]
    passage = Passage(particles(*rows), n)
    record = detector.reconstruct([passage.measured(np.random.default_rng(4))], np.random.default_rng(5))
    rate = {kind: np.sum(record["kind"] == kind) / n for kind in ("e-", "m+", "g", "j")}
    assert rate["e-"] == pytest.approx(0.95**2, abs=0.02) and rate["m+"] == pytest.approx(0.83, abs=0.03)
    assert rate["g"] == pytest.approx(0.95 * 1.05, abs=0.03)  # an electron in twenty has no track
    # What is no electron or photon is a jet.
    assert rate["j"] == pytest.approx(0.1, abs=0.03)
    assert (record["counts"] <= 3).all() and record["counts"].sum() == len(record["pt"])


def test_least_leaves_out_what_has_less():
    rows = [(0, 211, 100.0, 0.0, 0.0), (1, 211, 100.0, 0.0, 0.0), (1, 211, 100.0, 0.0, 3.14)]
    passage = Passage(particles(*rows), 2)
    reading = passage.measured(np.random.default_rng(6), Least(met=50))
    assert reading.event.tolist() == [0] and set(reading.towers.event) == {0}
    assert len(passage.measured(np.random.default_rng(6), Least(leptons=1)).event) == 0


@pytest.fixture(scope="module")
def monojets():
    """The monojet signal of channel 3, as generated for the course."""
    job = next(job for job in signals.TEST if job.process.startswith("monojet"))
    piece = job.pieces()[0][0]
    columns = assembly.Generated(0, piece, [generate.generate(piece, 1)]).channel("3")
    return events.from_columns(**columns)


@pytest.fixture(scope="module")
def genuine(test_data):
    return beside.genuine(test_data)


def test_missing_momentum_balances_the_objects_as_in_the_genuine_file(monojets, genuine):
    """With as much as truly escaped, in the direction measured, it does not: 27 GeV."""
    h_t = {"ours": channels.h_t(monojets), "genuine": channels.h_t(genuine)}
    for low, high in ((600, 750), (750, 5_000)):
        widths = {}
        for name, sample in (("ours", monojets), ("genuine", genuine)):
            chosen = sample[(h_t[name] > low) & (h_t[name] < high)]
            widths[name] = [beside.half_width(c) for c in beside.balance(chosen, chosen.met.to_numpy())]
        assert widths["ours"] == pytest.approx(widths["genuine"], rel=0.15)
    assert beside.half_width(beside.balance(monojets, monojets.met_true.to_numpy())[0]) > 20
    assert abs(np.median(beside.balance(monojets, monojets.met.to_numpy())[0])) < 3


def test_jets_are_as_wide_and_as_soft_as_in_the_genuine_file(monojets, genuine):
    for sample in (monojets, genuine):
        jets = channels.jets(sample)
        one, two = ak.unzip(ak.combinations(jets, 2))
        assert 0.58 < ak.min(one.deltaR(two)) < 0.63
        pt, eta = ak.flatten(jets.pt).to_numpy(), np.abs(ak.flatten(jets.eta).to_numpy())
        least = 20 * np.sqrt((3 - 0.2 * eta) ** 2 / 20 + 1)
        assert 0.99 < (pt / least).min() < 1.01


def test_kinds_of_objects_are_as_frequent_as_in_the_genuine_file(monojets, genuine):
    rate = {
        kind: [ak.sum(s.objects.kind == kind) / len(s) for s in (monojets, genuine)] for kind in ("j", "b", "g", "e-")
    }
    assert rate["j"][0] == pytest.approx(rate["j"][1], rel=0.12)
    assert rate["b"][0] == pytest.approx(rate["b"][1], rel=0.25)
    assert rate["g"][0] == pytest.approx(rate["g"][1], abs=0.008)
    assert max(rate["e-"]) < 0.002


def test_balance_along_and_across_the_leading_jet():
    """A jet along y and a softer one along x, with nothing missing but the first."""
    columns = {"counts": [2], "kind": ["j", "j"], "E": [100.0, 30.0], "pt": [100.0, 30.0], "eta": [0.0, 0.0]}
    sample = events.from_columns(
        id=[1], process=["njets"], weight=[1.0], met=[100.0], met_phi=[-np.pi / 2], phi=[np.pi / 2, 0.0], **columns
    )
    along, across = beside.balance(sample, sample.met.to_numpy())
    assert along == pytest.approx(0, abs=1e-4) and across == pytest.approx(-30, abs=1e-4)
    assert beside.half_width(np.random.default_rng(1).normal(0, 13, 100_000)) == pytest.approx(13, rel=0.01)


@pytest.mark.parametrize(("shift", "low", "high"), [(0, 0.4, 0.6), (1, 0.7, 0.9)])
def test_trees_tell_two_samples_apart_if_they_differ(shift, low, high):
    rng = np.random.default_rng(2)
    a, b = (pd.DataFrame(rng.normal(mean, 1, (400, 3)), columns=list("xyz")) for mean in (0, [shift, 0, 0]))
    assert low < beside._auc_of_trees(a, b, np.ones(400))["AUC"] < high


def test_detector_draws_nothing_but_from_its_stream():
    record = [
        detector.reconstruct(
            [Passage(particles((0, 22, 80.0, 0.1, 0.2)), 1).measured(compute.stream(9))], compute.stream(8)
        )
        for _ in range(2)
    ]
    assert all(np.array_equal(record[0][k], record[1][k]) for k in record[0])
