"""What torch, smp and timm refuse about a setting, found without data before anything trains."""

import pytest

from segsweep.component_checks.settings import check_settings
from segsweep.config.train import Train
from segsweep.errors import InputError
from tests.workspace import SMALL

CLASSES = {
    "binary": ["background", "vessel"],
    "multiclass": ["background", "one", "two"],
    "multilabel": ["one", "two", "three"],
    "multitask": ["background", "one"],
    "text": ["text"],
}


def tried(
    section: str, *, task: str = "multiclass", channels: int | None = 3, dtype: str | None = None, **changes
) -> list[str]:
    train = Train.model_validate(SMALL | changes).model_dump(mode="json")
    settings = [{"section": section, "where": "study.yaml:7", "train": train, "transforms": []}]
    images = {"channels": channels, "dtype": dtype}
    return check_settings({"task": task, "classes": CLASSES[task], **images, "settings": settings})


def refused(section: str, **changes) -> str:
    with pytest.raises(InputError) as error:
        tried(section, **changes)
    (problem,) = error.value.problems
    assert problem.startswith("study.yaml:7: ")
    return problem


@pytest.mark.parametrize(
    ("section", "changes", "said"),
    [
        ("model", {"model": {"arch": "unet", "encoder": "resnett18"}}, "did you mean resnet18"),
        ("model", {"model": {"arch": "unet", "encoder": "tu-lcnet_0355"}}, "did you mean tu-lcnet_035"),
        ("model", {"model": {"arch": "unet", "encoder": "resnet18", "encoder_weights": "imagenett"}}, "no weights"),
        ("model", {"model": {"arch": "fpn", "encoder": "resnet18", "options": {"depth": 3}}}, "no option 'depth'"),
        ("model", {"model": {"arch": "unet", "encoder": "resnet18", "options": {"encoder_depth": 9}}}, "depth"),
        ("model", {"model": {"arch": "dbnet", "encoder": "resnet18"}}, "for data sets of the task text"),
        ("optimizer", {"optimizer": {"name": "torch.NAdam", "options": {"betas": [0.9, 2.0]}}}, "Invalid beta"),
        ("optimizer", {"optimizer": {"name": "torch.RMSprop", "options": {"alfa": 0.9}}}, "did you mean alpha"),
        ("optimizer", {"optimizer": {"name": "sgd", "nesterov": True, "momentum": 0.0}}, "esterov"),
        ("loss", {"loss": {"main": {"cross_entropy": 1.0}, "class_weights": [1.0, 2.0]}}, "3 numbers"),
        ("loss", {"loss": {"main": {"focal": {"alpha": 0.25}}}}, "alpha"),
    ],
)  # fmt: skip
def test_what_is_refused_names_the_line_and_the_remedy(section, changes, said):
    assert said in refused(section, **changes)


@pytest.mark.parametrize("task", CLASSES)
def test_all_sections_of_a_good_setting_pass_for_each_task(task):
    model = {
        "multitask": {"arch": "multitask", "encoder": "resnet18"},
        "text": {"arch": "dbnet", "encoder": "resnet18"},
    }
    loss = {"multitask": {"seg": {"cross_entropy": 1.0}}, "text": {}, "multilabel": {"main": {"bce": 1.0}}}
    changes = {
        "model": model.get(task, SMALL["model"]),
        "loss": loss.get(task, {"main": {"bce" if task == "binary" else "cross_entropy": 1.0}}),
    }
    for section in ("model", "loss", "optimizer", "scheduler"):
        (seen,) = tried(section, task=task, **changes)
        assert seen.startswith(f"study.yaml:7: {section}: ")


def test_what_looks_at_values_is_passed_through_for_real():
    """The constructor of segformer's encoders does, which no tensor without content can answer."""
    (seen,) = tried("model", model={"arch": "segformer", "encoder": "mit_b0"}, channels=1)
    assert "parameters that train" in seen


def test_a_size_that_a_network_cannot_take_is_found():
    model = {"arch": "unet", "encoder": "tu-vit_tiny_patch16_224"}
    assert "vit_tiny" in refused("model", model=model) or "224" in refused("model", model=model)


def test_each_phase_of_a_loss_is_tried():
    phases = [{"until_epoch": 1}, {"class_weights": [1.0]}]
    assert "3 numbers" in refused("loss", epochs=2, loss={"main": {"cross_entropy": 1.0}, "phases": phases})


def test_all_problems_are_said_at_once():
    train = Train.model_validate(
        SMALL
        | {
            "model": {"arch": "unet", "encoder": "resnett18"},
            "optimizer": {"name": "torch.NAdam", "options": {"eps": -1}},
        }
    ).model_dump(mode="json")
    settings = [
        {"section": name, "where": "study.yaml:1", "train": train} for name in ("model", "optimizer", "scheduler")
    ]
    of_three = {"task": "multiclass", "classes": CLASSES["multiclass"], "channels": 3, "dtype": "uint8"}
    with pytest.raises(InputError) as error:
        check_settings(of_three | {"settings": settings})
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(("channels", "dtype"), [(3, "uint8"), (None, None), (1, "uint16"), (5, "float32")])
@pytest.mark.parametrize("backend", ["albumentations", "torchvision"])
def test_an_augmentation_is_built_for_images_that_are_not_prepared_yet(channels, dtype, backend, tmp_path):
    pipeline = tmp_path / "mine.yaml"
    crop = "- RandomCrop: {height: 9999, width: 9}\n" if backend == "albumentations" else ""
    pipeline.write_text(f"transforms:\n- D4\n- Affine: {{scale: [0.8, 1.2]}}\n{crop}")
    data = {"augmentation": str(pipeline), "augmentation_backend": backend}
    (seen,) = tried("data", channels=channels, dtype=dtype, data=data)
    assert seen == f"study.yaml:7: data: {backend} takes the augmentation {pipeline}"


def test_a_problem_that_has_its_line_gets_no_other(tmp_path):
    pipeline = tmp_path / "mine.yaml"
    pipeline.write_text("transforms:\n- D4\n- RandomCrop: {height: 9, width: 9}\n")
    with pytest.raises(InputError, match=f"{pipeline}:3: RandomCrop: the backend torchvision does not know it"):
        tried("data", data={"augmentation": str(pipeline), "augmentation_backend": "torchvision"})


def test_what_albumentations_refuses_of_arguments_is_found_before_data_are_prepared(tmp_path):
    pipeline = tmp_path / "mine.yaml"
    pipeline.write_text("transforms:\n- D4\n- GaussianBlur: {sigma_limit: big}\n- OneOf: {transforms: [D4: {p: 3}]}\n")
    with pytest.raises(InputError) as error:
        tried("data", data={"augmentation": str(pipeline)})
    assert [problem.split(" input should")[0] for problem in error.value.problems] == [
        f"study.yaml:7: {pipeline}:3: GaussianBlur: sigma_limit is 'big':",
        f"study.yaml:7: {pipeline}:4: D4: p is 3:",
    ]
