"""The sample's main observables, as figures of the book."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from dmlib import plotting

from . import jobs

LABELS = {
    "m_j1": r"$m_{j1}$ [TeV]",
    "delta_m": r"$m_{j2} - m_{j1}$ [TeV]",
    "tau21_1": r"$\tau_{21}$ of the lighter jet",
    "tau21_2": r"$\tau_{21}$ of the heavier jet",
}
RANGES = {"m_j1": (0, 0.6), "delta_m": (0, 0.8), "tau21_1": (0, 1), "tau21_2": (0, 1)}
DRAWN = {
    "background": plotting.BACKGROUND,
    "signal": plotting.SIGNAL,
    "signal-300-300": plotting.COLOURS[2],
    "signal-threeprong": plotting.COLOURS[3],
}


def draw(samples, folder):
    """Writes `lhco-mass.png` and `lhco-features.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    plotting.use_style()
    for name, figure in (("mass", _mass(samples)), ("features", _features(samples))):
        figure.savefig(folder / f"lhco-{name}.png", metadata={"Software": None})
        plt.close(figure)


def _mass(samples):
    figure, ax = plt.subplots()
    bins = np.linspace(2.4, 4.8, 49)
    for name, colour in DRAWN.items():
        masses = samples[name]["m_jj"]
        if name == "background":
            ax.hist(masses, np.linspace(*jobs.RANGE, 31), color=colour, alpha=0.4, label=name)
        else:
            weights = np.full(len(masses), 1000 / len(masses))
            ax.hist(masses, bins, weights=weights, histtype="step", color=colour, label=f"{name}, 1,000 events")
    ax.axvspan(*jobs.REGION, color=plotting.GREY, alpha=0.2, linewidth=0)
    ax.set(yscale="log", ylim=(1, None), xlim=(bins[0], bins[-1]), xlabel="$m_{jj}$ [TeV]", ylabel="events per 50 GeV")
    ax.legend(fontsize="small")
    return figure


def _features(samples):
    figure, axes = plt.subplots(2, 2, figsize=(7, 5.2))
    for ax, (feature, label) in zip(axes.flat, LABELS.items(), strict=True):
        bins = np.linspace(*RANGES[feature], 51)
        for name, colour in DRAWN.items():
            events = samples[name]
            values = events.loc[events["m_jj"].between(*jobs.REGION), feature]
            ax.hist(values, bins, density=True, histtype="step", color=colour, label=name, linewidth=1.5)
        ax.set(xlabel=label, ylabel="density")
    axes[0, 0].legend(fontsize="small")
    return figure
