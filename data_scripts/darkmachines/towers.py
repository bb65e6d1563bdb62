"""The calorimeters of the ATLAS card of Delphes 3.4: energy is summed in towers, smeared, and cut at a threshold.

A tower of true energy E is measured as a log-normal number of mean E and width :math:`\\sigma(E)`, at a place drawn
evenly within it; what is below the calorimeter's threshold, or below two widths, is not seen.
"""

from dataclasses import dataclass

import numpy as np

SIGNIFICANCE = 2.0  # widths
DEGREE = np.pi / 180
FORWARD = 20 * DEGREE


@dataclass(frozen=True)
class Calorimeter:
    """One of the two calorimeters.

    Arguments:
        edges: Edges of the towers in |eta|, rising from 0; the last is the end of the calorimeter.
        width: Extent of a tower in phi, and what it is beyond |eta| = `wide`.
        wide: Where towers become wider in phi.
        threshold: Least energy in GeV.
        resolution: Upper end in |eta| -> constant term, stochastic term, noise in GeV.
    """

    edges: np.ndarray
    width: tuple[float, float]
    wide: float
    threshold: float
    resolution: dict[float, tuple[float, float, float]]


ELECTROMAGNETIC = Calorimeter(
    np.concatenate([0.0174 * np.arange(171), 2.958 + 0.175 * np.arange(1, 12)]),
    (DEGREE, 10 * DEGREE),
    2.958,
    0.5,
    {3.2: (0.0017, 0.101, 0.0), 5.0: (0.035, 0.285, 0.0)},
)
HADRONIC = Calorimeter(
    np.array([*np.arange(26) / 10, 2.6, 2.8, 3, 3.2, 3.3, 3.5, 3.7, 3.9, 4.1, 4.3, 4.5, 4.7, 4.9]),
    (10 * DEGREE, FORWARD),
    2.5,
    1.0,
    {1.7: (0.0302, 0.5205, 1.59), 3.2: (0.05, 0.706, 0.0), 4.9: (0.0942, 1.0, 0.0)},
)


class Towers:
    """The towers that some particles hit, with their true energy; `measured` gives one reading of them.

    Arguments:
        calorimeter: Where.
        event: Index of each particle's event.
        energy, eta, phi: What the particle leaves, in GeV, and where it enters.
    """

    def __init__(self, calorimeter, event, energy, eta, phi):
        self.calorimeter = calorimeter
        edges = calorimeter.edges
        side = np.clip(np.searchsorted(edges, np.abs(eta), side="right") - 1, 0, len(edges) - 2)
        width = np.where(edges[side] < calorimeter.wide, *calorimeter.width)
        turn = np.floor((phi + np.pi) / width).astype(np.int64)
        key = ((event.astype(np.int64) * 512 + side) * 2 + (eta < 0)) * 512 + turn
        key, self.of_particle = np.unique(key, return_inverse=True)
        self.energy = np.bincount(self.of_particle, energy)
        rest, turn = np.divmod(key, 512)
        rest, negative = np.divmod(rest, 2)
        self.event, side = np.divmod(rest, 512)
        self._turn, self._width = turn, np.where(edges[side] < calorimeter.wide, *calorimeter.width)
        self._sign, self._low, self._high = 1 - 2 * negative, edges[side], edges[side + 1]
        ends = np.array(list(calorimeter.resolution))
        terms = np.array(list(calorimeter.resolution.values()))
        centre = 0.5 * (self._low + self._high)
        self._terms = terms[np.clip(np.searchsorted(ends, centre), 0, len(ends) - 1)].T
        least = np.maximum(self.energy, 1e-6)  # a photon of no energy occurs
        self._spread = np.sqrt(np.log1p((self._sigma(least) / least) ** 2))

    def _sigma(self, energy, chosen=slice(None)):
        constant, stochastic, noise = self._terms[:, chosen]
        return np.sqrt((constant * energy) ** 2 + stochastic**2 * energy + noise**2)

    def measured(self, rng):
        """The towers seen: their index, px, py, pz and energy in GeV."""
        shift = self._spread * (rng.standard_normal(len(self.energy)) - 0.5 * self._spread)
        energy = self.energy * np.exp(shift)
        seen = np.flatnonzero((energy > self.calorimeter.threshold) & (energy > SIGNIFICANCE * self._sigma(energy)))
        energy, low = energy[seen], self._low[seen]
        eta = self._sign[seen] * (low + (self._high[seen] - low) * rng.random(len(seen)))
        phi = (self._turn[seen] + rng.random(len(seen))) * self._width[seen] - np.pi
        pt = energy / np.cosh(eta)
        return seen, pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy
