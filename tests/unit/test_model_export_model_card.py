"""A model card: what the hub reads of it, and that it claims what the tables say and no more."""

import hashlib
from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard

from segsweep.config.train import Train
from segsweep.model_export.agreement import Agreement
from segsweep.model_export.export_model import changed_settings
from segsweep.model_export.model_card import CardContent, DataFacts, ExportedModel, limits, write_card
from segsweep.model_export.network_files import NetworkFiles
from segsweep.model_export.paths_for_others import for_others, text_for_others
from segsweep.model_export.run_evidence import OnTestSplit, RunEvidence, read_evidence
from tests.segments import segment_plan, study_plan

EVIDENCE = RunEvidence(
    "a-s0", "lr=1e-3", "0", None, "8", "7", "finished", {"val/miou": 0.81234, "val/loss": 0.4},
    runs=3, mean=0.8, low=0.75, high=0.85, expected=0.79, settings=12,
)  # fmt: skip
INFERENCE = {
    "task": "multiclass",
    "classes": ["background", "disc"],
    "resize": {"height": 96, "width": 128, "how": "by area"},
    "patches": None,
    "normalize": {"scale": 255.0, "mean": [0.5], "std": [0.2]},
    "input": {"name": "image", "values": "normalized", "shape": ["batch", 1, "height", "width"], "channels": "gray",
              "stored_as": "uint8"},
    "padding": {"multiple": 32, "stored_value": [127]},
    "outputs": [{"name": "logits", "shape": ["batch", "classes"], "meaning": "Before softmax."}],
    "decision": "The class with the largest logit.",
    "postprocess": {},
}  # fmt: skip
DATA = DataFacts("discs", "Discs", "CC BY 4.0", "drawn", ["background", "disc"], {"train": 48, "val": 24}, "96 x 96")


@pytest.fixture
def content():
    segment = segment_plan()
    plan = study_plan(segment, study={"metric": "val/miou", "title": "Rates on discs"})
    plan = replace(plan, dataset={"task": "multiclass"})
    agreements = {"model.onnx": [Agreement((1, 96, 96), 2e-6), Agreement((2, 133, 171), 3e-6)]}
    model = ExportedModel("", EVIDENCE, {"model": {"arch": "unet", "encoder": "resnet18"}},
                          NetworkFiles(True, agreements), INFERENCE, ("unet", "resnet18"))  # fmt: skip
    return CardContent(plan, "best", [model], DATA)


def written(folder, content) -> str:
    """The text of the card."""
    write_card(folder, content)
    return (folder / "README.md").read_text(encoding="utf-8")


def test_the_hub_reads_its_header(tmp_path, content):
    content.licence = "mit"
    data = ModelCard(written(tmp_path, content)).data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "mit", "segmentation-models-pytorch", "image-segmentation",
    )  # fmt: skip
    assert {"segsweep", "semantic-segmentation", "unet", "resnet18", "onnx"} == set(data.tags)
    (result,) = data.eval_results
    assert (result.dataset_name, result.dataset_split, result.metric_type, result.metric_value) == (
        "Discs", "val", "miou", 0.81234,
    )  # fmt: skip


def test_it_says_scores_with_their_interval_and_from_how_many_runs(tmp_path, content):
    text = written(tmp_path, content)
    assert "| lr=1e-3 | 3 | 0.8 | 0.75 to 0.85 | 0.79 |" in text
    assert "the best of 12" in text
    assert "Licence of the data: CC BY 4.0." in text
    assert "| `model.onnx` | any number, height and width | 1x96x96 and 2x133x171 | 3e-06 |" in text
    assert "smp.from_pretrained" in text
    assert "test split" not in text


def test_files_are_listed_with_their_hashes(tmp_path, content):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights").write_bytes(b"12345")
    written(tmp_path, content)
    text = written(tmp_path, content)  # a card is none of the files that it lists
    assert f"| `a/weights` | 5 | `{hashlib.sha256(b'12345').hexdigest()}` |" in text
    assert "`README.md`" not in text


def test_the_score_of_the_test_split_stands_apart(tmp_path, content):
    test = OnTestSplit({"test/miou": 0.7}, 0.6, 0.8, 30, "train", looks=2)
    content.models[0].evidence = replace(EVIDENCE, test=test)
    text = written(tmp_path, content)
    assert "choose by them:\n\n| model | trained on" in text
    assert "| `a-s0` | train | 30 | 0.7 | 0.6 to 0.8 |\n\n## Limits" in text
    assert "the study looked at it in 2 ways" in text
    assert [one.dataset_split for one in ModelCard(text).data.eval_results] == ["val", "test"]


def test_the_score_of_the_run_that_was_trained_again_is_said_to_be_that_ones(tmp_path, content):
    again = "a-s0-all", OnTestSplit({"test/miou": 0.7}, 0.6, 0.8, 30, "train+val", looks=1)
    content.models[0].evidence = replace(EVIDENCE, again=again)
    text = written(tmp_path, content)
    assert "\n\nThis model was not scored on the test split, but a run that stands for it: of the same setting" in text
    assert "`snakemake --cores 1 --config of=a-s0-all -- export_study` exports it.\n\n| model | trained on" in text
    assert "| `a-s0-all` | train+val | 30 | 0.7 | 0.6 to 0.8 |\n\n## Limits" in text
    assert [one.dataset_split for one in ModelCard(text).data.eval_results] == ["val"]
    assert "segsweep chose nothing" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"runs": 1}, "trained once"),
        ({"fold": "2"}, "on a fold"),
        ({"status": "pruned"}, "ended early"),
    ],
)
def test_limits_follow_from_the_evidence(content, change, said):
    assert not any(said in limit for limit in limits(content))
    content.models[0].evidence = replace(EVIDENCE, **change)
    assert any(said in limit for limit in limits(content))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("train_subset", "trained on 3 images, or patches, drawn"),
        ("val_subset", "validated on 3 images, or pages, drawn"),
    ],
)
def test_images_that_were_drawn_are_a_limit(content, key, said):
    assert not any(said in limit for limit in limits(content))
    content.models[0].settings["data"] = {key: 3}
    assert any(said in limit for limit in limits(content))


def test_no_validation_score_is_claimed_of_a_run_that_trained_on_validation_images(tmp_path, content):
    content.models[0].evidence = replace(EVIDENCE, scores={}, best_epoch="", epochs="7", retrained=True)
    text = written(tmp_path, content)
    assert "together, for 7 epochs, whose last one counts: no validation score" in text
    assert "| `a-s0` |" not in text
    assert "validation scores are of the images" not in text
    assert "| lr=1e-3 | 3 | 0.8 | 0.75 to 0.85 | 0.79 |" in text


def test_evidence_is_read_from_the_tables(tmp_path):
    plan = study_plan(segment_plan(), study={"metric": "val/miou"})
    run = plan.runs[0]
    (tmp_path / "runs.csv").write_text(
        f"cell,run,seed,fold,status,best_epoch,epochs,val/loss,val/miou\n{run.cell},{run.run},0,,finished,7,8,0.4,0.8\n"
    )
    (tmp_path / "ranking.csv").write_text(
        f"cell,n,mean,low,high,expected\n{run.cell},3,0.79,0.7,0.9,\nother,2,0.5,0.4,0.6,\nthird,0,,,,\n"
    )
    found = read_evidence(plan, tmp_path, run)
    assert list(found.scores) == ["val/miou", "val/loss"]
    assert (found.runs, found.mean, found.low, found.high, found.expected) == (3, 0.79, 0.7, 0.9, None)
    assert (found.settings, found.fold, found.test) == (2, None, None)
    header = "run,images,trained_on,low,high,test/miou\n"
    (tmp_path / "test.csv").write_text(f"{header}{run.run},30,train+val,,,0.75\n")
    assert read_evidence(plan, tmp_path, run).test == OnTestSplit({"test/miou": 0.75}, None, None, 30, "train+val", 0)


def test_of_a_run_that_was_trained_again_the_score_of_that_one_is_read(tmp_path):
    plan = study_plan(segment_plan(), study={"metric": "val/miou"})
    run = plan.runs[0]
    again = replace(run, run=f"{run.run}-all", role="retrain")
    plan = replace(plan, runs=[run, replace(again, run="other-all", cell="other"), again])
    (tmp_path / "runs.csv").write_text("run\n")
    (tmp_path / "ranking.csv").write_text("cell,n\n")
    (tmp_path / "test.csv").write_text(f"run,images,trained_on,low,high,test/miou\n{again.run},30,train+val,,,0.75\n")
    found = read_evidence(plan, tmp_path, run)
    test = OnTestSplit({"test/miou": 0.75}, None, None, 30, "train+val", 0)
    assert (found.test, found.again) == (None, (again.run, test))
    found = read_evidence(plan, tmp_path, again)
    assert (found.test, found.again) == (test, None)


def test_no_path_of_this_machine_leaves(tmp_path, content, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    inside, outside = f"{tmp_path}/project/my/net.py:build", f"{tmp_path}/secret/other.py:make"
    settings = {"model": {"arch": inside}, "loss": {"main": {outside: {"weights": f"{tmp_path}/my weights.pt"}}}}
    settings |= {"optimizer": {"name": "../secret/steps.py:Adam"}}
    model = content.models[0]
    model.settings, model.architecture = for_others(settings), tuple(for_others([inside, "resnet18"]))
    model.files.problems.append(f"not made: error in {outside}, line 3")
    text = written(tmp_path / "project", content)
    assert str(tmp_path) not in text
    assert yaml.safe_load(text.partition("```yaml")[2].rpartition("```")[0].partition("```")[0]) == {
        "model": {"arch": "my/net.py:build"},
        "loss": {"main": {"other.py:make": {"weights": "my weights.pt"}}},
        "optimizer": {"name": "steps.py:Adam"},
    }
    assert "a network `my/net.py:build` with" in text
    assert "not made: error in other.py:make, line 3" in text
    assert text_for_others("see https://host.org/a/b and val/my/score.py, 3/4") == (
        "see https://host.org/a/b and val/my/score.py, 3/4"
    )


def test_the_setting_of_a_card_names_its_components():
    train = Train.model_validate({"model": {"arch": "multitask"}, "scheduler": {"name": "cosine"}})
    assert changed_settings(train) == {"model": {"arch": "multitask"}, "scheduler": {"name": "cosine"}}
