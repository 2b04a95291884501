"""How a component is made from its settings, as one call: what its `build` returns, with the values in place.

`build(term, ...)` with `return Focal(term.gamma, term.alpha, class_weights)` becomes `Focal(gamma=1.5)`: arguments by
their names, and those at their defaults left out.
"""

import ast
from collections.abc import Mapping
from typing import Any

from segsweep.plain_script.copied_code import CannotCopy, CopiedCode


def build_call(
    code: CopiedCode, module: str, settings: Mapping[str, Any], arguments: Mapping[str, str], function: str = "build"
) -> str:
    """The call that makes a component, as text; what it uses is copied.

    Args:
        code: what the script copies.
        module: of the component.
        settings: its values by key, which the first argument of the function stands for.
        arguments: expressions that its other arguments stand for, by their names.
        function: of the module.

    Raises:
        CannotCopy: the function does more than to return a call.
    """
    node = code.syntax(module).definitions.get(function)
    if not isinstance(node, ast.FunctionDef):
        raise CannotCopy(f"{module}, which has no function {function}")
    known = {name: ast.parse(text, mode="eval").body for name, text in arguments.items()}
    given = {one.id for text in known.values() for one in ast.walk(text) if isinstance(one, ast.Name)}
    filled = _Filled(node.args.args[0].arg, settings, known)
    for statement in node.body:
        match statement:
            case ast.Expr() | ast.If(orelse=[]):  # docstring, checks
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known[name] = filled.visit(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                known |= {one.id: filled.visit(value) for one, value in zip(names, values, strict=True)}
            case ast.Return(value=value):
                call = filled.visit(value)
                _Named(code, module).visit(call)
                return code.expression(module, ast.fix_missing_locations(call), given)
            case _:
                break
    raise CannotCopy(f"{module}.{function}, which does more than to return a call (line {statement.lineno})")


def literal(value: Any) -> str:
    """A value of settings as Python writes it, with double quotes."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')


def shortest(values: Any) -> list[float]:
    """The numbers of a float32 tensor with no more digits than float32 has."""
    return [float(str(value)) for value in values.flatten().numpy()]


def namespace(values: Mapping[str, Any]) -> str:
    """Settings as a namespace, sections in it as well."""
    inner = (
        f"{name}={namespace(value) if isinstance(value, Mapping) else literal(value)}" for name, value in values.items()
    )
    return f"SimpleNamespace({', '.join(inner)})"


class _Filled(ast.NodeTransformer):
    """Puts values in the place of settings, and expressions in the place of names."""

    def __init__(self, settings: str, values: Mapping[str, Any], known: Mapping[str, ast.expr]):
        self.settings, self.values, self.known = settings, values, known

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == self.settings:
            return ast.parse(repr(self.values[node.attr]), mode="eval").body
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.known.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if (
            isinstance(node.func, ast.Name)
            and node.func.id == "tuple"
            and isinstance(node.args[0], ast.List | ast.Tuple)
        ):
            return ast.Tuple(node.args[0].elts, ast.Load())
        return node


class _Named(ast.NodeVisitor):
    """Gives arguments of classes of the package their names, and leaves out those that equal the default."""

    def __init__(self, code: CopiedCode, module: str):
        self.code, self.module = code, module

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        made = self.code.definition(self.module, node.func.id) if isinstance(node.func, ast.Name) else None
        if not isinstance(made, ast.ClassDef):
            return
        (init,) = [one for one in made.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        names = [one.arg for one in init.args.args[1:]]
        defaults = dict(zip(names[len(names) - len(init.args.defaults) :], init.args.defaults, strict=True))
        given = [ast.keyword(name, value) for name, value in zip(names, node.args, strict=False)]
        node.args = []
        node.keywords = [
            one
            for one in [*given, *node.keywords]
            if one.arg not in defaults or ast.dump(one.value) != ast.dump(defaults[one.arg])
        ]
