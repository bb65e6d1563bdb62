"""What every chapter keeps to, as rules that look at an executed notebook and yield what is wrong with it."""

import ast
import base64
import re
from collections.abc import Callable, Iterator

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from tools.convert import dumps, tags
from tools.outputs import PNG

IMAGE_BYTES, NOTEBOOK_BYTES = 80_000, 600_000
KNOWN_TAGS = {"check", "colab", "exercise", "notes", "solution", "nbval-check-output", "remove-cell", "hide-cell"} | {
    f"{verb}-{part}" for verb in ("hide", "remove") for part in ("input", "output")
}
NOT_KEPT = {
    "terminal colours": r"\x1b\[",
    "a progress bar": r"\r|\bit/s\b|\d%\|",
    "a warning": r"\b\w*Warning\b",
    "an absolute path": r"(?<![\w.:/])/(?:home|root|Users|tmp|work|usr|opt|var|private|mnt|content)/|\b[A-Z]:\\\w",
    "a time": r"\b(?:Wall time|CPU times|per loop|elapsed)\b|\btook \d",
    "an address in memory": r"\b0x[0-9a-f]{8,}\b",
}
Rule = Callable[[NotebookNode], Iterator[str]]


def _code(nb: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Returns the code cells with the numbers that they show."""
    return list(enumerate((cell for cell in nb.cells if cell.cell_type == "code"), start=1))


def _texts(nb: NotebookNode) -> list[str]:
    return [cell.source for cell in nb.cells if cell.cell_type == "markdown"]


def _python(cell: NotebookNode) -> list[ast.AST]:
    return list(ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))))


def _tagged(nb: NotebookNode, tag: str) -> list[tuple[int, NotebookNode]]:
    return [(number, cell) for number, cell in _code(nb) if tag in tags(cell)]


def executed(nb: NotebookNode) -> Iterator[str]:
    """Every code cell was run once, in order, without an error."""
    for number, cell in _code(nb):
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"code cell {number} failed"
        if cell.execution_count != number:
            yield f"code cell {number} was not executed in order (its count is {cell.execution_count})"


def opening(nb: NotebookNode) -> Iterator[str]:
    """A title, and an admonition with the objectives and the time that the chapter takes."""
    texts = _texts(nb)
    if not texts or not texts[0].startswith("# "):
        yield "the first cell is no text with a '# ' title"
    box = re.search(r"^:::+\{admonition\}.*?^:::", "\n".join(texts[:2]), re.DOTALL | re.MULTILINE)
    if box is None:
        yield "no :::{admonition} opens the chapter"
    elif not re.search(r"^- ", box[0], re.MULTILINE) or "Time:" not in box[0]:
        yield "the opening admonition lacks objectives ('- ...') or 'Time: ...'"


def closing(nb: NotebookNode) -> Iterator[str]:
    """A list of what to remember."""
    if not re.search(r"^## What to remember\n+- ", "\n\n".join(_texts(nb)), re.MULTILINE):
        yield "no '## What to remember' with a list"


def exercises(nb: NotebookNode) -> Iterator[str]:
    """At least one exercise; each has a title, minutes, a value to expect, and an answer in code and in words."""
    missing: dict[str, str] = {}  # of the exercise that is open: what was not met yet -> the complaint
    found = 0
    for cell in [*nb.cells, nbformat.v4.new_markdown_cell("## End")]:
        solution = "solution" in tags(cell)
        if cell.cell_type == "code":
            if solution:
                missing.pop("code", None)
            continue
        if solution and "{dropdown} Answer" in cell.source:
            missing.pop("words", None)
        # A cell may close one exercise and open the next: its parts are read heading by heading.
        for part in re.split(r"^(?=#{2,4} )", cell.source, flags=re.MULTILINE) if not solution else []:
            heading = part.partition("\n")[0]
            if re.match(r"#{2,4} ", heading):
                yield from missing.values()
                missing = {}
            if re.match(r"#+ Exercise\b", heading):
                found += 1
                if not re.fullmatch(r"### Exercise \d+\.\d+: \S.* \(\d+ min\)", heading):
                    yield f"'{heading}' is not of the form '### Exercise 1: Title (10 min)'"
                missing = {
                    "value": f"'{heading}' lacks a line '**Expect:** ...' with the value to expect",
                    "code": f"no solution in code follows '{heading}'",
                    "words": f"no answer in words (:::{{dropdown}} Answer, tagged solution) follows '{heading}'",
                }
            if re.search(r"^\*\*Expect:\*\* \S", part, re.MULTILINE):
                missing.pop("value", None)
    if not found:
        yield "no exercise"


def checks(nb: NotebookNode) -> Iterator[str]:
    """At least two check cells, each with an assertion."""
    cells = _tagged(nb, "check")
    if len(cells) < 2:
        yield f"{len(cells)} check cells; at least two"
    for number, cell in cells:
        if not any(isinstance(node, ast.Assert) for node in _python(cell)):
            yield f"check cell {number} asserts nothing"


def figures(nb: NotebookNode) -> Iterator[str]:
    """Every figure has a caption, a name and a text for those who do not see it, and is small."""
    names: list[str] = []
    for number, cell in _code(nb):
        pictures = [o.data[PNG] for o in cell.outputs if PNG in o.get("data", {})]
        if not pictures:
            continue
        shown = cell.metadata.get("mystnb", {})
        names.append(shown.get("figure", {}).get("name", ""))
        if not shown.get("figure", {}).get("caption"):
            yield f"the figure of code cell {number} has no caption"
        if not names[-1].startswith("fig-"):
            yield f"the figure of code cell {number} has no name that begins with fig-"
        if not shown.get("image", {}).get("alt"):
            yield f"the figure of code cell {number} has no alt text"
        if len(pictures) > 1:
            yield f"code cell {number} shows {len(pictures)} figures under one caption"
        for size in (len(base64.b64decode(picture)) for picture in pictures):
            if size > IMAGE_BYTES:
                yield f"a figure of code cell {number} weighs {size / 1e3:.0f} kB; at most {IMAGE_BYTES / 1e3:.0f}"
    for name in {name for name in names if name and names.count(name) > 1}:
        yield f"two figures are named {name}"


def clean(nb: NotebookNode) -> Iterator[str]:
    """No kept output holds what belongs to one run or one machine."""
    for number, cell in _code(nb):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                yield f"code cell {number} wrote to stderr: {output.text[:80]!r}"
            data = output.get("data", {})
            for text in [output.get("text", ""), *(data[k] for k in ("text/plain", "text/html") if k in data)]:
                for what, pattern in NOT_KEPT.items():
                    if (match := re.search(pattern, text)) is not None:
                        yield f"the output of code cell {number} holds {what}: {match[0]!r}"


def compared(nb: NotebookNode) -> Iterator[str]:
    """Cells whose output is compared literally have one, and train nothing; tags are spelled right."""
    for number, cell in _code(nb):
        for tag in set(tags(cell)) - KNOWN_TAGS:
            yield f"code cell {number} has the unknown tag {tag}"
    for number, cell in _tagged(nb, "nbval-check-output"):
        if not any(o.get("text") or "text/plain" in o.get("data", {}) for o in cell.outputs):
            yield f"code cell {number} is to be compared and has no text to compare"
        calls = [node.func for node in _python(cell) if isinstance(node, ast.Call)]
        named = {getattr(function, "attr", getattr(function, "id", "")) for function in calls}
        for name in sorted(named & {"fit", "fit_predict", "fit_transform", "fit_models", "train", "scan"}):
            yield f"code cell {number} calls {name}: guard a trained number by a band, not literally"


def small(nb: NotebookNode) -> Iterator[str]:
    """The whole notebook is small."""
    size = len(dumps(nb).encode())
    if size > NOTEBOOK_BYTES:
        yield f"the notebook weighs {size / 1e3:.0f} kB; at most {NOTEBOOK_BYTES / 1e3:.0f}"


RULES: tuple[Rule, ...] = (executed, opening, closing, exercises, checks, figures, clean, compared, small)


def complaints(nb: NotebookNode) -> list[str]:
    """Returns what is wrong with an executed notebook."""
    return [complaint for rule in RULES for complaint in rule(nb)]
