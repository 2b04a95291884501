"""A study file from the definition of a sweep: what it says here, and comments on what it cannot say."""

import os
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from segsweep.config.commented_yaml import commented_yaml
from segsweep.config.search import Dimension
from segsweep.search.space import count, levels
from segsweep.sweep_imports.command_line import command_line, form_of, with_roles
from segsweep.sweep_imports.definition import GRID, Arguments, Definition
from segsweep.sweep_imports.known_names import Role, metric_name, option_name, probably_minimized, role_of
from segsweep.sweep_imports.parameters import Parameter, fits_option, named
from segsweep.sweep_imports.program_source import ProgramSource, read_program

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
WIDTH = 110  # of a line of a comment
USUAL_TRIALS = 20
FOLDER_VARIABLE, SETTINGS_VARIABLE = "RUN_FOLDER", "RUN_CONFIG"
RUN_VARIABLES = {"RUN_EPOCHS": Role.EPOCHS, "RUN_SEED": Role.SEED, "RUN_FOLD": Role.FOLD}
HEAD = "Written by import_sweep from {origin}.\nComments say what was not translated, and what was taken for something."


@dataclass
class StudyDraft:
    """A study that is being written.

    Attributes:
        keys: of its file.
        comments: by the path of a key.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    comments: dict[tuple[str, ...], str] = field(default_factory=dict)

    def comment(self, *path: str, text: str) -> None:
        """Add a comment on a key; one that is there already is not repeated."""
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, WIDTH, break_on_hyphens=False)]
        known = self.comments.get(path, "")
        if (new := "\n".join(lines)) not in known:
            self.comments[path] = f"{known}\n{new}".strip()

    def as_yaml(self, origin: str) -> str:
        """The text of the file."""
        return commented_yaml(self.keys, self.comments, HEAD.format(origin=origin))


def draft(definition: Definition, study_file: Path) -> StudyDraft:
    """The study that a sweep is here.

    Args:
        definition: of the sweep.
        study_file: where the study will be written: its paths are relative to it.
    """
    parameters = named(definition)
    words, given = with_roles(definition.command)
    program = definition.program
    source = read_program(program) if program is not None and program.is_file() else ProgramSource()
    options, defaults = _further_options(words, parameters, source, given.keys())
    words += options
    study = StudyDraft()
    study.keys["name"] = study_name(definition.name)
    if definition.note:
        study.keys["note"] = " ".join(definition.note.split())
    _metric(study, definition)
    study.keys["command"] = command_line(words, parameters)
    _environment(study, words, parameters, source)
    _paths(study, definition, study_file)
    _results(study, definition, source)
    _epochs(study, definition, parameters, given, defaults)
    _seeds(study, definition, parameters, defaults | given)
    plain = {one.name: one.value for one in parameters if not one.role}
    if plain:
        study.keys["parameters"] = plain
    _design(study, definition, parameters)
    for path, text in definition.remarks:
        study.comment(*_place(study, path, parameters), text=text)
    return study


def study_name(wanted: str) -> str:
    """A name for a study and its folder of results."""
    return NOT_IN_A_NAME.sub("_", wanted).strip("_.-") or "imported_sweep"


def _further_options(
    words: list[str | Arguments], parameters: list[Parameter], source: ProgramSource, given: Iterable[Role]
) -> tuple[list[str], dict[Role, str]]:
    """Options of the program that segsweep fills in and the sweep does not speak of, and the program's defaults."""
    form, found, defaults = form_of(words), [], {}
    known = {one.role for one in parameters} | set(given)
    passed = {option_name(one.theirs) for one in parameters}  # of an option that is there twice the last one counts
    for option, default in source.options.items():
        role = role_of(option)
        if role is None or role in known or option_name(option) in passed or not fits_option(role, default):
            continue
        known.add(role)
        defaults[role] = str(default)
        found.append(form.format(option.removeprefix("--"), f"{{{role}}}"))
    return found, defaults


def _metric(study: StudyDraft, definition: Definition) -> None:
    theirs = _metric_column(definition)
    study.keys["metric"] = metric_name(theirs)
    if definition.metric is None:
        study.comment("metric", text=f"No metric is named: {theirs} was taken. Correct it here and in `results`.")
    if definition.minimize is None:
        study.comment("minimize", text="Taken from the metric's name.")
    study.keys["minimize"] = probably_minimized(theirs) if definition.minimize is None else definition.minimize


def _metric_column(definition: Definition) -> str:
    """The metric as the program calls it; where the sweep does not say, a usual name for what is better that way."""
    return definition.metric or ("val_score" if definition.minimize is False else "val_loss")


def _environment(study: StudyDraft, words: list, parameters: list[Parameter], source: ProgramSource) -> None:
    """Variables for what the command does not pass on."""
    command, variables = study.keys["command"], {}
    if not any(isinstance(word, Arguments) for word in words) and parameters:
        variables[SETTINGS_VARIABLE] = "{config:json}"
        study.comment(
            "environment",
            text=f"The command passes no parameters on: they are in the file ${SETTINGS_VARIABLE}, as JSON.",
        )
    elif source.imports_any("wandb") and "config" in source.names and not source.options and source.hydra is None:
        variables[SETTINGS_VARIABLE] = "{config:json}"
        study.comment(
            "environment",
            text="The program seems to take its parameters from wandb.config, which only W&B's agent fills in. They "
            f"are in the file ${SETTINGS_VARIABLE}, as JSON: give that to wandb.init(config=...).",
        )
    if SETTINGS_VARIABLE in variables or "{config:json}" in command:
        for name, role in RUN_VARIABLES.items():
            if any(one.role is role for one in parameters):
                variables[name] = f"{{{role}}}"
                study.comment("environment", text=f"The file does not hold `{role}`, which is in the variable ${name}.")
    if "{out}" not in command:
        variables[FOLDER_VARIABLE] = "{out}"
        study.comment("environment", text=f"The program has to write its files into the folder ${FOLDER_VARIABLE}.")
    if variables:
        study.keys["environment"] = variables


def _paths(study: StudyDraft, definition: Definition, study_file: Path) -> None:
    """Where the program runs, relative to the study, and its code, relative to that."""
    folder = (definition.folder or Path()).resolve()
    if folder != Path.cwd():
        study.keys["folder"] = os.path.relpath(folder, study_file.resolve().parent)
    code = [definition.program, *definition.code] if definition.program else definition.code
    if code:
        study.keys["code"] = [_below(folder, path) for path in dict.fromkeys(code)]


def _below(folder: Path, path: Path) -> str:
    """A path relative to a folder; one that is written from the root stays so where it lies outside."""
    outside = path.is_absolute() and not path.resolve().is_relative_to(folder)
    return str(path) if outside else os.path.relpath(path.resolve(), folder)


def _results(study: StudyDraft, definition: Definition, source: ProgramSource) -> None:
    columns = {"epoch": "epoch", study.keys["metric"]: _metric_column(definition)}
    if source.imports_any("lightning", "pytorch_lightning"):
        file = "**/metrics.csv"
        text = "What Lightning's CSVLogger writes: Trainer(logger=CSVLogger(FOLDER))."
    elif source.imports_any("torch.utils.tensorboard", "tensorboardX"):
        file = "**/events.out.tfevents.*"
        text = "What SummaryWriter(FOLDER) writes."
        del columns["epoch"]
    else:
        file = "metrics.csv"
        text = "A CSV file that the program writes, a row for each epoch."
    study.comment("results", text=f"{text} Correct it where the program writes its metrics in another way.")
    study.keys["results"] = {"file": file, "columns": columns}


def _epochs(
    study: StudyDraft,
    definition: Definition,
    parameters: list[Parameter],
    given: dict[Role, str],
    defaults: dict[Role, str],
) -> None:
    own = _with_role(parameters, Role.EPOCHS)
    if own is not None:
        study.keys["epochs"] = _largest(own)
        return
    said = [given.get(Role.EPOCHS), str(definition.epochs), defaults.get(Role.EPOCHS)]
    if known := [int(one) for one in said if one and one.isdecimal()]:
        study.keys["epochs"] = known[0]
        return
    study.comment(
        "epochs", text="epochs: how many the program trains is not known. Add it, or import again with --epochs."
    )


def _seeds(study: StudyDraft, definition: Definition, parameters: list[Parameter], given: dict[Role, str]) -> None:
    own = _with_role(parameters, Role.SEED)
    if own is None:
        if given.get(Role.SEED, "").isdecimal():
            study.keys["seeds"] = [int(given[Role.SEED])]
    elif own.axis is None:
        study.keys["seeds"] = [int(own.value)]
    elif definition.method == GRID:
        study.keys["seeds"] = [int(value) for value in levels(own.axis)]
    else:
        study.keys["seeds"] = [int(own.value)]
        study.comment(
            "seeds",
            text="The sweep drew the seed like a hyperparameter. Here each trial trains with each of these seeds; "
            "`confirm` trains the best settings again on others.",
        )
    if (folds := _with_role(parameters, Role.FOLD)) is not None:
        study.keys["folds"] = len(levels(folds.axis))


def _design(study: StudyDraft, definition: Definition, parameters: list[Parameter]) -> None:
    axes = {one.name: one.axis for one in parameters if one.axis is not None and one.role in (None, Role.EPOCHS)}
    if not axes:
        study.keys["runs"] = [{"id": 1}]
        study.comment("runs", text="Nothing varies but seeds or folds.")
        return
    trials = definition.trials
    if definition.method == GRID:
        points = prod(map(count, axes.values()))
        if trials is None or trials >= points:
            study.keys["grid"] = {name: levels(axis) for name, axis in axes.items()}
            if definition.pruner:
                study.comment(
                    "grid",
                    text=f"All settings train to their end here: {_written(definition.pruner)} "
                    "is left out. A `sweep` can have it as its `pruner`.",
                )
            return
    sampler = {"name": definition.method} | definition.sampler
    sweep: dict[str, Any] = {"sampler": sampler if definition.sampler else definition.method}
    if definition.sampler_seed:
        sweep["seed"] = definition.sampler_seed
    sweep["trials"] = trials or USUAL_TRIALS
    if trials is None:
        study.comment("sweep", "trials", text="Not said by the definition: correct it.")
    if definition.at_once > 1:
        sweep["at_once"] = definition.at_once
    sweep["space"] = {name: _as_written(axis) for name, axis in axes.items()}
    study.keys["sweep"] = sweep
    _pruner(study, definition)


def _pruner(study: StudyDraft, definition: Definition) -> None:
    if definition.pruner is None:
        return
    if "{resume" in study.keys["command"]:
        study.keys["sweep"]["pruner"] = definition.pruner
        return
    study.comment(
        "sweep",
        "pruner",
        text=f"pruner: {_written(definition.pruner)}\nTake this line in when the program can resume and the command "
        "says how, with its own option and file:\n{resume:--resume {out}/last.pt}",
    )


def _written(pruner: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in pruner.items()) + "}"


def _place(study: StudyDraft, path: tuple[str, ...], parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Where a remark of a definition stands in the study."""
    design = next(key for key in ("sweep", "grid", "runs") if key in study.keys)
    searched = design == "sweep"
    if path[0] == "space":
        space = ("sweep", "space") if searched else (design,)
        return (*space, *(one.name for one in parameters if (one.theirs,) == path[1:]))
    if path[0] in ("pruner", "sampler"):
        return (design, *path) if searched else (design,)
    return path


def _with_role(parameters: Iterable[Parameter], role: Role) -> Parameter | None:
    return next((one for one in parameters if one.role is role), None)


def _largest(parameter: Parameter) -> int:
    axis = parameter.axis
    if axis is None:
        return int(parameter.value)
    return int(max(axis.choices) if axis.choices is not None else axis.high)


def _as_written(axis: Dimension) -> Any:
    if axis.choices is not None and not axis.when:
        return axis.choices
    keys = axis.model_dump(exclude_defaults=True)
    if axis.integer:
        keys |= {name: int(keys[name]) for name in ("low", "high", "step") if name in keys}
    return keys
