"""The benchmark of the resonant methods: dijets with some signal, and what to judge by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from dmlib import _check, compute, features, samples
from dmlib.features.lhco import COLUMNS

FEATURES = COLUMNS[1:]  # all but the dijet mass
REGION = (3.3, 3.7)  # TeV


class Benchmark(NamedTuple):
    """Data, and samples that a search would not have. Features have shape (n, d), masses and labels (n,).

    Arguments:
        x, m: The data: background over all masses, and signal.
        y: What they are: 1 for signal. No search may look.
        extra: Features of more background inside the signal region, for `IAD`.
        labelled_x, labelled_y: Events with labels inside the region, for `Supervised`.
        test_x, test_m, test_y: Events inside the region to judge with, seen by no training.
    """

    x: np.ndarray
    m: np.ndarray
    y: np.ndarray
    extra: np.ndarray
    labelled_x: np.ndarray
    labelled_y: np.ndarray
    test_x: np.ndarray
    test_m: np.ndarray
    test_y: np.ndarray

    @property
    def significance(self) -> float:
        r"""The significance before any cut, :math:`S/\sqrt B` inside the region."""
        inside = _inside(self.m)
        return float(self.y[inside].sum() / np.sqrt((1 - self.y[inside]).sum()))

    def scores(self, method) -> tuple[np.ndarray, np.ndarray]:
        """Returns a fitted method's scores of the test events: of background, and of signal.

        They are what `dmlib.metrics.sic_curve`, `sic_band` and `max_sic` take.
        """
        scores = np.asarray(method.anomaly_score(self.test_x, self.test_m))
        return scores[self.test_y == 0], scores[self.test_y == 1]


def lhco(
    n_signal: int = 1_000,
    signal: str = "signal",
    shifted: bool = False,
    noise: int = 0,
    events: int | None = None,
    seed: compute.Seed = 0,
    source: str = "embedded",
) -> Benchmark:
    r"""Returns the benchmark of the LHC Olympics: QCD dijets, and a W' of 3.5 TeV among them.

    With 1,000 signal events in all, some 790 of them inside 3.3 to 3.7 TeV, :math:`S/B` is 0.6 % and
    :math:`S/\sqrt B` is 2.2, as in the papers.

    Arguments:
        n_signal: Signal events in the data, over all masses (those that the background does not reach are left out).
        signal: Name of the signal sample ("signal", "signal-threeprong", "signal-300-300").
        shifted: Correlate the jet masses with the dijet mass (`dmlib.features.shifted`).
        noise: Number of features to add that say nothing, normal numbers.
        events: Background events of the data; None takes all. Fewer make a quicker, harder problem.
        seed: Of the signal drawn, the noise and the order: a whole number, None, or a generator.
        source: "embedded" or "public".

    Returns:
        The data and all that goes with them.

    Raises:
        ValueError: A number of events is negative, or a sample has fewer events than wanted.

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021), section 4
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> data = lhco()
        >>> 2.0 < data.significance < 2.5
        True
    """
    _check.count(noise, "noise", 0)
    names = ("background", "background-test", "background-extra", signal)
    tables = [samples.load(f"lhco/{name}", source=source) for name in names]
    if shifted:
        tables = [features.shifted(table) for table in tables]
    events = len(tables[0]) if events is None else events
    for name, value, least, k in (("events", events, 1, 0), ("n_signal", n_signal, 0, 3)):
        if _check.count(value, name, least) > len(tables[k]):
            raise ValueError(f"{name}={value}: expected at most {len(tables[k])}, the events of lhco/{names[k]}")
    background, test, extra, hidden = (
        table.iloc[compute.stream(seed, "order", name).permutation(len(table))]
        for name, table in zip((*names[:3], "signal"), tables, strict=True)
    )
    seen, rest = hidden.iloc[:n_signal], hidden.iloc[n_signal:]
    seen = seen[seen.m_jj.between(background.m_jj.min(), background.m_jj.max())]
    rest = rest[_inside(rest.m_jj)]
    half = len(rest) // 2
    background = background.iloc[:events]
    extra, test = extra[_inside(extra.m_jj)], test[_inside(test.m_jj)]

    data_x, data_m, data_y = _stack(background, seen, noise, compute.stream(seed, "noise", "data"))
    order = compute.stream(seed, "order", "data").permutation(len(data_x))
    x, _, y = _stack(extra, rest.iloc[:half], noise, compute.stream(seed, "noise", "labelled"))
    judge = _stack(test, rest.iloc[half:], noise, compute.stream(seed, "noise", "test"))
    return Benchmark(data_x[order], data_m[order], data_y[order], x[y == 0], x, y, *judge)


def _inside(m):
    return (m >= REGION[0]) & (m <= REGION[1])


def _stack(background: pd.DataFrame, signal: pd.DataFrame, noise: int, rng: np.random.Generator):
    """Features, masses and labels of two tables."""
    table = pd.concat([background, signal])
    x = np.column_stack([table[list(FEATURES)].to_numpy(float), rng.standard_normal((len(table), noise))])
    return x, table.m_jj.to_numpy(float), np.repeat([0, 1], [len(background), len(signal)])
