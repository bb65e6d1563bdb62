"""The sample's main observables, as figures of the book."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from dmlib import plotting

from . import jobs, tables

C_W = 1  # 1/TeV^2
SIGNAL_SHARE = 2e-3  # N(S) / N(R)
LABELS = {
    "pt1": r"$p_{T1}$ [GeV]",
    "pt2": r"$p_{T2}$ [GeV]",
    "eta1": r"$\eta_1$",
    "eta2": r"$\eta_2$",
    "delta_phi": r"$\Delta\phi$ [rad]",
}


def at(contact, c_w):
    """Weights of the contact sample at a coupling."""
    return contact["weight"] * (1 + contact["linear"] * c_w + contact["quadratic"] * c_w**2)


def draw(samples, table_3, folder):
    """Writes `dimuon-mass.png`, `dimuon-features.png` and `dimuon-contact.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    plotting.use_style()
    for name, figure in (("mass", _mass(samples)), ("features", _features(samples)), ("contact", _contact(table_3))):
        figure.savefig(folder / f"dimuon-{name}.png", metadata={"Software": None})
        plt.close(figure)


def _density(ax, values, weights, bins, **style):
    counts, _ = np.histogram(values, bins, weights=weights)
    ax.stairs(counts / np.diff(bins), bins, **style)


def _mass(samples):
    figure, ax = plt.subplots()
    bins = np.geomspace(60, 3000, 90)
    full, tail, contact = (samples[name] for name in ("drell-yan", "drell-yan-tail", "contact"))
    even = np.full(len(full), 1 / len(full))
    _density(ax, full["m_ll"], even, bins, color=plotting.BACKGROUND, fill=True, alpha=0.3, label="drell-yan")
    _density(ax, tail["m_ll"], tail["weight"], bins[bins > 120], color="black", label="drell-yan-tail")
    name = f"contact, $c_W$ = {C_W} TeV$^{{-2}}$"
    _density(ax, contact["m_ll"], at(contact, C_W), bins, color=plotting.COLOURS[2], linestyle="--", label=name)
    for mass, colour in zip(jobs.MASSES, plotting.COLOURS[3:], strict=False):
        signal = samples[f"zprime-{mass}"]
        share = np.full(len(signal), SIGNAL_SHARE / len(signal))
        _density(ax, signal["m_ll"], share, bins, color=colour, label=f"zprime-{mass}, N(S)/N(R) = {SIGNAL_SHARE:g}")
    ax.set(xscale="log", yscale="log", xlim=(60, 3000), ylim=(1e-12, 1e2), xlabel=r"$m_{\ell\ell}$ [GeV]",
           ylabel="share of events per GeV")  # fmt: skip
    ax.legend(fontsize="small")
    return figure


def _features(samples):
    figure, axes = plt.subplots(2, 3, figsize=(8, 4.6))
    ranges = {"pt1": (20, 220), "pt2": (20, 220), "eta1": (-2.4, 2.4), "eta2": (-2.4, 2.4), "delta_phi": (0, np.pi)}
    drawn = {"drell-yan": plotting.BACKGROUND, "zprime-300": plotting.SIGNAL, "contact": plotting.COLOURS[2]}
    for ax, (feature, edges) in zip(axes.flat, ranges.items(), strict=False):
        bins = np.linspace(*edges, 41)
        for name, colour in drawn.items():
            events = samples[name]
            share, label = np.ones(len(events)), name
            if name == "contact":
                share, label = at(events, C_W) - events["weight"], f"contact, $c_W$ = {C_W}:\nwhat it adds"
            _density(ax, events[feature], share / share.sum(), bins, color=colour, label=label)
        ax.set(xlabel=LABELS[feature], ylabel="density")
        if feature in ("pt1", "pt2", "delta_phi"):
            ax.set_yscale("log")
    axes[1, 2].axis("off")
    axes[1, 2].legend(*axes[0, 0].get_legend_handles_labels(), loc="center")
    return figure


def _contact(table_3):
    figure, ax = plt.subplots()
    edges = np.array(tables.EDGES)
    centres = np.sqrt(edges[:-1] * edges[1:])
    for c_w, colour in zip((1.0, 0.3, 0.1), plotting.COLOURS, strict=False):
        for key, published in (("here", False), ("published", True)):
            alpha, beta, gamma = (np.array([row[key] for row in table_3[name]]) for name in ("alpha", "beta", "gamma"))
            ratio = 1 + (beta * c_w + gamma * c_w**2) / alpha
            if published:
                ax.plot(centres, ratio, "o", color=colour, markersize=5)
            else:
                ax.stairs(ratio, edges, baseline=None, color=colour, label=f"{c_w:g}")
    ax.plot([], [], "o", color=plotting.GREY, label="Table 3")
    ax.set(xscale="log", yscale="log", xlabel=r"$m_{\ell\ell}$ [GeV]", ylabel="events over $c_W$ = 0")
    ax.legend(title="$c_W$ [TeV$^{-2}$]", fontsize="small")
    return figure
