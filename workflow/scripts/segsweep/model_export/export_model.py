"""A study's model as a folder that can be uploaded as it is."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from segsweep.config.settings import Settings
from segsweep.data.classes import class_names
from segsweep.data.prepared import Split
from segsweep.data.prepared_checks import open_checked
from segsweep.errors import InputError
from segsweep.inference.chosen_models import BEST, ENSEMBLE, ChosenModels, choose_models, choose_runs
from segsweep.inference.trained_model import TrainedModel, load_model
from segsweep.io import read_json
from segsweep.model_export.inference_settings import FILE
from segsweep.model_export.model_card import (
    CARD,
    UNKNOWN,
    CardContent,
    DataFacts,
    ExportedModel,
    Together,
    is_card,
    problems,
    write_card,
)
from segsweep.model_export.network_files import write_network
from segsweep.model_export.paths_for_others import for_others
from segsweep.model_export.portable_network import NORMALIZED
from segsweep.model_export.run_evidence import read_ensemble_scores, read_evidence, read_on_test_split
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.store.segment_store import SegmentStore

COMPONENT_NAMES = ("arch", "name")  # keys that say which component settings are of


def export_model(
    plan: StudyPlan,
    store: SegmentStore,
    results: Path,
    output: Path,
    *,
    of: str = BEST,
    values: str = NORMALIZED,
    licence: str = UNKNOWN,
) -> list[str]:
    """Write a study's model, or models, with a card.

    One model lies in the folder itself, several each in a folder with the name of its run.

    Args:
        plan: of the study.
        store: of all segments.
        results: the study's folder of results, with its tables.
        output: the folder; an earlier export in it is replaced, once the new one is whole.
        of: see `segsweep.inference.chosen_models.choose_models`.
        values: that TorchScript and ONNX take, see `segsweep.model_export.portable_network.portable`.
        licence: of the model, as the hub names licences: `mit`, `cc-by-4.0`.

    Returns:
        What could not be made, and why.

    Raises:
        InputError: nothing is trained, there is no such run, no file of a program's model, or the folder holds
            something else.
    """
    chosen = _chosen(plan, store, results, of)
    checkpoint = None if plan.program_results is None else _checkpoint(plan, store, chosen.runs[0])
    _check_replaceable(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".model-", dir=output.parent) as beside:
        folder = Path(beside) / "model"
        folder.mkdir()
        if checkpoint is not None:
            shutil.copy2(checkpoint, folder / checkpoint.name)
            content = _about_checkpoint(plan, results, chosen.runs[0], of)
        else:
            content = _export_networks(plan, store, results, folder, chosen, values)
        content.licence = licence
        write_card(folder, content)
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
    return problems(content)


def _check_replaceable(output: Path) -> None:
    """Refuse a folder that holds what no export wrote: it would be lost.

    Raises:
        InputError: it is a file, or a folder that is neither empty nor an earlier export.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: a file; a model is exported to a folder. Give another one.")
    if output.is_dir() and any(output.iterdir()) and not is_card(output / CARD):
        raise InputError(
            f"{output}: the folder holds files that are no exported model of segsweep ({CARD} is not its card). Give a "
            "folder that is new or empty."
        )


def _chosen(plan: StudyPlan, store: SegmentStore, results: Path, of: str) -> ChosenModels:
    ranking = results / "ranking.csv"
    if plan.study.get("table"):
        raise InputError(f"{plan.name}: its results were read from a table: there is no model here to export.")
    if plan.program_results is None:
        return choose_models(plan, store, ranking, of)
    if of == ENSEMBLE or of.startswith("top "):
        raise InputError(f"{plan.name}: of a study with `command`, one run is exported; ask for `{BEST}` or a run.")
    return ChosenModels(of, choose_runs(plan, ranking, of))


def _export_networks(
    plan: StudyPlan, store: SegmentStore, results: Path, output: Path, chosen: ChosenModels, values: str
) -> CardContent:
    models, loaded = [], []
    for run in chosen.runs:
        name = run.run if len(chosen.runs) > 1 else ""
        (output / name).mkdir(exist_ok=True)
        prepared = open_checked(plan.segments[run.segments[-1]].data, class_names(plan.dataset))
        model = load_model(plan, run, store, prepared)
        files = write_network(output / name, model, values)
        settings = for_others(changed_settings(model.train))
        inference = read_json(output / name / FILE)
        evidence = read_evidence(plan, results, run)
        names = for_others((model.train.model.arch, model.train.model.encoder))
        models.append(ExportedModel(name, evidence, settings, files, inference, names))
        loaded.append(model)
    content = CardContent(plan, chosen.of, models, data_facts(plan, loaded[0]))
    if chosen.of == ENSEMBLE:
        content.together = Together(
            how_they_decide(chosen), read_ensemble_scores(results), read_on_test_split(results, ENSEMBLE)
        )
    return content


def changed_settings(settings: Settings) -> dict[str, Any]:
    """What of a setting is not at its default, with the names of the components that it is of."""
    found = settings.model_dump(mode="json", exclude_defaults=True)
    for name in found:
        value = getattr(settings, name)
        if isinstance(value, Settings):
            called = {key: getattr(value, key) for key in COMPONENT_NAMES if key in type(value).model_fields}
            found[name] = called | changed_settings(value)
    return found


def _checkpoint(plan: StudyPlan, store: SegmentStore, run: PlannedRun) -> Path:
    """The file of a run that the study calls the checkpoint of its program."""
    segment = plan.segments[run.segments[-1]]
    name = segment.program["checkpoint"]
    if name is None:
        raise InputError(
            f"{plan.study_file}: the study does not say which file of its program holds the model, so there is none to "
            "export. Name it: `checkpoint: best.pt`, relative to {out}; nothing trains again."
        )
    path = store.program_files(segment.id) / name
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file, but {plan.study_file} calls it `checkpoint`. Correct the name."
        )
    return store.checked(path)


def _about_checkpoint(plan: StudyPlan, results: Path, run: PlannedRun, of: str) -> CardContent:
    settings = for_others(plan.segments[run.segments[-1]].train)
    model = ExportedModel("", read_evidence(plan, results, run), settings)
    return CardContent(plan, of, [model], None, command=plan.study["command"])


def how_they_decide(chosen: ChosenModels) -> str:
    """How several models decide together, in words."""
    if chosen.method == "mean":
        return "their probabilities are averaged"
    votes = chosen.min_votes or len(chosen.runs) // 2 + 1
    return f"pixels by majority, other objects where {votes} of them agree"


def data_facts(plan: StudyPlan, model: TrainedModel) -> DataFacts:
    """What the card says of the data that a model was trained on."""
    dataset, prepared = plan.dataset, model.prepared
    height, width = prepared.splits["train"].sizes[0].tolist()
    same = (prepared.splits["train"].sizes == (height, width)).all()
    return DataFacts(
        dataset["name"],
        dataset.get("title") or "",
        dataset.get("licence") or "",
        dataset.get("source") or "",
        prepared.classes,
        {name: count_images(split) for name, split in prepared.splits.items()},
        (f"{height} x {width} pixels" if same else "of several sizes")
        + (", patches of pages" if model.train.data.patches else ""),
        prepared.warnings,
    )


def count_images(split: Split) -> int:
    """Images of a split; of pages that are cut into patches, the pages."""
    pages = [split.page(i) for i in range(len(split))]
    return len({page["page"] for page in pages}) if pages and pages[0] else len(split)
