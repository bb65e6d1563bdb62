"""Sphinx extension: the first use of a glossary term in a chapter links to its entry, and shows the definition.

The definition is an attribute, which words.css draws while the link has the pointer or the keyboard: nothing is
fetched, no script is needed, and definitions stay out of the search index, its excerpts, and what a reader copies.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_design.dropdown import dropdown_main

CHAPTERS = "notebooks/"
LENGTH = 240  # characters of a definition that are shown
OPENING = "In this chapter"  # the box of aims, where every other word would be a link
# What is no running text, or is folded away: a first use there would not be seen.
SKIPPED = (nodes.title, nodes.caption, nodes.legend, nodes.table, nodes.literal, nodes.math, nodes.raw, nodes.reference)
SKIPPED += (nodes.footnote, nodes.citation, dropdown_main)

# Words that a chapter also uses in another sense, before or in place of the glossary's: they are not linked there.
OTHER_SENSE = {
    "notebooks/02-figures-of-merit": ("loss", "toy"),  # a part of the loss is won back; a toy example
    "notebooks/12-anode": ("toy",),  # a toy example
    "notebooks/14-r-anode": ("object",),  # of Python
}

SYMBOLS = {"sum": "Σ", "times": "×", "le": "≤", "ge": "≥", "approx": "≈", "sim": "~", "infty": "∞", "int": "∫"}
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Entry:
    """An entry of the glossary: where it stands, its terms, and its definition as plain text."""

    docname: str
    node_id: str
    terms: tuple[str, ...]
    definition: str


class Word(nodes.inline):
    """A term in the text, with the address of its entry, the definition, and the id of the tip."""


def plain_maths(tex: str) -> str:
    r"""A short formula as text.

    Example:
        >>> plain_maths(r"\epsilon_S/\sqrt{\epsilon_B},\ \epsilon_B = 10^{-2}")
        'ε_S/√ε_B, ε_B = 10⁻²'
    """

    def symbol(match: re.Match[str]) -> str:
        try:
            return SYMBOLS.get(match[1]) or unicodedata.lookup(f"GREEK SMALL LETTER {match[1]}")
        except KeyError:
            return match[1]  # \ln, \tan

    text = re.sub(r"\\(?:text|mathrm)\{([^{}]*)\}", r"\1", tex)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", text)
    text = re.sub(r"\\sqrt\{(\\?\w*)\}", r"√\1", text)
    text = re.sub(r"\\sqrt\{([^{}]*)\}", r"√(\1)", text)
    text = re.sub(r"\\([a-zA-Z]+)", symbol, text)
    text = re.sub(r"\^(\d)|\^\{(-?\d+)\}", lambda match: (match[1] or match[2]).translate(RAISED), text)
    return re.sub(r"[{}]", "", re.sub(r"\\\W|~", " ", text))


def plain(node: nodes.Node) -> str:
    """The text of a node, formulae written out and citations left out."""
    if isinstance(node, nodes.math):
        return plain_maths(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, addnodes.pending_xref) and node.get("refdomain") == "cite":
        return ""
    return "".join(plain(child) for child in node.children)


def shorten(text: str, length: int = LENGTH) -> str:
    """The whole sentences that fit into a length, or as many words of the first as fit.

    Example:
        >>> shorten("A toy is a simulated experiment. Many are needed.", 40)
        'A toy is a simulated experiment.'
        >>> shorten("A toy is a simulated experiment. Many are needed.", 20)
        'A toy is a…'
    """
    text = re.sub(r"\s+([.,:;)])", r"\1", " ".join(text.split()))
    if len(text) <= length:
        return text
    ends = [match.end() for match in re.finditer(r"[.?!](?= )", text[: length + 1])]
    return text[: ends[-1]] if ends else text[: length - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def entries(env: BuildEnvironment) -> list[Entry]:
    """All entries of the book's glossaries."""
    found = []
    objects = env.get_domain("std").objects
    for docname in sorted({page for (kind, _), (page, _) in objects.items() if kind == "term"}):
        for glossary in env.get_doctree(docname).findall(addnodes.glossary):
            for item in glossary.findall(nodes.definition_list_item):
                terms = [child for child in item.children if isinstance(child, nodes.term)]
                names = tuple(term.astext() for term in terms)
                definition = shorten(" ".join(plain(part) for part in item[-1].children))
                found.append(Entry(docname, terms[0]["ids"][0], names, definition))
    return found


def form(term: str) -> str:
    """The expression that finds a term: either case of the first letter, a hyphen for a space, the plural."""
    plural = "s?"
    if re.search("[^aeiou]y$", term):
        term, plural = term[:-1], "(?:y|ies)"
    elif re.search("(?:s|x|ch|sh)$", term):
        plural = "(?:es)?"
    body = r"[\s-]+".join(map(re.escape, term[1:].split(" ")))
    return f"[{re.escape(term[0].lower() + term[0].upper())}]{body}{plural}"


class Finder:
    """Finds terms in a text, as whole words, the longest first.

    Arguments:
        entries: The terms of each entry.

    Example:
        >>> list(Finder([["signal"], ["signal region"]]).split("Signal regions hold signal.", set()))
        [('Signal regions', 1), (' hold ', None), ('signal', 0), ('.', None)]
    """

    def __init__(self, entries: Sequence[Sequence[str]]) -> None:
        self.terms = sorted(((term, i) for i, terms in enumerate(entries) for term in terms), key=lambda t: -len(t[0]))
        # Words joined by a hyphen are others: nothing is found in "signal-like".
        forms = "|".join(f"({form(term)})" for term, _ in self.terms)
        self.pattern = re.compile(rf"(?<![\w-])(?:{forms})(?![\w-])") if forms else re.compile(r"(?!)")

    def split(self, text: str, used: set[int]) -> Iterator[tuple[str, int | None]]:
        """Cuts a text at the first use of each entry: pieces, each with the entry's number or None.

        Arguments:
            text: The text; the pieces put together are this text again.
            used: The entries that were met before on the page; those met here are added.
        """
        start = 0
        for match in self.pattern.finditer(text):
            entry = self.terms[match.lastindex - 1][1]
            if entry in used:
                continue
            used.add(entry)
            if match.start() > start:
                yield text[start : match.start()], None
            yield match[0], entry
            start = match.end()
        if start < len(text):
            yield text[start:], None


def join_texts(doctree: nodes.document) -> None:
    """Makes one text of neighbours: the parser cuts at the end of a line, which may lie within a term."""
    for element in list(doctree.findall(nodes.TextElement)):
        joined: list[nodes.Node] = []
        for child in element.children:
            if joined and isinstance(child, nodes.Text) and isinstance(joined[-1], nodes.Text):
                joined[-1] = nodes.Text(joined[-1] + child)
            else:
                joined.append(child)
        element[:] = joined


def is_prose(text: nodes.Text) -> bool:
    """Whether a text is part of a paragraph that a reader of the page sees at once."""
    node: Any = text
    paragraph = False
    while node := node.parent:
        if isinstance(node, SKIPPED) or "cell" in node.get("classes", ()):
            return False
        if isinstance(node, nodes.Admonition) and node[0].astext() == OPENING:
            return False
        paragraph = paragraph or isinstance(node, nodes.paragraph)
    return paragraph


def link_words(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links the first use of each term of the glossary in a chapter; on slides it stays text."""
    if app.builder.name != "html" or not docname.startswith(CHAPTERS):
        return
    known: list[Entry] = app.env.glossary_entries
    finder = Finder([entry.terms for entry in known])
    used = {i for i, entry in enumerate(known) if {*entry.terms} & {*OTHER_SENSE.get(docname, ())}}
    join_texts(doctree)
    for text in list(doctree.findall(nodes.Text)):
        if not is_prose(text):
            continue
        pieces: list[nodes.Node] = []
        for piece, number in finder.split(text.astext(), used):
            if number is None:
                pieces.append(nodes.Text(piece))
                continue
            entry = known[number]
            address = f"{app.builder.get_relative_uri(docname, entry.docname)}#{entry.node_id}"
            pieces.append(Word("", piece, address=address, definition=entry.definition, tip=f"tip-{entry.node_id}"))
        if any(isinstance(piece, Word) for piece in pieces):
            text.parent.replace(text, pieces)


def visit_word(translator: Any, node: Word) -> None:
    start = f'<a class="reference internal glossary-term" href="{escape(node["address"])}"'
    translator.body.append(f'{start} aria-describedby="{node["tip"]}">')


def depart_word(translator: Any, node: Word) -> None:
    label = f'aria-label="{escape(node["definition"])}"'
    translator.body.append(f'</a><span class="glossary-tip" role="tooltip" id="{node["tip"]}" {label}></span>')


def read_entries(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Keeps the glossary at hand; where it has changed, every chapter is written anew."""
    known = entries(env)
    if known == getattr(env, "glossary_entries", None):
        return []
    env.glossary_entries = known
    return [docname for docname in env.found_docs if docname.startswith(CHAPTERS)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(Word, html=(visit_word, depart_word))
    app.add_js_file("words.js", loading_method="defer")
    app.connect("env-updated", read_entries)
    app.connect("doctree-resolved", link_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
