"""The challenge's score files: reading, total improvement, rankings and audit, and an entry of one's own."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import challenge, channels, detectors, features
from dmlib.challenge import Channel, scores
from dmlib.training import Recipe

HEADER = "Signal,Model,Chan,AUC,1e-2,1e-3,1e-4"


@pytest.fixture
def write(tmp_path):
    def make(*rows, header=HEADER, name="scores.csv"):
        (tmp_path / name).write_text("\n".join([header, *rows]) + "\n")
        return tmp_path / name

    return make


@pytest.fixture(scope="module")
def published():
    folder = os.environ.get("DMLIB_TEST_DATA")
    if not folder or not (path := Path(folder) / "challenge-results").is_dir():
        pytest.skip("DMLIB_TEST_DATA names no folder with challenge-results")
    return challenge.read_scores(path)


def table(**models):
    """Scores of models on pairs of channel and signal, "1/x": AUC; efficiencies follow from it."""
    rows = [(*pair.split("/"), name, auc) for name, aucs in models.items() for pair, auc in aucs.items()]
    frame = pd.DataFrame(rows, columns=["Chan", "Signal", "Model", "AUC"])
    for point, share in (("1e-2", 0.3), ("1e-3", 0.1), ("1e-4", 0.05)):
        frame[point] = share * frame["AUC"]
    frame["max SI"] = frame["1e-4"] * 100
    return frame


def test_files_and_folders_are_read_and_the_best_improvement_added(write, tmp_path):
    write("x,a,1,0.8,0.2,0.1,0.05", "y,a,1,0.5,0.01,,", name="a.csv")
    write("x,b,2a,0.7,0,0,0", name="b.csv")
    read = challenge.read_scores(tmp_path)
    assert list(read) == [*HEADER.split(","), "max SI"] and len(read) == 3
    assert read["max SI"].round(6).tolist() == [
        5.0,
        0.1,
        0.0,
    ]  # 0.05 / sqrt(1e-4); 0.01 / sqrt(1e-2), the others missing
    assert read["1e-3"].isna().sum() == 1
    assert len(challenge.read_scores(tmp_path / "b.csv")) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,a,1,1.2,0,0,0", r"line 3: AUC is '1.2'; expected a number from 0 to 1"),
        ("x,a,1,0.5,zero,0,0", r"line 3: 1e-2 is 'zero'"),
        ("x,a,1,nan,0,0,0", r"line 3: AUC is 'nan'"),
        ("x,a,4,0.5,0,0,0", r"line 3: Chan is '4'; expected one of 1, 2a, 2b, 3"),
        ("y,a,1,0.5,0,0,0", r"'a' has two rows for y in channel 1"),
    ],
)
def test_bad_rows_are_named(write, row, message):
    with pytest.raises(ValueError, match=message):
        challenge.read_scores(write("y,a,1,0.5,0,0,0", row))


def test_bad_files_are_named(write, tmp_path):
    with pytest.raises(ValueError, match="line 1 lacks Chan: expected the columns"):
        challenge.read_scores(write("x,a,0.5,0,0,0", header="Signal,Model,AUC,1e-2,1e-3,1e-4"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"holds no \.csv file"):
        challenge.read_scores(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        challenge.read_scores(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="expected a file or a folder"):
        challenge.read_scores()


def test_total_improvement_takes_the_best_channel_of_each_signal():
    frame = table(a={"1/x": 0.2, "3/x": 0.6, "1/y": 0.4}, b={"1/x": 0.9, "3/x": 0.1, "1/y": 0.1})
    ti = challenge.total_improvement(frame)
    assert ti.loc["a"].tolist() == pytest.approx([2.0, 2.5, 3.0])  # of x 3.0, of y 2.0
    assert ti.loc["b"].tolist() == pytest.approx([0.5, 2.5, 4.5])


def test_the_six_rankings_by_hand():
    steady = {"1/x": 0.7, "1/y": 0.7, "2a/x": 0.7}
    frame = table(steady=steady, bold={"1/x": 0.9, "1/y": 0.9, "2a/x": 0.1}, weak=dict.fromkeys(steady, 0.2))
    expected = {
        "top 1": {"steady": 1, "bold": 2, "weak": 0},
        "top 5": {"steady": 3, "bold": 3, "weak": 3},
        "average rank": {"steady": 5 / 3, "bold": 5 / 3, "weak": 8 / 3},
        "mean": {"steady": 0.7, "bold": 1.9 / 3, "weak": 0.2},
        "median": {"steady": 0.7, "bold": 0.9, "weak": 0.2},
        "minimum": {"steady": 0.7, "bold": 0.1, "weak": 0.2},
    }
    for by, values in expected.items():
        ranked = challenge.rank(frame, by=by)
        assert ranked[by].to_dict() == pytest.approx(values)
        best = min(values.values()) if by == "average rank" else max(values.values())
        assert values[ranked.index[0]] == pytest.approx(best) and ranked["rank"].iloc[0] == 1
    assert challenge.rank(frame, by="median", channel="2a").index[0] == "steady"


def test_a_pair_without_a_figure_is_the_last_rank():
    frame = table(whole={"1/x": 0.3, "1/y": 0.3}, part={"1/x": 0.9})
    assert challenge.rank(frame, by="average rank")["average rank"].to_dict() == {"whole": 1.5, "part": 1.5}
    assert challenge.rank(frame, by="mean").index[0] == "part"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=12, unique=True), st.sampled_from(scores.RANKINGS))
def test_a_model_that_is_better_everywhere_is_ranked_no_lower(aucs, by):
    worse = {f"1/s{k}": auc for k, auc in enumerate(aucs)}
    frame = table(worse=worse, better={pair: auc + 0.005 for pair, auc in worse.items()})
    ranks = challenge.rank(frame, by=by)["rank"]
    assert ranks["better"] == 1 <= ranks["worse"]


def test_what_survives_a_bootstrap():
    rng = np.random.default_rng(1)
    close = {f"1/s{k}": 0.6 + 0.02 * rng.normal() for k in range(20)}
    frame = table(a=close, b={k: v + 0.02 * rng.normal() for k, v in close.items()}, best=dict.fromkeys(close, 0.9))
    ranked = challenge.rank(frame, by="mean", n_bootstrap=100)
    assert ranked.loc["best", ["lowest", "highest", "first"]].tolist() == [1, 1, 1]
    assert (ranked.loc[["a", "b"], "lowest"] >= 2).all()
    assert ranked.equals(challenge.rank(frame, by="mean", n_bootstrap=100))


def test_arguments_are_refused_by_name():
    frame = table(a={"1/x": 0.5})
    for options, message in (
        ({"by": "best"}, "by='best'"),
        ({"figure": "F1"}, "figure='F1'"),
        ({"channel": "4"}, "channel='4'"),
        ({"channel": "3"}, "no row of channel 3"),
    ):
        with pytest.raises(ValueError, match=message):
            challenge.rank(frame, **options)
    for function in (challenge.rank, challenge.audit, challenge.total_improvement):
        with pytest.raises(ValueError, match="scores lacks the columns Model"):
            function(frame.drop(columns="Model"))


def test_the_audit_finds_what_was_put_there():
    one = {"1/x": 0.8, "1/y": 0.6, "1/z": 0.7}
    frame = table(one=one, copy=one, turned={k: 0.2 for k in one}, less={"1/x": 0.5, "1/y": 0.55})
    frame.loc[frame["Model"] == "less", "1e-4"] = frame["1e-3"]
    found = challenge.audit(frame).set_index("Model")
    pairs = [f"{channel}/s{k}" for channel in ("1", "3") for k in range(5)]
    flat = table(
        flat={p: 0.91 + 0.001 * k for k, p in enumerate(pairs)}, other={p: 0.1 * k for k, p in enumerate(pairs)}
    )
    assert challenge.audit(flat).set_index("Model")["finding"].to_dict() == {
        "flat": "same for all",
        "other": "inverted",
    }
    assert sorted(found["finding"]) == ["copy", "equal efficiencies", "inverted", "missing"]
    assert found.loc["one"].tolist() == ["copy", "of copy"]
    assert set(found.loc["less", "finding"]) == {"equal efficiencies", "missing"}
    assert found.loc["turned", "detail"] == "channel 1, median AUC 0.20"


def test_table_23_is_met_to_its_rounding(published):
    ti = challenge.total_improvement(published)
    assert published["Model"].nunique() == 1_048
    table = challenge.paper_table(23)
    pd.testing.assert_frame_equal(ti.loc[table.index, ["min", "median", "max"]], table, atol=0.0051, rtol=0)
    assert set(ti.index[ti["median"] > 2]) == set(table.index[table["median"] > 2])


def test_the_papers_tables_agree_with_each_other():
    known, secret = challenge.paper_table(23), challenge.paper_table(24)
    assert (len(known), len(secret)) == (27, 8)
    assert known.loc[secret.index, "median"].equals(secret["hackathon"].rename("median"))
    with pytest.raises(ValueError, match="number=22: expected 23 or 24"):
        challenge.paper_table(22)


def test_rankings_name_the_models_of_the_paper(published):
    """What the text of section 5.2.1 says of Figs 12 to 17."""
    assert challenge.rank(published, "top 1").index[0] == "Flow-Efficient_Likelihood"
    assert "VAE_HouseholderSNF" in challenge.rank(published, "top 1").query("rank <= 5").index
    for by in ("average rank", "mean", "median"):
        first = challenge.rank(published, by).index[:5]
        assert all(name.startswith(("Combined", "Flow")) for name in first)
    least = challenge.rank(published, "minimum", "1e-4")
    assert (least["minimum"] == 0).all()
    least = challenge.rank(published, "minimum", "1e-3")
    assert (least["minimum"] > 0).sum() == 1 and least.index[0].startswith("ALAD")
    assert not any(name.startswith("Combined") for name in challenge.rank(published, "minimum").index[:5])


def test_the_published_files_audited(published):
    found = challenge.audit(published)
    copies = found[found["finding"] == "copy"]["Model"]
    assert len(copies) == 70 and copies.str.startswith("DeepSVDD").all()
    assert found[found["finding"] == "equal efficiencies"]["Model"].tolist() == ["Flow-Efficient_Likelihood"]
    flat = found[found["finding"] == "same for all"]["Model"]
    assert len(flat) == 9 and flat.str.startswith(("VAE_", "CNN_")).all()  # the convolutional VAEs
    turned = found[found["finding"] == "inverted"]["Model"].value_counts()
    assert turned["Combined-PROD-DeepSVDD-Flow"] == 2
    without = published.assign(**{"max SI": published["max SI"]})
    winner = without["Model"] == "Flow-Efficient_Likelihood"
    without.loc[winner, "max SI"] = (without.loc[winner, ["1e-2", "1e-3"]] / np.sqrt([1e-2, 1e-3])).max(axis=1)
    median = challenge.total_improvement(without).loc["Flow-Efficient_Likelihood", "median"]
    assert median == pytest.approx(7.9, abs=0.05)


@pytest.fixture
def few(monkeypatch):
    """The second channel with little of its background and two of its signals."""
    whole = challenge.channel("2a")
    signals = {name: events[:60] for name, events in list(whole.signals.items())[:2]}
    thin = Channel("2a", whole.background[:300], whole.validation[:20], whole.test[:2_000], signals)
    monkeypatch.setattr("dmlib.challenge.entry.load", lambda name, source: thin)
    return thin


def test_an_entry_is_written_read_and_ranked(few, tmp_path):
    ae = detectors.SimpleAE(hidden=(16,), recipe=Recipe(epochs=2)).fit(features.leading(few.background, 4))

    def encode(events):
        return features.leading(events, 4)

    entry = challenge.make_entry("mine", {"2a": (ae, encode)}, tmp_path / "entries")
    challenge.make_entry("hard", {"2a": channels.h_t}, tmp_path / "entries")
    read = challenge.read_scores(tmp_path / "entries")
    assert set(read["Model"]) == {"mine", "hard"} and len(read) == 4
    again = read[read["Model"] == "mine"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again[list(entry)], entry, rtol=1e-3)
    expected = few.figures(few.scores(channels.h_t), n_bootstrap=2)["AUC"]
    hard = read[read["Model"] == "hard"].set_index("Signal")["AUC"]
    assert hard.to_dict() == pytest.approx(expected.to_dict(), rel=1e-3)
    assert set(challenge.rank(read).index) == {"mine", "hard"}


def test_an_entry_is_of_all_channels_where_the_score_is_one_function(few):
    assert set(challenge.make_entry("met", lambda events: events.met)["Chan"]) == {"1", "2a", "2b", "3"}


@pytest.mark.parametrize(
    ("name", "score", "message"),
    [
        ("a/b", {"2a": channels.h_t}, "name='a/b'"),
        ("", {"2a": channels.h_t}, "name=''"),
        ("a", {}, "score: expected a score"),
        ("a", {"5": channels.h_t}, "channel='5'"),
        ("a", {"2a": 3}, r"score\['2a'\]=3: expected a function of events"),
        ("a", {"2a": lambda events: [1.0]}, "scores of background"),
    ],
)
def test_entries_that_cannot_be(few, name, score, message):
    with pytest.raises(ValueError, match=message):
        challenge.make_entry(name, score)
