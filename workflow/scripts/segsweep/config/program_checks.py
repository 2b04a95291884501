"""What is wrong with a study of a program of one's own, found before its first job."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from segsweep.config.dotted_keys import flat
from segsweep.config.objective_checks import wrong_costs_reported, wrong_objectives
from segsweep.config.objectives import COST
from segsweep.config.program import SHARED_PREFIXES
from segsweep.config.program_settings import written_keys
from segsweep.config.racing import all_seeds
from segsweep.config.settings import Settings
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.programs.results_files import FORMATS, format_name
from segsweep.programs.template import ALL_PARAMETERS, JOB_NAMES, PLANNING_NAMES
from segsweep.programs.template_syntax import TemplateError, names

Location = Callable[[tuple], str]
# Where a study may write placeholders: the key that it stands at, and the text.
Templates = dict[tuple, str]
TEMPLATES = "`command`, `environment` or a parameter"


def program_problems(study: Study, parameters: dict[str, Any], folder: Path, location: Location) -> list[str]:
    """All that is wrong with a study of a program, each with file, line, and a remedy.

    Args:
        study: with `command`, after `smoke`.
        parameters: its parameters, nested.
        folder: where the program runs.
        location: `file:line` of a key of the study file.
    """

    def at(keys: tuple) -> str:
        if keys[0] == "parameters":
            keys = ("parameters", *written_keys(study.parameters, tuple(keys[1].split("."))))
        return location(keys)

    found = [*_unsuited(study, location), *_missing_files(study, folder, location)]
    templates = templates_of(study) | {("parameters", name): one for name, one in _texts(parameters).items()}
    used = {}
    for keys, text in templates.items():
        try:
            used[keys] = names(text)
        except TemplateError as error:
            found.append(f"{at(keys)}: {'.'.join(keys)}: {error}")
    for keys, placeholders in used.items():
        problems = filter(None, (_unknown(name, parameters) for name in placeholders))
        found += [f"{at(keys)}: {'.'.join(keys)}: {problem}" for problem in problems]
    if len(used) < len(templates):  # what the others hold says little
        return found
    found += [*_not_passed(used, parameters, at), *_not_told(study, templates, used, location)]
    found += _unranked(study, location)
    resumes = any("resume" in one for one in used.values())
    if study.sweep is not None and study.sweep.pruner.name != "none" and not resumes:
        found.append(
            f"{location(('sweep', 'pruner'))}: a pruner trains a trial a few epochs at a time, and `command` does not "
            "say how to resume. Write what the program is started with then as `{resume:...}`, for example "
            "`{resume:--resume {out}/last.pt}`, or `pruner: {name: none}`."
        )
    return found


def templates_of(study: Study) -> Templates:
    """What a program is called with: `command` and the values of `environment`."""
    return {("command",): study.command} | {("environment", name): one for name, one in study.environment.items()}


def sections(parameters: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The sections of nested parameters, by dotted name: a placeholder may stand for one as a whole."""
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield f"{prefix}{name}", value
            yield from sections(value, f"{prefix}{name}.")


def folder_of(study: Study, file: Path) -> Path:
    """Where the program of a study file runs."""
    return file.parent / study.folder if study.folder is not None else Path()


class UnreadableTexts:
    """Finds texts in the parameters of cells that are no templates, or name what is not known.

    Args:
        parameters: of the study, nested.
    """

    def __init__(self, parameters: dict[str, Any]):
        self.parameters = parameters
        self._looked_at: dict[tuple[str, int], tuple[Any, list[tuple[tuple[str, ...], str]]]] = {}

    def problems(self, values: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
        """The key that a problem is about, and the problem. Cells share values: each is looked at once.

        Args:
            values: checked parameters of a cell, by their names at the top.
        """
        for name, value in values.items():
            if (name, id(value)) not in self._looked_at:
                self._looked_at[name, id(value)] = value, list(self._in_value(name, value))
        return [problem for name, value in values.items() for problem in self._looked_at[name, id(value)][1]]

    def _in_value(self, name: str, value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
        dump = value.model_dump(mode="json") if isinstance(value, Settings) else value
        for dotted, text in _texts({name: dump}).items():
            keys = tuple(dotted.split("."))
            try:
                problems = [_unknown(one, self.parameters) for one in names(text)]
            except TemplateError as error:
                problems = [str(error)]
            yield from ((keys, f"{dotted}: {problem}") for problem in problems if problem)


def _texts(parameters: dict[str, Any]) -> Templates:
    """The parameters that are templates themselves, by dotted name; of a list all of its texts."""
    found = {}
    for name, value in flat(parameters).items():
        texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
        if texts:
            found[name] = "\n".join(texts)
    return found


def _unsuited(study: Study, location: Location) -> Iterator[str]:
    """Keys that a program has no use for."""
    if study.ensemble is not None:
        yield (
            f"{location(('ensemble',))}: an ensemble votes with networks that segsweep builds, and these are the "
            "program's own. Leave it out: `folds` trains a run on each fold, `keep` and `checkpoint` keep the files of "
            "their models, and a program of yours can let these vote."
        )
    if "dataset" in study.model_fields_set:
        yield (
            f"{location(('dataset',))}: a program reads its data by itself. Leave `dataset` out, and name the files "
            "and folders that it reads in `inputs`: they are then part of the address."
        )
    if study.metrics:
        yield (
            f"{location(('metrics',))}: a metric of your own is computed from the masks that segsweep predicts, and a "
            "program scores by itself. Leave it out; `results.columns` names the columns of its scores."
        )
    if study.results and study.results.format is None and format_name(study.results.file) is None:
        yield (
            f"{location(('results', 'file'))}: results.file: of {study.results.file} it cannot be told how it is "
            f"written. Say so beside it: {', '.join(f'`format: {name}`' for name in FORMATS)}."
        )
    if study.epochs is None:
        yield f"{location(('command',))}: the key 'epochs' is missing. Say how many epochs the program trains."


def _missing_files(study: Study, folder: Path, location: Location) -> Iterator[str]:
    if not folder.is_dir():
        yield (
            f"{location(('folder',))}: folder is {study.folder!r}, and there is no folder {folder}. Correct it; it is "
            "relative to the study file."
        )
        return
    where = f"relative to where the program runs, {folder.resolve()}"
    for key, paths in (("code", study.code or []), ("inputs", study.inputs)):
        for number, path in enumerate(paths):
            tracked = key == "inputs" and (folder / f"{path.rstrip('/')}.dvc").is_file()
            if not tracked and not (folder / path).exists():
                near = get_close_matches(Path(path).name, [one.name for one in (folder / path).parent.glob("*")], n=1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                yield f"{location((key, number))}: {key}: there is no {path}, {where}. {hint}Correct it."


def _unknown(name: str, parameters: dict[str, Any]) -> str:
    """What is wrong with the name of a placeholder; empty where it is known.

    What lies in a parameter that is no section is known: in some cells it may be one.
    """
    leaves = flat(parameters)
    known = {*JOB_NAMES, *PLANNING_NAMES, *leaves, *dict(sections(parameters))}
    if name in known or any(name.startswith(f"{leaf}.") for leaf in leaves):
        return ""
    return (
        f"{{{name}}} is neither a parameter nor known otherwise. {nearest(name, known)} A brace of the shell is "
        f"written twice: `${{{{{name}}}}}`."
    )


def _not_passed(used: dict[tuple, dict[str, None]], parameters: dict[str, Any], location: Location) -> Iterator[str]:
    """Parameters that never reach the program."""
    reached = {name for keys, one in used.items() if keys[0] != "parameters" for name in one}
    if reached & ALL_PARAMETERS:
        return
    todo = list(reached)
    while todo:  # a parameter may be named by another one
        further = used.get(("parameters", todo.pop()), {}).keys() - reached
        reached |= further
        todo += further
    for name in flat(parameters):
        parts = name.split(".")
        if not any(".".join(parts[:length]) in reached for length in range(1, len(parts) + 1)):
            yield (
                f"{location(('parameters', name))}: the parameter {name} never reaches the program: all its values "
                f"would train the same. Name it in `command` (`--{parts[-1]} {{{name}}}`) or `environment`, pass all "
                "parameters with `{config}` (a file) or `{overrides}` (`a.b=value` for each), or leave it out."
            )


def _not_told(
    study: Study, templates: Templates, placeholders: dict[tuple, dict[str, None]], location: Location
) -> Iterator[str]:
    """What tells runs apart, and where files go, must reach the program."""
    used = {name for one in placeholders.values() for name in one}
    own = all_seeds(study.seeds)
    seeds = list(dict.fromkeys([*own, *(all_seeds(study.confirm.seeds) if study.confirm else [])]))
    if len(seeds) > 1 and "seed" not in used:
        yield (
            f"{location(('seeds',)) if len(own) > 1 else location(('confirm', 'seeds'))}: the seeds are "
            f"{seeds}, and the program is not told which: all would train the same. Write `{{seed}}` in {TEMPLATES}, "
            "or give one seed."
        )
    if study.folds is not None and "fold" not in used:
        yield (
            f"{location(('folds',))}: there are {study.folds.k} folds, and the program is not told which: all would "
            f"train the same. Write `{{fold}}` (from 0, of `{{folds}}`) in {TEMPLATES}, or leave out `folds`."
        )
    for keys, names_there in placeholders.items():
        if study.folds is None and "fold" in names_there and "{fold:" not in templates[keys]:
            yield (
                f"{location(keys)}: {'.'.join(keys)}: `{{fold}}` stands there, and the study has no folds. Write "
                "`folds: 5`, leave it out, or write what it belongs to as `{fold:--fold {fold}}`."
            )
    if "out" not in used:
        yield (
            f"{location(('command',))}: the program is not told where its files go, so its metrics cannot be found. "
            f"Write `{{out}}` in {TEMPLATES}: it is the folder of a run's files."
        )


def _unranked(study: Study, location: Location) -> Iterator[str]:
    """A metric that nobody named: neither in `metric`, nor as a column of the results; or one that has no place."""
    named = {("metric",): study.metric} | {("also_report", number): one for number, one in enumerate(study.also_report)}
    named |= {("objectives", name): name for name in study.objectives if name != study.metric}
    yield from wrong_objectives(study, location, None, ())
    yield from wrong_costs_reported(study, location, of_program=True)
    for keys, name in named.items():
        if name.startswith(COST):
            continue
        if not name.startswith(SHARED_PREFIXES):
            ours = f"val/{name.rpartition('/')[2] or 'NAME'}"
            yield (
                f"{location(keys)}: {keys[0]} is {name!r}; scores and losses are called val/... and train/... here. "
                f"Write `{ours}`, and `results: {{columns: {{{ours}: ITS NAME IN THE FILE}}}}`."
            )
    columns = study.results.columns if study.results else {}
    if "metric" not in study.model_fields_set and study.metric not in columns:
        named = next((name for name in columns if name.startswith("val/")), None)
        yield (
            f"{location(('results', 'columns')) if study.results else location(('command',))}: runs are ranked by "
            f"`metric`, {study.metric} if not set, and `results.columns` has no such column. Write "
            + (f"`metric: {named}`." if named else f"`results: {{columns: {{{study.metric}: ITS NAME IN THE FILE}}}}`.")
        )
