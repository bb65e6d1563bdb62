"""A rehearsal runs what a full run would, but shorter, and sees what breaks."""

import dataclasses
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from tools import cuts
from tools.convert import ROOT
from tools.rehearse import main, rehearsal

CHAPTER = """\
# %%
import dmlib

run = dmlib.start()

# %%
n = run.pick(quick=1, full={full})
print(n, run.budget, run.device)

# %% tags=["check"]
square = n * n
assert square == -1

# %%
square + 1
"""


def test_a_rehearsal_is_the_chapter_without_what_its_checks_assert(tmp_path):
    source = tmp_path / "01-toy.py"
    source.write_text(CHAPTER)
    nb = rehearsal(source, tmp_path)
    assert [cell.source for cell in nb.cells][3:] == ["square = n * n\npass", "square + 1"]
    assert "cut()" in nb.cells[0].source


@pytest.mark.slow
def test_the_full_branch_is_run_and_what_breaks_is_named(tmp_path, capfd):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/01-sound.py").write_text(CHAPTER.format(full=5))
    (tmp_path / "notebooks/02-broken.py").write_text(CHAPTER.format(full="lamda"))
    assert main([], root=tmp_path) == 1
    shown = capfd.readouterr().out
    assert "01-sound" in shown and "sound; cell" in shown
    assert "02-broken" in shown and "name 'lamda' is not defined" in shown
    assert main(["01"], root=tmp_path) == 0


class Kept(NamedTuple):
    step: np.ndarray
    t: np.ndarray


@dataclasses.dataclass
class Fits:
    layers: tuple
    t: np.ndarray
    history: Kept


def test_few_results_stand_for_many():
    t = np.arange(cuts.TOYS)
    fits = cuts.repeated(Fits((2, 5, 1), t, Kept(np.arange(3), np.ones((cuts.TOYS, 3)))), 20)
    assert fits.layers == (2, 5, 1) and fits.history.step.shape == (3,) and fits.history.t.shape == (20, 3)
    np.testing.assert_array_equal(fits.t, np.arange(20) % cuts.TOYS)
    assert cuts.repeated(list(t), 9) == [*t, 0, 1]
    assert cuts.repeated("text", 9) == "text"


def test_a_recipe_is_shortened_all_the_way_down():
    from dmlib import nplm

    short = cuts.shortened(nplm.Newton(starts=9, iterations=500, cells=100))
    assert (short.starts, short.iterations, short.cells, short.warm_up.epochs) == (2, 2, 100, 1)
    assert cuts.shortened("adam").epochs == 1 and cuts.shortened("newton") == cuts.shortened(nplm.Newton())
    assert short.warm_up.learning_rate == nplm.Newton().warm_up.learning_rate


@pytest.mark.slow
def test_everything_that_takes_long_is_short_and_keeps_its_shape():
    code = """
import time
import numpy as np
from tools.cuts import cut
cut()
import dmlib
from dmlib import compute, nplm, resonant, training
from dmlib.nplm import fit_models
rng = np.random.default_rng(1)
start = time.perf_counter()
toys = nplm.draw(lambda rng, n: rng.normal(size=(n, 2)), 300, 100, seed=1)
pool = nplm.draw_from(rng.normal(size=(5_000, 2)), 300, 100, seed=1)
print(len(toys), len(pool.toys))
fits = fit_models(rng.normal(size=(1_000, 2)), toys, 300, (2, 5, 1), 1.2, nplm.Newton())
print(fits.t.shape, fits.log_ratio(toys[0]).shape[0])
print(len(nplm.fit(rng.normal(size=(1_000, 2)), pool.toys, 300, (2, 5, 1), 1.2, "adam")))
machine = nplm.KernelMachine(rng.normal(size=(100, 2)), 1.0, 1e-6)
print(machine.fit(rng.normal(size=(1_000, 2)), toys, 300).t.shape)
x, m = rng.random((3_000, 2)), 3 + rng.random(3_000)
trees = resonant.TreeClassifier()
iad = resonant.IAD(trees, random_state=1).fit(x, m, background=x, region=(3.3, 3.7))
print(iad.anomaly_score(x, m).shape, len(compute.map(len, ["a"] * 50)))
print(time.perf_counter() - start < 60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    expected = ["100 100", "(100,) 100", "100", "(100,)", "(3000,) 50", "True"]
    assert done.stdout.splitlines() == expected
