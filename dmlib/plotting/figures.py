"""The figures that come back in many chapters."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from dmlib import _check

from .names import PROCESS_NAMES
from .style import BACKGROUND, GREY, OBJECT_STYLE, PROCESS_COLOURS, SIGNAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import awkward as ak
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


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

    Raises:
        ValueError: A sample has another shape, or holds masked values.

    Example:
        >>> from dmlib import plotting
        >>> plotting.scatter([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0]], labels=("x", "y")).get_xlabel()
        'x'
    """
    drawn = {"background": _check.numbers(background, "background"), "signal": _check.numbers(signal, "signal")}
    for key, points in drawn.items():
        if points.size and (points.ndim != 2 or points.shape[1] != 2):
            raise ValueError(f"{key}: expected two variables of each event, shape (n, 2), not {points.shape}")
    ax = ax or plt.subplots()[1]
    for points, name, colour, size in zip(drawn.values(), names, (BACKGROUND, SIGNAL), (6, 16), strict=True):
        x, y = points.reshape(-1, 2).T
        ax.scatter(x, y, s=size, color=colour, label=name, alpha=0.7, linewidths=0)
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
    Where nothing is above zero the vertical axis is linear.

    Arguments:
        values: One value an entry, shape (n,).
        processes: Name of the process of each entry, shape (n,); the legend has it in words, see `PROCESS_NAMES`.
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
        ValueError: There are no entries, they do not fit each other, or a number is masked or not finite.

    Example:
        >>> from dmlib import plotting
        >>> ax = plotting.stacked([1.0, 2.0], ["ttbar", "ww"], [2.0, 0.5], [0, 1.5, 3], "x [GeV]")
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['top pairs', 'WW', 'stat. unc.']
    """
    values, bins = _check.numbers(values, "values"), _check.finite(_check.numbers(bins, "bins"), "bins")
    if not values.size:
        raise ValueError(f"no entries of {label!r} to draw: the selection before this figure keeps nothing")
    values = _check.column(values, "values", one="value")
    weights, processes = _check.column(weights, "weights", len(values), "weight"), np.asarray(processes)
    if processes.shape != values.shape:
        raise ValueError(f"processes: expected a name for each of the {len(values)} entries, not {processes.shape}")
    if bins.ndim != 1 or len(bins) < 2 or not (np.diff(bins) > 0).all():
        raise ValueError("bins: expected edges, two or more, ascending")
    lines = {}
    for name, (signal, signal_weights) in (signals or {}).items():
        signal = _check.numbers(signal, f"signals[{name!r}]")
        lines[name] = signal, _check.column(signal_weights, f"weights of signals[{name!r}]", signal.size, "weight")
    ax = ax or plt.subplots()[1]
    names, inverse = np.unique(processes, return_inverse=True)
    # The smallest process at the bottom: on a logarithmic axis it would vanish on top.
    names = names[np.argsort(np.bincount(inverse, weights))]
    others = [name for name in names if name not in PROCESS_COLOURS]
    colours = PROCESS_COLOURS | dict(zip(others, map(str, np.linspace(0.55, 0.85, len(others))), strict=True))  # greys
    masks = [processes == name for name in names]
    drawn: dict[str, Any] = {"label": [PROCESS_NAMES.get(name, name) for name in names]}
    drawn["color"] = [colours[name] for name in names]
    drawn["weights"] = [weights[mask] for mask in masks]
    ax.hist([values[mask] for mask in masks], list(bins), stacked=True, histtype="stepfilled", linewidth=0, **drawn)
    total, _ = np.histogram(values, bins, weights=weights)
    largest = np.abs(weights).max() or 1.0  # weights may be so large that their squares are not held by floats
    error = largest * np.sqrt(np.histogram(values, bins, weights=(weights / largest) ** 2)[0])
    ax.stairs(total + error, bins, baseline=np.maximum(total - error, 0), fill=True, color="black", alpha=0.25,
              linewidth=0, label="stat. unc.")  # fmt: skip
    styles = cycle((colour, style) for colour in (SIGNAL, "black") for style in ("-", "--", ":"))
    for (name, (signal, signal_weights)), (colour, style) in zip(lines.items(), styles, strict=False):
        ax.hist(signal, list(bins), weights=signal_weights, histtype="step", color=colour, linestyle=style, linewidth=2,
                label=name)  # fmt: skip
    ax.set(xlabel=label, ylabel="events", xlim=(bins[0], bins[-1]))
    if log and (total > 0).any():
        ax.set_yscale("log")
        ax.set_ylim(bottom=max(0.3 * total[total > 0].min(), 1e-6 * total.max()))
    elif legend and (total + error).max() > 0:
        ax.set_ylim(top=1.45 * (total + error).max())  # space for the legend
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

    Raises:
        ValueError: It is not one event.

    Example:
        >>> from dmlib import events, plotting
        >>> event = events.from_columns(
        ...     id=[1], process=["ttbar"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[1], kind=["j"], E=[90.0], pt=[80.0], eta=[0.3], phi=[-2.0],
        ... )[0]
        >>> transverse, unrolled = plotting.event_display(event)
        >>> unrolled.get_xlabel()
        'pseudorapidity $\\\\eta$'
    """
    if not hasattr(event, "objects") or np.ndim(event.met):
        raise ValueError("event: expected one event, as events[0], not an array of them or something else")
    figure = plt.figure(figsize=(8, 3.9))
    transverse, unrolled = figure.add_subplot(1, 2, 1, projection="polar"), figure.add_subplot(1, 2, 2)
    seen = set()
    largest = max([float(event.met), *(float(pt) for pt in event.objects.pt)]) or 1.0
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
        if set_sizes := getattr(handle, "set_sizes", None):
            set_sizes([40])
    return transverse, unrolled


def sic(curves: Mapping[str, tuple[ArrayLike, ArrayLike]], reference: bool = True, ax: Axes | None = None) -> Axes:
    r"""Draws the significance improvement :math:`\epsilon_S / \sqrt{\epsilon_B}` against the background efficiency.

    Arguments:
        curves: Name -> (background efficiencies, significance improvements), as `metrics.sic_curve` returns them; one
            without points stands in the legend only.
        reference: Draw what a random score gives, :math:`\sqrt{\epsilon_B}`.
        ax: Axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: A curve's arrays do not fit each other or hold masked values, or an efficiency is not above 0.

    Example:
        >>> from dmlib import plotting
        >>> plotting.sic({"a score": ([0.01, 0.1, 1.0], [3.0, 2.0, 1.0])}).get_xscale()
        'log'
    """
    checked = {}
    for name, (efficiencies, improvements) in curves.items():
        eff_b = _check.shares(efficiencies, f"background efficiencies of {name!r}", zero=False)
        si = _check.numbers(improvements, f"significance improvements of {name!r}")
        if eff_b.shape != si.shape or eff_b.ndim != 1:
            raise ValueError(f"{name!r}: expected two arrays of one length, not {eff_b.shape} and {si.shape}")
        checked[name] = eff_b, si
    ax = ax or plt.subplots()[1]
    for name, (eff_b, si) in checked.items():
        ax.plot(eff_b, si, label=name if len(eff_b) else f"{name}: too few events")
    smallest = min((eff_b.min() for eff_b, _ in checked.values() if len(eff_b)), default=1.0)
    if reference:
        grid = np.geomspace(smallest, 1, 100)
        ax.plot(grid, np.sqrt(grid), color=GREY, linestyle=":", label="random score")
    ax.axhline(1, color=GREY, linewidth=0.8)
    ax.set(xscale="log", xlabel=r"background efficiency $\epsilon_B$")
    ax.set_ylabel(r"significance improvement $\epsilon_S/\sqrt{\epsilon_B}$")
    ax.legend()
    return ax
