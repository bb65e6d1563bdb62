"""One file out of an archive from the network, unpacked so that it can land nowhere but in its folder."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from dmlib._files import require_space
from dmlib.samples.record import matching, shown

_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


def extract(archive: Path, pattern: str, folder: Path, limit: float = 20e9) -> Path:
    r"""Unpacks the one file of a tar archive that is meant, and refuses archives that are not plain data.

    Every member is looked at first, and nothing is written unless all are files or folders with paths inside `folder`:
    no absolute path, no ``..``, no link, no device.

    Arguments:
        archive: The archive, packed or not.
        pattern: Regular expression for the file's path in the archive, from the start of a folder's name or its own.
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
    try:
        with tarfile.open(archive) as tar:
            sizes = _sizes(archive, tar, limit)
            names = [name for name in sizes if not PurePosixPath(name).name.startswith(".")]  # macOS puts ._x beside x
            fitting = matching(pattern, names)
            if len(fitting) != 1:
                found = shown(fitting) if fitting else f"none among {shown(names)}"
                raise ValueError(f"{archive}: expected one file named like {pattern}, found {found}.")
            require_space(folder, sizes[fitting[0]])
            tar.extract(fitting[0], folder, filter="data")
            return folder / fitting[0]
    except _BROKEN as error:
        raise ValueError(f"{archive} is not a whole archive ({error}). Delete it and call again.") from error


def _sizes(archive: Path, tar: tarfile.TarFile, limit: float) -> dict[str, int]:
    """The bytes of every file, if all members are safe and together below the limit."""
    sizes, total = {}, 0
    for member in tar:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(
                f"{archive} is refused: its member {member.name!r} lies outside the folder it is unpacked to."
            )
        if not (member.isreg() or member.isdir()):
            raise ValueError(f"{archive} is refused: its member {member.name!r} is a link or a device, not a file.")
        total += member.size
        if total > limit:
            raise ValueError(f"{archive} unpacks to more than {limit / 1e9:g} GB, which is the limit here.")
        if member.isreg():
            sizes[member.name] = member.size
    return sizes
