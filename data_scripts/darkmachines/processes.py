"""The Standard Model processes of the sample, and those that it lacks."""

from dataclasses import dataclass

from .job import decays

CHARGED_LEPTONS = "11 13 15"
LEPTONS = "11 12 13 14 15 16"
W_TO_LEPTONS, Z_TO_LEPTONS, Z_TO_NEUTRINOS = 0.3258, 0.1010, 0.2000  # PDG 2024, three flavours


@dataclass(frozen=True)
class Process:
    """A background process of seed paper Table 2.

    Arguments:
        sigma: Cross section of Table 2 in pb.
        h_t_min: The generation cut on H_T in GeV under which it is quoted; 0 for none.
        lines: Pythia settings, everything decaying freely.
        branching: Share of the decays that `lines` let happen; Table 2 has all.
        note: What is not as in the challenge.
    """

    sigma: float
    h_t_min: float
    lines: tuple[str, ...]
    branching: float = 1.0
    note: str = ""


W_LEPTONIC = decays(24, CHARGED_LEPTONS)
Z_LIGHT = decays(23, "11 13")
Z_CHARGED = decays(23, CHARGED_LEPTONS)
Z_LEPTONIC = decays(23, LEPTONS)

PROCESSES = {
    "njets": Process(19718, 600, ("HardQCD:all=on",)),
    "w_jets": Process(
        10537,
        100,
        ("WeakBosonAndParton:qqbar2Wg=on", "WeakBosonAndParton:qg2Wq=on", *W_LEPTONIC),
        W_TO_LEPTONS,
        "W + 1 parton",
    ),
    "z_jets": Process(
        3753,
        100,
        ("WeakBosonAndParton:qqbar2gmZg=on", "WeakBosonAndParton:qg2gmZq=on", "23:mMin=15", *Z_LEPTONIC),
        Z_TO_LEPTONS + Z_TO_NEUTRINOS,
        "Z/gamma* + 1 parton, neutrinos among the leptons",
    ),
    "ttbar": Process(541, 0, ("Top:gg2ttbar=on", "Top:qqbar2ttbar=on")),
    "single_top": Process(242, 0, ("Top:qq2tq(t:W)=on", "Top:ffbar2tqbar(s:W)=on"), note="single_top + single_topbar"),
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
    "ttbar in channel 2a with a third lepton of a photon": "as ttbarGam; about 2 per cent of the channel, by the one "
    "event seen in 21,000",
    "z_jets in channel 2a, w_jets and single_top in channel 2b": "a lepton of a b or c quark is needed; not generated",
}

# Z -> tau tau with both taus leptonic: Pythia's cross section knows nothing of the branching ratios of the tau.
TAUS_LEPTONIC = (*decays(23, "15"), *decays(15, "11 13"))
TAU_TO_LEPTON = 0.1782 + 0.1739  # PDG 2024
