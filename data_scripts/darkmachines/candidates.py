"""Finds the events worth showing to the detector.

Parton showers take most of the time, decays little. So three shortcuts, none of which changes a distribution:

- A background's parton-level event that cannot pass any of the job's channels goes no further (`may_pass`).
- Hadrons with a weak decay, the sources of neutrinos and of further leptons in QCD, decay `job.decays` times over in
  the same event. Of the results that pass a channel one is kept, drawn at random, and weighted with how many passed
  (`generate.generate`): rare decays are found more often, and no two events share their partons.
- Missing momentum and the leptons' isolation are sums over generated particles: they are checked before the detector,
  and before those decays as far as the other particles decide them.
"""

import re

import numpy as np
import pythia8mc

from . import detector

MET_CUT = {"1": 200.0, "2a": 50.0, "2b": 50.0, "3": 100.0}
H_T_CUT = {"1": 600.0, "2a": 0.0, "2b": 50.0, "3": 600.0}
LEPTONS = {"1": 0, "2a": 3, "2b": 2, "3": 0}
H_T_MARGIN = 0.85  # jets may be measured too high
LIGHT_LEPTONS = frozenset((11, -11, 13, -13))
LEPTON_PT = 14.0  # 15 GeV are asked for, after smearing
NEUTRINO_SHARE = 0.8  # of the transverse momentum of a b or c quark; tests/test_data_scripts.py looks for losses
HADRON_SHARE = 0.95  # the same for a hadron that holds it
# A lepton of 14 GeV or more leaves a b hadron's direction by less: it gets no more than half the hadron's mass across.
LEPTON_ANGLE = 0.2
# Ground states of hadrons with one heavy quark, which decay weakly. (Taus decay with their spins, which takes long.)
WEAK = (411, 421, 431, 4122, 4132, 4232, 4332, 511, 521, 531, 541, 5122, 5132, 5232, 5332)

# With the antiparticles.
WEAK_EITHER, ESCAPING = (frozenset((*pdg, *(-i for i in pdg))) for pdg in (WEAK, detector.INVISIBLE))
SOURCES = ESCAPING | {4, -4, 5, -5, 15, -15}

_id, _status, _is_final = pythia8mc.Particle.id, pythia8mc.Particle.status, pythia8mc.Particle.isFinal
_momentum = {name: getattr(pythia8mc.Particle, name) for name in ("px", "py", "pz", "e")}


class HardFlavour(pythia8mc.UserHooks):
    """Lets pass the hard processes with ("heavy") or without ("light") a b or c quark; Pythia's cross section follows.

    Most missing momentum of multijets comes from the few hard processes with a heavy quark, which this makes cheap.
    """

    def __init__(self, hard):
        super().__init__()
        self.heavy = {"heavy": True, "light": False}[hard]

    def canVetoProcessLevel(self):
        return True

    def doVetoProcessLevel(self, process):
        return any(process.at(i).idAbs() in (4, 5) for i in range(3, process.size())) != self.heavy


class Emission(pythia8mc.UserHooks):
    """Lets pass the events with ("above") or without ("below") radiation harder than a scale from the hard process.

    The shower is stopped at that scale, so that rare events with much radiation, the tails of slices of low transverse
    momentum, are found at little cost. Pythia's cross section follows.
    """

    def __init__(self, side, scale):
        super().__init__()
        self.above, self.scale = {"above": True, "below": False}[side], scale

    def canVetoPT(self):
        return True

    def scaleVetoPT(self):
        return self.scale

    def doVetoPT(self, position, event):
        # 0: nothing was radiated above the scale; 4 and 5: showers of the decay products, which do not count.
        return position < 4 and (position == 0) == self.above


def hook(job):
    """The hook that picks the job's events; None where it takes all."""
    if not job.hard:
        return None
    if job.hard in ("heavy", "light"):
        return HardFlavour(job.hard)
    side, scale = re.fullmatch(r"(above|below)(\d+)", job.hard).groups()
    return Emission(side, float(scale))


def settings():
    """The settings that let `find` decide when weak decays happen."""
    return ("HadronLevel:all=off", *(f"{pdg}:mayDecay=off" for pdg in WEAK))


def _column(method, particles, dtype=float):
    return np.fromiter(map(method, particles), dtype, len(particles))


def may_pass(partons, channels):
    """Whether the decays and hadrons of these partons can pass one of the channels.

    Missing momentum is at most that of the invisible partons and what may still decay to neutrinos; H_T at most the
    scalar sum of what is visible; leptons come from leptons, taus, b (two) and c quarks.
    """
    final = list(filter(_is_final, partons))
    met = _largest_met(p for p in final if p.id() in SOURCES)
    if all(met <= MET_CUT[c] for c in channels):  # most end here
        return False
    pdg = np.abs(_column(_id, final, int))
    pt, pz = _column(pythia8mc.Particle.pT, final), _column(_momentum["pz"], final)
    h_t = pt[~np.isin(pdg, (13, *detector.INVISIBLE))].sum()
    reach = (pt > LEPTON_PT) & (np.abs(pz) < 8.2 * pt)  # |eta| < 2.8
    leptons = sum(n * int((pdg[reach] == k).sum()) for k, n in ((11, 1), (13, 1), (15, 1), (4, 1), (5, 2)))
    return any(met > MET_CUT[c] and h_t > H_T_MARGIN * H_T_CUT[c] and leptons >= LEPTONS[c] for c in channels)


def _largest_met(sources):
    """An upper bound of the missing momentum, from its possible sources."""
    x = y = heavy = 0.0
    taus = []
    for p in sources:
        if p.idAbs() in (4, 5):
            heavy += p.pT()
        elif p.idAbs() == 15:
            taus.append((p.px(), p.py()))
        else:
            x, y = x + p.px(), y + p.py()
    tau_x, tau_y = np.array(taus).reshape(-1, 2).T
    return _largest_sum(x, y, tau_x, tau_y) + NEUTRINO_SHARE * heavy


def _largest_sum(x, y, tau_x, tau_y):
    """The largest |p + sum of x_i tau_i| with shares x_i between 0 and 1: reached where all are 0 or 1."""
    for a, b in zip(tau_x[:4], tau_y[:4], strict=True):
        x, y = np.append(x, x + a), np.append(y, y + b)
    return np.hypot(x, y).max() + np.hypot(tau_x[4:], tau_y[4:]).sum()


class Hadrons:
    """An event before the weak decays; `decayed` gives the columns of it after them."""

    def __init__(self, event):
        self._event = pythia8mc.Event(event)  # keeps the particles
        self.particles = self._event.particles()
        self.weak, self.leptons, self.met_x, self.met_y = [], 0, 0.0, 0.0
        for p in filter(_is_final, self.particles):
            pdg = p.id()
            if pdg in WEAK_EITHER:
                self.weak.append(p)
            elif pdg in ESCAPING:
                self.met_x, self.met_y = self.met_x + p.px(), self.met_y + p.py()
            elif pdg in LIGHT_LEPTONS:
                self.leptons += p.pT() > detector.LEPTON_PT
        self._columns = None

    def record(self):
        """An event of the weakly decaying hadrons alone: much shorter to copy and to search."""
        event = pythia8mc.Event(self._event)
        event.reset()
        for hadron in self.weak:
            particle = event.at(event.append(hadron))
            particle.mothers(0, 0)
            particle.daughters(0, 0)
        return event

    def may_have_met(self, cut):
        return np.hypot(self.met_x, self.met_y) + HADRON_SHARE * sum(p.pT() for p in self.weak) >= cut

    def may_have_leptons(self, least):
        """Whether so many leptons may be isolated: those that there are, and one (of b, two) of every hard hadron.

        What decays weakly does not count against them, and a hadron's lepton may have all its momentum.
        """
        hard = [p for p in self.weak if p.pT() > LEPTON_PT]
        if self.leptons + 2 * len(hard) < least:
            return False
        found = detector.isolated_leptons(self.columns())
        if found >= least or not hard:
            return found >= least
        px, py, pz = (_column(_momentum[name], hard) for name in ("px", "py", "pz"))
        around = detector.activity(self.columns(), px, py, pz, detector.ISOLATION_RADIUS - LEPTON_ANGLE)
        isolated = around < detector.ACCEPTANCE[13][3] * np.hypot(px, py)
        is_b = detector.is_hadron_with(np.abs(_column(_id, hard, int)), 5)
        return found + (1 + is_b)[isolated].sum() >= least

    def columns(self):
        """Columns of the stable particles and of the hadrons with heavy quarks; weak ones count as decayed."""
        if self._columns is None:
            pdg, status = (_column(method, self.particles, int) for method in (_id, _status))
            status[(status > 0) & np.isin(np.abs(pdg), WEAK)] = -1
            keep = np.flatnonzero((status > 0) | detector.is_heavy_hadron(np.abs(pdg)))
            kept = [self.particles[i] for i in keep]
            momenta = {name: _column(method, kept) for name, method in _momentum.items()}
            self._columns = {"id": pdg[keep], "status": status[keep], **momenta}
        return self._columns

    def decayed(self, products):
        columns = self.columns()
        new = {"id": _column(_id, products, int), "status": _column(_status, products, int)}
        new |= {name: _column(method, products) for name, method in _momentum.items()}
        return {name: np.concatenate([columns[name], new[name]]) for name in columns}


def find(pythia, job):
    """Yields what may pass a channel of the job: the number of the parton-level event, and columns of its particles.

    Arguments:
        pythia: Started with `settings`.
        job: The job; without channels every event is yielded.
    """
    met_cut = min((MET_CUT[c] for c in job.channels), default=0.0)
    leptons = min((LEPTONS[c] for c in job.channels), default=0)
    number = -1
    while number < job.events - 1:
        if not pythia.next():
            continue
        number += 1
        # A signal may hide its invisible particles until it decays, and passes often anyway.
        if job.role and not may_pass(pythia.event.particles(), job.channels):
            continue
        if not pythia.forceHadronLevel():
            continue
        hadrons = Hadrons(pythia.event)
        if not hadrons.may_have_met(met_cut) or (leptons and not hadrons.may_have_leptons(leptons)):
            continue
        for products in _decays(pythia, hadrons, job.decays):
            if leptons and hadrons.leptons + _leptons(products) < leptons:
                continue
            if _met(hadrons, products) < met_cut:
                continue
            columns = hadrons.decayed(products)
            if not leptons or detector.isolated_leptons(columns) >= leptons:
                yield number, columns


def _decays(pythia, hadrons, times):
    """Lets the weak decays happen so many times; yields the particles each adds."""
    record = hadrons.record()
    start = record.size()
    for pdg in WEAK:
        pythia.particleData.mayDecay(pdg, True)
    for _ in range(times):
        pythia.event = record
        if pythia.moreDecays():
            yield pythia.event.particles()[start:]
    for pdg in WEAK:
        pythia.particleData.mayDecay(pdg, False)


def _leptons(particles):
    """Electrons and muons hard enough for `detector.isolated_leptons`, isolated or not."""
    return sum(p.pT() > detector.LEPTON_PT and p.isFinal() for p in particles if p.id() in LIGHT_LEPTONS)


def _met(hadrons, products):
    escaping = [p for p in products if p.id() in ESCAPING and p.isFinal()]
    return np.hypot(hadrons.met_x + sum(p.px() for p in escaping), hadrons.met_y + sum(p.py() for p in escaping))
