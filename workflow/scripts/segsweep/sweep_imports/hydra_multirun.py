"""A multirun of Hydra: its configuration with `hydra.sweeper.params`, its command line, or its folder of results.

Source: hydra.cc, "Multi-run", "Extended Override syntax", "Optuna Sweeper plugin".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    OverrideType,
    QuotedString,
    RangeSweep,
    Transformer,
)

from segsweep.config.search import Dimension
from segsweep.errors import InputError
from segsweep.sweep_imports.definition import GRID, Arguments, Definition
from segsweep.sweep_imports.hydra_application import MULTIRUN, HydraApplication, application_of
from segsweep.sweep_imports.hydra_command import run_words, values_in_force
from segsweep.sweep_imports.hydra_configuration import (
    OPTUNA_KEYS,
    HydraConfiguration,
    NotComposed,
    alone,
    composed,
    parsed,
)
from segsweep.sweep_imports.optuna_parts import direction, numbers, take_sampler
from segsweep.sweep_imports.shell_words import literal

METRIC_KEYS = ("optimized_metric", "optimize_metric", "objective_metric", "metric_to_optimize")
# Beginnings of overrides that say nothing to a single run.
OF_MULTIRUNS = ("hydra/sweeper", "hydra.sweeper", "hydra/launcher", "hydra.launcher", "hydra.sweep.", "hydra.mode")


def read_hydra(path: Path, words: Sequence[str], program: Path | None) -> Definition:
    """The definition of a multirun.

    Args:
        path: of its configuration, or of the `multirun.yaml` that Hydra wrote.
        words: overrides of its command line.
        program: the application, where a person says it.

    Raises:
        InputError: nothing varies, or an override is none.
    """
    if path.name == MULTIRUN:
        application, configuration, fixed = _finished(path, words)
    else:
        application, configuration, fixed = _configured(path, words, program)
    sweeps = [one for one in configuration.sweeps if one.is_sweep_override()]
    if not sweeps and not configuration.sweeper().get("search_space"):
        raise InputError(
            f"{path}: nothing varies: there is no `hydra.sweeper.params`. Give the overrides of the multirun besides: "
            "lr=0.1,0.01 model=unet,fpn. (A sweep file of W&B has the keys `method` and `parameters`.)"
        )
    sweeper = configuration.sweeper()
    name = sweeper.get("study_name") or (path.parent.name if path.name == MULTIRUN else path.stem)
    found = Definition(f"the Hydra configuration {path}", str(name), GRID, {})
    searches = not str(sweeper.get("_target_", "BasicSweeper")).endswith("BasicSweeper")
    if searches:
        _take_search(found, sweeper)
    for override in sweeps:
        _take_axis(found, configuration, override, searches)
    for key, keys in (sweeper.get("search_space") or {}).items():
        found.axes[key] = _from_search_space(keys)
        found.base[key] = configuration.value(key)
    if configuration.problem:
        found.remark(
            "parameters",
            text=f"Hydra could not compose the configuration, so what its defaults say is not known here. "
            f"{configuration.problem}",
        )
    _take_metric(found, configuration)
    fixed = [*fixed, *(_as_word(one) for one in configuration.sweeps if not one.is_sweep_override())]
    _take_program(found, application, configuration, fixed)
    return found


def _configured(
    path: Path, words: Sequence[str], program: Path | None
) -> tuple[HydraApplication, HydraConfiguration, list[str]]:
    application = application_of(path, program)
    overrides = parsed(words)
    fixed = [_as_word(one) for one in overrides if not one.is_sweep_override()]
    sweeps = [_as_word(one) for one in overrides if one.is_sweep_override()]
    selection = application.selection
    tries = [None] if selection is None or selection.startswith("--") else [selection, f"+{selection}"]
    for chosen in tries:
        try:
            configuration = composed(
                application.folder, application.config_name, [*filter(None, [chosen]), *fixed], sweeps
            )
        except NotComposed as error:
            problem = str(error)
            continue
        return application, configuration, [*filter(None, [chosen or selection]), *fixed]
    return application, alone(path, sweeps, problem), [*filter(None, [selection]), *fixed]


def _finished(path: Path, words: Sequence[str]) -> tuple[HydraApplication, HydraConfiguration, list[str]]:
    """A multirun by what Hydra wrote into its folder."""
    hydra = alone(path, []).hydra
    task = [*(hydra.get("overrides", {}).get("task") or []), *words]
    configuration = alone(path, [one for one in task if parsed([one])[0].is_sweep_override()])
    fixed = [one for one in task if not parsed([one])[0].is_sweep_override()]
    runtime, job = hydra.get("runtime", {}), hydra.get("job", {})
    sources = [one.path for one in runtime.get("config_sources") or [] if one.schema == "file"]
    folder, name = Path(sources[0] if sources else path.parent), job.get("config_name") or path.stem
    program = Path(runtime.get("cwd", "."), f"{job.get('name', 'train')}.py")
    if not program.is_file():  # `python src/train.py`
        program = application_of(folder / f"{name}.yaml", None).program
    return HydraApplication(folder, name, None, program), configuration, fixed


def _take_search(found: Definition, sweeper: dict[str, Any]) -> None:
    """What a sweeper that searches says; Optuna's words."""
    target = str(sweeper["_target_"])
    sampler = dict(sweeper.get("sampler") or {})
    take_sampler(found, str(sampler.pop("_target_", "TPESampler")).rpartition(".")[2], sampler)
    if "optuna" not in target.lower():
        found.remark("sampler", text=f"{target} is not Optuna's sweeper: {found.method} was taken.")
    directions = sweeper.get("direction") or "minimize"
    direction(found, [str(one) for one in directions] if isinstance(directions, list) else [str(directions)])
    found.trials = sweeper.get("n_trials", OPTUNA_KEYS["n_trials"])
    found.at_once = sweeper.get("n_jobs", OPTUNA_KEYS["n_jobs"])
    if sweeper.get("custom_search_space"):
        found.remark(
            "space", text=f"{sweeper['custom_search_space']} adds to the space what it computes: add it by hand."
        )
    if sweeper.get("pruner"):
        found.remark(
            "pruner", text=f"The pruner {sweeper['pruner']} was not translated; docs/sweeps.md has those of segsweep."
        )


def _take_axis(found: Definition, configuration: HydraConfiguration, override: Override, searches: bool) -> None:
    key = override.input_line.partition("=")[0]
    if found.method == GRID and isinstance(override.value(), IntervalSweep):
        raise InputError(
            f"{override.input_line}: a grid takes no interval. Write a choice or a range, or choose a sweeper that "
            "searches: hydra/sweeper=optuna."
        )
    found.axes[key] = _searched(override) if searches else Dimension(choices=_values(override))
    if override.type is not OverrideType.ADD:
        found.base[key] = configuration.value(key)
    if "log" in getattr(override.value(), "tags", ()) and not searches:
        found.remark("space", key, text="The tag `log` says nothing in a grid.")


def _searched(override: Override) -> Dimension:
    """The dimension that the Optuna sweeper makes of an override; a range includes its end there."""
    value = override.value()
    if isinstance(value, IntervalSweep):
        whole = isinstance(value.start, int) and isinstance(value.end, int)
        return numbers(value.start, value.end, log="log" in value.tags, integer=whole)
    if isinstance(value, RangeSweep) and not value.shuffle:
        whole = all(isinstance(one, int) for one in (value.start, value.stop, value.step))
        return numbers(value.start, value.stop, step=value.step, integer=whole)
    return Dimension(choices=_values(override))


def _values(override: Override) -> list[Any]:
    return [_plain(value) for value in override.sweep_iterator(transformer=Transformer.identity)]


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items()}
    return value


def _from_search_space(keys: dict[str, Any]) -> Dimension:
    """An entry of `search_space`, the former name of `params`."""
    if keys.get("choices") is not None:
        return Dimension(choices=keys["choices"])
    whole = keys.get("type") == "int"
    return numbers(keys["low"], keys["high"], log=bool(keys.get("log")), step=keys.get("step"), integer=whole)


def _take_metric(found: Definition, configuration: HydraConfiguration) -> None:
    said = [configuration.value(name) for name in METRIC_KEYS]
    found.metric = next((name for name in said if isinstance(name, str)), None)


def _take_program(
    found: Definition, application: HydraApplication, configuration: HydraConfiguration, fixed: Sequence[str]
) -> None:
    found.program, found.code = application.program, [application.folder]
    program = "train.py"
    if application.program is None:
        found.remark("command", text="The program was not found: correct its name, or import again with --program.")
    else:
        above = application.folder.parent
        found.folder = above if application.program.is_relative_to(above) else application.program.parent
        program = application.program.relative_to(found.folder).as_posix()
    fixed = [word for word in fixed if not word.lstrip("+").startswith(OF_MULTIRUNS)]
    words = [literal(word) for word in fixed]
    said = [*(word.partition("=")[0] for word in fixed), *found.axes]
    words += values_in_force(configuration, said)
    found.command = ["python", literal(program), *words, Arguments.ASSIGNMENTS, *run_words(configuration)]


def _as_word(override: Override) -> str:
    return str(override.input_line)
