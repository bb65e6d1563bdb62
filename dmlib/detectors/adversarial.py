"""ALAD: an encoder and a generator against three judges of what is real."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn.functional import logsigmoid, softplus

from dmlib import _check, compute, features, training
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .base import TorchDetector
from .variational import SLOTS

QUICK = Recipe(epochs=8, batch_size=500, learning_rate=1e-4, validation=0.1)
SCORES = {"L1": "L_1", "L2": "L_2", "logits": "L_sc", "features": "F_sc"}  # with the published names
LATENT, BATCHES = (10, 20, 30, 40), (100, 500, 1000, 5000, 10000, 20000)  # table 21
Pair = tuple[torch.Tensor, torch.Tensor]


class Players(nn.Module):
    """Encoder E and generator G, the makers, and three judges, which give logits of a pair being a true one."""

    def __init__(self, d: int, hidden: tuple[int, ...], width: int, latent: int, dropout: float):
        super().__init__()
        self.latent = latent
        self.encode = nn.Sequential(*_layers((d, *hidden), _leaky, norm=True), nn.Linear(hidden[-1], latent))
        self.generate = nn.Sequential(*_layers((latent, *hidden), nn.ReLU, norm=True), nn.Linear(hidden[-1], d))
        judge = partial(_layers, activation=_leaky, dropout=dropout)
        self.judge_xz = nn.Sequential(*judge((d + latent, width, width, width)), nn.Linear(width, 1))
        self.features_xx, self.judge_xx = nn.Sequential(*judge((2 * d, width))), nn.Linear(width, 1)
        self.judge_zz = nn.Sequential(*judge((2 * latent, width)), nn.Linear(width, 1))

    def makers(self) -> list[nn.Parameter]:
        return [*self.encode.parameters(), *self.generate.parameters()]

    def judges(self) -> list[nn.Parameter]:
        parts = (self.judge_xz, self.features_xx, self.judge_xx, self.judge_zz)
        return list(chain.from_iterable(part.parameters() for part in parts))

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> list[Pair]:
        """Returns the logits of the true pair and of the made one, of each of the three games, shapes (n,)."""
        made_x, made_z = self.generate(z), self.encode(x)
        back_x, back_z = self.generate(made_z), self.encode(made_x)
        asked: list[tuple[Callable[[torch.Tensor], torch.Tensor], Pair, Pair]] = [
            (self.judge_xz, (x, made_z), (made_x, z)),
            (lambda pair: self.judge_xx(self.features_xx(pair)), (x, x), (x, back_x)),
            (self.judge_zz, (z, z), (z, back_z)),
        ]
        return [(judge(torch.cat(a, 1))[:, 0], judge(torch.cat(b, 1))[:, 0]) for judge, a, b in asked]


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _layers(
    sizes: tuple[int, ...], activation: Callable[[], nn.Module], norm: bool = False, dropout: float = 0.0
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), *([nn.BatchNorm1d(b)] if norm else []), activation()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return layers


def judges_loss(pairs: list[Pair], weight: torch.Tensor) -> torch.Tensor:
    r"""Returns minus the objective of the judges, mean over a batch: they are to tell true pairs from made ones.

    .. math:: -\sum_{\text{games}} \big( \log D(\text{true}) + \log (1 - D(\text{made})) \big)

    Where nobody can tell it is 6 log 2.
    """
    return (weight * sum(softplus(-true) + softplus(made) for true, made in pairs)).mean()


def makers_loss(pairs: list[Pair], weight: torch.Tensor) -> torch.Tensor:
    """Returns the loss of the makers: that of the judges with true and made exchanged, so that no gradient vanishes."""
    return (weight * sum(softplus(true) + softplus(-made) for true, made in pairs)).mean()


@dataclass(eq=False, repr=False)
class ALAD(TorchDetector):
    r"""Adversarially learned anomaly detection: an event is strange if it does not come back from latent space.

    .. math:: \min_{G, E} \max_D\; V(D_{xz}) + V(D_{xx}) + V(D_{zz}), \qquad
       V = \mathbb{E} \log D(\text{true}) + \mathbb{E} \log (1 - D(\text{made}))

    The generator G makes events of normal numbers, the encoder E numbers of events. Three judges are trained to tell
    (x, E(x)) from (G(z), z), (x, x) from (x, G(E(x))) and (z, z) from (z, E(G(z))), and G and E to deceive them. The
    scores, all high for anomalies:

    - "L1", "L2": how far x is from G(E(x));
    - "logits": :math:`-\log D_{xx}(x, G(E(x)))` (without the minus, as it is printed, it is high for normal events);
    - "features": how far the judge's last layer moves from (x, x) to (x, G(E(x))).

    The training has no loss that falls. The epoch kept is the one whose events set aside come back best, by L1; with a
    recipe that sets none aside it is the last. Batch normalisation and dropout are off when scoring.

    Arguments:
        hidden: Units of the hidden layers of encoder and generator.
        width: Units of the judges' layers.
        latent: Latent dimensions.
        dropout: Share of the judges' units left out in a step.
        score: Which of the four. It is no matter of the training: ``set_params(score="L1")`` gives a fitted detector
            another.
        scaling: "filled" or "standard", as in `TorchDetector`.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    Attributes:
        history_: The judges' losses in training, and the L1 distance of events set aside.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.12, tables 20 and 21
        | https://arxiv.org/abs/2105.14027
        | Adversarially Learned Anomaly Detection (Zenati et al., 2018): https://arxiv.org/abs/1812.02288

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 4)) * 0.1 + [1, 1, 0, 0]
        >>> recipe = QUICK.replace(epochs=10, batch_size=100, learning_rate=1e-3)
        >>> alad = ALAD(hidden=(16, 16), width=16, latent=2, score="L1", recipe=recipe).fit(x)
        >>> ordinary, strange = alad.anomaly_score([[1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 1.0, 1.0]])
        >>> bool(strange > ordinary)
        True
    """

    hidden: tuple[int, ...] = (64, 128, 256, 512)
    width: int = 128
    latent: int = 10
    dropout: float = 0.2
    score: str = "features"
    scaling: str = "filled"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns published settings, those of the best of its models by total improvement; all are in `grid`.

        It reads ``features.static``. The paper trains for 2,000 epochs and names no share for validation.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> ALAD.paper("1").recipe.epochs
            2000
        """
        _check.choice(channel, "channel", CHANNELS)
        return cls(recipe=QUICK.replace(epochs=2000, learning_rate=1e-5), random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of table 21 by their names in the published files: each an encoding and a detector.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> len(ALAD.grid("1")), "ALAD_ld10_lr1e-5_bs500_epoch2000_enc512_F_sc" in ALAD.grid("1")
            (96, True)
        """
        encode = partial(features.static, slots=SLOTS)
        models: dict[str, tuple[Callable[..., Any], Self]] = {}
        for latent in LATENT:
            for batch in BATCHES:
                for score, name in SCORES.items():
                    model = cls.paper(channel).set_params(latent=latent, score=score)
                    model.set_params(recipe=model.recipe.replace(batch_size=batch))
                    models[f"ALAD_ld{latent}_lr1e-5_bs{batch}_epoch2000_enc512_{name}"] = encode, model
        return models

    def build(self, d: int) -> torch.nn.Module:
        """Returns all networks."""
        for name in ("width", "latent"):
            _check.count(getattr(self, name), name)
        for size in self.hidden:
            _check.count(size, "hidden")
        if not self.hidden:
            raise ValueError("hidden: expected one layer or more")
        _check.share(self.dropout, "dropout", one=False)
        _check.choice(self.score, "score", SCORES)
        return Players(d, self.hidden, self.width, self.latent, self.dropout)

    def loss(self, module: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns how far, by L1, each event is from where it comes back: what an epoch is judged by."""
        return (x - module.generate(module.encode(x))).abs().sum(dim=1)

    def scores(self, module: Any, x: torch.Tensor) -> torch.Tensor:
        """Returns the chosen score of each event."""
        back = module.generate(module.encode(x))
        if self.score in ("L1", "L2"):
            return (x - back).norm(p=int(self.score[1]), dim=1)
        made = module.features_xx(torch.cat([x, back], dim=1))
        if self.score == "logits":
            return -logsigmoid(module.judge_xx(made))[:, 0]
        return (module.features_xx(torch.cat([x, x], dim=1)) - made).abs().sum(dim=1)

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self._fit_columns(x, weight)
        with training.seeded(self.random_state, "weights"):
            module: Any = self.build(int(self.used_.sum())).to(compute.device())
        w = np.ones(len(x)) if weight is None else weight / weight.mean()
        used, aside = np.arange(len(x)), np.arange(0)
        if self.recipe.validation is not None:
            used, aside = training.split(len(x), self.recipe.validation, self.random_state)
        z = self._standardised(x)
        events, weights, unseen = training.tensors(z[used], w[used], z[aside])
        self.history_ = training.History()
        step = partial(torch.optim.Adam, lr=self.recipe.learning_rate, betas=(0.5, 0.999))
        moves = [(step(module.judges()), judges_loss), (step(module.makers()), makers_loss)]
        order, size = training.generator(self.random_state, "order"), min(self.recipe.batch_size, len(events))
        if size < 2:
            raise ValueError("X: expected two events or more in a batch, for batch normalisation")
        with training.seeded(self.random_state, "noise"):
            for epoch in range(self.recipe.epochs):
                module.train()
                losses = []
                for batch in torch.randperm(len(events), generator=order).to(events.device).split(size):
                    if len(batch) == size:
                        losses.append(self._round(module, moves, events[batch], weights[batch]))
                self.history_.train.append(float(np.mean(losses)))
                module.eval()
                if len(aside):
                    with torch.no_grad():
                        distance = np.average(self.loss(module, unseen).double().cpu().numpy(), weights=w[aside])
                    self._keep(module, epoch, float(distance))
        if not len(aside):
            kept = training.Kept(self.recipe.epochs - 1, self.history_.train[-1], module.requires_grad_(False))
            self.history_.best = [kept]

    def _round(self, module: Any, moves: list, x: torch.Tensor, weight: torch.Tensor) -> float:
        """One step of the judges, one of the makers; the judges' loss."""
        values = []
        for optimizer, loss in moves:
            noise = torch.randn(len(x), self.latent, device=x.device)
            value = loss(module(x, noise), weight)
            module.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            values.append(float(value.detach()))
        return values[0]

    def _keep(self, module: Any, epoch: int, distance: float) -> None:
        if not np.isfinite(distance):
            hint = f"try a smaller learning rate than {self.recipe.learning_rate:g}"
            raise FloatingPointError(f"validation distance of epoch {epoch} is {distance}: {hint}")
        self.history_.validation.append(distance)
        if not self.history_.best or distance < self.history_.best[0].loss:
            frozen = copy.deepcopy(module).requires_grad_(False)
            self.history_.best = [training.Kept(epoch, distance, frozen)]
