"""From study files to cells and runs: grids, rounds, references, smoke, and messages for what is wrong."""

import re

import pytest
import yaml
from pydantic import create_model

from segsweep import registry
from segsweep.config.load import Request, load
from segsweep.config.settings import key
from segsweep.config.study import Study
from segsweep.config.yaml_documents import Document, parse
from segsweep.errors import InputError
from segsweep.formatting import duration, number, plural, short_names, value_in_words
from segsweep.planning.addresses import InForce, differences
from segsweep.planning.grid import lay_out

DATASET = {"name": "shapes", "reader": "folder", "root": "shapes", "classes": {0: "ground", 1: "disc"}}
STUDY = {
    "name": "little",
    "dataset": "shapes",
    "train": {"loss": {"main": {"cross_entropy": 1.0}}, "epochs": 10},
    "grid": {"optimizer.lr": [1e-4, 1e-3], "batch_size": [4, 8]},
}


def design_of(tmp_path, study, *, smoke=False, dataset=DATASET):
    loaded = loaded_from(tmp_path, study, smoke, dataset)
    return lay_out(loaded.study, loaded.base, loaded.location)


def loaded_from(tmp_path, study, smoke=False, dataset=DATASET):
    for folder, values in (("studies", study), ("datasets", dataset)):
        (tmp_path / folder).mkdir(exist_ok=True)
        text = values if isinstance(values, str) else yaml.safe_dump(values, sort_keys=False)
        name = "little" if folder == "studies" else "shapes"
        (tmp_path / folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load(Request(study="little", smoke=smoke), tmp_path)


def problem(tmp_path, study, **options):
    with pytest.raises(InputError) as error:
        design_of(tmp_path, study, **options)
    return str(error.value)


def test_grid_is_the_product_of_its_axes(tmp_path):
    design = design_of(tmp_path, STUDY)
    assert [cell.label for cell in design.cells] == [
        "lr=1e-4 batch_size=4", "lr=1e-4 batch_size=8", "lr=1e-3 batch_size=4", "lr=1e-3 batch_size=8",
    ]  # fmt: skip
    assert len({cell.cell for cell in design.cells}) == 4


def test_two_axes_with_one_display_name_are_refused(tmp_path):
    found = problem(tmp_path, STUDY | {"names": {"optimizer.lr": "Rate", "batch_size": "rate"}})
    assert re.search(r"little.yaml:\d+: the axes 'optimizer.lr' and 'batch_size' have one name, 'rate'", found)


def test_list_of_grids_is_their_union(tmp_path):
    grids = [{"batch_size": [4, 8]}, {"optimizer.lr": [1e-3, 1e-2]}]
    design = design_of(tmp_path, STUDY | {"grid": grids})
    # lr=1e-3 with batch_size=8 is the base in both grids.
    assert len(design.cells) == 3
    assert design.coinciding == 1


def test_rounds_and_exclude(tmp_path):
    study = {name: value for name, value in STUDY.items() if name != "grid"}
    rounds = [{"name": "first", "grid": {"batch_size": [4, 8]}}, {"name": "second", "grid": {"batch_size": [8, 16]}}]
    design = design_of(tmp_path, study | {"rounds": rounds, "exclude": [{"batch_size": 16}]})
    assert [(cell.round, cell.settings["batch_size"]) for cell in design.cells] == [("first", 4), ("first", 8)]
    assert (design.coinciding, design.excluded) == (1, 1)


def test_reference_runs_for_each_combination_it_leaves_open(tmp_path):
    design = design_of(tmp_path, STUDY | {"reference": {"optimizer.lr": 0.1}})
    references = [cell.settings for cell in design.cells if cell.role == "reference"]
    assert references == [{"optimizer.lr": 0.1, "batch_size": 4}, {"optimizer.lr": 0.1, "batch_size": 8}]


def test_value_that_follows_another(tmp_path):
    grid = {"batch_size": [8, 16, 32], "optimizer.lr": {"linear_in": "batch_size", "at": {16: 2e-3}}}
    design = design_of(tmp_path, STUDY | {"grid": grid})
    assert [cell.settings["optimizer.lr"] for cell in design.cells] == [1e-3, 2e-3, 4e-3]


def test_dotted_key_into_a_loss_written_short(tmp_path):
    design = design_of(tmp_path, STUDY | {"grid": {"loss.main.cross_entropy.label_smoothing": [0.0, 0.1]}})
    terms = [cell.resolved.dump["loss"]["main"]["cross_entropy"] for cell in design.cells]
    assert terms == [{"weight": 1.0, "label_smoothing": 0.0}, {"weight": 1.0, "label_smoothing": 0.1}]


def test_smoke_lays_over_study_and_training(tmp_path):
    smoke = {"epochs": 4, "seeds": [5], "data": {"train_subset": 2}, "rescale_epochs": True}
    train = STUDY["train"] | {"scheduler": {"name": "cosine", "start_epoch": 5}}
    loaded = loaded_from(tmp_path, STUDY | {"train": train, "smoke": smoke}, smoke=True)
    assert loaded.name == "little_smoke"
    assert loaded.study.seeds == [5]
    assert loaded.base["scheduler"]["start_epoch"] == 2
    assert loaded.base["data"] == {"train_subset": 2}


@pytest.mark.parametrize(
    ("epochs", "before", "after"),
    [
        (2, {"warmup": {"iterations": 5, "unit": "epochs"}}, {"warmup": {"iterations": 1, "unit": "epochs"}}),
        (30, {"warmup": {"iterations": 15, "unit": "epochs"}}, {"warmup": {"iterations": 5, "unit": "epochs"}}),
        (2, {"warmup": {"iterations": 5, "unit": "batches"}}, {"warmup": {"iterations": 5, "unit": "batches"}}),
        (2, {"warmup": {"iterations": 5}}, {"warmup": {"iterations": 5}}),
        (2, {"name": "multistep", "milestones": [30, 60]}, {"name": "multistep", "milestones": [1]}),
        (3, {"name": "multistep", "milestones": [30, 60, 200]}, {"name": "multistep", "milestones": [1, 2]}),
        (3, {"name": "multistep", "milestones": [200, 300]}, {"name": "multistep", "milestones": [7]}),
    ],
)
def test_smoke_rescales_epochs(tmp_path, epochs, before, after):
    study = STUDY | {"train": STUDY["train"] | {"epochs": 90, "scheduler": before}}
    smoke = {"epochs": epochs, "rescale_epochs": True}
    assert loaded_from(tmp_path, study | {"smoke": smoke}, smoke=True).base["scheduler"] == after


def test_smoke_rescales_epochs_of_levels(tmp_path):
    warmup = {"warmup": {"iterations": 9, "unit": "epochs"}}
    study = STUDY | {"train": STUDY["train"] | {"epochs": 90, "scheduler": {"name": "multistep", "milestones": [9]}}}
    study["train"]["scheduler"] |= warmup
    study["grid"] = [
        {"scheduler.warmup.iterations": [0, 30, 45], "scheduler.milestones": [[30, 33], [60, 120]]},
        {"scheduler.warmup": [{"iterations": 30, "unit": "steps"}, {"iterations": 30}]},
    ]
    found = loaded_from(tmp_path, study | {"smoke": {"epochs": 6, "rescale_epochs": True}}, smoke=True).study.grid
    assert found == [
        {"scheduler.warmup.iterations": [0, 2, 3], "scheduler.milestones": [[2], [4]]},
        {"scheduler.warmup": [{"iterations": 30, "unit": "steps"}, {"iterations": 2}]},
    ]


def test_exponents_without_a_point_are_numbers(tmp_path):
    path = tmp_path / "numbers.yaml"
    path.write_text("a: 1e-4\nb: 1.5e3\nc: 1E5\nd: 12\ne: 1.2.3\nf: 2e\n", encoding="utf-8")
    assert Document(path).values == {"a": 1e-4, "b": 1500.0, "c": 1e5, "d": 12, "e": "1.2.3", "f": "2e"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrik": "val/miou"}, r"little\.yaml:\d+: unknown key 'metrik'\. Did you mean 'metric'\?"),
        ({"train": {"optimiser": {"lr": 1}}}, r":\d+: unknown key 'train.optimiser'\. Did you mean 'optimizer'\?"),
        ({"train": {"loss": {"main": {"focall": 1.0}}}}, r"Did you mean 'focal'\?"),
        ({"grid": {"optimizer.rl": [1.0]}}, r"unknown key 'optimizer\.rl'\. Did you mean 'lr'\?"),
        ({"grid": {"optimizer.lr": [1e-3, -1.0]}}, r"optimizer\.lr is -1\.0: input should be greater than 0"),
        ({"grid": {"batch_size": 4}}, r"the axis batch_size is 4\. Give a list of values: \[4\]"),
        ({"grid": {"model.arch": ["unett"]}}, r"model\.arch is 'unett'\. Did you mean 'unet'\?"),
        ({"grid": {}, "exclude": [{"batch_size": 8}]}, r"'batch_size' is no axis of this study"),
        ({"exclude": [{"batch_size": [4, 8]}]}, r"has no cells: `exclude` leaves out all 4"),
        ({"metric": "val/jacard"}, r"has no metric 'val/jacard'"),
        ({"dataset": "shape"}, r"unknown data set 'shape'.*Did you mean 'shapes'\?"),
        ({"runs": [{"id": 1}]}, r"exactly one of grid, runs, rounds, sweep, table; this one has grid, runs"),
        ({"seeds": [1, 1]}, r"seeds: 1 stands twice"),
        ({"claims": [{"id": "H", "claim": "?", "best_in": {"lr": [1]}}]}, r"'lr' is no axis of this study"),
        ({"claims": [{"id": "H", "claim": "?"}]}, r"a claim has exactly one of best_in"),
        ({"claims": [{"id": "H", "claim": "?", "best_in": {}, "trend": "increasing"}]}, r"has best_in, trend"),
        ({"claims": [{"id": "H", "claim": "?", "trend": "increasing"}]}, r"'claims\.0\.along' is missing"),
        (
            {"claims": [{"id": "H", "claim": "?", "best_in": {"batch_size": [4]}, "wher": {}}]},
            r"unknown key 'claims\.0\.wher'\. Did you mean 'where'\? Allowed: id, claim, of, where, best_in\.",
        ),
    ],
)
def test_problems_name_place_and_remedy(tmp_path, change, message):
    assert re.search(message, problem(tmp_path, STUDY | change), re.DOTALL)


def test_problem_points_at_the_line(tmp_path):
    text = "name: little\ndataset: shapes\ntrain:\n  epochs: 3\n  batch_size: zero\ngrid:\n  optimizer.lr: [1.0]\n"
    assert "little.yaml:5: train.batch_size is 'zero'" in problem(tmp_path, text)


def test_value_of_an_axis_out_of_range_points_at_the_axis(tmp_path):
    text = "name: little\ndataset: shapes\ntrain:\n  epochs: 3\ngrid:\n  optimizer.lr: [0.1, 0.0]\n"
    assert "little.yaml:6" in problem(tmp_path, text)


def test_all_problems_come_at_once(tmp_path):
    text = problem(tmp_path, STUDY | {"grid": {"optimizer.lr": [-1.0, -2.0]}})
    assert len(text.splitlines()) == 2


def test_key_that_stands_twice(tmp_path):
    assert "the key 'name' stands twice" in problem(tmp_path, "name: little\nname: big\n")


def test_unknown_study_names_the_nearest(tmp_path):
    loaded_from(tmp_path, STUDY)
    with pytest.raises(InputError, match="Did you mean 'little'"):
        load(Request(study="litle"), tmp_path)


def test_smoke_without_a_section(tmp_path):
    assert "has no section `smoke`" in problem(tmp_path, STUDY, smoke=True)


def test_words():
    assert [number(value) for value in (5e-4, 1e-6, 0.25, 0.01, 16, 1.0)] == ["5e-4", "1e-6", "0.25", "0.01", "16", "1"]
    assert (
        value_in_words({"cross_entropy": 1.0, "focal": {"weight": 1.0, "gamma": 2.0}}) == "cross_entropy+focal(gamma=2)"
    )
    assert short_names(["optimizer.lr", "scheduler.warmup.lr", "batch_size"]) == {
        "optimizer.lr": "optimizer.lr", "scheduler.warmup.lr": "warmup.lr", "batch_size": "batch_size",
    }  # fmt: skip
    assert (plural(1, "cell"), plural(2, "entry"), plural(1200, "run")) == ("1 cell", "2 entries", "1,200 runs")
    assert [duration(seconds) for seconds in (45, 600, 12000, 190000)] == ["45 s", "10 min", "3 h 20 min", "2 d 4 h"]


def test_settings_refuse_what_is_not_a_mapping():
    with pytest.raises(InputError, match="study: the file as a whole"):
        parse(Study, [1, 2], lambda keys: "study")


def test_a_key_of_another_optimizer_is_not_in_force(tmp_path):
    grid = {"optimizer.name": ["adam", "sgd"], "optimizer.momentum": [0.5, 0.9]}
    design = design_of(tmp_path, STUDY | {"grid": grid})
    assert [cell.settings for cell in design.cells] == [
        {"optimizer.name": "adam"},
        {"optimizer.name": "sgd", "optimizer.momentum": 0.5},
        {"optimizer.name": "sgd", "optimizer.momentum": 0.9},
    ]
    assert design.coinciding == 1
    assert "momentum" not in design.cells[0].resolved.dump["optimizer"]


def test_freezing_factors_and_clipping_as_axes(tmp_path):
    axes = {
        "optimizer.freeze": [None, "encoder", {"until_epoch": 5}],
        "optimizer.lr_factor.encoder": [0.1, 1.0],
        "clip.per": ["all", "parameter"],
    }
    design = design_of(tmp_path, STUDY | {"train": STUDY["train"] | {"clip": {"norm": 1.0}}, "grid": axes})
    assert len({cell.cell for cell in design.cells}) == 12
    assert len({cell.label for cell in design.cells}) == 12
    encoders = [cell.resolved.dump["optimizer"]["freeze"] for cell in design.cells[::4]]
    assert encoders == [None, {"part": "encoder", "until_epoch": None}, {"part": "encoder", "until_epoch": 5}]


def test_keys_that_exclude_each_other_are_found_where_they_were_set(tmp_path):
    train = STUDY["train"] | {"clip_norm": 1.0}
    found = problem(tmp_path, STUDY | {"train": train, "grid": {"clip": [None, {"value": 0.1}]}})
    assert re.search(r"little.yaml:\d+: clip and clip_norm are both set", found)
    searched = {name: value for name, value in STUDY.items() if name != "grid"}
    sweep = {"trials": 2, "space": {"optimizer.lr": {"low": 0.1, "high": 1.0}}}
    found = problem(tmp_path, searched | {"train": train | {"clip": {"value": 0.1}}, "sweep": sweep})
    assert re.search(r"little.yaml:\d+: clip and clip_norm are both set", found)


def test_every_key_of_every_component_makes_cells_distinct():
    """No list says which keys an optimizer, a schedule or a model reads: a key that its class has is in force."""
    for section, kind in (("optimizer", "optimizer"), ("scheduler", "schedule"), ("model", "model")):
        discriminator = registry.kinds()[kind].discriminator
        for name, cls in registry.classes(kind).items():
            grown = create_model(cls.__name__, __base__=cls, new_key=(int, key(7)))
            for field in grown.model_fields.keys() - {discriminator}:
                given = {one: "given" for one, key in grown.model_fields.items() if key.is_required()}
                value = grown.model_construct(**given | {discriminator: name})
                changed = value.model_copy(update={field: "something else"})
                assert differences(value, InForce()) != differences(changed, InForce()), (section, name, field)
