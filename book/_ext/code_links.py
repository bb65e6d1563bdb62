"""Sphinx extension: dmlib's names link to their place in the API, in code and in literals of the text.

In code blocks sphinx-codeautolink finds them. It links variables too, to the class of what they hold; only names that
the API has stay, so that a link says where it leads. In the text, a literal such as `metrics.max_sic` is such a name.
"""

import re
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

NAME = re.compile(r"(?P<root>[A-Za-z_]\w*)(?P<rest>(?:\.\w+)*)(?:\(.*\))?", re.DOTALL)
ROOTS = {"dmlib": "dmlib", "run": "dmlib.Run"}  # what the first part stands for; any other is a module of dmlib
LINK = re.compile(r'<a class="sphinx-codeautolink-a" href="([^"]+)"')


def api_name(text: str, objects: Mapping[str, Any]) -> str | None:
    """The name in the API that a literal stands for, with or without a call's arguments, or None.

    A name has two parts at least: `start` by itself, or `features`, may be anything.

    Example:
        >>> api_name("metrics.auc(a, b)", {"dmlib.metrics.auc": ...})
        'dmlib.metrics.auc'
    """
    if not (match := NAME.fullmatch(text)) or not match["rest"]:
        return None
    name = ROOTS.get(match["root"], f"dmlib.{match['root']}") + match["rest"]
    return name if name in objects else None


def link_literals(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links the literals of a page that are names of the API."""
    if app.builder.name != "html":
        return
    objects = app.env.get_domain("py").objects
    for literal in list(doctree.findall(nodes.literal)):
        name = api_name(literal.astext(), objects)
        above = (nodes.reference, nodes.title, nodes.caption)
        if name is None or any(isinstance(node, above) for node in ancestors(literal)):
            continue
        entry = objects[name]
        address = f"{app.builder.get_relative_uri(docname, entry.docname)}#{entry.node_id}"
        link = nodes.reference("", "", literal.deepcopy(), internal=True, refuri=address, classes=["api-link"])
        literal.replace_self(link)


def ancestors(node: nodes.Node) -> list[nodes.Node]:
    """Everything that a node lies in, the nearest first."""
    found = []
    while node := node.parent:
        found.append(node)
    return found


def restore_blocks(app: Sphinx) -> None:
    """Brings back the names that earlier builds found on pages that are not read again.

    The cache of sphinx-codeautolink 0.20 forgets every page whose source is not .rst.
    """
    if hasattr(app.env, "sphinx_codeautolink_transforms"):
        app.env.sphinx_codeautolink_transforms.update(getattr(app.env, "code_blocks", {}))


def keep_names(app: Sphinx, env: BuildEnvironment) -> None:
    """Drops the links of variables: a name that leads to an entry ends as the entry does."""
    env.code_blocks = getattr(env, "sphinx_codeautolink_transforms", {})
    for blocks in env.code_blocks.values():
        for block in blocks:
            block.names = [
                name
                for name in block.names
                if name.code_str.rpartition(".")[2] == name.resolved_location.rpartition(".")[2]
            ]


def finish_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Lets the Tab key stop at the first link in code to an entry only, and leaves the style to words.css.

    The stylesheet of sphinx-codeautolink is dropped; slides would name it, though it is not among their files.
    """
    styles = context["css_files"]  # names on slides, objects that hold one on pages
    styles[:] = [css for css in styles if "sphinx-codeautolink" not in str(getattr(css, "filename", css))]
    seen: set[str] = set()

    def again(match: re.Match[str]) -> str:
        if match[1] in seen:
            return f'{match[0]} tabindex="-1"'
        seen.add(match[1])
        return match[0]

    if body := context.get("body"):
        context["body"] = LINK.sub(again, body)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx_codeautolink")
    app.connect("builder-inited", restore_blocks, priority=600)  # after sphinx-codeautolink has begun anew
    app.connect("env-updated", keep_names, priority=600)  # after sphinx-codeautolink has found them
    app.connect("html-page-context", finish_page, priority=600)  # after it has drawn them
    app.connect("doctree-resolved", link_literals)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
