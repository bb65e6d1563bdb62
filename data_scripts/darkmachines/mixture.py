"""Signals to train mixtures of theories on: the families of the mixture paper as far as Pythia makes them."""

from . import susy
from .job import Job, decays
from .processes import TAU_TO_LEPTON

TAU_LEPTONIC = decays(15, "11 13")
SEESAW_LEPTONS = ("-11 -13", "-11 -15", "-13 -15")
HIGGS = ("Higgs:useBSM=on",)


# Family (what a signal's name begins with) -> what it is.
FAMILIES = {
    "HH": "pairs of charged Higgs bosons; below the top quark's mass to tau and neutrino, above it to t b",
    "hh": "pairs of neutral Higgs bosons to W pairs; produced as q qbar -> Z* -> A H, both sent to W W",
    "AA": "pairs of neutral Higgs bosons to b quarks (8 in 9) or taus; produced as q qbar -> Z* -> A H",
    "glgl": "gluino pairs; each to two quarks and chargino (2/3) or second neutralino (1/3), these to W or Z",
    "sqsq_sq": "squark pairs; each to a quark and chargino (2/3) or second neutralino (1/3), these to W or Z",
    "glsq": "gluino and squark; each to quarks and a chargino, this to W",
    "stop": "stop pairs, each to t and neutralino",
    "stopjets": "stop pairs; each to t and neutralino (1/2) or b and chargino (1/2), this to W",
    "sbottom": "sbottom pairs, each to b and neutralino",
    "gmsb_glgl": "gluino pairs to quarks and neutralinos, these to gravitino and photon (1/2) or Z (1/2)",
    "gmsb_neutneut": "neutralino pairs, each to gravitino and photon (1/2) or Z (1/2)",
    "slsl_slep": "slepton pairs to charginos and second neutralinos, which decay to leptons",
    "snusnu_snu": "sneutrino pairs to lepton and chargino (2/3) or neutrino and second neutralino (1/3), these to "
    "W or Z; the paper's decay to neutrino and neutralino is invisible",
    "neutneut_neut": "higgsino pairs (third and fourth neutralino), each to Z, h or W and chargino",
    "neutneutlep_neut": "higgsino pairs, each to a Z that decays to charged leptons",
    "chachalep_cha": "chargino pairs to W that decay to charged leptons",
    "chaneut_cha": "chargino and second neutralino to W and Z",
    "chaneutlep_cha": "chargino and second neutralino, which decay to leptons in three-body decays",
    "gllp_gl": "gluino pairs to quarks and neutralinos, these to a lepton or neutrino and two quarks (lambda')",
    "gllpp_gl": "gluino pairs, each to t and two down-type quarks (lambda'')",
    "stlp_st": "stop pairs, each to b and a charged lepton, flavours equal (lambda')",
    "stlpp_st": "stop pairs to t and neutralino, this to t b s (lambda'')",
    "sll_sl": "slepton pairs, each to a charged lepton and a neutrino (lambda)",
    "sllp_sl": "stau pairs, each to b and t (lambda'; with light quarks nothing passes a channel)",
    "snul_snu": "sneutrino pairs, each to two charged leptons of different flavours (lambda)",
    "Wprime": "W' to W Z with leptons (lighter) or to t b (heavier)",
    "LReff": "right-handed W to lepton and heavy neutrino (the two masses), this to a lepton and two quarks",
    "type2seesaw": "pairs of doubly charged scalars to unlike lepton pairs, or to W pairs (WW)",
    "btzp": "Z' with vector couplings to b and t alone, from b quarks in the proton",
}


def _decaying_to(code, mass, *channels):
    """Settings for one Higgs boson: its mass and its decays, equally often."""
    first, *rest = (f"Channel=1 {1 / len(channels):.5f} 100 {products}" for products in channels)
    return (f"{code}:m0={mass}", f"{code}:one{first}", *(f"{code}:add{c}" for c in rest))


def _charged_higgs(mass, *channels):
    return ("HiggsBSM:ffbar2H+H-=on", *HIGGS, *_decaying_to(37, mass, *channels))


def _neutral_higgs(mass, *channels):
    return ("HiggsBSM:ffbar2A3H2=on", *HIGGS, *_decaying_to(35, mass, *channels), *_decaying_to(36, mass, *channels))


def _seesaw(mass, *channels):
    return ("LeftRightSymmmetry:ffbar2HLHL=on", *_decaying_to(9900041, mass, *channels))


def _w_prime(mass, *products):
    return ("NewGaugeBoson:ffbar2Wprime=on", f"34:m0={mass}", "Wprime:coup2WZ=1.", *decays(34, *products))


def _left_right(mass, neutrino):
    return (
        "LeftRightSymmmetry:ffbar2WR=on",
        f"9900024:m0={mass}",
        *(f"99000{n}:m0={neutrino}" for n in (12, 14, 16)),
        *decays(9900024, "9900012 9900014 9900016"),
    )


def _b_philic(mass):
    light = (f"Zprime:{c}{f}=0." for c in "va" for f in ("d", "u", "s", "c", "e", "mu", "tau", "nue", "numu", "nutau"))
    third = (f"Zprime:{c}{f}={v}" for f in "bt" for c, v in (("v", 1.0), ("a", 0.0)))
    return (
        "NewGaugeBoson:ffbar2gmZZprime=on",
        "Zprime:gmZmode=3",
        "Zprime:universality=off",
        f"32:m0={mass}",
        f"PhaseSpace:mHatMin={0.5 * mass}",
        *light,
        *third,
    )


MIXTURE = [
    Job("HH_150", (*_charged_higgs(150, "-15 16"), *TAU_LEPTONIC), ("2b",), 8_000, branching=TAU_TO_LEPTON**2),
    Job("HH_400", _charged_higgs(400, "-5 6"), ("3",), 5_000),
    Job("HH_754", _charged_higgs(754, "-5 6"), ("3",), 2_700),
    Job("hh_500", _neutral_higgs(500, "24 -24"), ("1", "2b", "3"), 7_500),
    Job("hh_1000", _neutral_higgs(1000, "24 -24"), ("1", "2b", "3"), 6_800),
    Job("AA_600", _neutral_higgs(600, *8 * ("5 -5",), "15 -15"), ("3",), 3_500),
    Job("AA_924", _neutral_higgs(924, *8 * ("5 -5",), "15 -15"), ("3",), 2_700),
    susy.GLGL_CASCADE.job("glgl_1178", "1 3", 1_900, 1178, 100),
    susy.GLGL_CASCADE.job("glgl_1741", "1 3", 1_700, 1741, 200),
    susy.GLGL_CASCADE.job("glgl_2088", "1 3", 1_600, 2088, 500),
    susy.SQSQ_CASCADE.job("sqsq_sq766", "1 3", 3_000, 766, 249),
    susy.SQSQ_CASCADE.job("sqsq_sq1200", "1 3", 2_000, 1200, 400),
    susy.GLSQ.job("glsq_1366_1562", "1 3", 1_800, 1366, 1562, 299),
    susy.GLSQ.job("glsq_2000_1700", "1 3", 1_700, 2000, 1700, 600),
    susy.STST.job("stop_365", "3", 6_000, 365, 50),
    susy.STST.job("stop_846", "1 3", 4_500, 846, 500),
    susy.STST_MIXED.job("stopjets_600", "1 3", 4_200, 600, 100),
    susy.STST_MIXED.job("stopjets_845", "1 3", 2_200, 845, 249),
    susy.SBSB.job("sbottom_681", "1 3", 5_000, 681, 300),
    susy.SBSB.job("sbottom_1100", "1 3", 3_100, 1100, 326),
    susy.GLGL_GRAVITINO.job("gmsb_glgl_1600", "1 3", 2_300, 1600, 500),
    susy.GLGL_GRAVITINO.job("gmsb_glgl_2400", "1 3", 2_100, 2400, 721),
    susy.NEUTNEUT_GRAVITINO.job("gmsb_neutneut_400", "3", 4_800, 400, 2000),
    susy.NEUTNEUT_GRAVITINO.job("gmsb_neutneut_721", "3", 3_300, 721, 2000),
    susy.SLSL.job("slsl_slep400", "2a 2b", 5_000, 400, 150),
    susy.SLSL.job("slsl_slep700", "2a 2b", 4_200, 700, 399),
    susy.SNUSNU.job("snusnu_snu450", "2b 3", 6_500, 450, 50),
    susy.SNUSNU.job("snusnu_snu700", "2b 3", 3_800, 700, 200),
    susy.NEUTNEUT.job("neutneut_neut510", "3", 2_800, 510, 99),
    susy.NEUTNEUT.job("neutneut_neut923", "1 3", 3_300, 923, 97),
    susy.NEUTNEUT_LEPTONIC.job("neutneutlep_neut400", "2a 2b", 3_200, 400, 150),
    susy.NEUTNEUT_LEPTONIC.job("neutneutlep_neut616", "2a 2b", 3_200, 616, 399),
    susy.CHACHA_LEPTONIC.job("chachalep_cha510", "2b", 8_000, 510, 99),
    susy.CHACHA_LEPTONIC.job("chachalep_cha751", "2b", 7_000, 751, 495),
    susy.CHANEUT.job("chaneut_cha600", "3", 3_600, 600, 50),
    susy.CHANEUT.job("chaneut_cha867", "3", 2_000, 867, 97),
    susy.CHANEUT_LEPTONS.job("chaneutlep_cha363", "2a 2b", 6_800, 363, 197),
    susy.CHANEUT_LEPTONS.job("chaneutlep_cha700", "2a 2b", 4_300, 700, 297),
    susy.GLGL_LQD.job("gllp_gl1200", "3", 2_000, 1200, 400),
    susy.GLGL_LQD.job("gllp_gl1800", "3", 2_000, 1800, 200),
    susy.GLGL_UDD.job("gllpp_gl1000", "3", 3_100, 1000),
    susy.GLGL_UDD.job("gllpp_gl1500", "3", 2_500, 1500),
    susy.STST_LQD.job("stlp_st560", "2b 3", 8_000, 560),
    susy.STST_LQD.job("stlp_st1560", "1 2b 3", 7_500, 1560),
    susy.STST_UDD.job("stlpp_st800", "3", 2_400, 800, 300),
    susy.STST_UDD.job("stlpp_st1200", "3", 2_000, 1200, 600),
    susy.SLSL_LLE.job("sll_sl350", "2b", 7_200, 350),
    susy.SLSL_LLE.job("sll_sl600", "2b", 5_200, 600),
    susy.STAUSTAU_LQD.job("sllp_sl400", "3", 4_800, 400),
    susy.STAUSTAU_LQD.job("sllp_sl583", "3", 3_200, 583),
    susy.SNUSNU_LLE.job("snul_snu250", "2a 2b", 4_500, 250),
    susy.SNUSNU_LLE.job("snul_snu475", "2a 2b", 3_000, 475),
    Job("Wprime_500", (*_w_prime(500, "23"), *susy.LEPTONIC), ("2a", "2b"), 5_000),
    Job("Wprime_700", (*_w_prime(700, "23"), *susy.LEPTONIC), ("2a", "2b"), 4_300),
    Job("Wprime_2000", _w_prime(2000, "6"), ("3",), 3_300),
    Job("LReff_2000_500", _left_right(2000, 500), ("3",), 4_800),
    Job("LReff_3000_1500", _left_right(3000, 1500), ("3",), 3_000),
    Job("type2seesaw_300", _seesaw(300, *SEESAW_LEPTONS), ("2a", "2b"), 4_200),
    Job("type2seesaw_600", _seesaw(600, *SEESAW_LEPTONS), ("2a", "2b"), 3_000),
    Job("type2seesaw_350_WW", _seesaw(350, "24 24"), ("3",), 4_800),
    Job("type2seesaw_500_WW", _seesaw(500, "24 24"), ("2b", "3"), 7_200),
    Job("btzp_1500", _b_philic(1500), ("3",), 4_200),
    Job("btzp_2500", _b_philic(2500), ("3",), 2_900),
]


def family(name):
    """The family of a signal of the mixture."""
    return max((f for f in FAMILIES if name.startswith(f)), key=len)
