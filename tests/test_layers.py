"""The modules of dmlib: imports run downward only, nothing private stands at the root but three, files are small."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "dmlib"
# Lowest first; a module may import those before it, and modules of one line do not import each other.
LAYERS = (
    ("_check", "_files", "_store"),
    ("compute",),
    ("events",),
    ("channels",),
    ("features",),
    ("samples",),
    ("metrics",),
    ("counting",),
    ("training",),
    ("models",),
    ("interactive", "plotting"),
    ("resonant", "nplm", "detectors"),
    ("challenge",),
    ("results",),
)
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}
PRIVATE = {"_check", "_files", "_store"}
LONGEST = 300
FILES = sorted(ROOT.rglob("*.py"))


def module_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree: ast.AST):
    """All nodes, those apart that only a type checker runs."""
    for child in ast.iter_child_nodes(tree):
        if not only_for_types(child):
            yield child
            yield from nodes(child)


def imported_modules(source: str, parts: tuple[str, ...]):
    """Yields (line, module) of every import of dmlib in a file, whose place in the package is given by parts."""
    package = ("dmlib", *parts[:-1])
    for node in nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = list(package[: len(package) + 1 - node.level]) if node.level else []
            base = start + (node.module.split(".") if node.module else [])
            names = [[*base, alias.name] for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name[1]) for name in names if name[0] == "dmlib" and len(name) > 1)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p != ROOT / "__init__.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_run_downward(path):
    module = module_of(path)
    parts = path.relative_to(ROOT).parts
    for line, other in imported_modules(path.read_text(), parts):
        downward = other == module or LEVEL[other] < LEVEL[module] or {module, other} <= PRIVATE
        assert downward, f"dmlib/{'/'.join(parts)}:{line}: {module} imports {other}, which stands above it"


def test_every_module_has_a_place_and_none_is_private_but_three():
    modules = {module_of(path) for path in FILES} - {"__init__"}
    assert modules <= set(LEVEL)
    assert {module for module in modules if module.startswith("_")} <= PRIVATE


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import dmlib.events.csv", [(1, "events")]),
        ("from dmlib import _check, metrics", [(1, "_check"), (1, "metrics")]),
        ("from dmlib.models.flows import Flow", [(1, "models")]),
        ("from . import roc", [(1, "metrics")]),
        ("from .. import samples", [(1, "samples")]),
        ("from ..counting import p_value", [(1, "counting")]),
        ("def f():\n    import dmlib.results", [(2, "results")]),
        ("if TYPE_CHECKING:\n    from dmlib import results\nelse:\n    import numpy", []),
        ("import numpy.random\nfrom dmlibrary import x\nimport dmlib", []),
    ],
)
def test_imports_of_every_form_are_seen(source, expected):
    assert list(imported_modules(source, ("metrics", "sic.py"))) == expected


def test_files_are_small():
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert not {name for name, n in lines.items() if n > LONGEST}, "split them"
