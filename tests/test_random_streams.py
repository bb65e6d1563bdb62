"""Random numbers come from `dmlib.compute.stream` and `seed` alone: two streams of one study then never coincide."""

import ast

import pytest

from tools.convert import ROOT, sources

# Where a stream may be made otherwise, and why.
ALLOWED = {
    "dmlib/compute/streams.py": "makes the streams",
    "dmlib/__init__.py": "start seeds the global generators, for libraries that know no other",
}
MAKERS = {"default_rng", "SeedSequence", "RandomState", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"}
GLOBAL = {"manual_seed", "manual_seed_all", "set_rng_state"}  # of torch; random.seed and numpy.random.seed are below
FOLDERS = ("dmlib", "data_scripts", "tools")
FILES = [*(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))), *sources()]


def named(node: ast.AST) -> str:
    """The dotted name of an expression; "?" stands for what is none."""
    if isinstance(node, ast.Attribute):
        return f"{named(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def from_compute(node: ast.AST | None) -> bool:
    """Says whether an expression is a call of compute.seed."""
    return isinstance(node, ast.Call) and named(node.func) in ("compute.seed", "dmlib.compute.seed")


def seeds_by_name(tree: ast.AST) -> set[str]:
    """Returns the variables that hold what compute.seed gave."""
    found = set()
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Assign) and len(node.targets) == 1):
        pairs = [(node.targets[0], node.value)]
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(node.targets[0].elts, node.value.elts, strict=False))
        found |= {target.id for target, value in pairs if isinstance(target, ast.Name) and from_compute(value)}
    return found


def own_streams(text: str) -> list[str]:
    """Returns what of a source makes random streams by itself, with the line; docstrings are no code."""
    tree = ast.parse(text)
    imported = {
        item.asname or item.name: f"{node.module}.{item.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for item in node.names
    }
    annotations = {
        inner
        for node in ast.walk(tree)
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if part is not None
        for inner in ast.walk(part)
    }
    checks = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and named(node.func) == "isinstance"
        for inner in ast.walk(node)
    }
    seeds = seeds_by_name(tree)
    passed = {
        node.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args
        if from_compute(node.args[0]) or getattr(node.args[0], "id", None) in seeds
    }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute) or node in annotations or node in checks:
            continue
        name = named(node)
        name = imported.get(name, name)
        last = name.rpartition(".")[2]
        seeds_all = name in (
            "random.seed",
            "random.Random",
            "random.SystemRandom",
            "np.random.seed",
            "numpy.random.seed",
        )
        if last in MAKERS or seeds_all or (last in GLOBAL and node not in passed):
            found.append(f"line {node.lineno}: {name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_makes_streams_of_its_own(path):
    found = own_streams(path.read_text(encoding="utf-8"))
    if path.relative_to(ROOT).as_posix() not in ALLOWED:
        assert not found, (
            f"{found}: draw from dmlib.compute.stream(seed, *path), hand on dmlib.compute.seed(seed, *path)"
        )


def test_every_exception_is_still_one():
    for name in ALLOWED:
        assert own_streams((ROOT / name).read_text(encoding="utf-8")), f"{name} needs no exception"


@pytest.mark.parametrize(
    "text",
    [
        "rng = np.random.default_rng(1)",
        "from numpy.random import default_rng\nrng = default_rng([1, 2])",
        "make = np.random.default_rng",
        "rng = np.random.Generator(np.random.PCG64(3))",
        "np.random.RandomState(1).rand()",
        "np.random.seed(1)",
        "import random\nrandom.seed(1)",
        "from random import Random\nRandom(1)",
        "torch.manual_seed(seed)",
        "torch.Generator().manual_seed(seed)",
        "torch.manual_seed(compute.seed(1) + 1)",
        "with fork_rng():\n    torch.cuda.manual_seed_all(1)",
        "np.random.SeedSequence(1).spawn(2)",
    ],
)
def test_own_streams_are_found(text):
    assert own_streams(text)


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    """>>> rng = np.random.default_rng(1)"""',
        "rng = compute.stream(1, 'toys', 3)",
        "torch.Generator().manual_seed(compute.seed(1, 'order'))",
        "start, made = compute.seed(1, 'order'), {}\ntorch.Generator().manual_seed(start)",
        "torch.manual_seed(dmlib.compute.seed(run.seed, 'weights'))",
        "def f(rng: np.random.Generator | np.random.RandomState) -> np.random.RandomState: ...",
        "isinstance(seed, np.random.RandomState)",
        "trees.fit(random_state=compute.seed(1))",
        "import random\nrandom.shuffle(x)",
    ],
)
def test_streams_from_compute_are_fine(text):
    assert own_streams(text) == []


def test_chapters_load_torch_before_start_which_seeds_it():
    for path in sources():
        lines = {"torch": None, "start": None}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import) and any(item.name.split(".")[0] == "torch" for item in node.names):
                lines["torch"] = max(lines["torch"] or 0, node.lineno)
            if isinstance(node, ast.Call) and named(node.func) == "dmlib.start":
                lines["start"] = node.lineno
        assert lines["start"], f"{path.name} never calls dmlib.start"
        assert lines["torch"] is None or lines["torch"] < lines["start"], (
            f"{path.name}: import torch before dmlib.start"
        )
