"""Sphinx extension: an exercise is a box, its minutes stand apart from its title, its solution unfolds."""

from docutils import nodes
from sphinx.application import Sphinx


def mark_exercises(app: Sphinx, doctree: nodes.document) -> None:
    """Gives sections of exercises a class, and splits the minutes off their titles."""
    for section in doctree.findall(nodes.section):
        title = section[0]
        if title.astext().startswith("Exercise ") and isinstance(last := title[-1], nodes.Text):
            section["classes"].append("exercise")
            name, _, minutes = last.rpartition(" (")
            title[-1:] = [nodes.Text(f"{name} "), nodes.inline("", f"({minutes}", classes=["minutes"])]


def name_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Labels the fold of a solution cell as a solution, not as "cell content"."""
    for node in doctree.findall(nodes.container):
        if "tag_solution" in node.get("classes", ()):
            node["prompt_show"], node["prompt_hide"] = "Show solution", "Hide solution"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", mark_exercises)
    app.connect("doctree-read", name_solutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
