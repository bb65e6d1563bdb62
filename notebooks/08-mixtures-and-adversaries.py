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
# # DAGMM and ALAD: a mixture in latent space and a game of adversaries
#
# :::{admonition} In this chapter
# - You share events out among Gaussians, and train a network that does so while it compresses them.
# - You recognise a mixture of which one component has taken everything.
# - You follow a game in which no loss falls, and measure what each epoch of it does to the score.
# - You hold both methods against networks that were never trained.
#
# You need: [kernel densities and flows](06-densities.ipynb). Time: 50 minutes; the code runs in a minute on a laptop.
# :::
#
# **Where we are.** The methods so far had one network and one loss. Here two networks or more are trained at once, each
# with an aim of its own. That is hard to get right, and this chapter is also about how to notice.

# %%
from functools import partial

import awkward as ak
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from sklearn.mixture import GaussianMixture
from torch import nn

import dmlib
from dmlib import challenge, detectors, features, plotting, training
from dmlib.detectors.mixture import shared_out
from dmlib.training import Recipe

run = dmlib.start(seed=8)

# %% [markdown]
# ## A mixture, if one knew who belongs to whom
#
# A Gaussian mixture describes a density by K normal distributions,
#
# $$p(z) = \sum_{k=1}^{K} \phi_k\, N(z;\, \mu_k, \Sigma_k) .$$
#
# If each event came with a label that says which of them it belongs to, there would be nothing to fit: weights, means
# and covariances are those of the labelled events. Shares will do as well as labels. Let $\gamma_{ik}$ be the share of
# event i that belongs to component k; then
#
# $$\phi_k = \frac{1}{N} \sum_i \gamma_{ik}, \quad \mu_k = \frac{\sum_i \gamma_{ik} z_i}{\sum_i \gamma_{ik}}, \quad
#   \Sigma_k = \frac{\sum_i \gamma_{ik} (z_i - \mu_k)(z_i - \mu_k)^T}{\sum_i \gamma_{ik}} .$$
#
# The usual algorithm guesses shares, computes the mixture, computes better shares from that, and so on. Ask
# scikit-learn for its final shares, and put them in: the same mixture has to come out.

# %%
island = run.rng.integers(3, size=3_000)
centres = np.array([[-3.0, 0.0], [0.0, 2.0], [2.5, -1.0]])
cloud = centres[island] + run.rng.normal(size=(3_000, 2)) * [0.8, 0.4]
fitted = GaussianMixture(3, random_state=0).fit(cloud)
shares = fitted.predict_proba(cloud)
ours = shared_out(torch.tensor(cloud), torch.tensor(shares))
energy = ours.energy(torch.tensor(cloud)).numpy()
print(f"largest difference of -log p: {np.abs(energy + fitted.score_samples(cloud)).max():.0e}")

# %% tags=["check", "remove-cell"]
assert np.allclose(energy, -fitted.score_samples(cloud), atol=0.01)

# %% [markdown]
# $-\log p(z)$ is called the *energy*, and is the score. (The challenge's paper {cite}`Aarrestad2021` leaves out the
# weights $\phi_k$ in its equation 19; the method's has them.)
#
# ## DAGMM: the shares from a network
#
# The deep autoencoding Gaussian mixture model, [DAGMM](https://openreview.net/forum?id=BJJLHbb0-), lets a network give
# the shares. An autoencoder compresses the event. Its latent variables, with two numbers that say how badly the event
# is reproduced (a relative distance and a cosine), make the vector z. A second, small network turns z into shares. From
# the shares of a batch come mixture and energy, and all is trained at once on
#
# $$L = |x - x'| + \lambda_1 E(z) + \lambda_2 \sum_{k,j} \frac{1}{\Sigma_{k,jj}} .$$
#
# The last term keeps variances from going to zero. Why would they?
#
# :::{admonition} Predict first
# :class: predict
# The encoder may put events wherever it likes in latent space, and is rewarded for a density that is high. How does it
# get a density that is as high as it wants?
# :::
#
# It puts all events on one spot. The density there grows without end, and nothing about the event is left but what the
# reconstruction insists on. So the weights of the three terms are at war, and which of them wins decides what the
# score is.

# %%
jets = challenge.channel("1")
weight = ak.to_numpy(jets.test.weight)
drawn = run.rng.choice(len(weight), 5_000, p=weight / weight.sum())
encode = partial(features.static, slots=detectors.kde.SLOTS)
x = encode(jets.background)
tables = {"background": encode(jets.test)} | {name: encode(events) for name, events in jets.signals.items()}


def scores_of(detector):
    return {name: detector.anomaly_score(table) for name, table in tables.items()}


# %%
quick = detectors.mixture.QUICK
still = quick.replace(epochs=1, learning_rate=1e-9)  # a network that stays as it was made
seeds = (run.seed, run.seed + 1, run.seed + 2)
made = {f"trained, seed {s}": detectors.DAGMM(random_state=s) for s in seeds}
made |= {f"untrained, seed {s}": detectors.DAGMM(random_state=s, recipe=still) for s in seeds}
longer = run.pick(quick=30, full=100)
made |= {f"{longer} epochs": detectors.DAGMM(random_state=run.seed, recipe=quick.replace(epochs=longer))}
mixtures = {name: one.fit(x) for name, one in made.items()}

# %% [markdown]
# :::{admonition} Predict first
# :class: predict
# Three trainings with ten epochs, and the same three networks as they were before the training. Which are better? And
# what will thirty epochs bring?
# :::

# %% table={"caption": "DAGMM in channel 1: medians over the eight signals, and the largest of the four components' weights.", "name": "tab-mixtures"}
dagmm_scores = {name: scores_of(one) for name, one in mixtures.items()}
of_mixtures = challenge.medians({name: jets.figures(scores) for name, scores in dagmm_scores.items()})
of_mixtures["largest weight"] = [one.shares_.max() for one in mixtures.values()]
plotting.table(of_mixtures.rename_axis("network"))

# %% tags=["check", "remove-cell"]
trained, untrained = (of_mixtures.filter(regex=f"^{kind}", axis=0)["AUC"] for kind in ("trained", "untrained"))
assert len(trained) == len(untrained) == 3 and trained.mean() < untrained.mean() and trained.max() < 0.64
assert of_mixtures.loc[f"{longer} epochs", "largest weight"] > 0.8

# %% [markdown]
# Training does not help. Networks that were only made, and whose random projections of the event a mixture was then
# fitted to, are as good or better, seed by seed. The trainings differ by several hundredths among each other, more than
# many published methods do. And after thirty epochs one component has taken nearly everything: the mixture has become
# one Gaussian, and the score is worth no more than a coin.
#
# The loss shows none of it.

# %% mystnb={"figure": {"caption": "Loss of the training with 30 epochs.", "name": "fig-mixture-loss"}, "image": {"alt": "A falling curve of the mean loss against the epoch, steep at first and flatter later, still falling at the end."}}
plotting.losses(mixtures[f"{longer} epochs"].history_);

# %% [markdown]
# ## What helps
#
# Is it the method, or our settings? The rate, the batches, the number of components and the scale of the columns can be
# changed. And the compression can be left out.

# %%
slower = Recipe(epochs=20, batch_size=1_000, learning_rate=1e-4, clip=10.0)
variants = {
    "published settings": detectors.DAGMM.paper("1", run.seed).set_params(recipe=slower),
    "one component": detectors.DAGMM(components=1, random_state=run.seed),
    "standardised columns": detectors.DAGMM(scaling="standard", random_state=run.seed),
}
varied = {name: scores_of(one.fit(x)) for name, one in variants.items()}

# %% table={"caption": "Other settings: published rate and batches, with 20 epochs; one component; standardised columns; a mixture of scikit-learn's on the columns themselves.", "name": "tab-settings"}
sizes = np.sqrt((x**2).sum() / (x != 0).sum()).replace(0, 1).fillna(1)
plain = GaussianMixture(4, reg_covar=1e-4, random_state=run.seed).fit(x / sizes)
varied["mixture of the columns"] = {name: -plain.score_samples(table / sizes) for name, table in tables.items()}
of_variants = challenge.medians({name: jets.figures(scores) for name, scores in varied.items()})
plotting.table(of_variants.rename_axis("setting"))

# %% tags=["check", "remove-cell"]
assert of_variants["AUC"].idxmax() == "mixture of the columns"  # three seeds: 0.67 to 0.68

# %% [markdown]
# The differences are of the size that a seed makes. A mixture that is fitted to the columns themselves, without any
# network, is ahead of all: what the compression throws away is part of what makes an event strange.
#
# ## ALAD: a game
#
# A generator G makes events out of normal numbers, $G(z)$, and an encoder E goes the other way. Three judges
# D look at pairs, one true and one made, and are trained to tell them apart; G and E are trained to deceive them:
#
# | judge | true pair | made pair | asks for |
# |---|---|---|---|
# | $D_{xz}$ | $(x, E(x))$ | $(G(z), z)$ | events and numbers that fit together |
# | $D_{xx}$ | $(x, x)$ | $(x, G(E(x)))$ | an event that comes back |
# | $D_{zz}$ | $(z, z)$ | $(z, E(G(z)))$ | numbers that come back |
#
# This is adversarially learned anomaly detection, ALAD {cite}`Zenati2018,Knapp2021`. An event that does not come back,
# or that the judge finds odd when it does, is strange. Here is the smallest game, with the judge of pairs alone, on two
# islands.

# %%
centre = 1.5 * run.rng.choice([-1, 1], 2_000)[:, None]
islands = torch.tensor(centre + run.rng.normal(scale=0.25, size=(2_000, 2)), dtype=torch.float32)


def layers(a, b):
    return nn.Sequential(nn.Linear(a, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, b))


with training.seeded(run.seed, "game"):
    generator, encoder, judge = layers(2, 2), layers(2, 2), layers(4, 1)
moves = [torch.optim.Adam(judge.parameters(), 1e-3, betas=(0.5, 0.999))]
moves += [torch.optim.Adam([*generator.parameters(), *encoder.parameters()], 1e-3, betas=(0.5, 0.999))]

# %%
def judged(x, z):  # of true pairs, of made ones
    return judge(torch.cat([x, encoder(x)], 1)), judge(torch.cat([generator(z), z], 1))

# %%
def play(steps):
    for _ in range(steps):
        some = islands[torch.randint(len(islands), (250,))]
        for side, optimiser in zip((1, -1), moves, strict=True):  # the judge, then the makers
            true, fake = judged(some, torch.randn(250, 2))
            loss = nn.functional.softplus(-side * true).mean() + nn.functional.softplus(side * fake).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return loss.item()

# %%
snapshots, played = {}, 0
with training.seeded(run.seed, "noise"):
    for steps in (100, 400, 1_600):
        value, played = play(steps - played), steps
        made_events = generator(torch.randn(1_000, 2)).detach().numpy()
        back = generator(encoder(islands[:1_000])).detach().numpy()
        snapshots[steps] = value, made_events, np.abs(back - islands[:1_000].numpy()).sum(axis=1).mean()
print({steps: f"makers' loss {value:.2f}, distance {gap:.2f}" for steps, (value, _, gap) in snapshots.items()})

# %% mystnb={"figure": {"caption": "Events of two islands (grey), and what the generator makes after 100, 400 and 1,600 steps.", "name": "fig-game"}, "image": {"alt": "Three scatter plots of two islands. After 100 steps the generated points are a broad streak across one of the islands, after 400 a line through both and beyond, after 1,600 they cover the islands with a thin bridge between."}} tags=["hide-input"]
axes = plt.subplots(1, 3, figsize=(7.2, 2.6), sharex=True, sharey=True)[1]
for ax, (steps, (_, made_events, _)) in zip(axes, snapshots.items(), strict=True):
    ax.plot(*islands[:600].numpy().T, ".", ms=2, color=plotting.GREY)
    ax.plot(*made_events[:600].T, ".", ms=2, color=plotting.SIGNAL)
    ax.set(title=f"{steps} steps", xlabel="x")
axes[0].set_ylabel("y");

# %% [markdown]
# The generator finds the direction, then the ends, then the islands, and joins them by a bridge, since a network is
# continuous. The
# distance between an event and what comes back falls all the while; the loss of the makers tells nothing of it.
#
# If no judge can tell, each of its answers is one half, and its loss is $2 \log 2$ for one judge, $6 \log 2 = 4.16$ for
# three. A loss that stays there is the aim of the game, and also what a game looks like in which nobody has learnt
# anything.
#
# ## The challenge's events, epoch by epoch
#
# :::{admonition} Predict first
# :class: predict
# The score "L1" is the distance between an event and what comes back. Before any training G makes nearly nothing:
# G(E(x)) is about zero. What is the score then? Will it be better or worse after eight epochs?
# :::

# %%
few = x.iloc[: run.pick(quick=3_000, full=len(x))]
game = detectors.adversarial.QUICK.replace(validation=None)  # the last epoch is kept, not the best
lengths = {"untrained": game.replace(epochs=1, learning_rate=1e-9)}
lengths |= {f"{n} epochs": game.replace(epochs=n) for n in (2, 8, 16)}
games = {name: detectors.ALAD(recipe=recipe, random_state=run.seed).fit(few) for name, recipe in lengths.items()}

# %% table={"caption": "Median AUC of ALAD's four scores in channel 1, the judges' loss, and the rank correlation of L1 with the norm of the columns on background.", "name": "tab-alad"}
rows, alad_scores = {}, {}
norm = np.abs(games["untrained"].standardise(tables["background"])).sum(axis=1)[drawn]
for name, one in games.items():
    rows[name] = {"loss": one.history_.train[-1]}
    for score in ("L1", "L2", "features", "logits"):
        alad_scores[name, score] = scores_of(one.set_params(score=score))
        rows[name][score] = jets.figures(alad_scores[name, score], 2)["AUC"].median()
    rows[name]["norm"] = spearmanr(alad_scores[name, "L1"]["background"][drawn], norm).statistic
by_epoch = pd.DataFrame(rows).T
plotting.table(by_epoch.rename_axis("training"))

# %% mystnb={"figure": {"caption": "The score L2 on every signal, with statistical errors, beside the missing momentum.", "name": "fig-alad"}, "image": {"alt": "Eight rows of points, one row a signal. In every row the untrained network and that of two epochs lie together, those of eight and of sixteen epochs further and further left. The missing momentum lies to the right of all, but for the two signals without R parity."}}
shown = {"missing momentum": jets.figures(jets.scores(challenge.CUTS["missing momentum"]))}
shown |= {name: jets.figures(alad_scores[name, "L2"]) for name in games}
plotting.by_signal(shown);

# %% tags=["check", "remove-cell"]
assert by_epoch.loc["untrained", "norm"] > 0.9
for score in ("L1", "L2", "features"):
    assert by_epoch.loc["untrained", score] > by_epoch.loc["16 epochs", score] + 0.08
assert by_epoch.loc["16 epochs", "L2"] < 0.65 and (by_epoch["loss"] - 6 * np.log(2)).abs().max() < 0.4

# %% [markdown]
# Untrained, G gives nearly nothing, and L1 and L2 are norms of the event: how much there is in it. That is a score of
# hardness and of counting, with a median AUC of almost 0.8. Every epoch makes it worse. The game teaches G to answer
# with events that resemble background, some event or other; an event and what comes back then differ by as much for
# background as for signal. After sixteen epochs little is left, and the judges' loss has been 6 log 2 all the time.
#
# So the epoch has to be chosen, by background only. `ALAD` keeps the one whose unseen events come back best, and on
# these events that is the first. Published trainings took 2,000 epochs at a hundredth of the rate, many hours a model;
# whether they come out of the valley we have not measured.
#
# ## Beside the published

# %% table={"caption": "Median AUC by channel, published and ours, of models of the same name, trained on our events with quick settings.", "name": "tab-published"}
models = ("DAGMM_10_1e-06_500_0.001_0.001_50_10_4", "DAGMM_20_1e-06_500_0.001_0.001_50_10_4")
models += tuple(f"ALAD_ld10_lr1e-5_bs500_epoch2000_enc512_{score}" for score in ("L_1", "L_2", "F_sc", "L_sc"))
pairs = {name: dmlib.results.pairs(name) for name in models}
by_channel = pd.concat({name: pair.groupby(level="channel").median().T for name, pair in pairs.items()})
plotting.table(by_channel.rename_axis(["model", "AUC"]))

# %% table={"caption": "Rank correlation of our AUC with the published one over the 34 pairs, with its bootstrap error.", "name": "tab-agreement"}
agreed = {name: dmlib.results.agreement(pair) for name, pair in pairs.items()}
agreement = pd.DataFrame(agreed, index=["rank correlation", "rank correlation error"]).T
plotting.table(agreement.rename_axis("model"))

# %% tags=["check", "remove-cell"]
order = agreement["rank correlation"]
assert order.filter(like="L_2").min() > 0.5 > 0.45 > order.filter(like="DAGMM_10").max()

# %% [markdown]
# Of DAGMM no order of signals is shared that three seeds would not upset. Of ALAD it is, for the two distances and the
# features, with rank correlations of 0.7 to 0.8. But remember what ours are: with the epoch chosen by what comes back,
# nearly the untrained networks, norms of the columns. The published order of signals, too, is much that of a norm. The
# values are higher there, most in 2b and 3.
#
# The paper found both weak on its blind set, too.
#
# ## Check yourself
#
# :::{dropdown} The energy of a DAGMM falls and falls. Good news?
# :class-container: self-check
# Not by itself. The density of latent variables can grow without end if events are put closer together; it is no
# density of events. Look at the variances, and at the weights of the components.
# :::
#
# :::{dropdown} The judges of an ALAD have a loss of 4.16 from the first epoch to the last. What do you know?
# :class-container: self-check
# That they cannot tell, and no more. It is so when the makers have won, and when nobody has learnt anything. Look at
# what the generator makes, and at what comes back.
# :::
#
# :::{dropdown} How do you find out whether a training was worth its while?
# :class-container: self-check
# Score with the same network as it was before the training. It costs nothing, and here it won twice.
# :::
#
# ## Exercises
#
# ### Exercise 1: The logarithm as printed (5 min)
# The paper's score from the judge's logits is $\log D_{xx}(x, G(E(x)))$, without a minus. Which AUC has it, and which
# signals would a group report as most ordinary?
#
# **Expect:** one minus the AUC of "logits", signal by signal.

# %% tags=["exercise"]
as_used = alad_scores["2 epochs", "logits"]
# your code

# %% tags=["solution"]
as_printed = {name: -score for name, score in as_used.items()}
total = jets.figures(as_printed, 2)["AUC"] + jets.figures(as_used, 2)["AUC"]
print("sum of both AUC:", total.min().round(3), "to", total.max().round(3))

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# D is the probability that the pair is a true one: it is high where the event comes back well, so that its logarithm is
# high for ordinary events. Signs are the cheapest thing to get wrong, and an AUC well below one half is how to notice.
# :::

# %% [markdown]
# ### Exercise 2: A norm (10 min)
# Compute the norm of the columns that `ALAD` sees (its `standardise`), the sum of their squares, as a score. How does
# it compare with the four scores of the game, and with the standardised columns (`scaling="standard"`)?
#
# **Expect:** a median AUC between 0.75 and 0.80 in units of filled entries, and less than 0.70 standardised.

# %% tags=["exercise"]
unit = games["untrained"]
# your code

# %% tags=["solution"]
other = detectors.ALAD(recipe=lengths["untrained"], scaling="standard").fit(few)
for name, one in {"filled": unit, "standard": other}.items():
    norms = {key: np.square(one.standardise(table)).sum(axis=1) for key, table in tables.items()}
    print(name, f"{jets.figures(norms, 2)['AUC'].median():.2f}")

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# In units in which an entry of a slot is about one, the sum of squares grows with the number and the hardness of what
# is in the event. Standardised, an empty slot that is usually filled counts as much as a filled one that is usually
# empty. It takes a method with four networks a while to fall behind one line of code; but fall behind it does.
# :::

# %% [markdown]
# ## What to remember
#
# - Shares make a mixture. DAGMM takes them from a network, and trains compression and density at once: the terms of its
#   loss are at war.
# - Look at the components' weights. One that has taken all is a single Gaussian.
# - A game has no loss that falls. Choose the epoch by events set aside, and look at what comes back.
# - Score with the untrained network too. If it wins, say so.
#
# **Read on.** [DAGMM](https://openreview.net/forum?id=BJJLHbb0-); ALAD: {cite}`Zenati2018`, and on events of CMS:
# {cite}`Knapp2021`; the challenge: {cite}`Aarrestad2021`.
