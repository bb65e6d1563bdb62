"""One file out of an archive from the network, unpacked so that it can land nowhere but in its folder."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from dmlib._files import require_space
from dmlib.samples.record import only, shown

LIMIT = 20e9  # bytes unpacked, several times the hackathon set

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


def extract(archive: Path, patterns: str | Sequence[str], folder: Path, limit: float = LIMIT) -> Path:
    r"""Unpacks the one file of an archive that is meant, and refuses archives that are not plain data.

    Every member of a tar or zip archive is looked at first, and nothing is written unless all are files or folders
    with paths inside `folder`: no absolute path, no ``..``, no link, no device.

    Arguments:
        archive: The archive; its name says of what kind.
        patterns: Regular expressions for the file's path in the archive, from the start of a folder's name or its own;
            one that fits a single file goes before those behind it.
        folder: Where it goes, with the folders it has in the archive.
        limit: The bytes that all members together may have when unpacked.

    Returns:
        The unpacked file's path.

    Raises:
        ValueError: the archive is unsafe, too large or broken, or no single member fits.
        OSError: the disk is too small.

    Example:
        >>> import tarfile, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a_chan1.csv").write_text("0;sm;1;0;0\n")
        >>> with tarfile.open(folder / "set.tar", "w") as tar:
        ...     tar.add(folder / "a_chan1.csv", "chan1/a_chan1.csv")
        >>> extract(folder / "set.tar", r"a_chan1\.csv", folder / "out").name
        'a_chan1.csv'
    """
    folder.mkdir(parents=True, exist_ok=True)
    patterns = [patterns] if isinstance(patterns, str) else patterns
    try:
        if archive.name.endswith(".zip"):
            return _from_zip(archive, patterns, folder, limit)
        return _from_tar(archive, patterns, folder, limit)
    except _BROKEN as error:
        raise ValueError(f"{archive} is not a whole archive ({error}). Delete it and call again.") from error


def _from_tar(archive: Path, patterns: Sequence[str], folder: Path, limit: float) -> Path:
    with tarfile.open(archive) as tar:
        sizes, total = {}, 0
        for member in tar:
            _require_safe(archive, member.name, member.isreg() or member.isdir())
            total = _require_below(limit, total + member.size, archive)
            if member.isreg():
                sizes[member.name] = member.size
        name = _chosen(archive, patterns, sizes, folder)
        tar.extract(name, folder, filter="data")
        return folder / name


def _from_zip(archive: Path, patterns: Sequence[str], folder: Path, limit: float) -> Path:
    with zipfile.ZipFile(archive) as zipped:
        sizes, total = {}, 0
        for member in zipped.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            _require_safe(archive, member.filename, kind in (0, stat.S_IFREG, stat.S_IFDIR))
            total = _require_below(limit, total + member.file_size, archive)
            if not member.is_dir():
                sizes[member.filename] = member.file_size
        name = _chosen(archive, patterns, sizes, folder)
        return Path(zipped.extract(name, folder))


def _chosen(archive: Path, patterns: Sequence[str], sizes: dict[str, int], folder: Path) -> str:
    """The member that is meant, if the disk has space for it."""
    names = [name for name in sizes if not PurePosixPath(name).name.startswith(".")]  # ._x is what macOS puts beside x
    if (name := only(patterns, names)) is None:
        wanted = " or ".join(patterns)
        fitting = [name for name in names if any(only([pattern], [name]) for pattern in patterns)]
        found = shown(fitting) if fitting else f"none among {shown(names)}"
        raise ValueError(f"{archive}: expected one file named like {wanted}, found {found}.")
    require_space(folder, sizes[name])
    return name


def _require_below(limit: float, total: int, archive: Path) -> int:
    if total > limit:
        raise ValueError(f"{archive} unpacks to more than {limit / 1e9:g} GB, which is the limit here.")
    return total


def _require_safe(archive: Path, name: str, plain: bool) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ValueError(f"{archive} is refused: its member {name!r} lies outside the folder it is unpacked to.")
    if not plain:
        raise ValueError(f"{archive} is refused: its member {name!r} is a link or a device, not a file.")
