"""A module's top-level definitions and what each refers to, read from its syntax tree without importing it."""

import ast
from pathlib import Path


class ModuleSyntax:
    """A module as it is written: the text of its file, or `text` in place of it.

    Attributes:
        path: its file.
        definitions: name: the statement that defines it (function, class, assignment), the last one of several.
        imports: name: (module, symbol in it), the symbol None where the module itself is imported.

    Raises:
        SyntaxError: the file is not valid Python.
    """

    def __init__(self, path: Path, text: str | None = None):
        self.path = path
        self.definitions: dict[str, ast.stmt] = {}
        self.imports: dict[str, tuple[str, str | None]] = {}
        self._tree = ast.parse(path.read_text(encoding="utf-8") if text is None else text, str(path))
        for node in self._tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    symbol = alias.name if isinstance(node, ast.ImportFrom) else None
                    module = (node.module or "") if symbol else alias.name
                    self.imports[name] = ("." * getattr(node, "level", 0) + module, symbol)
            else:
                self.definitions |= dict.fromkeys(_names_defined(node), node)

    def references(self, name: str) -> set[str]:
        """Names of this module (definitions and imports) that a definition refers to."""
        nodes = list(ast.walk(self.definitions[name]))
        # What is assigned is a local variable or an attribute of a class, unless it is declared global.
        used = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)}
        used |= {one for node in nodes if isinstance(node, ast.Global) for one in node.names}
        return (used & (self.definitions.keys() | self.imports.keys())) - {name}

    def reached(self, names: set[str]) -> set[str]:
        """Names of this module that some of its definitions lead to, themselves included."""
        found, todo = set(), set(names)
        while todo:
            name = todo.pop()
            found.add(name)
            if name in self.definitions:
                todo |= self.references(name) - found
        return found

    def module_of(self, names: set[str]) -> ast.Module:
        """A module of nothing but some of the names, in their order."""
        wanted = {id(node) for name in names if (node := self.definitions.get(name))}
        body = []
        for node in self._tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                if aliases := [one for one in node.names if (one.asname or one.name.partition(".")[0]) in names]:
                    kept = type(node)(**{**dict(ast.iter_fields(node)), "names": aliases})
                    body.append(ast.copy_location(kept, node))
            elif id(node) in wanted:
                body.append(node)
        return ast.Module(body, type_ignores=[])


def _names_defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    parts = (part for target in targets if target for part in ast.walk(target))
    return [part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
