"""A model card: what the hub reads of it, and that it claims what the tables say and no more."""

import hashlib
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from segsweep.model_export.agreement import Agreement
from segsweep.model_export.model_card import CardContent, DataFacts, ExportedModel, limits, write_card
from segsweep.model_export.network_files import NetworkFiles
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
    assert "| `a-s0` | train | 30 | 0.7 | 0.6 to 0.8 |" in text
    assert "the study looked at it in 2 ways" in text
    assert [one.dataset_split for one in ModelCard(text).data.eval_results] == ["val", "test"]


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
