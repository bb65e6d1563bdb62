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
# # NPLM: learning new physics
#
# :::{admonition} In this chapter
# - You ask of a whole data set, not of an event, whether it follows the Standard Model: with a histogram first, then with a
#   network.
# - You write the loss whose minimum is a likelihood ratio, train a network on it by hand, and meet the same number in
#   `dmlib`.
# - You choose how free the network may be from the Standard Model alone: by plateaus, and by the chi-squared law.
# - You watch what happens when it is too free, and know on what the choice rests, and on what it does not.
# - You see what a finite reference sample does to the test.
#
# You need: p-values, as in [figures of merit](02-figures-of-merit.ipynb), and gradient descent. Time: 60 minutes; the code
# runs in a minute on a laptop.
# :::
#
# An anomaly score judges events one by one. But new physics need not look strange event by event. A resonance adds events
# where there were some already, an interference bends a spectrum, a missing process leaves a hole. What is strange is the
# *sample*.
#
# So the question of this chapter is another one. Here are data, and here is a large sample of what the Standard Model
# predicts, the *reference*. Do the data follow it, yes or no? Nobody says what else they might follow. The New Physics
# Learning Machine {cite}`DAgnolo2018,DAgnolo2019` lets a network propose the alternative.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import special
from scipy.stats import chi2

import dmlib
from dmlib import compute, nplm, plotting

run = dmlib.start(seed=16)
rng = run.rng

# %% [markdown]
# ## One variable
#
# We take the example of the paper: pairs of muons, and of them one number, the momentum of the harder muon along one
# direction across the beam. (Our sample keeps no azimuth, since nothing depends on it. Every event is given one at random.)

# %%
def p_x(events):
    phi = rng.uniform(-np.pi, np.pi, len(events))
    return (events.pt1 * np.cos(phi)).to_numpy(float)[:, None]


muons = p_x(dmlib.samples.load("dimuon/drell-yan"))
zprime = p_x(dmlib.samples.load("dimuon/zprime-600"))
muons, zprime = nplm.normalise(muons, muons, zprime)

# %% [markdown]
# `normalise` subtracts the mean and divides by the standard deviation of the reference, because a network likes numbers of
# order one. What was in GeV is now in units of 36 GeV or so.
#
# The paper's data have $N(\mathrm{R}) = 2000$ expected events, and a reference of $\mathcal{N}_R = 20000$. We live on a
# tenth of both. The sample is cut in two: references are drawn from one half, pretended data, the *toys*, from the other.

# %%
expected, n_toys = run.pick(
    quick=(200, 40), full=(2_000, 1_000), gpu=True
)
for_references, pool = np.split(rng.permutation(muons), 2)


def reference(i, size=10 * expected):
    own = compute.stream(run.seed, "reference", i)
    return own.choice(for_references, size)


(data,), _ = nplm.draw_from(
    pool, expected, 1, compute.seed(run.seed, "data")
)
with_signal = np.concatenate([data, zprime[:6]])
print(f"{len(data)} events, {len(with_signal)} with a little signal")

# %% mystnb={"figure": {"caption": "The spectrum of the Standard Model, scaled to the data, and data with six events of a Z' of 600 GeV among them. The marks below are events.", "name": "fig-muon-momentum"}, "image": {"alt": "A two-humped spectrum on a logarithmic axis, with steps of data scattered around it; on the right the data reach further out than one would expect from the falling tail."}}
bins = np.linspace(-9, 9, 46)
ax = plt.subplots(figsize=(6.4, 3.6))[1]
weights = np.full(len(pool), expected / len(pool))
ax.hist(pool, bins, weights=weights, alpha=0.4, label="Standard Model")
ax.hist(with_signal, bins, histtype="step", lw=2, label="data")
ax.plot(with_signal, np.full(len(with_signal), 0.02), "|", color="black")
ax.set(xlabel="$p_x$, scaled", ylabel="events", yscale="log")
ax.set_ylim(bottom=0.01)
ax.legend();

# %% [markdown]
# ## A histogram asks the question
#
# You have done this before: fill a histogram, compare with the expectation bin by bin, and add up the surprise. Let us look
# at what it *assumes*. In bin i the reference expects $b_i$ events, and there are $n_i$. The Standard Model says the mean is
# $b_i$. The alternative says it may be anything, $b_i e^{f_i}$, with a number $f_i$ for every bin. The likelihood ratio of
# the best alternative to the Standard Model is
#
# $$t = 2 \max_f \sum_i \left[n_i f_i - b_i\,(e^{f_i} - 1)\right] .$$
#
# The maximum is at $f_i = \log(n_i / b_i)$: whatever the data say.

# %%
def equal(bins):  # edges of bins that all expect the same
    edges = np.quantile(for_references, np.linspace(0, 1, bins + 1))
    return np.concatenate([[-1e3], edges[1:-1], [1e3]])


def counts(samples, edges):
    return np.array([np.histogram(x, edges)[0] for x in samples])


def t_bins(n, b):
    return 2 * (special.xlogy(n, n / b) - (n - b)).sum(axis=1)


def t_histogram(toys, edges):
    share = counts([for_references], edges) / len(for_references)
    return t_bins(counts(toys, edges), expected * share)

# %% [markdown]
# How large is large? That is found without any theory. Draw toys from the Standard Model and look at their t. And with
# theory: Wilks' theorem says that t of such toys follows a chi-squared law, with as many degrees of freedom as the
# alternative has free numbers, if there are many events for each of them.
#
# :::{admonition} Predict first
# :class: predict
# Take ten bins of twenty events each, and then a hundred bins of two. Where will t of the toys follow the chi-squared
# law, and if it does not, to which side will it miss?
# :::

# %%
many = nplm.draw_from(
    pool, expected, 2_000, compute.seed(run.seed, "many toys")
)
print(f"every event of the pool is in {many.reuse:.1f} toys on average")
histograms = {k: t_histogram(many.toys, equal(k)) for k in (10, 100)}

# %% mystnb={"figure": {"caption": "t of two thousand toys that follow the Standard Model. With ten bins of twenty events the chi-squared law holds; with a hundred bins of two it does not.", "name": "fig-histogram-null"}, "image": {"alt": "Two histograms of t with chi-squared curves: on the left, for ten bins, they agree; on the right, for a hundred bins, the toys lie well above the curve."}}
axes = plt.subplots(1, 2, figsize=(8, 3.2))[1]
for ax, (bins, t) in zip(axes, histograms.items(), strict=True):
    grid = np.linspace(t.min(), t.max(), 200)
    ax.hist(t, 40, density=True, alpha=0.4, label="toys")
    ax.plot(grid, chi2(bins).pdf(grid), label=rf"$\chi^2_{{{bins}}}$")
    ax.set(xlabel="$t$", ylabel="density", title=f"{bins} bins")
    ax.legend()

# %% [markdown]
# Two lessons lie in these panels, and the rest of the chapter only repeats them.
#
# - **Freedom costs.** Every bin fluctuates, also where nothing is new, and t adds it all up. In a hundred bins a signal that
#   moves t by ten is lost in the noise; in ten bins it is not.
# - **Freedom needs events.** With two events in a bin the chi-squared law fails. Turned round: where t of the toys still
#   follows the law, there are enough events for so many free numbers.
#
# But bins are a clumsy alternative. They must be placed, in five dimensions there are far too many of them, and neighbours
# know nothing of each other, though new physics is mostly smooth.

# %% tags=["check", "remove-cell"]
few, fine = histograms[10], histograms[100]
assert abs(few.mean() - 10) < 0.6  # seeds 16, 1, 2: 9.9 to 10.1
assert 111 < fine.mean() < 117  # 114.0 to 114.3
assert (fine > chi2(100).ppf(0.95)).mean() > 0.15  # 0.24 to 0.25

# %% [markdown]
# ## A network in place of the bins
#
# So let $f$ be a network: a smooth function of x with weights $w$, of which there are few. The alternative is
# $n(x|w) = e^{f(x; w)}\,n(x|\mathrm{R})$, and the sum over bins becomes a sum over events, of the reference for what is
# expected and of the data for what is seen:
#
# $$L(w) = \frac{N(\mathrm{R})}{\mathcal{N}_R} \sum_{x \in \mathcal{R}} \left(e^{f(x; w)} - 1\right)
#   - \sum_{x \in \mathcal{D}} f(x; w), \qquad t = -2 \min_w L(w) .$$
#
# It is the same formula as for the histogram, with a minus sign, because networks are trained downhill. Three neurons will
# do.

# %%
def network():
    torch.manual_seed(compute.seed(run.seed, "network"))
    return torch.nn.Sequential(
        torch.nn.Linear(1, 3), torch.nn.Sigmoid(), torch.nn.Linear(3, 1)
    )


def loss(f, reference, data):
    weight = expected / len(reference)
    return weight * torch.expm1(f(reference)).sum() - f(data).sum()

# %% [markdown]
# All events are in every step, since t is the minimum over the whole sample and not an average over batches. After each step
# the weights are cut back to the size W, the *weight clipping*; what it is good for comes below. (The biases stay free, as in
# the authors' own code.)

# %%
def train(f, reference, data, clip, epochs=3_000):
    adam = torch.optim.Adam(
        f.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-7
    )
    for _ in range(epochs):
        adam.zero_grad()
        loss(f, reference, data).backward()
        adam.step()
        with torch.no_grad():
            for layer in f[::2]:
                layer.weight.clamp_(-clip, clip)

# %%
f = network()
samples = [torch.tensor(x).float() for x in (reference(0), with_signal)]
start = [torch.column_stack([a.weight, a.bias]).ravel() for a in f[::2]]
start = torch.cat(start).detach().numpy()
by_hand = {"first epoch": -2 * loss(f, *samples).item()}
train(f, *samples, clip=5.0)
by_hand["last epoch"] = -2 * loss(f, *samples).item()

# %% [markdown]
# `dmlib.nplm` holds the same loss, for many toys at once and with its derivatives written out. From the same weights, on the
# same events, it must come to the same t.

# %%
adam = nplm.Adam(epochs=3_000, learning_rate=0.01)
box = {"architecture": (1, 3, 1), "weight_clipping": 5.0}
fits = nplm.fit_models(
    reference(0), [with_signal], expected, **box, recipe=adam,
    initial=start,
)
table = pd.DataFrame({"t by hand": by_hand})
table["t of dmlib"] = [fits.history.epochs.t[0, 0], fits.t[0]]
plotting.table(table, digits=3)

# %% tags=["check", "remove-cell"]
assert abs(table.iloc[0, 0] - table.iloc[0, 1]) < 0.01
assert abs(table.iloc[1, 0] - table.iloc[1, 1]) < 0.1

# %% [markdown]
# That is the whole machine. Its output f is worth a look by itself: at the minimum it is the logarithm of the ratio of what
# is there to what was expected.

# %% mystnb={"figure": {"caption": "What the network has learnt from the data, beside the truth: the ratio of Standard Model plus Z' to Standard Model, from large samples. The marks are the events.", "name": "fig-learnt-ratio"}, "image": {"alt": "The learnt log ratio is near zero in the middle and rises on the right, where there are events, as the true one does; on the left, where there are none, it falls."}}
grid = np.linspace(-9, 9, 201)[:, None]
bins = np.linspace(-9, 9, 37)
signal = 6 * np.histogram(zprime, bins)[0] / len(zprime)
background = expected * np.histogram(muons, bins)[0] / len(muons)
ax = plt.subplots(figsize=(6.4, 3.4))[1]
ax.stairs(np.log1p(signal / background), bins, label="truth")
ax.plot(grid, fits.log_ratio(grid)[0], label="learnt")
ax.plot(with_signal, np.full(len(with_signal), -1.9), "|", color="black")
ax.set(xlabel="$p_x$, scaled", ylabel="log ratio $f$", ylim=(-2, 7))
ax.legend();

# %% [markdown]
# Nobody told it where to look. Whether this is a discovery is another matter: without signal the network also learns
# *something*, since it was asked for the best alternative. How large is t then?
#
# ## How free may it be?
#
# A network with large weights can make steps as sharp as it likes, around a single event if that pays. What is the right
# size? The signal cannot help to decide, because there is none to be had beforehand. The paper's recipe
# {cite}`DAgnolo2019` looks at the Standard Model alone: train on toys without signal, start with a large W, and lower it
# until t behaves.
#
# Each toy has a reference of its own here, drawn anew. `dmlib` trains them together: 3,000 epochs of Adam with ten times the
# paper's learning rate, and then damped Gauss-Newton steps (Fisher scoring) that go down to the minimum, all from one random
# start. This recipe is now frozen. Data and toys will get the same.

# %%
toys, reuse = nplm.draw_from(
    pool, expected, n_toys, compute.seed(run.seed, "toys")
)
recipe = nplm.Newton(
    adam, starts=1, iterations=run.pick(quick=100, full=300, gpu=True)
)
together = run.pick(quick=40, full=None, gpu=True)


def null(clip, layers=(1, 3, 1), toys=toys, reference=reference):
    return nplm.fit_models(
        reference, toys, expected, layers, clip, recipe, run.seed,
        batch=together,
    )

# %%
fits = {30: null(30)}

# %% mystnb={"figure": {"caption": "Quantiles of t over the toys, against the epochs of the training, for W = 30. Dotted: where they belong for ten degrees of freedom. The upper quantile does not come to rest.", "name": "fig-no-plateau"}, "image": {"alt": "Three lines rise with the epochs; the median flattens out near its dotted line, the 95 per cent quantile rises without end far above its own."}}
def plot_quantiles(ax, fits):
    epoch, t = fits.history.epochs
    dof = nplm.degrees_of_freedom(fits.architecture)
    for k, q in enumerate((0.5, 0.84, 0.95)):
        line = np.quantile(t, q, axis=0)
        ax.plot(epoch, line, color=f"C{k}", label=f"{q:.0%} of toys")
        ax.axhline(chi2(dof).ppf(q), color=f"C{k}", ls=":", lw=1)
    ax.set(xlabel="epochs", ylabel="$t$")


ax = plt.subplots(figsize=(6, 3.4))[1]
plot_quantiles(ax, fits[30])
ax.set_ylim(bottom=0)
ax.legend();

# %% [markdown]
# With W = 30 the training does not end. The median is nearly at rest, but in some toys the network has found a few events
# close together, and digs deeper around them with every epoch. The minimum is far away, and the t that we stop at depends
# on when we stop. Lower W.

# %%
for clip in (1, 5, 10):
    fits[clip] = null(clip)

# %% mystnb={"figure": {"caption": "The same for smaller clippings. For W = 5 the quantiles come to rest near the dotted lines of the chi-squared law, for W = 1 far below them; for W = 10 the upper one overshoots.", "name": "fig-plateaus"}, "image": {"alt": "Three panels of quantiles of t against epochs, for W of 1, 5 and 10; the lower the clipping, the sooner and the lower they flatten out."}}
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True)
for ax, clip in zip(axes, (1, 5, 10), strict=True):
    plot_quantiles(ax, fits[clip])
    ax.set_title(f"W = {clip}")
axes[0].legend(fontsize="small")
axes[0].set_ylim(bottom=0)
for ax in axes[1:]:
    ax.set_ylabel("")

# %% [markdown]
# The plateau is the first condition: a t that is still on its way is no minimum. The second condition is the lesson of the
# histograms. Three neurons have ten weights and biases, so with events enough t should follow $\chi^2_{10}$.

# %%
dof = nplm.degrees_of_freedom((1, 3, 1))
rows = {}
for clip in sorted(fits):
    t = fits[clip].t
    median, high = np.quantile(t, (0.5, 0.95))
    agreement = nplm.compatibility(t, dof)
    rows[clip] = median, high, agreement.reduced, agreement.ks_p_value
names = ["median", "95 % quantile", "reduced χ²", "p (KS)"]
law = pd.Series([*chi2(dof).ppf([0.5, 0.95])], names[:2], name="law")
choice = pd.DataFrame(rows, names).T
both = pd.concat([choice, law.to_frame().T]).rename_axis("W")
plotting.table(both, {"p (KS)": 4}, missing="none")

# %% [markdown]
# `reduced chi2` is the figure of the paper: Pearson's comparison of the toys' histogram with the law, per degree of freedom.
# The last column is the Kolmogorov-Smirnov test, which needs no bins. W = 1 fails both by far: the network is too stiff to
# use its ten numbers. W = 30 fails them too.
#
# Now take the *largest* W that passes both conditions, because a network that is more free sees more kinds of signal. W = 5
# passes; W = 10 does not here, though with forty toys that is not sure: other toys let it pass. The paper, with ten times our
# events and a thousand toys, takes 7.

# %% mystnb={"figure": {"caption": "t of the toys for W = 5, beside the chi-squared law, and for W = 1 and W = 30.", "name": "fig-null-clippings"}, "image": {"alt": "Three histograms of t: narrow and low for W of 1, like the chi-squared curve for 5, and with a long tail for 30."}}
ax = plt.subplots(figsize=(6.4, 3.4))[1]
grid = np.linspace(0, 60, 200)
style = {"bins": np.linspace(0, 60, 21), "density": True}
ax.hist(fits[5].t, alpha=0.4, label="W = 5", **style)
for clip in (1, 30):
    t = np.minimum(fits[clip].t, 59.9)
    ax.hist(t, histtype="step", lw=2, label=f"W = {clip}", **style)
ax.plot(grid, chi2(dof).pdf(grid), color="black", label=r"$\chi^2_{10}$")
ax.set(xlabel="$t$ (the last bin holds all beyond)", ylabel="density")
ax.legend();

# %% tags=["check", "remove-cell"]
epoch, t = fits[30].history.epochs
rise = np.quantile(t, 0.95, axis=0)
assert rise[-1] > 1.2 * rise[np.searchsorted(epoch, 2_000)]
assert 2.3 < choice.loc[1, "median"] < 5.5  # seeds 16, 1, 2: 2.9 to 4.7
assert 7 < choice.loc[5, "median"] < 15  # 8.9 to 12.7
assert choice.loc[5, "p (KS)"] > 1e-4  # 0.002 to 0.9
assert choice.loc[1, "p (KS)"] < 1e-8
high = choice["95 % quantile"]
assert high[30] > 1.7 * high[5]  # 3.6 to 4.8 times

# %% [markdown]
# ### What too much freedom learns
#
# Take the toy for which W = 30 found the largest t, and look at what it is so excited about.

# %% mystnb={"figure": {"caption": "One toy of the Standard Model, and what networks of different clipping make of it. The marks are its events. The line of W = 30 leaves the frame.", "name": "fig-outliers"}, "image": {"alt": "For W of 1 and 5 the learnt log ratio stays near zero; for W of 30 it jumps to a high value around a few outlying events."}}
worst = int(fits[30].t.argmax())
grid = np.linspace(-8, 8, 4_001)[:, None]
ax = plt.subplots(figsize=(6.4, 3.4))[1]
for clip in (30, 5, 1):
    label = f"W = {clip}, t = {fits[clip].t[worst]:.0f}"
    ax.plot(grid, fits[clip].log_ratio(grid)[worst], label=label)
events = toys[worst]
ax.plot(events, np.full(len(events), -4.8), "|", color="black")
ax.set(xlabel="$p_x$, scaled", ylabel="log ratio $f$", ylim=(-5, 30))
ax.legend();

# %% [markdown]
# A few events that lie close together, or further out than any event of the reference: a step around them raises the
# likelihood, the higher and steeper the better. Nothing in the loss holds f back where the reference has no events. This is
# overfitting, but in a sense of its own. There is no second sample on which the network would have to do well; it *shall*
# follow the data it is given. What is wrong is that t is now decided by accidents of single events, whose tail no law
# describes.
#
# ### Too many neurons
#
# More neurons are more freedom too. With ten of them there are 31 free numbers. Will any clipping do?

# %%
wide = {}
for clip in (2, 5):
    wide[clip] = null(clip, (1, 10, 1), toys[: n_toys // 2])

# %%
dof_wide = nplm.degrees_of_freedom((1, 10, 1))
law = chi2(dof_wide)
rows = {"law": (law.mean(), law.std(), law.ppf(0.95), np.nan)}
for clip, fit in wide.items():
    p = nplm.compatibility(fit.t, dof_wide).ks_p_value
    rows[clip] = fit.t.mean(), fit.t.std(), np.quantile(fit.t, 0.95), p
names = ["mean", "spread", "95 % quantile", "p (KS)"]
moments = pd.DataFrame(rows, names).T.rename_axis("W")
plotting.table(moments, {"p (KS)": 4}, missing="none")

# %% [markdown]
# Where the training ends in a plateau, t stays far below 31, and where it becomes as large, its spread is not that of the
# law. The paper finds the same (its Figure 3), and drops the network. Two hundred events do not have thirty things to say
# about one variable.

# %% tags=["check", "remove-cell"]
assert wide[2].t.mean() < 18  # seeds 16, 1, 2: 9.5 to 11.7
p = [nplm.compatibility(w.t, dof_wide).ks_p_value for w in wide.values()]
assert max(p) < 0.01  # at most 1e-6

# %% [markdown]
# ### On what this rests
#
# It is a *heuristic*, and its authors say so. Wilks' theorem speaks of a maximum inside an open region, of numbers that
# each do something, and of a reference that is exact. Count how far the ten numbers of our network are from that.

# %%
rows = {}
for clip in sorted(fits):
    at_edge = np.isclose(np.abs(fits[clip].weights), clip).sum(axis=1)
    rows[clip] = at_edge.mean(), fits[clip].t.mean()
names = ["of ten, at the edge of the box", "mean of t"]
crowded = pd.DataFrame(rows, names).T.rename_axis("W")
plotting.table(crowded, digits=1)

# %% [markdown]
# Weights that lie at the edge are not free, so t should be smaller than the law says. Neurons that have moved to where there
# are no events, or that copy each other, make it smaller still. The search for the best place of a step, and the
# fluctuations of the reference, make it larger. W = 5 is where these effects cancel. Agreement with the law is a good sign
# that t is tame, no more.
#
# So the last word on a p-value is with the toys:
#
# $$p = \text{share of Standard Model toys with } t \ge t_\text{obs} .$$

# %% tags=["check", "remove-cell"]
share = crowded.iloc[:, 0]
assert share[1] > 4 > share[5] > 2  # 4.8 to 5.2, 3.1 to 3.2

# %% [markdown]
# ## The reference is finite
#
# The loss treats the reference as if it were the Standard Model itself. But it is a sample, with fluctuations, and the
# network sees no difference between an excess in the data and a gap in the reference. To second order both count alike:
#
# $$\langle t \rangle \approx \nu \left(1 + \frac{N(\mathrm{R})}{\mathcal{N}_R}\right)$$
#
# for references drawn anew for each toy. With the histogram this can be watched in thousands of toys:

# %%
edges = equal(10)
some = counts(many.toys[:1_000], edges)
ratios = np.array([1, 2, 5, 10, 50])
drawn, shared = {}, {}
for r in ratios:
    own = [reference(i, r * expected) for i in range(1_000)]
    b = counts(own, edges) / r
    drawn[r] = t_bins(some, b).mean()
    shared[r] = [t_bins(some, one).mean() for one in b[:20]]

# %% [markdown]
# And for the network, with fewer toys:

# %%
own = {10: fits[5].t}
for r in (1, 2):
    own[r] = null(5, reference=lambda i, r=r: reference(i, r * expected)).t
means = pd.DataFrame(own).mean()
errors = pd.DataFrame(own).sem()

# %% mystnb={"figure": {"caption": "Mean of t over Standard Model toys against the size of the reference. With references drawn anew for each toy, the histogram follows the line and the network lies above it at small sizes. Shared by all toys, each reference (a small dot) has a shift of its own.", "name": "fig-reference-size"}, "image": {"alt": "The mean of t falls from twice its limit at equal sizes towards the limit for large references, for the histogram and the network; small dots scatter around, widely at the left and hardly at the right."}}
ax = plt.subplots(figsize=(6.4, 3.6))[1]
grid = np.geomspace(0.9, 60, 100)
ax.plot(grid, 10 * (1 + 1 / grid), color="black", lw=1, label="formula")
ax.plot(ratios, drawn.values(), "o", label="histogram, drawn anew")
for r in ratios:
    ax.plot([r] * 20, shared[r], ".", ms=4, color=plotting.GREY)
ax.plot([], [], ".", color=plotting.GREY, label="histogram, shared")
ax.errorbar(means.index, means, errors, fmt="D", label="network")
ax.set(xscale="log", xlabel=r"$\mathcal{N}_R / N(\mathrm{R})$")
ax.set_ylabel(r"mean of $t$")
ax.legend();

# %% [markdown]
# A reference as large as the data doubles t, without any new physics. The toys are inflated in the same way, so this costs
# sensitivity, not truth. (The network lies above the formula where the reference is small. There an event of the data easily
# lies further out than all of the reference, the accident that we met above.)
#
# Drawn anew or shared: which is right? An experiment has *one* reference. Toys that share it are exactly what the data would
# be without new physics, given this reference: the p-value is right, though t is shifted by an amount that another
# reference would change, and the chi-squared law cannot know it. With references drawn anew the law is that of the whole
# procedure, reference included, and the p-value is right as well. Both are allowed, and it should be said which one was
# taken. What is *not* allowed are toys made of events that are in the reference.
#
# Either way, take $\mathcal{N}_R$ at least five times $N(\mathrm{R})$, better ten.

# %% tags=["check", "remove-cell"]
assert abs(drawn[1] / 20 - 1) < 0.1 and abs(drawn[10] / 11 - 1) < 0.08
assert np.std(shared[1]) > 2 * np.std(shared[10])
assert 1.4 < means[1] / means[10] < 3.2  # seeds 16, 1, 2: 2.0 to 2.3

# %% [markdown]
# ## The data
#
# At last, the data with their six events of a Z' in two hundred. Same recipe, same clipping, and a reference drawn like
# the others.
#
# :::{admonition} Predict first
# :class: predict
# Will the six events stand out, and by how many standard deviations? What is the most that counting the toys can give?
# :::

# %%
observed = nplm.fit(
    reference(10_000), [with_signal, data], expected, (1, 3, 1), 5.0,
    recipe, run.seed,
)
counted = nplm.empirical_significance(observed, fits[5].t)
rows = {"t": observed, "Z by the law": nplm.significance(observed, dof)}
rows |= {"Z by counting toys": counted.z, "only a limit": counted.is_limit}
plotting.table(pd.DataFrame(rows, ["with signal", "without"]))

# %% [markdown]
# By counting, forty toys can say no more than two standard deviations: where none of them comes up to the data, the number is
# a *limit*. The law says more, and is to be believed only as far as the toys have confirmed it, which is not far. To claim
# more one needs more toys, which is a question of time. [Kernel machines](19-nplm-kernels.ipynb) make them cheap.
#
# And the p-value is *global*. The network could have found its excess anywhere, and so could it in every toy. The price for
# looking everywhere is in the toys already.

# %% tags=["check", "remove-cell"]
assert observed[0] > 25 > observed[1]  # 41 to 53, and 3 to 15

# %% [markdown]
# ## Check yourself
#
# :::{dropdown} The network follows the fluctuations of every toy. When does that become a fault?
# :class-container: self-check
# Not as such: data and toys are fitted alike, so the fluctuations are in the distribution of t too. It becomes one when
# a few events decide t: the training then finds no plateau, and t has a long tail in which a signal is lost.
# :::
#
# :::{dropdown} Why must the data not take part in the choice of W?
# :class-container: self-check
# If W were picked because t of the data is large with it, the t of the data would be the largest of several, and that
# of the toys would not. The p-value would be too small. Toys of the Standard Model settle W before the data are looked
# at.
# :::
#
# :::{dropdown} A shared reference shifts t of all toys. Why is the p-value right nonetheless?
# :class-container: self-check
# The data are compared with the same reference, and without new physics their t is shifted like that of the toys. Only
# the chi-squared law is off, for it knows nothing of this one reference.
# :::

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: Where to put the bins (15 min)
# The bins above all expect the same. Try the histogram on this signal: draw 300 toys with six events of the Z' in each, and
# find the median significance, by counting against the other toys, for 10, 20 and 40 bins; then for as many bins of equal
# *width* from -6 to 6 (the outer two open). An error of nan marks a limit: no toy came so high. Does t follow the
# chi-squared law with the second kind? And which would you have taken, before you knew the signal?
#
# **Expect:** a median of 0.1 to 0.5 standard deviations from the first kind, and of 2.5 to 3.3 from the second.

# %% tags=["exercise"]
# your code

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
def wide_bins(bins):
    edges = np.linspace(-6, 6, bins + 1)
    return np.concatenate([[-1e3], edges[1:-1], [1e3]])


signal = nplm.draw_from(zprime, 6, 300, compute.seed(run.seed, "signal"))
mixed, rows = nplm.mix(many.toys[:300], signal), {}
for bins in (10, 20, 40):
    for name, make in (("equal", equal), ("wide", wide_bins)):
        null_t = t_histogram(many.toys[300:], make(bins))
        t = np.median(t_histogram(mixed, make(bins)))
        beyond = (null_t > chi2(bins).ppf(0.95)).mean()
        z = nplm.empirical_significance(t, null_t)
        rows[name, bins] = z.z, z.error, beyond
names = ["median Z", "error", "beyond 95 % of the law"]
placed = pd.DataFrame(rows, names).T.rename_axis(["bins", "number"])
plotting.table(placed, errors={"median Z": "error"})

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# This signal sits where hardly anything is expected. Bins that expect the same are wide there and drown it; bins of
# equal width are nearly empty there, so that one event makes a large t. But with the second kind the law is far off,
# since most bins hold nothing and add nothing, and only toys give the p-value. For a signal in the middle of the
# spectrum it would be the other way round. To choose the bins is to choose the signal; a network places its steps
# itself.
# :::

# %% tags=["check", "remove-cell"]
z = placed["median Z"]
assert z["equal"].max() < 0.7  # seeds 16, 1, 2: 0.2
assert z["wide"].max() > 2  # 2.6 to 3.2

# %% [markdown]
# ### Exercise 2: Best of three trainings (15 min)
# A colleague trains the data three times from different initial weights, and keeps the largest t, "since t is a maximum
# anyway". The toys were trained once. Repeat this for 16 toys without signal (`null` with two more seeds will not do: write
# the call yourself). How much does t grow? What should the colleague do?
#
# **Expect:** 0.1 to 1.5 units on average, and several in single toys, now and then more than ten.

# %% tags=["exercise"]
# your code

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
starts = [fits[5].t[:16]]
for i in (1, 2):
    t = nplm.fit(
        reference, toys[:16], expected, (1, 3, 1), 5.0, recipe,
        compute.seed(run.seed, "other weights", i), batch=16,
    )
    starts.append(t)
gain = np.max(starts, axis=0) - starts[0]
print(f"gain: mean {gain.mean():.1f}, largest {gain.max():.1f}")

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# The loss has several minima, and one training finds one of them: in most toys nearly the same t again, in a few a much
# larger one. Best of three is a better maximum, and a fine recipe, if the toys get it too. What must not be is a recipe
# for the data and another one for the toys: the data then look more significant than they are, by an amount that nobody
# has calibrated.
# :::

# %% tags=["check", "remove-cell"]
assert (gain >= 0).all() and 0.01 < gain.mean() < 4  # 0.1 to 1.1

# %% [markdown]
# ### Exercise 3: A hole and a bump (10 min)
# Does the machine see a *deficit*? Take 16 of the toys, remove all events with $|p_x| < 0.25$ from them, and compare their t
# with the null. Then, instead, add as many events as you would have removed, at the same place. Which is seen better,
# and why?
#
# **Expect:** a median t of 30 to 40 with the hole, of 18 to 26 with the bump, and of 8 to 13 without either.

# %% tags=["exercise"]
# your code

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
middle = [np.abs(x[:, 0]) < 0.25 for x in toys[:16]]
holes = [x[~m] for x, m in zip(toys, middle, strict=False)]
bumps = [
    np.concatenate([x, rng.uniform(-0.25, 0.25, (m.sum(), 1))])
    for x, m in zip(toys, middle, strict=False)
]
found = {"null": fits[5].t[:16]}
for name, changed in {"hole": holes, "bump": bumps}.items():
    found[name] = null(5, toys=changed).t
limit = chi2(dof).ppf(0.95)
rows = {k: (np.median(t), (t > limit).mean()) for k, t in found.items()}
shown = pd.DataFrame(rows, ["median of t", "beyond 95 % of the law"]).T
plotting.table(shown.rename_axis("toys"))

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# The machine sees both, and the hole much better. Take the events of the place alone. Where b events are expected and
# none is there, the likelihood ratio gives $t = 2b$. With twice as many as expected it gives $2\,(2b \log 2 - b)
# \approx 0.8\,b$. So a hole in a well-filled spectrum is more telling than a bump of the same size.
# :::

# %% tags=["check", "remove-cell"]
hole, bump, none = (np.median(found[k]) for k in ("hole", "bump", "null"))
# Seeds 16, 1, 2: 32 to 35, 19 to 25, 8 to 13.
assert hole > bump + 2 > none + 5

# %% [markdown]
# ## What to remember
#
# - The question is whether a *sample* follows the reference. t is twice the log likelihood ratio of the best alternative that
#   a machine can propose; a histogram is such a machine, and a network is a smoother one.
# - The loss is the extended likelihood, with the reference in place of the integral. Its minimum is t, and f at the minimum
#   says where the discrepancy is.
# - Freedom costs and needs events. Lower the clipping until t has a plateau, then take the largest W whose toys follow the
#   chi-squared law. The Standard Model alone decides, so no signal was assumed.
# - That choice is a heuristic: clipped weights, idle neurons and a finite reference all break the theorem behind it. p-values
#   come from toys, trained by the very recipe that the data get.
# - A finite reference inflates t by $1 + N(\mathrm{R}) / \mathcal{N}_R$. Say whether it was shared or drawn anew.
#
# **Read on.** The idea: {cite}`DAgnolo2018`. This chapter's recipe and figures 1 to 3: {cite}`DAgnolo2019`, section 2. A
# reference that is not only finite but wrong: [the chapter on kernels](19-nplm-kernels.ipynb), and {cite}`DAgnolo2021`.
