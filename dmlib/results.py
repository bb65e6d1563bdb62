"""Results of long studies, kept as small tables beside what a chapter computes in a minute."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dmlib import _check

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

    study = provenance(name)
    with (_FOLDER / f"{name}.csv").open() as file:
        table = pd.read_csv(file, keep_default_na=False, na_values=[""])  # "null" is a name
    table.attrs = study
    return table


def names() -> list[str]:
    """Returns the names of all stored tables.

    Example:
        >>> "resonant" in names()
        True
    """
    return sorted(name for study in _studies() for name in study["tables"])


def provenance(name: str) -> dict:
    """Returns how a table was made: command, date, commit, machine, versions, hours and settings.

    Arguments:
        name: One of `names`.

    Raises:
        KeyError: There is no such table.

    Example:
        >>> provenance("resonant")["command"]
        'make resonant'
    """
    for study in _studies():
        if name in study["tables"]:
            return copy.deepcopy(study)
    raise KeyError(f"no table {name!r}: expected one of {', '.join(names())}.{_check.near(name, names())}")


@cache
def _studies() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in _FOLDER.iterdir() if path.name.endswith(".json")]
