"""Files of a DOI record, fetched over a bad line: resumed after a cut, and never used before the checksum agrees."""

from __future__ import annotations

import errno
import json
import os
import time
import warnings
from pathlib import Path

import requests
from pooch.hashes import hash_matches
from tqdm import tqdm

from dmlib import _files
from dmlib._files import require_space
from dmlib.samples import record
from dmlib.samples.record import HEADERS, TIMEOUT

CHUNK = 1 << 16  # small, since what a cut leaves in the buffer is lost

# Checksums known beforehand, by place in the cache folder: a SHA-256, or another with its name in front. A maintainer
# who has fetched a file and found it to agree with the record's own checksum copies them from her checksums.json.
CHECKSUMS: dict[str, str] = {
    "10.5281_zenodo.6466204/events_anomalydetection_v2.features.h5": "md5:271cf5e71fc756b2a8d2b32730689bdb",
    "10.5281_zenodo.6466204/events_anomalydetection_Z_XY_qqq.features.h5": "md5:1e729f7dff225451182c28afaa4bb411",
}


def retrieve(url: str, part: Path, progress: bool | None = None, timeout: float = TIMEOUT, retries: int = 5) -> None:
    """Downloads over HTTP, going on from the bytes that an earlier attempt left.

    What is missing is asked for with ``Range``. The server's ``ETag`` (or ``Last-Modified``) is kept beside the file
    and sent as ``If-Range``: where the file has changed, or ranges are not served, the download starts again from
    nothing. The bytes are not checked here. (urllib3's Retry counts attempts; here those count that bring nothing new.)

    Arguments:
        url: The file's address.
        part: Where the bytes go; what is there already is taken for their beginning.
        progress: Whether to draw a progress bar; by default only where stderr is a terminal.
        timeout: Seconds without an answer or a byte after which a connection counts as cut.
        retries: Attempts in a row that may bring nothing new before the download is given up. The second comes after
            a second, each further one after twice the time, up to a minute; a server's ``Retry-After`` goes first.

    Raises:
        requests.RequestException: the server cannot be reached, refuses, or keeps cutting the connection.
        OSError: the disk is full; what has been received stays.

    References:
        | RFC 9110, HTTP Semantics, sections 13.1.5 (If-Range) and 14 (Range Requests)
        | https://www.rfc-editor.org/rfc/rfc9110
    """
    longest, failures = _size(part), 0
    while True:
        try:
            return _attempt(url, part, progress, timeout)
        except requests.RequestException as error:
            answer = error.response
            if answer is not None and 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
                raise  # asking again does not change it
            # A server that always cuts a file it cannot resume brings bytes, but never new ones.
            failures = 0 if _size(part) > longest else failures + 1
            longest = max(longest, _size(part))
            if failures > retries:
                raise
            asked = answer.headers.get("Retry-After", "") if answer is not None else ""
            time.sleep(min(float(asked), 120.0) if asked.isdigit() else min(2.0 ** max(failures - 1, 0), 60.0))


def _attempt(url: str, part: Path, progress: bool | None, timeout: float) -> None:
    """One request: appends what the server sends, and raises a RequestException unless the file is then whole."""
    start = _size(part)
    headers = dict(HEADERS)
    if start:
        headers["Range"] = f"bytes={start}-"
        if _validator(part).exists():
            headers["If-Range"] = _validator(part).read_text()
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        # "bytes 100-199/200", or "bytes */200" with 416
        span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if response.status_code == 416 and total == str(start):
            return
        if response.status_code == 416 or (response.status_code == 206 and not span.startswith(f"{start}-")):
            discard(part)
            raise requests.ConnectionError(f"the server has no byte {start}; starting again")
        response.raise_for_status()
        if response.status_code != 206:
            start = 0
        length = response.headers.get("Content-Length")
        remaining = int(length) if length else None
        require_space(part.parent, (remaining or 0) - (_size(part) - start))
        try:
            with open(part, "ab" if start else "wb") as file, _bar(part, start, remaining, progress) as bar:
                if not start:
                    _keep_validator(part, response.headers)
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
        except OSError as error:  # requests' own errors are among them
            if error.errno == errno.ENOSPC:
                message = "Disk full; free some space and call again: the download goes on where it stopped"
                raise OSError(errno.ENOSPC, message, str(part)) from error
            raise
    if remaining is not None and _size(part) < start + remaining:  # urllib3 1 takes a cut for the end
        raise requests.ConnectionError(f"connection cut after {_size(part):,} of {start + remaining:,} bytes")


def _bar(part: Path, start: int, remaining: int | None, progress: bool | None) -> tqdm:
    total = None if remaining is None else start + remaining
    disable = None if progress is None else not progress  # None: where stderr is no terminal
    name = part.name.removesuffix(".part")
    return tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, disable=disable)


def fetch(doi: str, name: str, cache: Path, progress: bool | None = None) -> Path:
    """Returns a file of a DOI record, downloaded and checked unless the cache folder has it.

    The checksum is the known one (pinned in this module, or in the folder's ``checksums.json`` after an earlier
    fetch), and otherwise the one that the record states. A file that someone put there by hand is checked likewise,
    or used with a warning where the record cannot be reached. The caller holds the folder's lock.

    Arguments:
        doi: The record, such as ``"10.5281/zenodo.3961917"``.
        name: The file's name in the record.
        cache: The cache folder; the file goes to ``<cache>/<doi>/<name>``, with the slash of the DOI as ``_``.
        progress: As in `retrieve`.

    Raises:
        ConnectionError: the record or the file cannot be fetched; the message says how to do it by hand.
        ValueError: the bytes are not the record's; those just downloaded are removed.
        OSError: the disk is too small.
    """
    path = record.folder(doi, cache) / name
    key = path.relative_to(cache).as_posix()
    known = pinned(cache, key)
    if path.exists() and known:
        _require_match(path, known)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        url, checksum = record.listing(doi)[name]
        if not path.exists():
            retrieve(url, part, progress)
    except (requests.RequestException, KeyError, ValueError) as error:  # pooch on a page that is not the record's
        if path.exists():
            warnings.warn(f"{path} is used unchecked: the record doi:{doi} cannot be reached.", stacklevel=2)
            return path
        kept = f" The {_size(part) / 1e6:.1f} MB received so far are kept, and resumed." if _size(part) else ""
        raise record.unreachable(doi, name, path, error, kept) from error
    checksum = known or checksum
    if path.exists():
        _require_match(path, checksum)
    elif hash_matches(part, checksum):
        os.replace(part, path)
        discard(part)
    else:
        discard(part)
        raise ValueError(
            f"What was downloaded as {name} of doi:{doi} is not the record's file: its checksum is not {checksum}. "
            "It has been removed; call again for a fresh download."
        )
    pin(cache, key, path)
    return path


def pinned(cache: Path, key: str) -> str | None:
    """Returns the known checksum of a file in the cache folder, or None."""
    return CHECKSUMS.get(key) or _read_pins(cache).get(key)


def pin(cache: Path, key: str, path: Path) -> None:
    """Records a file's SHA-256 in the cache folder's ``checksums.json``, to be asked for with `pinned`."""
    pins = _read_pins(cache) | {key: _files.sha256(path)}
    _files.write_text(cache / "checksums.json", json.dumps(pins, indent=1, sort_keys=True) + "\n")


def discard(part: Path) -> None:
    """Removes a partial download and what is kept beside it."""
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _require_match(path: Path, checksum: str) -> None:
    if not hash_matches(path, checksum):
        raise ValueError(f"{path} has been altered or cut: its checksum is not {checksum}. Delete it and call again.")


def _read_pins(cache: Path) -> dict[str, str]:
    file = cache / "checksums.json"
    if not file.exists():
        return {}
    try:
        return {str(key): str(checksum) for key, checksum in json.loads(file.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as error:  # no JSON, or no object
        warnings.warn(f"{file} is damaged ({error}): what is in the folder is used unchecked.", stacklevel=2)
        return {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _validator(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _keep_validator(part: Path, headers: requests.structures.CaseInsensitiveDict) -> None:
    """Keeps what identifies the server's version of the file; a weak ETag must not be used for ranges (RFC 9110)."""
    value = headers.get("ETag") or headers.get("Last-Modified") or "W/"
    _validator(part).unlink(missing_ok=True)
    if not value.startswith("W/"):
        _validator(part).write_text(value)
