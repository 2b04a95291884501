"""A sweep configuration of W&B, the file that `wandb sweep` takes.

Source: docs.wandb.ai, "Sweep configuration options"; the words of `command` as `wandb agent` fills them in.
"""

import re
from pathlib import Path
from typing import Any, Literal

from segsweep.config.search import Dimension
from segsweep.config.settings import Settings, key
from segsweep.config.yaml_documents import Document, nearest, parse
from segsweep.errors import InputError
from segsweep.formatting import number
from segsweep.sweep_imports.definition import GRID, Arguments, Definition
from segsweep.sweep_imports.shell_words import literal
from segsweep.sweep_imports.wandb_distributions import WandbParameter, dimension

METHODS = {"grid": GRID, "random": "random", "bayes": "gp"}
COMMAND = ["${env}", "${interpreter}", "${program}", "${args}"]
MACROS = {
    "${args}": Arguments.FLAGS,
    "${args_no_equals}": Arguments.SPACED_FLAGS,
    "${args_no_boolean_flags}": Arguments.SWITCHES,
    "${args_no_hyphens}": Arguments.ASSIGNMENTS,
    "${args_json}": Arguments.JSON,
    "${json}": Arguments.JSON,
    "${args_json_file}": Arguments.JSON_FILE,
    "${json_file}": Arguments.JSON_FILE,
}
WHOLE_MACRO = re.compile(r"\$\{[^{}]*\}")
VARIABLE = re.compile(r"\$\{envvar:([A-Za-z_]\w*)\}")
# Keys that say where W&B keeps a sweep and who runs it: nothing of what is searched.
BOOKKEEPING = {"project", "entity", "controller", "job", "queue", "image_uri", "imageuri", "launch", "scheduler"}
ITERATIONS = "An iteration of W&B is a value that the program logged; here it is an epoch."


class WandbMetric(Settings):
    """What is optimized."""

    name: str = key(..., "As the program logs it.")
    goal: Literal["minimize", "maximize"] = key("minimize", "Which end is better.")
    target: float | None = key(None, "The sweep ends when a run reaches it.")
    impute: str | None = key(None, "What a run that failed counts as.")
    imputewhilerunning: str | None = key(None, "The same while it runs.")


class WandbTermination(Settings):
    """Which runs are ended early."""

    type: Literal["hyperband"] = key(..., "The only one that W&B has.")
    min_iter: int | None = key(None, "First rung.", ge=1)
    max_iter: int | None = key(None, "Last iteration, from which the rungs are counted back.", ge=1)
    s: int | None = key(None, "Number of rungs below `max_iter`.", ge=1)
    eta: float = key(3, "One in eta goes on.", gt=1)
    strict: bool = key(False, "Prunes more.")


class WandbSweep(Settings):
    """The keys that say what is searched."""

    method: Literal["grid", "random", "bayes"] = key(..., "How settings are proposed.")
    parameters: dict[str, WandbParameter] = key(..., "What varies.", min_length=1)
    metric: WandbMetric | None = key(None, "What is optimized.")
    program: str | None = key(None, "The training program.")
    command: list[Any] | None = key(None, "How it is started.")
    early_terminate: WandbTermination | None = key(None, "Which runs are ended early.")
    name: str = key("", "Its name.")
    description: str = key("", "What it is for.")
    run_cap: int | None = key(None, "Most runs.", ge=1)


def is_wandb_sweep(values: dict[str, Any]) -> bool:
    """Whether the keys of a YAML file are those of a sweep configuration."""
    return "method" in values and "parameters" in values


def read_wandb_sweep(path: Path, program: Path | None = None) -> Definition:
    """The definition in a sweep configuration.

    Args:
        path: of the file.
        program: that trains, where a person says it; it goes before the file's.

    Raises:
        InputError: the file is no sweep configuration; all that is wrong with it.
    """
    document = Document(path)
    kept = {name: value for name, value in document.values.items() if name in WandbSweep.model_fields}
    sweep = parse(WandbSweep, kept, document.location)
    found = Definition(f"the W&B sweep {path}", sweep.name or path.stem, METHODS[sweep.method], {})
    for name in document.values.keys() - kept.keys() - BOOKKEEPING:
        text = (
            f"{document.location((name,))}: `{name}: {document.values[name]}` is no key of a sweep that is known here."
        )
        found.remark("sweep", text=text)
    found.note, found.trials = sweep.description, sweep.run_cap
    _take_parameters(found, sweep.parameters, document)
    if sweep.metric:
        _take_metric(found, sweep.metric)
    if sweep.early_terminate:
        _take_termination(found, sweep.early_terminate, document)
    if program is not None:
        sweep = sweep.model_copy(update={"program": str(program)})
    found.command = _command(sweep, found, document)
    return found


def _take_parameters(found: Definition, parameters: dict[str, WandbParameter], document: Document, path=()) -> None:
    for name, parameter in parameters.items():
        here, dotted = (*path, name), ".".join((*path, name))
        if parameter.parameters is not None:
            _take_parameters(found, parameter.parameters, document, here)
        elif parameter.is_constant:
            found.constants |= _flat(dotted, parameter.value)
        else:
            axis, lost = dimension(parameter)
            if axis.choices and len(axis.choices) == 1:
                found.constants[dotted] = axis.choices[0]
                continue
            if lost:
                found.remark("space", dotted, text=lost)
            found.axes[dotted] = axis
            if found.method == GRID and parameter.values is None and not _is_countable(axis):
                keys = ("parameters", *(part for one in here for part in (one, "parameters")))[:-1]
                raise InputError(
                    f"{document.location(keys)}: {dotted} has a continuous distribution ({parameter.drawn_from}), of "
                    "which method grid cannot take all values. Give it `values`, or write method: random."
                )
        if path:
            found.remark(
                "command", text=f"W&B passes {path[0]} as one value in braces; here each of its parameters is one."
            )


def _flat(name: str, value: Any) -> dict[str, Any]:
    """A constant by its name; of a mapping each value by its dotted one."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    return {inner: one for part, values in value.items() for inner, one in _flat(f"{name}.{part}", values).items()}


def _is_countable(axis: Dimension) -> bool:
    return axis.integer or axis.step is not None


def _take_metric(found: Definition, metric: WandbMetric) -> None:
    found.metric, found.minimize = metric.name, metric.goal == "minimize"
    if metric.target is not None:
        found.remark("metric", text=f"A search does not end early here: `target: {number(metric.target)}` is left out.")


def _take_termination(found: Definition, rule: WandbTermination, document: Document) -> None:
    where = document.location(("early_terminate",))
    if rule.min_iter is not None:
        first = rule.min_iter
    elif rule.max_iter is not None and rule.s is not None:
        first = max(1, int(rule.max_iter / rule.eta**rule.s))
    else:
        raise InputError(f"{where}: early_terminate says no first rung. Give it `min_iter`, or `max_iter` with `s`.")
    eta = int(rule.eta) if float(rule.eta).is_integer() else rule.eta
    found.pruner = {"name": "hyperband", "brackets": 1, "min_epochs": first, "eta": eta}
    found.epochs = rule.max_iter
    found.remark("pruner", text=ITERATIONS)
    if rule.strict:
        found.remark("pruner", text="`strict` has no counterpart.")


def _command(sweep: WandbSweep, found: Definition, document: Document) -> list[str | Arguments]:
    words: list[str | Arguments] = []
    for i, token in enumerate(COMMAND if sweep.command is None else sweep.command):
        text = str(token)
        if text == "${env}":
            continue
        if text == "${interpreter}":
            words.append("python")
        elif text in MACROS:
            words.append(MACROS[text])
        elif "${program}" in text:
            if sweep.program is None:
                raise InputError(
                    f"{document.path}: the command speaks of ${{program}}, and there is none. Add `program`, or "
                    "import again with --program."
                )
            words.append(literal(text.replace("${program}", sweep.program)))
        elif WHOLE_MACRO.fullmatch(text) and not VARIABLE.fullmatch(text):
            known = [*MACROS, "${env}", "${interpreter}", "${program}"]
            raise InputError(
                f"{document.location(('command', i))}: {text} is unknown, and W&B leaves it out. {nearest(text, known)}"
            )
        else:
            words.append(_with_variables(text))
    found.program = Path(sweep.program) if sweep.program else None
    if {Arguments.FLAGS, Arguments.SPACED_FLAGS} & set(words):
        _write_as_python(found)
    return words


def _write_as_python(found: Definition) -> None:
    """Pass what is neither number nor text as W&B's agent writes it: `True`, `None`, a list or mapping as one word."""
    found.constants = {name: _as_python(value) for name, value in found.constants.items()}
    for name, axis in found.axes.items():
        if axis.choices is not None:
            found.axes[name] = axis.model_copy(update={"choices": [_as_python(value) for value in axis.choices]})


def _as_python(value: Any) -> Any:
    return str(value) if value is None or isinstance(value, bool | list | dict) else value


def _with_variables(text: str) -> str:
    """A word of the command; `${envvar:NAME}` becomes a variable of the shell."""
    parts = VARIABLE.split(text)
    return "".join(f'"${{{{{part}}}}}"' if i % 2 else literal(part) for i, part in enumerate(parts) if part)
