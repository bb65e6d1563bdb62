"""How a published file gets into the cache folder: fetched, unpacked, and converted to Parquet once.

Nothing appears under its final name before it is whole, and what is there is compared with its recorded checksum.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import warnings
from pathlib import Path

from filelock import FileLock

from dmlib import _files
from dmlib.samples.published import Published, Set


def parquet(owner: Set, sample: Published, cache: Path, progress: bool | None) -> Path:
    """Returns the converted file in the cache folder, fetched and converted by its set if it is not there."""
    from dmlib.samples import download  # and with it pooch, which draws in a notebook's widgets, and warns without them

    key = f"{sample.kept}.parquet"
    path = cache / key
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):  # a second process waits here, then finds the file
            if not path.exists():
                _make(owner, sample, cache, key, progress)
    known = download.pinned(cache, key)
    if known and _files.sha256(path) != known:
        raise ValueError(f"{path} has been altered since it was converted. Delete it and call again.")
    return path


def _make(owner: Set, sample: Published, cache: Path, key: str, progress: bool | None) -> None:
    from dmlib.samples import archive, download, record

    doi = sample.record.doi
    source = download.fetch(doi, record.find(doi, sample.file, cache), cache, progress)
    scratch = cache / "unpacked"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    scratch.mkdir()
    new = scratch / "new.parquet"
    try:
        packed = re.search(r"\.(tar|tar\.gz|tgz)$", source.name)
        file = archive.extract(source, sample.member, scratch, sample.record.limit) if packed else source
        rows = owner.convert(file, new)
        if sample.total not in (None, rows):
            warnings.warn(f"{sample.kept}: {rows:,} events, where {sample.total:,} were published.", stacklevel=5)
        download.pin(cache, key, new)
        (cache / key).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, cache / key)
    except ValueError as error:
        error.add_note(f"{source} can be unpacked by hand, and its files read with dmlib.events.read_csv or h5py.")
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message = f"Disk full while {source.name} was converted; free some space and call again"
            raise OSError(errno.ENOSPC, message, str(cache)) from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
