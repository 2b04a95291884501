"""The fingerprint of code: what an edit retrains, and what it does not."""

import shutil
from pathlib import Path

import pytest

from segsweep.config.load import Request, load
from segsweep.config.train import Train
from segsweep.planning import code_fingerprint
from segsweep.planning.grid import lay_out
from segsweep.planning.runs import Context, make_run
from segsweep.registry import COMPONENTS

ROOT = Path(__file__).parents[2]
STUDIES = {
    "bisenet_runs": "camvid", "unet_grid": "em_membrane", "page_loss_grid": "dibco_pages",
    "voc_multitask": "voc_subset", "text_sweep": "icdar2015_text",
}  # fmt: skip


@pytest.fixture
def package(tmp_path):
    """A copy of the package that may be edited."""
    code_fingerprint.forget()
    target = tmp_path / "segsweep"
    shutil.copytree(code_fingerprint.PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
    yield target
    code_fingerprint.forget()


def edited(package, module, old, new):
    path = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    code_fingerprint.forget()


def train(**loss):
    return Train.model_validate({"loss": {"main": loss}}).model_dump(mode="json")


def test_comments_docstrings_and_formatting_change_nothing(package):
    before = code_fingerprint.fingerprint(train(focal=1.0), "multiclass", package=package)
    path = package / "losses" / "focal.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join(["# A comment.", '"""Another docstring."""', *lines[1:], "", "", "# The end."]), encoding="utf-8"
    )
    code_fingerprint.forget()
    assert code_fingerprint.fingerprint(train(focal=1.0), "multiclass", package=package) == before


def test_an_edited_loss_changes_what_uses_it_and_nothing_else(package):
    def fingerprints():
        return [
            code_fingerprint.fingerprint(train(**{name: 1.0}), "multiclass", package=package)
            for name in ("focal", "lovasz")
        ]

    before = fingerprints()
    with (package / "losses" / "focal.py").open("a", encoding="utf-8") as file:
        file.write("\nEDITED = 1\n")
    code_fingerprint.forget()
    after = fingerprints()
    assert (before[0] != after[0], before[1] == after[1]) == (True, True)


def test_reports_and_planning_are_not_part_of_a_training():
    names = code_fingerprint.reached(tuple(code_fingerprint.entries(train(cross_entropy=1.0), "multiclass")))
    parts = {name.split(".")[1] for name in names if "." in name}
    assert {"training", "losses", "models", "data"} <= parts
    assert not parts & {"report", "analysis", "search", "study", "pictures"}


def cells_of_all_studies():
    for study, dataset in STUDIES.items():
        loaded = load(Request(study=study, dataset=dataset), ROOT / "config")
        cells = lay_out(loaded.study, loaded.base, loaded.place).cells
        dumps = [(cell.cell, cell.resolved.dump) for cell in cells] or [
            ("trial", Train.model_validate(loaded.base).model_dump(mode="json"))
        ]
        yield from ((study, cell, dump, loaded.dataset.task) for cell, dump in dumps)


def losses_named(dump, task):
    """Names of all losses that a cell uses in any of its phases."""
    loss = dump["loss"]
    parts = [
        loss["main"],
        loss["aux"],
        loss["seg"],
        *(phase[part] for phase in loss["phases"] for part in ("main", "aux")),
    ]
    names = {name for part in parts if part for name, term in part.items() if term is not None}
    return names | set(code_fingerprint.losses_of(task))


def fingerprints_of_phases(dump, task, package):
    losses = [
        dump["loss"] | {key: value for key, value in phase.items() if value is not None}
        for phase in dump["loss"]["phases"]
    ]
    return [
        code_fingerprint.fingerprint(dump | {"loss": loss}, task, package=package) for loss in losses or [dump["loss"]]
    ]


def test_editing_a_component_retrains_exactly_the_cells_of_the_five_studies_that_use_it(package):
    cells = list(cells_of_all_studies())
    assert {study for study, *_ in cells} == set(STUDIES)
    before = [fingerprints_of_phases(dump, task, package) for *_, dump, task in cells]
    losses, models = sorted(COMPONENTS["loss"]), sorted(set(COMPONENTS["model"].values()))
    for module, uses in [
        *(
            (COMPONENTS["loss"][name], lambda dump, task, name=name: name in losses_named(dump, task))
            for name in losses
        ),
        *((name, lambda dump, task, name=name: COMPONENTS["model"][dump["model"]["arch"]] == name) for name in models),
    ]:
        path = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
        original = path.read_text(encoding="utf-8")
        path.write_text(original + "\nEDITED = 1\n", encoding="utf-8")
        code_fingerprint.forget()
        retrained = [
            (study, cell)
            for (study, cell, dump, task), old in zip(cells, before, strict=True)
            if fingerprints_of_phases(dump, task, package) != old
        ]
        # A component may build on another one's file: then its users retrain as well, and the imports say so.
        users = [
            other
            for other in [*COMPONENTS["loss"].values(), *models]
            if module in code_fingerprint.reached((other,), package)
        ]
        expected = [
            (study, cell)
            for study, cell, dump, task in cells
            if uses(dump, task)
            or any(COMPONENTS["loss"].get(name) in users for name in losses_named(dump, task))
            or COMPONENTS["model"][dump["model"]["arch"]] in users
        ]
        assert retrained == expected, module
        path.write_text(original, encoding="utf-8")
        code_fingerprint.forget()


def test_prefix_shared_by_runs_survives_an_edit_of_the_later_loss(tmp_path):
    loaded = load(Request(study="bisenet_runs", dataset="camvid"), ROOT / "config")
    cells = {cell.cell: cell for cell in lay_out(loaded.study, loaded.base, loaded.place).cells}
    context = Context("x", "multiclass", "val/miou", False, lambda data: "", str, lambda weights: "")
    first, fourth = (make_run(cells[name], 0, context).stretches for name in ("1", "4"))
    assert first[0].hash == fourth[0].hash
    assert (first[0].last, fourth[0].last, fourth[1].first) == (50, 35, 36)
    assert first[0].code != fourth[1].code
