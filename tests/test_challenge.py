"""The scorer of the blind sets: its figures, what it refuses, and how it counts."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import challenge, compute, metrics, samples

NAME, BLACKBOX = "darkmachines/2b/blind", "lhco/blackbox"
LABELS = np.array(["background"] * 300 + ["B"] * 40 + ["noise"] * 30 + ["A"] * 30)
SIGNAL = np.arange(101) % 7 == 2


@pytest.fixture(autouse=True)
def sealed(tmp_path, monkeypatch):
    """Truth files as they are shipped, in a cache folder of their own."""
    monkeypatch.setattr(samples, "DATA", tmp_path / "data")
    monkeypatch.setenv("DMLIB_DATA", str(tmp_path / "cache"))
    for folder in ("darkmachines", "lhco"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    labels = np.random.default_rng(0).permutation(LABELS)
    others = pd.DataFrame({"channel": "1", "label": ["background", "C"] * 20})
    truth = pd.concat([others, pd.DataFrame({"channel": "2b", "label": labels}), others.assign(channel="3")])
    truth.astype("category").to_parquet(tmp_path / "data/darkmachines/blind-truth.parquet")
    packed = base64.b64encode(np.packbits(SIGNAL).tobytes()).decode()
    (tmp_path / "data/lhco/blackbox-truth.json").write_text(json.dumps({"labels": packed, "events": len(SIGNAL)}))
    return labels


def draw(seed, n=400):
    return np.random.default_rng(seed).normal(size=n)


def test_figures_are_those_of_each_signal_against_background(sealed):
    scores = draw(1) + (sealed == "A")
    table = challenge.blind_score(NAME, scores)
    assert list(table.index.unique("signal")) == ["A", "B", "noise"] and table.index.names == ["signal", "figure"]
    for code in ("A", "B", "noise"):
        seed = compute.seed(0, "blind", NAME, code)
        expected = metrics.figures_of_merit(scores[sealed == "background"], scores[sealed == code], seed=seed)
        pd.testing.assert_frame_equal(table.loc[code], expected)
    assert table.loc[("A", "AUC"), "value"] > 0.6 > table.loc[("B", "AUC"), "value"]


def test_channels_are_kept_apart():
    table = challenge.blind_score("darkmachines/3/blind", np.tile([0.0, 1.0], 20))
    assert list(table.index.unique("signal")) == ["C"] and table.loc[("C", "AUC"), "value"] == 1.0


def test_black_box():
    table = challenge.blind_score(BLACKBOX, SIGNAL + draw(2, 101) / 10)
    assert list(table.index.unique("signal")) == ["signal"] and table.loc[("signal", "AUC"), "value"] > 0.99


def test_result_labels_no_event(sealed):
    table = challenge.blind_score(NAME, draw(1))
    assert len(table) == 3 * len(metrics.figures_of_merit([1, 2], [1, 2])) and set(table.attrs) == {"tries"}


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (draw(1)[:-1], r"scores: expected one score for each of the 400 events, not an array of shape \(399,\)"),
        (draw(1)[:, None], r"shape \(400, 1\)"),
        (np.where(np.arange(400) == 17, np.nan, draw(1)), "scores: the score of event 17 is nan"),
        (np.where(np.arange(400) > 397, np.inf, draw(1)), r"the score of event 398 is inf; .* \(2 of 400 are not\)"),
        (["high"] * 400, "scores: expected numbers"),
        (np.ma.masked_greater(draw(1), 1), "scores holds masked values"),
    ],
)
def test_bad_scores_are_refused_and_no_try(scores, message):
    with pytest.raises(ValueError, match=message):
        challenge.blind_score(NAME, scores)
    assert not (samples.cache_folder() / "tries.json").exists()


@pytest.mark.parametrize("name", ["darkmachines/4/blind", "darkmachines/2b/background", "lhco", ""])
def test_what_is_no_blind_set_is_said(name):
    with pytest.raises(ValueError, match=f"no blind set '{name}'; there are darkmachines/1/blind, .*lhco/blackbox"):
        challenge.blind_score(name, draw(1))


@pytest.mark.parametrize("name", [None, [], 3])
def test_name_that_is_no_string_is_refused(name):
    with pytest.raises(TypeError, match="expected that of a blind set"):
        challenge.blind_score(name, draw(1))


def test_tries_are_counted_for_each_set():
    assert [challenge.blind_score(NAME, draw(seed)).attrs["tries"] for seed in (1, 2, 3)] == [1, 2, 3]
    assert challenge.blind_score(BLACKBOX, draw(1, 101)).attrs["tries"] == 1
    kept = json.loads((samples.cache_folder() / "tries.json").read_text())
    assert {name: len(tries) for name, tries in kept.items()} == {NAME: 3, BLACKBOX: 1}


def test_same_ranking_is_the_same_try():
    scores = draw(1)
    for again in (scores, np.exp(3 * scores), scores.astype(np.float32), pd.Series(scores)):
        assert challenge.blind_score(NAME, again).attrs["tries"] == 1
    assert challenge.blind_score(NAME, -scores).attrs["tries"] == 2
    assert challenge.blind_score(NAME, scores).attrs["tries"] == 1


@settings(max_examples=30)
@given(a=st.lists(st.integers(-3, 3), min_size=6, max_size=6), b=st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_rankings_decide_what_is_a_new_try(tmp_path_factory, a, b):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DMLIB_DATA", str(tmp_path_factory.mktemp("cache")))
        first, second = (challenge.blind._count_try("x", np.array(scores, float)) for scores in (a, b))
        same = np.array_equal(np.sign(np.subtract.outer(a, a)), np.sign(np.subtract.outer(b, b)))
        assert (first, second) == (1, 1 if same else 2)


def test_tries_at_once_are_all_counted():
    with ThreadPoolExecutor(4) as pool:
        tries = list(pool.map(lambda seed: challenge.blind._count_try(NAME, draw(seed)), range(12)))
    assert sorted(tries) == list(range(1, 13))
    assert [p.name for p in samples.cache_folder().glob("tries*")] == ["tries.json"]


def scored_but_not_counted(why):
    with pytest.warns(UserWarning, match=f"This try could not be counted.*{why}") as told:
        table = challenge.blind_score(NAME, draw(1))
    assert told[0].filename == __file__ and table.attrs["tries"] is None
    assert np.isfinite(table.loc[("A", "AUC"), "value"])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"darkmachines/2b/blind": 3}', "\x00\x00", "\ud800"])
def test_damaged_tries_do_not_hide_the_figures(text):
    samples.cache_folder().mkdir()
    file = samples.cache_folder() / "tries.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    scored_but_not_counted(r"tries\.json is damaged.*mend or delete it")
    assert file.read_bytes() == text.encode(errors="surrogatepass")
    file.unlink()
    assert challenge.blind_score(NAME, draw(1)).attrs["tries"] == 1


def test_folder_that_cannot_be_written_does_not_hide_the_figures(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DMLIB_DATA", str(tmp_path / "file" / "cache"))
    scored_but_not_counted("NotADirectoryError")
    monkeypatch.setenv("DMLIB_DATA", str(tmp_path / "file"))
    scored_but_not_counted("FileExistsError")


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(28, "No space left"), RuntimeError()]
)
def test_try_that_cannot_be_noted_does_not_hide_the_figures(monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("dmlib._files.write_text", fail)
    scored_but_not_counted(type(error).__name__)


def test_shipped_truth_fits_the_shipped_sets(monkeypatch):
    monkeypatch.undo()
    shipped = samples.catalogue().dropna(subset="events").events
    blind = shipped[shipped.index.str.endswith(("/blind", "/blackbox"))]
    if blind.empty:
        pytest.skip("this installation ships no blind sets")
    for name, n in blind.items():
        codes, counts = np.unique(challenge.blind._truth(name), return_counts=True)
        assert counts.sum() == n and "background" in codes and len(codes) > 1, name
