r"""The contact interaction of equation 7 as a weight of Drell-Yan events, at leading order.

With L = (c_W / Lambda^2) J^a_mu J^a^mu, J^a = sum over left-handed doublets of psi-bar gamma (sigma^a / 2) psi, a quark
and a muon meet in the term with a = 3:

    L = (c_W / Lambda^2) T3(q) T3(mu) (q_L-bar gamma q_L)(mu_L-bar gamma mu_L),   T3(q) T3(mu) = -1/4 (u), +1/4 (d).

Read literally, equation 7 holds this product twice, as quark x lepton and as lepton x quark. The paper's Table 3 fits
counting it once, so that is what c_W means here. The published c_W over this one, from beta / alpha and the root of
gamma / alpha, is 1 within 5 % in every bin, but for beta in the 8th and 9th, whose published errors are 17 and 27 %;
counting twice would make it 2.

A four-fermion term of coefficient C adds C to the amplitude A_LL = e^2 Q_q Q_mu / s + g_q g_mu / (s - m_Z^2) of photon
and Z: far below m_Z the exchange of a Z is the four-fermion term with C = -g_q g_mu / m_Z^2, which fixes the sign. Both
terms of A_LL have the sign of T3(q) T3(mu) far above m_Z, so c_W > 0 adds events there. Summed over helicities,

    dsigma ~ u^2 (|A_LL|^2 + |A_RR|^2) + t^2 (|A_LR|^2 + |A_RL|^2).

Only A_LL changes: an event's weight is 1 + linear c_W + quadratic c_W^2.
"""

import numpy as np

# Pythia's values: StandardModel:sin2thetaW and :sin2thetaWbar, mass of the Z and the width that it computes.
SIN2, SIN2_BAR = 0.2312, 0.2315
M_Z, WIDTH_Z = 91.1876, 2.5042  # GeV
TEV2 = 1e6  # GeV^2
T3_MU, Q_MU = -0.5, -1.0


def _amplitudes(charge, t3, s, alpha):
    """A_LL, A_RR, A_LR, A_RL of photon and Z in 1/GeV^2: first index the quark's helicity, second the muon's."""
    e2 = 4 * np.pi * alpha
    left, right = t3 - SIN2_BAR * charge, -SIN2_BAR * charge
    left_mu, right_mu = T3_MU - SIN2_BAR * Q_MU, -SIN2_BAR * Q_MU
    photon = charge * Q_MU / s
    z = 1 / (SIN2 * (1 - SIN2) * (s - M_Z**2 + 1j * s * WIDTH_Z / M_Z))
    pairs = ((left, left_mu), (right, right_mu), (left, right_mu), (right, left_mu))
    return [e2 * (photon + quark * muon * z) for quark, muon in pairs]


def coefficients(flavour, cos_theta, s, alpha, coupling=None):
    """The weight's dependence on c_W.

    Arguments:
        flavour: Code of the incoming quark, 1 to 5.
        cos_theta: Cosine of the angle between quark and mu- in the rest frame of the pair.
        s: Its mass squared in GeV^2.
        alpha: Electromagnetic coupling of the event.
        coupling: Coefficient C in 1/TeV^2 for c_W = 1; by default that of equation 7.

    Returns:
        linear in TeV^2 and quadratic in TeV^4.
    """
    up = np.asarray(flavour) % 2 == 0
    t3, charge = np.where(up, 0.5, -0.5), np.where(up, 2 / 3, -1 / 3)
    c = (t3 * T3_MU if coupling is None else coupling) / TEV2
    ll, rr, lr, rl = _amplitudes(charge, t3, s, alpha)
    u2, t2 = (1 + cos_theta) ** 2, (1 - cos_theta) ** 2  # times s^2 / 4
    total = u2 * (abs(ll) ** 2 + abs(rr) ** 2) + t2 * (abs(lr) ** 2 + abs(rl) ** 2)
    return 2 * c * ll.real * u2 / total, c**2 * u2 / total
