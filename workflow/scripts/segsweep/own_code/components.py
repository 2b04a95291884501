"""Settings of own components: of the class that a file has for them, else made of the function's parameters.

As of the built-in ones (`segsweep.registry`), nothing of the file is imported for it.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticCustomError

from segsweep.compiled_settings import classes_in, syntax_of
from segsweep.config.settings import Component, key
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.own_code.local_imports import module_of
from segsweep.own_code.names import OwnName
from segsweep.own_code.signatures import Parameters, annotated_class, callables, parameters_of


@dataclass(frozen=True)
class OwnCode:
    """Where an own component lies, and how its function is called.

    Attributes:
        name: of the function.
        kind: class that own components of its kind derive from.
        line: where the function begins.
        parameters: its parameters; None where it takes settings, as functions of built-in components do.
        settings: name of the class of these settings.
    """

    name: OwnName
    kind: type[Component]
    line: int
    parameters: Parameters | None
    settings: str | None = None


class OwnComponents:
    """The settings classes of own components; each file is read again when it has changed."""

    def __init__(self) -> None:
        self._known: dict[tuple[type[Component], OwnName], tuple[Any, type[Component]]] = {}

    def of(self, name: OwnName, kind: type[Component]) -> type[Component]:
        """The settings class of an own component, see `class_of`."""
        try:
            status = Path(name.file).stat()
        except OSError:
            raise InputError(_missing(name)) from None
        stamp = (Path.cwd(), status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._known.get((kind, name))
        if known is None or known[0] != stamp:
            known = self._known[kind, name] = stamp, class_of(name, kind)
        return known[1]

    def keys(self, kind: type[Component]) -> frozenset[str]:
        """The keys of all own components of a kind that were asked for."""
        classes = [cls for (other, _), (_, cls) in self._known.items() if other is kind]
        return frozenset(one for cls in classes for one in cls.model_fields)


def class_of(name: OwnName, kind: type[Component]) -> type[Component]:
    """The settings class of an own component.

    If the file has a class of settings for the function, it is a class of these keys, and the function is called as
    those of built-in components are. Which one it has, the annotation of the first parameter says; where functions are
    not given settings, it is the only one of the kind. Else the keys are the parameters of the function but for those
    that the kind provides, and all keys of the kind.

    Args:
        name: where it lies, relative to the working folder.
        kind: class of its kind.

    Raises:
        InputError: there is no such function, the file cannot be read, or a parameter cannot be a key.
    """
    base = kind.own_base or kind
    file, module = Path(name.file), module_of(Path(name.file))
    syntax = syntax_of(file)
    definition = syntax.definitions.get(name.function)
    if definition not in (known := callables(syntax)).values():
        raise InputError(
            f"{file}: it defines no function or class {name.function!r}. {nearest(name.function, known)} What is "
            "imported, assigned or defined under an `if` there can be called by a function that stands by itself."
        )
    classes = {cls.__name__: cls for cls in classes_in(file, module, (kind, base))}
    only = next(iter(classes.values())) if len(classes) == 1 else None
    own = classes.get(annotated_class(definition)) if base.gives_settings else only
    parameters = None if own and base.gives_settings else parameters_of(definition, syntax, base.provides)
    keys = _keys(name, base, parameters) if parameters and base.gives_settings else {}
    if base.discriminator:
        keys[base.discriminator] = (Literal[str(name)], key(str(name), f"{name.function} of {name.file}."))
    cls = create_model(
        own.__name__ if own else name.function,
        __base__=own or base,
        __module__=module,
        __doc__=(own.__doc__ if own else None) or f"{name.short}.",
        **keys,
    )
    cls.own = OwnCode(name, base, definition.lineno, parameters, own.__name__ if own else None)
    first, *_ = base.functions
    cls.functions = (name.function, *(one for one in (own or base).functions if one != first))
    if not hasattr(cls, "title"):
        cls.title = name.short if base.gives_settings else name.function  # which is that of a column
    return cls


def validated(cls: type[Component], value: Any, of_others: Set[str]) -> Component:
    """The settings of an own component.

    Args:
        cls: its class.
        value: keys and values as they are written, or a short form of them.
        of_others: keys of other components of the kind, which are not in force here.

    Raises:
        ValidationError: of each key that nothing has, or a value that it cannot have.
    """
    written = value if isinstance(value, Mapping) else {}  # a short form, such as the weight of a loss, names none
    unknown = [name for name in written if name not in cls.model_fields and name not in of_others]
    problems = {one: f"{cls.own.name} has no such key. {nearest(str(one), cls.model_fields)}" for one in unknown}
    if missing := [one for one in _required(cls) if one not in written]:
        problems[missing[0]] = _without_value(cls.own, missing)
    if problems:
        raise ValidationError.from_exception_data(
            cls.__name__,
            [
                InitErrorDetails(
                    type=PydanticCustomError("value_error", "{said}", {"said": said}),
                    loc=(one,),
                    input=written.get(one),
                )
                for one, said in problems.items()
            ],
        )
    if written:
        value = {name: one for name, one in written.items() if name in cls.model_fields}
    return cls.model_validate(value)


def _keys(name: OwnName, base: type[Component], parameters: Parameters) -> dict[str, Any]:
    """Fields of a class, by the parameters of a function."""
    found = {}
    for one in parameters.keys:
        if one.name in base.model_fields:  # a key of the kind, whose default the function may change
            field = base.model_fields[one.name]
            found[one.name] = (field.annotation, field if one.is_required else field._copy())
            if not one.is_required:
                found[one.name][1].default, found[one.name][1].default_factory = one.default, None
        elif one.name.startswith("_"):
            raise InputError(
                f"{name.file}:{one.line}: the parameter {one.name!r} of {name.function} cannot be a key of a study: it "
                "begins with an underscore. Give it a default, which it then keeps, or rename it."
            )
        elif hasattr(base, one.name):
            raise InputError(
                f"{name.file}:{one.line}: the parameter {one.name!r} of {name.function} cannot be a key of a study: "
                "settings have an attribute of that name. Rename it."
            )
        else:
            found[one.name] = (one.type, key(one.default, f"Parameter of {name.function}."))
    return found


def _required(cls: type[Component]) -> list[str]:
    """The parameters of a function that have no default."""
    parameters = cls.own.parameters.keys if cls.own.parameters and cls.gives_settings else ()
    return [one.name for one in parameters if one.is_required and cls.model_fields[one.name].is_required()]


def _without_value(own: OwnCode, missing: Sequence[str]) -> str:
    return (
        f"{own.name} (line {own.line}) is given no value for {', '.join(missing)}. Set it as a key here, or give it a "
        f"default. By itself the function is given {', '.join(own.kind.provides)}, as far as it has parameters of "
        "these names. It has to give what docs/own_code.md says (of a loss: a torch.nn.Module, whose "
        "`forward(logits, target)` is the value)."
    )


def _missing(name: OwnName) -> str:
    file = Path(name.file)
    there = [one.name for one in file.parent.glob("*.py")]
    hint = nearest(file.name, there) if there else f"{file.parent} holds no Python file."
    return f"{file}: there is no such file. {hint} The path is relative to the file that names it."
