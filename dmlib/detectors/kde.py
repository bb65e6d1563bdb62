"""KDE: a kernel density of events in few dimensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import KernelDensity

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.models import kernels

from .base import Detector

ENGINES = ("exact", "tree", "fft")
SLOTS = {"j": 10, "b": 4, "e-": 3, "e+": 3, "m-": 3, "m+": 3, "g": 2}  # of the paper's encoding, for `features.static`
SAVED = ("mean_", "map_", "centres_", "weights_", "bandwidth_")
BETAS = ("1e-5", "1e-3", "1e-1")  # of the VAEs that reduce the events


@dataclass(eq=False, repr=False)
class KDE(Detector):
    r"""A kernel density after a reduction to few dimensions; an event is strange where it finds few others.

    .. math:: s(x) = -\log \hat p(x), \qquad \hat p(x) = \sum_i \frac{w_i}{\sum_j w_j}\, N(z(x);\, z(x_i), h^2)

    A density in a hundred dimensions cannot be had from some thousand events, so z has D of them: the first principal
    components of the standardised columns, or the latent space of a detector. Both are whitened, since one width h
    serves all directions. The score is of the density in X's own units: with as many components as columns it is that
    of the whole event.

    Arguments:
        reduction: "pca", or a detector with a method ``encode(X)`` that maps events to an array (n, D), such as a VAE.
            One that is fitted is used as it is; of another a clone is fitted.
        dimensions: Number of principal components, D; a detector's latent space is kept whole.
        whiten: Give all directions of z the same variance.
        rare: Columns that are other than zero in fewer than this share of the events are left out of the principal
            components: standardised, the third positron of a single event outweighs all jets.
        bandwidth: The width h of the kernels in units of z: "silverman", "cross-validation", or a number.
        engine: "exact", the sum itself; "tree", scikit-learn's search for what may be left out of it; "fft", on a grid
            in up to four dimensions (`dmlib.models.kernels.Grid`).
        centres: Place kernels on so many events at most, drawn from those of the training; None on all of them.
        random_state: Seed of what is drawn: the centres, and the parts of the cross-validation.

    Attributes:
        centres_, weights_: Where the kernels stand, shape (m, D), and their weights.
        bandwidth_: Their width.
        reduction_: The fitted detector, or None.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.7 and table 14
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 3))
        >>> kde = KDE(dimensions=3).fit(x)
        >>> ordinary, strange = kde.anomaly_score([[0.0, 0.0, 0.0], [2.0, -2.0, 2.0]])
        >>> bool(strange > ordinary + 2)
        True
    """

    reduction: Any = "pca"
    dimensions: int = 6
    whiten: bool = True
    rare: float = 0.01
    bandwidth: str | float = "silverman"
    engine: str = "exact"
    centres: int | None = 8_000
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns published settings: scikit-learn with cross-validation, or Silverman's rule and a grid in 2b and 3.

        They read ``features.static(events, slots=kde.SLOTS)``. The paper submits D = 2 to 10 (`grid`) and prefers none;
        a grid carries four dimensions at most, so here D = 4. Whether it standardised and whitened is not said.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> KDE.paper("2b").engine
            'fft'
        """
        small = _check.choice(channel, "channel", CHANNELS) in ("1", "2a")
        how, engine = ("cross-validation", "tree") if small else ("silverman", "fft")
        return cls("pca", 4, True, 0.0, how, engine, centres=None, random_state=random_state)

    @classmethod
    def grid(
        cls, channel: str, vae: Callable[[float, int], Any] | None = None
    ) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of table 14 by their names in the published files: each an encoding and a detector.

        The sum is exact where the paper's grid would have too few points, from D = 5 on.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            vae: ``vae(beta, D)`` gives the detector that reduces the events, for 27 models more; None leaves them out.

        Example:
            >>> list(KDE.grid("1"))[:2]
            ['KDE_PCA_D=2', 'KDE_PCA_D=3']
        """
        paper, encode = cls.paper(channel), partial(features.static, slots=SLOTS)
        models: dict[str, tuple[Callable[..., Any], Self]] = {}
        for d in range(2, 11):
            reductions = {"PCA": "pca"} | ({f"VAE_b={beta}": vae(float(beta), d) for beta in BETAS} if vae else {})
            for name, reduction in reductions.items():
                engine = "exact" if d > 4 and paper.engine == "fft" else paper.engine
                changes = {"reduction": reduction, "dimensions": d, "engine": engine}
                models[f"KDE_{name}_D={d}"] = encode, clone(paper).set_params(**changes)
        return models

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self._check_settings()
        self.reduction_ = None
        if not isinstance(self.reduction, str):
            fitted = hasattr(self.reduction, "n_features_in_")
            self.reduction_ = self.reduction if fitted else clone(self.reduction).fit(x, weight)
        self._fit_map(self._columns(x), weight)
        z, weight = self._reduced(x), np.ones(len(x)) if weight is None else weight
        z, weight = z[weight > 0], weight[weight > 0]
        if self.centres is not None and self.centres < len(z):
            drawn = compute.stream(self.random_state, "centres").permutation(len(z))[: self.centres]
            z, weight = z[drawn], weight[drawn]
        if self.bandwidth == "cross-validation":
            width = kernels.cross_validated(z, weight, seed=self.random_state)
        else:
            width = kernels.silverman(z, weight) if self.bandwidth == "silverman" else float(self.bandwidth)
        self.centres_, self.weights_, self.bandwidth_ = z, weight, width
        self._prepare()

    def _check_settings(self) -> None:
        if isinstance(self.reduction, str):
            _check.choice(self.reduction, "reduction", ("pca",))
            _check.count(self.dimensions, "dimensions")
        elif not callable(getattr(self.reduction, "encode", None)):
            raise ValueError(f"reduction={self.reduction!r}: expected 'pca', or a detector with a method encode(X)")
        _check.share(self.rare, "rare")
        if isinstance(self.bandwidth, str):
            _check.choice(self.bandwidth, "bandwidth", ("silverman", "cross-validation"))
        else:
            _check.positive(self.bandwidth, "bandwidth")
        _check.choice(self.engine, "engine", ENGINES)
        if self.centres is not None:
            _check.count(self.centres, "centres", 2)

    def _fit_map(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Learns the linear map from columns, or from latent variables, to z."""
        pca = self.reduction_ is None
        self.mean_ = np.average(y, axis=0, weights=weight)
        used = y.min(axis=0) < y.max(axis=0)
        if not used.any():
            what = "every column has" if pca else f"all latent variables of {type(self.reduction_).__name__} have"
            raise ValueError(f"X: {what} the same value in all events; expected some that vary")
        if pca and (often := used & (np.mean(y != 0, axis=0) >= self.rare)).any():
            used = often
        spread = np.sqrt(np.average((y - self.mean_) ** 2, axis=0, weights=weight))
        scale = np.where(used, spread if pca or self.whiten else 1.0, np.inf)
        covariance = np.atleast_2d(np.cov(((y - self.mean_) / scale).T, aweights=weight))
        variance, axes = (part[..., ::-1] for part in np.linalg.eigh(covariance))
        d, rank = self.dimensions if pca else int(used.sum()), int(np.sum(variance > 1e-10 * variance[0]))
        if d > rank:
            raise ValueError(f"dimensions={d}: X varies in {rank} independent directions; expected at most so many")
        self.map_ = (axes[:, :d] / (np.sqrt(variance[:d]) if self.whiten else 1.0)).T / scale

    def _columns(self, x: np.ndarray) -> np.ndarray:
        return x if self.reduction_ is None else np.asarray(self.reduction_.encode(x), dtype=float)

    def _reduced(self, x: np.ndarray) -> np.ndarray:
        return (self._columns(x) - self.mean_) @ self.map_.T

    def _prepare(self) -> None:
        """Makes ready what an engine needs beside the centres."""
        self._engine: Any = None
        if self.engine == "fft":
            self._engine = kernels.Grid(self.centres_, self.bandwidth_, self.weights_)
        elif self.engine == "tree":
            self._engine = KernelDensity(bandwidth=self.bandwidth_).fit(self.centres_, sample_weight=self.weights_)

    def _score(self, x: np.ndarray) -> np.ndarray:
        z, volume = self._reduced(x), 0.5 * np.linalg.slogdet(self.map_ @ self.map_.T)[1]
        if self.engine == "exact":
            return -kernels.log_density(z, self.centres_, self.bandwidth_, self.weights_) - volume
        return -(self._engine.log_density(z) if self.engine == "fft" else self._engine.score_samples(z)) - volume

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: np.asarray(getattr(self, name)) for name in SAVED}
        if self.reduction_ is not None:
            arrays["reduction"] = np.array(self.reduction_.n_features_in_)
            arrays |= {f"reduction/{name}": array for name, array in self.reduction_._arrays().items()}
        return arrays

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        for name in SAVED:
            setattr(self, name, arrays[name])
        self.bandwidth_, self.reduction_ = float(self.bandwidth_), None
        if "reduction" in arrays:
            start = "reduction/"
            self.reduction_ = clone(self.reduction)
            self.reduction_._restore({n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)})
            self.reduction_._remember(int(arrays["reduction"]))
        self._prepare()
