"""Figures of the sample for the page about the data: the main observables of each channel, by process."""

from pathlib import Path

import awkward as ak
import matplotlib.pyplot as plt
import numpy as np

from dmlib import channels, events, plotting

IMAGES = Path("book/images")
# Observable -> (label, bins, value of each event)
OBSERVABLES = {
    "met": ("missing transverse momentum [GeV]", np.linspace(0, 1_000, 26), lambda e: e.met),
    "ht": ("$H_T$ [GeV]", np.linspace(0, 2_500, 26), channels.h_t),
    "jets": ("jets", np.arange(-0.5, 15), lambda e: ak.num(channels.jets(e))),
}


def draw(folder, images=IMAGES):
    """Draws `darkmachines-<observable>.png` from the test backgrounds in a folder."""
    samples = {c: events.read_parquet(Path(folder) / c / "background-test.parquet") for c in channels.CHANNELS}
    plotting.use_style()
    for name, (label, bins, value) in OBSERVABLES.items():
        figure, axes = plt.subplots(2, 2, figsize=(8, 5.6), layout="constrained")
        for axis, (channel, sample) in zip(axes.flat, samples.items(), strict=True):
            plotting.stacked(
                np.asarray(value(sample)), sample.process, weights=sample.weight, bins=bins, label=label, ax=axis
            )
            axis.set(title=f"channel {channel}", yscale="log")
            axis.legend(fontsize=6)
        figure.savefig(images / f"darkmachines-{name}.png", dpi=110, metadata={"Software": None})
        plt.close(figure)


def balance(widths, edges, images=IMAGES):
    """Draws `darkmachines-balance.png`: half-widths, (whose, along or across) -> one for each bin of H_T."""
    plotting.use_style()
    figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    ends = np.minimum(edges, 3_000)
    centre = np.sqrt(ends[1:] * ends[:-1])
    style = {"genuine": ("o", "black"), "measured here": ("s", "C0"), "true here": ("^", "C1")}
    for (whose, side), values in widths.items():
        marker, colour = style[whose]
        face = colour if side == "along" else "none"
        ax.plot(centre, values, marker, color=colour, mfc=face, label=f"{whose}, {side}")
    ax.set(xscale="log", xlabel="$H_T$ [GeV]", ylabel="half-width of the balance [GeV]", ylim=(0, 52))
    ax.set_xticks(ends, [f"{end:g}" for end in ends])
    ax.minorticks_off()
    ax.legend(
        title="missing momentum; side of the leading jet", loc="upper left", ncols=3, fontsize=8, title_fontsize=8
    )
    figure.savefig(images / "darkmachines-balance.png", dpi=110, metadata={"Software": None})
    plt.close(figure)
