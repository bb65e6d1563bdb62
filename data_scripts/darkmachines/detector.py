"""A fast detector after the ATLAS card of Delphes 3.4, as vectorised operations on batches of events.

What it does, in the order of the code:

1. Missing momentum is the vector sum of the particles that truly escape (seed paper, section 2.2), not a measured one.
2. Electrons, muons and photons: acceptance, efficiency, resolution, and isolation (scalar sum of the other particles'
   pT within Delta R < 0.5, relative to the lepton's own).
3. Jets: anti-kt with R = 0.4 on every visible particle but muons and the accepted electrons and photons; resolution
   on pT and E; no pile-up, no underlying event (both are absent in the challenge too).
4. b-tags by a b-hadron within Delta R < 0.4 of the jet, with the card's efficiencies for b, c and light jets.

Thresholds are those that genuine files show: jets from 22 GeV to |eta| 4.9, leptons and photons from 10 GeV.
"""

import awkward as ak
import fastjet
import numba as nb
import numpy as np

JETS = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.4)
INVISIBLE = (12, 14, 16, 18, 52, 1000012, 1000014, 1000016, 1000022, 1000039, 5000040)
CALORIMETER_ETA = 4.9
JET_PT = 22.0
OBJECT_PT = 10.0
LEPTON_PT = 12.0  # below this no channel's lepton comes from, smeared or not
ISOLATION_RADIUS = 0.5
TAG_RADIUS = 0.4
# |pdg| -> (|eta| up to, efficiency in the barrel, efficiency beyond |eta| 1.5, largest relative isolation)
ACCEPTANCE = {11: (2.5, 0.95, 0.85, 0.12), 13: (2.7, 0.95, 0.85, 0.25), 22: (2.5, 0.95, 0.85, 0.12)}
KIND = {11: "e-", -11: "e+", 13: "m-", -13: "m+", 22: "g"}

DESCRIPTION = {
    "missing momentum": "truth: vector sum of neutrinos and new invisible particles",
    "jets": f"anti-kt R = 0.4, pT > {JET_PT:g} GeV, |eta| < {CALORIMETER_ETA}, "
    "resolution sqrt((3/pT)^2 + 0.36/pT + 0.03^2)",
    "b-tag": "efficiency 24 tanh(0.003 pT)/(1 + 0.086 pT) for b, 0.2 tanh(0.02 pT)/(1 + 0.0034 pT) for c, "
    "0.002 + 7.3e-6 pT for light jets",
    "electrons": "pT > 10 GeV, |eta| < 2.5, efficiency 0.95 (0.85 beyond |eta| 1.5), relative isolation < 0.12",
    "muons": "pT > 10 GeV, |eta| < 2.7, efficiency 0.95 (0.85 beyond |eta| 1.5), relative isolation < 0.25",
    "photons": "pT > 10 GeV, |eta| < 2.5, efficiency 0.95 (0.85 beyond |eta| 1.5), relative isolation < 0.12",
    "not simulated": "pile-up, multiple parton interactions, calorimeter towers, tracking, triggers, fake leptons",
}


@nb.njit(cache=True)
def _near(offsets_a, eta_a, phi_a, offsets_b, eta_b, phi_b, value_b, radius):
    """Sums value_b over all b within Delta R < radius of each a, event by event."""
    total = np.zeros(len(eta_a))
    for event in range(len(offsets_a) - 1):
        for i in range(offsets_a[event], offsets_a[event + 1]):
            for j in range(offsets_b[event], offsets_b[event + 1]):
                d_eta = eta_a[i] - eta_b[j]
                if abs(d_eta) < radius:
                    d_phi = abs(phi_a[i] - phi_b[j])
                    d_phi = min(d_phi, 2 * np.pi - d_phi)
                    if d_eta * d_eta + d_phi * d_phi < radius * radius:
                        total[i] += value_b[j]
    return total


def _offsets(event, n):
    return np.concatenate([[0], np.cumsum(np.bincount(event, minlength=n))])


def is_heavy_hadron(pdg):
    return is_hadron_with(pdg, 5) | is_hadron_with(pdg, 4)


def is_hadron_with(pdg, quark):
    """Mesons and baryons whose heaviest quark is `quark`, by the digits of their PDG code."""
    meson, baryon = (pdg // 100) % 10, (pdg // 1000) % 10
    return (pdg > 100) & (pdg < 100_000) & ((baryon == quark) | ((baryon == 0) & (meson == quark)))


class Particles:
    """Flat columns of the particles of a batch, with the index of their event; `p[mask]` selects."""

    def __init__(self, columns):
        self.__dict__.update(columns)

    def __getitem__(self, mask):
        return Particles({k: v[mask] for k, v in self.__dict__.items()})

    def with_angles(self):
        self.pt = np.hypot(self.px, self.py)
        self.eta = np.arcsinh(self.pz / np.maximum(self.pt, 1e-9))
        self.phi = np.arctan2(self.py, self.px)
        return self


def _leptons_and_photons(visible, n, rng):
    """The accepted, smeared electrons, muons and photons, and which visible particles they were."""
    pdg = np.abs(visible.id)
    limit = np.select([pdg == k for k in ACCEPTANCE], [v[0] for v in ACCEPTANCE.values()], 0.0)
    candidates = np.flatnonzero((visible.pt > 0.8 * OBJECT_PT) & (np.abs(visible.eta) < limit))
    found = visible[candidates]
    pdg = pdg[candidates]
    around = _near(
        _offsets(found.event, n), found.eta, found.phi,
        _offsets(visible.event, n), visible.eta, visible.phi, np.where(visible.pt > 0.5, visible.pt, 0.0),
        ISOLATION_RADIUS,
    ) - found.pt  # fmt: skip
    barrel = np.abs(found.eta) < 1.5
    columns = list(zip(*(ACCEPTANCE[k] for k in (11, 13, 22)), strict=True))
    is_kind = [pdg == k for k in (11, 13, 22)]
    efficiency = np.where(barrel, np.select(is_kind, columns[1]), np.select(is_kind, columns[2]))
    isolated = around < np.select(is_kind, columns[3]) * found.pt
    resolution = np.where(
        pdg == 13,
        np.hypot(0.012, 1.5e-4 * found.pt),
        np.sqrt(0.1**2 / found.e + 0.2**2 / found.e**2 + 0.008**2),
    )
    scale = np.clip(1 + resolution * rng.standard_normal(len(pdg)), 0.1, None)
    keep = isolated & (rng.random(len(pdg)) < efficiency) & (found.pt * scale > OBJECT_PT)
    used = np.zeros(len(visible.pt), bool)
    used[candidates[keep]] = True
    found, scale = found[keep], scale[keep]
    found.pt, found.e = found.pt * scale, found.e * scale
    return found, used


def activity(particles, px, py, pz, radius):
    """Scalar sum of the visible particles' pT within Delta R < radius of each direction, in one event.

    Arguments:
        particles: Columns as for `detect`.
        px, py, pz: The directions.
    """
    pt = np.hypot(particles["px"], particles["py"])
    near = (particles["status"] > 0) & ~np.isin(np.abs(particles["id"]), INVISIBLE) & (pt > 0.5)
    pt = pt[near]
    eta, phi = np.arcsinh(particles["pz"][near] / pt), np.arctan2(particles["py"][near], particles["px"][near])
    d_eta = eta - np.arcsinh(pz / np.hypot(px, py))[:, None]
    d_phi = np.abs(phi - np.arctan2(py, px)[:, None])
    return (np.hypot(d_eta, np.minimum(d_phi, 2 * np.pi - d_phi)) < radius) @ pt


def isolated_leptons(particles):
    """How many electrons and muons of one event (columns as for `detect`) are isolated, and not too soft to be kept."""
    pdg = np.abs(particles["id"])
    px, py, pz = (particles[name] for name in ("px", "py", "pz"))
    hard = (np.hypot(px, py) > LEPTON_PT) & (np.abs(pz) < 7.5 * np.hypot(px, py))
    i = np.flatnonzero((particles["status"] > 0) & np.isin(pdg, (11, 13)) & hard)
    pt = np.hypot(px[i], py[i])
    around = activity(particles, px[i], py[i], pz[i], ISOLATION_RADIUS) - pt
    return int((around < np.where(pdg[i] == 11, ACCEPTANCE[11][3], ACCEPTANCE[13][3]) * pt).sum())


def _jets(visible, hadrons, n, rng):
    """Smeared, tagged anti-kt jets of the visible particles."""
    counts = np.bincount(visible.event, minlength=n)
    columns = {"px": visible.px, "py": visible.py, "pz": visible.pz, "E": visible.e}
    constituents = ak.zip({k: ak.unflatten(v, counts) for k, v in columns.items()}, with_name="Momentum4D")
    clustered = fastjet.ClusterSequence(constituents, JETS).inclusive_jets(min_pt=0.6 * JET_PT)
    flat = {k: ak.to_numpy(ak.flatten(clustered[k])) for k in ("px", "py", "pz")}
    jets = Particles(flat | {"e": ak.to_numpy(ak.flatten(clustered["E"]))})
    jets.event = np.repeat(np.arange(n), ak.to_numpy(ak.num(clustered.px)))
    jets.with_angles()
    tagged = {}
    for quark in (5, 4):
        match = hadrons[is_hadron_with(np.abs(hadrons.id), quark)]
        tagged[quark] = _near(
            _offsets(jets.event, n), jets.eta, jets.phi,
            _offsets(match.event, n), match.eta, match.phi, np.ones(len(match.pt)), TAG_RADIUS,
        ) > 0  # fmt: skip
    resolution = np.sqrt((3.0 / jets.pt) ** 2 + 0.36 / jets.pt + 0.03**2)
    scale = np.clip(1 + resolution * rng.standard_normal(len(jets.pt)), 0.1, None)
    jets.pt, jets.e = jets.pt * scale, jets.e * scale
    pt = jets.pt
    efficiency = np.select(
        [tagged[5], tagged[4]],
        [24 * np.tanh(0.003 * pt) / (1 + 0.086 * pt), 0.2 * np.tanh(0.02 * pt) / (1 + 0.0034 * pt)],
        0.002 + 7.3e-6 * pt,
    )
    jets.is_b = rng.random(len(pt)) < efficiency
    return jets[(pt > JET_PT) & (np.abs(jets.eta) < CALORIMETER_ETA)]


def detect(particles, rng):
    """What the detector records of some events.

    Arguments:
        particles: One dictionary an event of the columns id, status (Pythia's: positive for stable particles), px, py,
            pz, e; decayed hadrons with heavy quarks are needed for the tags.
        rng: NumPy Generator, for resolutions, efficiencies and tags.

    Returns:
        Dictionary of met, met_phi (n,), counts (n,) and the flat objects kind, E, pt, eta, phi in GeV; jets first,
        then electrons, muons and photons, each falling in pT.
    """
    n = len(particles)
    everything = Particles({k: np.concatenate([p[k] for p in particles]) for k in particles[0]})
    everything.event = np.repeat(np.arange(n), [len(p["id"]) for p in particles])
    pdg = np.abs(everything.id)
    hadrons = everything[is_heavy_hadron(pdg) & (everything.status <= 0)].with_angles()
    hadrons = hadrons[hadrons.pt > 5]
    stable, invisible = everything.status > 0, np.isin(pdg, INVISIBLE)
    escaping = everything[stable & invisible]
    met_x, met_y = (np.bincount(escaping.event, v, n) for v in (escaping.px, escaping.py))
    visible = everything[stable & ~invisible].with_angles()
    visible = visible[(visible.pt > 0.1) & (np.abs(visible.eta) < CALORIMETER_ETA)]
    leptons, used = _leptons_and_photons(visible, n, rng)
    jets = _jets(visible[~used & (np.abs(visible.id) != 13)], hadrons, n, rng)

    kind = np.concatenate([np.where(jets.is_b, "b", "j"), [KIND[i] for i in leptons.id.tolist()]])
    group = np.concatenate([np.zeros(len(jets.pt)), np.abs(leptons.id)])
    event = np.concatenate([jets.event, leptons.event])
    columns = {
        name: np.concatenate([getattr(jets, attribute), getattr(leptons, attribute)])
        for name, attribute in (("E", "e"), ("pt", "pt"), ("eta", "eta"), ("phi", "phi"))
    }
    order = np.lexsort((-columns["pt"], group, event))
    return {
        "met": np.hypot(met_x, met_y),
        "met_phi": np.arctan2(met_y, met_x),
        "counts": np.bincount(event, minlength=n),
        "kind": kind[order],
        **{k: v[order] for k, v in columns.items()},
    }
