# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Collision events as data
#
# :::{admonition} In this chapter
# - You read a line of a Dark Machines file by hand, then a whole file into arrays.
# - You compute with four-vectors, and find a particle nobody told you about: a peak in a mass.
# - You weight events, select the four channels of the challenge, and see which processes fill them.
# - You turn events of any length into tables that a machine can learn from, and know what each table loses.
#
# You need: Python with NumPy, and the idea of a histogram. Time: 60 minutes; the code runs in half a minute on a laptop.
# :::
#
# At the Large Hadron Collider two protons meet, and something flies out: a spray of particles, some of which a detector
# turns into *objects* with a direction and an energy. That list of objects is an *event*. Everything in this course
# starts from such lists.
#
# They are awkward data. One event has two jets, the next one seven jets, a muon and a photon. There is no table yet, and
# making one is the first decision that an anomaly search takes. So look at the events first.

# %%
import tempfile
import textwrap
from pathlib import Path

import awkward as ak
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import dmlib
from dmlib import plotting

run = dmlib.start(seed=1)

# %% [markdown]
# ## One line, one event
#
# The Dark Machines challenge {cite}`Aarrestad2021` publishes its billion events as text, a line an event. This is the
# example that its paper prints, from a pair of top quarks:

# %%
line = (
    "94;ttbar;1;112288;1.74766;b,331927,147558,-1.44969,-1.76399;"
    "j,100406,85589,-0.568259,-1.17144;b,55808.8,54391.4,-0.198215,1.726"
)
header, objects = line.split(";")[:5], line.split(";")[5:]
header

# %% [markdown]
# Five words about the event, then its objects. The five are an identifier, the process that made the event, its weight,
# and the size and direction of the *missing transverse momentum*, written $E_T^{miss}$: what is needed to balance all
# that the detector saw. Neutrinos carry it away, or something unknown, and there is more to it, as you will see.
#
# An object is its kind and four numbers: energy, transverse momentum, pseudorapidity and azimuth.

# %%
columns = ["kind", "E", "pT", "eta", "phi"]
by_hand = pd.DataFrame([o.split(",") for o in objects], columns=columns)
plotting.table(by_hand)

# %% [markdown]
# Before you read on: 331927 of what? Not GeV: a whole proton of the beam has 6,500 of them. The files are in MeV; in this
# course energies are in GeV as soon as they are in memory.
#
# The first number that physicists make of such a list is $H_T$, the scalar sum of the transverse momenta of all jets:
#
# $$H_T = \sum_{\text{jets } i} p_{T,i}$$
#
# By hand it takes one line, if one remembers that a b-jet is a jet too.

# %%
jets = [o.split(",") for o in objects if o.split(",")[0] in ("j", "b")]
h_t = sum(float(jet[2]) for jet in jets) / 1000
print(f"H_T = {h_t:.1f} GeV")

# %% tags=["check", "remove-cell"]
assert abs(h_t - 287.5384) < 1e-3  # (147558 + 85589 + 54391.4) MeV

# %% [markdown]
# ## From a file to arrays
#
# Splitting lines in Python is fine for one event and hopeless for a billion.
# [`dmlib.events.read_csv`](../book/api.md) reads the bytes directly, and gives back an array whose rows may have any
# length {cite}`awkward`. Let us write a file with three lines and read it.

# %%
folder = Path(tempfile.mkdtemp())
path = folder / "three.csv"
second = "1;ww;1;60000;0.1;"
third = "2;ww;1;75000;-2.1;m+,45000,40000,0.5,1.0;e-,30000,30000,0,-2.5;"
path.write_text(f"{line}\n{second}\n{third}\n")
three = dmlib.events.read_csv(path)
three.type.show()

# %% [markdown]
# Read the type aloud: three events, and in each an identifier, a process, a weight, the missing momentum, and a list of
# `var` (any number of) objects, each a four-vector with a kind.

# %% tags=["nbval-check-output"]
print("objects in each event:", ak.num(three.objects).tolist())
print("kinds:", three.objects.kind.tolist())

# %% [markdown]
# What if a line is broken? Files of this size always hold one: a disk fills up, a job dies in mid-write. A reader that
# guesses would plant an anomaly in your data. This one refuses, and says where.

# %%
broken = folder / "broken.csv"
unfinished, last = "3;ww;1;60000;0.2;j,90000,80000,0.1", "4;ww;1;61000;0.3;"
broken.write_text(f"{path.read_text()}{unfinished}\n{last}\n")
try:
    dmlib.events.read_csv(broken)
except ValueError as error:
    print(textwrap.fill(str(error).replace(str(folder), "...")))

# %% [markdown]
# If you decide that one line is not worth your afternoon, say so, and the line is skipped and reported.

# %%
kept = dmlib.events.read_csv(broken, on_error="skip")
print(
    len(kept),
    "events kept; skipped lines:",
    [number for number, _ in kept.attrs["skipped"]],
)

# %% tags=["check", "remove-cell"]
assert ak.num(three.objects).tolist() == [3, 0, 2]
assert len(kept) == 4 and [number for number, _ in kept.attrs["skipped"]] == [4]
assert abs(dmlib.channels.h_t(three)[0] - h_t) < 1e-3

# %% [markdown]
# ## The events of this course
#
# The challenge's files are large, so the course ships a small sample of its own, made with the same physics and
# documented on the page [The data](../book/data.md). The names lead to either: `source="public"` fetches the original.

# %%
catalogue = dmlib.samples.catalogue()
in_2b = catalogue.index.str.fullmatch("darkmachines/2b/[^/]+")
sizes = catalogue.loc[in_2b, ["events", "public_events"]]
names = {"public_events": "events in the public set"}
plotting.table(sizes, names=names, missing="not known")

# %% [markdown]
# Take channel 2b: events with two leptons (electrons or muons), some jets, and missing momentum. The background holds the
# Standard Model processes that matter there, in three parts: one to train on, one to validate with, and `background-test`,
# which has more lines where events are rare. Each *signal* is a theory of something new.

# %%
background = dmlib.samples.load("darkmachines/2b/background-test")
stops = dmlib.samples.load("darkmachines/2b/stlp_st1000")
print(len(background), "background events,", len(stops), "signal events")

# %% [markdown]
# :::{warning}
# These are simulated events, and simplified ones: one hard process, a parton shower, a fast detector. A machine that
# learns from them learns their faults too. The page [The data](../book/data.md) lists what the sample is not.
# :::
#
# ## Four-vectors
#
# An object behaves like a four-vector {cite}`vector`: ask it for a component that the file does not hold, or add two.
# Channel 2a has three leptons or more in each event. Take every pair of them.

# %%
trilepton = dmlib.samples.load("darkmachines/2a/background-test")
one, two = ak.unzip(ak.combinations(dmlib.channels.leptons(trilepton), 2))
pair = one + two
first_masses = ak.values_astype(pair.mass[:3], float)
print("masses in three events [GeV]:", np.round(first_masses, 1).tolist())

# %% [markdown]
# If two leptons came from the decay of one neutral particle, their mass is the mass of that particle, whatever way it
# flew, and they are of one flavour and opposite charge. Keep such pairs.
#
# :::{admonition} Predict first
# :class: predict
# Where in the spectrum of the pair's mass would you expect something, and where nothing?
# :::

# %%
def kinds(first, second):
    return (one.kind == first) & (two.kind == second)


opposite = kinds("e-", "e+") | kinds("e+", "e-")
opposite = opposite | kinds("m-", "m+") | kinds("m+", "m-")
pairs_in_event = ak.sum(opposite, axis=1)
mass = ak.flatten(pair.mass[opposite]).to_numpy()
process = np.repeat(trilepton.process.to_numpy(), pairs_in_event)
weight = np.repeat(trilepton.weight.to_numpy(), pairs_in_event)

# %% mystnb={"figure": {"caption": "Mass of opposite lepton pairs in channel 2a. The peak is the Z boson; under it lie pairs whose leptons have two different parents.", "name": "fig-dilepton-mass"}, "image": {"alt": "Stacked histogram of the dilepton mass from 0 to 250 GeV with a high, narrow peak near 91 GeV, mostly of WZ and then ZZ events, on a low, broad continuum."}}
edges = np.linspace(0, 250, 51)
label = "mass of the lepton pair [GeV]"
plotting.stacked(mass, process, weight, edges, label, log=False)
plt.ylabel("pairs in 10/fb, per 5 GeV");

# %% [markdown]
# Nobody told the arrays about the Z boson. It stands there because energy and momentum are conserved; leptons of
# different parents, from two top quarks for instance, make no peak. A resonance is the friendliest shape that new physics
# can take. Most signals of this course are not so kind.

# %%
on_peak = (mass > 81) & (mass < 101)
peak = np.average(mass[on_peak], weights=weight[on_peak])
share = weight[on_peak].sum() / weight.sum()
print(f"mean mass in the peak {peak:.1f} GeV, with {share:.0%} of the pairs")

# %% tags=["check", "remove-cell"]
assert 89.5 < peak < 92.5
assert 0.3 < share < 0.8

# %% [markdown]
# ## An event, looked at
#
# Numbers hide what an event looks like. On the left we look along the beam: arrows show the transverse momenta, the
# dashed one what is missing. On the right the detector is unrolled.

# %%
def is_muon(objects):
    return (objects.kind == "m-") | (objects.kind == "m+")


n_muons = ak.sum(is_muon(stops.objects), axis=1)

# %% mystnb={"figure": {"caption": "The signal event without a recorded muon from which most escaped: two stops decay to a b quark and a lepton each, here one to a tau and its neutrinos. Seen along the beam, the arrows nearly balance.", "name": "fig-event-display"}, "image": {"alt": "Left: polar plot with arrows for jets and leptons and a dashed arrow for missing momentum. Right: the same objects as circles in pseudorapidity and azimuth."}}
without_muons = stops[n_muons == 0]
most = np.argmax(without_muons.met_true)
plotting.event_display(without_muons[most]);

# %% [markdown]
# Along the beam momentum is not balanced, since nobody knows what part of each proton took part. That is why everything
# here is *transverse*: before the collision the transverse momentum is zero, and so must be the sum of all arrows after
# it.
#
# :::{admonition} Predict first
# :class: predict
# How well do the arrows balance in the file, once the missing momentum is counted? And should it matter whether an
# event has muons?
# :::

# %%
def imbalance(objects, events):
    """Size of the vector sum of some objects and the missing momentum."""
    x = ak.sum(objects.px, axis=1) + events.met * np.cos(events.met_phi)
    y = ak.sum(objects.py, axis=1) + events.met * np.sin(events.met_phi)
    return np.hypot(x, y)


def medians(values):
    return [round(float(np.median(values[n_muons == n]))) for n in range(3)]


print("events with 0, 1, 2 muons:")
print("median imbalance [GeV]", medians(imbalance(stops.objects, stops)))

# %% [markdown]
# With muons nothing balances. To see why, ask how one measures what is not there. Nobody sees a neutrino. The missing
# momentum is *inferred*: every cell of the calorimeters, a *tower*, saw some energy in some direction; take it as a
# vector across the beam, add all of them, and turn the sum round. So the arrows balance because one of them was made from
# the others.
#
# A muon flies through the calorimeters almost without a trace. The challenge counts it as missing, although the detector
# measures it well elsewhere. (Experiments add it back.) So its momentum is in our sum twice. Leave the muons out:

# %%
seen = stops.objects[~is_muon(stops.objects)]
balanced = imbalance(seen, stops)
print("median imbalance [GeV]", medians(balanced))
print("median H_T [GeV]", medians(dmlib.channels.h_t(stops)))

# %% [markdown]
# What is left over is soft: energy in no jet, and jets below the threshold of the file.
#
# :::{note}
# The challenge's paper says that its missing momentum is the true one, of what escapes. Its files say otherwise: the page
# [The data](../book/data.md) shows how one can tell.
# :::
#
# Missing momentum is thus of three kinds: of particles that escape, of muons, and of what was measured wrongly, jets too
# low or too high. Only a simulation can tell the first kind from the others. Our samples keep it as `met_true`; no public
# file does. A Z boson that decays to two electrons or two muons has no neutrino. (With `met_true` below 1 GeV we leave out
# taus, and jets with neutrinos.) How much is missing?

# %%
z = background[(background.process == "z_jets") & (background.met_true < 1)]
z_muons = ak.any(is_muon(z.objects), axis=1)
for name, events in (("electrons", z[~z_muons]), ("muons", z[z_muons])):
    met = np.average(events.met, weights=events.weight)
    number = f"{ak.sum(events.weight):.0f} events (from {len(events)} lines)"
    print(f"Z to {name}: {number}, {met:.0f} GeV missing")

# %% [markdown]
# Nothing escaped from any of these events, and all have at least the 50 GeV that channel 2b asks for. With muons it is
# the momentum of the Z boson; with electrons a badly measured jet must help, and hardly an event passes. Keep this in mind when
# a method turns out to love $E_T^{miss}$: a detector's mistake looks like a particle that escapes.

# %% tags=["check", "remove-cell"]
plain, mended = medians(imbalance(stops.objects, stops)), medians(balanced)
assert max(mended) < 60 < 100 < min(plain[1:]) and plain[0] == mended[0]
assert ak.sum(z[z_muons].weight) > 20 * ak.sum(z[~z_muons].weight)

# %% [markdown]
# ## Weights: a line is not an event
#
# Simulation makes as many events as it can, not as many as nature would. The weight repairs that. For a process with
# cross section $\sigma$, of which $N$ events were generated, each of them stands for
#
# $$w = \frac{\sigma \times 10\,\mathrm{fb}^{-1}}{N}$$
#
# events in ten inverse femtobarns of collisions. Our processes were generated in slices, from soft to hard, and each slice
# has a weight of its own, so that rare corners hold enough lines. Count lines and count events, process by process. (The
# files say `z_jets`, `ttbar` or `zw`; `plotting.PROCESS_NAMES` has these names in words, and figures and tables use it.)

# %% tags=["nbval-check-output"]
w = background.weight.to_numpy().astype(float)
lines = pd.DataFrame({"process": background.process.to_list(), "weight": w})
by_process = lines.groupby("process")["weight"]
composition = by_process.agg(lines="count", events="sum")
composition = composition.sort_values("events", ascending=False)
plotting.table(composition, 0, names=plotting.PROCESS_NAMES)

# %% [markdown]
# A study that forgets the weights learns a world in which rare processes are common. The reverse fault is as real: a few
# lines with large weights decide everything. How many unweighted events a weighted sample is worth is its *effective
# number*,
#
# $$N_\text{eff} = \frac{(\sum w)^2}{\sum w^2}$$

# %%
n_effective = w.sum() ** 2 / (w**2).sum()
print(f"{len(w)} lines stand for {w.sum():.0f} events")
print(f"and are worth {n_effective:.0f} of equal weight")

# %% tags=["check", "remove-cell"]
assert composition.lines.sum() == len(background)
assert composition.events.idxmax() == "z_jets"
assert 0.05 < n_effective / len(w) < 0.999

# %% [markdown]
# ## The four channels
#
# Nobody searches in all events at once. The challenge has four selections, from the hadronic and hot to the leptonic and
# rare:
#
# | channel | missing momentum | $H_T$ | objects |
# | --- | --- | --- | --- |
# | 1 | $\geq 200$ GeV and $\geq 0.2\,H_T$ | $\geq 600$ GeV | four jets with $p_T > 50$ GeV, one with $p_T > 200$ GeV |
# | 2a | $\geq 50$ GeV | | three leptons with $p_T > 15$ GeV |
# | 2b | $\geq 50$ GeV | $\geq 50$ GeV | two leptons with $p_T > 15$ GeV |
# | 3 | $> 100$ GeV | $\geq 600$ GeV | |
#
# A cut is a boolean array. Here is channel 2b in the open, and then the same from the package.

# %%
leptons = dmlib.channels.leptons(background)
two_leptons = ak.sum(leptons.pt > 15, axis=1) >= 2
h_t_cut = dmlib.channels.h_t(background) >= 50
by_hand = two_leptons & h_t_cut & (background.met >= 50)
package = dmlib.channels.passes(background, "2b")
print("the same in every event:", ak.all(by_hand == package))

# %% [markdown]
# Channels overlap: an event may pass two. Load all four backgrounds, and count what share of each passes the others.

# %% table={"caption": "Share of each channel's background that passes the selections of the others.", "name": "tab-overlap"}
names = dmlib.channels.CHANNELS
channels = {}
overlap = pd.DataFrame(index=names, columns=names, dtype=float)
for name in names:
    events = dmlib.samples.load(f"darkmachines/{name}/background-test")
    channels[name] = events
    for other in names:
        passes = dmlib.channels.passes(events, other)
        overlap.loc[name, other] = np.average(passes, weights=events.weight)
overlap = overlap.rename_axis(index="of channel", columns="passes")
plotting.table(overlap, digits=3)

# %% [markdown]
# Channel 1 lies inside channel 3: its cuts are tighter. An excess seen in both is one excess, not two.
#
# Now the question that decides what an anomaly detector will learn as ordinary: what are the channels made of?

# %% table={"caption": "What the background of each channel is made of, in per cent.", "name": "tab-composition"}
def composition_of(events):
    weights = pd.Series(events.weight.tolist(), events.process.to_list())
    return weights.groupby(level=0).sum() / weights.sum()


shares = pd.DataFrame({c: composition_of(e) for c, e in channels.items()})
shares = shares.fillna(0).sort_values("3", ascending=False)
per_cent = (100 * shares).rename_axis(
    index="process", columns="per cent of channel"
)
plotting.table(per_cent, digits=1, names=plotting.PROCESS_NAMES)

# %% [markdown]
# :::{note}
# $H_T$ hides a trap. The paper sums jets with $|\eta| < 2.8$; the published files were selected with *all* stored jets,
# out to $|\eta| = 4.9$. The package follows the files, and keeps the paper's cut as an option, `eta_max=2.8`.
# Exercise 3 measures what this changes.
# :::

# %% tags=["check", "remove-cell"]
for name, events in channels.items():
    assert dmlib.channels.passes(events, name).all(), name
assert overlap.loc["1", "3"] > 0.99
assert shares.loc["njets", "3"] > 0.05 and shares["2a"].idxmax() == "zw"

# %% [markdown]
# ## What the Standard Model looks like
#
# The challenge's paper draws its background in seven figures. We draw the same for our channels. Values may come one an
# event or one an object; in the second case every object carries the weight of its event.

# %%
def expand(events, values):
    """Values, processes and weights with one entry an event, or an object."""
    n = ak.num(values) if values.ndim == 2 else 1
    process = np.repeat(events.process.to_numpy(), n)
    weight = np.repeat(events.weight.to_numpy(), n)
    return ak.flatten(values, axis=None), process, weight


def draw_two(events, *panels, log=(True, True)):
    """Two stacked histograms, each of (values, bins, label)."""
    axes = plt.subplots(1, 2, figsize=(9, 3.8))[1]
    for i, (values, bins, label) in enumerate(panels):
        options = {"ax": axes[i], "log": log[i], "legend": i == 0}
        entries = expand(events, values)
        plotting.stacked(*entries, bins, label, **options)
    return axes

# %% [markdown]
# Jets first, in the inclusive channel 3. Transverse momentum falls steeply, as everything does at a proton collider; the
# energy reaches further, since a jet close to the beam has much energy and little transverse momentum.

# %% mystnb={"figure": {"caption": "Transverse momentum and energy of the jets in channel 3 (Figure 2 of the challenge's paper).", "name": "fig-jets-pt"}, "image": {"alt": "Two stacked histograms on logarithmic axes: jet transverse momentum up to 1500 GeV and jet energy up to 3000 GeV, both falling steeply."}}
inclusive = channels["3"]
jets = dmlib.channels.jets(inclusive)
draw_two(
    inclusive,
    (jets.pt, np.linspace(0, 1500, 31), "jet $p_T$ [GeV]"),
    (jets.E, np.linspace(0, 3000, 31), "jet energy [GeV]"),
);

# %% [markdown]
# The azimuth is flat: the detector is round, and the beam prefers no side. The pseudorapidity is not: jets gather in the
# middle, and thin out towards the beam.

# %% mystnb={"figure": {"caption": "Pseudorapidity and azimuth of the jets in channel 3 (Figure 3 of the paper).", "name": "fig-jets-eta"}, "image": {"alt": "Two stacked histograms: jet pseudorapidity, a hill centred at zero reaching to plus and minus 4.9, and jet azimuth, flat."}}
azimuth = np.linspace(-np.pi, np.pi, 17)
draw_two(
    inclusive,
    (jets.eta, np.linspace(-5, 5, 26), r"jet $\eta$"),
    (jets.phi, azimuth, r"jet $\phi$ [rad]"),
    log=(False, False),
);

# %% [markdown]
# Leptons are rare in channel 3, so we look at them where they are selected, in channel 2b.

# %% mystnb={"figure": {"caption": "Transverse momentum and energy of the leptons in channel 2b (Figure 4 of the paper), with the stop signal, times 100, as a black line.", "name": "fig-leptons-pt"}, "image": {"alt": "Two stacked histograms on logarithmic axes: lepton transverse momentum and energy; the stop signal reaches far beyond the background."}}
axes = draw_two(
    background,
    (leptons.pt, np.linspace(0, 600, 31), "lepton $p_T$ [GeV]"),
    (leptons.E, np.linspace(0, 1200, 31), "lepton energy [GeV]"),
)
style = {"histtype": "step", "color": "black", "lw": 2}
signal = dmlib.channels.leptons(stops)
for ax, component in zip(axes, ("pt", "E"), strict=True):
    values, _, weights = expand(stops, signal[component])
    bins = np.linspace(*ax.get_xlim(), 31)
    ax.hist(values, bins, weights=100 * weights, **style);

# %% mystnb={"figure": {"caption": "Pseudorapidity and azimuth of the leptons in channel 2b (Figure 5 of the paper). They end at 2.5, where the tracker ends.", "name": "fig-leptons-eta"}, "image": {"alt": "Two stacked histograms: lepton pseudorapidity within plus and minus 2.5 and lepton azimuth, flat."}}
draw_two(
    background,
    (leptons.eta, np.linspace(-3, 3, 25), r"lepton $\eta$"),
    (leptons.phi, azimuth, r"lepton $\phi$ [rad]"),
    log=(False, False),
);

# %% [markdown]
# How many objects does an event have? The spread is the reason why there is no natural table.

# %% mystnb={"figure": {"caption": "Number of jets and of leptons in channel 2b (Figure 6 of the paper).", "name": "fig-multiplicity"}, "image": {"alt": "Two stacked histograms: number of jets from 1 to 10 and number of leptons from 2 to 4."}}
n_jets = ak.num(dmlib.channels.jets(background))
left, right = draw_two(
    background,
    (n_jets, np.arange(-0.5, 14), "number of jets"),
    (ak.num(leptons), np.arange(1.5, 6), "number of leptons"),
)
right.set_xticks(range(2, 6));

# %% mystnb={"figure": {"caption": "Missing transverse momentum and its azimuth in channel 3 (Figure 7 of the paper). The channel starts at 100 GeV.", "name": "fig-met"}, "image": {"alt": "Two stacked histograms: missing transverse momentum falling from 100 to 1200 GeV, and its azimuth, flat."}}
draw_two(
    inclusive,
    (inclusive.met, np.linspace(100, 1200, 23), "$E_T^{miss}$ [GeV]"),
    (inclusive.met_phi, azimuth, r"$\phi$ of $E_T^{miss}$ [rad]"),
    log=(True, False),
);

# %% [markdown]
# At low missing momentum channel 3 belongs to multijets, which have no invisible particle of their own. A b or c quark in
# them may decay to a neutrino or a muon, or a jet was measured too low. How much of it truly escaped?

# %% mystnb={"figure": {"caption": "Missing momentum of the multijets in channel 3, as measured and as it truly was. Muons explain a part of the difference, the measurement of jets the rest.", "name": "fig-met-true"}, "image": {"alt": "Two histograms on a logarithmic axis: the measured missing momentum starts at 100 GeV and falls; the true one starts at zero, where it is highest, and lies below the measured one beyond 100 GeV."}}
multijets = inclusive[inclusive.process == "njets"]
bins = np.linspace(0, 500, 26)
style = {"weights": multijets.weight, "histtype": "step", "lw": 2}
ax = plt.subplots(figsize=(6.4, 3.4))[1]
ax.hist(multijets.met, bins, label="measured", **style)
ax.hist(multijets.met_true, bins, label="true", **style)
ax.set(xlabel="$E_T^{miss}$ [GeV]", ylabel="events in 10/fb", yscale="log")
ax.legend();

# %%
ratio = multijets.met_true / multijets.met
for limit in (0.1, 0.5):
    below = np.average(ratio < limit, weights=multijets.weight)
    print(f"at most {limit:.0%} of it truly escaped: {below:.0%} of the events")

# %% [markdown]
# In a fifth of them almost nothing escaped: their missing momentum is the detector's. In most of the others a b or c quark
# made a neutrino, often beside a muon that counts as missing too. At high missing momentum W and Z bosons take over, with
# their neutrinos, and with the muons of the W. A method trained on all events meets mostly multijets.
#
# Last, $H_T$, with a signal: gluinos, each decaying to two jets and an invisible particle.

# %% mystnb={"figure": {"caption": "Scalar sum of the jets' transverse momenta in channel 3 (Figure 8 of the paper), with a gluino signal, scaled by 500, as a line.", "name": "fig-ht"}, "image": {"alt": "Stacked histogram of H_T from 600 to 3000 GeV falling over more than two decades; the gluino signal is a hill around 1300 GeV."}}
gluinos = dmlib.samples.load("darkmachines/3/glgl1600_neutralino800")
signal = (dmlib.channels.h_t(gluinos), 500 * gluinos.weight.to_numpy())
entries = expand(inclusive, dmlib.channels.h_t(inclusive))
edges = np.linspace(600, 3000, 25)
signals = {"gluinos x 500": signal}
plotting.stacked(*entries, edges, "$H_T$ [GeV]", signals=signals);

# %% tags=["check", "remove-cell"]
met_high = inclusive.met.to_numpy() > 400
boson = np.isin(inclusive.process.to_numpy(), ["w_jets", "z_jets"])
assert (
    np.average(boson[met_high], weights=inclusive.weight.to_numpy()[met_high])
    > 0.5
)
h_t_mean = np.average(
    dmlib.channels.h_t(inclusive), weights=inclusive.weight.to_numpy()
)
assert np.median(dmlib.channels.h_t(gluinos)) > 1.3 * h_t_mean
assert 0.3 < below < 0.7
phi_mean = np.average(
    np.cos(inclusive.met_phi.to_numpy()), weights=inclusive.weight.to_numpy()
)
assert (
    abs(phi_mean) < 0.25
)  # flat in azimuth, within the effective number of events

# %% [markdown]
# ## Encodings: from lists to tables
#
# Most machines want a table: the same columns for every event. The simplest recipe keeps the leading eight objects and
# fills the rest with zeros. That is what the challenge's simplest autoencoder saw.

# %%
table = dmlib.features.leading(background, 8)
gev = dict.fromkeys(["met", "o1_pt", "o1_E"], "GeV")
plotting.table(table.iloc[:3, :6], digits=1, units=gev)

# %% [markdown]
# How much of such a table is padding, and how much of an event is cut off?

# %% mystnb={"figure": {"caption": "Share of channel-2b events that fill each slot of the leading-8 table. Beyond the fourth slot a machine looks at zeros more often than not.", "name": "fig-padding"}, "image": {"alt": "Bar chart: the share of filled slots falls from one for the third slot to about one per cent for the eighth."}}
filled = [
    np.average(ak.num(background.objects) > slot, weights=w)
    for slot in range(8)
]
ax = plt.subplots(figsize=(6.4, 3.2))[1]
ax.bar(np.arange(1, 9), filled, color=plotting.BACKGROUND)
ax.set(xlabel="slot", ylabel="share of events that fill it", ylim=(0, 1.05));

# %% [markdown]
# Every encoding is a choice of what to forget. These are the ones that the challenge's methods used, and one that a
# classifier trained on many theories uses:

# %%
features = dmlib.features
encodings = {
    "leading 8": features.leading(background, 8),
    "static": features.static(background),
    "dynamic": features.dynamic(background, 8),
    "efficient": features.efficient(background),
    "efficient, no E": features.efficient(background, energy=False),
    "aggregates": features.aggregates(background),
    "by kind": features.by_kind(background),
}

# %% tags=["nbval-check-output"]
forgets = pd.Series(
    {
        "leading 8": "kinds, all that is softer",
        "static": "masses of jets",
        "dynamic": "all beyond the eighth object",
        "efficient": "tags and charges of objects, photons' momenta",
        "efficient, no E": "... and jet masses",
        "aggregates": "all but missing momentum and numbers",
        "by kind": "photons, the softest jets",
    }
)
columns = {name: X.shape[1] for name, X in encodings.items()}
zeros = {name: (X == 0).to_numpy().mean() for name, X in encodings.items()}
kinds_of = pd.DataFrame({"columns": columns, "zeros": zeros, "forgets": forgets})
plotting.table(kinds_of.rename_axis("encoding"), {"zeros": ".0%"})

# %% [markdown]
# An encoding also decides what counts as *different*. Rotate an event around the beam and physics does not change, but
# every $\phi$ column does. Swap two jets of nearly equal $p_T$, and the leading-8 table jumps. A method that looks for
# strange rows will find such jumps strange, unless it is told not to.

# %%
angle = np.mod(background.met_phi + 1 + np.pi, 2 * np.pi) - np.pi
rotated = ak.with_field(background, angle, "met_phi")
change = features.aggregates(rotated) - features.aggregates(background)
changed = list(change.columns[(change != 0).any()])
print("turn the missing momentum alone, and these columns change:", changed)

# %% tags=["check", "remove-cell"]
assert [columns[name] for name in ("leading 8", "efficient", "efficient, no E")] == [34, 53, 42]
assert columns["aggregates"] == 9 and columns["by kind"] == 85
assert changed == ["met_phi"]
assert filled[0] > 0.99 and filled[7] < 0.25
assert all(np.isfinite(X.to_numpy()).all() for X in encodings.values())

# %% [markdown]
# ## Check yourself
#
# :::{dropdown} How can an event without any neutrino have a large missing momentum?
# :class-container: self-check
# Missing momentum is inferred from what the calorimeters saw. A muon hardly shows in them and counts as missing, and a
# jet that was measured too low leaves the sum of the others unbalanced.
# :::
#
# :::{dropdown} Why can a sample with many lines be worth few events?
# :class-container: self-check
# A weighted sum is only as sure as its largest weights. Where a few lines carry most of the sum, their fluctuation is
# that of a few events, however many light lines stand beside them. The effective number says how many.
# :::
#
# :::{dropdown} Two events differ only by a rotation around the beam. Are they alike?
# :class-container: self-check
# To physics, yes: the detector is round, and the beam prefers no side. To a machine it depends on the encoding: every
# $\phi$ column of the table differs, so the two rows lie apart unless the angles are measured from a direction in the
# event itself.
# :::

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: Pairs near the Z (10 min)
# What share of the weighted events of channel 2a has at least one opposite pair within 10 GeV of 91.2 GeV? And of those
# whose process is `ttbar`?
#
# **Expect:** 88 to 90 % of all events, and 25 to 35 % of the top pairs (only some thirty effective events stand behind
# that number).

# %% tags=["exercise"]
# your code

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
near_z = ak.any(opposite & (abs(pair.mass - 91.2) < 10), axis=1)
share_z = np.average(near_z, weights=trilepton.weight)
top = trilepton.process == "ttbar"
share_top = np.average(near_z[top], weights=trilepton.weight[top])
print(f"near the Z: {share_z:.0%} of all, {share_top:.0%} of top pairs")

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# Nearly all of channel 2a is WZ and ZZ, where a Z decays to two leptons, so that most events have a pair near its
# mass. In `ttbar` there is no Z: the leptons of a pair have different parents, and only chance puts a mass into the
# window. Chance does so in about three events of ten, since the window is 20 GeV wide, lies where masses of pairs are
# common, and an event may offer two opposite pairs. A pair in the peak is therefore no proof of a Z.
# :::

# %% tags=["check", "remove-cell"]
assert 0.84 < share_z < 0.94 and share_top < 0.5

# %% [markdown]
# ### Exercise 2: The transverse mass of the W (15 min)
# The transverse mass of the missing momentum and a lepton, $m_T = \sqrt{2 p_T E_T^{miss} (1 - \cos\Delta\phi)}$, ends
# near the W mass when both come from one W. Draw it for `zw` in channel 2a, for the lepton outside the pair that is
# nearest the Z mass, or, more simply, for the softest lepton of the event. First take the muons off the missing momentum,
# for here they are no neutrinos. Where does it end, and why not sharply?
#
# **Expect:** for the softest lepton a rise up to 70 or 80 GeV, half as much in the next 10 GeV, and a thin tail beyond
# 100 GeV.

# %% tags=["exercise"]
# your code

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true} mystnb={"figure": {"caption": "Transverse mass of the softest lepton and the missing momentum without muons in WZ events.", "name": "fig-transverse-mass"}, "image": {"alt": "Histogram of the transverse mass from 0 to 250 GeV: it rises to about 70 GeV and falls beyond the W mass, with a tail."}}
wz = trilepton[trilepton.process == "zw"]
wz_muons = wz.objects[is_muon(wz.objects)]
x = wz.met * np.cos(wz.met_phi) - ak.sum(wz_muons.px, axis=1)
y = wz.met * np.sin(wz.met_phi) - ak.sum(wz_muons.py, axis=1)
softest = dmlib.channels.leptons(wz)
softest = softest[ak.argmin(softest.pt, axis=1, keepdims=True)][:, 0]
cos = (softest.px * x + softest.py * y) / softest.pt / np.hypot(x, y)
m_t = np.sqrt(2 * softest.pt * np.hypot(x, y) * np.maximum(1 - cos, 0))
edges = np.linspace(0, 250, 26)
entries = m_t, wz.process, wz.weight
plotting.stacked(*entries, edges, "$m_T$ [GeV]", log=False);

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# The transverse mass of a lepton and its neutrino cannot exceed the mass of their parent, and it comes close to it when
# both fly across the beam. So the distribution rises towards the W mass and drops there. The end is not sharp because
# the W has a width and the missing momentum is measured with an error. Besides, the softest lepton is not always that
# of the W, and with a lepton of the Z there is no bound.
# :::

# %% [markdown]
# ### Exercise 3: What a cut at 2.8 costs (10 min)
# What share of each channel's background would be lost if only jets with $|\eta| < 2.8$ counted, as the paper says?
#
# **Expect:** 14 to 16 % in channel 1, 8 to 10 % in channel 3, about 3 % in 2b, and nothing in 2a.

# %% tags=["exercise"]
# your code

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
lost = pd.Series(dtype=float, name="share lost")
for name, events in channels.items():
    passes = dmlib.channels.passes(events, name, eta_max=2.8)
    lost[name] = 1 - np.average(passes, weights=events.weight)
plotting.table(lost.rename_axis("channel"), digits=".1%")

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# Without its forward jets an event has a smaller $H_T$, and those that stood just above the threshold fall below it. In
# a steeply falling spectrum many do. Channel 1 asks for four jets as well, so it loses most. In 2b the threshold is
# low, and channel 2a uses no jets at all. The losses are large enough that two studies with the two definitions do not
# have the same background.
# :::

# %% tags=["check", "remove-cell"]
assert lost["2a"] == 0 and 0.1 < lost["1"] < 0.2 and 0.06 < lost["3"] < 0.12

# %% [markdown]
# ## What to remember
#
# - An event is a list of objects of any length; files are in MeV, memory is in GeV, and a reader must refuse what it does
#   not understand.
# - Four-vectors add; a peak in a mass is a particle. Only transverse momentum balances.
# - A line is not an event: weights carry the cross sections, and the effective number says what a sample is worth.
# - The four channels overlap, and each is ruled by few processes: those are what a detector will learn as ordinary.
# - Every encoding forgets something, pads something, and decides which events look alike.
#
# **Read on.** The format and the channels: {cite}`Aarrestad2021`, section 2. Ragged arrays: {cite}`awkward`. Next,
# [figures of merit](02-figures-of-merit.ipynb): how good is a score, and how would we know?
