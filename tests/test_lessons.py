"""The table of chapters on the page for teachers: from the sources and their last run, and as it is built."""

import json
import sys

import pytest

from tools.convert import ROOT, sources
from tools.times import TIMES

pytest.importorskip("sphinx", reason="needs Sphinx, which comes with dmlib[book]")
bs4 = pytest.importorskip("bs4", reason="needs beautifulsoup4, which comes with dmlib[book]")
sys.path.append(str(ROOT / "book" / "_ext"))
lessons = pytest.importorskip("lessons")

PAGE = ROOT / "_build" / "html" / "book" / "teaching.html"
CHAPTER = """\
# %% [markdown]
# # A toy
#
# :::{admonition} In this chapter
# You need: [figures of merit](02-figures-of-merit.ipynb), and
# [anomaly detection](12-anode.ipynb). Time: 45
# minutes; the code runs in [a second](03-other.ipynb) on a laptop.
# :::
#
# ### Exercise 1: Adding (10 min)
# One and one.

# %% [markdown]
# ### Exercise 2: And more (5 min)
# One and two.
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The source of a small chapter in a book of its own, never run."""
    source = tmp_path / "notebooks" / "07-toy.py"
    source.parent.mkdir()
    source.write_text(CHAPTER)
    monkeypatch.setattr(lessons, "slide_count", lambda nb: 17)
    monkeypatch.setattr(lessons, "book_edition", lambda source, root: source)
    return source


def test_a_lesson_is_what_the_source_and_the_last_run_say(toy, tmp_path):
    said = lessons.lesson(toy, tmp_path)
    assert list(said) == list(lessons.HEADS)
    assert said["chapter"].endswith("A toy")
    assert list(said.values())[1:] == ["45", "–", "–", "17", "2 (15 min)", "02, 12"]
    (tmp_path / TIMES).parent.mkdir()
    (tmp_path / TIMES).write_text('{"07-toy": {"seconds": 21, "longest": 0}}')
    assert list(lessons.lesson(toy, tmp_path).values())[2:4] == ["21", "0"]


def test_a_chapter_that_does_not_say_how_long_it_takes_is_named(toy, tmp_path):
    toy.write_text(CHAPTER.replace("Time: 45", "It takes 45"))
    with pytest.raises(ValueError, match=r"07-toy\.py: its opening lacks"):
        lessons.lesson(toy, tmp_path)


def test_every_chapter_has_the_seconds_of_its_last_run():
    """`make notebooks` keeps them; a chapter takes 90 s at most, a cell 20, on a laptop that does nothing else."""
    times = json.loads((ROOT / TIMES).read_text(encoding="utf-8"))
    assert list(times) == [source.stem for source in sources()], "make notebooks ONLY=..., for what is missing"
    for name, ran in times.items():
        assert 0 <= ran["longest"] <= ran["seconds"], name
        assert ran["seconds"] > 0, name


@pytest.mark.skipif(not PAGE.exists(), reason="no _build/html: run `make book` first")
def test_the_built_table_has_a_row_a_chapter():
    (table,) = bs4.BeautifulSoup(PAGE.read_text(encoding="utf-8"), "html.parser").select("table.lessons")
    heads = [head.get_text(strip=True) for head in table.select("thead th")]
    rows = [row.select("td") for row in table.select("tbody tr")]
    assert len(rows) == len(sources())
    for source, row in zip(sources(), rows, strict=True):
        said = lessons.lesson(source, ROOT)
        assert heads == list(said)
        assert [cell.get_text(strip=True).replace(",", ", ") for cell in row] == list(said.values())
        assert row[0].a["href"] == f"../notebooks/{source.stem}.html"
        assert [link["href"][len("../notebooks/") :][:2] for link in row[-1].select("a")] == (
            said["needs"].split(", ") if said["needs"] != "–" else []
        )
