"""Supersymmetric models: pairs of particles and their decays by hand, for Pythia and `slha.write`.

A table of decays maps a PDG code to (width in GeV, [(branching ratio, daughters), ...]); antiparticles mirror it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .job import Job
from .processes import W_LEPTONIC, W_TO_LEPTONS, Z_CHARGED, Z_TO_LEPTONS
from .slha import SQUARKS

NEUTRALINO, NEUTRALINO2, NEUTRALINO3, NEUTRALINO4, CHARGINO = 1000022, 1000023, 1000025, 1000035, 1000024
GLUINO, STOP, SBOTTOM, STAU, GRAVITINO = 1000021, 1000006, 1000005, 1000015, 1000039
SLEPTONS, SNEUTRINOS = (1000011, 1000013), (1000012, 1000014)
WIDTH = 0.1


LIGHTEST_DECOUPLED = 4000  # where the pair itself decays without it


def on(*processes):
    return tuple(f"SUSY:{process}=on" for process in processes)


def either(first, second=None):
    """Settings that ask for a pair of one of `first` and one of `second` (the same list unless given)."""
    return tuple(
        f"SUSY:idVec{side}={{{','.join(map(str, ids))}}}" for side, ids in (("A", first), ("B", second or first))
    )


GLUINOS = on("gg2gluinogluino", "qqbar2gluinogluino")
SQUARK_PAIR = (*on("gg2squarkantisquark", "qqbar2squarkantisquark", "qq2squarksquark"), *either(SQUARKS))
GLUINO_SQUARK = on("qg2squarkgluino")
STOPS = (*on("gg2squarkantisquark", "qqbar2squarkantisquark"), f"SUSY:idA={STOP}")
SBOTTOMS = (*on("gg2squarkantisquark", "qqbar2squarkantisquark"), f"SUSY:idA={SBOTTOM}")
SLEPTON_PAIR = (*on("qqbar2sleptonantislepton"), *either(SLEPTONS))
SNEUTRINO_PAIR = (*on("qqbar2sleptonantislepton"), *either(SNEUTRINOS))
STAU_PAIR = (*on("qqbar2sleptonantislepton"), f"SUSY:idA={STAU}", f"SUSY:idB={STAU}")
CHARGINO_PAIR = (*on("qqbar2chi+chi-"), f"SUSY:idA={CHARGINO}", f"SUSY:idB={CHARGINO}")
CHARGINO_NEUTRALINO = (*on("qqbar2chi+-chi0"), f"SUSY:idA={CHARGINO}", f"SUSY:idB={NEUTRALINO2}")
HIGGSINO_PAIR = (*on("qqbar2chi0chi0"), f"SUSY:idA={NEUTRALINO3}", f"SUSY:idB={NEUTRALINO4}")
NEUTRALINO_PAIR = (*on("qqbar2chi0chi0"), f"SUSY:idA={NEUTRALINO}", f"SUSY:idB={NEUTRALINO}")


def equal(*channels):
    """Table entry of channels with equal ratios."""
    return WIDTH, [(1 / len(channels), channel) for channel in channels]


def _both_charges(*channels):
    """Table entry for a Majorana particle: each channel and its charge conjugate, all equal."""
    return equal(*channels, *(tuple(-daughter for daughter in channel) for channel in channels))


def wino(mass, lightest):
    """Masses of the lightest chargino and the two lightest neutralinos."""
    return {CHARGINO: mass, NEUTRALINO2: mass, NEUTRALINO: lightest}


def _masses(codes, mass, lightest):
    return dict.fromkeys(codes, mass) | {NEUTRALINO: lightest}


def _masses_with_wino(codes, mass, lightest):
    """Chargino and second neutralino half-way between the pair and the lightest neutralino."""
    return dict.fromkeys(codes, mass) | wino((mass + lightest) / 2, lightest)


SQUARK_DIRECT = {s: equal((NEUTRALINO, s % 10)) for s in SQUARKS}
WINO_DECAY = {CHARGINO: equal((NEUTRALINO, 24)), NEUTRALINO2: equal((NEUTRALINO, 23))}
GLUINO_DIRECT = {GLUINO: equal(*((NEUTRALINO, q, -q) for q in (1, 2, 3, 4)))}
_GLUINO_CHARGED = [(sign * CHARGINO, sign * down, -sign * up) for up, down in ((2, 1), (4, 3)) for sign in (1, -1)]
_GLUINO_NEUTRAL = [(NEUTRALINO2, q, -q) for q in (1, 2, 3, 4)]
GLUINO_EVENLY = WINO_DECAY | {GLUINO: equal(*_GLUINO_CHARGED, *_GLUINO_NEUTRAL)}
# Two thirds to charginos, one third to the second neutralino, as for a wino.
GLUINO_CASCADE = WINO_DECAY | {GLUINO: equal(*2 * _GLUINO_CHARGED, *_GLUINO_NEUTRAL)}
GLUINO_CHARGINO = WINO_DECAY | {GLUINO: equal(*_GLUINO_CHARGED)}
_PARTNER = {1: 2, 2: 1, 3: 4, 4: 3}
# The chargino is positive: an up squark gives it, a down squark its antiparticle.
SQUARK_CHARGED = {s: (CHARGINO if s % 2 == 0 else -CHARGINO, _PARTNER[s % 10]) for s in SQUARKS}
SQUARK_CASCADE = WINO_DECAY | {
    s: (WIDTH, [(2 / 3, SQUARK_CHARGED[s]), (1 / 3, (NEUTRALINO2, s % 10))]) for s in SQUARKS
}
SQUARK_CHARGINO = WINO_DECAY | {s: equal(SQUARK_CHARGED[s]) for s in SQUARKS}
STOP_TOP = {STOP: equal((NEUTRALINO, 6))}
STOP_MIXED = WINO_DECAY | {STOP: equal((NEUTRALINO, 6), (CHARGINO, 5))}
SBOTTOM_DIRECT = {SBOTTOM: equal((NEUTRALINO, 5))}
TO_GRAVITINO = {NEUTRALINO: equal((GRAVITINO, 22), (GRAVITINO, 23))}
HIGGSINO_DECAY = {
    n: equal((NEUTRALINO, 23), (NEUTRALINO, 25), (CHARGINO, -24), (-CHARGINO, 24)) for n in (NEUTRALINO3, NEUTRALINO4)
}
HIGGSINO_TO_Z = {n: equal((NEUTRALINO, 23)) for n in (NEUTRALINO3, NEUTRALINO4)}

# Through virtual sleptons: three leptons or neutrinos a step.
WINO_TO_LEPTONS = {
    CHARGINO: equal((NEUTRALINO, -11, 12), (NEUTRALINO, -13, 14), (NEUTRALINO, -15, 16)),
    NEUTRALINO2: equal((NEUTRALINO, 11, -11), (NEUTRALINO, 13, -13), (NEUTRALINO, 15, -15)),
}
SLEPTON_CASCADE = WINO_TO_LEPTONS | {
    s: (WIDTH, [(2 / 3, (-CHARGINO, s % 10_000 + 1)), (1 / 3, (NEUTRALINO2, s % 10_000))]) for s in SLEPTONS
}
SNEUTRINO_CASCADE = WINO_DECAY | {
    s: (WIDTH, [(2 / 3, (CHARGINO, s % 10_000 - 1)), (1 / 3, (NEUTRALINO2, s % 10_000))]) for s in SNEUTRINOS
}

# R-parity violation: lambda (L L E), lambda' (L Q D) and lambda'' (U D D) couplings.
NEUTRALINO_TDD = {NEUTRALINO: _both_charges((6, 1, 3), (6, 1, 5), (6, 3, 5))}
NEUTRALINO_TBS = {NEUTRALINO: _both_charges((6, 5, 3))}
NEUTRALINO_LQD = {
    NEUTRALINO: _both_charges(*((lepton, 2, -1) for lepton in (11, 13, 15)), *((nu, 1, -1) for nu in (12, 14, 16)))
}
GLUINO_TDD = {GLUINO: _both_charges((6, 1, 3), (6, 5, 3))}
STOP_LQD = {STOP: equal((-11, 5), (-13, 5), (-15, 5))}
SLEPTON_LLE = {s: equal((11, -14), (13, -16), (15, -12)) for s in SLEPTONS}
STAU_LQD = {STAU: equal((5, -6))}
SNEUTRINO_LLE = {s: equal((11, -13), (13, -15), (15, -11)) for s in SNEUTRINOS}


@dataclass(frozen=True, eq=False)
class Model:
    """A pair that is produced, and how it decays.

    Arguments:
        production: Pythia settings that choose the pair.
        masses: From the mass of the pair and of the lightest neutralino, and whatever else, to a table of masses.
        decays: Table of decays.
        lines: Pythia settings that force the decays of W and Z.
        branching: Their ratio, where Pythia's cross section does not carry it.
    """

    production: tuple[str, ...]
    masses: Callable[..., dict]
    decays: dict
    lines: tuple[str, ...] = ()
    branching: float = 1.0

    def job(self, name, channels, events, *masses):
        """A job for one point of the model; channels are separated by blanks."""
        spectrum = (self.masses(*masses), self.decays)
        lines = self.production + self.lines
        return Job(name, lines, tuple(channels.split()), events, branching=self.branching, spectrum=spectrum)


def _of(*codes):
    return lambda mass, lightest: _masses(codes, mass, lightest)


def _with_wino(*codes):
    return lambda mass, lightest: _masses_with_wino(codes, mass, lightest)


def _alone(*codes):
    return lambda mass: _masses(codes, mass, LIGHTEST_DECOUPLED)


def _higgsino_masses(mass, lightest):
    return {NEUTRALINO3: mass, NEUTRALINO4: mass + 10, CHARGINO: (mass + lightest) / 2, NEUTRALINO: lightest}


def _gluino_squark_masses(gluino, squark, lightest):
    return (
        _masses_with_wino((GLUINO,), gluino, lightest) | _masses_with_wino(SQUARKS, squark, lightest) | {GLUINO: gluino}
    )


LEPTONIC = W_LEPTONIC + Z_CHARGED
GLGL = Model(GLUINOS, _of(GLUINO), GLUINO_DIRECT)
GLGL_CASCADE = Model(GLUINOS, _with_wino(GLUINO), GLUINO_CASCADE)
GLGL_EVENLY = Model(GLUINOS, _with_wino(GLUINO), GLUINO_EVENLY)
GLGL_EVENLY_LEPTONIC = Model(GLUINOS, _with_wino(GLUINO), GLUINO_EVENLY, LEPTONIC)
GLGL_GRAVITINO = Model(GLUINOS, lambda m, n: {GLUINO: m, NEUTRALINO: n, GRAVITINO: 1}, GLUINO_DIRECT | TO_GRAVITINO)
GLGL_LQD = Model(GLUINOS, _of(GLUINO), GLUINO_DIRECT | NEUTRALINO_LQD)
GLGL_UDD = Model(GLUINOS, _alone(GLUINO), GLUINO_TDD)
SQSQ = Model(SQUARK_PAIR, _of(*SQUARKS), SQUARK_DIRECT)
SQSQ_CASCADE = Model(SQUARK_PAIR, _with_wino(*SQUARKS), SQUARK_CASCADE)
SQSQ_UDD = Model(SQUARK_PAIR, _of(*SQUARKS), SQUARK_DIRECT | NEUTRALINO_TDD)
GLSQ = Model(GLUINO_SQUARK, _gluino_squark_masses, GLUINO_CHARGINO | SQUARK_CHARGINO)
STST = Model(STOPS, _of(STOP), STOP_TOP)
STST_MIXED = Model(STOPS, _with_wino(STOP), STOP_MIXED)
STST_LQD = Model(STOPS, _alone(STOP), STOP_LQD)
STST_UDD = Model(STOPS, _of(STOP), STOP_TOP | NEUTRALINO_TBS)
SBSB = Model(SBOTTOMS, _of(SBOTTOM), SBOTTOM_DIRECT)
NEUTNEUT_GRAVITINO = Model(
    NEUTRALINO_PAIR, lambda m, squarks: _masses(SQUARKS, squarks, m) | {GRAVITINO: 1}, TO_GRAVITINO
)
NEUTNEUT = Model(HIGGSINO_PAIR, _higgsino_masses, HIGGSINO_DECAY | WINO_DECAY)
NEUTNEUT_LEPTONIC = Model(HIGGSINO_PAIR, _higgsino_masses, HIGGSINO_TO_Z, Z_CHARGED)
CHACHA_LEPTONIC = Model(CHARGINO_PAIR, wino, WINO_DECAY, W_LEPTONIC, W_TO_LEPTONS**2)
CHANEUT = Model(CHARGINO_NEUTRALINO, wino, WINO_DECAY)
CHANEUT_LEPTONIC = Model(CHARGINO_NEUTRALINO, wino, WINO_DECAY, LEPTONIC, W_TO_LEPTONS * Z_TO_LEPTONS)
CHANEUT_LEPTONS = Model(CHARGINO_NEUTRALINO, wino, WINO_TO_LEPTONS)
SLSL = Model(SLEPTON_PAIR, _with_wino(*SLEPTONS), SLEPTON_CASCADE)
SLSL_LLE = Model(SLEPTON_PAIR, _alone(*SLEPTONS), SLEPTON_LLE)
STAUSTAU_LQD = Model(STAU_PAIR, _alone(STAU), STAU_LQD)
SNUSNU = Model(SNEUTRINO_PAIR, _with_wino(*SNEUTRINOS), SNEUTRINO_CASCADE)
SNUSNU_LLE = Model(SNEUTRINO_PAIR, _alone(*SNEUTRINOS), SNEUTRINO_LLE)
