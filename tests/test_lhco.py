"""The published columns as features, and the features shifted with the dijet mass."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib.features import lhco

NAMES = ("px", "py", "pz", "m", "tau1", "tau2")


def events(*jets):
    """The file's columns for events of two jets of six numbers each."""
    values = np.asarray(jets, float).reshape(-1, 12)
    return pd.DataFrame(values, columns=[f"{name}j{jet}" for jet in (1, 2) for name in NAMES])


HEAVY = (1200, 500, -300, 500, 0.4, 0.1)
LIGHT = (-1200, -400, 900, 100, 0.2, 0.15)


def test_features_by_hand():
    x = lhco.features(events(LIGHT, HEAVY)).iloc[0]
    energy = sum(np.sqrt(px**2 + py**2 + pz**2 + m**2) for px, py, pz, m, *_ in (LIGHT, HEAVY))
    assert x["m_jj"] == pytest.approx(np.sqrt(energy**2 - 0**2 - 100**2 - 600**2) / 1000, rel=1e-6)
    assert x[["m_j1", "delta_m"]].to_list() == pytest.approx([0.1, 0.4])
    assert x[["tau21_1", "tau21_2"]].to_list() == pytest.approx([0.15 / 0.20001, 0.1 / 0.40001], rel=1e-6)


def test_the_order_of_jets_in_the_file_does_not_matter():
    assert lhco.features(events(LIGHT, HEAVY)).equals(lhco.features(events(HEAVY, LIGHT)))


def test_columns_order_type_and_other_columns():
    raw = events(LIGHT, HEAVY)[lambda t: t.columns[::-1]].assign(tau3j1=np.nan, label=1.0)
    x = lhco.features(raw)
    assert tuple(x.columns) == lhco.COLUMNS
    assert (x.dtypes == np.float32).all()
    assert np.isfinite(x.to_numpy()).all()


def test_a_jet_of_one_particle_has_no_infinite_ratio():
    x = lhco.features(events((1500, 0, 0, 0, 0, 0), HEAVY))
    assert x["tau21_1"].item() == 0
    assert np.isfinite(x.to_numpy()).all()


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="tau1j1, mj2"):
        lhco.features({name: [1.0] for name in events(LIGHT, HEAVY) if name not in ("tau1j1", "mj2")})


def test_no_events():
    assert lhco.features(events(LIGHT, HEAVY)[:0]).shape == (0, 5)


momentum = st.floats(-3000, 3000)
jet = st.tuples(momentum, momentum, momentum, st.floats(0, 1000), st.floats(0.001, 1), st.floats(0.001, 1))


@settings(deadline=None, derandomize=True, max_examples=50)
@given(one=jet, two=jet, angle=st.floats(-3, 3))
def test_properties_of_features(one, two, angle):
    def turned(jet):
        px, py, *rest = jet
        return (px * np.cos(angle) - py * np.sin(angle), px * np.sin(angle) + py * np.cos(angle), *rest)

    x = lhco.features(events(one, two)).iloc[0]
    assert x["delta_m"] >= 0
    assert x["m_jj"] >= (one[3] + two[3]) / 1000 * (1 - 1e-5) - 1e-4
    assert x.to_list() == pytest.approx(lhco.features(events(turned(one), turned(two))).iloc[0], rel=1e-4, abs=1e-3)


def test_shifted():
    frame = pd.DataFrame({"m_jj": [3.0, 4.0], "m_j1": [0.1, 0.2], "delta_m": [0.0, 0.3], "tau21_1": [0.5, 0.6]})
    before = frame.copy()
    x = lhco.shifted(frame)
    assert x["m_j1"].to_list() == pytest.approx([0.4, 0.6])
    assert x["delta_m"].to_list() == pytest.approx([0.3, 0.7])
    assert x[["m_jj", "tau21_1"]].equals(before[["m_jj", "tau21_1"]])
    assert frame.equals(before) and list(x) == list(frame)


def test_shifted_back_and_its_type():
    frame = lhco.features(events(LIGHT, HEAVY))
    assert (lhco.shifted(frame, 0.25).dtypes == np.float32).all()
    assert np.allclose(lhco.shifted(lhco.shifted(frame, 0.25), -0.25), frame, atol=1e-6)
    assert lhco.shifted(frame, 0).equals(frame)


def test_shifted_needs_the_dijet_mass():
    with pytest.raises(KeyError, match="m_jj"):
        lhco.shifted(pd.DataFrame({"m_j1": [0.1], "delta_m": [0.1]}))
