"""The calorimeter's resolution, as one number a jet."""

import numpy as np
import pandas as pd

from data_scripts import pythia
from dmlib import compute

from .jets import COLUMNS

MASS = 0.04  # of a jet's mass


def smeared(features, name):
    """Smears both jet masses of each event and orders the jets by them again.

    Arguments:
        features: Array (n, 5) as from `jets.features`.
        name: What the random numbers are drawn for.

    Returns:
        Table with the same columns.
    """
    rng = compute.stream(pythia.seed(f"lhco/{name}/resolution"))
    m_jj, m_1, delta_m, *tau21 = np.asarray(features, float).T
    m = np.stack([m_1, m_1 + delta_m], axis=1) * (1 + MASS * rng.normal(size=(len(m_jj), 2)))
    lighter = np.argsort(m, axis=1)
    m, tau21 = (np.take_along_axis(x, lighter, axis=1) for x in (m, np.stack(tau21, axis=1)))
    values = np.column_stack([m_jj, m[:, 0], m[:, 1] - m[:, 0], tau21]).astype(np.float32)
    return pd.DataFrame(values, columns=list(COLUMNS))
