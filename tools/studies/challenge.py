"""`make challenge`: the challenge's models on all signals and blind sets of all channels, trained on our events.

By default some 60 of the 1,048 models, one of each family of table 5 at least, with small networks and short trainings.
`CHALLENGE=all make challenge` trains all of them with the published settings, for which one wants a GPU or a cluster
(`DMLIB_SCHEDULER`); what is done is kept, so that either goes on where it was stopped.
"""

import math
import os
import re
import tempfile
from typing import Any

import awkward as ak
import numpy as np
from sklearn.base import clone

from dmlib import challenge, compute, detectors, features, models, samples
from dmlib.challenge import CUTS, Channel
from dmlib.detectors.combine import COMBINATIONS
from dmlib.detectors.svdd import TARGETS
from tools import studies
from tools.studies.outliers import CHANNELS, LARGE, SHARE, Score

SIZES = ("hidden", "width", "bins", "transforms", "recipe", "bandwidth", "engine", "centres")
COMBINED = {  # first parts of the challenge's combinations with the flow
    "DeepSVDD": [f"DeepSVDD_C{target}_d21" for target in TARGETS],
    "VAE_beta1_z21": ["VAE-static-beta1-z21_Radius"],
}
FLOW = "Flow-Efficient_Likelihood"
CEILING = "trees on half of the signal"
FAMILIES = {  # a name of table 5 -> what the names of its models begin with
    "SimpleAE": "SimpleAE",
    "VAEs": "VAE-",
    "DeepSetVAE": "DeepSetVAE",
    "ConvVAE": "VAE_NoF",
    "Planar": "VAE_PlanarFlow",
    "SNF": "VAE_(Orthogonal|Householder|Triangular)SNF",
    "IAF": "VAE_IAF",
    "ConvF": "VAE_ConvolutionalFlow",
    "CNN": "CNN_",
    "KDE": "KDE_",
    "Flow": "Flow-",
    "Deep SVDD": "DeepSVDD_",
    "Combined": "Combined-",
    "DAGMM": "DAGMM_",
    "ALAD": "ALAD_",
    "Latent": "LS_",
}
SUBSET = [
    "SimpleAE",
    *(f"VAE-static-beta{beta}-z13_{score}" for beta in ("0.001", "0.1", "1") for score in ("RL", "Radius")),
    "VAE-static-beta1-z21_Radius",
    "VAE-dynamic-beta0.001-z13_RL",
    "VAE-dynamic-beta1-z21_Radius",
    *(f"DeepSetVAE_beta_{name}" for name in ("0.001_weight_1.0", "0.001_weight_10.0", "1.0_weight_1.0")),
    *(f"VAE_{flow}" for flow in ("NoF", "PlanarFlow", "OrthogonalSNF", "HouseholderSNF", "TriangularSNF", "IAF")),
    "VAE_ConvolutionalFlow",
    "CNN_BVAE",
    *(f"KDE_PCA_D={d}" for d in (2, 4, 6, 10)),
    "KDE_VAE_b=1e-3_D=6",
    FLOW,
    "Flow-Efficient-No-E_Likelihood",
    *(f"DeepSVDD_C{target}_d21" for target in (0, 1, 10, 25)),
    "DeepSVDD_C10_d5",
    "DeepSVDD_Reduced_d21",
    "DeepSVDD_Reduced_d89",
    *(f"Combined-{how}-{first}-Flow" for first in COMBINED for how in COMBINATIONS),
    *(f"DAGMM_{d}_1e-06_500_0.001_0.001_50_10_4" for d in (10, 20)),
    "DAGMM_10_1e-06_500_0.01_0.01_50_15_8",
    *(f"ALAD_ld10_lr1e-5_bs500_epoch2000_enc512_{score}" for score in ("L_1", "L_2", "L_sc", "F_sc")),
    *(f"LS_{method}_13_1.0_1000" for method in ("VAE", "IF", "GMM", "KMeans", "AE", "AND", "OR", "Product", "Average")),
    "LS_IF_13_1e-05_1000",
]


def family(model: str) -> str:
    """The family of table 5 that a model belongs to; "cut" or "ceiling" where it is none of the challenge's."""
    if model in CUTS or model == CEILING:
        return "cut" if model in CUTS else "ceiling"
    return next(name for name, start in FAMILIES.items() if re.match(start, model))


def quick(detector: detectors.Detector) -> detectors.Detector:
    """The same model with the sizes and the training of the quick settings, which `dmlib.detectors` has by default."""
    default = type(detector)().get_params(deep=False)
    small = {name: default[name] for name in SIZES if name in default}
    inner = {
        name: quick(part)
        for name, part in detector.get_params(deep=False).items()
        if isinstance(part, detectors.Detector)
    }
    return clone(detector).set_params(**small, **inner)


def trained(model: str, channel: Channel, item: dict) -> Score:
    """The score of a model that has learnt a channel's background."""
    if model.startswith("Combined-"):
        return combined(model, channel, item)
    encode, detector = detectors.grid(channel.name)[model]
    detector: Any = detector if item["published"] else quick(detector)
    seed = compute.seed(item["seed"], item["model"], model, channel.name)
    detector.set_params(**{name: seed for name in detector.get_params() if name.endswith("random_state")})
    if channel.name in LARGE and not item["published"]:
        recipes = {name: r for name, r in detector.get_params().items() if name.endswith("recipe") and r}
        detector.set_params(**{name: r.replace(epochs=math.ceil(SHARE * r.epochs)) for name, r in recipes.items()})
    detector.fit(encode(channel.background))
    return lambda events: detector.anomaly_score(encode(events))


def combined(model: str, channel: Channel, item: dict) -> Score:
    """A combination with the flow, of scores on the scale of the background set aside (sections 4.10 and 4.13)."""
    _, how, first, _ = model.split("-")
    parts = [trained(name, channel, item) for name in (*COMBINED[first], FLOW)]
    aside = [score(channel.validation) for score in parts]

    def level(score: np.ndarray, k: int) -> np.ndarray:
        return detectors.background_efficiency(score, aside[k])

    joined = detectors.combine([level(values, k) for k, values in enumerate(aside[:-1])], how)

    def together(events: ak.Array) -> np.ndarray:
        *others, flow = (level(score(events), k) for k, score in enumerate(parts))
        return detectors.combine([detectors.background_efficiency(detectors.combine(others, how), joined), flow], how)

    return together


def ceiling(channel: Channel, seed: compute.Seed) -> list[dict]:
    """What trees find that are trained on half of each signal, and judged on the other half."""
    x, rows = features.efficient(channel.background).to_numpy(), []
    for name, events in channel.signals.items():
        half = len(events) // 2
        y = np.repeat([0, 1], [len(x), half])
        weight = np.where(y == 1, len(x) / half, 1.0)
        trees = models.TreeClassifier(ensemble=3, random_state=compute.seed(seed, "ceiling", channel.name, name))
        trees.fit(np.concatenate([x, features.efficient(events[:half]).to_numpy()]), y, weight)
        rest = channel._replace(signals={name: events[half:]})
        scores = rest.scores(lambda events, t=trees: t.predict_proba(features.efficient(events).to_numpy())[:, 1])
        rows += figures(rest, scores)
    return rows


def figures(channel: Channel, scores: dict) -> list[dict]:
    """A row for each signal, in the challenge's columns and with errors."""
    rows = []
    for signal, found in channel.figures(scores).iterrows():
        row: dict[str, Any] = {"Signal": signal, "Chan": channel.name}
        for figure, name in {"AUC": "AUC", "eff_S(1e-2)": "1e-2", "eff_S(1e-3)": "1e-3", "eff_S(1e-4)": "1e-4"}.items():
            row |= {name: found[figure], f"{name} error": found[f"{figure} error"]}
        rows.append(row | {"max SI": found["max SI"], "max SI error": found["max SI error"]})
    return rows


def blind(name: str, score: Score) -> list[dict]:
    """Figures of the blind set of a channel, by letter. The tries of a study are not a reader's, and not counted."""
    sample, cache = f"darkmachines/{name}/blind", os.environ.get("DMLIB_DATA")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DMLIB_DATA"] = folder
        try:
            table = challenge.blind_score(sample, score(samples.load(sample)))
        finally:
            os.environ.pop("DMLIB_DATA")
            if cache is not None:
                os.environ["DMLIB_DATA"] = cache
    rows = []
    for letter, found in table.groupby(level="signal"):
        value, error = (found.droplevel("signal")[column] for column in ("value", "error"))
        pairs = {figure: (value[figure], error[figure]) for figure in ("AUC", "max SI")}
        parts = {name: part for f, (v, e) in pairs.items() for name, part in ((f, v), (f"{f} error", e))}
        rows.append({"Signal": letter, "Chan": name, **parts})
    return rows


def judge(item: dict) -> studies.Tables:
    """One model in one channel: its figures on the signals, and on the blind set."""
    channel, model = challenge.channel(item["channel"]), item["model"]
    about = {"Model": model, "Family": family(model)}
    if model == CEILING:
        return {"challenge": [about | row for row in ceiling(channel, item["seed"])]}
    score = CUTS[model] if model in CUTS else trained(model, channel, item)
    rows, hidden = figures(channel, channel.scores(score)), blind(channel.name, score)
    return {"challenge": [about | row for row in rows], "challenge-blind": [about | row for row in hidden]}


def items(every: bool) -> list[dict]:
    """Every model in every channel; the cuts and the ceiling beside them."""
    names = list(detectors.grid("1")) if every else SUBSET
    combinations = [f"Combined-{how}-{first}-Flow" for first in COMBINED for how in COMBINATIONS]
    chosen = dict.fromkeys([*CUTS, CEILING, *names, *(combinations if every else [])])
    return [{"model": m, "channel": c, "seed": 0, "published": every} for m in chosen for c in CHANNELS]


ALL = os.environ.get("CHALLENGE") == "all"
SETTINGS = {"models": "all, as published" if ALL else "a subset, quick settings", "seeds": 1}
STUDY = studies.Study("challenge", "make challenge", {judge: items(ALL)}, SETTINGS, shared=("bootstrap", "blind"))
