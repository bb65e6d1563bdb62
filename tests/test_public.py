"""The way from a published file to a sample, for each kind of file, with the faults of networks, disks and people."""

import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pandas as pd
import pytest
from fileserver import FileServer, Served
from h5files import jets, write_columns, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import events, samples
from dmlib.events.columns import OPTIONAL
from dmlib.samples import download
from dmlib.samples.darkmachines import in_part, read_part

# In the layout of the published files: MeV, ragged, a trailing semicolon, an id that is no key.
LINES = (
    "7;{p};2.5e-05;832841;-1.22431;b,947383,824498,-0.523103,1.64421;j,39507.6,35365.1,0.47046,-1.16445;\n"
    "7;{p};2.5e-05;732115;1.17245;j,1.06946e+06,751597,0.858186,-1.84217;\n"
    "7;{p};2.5e-05;205000;0.5;\n"
)
LHCO = ["m_jj", "m_j1", "delta_m", "tau21_1", "tau21_2"]
DIMUON = ["pt1", "pt2", "eta1", "eta2", "delta_phi", "m_ll"]


def make_tar(members, root="training_files/"):
    """A tar as published, of the given texts by name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(f"{root}{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return file.getvalue()


def numbered(n, process="njets"):
    """Events whose MET in GeV is their number."""
    return "".join(f"7;{process};{1 + k % 3}e-3;{k}000;0.5;j,{k + 30}000,25000,0.1,0.2;\n" for k in range(n))


def muons(n):
    """Pairs in the dimuon files' columns, every other with the softer muon first and the azimuths a turn apart."""
    rng = np.random.default_rng(2)
    pt, eta = rng.uniform(20, 200, (2, n)), rng.uniform(-2.4, 2.4, (2, n))
    return {"pt1": pt[0], "pt2": pt[1], "eta1": eta[0], "eta2": eta[1], "delta_phi": rng.uniform(-6, 6, n)}


def make_hdf5(write, *args, **what):
    path = Path(what.pop("folder", "."), "made.h5")
    write(path, *args, **what)
    return path.read_bytes()


HACKATHON = make_tar(
    {
        "chan1/background_chan1_7.79.csv": numbered(47),
        "chan1/glgl1400_neutralino1100_chan1.csv": LINES.format(p="glgl1400_neutralino1100"),
        "chan2a/pp24mt_50_chan2a.csv": LINES.format(p="pp24mt_50"),
        "chan2b/pp24mt_50_chan2b.csv": LINES.format(p="pp24mt_50") * 2,
        "chan2b/stlp_st1000_chan2b.csv": LINES.format(p="stlp_st1000").replace("205000", "2o5000"),
    }
)
# A kind of file each: name of a sample, its record and file, and what the converted file is called.
ARCHIVE = ("darkmachines/2b/pp24mt_50", "3961917", "training_files.tar", "darkmachines/2b/pp24mt_50")
CSV = ("darkmachines/sm/ttbar", "3685861", "ttbar_10fb.csv", "darkmachines/sm/ttbar")
HDF5 = ("lhco/signal", "6466204", "events_anomalydetection_v2.features.h5", "lhco/research")
COLUMNS = ("dimuon/zprime-300", "4442665", "DiLepton_Zprime300.h5", "dimuon/zprime-300")
KINDS = pytest.mark.parametrize("kind", [ARCHIVE, CSV, HDF5, COLUMNS], ids=["archive", "csv", "table", "columns"])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLIB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    """What the records' files hold."""
    folder = tmp_path_factory.mktemp("made")
    return {
        ARCHIVE: HACKATHON,
        CSV: LINES.format(p="ttbar").encode() * 2,
        HDF5: make_hdf5(write_table, jets(60), "blosc", (16, 15), folder=folder),
        COLUMNS: make_hdf5(write_columns, folder=folder, **muons(6)),
    }


@pytest.fixture
def zenodo(cache, monkeypatch, bodies):
    """The records on a local server; what was published otherwise than here is not compared."""
    monkeypatch.setattr(download, "CHECKSUMS", {})
    monkeypatch.setattr(download, "CHUNK", 10)  # so that a cut loses no bytes to a buffer
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=lambda _: None))
    with FileServer() as server:
        server.stand_in_for_zenodo(monkeypatch)
        for (_, record, file, _), body in bodies.items():
            server.add_record(record, file, Served(body))
        yield server


def load(name):
    """The published sample; that the numbers differ from the published ones is expected here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* events, where .* were published")
        return samples.load(name, source="public")


def served(zenodo, kind):
    return zenodo.files[f"/files/{kind[2]}"]


def md5(body):
    return hashlib.md5(body).hexdigest()


def files_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@KINDS
def test_from_record_to_sample(zenodo, cache, kind):
    name, record, file, kept = kind
    assert len(load(name)) == 6
    assert files_in(cache) == sorted([".lock", f"10.5281_zenodo.{record}/{file}", "checksums.json", f"{kept}.parquet"])
    asked = zenodo.requests
    shutil.rmtree(cache / f"10.5281_zenodo.{record}")
    assert len(load(name)) == 6 and zenodo.requests == asked  # needs no network, and not the download


@KINDS
def test_cut_lines_are_resumed(zenodo, kind):
    size = len(served(zenodo, kind).body)
    served(zenodo, kind).cuts = [size // 30 * 10] * 2
    assert len(load(kind[0])) == 6
    assert sum(served(zenodo, kind).sent) == size


@KINDS
def test_wrong_bytes_are_refused(zenodo, cache, kind):
    _, record, file, _ = kind
    right = served(zenodo, kind)
    zenodo.add_record(record, file, Served(right.body[:-1] + b"x"), md5=md5(right.body))
    with pytest.raises(ValueError, match="not the record's file"):
        load(kind[0])
    assert files_in(cache) == [".lock"]
    zenodo.add_record(record, file, right)
    assert len(load(kind[0])) == 6


@KINDS
def test_file_that_ends_too_early_is_refused(zenodo, cache, kind):
    """As the record has it, so that no checksum tells; text cut between two events cannot be told either."""
    _, record, file, kept = kind
    body = served(zenodo, kind).body
    zenodo.add_record(record, file, Served(body[: -20 if kind is CSV else int(0.56 * len(body))]))
    with pytest.raises(ValueError, match=r"not a whole archive|no whole HDF5 file|line 6, byte|no dataset"):
        load(kind[0])
    assert not (cache / f"{kept}.parquet").exists() and not (cache / "unpacked").exists()


@KINDS
def test_altered_converted_file_is_refused(zenodo, cache, kind):
    load(kind[0])
    path = cache / f"{kind[3]}.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="altered since it was converted"):
        load(kind[0])
    path.unlink()
    assert len(load(kind[0])) == 6


@KINDS
def test_full_disk_leaves_nothing(zenodo, cache, kind, monkeypatch):
    def full(*_, **__):
        (cache / "unpacked" / "new.parquet").write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("dmlib.events.parquet.write_blocks", full)
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(OSError, match=f"Disk full while {kind[2]} was converted; free some space") as error:
            load(kind[0])
    assert error.value.errno == errno.ENOSPC
    assert not (cache / "unpacked").exists() and not (cache / f"{kind[3]}.parquet").exists()
    assert len(load(kind[0])) == 6 and len(served(zenodo, kind).sent) == 1


@KINDS
def test_offline_says_what_to_fetch_by_hand(offline, cache, kind):
    name, record, file, _ = kind
    with pytest.raises(ConnectionError, match="Try again later, or download it by hand") as error:
        load(name)
    folder = cache / f"10.5281_zenodo.{record}"
    for part in (file.replace(".", r"\."), f"https://doi.org/10.5281/zenodo.{record}", str(folder), "DMLIB_DATA"):
        assert part in str(error.value)


@KINDS
def test_file_put_there_by_hand(offline, cache, kind, bodies, monkeypatch):
    monkeypatch.setattr(download, "CHECKSUMS", {})
    _, record, file, _ = kind
    path = cache / f"10.5281_zenodo.{record}" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(bodies[kind])
    with pytest.warns(UserWarning, match="used unchecked"):
        assert len(load(kind[0])) == 6


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_damaged_checksums_do_not_hide_a_sample(zenodo, cache, text):
    load(CSV[0])
    (cache / "checksums.json").write_text(text)
    with pytest.warns(UserWarning, match="checksums.json is damaged .* is used unchecked"):
        assert len(load(CSV[0])) == 6
    with pytest.warns(UserWarning, match="checksums.json is damaged"):
        assert len(load(ARCHIVE[0])) == 6  # and with it the file is written anew
    assert list(json.loads((cache / "checksums.json").read_text())) == [
        f"10.5281_zenodo.{ARCHIVE[1]}/{ARCHIVE[2]}", f"{ARCHIVE[3]}.parquet"
    ]  # fmt: skip


# A process that is killed when the converted file is written, but not yet in its place.
KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
import fileserver, pooch
from dmlib import samples
from dmlib.samples import convert, download
for place, value in fileserver.doi_addresses({url!r}).items():
    owner, name = place.rsplit(".", 1)
    setattr(pooch.downloaders if owner == "pooch.downloaders" else pooch.downloaders.ZenodoRepository, name, value)
download.CHECKSUMS.clear()
download.pin = lambda *_: (print("written", flush=True), time.sleep(60)) if "parquet" in str(_[1]) else None
samples.load({name!r}, source="public")
"""


@pytest.mark.parametrize("kind", [ARCHIVE, HDF5], ids=["archive", "table"])
def test_killed_while_writing(zenodo, cache, kind):
    code = KILLED.format(tests=str(Path(__file__).parent), url=zenodo.url, name=kind[0])
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        os.kill(process.pid, signal.SIGKILL)
    left = files_in(cache)
    assert "unpacked/new.parquet" in left and f"{kind[3]}.parquet" not in left
    assert len(load(kind[0])) == 6
    assert not (cache / "unpacked").exists()


def test_two_at_once_download_once(zenodo):
    served(zenodo, ARCHIVE).pauses = [0.3, 0.3]
    with ThreadPoolExecutor(2) as pool:
        loads = list(pool.map(lambda _: load(ARCHIVE[0]), range(2)))
    assert [len(sample) for sample in loads] == [6, 6]
    assert len(served(zenodo, ARCHIVE).sent) == 1


def test_events_are_those_of_the_text(zenodo):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = samples.load("darkmachines/1/glgl1400_neutralino1100", source="public")
    assert sample.process.tolist() == ["glgl1400_neutralino1100"] * 3
    assert np.allclose(sample.met, [832.841, 732.115, 205.0])
    assert sample.objects.kind.tolist() == [["b", "j"], ["j"], []]
    assert np.allclose(sample.objects.E[1, 0], 1069.46)


def test_published_number_of_events_is_compared(zenodo):
    with pytest.warns(
        UserWarning, match="darkmachines/1/background: 47 events, where 214,185 were published"
    ) as caught:
        samples.load("darkmachines/1/background", source="public")
    assert caught[0].filename == __file__


def test_splits_are_disjoint_complete_and_one_file(zenodo, cache):
    parts = {name: load(f"darkmachines/1/background{name}") for name in ("", "-validation", "-test")}
    numbers = {name: part.met.to_numpy().astype(int).tolist() for name, part in parts.items()}
    assert numbers["-validation"] == [0, 10, 20, 30, 40]
    assert numbers["-test"][:6] == [2, 4, 6, 8, 11, 13]
    assert sorted(sum(numbers.values(), [])) == list(range(47))
    whole = sum((1 + k % 3) * 1e-3 for k in range(47))
    for name, part in parts.items():
        assert part.fields == parts[""].fields
        assert ak.sum(part.weight.to_numpy().astype(float)) == pytest.approx(whole)
        weight = np.array([1 + k % 3 for k in numbers[name]])
        assert np.allclose(part.weight / weight, part.weight[0] / weight[0])  # scaled by one number
        assert np.allclose(part.objects.E[:, 0], np.array(numbers[name]) + 30)
    assert [p for p in files_in(cache) if p.endswith("parquet")] == ["darkmachines/1/background.parquet"]
    assert len(served(zenodo, ARCHIVE).sent) == 1
    assert samples.fetch("darkmachines/1/background-test") == cache / "darkmachines/1/background.parquet"


@settings(max_examples=15)
@given(n=st.integers(0, 90), chunk=st.integers(300, 4_000))
def test_splits_of_any_file_in_any_blocks(tmp_path_factory, n, chunk):
    folder = tmp_path_factory.getbasetemp()
    (folder / "a.csv").write_text(numbered(n))
    events.csv_to_parquet(folder / "a.csv", folder / "a.parquet", chunk_bytes=chunk)
    parts = [read_part(folder / "a.parquet", part) for part in ("training", "validation", "test")]
    assert sorted(ak.concatenate([part.met for part in parts]).to_list()) == list(range(n))
    training, validation, test = map(len, parts)
    assert validation == -(-n // 10) and 0 <= training - test <= 1
    total = sum(1e-3 * (1 + k % 3) for k in range(n))
    assert all(ak.sum(part.weight) == pytest.approx(total, rel=1e-5) for part in parts if len(part))


def test_published_numbers_of_the_splits_are_those_of_the_rule():
    for name, sample in samples._published().items():
        if sample.part in ("training", "validation", "test") and sample.total < 1e6:
            assert sample.events == in_part(np.arange(sample.total), sample.part).sum(), name


def test_failed_conversion_leaves_nothing(zenodo, cache):
    with pytest.raises(ValueError, match="stlp_st1000_chan2b.csv.*line 3") as error:
        load("darkmachines/2b/stlp_st1000")
    assert "training_files.tar can be unpacked by hand" in error.value.__notes__[0]
    assert not (cache / "unpacked").exists() and not list(cache.rglob("*.parquet"))


def test_sample_that_the_archive_lacks(zenodo):
    with pytest.raises(ValueError, match="expected one file named like.*found none among training_files/chan1"):
        load("darkmachines/3/monotop_200_A")


@pytest.mark.parametrize("stem", ["secret_chan2a", "unlabeled_combined_chan2a", "anything"])
def test_blind_set_whatever_its_file_is_called(zenodo, stem):
    text, other = LINES.format(p="secret"), numbered(2)
    members = {f"chan2a/{stem}.csv": text, "chan2a/._x.csv": "junk", "chan2a/README": "x", "chan2b/a.csv": other}
    zenodo.add_record("4443151", "secret_data.tar", Served(make_tar(members, root="")))
    blind = load("darkmachines/2a/blind")
    assert blind.process.tolist() == ["unknown"] * 3 and np.allclose(blind.met, [832.841, 732.115, 205.0])
    assert load("darkmachines/2b/blind").process.tolist() == ["unknown"] * 2
    with pytest.raises(ValueError, match=r"expected one file named like chan1/.*found none"):
        load("darkmachines/1/blind")


def test_blind_set_with_two_files_is_not_guessed(zenodo):
    members = {"chan3/a.csv": numbered(2), "chan3/b.csv": numbered(2)}
    zenodo.add_record("4443151", "secret_data.tar", Served(make_tar(members, root="")))
    with pytest.raises(ValueError, match="found chan3/a.csv, chan3/b.csv"):
        load("darkmachines/3/blind")


def test_standard_model_file_that_the_record_lacks(zenodo):
    zenodo.add_record("3685861", "zw_10fb.csv", Served(LINES.format(p="zw").encode()))
    assert np.allclose(load("darkmachines/sm/zw").met, [832.841, 732.115, 205.0])
    with pytest.raises(ValueError, match=r"has no single file named like ztop_10fb.*; it has .*zw_10fb.csv"):
        load("darkmachines/sm/ztop")


TEXT = LINES.format(p="new")


@pytest.mark.parametrize(
    "files",
    [
        {"HH_103_chan1.csv": TEXT, "HH_103_chan3.csv": "", "HH_1030_chan1.csv": ""},
        {"bsm.tar.gz": make_tar({"chan1/HH_103_chan1.csv": TEXT, "chan3/HH_103_chan3.csv": "", "a.txt": ""})},
        {"bsm.tar": make_tar({"chan1/HH_103.csv": TEXT, "chan1/HH_1030.csv": ""}), "README.md": b"-"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_mixture_signals_by_pattern(zenodo, files):
    for name, body in files.items():
        zenodo.add_record("6772776", name, Served(body if isinstance(body, bytes) else body.encode()))
    assert np.allclose(load("darkmachines/1/mixture/HH_103").met, [832.841, 732.115, 205.0])


def test_olympics_background_and_signal_are_one_file(zenodo, cache):
    signal, background = load("lhco/signal"), load("lhco/background")
    raw = jets(60)
    for frame, part in ((signal, raw[raw.label == 1]), (background, raw[raw.label == 0])):
        assert list(frame) == LHCO and (frame.dtypes == np.float32).all()
        assert list(frame.index) == list(range(len(part)))
        assert np.allclose(frame.m_j1, part[["mj1", "mj2"]].min(axis=1) / 1000)
        assert np.allclose(frame.m_j1 + frame.delta_m, part[["mj1", "mj2"]].max(axis=1) / 1000, rtol=1e-5)
        assert np.allclose(frame.tau21_1, 0.5, atol=1e-4) and frame.m_jj.between(2.3, 6).all()
    assert [p for p in files_in(cache) if p.endswith("parquet")] == ["lhco/research.parquet"]


def test_inner_background_in_two_halves(zenodo, tmp_path):
    raw = jets(41, labels=False)
    name = "events_anomalydetection_qcd_extra_inneronly_features.h5"
    zenodo.add_record("8370758", name, Served(make_hdf5(write_table, raw, folder=tmp_path)))
    test, extra = load("lhco/background-test"), load("lhco/background-extra")
    assert (len(test), len(extra)) == (21, 20)
    assert np.allclose(pd.concat([test, extra]).m_j1, raw[["mj1", "mj2"]].min(axis=1) / 1000)


def test_events_that_are_not_finite_are_left_out(zenodo, tmp_path):
    raw = jets(20, labels=False)
    raw.loc[[3, 7], "tau2j1"] = np.nan
    name = "events_anomalydetection_Z_XY_qqq.features.h5"
    zenodo.add_record("6466204", name, Served(make_hdf5(write_table, raw, "gzip", folder=tmp_path)))
    with pytest.warns(UserWarning, match="2 of 20 events are left out"):
        assert len(load("lhco/signal-threeprong")) == 18


def test_known_checksums_go_before_the_record(zenodo, cache, monkeypatch):
    file = "10.5281_zenodo.6466204/events_anomalydetection_v2.features.h5"
    monkeypatch.setitem(download.CHECKSUMS, file, "md5:271cf5e71fc756b2a8d2b32730689bdb")
    with pytest.raises(ValueError, match="not the record's file: its checksum is not md5:271cf5e71fc"):
        load("lhco/signal")
    monkeypatch.setitem(download.CHECKSUMS, file, f"md5:{md5(served(zenodo, HDF5).body)}")
    assert len(load("lhco/signal")) == 6


def test_dimuons_are_ordered_and_folded(zenodo):
    frame, raw = load(COLUMNS[0]), pd.DataFrame(muons(6))
    assert list(frame) == DIMUON and (frame.dtypes == np.float32).all()
    assert np.allclose(frame.pt1, raw[["pt1", "pt2"]].max(axis=1)) and (frame.pt1 >= frame.pt2).all()
    assert (raw.pt2 > raw.pt1).any() and (raw.delta_phi.abs() > np.pi).any()
    assert np.allclose(frame.eta1 + frame.eta2, raw.eta1 + raw.eta2, atol=1e-6)
    assert frame.delta_phi.between(0, np.pi).all()
    mass = 2 * raw.pt1 * raw.pt2 * (np.cosh(raw.eta1 - raw.eta2) - np.cos(raw.delta_phi))
    assert np.allclose(frame.m_ll**2, mass, rtol=1e-4)


@pytest.mark.parametrize(("sample", "file"), [("drell-yan", "DiLepton_SM.h5"), ("contact-06-2", "DiLepton_EFT06_2.h5")])
def test_dimuon_files_by_name(zenodo, tmp_path, sample, file):
    body = make_hdf5(write_columns, folder=tmp_path, mll=np.ones(9), **muons(9))
    for name in (file, "DiLepton_EFT06.h5", "DiLepton_Zprime600.h5"):
        zenodo.add_record("4442665", name, Served(body))
    assert len(load(f"dimuon/{sample}")) == 9


def test_same_columns_from_both_sources(zenodo):
    """What is shipped and what is published can take each other's place."""
    pairs = {ARCHIVE[0]: "darkmachines/2b/stlp_st1000", HDF5[0]: "lhco/signal", COLUMNS[0]: "dimuon/zprime-300"}
    shipped = samples.catalogue().dropna(subset="events").index
    for public, embedded in pairs.items():
        if embedded in shipped:
            ours, theirs = samples.load(embedded), load(public)
            if isinstance(ours, pd.DataFrame):
                assert ours.dtypes.to_dict() == theirs.dtypes.to_dict()
            else:
                assert [name for name in ours.fields if name not in OPTIONAL] == theirs.fields
                assert ours.objects.fields == theirs.objects.fields
                assert ak.type(ours.objects[0]).content == ak.type(theirs.objects[0]).content


def test_genuine_file_through_the_whole_path(zenodo, test_data):
    file = test_data / "darkmachines" / "monojet_Zp2000.0_DM_50.0_chan3.csv"
    archive = make_tar({f"chan3/{file.name}": file.read_text()})
    zenodo.add_record("3961917", "training_files.tar", Served(archive))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the number of events is as published
        sample = samples.load("darkmachines/3/monojet_Zp2000.0_DM_50.0", source="public")
    assert len(sample) == 6_399
    assert sample.tolist()[0] == events.read_csv(file).tolist()[0]
