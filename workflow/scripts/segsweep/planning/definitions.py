"""What a module defines, and what each definition uses: read from its syntax tree, without importing it.

A *definition* is a top-level function, a class or an assignment of names. What it does is what is left of its syntax
tree without

- comments, docstrings and formatting,
- annotations (those of a class's fields stay: they make fields of dataclasses),
- imports for type checkers, and `if __name__ == "__main__"`,
- texts for people: a `raise` counts by its exception's type only, an `if` that only raises `InputError` not at all
  (a training that came to its end never took it), and strings that are prose are left out with all that is
  formatted into them.
"""

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Two words with a blank or a short word between them; `->` is part of einsum's texts.
PROSE = re.compile(r"[A-Za-z]{2,}[,;:.]? (?:\w )?[A-Za-z]{2,}")
WORD = re.compile(r"[A-Za-z]{2,}")
# Split, so that this line is not itself rid of it.
NO_TYPE_PARAMETERS = ", type_params" + "=[]"
REFUSAL = "InputError"
VALIDATORS = {"field_validator", "model_validator", "field_serializer", "model_serializer"}
SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(slots=True)
class Definition:
    """A definition.

    Attributes:
        hash: of what it does.
        uses: dotted names that it takes from its module, as written: `build`, `run_state.restore`.
        imports: names that imports inside of it bind: (module, name in it or "").
    """

    hash: str
    uses: list[str] = field(default_factory=list)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)

    def as_json(self) -> list[Any]:
        """All of it in JSON's types."""
        return [self.hash, self.uses, self.imports]


@dataclass(slots=True)
class Module:
    """What a file defines.

    Attributes:
        definitions: by name.
        methods: of each class what its methods do that check nothing, and its revision: all that counts of settings.
        bases: dotted names of the base classes of each class.
        imports: names that imports at the top bind: (module, name in it or "").
        statements: what is run besides, when the module is imported.
        tree: hash of all of it, texts for people included, docstrings not.
        kinds: kinds of components that it asks the registry for: `registry.classes("metric")`.
        decorated: definitions with a decorator, which may keep what it decorates.
    """

    definitions: dict[str, Definition]
    methods: dict[str, Definition]
    bases: dict[str, list[str]]
    imports: dict[str, tuple[str, str]]
    statements: Definition
    tree: str
    kinds: list[str]
    decorated: list[str] = field(default_factory=list)

    def as_json(self) -> list[Any]:
        """All of it in JSON's types."""
        plain = [{name: one.as_json() for name, one in part.items()} for part in (self.definitions, self.methods)]
        return [*plain, self.bases, self.imports, self.statements.as_json(), self.tree, self.kinds, self.decorated]

    @classmethod
    def from_json(cls, values: list[Any]) -> "Module":
        """What `as_json` gave."""
        parts = [{name: Definition(*one) for name, one in part.items()} for part in values[:2]]
        return cls(*parts, values[2], values[3], Definition(*values[4]), *values[5:])

    def all_imports(self) -> set[tuple[str, str]]:
        """What it imports anywhere: (module, name in it or "")."""
        parts = [self.imports, self.statements.imports, *(one.imports for one in self.definitions.values())]
        return {tuple(target) for part in parts for target in part.values()}


def read_module(text: str, name: str, *, is_package: bool) -> Module:
    """What a module defines.

    Args:
        text: its source.
        name: its dotted name, to which relative imports refer.
        is_package: whether it is the `__init__.py` of a package.

    Raises:
        SyntaxError: the text is no Python.
    """
    tree = ast.parse(text)
    package = name if is_package else name.rpartition(".")[0]
    bodies: dict[str, list[ast.stmt]] = {}
    rest: list[ast.stmt] = []
    imports: dict[str, tuple[str, str]] = {}
    classes: dict[str, ast.ClassDef] = {}
    whole, kinds = tree_hash(tree), sorted(set(_kinds(tree)))
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports |= _imported(statement, package)
        elif names := _defined(statement):
            if isinstance(statement, ast.ClassDef):
                classes[statement.name] = statement
            for one in names:
                bodies.setdefault(one, []).append(statement)
        elif not _never_run(statement):
            rest.append(statement)
            for inner in ast.walk(statement):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    imports |= _imported(inner, package)
    clean = _Clean()
    cleaned = {id(one): clean.visit(one) for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom)}
    return Module(
        {one: _definition([cleaned[id(node)] for node in nodes], package) for one, nodes in bodies.items()},
        {one: _definition(_methods(cleaned[id(node)]), package) for one, node in classes.items()},
        {one: [chain for base in node.bases if (chain := _chain(base))] for one, node in classes.items()},
        imports,
        _definition([cleaned[id(node)] for node in rest if cleaned[id(node)] is not None], package),
        whole,
        kinds,
        [one.name for one in tree.body if getattr(one, "decorator_list", None)],
    )


def _defined(statement: ast.stmt) -> list[str]:
    """Names that a statement at the top defines; none of one that does something else."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    else:
        return []
    names = []
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            while isinstance(part, ast.Subscript | ast.Attribute | ast.Starred):
                part = part.value
            if not isinstance(part, ast.Name):
                return []
            names.append(part.id)
    return names


def _never_run(statement: ast.stmt) -> bool:
    """Whether a statement at the top is for type checkers, for the command line, or a text."""
    if isinstance(statement, ast.If):
        test = ast.unparse(statement.test)
        return test in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _imported(statement: ast.Import | ast.ImportFrom, package: str) -> dict[str, tuple[str, str]]:
    """Names that an import binds, and to what."""
    if isinstance(statement, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: (
                (alias.name, "") if alias.asname else (alias.name.partition(".")[0], "")
            )
            for alias in statement.names
        }
    parts = package.split(".")
    start = ".".join(parts[: len(parts) - statement.level + 1]) if statement.level else ""
    module = ".".join(filter(None, (start, statement.module)))
    return {
        f"*{module}" if alias.name == "*" else alias.asname or alias.name: (module, alias.name)
        for alias in statement.names
    }


def _methods(node: ast.ClassDef) -> list[ast.stmt]:
    """The methods of a class that are no validators of pydantic's, and its revision."""
    return [
        one
        for one in node.body
        if (
            isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            and not any(_chain(_called(each)).rpartition(".")[2] in VALIDATORS for each in one.decorator_list)
        )
        or "revision" in _defined(one)
    ]


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _definition(statements: list[ast.stmt], package: str) -> Definition:
    uses = _Uses(package)
    for statement in statements:
        uses.collect(statement, frozenset())
    text = "\n".join(map(_dump, statements))
    return Definition(hashlib.sha256(text.encode()).hexdigest()[:16] if text else "", sorted(uses.found), uses.imports)


def _dump(tree: ast.AST) -> str:
    """A tree as text, the same in each Python: 3.12 knows of parameters of types, 3.13 shows no empty list."""
    text = ast.dump(tree, show_empty=True) if sys.version_info >= (3, 13) else ast.dump(tree)
    return text.replace(NO_TYPE_PARAMETERS, "")


def tree_hash(tree: ast.Module) -> str:
    """Hash of a tree, docstrings left out; the tree stays as it is."""
    docstrings = [
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    ]
    texts = [(one, one.value) for one in docstrings if isinstance(one.value, str)]
    for one, _ in texts:
        one.value = ""
    dump = _dump(tree)
    for one, text in texts:
        one.value = text
    return hashlib.sha256(dump.encode()).hexdigest()[:16]


def _kinds(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and "registry" in _chain(node.func).split(".")[:-1]:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _chain(node: ast.expr) -> str:
    """`a.b.c` of an attribute of an attribute of a name; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def is_prose(text: str) -> bool:
    """Whether a text is for people: it holds two words with a blank between them, and no arrow of einsum's."""
    return bool(PROSE.search(text)) and "->" not in text


class _Clean(ast.NodeTransformer):
    """Leaves out of a tree what changes nothing that is computed."""

    def __init__(self) -> None:
        self._in_class = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not isinstance(one, ast.Pass)] or [ast.Pass()]
        return node

    def _visit_scope(self, node: Any) -> ast.AST:
        outer, self._in_class = self._in_class, isinstance(node, ast.ClassDef)
        self.generic_visit(node)
        self._in_class = outer
        return node

    visit_ClassDef = _visit_scope

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        for one in ast.walk(node.args):
            if isinstance(one, ast.arg):
                one.annotation = None
        return self._visit_scope(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if not self._in_class:
            if node.value is None:
                return None
            node = ast.Assign(targets=[node.target], value=node.value)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Raise(exc=_called(node.exc) if node.exc else None, cause=None)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        only_refuses = not node.orelse and len(node.body) == 1 and _refuses(node.body[0]) and not _binds(node.test)
        return None if only_refuses else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) and is_prose(node.value) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        written = [one.value if isinstance(one, ast.Constant) else None for one in node.values]
        text = "".join("word" if one is None else one for one in written)
        # Names put together of placeholders alone (f"{part} {number}") are no prose.
        if is_prose(text) and any(one and WORD.search(one) for one in written):
            return ast.Constant("")
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.generic_visit(value)
        return node


def _refuses(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Raise)
        and statement.exc is not None
        and _chain(_called(statement.exc)).rpartition(".")[2] == REFUSAL
    )


def _binds(test: ast.expr) -> bool:
    return any(isinstance(node, ast.NamedExpr | ast.Await) for node in ast.walk(test))


class _Uses:
    """Collects the names that a definition takes from its module: those that no scope of its own binds."""

    def __init__(self, package: str):
        self.package = package
        self.found: set[str] = set()
        self.imports: dict[str, tuple[str, str]] = {}

    def collect(self, node: ast.AST, bound: frozenset[str]) -> None:
        """Add what a node uses; `bound` are the names of the scopes around it."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports |= _imported(node, self.package)
        elif isinstance(node, SCOPES):
            self._function(node, bound)
        elif isinstance(node, COMPREHENSIONS):
            targets = frozenset(_stored([one.target for one in node.generators]))
            for child in ast.iter_child_nodes(node):
                self.collect(child, bound | targets)
        elif isinstance(node, ast.Global):
            self.found |= set(node.names)
        elif isinstance(node, ast.Name):
            if node.id not in bound:
                self.found.add(node.id)
        elif isinstance(node, ast.Attribute) and (chain := _chain(node)):
            if chain.partition(".")[0] not in bound:
                self.found.add(chain)
        else:
            for child in ast.iter_child_nodes(node):
                self.collect(child, bound)

    def _function(self, node: Any, bound: frozenset[str]) -> None:
        arguments = node.args
        for part in [*getattr(node, "decorator_list", []), *arguments.defaults, *filter(None, arguments.kw_defaults)]:
            self.collect(part, bound)
        body = node.body if isinstance(node.body, list) else [node.body]
        shared = {name for one in body for name in _global(one)}
        own = {one.arg for one in ast.walk(arguments) if isinstance(one, ast.arg)} | set(_stored(body))
        for child in body:
            self.collect(child, (bound | own) - shared)


def _stored(nodes: list[Any]) -> Iterator[str]:
    """Names that statements or targets bind in their own scope."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                yield node.id
        elif not isinstance(node, ast.Lambda | COMPREHENSIONS):
            if isinstance(node, ast.ExceptHandler) and node.name:
                yield node.name
            yield from _stored(list(ast.iter_child_nodes(node)))


def _global(node: ast.stmt) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            yield from inner.names
