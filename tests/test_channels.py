"""The four selections: their thresholds one by one, and the genuine file."""

import os
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import channels, events


def event(met, objects):
    """One event; objects are (kind, pt) or (kind, pt, eta)."""
    kind, pt, eta = zip(*[(*o, 0.0)[:3] for o in objects], strict=True) if objects else ((), (), ())
    n = len(objects)
    return events.from_columns(
        id=[1], process=["test"], weight=[1.0], met=[met], met_phi=[0.0], counts=[n],
        kind=list(kind), E=np.full(n, 1e3), pt=list(pt), eta=list(eta), phi=np.zeros(n),
    )  # fmt: skip


FOUR_JETS = [("j", 400), ("b", 100), ("j", 60), ("j", 51)]


@pytest.mark.parametrize(
    "channel, met, objects, expected",
    [
        ("1", 200, FOUR_JETS, True),
        ("1", 199.99, FOUR_JETS, False),
        ("1", 200, [("j", 400), ("b", 100), ("j", 60), ("j", 50)], False),  # the fourth jet at 50, not above
        ("1", 200, [("j", 200), ("b", 200), ("j", 200), ("j", 199)], False),  # none above 200
        ("1", 200, [("b", 201), ("b", 200), ("b", 150), ("b", 51)], True),  # b-jets are jets
        ("1", 200, [("j", 400), ("b", 100), ("j", 60), ("m-", 51)], False),  # leptons are not
        ("1", 200, [("j", 300), ("b", 100), ("j", 60), ("j", 55)], False),  # H_T = 515
        ("1", 200, [("j", 700), ("b", 150), ("j", 80), ("j", 70)], True),  # MET / H_T = 0.2
        ("1", 200, [("j", 700), ("b", 150), ("j", 80), ("j", 70.01)], False),
        ("2a", 50, [("e-", 16), ("m+", 16), ("m-", 15.01)], True),
        ("2a", 49.99, [("e-", 16), ("m+", 16), ("m-", 15.01)], False),
        ("2a", 50, [("e-", 16), ("m+", 16), ("m-", 15)], False),  # above 15, not at 15
        ("2a", 50, [("e-", 16), ("e+", 16), ("g", 50)], False),
        ("2b", 50, [("e-", 16), ("m+", 16), ("j", 50)], True),
        ("2b", 50, [("e-", 16), ("m+", 16), ("j", 49.99)], False),
        ("2b", 49.99, [("e-", 16), ("m+", 16), ("j", 50)], False),
        ("2b", 50, [("e-", 16), ("j", 50)], False),
        ("3", 100.01, [("j", 600)], True),
        ("3", 100, [("j", 600)], False),  # strictly above 100
        ("3", 101, [("j", 599.99)], False),
        ("3", 101, [("j", 599.99), ("g", 500)], False),
    ],
)
def test_thresholds(channel, met, objects, expected):
    assert channels.passes(event(met, objects), channel).tolist() == [expected]


def test_thresholds_are_met_in_float32():
    assert channels.passes(event(101, [("j", 300.1), ("j", 299.9)]), "3").all()
    assert channels.passes(event(101, [("j", p) for p in (333.3, 99.9, 66.6, 100.2)]), "3").all()


@pytest.mark.parametrize("channel", channels.CHANNELS)
def test_energies_in_mev_at_the_threshold(tmp_path, channel):
    # 600000 MeV is 600 GeV, in whatever precision a reader divides.
    line = {
        "1": "1;p;1;200000;0;j,1e6,400000,0,0;b,1e6,100000,0,0;j,1e6,49999,0,0;j,1e6,50001,0,0;j,1e6,50001,0,0;",
        "2a": "1;p;1;50000;0;e-,1e6,15001,0,0;m+,1e6,15001,0,0;m-,1e6,15001,0,0;",
        "2b": "1;p;1;50000;0;e-,1e6,15001,0,0;m+,1e6,15001,0,0;b,1e6,50000,0,0;",
        "3": "1;p;1;100001;0;j,1e6,600000,0,0;",
    }[channel]
    path = tmp_path / "events.csv"
    path.write_text(line + "\n")
    assert channels.passes(events.read_csv(path), channel).all()


def test_eta_max_leaves_forward_jets_out():
    x = event(150, [("j", 500, 2.7), ("b", 200, -2.8), ("m-", 99, 0.0)])
    assert channels.h_t(x).tolist() == [700]
    assert channels.h_t(x, eta_max=2.8).tolist() == [500]
    assert ak.to_list(channels.jets(x, eta_max=2.8)["pt"]) == [[500]]
    assert channels.passes(x, "3").all() and not channels.passes(x, "3", eta_max=2.8).any()


def test_channel_1_counts_central_jets_with_eta_max():
    x = event(200, [("j", 600), ("j", 100), ("j", 60), ("j", 60, 3.0)])
    assert channels.passes(x, "1").all() and not channels.passes(x, "1", eta_max=2.8).any()


def test_jets_and_leptons_share_out_all_but_photons():
    x = event(0, [(kind, 20 + i) for i, kind in enumerate(events.KINDS)])
    assert ak.to_list(channels.jets(x)["kind"]) == [["j", "b"]]
    assert ak.to_list(channels.leptons(x)["kind"]) == [["e-", "e+", "m-", "m+"]]
    assert channels.jets(x)[0, 0].px == pytest.approx(20)  # vectors stay vectors


@pytest.mark.parametrize("channel", ["4", "2", 3, None])
def test_unknown_channel_lists_the_four(channel):
    with pytest.raises(ValueError, match="'1', '2a', '2b', '3'"):
        channels.passes(event(1, []), channel)


def test_unknown_kind_is_named():
    x = event(1, [("j", 30)])
    x["objects"] = ak.with_field(x["objects"], [["tau"]], "kind")
    with pytest.raises(ValueError, match="unknown object kinds: tau; expected .*e-"):
        channels.h_t(x)


def test_no_events_and_no_objects():
    empty = event(150, [])
    for channel in channels.CHANNELS:
        assert channels.passes(empty, channel).tolist() == [False]
        assert channels.passes(empty[:0], channel).tolist() == []
    assert channels.h_t(empty).tolist() == [0]
    assert channels.h_t(empty[:0]).dtype == np.float32


def test_kinds_as_plain_strings():
    # Merging arrays of different files drops the categories.
    x = event(150, [("b", 400), ("m-", 20), ("j", 300)])
    plain = ak.enforce_type(x["objects", "kind"], "var * string")
    x["objects"] = ak.with_field(x["objects"], plain, "kind")
    assert channels.h_t(x).tolist() == [700]


@settings(deadline=None, derandomize=True, max_examples=20)
@given(
    met=st.floats(0, 300, width=32),
    objects=st.lists(st.tuples(st.sampled_from(events.KINDS), st.floats(0, 500, width=32)), max_size=8),
    data=st.data(),
)
def test_order_of_objects_does_not_matter(met, objects, data):
    x, y = event(met, objects), event(met, data.draw(st.permutations(objects)))
    for channel in channels.CHANNELS:
        assert channels.passes(x, channel) == channels.passes(y, channel)


def test_every_genuine_event_passes():
    if not (folder := os.environ.get("DMLIB_TEST_DATA")):
        pytest.skip("DMLIB_TEST_DATA is not set: no genuine files here")
    x = events.read_csv(Path(folder) / "darkmachines" / "monojet_Zp2000.0_DM_50.0_chan3.csv")
    assert channels.passes(x, "3").tolist() == [True] * 6399
    assert channels.h_t(x).min() == pytest.approx(600.009, abs=5e-4)
    assert 0.95 < channels.passes(x, "3", eta_max=2.8).mean() < 0.97
