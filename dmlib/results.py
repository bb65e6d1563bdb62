"""Results of long studies, kept as small tables beside what a chapter computes in a minute."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = files("dmlib") / "data" / "results"


def load(name: str) -> pd.DataFrame:
    """Returns a stored table.

    Arguments:
        name: One of `names`.

    Returns:
        The table; its ``attrs`` hold where it comes from (`provenance`).

    Raises:
        KeyError: There is no such table.

    Example:
        >>> load("resonant").attrs["command"]
        'make resonant'
    """
    import pandas as pd

    if name not in names():
        raise KeyError(f"no table {name!r}: expected one of {', '.join(names())}")
    with (_FOLDER / f"{name}.csv").open() as file:
        table = pd.read_csv(file, keep_default_na=False, na_values=[""])  # "null" is a name
    table.attrs = dict(provenance(name))
    return table


def names() -> list[str]:
    """Returns the names of all stored tables."""
    return sorted(name for names in _studies().values() for name in names["tables"])


def provenance(name: str) -> dict:
    """Returns how a table was made: command, date, commit, machine, versions, hours and settings."""
    return next(study for study in _studies().values() if name in study["tables"])


@cache
def _studies():
    paths = (path for path in _FOLDER.iterdir() if path.name.endswith(".json"))
    return {path.name: json.loads(path.read_text()) for path in paths}
