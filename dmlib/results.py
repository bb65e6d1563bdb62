"""Results of long studies, kept as small tables beside what a chapter computes in a minute."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dmlib import _check, compute

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


_FIGURES = {"auc": "AUC", "eff_1e-2": "1e-2", "max_si": "max SI"}  # in the chapters' tables, in the challenge's files


def pairs(method: str, figure: str = "auc") -> pd.DataFrame:
    """Returns a figure of merit of a method on the challenge's 34 pairs of channel and signal: published, and ours.

    Arguments:
        method: As in the column "method" of the table "outliers"; or a model's name in the published files, of those in
            the table "challenge".
        figure: "auc", "eff_1e-2" or "max_si".

    Returns:
        A table indexed by channel and signal, with the columns "published" (of the challenge's model of this name, NaN
        where it has none) and "ours" (mean of the trainings).

    Raises:
        KeyError: There is no such method or figure.

    Example:
        >>> pairs("SimpleAE").groupby(level="channel").median().round(2).loc["2a"].tolist()
        [0.58, 0.6]
    """
    import pandas as pd

    ours, published = load("outliers"), load("published")
    if method not in set(ours["method"]):
        names = {"Model": "method", "Chan": "channel", "Signal": "signal", **{v: k for k, v in _FIGURES.items()}}
        ours, published = load("challenge").rename(columns=names), load("field").rename(columns=names)
    if figure not in _FIGURES:
        raise KeyError(f"figure={figure!r}: expected one of {', '.join(_FIGURES)}")
    if method not in set(ours["method"]):
        known = sorted({*load("outliers")["method"], *ours["method"]})
        raise KeyError(f"method={method!r}: expected one of {', '.join(known)}")
    columns = {
        name: table[table["method"] == method].groupby(["channel", "signal"])[figure].mean()
        for name, table in (("published", published), ("ours", ours))
    }
    return pd.DataFrame(columns)


def agreement(pairs: pd.DataFrame) -> tuple[float, float]:
    """Returns the rank correlation (Spearman's) of a table's two columns, and its error by a bootstrap of the rows.

    Arguments:
        pairs: As `pairs` returns it, or any other of two columns.

    Raises:
        ValueError: There are not two columns.

    Example:
        >>> value, error = agreement(pairs("SimpleAE"))
        >>> f"{value:.1f} +- {error:.1f}"
        '0.7 +- 0.1'
    """
    from scipy.stats import bootstrap, spearmanr

    if pairs.shape[1] != 2:
        raise ValueError(f"pairs has {pairs.shape[1]} columns: expected two")
    one, other = pairs.dropna().to_numpy().T

    def correlation(one: Any, other: Any) -> float:
        return spearmanr(one, other).statistic

    drawn = {"paired": True, "vectorized": False, "method": "basic", "n_resamples": 500}
    error = bootstrap((one, other), correlation, rng=compute.stream(0, "agreement"), **drawn).standard_error
    return float(correlation(one, other)), float(error)


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
