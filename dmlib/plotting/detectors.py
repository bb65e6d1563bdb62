"""What the chapters on detectors show again and again: a training, the scores it gives, and what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from dmlib import _check

from .names import SIGNAL_NAMES
from .style import BACKGROUND, GREY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from dmlib import training


def losses(history: training.History, ax: Axes | None = None) -> Axes:
    """Draws the mean loss of a training after each epoch: of what it trained on, and of what was set aside.

    Arguments:
        history: Of a fitted detector (`history_`), or as `dmlib.training.fit` returns it.
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from dmlib import plotting, training
        >>> history = training.History(train=[0.9, 0.4, 0.3], validation=[0.8, 0.5, 0.4])
        >>> [line.get_label() for line in plotting.losses(history).lines]
        ['training', 'validation']
    """
    ax = ax or plt.subplots(figsize=(5.6, 3))[1]
    for name, values in {"training": history.train, "validation": history.validation}.items():
        if len(values):
            ax.plot(np.arange(1, len(values) + 1), values, label=name)
    ax.set(xlabel="epoch", ylabel="mean loss")
    if min(history.train) > 0:
        ax.set_yscale("log")
        ax.minorticks_off()
        ticks = np.geomspace(min(*history.train, *history.validation), max(*history.train, *history.validation), 4)
        ax.set_yticks(ticks, [f"{tick:.2g}" for tick in ticks])
    ax.legend()
    return ax


def scores(
    values: Mapping[str, ArrayLike],
    weights: ArrayLike,
    show: Sequence[str],
    bins: ArrayLike,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draws the distribution of a score, as shares of the events: of the background, and of some of the signals.

    Arguments:
        values: "background" and name of each signal -> scores, as `dmlib.challenge.Channel.scores` returns them.
        weights: Weight of each background event.
        show: Names of the signals that are drawn.
        bins: Bin edges.
        log: Logarithmic horizontal axis.
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: There are no such scores, or weights do not fit.

    Example:
        >>> from dmlib import plotting
        >>> values = {"background": [0.1, 0.2, 0.4], "pp23mt_50": [0.3, 0.5]}
        >>> ax = plotting.scores(values, [1.0, 1.0, 2.0], ["pp23mt_50"], [0, 0.2, 0.4, 0.6])
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['background', "Z' 50, three leptons"]
    """
    if missing := [name for name in ("background", *show) if name not in values]:
        raise ValueError(f"values: nothing for {', '.join(missing)}; there are {', '.join(values)}")
    background = _check.column(values["background"], "values['background']", one="score")
    weight = _check.column(weights, "weights", len(background), "weight")
    ax = ax or plt.subplots(figsize=(6.4, 3.2))[1]
    edges = list(_check.numbers(bins, "bins"))
    shares = weight / weight.sum()
    ax.hist(background, edges, weights=shares, alpha=0.35, color=BACKGROUND, label="background")
    colours = [cycle["color"] for cycle in plt.rcParams["axes.prop_cycle"]][1:]
    for name, colour in zip(show, colours, strict=False):
        label = SIGNAL_NAMES.get(name, name)
        signal = _check.column(values[name], f"values[{name!r}]", one="score")
        each = np.full(len(signal), 1 / len(signal))
        ax.hist(signal, edges, weights=each, histtype="step", lw=2, color=colour, label=label)
    ax.set(xlabel="anomaly score", ylabel="share of events a bin", xscale="log" if log else "linear")
    ax.legend(fontsize="small")
    return ax


def by_signal(tables: Mapping[str, pd.DataFrame], figure: str = "AUC", ax: Axes | None = None) -> Axes:
    """Draws a figure of merit of several scores on each signal, with its error.

    Arguments:
        tables: Name of the score -> figures of merit, as `dmlib.challenge.Channel.figures` returns them.
        figure: Which: "AUC", "eff_S(1e-2)", "max SI"...
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes, one row a signal; for the AUC with a line at one half, for max SI with one at 1.

    Raises:
        ValueError: There are no tables, they have different signals, or lack the figure.

    Example:
        >>> import pandas as pd
        >>> from dmlib import plotting
        >>> one = pd.DataFrame({"AUC": [0.8, 0.6], "AUC error": [0.01, 0.02]}, index=["pp23mt_50", "pp24mt_50"])
        >>> ax = plotting.by_signal({"a score": one})
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ["Z' 50, three leptons", "Z' 50, four leptons"]
    """
    if not tables:
        raise ValueError("tables: expected figures of merit of one score or more")
    signals = list(next(iter(tables.values())).index)
    for name, table in tables.items():
        if list(table.index) != signals:
            raise ValueError(f"tables: {name!r} has other signals than the first, or another order")
        if figure not in table:
            raise ValueError(f"figure={figure!r}: {name!r} has {', '.join(map(str, table.columns))}")
    ax = ax or plt.subplots(figsize=(7.2, 1.4 + 0.33 * len(signals)))[1]
    for k, (name, table) in enumerate(tables.items()):
        rows = np.arange(len(signals)) + 0.6 * ((k + 0.5) / len(tables) - 0.5)
        ax.errorbar(table[figure], rows, xerr=table.get(f"{figure} error"), fmt="o", ms=5, lw=1, label=name)
    ax.set_yticks(np.arange(len(signals)), [SIGNAL_NAMES.get(name, name) for name in signals])
    ax.invert_yaxis()
    ax.set_xlabel(figure)
    if figure in ("AUC", "max SI"):
        ax.axvline(0.5 if figure == "AUC" else 1, color=GREY, lw=1)
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize="small")
    return ax


def pairs(frames: Mapping[str, pd.DataFrame], label: str = "AUC") -> np.ndarray:
    """Draws a figure of merit of ours against the published one, a point for each pair of channel and signal.

    Arguments:
        frames: Title of a panel -> table, as `dmlib.results.pairs` returns it.
        label: What the figure is called.

    Returns:
        The axes, a panel for each table; channels have colours, and the line is where both agree.

    Raises:
        ValueError: There are no tables, or one lacks a column.

    Example:
        >>> from dmlib import plotting, results
        >>> axes = plotting.pairs({"SimpleAE": results.pairs("SimpleAE")})
        >>> axes[0].get_xlabel()
        'AUC published'
    """
    if not frames:
        raise ValueError("frames: expected one table or more")
    axes = plt.subplots(1, len(frames), figsize=(3.6 * len(frames), 3.6), sharey=True, squeeze=False)[1][0]
    for ax, (title, frame) in zip(axes, frames.items(), strict=True):
        if missing := {"published", "ours"} - set(frame):
            raise ValueError(
                f"frames: {title!r} lacks {', '.join(sorted(missing))}; expected what results.pairs returns"
            )
        for channel, group in frame.groupby(level="channel"):
            ax.plot(group["published"], group["ours"], "o", ms=5, label=f"channel {channel}")
        ax.plot([0.2, 1], [0.2, 1], ":", color=GREY)
        ax.set(xlabel=f"{label} published", title=title)
    axes[0].set_ylabel(f"{label} ours")
    axes[0].legend(fontsize="small")
    return axes
