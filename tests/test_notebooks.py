"""Every chapter: its notebook comes from its source, was run from the present code, and keeps the book's rules."""

import re
from pathlib import Path

import pytest
import yaml

from tools.convert import ROOT, sources
from tools.notebooks import book_edition, problem, read
from tools.rules import RULES

NOTEBOOKS = ROOT / "notebooks"
MYST = re.compile(r":::|`{3}\{|\{[\w:-]+\}`|^\([\w-]+\)=", re.MULTILINE)


def test_every_chapter_of_the_table_of_contents_has_its_source_and_the_other_way_round():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [Path(chapter["file"]) for part in toc["parts"] for chapter in part["chapters"]]
    assert {file.stem for file in files if file.parent.name == "notebooks"} == {source.stem for source in sources()}


def test_every_file_in_notebooks_is_part_of_a_chapter():
    stems = {source.stem for source in sources()}
    assert [path.name for path in NOTEBOOKS.glob("*.*py*") if path.stem not in stems] == []


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_notebook_comes_from_its_source_and_the_present_code(source):
    assert problem(source) is None, f"make notebooks ONLY={source.stem}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_chapter_keeps_the_rule(source, rule):
    assert list(rule(book_edition(source))) == []


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_notebook_is_plain_markdown_with_a_caption_below_each_figure(source):
    nb = read(source)
    for cell in nb.cells:
        assert cell.cell_type == "code" or MYST.search(cell.source) is None
    figures = [i for i, cell in enumerate(nb.cells) if cell.metadata.get("mystnb", {}).get("figure")]
    chapter = int(source.name[:2])
    for number, i in enumerate(figures, start=1):
        assert nb.cells[i + 1].source.startswith(f"**Figure {chapter}.{number}.** ")
