"""Files: whole or not at all, packed or not, their checksums, and the space they need."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


def expanded(path: str | os.PathLike) -> Path:
    """Returns a path with ``~`` replaced by the home folder, where there is one of that name."""
    return Path(os.path.expanduser(path))


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yields a file that takes the place of `path` once it is complete, and vanishes if it is not."""
    path = Path(os.path.realpath(expanded(path)))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a directory; expected the name of a file", str(path))
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a UTF-8 text whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def unpacked(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Opens a file to read, unpacked where its first bytes are those of gzip, whatever its name.

    Raises:
        ValueError: The packed bytes are cut or altered.
    """
    path = expanded(path)
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is cut or damaged: it cannot be unpacked ({error})") from error


@contextmanager
def packing(file: BinaryIO, path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yields a file whose bytes go to `file`, packed with gzip where `path` ends in ``.gz``; equal bytes stay equal."""
    if Path(path).suffix.lower() != ".gz":
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        yield cast(BinaryIO, packed)


def sha256(path: str | os.PathLike) -> str:
    """Returns a file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_space(folder: Path, needed: int) -> None:
    """Raises an OSError when the folder's disk has fewer than so many bytes left."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        message = f"Not enough disk space: needs {needed / 1e9:.2f} GB, has {free / 1e9:.2f} GB"
        raise OSError(errno.ENOSPC, message, str(folder))
