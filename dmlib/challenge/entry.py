"""A model's own entry: its figures on all pairs, in the challenge's format. Part of `dmlib.challenge`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import awkward as ak
import pandas as pd
from numpy.typing import ArrayLike

from dmlib import _check, _files
from dmlib.channels import CHANNELS

from .data import channel as load
from .scores import COLUMNS, POINTS

Score = Callable[[ak.Array], ArrayLike]


def make_entry(
    name: str,
    score: Score | Mapping[str, Score | tuple[Any, Callable[[ak.Array], Any]]],
    folder: str | os.PathLike | None = None,
    source: str = "embedded",
) -> pd.DataFrame:
    """Judges a model on all signals of its channels, in the challenge's format.

    Arguments:
        name: Of the model.
        score: Events -> an anomaly score for each, higher for stranger ones. Or a mapping from channels to such
            functions, or to pairs of a fitted detector and its encoding, events -> table; channels that it leaves out
            are left out of the entry.
        folder: Where to write ``name.csv``; None writes nothing. An older file of that name is replaced.
        source: Of the events: "embedded" or "public", as for `channel`.

    Returns:
        A row for each signal and channel, with the columns ``Signal``, ``Model``, ``Chan``, ``AUC``, ``1e-2``, ``1e-3``
        and ``1e-4``, as `read_scores` reads them. Where the background does not carry a working point it is missing.

    Raises:
        ValueError: The name would not do for a file, a channel is unknown, or there is not one finite score an event.

    Example:
        >>> entry = make_entry("momentum", {"2a": lambda events: events.met})
        >>> entry.shape, f"{entry['AUC'].median():.2f}"
        ((7, 7), '0.64')
    """
    if not name or name != name.strip() or set(name) & set('/\\:,"\n'):
        raise ValueError(f"name={name!r}: expected a name without slashes, colons, commas, quotes and blanks around it")
    by_channel = score if isinstance(score, Mapping) else dict.fromkeys(CHANNELS, score)
    if not by_channel:
        raise ValueError("score: expected a score for one channel or more")
    rows = []
    for key, one in by_channel.items():
        channel = load(_check.choice(key, "channel", CHANNELS), source)
        table = channel.figures(channel.scores(_function(one, key)), n_bootstrap=2)
        for signal, figures in table.iterrows():
            row = {"Signal": signal, "Model": name, "Chan": key, "AUC": figures["AUC"]}
            rows.append(row | {point: figures[f"eff_S({point})"] for point in POINTS})
    entry = pd.DataFrame(rows, columns=list(COLUMNS))
    if folder is not None:
        target = _files.expanded(folder)
        target.mkdir(parents=True, exist_ok=True)
        _files.write_text(target / f"{name}.csv", entry.to_csv(index=False, float_format="%.4g"))
    return entry


def _function(score: Score | tuple[Any, Callable[[ak.Array], Any]], channel: str) -> Score:
    """The score as a function of events."""
    if callable(score):
        return score
    try:
        detector, encode = score
        scored: Callable[[Any], ArrayLike] = detector.anomaly_score
    except (TypeError, ValueError, AttributeError) as error:
        hint = "a function of events, or a pair of a fitted detector and its encoding"
        raise ValueError(f"score[{channel!r}]={score!r}: expected {hint}") from error
    return lambda events: scored(encode(events))
