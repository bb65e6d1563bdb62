"""A channel with all its samples, and how well a score does on each of its signals. Part of `dmlib.challenge`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import awkward as ak
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dmlib import _check, compute, metrics, samples
from dmlib.channels import CHANNELS, h_t

CUTS: Mapping[str, Callable[[ak.Array], ArrayLike]] = {  # scores that need no training
    "missing momentum": lambda events: events.met,
    "H_T": h_t,
    "sum of momenta": lambda events: ak.sum(events.objects.pt, axis=1) + events.met,
    "objects": lambda events: ak.num(events.objects),
}
FIGURES = ("AUC", "eff_S(1e-2)", "eff_S(1e-3)", "eff_S(1e-4)", "max SI")


class Channel(NamedTuple):
    """The samples of one channel, as `channel` loads them.

    Arguments:
        name: "1", "2a", "2b" or "3".
        background: Background to learn from; all events count alike.
        validation: Background to choose settings by.
        test: Background to judge with, rich in hard events; its `weight` says how much each counts.
        signals: Name -> events of each of the challenge's signals in this channel.
    """

    name: str
    background: ak.Array
    validation: ak.Array
    test: ak.Array
    signals: dict[str, ak.Array]

    def scores(self, score: Callable[[ak.Array], ArrayLike]) -> dict[str, np.ndarray]:
        """Returns the scores of the test events: those of the background first, then those of each signal.

        Arguments:
            score: Events -> an anomaly score for each, higher for stranger ones.

        Raises:
            ValueError: It does not return one finite number for each event.
        """
        return {
            name: _check.column(score(events), f"scores of {name}", len(events), "score")
            for name, events in {"background": self.test, **self.signals}.items()
        }

    def figures(self, scores: Mapping[str, ArrayLike], n_bootstrap: int = 50, seed: compute.Seed = 0) -> pd.DataFrame:
        """Returns the figures of merit of scores: a row for each signal, each figure with its statistical error.

        Arguments:
            scores: As `scores` returns them.
            n_bootstrap: Number of bootstrap samples behind the errors.
            seed: Their seed; each signal has samples of its own, the same for every score.

        Returns:
            A table indexed by signal, with the columns "AUC", "AUC error", "eff_S(1e-2)", ... and "max SI error" of
            `dmlib.metrics.figures_of_merit`; NaN where the background is too small for a working point.

        Raises:
            ValueError: A signal or the background is missing.
        """
        if missing := {"background", *self.signals} - scores.keys():
            raise ValueError(f"scores: nothing for {', '.join(sorted(missing))}; expected what Channel.scores returns")
        weights = ak.to_numpy(self.test.weight)
        rows = {}
        for name in self.signals:
            drawn = {"n_bootstrap": n_bootstrap, "seed": compute.seed(seed, "bootstrap", self.name, name)}
            figures = metrics.figures_of_merit(scores["background"], scores[name], weights, **drawn)
            parts = {figure: figures.loc[figure, "value"] for figure in FIGURES}
            parts |= {f"{figure} error": figures.loc[figure, "error"] for figure in FIGURES}
            rows[name] = parts
        columns = [column for figure in FIGURES for column in (figure, f"{figure} error")]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("signal")


def medians(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Returns the medians of figures of merit over the signals, with their statistical errors: a row for each score.

    The error is the spread of the median when every signal's figure is moved by its own error; those of different
    signals are taken as independent, though they share the background.

    Arguments:
        tables: Name of the score -> figures of merit, as `Channel.figures` returns them.

    Raises:
        ValueError: A table lacks a figure or its error.

    Example:
        >>> from dmlib import challenge
        >>> leptons = challenge.channel("2a")
        >>> tables = {name: leptons.figures(leptons.scores(cut)) for name, cut in challenge.CUTS.items()}
        >>> challenge.medians(tables)["AUC"].idxmax()
        'missing momentum'
    """
    rows: dict[str, dict[str, float]] = {}
    for name, table in tables.items():
        rows[name] = {}
        for figure in ("AUC", "eff_S(1e-2)", "max SI"):
            if missing := {figure, f"{figure} error"} - set(table):
                raise ValueError(f"tables: {name!r} lacks {', '.join(sorted(missing))}; expected Channel.figures")
            values, errors = table[figure].to_numpy(), table[f"{figure} error"].to_numpy()
            moved = compute.stream(0, "medians").normal(values, errors, size=(1_000, len(values)))
            rows[name] |= {figure: np.median(values), f"{figure} error": np.median(moved, axis=1).std()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("score")


def channel(name: str, source: str = "embedded") -> Channel:
    """Loads a channel of the challenge: its background in three parts, and all its signals.

    Arguments:
        name: "1", "2a", "2b" or "3".
        source: "embedded" for the samples shipped with dmlib, "public" for the published ones, which are fetched.

    Raises:
        ValueError: There is no such channel.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 2.2 and table 3
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> import awkward as ak
        >>> from dmlib import challenge
        >>> leptons = challenge.channel("2a")
        >>> len(leptons.signals)
        7
        >>> by_momentum = leptons.scores(lambda events: ak.sum(events.objects.pt, axis=1))
        >>> print(f"{leptons.figures(by_momentum)['AUC'].median():.2f}")
        0.59
    """
    _check.choice(name, "name", CHANNELS)
    start = f"darkmachines/{name}/"
    table = samples.catalogue()
    there = table.index[table["source"].str.contains(source, regex=False)]
    stems = [full.removeprefix(start) for full in there if full.startswith(start)]
    signals = [s for s in stems if "/" not in s and s != "blind" and not s.startswith("background")]
    background, validation, test = (
        samples.load(f"{start}background{part}", source=source) for part in ("", "-validation", "-test")
    )
    return Channel(name, background, validation, test, {s: samples.load(start + s, source=source) for s in signals})
