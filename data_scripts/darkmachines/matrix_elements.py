"""Hard processes of the challenge that Pythia lacks, at leading order, for it to sample, shower and hadronise."""

import math
from dataclasses import dataclass, fields

import pythia8mc

from . import detector
from .job import Job

MEDIATOR = 55  # Pythia's vector mediator of dark matter
COUPLING = 0.25  # of the mediator to quarks; its square is a factor of the cross section and nothing else
SIN2_W = 0.2312
# |V|^2 of the quark mixing matrix (PDG 2024), by the codes of the up-type and the down-type quark.
CKM = {(2, 1): 0.949, (2, 3): 0.0506, (2, 5): 1.4e-5, (4, 1): 0.0506, (4, 3): 0.948, (4, 5): 1.7e-3}


@dataclass(frozen=True, eq=False)
class HardJob(Job):
    """A job with a hard process of this file, or with a condition on the hard process.

    Arguments:
        matrix_element: Key of `PROCESSES`; none for a process of Pythia's own.
        missing: Pythia goes on with a hard process, decays of heavy particles included, only where the sum of its
            invisible particles has more transverse momentum than this, in GeV. Generated events and cross section
            are then those with the condition.
        leptons: The same for the number of electrons, muons and taus.
    """

    matrix_element: str = ""
    missing: float = 0.0
    leptons: int = 0


def only(job, missing=0, leptons=0):
    """The same job with a condition on its hard processes."""
    values = {field.name: getattr(job, field.name) for field in fields(job)}
    variant = f"-missing{missing}" if missing else f"-{leptons}leptons"
    return HardJob(**values | {"variant": job.variant + variant, "missing": missing, "leptons": leptons})


def attach(pythia, job):
    """Hands Pythia, before it starts, what a `HardJob` has of its own; returns what to keep while Pythia runs."""
    own = [process() for process in PROCESSES[job.matrix_element]] if getattr(job, "matrix_element", "") else []
    for process in own:
        pythia.addSigmaPtr(process)
    if getattr(job, "missing", 0) or getattr(job, "leptons", 0):
        own.append(Condition(job.missing, job.leptons))
        pythia.setUserHooksPtr(own[-1])
    return own


class Condition(pythia8mc.UserHooks):
    """Vetoes hard processes that do not meet the conditions of a `HardJob`."""

    def __init__(self, missing, leptons):
        super().__init__()
        self.missing, self.leptons = missing, leptons

    def canVetoProcessLevel(self):
        return True

    def doVetoProcessLevel(self, process):
        final = [p for p in (process.at(i) for i in range(5, process.size())) if p.isFinal()]
        if sum(p.idAbs() in (11, 13, 15) for p in final) < self.leptons:
            return True
        escaping = [p for p in final if p.idAbs() in detector.INVISIBLE]
        return math.hypot(sum(p.px() for p in escaping), sum(p.py() for p in escaping)) < self.missing


class _Process(pythia8mc.Sigma2Process):
    """What Pythia asks of a process 1 + 2 -> 3 + 4; `sigmaHat` is d(sigma)/d(t) in GeV^-4."""

    def initProc(self):
        pass

    def name(self):
        return type(self).__name__

    def code(self):
        return 10_001 + [c for processes in PROCESSES.values() for c in processes].index(type(self))

    def id3Mass(self):
        return MEDIATOR

    def weightDecay(self, process, first, last):
        """The W of a top decay gets its angular distribution; other decays are isotropic."""
        mother = process.at(process.at(first).mother1())
        return self.weightTopDecay(process, first, last) if mother.idAbs() == 6 else 1.0


class Monotop(_Process):
    r"""u g -> V t, with a vector V coupled to u and t alone.

    For a massless u an axial coupling gives the same as a vector one. With :math:`t_1 = (g - t)^2 - m_t^2`,
    :math:`k = 1 + m_t^2/2M^2` and :math:`d = M^2 - m_t^2` the spins sum to

    .. math:: |A|^2 = 8 g^2 g_s^2 \left[-k\left(\frac{s}{t_1} + \frac{t_1}{s}\right) - \frac{m_t^2}{M^2}
       + 2kd\left(\frac1s + \frac1{t_1} + \frac{m_t^2}{t_1^2} - \frac{d}{s t_1}\right)\right].
    """

    def inFlux(self):
        return "qg"

    def id4Mass(self):
        return 6

    def sigmaKin(self):
        # Averaged over 2 x 2 spins and 3 x 8 colours, of which four pass.
        average = COUPLING**2 * 4 * math.pi * self.alpS / 24
        self._values = [
            average * monotop(self.sH, t - self.s4, self.s4, self.s3) / (16 * math.pi * self.sH**2)
            for t in (self.uH, self.tH)
        ]

    def sigmaHat(self):
        quark = self.id2 if self.id1 == 21 else self.id1
        return self._values[self.id1 != 21] if abs(quark) == 2 else 0.0

    def setIdColAcol(self):
        quark = self.id2 if self.id1 == 21 else self.id1
        self.setId(self.id1, self.id2, MEDIATOR, 6 if quark > 0 else -6)
        colours = (1, 0, 2, 1) if self.id2 == 21 else (2, 1, 1, 0)
        self.setColAcol(*colours, 0, 0, 2, 0)
        if quark < 0:
            self.swapColAcol()


def monotop(s, t1, m2, mass2):
    """Squared amplitude of u g -> V t summed over spins, without couplings and colours."""
    k, d = 1 + m2 / (2 * mass2), mass2 - m2
    return 8 * (-k * (s / t1 + t1 / s) - m2 / mass2 + 2 * k * d * (1 / s + 1 / t1 + m2 / t1**2 - d / (s * t1)))


def z_couplings(quark):
    """Left- and right-handed coupling of a quark to the Z, in units of e / (sin cos)."""
    charge, isospin = (2 / 3, 0.5) if quark % 2 == 0 else (-1 / 3, -0.5)
    return isospin - charge * SIN2_W, -charge * SIN2_W


def two_vectors(t, u, mass2_3, mass2_4):
    """Squared amplitude of q qbar -> V V' summed over spins, over 8, without couplings and colours."""
    s = mass2_3 + mass2_4 - t - u
    return t / u + u / t + 2 * s * (mass2_3 + mass2_4) / (t * u) - mass2_3 * mass2_4 * (1 / t**2 + 1 / u**2)


class _MonoV(_Process):
    r"""q q' -> Z' V, with a vector coupling of the Z' common to all quarks and the V's own.

    .. math:: \frac{d\sigma}{dt} = \frac{(g_L^2 + g_R^2) g_{Z'}^2}{48\pi s^2} \left[\frac tu + \frac ut
       + \frac{2s(m_3^2 + m_4^2)}{tu} - m_3^2 m_4^2\left(\frac1{t^2} + \frac1{u^2}\right)\right]
    """

    def sigmaKin(self):
        couplings = COUPLING**2 * 4 * math.pi * self.alpEM
        self._value = couplings * two_vectors(self.tH, self.uH, self.s3, self.s4) / (48 * math.pi * self.sH**2)

    def _colours(self):
        self.setColAcol(1, 0, 0, 1, 0, 0)
        if self.id1 < 0:
            self.swapColAcol()


class MonoZ(_MonoV):
    def inFlux(self):
        return "ffbarSame"

    def id4Mass(self):
        return 23

    def sigmaHat(self):
        left, right = z_couplings(self.id1)
        return self._value * (left**2 + right**2) / (SIN2_W * (1 - SIN2_W))

    def setIdColAcol(self):
        self.setId(self.id1, self.id2, MEDIATOR, 23)
        self._colours()


class MonoW(_MonoV):
    def inFlux(self):
        return "ffbarChg"

    def id4Mass(self):
        return 24

    def sigmaHat(self):
        up, down = sorted((abs(self.id1), abs(self.id2)), key=lambda q: q % 2)
        return self._value * CKM[up, down] / (2 * SIN2_W)

    def setIdColAcol(self):
        up = self.id1 if self.id1 % 2 == 0 else self.id2
        self.setId(self.id1, self.id2, MEDIATOR, 24 if up > 0 else -24)
        self._colours()


# Stand-ins for W and Z with decays that Pythia's own do not take.
W_LIKE, Z_LIKE = 9000024, 9000023


class _BosonJet(_Process):
    """q qbar -> V g and q g -> V q for massless quarks, V a stand-in for W or Z."""

    def sigmaKin(self):
        s, t, u, mass2 = self.sH, self.tH, self.uH, self.s3
        annihilation = (t**2 + u**2 + 2 * s * mass2) / (t * u)
        first, second = (-(s**2 + a**2 + 2 * b * mass2) / (s * a) for a, b in ((t, u), (u, t)))
        common = math.pi * self.alpEM * self.alpS / s**2
        self._values = [common * factor for factor in (8 / 9 * annihilation, first / 3, second / 3)]

    def _value(self):
        return self._values[0 if 21 not in (self.id1, self.id2) else 1 if self.id2 == 21 else 2]

    def _set(self, boson, quark):
        """Codes and colours, with the outgoing quark's code for a q g collision."""
        gluon = self.id2 == 21, self.id1 == 21
        self.setId(self.id1, self.id2, boson, quark if any(gluon) else 21)
        if not any(gluon):
            self.setColAcol(1, 0, 0, 2, 0, 0, 1, 2)
        elif gluon[0]:
            self.setColAcol(1, 0, 2, 1, 0, 0, 2, 0)
        else:
            self.setColAcol(2, 1, 1, 0, 0, 0, 2, 0)
        if (self.id2 if gluon[1] else self.id1) < 0:
            self.swapColAcol()


class _ZJet(_BosonJet):
    def id3Mass(self):
        return Z_LIKE

    def sigmaHat(self):
        quark = self.id2 if self.id1 == 21 else self.id1
        left, right = z_couplings(quark)
        return self._value() * (left**2 + right**2) / (2 * SIN2_W * (1 - SIN2_W))

    def setIdColAcol(self):
        self._set(Z_LIKE, self.id2 if self.id1 == 21 else self.id1)


class _WJet(_BosonJet):
    """Within a generation: the Cabibbo angle turns s quarks into d quarks, which no observable tells apart."""

    def id3Mass(self):
        return W_LIKE

    def sigmaHat(self):
        quarks = [abs(q) for q in (self.id1, self.id2) if q != 21]
        same_generation = len({(q + 1) // 2 for q in quarks}) == 1
        return self._value() / (4 * SIN2_W) if same_generation and max(quarks) < 5 else 0.0

    def setIdColAcol(self):
        quark = self.id2 if self.id1 == 21 else self.id1
        up = abs(quark) % 2 == 0
        other = math.copysign(abs(quark) - 1 if up else abs(quark) + 1, quark)
        self._set(W_LIKE if (quark > 0) == up else -W_LIKE, int(other))


class ZGluon(_ZJet):
    def inFlux(self):
        return "qqbarSame"


class ZQuark(_ZJet):
    def inFlux(self):
        return "qg"


class WGluon(_WJet):
    def inFlux(self):
        return "ffbarChg"


class WQuark(_WJet):
    def inFlux(self):
        return "qg"


PROCESSES = {
    "monotop": (Monotop,),
    "monoV": (MonoZ, MonoW),
    "W + jet": (WGluon, WQuark),
    "Z + jet": (ZGluon, ZQuark),
}
