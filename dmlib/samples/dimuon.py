"""The dimuon sets: muon pairs of Drell-Yan, of Z' bosons and of a contact interaction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dmlib.features import dimuon
from dmlib.samples.published import Published, Record, Table

DIMUON = Record(
    "10.5281/zenodo.4442665",
    "Dimuon events for learning new physics from a machine",
    "MadGraph 5, Pythia 6, Delphes 3",
    "https://arxiv.org/abs/1912.12155",
)

_FILES = {"drell-yan": "SM"} | {f"zprime-{mass}": f"Zprime{mass}" for mass in (200, 300, 600)}
_CONTACTS = ("06", "06-2", "06-5")  # seen in programs that read the record; the record does not say which c_W


class Dimuon(Table):
    """Datasets of one column each, with the harder muon first and the angle between the muons folded to 0..pi."""

    def published(self) -> Iterator[tuple[str, Published]]:
        note = "all events of the file: it need not be cut at m_ll > 60 GeV, pT > 20 GeV and |eta| < 2.4"
        for name, stem in _FILES.items():
            yield f"dimuon/{name}", Published(DIMUON, (rf"DiLepton_{stem}\.h5",), f"dimuon/{name}", note=note)
        for suffix in _CONTACTS:
            yield f"dimuon/contact-{suffix}", _contact(suffix)

    def unlisted(self, name: str) -> Published | None:
        """A contact interaction of another strength."""
        match = re.fullmatch(r"dimuon/contact-([\w.-]+)", name)
        return _contact(match[1]) if match else None

    def table(self, source: Path) -> pd.DataFrame:
        from dmlib.samples import hdf5

        frame = hdf5.read_columns(source, dimuon.COLUMNS)
        swapped = (frame["pt2"] > frame["pt1"]).to_numpy()
        first, second = ["pt1", "eta1"], ["pt2", "eta2"]
        frame.loc[swapped, first + second] = frame.loc[swapped, second + first].to_numpy()
        turn = np.abs(frame["delta_phi"]) % (2 * np.pi)
        return frame.assign(delta_phi=np.minimum(turn, 2 * np.pi - turn))

    def finish(self, frame: pd.DataFrame) -> pd.DataFrame:
        features = [*dimuon.COLUMNS]
        mass = dimuon.m_ll(*(frame[name] for name in features))
        weights = [name for name in dimuon.WEIGHTS if name in frame]
        return frame[features].assign(m_ll=mass).join(frame[weights])


def _contact(suffix: str) -> Published:
    note = "the record does not say which c_W the file name's number stands for; drawn at that c_W, without weights"
    file = rf"DiLepton_EFT{re.escape(suffix.replace('-', '_'))}\.h5"
    return Published(DIMUON, (file,), f"dimuon/contact-{suffix}", note=note)
