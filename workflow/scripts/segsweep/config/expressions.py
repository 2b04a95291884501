"""Conditions on settings: `batch_size * accumulate <= 32`.

A small language of its own: what Python would read of it is taken apart by a closed list of forms, and nothing is
evaluated by Python. docs/sweeps.md says what it has.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from segsweep.config.dotted_keys import ABSENT

MOST_CHARACTERS = 1000
MOST_FORMS = 200  # names, numbers and operations
MOST_SHOWN = 60  # of a part, in a message
ALONE = re.compile(r"(?<![<>=!])=(?!=)")
WORDS = {"true": True, "false": False, "null": None}
Value = Callable[[str], Any]  # the value of a dotted key, or `ABSENT`
Part = Callable[[Value], Any]  # gives the value of a part of an expression


class ExpressionError(Exception):
    """An expression cannot be read, or has no value.

    Attributes:
        problem: with a remedy.
        column: where in the text, from 1.
    """

    def __init__(self, problem: str, column: int):
        super().__init__(f"column {column}: {problem}")
        self.problem, self.column = problem, column


class Condition:
    """An expression that is true or false of a setting.

    Attributes:
        text: as it is written.
        names: dotted keys that it speaks of, each with the column of its first use.
    """

    def __init__(self, text: str):
        """
        Raises:
            ExpressionError: it cannot be read.
        """
        self.text = text.strip()
        self.names: dict[str, int] = {}
        if len(self.text) > MOST_CHARACTERS:
            raise ExpressionError(f"it has more than {MOST_CHARACTERS:,} characters. Make two of it.", MOST_CHARACTERS)
        tree = _tree(self.text)
        if (forms := sum(isinstance(node, ast.expr) for node in ast.walk(tree))) > MOST_FORMS:
            raise ExpressionError(f"it has {forms} parts, and {MOST_FORMS} are the most. Make two of it.", 1)
        self._root = tree.body
        self._part = self._read(tree.body)

    def holds(self, value: Value) -> bool:
        """Whether a setting fulfils it; so does one that lacks a key that the condition speaks of.

        Args:
            value: gives the value of a dotted key, `ABSENT` where the setting has no such key.

        Raises:
            ExpressionError: it has no value there (a division by zero), or none that is true or false.
        """
        if any(value(name) is ABSENT for name in self.names):
            return True
        found = self._part(value)
        if not isinstance(found, bool):
            raise self._error(self._root, f"it is {_shown(found)}, no condition. Compare it: `... <= 32`.")
        return found

    def _error(self, node: ast.AST, problem: str) -> ExpressionError:
        before = self.text.replace("\n", " ").encode()[: getattr(node, "col_offset", 0)]
        return ExpressionError(problem, len(before.decode(errors="ignore")) + 1)

    def _read(self, node: ast.expr) -> Part:
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if (name := _dotted(node)) is not None:
            return self._name(node, name)
        if isinstance(node, ast.List | ast.Tuple):
            items = [self._read(item) for item in node.elts]
            return lambda value: [item(value) for item in items]
        readers = {
            ast.BoolOp: self._junction, ast.UnaryOp: self._unary, ast.BinOp: self._arithmetic,
            ast.Compare: self._comparison, ast.Call: self._call,
        }  # fmt: skip
        if type(node) not in readers:
            raise self._error(
                node,
                f"`{_source(self.text, node)}` is not part of this language. It has names of keys, numbers, texts, "
                "lists, comparisons, and, or, not, + - * / // % **, in, and " + ", ".join(sorted([*FUNCTIONS, "key"]))
                + ".",
            )  # fmt: skip
        return readers[type(node)](node)

    def _constant(self, node: ast.Constant) -> Part:
        found = node.value
        if found is not None and not isinstance(found, bool | int | float | str):
            raise self._error(node, f"{found!r} is no number, no text, and not true, false or null. Replace it.")
        if isinstance(found, float) and not math.isfinite(found):
            raise self._error(node, f"{_source(self.text, node)} is too large. Write a smaller number.")
        return lambda value: found

    def _name(self, node: ast.expr, name: str) -> Part:
        if name in WORDS:
            return lambda value: WORDS[name]
        self.names.setdefault(name, self._error(node, "").column)

        def part(value: Value) -> Any:
            found = value(name)
            if isinstance(found, dict):
                raise self._error(node, f"{name} is a section. Name a key in it: {name}.{next(iter(found), 'KEY')}.")
            return found

        return part

    def _junction(self, node: ast.BoolOp) -> Part:
        parts = [(one, self._read(one)) for one in node.values]
        ends = isinstance(node.op, ast.Or)  # with the first that is true, or false

        def part(value: Value) -> bool:
            return next((ends for one, part in parts if self._truth(one, part(value)) is ends), not ends)

        return part

    def _unary(self, node: ast.UnaryOp) -> Part:
        inner = self._read(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda value: not self._truth(node.operand, inner(value))
        if isinstance(node.op, ast.Invert):
            raise self._error(node, "`~` is not part of this language. Write `not`.")
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return lambda value: sign * self._number(node.operand, inner(value))

    def _arithmetic(self, node: ast.BinOp) -> Part:
        if type(node.op) not in ARITHMETIC:
            raise self._error(
                node, f"`{_source(self.text, node)}`: write `and`, `or`, or `**` for a power; the language has no bits."
            )
        left, right, compute = self._read(node.left), self._read(node.right), ARITHMETIC[type(node.op)]

        def part(value: Value) -> float:
            numbers = self._number(node.left, left(value)), self._number(node.right, right(value))
            return self._computed(node, compute, *numbers)

        return part

    def _comparison(self, node: ast.Compare) -> Part:
        nodes = [node.left, *node.comparators]
        parts = [self._read(one) for one in nodes]
        if unknown := next((one for one in node.ops if type(one) not in COMPARISONS | CONTAINMENTS), None):
            word = "!=" if isinstance(unknown, ast.IsNot) else "=="
            raise self._error(node, f"`is` is not part of this language. Write `{word}`.")

        def part(value: Value) -> bool:
            found = [one(value) for one in parts]
            steps = zip(pairwise(nodes), node.ops, pairwise(found), strict=True)
            return all(self._compared(pair, comparison, *values) for pair, comparison, values in steps)

        return part

    def _compared(self, nodes: tuple[ast.expr, ast.expr], comparison: ast.cmpop, left: Any, right: Any) -> bool:
        if type(comparison) in CONTAINMENTS:
            if isinstance(right, str) and isinstance(left, str):
                return (left in right) is CONTAINMENTS[type(comparison)]
            if not isinstance(right, list):
                raise self._error(nodes[1], f"{_shown(right)} is no list. Write `in [16, 32]`.")
            return any(equal(left, one) for one in right) is CONTAINMENTS[type(comparison)]
        if isinstance(comparison, ast.Eq | ast.NotEq):
            return equal(left, right) is isinstance(comparison, ast.Eq)
        return COMPARISONS[type(comparison)](self._number(nodes[0], left), self._number(nodes[1], right))

    def _call(self, node: ast.Call) -> Part:
        name = _dotted(node.func)
        named = [getattr(one, "value", None) for one in node.args]
        if name == "key" and len(named) == 1 and isinstance(named[0], str) and not node.keywords:
            return self._name(node, named[0])
        if name not in FUNCTIONS or node.keywords or not node.args:
            known = ", ".join([*sorted(f"{one}(...)" for one in FUNCTIONS), "key('name')"])
            raise self._error(node, f"`{_source(self.text, node)}` is no function here. There are {known}.")
        parts = [self._read(one) for one in node.args]
        at_most = 1 if name not in ("min", "max") else len(parts)
        if len(parts) > at_most:
            raise self._error(node, f"{name} takes one number, not {len(parts)}.")

        def part(value: Value) -> float:
            found = [one(value) for one in parts]
            if len(found) == 1 and isinstance(found[0], list) and name in ("min", "max"):
                found = found[0]
            numbers = [self._number(node, one) for one in found]
            return self._computed(node, FUNCTIONS[name], *numbers)

        return part

    def _computed(self, node: ast.expr, compute: Callable[..., Any], *numbers: float) -> float:
        written = ", ".join(map(_shown, numbers))
        try:
            found = compute(*numbers)
            sound = not isinstance(found, complex) and math.isfinite(found)
        except ZeroDivisionError:
            raise self._error(
                node, f"`{_source(self.text, node)}` is a division by zero (of {written}). Keep zero out of the space."
            ) from None
        except (OverflowError, ValueError):
            sound = False
        if not sound:
            raise self._error(node, f"`{_source(self.text, node)}` has no value, or too large a one (of {written}).")
        return found

    def _number(self, node: ast.expr, found: Any) -> float:
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self._error(
                node,
                f"`{_source(self.text, node)}` is {_shown(found)}, and a number belongs here. Compare what is no "
                "number by == or !=.",
            )
        return found

    def _truth(self, node: ast.expr, found: Any) -> bool:
        if not isinstance(found, bool):
            raise self._error(
                node,
                f"`{_source(self.text, node)}` is {_shown(found)}, and `and`, `or`, `not` take conditions. Compare it.",
            )
        return found


def equal(left: Any, right: Any) -> bool:
    """Equality of values of YAML: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def checked(text: str) -> str:
    """The text of a condition.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        if not Condition(text).names:
            raise ExpressionError("it speaks of no key, so that it says nothing of a setting. Name one.", 1)
    except ExpressionError as error:
        raise ValueError(f"{text.strip()[:MOST_CHARACTERS]!r}, {error}") from error
    return text


def _tree(text: str) -> ast.Expression:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of the reader, on texts that Python would not have
            return ast.parse(text.replace("\n", " "), mode="eval")
    except SyntaxError as error:
        said = error.msg.removesuffix(".")
        if any(sign in text for sign in ("&&", "||", "!")) and "!=" not in text:
            said += "; write and, or, not"
        if ALONE.search(text):
            said += "; write == to compare"
        raise ExpressionError(
            f"{said}. Write a comparison: `batch_size * accumulate <= 32`.", error.offset or 1
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"it cannot be read ({error}). Write it in a simpler way.", 1) from error


def _dotted(node: ast.expr) -> str | None:
    """The dotted key that names stand for; None where it is something else."""
    if isinstance(node, ast.Name):
        return node.id
    outer = _dotted(node.value) if isinstance(node, ast.Attribute) else None
    return f"{outer}.{node.attr}" if outer else None


def _source(text: str, node: ast.expr) -> str:
    found = ast.get_source_segment(text.replace("\n", " "), node) or text
    return found if len(found) <= MOST_SHOWN else found[: MOST_SHOWN - 3] + "..."


def _shown(value: Any) -> str:
    words = {True: "true", False: "false", None: "null"}
    found = words[value] if value is None or isinstance(value, bool) else repr(value)
    return found if len(found) <= MOST_SHOWN else found[: MOST_SHOWN - 3] + "..."


def _power(base: float, exponent: float) -> float:
    """In floats: whole numbers could grow without end."""
    return float(base) ** float(exponent)


ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: _power,
}  # fmt: skip
COMPARISONS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
CONTAINMENTS = {ast.In: True, ast.NotIn: False}


def _least(*numbers: float) -> float:
    return min(numbers)


def _greatest(*numbers: float) -> float:
    return max(numbers)


FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs, "min": _least, "max": _greatest, "log2": math.log2, "log10": math.log10, "sqrt": math.sqrt,
}  # fmt: skip


def all_hold(conditions: Sequence[Condition], value: Value) -> bool:
    """Whether a setting fulfils all conditions; one that has no value there is not fulfilled."""
    try:
        return all(condition.holds(value) for condition in conditions)
    except ExpressionError:
        return False
