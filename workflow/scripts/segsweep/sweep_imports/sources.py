"""Which reader a sweep's definition needs, and what a person says besides."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from segsweep.config.yaml_documents import Document
from segsweep.errors import InputError
from segsweep.sweep_imports.definition import Arguments, Definition
from segsweep.sweep_imports.hydra_application import MULTIRUN
from segsweep.sweep_imports.program_source import read_program
from segsweep.sweep_imports.wandb_sweep import is_wandb_sweep, read_wandb_sweep

YAML = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Given:
    """What a person says of a sweep where its definition does not.

    Attributes:
        words: Hydra's overrides of the multirun.
        program: the Python file that trains.
        study: name of a study in Optuna's storage.
        metric: as the program calls it.
        epochs: of a run.
        trials: in place of the definition's.
        resume: what the command says besides where a run resumes, in the template language.
    """

    words: list[str] = field(default_factory=list)
    program: Path | None = None
    study: str | None = None
    metric: str | None = None
    epochs: int | None = None
    trials: int | None = None
    resume: str | None = None


def read_definition(source: str, given: Given) -> Definition:
    """The definition of a sweep.

    Args:
        source: the path of a W&B sweep, of a configuration or a multirun of Hydra, or of Optuna's storage, or its URL.
        given: what a person says besides.

    Raises:
        InputError: nothing is there, or it is none of these; or something in it is wrong.
    """
    definition = _read(source, given)
    if given.program is not None:
        definition.program = given.program
    if definition.folder is None:
        _find_program(definition, Path(source))
        _complete_for_hydra(definition)
    definition.metric = given.metric or definition.metric
    definition.epochs = given.epochs or definition.epochs
    definition.trials = given.trials or definition.trials
    if given.resume:
        definition.command.append(f"{{resume:{given.resume}}}")
    return definition


def _read(source: str, given: Given) -> Definition:
    path = Path(source)
    if "://" in source:
        return _optuna(source, given)
    if path.is_dir() and (path / MULTIRUN).is_file():
        path = path / MULTIRUN
    if not path.is_file():
        raise InputError(
            f"{source}: no such file. Give a sweep file of W&B, a configuration of Hydra (or the folder of a multirun, "
            f"with its {MULTIRUN}), or the file or URL of Optuna's storage."
        )
    if path.suffix == ".py":
        raise InputError(
            f"{source}: is a program, which is not run here. Let it write its sweep configuration to a file, "
            'Path("sweep.yaml").write_text(yaml.safe_dump(sweep_config)), and import that.'
        )
    if path.suffix not in YAML:
        return _optuna(source, given)
    if is_wandb_sweep(Document(path).values):
        return read_wandb_sweep(path, given.program)
    from segsweep.sweep_imports.hydra_multirun import read_hydra  # takes a second to import

    return read_hydra(path, given.words, given.program)


def _optuna(source: str, given: Given) -> Definition:
    from segsweep.sweep_imports.optuna_study import read_optuna  # likewise

    return read_optuna(source, given.study, given.program)


def _find_program(definition: Definition, source: Path) -> None:
    """Set the program, a file that exists, and the folder from which its command runs."""
    named = definition.program or named_program(definition.command)
    if named is None:
        return
    # `python -m package.train` names a module.
    module = Path(*str(named).split("."))
    candidates = [named, module.with_name(f"{module.name}.py"), module / "__main__.py"]
    for folder in (Path(), source.parent, *source.resolve().parent.parents):
        for candidate in candidates:
            if (folder / candidate).is_file():
                definition.folder, definition.program = folder, folder / candidate
                return
    definition.program = named
    definition.remark("command", text=f"{named} was not found: correct it, in `code` too, or give `folder`.")


def _complete_for_hydra(definition: Definition) -> None:
    """Hydra takes a second to import, so first look whether it is needed."""
    if definition.folder is not None and read_program(definition.program).hydra is not None:
        from segsweep.sweep_imports.hydra_command import complete

        complete(definition)


def named_program(words: Sequence[str | Arguments]) -> Path | None:
    """The program that a command names: the first Python file, or the module behind `-m`."""
    for before, word in pairwise(["", *words]):
        if isinstance(word, str) and (before == "-m" or word.endswith(".py")):
            return Path(word)
    return None
