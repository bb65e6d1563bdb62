"""The encodings: what stands in which column, and what must not change it."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import events, features

KINDS = events.KINDS
ENCODINGS = {
    "leading": features.leading,
    "leading with kinds": lambda x: features.leading(x, 4, kind=True),
    "static": lambda x: features.static(x, {"j": 3, "b": 1, "e-": 1, "m+": 2, "g": 1}),
    "dynamic": lambda x: features.dynamic(x, 5),
    "efficient": features.efficient,
    "efficient no E": lambda x: features.efficient(x, energy=False),
    "aggregates": features.aggregates,
    "by kind": features.by_kind,
}


def build(*contents):
    """Events from (met, [(kind, E, pt, eta, phi), ...]) each."""
    objects = [o for _, some in contents for o in some]
    kind, *momenta = zip(*objects, strict=True) if objects else ((),) * 5
    n = len(contents)
    return events.from_columns(
        id=range(n), process=["test"] * n, weight=np.ones(n), met=[met for met, _ in contents], met_phi=np.full(n, 0.5),
        counts=[len(some) for _, some in contents], kind=list(kind),
        **dict(zip(("E", "pt", "eta", "phi"), map(np.float32, momenta), strict=True)),
    )  # fmt: skip


MIXED = build(
    (
        100,
        [
            ("j", 90, 30, 1, 2),
            ("m-", 70, 60, 0.5, 0.25),
            ("b", 99, 40, -1, -2),
            ("j", 200, 50, 3, 1),
            ("g", 12, 11, 0, 0),
        ],
    ),
    (200, []),
    (300, [("e+", 25, 20, 1, 1), ("b", 80, 70, -0.5, 3)]),
)


def test_leading():
    x = features.leading(MIXED, 2)
    assert x.columns.to_list() == (
        ["met", "met_phi", "o1_pt", "o1_eta", "o1_phi", "o1_E", "o2_pt", "o2_eta", "o2_phi", "o2_E"]
    )
    assert x.iloc[0].to_list() == [100, 0.5, 60, 0.5, 0.25, 70, 50, 3, 1, 200]
    assert x.iloc[1].to_list() == [200, 0.5] + [0] * 8


def test_leading_as_a_set():
    x = features.leading(MIXED, 6, kind=True)
    sets = x.to_numpy()[:, 2:].reshape(3, 6, 5)
    codes = [[KINDS.index(k) + 1 for k in ("m-", "j", "b", "j", "g")] + [0], [0] * 6, [2, 4, 0, 0, 0, 0]]
    assert sets[:, :, 0].tolist() == codes
    assert sets[2, 0].tolist() == [2, 70, -0.5, 3, 80]


def test_slots_and_static():
    assert features.slots(MIXED) == {"j": 2, "b": 1, "e-": 0, "e+": 1, "m-": 1, "m+": 0, "g": 1}
    x = features.static(MIXED)
    assert x.shape == (3, 2 + 4 * 6)
    assert x.iloc[0, 2:14].to_list() == [1, 50, 3, 1, 1, 30, 1, 2, 1, 40, -1, -2]
    assert x.filter(like="present").to_numpy().tolist() == [[1, 1, 1, 0, 1, 1], [0] * 6, [0, 0, 1, 1, 0, 0]]


def test_static_keeps_the_leading_objects_and_the_columns_of_the_training():
    x = features.static(MIXED, slots={"j": 1, "e-": 1})
    assert x.columns.to_list()[2:] == [f"{s}_{v}" for s in ("j1", "e-1") for v in ("present", "pt", "eta", "phi")]
    assert x["j1_pt"].to_list() == [50, 0, 0]
    y = features.static(MIXED[2:], slots=features.slots(MIXED))
    assert y.columns.equals(features.static(MIXED).columns)


def test_dynamic():
    x = features.dynamic(MIXED, 6)
    assert x.shape == (3, 3 + 6 * 12)
    assert x["n"].to_list() == [5, 0, 2]
    classes = np.stack([x[[f"o{i}_is_{k}" for k in (*KINDS, "none")]].to_numpy() for i in range(1, 7)], axis=1)
    assert (classes.sum(axis=2) == 1).all()
    assert classes[0].argmax(axis=1).tolist() == [KINDS.index(k) for k in ("m-", "j", "b", "j", "g")] + [7]
    assert x[["o2_pt", "o2_eta", "o2_phi", "o2_E"]].iloc[0].to_list() == [50, 3, 1, 200]
    assert features.dynamic(MIXED).shape == (3, 243)


def test_efficient():
    x = features.efficient(MIXED)
    assert x.shape == (3, 53)
    assert x.columns[9:13].to_list() == ["jet1_E", "jet1_pt", "jet1_eta", "jet1_phi"]
    assert x[["jet1_pt", "jet2_pt", "jet3_pt", "jet4_pt"]].iloc[0].to_list() == [50, 40, 30, 0]
    assert x[["lepton1_E", "lepton2_E"]].iloc[0].to_list() == [70, 0]
    without = features.efficient(MIXED, energy=False)
    assert without.shape == (3, 42)
    assert without.equals(x.drop(columns=[name for name in x if name.endswith("_E")]))


def test_aggregates():
    x = features.aggregates(MIXED)
    assert x.columns.to_list() == ["met", "met_phi", *(f"n_{k}" for k in KINDS)]
    assert x.to_numpy().tolist() == [
        [100, 0.5, 2, 1, 0, 0, 1, 0, 1],
        [200, 0.5, 0, 0, 0, 0, 0, 0, 0],
        [300, 0.5, 0, 1, 0, 1, 0, 0, 0],
    ]


def test_by_kind():
    x = features.by_kind(MIXED)
    assert x.shape == (3, 85)
    assert [name for name in x if name.endswith("_E")] == [
        *(f"j{i}_E" for i in range(1, 8)), *(f"b{i}_E" for i in range(1, 5)),
        *(f"{k}{i}_E" for k in ("e-", "e+", "m-", "m+") for i in (1, 2)),
    ]  # fmt: skip
    assert x[["j1_E", "j2_E", "b1_E", "m-1_E"]].iloc[0].to_list() == [200, 90, 99, 70]


an_object = st.tuples(
    st.sampled_from(KINDS),
    st.floats(0, 2000, width=32),
    st.sampled_from([0.0, 20.0, 30.0, 55.5, 700.0]),  # few values, so that ties occur
    st.floats(-5, 5, width=32),
    st.floats(-3.140625, 3.140625, width=32),
)
an_event = st.tuples(st.floats(0, 500, width=32), st.lists(an_object, max_size=12))


@settings(deadline=None, derandomize=True, max_examples=10)
@given(contents=st.lists(an_event, min_size=1, max_size=8), data=st.data())
def test_properties_of_all_encodings(contents, data):
    x = build(*contents)
    permuted = build(*[(met, data.draw(st.permutations(objects))) for met, objects in contents])
    for name, encode in ENCODINGS.items():
        table = encode(x)
        assert (table.dtypes == np.float32).all(), name
        assert table.columns.is_unique, name
        assert np.isfinite(table.to_numpy()).all(), name
        assert table.equals(encode(permuted)), name
        assert table[-1:].reset_index(drop=True).equals(encode(x[-1:])), name  # no row depends on another
        counts = table.filter(regex="^n_")
        if not counts.empty:
            assert counts.sum(axis=1).to_list() == [len(objects) for _, objects in contents], name


@settings(deadline=None, derandomize=True, max_examples=25)
@given(contents=st.lists(an_event, min_size=1, max_size=4))
def test_slots_hold_the_leading_objects(contents):
    """Ordered in pt, and where that is equal in E, eta, phi and kind."""
    sets = features.leading(build(*contents), 5, kind=True).to_numpy()[:, 2:].reshape(-1, 5, 5)
    for row, (_, objects) in zip(sets, contents, strict=True):
        rows = [(KINDS.index(kind) + 1, pt, eta, phi, E) for kind, E, pt, eta, phi in objects]
        rows.sort(key=lambda o: (-o[1], o[4], o[2], o[3], o[0]))
        expected = (rows + [(0,) * 5] * 5)[:5]
        assert row.tolist() == np.float32(expected).tolist()


@pytest.mark.parametrize("name", ENCODINGS)
def test_no_events(name):
    table = ENCODINGS[name](MIXED[:0])
    assert len(table) == 0
    assert table.columns.equals(ENCODINGS[name](MIXED).columns)


@pytest.mark.parametrize("name", ENCODINGS)
def test_selected_events(name):
    chosen = [2, 0, 0]
    expected = ENCODINGS[name](MIXED).iloc[chosen].reset_index(drop=True)
    assert ENCODINGS[name](MIXED[chosen]).equals(expected)


def test_no_slots():
    assert features.leading(MIXED, 0).columns.to_list() == ["met", "met_phi"]
    assert features.dynamic(MIXED, 0).columns.to_list() == ["met", "met_phi", "n"]
    assert features.static(MIXED[1:2]).columns.to_list() == ["met", "met_phi"]


@pytest.mark.parametrize("n", [-1, 2.5, "8"])
def test_bad_number_of_slots_is_refused(n):
    with pytest.raises(ValueError, match="expected a whole number, 0 or more"):
        features.leading(MIXED, n)


def test_bad_slots_are_refused():
    with pytest.raises(ValueError, match="'tau'.*no known kinds.*e-"):
        features.static(MIXED, {"tau": 1})
    with pytest.raises(ValueError, match="-2 slots for 'j'"):
        features.static(MIXED, {"j": -2})


def test_values_that_are_not_finite_are_named():
    bad = MIXED["objects"]
    bad = ak.with_field(bad, ak.where(bad["pt"] == 70, np.float32(np.nan), bad["pt"]), "pt")
    with pytest.raises(ValueError, match="objects.pt of event 2 is nan"):
        features.leading(ak.with_field(MIXED, bad, "objects"))
    with pytest.raises(ValueError, match="met of event 1 is inf"):
        features.aggregates(ak.with_field(MIXED, np.array([1, np.inf, 2], dtype=np.float32), "met"))
