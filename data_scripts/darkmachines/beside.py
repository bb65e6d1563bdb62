"""Our monojet signal beside the challenge's own file of it: `python -m data_scripts.darkmachines.beside`.

It is the one genuine file at hand, below the folder that DMLIB_TEST_DATA names. Writes `beside.json`, which the page
about the data shows, and its figure.
"""

import os
from pathlib import Path

import awkward as ak
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

from data_scripts.files import write_card
from dmlib import channels, compute, events, features, metrics

from . import plots

NAME = "monojet_Zp2000.0_DM_50.0"
H_T_EDGES = (600, 677, 791, 991, 1470, np.inf)  # a fifth of the genuine events in each
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
SEED = 20260107


def genuine(folder):
    """The challenge's events."""
    return events.read_csv(Path(folder) / "darkmachines" / f"{NAME}_chan3.csv")


def balance(sample, met):
    """Sum of the missing momentum and all objects in GeV, along and across the leading jet.

    Arguments:
        met: Its magnitude; its direction is the measured one.
    """
    lead = channels.jets(sample).phi[:, 0].to_numpy()
    phi = sample.met_phi.to_numpy() - lead
    pt, angle = sample.objects.pt, sample.objects.phi - lead
    along = met * np.cos(phi) + ak.sum(pt * np.cos(angle), axis=1)
    return np.asarray(along), np.asarray(met * np.sin(phi) + ak.sum(pt * np.sin(angle), axis=1))


def half_width(values):
    """Half of the range that holds the middle 68 %."""
    return float(np.diff(np.quantile(values, (0.16, 0.84)))[0] / 2)


def widths(theirs, ours):
    """Half-widths of the balance in bins of H_T: (whose, along or across the leading jet) -> one a bin."""
    pairs = {"genuine": (theirs, theirs.met), "measured here": (ours, ours.met), "true here": (ours, ours.met_true)}
    found = {}
    for whose, (sample, met) in pairs.items():
        place = np.digitize(channels.h_t(sample), H_T_EDGES) - 1
        for side, component in zip(("along", "across"), balance(sample, met.to_numpy()), strict=True):
            found[whose, side] = [half_width(component[place == i]) for i in range(len(H_T_EDGES) - 1)]
    del found["true here", "across"]  # its direction is not stored
    return found


def quantities(sample):
    """What is compared: name -> one value for each event, or for each event that has it."""
    jets = channels.jets(sample)
    jets = jets[ak.argsort(jets.pt, axis=1, ascending=False)]
    found = {
        "missing momentum": sample.met,
        "H_T": channels.h_t(sample),
        "jets": ak.num(jets),
        "b-jets": ak.sum(jets.kind == "b", axis=1),
        "photons": ak.sum(sample.objects.kind == "g", axis=1),
        "H_T over missing momentum": channels.h_t(sample) / sample.met,
        "balance along the leading jet": balance(sample, sample.met.to_numpy())[0],
        "angle of missing momentum and leading jet": abs(_angle(sample.met_phi - jets.phi[:, 0])),
    }
    for i, name in enumerate(("leading", "second", "third", "fourth")):
        jet = jets[ak.num(jets) > i][:, i]
        found[f"pT of the {name} jet"] = jet.pt
        if i < 2:
            found[f"|eta| of the {name} jet"] = abs(jet.eta)
            found[f"mass over pT of the {name} jet"] = np.maximum(jet.mass, 0) / jet.pt
    return {name: np.asarray(values, float) for name, values in found.items()}


def _angle(difference):
    return np.mod(difference + np.pi, 2 * np.pi) - np.pi


def comparison(theirs, ours):
    """Rows of the card: each quantity's quantiles, and how well it tells the two samples apart."""
    rows, a, b = [], quantities(theirs), quantities(ours)
    for name in a:
        area = metrics.auc(a[name], b[name])
        test = ks_2samp(a[name], b[name])
        rows.append(
            {
                "quantity": name,
                "quantiles_genuine": [round(float(q), 2) for q in np.quantile(a[name], QUANTILES)],
                "quantiles_here": [round(float(q), 2) for q in np.quantile(b[name], QUANTILES)],
                "AUC": max(area, 1 - area),
                "KS_distance": float(test.statistic),
                "KS_p_value": float(test.pvalue),
            }
        )
    return sorted(rows, key=lambda row: -row["AUC"])


def _auc_of_trees(a, b, a_weights):
    """AUC of gradient boosting that tells two tables apart, each event scored by trees that never saw it; its error."""
    X = pd.concat([a, b], ignore_index=True).to_numpy()
    y, weights = np.repeat([0, 1], [len(a), len(b)]), np.concatenate([a_weights, np.ones(len(b))])
    score = np.empty(len(X))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=SEED).split(X, y):
        trees = HistGradientBoostingClassifier(learning_rate=0.05, max_leaf_nodes=15, random_state=SEED)
        score[test] = trees.fit(X[train], y[train], weights[train]).predict_proba(X[test])[:, 1]
    merits = metrics.figures_of_merit(score[y == 0], score[y == 1], weights[y == 0], seed=compute.stream(SEED))
    return {"AUC": float(merits.loc["AUC", "value"]), "error": float(merits.loc["AUC", "error"])}


def classifiers(theirs, ours):
    """Rows of the card: classifier two-sample tests, on all that an encoding keeps and on fewer differences."""
    n = [np.minimum(ak.num(channels.jets(s)).to_numpy(), 9) for s in (theirs, ours)]
    share = [np.bincount(counts, minlength=10) / len(counts) for counts in n]
    alike = np.divide(share[1], share[0], out=np.zeros(10), where=share[0] > 0)[n[0]]
    equal = np.ones(len(theirs))
    high = [pd.DataFrame({k: v for k, v in quantities(s).items() if len(v) == len(s)}) for s in (theirs, ours)]
    every = [features.by_kind(s) for s in (theirs, ours)]
    return [
        {"columns": "85 by kind", "genuine events weighted": "no"} | _auc_of_trees(*every, equal),
        {"columns": "85 by kind", "genuine events weighted": "to our number of jets"} | _auc_of_trees(*every, alike),
        {"columns": "the quantities above that every event has", "genuine events weighted": "no"}
        | _auc_of_trees(*high, equal),
    ]


def main(folder="dmlib/data/darkmachines"):
    if "DMLIB_TEST_DATA" not in os.environ:
        raise SystemExit(
            "DMLIB_TEST_DATA: not set; expected the folder of genuine public files, with darkmachines in it"
        )
    theirs = genuine(os.environ["DMLIB_TEST_DATA"])
    ours = events.read_parquet(Path(folder) / "3" / f"{NAME}.parquet")
    found = widths(theirs, ours)
    low = [f"H_T from {edge:g}" for edge in H_T_EDGES[:-1]]
    card = {
        "events": {"genuine": len(theirs), "here": len(ours)},
        "balance_GeV": [
            {"balance of": f"{who}, {side}"} | dict(zip(low, w, strict=True)) for (who, side), w in found.items()
        ],
        "comparison": comparison(theirs, ours),
        "classifiers": classifiers(theirs, ours),
    }
    write_card(card, Path(folder) / "beside.json")
    plots.balance(found, H_T_EDGES)


if __name__ == "__main__":
    main()
