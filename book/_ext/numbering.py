"""Sphinx extension: figures are numbered by chapter, Figure 13.1, as `tools.convert` numbers them in every edition."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from tools.convert import convert, numbers


def number_figures(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replaces the numbers that Sphinx gives, which run through the whole book."""
    for docname, kinds in env.toc_fignumbers.items():
        if docname.startswith("notebooks/"):
            chapter = int(Path(docname).name[:2])
            called = numbers(convert(Path(app.srcdir) / f"{docname}.py", Path(app.srcdir)), chapter)
            for name in kinds.get("figure", {}):
                kinds["figure"][name] = tuple(map(int, re.findall(r"\d+", called[name])))
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-get-updated", number_figures, priority=900)  # after Sphinx has given its numbers
    return {"parallel_read_safe": True, "parallel_write_safe": True}
