"""The Dark Machines sets: events in the four channels of the challenge, and the Standard Model in none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np

from dmlib import events
from dmlib.events.columns import Columns, from_awkward, merge, to_awkward
from dmlib.samples.published import ARCHIVE, Published, Record, Set

_DELPHES = "MG5_aMC@NLO, Pythia 8.239, Delphes 3.4.2"
_CHALLENGE = "https://arxiv.org/abs/2105.14027"
HACKATHON = Record(
    "10.5281/zenodo.3961917", "Dark Machines unsupervised hackathon", _DELPHES, _CHALLENGE, licence="CC-BY-4.0"
)
SECRET = Record("10.5281/zenodo.4443151", "Dark Machines secret dataset, without labels", _DELPHES, _CHALLENGE)
STANDARD_MODEL = Record(
    "10.5281/zenodo.3685861", "Dark Machines: Standard Model, a file a process", _DELPHES, _CHALLENGE, limit=400e9
)
MIXTURE = Record(
    "10.5281/zenodo.6772776",
    "Dark Machines: signals beyond the Standard Model, for mixtures of theories",
    "MadGraph 5, Pythia 8, Delphes 3",
    "https://arxiv.org/abs/2207.07631",
)
# Backgrounds: section 2.2 of the challenge's paper; signals of each channel: the published score files.
_BACKGROUND = {"1": 214_185, "2a": 20_005, "2b": 340_268, "3": 8_544_111}
_COUNTED = {"3/monojet_Zp2000.0_DM_50.0": 6_399}  # in the file; the other signals' numbers are not published
_SIGNALS = {
    "1": "glgl1400_neutralino1100 glgl1600_neutralino800 monojet_Zp2000.0_DM_50.0 monotop_200_A "
    "sqsq1_sq1400_neut800 sqsq_sq1800_neut800 stlp_st1000 stop2b1000_neutralino300",
    "2a": "chaneut_cha200_neut50 chaneut_cha250_neut150 chaneut_cha300_neut100 chaneut_cha400_neut200 "
    "gluino_1000.0_neutralino_1.0 pp23mt_50 pp24mt_50",
    "2b": "chacha_cha300_neut140 chacha_cha400_neut60 chacha_cha600_neut200 chaneut_cha200_neut50 "
    "chaneut_cha250_neut150 gluino_1000.0_neutralino_1.0 pp23mt_50 pp24mt_50 stlp_st1000",
    "3": "glgl1400_neutralino1100 glgl1600_neutralino800 gluino_1000.0_neutralino_1.0 monoV_Zp2000.0_DM_1.0 "
    "monojet_Zp2000.0_DM_50.0 monotop_200_A sqsq1_sq1400_neut800 sqsq_sq1800_neut800 stlp_st1000 "
    "stop2b1000_neutralino300",
}

# Table 2 of the challenge's paper: identification and number of generated events.
_PROCESSES = {
    "njets": 415_331_302, "w_jets": 135_692_164, "gam_jets": 123_709_226, "z_jets": 60_076_409, "ttbar": 13_590_811,
    "single_top": 7_223_883, "single_topbar": 7_179_922, "ww": 17_740_278, "wtop": 5_252_172, "wtopbar": 4_723_206,
    "2gam": 17_464_818, "Wgam": 18_633_683, "zw": 13_847_321, "Zgam": 15_909_980, "zz": 7_118_820,
    "single_higgs": 2_596_158, "ttbarGam": 95_217, "ttbarZ": 300_000, "ttbarHiggs": 200_476, "atop": 2_776_166,
    "ttbarW": 279_365, "atopbar": 4_770_857, "ztop": 3_213_475, "ztopbar": 2_741_276, "4top": 399_999,
    "ttbarWW": 150_000,
}  # fmt: skip

# Appendix A of the mixture-of-theories paper, with two misprints corrected: btzpLoopA5 twice in channel 1 (the second
# is V5) and stlp_st1000 for stlpp_st1000 in channel 3. It prints fewer signals than the (37, 51, 18, 71) it speaks of.
_GLUINOS = "glgl_1178 glgl_1680 glgl_1741 glgl_1818 glgl_2088"
_SEESAW = " ".join(f"type2seesaw_{m}_{m}" for m in range(150, 501, 50))
_MIXTURE = {
    "1": f"btzpLoopA5 btzpLoopV5 HH_103 HH_754 {_GLUINOS} sqsq_sq766 sqsq1366_1562 stop365 stop846 stopjets845 "
    "sbottom198 sbottom681 sbottom781 gmsb_glgl3601 gmsb_neutneut_neut721 neut2neut2_neut2_712 neut4neut4_neut4_923 "
    "neut3neut3lep_neut3_616 neut4neut4lep_neut4_923 chachalep_cha510 chachalep_cha751 chaneut3_cha_363_neut3_711 "
    "chaneutlep_cha_900 chaneut2lep_cha700 chaneut2lep_cha900 stlp_st560 stlp_st1560 stlpp_st1000",
    "2a": "LReff_100_10 LReff_100_100 LReff_100_500 LReff_500_10 LReff_500_100 LReff_500_500 "
    f"{_SEESAW} type2seesaw_100_150 type2seesaw_150_200 type2seesaw_200_250 type2seesaw_250_300 "
    "wprimeA10 wprimeA20 wprimeA100 wprimeA200 wprimeA300 wprimeA400 wprimeA500 wprimeV10 wprimeV20 wprimeV50 "
    "wprimeV100 wprimeV200 wprimeV300 wprimeV500 HH_150 hh_1000 gmsb_glgl3601 slsl_slep700 neut3neut3lep_neut3_616 "
    "neut4neut4lep_neut4_923 chachalep_cha510 chachalep_cha751 chaneut3_cha_363_neut3_711 chaneut2lep_cha700 "
    "stlp_st560 stlp_st1560 sll_sl350 snul_snu475",
    "2b": f"{_SEESAW} hh_1000 slsl_slep700 neut3neut3lep_neut3_616 chaneut2lep_cha700 chaneut2lep_cha900 "
    "chaneut3lep_cha363 snul_snu475",
    "3": "btzpLoopA50 btzpLoopA40 btzpLoopA30 btzpLoopA20 btzpLoopA10 btzpLoopA5 btzpLoopV50 btzpLoopV40 btzpLoopV30 "
    "btzpLoopV20 btzpLoopV10 btzpLoopV5 LReff_10_10 LReff_50_10 LReff_100_10 LReff_500_10 type2seesaw_500_500 mDM500 "
    f"HH_103 HH_150 HH_754 hh_100 AA_600 AA_924 {_GLUINOS} sqsq_sq766 sqsq1366_1562 stopjets845 sbottom198 "
    "sbottom681 sbottom781 gmsb_glgl3601 gmsb_neutneut_neut721 slsl_slep700 slsl_slep1006 neut2neut2_neut2_510 "
    "neut4neut4_neut4_923 neut3neut3lep_neut3_616 neut4neut4lep_neut4_923 chachalep_cha510 chachalep_cha751 "
    "chaneut_cha776_neut762 chaneut_cha867 gllp_gl1800 gllpp_lambdapp_gl1500 gllpp_lambdapp_gl1800 stlp_st560 "
    "stlp_st1560 stlpp_st1000 sll_sl350 sllp_sl583 snul_snu475 snulp_snu656",
}


class DarkMachines(Set):
    """Events as CSV files, many of them in archives; a background is split in parts by the number of its row."""

    def published(self) -> Iterator[tuple[str, Published]]:
        for channel, total in _BACKGROUND.items():
            first = -(-total // 10)  # see in_part
            sizes = {"training": (total - first + 1) // 2, "validation": first, "test": (total - first) // 2}
            for part, size in sizes.items():
                name = f"darkmachines/{channel}/background" + ("" if part == "training" else f"-{part}")
                yield name, _hackathon(f"{channel}/background", part=part, events=size, total=total)
            for signal in _SIGNALS[channel].split():
                counted = _COUNTED.get(f"{channel}/{signal}")
                yield (
                    f"darkmachines/{channel}/{signal}",
                    _hackathon(f"{channel}/{signal}", events=counted, total=counted),
                )
            blind = f"darkmachines/{channel}/blind"
            member = rf"chan{channel}/[^/]+\.csv"
            note = f"the archive's file names are not documented: the one CSV file in chan{channel}/ is taken"
            yield blind, Published(SECRET, (r"secret_data\.tar",), blind, (member,), note=note)
            for signal in _MIXTURE[channel].split():
                yield f"darkmachines/{channel}/mixture/{signal}", _mixture(channel, signal)
        for process, counted in _PROCESSES.items():
            name, file = f"darkmachines/sm/{process}", rf"{process}_10fb\.csv"
            note = "all events of the process, in no channel: select with dmlib.channels"
            yield name, Published(STANDARD_MODEL, (file,), name, events=counted, total=counted, note=note)

    def unlisted(self, name: str) -> Published | None:
        """A signal of the mixture's record that the paper does not print."""
        match = re.fullmatch(r"darkmachines/(1|2a|2b|3)/mixture/([\w.-]+)", name)
        return _mixture(match[1], match[2]) if match else None

    def convert(self, source: Path, target: Path) -> int:
        return events.csv_to_parquet(source, target).events

    def read(self, path: Path, name: str, part: str = "all") -> ak.Array:
        """Reads events; the process of those in a blind set is hidden."""
        sample = events.read_parquet(path) if part == "all" else read_part(path, part)
        if not name.endswith("/blind"):
            return sample
        columns = from_awkward(sample)
        columns.events["process"][:] = 0
        columns.processes[:] = ["unknown"]
        return to_awkward(columns)


def _hackathon(key: str, part: str = "all", events: int | None = None, total: int | None = None) -> Published:
    channel, stem = key.split("/")
    member = rf"{re.escape(stem)}_chan{channel}(_[\d.]+)?\.csv"  # a background's file name ends with its luminosity
    return Published(HACKATHON, (r"training_files\.tar",), f"darkmachines/{key}", (member,), part, events, total)


def _mixture(channel: str, signal: str) -> Published:
    alone = rf"{re.escape(signal)}_chan{channel}\.csv"  # as in the hackathon set
    note = (
        "the record's file names were not seen: sought are <signal>_chan<channel>.csv, alone or in the record's one "
        "archive, and chan<channel>/<signal>.csv in that; signals are named as in appendix A of the paper"
    )
    members = (alone, rf"chan{channel}/{re.escape(signal)}\.csv")
    name = f"darkmachines/{channel}/mixture/{signal}"
    return Published(MIXTURE, (alone, rf".+{ARCHIVE}"), name, members, note=note)


def read_part(path: Path, part: str) -> ak.Array:
    """Reads some rows of a file of events, block by block, with weights that stand for the whole's luminosity."""
    from dmlib.events import parquet

    total = 0.0

    def chosen() -> Iterator[Columns]:
        nonlocal total
        first = 0
        for block in parquet.read_blocks(path, None):
            row = first + np.arange(len(block))
            first += len(row)
            total += block.events["weight"].sum(dtype=float)
            kept = in_part(row, part)
            objects = np.repeat(kept, np.diff(block.offsets))
            yield Columns(
                {name: values[kept] for name, values in block.events.items()},
                block.processes,
                np.diff(block.offsets)[kept],
                {name: values[objects] for name, values in block.objects.items()},
            )

    columns = merge(chosen())
    weight = columns.events["weight"]
    if (part_total := weight.sum(dtype=float)) > 0:
        weight *= total / part_total
    return to_awkward(columns)


def in_part(row: np.ndarray, part: str) -> np.ndarray:
    """Returns whether rows, by their number, belong to a part of the background; no row belongs to two.

    Rows that follow each other go to different parts, so that a file sorted by process is split fairly.
    """
    validation, odd = row % 10 == 0, (row - row // 10 - 1) % 2 == 1
    return {"validation": validation, "training": ~validation & ~odd, "test": ~validation & odd}[part]
