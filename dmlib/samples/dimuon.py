"""The dimuon sets: muon pairs of Drell-Yan, of Z' bosons and of a contact interaction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dmlib.features import dimuon
from dmlib.samples.published import Table


def _table(source: Path) -> pd.DataFrame:
    from dmlib.samples import hdf5

    frame = hdf5.read_columns(source, dimuon.COLUMNS)
    swapped = (frame["pt2"] > frame["pt1"]).to_numpy()
    first, second = ["pt1", "eta1"], ["pt2", "eta2"]
    frame.loc[swapped, first + second] = frame.loc[swapped, second + first].to_numpy()
    turn = np.abs(frame["delta_phi"]) % (2 * np.pi)
    return frame.assign(delta_phi=np.minimum(turn, 2 * np.pi - turn))


def _finish(frame: pd.DataFrame) -> pd.DataFrame:
    features = [*dimuon.COLUMNS]
    mass = dimuon.m_ll(*(frame[name] for name in features))
    weights = [name for name in dimuon.WEIGHTS if name in frame]
    return frame[features].assign(m_ll=mass).join(frame[weights])


# Datasets of one column each, with the harder muon first and the angle between the muons folded to 0..pi.
DIMUON = Table(_table, _finish)
