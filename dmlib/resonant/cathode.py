"""CATHODE: data against background that is drawn from a density learnt in the side bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, compute
from dmlib.models import Flow

from .base import RatioMethod, select_events, sideband_flow
from .spectrum import Spectrum


@dataclass(eq=False, repr=False)
class CATHODE(RatioMethod):
    r"""Classifying anomalies through outer density estimation: data against background drawn from a learnt density.

    The flow of ANODE's side bands draws a background inside the signal region, :math:`\hat x \sim p_\text{out}(x \mid
    m)` with m from the spectrum; a classifier tells data from it, as in CWoLa. One density is to be learnt instead of
    two, no matter how features depend on the mass, and the classifier sees more background than there is data.

    Arguments:
        flow: A `Flow`, not fitted; None takes the paper's.
        classifier: "network" (`NetworkClassifier`), "trees" (`TreeClassifier`), or a classifier of scikit-learn's kind.
        oversampling: Events drawn for each event of data in the region.
        mass: Where the masses of drawn events come from: "kde" smooths those of the data in the region, "spectrum"
            fits the side bands (`Spectrum`).
        latent: Classify in the flow's latent space, where background is normal for every mass (LaCATHODE): what is
            selected then knows little of m, and a cut does not sculpt the spectrum.
        random_state: Seed.

    Attributes:
        outer_: The fitted flow.
        classifier_: The fitted classifier.

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021): https://arxiv.org/abs/2109.00546
        | Resonant anomaly detection without background sculpting (Hallin et al., 2022)
        | https://arxiv.org/abs/2210.14924

    Example:
        >>> from dmlib.training import Recipe
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = Flow(transforms=1, hidden=(8,), recipe=Recipe(epochs=2, validation=0.2))
        >>> cathode = CATHODE(quick, "network").fit(x, m, region=(3.3, 3.7))
        >>> cathode.sample_background(5)[0].shape
        (5, 2)
    """

    flow: Flow | None = None
    classifier: Any = "network"
    oversampling: float = 4
    mass: str = "kde"
    latent: bool = False
    random_state: compute.Seed = 0

    def fit(self, x: ArrayLike, m: ArrayLike, region: tuple[float, float], outer: Flow | None = None) -> CATHODE:
        """Learns the side bands, draws a background, and trains the classifier.

        Arguments:
            x, m: Features, shape (n, d), and masses, shape (n,).
            region: Edges of the signal region.
            outer: A flow fitted to the side bands already, by another method of this package with the same region.

        Raises:
            ValueError: No event lies inside the region, or none outside; arguments are not finite or do not fit.
            FloatingPointError: A training diverges.
        """
        _check.choice(self.mass, "mass", ("kde", "spectrum"))
        _check.positive(self.oversampling, "oversampling")
        x, m, inside = select_events(x, m, region)
        self.outer_ = outer or sideband_flow(self.flow, x, m, inside, self.random_state)
        self.masses_ = Spectrum().fit(m, region) if self.mass == "spectrum" else _Smoothed(m[inside], region)
        n = round(self.oversampling * inside.sum())
        if self.latent:
            background = compute.stream(self.random_state, "latent").standard_normal((n, x.shape[1]))
            return self._fit(self.outer_.latent(x[inside], m[inside]), background)
        drawn, _ = self.sample_background(n, compute.seed(self.random_state, "background"))
        return self._fit(x[inside], drawn)

    def sample_background(self, n: int, seed: compute.Seed = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draws n background events inside the region: features, shape (n, d), and masses, shape (n,)."""
        check_is_fitted(self, "outer_")
        m = self.masses_.sample(_check.count(n, "n"), compute.stream(seed, "masses"))
        return self.outer_.sample(m, seed), m

    def anomaly_score(self, x: ArrayLike, m: ArrayLike | None = None) -> np.ndarray:
        """Returns the classifier's output for each event, shape (n,); the masses m matter for ``latent`` only."""
        check_is_fitted(self, "classifier_")
        if self.latent:
            if m is None:
                raise ValueError("m: the latent space depends on the mass; expected the masses of the events")
            x = self.outer_.latent(x, m)
        return super().anomaly_score(x)


class _Smoothed:
    """Draws masses of the data again, each moved a little, inside the region."""

    def __init__(self, m: np.ndarray, region: tuple[float, float], bandwidth: float = 0.01):
        self.m, self.region = m, region
        self.width = bandwidth * m.std()

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        low, high = self.region
        m = rng.choice(self.m, n) + self.width * rng.standard_normal(n)
        m = low + np.abs(m - low)  # what leaves comes back: a kernel estimate reflected at the edges
        return high - np.abs(high - m)
