"""Chapters as plain notebooks: the same numbers in every edition, and nothing left that only the book's pages read."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.convert import ROOT, convert, numbers
from tools.editions import live_edition
from tools.pages import without_blanks
from tools.plain import markdown, plain

BIBLIOGRAPHY = ROOT / "book" / "references.bib"
CHAPTER = """\
# %% [markdown]
# # A toy
#
# See {numref}`fig-toy` and {numref}`tab-toy`, and exercise 1.

# %% mystnb={"figure": {"caption": "All of {cite}`MoT`.", "name": "fig-toy"}}
1

# %% table={"caption": "Its numbers.", "name": "tab-toy"}
2

# %% [markdown]
# ### Exercise 1: More (5 min)

# %% tags=["exercise"]
n = 3
# your code

# %% tags=["exercise"]
# your code

# %% tags=["solution"] mystnb={"figure": {"caption": "The answer.", "name": "fig-answer"}}
3
"""


@pytest.fixture
def chapter(tmp_path):
    source = tmp_path / "07-toy.py"
    source.write_text(CHAPTER)
    return source


def texts(nb):
    return [cell.source for cell in nb.cells if cell.cell_type == "markdown"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain *text*, `{code}` and $x_{\\text{a}}$.", "Plain *text*, `{code}` and $x_{\\text{a}}$."),
        (":::{note}\nOne.\n\nTwo.\n:::\nAfter.", "> **Note**\n>\n> One.\n>\n> Two.\nAfter."),
        (":::{admonition} Predict first\n:class: predict\nHow many?\n:::", "> **Predict first**\n>\n> How many?"),
        (":::{warning}\n- a list\n:::", "> **Warning**\n>\n> - a list"),
        (
            ":::{dropdown} Why `n`?\n:class-container: self-check\nSince *so*.\n:::",
            "<details><summary>Why <code>n</code>?</summary>\n\nSince *so*.\n\n</details>",
        ),
        ("::::{admonition} A\n:::{note}\nInner.\n:::\n::::", "> **A**\n>\n> > **Note**\n> >\n> > Inner."),
        ("```python\n{cite}`MoT`\n```", "```python\n{cite}`MoT`\n```"),
        ("(here)=\n## A {term}`side band <side bands>`", "## A side band"),
        (
            "See [Figure 7.1](#fig-toy) and [a page](../book/data.md#cards).",
            "See Figure 7.1 and [a page](../book/data.md#cards).",
        ),
    ],
)
def test_text_becomes_markdown(text, expected):
    assert markdown(text, BIBLIOGRAPHY) == expected


@pytest.mark.parametrize(
    ("cited", "authors"),
    [
        ("Letizia2022", "Letizia et al. 2022"),
        ("Nachman2020", "Nachman and Shih 2020"),
        ("Aarrestad2021", "Aarrestad et al. 2022"),
        ("Finke2023", "Finke et al. "),
    ],
)
def test_citations_name_authors_and_link(cited, authors):
    text = markdown(f"As {{cite}}`{cited}` say.", BIBLIOGRAPHY)
    assert text.startswith(f"As [[{authors}") and "](https://" in text and text.endswith(")] say.")


def test_two_citations_over_the_end_of_a_line():
    text = markdown("{cite}`MoT,\nNachman2020`", BIBLIOGRAPHY)
    assert text.count("](https://doi.org/") == 2 and "), [" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (":::{video} x\n:::", r"directive \{video\}"),
        ("```{figure} x.png\n```", "write it with colons"),
        ("{abbr}`SM`", r"role \{abbr\}"),
        ("{cite}`Nobody1900`", "Nobody1900 is not in references.bib"),
        (":::{note}\nnever closed", "::: is opened and not closed"),
    ],
)
def test_what_has_no_plain_form_is_named(text, says):
    with pytest.raises(ValueError, match=says):
        markdown(text, BIBLIOGRAPHY)


@given(st.text(alphabet=st.characters(exclude_characters=":`~{}[]()<\r", exclude_categories=("C", "Z"))))
def test_markdown_without_myst_stays(text):
    assert markdown(text, BIBLIOGRAPHY) == "\n".join(text.splitlines())


def test_numbers_are_the_chapters_in_both_editions(chapter):
    nb = convert(chapter)
    assert texts(nb) == [
        "# 07 A toy\n\nSee [Figure 7.1](#fig-toy) and [Table 7.1](#tab-toy), and exercise 7.1.",
        "(tab-toy)=\n:::{div} table-caption\n**Table 7.1.** Its numbers.\n:::",
        "### Exercise 7.1: More (5 min)",
    ]
    assert numbers(nb, 7) == {"fig-toy": "Figure 7.1", "fig-answer": "Figure 7.2", "tab-toy": "Table 7.1"}
    below = texts(plain(nb, 7))
    assert below[0] == "# 07 A toy\n\nSee Figure 7.1 and Table 7.1, and exercise 7.1."
    assert below[1].startswith("**Figure 7.1.** All of [[Caron et al. 2023](https://doi.org/10.1007/")
    assert below[2:] == ["**Table 7.1.** Its numbers.", "### Exercise 7.1: More (5 min)", "**Figure 7.2.** The answer."]
    nbformat.validate(plain(nb, 7))


def test_captions_follow_their_cells_and_go_with_the_answer(chapter):
    nb = plain(convert(chapter), 7)
    tags = [cell.metadata.get("tags", []) for cell in nb.cells]
    assert tags[-1] == ["solution", "hide-cell", "caption"] and nb.cells[-1].id == f"{nb.cells[-2].id}-caption"
    first = next(cell for cell in live_edition(nb).cells if "caption" in cell.metadata.get("tags", []))
    assert first.source.startswith(
        "<details><summary>Figure 7.1</summary>\n\nAll of "
    )  # it would tell what is to be seen
    kept = live_edition(nb, outputs=True).cells
    assert next(cell for cell in kept if "caption" in cell.metadata.get("tags", [])).source.startswith(
        "**Figure 7.1.**"
    )


def test_a_page_shows_no_cell_that_waits_for_code(chapter):
    nb = without_blanks(convert(chapter))
    waiting = [cell for cell in nb.cells if "exercise" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in waiting] == ["n = 3", ""]
    assert ["remove-cell" in cell.metadata.tags for cell in waiting] == [False, True]
    assert "# your code" in "".join(cell.source for cell in convert(chapter).cells)


def test_notes_for_the_speaker_are_in_no_notebook(tmp_path):
    source = tmp_path / "07-toy.py"
    source.write_text('# %% [markdown]\n# # A toy\n\n# %% [markdown] tags=["notes"]\n# Ask first.\n')
    assert texts(plain(convert(source), 7)) == ["# 07 A toy"]


def test_what_is_closed_on_a_page_is_closed_in_a_notebook(tmp_path):
    source = tmp_path / "07-toy.py"
    source.write_text('# %% tags=["hide-input"]\n1\n\n# %% tags=["check"]\nassert True\n\n# %%\n2\n')
    closed = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in convert(source).cells]
    assert closed == [True, True, False]
