"""The notebook machinery on a tiny book: what is stale, drifted or broken is seen, what did not change is kept."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import nbformat
import numpy as np
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image, PngImagePlugin

from tools import editions, rules
from tools.convert import ROOT, colab_cell, convert
from tools.freshness import fingerprint
from tools.notebooks import book_edition, made, main, problem, read, run
from tools.outputs import same_picture, tidy

CHAPTER = """\
# %% [markdown]
# # A toy
#
# :::{admonition} In this chapter
# - You see that it runs.
#
# Time: 1 minute.
# :::

# %%
import dmlib.events

dmlib.events.answer()

# %% mystnb={"figure": {"caption": "Points.", "name": "fig-toy"}, "image": {"alt": "A square."}}
from PIL import Image

Image.new("RGB", (8, 8), "white")

# %% tags=["check"]
assert dmlib.events.answer() == 42

# %% tags=["nbval-check-output"]
print("one")
print("two")

# %% [markdown]
# ### Exercise 1: Adding (2 min)
# Add one and one.
#
# **Expect:** 2.

# %% tags=["exercise"]
# your code

# %% tags=["solution"]
1 + 1

# %% [markdown] tags=["solution"]
# :::{dropdown} Answer
# One and one are two.
# :::

# %% tags=["check"]
assert True

# %% [markdown]
# ## What to remember
# - It runs.
"""


@pytest.fixture
def book(tmp_path):
    """A book of one chapter over a package of three modules."""
    files = {
        "notebooks/01-toy.py": CHAPTER,
        "dmlib/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dmlib import other\n",
        "dmlib/events.py": "from . import _csv\ndef answer():\n    return 42\n",
        "dmlib/_csv.py": "",
        "dmlib/other.py": "",
        "pyproject.toml": (ROOT / "pyproject.toml").read_text(),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def chapter(book):
    """The source of the tiny chapter, with a notebook as a run would leave it."""
    source = book / "notebooks/01-toy.py"
    nb = made(source, book)
    nb.metadata["dmlib"] = {"sources": fingerprint(nb, book)}
    for number, cell in enumerate((cell for cell in nb.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    code[1].outputs = [nbformat.v4.new_output("display_data", {"image/png": png()})]
    code[3].outputs = [nbformat.v4.new_output("stream", name="stdout", text="one\ntwo\n")]
    nbformat.write(nb, source.with_suffix(".ipynb"))
    return source


def png(shade: int = 255, **information) -> str:
    about = PngImagePlugin.PngInfo()
    for key, value in information.items():
        about.add_text(key, value)
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), shade, dtype=np.uint8)).save(file, "PNG", pnginfo=about)
    return base64.b64encode(file.getvalue()).decode()


def change(source, edit):
    """Edits the stored notebook of a source."""
    nb = read(source)
    edit([cell for cell in nb.cells if cell.cell_type == "code"])
    nbformat.write(nb, source.with_suffix(".ipynb"))
    return nb


def test_a_chapter_runs_once_and_is_then_left_alone(book, monkeypatch):
    source = book / "notebooks/01-toy.py"
    monkeypatch.setenv("PYTHONPATH", str(book))
    assert problem(source, book).startswith("missing")
    assert run(source, book).startswith("ran")
    first = source.with_suffix(".ipynb").read_bytes()
    nb = read(source)
    assert problem(source, book) is None and rules.complaints(book_edition(source, book)) == []
    assert nb.cells[1].outputs[0].data["text/plain"] == "42"
    assert [len(cell.get("outputs", [])) for cell in nb.cells if "nbval-check-output" in str(cell.metadata)] == [1]
    assert not any("execution" in cell.metadata for cell in nb.cells)
    assert run(source, book) == "fresh"
    assert run(source, book, force=True).startswith("ran")
    assert source.with_suffix(".ipynb").read_bytes() == first


def test_a_run_keeps_its_seconds(book, chapter, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(book))
    run(chapter, book, force=True)
    times = json.loads((book / "book" / "times.json").read_text())
    assert set(times) == {"01-toy"} and 0 <= times["01-toy"]["longest"] <= times["01-toy"]["seconds"] < 60


def test_the_first_error_stops_the_run_and_names_cell_and_error(book, capsys):
    source = book / "notebooks/01-toy.py"
    source.write_text("# %%\nnumber = 1\n\n# %%\nnumber / 0\n\n# %%\nopen('reached', 'w')\n")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run(source, book)
    assert not source.with_suffix(".ipynb").exists()
    assert main(["run"], root=book) == 1
    assert "number / 0" in capsys.readouterr().err


def test_a_relative_path_into_the_tree_does_not_work_by_accident(book):
    source = book / "notebooks/01-toy.py"
    source.write_text("# %%\nopen('01-toy.py')\n")
    with pytest.raises(CellExecutionError, match="FileNotFoundError"):
        run(source, book)


def test_changed_code_is_stale(book, chapter):
    chapter.write_text(CHAPTER.replace("1 + 1", "2 + 2"))
    assert problem(chapter, book).startswith("stale")
    assert main(["check"], root=book) == 1


@pytest.mark.parametrize(("module", "stale"), [("events", True), ("_csv", True), ("other", False)])
def test_a_changed_module_makes_the_chapters_over_it_stale(book, chapter, module, stale):
    assert problem(chapter, book) is None
    path = book / f"dmlib/{module}.py"
    path.write_text(path.read_text() + "\nprint()\n")
    assert (problem(chapter, book) is not None) == stale


def test_changed_comments_drift_and_are_converted_without_a_run(book, chapter):
    chapter.write_text(CHAPTER.replace("1 + 1", "1 + 1  # is two"))
    assert problem(chapter, book).startswith("drifted")
    assert run(chapter, book) == "converted"
    assert problem(chapter, book) is None


def test_changed_prose_drifts_and_is_converted_without_a_run(book, chapter):
    chapter.write_text(CHAPTER.replace("You see that it runs.", "You see it run."))
    assert problem(chapter, book).startswith("drifted")
    before = read(chapter)
    assert run(chapter, book) == "converted"
    after = read(chapter)
    assert problem(chapter, book) is None and "You see it run." in after.cells[0].source
    assert [cell.get("outputs") for cell in after.cells] == [cell.get("outputs") for cell in before.cells]


def test_an_edited_notebook_is_seen(book, chapter):
    change(chapter, lambda code: code[0].update(source="dmlib.events.answer() + 1"))
    assert problem(chapter, book).startswith("stale")


def test_a_failed_or_unexecuted_cell_is_seen(book, chapter):
    change(chapter, lambda code: code[2].update(execution_count=None))
    assert problem(chapter, book).startswith("failed: code cell 3")
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
    change(chapter, lambda code: code[2].update(execution_count=3, outputs=[error]))
    assert problem(chapter, book) == "failed: code cell 3 failed"
    assert main(["check"], root=book) == 1


def test_unknown_chapter_names_those_there_are(book):
    with pytest.raises(SystemExit, match="no chapter 99; there are: 01-toy"):
        main(["check", "99"], root=book)


def test_ids_follow_the_text(book, chapter):
    ids = [cell.id for cell in convert(chapter, book).cells]
    chapter.write_text("# %%\nnew = 1\n\n" + CHAPTER)
    assert [cell.id for cell in convert(chapter, book).cells][1:] == ids
    chapter.write_text("# %%\n1\n\n# %%\n1\n")
    assert len({cell.id for cell in convert(chapter, book).cells}) == 2


def test_figures_lose_date_and_software_and_keep_their_pixels():
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
    stored = png(100, Software="plotter 1.0", Date="today")
    nb.cells[0].outputs = [nbformat.v4.new_output("display_data", {"image/png": stored})]
    new = tidy(nb).cells[0].outputs[0].data["image/png"]
    assert b"plotter" in base64.b64decode(stored) and b"plotter" not in base64.b64decode(new)
    assert same_picture(stored, new)


def test_a_figure_is_rewritten_only_where_it_differs(book, chapter, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(book))
    almost, other = png(250), png(100)
    for stored, kept in ((almost, True), (other, False)):
        change(chapter, lambda code, stored=stored: code[1].outputs[0]["data"].update({"image/png": stored}))
        run(chapter, book, force=True)
        data = next(cell for cell in read(chapter).cells if "mystnb" in cell.metadata).outputs[0].data
        assert (data["image/png"] == stored) == kept


def test_same_picture_tells_rounding_from_change():
    assert same_picture(png(255), png(250)) and not same_picture(png(255), png(200))


def with_output(kind: str, **content):
    def edit(code):
        code[0].outputs = [nbformat.v4.new_output(kind, **content)]

    return edit


@pytest.mark.parametrize(
    ("rule", "edit", "complaint"),
    [
        ("clean", with_output("stream", name="stderr", text="oh"), "wrote to stderr"),
        ("clean", with_output("stream", text="50%|#####     | 5/10\r"), "progress bar"),
        ("clean", with_output("stream", text="FutureWarning: soon"), "a warning"),
        ("clean", with_output("stream", text="read /home/ann/events.csv"), "an absolute path"),
        ("clean", with_output("stream", text="Wall time: 3 s"), "a time"),
        ("clean", with_output("stream", text="\x1b[31mred"), "terminal colours"),
        ("clean", with_output("execute_result", data={"text/plain": "<f at 0x7f0011223344>"}), "address"),
        ("figures", lambda code: code[1].metadata.pop("mystnb"), "no alt text"),
        ("figures", lambda code: code[1].metadata["mystnb"]["figure"].pop("caption"), "no caption"),
        ("checks", lambda code: code[2].update(source="x = 1"), "check cell 3 asserts nothing"),
        ("checks", lambda code: code[2].metadata.update(tags=[]), "1 check cells"),
        ("compared", lambda code: code[3].update(outputs=[]), "no text to compare"),
        ("compared", lambda code: code[3].update(source="m.fit(x)"), "calls fit"),
        ("compared", lambda code: code[3].metadata.update(tags=["chek"]), "unknown tag chek"),
        ("exercises", lambda code: code[5].metadata.update(tags=[]), "no solution in code follows"),
        ("small", with_output("stream", text="x" * 600_001), "weighs"),
    ],
)
def test_every_rule_bites(chapter, rule, edit, complaint):
    assert rules.complaints(book_edition(chapter, chapter.parents[1])) == []
    assert any(complaint in found for found in getattr(rules, rule)(change(chapter, edit)))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# # A toy", "# A toy", "'# ' title"),
        ("admonition", "note", "admonition"),
        ("Time: 1 minute.", "Enjoy.", "lacks objectives"),
        ("## What to remember", "## The end", "What to remember"),
        ("Adding (2 min)", "Adding", "not of the form"),
        ("1: Adding (2 min)", "1 (2 min)", "not of the form"),
        ("### Exercise 1: Adding (2 min)", "Try:", "no exercise"),
        ("**Expect:**", "You will see:", "lacks a line '**Expect:**"),
        ("{dropdown} Answer", "{dropdown} Why", "no answer in words"),
        ('tags=["solution"]\n1', 'tags=["exercise"]\n1', "no solution in code"),
    ],
)
def test_every_rule_on_text_bites(book, chapter, old, new, complaint):
    chapter.write_text(CHAPTER.replace(old, new))
    assert any(complaint in found for found in rules.complaints(convert(chapter, book)))


def test_a_heavy_figure_is_refused(chapter):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    nb = change(chapter, lambda code: code[1].update(outputs=[nbformat.v4.new_output("display_data", data)]))
    assert any("kB; at most 80" in found for found in rules.figures(nb))


def test_colab_cell_is_there_only_with_a_repository_and_leaves_numpy_scipy_and_torch_alone(book):
    source = book / "notebooks/01-toy.py"
    assert colab_cell(book) is None
    (book / "_config.yml").write_text("repository:\n  url: https://github.com/someone/course\n")
    first = next(cell for cell in convert(source, book).cells if cell.cell_type == "code")
    assert first.metadata.tags == ["colab", "remove-cell"]
    installs = [line for line in first.source.splitlines() if "pip install" in line]
    assert any("--no-deps" in line and "git+https://github.com/someone/course" in line for line in installs)
    assert all("--no-deps" in line or "-c held.txt" in line for line in installs)
    installed = {name.lower() for line in installs for name in re.findall(r'"([\w-]+)', line)}
    assert "awkward" in installed and not installed & {"numpy", "scipy", "torch"}


def test_colab_cell_does_nothing_elsewhere(book, tmp_path):
    (book / "_config.yml").write_text("repository:\n  url: https://github.com/someone/course\n")
    source = book / "notebooks/01-toy.py"
    source.write_text("# %%\nimport os\nos.listdir()\n")
    run(source, book)
    assert read(source).cells[0].outputs == [] and "held.txt" not in read(source).cells[1].outputs[0].data["text/plain"]


def test_another_repository_needs_no_run(book, chapter):
    (book / "_config.yml").write_text("repository:\n  url: https://github.com/someone/course\n")
    assert problem(chapter, book).startswith("drifted") and run(chapter, book) == "converted"
    assert problem(chapter, book) is None


def test_student_edition_has_no_solutions_and_no_outputs(book, chapter):
    (path,) = editions.student(book)
    nb = nbformat.read(path, as_version=4)
    tags = [tag for cell in nb.cells for tag in cell.metadata.get("tags", [])]
    assert "solution" not in tags and {"exercise", "check"} <= set(tags)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in nb.cells)


def solved(check):
    """An exercise whose solution binds total, and the check on it; the cell before binds parts."""
    cells = [nbformat.v4.new_code_cell(source) for source in ("parts = [1, 2]", "total = sum(parts)", check)]
    for cell, tag in zip(cells[1:], ("solution", "check"), strict=True):
        cell.metadata["tags"] = [tag, "remove-cell"]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize(
    ("mine", "says"),
    [("", "Still to fill: total"), ("total = 3", "This agrees with the book."), ("total = 4", None)],
)
def test_a_check_of_a_solution_names_what_is_still_to_fill(mine, says, capsys):
    *_, check = editions.student_edition(solved("assert total == 3\nassert len(parts) == 2")).cells
    assert check.metadata["tags"] == ["check-answer"] and "once you have `total`" in check.source
    names = {"parts": [1, 2]}
    exec(mine, names)
    if says is None:
        with pytest.raises(AssertionError):
            exec(check.source, names)
    else:
        exec(check.source, names)
        assert capsys.readouterr().out.strip() == says


@pytest.mark.parametrize("check", ["total = float(total)\nassert total", "assert all(total > x for x in parts)"])
def test_a_check_that_uses_a_name_before_it_binds_it_needs_it(check):
    assert editions.student_edition(solved(check)).cells[-1].metadata["tags"] == ["check-answer"]


def test_a_check_of_the_chapter_stays_as_it_is():
    """So does one with names of its own like those of a solution."""
    for source in ("assert parts == [1, 2]", "assert all(total > 0 for total in parts)"):
        *_, check = editions.student_edition(solved(source)).cells
        assert check.source == source and "check" in check.metadata["tags"]


def test_a_cell_that_needs_a_solution_is_refused():
    nb = solved("assert True")
    nb.cells.append(nbformat.v4.new_code_cell("print(total)"))
    with pytest.raises(ValueError, match=r"a cell needs total of a solution: print\(total\)"):
        editions.student_edition(nb)


def test_live_copy_keeps_what_somebody_wrote(book, chapter):
    copy, original = book / "_live/01-toy.ipynb", chapter.with_suffix(".ipynb")
    assert editions.live(book) == []
    first = copy.read_text()
    original.write_text(original.read_text().replace('"two"', '"three"').replace("two", "three"))
    assert editions.live(book) == [] and copy.read_text() != first
    copy.write_text("my own work")
    assert editions.live(book) == [copy] and copy.read_text() == "my own work"
    assert editions.live(book, reset="01") == [] and "three" in copy.read_text()
    with pytest.raises(ValueError, match="no chapter 07; there are 01"):
        editions.live(book, reset="07")


def test_live_edition_shows_no_answer_and_no_outputs_unless_asked(chapter):
    nb = read(chapter)
    assert not any(cell.get("outputs") for cell in editions.live_edition(nb).cells)
    with_outputs = {bool(c.outputs) for c in editions.live_edition(nb, outputs=True).cells if c.cell_type == "code"}
    assert with_outputs == {True, False}
    for cell in editions.live_edition(nb, outputs=True).cells:
        assert not ("solution" in cell.metadata.get("tags", []) and cell.get("outputs"))
        assert "One and one are two" not in cell.source or cell.source.startswith("<details><summary>Answer</summary>")


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[1].split())
    shown = subprocess.run(["make", "-s", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in shown.splitlines() if line.startswith("  make ")} == targets
    assert [line for line in shown.splitlines() if line and not line.startswith(" ")][-3:] == [
        "Read",
        "Teach",
        "Develop",
    ]
    assert targets >= set("book test notebooks bench slides student serve live data clean".split())


def test_the_settings_of_make_live_are_known_to_jupyterlab():
    """No question about Jupyter news, and no request for updates; a setting of another name would do nothing."""
    settings = json.loads((ROOT / "tools" / "jupyterlab.json").read_text())
    schemas = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas"
    for name, values in settings.items():
        plugin, _, file = name.partition(":")
        schema = json.loads((schemas / plugin / f"{file}.json").read_text())
        assert set(values) <= set(schema["properties"])
        jsonschema.validate(values, schema)
    assert settings["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false", "checkForUpdates": False}
