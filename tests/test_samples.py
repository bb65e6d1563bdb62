"""The catalogue, the cards and the embedded samples of the three sets; offline."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dmlib import events, samples

LHCO = ["m_jj", "m_j1", "delta_m", "tau21_1", "tau21_2"]
DIMUON = ["pt1", "pt2", "eta1", "eta2", "delta_phi"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLIB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """An installation that ships a few samples of each set."""
    monkeypatch.setattr(samples, "DATA", tmp_path / "data")
    cards = {"darkmachines": {}, "lhco": {}, "dimuon": {}}
    for key, process, n in (("1/background", "njets", 5), ("1/stealth_400", "stealth", 2), ("1/blind", "njets", 3)):
        file = _file(tmp_path, "darkmachines", key)
        events.write_parquet(make_events(n, process), file)
        cards["darkmachines"][key] = {"file": f"{key}.parquet", "events": n, "seed": n}
    ramp = np.arange(1.0, 5.0)
    frames = {
        "lhco/background": {name: ramp for name in LHCO},
        "lhco/blackbox": {name: ramp for name in reversed(LHCO)} | {"label": ramp},
        "dimuon/drell-yan": {"pt1": 40 + ramp, "pt2": 30 + ramp, "eta1": ramp, "eta2": -ramp, "delta_phi": ramp / 2},
        "dimuon/contact": {"weight": ramp, "linear": ramp, "quadratic": ramp} | {name: ramp for name in DIMUON},
    }
    for name, columns in frames.items():
        folder, key = name.split("/")
        pd.DataFrame(columns).to_parquet(_file(tmp_path, folder, key))
        cards[folder][key] = {"events": 4}  # without a file: <key>.parquet
    for folder, rows in cards.items():
        for key, row in rows.items():
            row["sha256"] = hashlib.sha256(_file(tmp_path, folder, key).read_bytes()).hexdigest()
        general = {"licence": "CC-BY-4.0", "generator": "Pythia 8.317", "samples": rows}
        (tmp_path / "data" / folder / "card.json").write_text(json.dumps(general))
    return tmp_path / "data"


def _file(root, folder, key):
    file = root / "data" / folder / f"{key}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def make_events(n, process):
    one = dict.fromkeys(("met", "E", "pt"), np.full(n, 80.0)) | dict.fromkeys(("met_phi", "eta", "phi"), np.zeros(n))
    kinds = {"process": np.array([process] * n), "kind": np.array(["j"] * n)}
    return events.from_columns(id=np.arange(n), weight=np.ones(n), counts=np.ones(n, int), **kinds, **one)


def test_catalogue_lists_embedded_and_public(embedded):
    table = samples.catalogue()
    assert table.index.is_unique and table.index.name == "name"
    assert list(table.columns) == ["events", "bytes", "public_events", "source", "licence", "generator"]
    both = table.loc["darkmachines/1/background"]
    assert (both.events, both.public_events, both.source) == (5, 96_383, "embedded, public")
    assert both.bytes == (embedded / "darkmachines/1/background.parquet").stat().st_size
    own = table.loc["darkmachines/1/stealth_400"]
    assert (own.events, own.public_events, own.source) == (2, pd.NA, "embedded")
    published = table.loc["darkmachines/3/monojet_Zp2000.0_DM_50.0"]
    assert (published.events, published.public_events, published.source) == (pd.NA, 6_399, "public")
    assert table.loc["lhco/background", ["events", "public_events"]].tolist() == [4, 1_000_000]
    assert table.loc[["dimuon/drell-yan", "lhco/blackbox"], "source"].tolist() == ["embedded, public", "embedded"]
    assert table.licence.isin(["CC-BY-4.0", "as the record states"]).all()


def test_catalogue_has_the_challenge_pairs():
    table = samples.catalogue()
    channels = table[table.index.str.fullmatch(r"darkmachines/\w+/[^/]+") & table.source.str.contains("public")]
    stems = channels.index.str.rpartition("/").get_level_values(2)
    splits = stems.str.startswith("background")
    per_channel = channels[splits].groupby(channels.index[splits].str.rpartition("/").get_level_values(0))
    totals = {"1": 214_185, "2a": 20_005, "2b": 340_268, "3": 8_544_111}
    assert per_channel.public_events.sum().to_dict() == {f"darkmachines/{c}": n for c, n in totals.items()}
    signals = channels[~splits & (stems != "blind")]
    signals = signals[~signals.index.str.startswith("darkmachines/sm/")]
    assert len(signals) == 34 and (per_channel.size() == 3).all() and (stems == "blind").sum() == 4


def test_catalogue_has_the_standard_model():
    table = samples.catalogue()
    processes = table[table.index.str.startswith("darkmachines/sm/")]
    assert len(processes) == 26  # 881 million events in table 2 of the paper
    assert processes.public_events.sum() == 881_016_984


def test_public_names_are_those_of_the_score_files(test_data):
    files = (test_data / "challenge-results").glob("*.csv")
    scores = pd.concat([pd.read_csv(file, dtype={"Chan": str}) for file in files])
    pairs = {f"darkmachines/{chan}/{signal}" for chan, signal in zip(scores.Chan, scores.Signal, strict=True)}
    hackathon = {name for name, sample in samples._published().items() if sample.record.doi.endswith(".3961917")}
    assert pairs == {name for name in hackathon if "/background" not in name}


def test_catalogue_reads_no_events(embedded, monkeypatch):
    monkeypatch.setattr(events, "read_parquet", None)
    monkeypatch.setattr(pd, "read_parquet", None)
    monkeypatch.setattr("dmlib._files.sha256", None)
    assert len(samples.catalogue()) > 200


def test_catalogue_needs_no_downloader():
    code = (
        "import sys, dmlib; dmlib.samples.catalogue(); print({'pooch', 'requests', 'h5py', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr


def test_card_merges_the_set_and_the_sample(embedded):
    card = samples.card("darkmachines/1/background")
    assert (card["name"], card["generator"], card["seed"]) == ("darkmachines/1/background", "Pythia 8.317", 5)
    assert "samples" not in card
    card = samples.card("darkmachines/2a/background-test")
    assert card["doi"] == "10.5281/zenodo.3961917" and card["events"] == 9_002
    assert "second, fourth" in card["part"]
    assert "not documented" in samples.card("darkmachines/2a/blind")["note"]


def test_load_embedded_events(embedded):
    sample = samples.load("darkmachines/1/background")
    assert len(sample) == 5 and np.allclose(sample.objects.pt[:, 0], 80.0)
    assert sample.process.tolist() == ["njets"] * 5


def test_blind_events_have_no_labels(embedded):
    blind = samples.load("darkmachines/1/blind")
    assert blind.process.tolist() == ["unknown"] * 3
    assert blind.objects.tolist() == samples.load("darkmachines/1/background")[:3].objects.tolist()
    assert list(samples.load("lhco/blackbox")) == LHCO  # and no label


def test_load_embedded_tables(embedded):
    frame = samples.load("lhco/background")
    assert list(frame) == LHCO and len(frame) == 4 and (frame.dtypes == np.float32).all()
    frame = samples.load("dimuon/drell-yan")
    assert list(frame) == [*DIMUON, "m_ll"] and (frame.dtypes == np.float32).all()
    mass = 2 * frame.pt1 * frame.pt2 * (np.cosh(frame.eta1 - frame.eta2) - np.cos(frame.delta_phi))
    assert np.allclose(frame.m_ll**2, mass, rtol=1e-5)
    assert list(samples.load("dimuon/contact")) == [*DIMUON, "m_ll", "weight", "linear", "quadratic"]


@pytest.mark.parametrize("name", ["darkmachines/1/background", "lhco/background"])
def test_altered_embedded_file_is_refused(embedded, name):
    shutil.copy(embedded / "darkmachines/1/stealth_400.parquet", embedded / f"{name}.parquet")
    with pytest.raises(ValueError, match="background.parquet is not the file that its card describes"):
        samples.load(name)


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("darkmachines/1/backgruond", "embedded", r"Did you mean 'darkmachines/1/background'.*catalogue\(\) lists"),
        ("nonsense", "embedded", r"no sample 'nonsense'\. dmlib"),
        ("nonsense", "public", r"no sample 'nonsense'\. dmlib"),
        ("darkmachines/4/mixture/HH_103", "public", r"no sample 'darkmachines/4/mixture/HH_103'"),
        ("darkmachines/1/background", "pubic", r"source='pubic': expected one of 'embedded', 'public'"),
        ("darkmachines/2a/background", "embedded", r'not shipped with dmlib; load it with source="public"'),
        ("darkmachines/1/stealth_400", "public", r'none of the published sets; load it with source="embedded"'),
        ("lhco/blackbox", "public", r'none of the published sets; load it with source="embedded"'),
    ],
)
def test_errors_help(embedded, cache, name, source, message):
    with pytest.raises(ValueError, match=message):
        samples.load(name, source)
    assert not cache.exists()


@pytest.mark.parametrize("name", [None, [], 1, b"lhco/signal"])
@pytest.mark.parametrize("call", [samples.load, samples.card, samples.fetch, lambda name: samples.load(name, "public")])
def test_name_that_is_no_string_is_refused(cache, call, name):
    with pytest.raises(TypeError, match=r"name=.*: expected a sample's name; dmlib\.samples\.catalogue\(\) lists all"):
        call(name)
    assert not cache.exists()


def test_cache_folder_is_the_one_named(cache, monkeypatch):
    assert samples.cache_folder() == cache
    monkeypatch.setenv("DMLIB_DATA", "~/data")
    assert samples.cache_folder() == Path.home() / "data"
    monkeypatch.delenv("DMLIB_DATA")
    assert samples.cache_folder().name == "dmlib" and os.path.isabs(samples.cache_folder())


def test_shipped_samples_are_what_their_cards_say():
    shipped = samples.catalogue().dropna(subset="events")
    if shipped.empty:
        pytest.skip("this installation ships no samples")
    for name, row in shipped.iterrows():
        assert len(samples.load(name)) == row.events > 0, name
    assert shipped.bytes.sum() <= 60e6
