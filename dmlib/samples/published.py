"""The published sets: which record and file each sample is in, under the names that the embedded samples have.

What follows is what is documented of the records. Not all their file names are; where a name is a guess, it is a
regular expression, the note of the sample says so, and a file list that fits otherwise is shown to the reader.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

ARCHIVE = r"\.(?:tar|tgz|tar\.gz|zip|gz)"  # a regular expression: how the names of packed files end


@dataclass(frozen=True)
class Record:
    """A DOI record: what its card says, and how many bytes one of its archives may unpack to."""

    doi: str
    title: str
    generator: str
    reference: str
    licence: str = "as the record states"
    limit: float = 20e9


@dataclass(frozen=True)
class Published:
    """A published sample.

    Arguments:
        record: The record it is in.
        files: Regular expressions for the file's name in the record; one that fits a single file goes first.
        kept: Name of the converted file in the cache folder, without suffix; several samples may be rows of one.
        members: Regular expressions for the file's path where the record's file is an archive.
        part: Which rows of the converted file, by a name in `PARTS`.
        events: The number published of this sample.
        total: The number published of the whole file.
        note: What is assumed.
    """

    record: Record
    files: tuple[str, ...]
    kept: str
    members: tuple[str, ...] = ()
    part: str = "all"
    events: int | None = None
    total: int | None = None
    note: str = ""


PARTS = {
    "all": "all rows",
    "validation": "the first of every ten rows; weights scaled to the luminosity of the whole",
    "training": "the first, third, ... of the rows that are not for validation; weights scaled to that of the whole",
    "test": "the second, fourth, ... of the rows that are not for validation; weights scaled to that of the whole",
    "label 0": "the rows labelled as background",
    "label 1": "the rows labelled as signal",
    "first half": "the first half of the rows",
    "second half": "the second half of the rows",
}

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
DIMUON = Record(
    "10.5281/zenodo.4442665",
    "Dimuon events for learning new physics from a machine",
    "MadGraph 5, Pythia 6, Delphes 3",
    "https://arxiv.org/abs/1912.12155",
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

_ZPRIMES = ("200", "300", "600")
_CONTACTS = ("06", "06-2", "06-5")  # seen in programs that read the record; the record does not say which c_W


def find(name: str) -> Published | None:
    """Returns a published sample; a mixture signal or contact interaction also under a name that is not listed."""
    if name in published():
        return published()[name]
    if match := re.fullmatch(r"darkmachines/(1|2a|2b|3)/mixture/([\w.-]+)", name):
        return _mixture(*match.groups())
    if match := re.fullmatch(r"dimuon/contact-([\w.-]+)", name):
        return _contact(match[1])
    return None


@functools.cache
def published() -> dict[str, Published]:
    """Returns the published samples by name."""
    return dict([*_hackathon(), *_other_darkmachines(), *_lhco(), *_dimuon()])


def _hackathon() -> Iterator[tuple[str, Published]]:
    def stored(key: str, **what) -> Published:
        channel, stem = key.split("/")
        member = rf"{re.escape(stem)}_chan{channel}(_[\d.]+)?\.csv"  # a background's file name ends with its luminosity
        return Published(HACKATHON, (r"training_files\.tar",), f"darkmachines/{key}", (member,), **what)

    for channel, total in _BACKGROUND.items():
        validation = -(-total // 10)
        counts = {
            "training": (total - validation + 1) // 2,
            "validation": validation,
            "test": (total - validation) // 2,
        }
        for part, events in counts.items():
            name = f"darkmachines/{channel}/background" + ("" if part == "training" else f"-{part}")
            yield name, stored(f"{channel}/background", part=part, events=events, total=total)
        for signal in _SIGNALS[channel].split():
            events = _COUNTED.get(f"{channel}/{signal}")
            yield f"darkmachines/{channel}/{signal}", stored(f"{channel}/{signal}", events=events, total=events)


def _other_darkmachines() -> Iterator[tuple[str, Published]]:
    for channel in _BACKGROUND:
        name = f"darkmachines/{channel}/blind"
        member = rf"chan{channel}/[^/]+\.csv"
        note = f"the archive's file names are not documented: the one CSV file in chan{channel}/ is taken"
        yield name, Published(SECRET, (r"secret_data\.tar",), name, (member,), note=note)
        for signal in _MIXTURE[channel].split():
            yield f"darkmachines/{channel}/mixture/{signal}", _mixture(channel, signal)
    for process, events in _PROCESSES.items():
        name, file = f"darkmachines/sm/{process}", rf"{process}_10fb\.csv"
        files = (file, rf"{process}(?:_10fb)?(?:\.csv)?{ARCHIVE}")
        note = "all events of the process, in no channel: select with dmlib.channels"
        yield name, Published(STANDARD_MODEL, files, name, (file, r".+\.csv"), events=events, total=events, note=note)


def _mixture(channel: str, signal: str) -> Published:
    stem, here = re.escape(signal), rf"chan(?:nel)?_?{channel}(?![0-9a-z])"
    alone = rf"{stem}_{here}[^/]*\.csv"  # as in the hackathon set
    loose = rf"{stem}_[^/]*{here}[^/]*\.csv"  # with the mass of the lightest particle, say
    files = (alone, loose, *(rf"{name}{ARCHIVE}" for name in (alone, loose)), rf"[^/]*{here}[^/]*{ARCHIVE}")
    files += (rf"(?!.*chan)(?:.*[_-])?{stem}{ARCHIVE}", rf"(?!.*chan).*{ARCHIVE}")
    members = (alone, loose, rf"{here}/(?:.+/)?{stem}\.csv", rf"{here}/(?:.+/)?{stem}_[^/]*\.csv")
    note = (
        "the record's file names were not seen: sought are <signal>_chan<channel>.csv, alone or in an archive, and "
        "chan<channel>/<signal>.csv in an archive; signals are named as in appendix A of the paper"
    )
    return Published(MIXTURE, files, f"darkmachines/{channel}/mixture/{signal}", members, note=note)


def _lhco() -> Iterator[tuple[str, Published]]:
    research = (r"events_anomalydetection_v2\.features\.h5",)
    for name, part, events in (("background", "label 0", 1_000_000), ("signal", "label 1", 100_000)):
        yield f"lhco/{name}", Published(OLYMPICS, research, "lhco/research", part=part, events=events, total=1_100_000)
    three = (r"events_anomalydetection_Z_XY_qqq\.features\.h5",)
    yield "lhco/signal-threeprong", Published(OLYMPICS, three, "lhco/threeprong", events=100_000, total=100_000)
    inner = (r"events_anomalydetection_qcd_extra_inneronly_features\.h5",)
    note = "background inside 3.3-3.7 TeV only"
    for name, part in (("background-test", "first half"), ("background-extra", "second half")):
        what = {"part": part, "events": 306_429, "total": 612_858, "note": note}
        yield f"lhco/{name}", Published(INNER_BACKGROUND, inner, "lhco/inner", **what)


def _dimuon() -> Iterator[tuple[str, Published]]:
    for name, stem in (("drell-yan", "SM"), *((f"zprime-{mass}", f"Zprime{mass}") for mass in _ZPRIMES)):
        files = (rf"DiLepton_{stem}\.h5", rf"DiLepton_{stem}(?!\d).*\.(?:h5|hdf5)")
        note = "all events of the file: it need not be cut at m_ll > 60 GeV, pT > 20 GeV and |eta| < 2.4"
        yield f"dimuon/{name}", Published(DIMUON, files, f"dimuon/{name}", note=note)
    for suffix in _CONTACTS:
        yield f"dimuon/contact-{suffix}", _contact(suffix)


def _contact(suffix: str) -> Published:
    note = "the record does not say which c_W the file name's number stands for; drawn at that c_W, without weights"
    file = rf"DiLepton_EFT{re.escape(suffix.replace('-', '_'))}\.(?:h5|hdf5)"
    return Published(DIMUON, (file,), f"dimuon/contact-{suffix}", note=note)
