"""What a training program says of itself: its options and what it logs with, read from its source, not run."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.io import read_text

DECLARES_OPTION = ("add_argument", "option")  # of argparse; of click


@dataclass(frozen=True)
class HydraMain:
    """The arguments of `@hydra.main` or `@hydra_zen.main`: where its configuration lies."""

    config_path: str | None
    config_name: str | None


@dataclass
class ProgramSource:
    """What was found in a Python file.

    Attributes:
        options: `--name` of its command line, with the default (None where it has none that can be read).
        imports: top-level names of the packages that it imports, anywhere in the file, with their submodules dotted.
        names: all names that it speaks of.
        hydra: if it is an application of Hydra.
    """

    options: dict[str, Any] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    hydra: HydraMain | None = None

    def imports_any(self, *packages: str) -> bool:
        """Whether one of the packages, or a module of it, is imported."""
        return any(name == one or name.startswith(f"{one}.") for name in self.imports for one in packages)


def read_program(path: Path) -> ProgramSource:
    """Read a program's source. Of a file that is no Python nothing is known.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        tree = ast.parse(read_text(path))
    except (SyntaxError, ValueError):
        return ProgramSource()
    found = ProgramSource()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.imports.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Call):
            _add_call(found, node)
        elif isinstance(node, ast.Name):
            found.names.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.names.add(node.attr)
    return found


def _add_call(found: ProgramSource, call: ast.Call) -> None:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    given = {one.arg: _literal(one.value) for one in call.keywords if one.arg}
    words = [value for value in map(_literal, call.args) if isinstance(value, str)]
    if called in DECLARES_OPTION and (long := [word for word in words if word.startswith("--")]):
        found.options[long[0].split("/")[0]] = given.get("default")
    elif called == "main" and "config_name" in given:
        found.hydra = HydraMain(given.get("config_path"), given["config_name"])


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
