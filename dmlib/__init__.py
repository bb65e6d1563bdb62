"""The package under the course *Anomaly Detection for New Physics*.

``import dmlib`` loads nothing beyond numpy: a submodule (``dmlib.events``, ``dmlib.metrics``, ...) is imported when it
is first named, and torch only with those that train.

Example:
    >>> import dmlib
    >>> run = dmlib.start(seed=1, budget="quick")
    >>> run.pick(quick=10, full=1000)
    10
"""

import importlib
import pkgutil
import random
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:  # for type checkers; the running package finds its modules in its folder
    from . import challenge as challenge
    from . import channels as channels
    from . import compute as compute
    from . import counting as counting
    from . import detectors as detectors
    from . import events as events
    from . import features as features
    from . import interactive as interactive
    from . import metrics as metrics
    from . import models as models
    from . import nplm as nplm
    from . import plotting as plotting
    from . import resonant as resonant
    from . import results as results
    from . import samples as samples
    from . import training as training

__all__ = ["Run", "start"]

T = TypeVar("T")


@cache
def _submodules() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def __getattr__(name: str) -> Any:
    if name in _submodules():
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_submodules(), "__version__"})


class Run:
    r"""What a notebook knows about the run it is part of: seed, random numbers, size and device.

    Arguments:
        seed: Seed of the random numbers.
        budget: ``"quick"``, ``"full"`` or ``"auto"``, see :func:`dmlib.compute.budget`.

    Attributes:
        rng: A :class:`numpy.random.Generator`, the source of the notebook's own random numbers.

    Example:
        >>> run = Run(seed=1, budget="quick")
        >>> run
        Run(seed=1, budget='quick')
        >>> int(run.rng.integers(1000))
        473
    """

    def __init__(self, seed: int, budget: str):
        self.seed = seed
        self.budget = budget
        from . import compute

        self.rng = compute.stream(seed)

    def pick(self, *, quick: T, full: T, gpu: bool = False) -> T:
        """Returns the one of two settings that the budget asks for.

        Arguments:
            quick: For a minute on a laptop.
            full: For the paper's study.
            gpu: The cell is made for a GPU: where torch finds CUDA, the budget ``"auto"`` takes the full setting.

        Example:
            >>> start(budget="quick").pick(quick=10, full=1000, gpu=True)
            10
        """
        on_gpu = gpu and self.budget == "auto" and self.device.startswith("cuda")
        return full if self.budget == "full" or on_gpu else quick

    @property
    def device(self) -> str:
        """Where torch computes: see :func:`dmlib.compute.device`."""
        from . import compute

        return compute.device()

    def __repr__(self) -> str:
        # Shown in notebooks, so nothing of the machine (its device) is in it.
        return f"Run(seed={self.seed}, budget={self.budget!r})"


def start(seed: int = 1, budget: str | None = None) -> Run:
    """Begins a notebook: sets the figure style, seeds what is random, and says how large the run shall be.

    Draw from ``run.rng`` and hand ``run.seed`` on. The global generators of :mod:`random`, numpy and torch are seeded
    too, for code that knows no other. Torch takes seconds to load, so it is seeded only where it is loaded already:
    import it before you call ``start``, as the chapters do, or call ``torch.manual_seed(run.seed)`` afterwards.

    Arguments:
        seed: Whole number from 0 to 2**32 - 1.
        budget: ``"quick"``, ``"full"`` or ``"auto"``; None reads the environment variable ``DMLIB_BUDGET`` (auto if not
            set). See :func:`dmlib.compute.budget`.

    Returns:
        The run, with ``pick``, ``rng``, ``seed``, ``budget`` and ``device``.

    Raises:
        ValueError: The seed or the budget is none of these.

    Example:
        >>> run = start(seed=1)
        >>> run.seed
        1
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed!r}: expected a whole number from 0 to 2**32 - 1")
    from . import compute, plotting

    run = Run(int(seed), compute.budget(budget))
    random.seed(run.seed)
    np.random.seed(run.seed)  # noqa: NPY002 (libraries without a Generator argument draw from here)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(run.seed)
    plotting.use_style()
    return run
