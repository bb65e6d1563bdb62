"""The mass of a muon pair from five features."""

import hypothesis.strategies as st
import numpy as np
import pytest
import vector
from hypothesis import given

from dmlib.features.dimuon import m_ll

PT = st.floats(20, 2000)
ETA = st.floats(-2.4, 2.4)
PHI = st.floats(-np.pi, np.pi)


@given(PT, PT, ETA, ETA, PHI, PHI)
def test_is_the_mass_of_the_sum_of_two_four_vectors(pt1, pt2, eta1, eta2, phi1, phi2):
    a, b = (vector.obj(pt=p, eta=e, phi=f, mass=0.0) for p, e, f in ((pt1, eta1, phi1), (pt2, eta2, phi2)))
    mass = m_ll(pt1, pt2, eta1, eta2, phi1 - phi2)
    assert mass == pytest.approx((a + b).mass, rel=1e-6, abs=1e-3 * max(pt1, pt2))
    assert mass == pytest.approx(m_ll(pt2, pt1, eta2, eta1, phi2 - phi1), rel=1e-12)
    assert mass == pytest.approx(m_ll(pt1, pt2, eta1, eta2, phi1 - phi2 + 2 * np.pi), rel=1e-9, abs=1e-9)


def test_nearly_parallel_muons_have_the_mass_of_their_angle():
    angle = 1e-7
    assert m_ll(100.0, 100.0, 1.0, 1.0, angle) == pytest.approx(100 * angle, rel=1e-9)
    assert m_ll(100.0, 100.0, 1.0, 1.0, 0.0) == 0


def test_the_muons_own_mass_does_not_matter():
    a, b = (vector.obj(pt=pt, eta=eta, phi=phi, mass=0.10566) for pt, eta, phi in ((40, 1.0, 0.0), (35, -0.4, 2.5)))
    assert m_ll(40, 35, 1.0, -0.4, 2.5) == pytest.approx((a + b).mass, rel=1e-4)


def test_columns_of_float32_give_float64():
    columns = np.full((5, 3), 1.5, np.float32)
    assert m_ll(*columns).dtype == np.float64
    assert m_ll(*columns).shape == (3,)
