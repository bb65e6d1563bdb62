"""What a detector keeps of an event: two muons of opposite charge, their momenta smeared."""

import numpy as np

from dmlib.features.dimuon import COLUMNS, m_ll

PT_MIN = 20.0  # GeV
ETA_MAX = 2.4
MASS_MIN = 60.0  # GeV
# Relative resolution of the transverse momentum: sqrt(a^2 + (b pT)^2) up to |eta|, pT in GeV. These are the numbers of
# Delphes' default CMS card, which the paper used.
RESOLUTION = ((0.5, 0.01, 1.0e-4), (1.5, 0.015, 1.5e-4), (2.5, 0.025, 3.5e-4))
DESCRIPTION = {
    "muons": f"the two of highest pT, of opposite charge, after photon radiation; both pT > {PT_MIN:.0f} GeV and "
    f"|eta| < {ETA_MAX}",
    "pair": f"m_ll > {MASS_MIN:.0f} GeV, from the smeared momenta and massless muons",
    "smearing": "pT times a log-normal number of mean 1 and width sqrt(a^2 + (b pT)^2), (a, b) = "
    + ", ".join(f"({a:g}, {b:g}/GeV) up to |eta| {eta:g}" for eta, a, b in RESOLUTION)
    + "; angles as generated",
    "not simulated": "pile-up, multiple interactions, hadrons, efficiency, isolation, recovery of radiated photons",
}


def smeared(pt, eta, rng):
    """Transverse momenta as measured."""
    _, a, b = np.transpose(RESOLUTION)[:, np.searchsorted([edge for edge, *_ in RESOLUTION[:-1]], np.abs(eta))]
    width = np.sqrt(np.log1p(a**2 + (b * pt) ** 2))
    return pt * np.exp(width * rng.standard_normal(len(pt)) - width**2 / 2)


def select(event, charge, px, py, pz, n, rng):
    """Finds the events that pass.

    Arguments:
        event: Number of the event of each muon, ascending.
        charge: Its charge.
        px, py, pz: Its momentum in GeV.
        n: Number of events.
        rng: For the smearing.

    Returns:
        The numbers of the events that pass, and their features, an array a name of `COLUMNS`.
    """
    pt = np.hypot(px, py)
    eta = np.arcsinh(pz / pt)
    phi = np.arctan2(py, px)
    pt = smeared(pt, eta, rng)
    order = np.lexsort((-pt, event))
    number = np.bincount(event, minlength=n)
    first = order[(np.cumsum(number) - number)[number >= 2]]
    second = order[(np.cumsum(number) - number + 1)[number >= 2]]
    delta_phi = np.pi - np.abs(np.abs(phi[first] - phi[second]) - np.pi)
    columns = dict(zip(COLUMNS, (pt[first], pt[second], eta[first], eta[second], delta_phi), strict=True))
    keep = (charge[first] * charge[second] < 0) & accepted(columns)
    return event[first][keep], {name: column[keep] for name, column in columns.items()}


def accepted(columns):
    """Which pairs pass the cuts on the features."""
    return (
        (columns["pt2"] > PT_MIN)
        & (np.abs(columns["eta1"]) < ETA_MAX)
        & (np.abs(columns["eta2"]) < ETA_MAX)
        & (m_ll(*(columns[name] for name in COLUMNS)) > MASS_MIN)
    )
