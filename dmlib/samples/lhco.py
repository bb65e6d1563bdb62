"""The LHC Olympics: dijet events as five features."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dmlib.features import lhco
from dmlib.samples.published import Table

# The columns of the feature files, by name or, in some, by number.
_JET = ("px", "py", "pz", "m", "tau1", "tau2", "tau3")
RAW = [*(f"{quantity}{jet}" for jet in ("j1", "j2") for quantity in _JET), "label"]


def _table(source: Path) -> pd.DataFrame:
    from dmlib.samples import hdf5

    raw = hdf5.read_frame(source, RAW)
    frame = lhco.features(raw)
    return frame.assign(label=raw["label"].to_numpy()) if "label" in raw else frame


def _finish(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[*lhco.COLUMNS]]


# Tables of jets, of which the five features are kept, and the labels where background and signal are one file.
LHCO = Table(_table, _finish)
