"""What every detector shares: `Detector` is how it is used, `TorchDetector` does all but the method itself."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, _files, compute, training
from dmlib.training import Recipe

FORMAT = 1  # of saved detectors


class Detector(BaseEstimator):
    """A method that learns what is ordinary, and scores how strange an event is.

    ``fit(X, sample_weight=None)`` learns from background; ``anomaly_score(X)`` is higher for stranger events, and the
    same whenever, and from whichever thread or process, it is asked. X is a table (n, d), as from `dmlib.features`, or
    an array. Parameters are as in scikit-learn: kept as they are given, cloned, and set by name.

    A method defines ``_fit(x, weight)`` and ``_score(x)``, which get checked arrays, and ``_arrays()`` and
    ``_restore(arrays)``, by which it is saved.

    Attributes:
        n_features_in_: Number of columns in training.
        feature_names_in_: Their names, where X was a table.
    """

    def fit(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learns from background.

        Arguments:
            X: Table or array, shape (n, d).
            sample_weight: How much each event counts, shape (n,); None counts all alike.

        Raises:
            ValueError: X is empty, holds a value that is not finite or is constant, or weights do not fit.
            FloatingPointError: The training diverges.
        """
        names = _names(X)
        x = _checked(X, names)
        weight = None if sample_weight is None else _check.weights(sample_weight, len(x), "sample_weight")
        self._expect(names or x.shape[1])
        self._fit(x, weight)
        self._remember(names or x.shape[1])
        return self

    def anomaly_score(self, X: ArrayLike) -> np.ndarray:
        """Returns how strange each event is, shape (n,): higher is stranger.

        Raises:
            ValueError: Columns are not those of the training, or a value is not finite.
            sklearn.exceptions.NotFittedError: `fit` was not called.
        """
        return self._score(self._known(X))

    def _known(self, X: ArrayLike) -> np.ndarray:
        """Events with the columns of the training, as an array."""
        check_is_fitted(self, "n_features_in_")
        names, known = _names(X), list(getattr(self, "feature_names_in_", []))
        if names and known and names != known:
            missing, more = [n for n in known if n not in names], [n for n in names if n not in known]
            what = f"without {missing[:3]}" if missing else f"with {more[:3]} besides" if more else "in another order"
            raise ValueError(f"X has columns {what}: expected the {len(known)} of the training, in their order")
        return _checked(X, names, self.n_features_in_)

    def _expect(self, columns: list[str] | int) -> None:
        """Raises a ValueError where a method that reads certain columns gets others: their names, or their number."""

    def save(self, path: str | os.PathLike) -> None:
        """Writes the fitted detector to a file of numbers and text, without pickles; `dmlib.detectors.load` reads it.

        Arguments:
            path: The file (numpy's npz); replaced when all is written.

        Raises:
            TypeError: A parameter is no number, text, None, `Recipe`, detector, nor a tuple of these.
        """
        check_is_fitted(self, "n_features_in_")
        about = {
            "format": FORMAT,
            "detector": type(self).__name__,
            "parameters": {name: _plain(value, name) for name, value in self.get_params(deep=False).items()},
            "columns": list(getattr(self, "feature_names_in_", [])) or self.n_features_in_,
        }
        arrays: dict[str, Any] = {"about": np.array(json.dumps(about)), **self._arrays()}
        with _files.replacing(path) as file:
            np.savez_compressed(file, **arrays)

    def _remember(self, columns: list[str] | int) -> None:
        """Notes the columns of the training: their names, or their number."""
        self.n_features_in_ = columns if isinstance(columns, int) else len(columns)
        self.__dict__.pop("feature_names_in_", None)
        if not isinstance(columns, int):
            self.feature_names_in_ = np.array(columns, dtype=object)

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        raise NotImplementedError(f"{type(self).__name__} lacks a _fit")

    def _score(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} lacks a _score")

    def _arrays(self) -> dict[str, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__} cannot be saved")

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        raise NotImplementedError(f"{type(self).__name__} cannot be loaded")


class TorchDetector(Detector):
    """A detector that is a network: three hooks are the method, all else is here.

    - ``build(d)`` returns the untrained module for d columns;
    - ``loss(module, x)`` returns the loss of each event of a batch, shape (n,);
    - ``scores(module, x)`` returns their anomaly scores, shape (n,); by default the loss.

    Columns are standardised by the training (weighted) mean and standard deviation; a constant one tells nothing and is
    left out. Where a method's ``scaling`` is "filled" they are not centred, and divided by the root mean square of
    their entries other than zero: a slot that is rarely filled keeps a sane unit, and an empty one stays zero.

    The module is trained by the method's `dmlib.training.Recipe`, on a GPU where there is one, and scores are averaged
    over the epochs kept. A method has the parameters ``recipe`` and ``random_state``.

    Attributes:
        history_: Losses, and the module in each epoch kept (`dmlib.training.History`).
        mean_, scale_: Of each column in training, shape (d,).
        used_: Which columns vary, shape (d,).
    """

    recipe: Recipe
    random_state: compute.Seed
    scaling: str = "standard"

    def build(self, d: int) -> torch.nn.Module:
        """Returns the untrained module for d columns."""
        raise NotImplementedError(f"{type(self).__name__} lacks a build")

    def loss(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the loss of each event of a batch."""
        raise NotImplementedError(f"{type(self).__name__} lacks a loss")

    def scores(self, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Returns the anomaly score of each event of a batch."""
        return self.loss(module, x)

    def standardise(self, X: ArrayLike) -> np.ndarray:
        """Returns events as the module sees them, a row each.

        Raises:
            ValueError: Columns are not those of the training, or a value is not finite.
            sklearn.exceptions.NotFittedError: `fit` was not called.
        """
        return self._standardised(self._known(X))

    def _fit(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self._fit_columns(x, weight)
        with training.seeded(self.random_state, "weights"):
            module = self.build(int(self.used_.sum())).to(compute.device())
        loss, data = partial(self.loss, module), [self._standardised(x)]
        self.history_ = training.fit(module, loss, data, recipe=self.recipe, weight=weight, seed=self.random_state)

    def _fit_columns(self, x: np.ndarray, weight: np.ndarray | None) -> None:
        self.mean_ = np.average(x, axis=0, weights=weight)
        spread = np.sqrt(np.average((x - self.mean_) ** 2, axis=0, weights=weight))
        self.used_ = x.min(axis=0) < x.max(axis=0)
        if not self.used_.any():
            raise ValueError("X: every column has the same value in all events; expected some that vary")
        self.scale_ = np.where(self.used_, spread, 1.0)
        if _check.choice(self.scaling, "scaling", ("standard", "filled")) == "filled":
            filled = (x != 0) * (np.ones(len(x)) if weight is None else weight)[:, None]
            squares, total = (filled * x**2).sum(axis=0), filled.sum(axis=0)
            self.mean_ = np.zeros(x.shape[1])
            self.scale_ = np.sqrt(np.divide(squares, total, out=np.ones_like(total), where=squares > 0))

    def _score(self, x: np.ndarray) -> np.ndarray:
        z = self._standardised(x)
        return np.mean([training.evaluate(lambda b, m=m: self.scores(m, b), z) for m in self.history_.modules], axis=0)

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.mean_) / self.scale_)[:, self.used_]

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ("mean_", "scale_", "used_")}
        arrays["train"], arrays["validation"] = np.array(self.history_.train), np.array(self.history_.validation)
        arrays["epochs"] = np.array([kept.epoch for kept in self.history_.best])
        arrays["losses"] = np.array([kept.loss for kept in self.history_.best])
        for k, module in enumerate(self.history_.modules):
            arrays |= {f"{k}/{name}": tensor.cpu().numpy() for name, tensor in module.state_dict().items()}
        return arrays

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        for name in ("mean_", "scale_", "used_"):
            setattr(self, name, arrays[name])
        history = training.History(arrays["train"].tolist(), arrays["validation"].tolist())
        for k, (epoch, loss) in enumerate(zip(arrays["epochs"].tolist(), arrays["losses"].tolist(), strict=True)):
            module = self.build(int(self.used_.sum()))
            start = f"{k}/"
            state = {n.removeprefix(start): torch.as_tensor(a) for n, a in arrays.items() if n.startswith(start)}
            module.load_state_dict(state)
            module.to(compute.device()).eval().requires_grad_(False)
            history.best.append(training.Kept(epoch, loss, module))
        self.history_ = history


def load(path: str | os.PathLike) -> Detector:
    """Reads a detector that `Detector.save` wrote. Nothing in the file is executed, so that it may come from anywhere.

    Arguments:
        path: The file.

    Returns:
        The fitted detector.

    Raises:
        ValueError: The file is no saved detector, or one of a method that this version of dmlib does not know.

    Example:
        >>> import tempfile
        >>> from dmlib import detectors
        >>> x = np.random.default_rng(1).normal(size=(500, 4))
        >>> fitted = detectors.SimpleAE(hidden=(8,), latent=2, recipe=Recipe(epochs=1)).fit(x)
        >>> fitted.save(f"{tempfile.mkdtemp()}/ae.zip")
    """
    path = _files.expanded(path)
    try:
        with open(path, "rb") as file:
            arrays = dict(np.lib.npyio.NpzFile(file).items())  # without allow_pickle
        about = json.loads(str(arrays.pop("about")))
        name, parameters, columns = about["detector"], about["parameters"], about["columns"]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is no detector that dmlib has saved, or is damaged ({error})") from error
    if about.get("format") != FORMAT:
        raise ValueError(f"{path} was saved by another version of dmlib; save it again")
    detector = _made(name, parameters, path)
    detector._restore(arrays)
    detector._remember(columns)
    return detector


def _made(name: str, parameters: dict, path: str | os.PathLike) -> Detector:
    """The detector of a name, with its parameters as `_plain` wrote them."""
    from dmlib import detectors

    method = getattr(detectors, name, None) if name in detectors.__all__ else None
    if not (isinstance(method, type) and issubclass(method, Detector)):
        raise ValueError(f"{path} holds a {name!r} that this version of dmlib does not know; save it again")
    return method(**{key: _restored(value, path) for key, value in parameters.items()})


def _names(X: ArrayLike) -> list[str] | None:
    """The column names of a table; None of an array."""
    return [str(name) for name in X.columns] if hasattr(X, "columns") else None


def _checked(X: ArrayLike, names: list[str] | None, columns: int | None = None) -> np.ndarray:
    """Features as floats; where they are of a table a message names the column."""
    x = _check.numbers(X, "X")
    if names is not None and not (good := np.isfinite(x)).all():
        row, column = np.argwhere(~good)[0]
        raise ValueError(f"X: {names[column]!r} of event {row} is {x[row, column]}; expected a finite number")
    return _check.feature_array(x, columns, "X")


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, Recipe):
        return {"recipe": dataclasses.asdict(value)}
    if isinstance(value, Detector):
        parameters = {key: _plain(v, name) for key, v in value.get_params(deep=False).items()}
        return {"detector": type(value).__name__, "parameters": parameters}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(v, name) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    hint = "a number, a text, None, a Recipe, a detector or a tuple of these"
    raise TypeError(f"{name}={value!r}: expected {hint}, to be saved")


def _restored(value: Any, path: str | os.PathLike) -> Any:
    if isinstance(value, dict):
        return Recipe(**value["recipe"]) if "recipe" in value else _made(value["detector"], value["parameters"], path)
    return tuple(_restored(v, path) for v in value) if isinstance(value, list) else value
