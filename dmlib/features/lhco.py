"""The five features of the LHC Olympics events: from the published columns, and correlated with the dijet mass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

COLUMNS = ("m_jj", "m_j1", "delta_m", "tau21_1", "tau21_2")


def features(raw: pd.DataFrame | Mapping[str, ArrayLike]) -> pd.DataFrame:
    r"""Turns the columns of the published files into the five features that resonant searches use.

    .. math:: x = (m_{jj},\ m_1,\ m_2 - m_1,\ \tau_{21,1},\ \tau_{21,2}), \qquad
       \tau_{21} = \frac{\tau_2}{10^{-5} + \tau_1}

    where jet 1 is the lighter one, whatever its number in the file. Masses come in GeV and are returned in TeV.

    Arguments:
        raw: Table with the columns ``pxj1 pyj1 pzj1 mj1 tau1j1 tau2j1`` and the same for ``j2``, n rows; others are
            not looked at. A row with a value that is not finite has features that are not.

    Returns:
        Table of shape (n, 5), float32: ``m_jj``, ``m_j1``, ``delta_m``, ``tau21_1`` and ``tau21_2``.

    Raises:
        ValueError: A column is missing.

    References:
        | The LHC Olympics 2020 (Kasieczka et al., 2021); the files: https://doi.org/10.5281/zenodo.6466204
        | https://arxiv.org/abs/2101.08320
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> from dmlib.features import lhco
        >>> raw = {"pxj1": [1500.0], "pyj1": [0.0], "pzj1": [0.0], "mj1": [500.0], "tau1j1": [0.5], "tau2j1": [0.1],
        ...     "pxj2": [-1500.0], "pyj2": [0.0], "pzj2": [0.0], "mj2": [100.0], "tau1j2": [0.2], "tau2j2": [0.1]}
        >>> lhco.features(raw).round(3)
            m_jj  m_j1  delta_m  tau21_1  tau21_2
        0  3.084   0.1      0.4      0.5      0.2
    """
    names = ("px", "py", "pz", "m", "tau1", "tau2")
    if missing := [f"{name}j{jet}" for jet in (1, 2) for name in names if f"{name}j{jet}" not in raw]:
        raise ValueError(f"no column {', '.join(missing)}: expected those of the LHC Olympics feature files")
    # Shape (events, 2) each, the lighter jet first.
    columns = {name: np.stack([np.asarray(raw[f"{name}j{jet}"], float) for jet in (1, 2)], axis=1) for name in names}
    order = np.argsort(columns["m"], axis=1, kind="stable")
    px, py, pz, m, tau1, tau2 = (np.take_along_axis(column, order, axis=1) for column in columns.values())
    energy = np.sqrt(m**2 + px**2 + py**2 + pz**2)
    squared = energy.sum(axis=1) ** 2 - sum(p.sum(axis=1) ** 2 for p in (px, py, pz))
    m_jj = np.sqrt(np.maximum(squared, 0))
    tau21 = tau2 / (1e-5 + tau1)
    table = np.column_stack([m_jj / 1000, m[:, 0] / 1000, (m[:, 1] - m[:, 0]) / 1000, tau21])
    return pd.DataFrame(table.astype(np.float32), columns=list(COLUMNS))


def shifted(frame: pd.DataFrame, slope: float = 0.1) -> pd.DataFrame:
    r"""Correlates the jet masses with the dijet mass, which a method must survive on real data.

    .. math:: m_1 \to m_1 + s\, m_{jj}, \qquad \Delta m \to \Delta m + s\, m_{jj}

    CWoLa, which takes the features to be independent of the dijet mass, fails on such events; CATHODE survives.

    Arguments:
        frame: Table with the columns ``m_jj``, ``m_j1`` and ``delta_m``; left as it is.
        slope: The number s.

    Returns:
        A table with the same columns.

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> import pandas as pd
        >>> from dmlib import features
        >>> features.shifted(pd.DataFrame({"m_jj": [3.5], "m_j1": [0.1], "delta_m": [0.4]})).round(2)
           m_jj  m_j1  delta_m
        0   3.5  0.45     0.75
    """
    return frame.assign(**{name: frame[name] + slope * frame["m_jj"] for name in ("m_j1", "delta_m")})
