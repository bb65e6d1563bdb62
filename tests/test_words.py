"""Words and code that link: terms are found as a reader would, every chapter has links, and nothing leaks from them."""

import doctest
import json
import re
import string
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.convert import convert
from tools.pages import without_blanks

bs4 = pytest.importorskip("bs4", reason="needs beautifulsoup4, which comes with dmlib[book]")
pytest.importorskip("sphinx", reason="needs Sphinx, which comes with dmlib[book]")
code_links = pytest.importorskip("code_links")
words = pytest.importorskip("words")

ROOT = Path(__file__).parent.parent
HTML = ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
TERMS = [["signal"], ["signal region"], ["side band", "sideband"], ["MET", "missing momentum"], ["pile-up"], ["toy"]]

built = pytest.mark.skipif(not (HTML / "index.html").exists(), reason="no _build/html: run `make book` first")


def found(text, terms=TERMS):
    """What is linked in a text: the words and the first name of their entry."""
    return [(piece, terms[i][0]) for piece, i in words.Finder(terms).split(text, set()) if i is not None]


@pytest.mark.parametrize("module", [words, code_links])
def test_examples(module):
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried and not failed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Signal and signal.", [("Signal", "signal")]),
        ("The signal\nregion has signal.", [("signal\nregion", "signal region"), ("signal", "signal")]),
        ("Signal regions, and side-bands", [("Signal regions", "signal region"), ("side-bands", "side band")]),
        ("a sideband, the side bands", [("sideband", "side band")]),
        ("a signal's shape, a signal’s shape", [("signal", "signal")]),
        ("where they met, MET is missing momentum", [("MET", "MET")]),
        ("it would pile up; pile-up", [("pile-up", "pile-up")]),
        ("signal-like, pseudo-signal, signalling, _signal", []),
        ("", []),
    ],
)
def test_words_are_found_as_a_reader_would(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("term", "plural"),
    [
        ("b-jet", "b-jets"),
        ("black box", "black boxes"),
        ("background efficiency", "background efficiencies"),
        ("loss", "losses"),
        ("toy", "toys"),
        ("AUC", "AUCs"),
    ],
)
def test_plurals(term, plural):
    for text in (term, plural, plural[0].upper() + plural[1:]):
        assert found(f"two {text}.", [[term]]) == [(text, term)]


TERM = st.text(string.ascii_letters, min_size=2, max_size=5)
PHRASE = st.lists(TERM, min_size=1, max_size=3).map(" ".join)


@given(st.lists(st.lists(PHRASE, min_size=1, max_size=2), max_size=4), st.data())
def test_pieces_are_the_text_and_each_entry_is_met_once(terms, data):
    names = [name for group in terms for name in group]
    word = st.one_of(TERM, st.sampled_from(names)) if names else TERM
    text = "".join(data.draw(st.lists(st.one_of(word, st.sampled_from([" ", "-", ", ", "\n", "’s "])), max_size=20)))
    used = set(data.draw(st.sets(st.integers(0, len(terms) - 1)))) if terms else set()
    before = set(used)
    pieces = list(words.Finder(terms).split(text, used))
    assert "".join(piece for piece, _ in pieces) == text
    linked = [i for _, i in pieces if i is not None]
    assert len(linked) == len(set(linked)) and not before & set(linked) and used == before | set(linked)
    start = 0
    for piece, i in pieces:
        around = text[max(start - 1, 0) : start] + text[start + len(piece) : start + len(piece) + 1]
        assert i is None or not re.search(r"[\w-]", around)
        start += len(piece)


@given(TERM, st.sampled_from(["", "s"]), st.sampled_from([str, str.capitalize]))
def test_a_term_between_other_words_is_found(term, ending, case):
    shown = case(term) + ending if case(term)[1:] == term[1:] else term + ending
    if re.search("(?:[^aeiou]y|s|x|ch|sh)$", term) and ending:
        return
    assert found(f"12 {shown}, 34", [[term]]) == [(shown, term)]


@given(st.text(max_size=600), st.integers(10, 300))
def test_a_shortened_definition_fits(text, length):
    short = words.shorten(text, length)
    assert len(short) <= length
    assert words.shorten(short, length) == short


def test_code_names_are_those_of_the_api():
    objects = dict.fromkeys(["dmlib.metrics", "dmlib.metrics.auc", "dmlib.Run.pick", "dmlib.start"])
    expected = {
        "dmlib.metrics": "dmlib.metrics",
        "metrics.auc": "dmlib.metrics.auc",
        "dmlib.metrics.auc(scores, labels)": "dmlib.metrics.auc",
        "run.pick(quick=..., full=...)": "dmlib.Run.pick",
        "metrics": None,
        "start": None,
        "metrics.auc + 1": None,
        "metrics.ks": None,
        "x=metrics.auc(a)": None,
        "": None,
    }
    assert {text: code_links.api_name(text, objects) for text in expected} == expected


@given(st.text())
def test_any_literal_is_a_name_or_not(text):
    assert code_links.api_name(text, {}) is None


PAGES = {
    "index": """# Book
```{toctree}
glossary
notebooks/01-one
notebooks/02-two
api
```
""",
    "glossary": """# Glossary
```{glossary}
toy
  A simulated experiment.
```
""",
    "notebooks/01-one": """# A toy
:::{admonition} In this chapter
A toy.
:::
The [toy](../index.md) of `a toy`, *two
toys*, and a toy. See `metrics.auc(a, b)`.
```python
from dmlib import metrics
area = metrics.auc([1], [2])
area, metrics.auc
```
```python
print(metrics.auc(area, area))
```
""",
    "notebooks/02-two": "# Two\nNothing.\n",
    "api": "# API\n```{eval-rst}\n.. py:module:: dmlib.metrics\n.. py:function:: auc(a, b)\n```\n",
}
SETTINGS = {
    "extensions": ["myst_parser", "words", "code_links"],
    "myst_enable_extensions": ["colon_fence"],
    "codeautolink_concat_default": True,
}


def build(folder, builder="html"):
    """Builds a small book, or brings it up to date, and returns the page of its first chapter."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    with patch_docutils(), docutils_namespace():
        out = folder / "_build" / builder
        app = Sphinx(folder, None, out, out / ".doctrees", builder, SETTINGS, status=None, warningiserror=True)
        app.build()
    page = out / "notebooks" / ("01-one.html" if builder == "html" else "01-one.txt")
    return bs4.BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def terms_of(page):
    return [(term.get_text(), term.find_next_sibling()["aria-label"]) for term in page.select("a.glossary-term")]


def codes_of(page):
    return [(link.get_text(), link.get("tabindex")) for link in page.select(".highlight a")]


@pytest.fixture
def small_book(tmp_path):
    for name, text in PAGES.items():
        path = tmp_path / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Sphinx and of its extensions
def test_a_small_book_links_and_stays_right_when_a_page_changes(small_book):
    page = build(small_book)
    codes = [("metrics", None), ("metrics.auc", None), ("metrics.auc", "-1"), ("metrics.auc", "-1")]
    assert terms_of(page) == [("toys", "A simulated experiment.")] and page.select_one("em > a.glossary-term")
    assert codes_of(page) == codes
    assert [link.get_text() for link in page.select("a.api-link")] == ["metrics.auc(a, b)"]
    glossary = small_book / "glossary.md"
    glossary.write_text(glossary.read_text().replace("A simulated", "An invented"))
    page = build(small_book)
    assert terms_of(page) == [("toys", "An invented experiment.")]
    assert codes_of(page) == codes


@pytest.mark.filterwarnings("ignore")  # of Sphinx and of its extensions
def test_other_builders_get_text(small_book):
    assert "two toys*, and a toy" in " ".join(build(small_book, "text").get_text().split())


def headwords():
    """The terms of each entry of the glossary's source."""
    body = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8").split("```{glossary}\n")[1].rsplit("```", 1)[0]
    return [re.findall(r"^(\S.*)$", entry, re.MULTILINE) for entry in body.strip().split("\n\n")]


def test_words_in_another_sense_are_words_of_the_glossary():
    known = {term for entry in headwords() for term in entry}
    for docname, terms in words.OTHER_SENSE.items():
        assert docname.removeprefix("notebooks/") in CHAPTERS and set(terms) <= known, docname


def test_the_glossary_is_in_order():
    names = [re.sub("[^a-z0-9 ]", "", entry[0].lower()) for entry in headwords()]
    assert names == sorted(names)


@cache
def article(chapter):
    return bs4.BeautifulSoup(
        (HTML / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8"), "html.parser"
    ).article


@built
def test_every_chapter_links_to_the_glossary_and_to_the_api():
    kinds = {
        "term of the glossary": 'a.glossary-term[href*="book/glossary.html#term-"]',
        "name of the API in code": '.highlight a[href*="book/api/"]',
    }
    missing = [
        f"{chapter}: links no {kind}"
        for chapter in CHAPTERS
        for kind, links in kinds.items()
        if not article(chapter).select(links)
    ]
    assert not missing, "\n".join(missing)


@built
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_terms_of_a_chapter(chapter):
    """Each entry once, in running text, with a definition that is a text by itself."""
    terms = article(chapter).select("a.glossary-term")
    addresses = [term["href"] for term in terms]
    assert len(addresses) == len(set(addresses))
    for term in terms:
        where = f"{chapter}: {term.get_text()}"
        tip = term.find_next_sibling()
        assert tip["role"] == "tooltip" and tip["id"] == term["aria-describedby"] and not tip.get_text(), where
        assert 20 < len(tip["aria-label"]) <= words.LENGTH, where
        assert not re.search(r"[\\{}$\[]|\s[,.:;]", tip["aria-label"]), f"{where}: {tip['aria-label']}"
        assert term.find_parent("p") and not term.find_parent(class_="admonition-title"), where
        assert not term.find_parent(["h1", "h2", "h3", "figcaption", "table", "pre", "code", "details"]), where


@built
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_links_in_code_leave_the_code_alone(chapter):
    """What is shown is the source, letter for letter, and a link says the name that it leads to."""
    nb = without_blanks(convert(ROOT / "notebooks" / f"{chapter}.py"))
    sources = {cell.source.strip() for cell in nb.cells if cell.cell_type == "code"}
    linking = [block for block in article(chapter).select(".cell_input .highlight pre") if block.a]
    assert len(linking) > 3
    for block in linking:
        assert block.get_text().strip() in sources
    for link in article(chapter).select(".highlight a, a.api-link"):
        name = re.sub(r"\(.*\)", "", link.get_text(), flags=re.DOTALL).rsplit(".", 1)[-1]
        assert re.search(rf"(?:[.#]|module-){name}$", link["href"]), link


@built
def test_the_keyboard_stops_once_for_each_name():
    for chapter in CHAPTERS:
        links = article(chapter).select("a.sphinx-codeautolink-a")
        stops = [link["href"] for link in links if link.get("tabindex") != "-1"]
        assert sorted(stops) == sorted({link["href"] for link in links}), chapter


@built
def test_definitions_are_not_in_the_search_index():
    """The index of a chapter has its words, and not those of the definitions that it shows."""
    from sphinx.search.en import SearchEnglish

    index = json.loads((HTML / "searchindex.js").read_text(encoding="utf-8")[len("Search.setIndex(") : -1])
    language = SearchEnglish({})

    def stems(text):
        return {language.stem(word.lower()) for word in language.split(text)}

    def pages_of(stem):
        pages = index["terms"].get(stem, [])
        return pages if isinstance(pages, list) else [pages]

    compared = 0
    for chapter in CHAPTERS:
        number = index["docnames"].index(f"notebooks/{chapter}")
        tips = " ".join(tip["aria-label"] for tip in article(chapter).select(".glossary-tip"))
        page = article(chapter).get_text(" ") + " ".join(
            image.get("alt", "") for image in article(chapter).select("img")
        )
        only = stems(tips) - stems(page)
        compared += len(only)
        assert not [stem for stem in only if number in pages_of(stem)], chapter
    assert compared > 100
