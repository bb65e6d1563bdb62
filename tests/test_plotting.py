import matplotlib.pyplot as plt
import numpy as np
import pytest

from dmlib import events, plotting


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
