"""Sphinx extension: a module's page opens with a table of its public names, made from the docstrings."""

import inspect
from typing import Any

from sphinx.application import Sphinx


def public_names(module: Any, wanted: Any, left_out: Any) -> list[str]:
    """The classes and functions that `automodule` documents, in its order.

    Arguments:
        module: The module.
        wanted: What `:members:` names; without names, all.
        left_out: What `:exclude-members:` names.
    """
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    names = wanted if isinstance(wanted, list) else getattr(module, "__all__", own)
    left_out = left_out if isinstance(left_out, set) else ()
    values = {name: getattr(module, name) for name in names if name not in left_out}
    return [name for name, value in values.items() if inspect.isclass(value) or inspect.isroutine(value)]


def add_summary(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Ends the docstring of a module with a table of what follows on the page."""
    if what != "module" or not options.get("members"):
        return
    names = public_names(obj, options["members"], options.get("exclude-members"))
    lines += ["", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   {public}" for public in names]
    lines += [""]


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autosummary")
    app.connect("autodoc-process-docstring", add_summary, priority=900)  # after napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
