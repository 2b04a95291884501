"""README.md of an exported folder: a model card as the Hugging Face hub reads it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from segsweep import metrics
from segsweep.io import regular, write_text
from segsweep.model_export.network_files import ONNX, SETTING, TORCHSCRIPT, NetworkFiles
from segsweep.model_export.onnx_file import OPSET
from segsweep.model_export.paths_for_others import text_for_others
from segsweep.model_export.portable_network import STORED
from segsweep.model_export.run_evidence import OnTestSplit, RunEvidence
from segsweep.planning.plan_file import StudyPlan

CARD = "README.md"
UNKNOWN = "unknown"  # as the hub calls a licence that nobody has named
TEMPLATE = "model_card.md.j2"
TAG = "segsweep"  # by which the hub finds cards of its exports
PIPELINES = {"text": "object-detection"}
TASKS = {
    "binary": "It segments images: each pixel is {classes[1]} or not.",
    "multiclass": "It segments images: each pixel is of one of {count} classes.",
    "multilabel": "It segments images: each pixel has any of the labels {names}, or none.",
    "multitask": (
        "It segments images, each pixel being of one of {count} classes, and finds objects of all classes but the "
        "first as boxes."
    ),
    "text": "It finds text in images, as polygons around words.",
}


@dataclass
class ExportedModel:
    """A model of the card.

    Attributes:
        folder: of its files, relative to the card's; empty if it is the same.
        evidence: about its run.
        settings: its training setting, as far as it is not at its defaults; of a program its parameters.
        files: how its network files were made; None of a program's checkpoint.
        inference: the content of its inference.json.
        architecture: names of architecture and encoder; none of a program's model.
    """

    folder: str
    evidence: RunEvidence
    settings: dict[str, Any]
    files: NetworkFiles | None = None
    inference: dict[str, Any] = field(default_factory=dict)
    architecture: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataFacts:
    """What the models were trained and chosen on.

    Attributes:
        name, title, licence, source: of the data set; empty where its file says nothing.
        classes: their names.
        splits: images of each split, of pages that are cut the pages.
        size: of the prepared images, in words.
        warnings: what preparation found odd.
    """

    name: str
    title: str = ""
    licence: str = ""
    source: str = ""
    classes: Sequence[str] = ()
    splits: dict[str, int] = field(default_factory=dict)
    size: str = ""
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Together:
    """Several models.

    Attributes:
        how: how they decide together, in words; empty if each stands by itself.
        scores: of what they decide together, by column with its split; empty if it is not scored.
        test: what they decide together on the test split; None where it was not scored.
    """

    how: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    test: OnTestSplit | None = None


@dataclass
class CardContent:
    """All that a card says.

    Attributes:
        plan: of the study.
        of: which of its models were asked for.
        models: one, or several that decide together or stand side by side.
        data: None where only a program knows it.
        licence: of the model, as the hub names licences.
        together: of several models.
        command: of a program that trained the models.
    """

    plan: StudyPlan
    of: str
    models: list[ExportedModel]
    data: DataFacts | None
    licence: str = UNKNOWN
    together: Together = Together()
    command: str = ""

    @property
    def title(self) -> str:
        """Heading of the card."""
        return self.plan.study.get("title") or self.plan.name

    @property
    def tested(self) -> list[tuple[str, OnTestSplit]]:
        """What was scored on the test split, with the name of its run."""
        alone = [(one.evidence.run, one.evidence.test) for one in self.models]
        return [(name, found) for name, found in [("ensemble", self.together.test), *alone] if found is not None]

    @property
    def retrained(self) -> list[tuple[str, OnTestSplit]]:
        """What was scored on the test split in place of these models, with the names of its runs."""
        return [one.evidence.again for one in self.models if one.evidence.again is not None]

    @property
    def task(self) -> str:
        """Of the data set; empty where only a program knows it."""
        return (self.plan.dataset or {}).get("task", "")


def write_card(folder: Path, content: CardContent) -> None:
    """Write the card of a folder whose other files are all there: it lists them with their hashes."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"score": score, "sizes": sizes}
    text = templates.get_template(TEMPLATE).render(
        header=yaml.safe_dump(header(content), sort_keys=False, allow_unicode=True, width=120).strip(),
        card=content,
        first=content.models[0],
        what=what_it_does(content),
        limits=limits(content),
        problems=problems(content),
        files=list(listed_files(folder)),
        settings=yaml.safe_dump(content.models[0].settings, sort_keys=False, width=120).strip(),
        setting_file=SETTING,
        torchscript=TORCHSCRIPT,
        onnx=ONNX,
        opset=OPSET,
        stored=STORED,
        metric=content.plan.metric,
    )
    write_text(folder / CARD, text_for_others(text))


def is_card(path: Path) -> bool:
    """Whether a file is there and a card of an export, whatever was changed in it since."""
    if not path.is_file():
        return False
    text = regular(path).read_text(encoding="utf-8", errors="replace")
    return text.startswith("---\n") and f"\n- {TAG}\n" in text


def header(content: CardContent) -> dict[str, Any]:
    """What the hub reads at the top of a card: licence, library, task, tags, and scores."""
    first = content.models[0]
    is_smp = first.files is not None and first.files.is_smp
    pipeline = PIPELINES.get(content.task, "image-segmentation")
    about: dict[str, Any] = {"license": content.licence}
    if first.files is not None:
        about["library_name"] = "segmentation-models-pytorch" if is_smp else "pytorch"
    about |= {"pipeline_tag": pipeline, "tags": tags(content)}
    scores = content.together.scores or first.evidence.scores
    if content.tested:
        scores = scores | content.tested[0][1].scores
    known = metrics.metrics_of(content.task)  # none of a program's; the rest are losses and their parts
    scores = {name: value for name, value in scores.items() if not content.task or name.split("/")[1] in known}
    about["metrics"] = list(dict.fromkeys(name.partition("/")[2] for name in scores))
    if scores and content.data is not None:
        about["model-index"] = [{"name": content.plan.name, "results": hub_results(content.data, pipeline, scores)}]
    return about


def hub_results(data: DataFacts, pipeline: str, scores: dict[str, float]) -> list[dict[str, Any]]:
    """Scores as the hub lists them, an entry for each split."""
    by_split: dict[str, list[dict[str, Any]]] = {}
    for name, value in scores.items():
        split, _, metric = name.partition("/")
        by_split.setdefault(split, []).append({"type": metric, "name": name, "value": round(value, 6)})
    about = {"type": data.name, "name": data.title or data.name}
    return [
        {"task": {"type": pipeline}, "dataset": about | {"split": split}, "metrics": found}
        for split, found in by_split.items()
    ]


def tags(content: CardContent) -> list[str]:
    """Words that the hub is searched by."""
    first = content.models[0]
    kinds = {"text": ["text-detection"], "multitask": ["semantic-segmentation", "object-detection"]}
    made = [name for name in ("onnx",) if first.files and ONNX in first.files.agreements]
    return [TAG, *kinds.get(content.task, ["semantic-segmentation"]), *first.architecture, *made]


def what_it_does(content: CardContent) -> str:
    """The task in a sentence."""
    if content.data is None:
        return "What it does only the program knows that trained it."
    classes = content.data.classes
    return TASKS[content.task].format(classes=classes, count=len(classes), names=", ".join(classes))


def limits(content: CardContent) -> list[str]:
    """What a user must not expect, a sentence each; each follows from a fact about the study."""
    first, data = content.models[0].evidence, content.data
    first_settings = content.models[0].settings
    found = []
    if content.plan.smoke:
        found.append("This is the model of a smoke test, made to see that everything works. It is of no use.")
    if not first.retrained:
        together = first.settings > 1
        chosen = f"the epoch and the setting, the best of {first.settings}, were" if together else "the epoch was"
        found.append(
            f"The validation scores are of the images by which {chosen} chosen: they are likely to be better than "
            "those of new images" + ("; by those of the test split segsweep chose nothing." if content.tested else ".")
        )
    if first.runs == 1:
        found.append("Its setting was trained once: how far the score depends on the seed is not known.")
    if first.fold is not None:
        found.append("It was trained on a fold: on a part of the images that the study has for training.")
    if first.status == "pruned":
        found.append("Its training was ended early, when its trial was pruned.")
    if data is not None:
        found.append(
            f"It knows images like those of {data.title or data.name} only"
            + (f", {data.size}" if data.size else "")
            + ". Nothing is known of other cameras, places or resolutions."
        )
        found += [f"Of the data: {warning}" for warning in data.warnings]
    drawn = first_settings.get("data") or {}
    if drawn.get("train_subset"):
        found.append(f"It was trained on {drawn['train_subset']} images, or patches, drawn from those for training.")
    if drawn.get("val_subset"):
        found.append(f"It was validated on {drawn['val_subset']} images, or pages, drawn from those for validation.")
    precisions = {one.settings.get("precision") for one in content.models if one.files} - {"fp32", None}
    if precisions:
        found.append(
            f"It was trained and scored in {', '.join(sorted(precisions))} and is exported in fp32: scores may differ "
            "in the last digits."
        )
    return found


def problems(content: CardContent) -> list[str]:
    """What could not be made, with the folder where there are several."""
    return [
        (f"`{one.folder}/`: " if one.folder else "") + problem
        for one in content.models
        if one.files is not None
        for problem in one.files.problems
    ]


def listed_files(folder: Path) -> Iterable[tuple[str, int, str]]:
    """Path, bytes and SHA-256 of each file but the card, sorted."""
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and one != folder / CARD):
        with path.open("rb") as file:
            yield str(path.relative_to(folder)), path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def score(value: float | None) -> str:
    """A score for people."""
    return "" if value is None else f"{value:.4g}"


def sizes(agreements: Sequence[Any]) -> str:
    """The sizes of images that were tried, in words."""
    return " and ".join("x".join(map(str, one.size)) for one in agreements)
