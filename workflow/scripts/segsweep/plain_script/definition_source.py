"""The source of one definition, edited by position: what is not edited stays as it is written."""

import ast
from pathlib import Path

Edit = tuple[int, int, str]  # first byte, byte behind the last one, and what stands there instead


class DefinitionSource:
    """The lines of a definition, with its decorators and the comments right above it, to be edited by position."""

    def __init__(self, path: Path, node: ast.stmt):
        """
        Args:
            path: of the module.
            node: the definition in it.
        """
        self._lines = path.read_bytes().splitlines(keepends=True)
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
        while first and self._lines[first - 1].startswith(b"#"):
            first -= 1
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._bytes = b"".join(self._lines)
        self._range = self._starts[first], self._starts[node.end_lineno - 1] + node.end_col_offset
        # A comment behind a constant belongs to it.
        self._rest = self._bytes[self._range[1] : self._starts[node.end_lineno]]

    def edit(self, node: ast.expr, new: str) -> Edit:
        """An expression replaced by another text."""
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset), new

    def cut(self, node: ast.stmt) -> Edit:
        """Whole lines out."""
        return self._starts[node.lineno - 1], self._starts[node.end_lineno], ""

    def annotation(self, argument: ast.arg | None, annotation: ast.expr) -> Edit:
        """An annotation out: behind an argument, or (where it is None) of what a function returns."""
        end = self._at(annotation.end_lineno, annotation.end_col_offset)
        if argument is not None:
            return self._at(argument.lineno, argument.col_offset) + len(argument.arg.encode()), end, ""
        return self._bytes.rindex(b"->", 0, self._at(annotation.lineno, annotation.col_offset)) - 1, end, ""

    def defined(self, node: ast.stmt, name: str, new: str) -> Edit:
        """The name behind `def` or `class`, or of a constant, changed."""
        start = self._bytes.index(name.encode(), self._at(node.lineno, node.col_offset))
        return start, start + len(name.encode()), new

    def text(self, edits: list[Edit]) -> str:
        """The text with all edits made; of two that overlap the first one."""
        start, end = self._range
        pieces, position = [], start
        for first, last, new in sorted(edits):
            if first < position:  # inside of what was cut out
                continue
            pieces += [self._bytes[position:first], new.encode()]
            position = last
        rest = self._rest.rstrip() if self._rest.strip().startswith(b"#") else b""
        return (b"".join([*pieces, self._bytes[position:end]]) + rest).decode()

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column
