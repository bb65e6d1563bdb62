"""``import dmlib`` and ``dmlib.start``: what is loaded when, what is seeded, what is refused."""

import random
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import dmlib

ROOT = Path(__file__).parents[1]


def fresh(code: str) -> str:
    """Runs code in a new interpreter and returns what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_beyond_numpy():
    code = """
import sys, numpy
before = set(sys.modules)
import dmlib
dir(dmlib), dmlib.start
print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
"""
    assert fresh(code).split() == ["dmlib"]


def test_submodules_are_found_by_name():
    names = [path.stem for path in (ROOT / "dmlib").glob("*.py") if not path.stem.startswith("_")]
    assert set(names) <= set(dir(dmlib))
    for name in dmlib._SUBMODULES:
        assert getattr(dmlib, name).__name__ == f"dmlib.{name}"


def test_unknown_attribute_is_refused():
    with pytest.raises(AttributeError, match="'dmlib' has no attribute 'nonsense'"):
        dmlib.nonsense  # noqa: B018


def test_version_is_the_one_in_pyproject():
    assert dmlib.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_torch_is_seeded_when_the_reader_imports_it():
    code = """
import importlib.util, dmlib
dmlib.start(seed=8)
dmlib.start(seed=3)
importlib.util.find_spec("torch")  # looking is not importing
import torch
print(torch.rand(1).item())
"""
    assert fresh(code).split() == [str(first_torch_number(seed=3))]


def test_torch_is_seeded_when_it_is_there_already():
    import torch

    dmlib.start(seed=3)
    assert torch.rand(1).item() == first_torch_number(seed=3)


def first_torch_number(seed):
    import torch

    return torch.rand(1, generator=torch.Generator().manual_seed(seed)).item()


def test_start_does_not_import_torch_or_matplotlib():
    code = "import sys, dmlib; dmlib.start(); print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    assert fresh(code).split() == ["False", "False"]


def test_start_sets_the_style_when_matplotlib_comes():
    code = """
import dmlib
dmlib.start()
import matplotlib.pyplot as plt
late = dict(plt.rcParams)
plt.rcdefaults()
plain = dict(plt.rcParams)
dmlib.plotting.use_style()
print(late == dict(plt.rcParams), late == plain)
"""
    assert fresh(code).split() == ["True", "False"]


def test_same_seed_same_numbers():
    def draw(seed):
        run = dmlib.start(seed=seed)
        return run.rng.random(), random.random(), np.random.random()  # noqa: NPY002

    assert draw(1) == draw(1)
    assert not set(draw(1)) & set(draw(2))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None])
def test_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match="seed=.*expected a whole number"):
        dmlib.start(seed=seed)


def test_budget_decides_what_pick_returns(monkeypatch):
    monkeypatch.delenv("DMLIB_BUDGET", raising=False)
    assert dmlib.start().pick(quick=1, full=2) == 1
    assert dmlib.start(budget="full").pick(quick=1, full=2) == 2
    monkeypatch.setenv("DMLIB_BUDGET", "full")
    assert dmlib.start().pick(quick=1, full=2) == 2
    assert dmlib.start(budget="quick").budget == "quick"


def test_repr_is_stable(monkeypatch):
    monkeypatch.delenv("DMLIB_BUDGET", raising=False)
    assert repr(dmlib.start(seed=np.int64(4))) == "Run(seed=4, budget='quick')"


def test_run_knows_its_device(monkeypatch):
    monkeypatch.setenv("DMLIB_DEVICE", "cpu")
    assert dmlib.start().device == "cpu"
