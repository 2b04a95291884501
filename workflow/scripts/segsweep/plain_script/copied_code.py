"""Definitions of the package as text for another file: with all that they use, and nothing else.

A definition (function, class, constant) is copied as it is written, with its comments and docstring, but for

- annotations that name what is not copied,
- sections of docstrings (arguments, what is returned): the script is read from top to bottom,
- refusals: a `raise InputError` under an `if`, which a setting that was trained with never meets,
- names that two modules use for different things: the later one gets its module's name in front.
"""

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from segsweep.errors import InputError
from segsweep.plain_script.definition_source import DefinitionSource
from segsweep.planning.definitions import Module, read_module
from segsweep.syntax import ModuleSyntax

PACKAGE = "segsweep"
# Modules that read settings and word problems: nothing that a network or a number is made of.
NOT_COPIED = ("segsweep.config", "segsweep.registry", "segsweep.errors", "segsweep.store", "segsweep.planning")
REFUSAL = "InputError"
DOTTED = re.compile(rf"\b{PACKAGE}(?:\.\w+)*\.(\w+)")
SEE = re.compile(rf"See `{PACKAGE}[\w.]*`[.;,:]?\s*(\w?)")
# Sections of a docstring, and docstrings of which nothing is left.
SECTION = re.compile(r"\n\n[ ]+(?:Args|Attributes|Raises|Returns|Yields):\n(?:(?!\n\n|\"\"\")[\s\S])*")
EMPTY = re.compile(r"\n[ ]+\"{6}(?=\n)")

Symbol = tuple[str, str]  # module and name


class CannotCopy(InputError):
    """A definition depends on what is not copied. Its text is what that is."""


class CopiedCode:
    """What a script copies out of the package, in an order in which each definition follows what it uses."""

    def __init__(self, taken: Collection[str] = (), simpler: Mapping[Symbol, str] | None = None):
        """
        Args:
            taken: names that the script itself defines.
            simpler: what the script writes in place of some definitions, text that uses nothing but numpy.
        """
        self._simpler = simpler or {}
        self._syntax: dict[str, ModuleSyntax] = {}
        self._modules: dict[str, Module] = {}
        self._names: dict[Symbol, str] = {}
        self._texts: dict[Symbol, str] = {}
        self._taken = set(taken)
        self._imports: dict[str, tuple[str, str | None]] = {}

    def add(self, module: str, name: str, called: str | None = None) -> str:
        """Copy a definition and what it uses; returns its name in the script.

        Args:
            module: dotted name: `segsweep.losses.dice`.
            name: of the definition, or of something that the module imports.
            called: its name in the script; by default its own.

        Raises:
            CannotCopy: it uses settings, the registry or the like.
        """
        module, name = self._home(module, name)
        symbol = (module, name)
        if symbol in self._names:
            return self._names[symbol]
        if module.startswith(NOT_COPIED):
            raise CannotCopy(f"{module}.{name}, which reads settings")
        # A statement that assigns several names is copied once.
        node = self.syntax(module).definitions[name]
        together = [one for one, other in self.syntax(module).definitions.items() if other is node]
        for one in together:
            self._names[module, one] = self._free((called if one == name else None) or one, module)
        self._texts[symbol] = self._simpler.get(symbol) or self._copied(module, node, together)
        return self._names[symbol]

    def name(self, module: str, name: str) -> str:
        """What a name of a module, the package's or a library's, is called in the script; it is copied or imported."""
        return self.expression(module, ast.Name(name, ast.Load()))

    def expression(self, module: str, node: ast.expr, given: Collection[str] = ()) -> str:
        """The text of an expression of a module; what it uses is copied, but for the names that are `given`."""
        free = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - set(given)
        edits = {id(used): new for used, new in self._renamed(module, node, free)}

        class Renamed(ast.NodeTransformer):
            def visit(self, one: ast.AST) -> ast.AST:
                return ast.parse(edits[id(one)], mode="eval").body if id(one) in edits else self.generic_visit(one)

        text = ast.unparse(Renamed().visit(node))
        return text if '"' in text else text.replace("'", '"')

    def use(self, module: str, name: str | None = None, called: str | None = None) -> None:
        """Import something of a library: `use("torch")`, `use("torch", "nn")`."""
        bound = called or name or module.partition(".")[0]
        if self._imports.setdefault(bound, (module, name)) != (module, name):
            raise CannotCopy(f"two things named {bound}: {self._imports[bound]} and {(module, name)}")
        self._taken.add(bound)

    def syntax(self, module: str) -> ModuleSyntax:
        """A module of the package as it is written."""
        if module not in self._syntax:
            self._syntax[module] = ModuleSyntax(_file(module))
        return self._syntax[module]

    def definition(self, module: str, name: str) -> ast.stmt | None:
        """The statement that defines a name of a module; None where it is not the package's."""
        try:
            module, name = self._home(module, name)
        except CannotCopy:
            return None
        return self.syntax(module).definitions[name]

    def text(self) -> str:
        """All definitions that were added, constants close together, functions and classes two lines apart."""
        parts: list[str] = []
        for text in self._texts.values():
            constant = not re.match(r"(?:@|def |class |async )", text)
            close = constant and parts and parts[-1][0] == "constant"
            parts += [("gap", "\n" if close else "\n\n\n")] if parts else []
            parts.append(("constant" if constant else "block", text))
        return "".join(text for _, text in parts)

    def import_lines(self) -> list[str]:
        """Lines that import what is used of libraries, sorted as ruff sorts them within a group."""
        plain: list[str] = []
        members: dict[str, list[str]] = {}
        for bound, (module, name) in self._imports.items():
            if name is None:
                renamed = f" as {bound}" if bound != module.partition(".")[0] else ""
                plain.append(f"import {module}{renamed}")
            else:
                members.setdefault(module, []).append(name if bound == name else f"{name} as {bound}")
        from_modules = (f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(members.items()))
        return [*sorted(plain), *from_modules]

    def _home(self, module: str, name: str) -> Symbol:
        """Where a name of a module is defined, through the imports of modules of the package."""
        syntax = self.syntax(module)
        while name not in syntax.definitions and name in syntax.imports:
            module, inner = syntax.imports[name]
            if inner is None or not module.startswith(PACKAGE):
                break
            name, syntax = inner, self.syntax(module)
        if name not in syntax.definitions:
            raise CannotCopy(f"{name}, which {module} does not define")
        return module, name

    def _free(self, name: str, module: str) -> str:
        if name in self._taken:
            name = f"{module.rpartition('.')[2]}_{name.lstrip('_')}"
        if name in self._taken:
            raise CannotCopy(f"two things named {name}, one of them of {module}")
        self._taken.add(name)
        return name

    def _copied(self, module: str, node: ast.stmt, names: list[str]) -> str:
        source = DefinitionSource(self.syntax(module).path, node)
        free = {used.partition(".")[0] for used in self._module(module).definitions[names[0]].uses}
        edits = [source.edit(used, new) for used, new in self._renamed(module, node, free)]
        edits += [source.cut(one) for one in _refusals(node)]
        edits += [source.annotation(*found) for found in _annotations(node) if not self._is_known(module, found[-1])]
        for name in names:
            if (own := self._names[module, name]) != name:
                edits.append(source.defined(node, name, own))
        return _without_package(source.text(edits))

    def _module(self, module: str) -> Module:
        if module not in self._modules:
            path = self.syntax(module).path
            text = path.read_text(encoding="utf-8")
            self._modules[module] = read_module(text, module, is_package=path.name == "__init__.py")
        return self._modules[module]

    def _renamed(self, module: str, node: ast.AST, free: set[str]) -> Iterator[tuple[ast.expr, str]]:
        """The names in a node that are called otherwise in the script; all that they stand for is copied.

        `free` are the names that the node takes from its module.
        """
        syntax, skipped = self.syntax(module), _left_out(node)
        for one in _outermost(node, skipped):
            chain = _chain(one)
            first = chain[0]
            if first not in free:
                continue
            if first in syntax.definitions:
                new = self._name_of(module, first, node)
                if new != first:
                    yield _part(one, 1), new
            elif first in syntax.imports:
                source, symbol = syntax.imports[first]
                if not source.startswith(PACKAGE):
                    self.use(source, symbol, first)
                    continue
                inner = f"{source}.{symbol}"
                if symbol and _file(inner, missing_ok=True):  # a module, of which an attribute is used
                    yield _part(one, 2), self.add(inner, chain[1])
                else:
                    new = self.add(source, symbol or "")
                    if new != first:
                        yield _part(one, 1), new
            elif not hasattr(builtins, first):
                raise CannotCopy(f"{first}, which {syntax.path}:{getattr(one, 'lineno', '?')} takes from nowhere")

    def _name_of(self, module: str, name: str, node: ast.AST) -> str:
        if self.syntax(module).definitions[name] is node:  # a function that calls itself, a class that names itself
            return self._names[module, name]
        return self.add(module, name)

    def _is_known(self, module: str, annotation: ast.expr) -> bool:
        """Whether an annotation names nothing but libraries and what is copied already; imports what it names."""
        syntax = self.syntax(module)
        names = {one.id for one in ast.walk(annotation) if isinstance(one, ast.Name)}
        if any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(annotation)):
            return False
        libraries = {}
        for name in names:
            if name in syntax.imports and not syntax.imports[name][0].startswith(PACKAGE):
                libraries[name] = syntax.imports[name]
            elif self._names.get((module, name), name if hasattr(builtins, name) else None) != name:
                return False
        for name, (source, symbol) in libraries.items():
            self.use(source, symbol, name)
        return True


def _file(module: str, missing_ok: bool = False) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        if missing_ok:
            return None
        raise CannotCopy(f"the module {module}, which is not there")
    return Path(spec.origin)


def _chain(node: ast.expr) -> list[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return [node.id, *parts]


def _part(node: ast.expr, length: int) -> ast.expr:
    """The first names of a chain of attributes: of `a.b.c` the node of `a.b`."""
    for _ in range(len(_chain(node)) - length):
        node = node.value
    return node


def _outermost(node: ast.AST, skipped: set[int]) -> Iterator[ast.expr]:
    """Names that are read, each with the attributes behind it."""
    if id(node) in skipped:
        return
    base = node
    while isinstance(base, ast.Attribute):
        base = base.value
    if (isinstance(base, ast.Name) and base is not node) or isinstance(node, ast.Name):
        if isinstance(base.ctx, ast.Load):
            yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _outermost(child, skipped)


def _left_out(node: ast.AST) -> set[int]:
    """Annotations and refusals: what they name is not used."""
    return {id(found[-1]) for found in _annotations(node)} | {id(one) for one in _refusals(node)}


def _annotations(node: ast.AST) -> Iterator[tuple[ast.arg | None, ast.expr]]:
    """The annotations in a node, each with its argument; None for what a function returns."""
    for one in ast.walk(node):
        if isinstance(one, ast.arg) and one.annotation is not None:
            yield one, one.annotation
        elif isinstance(one, ast.FunctionDef) and one.returns is not None:
            yield None, one.returns


def _refusals(node: ast.AST) -> Iterator[ast.If]:
    for one in ast.walk(node):
        if (
            isinstance(one, ast.If)
            and not one.orelse
            and all(isinstance(inner, ast.Raise) and _raised(inner) == REFUSAL for inner in one.body)
        ):
            yield one


def _raised(node: ast.Raise) -> str:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return getattr(raised, "id", "")


def _without_package(text: str) -> str:
    """A text whose docstrings name no module of the package, and no refusal."""
    text = SEE.sub(lambda found: found[1].upper(), SECTION.sub("", text))
    return DOTTED.sub(r"\1", EMPTY.sub("", text))
