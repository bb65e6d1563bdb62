"""The challenge's signals, to test on; those to train mixtures of theories on are in mixture.py.

A signal may have several jobs, one for each group of its channels, that force decays differently. Where W, Z or tau
are forced to leptons, Pythia's cross section carries the branching ratios for some processes; for the others
`Job.branching` does (tests/test_signal_definitions.py).
"""

import math

from . import susy
from .job import Job
from .matrix_elements import HardJob, only
from .mixture import FAMILIES, MIXTURE, family

__all__ = ["FAMILIES", "MIXTURE", "NOTES", "TEST", "family"]

INF = math.inf
# The vector mediator and its decay to dark matter alone.
INVISIBLE_MEDIATOR = ("55:oneChannel=1 1.0 103 52 -52", "55:doForceWidth=on")
# L_mu - L_tau: the 50 GeV boson decays to muons, taus and neutrinos, a third each; three-body phase space.
MU_TAU = "9000032:all=Zmutau void 3 0 0 50. 0.05 49. 51. 0."
MU_TAU_VISIBLE = (MU_TAU, "9000032:oneChannel=1 0.5 103 13 -13", "9000032:addChannel=1 0.5 103 15 -15")
MU_TAU_ALL = (
    MU_TAU,
    "9000032:oneChannel=1 0.33334 103 13 -13",
    "9000032:addChannel=1 0.33334 103 15 -15",
    "9000032:addChannel=1 0.16666 103 14 -14",
    "9000032:addChannel=1 0.16666 103 16 -16",
)
W_LIKE = ("9000024:all=Wmutau+ Wmutau- 3 3 0 80.38 2.09 60. 100. 0.", "9000024:oneChannel=1 1.0 103 -13 14 9000032")
Z_LIKE = ("9000023:all=Zmumutau void 3 0 0 91.19 2.5 70. 112. 0.", "9000023:oneChannel=1 1.0 103 -13 13 9000032")

TEST = [
    Job(
        "monojet_Zp2000.0_DM_50.0",
        ("DM:ffbar2Zp2XXj=on", "DM:qg2Zp2XXj=on", "55:m0=2000", "52:m0=50."),
        ("1", "3"),
        34_000,
        (150, INF),
    ),
    HardJob(
        "monoV_Zp2000.0_DM_1.0",
        ("55:m0=2000", "55:mWidth=60", "55:mMin=1000", "55:mMax=3000", "52:m0=1.", *INVISIBLE_MEDIATOR),
        ("3",),
        7_500,
        (200, INF),
        matrix_element="monoV",
    ),
    HardJob(
        "monotop_200_A",
        ("55:m0=200", "55:mWidth=5", "55:mMin=150", "55:mMax=250", "52:m0=50.", *INVISIBLE_MEDIATOR),
        ("1", "3"),
        25_000,
        (150, INF),
        matrix_element="monotop",
    ),
    # With its decays to neutrinos one lepton is left, which no channel takes.
    HardJob(
        "pp23mt_50",
        (*MU_TAU_VISIBLE, *W_LIKE),
        ("2a", "2b"),
        57_000,
        (70, INF),
        branching=2 / 3,
        matrix_element="W + jet",
    ),
    HardJob("pp24mt_50", (*MU_TAU_ALL, *Z_LIKE), ("2a", "2b"), 28_000, (70, INF), matrix_element="Z + jet"),
    susy.GLGL.job("glgl1400_neutralino1100", "1 3", 4_000, 1400, 1100),
    susy.GLGL.job("glgl1600_neutralino800", "1 3", 1_800, 1600, 800),
    # Half to charginos, half to the second neutralino: a W or a Z on each side.
    only(susy.GLGL_EVENLY_LEPTONIC.job("gluino_1000.0_neutralino_1.0", "2a", 10_000, 1000, 1), leptons=3),
    only(susy.GLGL_EVENLY.job("gluino_1000.0_neutralino_1.0", "2b", 5_000, 1000, 1), leptons=2),
    susy.GLGL_EVENLY.job("gluino_1000.0_neutralino_1.0", "3", 1_400, 1000, 1),
    susy.SQSQ.job("sqsq_sq1800_neut800", "1 3", 4_500, 1800, 800),
    # The neutralino decays to a top quark and two down-type quarks: neutrinos of the top are the only missing momentum.
    only(susy.SQSQ_UDD.job("sqsq1_sq1400_neut800", "1", 20_000, 1400, 800), missing=100),
    susy.SQSQ_UDD.job("sqsq1_sq1400_neut800", "3", 3_400, 1400, 800),
    susy.STST.job("stop2b1000_neutralino300", "1 3", 2_500, 1000, 300),
    susy.STST_LQD.job("stlp_st1000", "1 2b 3", 12_000, 1000),
    susy.CHANEUT_LEPTONIC.job("chaneut_cha200_neut50", "2a 2b", 8_500, 200, 50),
    susy.CHANEUT_LEPTONIC.job("chaneut_cha250_neut150", "2a 2b", 10_000, 250, 150),
    susy.CHANEUT_LEPTONIC.job("chaneut_cha300_neut100", "2a", 6_500, 300, 100),
    susy.CHANEUT_LEPTONIC.job("chaneut_cha400_neut200", "2a", 6_500, 400, 200),
    susy.CHACHA_LEPTONIC.job("chacha_cha300_neut140", "2b", 12_000, 300, 140),
    susy.CHACHA_LEPTONIC.job("chacha_cha400_neut60", "2b", 9_500, 400, 60),
    susy.CHACHA_LEPTONIC.job("chacha_cha600_neut200", "2b", 8_000, 600, 200),
]

# What was chosen where the challenge's papers leave it open, for the card.
NOTES = {
    "monojet_Zp2000.0_DM_50.0": "pT of the hard process above 150 GeV",
    "monoV_Zp2000.0_DM_1.0": "q qbar -> Z' W and Z' Z from the leading-order matrix element, pT above 200 GeV; "
    "dark matter of 1 GeV as in the public files, 50 GeV in the paper's text",
    "monotop_200_A": "u g -> t V from the leading-order matrix element, pT above 150 GeV; a vector V of 200 GeV that "
    "couples u to t (axial or vector: the same for a massless u) and decays to dark matter",
    "pp23mt_50": "W + jet, pT above 70 GeV, W -> mu nu Z' by phase space, Z' -> mu mu and tau tau alone: with "
    "neutrinos one lepton is left; times the production of one Z' a W",
    "pp24mt_50": "Z + jet, pT above 70 GeV, Z -> mu mu Z' by phase space, Z' -> mu mu, tau tau, nu nu a third each; "
    "times the production of one Z' a Z",
    "gluino_1000.0_neutralino_1.0": "gluinos to two quarks and, half and half, chargino or second neutralino of 500 "
    "GeV, these to W or Z; in 2a and 2b only events with three and two leptons from heavy decays, in 2a W and Z to "
    "leptons alone",
    "sqsq1_sq1400_neut800": "squarks to quark and neutralino, this to t and two down-type quarks (lambda''), a third "
    "each of d s, d b, s b; in channel 1 only events with more than 100 GeV of missing momentum from heavy decays",
    "stlp_st1000": "stops to b and electron, muon or tau, a third each (lambda')",
    "chaneut_cha200_neut50": "W and Z to charged leptons, as in all chaneut signals here",
    "chacha_cha300_neut140": "W to charged leptons, as in all chacha signals here",
}
