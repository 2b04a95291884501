"""From what a person asks for (`--config study=... dataset=... smoke=true`) to checked settings."""

import copy
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from segsweep import metrics, registry
from segsweep.analysis.measures import NAMES as MEASURES_OF_RUNS
from segsweep.config.cluster import Cluster
from segsweep.config.dataset import parse_dataset
from segsweep.config.dataset_keys import Dataset
from segsweep.config.dotted_keys import outer_and_last
from segsweep.config.metric_direction import doubtful_direction
from segsweep.config.prediction import Prediction
from segsweep.config.program_checks import folder_of, program_problems
from segsweep.config.program_settings import nested_parameters
from segsweep.config.search import Ensemble
from segsweep.config.settings import Settings, key
from segsweep.config.smoke_study import as_smoke_test
from segsweep.config.split_keys import TEST, VAL
from segsweep.config.study import Study
from segsweep.config.study_names import check_study_name
from segsweep.config.test_score_checks import lack_of_test_split, problems_of_test_score
from segsweep.config.yaml_documents import Document, nearest, parse
from segsweep.data.classes import class_table
from segsweep.errors import InputError
from segsweep.own_code.names import alike_without_folders, own_score, relocated, without_folder

# Keys that name scores, or hold something by their names.
SCORES = {"metric", "also_report", "monitor", "of", "names"}
TRACKERS = tuple(registry.classes("tracker"))


class Request(Settings):
    """What config/config.yaml and `--config` say."""

    study: str = key("demo", "Name of a file in config/studies, or a path.", min_length=1, max_length=1000)
    dataset: str | None = key(
        None,
        "Data set in place of the study's: a name in config/datasets, or a path.",
        min_length=1,
        max_length=1000,
    )
    smoke: bool = key(False, "The study as a smoke test.")
    partial: bool = key(False, "Report on what is finished, and list what is not.")
    of: str = key(
        "best",
        "Which trained models are exported, or predict: `best`, `top 3`, `ensemble`, or the name of a run.",
    )
    data_root: str = key("data", "Folder that holds the data sets.")
    pack: int = key(1, "Segments trained in one job.", ge=1)
    pack_at_once: int = key(1, "Segments of a pack trained at the same time.", ge=1)
    device: str = key("auto", "Device of trainings: `auto`, `cpu`, `cuda`, or one GPU as `cuda:1`.")
    warm: bool | None = key(
        None,
        "Trainings start from a process that has the libraries loaded; on one machine if not set, not in cluster jobs.",
    )
    check_components: bool = key(True, "Settings, and components of own code, are tried before the first training.")
    claim_gpu: bool = key(False, "Trainings on this machine share its GPUs by memory, each on one of them.")
    predict: Prediction | None = key(None, "Images that `make predict` predicts.")
    exporters: list[Literal[TRACKERS]] = key(
        [], "Trackers that are told of each epoch while a study trains; see docs/trackers.md."
    )
    cluster: Cluster | None = key(None, "What a person fills in about their cluster; see config/cluster.yaml.")

    @field_validator("device")
    @classmethod
    def _known(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
            raise ValueError(f"{value!r} is no device; there are auto, cpu, cuda and, for one of several GPUs, cuda:0")
        return value

    @field_validator("exporters", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """A text is a list of names: `tensorboard,mlflow` on the command line."""
        return value.strip("[] ").replace(",", " ").split() if isinstance(value, str) else value


@dataclass
class Loaded:
    """A study with what belongs to it.

    Attributes:
        base: what its cells start from, raw: `train`, or the parameters of a program, nested, with `epochs` and
            `on_oom`.
        dataset: None of a study that segsweep does not train.
        root: folder of the data; of a program the folder in which it runs.
    """

    name: str
    study: Study
    document: Document
    base: dict[str, Any]
    dataset: Dataset | None
    root: Path
    smoke: bool

    def location(self, keys: tuple) -> str:
        """`file:line` of a key."""
        return self.document.location(keys)


def requested(study: str | None, words: Iterable[str], config: Path = Path("config")) -> Request:
    """What a program is asked for: config.yaml, words like those behind `--config` laid over it, and a study.

    Raises:
        InputError: an unknown key, or a value that it cannot have.
    """
    values = dict(Document(config / "config.yaml").values)
    for word in words:
        name, _, value = word.partition("=")
        values[name] = {"true": True, "false": False}.get(value.lower(), value)
    if study:
        values["study"] = study
    return parse(Request, values, lambda keys: f"{config}/config.yaml or the command line")


def find(kind: str, name: str, folder: Path, named_at: str = "") -> Path:
    """The file of a study or data set: a path, or a name in the folder. `named_at` stands in front of a problem.

    Raises:
        InputError: neither exists; names the nearest that does.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not os.path.isfile(path):
            raise InputError(
                f"{named_at}{kind} {name}: there is no such file. Check the path; it is relative to the working "
                "directory."
            )
        return path
    path = folder / f"{name}.yaml"
    if not os.path.isfile(path):  # which has no trouble with names that no file can have
        known = [other.stem for other in folder.glob("*.yaml")]
        raise InputError(
            f"{named_at}unknown {kind} {name!r}: there is no {str(path)!r}. {nearest(name, known)} Or give the path of "
            "a file."
        )
    return path


def load(request: Request, config: Path = Path("config")) -> Loaded:
    """Read and check the study and the data set that are asked for.

    Raises:
        InputError: with all that is wrong in the study file, or another study has its name.
    """
    document = read_study(find("study", request.study, config / "studies"))
    values = copy.deepcopy(document.values)
    study = parse(Study, values, document.location)
    _use_metrics(study, document.location)
    check_study_name(study.name, document.path, config=config, results=Path("results"))
    if request.smoke and study.table is not None:
        raise InputError(f"{document.location(('table',))}: nothing is trained. Leave out smoke=true.")
    if request.smoke:
        values = as_smoke_test(values, document.location)
        study = parse(Study, values, lambda keys: document.location(("smoke", *keys)))
    if study.command is not None:
        return _program(request, study, document)
    dataset_name = request.dataset or study.dataset
    named_at = "" if request.dataset else f"{document.location(('dataset',))}: "
    dataset = load_dataset(dataset_name, config, document.path.parent, named_at) if study.table is None else None
    root = Path(request.data_root) / dataset.root if dataset is not None else Path()
    if study.ensemble is not None and dataset is not None:
        study = study.model_copy(update={"ensemble": _scored(study.ensemble, dataset, root, document.location)})
    wrong = doubtful_direction(study, document.location)
    wrong += problems_of_test_score(study, dataset, root, document.location)
    if dataset is not None:
        wrong += _wrong_metrics(study, dataset, document.location)
    if not request.smoke:  # which may leave out what claims are judged by
        wrong += _claims_without_ground(study, document.location)
    if wrong:
        raise InputError(*wrong)
    name = study.name
    if dataset is not None and request.dataset and dataset.name != study.dataset:
        name += f"_on_{dataset.name}"
    if request.smoke:
        name += "_smoke"
    return Loaded(name, study, document, values.get("train") or {}, dataset, root, request.smoke)


def _program(request: Request, study: Study, document: Document) -> Loaded:
    """A study of a program, after `smoke`, checked."""
    parameters = nested_parameters(study.parameters, document.location)
    wrong = doubtful_direction(study, document.location)
    wrong += problems_of_test_score(study, None, Path(), document.location)
    wrong += program_problems(study, parameters, folder_of(study, document.path), document.location)
    if request.dataset:
        wrong.append(
            f"dataset={request.dataset} was asked for, and {document.path} runs a program, which reads its data by "
            "itself. Leave it out."
        )
    if wrong:
        raise InputError(*wrong)
    base = parameters | {"epochs": study.epochs, "on_oom": study.on_oom}
    name = f"{study.name}_smoke" if request.smoke else study.name
    return Loaded(name, study, document, base, None, folder_of(study, document.path), request.smoke)


def read_study(path: Path) -> Document:
    """A study file, its names of own code relative to the working folder, and own metrics listed in `metrics`.

    Raises:
        InputError: it is no YAML, or two names of own code could not be told apart in tables.
    """
    is_program = "command" in Document(path).values
    scores: dict[str, None] = {}
    texts: set[str] = set()

    def rewritten(text: str, keys: tuple, is_key: bool) -> str:
        # Of a program of one's own, what looks like a name of own code is one of its parameters.
        if is_program and keys[:2] != ("sweep", "sampler"):
            return text
        section = next((key for key in reversed(keys) if isinstance(key, str)), "")
        if outer_and_last(section)[1] in SCORES and (score := own_score(text, path.parent)):
            scores[str(score[1])] = None
            return score[0]
        texts.add(found := relocated(text, path.parent, is_key=is_key))
        return found

    document = Document(path, rewritten)
    if alike := alike_without_folders(texts):
        raise InputError(
            f"{path}: {' and '.join(alike)} would be one name in labels and tables, {without_folder(alike[0])}. Rename "
            "one of the files, or a function."
        )
    if scores and isinstance(listed := document.values.get("metrics", []), list):
        document.values["metrics"] = list(dict.fromkeys([*listed, *scores]))
    return document


def load_dataset(name: str, config: Path = Path("config"), near: Path = Path(), named_at: str = "") -> Dataset:
    """A data set file, by name or by a path (relative to the working directory or to the study file).

    `named_at` says where it is named, in front of the problem that there is no such file.
    """
    if name.endswith((".yaml", ".yml")) and not os.path.isfile(name) and os.path.isfile(near / name):
        name = str(near / name)
    path = find("data set", name, config / "datasets", named_at)
    document = Document(path, lambda text, keys, is_key: relocated(text, path.parent, is_key=is_key))
    return parse_dataset(document.values, document.location)


def _scored(ensemble: Ensemble, dataset: Dataset, root: Path, location) -> Ensemble:
    """The ensemble with its `score_on` filled in: a test split, where there is one with ground truth."""
    lack = lack_of_test_split(dataset, root)
    if ensemble.score_on == TEST and lack:
        raise InputError(
            f"{location(('ensemble', 'score_on'))}: the data set {dataset.name} {lack}, or score on `val`: the folds "
            "of the members are then drawn within `train`."
        )
    return ensemble.model_copy(update={"score_on": ensemble.score_on or (VAL if lack else TEST)})


def _use_metrics(study: Study, location) -> None:
    """From here on, this process knows the study's own metrics."""
    try:
        metrics.use_own(study.metrics)
    except InputError as error:
        raise InputError(*(f"{location(('metrics',))}: metrics: {problem}" for problem in error.problems)) from error


def _wrong_metrics(study: Study, dataset: Dataset, location) -> list[str]:
    """A problem for each metric that a study names and its data set's task does not have."""
    named = [(("metric",), study.metric)]
    named += [(("also_report",), metric) for metric in study.also_report]
    classes = class_table(dataset).names
    found = metrics.check(((location(keys), metric) for keys, metric in named), dataset.task, classes)
    columns = [*metrics.columns(dataset.task, classes), *MEASURES_OF_RUNS]
    for number, claim in enumerate(study.claims):
        column = getattr(claim, "of", None)
        is_part_of_loss = column is not None and column.startswith("val/") and metrics.is_loss(column)
        if column is not None and column not in columns and not is_part_of_loss:
            found.append(
                f"{location(('claims', number, 'of'))}: claims: {claim.id} speaks of {column!r}, and runs.csv has no "
                f"such column. {nearest(column, columns)}"
            )
    return found


def _claims_without_ground(study: Study, location) -> list[str]:
    """A problem for each claim that nothing of the study could ever decide."""
    return [
        f"{location(('claims', number))}: claims: {claim.id} is judged by what `{claim.needs}` trains, and the study "
        f"has no `{claim.needs}`. Add it, or take the claim out."
        for number, claim in enumerate(study.claims)
        if claim.needs is not None and getattr(study, claim.needs) is None
    ]
