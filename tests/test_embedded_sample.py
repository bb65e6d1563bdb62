"""The embedded sample is what its card says, and looks like physics."""

import hashlib
import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

import dmlib
from dmlib import channels, events, samples

FOLDER = Path(dmlib.__file__).parent / "data" / "darkmachines"
CARD = json.loads((FOLDER / "card.json").read_text())
NAMES = sorted(CARD["samples"])


@pytest.fixture(scope="module")
def background():
    return {c: samples.load(f"darkmachines/{c}/background") for c in channels.CHANNELS}


@pytest.mark.parametrize("name", NAMES)
def test_card_is_recomputed_from_the_file(name):
    row, path = CARD["samples"][name], FOLDER / CARD["samples"][name]["file"]
    sample = events.read_parquet(path)
    weight = sample.weight.to_numpy().astype(float)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    assert (len(sample), path.stat().st_size) == (row["events"], row["bytes"])
    assert weight.sum() == pytest.approx(row["expected_10fb"], rel=1e-3)
    assert weight.sum() ** 2 / (weight**2).sum() == pytest.approx(row["effective_events"], rel=1e-3)


def test_card_counts_every_process(background):
    for row in CARD["processes"]:
        selected = background[row["channel"]].process == row["process"]
        assert ak.sum(selected) == row["events_kept"]
        expected = ak.sum(background[row["channel"]].weight[selected].to_numpy().astype(float))
        assert expected == pytest.approx(row["expected_10fb"], rel=2e-3, abs=1e-6)
        assert row["k_factor"] == pytest.approx(row["sigma_challenge_pb"] / row["sigma_generator_pb"], rel=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_passes_its_channel_and_is_finite(name):
    sample = samples.load(f"darkmachines/{name}")
    assert channels.passes(sample, name.split("/")[0]).all()
    assert len(np.unique(sample.id.to_numpy())) == len(sample), "an event is there twice"
    flat = ak.flatten(sample.objects)
    assert all(np.isfinite(flat[c].to_numpy()).all() for c in ("E", "pt", "eta", "phi"))
    assert (sample.weight.to_numpy() > 0).all()
    assert (flat.pt.to_numpy() > 9.9).all() and (abs(flat.eta.to_numpy()) < 4.91).all()


def test_each_channel_has_thousands_of_events_and_two_signals(background):
    for channel, sample in background.items():
        assert len(sample) > 2_000
        signals = [n for n in NAMES if n.startswith(f"{channel}/") and not n.endswith("background")]
        assert len(signals) >= 2
        assert all(CARD["samples"][n]["events"] > 300 for n in signals)


def test_package_data_stays_small():
    assert sum(f.stat().st_size for f in FOLDER.rglob("*.parquet")) < 8e6


def test_z_boson_stands_in_opposite_pairs_of_one_flavour(background):
    sample = background["2a"][background["2a"].process == "zw"]
    muons = sample.objects[(sample.objects.kind == "m-") | (sample.objects.kind == "m+")]
    muons = muons[ak.num(muons) == 2]
    pair = muons[:, 0] + muons[:, 1]
    mass = pair.mass[muons[:, 0].kind != muons[:, 1].kind].to_numpy()
    peak = mass[(mass > 80) & (mass < 102)]
    assert len(peak) > 0.8 * len(mass)
    assert np.median(peak) == pytest.approx(91.2, abs=0.7)


def test_hadronic_w_of_a_top_stands_in_jet_pairs(background):
    """In ttbar events the two light jets nearest each other pile up at the W mass."""
    sample = background["3"][background["3"].process == "ttbar"]
    a, b = ak.unzip(ak.combinations(sample.objects[sample.objects.kind == "j"], 2))
    mass = ak.flatten((a + b).mass[a.deltaR(b) < 1.5]).to_numpy()
    at_w = ((mass > 70) & (mass < 95)).sum()
    beside = (((mass > 45) & (mass < 57.5)) | ((mass > 107.5) & (mass < 120))).sum()
    assert at_w > 1.15 * beside


def test_azimuth_is_flat_and_eta_symmetric(background):
    for sample in background.values():
        weight = sample.weight.to_numpy().astype(float)
        effective = weight.sum() ** 2 / (weight**2).sum()
        for wave in (np.cos, np.sin):
            assert abs(np.average(wave(sample.met_phi.to_numpy()), weights=weight)) < 4 / np.sqrt(2 * effective)
        jets = channels.jets(sample)
        eta, repeated = ak.flatten(jets.eta).to_numpy(), np.repeat(weight, ak.num(jets))
        assert abs(np.average(eta > 0, weights=repeated) - 0.5) < 4 * 0.5 / np.sqrt(effective)


def test_monojet_looks_like_the_genuine_one(test_data):
    """The fast detector against Delphes: the same signal in the same channel."""
    genuine = events.read_csv(test_data / "darkmachines" / "monojet_Zp2000.0_DM_50.0_chan3.csv")
    ours = samples.load("darkmachines/3/monojet_Zp2000.0_DM_50.0")
    assert ak.mean(ak.num(ours.objects)) == pytest.approx(ak.mean(ak.num(genuine.objects)), rel=0.05)
    for quantile in (0.25, 0.5, 0.75):
        assert np.quantile(ours.met, quantile) == pytest.approx(np.quantile(genuine.met, quantile), rel=0.15)
        assert np.quantile(channels.h_t(ours), quantile) == pytest.approx(
            np.quantile(channels.h_t(genuine), quantile), rel=0.1
        )
    b_share = [ak.sum(e.objects.kind == "b") / ak.sum(ak.num(e.objects)) for e in (ours, genuine)]
    assert b_share[0] == pytest.approx(b_share[1], rel=0.3)
