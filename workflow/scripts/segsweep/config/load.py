"""From what a person asks for (`--config study=... dataset=... smoke=true`) to checked settings."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from segsweep import registry
from segsweep.config.cluster import Cluster
from segsweep.config.dataset import parse_dataset
from segsweep.config.dataset_keys import Dataset
from segsweep.config.dotted_keys import outer_and_last
from segsweep.config.metric_direction import doubtful_direction
from segsweep.config.prediction import Prediction
from segsweep.config.program_checks import folder_of, program_problems
from segsweep.config.program_settings import nested_parameters
from segsweep.config.right_settings import RightSettings, right_settings
from segsweep.config.settings import Settings, key
from segsweep.config.smoke_study import as_smoke_test, smoke_location
from segsweep.config.study import Study
from segsweep.config.study_checks import (
    beyond_range,
    claims_without_ground,
    use_metrics,
    with_split_to_score_on,
    wrong_metrics,
)
from segsweep.config.study_names import check_study_name
from segsweep.config.test_score_checks import problems_of_test_score
from segsweep.config.yaml_documents import Document, nearest, parse
from segsweep.errors import LEFT_OUT, InputError, Problems
from segsweep.own_code.names import alike_without_folders, own_score, relocated, without_folder
from segsweep.project_files import CONFIG
from segsweep.search.start_points import with_start_points, without_start_points

# Keys that name scores, or hold something by their names.
SCORES = {"metric", "objectives", "also_report", "monitor", "of", "names"}
Location = Callable[[tuple], str]
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
    mps: bool = key(
        False,
        "Trainings that share a GPU (`pack_at_once` above 1, `claim_gpu`) compute side by side by NVIDIA's MPS, where "
        "it can be started. Off by default: an illegal memory access of one ends all.",
    )
    predict: Prediction | None = key(None, "Images that `make predict` predicts.")
    exporters: list[Literal[TRACKERS]] = key(
        [], "Trackers that are told of each epoch while a study trains; see docs/trackers.md."
    )
    container: str | None = key(
        "envs/segsweep.sif",
        "Image in which jobs run with `--sdm apptainer`: a file, or an address such as `docker://...`; see "
        "docs/containers.md.",
    )
    cluster: Cluster | None = key(None, "What a person fills in about their cluster; see config/cluster.yaml.")

    @property
    def device_asked(self) -> str:
        """The device that trainings of segsweep's own ask torch for: what `auto` is, where it is said what jobs get."""
        if self.device != "auto":
            return self.device
        if self.cluster is not None:
            return "cuda" if self.cluster.has_gpu else "cpu"
        return "cuda" if self.claim_gpu else "auto"

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
        values: of the study, after `smoke`, raw.
        base: what its cells start from, raw: `train`, or the parameters of a program, nested, with `epochs` and
            `on_oom`.
        dataset: None of a study that segsweep does not train.
        root: folder of the data; of a program the folder in which it runs.
        location: `file:line` of a key.
    """

    name: str
    study: Study
    document: Document
    values: dict[str, Any]
    base: dict[str, Any]
    dataset: Dataset | None
    root: Path
    smoke: bool
    location: Location


def requested(study: str | None, words: Iterable[str], config: Path = Path("config")) -> Request:
    """What a program is asked for: config.yaml, words like those behind `--config` laid over it, and a study.

    Raises:
        InputError: an unknown key, or a value that it cannot have.
    """
    file = config / "config.yaml"
    values = dict(Document(file).values) if file.exists() else {}
    for word in words:
        name, _, value = word.partition("=")
        values[name] = {"true": True, "false": False}.get(value.lower(), value)
    if study:
        values["study"] = study
    return parse(Request, values, lambda keys: f"{config}/config.yaml or the command line")


def find(kind: str, name: str, folder: Path, named_at: str = "") -> Path:
    """The file of a study or data set: a path, or a name in the folder or, where it has none, among segsweep's own.

    `named_at` stands in front of a problem.

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
    folders = (folder, CONFIG / folder.name)
    for path in (one / f"{name}.yaml" for one in folders):
        if os.path.isfile(path):  # which has no trouble with names that no file can have
            return path
    known = {other.stem for one in folders for other in one.glob("*.yaml")}
    raise InputError(
        f"{named_at}unknown {kind} {name!r}: there is no {str(folder / f'{name}.yaml')!r}. {nearest(name, known)} Or "
        "give the path of a file."
    )


def load(request: Request, config: Path = Path("config")) -> Loaded:
    """Read and check the study and the data set that are asked for.

    Raises:
        InputError: with all that is wrong in them, or another study has its name.
    """
    problems = Problems()
    loaded = load_right(request, problems, config)
    problems.tell()
    return loaded


def load_right(request: Request, problems: Problems, config: Path = Path("config")) -> Loaded | None:
    """As `load`, of a study that may have problems: what is right of it; None where that makes no study.

    Args:
        request: what a person asks for.
        problems: what is wrong is added to it.
        config: folder with `studies` and `datasets`.
    """
    document = problems.of(lambda: read_study(find("study", request.study, config / "studies")))
    if document is None:
        if request.dataset:
            problems.of(load_dataset, request.dataset, config)
        return None
    right = right_settings(Study, document.values, document.location, problems)
    if right is None:
        _named_dataset(request, document.values, document, document.location, problems, config)
        return None
    study = right.settings
    problems.of(use_metrics, study, right.location)
    problems.of(check_study_name, study.name, document.path, config=config, results=Path("results"))
    if not request.smoke:
        return _checked(request, right, document, problems, config)
    if study.table is not None:
        problems.add([f"{right.location(('table',))}: nothing is trained. Leave out smoke=true."])
        return None
    return load_smoke(request, right.values, document, right.location, problems, config)


def load_smoke(
    request: Request,
    values: dict[str, Any],
    document: Document,
    location: Location,
    problems: Problems,
    config: Path = Path("config"),
) -> Loaded | None:
    """A study as a smoke test; None where it is none.

    Args:
        request: what a person asks for.
        values: of the study.
        document: its file.
        location: `file:line` of its keys.
        problems: what is wrong is added to it.
        config: folder with `studies` and `datasets`.
    """
    smaller = problems.of(as_smoke_test, values, location, problems)
    if smaller is None:
        return None
    right = right_settings(Study, smaller, smoke_location(values["smoke"], location), problems)
    if right is None:
        return None
    return _checked(request.model_copy(update={"smoke": True}), right, document, problems, config)


def _checked(
    request: Request, right: RightSettings, document: Document, problems: Problems, config: Path
) -> Loaded | None:
    """A study, after `smoke`, with its data set; what is wrong with them together is added to the problems."""
    study, values, location = right
    folder = document.path.parent
    study = problems.of(with_start_points, study, location, folder, smoke=request.smoke) or without_start_points(study)
    right = right._replace(settings=study)
    if study.command is not None:
        return _program(request, right, document, problems)
    dataset = None
    if study.table is None:
        dataset = _named_dataset(request, values, document, location, problems, config)
    root = Path(request.data_root) / dataset.root if dataset is not None else Path()
    if study.ensemble is not None and dataset is not None:
        ensemble = problems.of(with_split_to_score_on, study.ensemble, dataset, root, location) or study.ensemble
        study = study.model_copy(update={"ensemble": ensemble})
    problems.add(doubtful_direction(study, location))
    problems.add(beyond_range(study, location))
    if dataset is not None or study.table is not None:
        problems.add(problems_of_test_score(study, dataset, root, location))
    if dataset is not None:
        problems.add(wrong_metrics(study, dataset, location))
    if not request.smoke:  # which may leave out what claims are judged by
        problems.add(claims_without_ground(study, location))
    name = study.name
    if dataset is not None and request.dataset and dataset.name != study.dataset:
        name += f"_on_{dataset.name}"
    if request.smoke:
        name += "_smoke"
    return Loaded(name, study, document, values, values.get("train") or {}, dataset, root, request.smoke, location)


def _named_dataset(
    request: Request,
    values: dict[str, Any],
    document: Document,
    location: Location,
    problems: Problems,
    config: Path,
) -> Dataset | None:
    """The data set that is asked for, or that a study names; None where it is wrong, or its name is."""
    where = location(("dataset",))
    name = request.dataset or values.get("dataset", Study.model_fields["dataset"].default)
    if not request.dataset and (where == LEFT_OUT or not isinstance(name, str)):
        return None
    named_at = "" if request.dataset else f"{where}: "
    return problems.of(load_dataset, name, config, document.path.parent, named_at)


def _program(request: Request, right: RightSettings, document: Document, problems: Problems) -> Loaded | None:
    """A study of a program, after `smoke`; what is wrong with it is added to the problems."""
    study, values, location = right
    if request.dataset:
        problems.add(
            [
                f"dataset={request.dataset} was asked for, and {document.path} runs a program, which reads its data "
                "by itself. Leave it out."
            ]
        )
    problems.add(doubtful_direction(study, location))
    problems.add(problems_of_test_score(study, None, Path(), location))
    parameters = problems.of(nested_parameters, study.parameters, location)
    if parameters is None:
        return None
    folder = folder_of(study, document.path)
    problems.add(program_problems(study, parameters, folder, location))
    if study.epochs is None:  # which is one of the problems: no cell is complete
        return None
    base = parameters | {"epochs": study.epochs, "on_oom": study.on_oom}
    name = f"{study.name}_smoke" if request.smoke else study.name
    return Loaded(name, study, document, values, base, None, folder, request.smoke, location)


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
        if is_program and keys[:2] not in (("sweep", "sampler"), ("sweep", "pruner")):
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
