"""A file server on this machine with the faults of real ones: no ranges, cut lines, stalls, changed files."""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Served:
    """One file and how it is served; `cuts` are the numbers of bytes after which the next answers break off."""

    body: bytes
    etag: str | None = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)  # seconds between the two halves of the next answers
    statuses: list[int] = field(default_factory=list)  # error codes of the next answers
    sent: list[int] = field(default_factory=list)  # bytes of each answer's body
    asked: list[dict[str, str]] = field(default_factory=list)  # headers of each request


class FileServer:
    """Serves `files` on 127.0.0.1 while it is entered as a context manager."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests = 0
        self._records: dict[str, dict[str, dict]] = {}

    def __enter__(self) -> "FileServer":
        handler = type("Handler", (_Handler,), {"files": self.files, "owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_record(self, record: str, name: str, served: Served, md5: str | None = None) -> None:
        """Serves a file as Zenodo does: its record under /api/records/<record>, its bytes at the address there."""
        self.files[f"/files/{name}"] = served
        checksum = f"md5:{md5 or hashlib.md5(served.body).hexdigest()}"
        entry = {"key": name, "checksum": checksum, "links": {"self": f"{self.url}/files/{name}"}}
        entries = self._records.setdefault(record, {})
        entries[name] = entry
        reply = {"id": int(record), "files": [*entries.values()]}
        self.files[f"/api/records/{record}"] = Served(json.dumps(reply).encode())

    def stand_in_for_zenodo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lets pooch find the records here."""
        for place, value in doi_addresses(self.url).items():
            monkeypatch.setattr(place, value)


def doi_addresses(url: str) -> dict[str, object]:
    """What in pooch says where records are, for a server at this address."""
    return {
        "pooch.downloaders.doi_to_url": lambda doi, **_: f"https://zenodo.org/records/{doi.rpartition('.')[2]}",
        "pooch.downloaders.ZenodoRepository.base_api_url": f"{url}/api/records",
    }


class _Handler(BaseHTTPRequestHandler):
    files: dict[str, Served]
    owner: FileServer

    def do_GET(self) -> None:
        self.owner.requests += 1
        served = self.files.get(self.path)
        if served is None:
            return self.send_error(404)
        served.asked.append(dict(self.headers))
        if served.statuses:
            self.send_response(served.statuses.pop(0))
            self.send_header("Retry-After", "7")
            return self.end_headers()
        total, start = len(served.body), self._start(served)
        if start is not None and start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            return self.end_headers()
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if served.etag:
            self.send_header("ETag", served.etag)
        body = served.body[start or 0 :]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(served, body)

    def _start(self, served: Served) -> int | None:
        wanted = self.headers.get("Range")
        if not wanted or not served.ranges or self.headers.get("If-Range", served.etag) != served.etag:
            return None
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def _send(self, served: Served, body: bytes) -> None:
        body = body[: served.cuts.pop(0)] if served.cuts else body
        pause = served.pauses.pop(0) if served.pauses else 0.0
        answer = len(served.sent)  # the thread of an answer that was cut may still be sending when the next begins
        served.sent.append(0)
        half = len(body) // 2
        try:
            for piece, nap in ((body[:half], pause), (body[half:], 0.0)):
                served.sent[answer] += len(piece)  # first, since a test may look as soon as it has the last byte
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(nap)
        except OSError:
            pass  # the other side has gone

    def log_message(self, *_: object) -> None:
        pass
