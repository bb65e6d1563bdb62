"""The catalogue, the embedded samples and the way from a published archive to events; offline."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fileserver import FileServer, Served

from dmlib import events, samples

# In the layout of the published files: MeV, ragged, a trailing semicolon, an id that is no key.
LINES = (
    "7;{p};2.5e-05;832841;-1.22431;b,947383,824498,-0.523103,1.64421;j,39507.6,35365.1,0.47046,-1.16445;\n"
    "7;{p};2.5e-05;732115;1.17245;j,1.06946e+06,751597,0.858186,-1.84217;\n"
    "7;{p};2.5e-05;205000;0.5;\n"
)


def make_archive(**members: str) -> bytes:
    """A tar as published, with the given texts under training_files/."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(f"training_files/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return file.getvalue()


ARCHIVE = make_archive(
    **{
        "chan1/background_chan1_7.79.csv": LINES.format(p="njets") + LINES.format(p="z_jets"),
        "chan1/glgl1400_neutralino1100_chan1.csv": LINES.format(p="glgl1400_neutralino1100"),
        "chan2a/pp24mt_50_chan2a.csv": LINES.format(p="pp24mt_50"),
        "chan2b/pp24mt_50_chan2b.csv": LINES.format(p="pp24mt_50") * 2,
        "chan2b/stlp_st1000_chan2b.csv": LINES.format(p="stlp_st1000").replace("205000", "2o5000"),
    }
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLIB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def zenodo(cache, monkeypatch):
    """The published record on a local server, and the file it serves."""
    with FileServer() as server:
        monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda doi, **_: "https://zenodo.org/records/3961917")
        monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", f"{server.url}/api/records")
        server.add_record("3961917", "training_files.tar", Served(ARCHIVE))
        yield server


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """An installation that ships two samples."""
    folder = tmp_path / "data" / "darkmachines"
    cards = {}
    for key, n in {"1/background": 5, "1/stealth_400": 2}.items():
        sample = events.from_columns(
            id=np.arange(n),
            process=np.array(["njets"] * n),
            weight=np.ones(n),
            met=np.full(n, 200.0),
            met_phi=np.zeros(n),
            counts=np.ones(n, dtype=int),
            kind=np.array(["j"] * n),
            E=np.full(n, 90.0),
            pt=np.full(n, 80.0),
            eta=np.zeros(n),
            phi=np.zeros(n),
        )
        file = folder / f"{key}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        events.write_parquet(sample, file)
        cards[key] = {
            "file": f"{key}.parquet",
            "events": n,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "seed": n,
        }
    general = {"licence": "CC-BY-4.0", "generator": "Pythia 8.317", "samples": cards}
    (folder / "card.json").write_text(json.dumps(general))
    monkeypatch.setattr(samples, "DATA", tmp_path / "data")
    return folder


def test_catalogue_lists_embedded_and_public(embedded):
    table = samples.catalogue()
    assert table.index.is_unique and table.index.name == "name"
    assert list(table.columns) == ["events", "bytes", "public_events", "source", "licence", "generator"]
    both = table.loc["darkmachines/1/background"]
    assert (both.events, both.public_events, both.source) == (5, 214_185, "embedded, public")
    assert both.bytes == (embedded / "1/background.parquet").stat().st_size
    own = table.loc["darkmachines/1/stealth_400"]
    assert (own.events, own.public_events, own.source) == (2, pd.NA, "embedded")
    published = table.loc["darkmachines/3/monojet_Zp2000.0_DM_50.0"]
    assert (published.events, published.public_events, published.source) == (pd.NA, 6_399, "public")
    assert (table.licence == "CC-BY-4.0").all()


def test_catalogue_has_the_challenge_pairs():
    table = samples.catalogue()
    public = table[table.source.str.contains("public")]
    stems = public.index.str.rpartition("/").get_level_values(2)
    assert len(public) == 38 and (stems == "background").sum() == 4
    assert public.public_events.dropna().sum() == 214_185 + 20_005 + 340_268 + 8_544_111 + 6_399


def test_public_names_are_those_of_the_score_files():
    folder = Path(os.environ.get("DMLIB_TEST_DATA", "")) / "challenge-results"
    if "DMLIB_TEST_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("DMLIB_TEST_DATA names no folder with the challenge's score files")
    scores = pd.concat([pd.read_csv(file, dtype={"Chan": str}) for file in folder.glob("*.csv")])
    pairs = {f"darkmachines/{chan}/{signal}" for chan, signal in zip(scores.Chan, scores.Signal, strict=True)}
    assert pairs == {name for name in samples._public() if not name.endswith("/background")}


def test_catalogue_reads_no_events(embedded, monkeypatch):
    monkeypatch.setattr(events, "read_parquet", None)
    monkeypatch.setattr("pooch.file_hash", None)
    assert len(samples.catalogue()) == 39


def test_card_merges_the_set_and_the_sample(embedded):
    card = samples.card("darkmachines/1/background")
    assert (card["name"], card["generator"], card["seed"]) == ("darkmachines/1/background", "Pythia 8.317", 5)
    assert "samples" not in card
    assert samples.card("darkmachines/2a/background")["doi"] == "10.5281/zenodo.3961917"


def test_load_embedded(embedded):
    sample = samples.load("darkmachines/1/background")
    assert len(sample) == 5
    assert np.allclose(sample.objects.pt[:, 0], 80.0)


def test_altered_embedded_file_is_refused(embedded):
    shutil.copy(embedded / "1/stealth_400.parquet", embedded / "1/background.parquet")
    with pytest.raises(ValueError, match="background.parquet is not the file that its card describes"):
        samples.load("darkmachines/1/background")


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("darkmachines/1/backgruond", "embedded", r"Did you mean 'darkmachines/1/background'.*catalogue\(\) lists"),
        ("nonsense", "embedded", r"no sample 'nonsense'\. dmlib"),
        ("darkmachines/1/background", "pubic", r"source='pubic': expected one of 'embedded', 'public'"),
        ("darkmachines/2a/background", "embedded", r'not shipped with dmlib; load it with source="public"'),
        ("darkmachines/1/stealth_400", "public", r'not in the published set .*load it with source="embedded"'),
    ],
)
def test_errors_help(embedded, cache, name, source, message):
    with pytest.raises(ValueError, match=message):
        samples.load(name, source)
    assert not cache.exists()


def test_public_sample_from_archive_to_events(zenodo, cache):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signal = samples.load("darkmachines/1/glgl1400_neutralino1100", source="public")
    assert len(signal) == 3
    assert signal.process.tolist() == ["glgl1400_neutralino1100"] * 3
    assert np.allclose(signal.met, [832.841, 732.115, 205.0])
    assert signal.objects.kind.tolist() == [["b", "j"], ["j"], []]
    assert np.allclose(signal.objects.E[1, 0], 1069.46)
    files = sorted(p.relative_to(cache).as_posix() for p in cache.rglob("*") if p.is_file())
    assert files == [
        ".lock",
        "10.5281_zenodo.3961917/training_files.tar",
        "checksums.json",
        "darkmachines/1/glgl1400_neutralino1100.parquet",
    ]


def test_second_use_needs_no_network_and_no_archive(zenodo, cache):
    first = samples.load("darkmachines/2b/pp24mt_50", source="public")
    zenodo.files.clear()
    asked = zenodo.requests
    assert len(samples.load("darkmachines/2a/pp24mt_50", source="public")) == 3  # from the archive
    shutil.rmtree(cache / "10.5281_zenodo.3961917")
    again = samples.load("darkmachines/2b/pp24mt_50", source="public")
    assert again.tolist() == first.tolist() and len(again) == 6
    assert zenodo.requests == asked


def test_published_number_of_events_is_compared(zenodo):
    with pytest.warns(UserWarning, match="6 events, where 214,185 were published"):
        assert len(samples.load("darkmachines/1/background", source="public")) == 6


def test_two_processes_at_once_download_once(zenodo):
    zenodo.files["/files/training_files.tar"].pauses = [0.3, 0.3]
    with ThreadPoolExecutor(2) as pool:
        loads = list(pool.map(lambda _: samples.load("darkmachines/2b/pp24mt_50", source="public"), range(2)))
    assert [len(sample) for sample in loads] == [6, 6]
    assert len(zenodo.files["/files/training_files.tar"].sent) == 1


def test_failed_conversion_leaves_nothing(zenodo, cache):
    with pytest.raises(ValueError, match="stlp_st1000_chan2b.csv.*line 3") as error:
        samples.load("darkmachines/2b/stlp_st1000", source="public")
    assert "training_files.tar can be unpacked by hand" in error.value.__notes__[0]
    assert not (cache / "unpacked").exists() and not list(cache.rglob("*.parquet"))


def test_sample_that_the_archive_lacks(zenodo):
    with pytest.raises(ValueError, match="expected one file named like"):
        samples.load("darkmachines/3/monotop_200_A", source="public")


def test_altered_parquet_is_refused(zenodo, cache):
    samples.load("darkmachines/2b/pp24mt_50", source="public")
    path = cache / "darkmachines/2b/pp24mt_50.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="altered since it was converted"):
        samples.load("darkmachines/2b/pp24mt_50", source="public")
    path.unlink()
    assert len(samples.load("darkmachines/2b/pp24mt_50", source="public")) == 6


def test_leftovers_of_a_killed_process_are_cleared(zenodo, cache):
    (cache / "unpacked").mkdir(parents=True)
    (cache / "unpacked" / "new.parquet").write_bytes(b"half")
    assert len(samples.load("darkmachines/2b/pp24mt_50", source="public")) == 6
    assert not (cache / "unpacked").exists()


def test_genuine_file_through_the_whole_path(zenodo):
    file = Path(os.environ.get("DMLIB_TEST_DATA", "")) / "darkmachines/monojet_Zp2000.0_DM_50.0_chan3.csv"
    if "DMLIB_TEST_DATA" not in os.environ or not file.is_file():
        pytest.skip("DMLIB_TEST_DATA names no folder with the genuine channel-3 file")
    archive = make_archive(**{f"chan3/{file.name}": file.read_text()})
    zenodo.add_record("3961917", "training_files.tar", Served(archive))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the number of events is as published
        sample = samples.load("darkmachines/3/monojet_Zp2000.0_DM_50.0", source="public")
    assert len(sample) == 6_399
    assert sample.tolist()[0] == events.read_csv(file).tolist()[0]


def test_shipped_samples_are_what_their_cards_say():
    shipped = samples.catalogue().dropna(subset="events")
    if shipped.empty:
        pytest.skip("this installation ships no samples")
    for name, row in shipped.iterrows():
        assert len(samples.load(name)) == row.events > 0, name
    assert shipped.bytes.sum() < 60e6
