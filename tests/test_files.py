"""Files that are whole or not at all, packed or not, and their checksums."""

import hashlib

import pytest

from dmlib import _files, _store


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_is_whole_or_not_at_all(tmp_path, old, error):
    path = tmp_path / "a"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error), _files.replacing(path) as file:
        file.write(b"half")
        raise error
    assert (path.read_bytes() if path.exists() else None) == old
    with _files.replacing(path) as file:
        file.write(b"whole")
        assert (path.read_bytes() if path.exists() else None) == old
    assert path.read_bytes() == b"whole"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_what_is_no_place_for_a_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such folder: '.*none'"), _files.replacing(tmp_path / "none" / "a"):
        pass
    with pytest.raises(IsADirectoryError, match="expected the name of a file"), _files.replacing(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _files.write_text("~/a.txt", "über")
    assert (tmp_path / "a.txt").read_bytes() == "über".encode()
    assert _files.expanded("~/a") == tmp_path / "a"
    assert _files.expanded("a/~") == _files.Path("a/~")
    files = _store.files("~/store", max, [1])
    assert files[0].parent == tmp_path / "store" and files[0].parent.is_dir()


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert _files.sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("text", [b"", b"x", bytes(range(256)) * 1000])
def test_what_is_packed_is_unpacked(tmp_path, name, text):
    with _files.replacing(tmp_path / name) as file, _files.packing(file, name) as packed:
        packed.write(text)
    with _files.unpacked(tmp_path / name) as file:
        assert file.read() == text


def test_faults_of_the_reader_are_not_the_files(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with pytest.raises(OSError, match="No space left"), _files.unpacked(tmp_path / "a"):
        raise OSError(28, "No space left")
    with pytest.raises(FileNotFoundError), _files.unpacked(tmp_path / "b"):
        pass
    with pytest.raises(OSError, match="Not enough disk space: needs"):
        _files.require_space(tmp_path, 1 << 60)


def test_masks_do_not_enter_the_store():
    import numpy as np

    with pytest.raises(TypeError, match="a masked array, whose mask would be lost"):
        _store.encoded(lambda _: {"a": [np.ma.masked_array([1, 2], [0, 1])]}, 0)
