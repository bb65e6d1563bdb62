"""LatentSpace: other methods in the latent space of a variational autoencoder, and their combinations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .autoencoder import SimpleAE
from .base import Detector
from .combine import COMBINATIONS, background_efficiency, combine
from .variational import BetaVAE

SINGLE = ("VAE", "IF", "GMM", "KMeans", "AE")
QUICK = Recipe(epochs=8, batch_size=512, learning_rate=2e-3, anneal=True, clip=10.0)
WEIGHTS, LATENT, BATCHES = (1e-5, 1e-3, 0.1, 1.0), (4, 13, 20, 30), (1_000, 10_000)  # table 22, as in the files
PUBLISHED = {"PROD": "Product", "AVG": "Average"}


@dataclass(eq=False, repr=False)
class LatentSpace(Detector):
    r"""An event is strange where a simple method finds it so in the latent space of a variational autoencoder.

    The autoencoder is trained on a part of the background. The rest is encoded, whitened, and given to one of

    - "IF", an isolation forest: how few random cuts isolate the event;
    - "GMM", a Gaussian mixture: :math:`-\log p(z)`;
    - "KMeans": the distance to the nearest of the centroids;
    - "AE", an autoencoder: how badly z is reproduced;
    - "VAE", none of them: how badly the event itself is.

    "AND", "OR", "PROD" and "AVG" are all five at once, each on the scale of its own background efficiency
    (`background_efficiency`, `combine`), which is taken from events that nothing was trained on.

    Arguments:
        method: One of the above.
        vae: A detector with a method ``encode(X)``; None for a `BetaVAE` with quick settings. One that is fitted is
            used as it is, and all events train the methods. `paper` has that of equation 25.
        components: Number of components of the mixture.
        centroids: Number of centroids.
        share: Of the events that train the autoencoder.
        aside: Share of the others that combinations take their scales from.
        random_state: Seed.

    Attributes:
        vae_: The fitted autoencoder.
        latent_, weights_: The encoded events that train the methods, shape (m, d), and their weights.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.13 and table 22
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> x = np.random.default_rng(1).normal(size=(2000, 3)) * [1, 1, 0.1] + [3, 0, 0]
        >>> vae = BetaVAE(hidden=(16,), latent=2, recipe=QUICK.replace(epochs=20, batch_size=50))
        >>> ordinary, strange = LatentSpace("GMM", vae).fit(x).anomaly_score([[3.0, 0.0, 0.0], [7.0, 4.0, 0.0]])
        >>> bool(strange > ordinary + 2)
        True
    """

    method: str = "AVG"
    vae: Any = None
    components: int = 8
    centroids: int = 20
    share: float = 0.5
    aside: float = 0.2
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns published settings, with 13 latent dimensions and weights that leave some of them in use.

        It reads ``features.dynamic``. Neither the settings of the four methods nor the epochs are in the paper.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> LatentSpace.paper("1").vae.latent
            13
        """
        _check.choice(channel, "channel", CHANNELS)
        return cls("AVG", _vae(13, 1.0, 1_000), random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of table 22 by their names in the published files: each an encoding and a detector.

        The names hold latent dimensions, the weight of the reconstruction (the paper's beta, 1 - ours) and batch size.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> len(LatentSpace.grid("1")), "LS_KMeans_13_0.001_1000" in LatentSpace.grid("1")
            (288, True)
        """
        models: dict[str, tuple[Callable[..., Any], Self]] = {}
        for method, z, weight, batch in product((*SINGLE, *COMBINATIONS), LATENT, WEIGHTS, BATCHES):
            detector = cls.paper(channel).set_params(method=method, vae=_vae(z, weight, batch))
            models[f"LS_{PUBLISHED.get(method, method)}_{z}_{weight}_{batch}"] = features.dynamic, detector
        return models

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self._check_settings()
        rest = order = compute.stream(self.random_state, "parts").permutation(len(x))
        if hasattr(self.vae, "n_features_in_"):
            self.vae_ = self.vae
        else:
            n_vae = max(1, round(self.share * len(x)))
            first, rest = order[:n_vae], order[n_vae:]
            self.vae_ = self._new_vae().fit(x[first], None if weight is None else weight[first])
        n_aside = max(1, round(self.aside * len(rest))) if self.method in COMBINATIONS else 0
        aside, used = rest[:n_aside], rest[n_aside:]
        w = np.ones(len(x)) if weight is None else weight
        self.latent_, self.weights_ = self.vae_.encode(x[used]), w[used]
        self.auto_: Any = self._new_auto().fit(self.latent_, self.weights_) if "AE" in self._asked() else None
        self._prepare()
        if n_aside:
            self.scales_, self.aside_weights_ = self._each(x[aside]), w[aside]

    def _check_settings(self) -> None:
        _check.choice(self.method, "method", (*SINGLE, *COMBINATIONS))
        _check.share(self.share, "share", zero=False, one=False)
        _check.share(self.aside, "aside", zero=False, one=False)
        _check.count(self.components, "components")
        _check.count(self.centroids, "centroids")
        if self.vae is not None and not (isinstance(self.vae, Detector) and hasattr(self.vae, "encode")):
            raise ValueError(f"vae={self.vae!r}: expected None, or a detector with a method encode(X)")

    def _new_vae(self) -> Any:
        seed = compute.seed(self.random_state, "vae")
        return BetaVAE(recipe=QUICK, random_state=seed) if self.vae is None else clone(self.vae)

    def _new_auto(self) -> SimpleAE:
        d = self.latent_.shape[1]
        seed = compute.seed(self.random_state, "autoencoder")
        return SimpleAE(hidden=(32,), latent=max(1, d // 2), recipe=QUICK.replace(epochs=10), random_state=seed)

    def _asked(self) -> tuple[str, ...]:
        return SINGLE if self.method in COMBINATIONS else (self.method,)

    def _prepare(self) -> None:
        """Fits what needs no network; from the latent events kept, so that a saved detector needs no pickles."""
        z, w = self.latent_, self.weights_ / self.weights_.mean()
        self._centre = np.average(z, axis=0, weights=w)
        spread = np.sqrt(np.average((z - self._centre) ** 2, axis=0, weights=w))
        self._spread = np.where(spread > 0, spread, 1.0)
        z, asked, self._methods = self._whitened(z), self._asked(), {}
        seed = int(compute.stream(self.random_state, "methods").integers(2**31))
        if np.ptp(w) > 0:  # not all of them take weights: events are drawn by theirs
            z = compute.stream(self.random_state, "drawn").choice(z, len(z), p=w / w.sum())
        if "IF" in asked:
            self._methods["IF"] = IsolationForest(random_state=seed).fit(z)
        if "GMM" in asked:
            mixture = GaussianMixture(min(self.components, len(z)), reg_covar=1e-4, random_state=seed, max_iter=50)
            self._methods["GMM"] = mixture.fit(z)
        if "KMeans" in asked:
            means = KMeans(min(self.centroids, len(z)), n_init=1, random_state=seed)
            self._methods["KMeans"] = means.fit(z)

    def _whitened(self, z: np.ndarray) -> np.ndarray:
        return (z - self._centre) / self._spread

    def _each(self, x: np.ndarray) -> np.ndarray:
        """The scores of all methods asked for, shape (k, n)."""
        z = self.vae_.encode(x)
        white, scores = self._whitened(z), []
        for name in self._asked():
            if name == "VAE":
                scores.append(self.vae_.anomaly_score(x))
            elif name == "AE":
                scores.append(self.auto_.anomaly_score(z))
            elif name == "KMeans":
                scores.append(self._methods[name].transform(white).min(axis=1))
            else:
                scores.append(-self._methods[name].score_samples(white))
        return np.array(scores, dtype=float)

    def _score(self, x: np.ndarray) -> np.ndarray:
        scores = self._each(x)
        if self.method not in COMBINATIONS:
            return scores[0]
        pairs = zip(scores, self.scales_, strict=True)
        return combine([background_efficiency(s, b, self.aside_weights_) for s, b in pairs], self.method)

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"latent": self.latent_, "weights": self.weights_, "columns": np.array(self.vae_.n_features_in_)}
        if self.method in COMBINATIONS:
            arrays |= {"scales": self.scales_, "aside_weights": self.aside_weights_}
        arrays |= {f"vae/{name}": array for name, array in self.vae_._arrays().items()}
        return arrays | ({f"auto/{name}": a for name, a in self.auto_._arrays().items()} if self.auto_ else {})

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        def part(start: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}

        self.latent_, self.weights_ = arrays["latent"], arrays["weights"]
        self.vae_, self.auto_ = self._new_vae(), None
        self.vae_._restore(part("vae/"))
        self.vae_._remember(int(arrays["columns"]))
        if "AE" in self._asked():
            self.auto_ = self._new_auto()
            self.auto_._restore(part("auto/"))
            self.auto_._remember(self.latent_.shape[1])
        self._prepare()
        if self.method in COMBINATIONS:
            self.scales_, self.aside_weights_ = arrays["scales"], arrays["aside_weights"]


def _vae(latent: int, weight: float, batch_size: int) -> BetaVAE:
    """An autoencoder of table 22; beta is the weight of the divergence, as everywhere here."""
    recipe = Recipe(epochs=100, batch_size=batch_size, learning_rate=1e-3, validation=0.1, patience=20, clip=10.0)
    return BetaVAE((512, 256, 128), latent, 1 - weight, encoding="dynamic", recipe=recipe)
