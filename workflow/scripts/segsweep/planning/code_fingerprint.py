"""The fingerprint of the code that a training executes, and of the programs that work on its results.

A training reaches definitions (`segsweep.planning.definitions`) from some roots: functions by module and name. A
definition reaches what it uses: a name of its module, a name that it imports, an attribute of a module
(`run_state.restore`: that function only), a module used as a whole (all of it). Of a module that is reached, what it
runs when it is imported counts as well.

One rule says what is outside of a training: the packages of `OUTSIDE`, which read and check settings, plan, keep and
word things. They decide whether and where a training runs, never what it computes. So what is computed from settings
is a function beside the training code (`training.clipping.clip_of`), no method of a class in config. Of a class of
settings in a component's file the methods and the `revision` count, and its keys do not: they enter an address by their
values.

Own code (`segsweep.own_code`) is followed like the package's, with the modules beside it that it imports. What its
modules are called there says nothing: a file may move. Its classes of settings count as a whole, as nobody raises a
revision there, and so do decorated definitions, which a decorator may have put into a table.

An edit that leaves every result as it was (a definition split in two, a new setting that is off) need not train
anything again: equivalent_code.json says which definitions now stand for which earlier ones (CONTRIBUTING.md says how
it is written, and what has to be shown first).
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from segsweep import registry, tables
from segsweep.hashing import short_hash
from segsweep.own_code import local_imports
from segsweep.planning import definitions
from segsweep.planning.definitions import Definition, Module, read_module
from segsweep.planning.remembered import Remembered
from segsweep.project_files import PACKAGE, SCRIPTS

NAME = PACKAGE.name
OUTSIDE = {
    "config", "errors", "execution", "exits", "formatting", "io", "own_code", "planning", "registry", "store", "syntax",
}  # fmt: skip
TRAIN = f"{NAME}.config.train"
EQUIVALENT = Path("planning") / "equivalent_code.json"
# Module and name of a definition. The name "" is what a module runs when it is imported.
Symbol = tuple[str, str]


def readings(file: Path | None) -> Remembered:
    """A memory of parsed files, of this version of Python and of what is read out of them."""
    own = hashlib.sha256(Path(definitions.__file__).read_bytes()).hexdigest()[:12]
    return Remembered(file, f"{sys.version_info[0]}.{sys.version_info[1]} {own}")


class Code:
    """The code of the package as it lies on the disk. Each file is read once."""

    def __init__(self, remembered: Remembered | None = None, package: Path = PACKAGE, programs: Path = SCRIPTS):
        """
        Args:
            remembered: what earlier processes read, from `readings`.
            package: folder of the package.
            programs: folder of the programs.
        """
        self.remembered = remembered or readings(None)
        self.package, self.programs = package, programs
        self._read_already: dict[str, Module] = {}
        self._modules: dict[str, Module | None] = {}
        self._files: dict[str, Path | None] = {}
        self._edges: dict[Symbol, tuple[Symbol, ...]] = {}
        self._imports: dict[str, list[tuple[str, Path]]] = {}
        self._fingerprints: dict[frozenset[Symbol], str] = {}

    def fingerprint(self, roots: Iterable[Symbol]) -> str:
        """Hash of all that a training reaches from some roots."""
        roots = frozenset(roots)
        if roots not in self._fingerprints:
            hashes = sorted((function_of(name), digest) for name, digest in self.hashes(roots).items())
            lines = (f"{name} {digest}" for name, digest in hashes)
            self._fingerprints[roots] = short_hash(lines)
        return self._fingerprints[roots]

    @cached_property
    def equivalent(self) -> dict[str, dict[str, str]]:
        """By `name hash` of a definition, those that it stands for, as in `hashes`; none where it adds nothing."""
        file = self.package / EQUIVALENT
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def hashes(self, roots: Iterable[Symbol]) -> dict[str, str]:
        """A hash of each definition that a training reaches from some roots, by name: `losses.focal.Focal`, or of own
        code `my/tiny_unet.py:TinyUnet`.

        Of one that is equivalent to earlier ones, the names and hashes of those.

        Raises:
            LookupError: there is no such root.
        """
        roots = list(roots)
        for name, thing in roots:
            module = self._module(name)
            if module is None or not (thing in module.definitions or thing in module.imports):
                raise LookupError(f"{name} defines no {thing}")
        found = {}
        for name, thing in self.reached(roots):
            definition = self._definition(name, thing)
            if definition is not None and definition.hash:
                label, own = self._label(name, thing), self._hash(name, definition)
                found |= self.equivalent.get(f"{label} {own}", {label: own})
        return found

    def _label(self, name: str, thing: str) -> str:
        if local_imports.is_own(name):
            return f"{os.path.relpath(self._file(name))}:{thing}"
        return f"{name}.{thing}".removeprefix(f"{NAME}.").rstrip(".")

    def names(self, module: str) -> list[str]:
        """Names that a module defines; none of one outside of trainings."""
        found = self._module(module)
        return list(found.definitions) if found else []

    def reached(self, roots: Iterable[Symbol]) -> set[Symbol]:
        """All that a training reaches from some roots."""
        found: set[Symbol] = set()
        todo = list(roots)
        while todo:
            symbol = todo.pop()
            if symbol not in found:
                found.add(symbol)
                if symbol not in self._edges:
                    self._edges[symbol] = tuple(dict.fromkeys(self._uses(*symbol)))
                todo += self._edges[symbol]
        return found

    def program_fingerprint(self, program: str) -> str:
        """Hash of all modules that a program of workflow/scripts runs, settings and texts included.

        Components are imported by name while it runs: those of all kinds count that a module of it asks the registry
        for. Kinds that only settings of trainings name are none of them: their values are in the plan. So do the
        modules of the tables that the rule of the program's name makes.
        """
        found = self._imported(program, self.programs / f"{program}.py")
        for table in (one for one in tables.definitions() if program in one.rules):
            self._imported(table.__module__, found=found)
        asked: set[str] = set()
        while (
            kinds := {kind for name, one in found.items() if name not in self._settings for kind in one.kinds} - asked
        ):
            asked |= kinds
            folders = [base.package for kind, base in registry.kinds().items() if kind in kinds]
            for file in (file for folder in folders for file in sorted((self.package / folder).glob("*.py"))):
                name = ".".join([NAME, *file.relative_to(self.package).with_suffix("").parts])
                self._imported(name.removesuffix(".__init__"), found=found)
        lines = (f"{name} {module.tree}" for name, module in sorted(found.items()))
        return short_hash(lines)

    @cached_property
    def _settings(self) -> set[str]:
        """The modules of the settings of trainings."""
        return {name for name in self._imported(TRAIN) if name.startswith(f"{NAME}.config")}

    def _imported(
        self, name: str, file: Path | None = None, found: dict[str, Module] | None = None
    ) -> dict[str, Module]:
        """A module or program, and all modules of the package that importing it leads to, at any depth of the code.

        They are added to those `found` already, which are not followed again.
        """
        found = {} if found is None else found
        todo = [(name, file or self._file(name))]
        while todo:
            name, file = todo.pop()
            if file is not None and name not in found:
                found[name] = self._read(name, file)
                todo += self._imports_of(name, found[name])
        return found

    def _imports_of(self, name: str, module: Module) -> list[tuple[str, Path]]:
        """The modules of the package that a module imports; all programs import much the same ones."""
        if name not in self._imports:
            targets = (
                one for target, thing in module.all_imports() for one in (target, f"{target}.{thing}".rstrip("."))
            )
            files = ((one, self._file(one)) for one in dict.fromkeys(targets))
            self._imports[name] = [(one, file) for one, file in files if file is not None]
        return self._imports[name]

    def _uses(self, name: str, thing: str) -> Iterator[Symbol]:
        """What a definition uses, and what is run when its module is imported."""
        module = self._module(name)
        if module is None:
            return
        yield name, ""
        if not thing:
            if "." in name:
                yield name.rpartition(".")[0], ""
            for target, imported in module.imports.values():
                yield target, ""
                yield f"{target}.{imported}", ""
            if local_imports.is_own(name):
                yield from ((name, one) for one in module.decorated)
        if thing and thing not in module.definitions:
            yield from self._follow(name, thing)
            return
        definition = self._definition(name, thing)
        for chain in definition.uses:
            yield from self._follow(name, chain, definition.imports)

    def _follow(self, name: str, chain: str, imports: dict[str, tuple[str, str]] | None = None) -> Iterator[Symbol]:
        """What a dotted name stands for in a module, under the imports of the definition that uses it."""
        module = self._module(name)
        first, _, rest = chain.partition(".")
        if first not in (imports or {}) and first in module.definitions:
            yield name, first
            return
        target = (imports or {}).get(first) or module.imports.get(first)
        if target is None:
            for where in (where for where, imported in module.imports.values() if imported == "*"):
                yield from self._of_module(where, chain)
            return
        where, imported = target
        yield from self._of_module(where, ".".join(filter(None, (imported, rest))))

    def _of_module(self, name: str, chain: str) -> Iterator[Symbol]:
        """What a dotted name stands for as an attribute of a module; all of the module where it is empty."""
        module = self._module(name)
        if module is None:
            return
        first, _, rest = chain.partition(".")
        if not chain or first == "*":
            yield from ((name, thing) for thing in module.definitions)
        elif first in module.definitions:
            yield name, first
        elif first in module.imports and tuple(module.imports[first]) != (name, first):  # no module of its own
            yield from self._follow(name, chain)
        elif self._module(f"{name}.{first}") is not None:
            yield from self._of_module(f"{name}.{first}", rest)
        yield name, ""

    def _definition(self, name: str, thing: str) -> Definition | None:
        """What counts of a definition; None of a name that is only imported, or of a module outside of trainings."""
        module = self._module(name)
        if module is None:
            return None
        if not thing:
            return module.statements
        if thing in module.bases and not local_imports.is_own(name) and self._is_settings(name, thing):
            return module.methods[thing]
        return module.definitions.get(thing)

    def _is_settings(self, name: str, thing: str) -> bool:
        """Whether a class is one of settings: it descends from one of segsweep.config."""
        module = self._module(name)
        for base in module.bases[thing]:
            if base in module.bases:
                if self._is_settings(name, base):
                    return True
                continue
            target, imported = module.imports.get(base.partition(".")[0], ("", ""))
            if target == f"{NAME}.config" or target.startswith(f"{NAME}.config."):
                return True
            parent = self._module(target)
            if parent is not None and imported in parent.bases and self._is_settings(target, imported):
                return True
        return False

    def _hash(self, name: str, definition: Definition) -> str:
        """Hash of a definition, and of what the names that it imports stand for."""
        imports = self._module(name).imports | definition.imports
        firsts = sorted({chain.partition(".")[0] for chain in definition.uses} & imports.keys())
        meant = [f"{one}={_target(*imports[one])}" for one in firsts if not _is_outside(imports[one][0])]
        return short_hash([definition.hash, *meant], 12)

    def _module(self, name: str) -> Module | None:
        """What a module defines; None of one outside of a training."""
        if name not in self._modules:
            file = None if _is_outside(name) else self._file(name)
            self._modules[name] = self._read(name, file) if file else _folder(name)
        return self._modules[name]

    def _read(self, name: str, file: Path) -> Module:
        if name not in self._read_already:
            is_package = file.stem == "__init__"
            content = self.remembered.of(
                file, lambda path: read_module(path.read_text("utf-8"), name, is_package=is_package).as_json()
            )
            self._read_already[name] = _located(Module.from_json(content), name)
        return self._read_already[name]

    def _file(self, name: str) -> Path | None:
        """The file of a module of the package; None of any other."""
        if name not in self._files:
            self._files[name] = self._find(name)
        return self._files[name]

    def _find(self, name: str) -> Path | None:
        first, *parts = name.split(".")
        if local_imports.is_own(name):
            path = local_imports.path_of(name)
            file = path / "__init__.py" if path is not None and path.is_dir() else path
            return file if file is not None and file.is_file() else None
        return self._package_files.get(".".join(parts)) if first == NAME else None

    @cached_property
    def _package_files(self) -> dict[str, Path]:
        """The files of the package's modules, by their names within it: to ask the disk for each name takes longer."""
        found: dict[str, Path] = {}
        for folder, _, names in os.walk(self.package):
            inner = [] if folder == str(self.package) else os.path.relpath(folder, self.package).split(os.sep)
            # A module comes before a folder of its name.
            files = {
                ".".join([*inner, name[: -len(".py")]]): Path(folder, name) for name in names if name.endswith(".py")
            }
            if (init := files.pop(".".join([*inner, "__init__"]), None)) is not None:
                found.setdefault(".".join(inner), init)
            found |= files
        return found


def _is_outside(name: str) -> bool:
    """Whether a module of the package is none of a training's."""
    first, *parts = name.split(".")
    return first == NAME and bool(parts) and parts[0] in OUTSIDE


def function_of(label: str) -> str:
    """The name of a definition, of own code without that of its file."""
    return label.rpartition(".py:")[2] if ".py:" in label else label


def _target(module: str, imported: str) -> str:
    """What an import binds; of own code without the module, whose file may move."""
    if not local_imports.is_own(module):
        return f"{module}.{imported}"
    return imported or module.rpartition(".")[2]


def _folder(name: str) -> Module | None:
    """A folder of own code without `__init__.py`: a module that defines nothing."""
    return Module({}, {}, {}, {}, Definition(""), "", []) if local_imports.path_of(name) is not None else None


def _located(module: Module, name: str) -> Module:
    """A module whose imports of own code beside it are those of the files that they mean."""
    if local_imports.is_own(name):
        for part in (module, module.statements, *module.definitions.values(), *module.methods.values()):
            part.imports = {
                one: (local_imports.meant(where, name), what) for one, (where, what) in part.imports.items()
            }
    return module
