"""The parameters of a function as it is written: read from its syntax tree, without importing it."""

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Optional, Union

from pydantic import PydanticUserError, TypeAdapter

from segsweep.syntax import ModuleSyntax

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
# What annotations are made of that can be read. Under any other, the default says which values a parameter takes.
TYPES: dict[str, Any] = {one.__name__: one for one in (bool, int, float, str, list, tuple, dict)}
TYPES |= {"Any": Any, "Literal": Literal, "Optional": Optional, "Union": Union}
IN_TYPES = (ast.Name, ast.Load, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Constant, ast.UnaryOp, ast.USub)


@dataclass(frozen=True)
class Parameter:
    """A parameter that a study may set.

    Attributes:
        type: of its values.
        default: its default; `...` where it has none.
        line: where it stands.
    """

    name: str
    type: Any
    default: Any
    line: int

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is ...


@dataclass(frozen=True)
class Parameters:
    """The parameters of a function.

    Attributes:
        provided: those that the caller always gives.
        keys: those that a study may set.
        further: name of the last of these, where it is the `**` parameter: a mapping of further arguments.
        by_position: those of both that are passed without their names, in order.
    """

    provided: tuple[str, ...]
    keys: tuple[Parameter, ...]
    further: str | None = None
    by_position: tuple[str, ...] = ()


def callables(syntax: ModuleSyntax) -> dict[str, ast.stmt]:
    """The functions and classes that a module defines."""
    return {name: one for name, one in syntax.definitions.items() if isinstance(one, FUNCTIONS | ast.ClassDef)}


def annotated_class(definition: ast.stmt) -> str | None:
    """The name that the first parameter of a function is annotated with; None where it has none, and of a class."""
    arguments = [*definition.args.posonlyargs, *definition.args.args] if isinstance(definition, FUNCTIONS) else []
    annotation = arguments[0].annotation if arguments else None
    return annotation.id if isinstance(annotation, ast.Name) else None


def parameters_of(definition: ast.stmt, syntax: ModuleSyntax, provides: Sequence[str]) -> Parameters:
    """The parameters of a function, or of the constructor of a class.

    One whose default is no plain value (a class, a call) keeps its default: no study can write such a value.
    So does one whose name begins with an underscore. A default may be a constant of the module.

    Args:
        definition: the function or class.
        syntax: of its module.
        provides: names of the parameters that the caller gives where there are such.
    """
    function = _constructor(definition, syntax) if isinstance(definition, ast.ClassDef) else definition
    if function is None:
        return Parameters((), ())
    arguments = function.args
    ordered = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(ordered) - len(arguments.defaults)) + arguments.defaults
    if function is not definition:
        ordered, defaults = ordered[1:], defaults[1:]  # self
    pairs = [
        *zip(ordered, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    keys = [_parameter(one, default, syntax) for one, default in pairs if one.arg not in provides]
    if arguments.kwarg:
        keys.append(Parameter(arguments.kwarg.arg, dict[str, Any], {}, arguments.kwarg.lineno))
    return Parameters(
        tuple(one.arg for one, _ in pairs if one.arg in provides),
        tuple(one for one in keys if one is not None),
        arguments.kwarg.arg if arguments.kwarg else None,
        tuple(one.arg for one in arguments.posonlyargs if one in ordered),
    )


def _constructor(definition: ast.ClassDef, syntax: ModuleSyntax) -> ast.FunctionDef | None:
    """The constructor of a class, its own or one of a base class in the same file."""
    own = next((one for one in definition.body if isinstance(one, FUNCTIONS) and one.name == "__init__"), None)
    bases = (syntax.definitions.get(getattr(base, "id", "")) for base in definition.bases)
    inherited = (_constructor(base, syntax) for base in bases if isinstance(base, ast.ClassDef))
    return own or next(filter(None, inherited), None)


def _parameter(argument: ast.arg, default: ast.expr | None, syntax: ModuleSyntax) -> Parameter | None:
    value: Any = ...
    if default is not None:
        if isinstance(default, ast.Name):
            default = getattr(syntax.definitions.get(default.id), "value", None) or default
        try:
            value = ast.literal_eval(default)
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):  # no plain value, or one such as a set that no study file can hold
            return None
        if argument.arg.startswith("_"):
            return None
    return Parameter(argument.arg, _type(argument.annotation, value), value, argument.lineno)


def _type(annotation: ast.expr | None, default: Any) -> Any:
    """The values that a parameter takes: as annotated, else like its default."""
    annotated = _annotated(annotation)
    if annotated is not None:
        return annotated | None if default is None else annotated
    if default is ... or default is None:
        return Any
    if isinstance(default, bool | str):
        return type(default)
    if isinstance(default, int):
        return int | float
    return type(default)


def _annotated(annotation: ast.expr | None) -> Any:
    """The type that an annotation means; None where it says nothing about values of a study."""
    try:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):  # "int | None"
            annotation = ast.parse(annotation.value, mode="eval").body
        if annotation is None or not all(_is_plain(node) for node in ast.walk(annotation)):
            return None
        means = eval(compile(ast.Expression(annotation), "<annotation>", "eval"), {"__builtins__": {}}, TYPES)
        if not TypeAdapter(means).pydantic_complete:
            return None
    except (SyntaxError, TypeError, NameError, PydanticUserError):  # `list[int][str]`, a bare `Literal`, a quoted class
        return None
    return type(None) if means is None else means


def _is_plain(node: ast.AST) -> bool:
    return isinstance(node, IN_TYPES) and (not isinstance(node, ast.Name) or node.id in TYPES)
