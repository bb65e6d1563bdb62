"""``import dmlib`` and ``dmlib.start``: what is loaded when, what is seeded, what is refused."""

import random
import re
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


def test_submodules_are_found_by_name_and_known_to_type_checkers():
    folder = ROOT / "dmlib"
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    names = {name for name in names if not name.startswith("_")}
    assert names <= set(dir(dmlib))
    for name in names:
        assert getattr(dmlib, name).__name__ == f"dmlib.{name}"
    typed = re.findall(r"^    from \. import (\w+) as \1$", (folder / "__init__.py").read_text(), re.MULTILINE)
    assert typed == sorted(names)


def test_unknown_attribute_is_refused():
    with pytest.raises(AttributeError, match="'dmlib' has no attribute 'nonsense'"):
        dmlib.nonsense  # noqa: B018


def test_version_is_the_one_in_pyproject():
    assert dmlib.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_torch_is_seeded_when_it_is_there_already():
    import torch

    dmlib.start(seed=3)
    assert torch.rand(1).item() == first_torch_number(seed=3)


def first_torch_number(seed):
    import torch

    return torch.rand(1, generator=torch.Generator().manual_seed(seed)).item()


def test_start_is_quick_to_load():
    code = (
        "import sys, dmlib; dmlib.start(); print(*{'torch', 'awkward', 'pandas', 'sklearn', 'scipy'} & {*sys.modules})"
    )
    assert fresh(code).split() == []


def test_start_sets_the_style():
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


def test_start_leaves_the_import_system_alone():
    code = """
import sys, dmlib

class Old:  # without find_spec: Python skips it (3.11 asks its predecessor first)
    def find_module(self, name, path=None):
        return None

sys.meta_path.insert(0, Old())
finders = list(sys.meta_path)
dmlib.start()
print(sys.meta_path == finders, dmlib.plotting.__name__)
import torch
"""
    assert fresh(code).split() == ["True", "dmlib.plotting"]


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
    assert repr(dmlib.start(seed=np.int64(4))) == "Run(seed=4, budget='auto')"


def test_run_knows_its_device(monkeypatch):
    monkeypatch.setenv("DMLIB_DEVICE", "cpu")
    assert dmlib.start().device == "cpu"


@pytest.mark.parametrize(
    ("budget", "cuda", "device", "of_a_gpu_cell", "of_another"),
    [
        ("auto", False, None, "quick", "quick"),
        ("auto", True, None, "full", "quick"),
        ("auto", True, "cuda:1", "full", "quick"),
        ("auto", True, "cpu", "quick", "quick"),
        ("quick", True, None, "quick", "quick"),
        ("full", False, None, "full", "full"),
        ("full", True, "cpu", "full", "full"),
    ],
)
def test_a_cell_made_for_a_gpu_is_full_on_one(monkeypatch, budget, cuda, device, of_a_gpu_cell, of_another):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 * cuda)
    monkeypatch.setenv("DMLIB_BUDGET", budget)
    monkeypatch.delenv("DMLIB_DEVICE", raising=False)
    if device:
        monkeypatch.setenv("DMLIB_DEVICE", device)
    run = dmlib.start()
    assert run.pick(quick="quick", full="full", gpu=True) == of_a_gpu_cell
    assert run.pick(quick="quick", full="full") == of_another


def test_apple_gpus_do_not_make_gpu_cells_full(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.delenv("DMLIB_DEVICE", raising=False)
    run = dmlib.start(budget="auto")
    assert run.device == "mps" and run.pick(quick=1, full=2, gpu=True) == 1
