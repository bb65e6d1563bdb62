"""Lets the hadrons of a batch of events decay weakly, as often as is asked.

They are the sources of neutrinos and of further leptons in QCD. Drawing their decays again in the same event finds
rare ones more often, at a small part of the cost of a new event.
"""

import numpy as np
import pythia8mc

from .detector import ACCEPTANCE, ISOLATION_RADIUS, Particles, is_hadron_with, near

# Ground states of hadrons with one heavy quark, which decay weakly. (Taus decay with their spins, which takes long.)
HADRONS = (411, 421, 431, 4122, 4132, 4232, 4332, 511, 521, 531, 541, 5122, 5132, 5232, 5332)
LEPTON_PT = 12.0  # below this no channel's lepton comes from, smeared or not
# A lepton of 14 GeV or more leaves a b hadron's direction by less: it gets no more than half the hadron's mass across.
LEPTON_ANGLE = 0.2
SETTINGS = tuple(f"{pdg}:mayDecay=off" for pdg in HADRONS)  # with which events are generated before `Decays`

_id, _status, _mother = pythia8mc.Particle.id, pythia8mc.Particle.status, pythia8mc.Particle.mother1
_momentum = {name: getattr(pythia8mc.Particle, name) for name in ("px", "py", "pz", "e")}


class Decays:
    """The weak decays of some events.

    Arguments:
        pythia: Started with `SETTINGS`.
        particles: The events' particles, with id, status, px, py, pz, e and m.
    """

    def __init__(self, pythia, particles):
        self._pythia = pythia
        undecayed = np.isin(np.abs(particles.id), HADRONS) & (particles.status > 0)
        self.hadrons = particles[undecayed]
        # A hadron counts as decayed.
        self.rest = Particles(vars(particles) | {"status": np.where(undecayed, -1, particles.status)})

    def of(self, chosen):
        """The decays of the chosen events alone, whose places are counted anew."""
        part = Decays.__new__(Decays)
        part._pythia, part.hadrons, part.rest = self._pythia, self.hadrons.of(chosen), self.rest.of(chosen)
        return part

    def draw(self):
        """The particles of the events after one draw of the decays."""
        event = self._pythia.event
        event.reset()
        h = self.hadrons
        for columns in zip(h.id.tolist(), *(getattr(h, k).tolist() for k in ("px", "py", "pz", "e", "m")), strict=True):
            event.append(columns[0], 83, 0, 0, *columns[1:])
        start = event.size()
        for pdg in HADRONS:
            self._pythia.particleData.mayDecay(pdg, True)
        decayed = self._pythia.moreDecays()
        for pdg in HADRONS:
            self._pythia.particleData.mayDecay(pdg, False)
        if not decayed:
            raise RuntimeError("Pythia could not let the hadrons of a batch decay")
        products = event.particles()[start:]
        origin = [-1, *h.event.tolist()]  # place 0 of a record is the whole system
        for mother in map(_mother, products):
            origin.append(origin[mother])
        new = {"event": np.array(origin[start:], int), "id": _column(_id, products, int)}
        new |= {"status": _column(_status, products, int)}
        new |= {name: _column(method, products) for name, method in _momentum.items()}
        together = {name: np.concatenate([getattr(self.rest, name), new[name]]) for name in new}
        order = np.argsort(together["event"], kind="stable")
        return Particles({name: column[order] for name, column in together.items()})


def _column(method, particles, dtype=float):
    return np.fromiter(map(method, particles), dtype, len(particles))


def leptons_at_most(passage, hadrons, n):
    """How many isolated leptons each of n events may have: those it has, and one (of b, two) of every hard hadron.

    What decays weakly does not count against a lepton, and a hadron's lepton may have all its momentum.

    Arguments:
        passage: The events without weak decays, as they enter the detector.
        hadrons: Those that will decay.
        n: Events.
    """
    hadrons = hadrons.with_angles()
    hard = hadrons[hadrons.pt > LEPTON_PT]
    around = near(hard, passage.visible, passage.visible.pt, ISOLATION_RADIUS - LEPTON_ANGLE, n)
    isolated = hard[around < ACCEPTANCE[13][3] * hard.pt]
    each = 1 + is_hadron_with(np.abs(isolated.id), 5)
    return passage.leptons() + np.bincount(isolated.event, each, n)
