"""One style for the course, and the figures that come back in many chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import awkward as ak
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

# Okabe and Ito's palette: eight colours that eyes with colour-vision deficiency tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
SIGNAL = "#D55E00"
BACKGROUND = "#0072B2"
GREY = "#8A8A8A"

# A process keeps its colour from figure to figure.
PROCESS_COLOURS = {
    "njets": "#56B4E9",
    "ttbar": "#E69F00",
    "w_jets": "#009E73",
    "z_jets": "#0072B2",
    "zw": "#CC79A7",
    "zz": "#F0E442",
    "ww": "#7F5FA8",
    "single_top": "#A0522D",
    "ttbarHiggs": "#4D4D4D",
}

OBJECT_STYLE = {
    "j": ("jet", "#56B4E9"),
    "b": ("b-jet", "#0072B2"),
    "e-": ("electron", "#009E73"),
    "e+": ("positron", "#009E73"),
    "m-": ("muon", "#CC79A7"),
    "m+": ("antimuon", "#CC79A7"),
    "g": ("photon", "#E69F00"),
}


def use_style() -> None:
    """Sets matplotlib's defaults for the course: white figures, readable on a phone and from the last row.

    Example:
        >>> from dmlib import plotting
        >>> plotting.use_style()
    """
    mpl.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": mpl.cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.figsize": (6.4, 3.8),
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "savefig.facecolor": "white",
        }
    )


def scatter(
    background: ArrayLike,
    signal: ArrayLike,
    labels: Sequence[str] = ("x", "y"),
    names: Sequence[str] = ("background", "signal"),
    ax: Axes | None = None,
) -> Axes:
    """Draws background and signal events in two variables.

    Arguments:
        background: Background events, shape (n, 2).
        signal: Signal events, shape (m, 2).
        labels: Names of the two variables, with their units.
        names: What the legend calls the two samples.
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from dmlib import plotting
        >>> plotting.scatter([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0]], labels=("x", "y")).get_xlabel()
        'x'
    """
    ax = ax or plt.subplots()[1]
    for points, name, colour, size in ((background, names[0], BACKGROUND, 6), (signal, names[1], SIGNAL, 16)):
        points = np.asarray(points)
        ax.scatter(points[:, 0], points[:, 1], s=size, color=colour, label=name, alpha=0.7, linewidths=0)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.legend()
    return ax


def stacked(
    values: ArrayLike,
    processes: ArrayLike,
    weights: ArrayLike,
    bins: ArrayLike,
    label: str,
    signals: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    log: bool = True,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    r"""Draws a weighted histogram, stacked by process, with its statistical uncertainty.

    The height of a bin is :math:`\sum w`, its uncertainty :math:`\sqrt{\sum w^2}`; values beyond the bins are left out.

    Arguments:
        values: One value an entry, shape (n,).
        processes: Name of the process of each entry, shape (n,).
        weights: Weight of each entry, shape (n,).
        bins: Bin edges.
        label: Name of the variable, with its unit.
        signals: Name -> (values, weights), drawn as lines on top.
        log: Logarithmic vertical axis.
        legend: Draw the legend.
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: If there are no entries.

    Example:
        >>> from dmlib import plotting
        >>> ax = plotting.stacked([1.0, 2.0], ["ttbar", "ww"], [2.0, 0.5], [0, 1.5, 3], "x [GeV]")
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['ttbar', 'ww', 'stat. unc.']
    """
    ax = ax or plt.subplots()[1]
    bins = np.asarray(bins, float)
    values, processes, weights = np.asarray(values, float), np.asarray(processes), np.asarray(weights, float)
    if not len(values):
        raise ValueError(f"no entries of {label!r} to draw: the selection before this figure keeps nothing")
    names, inverse = np.unique(processes, return_inverse=True)
    # The smallest process at the bottom: on a logarithmic axis it would vanish on top.
    order = np.argsort(np.bincount(inverse, weights))
    names = names[order]
    ax.hist(
        [values[processes == name] for name in names],
        bins=bins,
        weights=[weights[processes == name] for name in names],
        color=[PROCESS_COLOURS.get(name, GREY) for name in names],
        label=list(names),
        stacked=True,
        histtype="stepfilled",
        linewidth=0,
    )
    total, _ = np.histogram(values, bins, weights=weights)
    error = np.sqrt(np.histogram(values, bins, weights=weights**2)[0])
    ax.stairs(total + error, bins, baseline=np.maximum(total - error, 0), fill=True, color="black", alpha=0.25,
              linewidth=0, label="stat. unc.")  # fmt: skip
    for (name, (signal, signal_weights)), style in zip((signals or {}).items(), ("-", "--", ":"), strict=False):
        ax.hist(signal, bins, weights=signal_weights, histtype="step", color=SIGNAL, linestyle=style, linewidth=2,
                label=name)  # fmt: skip
    ax.set(xlabel=label, ylabel="events", xlim=(bins[0], bins[-1]))
    if log:
        ax.set_yscale("log")
        smallest = total[total > 0].min() if (total > 0).any() else 1.0
        ax.set_ylim(bottom=max(0.3 * smallest, 1e-6 * total.max()))
    elif legend:
        ax.set_ylim(top=1.45 * (total + error).max() or 1)  # room for the legend
    ax.grid(False)
    if legend:
        ax.legend(fontsize="small", ncols=2)
    return ax


def event_display(event: ak.Record) -> tuple[Axes, Axes]:
    """Draws one event: its transverse momenta as arrows, and its objects unrolled in pseudorapidity and azimuth.

    Arguments:
        event: One event, as `events[i]`.

    Returns:
        The axes of the transverse plane and of the unrolled detector.

    Example:
        >>> import numpy as np
        >>> from dmlib import events, plotting
        >>> event = events.from_columns(
        ...     id=[1], process=["ttbar"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[1], kind=["j"], E=[90.0], pt=[80.0], eta=[0.3], phi=[-2.0],
        ... )[0]
        >>> transverse, unrolled = plotting.event_display(event)
        >>> unrolled.get_xlabel()
        'pseudorapidity $\\\\eta$'
    """
    figure = plt.figure(figsize=(8, 3.9))
    transverse = figure.add_subplot(1, 2, 1, projection="polar")
    unrolled = figure.add_subplot(1, 2, 2)
    seen = set()
    largest = max([float(event.met), *(float(pt) for pt in event.objects.pt)])
    for item in event.objects:
        name, colour = OBJECT_STYLE[str(item.kind)]
        label = None if name in seen else name
        seen.add(name)
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": 2.5}
        transverse.annotate("", (float(item.phi), float(item.pt)), (0, 0), arrowprops=arrow)
        unrolled.scatter(item.eta, item.phi, s=30 + 600 * item.pt / largest, color=colour, alpha=0.8, label=label)
    arrow = {"arrowstyle": "-|>", "color": "black", "lw": 2, "linestyle": "--"}
    transverse.annotate("", (float(event.met_phi), float(event.met)), (0, 0), arrowprops=arrow)
    unrolled.axhline(float(event.met_phi), color="black", linestyle="--", label="missing momentum")
    transverse.set(ylim=(0, 1.05 * largest), title="transverse momentum [GeV]")
    transverse.set_yticks(transverse.get_yticks()[1::2])
    unrolled.set(xlim=(-5, 5), ylim=(-np.pi, np.pi), xlabel=r"pseudorapidity $\eta$", ylabel=r"azimuth $\phi$ [rad]")
    legend = unrolled.legend(loc="upper center", bbox_to_anchor=(0.5, 1.28), ncols=2, fontsize="small")
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([40])
    return transverse, unrolled


def sic(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    reference: bool = True,
    ax: Axes | None = None,
) -> Axes:
    r"""Draws the significance improvement :math:`\epsilon_S / \sqrt{\epsilon_B}` against the background efficiency.

    Arguments:
        curves: Name -> (background efficiencies, significance improvements), as `metrics.sic_curve` returns them.
        reference: Draw what a random score gives, :math:`\sqrt{\epsilon_B}`.
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes.

    References:
        | Benchmark data and model independent event classification (Aarrestad et al., 2022), equation 29
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib import plotting
        >>> plotting.sic({"a score": ([0.01, 0.1, 1.0], [3.0, 2.0, 1.0])}).get_xscale()
        'log'
    """
    ax = ax or plt.subplots()[1]
    smallest = 1.0
    for name, (efficiency, improvement) in curves.items():
        ax.plot(efficiency, improvement, label=name)
        smallest = min(smallest, float(np.min(efficiency)))
    if reference:
        grid = np.geomspace(smallest, 1, 100)
        ax.plot(grid, np.sqrt(grid), color=GREY, linestyle=":", label="random score")
    ax.axhline(1, color=GREY, linewidth=0.8)
    ax.set(
        xscale="log",
        xlabel=r"background efficiency $\epsilon_B$",
        ylabel=r"significance improvement $\epsilon_S/\sqrt{\epsilon_B}$",
    )
    ax.legend()
    return ax
