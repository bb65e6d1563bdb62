"""One file out of an archive from the network, unpacked so that it can land nowhere but in its folder."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path, PurePosixPath

from dmlib._download import require_space

LIMIT = 20_000_000_000  # bytes unpacked, several times the largest public set


def extract(archive: Path, pattern: str, folder: Path, limit: int = LIMIT) -> Path:
    r"""Unpacks the one file of a tar archive whose name matches, and refuses archives that are not plain data.

    Every member is looked at first, and nothing is written unless all are files or folders with paths inside
    `folder`: no absolute path, no ``..``, no link, no device.

    Arguments:
        archive: The archive, plain or compressed.
        pattern: A regular expression for the whole file name, without its folders.
        folder: Where it goes, with the folders it has in the archive.
        limit: The bytes that all members together may have when unpacked.

    Returns:
        The unpacked file's path.

    Raises:
        ValueError: the archive is unsafe, too large or broken, or not exactly one member matches.
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
            matches, total = [], 0
            for member in tar:
                _require_safe(archive, member, folder)
                total += member.size
                if total > limit:
                    raise ValueError(f"{archive} unpacks to more than {limit / 1e9:g} GB, which is the limit here.")
                if member.isfile() and re.fullmatch(pattern, PurePosixPath(member.name).name):
                    matches.append(member)
            if len(matches) != 1:
                found = ", ".join(member.name for member in matches) or "none"
                raise ValueError(f"{archive}: expected one file named like {pattern}, found {found}.")
            require_space(folder, matches[0].size)
            tar.extract(matches[0], folder, filter="data")
            return folder / matches[0].name
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{archive} is not a whole tar archive ({error}). Delete it and call again.") from error


def _require_safe(archive: Path, member: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{archive} is refused: its member {member.name!r} lies outside the folder it is unpacked to.")
    if not (member.isreg() or member.isdir()):
        raise ValueError(f"{archive} is refused: its member {member.name!r} is a link or a device, not a file.")
    tarfile.data_filter(member, str(folder))
