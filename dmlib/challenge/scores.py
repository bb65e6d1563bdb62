"""Score files of the challenge: total improvement, the six rankings, and an audit. Part of `dmlib.challenge`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dmlib import _check, _files, compute, samples
from dmlib.channels import CHANNELS

POINTS = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}  # columns of signal efficiencies, and their background efficiency
COLUMNS = ("Signal", "Model", "Chan", "AUC", *POINTS)
PAIR = ["Chan", "Signal"]
FIGURES = ("AUC", *POINTS, "max SI")
FLAT, MANY = 0.06, 5  # five signals or more differ by more than this, whatever the score

# How the figures of a model's pairs become one number, higher for better: the paper's methods A to F.
_RANKINGS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "top 1": lambda table: (_places(table) == 1).sum(axis=1),
    "top 5": lambda table: (_places(table) <= 5).sum(axis=1),
    "average rank": lambda table: -_places(table).mean(axis=1),
    "mean": lambda table: table.mean(axis=1),
    "median": lambda table: table.median(axis=1),
    "minimum": lambda table: table.min(axis=1),
}
RANKINGS = tuple(_RANKINGS)


def read_scores(*paths: str | os.PathLike) -> pd.DataFrame:
    r"""Reads score files of the challenge: a row for each model, signal and channel.

    Their columns are ``Signal``, ``Model``, ``Chan`` and the figures of merit, AUC and the signal efficiencies at
    background efficiencies of 1e-2, 1e-3 and 1e-4. An empty field is a figure that the sample could not carry. To these
    a column is added,

    .. math:: \text{max SI} = \max_{\epsilon_B} \frac{\epsilon_S}{\sqrt{\epsilon_B}}

    Arguments:
        paths: Files, or folders of which all ``.csv`` files are read. The files of the challenge's 1,048 models are at
            https://doi.org/10.5281/zenodo.4897467.

    Returns:
        The table, with the columns above.

    Raises:
        FileNotFoundError: There is no such file, or a folder has none.
        ValueError: A column is missing, a figure is no number between 0 and 1, a channel is unknown, or a model has two
            rows for one signal and channel; the message names file and line.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 5 and equation 29
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
        >>> header = "Signal,Model,Chan,AUC,1e-2,1e-3,1e-4"
        >>> _ = path.write_text(f"{header}\npp23mt_50,mine,2b,0.8,0.2,0.1,0.05\n")
        >>> read_scores(path)["max SI"].round(2).tolist()
        [5.0]
    """
    files: list[Path] = []
    for path in map(_files.expanded, paths):
        found = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not found:
            raise FileNotFoundError(f"{path} holds no .csv file: expected score files of the challenge")
        files += found
    if not files:
        raise ValueError("paths: expected a file or a folder of score files")
    table = pd.concat([_read(file) for file in files], ignore_index=True)
    if (twice := table.duplicated(["Model", *PAIR])).any():
        row = table[twice].iloc[0]
        pair, where = f"{row['Signal']} in channel {row['Chan']}", ", ".join(map(str, files))
        raise ValueError(f"{row['Model']!r} has two rows for {pair} in {where}: expected one each")
    table["max SI"] = (table[list(POINTS)] / np.sqrt(list(POINTS.values()))).max(axis=1)
    return table


def _read(file: Path) -> pd.DataFrame:
    """One file, checked."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"{file} line 1 lacks {', '.join(missing)}: expected the columns {','.join(COLUMNS)}")
    for name in ("AUC", *POINTS):
        text = table[name].str.strip()
        values = pd.to_numeric(text.where(text != ""), errors="coerce")
        bad = (text != "") & ~values.between(0, 1)
        if bad.any():
            line = int(np.argmax(bad)) + 2
            raise ValueError(f"{file} line {line}: {name} is {text[bad].iloc[0]!r}; expected a number from 0 to 1")
        table[name] = values
    if (strange := ~table["Chan"].isin(CHANNELS)).any():
        line = int(np.argmax(strange)) + 2
        value = table["Chan"][strange].iloc[0]
        raise ValueError(f"{file} line {line}: Chan is {value!r}; expected one of {', '.join(CHANNELS)}")
    return table[list(COLUMNS)]


def total_improvement(scores: pd.DataFrame) -> pd.DataFrame:
    """Returns the smallest, the median and the largest total improvement of every model.

    The total improvement, TI, of a signal is the best max SI that a model reaches on it in any of the channels.

    Arguments:
        scores: As `read_scores` returns them.

    Returns:
        A table indexed by model, with the columns "min", "median" and "max", the largest median first.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 5.2.2
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> rows = [("a", "1", "x", 2.0), ("a", "3", "x", 5.0), ("a", "1", "y", 1.0)]
        >>> scores = pd.DataFrame(rows, columns=["Model", "Chan", "Signal", "max SI"])
        >>> total_improvement(scores).loc["a"].tolist()
        [1.0, 3.0, 5.0]
    """
    _require(scores, ("Model", *PAIR, "max SI"))
    best = scores.groupby(["Model", "Signal"])["max SI"].max().groupby("Model").agg(["min", "median", "max"])
    return best.sort_values("median", ascending=False, kind="stable")


def paper_table(number: int) -> pd.DataFrame:
    """Returns table 23 or 24 of the challenge's paper, as printed, indexed by model.

    Table 23 has the total improvements of the 27 models that were applied to the secret set; table 24 the median ones
    on the known and on the secret set, of the eight models that are above 2 on both. Names are those of the files.

    Arguments:
        number: 23 or 24.

    Raises:
        ValueError: It is another table.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 5.3
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> paper_table(24).loc["Combined-OR-DeepSVDD-Flow"].tolist()
        [6.3, 19.02]
    """
    if number not in (23, 24):
        raise ValueError(f"number={number!r}: expected 23 or 24")
    return pd.read_csv(samples.DATA / "darkmachines" / f"table-{number}.csv", index_col="Model")


def rank(
    scores: pd.DataFrame, by: str = "median", figure: str = "AUC", channel: str | None = None, n_bootstrap: int = 0
) -> pd.DataFrame:
    """Ranks models in one of the challenge's six ways.

    These are how often a model has the best figure of all on a pair of signal and channel ("top 1"), how often one of
    the five best ("top 5"), its average rank over the pairs ("average rank"), and the mean, the median and the smallest
    of its figures. Models with the same figure share the better rank. A pair that a model has no figure for counts as
    the last rank, and is left out of its mean, median and minimum.

    Arguments:
        scores: As `read_scores` returns them.
        by: "top 1", "top 5", "average rank", "mean", "median" or "minimum".
        figure: "AUC", "1e-2", "1e-3", "1e-4" (signal efficiency there) or "max SI".
        channel: Only the pairs of this channel; None: all.
        n_bootstrap: Draw the pairs so many times anew, with repetition, to see what of the order survives.

    Returns:
        A table indexed by model, the best first, with the columns "rank" and the figure by which it is ranked; with
        ``n_bootstrap`` also "lowest" and "highest", between which 68 % of the ranks of the drawn sets lie, and "first",
        the share of them in which the model is the first.

    Raises:
        ValueError: There is no such ranking, figure or channel.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 5.2.1, methods A to F
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> rows = [("a", "1", "x", 0.9), ("a", "1", "y", 0.4), ("b", "1", "x", 0.7), ("b", "1", "y", 0.6)]
        >>> scores = pd.DataFrame(rows, columns=["Model", "Chan", "Signal", "AUC"])
        >>> rank(scores, by="minimum").index.tolist()
        ['b', 'a']
    """
    number = _RANKINGS[_check.choice(by, "by", RANKINGS)]
    _check.choice(figure, "figure", FIGURES)
    _require(scores, ("Model", *PAIR, figure))
    if channel is not None:
        scores = scores[scores["Chan"] == _check.choice(channel, "channel", CHANNELS)]
    if scores.empty:
        raise ValueError("scores: no row" + (f" of channel {channel}" if channel else "") + "; expected some")
    table = scores.pivot(index="Model", columns=PAIR, values=figure)
    value = number(table)
    ranked = pd.DataFrame({"rank": _order(value), by: value if by != "average rank" else -value})
    if _check.count(n_bootstrap, "n_bootstrap", 0):
        rng = compute.stream(0, "bootstrap", by, figure)
        drawn = (rng.integers(table.shape[1], size=table.shape[1]) for _ in range(n_bootstrap))
        ranks = np.array([_order(number(table.iloc[:, pairs])) for pairs in drawn])
        ranked["lowest"], ranked["highest"] = np.quantile(ranks, (0.16, 0.84), axis=0)
        ranked["first"] = (ranks == 1).mean(axis=0)
    return ranked.sort_values("rank", kind="stable")


def audit(scores: pd.DataFrame, below: float = 0.3) -> pd.DataFrame:
    """Finds what should make one wonder before models are ranked: copies, copied columns, scores turned round.

    Arguments:
        scores: As `read_scores` returns them.
        below: A model whose median AUC in a channel is below this orders events the wrong way round.

    Returns:
        A table with the columns "Model", "finding" and "detail", a row for each:

        - "copy": it has the figures of another model in every row, which is named;
        - "equal efficiencies": the signal efficiencies at 1e-3 and 1e-4 are the same in all its rows, and not all zero;
        - "inverted": the channel, and the median AUC there;
        - "same for all": in every channel, of two at least, its AUC hardly differs from signal to signal;
        - "missing": how many pairs it lacks that other models have.

    Example:
        >>> rows = [("a", "1", "x", 0.1, 0.2, 0.1, 0.1), ("b", "1", "x", 0.1, 0.2, 0.1, 0.1)]
        >>> scores = pd.DataFrame(rows, columns=["Model", "Chan", "Signal", "AUC", "1e-2", "1e-3", "1e-4"])
        >>> audit(scores)["finding"].tolist()
        ['copy', 'equal efficiencies', 'equal efficiencies', 'inverted', 'inverted']
    """
    _require(scores, COLUMNS)
    found: list[tuple] = []
    wide = scores.pivot(index="Model", columns=PAIR, values=["AUC", *POINTS])
    first: dict[tuple, str] = {}
    for model, row in wide.iterrows():
        same = first.setdefault(tuple(row.fillna(-1.0)), str(model))
        if same != model:
            found.append((str(model), "copy", f"of {same}"))
    for model, rows in scores.groupby("Model"):
        if (rows["1e-3"] == rows["1e-4"]).all() and (rows["1e-3"] > 0).any():
            found.append((model, "equal efficiencies", f"in all {len(rows)} rows"))
    for (model, channel), rows in scores.groupby(["Model", "Chan"]):
        if (value := rows["AUC"].median()) < below:
            found.append((model, "inverted", f"channel {channel}, median AUC {value:.2f}"))
    spread = scores.groupby(["Model", "Chan"])["AUC"].agg(["min", "max", "size"])
    flat = (spread["max"] - spread["min"] < FLAT)[spread["size"] >= MANY].groupby("Model").agg(["all", "size"])
    for model, row in flat.iterrows():
        if row["all"] and row["size"] > 1:
            found.append((model, "same for all", f"AUC within {FLAT:g} in each of {row['size']} channels"))
    n_pairs = len(scores.drop_duplicates(PAIR))
    for model, rows in scores.groupby("Model"):
        if len(rows) < n_pairs:
            found.append((model, "missing", f"{n_pairs - len(rows)} of the pairs"))
    return pd.DataFrame(found, columns=["Model", "finding", "detail"])


def _places(table: pd.DataFrame) -> pd.DataFrame:
    """The rank of every model on every pair."""
    return table.rank(ascending=False, method="min", na_option="bottom")


def _order(value: pd.Series) -> pd.Series:
    return value.rank(ascending=False, method="min", na_option="bottom").astype(int)


def _require(scores: pd.DataFrame, columns: tuple[str, ...]) -> None:
    if missing := [name for name in columns if name not in scores]:
        raise ValueError(f"scores lacks the columns {', '.join(missing)}: expected what read_scores returns")
