"""Archives from the network: safe ones are unpacked, all others refused with nothing written."""

import io
import shutil
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from dmlib.samples.archive import extract


def make_tar(path, *members, mode="w"):
    """Writes a tar of (name, bytes) pairs and ready-made TarInfo objects."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


GOOD = ("training_files/chan1/a_chan1.csv", b"1;2\n")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_extracts_the_one_file_asked_for(tmp_path, mode):
    shadow = ("training_files/chan1/._a_chan1.csv", b"junk")
    other = ("training_files/chan1/aa_chan1.csv", b"other")
    archive = make_tar(tmp_path / "set.tar", shadow, GOOD, other, mode=mode)
    path = extract(archive, r"a_chan1\.csv", tmp_path / "out")
    assert path.read_bytes() == GOOD[1]
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == [path]


@pytest.mark.parametrize(
    "evil",
    [
        ("../a_chan1.csv", b"x"),
        ("chan1/../../a_chan1.csv", b"x"),
        ("/tmp/a_chan1.csv", b"x"),
        special("chan1", tarfile.SYMTYPE, "/etc"),
        special("chan1/a_chan1.csv", tarfile.LNKTYPE, "/etc/passwd"),
        special("chan1/pipe", tarfile.FIFOTYPE),
        special("chan1/disk", tarfile.BLKTYPE),
    ],
    ids=lambda m: m.name if isinstance(m, tarfile.TarInfo) else m[0],
)
def test_unsafe_members_are_refused(tmp_path, evil):
    archive = make_tar(tmp_path / "set.tar", GOOD, evil)
    with pytest.raises(ValueError, match="is refused: its member"):
        extract(archive, r"a_chan1\.csv", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "set.tar"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_bomb_is_refused(tmp_path, mode):
    archive = make_tar(tmp_path / "set.tar", GOOD, ("zeros", bytes(3_000_000)), mode=mode)
    with pytest.raises(ValueError, match="more than 0.002 GB"):
        extract(archive, r"a_chan1\.csv", tmp_path / "out", limit=2_000_000)
    assert not list((tmp_path / "out").iterdir())


def test_small_disk_is_noticed_before_unpacking(tmp_path, monkeypatch):
    archive = make_tar(tmp_path / "set.tar", GOOD)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    with pytest.raises(OSError, match="Not enough disk space"):
        extract(archive, r"a_chan1\.csv", tmp_path / "out")


def test_no_match_and_two_matches_are_named(tmp_path):
    archive = make_tar(tmp_path / "set.tar", GOOD, ("b/a_chan1.csv", b""))
    with pytest.raises(ValueError, match="found training_files/chan1/a_chan1.csv, b/a_chan1.csv"):
        extract(archive, r"a_chan1\.csv", tmp_path / "out")
    with pytest.raises(ValueError, match="found none"):
        extract(archive, r"c_chan1\.csv", tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 300, 1900])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_truncated_archive_is_refused(tmp_path, keep, mode):
    noise = np.random.default_rng(1).bytes(4_000)
    archive = make_tar(tmp_path / "set.tar", GOOD, ("noise", noise), mode=mode)
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(ValueError, match="not a whole archive"):
        extract(archive, r"a_chan1\.csv", tmp_path / "out")
