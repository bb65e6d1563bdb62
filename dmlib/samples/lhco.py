"""The LHC Olympics: dijet events as five features."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from dmlib.features import lhco
from dmlib.samples.published import Published, Record, Table

OLYMPICS = Record(
    "10.5281/zenodo.6466204",
    "LHC Olympics 2020, R&D dataset",
    "Pythia 8, Delphes 3.4.1",
    "https://arxiv.org/abs/2101.08320",
    licence="CC-BY-4.0",
)
INNER_BACKGROUND = Record(
    "10.5281/zenodo.8370758",
    "LHC Olympics 2020, additional QCD background inside the signal region",
    "Pythia 8, Delphes 3.4.1",
    "https://arxiv.org/abs/2109.00546",
)

# The columns of the feature files, by name or, in some, by number.
_JET = ("px", "py", "pz", "m", "tau1", "tau2", "tau3")
RAW = [*(f"{quantity}{jet}" for jet in ("j1", "j2") for quantity in _JET), "label"]


class Olympics(Table):
    """Tables of jets, of which the five features are kept, and the labels where background and signal are one file."""

    def published(self) -> Iterator[tuple[str, Published]]:
        research = (r"events_anomalydetection_v2\.features\.h5",)
        for name, part, events in (("background", "label 0", 1_000_000), ("signal", "label 1", 100_000)):
            sample = Published(OLYMPICS, research, "lhco/research", part=part, events=events, total=1_100_000)
            yield f"lhco/{name}", sample
        three = (r"events_anomalydetection_Z_XY_qqq\.features\.h5",)
        yield "lhco/signal-threeprong", Published(OLYMPICS, three, "lhco/threeprong", events=100_000, total=100_000)
        inner = (r"events_anomalydetection_qcd_extra_inneronly_features\.h5",)
        note = "background inside 3.3-3.7 TeV only"
        for name, part in (("background-test", "first half"), ("background-extra", "second half")):
            sample = Published(
                INNER_BACKGROUND, inner, "lhco/inner", part=part, events=306_429, total=612_858, note=note
            )
            yield f"lhco/{name}", sample

    def table(self, source: Path) -> pd.DataFrame:
        from dmlib.samples import hdf5

        raw = hdf5.read_frame(source, RAW)
        frame = lhco.features(raw)
        return frame.assign(label=raw["label"].to_numpy()) if "label" in raw else frame

    def finish(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[[*lhco.COLUMNS]]
