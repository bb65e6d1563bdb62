"""ANODE and CATHODE: the background's density, learnt in the side bands and carried into the signal region."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from .flows import ConditionalFlow
from .preprocessing import LogitScaler
from .spectrum import Spectrum
from .weak import _events, _Ratio


def _flow(flow, random_state):
    return (ConditionalFlow() if flow is None else clone(flow)).set_params(random_state=random_state)


def _background(flow, x, m, inside, random_state) -> ConditionalFlow:
    """Learns p(x | m) from the side bands. The scaler sees the range of all events, so that none falls off it."""
    if inside.all() or not inside.any():
        raise ValueError(
            f"{inside.sum()} of {len(inside)} events lie in the region: expected some inside and some outside"
        )
    flow = _flow(flow, random_state)
    return flow.fit(x[~inside], m[~inside], LogitScaler(flow.margin).fit(x))


class ANODE(BaseEstimator):
    r"""Anomaly detection with density estimation: the ratio of two learnt densities.

    .. math:: R(x \mid m) = \frac{p_\text{in}(x \mid m)}{p_\text{out}(x \mid m)}

    One flow learns the data inside the signal region, one the side bands; the latter, smooth in m, is read inside.
    Nothing is assumed about how features depend on the mass, but two densities have to be learnt well where they are
    small.

    Arguments:
        flow: A `ConditionalFlow` for the side bands, not fitted; None takes the paper's.
        inner: The same for the signal region; None takes `flow`.
        random_state: Seed.

    Attributes:
        outer_, inner_: The fitted flows.

    References:
        | Anomaly Detection with Density Estimation (Nachman and Shih, 2020)
        | https://arxiv.org/abs/2001.04990

    Example:
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = ConditionalFlow(transforms=1, hidden=(8,), epochs=2)
        >>> ANODE(quick).fit(x, m, region=(3.3, 3.7)).anomaly_score(x, m).shape
        (600,)
    """

    def __init__(self, flow: ConditionalFlow | None = None, inner: ConditionalFlow | None = None, random_state=0):
        self.flow = flow
        self.inner = inner
        self.random_state = random_state

    def fit(self, x: ArrayLike, m: ArrayLike, region: tuple[float, float]) -> ANODE:
        """Learns both densities from features x, shape (n, d), and masses m, shape (n,).

        Raises:
            ValueError: No event lies inside the region, or none outside; arguments are not finite or do not fit.
            FloatingPointError: A training diverges.
        """
        x, m, inside = _events(x, m, region)
        self.outer_ = _background(self.flow, x, m, inside, self.random_state)
        inner = _flow(self.flow if self.inner is None else self.inner, self.random_state + 1)
        self.inner_ = inner.fit(x[inside], m[inside], self.outer_.scaler_)
        return self

    def anomaly_score(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Returns log R of each event, shape (n,)."""
        check_is_fitted(self, "inner_")
        return self.inner_.log_prob(x, m) - self.outer_.log_prob(x, m)


class CATHODE(_Ratio):
    r"""Classifying anomalies through outer density estimation: data against background drawn from a learnt density.

    The flow of ANODE's side bands draws a background inside the signal region, :math:`\hat x \sim p_\text{out}(x \mid
    m)` with m from the spectrum; a classifier tells data from it, as in CWoLa. One density is to be learnt instead of
    two, no matter how features depend on the mass, and the classifier sees more background than there is data.

    Arguments:
        flow: A `ConditionalFlow`, not fitted; None takes the paper's.
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
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = ConditionalFlow(transforms=1, hidden=(8,), epochs=2)
        >>> cathode = CATHODE(quick, "network").fit(x, m, region=(3.3, 3.7))
        >>> cathode.sample_background(5)[0].shape
        (5, 2)
    """

    def __init__(
        self,
        flow: ConditionalFlow | None = None,
        classifier="network",
        oversampling: float = 4,
        mass: str = "kde",
        latent: bool = False,
        random_state: int = 0,
    ):
        super().__init__(classifier, random_state)
        self.flow = flow
        self.oversampling = oversampling
        self.mass = mass
        self.latent = latent

    def fit(
        self, x: ArrayLike, m: ArrayLike, region: tuple[float, float], outer: ConditionalFlow | None = None
    ) -> CATHODE:
        """Learns the side bands, draws a background, and trains the classifier.

        Arguments:
            x, m: Features, shape (n, d), and masses, shape (n,).
            region: Edges of the signal region.
            outer: A flow fitted to the side bands already, by another method of this package with the same region.

        Raises:
            ValueError: No event lies inside the region, or none outside; arguments are not finite or do not fit.
            FloatingPointError: A training diverges.
        """
        x, m, inside = _events(x, m, region)
        self.outer_ = outer or _background(self.flow, x, m, inside, self.random_state)
        if self.mass not in ("kde", "spectrum"):
            raise ValueError(f"mass={self.mass!r}: expected 'kde' or 'spectrum'")
        self.masses_ = Spectrum().fit(m, region) if self.mass == "spectrum" else _Smoothed(m[inside], region)
        n = round(self.oversampling * inside.sum())
        if self.latent:
            background = np.random.default_rng(self.random_state).standard_normal((n, x.shape[1]))
            return self._fit(self.outer_.latent(x[inside], m[inside]), background)
        return self._fit(x[inside], self.sample_background(n, self.random_state)[0])

    def sample_background(self, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draws n background events inside the region: features, shape (n, d), and masses, shape (n,)."""
        check_is_fitted(self, "outer_")
        rng = np.random.default_rng(seed)
        m = self.masses_.sample(n, rng)
        return self.outer_.sample(m, rng), m

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
