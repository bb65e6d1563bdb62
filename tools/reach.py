"""Which code of dmlib a piece of code can run: names followed from function to function, within and across modules.

The unit is a definition at the top level of a module: a function, a class as a whole (which of its methods an object
is asked for cannot be told), an assignment. What a module does when it is imported, beyond defining names, belongs to
all that is used of it. A name that cannot be resolved stands for its whole module.
"""

import ast
import hashlib
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = "dmlib"
IMPORT = ""  # the unit of what a module does when it is imported
_NOT_CODE = ("ctx", "kind", "type_comment", "type_ignores", "returns")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Unit(NamedTuple):
    """A definition: the module's dotted name and its own, which is empty for what the import itself does."""

    module: str
    name: str


def plain(node: object) -> object:
    """Returns a syntax tree as tuples, alike for code that does alike on every version of Python.

    Comments, formatting, docstrings and the annotations of functions are not in it.
    """
    if isinstance(node, list):
        return [plain(part) for part in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name in _NOT_CODE or value is None or value == [] or (isinstance(node, ast.arg) and name == "annotation"):
            continue
        if name == "body" and isinstance(node, _SCOPES):
            value = [statement for statement in value if not _is_text(statement)]
        fields.append((name, plain(value)))
    return type(node).__name__, fields


def _is_text(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str)


class Name(NamedTuple):
    """A module's dotted name, and the names asked of it from there on."""

    module: str
    rest: tuple[str, ...] = ()


class Use(NamedTuple):
    """A name with the attributes asked of it, and the call that is made of it, if one is."""

    root: str
    attributes: list[str]
    call: ast.Call | None


def _uses(node: ast.AST, call: ast.Call | None = None) -> Iterator[Use]:
    """Yields the names that code uses; those in annotations say and do not do."""
    inner, attributes = node, []
    while isinstance(inner, ast.Attribute):
        attributes.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        yield Use(inner.id, attributes[::-1], call)
        return
    skipped: list[ast.AST | None] = [getattr(node, name, None) for name in ("annotation", "returns")]
    if isinstance(node, ast.Call):
        yield from _uses(node.func, node)
        skipped.append(node.func)
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _uses(child)


def _imports(nodes: Iterable[ast.AST], package: str) -> dict[str, Name]:
    """Returns what each local name stands for that import statements anywhere in the nodes bind."""
    found = {}
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            for item in node.names:
                first = item.name.partition(".")[0]
                found[item.asname or first] = Name(item.name if item.asname else first)
                found[f"{item.name} "] = Name(item.name)  # no name that code can use: it is imported all the same
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.update({item.asname or item.name: Name(base, (item.name,)) for item in node.names})
    return {local: name for local, name in found.items() if name.module.split(".")[0] == PACKAGE}


class Part:
    """Statements that belong together: those that bind a name, or what a module does when it is imported.

    Arguments:
        code: The statements.
        package: Where relative imports in them start.
        known: The names in them that are the module's own, not those of variables; None: all.
    """

    def __init__(self, code: list[ast.stmt], package: str = "", known: set[str] | None = None):
        self.code, self.package, self.known = code, package, known

    @cached_property
    def digest(self) -> str:
        """What the statements do, as a hash."""
        return hashlib.sha256(repr(plain(self.code)).encode()).hexdigest()

    @cached_property
    def strings(self) -> list[str]:
        """The strings in them, but for docstrings."""
        nodes = [inner for node in self.code for inner in ast.walk(node)]
        inside = (statement for node in nodes if isinstance(node, _SCOPES) for statement in node.body)
        prose = {id(statement.value) for statement in inside if isinstance(statement, ast.Expr) and _is_text(statement)}
        constants = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in prose)
        return [node.value for node in constants if isinstance(node.value, str)]

    @cached_property
    def imports(self) -> dict[str, Name]:
        """What the names stand for that are imported in them."""
        return _imports(self.code, self.package)

    @cached_property
    def uses(self) -> list[Use]:
        """The names used in them."""
        found = (use for node in self.code for use in _uses(node))
        return [use for use in found if self.known is None or use.root in self.known or use.root in self.imports]


@dataclass
class Module:
    """A module taken apart."""

    imports: dict[str, Name]
    parts: dict[str, Part]
    on_import: Part


def _globals(table: symtable.SymbolTable) -> set[str]:
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return own.union(*map(_globals, table.get_children()))


def _outside(node: ast.stmt) -> Iterator[ast.AST]:
    """Yields what of a definition is computed outside it: decorators, base classes, default values."""
    yield from [*getattr(node, "decorator_list", []), *getattr(node, "bases", []), *getattr(node, "keywords", [])]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from [value for value in (*node.args.defaults, *node.args.kw_defaults) if value is not None]


@lru_cache(maxsize=1024)
def _parsed(path: Path, name: str, changed: int) -> Module:
    text = path.read_text()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    scopes: dict[str, set[str]] = {}
    for table in symtable.symtable(text, str(path), "exec").get_children():
        scopes.setdefault(table.get_name(), set()).update(_globals(table))
    body = [node for node in ast.parse(text).body if not (isinstance(node, ast.If) and _for_typing(node.test))]
    parts: dict[str, Part] = {}
    on_import = Part([], package)
    for node in body:
        if isinstance(node, _SCOPES):
            known = scopes[node.name] | {use.root for part in _outside(node) for use in _uses(part)}
            parts.setdefault(node.name, Part([], package, set())).code.append(node)
            parts[node.name].known |= known
        elif not isinstance(node, ast.Import | ast.ImportFrom) and not _is_text(node):
            simple = isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
            targets = (getattr(node, "targets", None) or [node.target]) if simple else [node]
            for bound in {bound for target in targets for bound in _bound(target)}:
                part = parts.setdefault(bound, Part([], package))
                part.code.append(node)
                part.known = None
            if not simple or not all(isinstance(target, ast.Name | ast.Tuple) for target in targets):
                on_import.code.append(node)
    return Module(_imports([node for node in body if not isinstance(node, _SCOPES)], package), parts, on_import)


def _bound(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, _SCOPES):
            yield inner.name


def _for_typing(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


class Reach:
    """What a piece of code can run.

    Arguments:
        code: A part outside dmlib, a chapter.
        root: The folder with `dmlib/` in it.
        loader: A function whose calls are of interest: the first argument of each is noted.

    Attributes:
        parts: Every unit reached.
        arguments: The constants that the loader is called with; None among them is one that is computed.
    """

    def __init__(self, code: Part, root: Path, loader: Unit):
        self.root, self.loader = root, loader
        self.parts: dict[Unit, Part] = {}
        self.arguments: set[str | None] = set()
        self._modules: dict[str, Module | None] = {}
        self._waiting: list[Unit] = []
        self._follow(code, Unit("", IMPORT))
        while self._waiting:
            unit = self._waiting.pop()
            module = self._module(unit.module)
            if unit in self.parts or module is None:
                continue
            self.parts[unit] = module.on_import if unit.name == IMPORT else module.parts[unit.name]
            self._follow(self.parts[unit], unit)

    def _module(self, name: str) -> Module | None:
        if name not in self._modules:
            base = self.root.joinpath(*name.split("."))
            path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
            found = bool(name) and path.exists()
            self._modules[name] = _parsed(path, name, path.stat().st_mtime_ns) if found else None
        return self._modules[name]

    def _follow(self, part: Part, unit: Unit) -> None:
        """Notes what a part uses, and what is imported with it."""
        module = self._module(unit.module) or Module({}, {}, part)
        imported = [Name(unit.module), *part.imports.values()]
        imported += module.imports.values() if unit.name == IMPORT else []
        self._waiting += [unit for name in imported for unit in self._on_the_way(name)]
        for use in part.uses:
            if use.root in part.imports:
                units = self._named(part.imports[use.root], use.attributes)
            elif use.root in module.parts:
                units = [Unit(unit.module, use.root)]
            elif use.root in module.imports:
                units = self._named(module.imports[use.root], use.attributes)
            else:
                continue
            if self.loader in units:
                self.arguments.add(_first_argument(use.call))
            self._waiting += units

    def _on_the_way(self, name: Name) -> list[Unit]:
        """Returns the imports that importing a name makes: of its module and the packages above."""
        names = [*name.module.split("."), *name.rest]
        above = (".".join(names[:n]) for n in range(1, len(names) + 1))
        return [Unit(name, IMPORT) for name in above if self._module(name) is not None]

    def _named(self, name: Name, attributes: Iterable[str] = ()) -> list[Unit]:
        """Returns the units behind a name, following what modules import from one another."""
        place, rest = name.module, [*name.rest, *attributes]
        while (module := self._module(place)) is not None and rest:
            behind = module.imports.get(rest[0])
            if rest[0] in module.parts:
                return [Unit(place, rest[0])]
            if behind is not None and behind != Name(place, (rest[0],)):
                return self._named(behind, rest[1:])
            if self._module(f"{place}.{rest[0]}") is None:
                break
            place, rest = f"{place}.{rest[0]}", rest[1:]
        if module is None:
            return []
        # The module as a whole: it is handed on, or asked for a name that is not written in it.
        behind = [name for local, name in module.imports.items() if " " not in local and name != Name(place, (local,))]
        return [*(Unit(place, part) for part in module.parts), *(unit for name in behind for unit in self._named(name))]


def _first_argument(call: ast.Call | None) -> str | None:
    given = [*call.args, *(keyword.value for keyword in call.keywords)] if call else []
    return given[0].value if given and isinstance(given[0], ast.Constant) else None
