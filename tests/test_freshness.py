"""What makes a chapter stale: code that it runs, tables and samples that it names; and what does not."""

import ast
import re
import shutil
import textwrap

import pytest

from tools.convert import ROOT, convert, sources
from tools.freshness import fingerprint

CHAPTER = """\
# %%
import dmlib
from dmlib import metrics, results
from dmlib.search import Finder

run = dmlib.start()

# %%
metrics.auc([1, 2]), Finder(3).find();

# %%
def twice(x):
    \"\"\"Two of them.\"\"\"
    return 2 * x  # a comment

table = results.load("table")
"""

FILES = {
    "dmlib/__init__.py": '''
        """The package."""
        import importlib
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from . import other

        def __getattr__(name):
            return importlib.import_module(f"dmlib.{name}")

        def start():
            from . import compute
            return compute.seed(1)
        ''',
    "dmlib/compute.py": """
        BITS = 32

        def seed(x):
            return x % 2**BITS

        def unused():
            return 1
        """,
    "dmlib/metrics/__init__.py": '''
        """Figures of merit."""
        from dmlib.compute import unused as imported_only
        from .roc import area
        from .sic import sic
        from . import tables

        def auc(x, name: tables.Name = "auc"):
            """The area."""
            sic = area(x)  # a variable, not the function of that name
            return [sic for sic in [sic]]

        def other(x):
            return sic(x)
        ''',
    "dmlib/metrics/roc.py": '''
        def area(x):
            return _sum(x)

        def _sum(x):
            """Adds up."""
            # one by one
            return sum(x)
        ''',
    "dmlib/metrics/sic.py": "def sic(x):\n    return 'lhco/background', x\n",
    "dmlib/metrics/tables.py": "class Name(str):\n    pass\n",
    "dmlib/search.py": """
        from . import base, register
        from .metrics.roc import area as surface

        class Finder(base.Method):
            depth: int = base.DEPTH

            def __init__(self, n):
                self.n = n

            def find(self):
                return self.helper(surface([self.n])), "dimuon/drell-yan"

            def helper(self, x):
                return x

        class Another(base.Method):
            pass
        """,
    "dmlib/base.py": """
        DEPTH, WIDTH = 3, 4

        class Method:
            def fit(self):
                return load_later()

        def load_later():
            return 0
        """,
    "dmlib/register.py": "KNOWN = {}\nKNOWN['one'] = len\n\ndef unused():\n    return 2\n",
    "dmlib/results.py": "def load(name):\n    return name\n\ndef names():\n    return []\n",
    "dmlib/samples.py": "def load(name):\n    return ['toy/one', 'dimuon/x', 'lhco/x']\n",
    "dmlib/other.py": "def load():\n    return 1\n",
    "dmlib/data/results/table.csv": "a\n1\n",
    "dmlib/data/results/second.csv": "a\n1\n",
    "dmlib/data/results/study.json": '{"tables": ["table"], "machine": "mine"}',
    "dmlib/data/results/more.json": '{"tables": ["second"]}',
    "dmlib/data/dimuon/card.json": "{}",
    "dmlib/data/lhco/card.json": "{}",
    "dmlib/data/toy/card.json": "{}",
    "notebooks/01-toy.py": CHAPTER,
}


@pytest.fixture
def book(tmp_path):
    """A chapter over a small package."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text if name.startswith("notebooks") else textwrap.dedent(text).lstrip("\n"))
    return tmp_path


def changed(book, file, old, new):
    """Says whether an edit makes the chapter stale."""
    source, path = book / "notebooks/01-toy.py", book / file
    before, text = fingerprint(convert(source, book), book), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return fingerprint(convert(source, book), book) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("notebooks/01-toy.py", "2 * x", "3 * x"),
        ("notebooks/01-toy.py", "find();", "find()"),  # the value is shown
        ("dmlib/__init__.py", "seed(1)", "seed(2)"),
        ("dmlib/compute.py", "x % 2", "x % 3"),
        ("dmlib/compute.py", "BITS = 32", "BITS = 16"),
        ("dmlib/metrics/__init__.py", "sic = area(x)", "sic = 2 * area(x)"),
        ("dmlib/metrics/__init__.py", '"auc"', '"AUC"'),  # a default value
        ("dmlib/metrics/roc.py", "return sum(x)", "return max(x)"),
        ("dmlib/search.py", "self.n = n", "self.n = n + 1"),
        ("dmlib/search.py", "        return x\n", "        return -x\n"),  # which method is called cannot be told
        ("dmlib/base.py", "DEPTH, WIDTH = 3", "DEPTH, WIDTH = 5"),
        ("dmlib/base.py", "return load_later()", "return 7"),
        ("dmlib/base.py", "return 0", "return 1"),
        ("dmlib/register.py", "= len", "= max"),  # what an import does counts
        ("dmlib/results.py", "return name", "return name + 'x'"),
        ("dmlib/data/results/table.csv", "1", "2"),
        ("dmlib/data/results/study.json", "mine", "yours"),
        ("dmlib/data/dimuon/card.json", "{}", "[]"),
    ],
)
def test_what_the_chapter_runs_makes_it_stale(book, file, old, new):
    assert changed(book, file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("notebooks/01-toy.py", "# a comment", "# another"),
        ("notebooks/01-toy.py", "Two of them", "Both"),
        ("notebooks/01-toy.py", "[1, 2]), ", "[1,2]),\\\n    "),
        ("notebooks/01-toy.py", "# %%\nmetrics", "# %% [markdown]\n# Prose.\n\n# %%\nmetrics"),
        ("dmlib/__init__.py", "The package", "A package"),
        ("dmlib/__init__.py", "import other", "import other, compute"),
        ("dmlib/compute.py", "return 1", "return 2"),
        ("dmlib/metrics/__init__.py", "The area", "The surface"),
        ("dmlib/metrics/__init__.py", "name: tables.Name", "name: str"),
        ("dmlib/metrics/__init__.py", "return sic(x)", "return sic(2 * x)"),
        ("dmlib/metrics/roc.py", "Adds up.", "Adds."),
        ("dmlib/metrics/roc.py", "# one by one", "#"),
        ("dmlib/metrics/roc.py", "def _sum", "\n\ndef _sum"),
        ("dmlib/metrics/roc.py", "sum(x)\n", "sum(\n        x,\n    )\n"),
        ("dmlib/metrics/sic.py", "lhco/background", "lhco/signal"),
        ("dmlib/metrics/tables.py", "pass", "x = 1"),
        ("dmlib/search.py", "    pass", "    depth = 4"),
        ("dmlib/register.py", "return 2", "return 3"),
        ("dmlib/results.py", "return []", "return [1]"),
        ("dmlib/other.py", "return 1", "return 2"),
        ("dmlib/data/results/second.csv", "1", "2"),
        ("dmlib/data/results/more.json", "second", "third"),
        ("dmlib/data/lhco/card.json", "{}", "[]"),
        ("dmlib/data/toy/card.json", "{}", "[]"),
    ],
)
def test_what_it_does_not_run_leaves_it_fresh(book, file, old, new):
    assert not changed(book, file, old, new)


@pytest.mark.parametrize(
    ("code", "stale"),
    [
        ('results.load("second")', True),
        ('results.load(name="second")', True),
        ('import dmlib.results as r\nr.load("second")', True),
        ('from dmlib.results import load\nload("second")', True),
        ('for name in ["x"]: results.load(name)', True),
        ('results.load(f"sec{1}")', True),
        ('read = results.load\nread("second")', True),
        ('def f():\n    import dmlib\n    return dmlib.results.load("second")', True),
        ('x = "second"', False),
        ('results.names("second")', False),
    ],
)
def test_a_table_counts_where_it_is_loaded_or_where_a_name_is_computed(book, code, stale):
    source = book / "notebooks/01-toy.py"
    source.write_text(CHAPTER + "\n# %%\n" + code + "\n")
    assert changed(book, "dmlib/data/results/second.csv", "1", "2") == stale


def test_a_table_loaded_by_reached_code_counts(book):
    area = "from dmlib.results import load\n\ndef area(x):\n    return load('second')\n"
    (book / "dmlib/metrics/roc.py").write_text(area)
    assert changed(book, "dmlib/data/results/second.csv", "1", "2")


@pytest.mark.parametrize("code", ["'lhco/signal'", "metrics.other", "f'lhco/{1}'", "getattr(metrics, 'other')(1)"])
def test_a_sample_counts_where_reached_code_names_it(book, code):
    source = book / "notebooks/01-toy.py"
    source.write_text(CHAPTER + f"\n# %%\n{code}\n")
    assert changed(book, "dmlib/data/lhco/card.json", "{}", "[]")


def test_a_sample_that_a_docstring_names_does_not_count(book):
    (book / "dmlib/metrics/roc.py").write_text('def area(x):\n    """Of lhco/signal."""\n    return x\n')
    assert not changed(book, "dmlib/data/lhco/card.json", "{}", "[]")


def test_the_catalogue_names_all_samples_and_asks_for_none(book):
    source = book / "notebooks/01-toy.py"
    source.write_text(CHAPTER + "\n# %%\ndmlib.samples.load('dimuon/x')\n")
    assert not changed(book, "dmlib/data/toy/card.json", "{}", "[]")
    assert changed(book, "dmlib/samples.py", "'toy/one'", "'toy/two'")


@pytest.mark.parametrize(
    "code",
    [
        "import dmlib.other\ndmlib.other.load()",
        "import dmlib.other as o\no.load()",
        "from dmlib import other\nother.load()",
        "from dmlib.other import load\nload()",
        "from dmlib.other import load as read\nread()",
        "import dmlib as d\nd.other.load()",
        "def f():\n    import dmlib\n    return dmlib.other.load()",
        "def f():\n    from dmlib.other import load\n    return map(load, [])",
        "from dmlib import other\nvars(other)",
        "from dmlib import other\ngetattr(other, 'load')",
        "from dmlib import other\nother.__all__",
    ],
)
def test_every_way_of_using_code_is_followed(book, code):
    assert not changed(book, "dmlib/other.py", "return 1", "return 2")
    source = book / "notebooks/01-toy.py"
    source.write_text(CHAPTER + "\n# %%\n" + code + "\n")
    assert changed(book, "dmlib/other.py", "return 2", "return 3")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the package and the chapters, without the events; a function that gives the chapters' fingerprints."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("dmlib", "notebooks"):
        shutil.copytree(
            ROOT / folder, root / folder, ignore=shutil.ignore_patterns("*.parquet", "*.ipynb", "__pycache__")
        )
    chapters = {source.stem: convert(source, root) for source in sources(root)}
    return root, lambda: {name: fingerprint(nb, root) for name, nb in chapters.items()}


def stale_after(tree, edit, *paths):
    """Edits copies of real files, returns the stale chapters, and takes the edit back."""
    fingerprints = tree[1]
    before = fingerprints()
    texts = {path: path.read_text() for path in paths}
    try:
        for path, text in texts.items():
            path.write_text(edit(text))
        after = fingerprints()
    finally:
        for path, text in texts.items():
            path.write_text(text)
    return {name for name in before if before[name] != after[name]}


def that_say(*patterns):
    return {path.stem for path in sources() if any(re.search(pattern, path.read_text()) for pattern in patterns)}


def test_comments_and_docstrings_of_dmlib_make_nothing_stale(tree):
    modules = sorted((tree[0] / "dmlib").rglob("*.py"))

    def edit(text):
        text = re.sub(r'("""\w.*?)(\n|""")', r"\1 More words.\2", text)
        return "# A comment.\n" + text

    assert stale_after(tree, edit, *modules) == set()


def test_a_stored_table_makes_those_stale_that_load_it(tree):
    for name in ("claims", "nplm-benchmarks", "outliers"):  # the last within dmlib, too
        users = that_say(rf'results\.load\(\s*"{name}"' + (r"|results\.pairs\(" if name == "outliers" else ""))
        table = tree[0] / f"dmlib/data/results/{name}.csv"
        assert users and stale_after(tree, lambda text: text + " ", table) == users


def test_a_function_makes_those_stale_that_use_it(tree):
    def edit(text):
        body = next(node for node in ast.parse(text).body if getattr(node, "name", "") == "interval").body
        lines = text.splitlines()
        lines.insert(body[-1].lineno - 1, "    level = level / 2")
        return "\n".join(lines)

    assert stale_after(tree, edit, tree[0] / "dmlib/resonant/interval.py") == that_say(r"resonant\.interval\(")


def test_what_every_chapter_runs_makes_all_stale(tree):
    edit = lambda text: text.replace("random.seed(run.seed)", "random.seed(run.seed + 1)")  # noqa: E731
    assert stale_after(tree, edit, tree[0] / "dmlib/__init__.py") == {source.stem for source in sources()}
