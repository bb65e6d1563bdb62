"""Where the slides of a chapter begin: how high each piece is on a stage of 1280 by 720, and which belong together.

The heights are estimates for `tools/deck/slides.css`; its script measures what came of them. A section is broken where
the breaks cost least, as lines of a paragraph are: full slides are better than half empty ones, code stays with the
words before it and with its output, and nothing follows a question that asks for a guess.
"""

import ast
import base64
import copy
import io
import itertools
import math
import re
import textwrap
from dataclasses import dataclass
from functools import cache

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from nbformat import NotebookNode
from PIL import Image

from tools.convert import caption_of, tags
from tools.outputs import PNG

WIDTH, ROOM = 1168, 640  # of the stage, less what slides.css keeps free at the sides, above and below
AGAIN = 46  # the heading that a further slide of a section repeats
LINE, GAP, LETTERS = 36.5, 14, 97  # text: a line, what follows a paragraph, letters in a line
CODE_LINE, CODE_LETTERS, FRAME = 26.4, 93, 38  # code and printed text; its frame and what follows it
ROW, CAPTION = 35.5, 27  # a row of a table, a line of a caption
SMALL = 0.8  # what the tag `dense` makes of code and tables
FIGURE, LEAST = 540, (720, 436)  # the height that a figure likes; width or height that keep its letters readable
NEVER = math.inf
DIRECTIVE = re.compile(r"\{([\w-]+)\} *(.*)")
MYST = {"amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "tasklist"}


@dataclass
class Block:
    """A piece of a chapter that stays in one piece.

    Arguments:
        cell: The cell that shows it.
        height: What it needs.
        likes: What it would like to have.
        cost: How bad a break before it is, in empty slides.
        lines: First line, and the one after the last, if it is a part of a text.
        level: Of the heading that it is, or 0.
        last: Nothing may follow on its slide.
        starts: It begins a text.
    """

    cell: NotebookNode
    height: float
    likes: float = 0.0
    cost: float = 0.0
    lines: tuple[int, int] | None = None
    level: int = 0
    last: bool = False
    starts: bool = False


@cache
def _parser() -> MarkdownIt:
    return create_md_parser(MdParserConfig(enable_extensions=MYST), RendererHTML)


def slides(nb: NotebookNode) -> list[list[Block]]:
    """Returns the slides of a chapter in the book's edition: headings down to `###` open one, and so does a break."""
    found: list[list[Block]] = []
    section: list[Block] = []
    for block in [*blocks(nb), None]:
        if block is None or block.level:
            found += _broken(section)
            section = []
        if block is not None:
            section.append(block)
    return found


def blocks(nb: NotebookNode) -> list[Block]:
    """Returns what slides show of a chapter, piece by piece."""
    return [block for cell in nb.cells for block in (_text if cell.cell_type == "markdown" else _code)(cell)]


def _broken(section: list[Block]) -> list[list[Block]]:
    """Breaks a section into slides at the least cost."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # of the first n blocks: cost, and where the last slide begins
    for end in range(1, len(section) + 1):
        choices = []
        for start in range(end):
            before = section[start].cost if start else 0.0
            choices.append((best[start][0] + before + _cost(section[start:end], continued=start > 0), start))
        best.append(min(choices))
    found, end = [], len(section)
    while end:
        start = best[end][1]
        found.insert(0, section[start:end])
        end = start
    return found


def _cost(slide: list[Block], continued: bool) -> float:
    """Says how bad a slide is: 1 for being one, and more for what is empty, tight or beside the point."""
    room = ROOM - AGAIN * continued
    height = sum(block.height for block in slide)
    likes = sum(max(block.height, block.likes) for block in slide)
    if any(block.last for block in slide[:-1]):
        return 1_000.0
    cost = 1 + 0.8 * max(0, 1 - likes / room) ** 2 + 0.8 * max(0, likes / room - 1)
    cost += 0.3 * sum(block.starts for block in slide[1:] if not slide[0].level or block is not slide[1])
    return cost + (100 + height if height > room else 0)


# Text


def _text(cell: NotebookNode) -> list[Block]:
    """Cuts a text between paragraphs, entries of lists, and boxes; never inside one."""
    kept = tags(cell)
    if "notes" in kept or "caption" in kept:
        height = 0 if "notes" in kept else _heights(cell.source, LETTERS) * CAPTION / LINE
        return [Block(cell, height, cost=NEVER)]
    found: list[Block] = []
    tokens = _parser().parse(cell.source)
    before = ""
    for token, is_item in _pieces(tokens):
        block = Block(cell, _height(token, cell.source, LETTERS), lines=(token.map[0], token.map[1]))
        block.starts = not found
        together = (is_item and before == token.type) or "math_block" in (before, token.type)
        block.cost = 0.0 if not found else 0.6 if together else 0.25
        if before in ("heading_open", "myst_target") or (found and _source(found[-1]).rstrip().endswith(":")):
            block.cost = 10.0
        if token.type == "heading_open" and token.tag in ("h1", "h2", "h3"):
            block.level = int(token.tag[1])
        objectives = token.type == "colon_fence" and bool(found) and found[0].level == 1 and len(found) == 1
        block.last = objectives or bool(re.search(r"^:class: .*\bpredict\b", _source(block), re.MULTILINE))
        found.append(block)
        before = token.type
    return found


def _pieces(tokens: list[Token]) -> list[tuple[Token, bool]]:
    """Returns the outermost tokens of a text, lists entry by entry."""
    found = []
    for token in tokens:
        if token.map is None or token.nesting < 0:
            continue
        if token.type == "list_item_open" and token.level == 1:
            found.append((token, True))
        elif token.level == 0 and token.type not in ("bullet_list_open", "ordered_list_open"):
            found.append((token, False))
    return found


def _source(block: Block) -> str:
    """Returns the text of a block."""
    return "\n".join(block.cell.source.splitlines()[slice(*block.lines)])


def _heights(source: str, letters: float) -> float:
    return sum(_height(token, source, letters) for token, _ in _pieces(_parser().parse(source)))


def _height(token: Token, source: str, letters: float) -> float:
    """Estimates the height of one piece of a text."""
    text = "\n".join(source.splitlines()[token.map[0] : token.map[1]])
    if token.type == "heading_open":
        size = {"h1": 1.6, "h2": 1.3, "h3": 1.15}.get(token.tag, 1.0)
        return size * LINE * _lines(text.lstrip("# "), letters / size) + GAP + 4
    if token.type in ("myst_target", "html_block", "myst_line_comment"):
        return 0.0
    if token.type == "list_item_open":
        inner = textwrap.dedent(re.sub(r"^\s*(?:[-*+]|\d+[.)])", lambda m: " " * len(m[0]), text))
        return _heights(inner, letters - 3) - GAP + 6
    if token.type in ("math_block", "math_block_label", "amsmath"):
        tall = len(re.findall(r"\\(?:sum|prod|int|[dt]?frac)\b", text)) > 0
        return (1 + text.count(r"\\")) * (LINE + 30 * tall) + 2 * GAP
    if token.type == "table_open":
        return text.count("\n") * ROW + GAP
    if token.type in ("fence", "code_block", "colon_fence"):
        if directive := DIRECTIVE.match(token.info):
            return _box(directive[1], directive[2], token.content, letters)
        return _printed(token.content)
    tall = 12 * text.count(r"\frac")
    return _lines(text, letters) * LINE + tall + GAP


def _box(name: str, title: str, body: str, letters: float) -> float:
    body = re.sub(r"\A(:[\w-]+:.*(\n|\Z))*\n*", "", body)
    if name == "div":
        return _heights(body, letters)
    if name == "dropdown":  # as high as when it is open
        return _lines(title, letters - 8) * LINE + _heights(body, letters - 4) + 2 * GAP
    return _lines(title or name, letters - 4) * LINE + _heights(body, letters - 4) + 24


def _lines(text: str, letters: float) -> int:
    """Counts the lines of a paragraph, its markup taken away."""
    text = re.sub(r"\{cite\}`([^`]+)`", lambda m: "[" + ", ".join(["Abcd+20"] * len(m[1].split(","))) + "]", text)
    text = re.sub(r"\{[\w:-]+\}`([^`<]+)[^`]*`", r"\1", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\$([^$]+)\$", lambda m: re.sub(r"[{}^_\\ ]", "", re.sub(r"\\[a-zA-Z]+", "x", m[1])), text)
    return max(1, len(textwrap.wrap(re.sub(r"[*`]", "", text), max(20, int(letters)))))


# Code and what it shows


def _code(cell: NotebookNode) -> list[Block]:
    """Returns code and output of a cell, apart; code that draws, loads modules or is to be written is not shown."""
    outputs = [output for output in cell.outputs if _shown(output)]
    source = "" if {"hide-input", "remove-input"} & set(tags(cell)) or has_figure(cell) else lecture_code(cell.source)
    outputs = [] if {"hide-output", "remove-output"} & set(tags(cell)) else outputs
    found = [_of_code(cell, piece) for piece in _code_pieces(source)] if source else []
    for block in found[1:]:
        block.cost = 0.3
    for part in [part for output in outputs for part in _parts(output)]:
        shown = _copy(cell, outputs=[part], tags=["remove-input"])
        block = Block(shown, *_output_heights(cell, part), cost=0.8 if found else 0.35)
        if block.height > ROOM - AGAIN and PNG not in part.get("data", {}):
            _shrink(block)
        found.append(block)
    together = sum(block.height for block in found)
    if not has_figure(cell) and SMALL * together <= ROOM - AGAIN < together:
        for block in found:  # so that code is seen with its output
            _shrink(block)
    return found


def _shrink(block: Block) -> None:
    """Gives code and tables small letters."""
    if "dense" not in tags(block.cell):
        block.cell.metadata["tags"] += ["dense"]
        block.height *= SMALL


def has_figure(cell: NotebookNode) -> bool:
    """Says whether a cell draws."""
    return any(PNG in output.get("data", {}) for output in cell.outputs)


def lecture_code(source: str) -> str:
    """Returns code without the imports that it begins with, without what else only sets a chapter up, and closer."""
    body = ast.parse(TransformerManager().transform_cell(source)).body
    if not body:
        return ""  # comments such as `# your code`
    if not isinstance(body[0], ast.Import | ast.ImportFrom):
        return re.sub(r"\n{3,}", "\n\n", source)
    lines = source.splitlines()
    kept = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]
    if all("dmlib.start(" in (ast.get_source_segment(source, node) or "") for node in kept):
        return ""
    for node in set(body) - set(kept):
        lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _code_pieces(source: str) -> list[str]:
    """Cuts code that is too long even for small letters between statements, as evenly as they allow."""
    room = (ROOM - AGAIN - 20) / SMALL
    pieces = math.ceil(_printed(source) / room)
    lines = source.splitlines()
    cuts = [0]
    starts = [node.lineno - 1 for node in ast.parse(TransformerManager().transform_cell(source)).body]
    for piece in range(1, pieces):
        aim = len(lines) * piece / pieces
        cuts.append(min([start for start in starts if start > cuts[-1]] or [cuts[-1]], key=lambda n: abs(n - aim)))
    return [
        text for start, end in itertools.pairwise([*cuts, len(lines)]) if (text := "\n".join(lines[start:end]).strip())
    ]


def _of_code(cell: NotebookNode, source: str) -> Block:
    block = Block(_copy(cell, source=source, outputs=[], tags=[]), _printed(source), cost=0.35)
    if block.height > ROOM - AGAIN - 60:
        _shrink(block)
    return block


def _copy(cell: NotebookNode, tags: list[str], **changes: object) -> NotebookNode:
    cell = copy.copy(cell)
    cell.update(id=nbformat.v4.new_code_cell().id, metadata=copy.deepcopy(cell.metadata), **changes)
    cell.metadata["tags"] = tags
    if not cell.outputs:
        cell.metadata.pop("mystnb", None)
    return cell


def _shown(output: NotebookNode) -> bool:
    return bool(output.get("text") or output.get("data"))


def _printed(text: str) -> float:
    lines = (max(1, math.ceil(len(line) / CODE_LETTERS)) for line in text.rstrip("\n").split("\n"))
    return sum(lines) * CODE_LINE + FRAME


def _output_heights(cell: NotebookNode, output: NotebookNode) -> tuple[float, float]:
    """Estimates what an output needs, and what it would like."""
    data = output.get("data", {})
    if PNG in data:
        caption = caption_of(cell, "figure").get("caption", "")
        below = (_lines("Figure 13.10. " + caption, 120) * CAPTION if caption else 0) + GAP
        width, height = Image.open(io.BytesIO(base64.b64decode(data[PNG]))).size
        likes = min(FIGURE, WIDTH * height / width)
        least = min(likes, LEAST[0] * height / width, LEAST[1])
        below += 90 if "text/html" in data else 0  # what moves it
        return least + below, likes + below
    if "text/html" in data:
        height = data["text/html"].count("<tr") * ROW + GAP
    else:
        height = _printed(output.get("text") or data.get("text/plain", ""))
    return height, height


def _parts(output: NotebookNode) -> list[NotebookNode]:
    """Cuts a table that is too long for a slide between its rows, never inside one that spans several."""
    html = output.get("data", {}).get("text/html", "")
    table = re.fullmatch(r"(.*<tbody[^>]*>)(.*)(</tbody>.*)", html, re.DOTALL)
    fits = int((ROOM - AGAIN) / SMALL / ROW) - 3  # with its head, and a caption
    if PNG in output.get("data", {}) or table is None or html.count("<tr") <= fits + 2:
        return [output]
    rows = re.findall(r"<tr.*?</tr>", table[2], re.DOTALL)
    groups: list[list[str]] = []  # rows that stay together
    covered = 0  # of the rows that follow, by a cell of one before
    for row in rows:
        groups = [*groups[:-1], [*groups[-1], row]] if covered else [*groups, [row]]
        covered = (
            max([covered, *map(int, re.findall(r'rowspan="(\d+)"', row))]) - 1 if covered or "rowspan" in row else 0
        )
    pieces = math.ceil(len(rows) / fits)
    parts: list[list[str]] = [[]]
    for group in groups:
        if len(parts[-1]) >= len(rows) / pieces:
            parts.append([])
        parts[-1] += group
    found = []
    for part in parts:
        shown = copy.deepcopy(output)
        shown.data["text/html"] = table[1] + "\n".join(part) + table[3]
        found.append(shown)
    return found
