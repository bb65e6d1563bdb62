import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dmlib import events, metrics, plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_style_makes_white_figures():
    plotting.use_style()
    assert plt.figure().get_facecolor() == (1, 1, 1, 1)


def test_colours_differ():
    for colours in (plotting.COLOURS, list(plotting.PROCESS_COLOURS.values())):
        assert len(set(colours)) == len(colours)


def test_stacked_heights_are_sums_of_weights():
    ax = plotting.stacked([0.5, 0.5, 1.5], ["a", "b", "b"], [1.0, 2.0, 4.0], [0, 1, 2], "x [GeV]", log=False)
    top = max(patch.get_xy()[:, 1].max() for patch in ax.patches if hasattr(patch, "get_xy"))
    assert top == pytest.approx(4.0)
    assert ax.get_xlabel() == "x [GeV]" and ax.get_xlim() == (0, 2)


def test_stacked_puts_the_smallest_process_at_the_bottom_and_leaves_out_what_is_beyond():
    values, processes, weights = [0.5, 0.5, 9.0], ["large", "small", "beyond"], [5.0, 1.0, 1.0]
    ax = plotting.stacked(values, processes, weights, [0, 1], "x", signals={"new": ([0.5], [1.0])})
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(names) == {"small", "large", "beyond", "stat. unc.", "new"}
    assert ax.get_yscale() == "log" and ax.get_ylim()[0] > 0


def test_stacked_without_entries_says_so():
    with pytest.raises(ValueError, match="no entries of 'x'"):
        plotting.stacked([], [], [], [0, 1], "x")


def test_event_display_shows_every_object_and_the_missing_momentum():
    event = events.from_columns(
        id=[1], process=["ttbar"], weight=[1.0], met=[60.0], met_phi=[0.5], counts=[3], kind=["j", "j", "m-"],
        E=[90.0, 70.0, 40.0], pt=[80.0, 60.0, 30.0], eta=[0.3, -1.0, 2.0], phi=[-2.0, 1.0, 3.0],
    )[0]  # fmt: skip
    transverse, unrolled = plotting.event_display(event)
    assert len([t for t in transverse.texts if t.arrow_patch is not None]) == 4
    labels = [t.get_text() for t in unrolled.get_legend().get_texts()]
    assert sorted(labels) == ["jet", "missing momentum", "muon"]


def test_sic_draws_each_curve_and_the_random_score():
    ax = plotting.sic({"a": (np.array([0.01, 1.0]), np.array([3.0, 1.0]))})
    assert [line.get_label() for line in ax.lines][:2] == ["a", "random score"]
    assert np.allclose(ax.lines[1].get_ydata() ** 2, ax.lines[1].get_xdata())


def test_sic_of_too_few_events_is_named_and_not_drawn():
    for curves in ({"few": metrics.sic_curve([1.0, 2.0], [3.0])}, {"few": ([], []), "many": ([0.1, 1.0], [2.0, 1.0])}):
        ax = plotting.sic(curves)
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == [*("few: too few events", "many")[: len(curves)], "random score"]
        ax.figure.canvas.draw()


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    ("value", "weight"), [(0.5, 0.0), (5.0, 1.0), (0.5, -1.0), (0.5, 1e200), (0.5, 1e-320), (0.5, 1.0)]
)
def test_stacked_draws_single_entries_of_any_weight(value, weight, log):
    ax = plotting.stacked([value], ["a"], [weight], [0, 1], "x", log=log)
    ax.figure.canvas.draw()
    shown = weight > 0 and value < 1
    assert ax.get_yscale() == ("log" if log and shown else "linear")
    if shown:
        assert ax.get_ylim()[0] < weight < ax.get_ylim()[1]


def test_stacked_tells_all_signals_and_unknown_processes_apart():
    signals = {f"signal {i}": ([0.5], [1.0]) for i in range(6)}
    ax = plotting.stacked([0.5] * 3, ["new", "newer", "ttbar"], [1.0, 2.0, 3.0], [0, 1], "x", signals=signals)
    handles, labels = ax.get_legend_handles_labels()
    assert sorted(labels) == sorted(["new", "newer", "top pairs", "stat. unc.", *signals])
    looks = [(handle.get_facecolor(), handle.get_edgecolor(), handle.get_linestyle()) for handle in handles]
    assert len(set(looks)) == len(looks)


def test_empty_samples_are_drawn_as_such():
    for empty in ([], np.empty((0, 2))):
        ax = plotting.scatter(empty, [[1.0, 1.0]])
        assert [len(points.get_offsets()) for points in ax.collections] == [0, 1]


@pytest.mark.parametrize("met", [0.0, 60.0])
def test_an_event_without_objects_is_drawn(met):
    event = events.from_columns(
        id=[1], process=["ttbar"], weight=[1.0], met=[met], met_phi=[0.5], counts=[0], kind=[],
        E=[], pt=[], eta=[], phi=[],
    )  # fmt: skip
    transverse, _ = plotting.event_display(event[0])
    transverse.figure.canvas.draw()
    with pytest.raises(ValueError, match=r"event: expected one event, as events\[0\]"):
        plotting.event_display(event)


MASKED = np.ma.masked_array([0.5, 0.6], [False, True])
GOOD = {"values": [0.5, 0.6], "processes": ["a", "b"], "weights": [1.0, 1.0], "bins": [0, 1]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"values": [0.5, np.nan]}, "values: the value of event 1 is nan; expected a finite number"),
        ({"values": MASKED}, "values holds masked values"),
        ({"weights": MASKED}, "weights holds masked values"),
        ({"weights": [1.0]}, r"weights: expected one weight for each of the 2 events, .* \(1,\)"),
        ({"processes": ["a"]}, "processes: expected a name for each of the 2 entries"),
        ({"bins": 5}, "bins: expected edges, two or more, ascending"),
        ({"bins": [1, 0]}, "bins: expected edges, two or more, ascending"),
        ({"signals": {"new": ([0.5], [1.0, 2.0])}}, r"weights of signals\['new'\]: expected one weight"),
    ],
)
def test_bad_entries_are_named_and_leave_no_figure(bad, message):
    with pytest.raises(ValueError, match=message):
        plotting.stacked(**GOOD | bad, label="x")
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (([0.1, 1.0], [2.0]), r"'a': expected two arrays of one length, not \(2,\) and \(1,\)"),
        (([0.0, 1.0], [2.0, 1.0]), "background efficiencies of 'a': expected numbers above 0"),
        ((MASKED, [2.0, 1.0]), "background efficiencies of 'a' holds masked values"),
    ],
)
def test_bad_curves_are_named(curve, message):
    with pytest.raises(ValueError, match=message):
        plotting.sic({"a": curve})
    with pytest.raises(ValueError, match=r"background: expected two variables of each event, shape \(n, 2\)"):
        plotting.scatter([1.0, 2.0], [[1.0, 1.0]])


def test_pairs_are_points_a_channel_beside_the_diagonal():
    index = pd.MultiIndex.from_tuples([("1", "a"), ("1", "b"), ("3", "a")], names=["channel", "signal"])
    frame = pd.DataFrame({"published": [0.5, 0.6, 0.7], "ours": [0.4, 0.5, 0.9]}, index=index)
    left, right = plotting.pairs({"one": frame, "other": frame}, label="max SI")
    assert [line.get_label() for line in left.lines[:2]] == ["channel 1", "channel 3"]
    assert left.lines[0].get_xydata().tolist() == [[0.5, 0.4], [0.6, 0.5]]
    assert (left.get_title(), right.get_xlabel(), left.get_ylabel()) == ("one", "max SI published", "max SI ours")
    with pytest.raises(ValueError, match="expected one table or more"):
        plotting.pairs({})
    with pytest.raises(ValueError, match="'one' lacks ours"):
        plotting.pairs({"one": frame[["published"]]})
