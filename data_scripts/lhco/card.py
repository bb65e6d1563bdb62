"""What the card says beside its numbers."""

import numpy as np

from . import jets, jobs, public, resolution
from .veto import EarlyVeto

COLUMNS = {
    "m_jj": "mass of the two leading jets in TeV",
    "m_j1": "mass of the lighter of the two in TeV",
    "delta_m": "mass of the heavier less that of the lighter in TeV",
    "tau21_1, tau21_2": "tau2 / (1e-5 + tau1) of the lighter and of the heavier jet",
    "precision": "kept to 2^-14 of the value",
}
SETTINGS = {
    "background": "HardQCD:all, pT-hat > 900 GeV, m-hat > 2.2 TeV",
    "signals": "W' of 3.5 TeV (width 100 GeV) to X Y, their masses in the name, else 500 and 100 GeV, their widths "
    "1 %, to quarks without bottom and top. Two prongs: Pythia's W' to Z W at those masses, so that X and Y are "
    "polarised as Z and W are. Three prongs: X and Y to three quarks, spread evenly over phase space",
    "not as by default": "no multiple interactions; final-state showers end at 1 GeV (default 0.5 GeV), to save time",
    "detector": "charged particles as tracks; photons summed in cells of "
    f"{jets.PHOTON_CELL} x {jets.PHOTON_CELL} in eta and phi, neutral hadrons in cells of "
    f"{jets.HADRON_CELL} x {jets.HADRON_CELL}; all massless, pT > {jets.PT_MIN} GeV, |eta| < {jets.ETA_MAX}; no "
    f"efficiency; jet masses smeared by {resolution.MASS:.0%}, no other smearing. The choices that came nearest to the "
    "public events",
    "jets": "anti-kt R = 1.0; the leading one has pT > 1.2 TeV; N-subjettiness with NormalizedMeasure, "
    "OnePass_WTA_KT_Axes, beta = 1, R0 = 1",
    "early veto": f"background events are dropped when the shower has come to {EarlyVeto.SCALE:g} GeV if their parton "
    "jets are far from the window: about 0.2 % of the events in background are lost by it, and 0.8 % of those in "
    "background-test and background-extra, mostly near the edges",
}
IS_NOT = [
    "the public R&D sample: that is Pythia 8 with Delphes; same cuts, resonance and features, other events",
    "complete below the cuts on the hard process: events with pT-hat of 700-900 GeV would add 3 % to the region, with "
    "features like those of the others; those with m-hat of 1.8-2.2 TeV 2 %, three-jet events with heavier jets",
    "more than leading order: dijets with showers; no top pairs, no W or Z with jets, no pile-up, no trigger",
    "normalised in its signals: inject as many events as the study asks for",
    "for one study after another without end: what is drawn twice is not independent",
]
SIGNAL_OVER_BACKGROUND = 0.0064  # of the published benchmark


def card(samples, studies, rows, processes, versions):
    """The card of the sample.

    Arguments:
        samples: Tables by name.
        studies: Tables of the small runs with multiple interactions, inside the region, by name.
        rows: Files by name.
        processes: One row a run.
        versions: Of the generators.
    """
    return {
        "title": "LHC Olympics-like dijets: QCD, and a resonance of 3.5 TeV",
        "licence": "CC-BY-4.0",
        "generator": "Pythia 8, leading order with parton shower and hadronisation, 13 TeV, no multiple interactions",
        "version": versions,
        "seeds": "from the name of each run and the number of its chunk: see data_scripts/lhco",
        "columns": COLUMNS,
        "settings": SETTINGS,
        "signal_region_tev": list(jobs.REGION),
        "benchmark": _benchmark(rows["background"]["inside_region"]),
        "parts": "background (the data), background-test, background-extra and blackbox are separate runs: no event is "
        "in two. Inside and outside of background are one run of one luminosity",
        "processes": processes,
        "beside_the_public_sample": _comparison(samples, studies),
        "samples": rows,
        "is_not": IS_NOT,
    }


def _benchmark(background):
    signal = round(SIGNAL_OVER_BACKGROUND * background)
    return {
        "background inside": background,
        "signal inside for S/B = 0.64 %": signal,
        "S/sqrt(B)": signal / float(np.sqrt(background)),
    }


def _comparison(samples, studies):
    """Quantiles inside the region, of the public events, ours, and ours with multiple interactions."""
    rows = []
    for name, study, published in (
        ("background-test", "background-test-mpi", public.BACKGROUND),
        ("signal", "signal-mpi", public.SIGNAL),
    ):
        ours = samples[name][samples[name]["m_jj"].between(*jobs.REGION)]
        for feature, quantiles in published.items():
            rows.append(
                {
                    "feature": f"{feature}, {name.split('-')[0]}",
                    "quantiles_public": list(quantiles),
                    "quantiles_here": _quantiles(ours[feature]),
                    "with_multiple_interactions": _quantiles(studies[study][feature]),
                }
            )
    return rows


def _quantiles(values):
    return [round(float(q), 3) for q in np.quantile(values, public.QUANTILES)]
