"""From final particles to the two leading jets and their features."""

import awkward as ak
import fastjet
import numpy as np

CHARGED, PHOTON, NEUTRAL_HADRONS = (11, 13, 211, 321, 2212), 22, (130, 2112)
PHOTON_CELL, HADRON_CELL = 0.07, 0.1  # side in eta and phi
PT_MIN, ETA_MAX = 0.2, 2.5  # of tracks and cells; GeV
JETS = fastjet.JetDefinition(fastjet.antikt_algorithm, 1.0)
LEADING_PT = 1200.0  # GeV
COLUMNS = ("m_jj", "m_j1", "delta_m", "tau21_1", "tau21_2")


def features(batch, low, high):
    """Features of the events whose leading jet has pT > 1.2 TeV and whose dijet mass lies in low < m_jj < high.

    Arguments:
        batch: Events, as from `Pythia.nextBatch`.
        low, high: Window in TeV.

    Returns:
        Array (n, 5) with `COLUMNS`: masses in TeV, jet 1 the lighter of the two leading jets.
    """
    particles = _detected(batch)
    clustered = fastjet.ClusterSequence(particles, JETS)
    jets, constituents = clustered.inclusive_jets(min_pt=200.0), clustered.constituents(min_pt=200.0)
    order = ak.argsort(np.hypot(jets.px, jets.py), axis=1, ascending=False)
    jets, constituents = jets[order], constituents[order]
    two = ak.num(jets.px) >= 2
    jets, constituents = jets[two][:, :2], constituents[two][:, :2]
    px, py, pz, energy = (ak.to_numpy(jets[name]) for name in ("px", "py", "pz", "E"))
    m_jj = _mass(*(p.sum(axis=1) for p in (px, py, pz, energy))) / 1000
    keep = (np.hypot(px, py)[:, 0] > LEADING_PT) & (low < m_jj) & (m_jj < high)
    if not keep.any():
        return np.zeros((0, len(COLUMNS)))
    m = _mass(px, py, pz, energy)[keep] / 1000
    tau21 = _tau21(ak.flatten(constituents[keep], axis=1)).reshape(-1, 2)
    lighter = np.argsort(m, axis=1)
    m, tau21 = (np.take_along_axis(x, lighter, axis=1) for x in (m, tau21))
    return np.column_stack([m_jj[keep], m[:, 0], m[:, 1] - m[:, 0], tau21])


def _detected(batch):
    """Massless tracks and calorimeter cells within the acceptance, as one awkward array an event."""
    final = batch.prt[batch.prt.status > 0]
    n = len(final)
    event = np.repeat(np.arange(n), ak.to_numpy(ak.num(final.id)))
    kind = np.abs(ak.to_numpy(ak.flatten(final.id)))
    px, py, pz, energy = (ak.to_numpy(ak.flatten(final.p[name])) for name in ("px", "py", "pz", "e"))
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore", invalid="ignore"):  # along the beam
        eta, phi = np.arcsinh(pz / pt), np.arctan2(py, px)
    near = np.abs(eta) < ETA_MAX + HADRON_CELL
    parts = [[x[near & np.isin(kind, CHARGED)] for x in (event, pt, eta, phi)]]
    for wanted, side in ((PHOTON, PHOTON_CELL), (NEUTRAL_HADRONS, HADRON_CELL)):
        selected = near & np.isin(kind, wanted)
        parts.append(_cells(*(x[selected] for x in (event, energy, eta, phi)), side))
    event, pt, eta, phi = (np.concatenate(x) for x in zip(*parts, strict=True))
    keep = np.flatnonzero((pt > PT_MIN) & (np.abs(eta) < ETA_MAX))
    keep = keep[np.argsort(event[keep], kind="stable")]
    event, pt, eta, phi = (x[keep] for x in (event, pt, eta, phi))
    momenta = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta), "E": pt * np.cosh(eta)}
    counts = np.bincount(event, minlength=n)
    return ak.zip({name: ak.unflatten(p, counts) for name, p in momenta.items()}, with_name="Momentum4D")


def _cells(event, energy, eta, phi, side):
    """Sums energies in square cells; returns event, pt, eta and phi, the angles those of the cells' centres."""
    width = 1024  # cells an axis, more than there are
    column, row = np.floor(eta / side).astype(int), np.floor(phi / side).astype(int)
    cell, which = np.unique((event * width + column + width // 2) * width + row + width // 2, return_inverse=True)
    eta = (cell // width % width - width // 2 + 0.5) * side
    phi = (cell % width - width // 2 + 0.5) * side
    return cell // width**2, np.bincount(which, energy) / np.cosh(eta), eta, phi


def _tau21(jets):
    """Ratio of N-subjettiness 2 to 1 of each jet, beta = 1, with the regulator of the public file's analyses."""
    particles = ak.to_packed(ak.zip({name: jets[name] for name in ("px", "py", "pz", "E")}, with_name="Momentum4D"))
    tau = fastjet.ClusterSequence(particles, JETS).njettiness(
        measure_definition="NormalizedMeasure", axes_definition="OnePass_WTA_KT_Axes", njets=[1, 2], beta=1.0, R0=1.0
    )
    tau1, tau2 = ak.to_numpy(tau).reshape(-1, 2).T
    return tau2 / (1e-5 + tau1)


def _mass(px, py, pz, energy):
    return np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))
