"""Makes landing.png: a bump that nobody sees, and the same data after a cut on a score that was learnt without labels.

`.venv/bin/python book/images/landing.py` writes the picture beside this file and prints the numbers of its caption.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import dmlib
from dmlib import resonant

SEED = 15  # of chapter 15, whose search this is
REGION = (3.3, 3.7)
FILE = Path(__file__).with_name("landing.png")


def draw(ax, spectrum, colour, marker, label):
    """The masses that were fitted, with the errors of the counts, and the curve through the side bands."""
    edges, counts = spectrum.edges_, spectrum.counts_
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    ax.errorbar(centres, counts, np.sqrt(counts), fmt=marker, ms=3.5, lw=1, color=colour, label=label)
    ax.plot(centres, width * spectrum.density(centres), color=colour, lw=1.2)


def search(n_signal):
    """The chain of chapter 15: five parts, each scored by trees that were trained on the others, a cut, and a fit."""
    data = resonant.lhco(n_signal=n_signal, seed=SEED)
    cwola = resonant.CWoLa(resonant.TreeClassifier(ensemble=3), random_state=SEED)
    bump, passes = resonant.search(cwola, data.x, data.m, REGION, efficiency=0.001)
    return data.m, bump, passes


def say(name, bump):
    print(f"{name}: {bump.observed} events, {bump.expected:.0f} ± {bump.error:.0f} expected, Z = {bump.z:.1f}")


dmlib.start(seed=SEED)
m, found, passes = search(1_000)
m_plain, none, passes_plain = search(0)
before = resonant.Spectrum(parameters=4).fit(m, REGION)
hidden = before.bump(m)
say("before the cut", hidden)
say("after the cut", found)
say("after the cut, no signal in the data", none)

figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.2))
draw(axes[0], before, dmlib.plotting.BACKGROUND, "o", f"{len(m):,} events, {len(m) - len(m_plain)} of them signal")
axes[0].set(title=f"All events: nothing to see, Z = {hidden.z:.1f}", ylabel="events in 0.05 TeV", ylim=(0, None))
axes[0].yaxis.set_major_formatter("{x:,.0f}")
after, plain = (resonant.Spectrum().fit(values, REGION) for values in (m[passes], m_plain[passes_plain]))
draw(axes[1], after, dmlib.plotting.SIGNAL, "o", "with the signal")
draw(axes[1], plain, dmlib.plotting.GREY, "s", f"without it: Z = {none.z:.1f}")
axes[1].set(title=f"What a learnt score keeps: Z = {found.z:.1f}", ylim=(0, None))
for ax in axes:
    ax.axvspan(*REGION, color=dmlib.plotting.GREY, alpha=0.15, lw=0)
    ax.set(xlabel="mass of the jet pair [TeV]", xlim=(3, 4.5))
    ax.title.set_size(11)
    ax.legend(fontsize=9)
figure.savefig(FILE, dpi=200)  # twice the size at which it is shown
Image.open(FILE).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(FILE, optimize=True)
print(f"{FILE.name}: {FILE.stat().st_size / 1000:.0f} kB")
