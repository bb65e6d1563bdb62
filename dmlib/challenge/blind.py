"""The blind sets: how well do scores find signals that nobody has named? Part of `dmlib.challenge`."""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check, _files, compute, samples

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["blind_score"]

_BLACKBOX = "lhco/blackbox"


def blind_score(name: str, scores: ArrayLike) -> pd.DataFrame:
    """Returns the figures of merit of anomaly scores on a blind set, a block for each of its signals.

    The labels are read here and nowhere else. They lie in the package, so the seal is by agreement: look at them and
    the set is blind no more, for you. What is told are figures of whole signals, under letters; no event is labelled.
    Every ranking of the events that is scored counts as a try, since choosing the best of many is a way of looking;
    the same ranking again is the same try, so that a notebook may be run twice.

    Arguments:
        name: ``"darkmachines/<channel>/blind"`` or ``"lhco/blackbox"``, as loaded with `dmlib.samples.load`. (The
            challenge's own secret sets, ``source="public"``, are other events; their labels are not published.)
        scores: One score an event, in the order of the sample; higher is more anomalous.

    Returns:
        The table of `dmlib.metrics.figures_of_merit`, signal against background, indexed by signal and figure. In
        darkmachines the last block is ``"noise"``: events of no theory, made to be strange. ``attrs["tries"]`` is the
        number of this try, kept for each set in ``tries.json`` in the cache folder; None, with a warning, where it
        could not be counted.

    Raises:
        TypeError: The name is no string.
        ValueError: There is no such blind set, or the scores do not fit it, are masked or not finite; this is no try.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), sections 2.2 and 5.3
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> import dmlib
        >>> black_box = dmlib.samples.load("lhco/blackbox")
        >>> figures = blind_score("lhco/blackbox", black_box.delta_m)
        >>> figures.loc["signal"].index[0]
        'AUC'
    """
    import pandas as pd

    from dmlib import metrics

    labels = _truth(name)
    values = _check.column(scores, "scores", len(labels), "score")
    codes = sorted({*labels.tolist()} - {"background"}, key=lambda code: (code == "noise", code))
    background, figures = values[labels == "background"], {}
    for code in codes:
        drawn = compute.seed(0, "blind", name, code)  # every signal has bootstrap samples of its own
        figures[code] = metrics.figures_of_merit(background, values[labels == code], seed=drawn)
    table = pd.concat(figures, names=["signal"])
    try:
        table.attrs["tries"] = _count_try(name, values)
    except (OSError, RuntimeError, ValueError) as error:  # a side file must not hide the figures from the reader
        table.attrs["tries"] = None
        warnings.warn(
            f"This try could not be counted ({type(error).__name__}: {error}); count it yourself.", stacklevel=2
        )
    return table


def _truth(name: str) -> np.ndarray:
    """A code an event: "background", "noise", or that of a signal."""
    import pandas as pd

    channels = {f"darkmachines/{channel}/blind": channel for channel in ("1", "2a", "2b", "3")}
    if not isinstance(name, str):
        raise TypeError(f"name={name!r}: expected that of a blind set, such as {_BLACKBOX!r}")
    if name in channels:
        truth = pd.read_parquet(samples.DATA / "darkmachines" / "blind-truth.parquet")
        return truth.loc[truth["channel"].astype(str) == channels[name], "label"].to_numpy(dtype=str)
    if name == _BLACKBOX:
        truth = json.loads((samples.DATA / "lhco" / "blackbox-truth.json").read_text())
        bits = np.frombuffer(base64.b64decode(truth["labels"]), np.uint8)
        return np.where(np.unpackbits(bits, count=truth["events"]), "signal", "background")
    raise ValueError(f"There is no blind set {name!r}; there are {', '.join([*channels, _BLACKBOX])}.")


def _count_try(name: str, scores: np.ndarray) -> int:
    """Notes a ranking of the events, unless it is known, and returns its place among all that were tried.

    Raises:
        OSError: The folder cannot be written, or another process holds its lock.
        RuntimeError: The folder's disk knows no locks.
        ValueError: What was noted is damaged; it stays as it is.
    """
    from filelock import FileLock

    ranking = np.unique(scores, return_inverse=True)[1].astype(np.int64)
    digest = hashlib.sha256(ranking.tobytes()).hexdigest()[:16]
    cache = samples.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / ".tries.lock", timeout=30):
        file = cache / "tries.json"
        tries = _read_tries(file)
        known = tries.setdefault(name, [])
        if digest not in known:
            known.append(digest)
            _files.write_text(file, json.dumps(tries, indent=1) + "\n")
    return known.index(digest) + 1


def _read_tries(file: Path) -> dict[str, list[str]]:
    if not file.exists():
        return {}
    try:
        return {name: [*known] for name, known in json.loads(file.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, TypeError) as error:  # no JSON, no object, or no lists in it
        raise ValueError(f"{file} is damaged ({error}): expected lists of tries; mend or delete it") from error
