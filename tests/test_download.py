"""Downloads against a local server with faults; nothing here needs a network."""

import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import requests
from fileserver import FileServer, Served

from dmlib.samples import download

BODY = np.random.default_rng(0).bytes(300_000)
DOI, NAME = "10.5281/zenodo.42", "set.tar"


@pytest.fixture
def server():
    with FileServer() as server:
        yield server


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """The seconds that the downloader would have slept; small chunks, so that a cut loses no bytes to a buffer."""
    naps = []
    monkeypatch.setattr(download, "CHUNK", 1_000)
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=naps.append))
    return naps


@pytest.fixture
def zenodo(server, monkeypatch):
    """Lets pooch find the record 42 on the local server."""
    monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda doi, **_: "https://zenodo.org/records/42")
    monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", f"{server.url}/api/records")
    return server


def add(server, **how):
    served = server.files["/big"] = Served(BODY, **how)
    return served, f"{server.url}/big"


def interrupt(url, path):
    """A download of which the first 100,000 bytes arrive."""
    with pytest.raises(requests.RequestException):
        download.retrieve(url, path, retries=0)
    assert path.stat().st_size == 100_000


def test_downloads_in_one_piece(server, tmp_path):
    served, url = add(server)
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert "Range" not in served.asked[0]


@pytest.mark.parametrize("etag", ['"v1"', 'W/"weak"', None])
def test_resume_transfers_only_the_rest(server, tmp_path, etag):
    served, url = add(server, etag=etag, cuts=[100_000, 0])
    interrupt(url, tmp_path / "big")
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert served.sent == [100_000, 0, len(BODY) - 100_000]
    # a weak ETag must not be sent as If-Range
    assert served.asked[1].get("If-Range") == (etag if etag == '"v1"' else None)


def test_cut_lines_are_retried_while_bytes_arrive(server, tmp_path, naps):
    served, url = add(server, cuts=[30_000] * 9)
    download.retrieve(url, tmp_path / "big", retries=2)
    assert (tmp_path / "big").read_bytes() == BODY
    assert sum(served.sent) == len(BODY)
    assert naps == [1.0] * 9  # each attempt brought something, so the waits do not grow


def test_gives_up_when_nothing_new_arrives(server, tmp_path, naps):
    served, url = add(server, ranges=False, cuts=[50_000] * 99)
    with pytest.raises(requests.RequestException):
        download.retrieve(url, tmp_path / "big", retries=3)
    assert naps == [1.0, 1.0, 2.0, 4.0]  # the first attempt brought bytes; the others the same bytes again
    assert len(served.sent) == 5


def test_a_cut_that_looks_like_the_end_is_noticed(server, tmp_path, monkeypatch):
    served, url = add(server)
    whole = requests.Response.iter_content
    monkeypatch.setattr(requests.Response, "iter_content", lambda self, n: [next(whole(self, n))])  # older urllib3
    with pytest.raises(requests.ConnectionError, match="cut after 1,000 of 300,000 bytes"):
        download._attempt(url, tmp_path / "big", None, 30.0)
    monkeypatch.undo()
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert served.sent[-1] == len(BODY) - 1_000


def test_server_without_ranges_starts_again(server, tmp_path):
    served, url = add(server, ranges=False, cuts=[100_000])
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert served.sent == [100_000, len(BODY)]


def test_changed_file_starts_again(server, tmp_path):
    served, url = add(server, cuts=[100_000, 0])
    interrupt(url, tmp_path / "big")
    served.body, served.etag = BODY[::-1], '"v2"'
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY[::-1]


@pytest.mark.parametrize("surplus", [b"", b"more"])
def test_part_that_is_whole_or_too_long(server, tmp_path, surplus):
    served, url = add(server)
    (tmp_path / "big").write_bytes(BODY + surplus)
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert sum(served.sent) == (len(BODY) if surplus else 0)


def test_stalled_line_is_resumed(server, tmp_path):
    served, url = add(server, pauses=[1.0])
    download.retrieve(url, tmp_path / "big", timeout=0.2)
    assert (tmp_path / "big").read_bytes() == BODY
    assert len(served.sent) == 2 and served.sent[1] < len(BODY)


def test_busy_server_is_asked_again_when_it_says(server, tmp_path, naps):
    _, url = add(server, statuses=[429, 503])
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert naps == [7.0, 7.0]


def test_missing_file_is_not_asked_for_again(server, tmp_path, naps):
    with pytest.raises(requests.HTTPError, match="404"):
        download.retrieve(f"{server.url}/nothing", tmp_path / "big")
    assert server.requests == 1 and not naps
    assert not list(tmp_path.iterdir())


def test_killed_process_is_resumed(server, tmp_path):
    served, url = add(server, pauses=[60.0])
    code = "from pathlib import Path; from dmlib.samples.download import retrieve\n"
    code += f"retrieve({url!r}, Path({str(tmp_path / 'big')!r}))"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while download._size(tmp_path / "big") < 60_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = (tmp_path / "big").stat().st_size
    assert 60_000 <= kept < len(BODY)
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert served.sent[-1] == len(BODY) - kept


def test_small_disk_is_noticed_before_the_download(server, tmp_path, monkeypatch):
    _, url = add(server)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=200_000))
    with pytest.raises(OSError, match=r"needs 0\.00 GB, has 0\.00 GB") as error:
        download.retrieve(url, tmp_path / "big")
    assert error.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_disk_that_fills_up_keeps_what_came(server, tmp_path, monkeypatch):
    served, url = add(server)

    class FullDisk(io.FileIO):
        def write(self, chunk):
            if self.tell() > 100_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(chunk)

    monkeypatch.setattr(download, "open", FullDisk, raising=False)
    with pytest.raises(OSError, match="free some space") as error:
        download.retrieve(url, tmp_path / "big")
    assert error.value.errno == errno.ENOSPC and len(served.asked) == 1
    monkeypatch.undo()
    download.retrieve(url, tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == BODY
    assert 100_000 < served.sent[1] < len(BODY)


@pytest.mark.parametrize("progress", [None, True])
def test_progress_bar_only_when_asked_for(server, tmp_path, capsys, progress):
    _, url = add(server)
    download.retrieve(url, tmp_path / "big.part", progress=progress)
    shown = capsys.readouterr().err
    assert ("big: 100%" in shown) if progress else (shown == "")


def test_fetch_by_doi(zenodo, tmp_path):
    served = Served(BODY, cuts=[90_000])
    zenodo.add_record("42", NAME, served)
    path = download.fetch(DOI, NAME, tmp_path)
    assert path == tmp_path / "10.5281_zenodo.42" / NAME and path.read_bytes() == BODY
    assert [p.name for p in path.parent.iterdir()] == [NAME]
    pins = json.loads((tmp_path / "checksums.json").read_text())
    assert pins == {f"10.5281_zenodo.42/{NAME}": hashlib.sha256(BODY).hexdigest()}
    assert "dmlib" in served.asked[0]["User-Agent"]
    before = zenodo.requests
    assert download.fetch(DOI, NAME, tmp_path) == path
    assert zenodo.requests == before


def test_wrong_bytes_are_refused_and_removed(zenodo, tmp_path):
    zenodo.add_record("42", NAME, Served(BODY[:-1] + b"x"), md5=hashlib.md5(BODY).hexdigest())
    with pytest.raises(ValueError, match="not the record's file"):
        download.fetch(DOI, NAME, tmp_path)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    served = Served(BODY)
    zenodo.add_record("42", NAME, served)
    assert download.fetch(DOI, NAME, tmp_path).read_bytes() == BODY
    assert served.sent == [len(BODY)]


def test_failed_fetch_keeps_its_part(zenodo, tmp_path):
    served = Served(BODY, cuts=[200_000] + [0] * 6)
    zenodo.add_record("42", NAME, served)
    with pytest.raises(ConnectionError, match=r"The 0\.2 MB received so far are kept"):
        download.fetch(DOI, NAME, tmp_path)
    assert download.fetch(DOI, NAME, tmp_path).read_bytes() == BODY
    assert sum(served.sent) == len(BODY)


def test_altered_file_is_refused_later(zenodo, tmp_path):
    zenodo.add_record("42", NAME, Served(BODY))
    path = download.fetch(DOI, NAME, tmp_path)
    path.write_bytes(BODY[:-1])
    with pytest.raises(ValueError, match="altered or cut"):
        download.fetch(DOI, NAME, tmp_path)


def test_checksum_pinned_in_the_code_goes_first(zenodo, tmp_path, monkeypatch):
    monkeypatch.setitem(download.CHECKSUMS, f"10.5281_zenodo.42/{NAME}", hashlib.sha256(b"other").hexdigest())
    zenodo.add_record("42", NAME, Served(BODY))
    with pytest.raises(ValueError, match="not the record's file"):
        download.fetch(DOI, NAME, tmp_path)


def test_offline_says_how_to_do_it_by_hand(offline, tmp_path):
    with pytest.raises(ConnectionError) as error:
        download.fetch(DOI, NAME, tmp_path)
    message = str(error.value)
    for word in (NAME, f"https://doi.org/{DOI}", str(tmp_path / "10.5281_zenodo.42" / NAME), "DMLIB_DATA"):
        assert word in message


def test_file_put_there_by_hand(zenodo, tmp_path, request):
    path = tmp_path / "10.5281_zenodo.42" / NAME
    path.parent.mkdir()
    zenodo.add_record("42", NAME, Served(BODY))
    path.write_bytes(BODY[:-1])
    with pytest.raises(ValueError, match="altered or cut"):
        download.fetch(DOI, NAME, tmp_path)
    path.write_bytes(BODY)
    assert download.fetch(DOI, NAME, tmp_path) == path
    assert zenodo.files[f"/files/{NAME}"].sent == []
    (tmp_path / "checksums.json").unlink()
    request.getfixturevalue("offline")
    with pytest.warns(UserWarning, match="used unchecked"):
        assert download.fetch(DOI, NAME, tmp_path) == path
    assert not (tmp_path / "checksums.json").exists()


@pytest.mark.parametrize("reply", [b'{"status": 429, "message": "slow down"}', b"<html>log in</html>"])
def test_a_page_that_is_no_record_is_said_so(zenodo, tmp_path, reply):
    zenodo.files["/api/records/42"] = Served(reply)
    with pytest.raises(ConnectionError, match="by hand"):
        download.fetch(DOI, NAME, tmp_path)
