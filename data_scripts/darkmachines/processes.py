"""What is generated: the Standard Model processes and the signals, as jobs for Pythia."""

import math
from dataclasses import dataclass

CHARGED_LEPTONS = "11 13 15"
LEPTONS = "11 12 13 14 15 16"


@dataclass(frozen=True, eq=False)  # spectra are no hashable values; a job is itself
class Job:
    """One Pythia run: a process in one slice of its transverse momentum, for the channels it is kept for.

    Arguments:
        process: Name in the sample.
        lines: Pythia settings.
        channels: Channels that keep events of this job; none for a job that only measures a cross section.
        events: Events to generate.
        pt_hat: Slice of the hard process's transverse momentum in GeV.
        variant: Tells apart jobs of one process and slice that force different decays.
        branching: Ratio of forced decays that Pythia's cross section does not carry.
        spectrum: Arguments of `slha.write`, for SUSY.
    """

    process: str
    lines: tuple[str, ...]
    channels: tuple[str, ...]
    events: int
    pt_hat: tuple[float, float] = (0.0, math.inf)
    variant: str = ""
    branching: float = 1.0
    spectrum: tuple = ()

    @property
    def name(self):
        low, high = self.pt_hat
        return f"{self.process}{self.variant}-{''.join(self.channels) or 'total'}-{low:.0f}-{high:.0f}"


@dataclass(frozen=True)
class Process:
    """A background process of seed paper Table 2.

    Arguments:
        sigma: Cross section of Table 2 in pb.
        h_t_min: The generation cut on H_T in GeV under which it is quoted; 0 for none.
        lines: Pythia settings, everything decaying freely.
        note: What is not as in the challenge.
    """

    sigma: float
    h_t_min: float
    lines: tuple[str, ...]
    note: str = ""


def _decays(boson, *products):
    return (f"{boson}:onMode=off", f"{boson}:onIfAny={' '.join(products)}")


W_LEPTONIC = _decays(24, CHARGED_LEPTONS)
Z_LIGHT = _decays(23, "11 13")
Z_CHARGED = _decays(23, CHARGED_LEPTONS)
Z_LEPTONIC = _decays(23, LEPTONS)

PROCESSES = {
    "njets": Process(19718, 600, ("HardQCD:all=on",)),
    "w_jets": Process(
        10537, 100, ("WeakBosonAndParton:qqbar2Wg=on", "WeakBosonAndParton:qg2Wq=on", *W_LEPTONIC), "W + 1 parton"
    ),
    "z_jets": Process(
        3753,
        100,
        ("WeakBosonAndParton:qqbar2gmZg=on", "WeakBosonAndParton:qg2gmZq=on", "23:mMin=15", *Z_LEPTONIC),
        "Z/gamma* + 1 parton, neutrinos among the leptons",
    ),
    "ttbar": Process(541, 0, ("Top:gg2ttbar=on", "Top:qqbar2ttbar=on")),
    "single_top": Process(242, 0, ("Top:qq2tq(t:W)=on", "Top:ffbar2tqbar(s:W)=on"), "single_top + single_topbar"),
    "ww": Process(82.1, 0, ("WeakDoubleBoson:ffbar2WW=on",)),
    "zw": Process(31.6, 0, ("WeakDoubleBoson:ffbar2ZW=on",)),
    "zz": Process(9.91, 0, ("WeakDoubleBoson:ffbar2gmZgmZ=on", "23:mMin=15")),
    "ttbarHiggs": Process(0.46, 0, ("HiggsSM:gg2Httbar=on", "HiggsSM:qqbar2Httbar=on")),
}

# Table 2's other processes, and why they are not here.
MISSING = {
    "wtop, wtopbar, ttbarZ, ttbarW, 4top, ttbarWW, ztop, ztopbar, atop, atopbar, ttbarGam": "no process in Pythia",
    "gam_jets, 2gam, Wgam, Zgam": "below one per cent of channels 1, 2b and 3 in trial runs; no third lepton for 2a",
    "single_higgs": "below 0.1 per cent of channels 1, 2b and 3, about 2 per cent of channel 2a in a trial run",
    "z_jets in channel 2a, w_jets and single_top in channel 2b": "a lepton of a b or c quark is needed; not generated",
}


def _sliced(process, channels, edges, events, decays=(), variant="", branching=1.0):
    slices = zip(edges[:-1], edges[1:], events, strict=True)
    lines = PROCESSES[process].lines + decays
    return [Job(process, lines, channels, n, (low, high), variant, branching) for low, high, n in slices]


INF = math.inf
# Z -> tau tau with both taus leptonic: Pythia's cross section knows nothing of the branching ratios of the tau.
TAUS_LEPTONIC = (*_decays(23, "15"), *_decays(15, "11 13"))
TAU_TO_LEPTON = 0.1782 + 0.1739  # PDG 2024
BACKGROUND = [
    *_sliced("njets", ("1", "3"), (200, 300, 400, 600, 900, INF), (80_000, 60_000, 60_000, 40_000, 20_000)),
    *_sliced("w_jets", (), (20, 100), (8_000,)),
    *_sliced("w_jets", ("1", "3"), (100, 200, 300, 450, 700, INF), (15_000, 40_000, 25_000, 9_000, 3_000)),
    *_sliced("z_jets", (), (20, 100), (8_000,)),
    *_sliced("z_jets", ("1", "3"), (100, 200, 300, 450, 700, INF), (10_000, 30_000, 18_000, 7_000, 2_500)),
    *_sliced("z_jets", ("2b",), (20, 50, 100, 200, INF), (20_000, 40_000, 40_000, 10_000), Z_LIGHT, "-ee-mumu"),
    *_sliced(
        "z_jets",
        ("2b",),
        (20, 50, 100, 200, INF),
        (10_000, 30_000, 10_000, 3_000),
        TAUS_LEPTONIC,
        "-tautau",
        TAU_TO_LEPTON**2,
    ),
    *_sliced("ttbar", (), (0, INF), (1_000,)),
    *_sliced("ttbar", ("1", "3"), (0, 100, 200, 350, 550, INF), (20_000, 25_000, 30_000, 12_000, 5_000)),
    *_sliced("ttbar", ("2a",), (0, INF), (200_000,), W_LEPTONIC),
    *_sliced("ttbar", ("2b",), (0, INF), (30_000,), W_LEPTONIC),
    *_sliced("single_top", ("1", "3"), (0, 80, 200, INF), (10_000, 15_000, 15_000)),
    *_sliced("ww", (), (0, INF), (500,)),
    *_sliced("ww", ("2b",), (0, 80, 200, INF), (12_000, 5_000, 3_000), W_LEPTONIC),
    *_sliced("zw", (), (0, INF), (500,)),
    *_sliced("zw", ("2a", "2b"), (0, 80, 200, INF), (30_000, 8_000, 5_000), Z_CHARGED + W_LEPTONIC),
    *_sliced("zz", (), (0, INF), (500,)),
    *_sliced("zz", ("2a", "2b"), (0, 80, 200, INF), (10_000, 5_000, 3_000), Z_LEPTONIC),
    *_sliced("ttbarHiggs", (), (0, INF), (500,)),
    *_sliced("ttbarHiggs", ("2a",), (0, INF), (6_000,), W_LEPTONIC),
]

GLUINOS = ("SUSY:gg2gluinogluino=on", "SUSY:qqbar2gluinogluino=on")
STOPS = ("SUSY:gg2squarkantisquark=on", "SUSY:qqbar2squarkantisquark=on", "SUSY:idA=1000006")
CHARGINO_NEUTRALINO = ("SUSY:qqbar2chi+-chi0=on", "SUSY:idA=1000024", "SUSY:idB=1000023")
CHARGINO_PAIR = ("SUSY:qqbar2chi+chi-=on", "SUSY:idA=1000024", "SUSY:idB=1000024", *W_LEPTONIC)

GLUINO_DECAY = {1000021: (0.1, [(0.25, (1000022, q, -q)) for q in (1, 2, 3, 4)])}
WINO_DECAY = {1000024: (0.1, [(1.0, (1000022, 24))]), 1000023: (0.1, [(1.0, (1000022, 23))])}
STOP_DECAY = {1000006: (1.0, [(1.0, (1000022, 6))])}
STOP_RPV = {1000006: (1.0, [(0.5, (-11, 5)), (0.5, (-13, 5))])}


def _susy(name, channels, events, lines, masses, decays, rpv=False):
    return Job(name, lines, channels, events, spectrum=(masses, decays, rpv))


LEPTONIC = W_LEPTONIC + Z_CHARGED
SIGNALS = [
    Job(
        "monojet_Zp2000.0_DM_50.0",
        ("DM:ffbar2Zp2XXj=on", "DM:qg2Zp2XXj=on", "55:m0=2000", "52:m0=50."),
        ("1", "3"),
        16_000,
        (150, INF),
    ),
    _susy("glgl1400_neutralino1100", ("1", "3"), 5_000, GLUINOS, {1000021: 1400, 1000022: 1100}, GLUINO_DECAY),
    _susy("glgl1600_neutralino800", ("1", "3"), 2_500, GLUINOS, {1000021: 1600, 1000022: 800}, GLUINO_DECAY),
    _susy("stop2b1000_neutralino300", ("1", "3"), 3_500, STOPS, {1000006: 1000, 1000022: 300}, STOP_DECAY),
    _susy("stlp_st1000", ("2b", "3"), 8_000, STOPS, {1000006: 1000, 1000022: 4000}, STOP_RPV, True),
    _susy(
        "chaneut_cha200_neut50", ("2a", "2b"), 12_000, CHARGINO_NEUTRALINO + LEPTONIC,
        {1000024: 200, 1000023: 200, 1000022: 50}, WINO_DECAY,
    ),
    _susy(
        "chaneut_cha250_neut150", ("2a", "2b"), 12_000, CHARGINO_NEUTRALINO + LEPTONIC,
        {1000024: 250, 1000023: 250, 1000022: 150}, WINO_DECAY,
    ),
    _susy("chacha_cha300_neut140", ("2b",), 16_000, CHARGINO_PAIR, {1000024: 300, 1000022: 140}, WINO_DECAY),
    _susy("chacha_cha600_neut200", ("2b",), 10_000, CHARGINO_PAIR, {1000024: 600, 1000022: 200}, WINO_DECAY),
]  # fmt: skip
