"""Sphinx extension: what a page says about the published repository, which is there only if the book has one.

With `repository.url` in _config.yml the tag `repository` is set, for paragraphs that hold only then:

:::{only} repository
Each chapter has a rocket button.
:::

The directive `{clone}` shows how to get the course from there, and nothing where there is no URL.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective


def set_tag(app: Sphinx, config: Config) -> None:
    if config.html_theme_options.get("repository_url"):
        app.tags.add("repository")


class Clone(SphinxDirective):
    """`{clone}` is the command that fetches the course."""

    def run(self) -> list[nodes.Node]:
        url = self.config.html_theme_options.get("repository_url", "").rstrip("/")
        if not url:
            return []
        folder = url.rsplit("/", 1)[-1].removesuffix(".git")
        text = f"git clone {url}\ncd {folder}"
        return [nodes.literal_block(text, text, language="bash")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect(
        "config-inited", set_tag, priority=50
    )  # before course.py drops an empty URL, and before any page is read
    app.add_directive("clone", Clone)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
