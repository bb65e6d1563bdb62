"""Finds the events worth showing to the detector.

Parton showers take most of the time, decays little. So three shortcuts, none of which changes a distribution:

- A background's parton-level event that cannot pass any of the job's channels goes no further (`may_pass`).
- Hadrons with a weak decay, the sources of neutrinos and of further leptons in QCD, decay `job.decays` times over in
  the same event. Of the results that pass a channel one is kept, drawn at random, and weighted with how many passed
  (`generate.run`): rare decays are found more often, and no two events share their partons.
- Missing momentum and the leptons' isolation are sums over generated particles: they are checked before the detector.
"""

import numpy as np
import pythia8mc

from . import detector

MET_CUT = {"1": 200.0, "2a": 50.0, "2b": 50.0, "3": 100.0}
H_T_CUT = {"1": 600.0, "2a": 0.0, "2b": 50.0, "3": 600.0}
LEPTONS = {"1": 0, "2a": 3, "2b": 2, "3": 0}
H_T_MARGIN = 0.85  # jets may be measured too high
LEPTON_PT = 14.0  # 15 GeV are asked for, after smearing
NEUTRINO_SHARE = 0.8  # of the transverse momentum of a b or c quark; tests/test_data_scripts.py measures what is lost
HADRON_SHARE = 0.95  # the same for a hadron that holds it
# Ground states of hadrons with one heavy quark, which decay weakly. (Taus decay with their spins, which takes long.)
WEAK = (411, 421, 431, 4122, 4132, 4232, 4332, 511, 521, 531, 541, 5122, 5132, 5232, 5332)

_id, _status = pythia8mc.Particle.id, pythia8mc.Particle.status
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
    final = [p for p in partons if p.status() > 0]
    pdg = np.abs(_column(_id, final, int))
    px, py, pz = (_column(_momentum[name], final) for name in ("px", "py", "pz"))
    pt = np.hypot(px, py)
    invisible = np.isin(pdg, detector.INVISIBLE)
    met = _largest_sum(px[invisible].sum(), py[invisible].sum(), px[pdg == 15], py[pdg == 15])
    met += NEUTRINO_SHARE * pt[(pdg == 4) | (pdg == 5)].sum()
    h_t = pt[~invisible & (pdg != 13)].sum()
    reach = (pt > LEPTON_PT) & (np.abs(pz) < 8.2 * pt)  # |eta| < 2.8
    leptons = sum(n * int((pdg[reach] == k).sum()) for k, n in ((11, 1), (13, 1), (15, 1), (4, 1), (5, 2)))
    return any(met > MET_CUT[c] and h_t > H_T_MARGIN * H_T_CUT[c] and leptons >= LEPTONS[c] for c in channels)


def _largest_sum(x, y, tau_x, tau_y):
    """The largest |p + sum of x_i tau_i| with shares x_i between 0 and 1: reached where all are 0 or 1."""
    for a, b in zip(tau_x[:4], tau_y[:4], strict=True):
        x, y = np.append(x, x + a), np.append(y, y + b)
    return np.hypot(x, y).max() + np.hypot(tau_x[4:], tau_y[4:]).sum()


class Hadrons:
    """An event before the weak decays; `decayed` gives the columns of it after them."""

    def __init__(self, event):
        self.event = pythia8mc.Event(event)
        self.particles = self.event.particles()
        self.pdg, self.status = (_column(method, self.particles, int) for method in (_id, _status))
        stable, pdg = self.status > 0, np.abs(self.pdg)
        self.weak = np.flatnonzero(stable & np.isin(pdg, WEAK))
        escaping = [self.particles[i] for i in np.flatnonzero(stable & np.isin(pdg, detector.INVISIBLE))]
        self.met_x, self.met_y = (sum(p.px() for p in escaping), sum(p.py() for p in escaping))
        self.leptons = _leptons(self.particles[i] for i in np.flatnonzero(stable & ((pdg == 11) | (pdg == 13))))
        self._columns = None

    def may_have_met(self, cut):
        weak = [self.particles[i] for i in self.weak]
        return np.hypot(self.met_x, self.met_y) + HADRON_SHARE * sum(p.pT() for p in weak) > cut

    def columns(self):
        """Columns of the stable particles and of the hadrons with heavy quarks; weak ones count as decayed."""
        if self._columns is None:
            status = self.status.copy()
            status[self.weak] = -1
            keep = np.flatnonzero((status > 0) | detector.is_heavy_hadron(np.abs(self.pdg)))
            kept = [self.particles[i] for i in keep]
            momenta = {name: _column(method, kept) for name, method in _momentum.items()}
            self._columns = {"id": self.pdg[keep], "status": status[keep], **momenta}
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
        if not hadrons.may_have_met(met_cut):
            continue
        for products in _decays(pythia, hadrons, job.decays):
            if _met(hadrons, products) < met_cut:
                continue
            if leptons and hadrons.leptons + _leptons(products) < leptons:
                continue
            columns = hadrons.decayed(products)
            if not leptons or detector.isolated_leptons(columns) >= leptons:
                yield number, columns


def _decays(pythia, hadrons, times):
    """Lets the weak decays happen so many times; yields the particles each adds."""
    if not len(hadrons.weak):
        yield []
        return
    start = hadrons.event.size()
    for pdg in WEAK:
        pythia.particleData.mayDecay(pdg, True)
    for _ in range(times):
        pythia.event = hadrons.event
        if pythia.moreDecays():
            yield [pythia.event.at(i) for i in range(start, pythia.event.size())]
    for pdg in WEAK:
        pythia.particleData.mayDecay(pdg, False)


def _leptons(particles):
    """Electrons and muons hard enough for `detector.isolated_leptons`, isolated or not."""
    return sum(p.idAbs() in (11, 13) and p.status() > 0 and p.pT() > detector.LEPTON_PT for p in particles)


def _met(hadrons, products):
    escaping = [p for p in products if p.idAbs() in detector.ESCAPING and p.status() > 0]
    return np.hypot(hadrons.met_x + sum(p.px() for p in escaping), hadrons.met_y + sum(p.py() for p in escaping))
