"""The LHC Olympics sample: the files are what their card says and look like physics; the generator repeats itself."""

import base64
import dataclasses
import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import dmlib
from dmlib import samples
from dmlib.features import lhco

FOLDER = Path(dmlib.__file__).parent / "data" / "lhco"
CARD = json.loads((FOLDER / "card.json").read_text())
NAMES = sorted(CARD["samples"])
SIGNALS = [name for name in NAMES if name.startswith("signal")]
PARTS = ("background", "background-test", "background-extra")
REGION, RANGE = (3.3, 3.7), (3.0, 4.5)


@pytest.fixture(scope="module")
def tables():
    return {name: samples.load(f"lhco/{name}") for name in NAMES}


def inside(table):
    return table[table["m_jj"].between(*REGION)]


@pytest.mark.parametrize("name", NAMES)
def test_card_is_recomputed_from_the_file(name, tables):
    row, path = CARD["samples"][name], FOLDER / CARD["samples"][name]["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    assert (len(tables[name]), path.stat().st_size) == (row["events"], row["bytes"])
    if name != "blackbox":
        assert len(inside(tables[name])) == row["inside_region"]


def test_card_counts_every_run(tables):
    for row in CARD["processes"]:
        assert row["events_generated"] >= row["after_early_veto"] >= row["events_kept"]
        if row["run"] in tables:
            assert row["events_kept"] == len(tables[row["run"]])
        if "sigma_pb" in row:
            assert row["luminosity_fb"] == pytest.approx(row["events_kept"] / row["sigma_pb"] / 1000, rel=2e-3)


def test_card_compares_what_is_in_the_files(tables):
    assert len(CARD["beside_the_public_sample"]) == 10
    for row in CARD["beside_the_public_sample"]:
        feature, kind = row["feature"].split(", ")
        table = inside(tables["background-test" if kind == "background" else kind])
        quantiles = np.quantile(table[feature], (0.05, 0.25, 0.5, 0.75, 0.95))
        assert quantiles == pytest.approx(row["quantiles_here"], abs=6e-4)


def test_benchmark_of_the_card(tables):
    background, signal, significance = CARD["benchmark"].values()
    assert background == len(inside(tables["background"]))
    assert signal / background == pytest.approx(0.0064, rel=1e-2)
    assert significance == pytest.approx(signal / np.sqrt(background), rel=1e-3)


def test_there_is_enough_of_everything(tables):
    assert all(len(inside(tables[name])) >= 120_000 for name in PARTS)
    assert len(tables["background"]) - len(inside(tables["background"])) >= 250_000
    assert len(tables["signal"]) >= 40_000
    assert all(len(tables[name]) >= 20_000 for name in SIGNALS)
    assert sum(file.stat().st_size for file in FOLDER.glob("*")) < 11e6


@pytest.mark.parametrize("name", NAMES)
def test_conventions(name, tables):
    table = tables[name]
    assert tuple(table.columns) == lhco.COLUMNS
    assert (table.dtypes == np.float32).all()
    assert np.isfinite(table.to_numpy()).all()
    assert (table["m_j1"] >= 0).all() and (table["delta_m"] >= 0).all()  # jet 1 is the lighter one
    assert (table["m_jj"] > table["m_j1"] * 2 + table["delta_m"]).all()
    assert table[["tau21_1", "tau21_2"]].min().min() >= 0 and table[["tau21_1", "tau21_2"]].max().max() < 1.1
    low, high = REGION if name in PARTS[1:] else (0, 13) if name in SIGNALS else RANGE
    assert table["m_jj"].between(low, high).all()


@pytest.mark.parametrize(
    ("name", "x", "y"), [("signal", 0.5, 0.1), ("signal-threeprong", 0.5, 0.1), ("signal-300-300", 0.3, 0.3)]
)
def test_signals_peak_at_their_masses(name, x, y, tables):
    table = tables[name]
    assert np.median(table["m_jj"]) == pytest.approx(3.5, rel=0.02)
    assert _mode(table["m_jj"], 0.02) == pytest.approx(3.5, rel=0.02)
    assert _mode(table["m_j1"], 0.005) == pytest.approx(y, rel=0.05)
    assert _mode(table["m_j1"] + table["delta_m"], 0.005) == pytest.approx(x, rel=0.05)


def _mode(values, width):
    counts, edges = np.histogram(values, np.arange(0, 5, width))
    return edges[counts.argmax()] + width / 2


def test_prongs(tables):
    two, three = (inside(tables[name])["tau21_2"].median() for name in ("signal", "signal-threeprong"))
    background = inside(tables["background"])["tau21_2"].median()
    assert two < 0.5 * background
    assert two < 0.6 * three < background


def test_dijet_mass_falls_without_a_step(tables):
    """The function that searches fit, through the region's edges."""
    counts, edges = np.histogram(tables["background"]["m_jj"], np.linspace(*RANGE, 61))
    x = (edges[1:] + edges[:-1]) / 2 / 13

    def residuals(p):
        expected = np.exp(p[0] + p[1] * np.log(1 - x) - p[2] * np.log(x) - p[3] * np.log(x) ** 2)
        return (counts - expected) / np.sqrt(np.maximum(expected, 1))

    fit = optimize.least_squares(residuals, [np.log(counts[0]), 10.0, 5.0, 0.0], x_scale=[1, 10, 5, 1])
    chi2, dof = (fit.fun**2).sum(), len(counts) - 4
    assert stats.chi2.sf(chi2, dof) > 1e-3
    assert np.abs(fit.fun).max() < 4
    for edge in REGION:
        below, above = (((edges[:-1] > edge + d - 0.11) & (edges[1:] < edge + d + 0.01)) for d in (0, 0.1))
        pull = fit.fun[above].mean() - fit.fun[below].mean()
        assert abs(pull) < 3.5 * np.sqrt(1 / above.sum() + 1 / below.sum())


def test_no_event_is_there_twice(tables):
    assert not pd.concat(tables.values()).duplicated().any()


@pytest.mark.parametrize(("one", "two"), [*itertools.combinations(PARTS, 2)])
def test_separate_parts_agree(one, two, tables):
    for feature in lhco.COLUMNS:
        test = stats.ks_2samp(inside(tables[one])[feature], inside(tables[two])[feature])
        assert test.pvalue > 1e-3, feature


def test_dijet_mass_and_features_are_nearly_independent(tables):
    """What CWoLa relies on, and what `shifted` takes away."""
    table = tables["background"]
    assert table.corr()["m_jj"].drop("m_jj").abs().max() < 0.1
    assert lhco.shifted(table).corr().loc["m_jj", "m_j1"] > 0.25


def test_background_looks_like_the_public_one(tables, test_data):
    ours, genuine = inside(tables["background-test"]), _genuine(test_data, 0)
    for feature in lhco.COLUMNS:
        assert stats.ks_2samp(ours[feature], genuine[feature]).statistic < 0.06, feature
    _close(ours, genuine, abs=0.012, rel=0.1)


def test_signal_looks_like_the_public_one(tables, test_data):
    """395 genuine events: a KS distance of 0.07 is within their noise."""
    ours, genuine = inside(tables["signal"]), _genuine(test_data, 1)
    for feature in lhco.COLUMNS:
        assert stats.ks_2samp(ours[feature], genuine[feature]).statistic < 0.14, feature
    _close(ours, genuine, abs=0.04, rel=0.1)


def test_card_quotes_the_public_quantiles(test_data):
    for row in CARD["beside_the_public_sample"]:
        feature, kind = row["feature"].split(", ")
        quantiles = np.quantile(_genuine(test_data, kind == "signal")[feature], (0.05, 0.25, 0.5, 0.75, 0.95))
        assert row["quantiles_public"] == pytest.approx(quantiles, abs=1e-3)


def _genuine(test_data, label):
    *features, labels = np.load(test_data / "lhco" / "innerdata_train.npy").T
    return pd.DataFrame(dict(zip(lhco.COLUMNS, features, strict=True)))[labels == label]


def _close(ours, genuine, **tolerance):
    for feature, q in itertools.product(lhco.COLUMNS, (0.25, 0.5, 0.75)):
        assert ours[feature].quantile(q) == pytest.approx(genuine[feature].quantile(q), **tolerance), (feature, q)


def test_black_box_holds_what_its_seal_says(tables):
    sealed, box = json.loads((FOLDER / "blackbox-truth.json").read_text()), tables["blackbox"]
    assert sealed["events"] == len(box)
    labels = np.unpackbits(np.frombuffer(base64.b64decode(sealed["labels"]), np.uint8), count=len(box)).astype(bool)
    truth = json.loads(base64.b64decode(sealed["truth"]))
    assert labels.sum() == truth["signal_events"]
    assert 0.001 < labels.mean() < 0.01
    near = box["m_jj"].between(*truth["window_tev"])
    significance = (near & labels).sum() / np.sqrt((near & ~labels).sum())
    assert 1 < significance < 2
    assert significance == pytest.approx(truth["signal_over_root_background_in_window"], rel=0.02)
    assert 0.4 < np.flatnonzero(labels).mean() / len(box) < 0.6  # the order tells nothing


def test_black_box_without_its_signal_is_background(tables):
    test = stats.ks_2samp(tables["blackbox"]["m_jj"], tables["background"]["m_jj"])
    assert test.statistic < 0.01  # in the dijet mass alone a signal of this size cannot be seen


# The generator; its own environment (`make data`), else skipped.


@pytest.fixture
def generator():
    pytest.importorskip("pythia8mc", reason="the generator's environment (.venv-generate) is not this one")
    pytest.importorskip("fastjet", reason="the generator's environment (.venv-generate) is not this one")
    return pytest.importorskip("data_scripts.lhco")


def test_job_names_are_unique(generator):
    names = [job.name for job in {job for job, _ in generator.items()}]
    assert len(names) == len(set(names)) > 6
    assert {job.name for job, _ in generator.items("threeprong")} == {"signal-threeprong"}


@pytest.mark.parametrize("name", ["background-test", "signal-300-300"])
def test_same_item_same_arrays(name, generator):
    job = dataclasses.replace(next(job for job, _ in generator.items(name)), events=60)
    one, two, other = (generator.run((job, chunk)) for chunk in (0, 0, 1))
    assert one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)
    assert not np.array_equal(one["features"], other["features"])
    assert one["taken"] == 60 <= one["generated"]
    assert 10 < len(one["features"]) <= 60 and one["features"].shape[1] == 5


def test_cells_sum_energy(generator):
    from data_scripts.lhco import jets

    event, energy = np.array([0, 0, 0, 1]), np.array([10.0, 5.0, 1.0, 2.0])
    eta, phi = np.array([0.01, 0.09, 0.11, 0.05]), np.array([-3.11, -3.19, -3.15, -3.15])
    event, pt, eta, phi = jets._cells(event, energy, eta, phi, 0.1)
    assert event.tolist() == [0, 0, 1]
    assert eta == pytest.approx([0.05, 0.15, 0.05]) and phi == pytest.approx([-3.15] * 3)
    assert pt * np.cosh(eta) == pytest.approx([15, 1, 2])


def test_smeared_jets_are_ordered_by_mass(generator):
    from data_scripts.lhco import resolution

    features = np.tile([3.5, 0.2, 0.002, 0.3, 0.6], (4_000, 1))
    table = resolution.smeared(features, "a name")
    swapped = table["tau21_1"] > 0.5
    assert (table["delta_m"] >= 0).all() and 0.3 < swapped.mean() < 0.6
    assert (table["tau21_1"] + table["tau21_2"]).to_numpy() == pytest.approx(0.9)
    total = 2 * table["m_j1"] + table["delta_m"]
    assert total.mean() == pytest.approx(0.402, rel=0.01)
    assert total.std() == pytest.approx(0.04 * 0.2 * np.sqrt(2), rel=0.05)
    assert table.equals(resolution.smeared(features, "a name"))


def test_features_do_not_depend_on_the_batch(generator):
    from data_scripts import pythia
    from data_scripts.lhco import jets, jobs

    batch = pythia.start(jobs.SIGNAL.lines, 1).nextBatch(40)
    whole = jets.features(batch, *jobs.ALL)
    parts = np.concatenate([jets.features(batch[i : i + 8], *jobs.ALL) for i in range(0, 40, 8)])
    assert np.allclose(whole, parts, rtol=1e-9)
    assert len(jets.features(batch, 13.0, 14.0)) == 0
