"""What a report says of a narrowed search space and of an ensemble."""

import json
import re

import pytest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import open_results
from segsweep.config.study import Study
from segsweep.inference.ensemble_scores import write as write_ensemble
from segsweep.report.build import build
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.sections.search import saved
from segsweep.report.verify import verify
from segsweep.search.narrow import narrowed
from tests.synthetic_files import write_study

AXES = {"optimizer.lr": [1e-4, 1e-3], "optimizer.name": ["adam", "sgd"]}


def report_of(folder):
    """Its text; every number of it is looked up again."""
    Analysis(open_results(folder)).write(folder)
    build(folder, folder)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert verify(text, (folder / "report.sources.csv").read_text(encoding="utf-8"), folder) == []
    return text


def test_lineage(tmp_path):
    space = {"optimizer.lr": {"low": 1e-5, "high": 0.1, "log": True}, "optimizer.name": ["adam", "adamw", "sgd"]}
    sweep = {"sampler": "random", "trials": 6, "space": space, "narrow": {"from": "wide", "top": 0.5}}
    study = Study.model_validate({"name": "s", "train": {"epochs": 6}, "sweep": sweep})
    found = [(2e-3, "sgd", 0.9), (5e-4, "sgd", 0.8), (0.05, "adam", 0.1), (1e-5, "adamw", 0.2)]
    earlier = [
        {"trial": i, "values": {"optimizer.lr": lr, "optimizer.name": name}, "score": score, "status": "finished"}
        for i, (lr, name, score) in enumerate(found)
    ]
    write_study(tmp_path, kind="sweep", axes=AXES, effects={}, trials=6, seeds=(0,), epochs=6)
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["study"]["sweep"] = study.model_dump(mode="json", by_alias=True)["sweep"]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert "narrowed to where the best 50% of the trials of `wide` lay.\n" in report_of(tmp_path)
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "step_000.json").write_text(json.dumps({"lineage": narrowed(study, earlier)[1]}))
    text = report_of(tmp_path)
    assert "lay: 2 trials of 4, 0 with 0.9000 and 1 with 0.8000.\n" in text
    assert "| Learning rate | `optimizer.lr` | 1e-5 to 0.1 | 5e-4 to 2e-3 |" in text
    assert "| Optimizer | `optimizer.name` | adam, adamw, sgd | sgd |" in text


def test_trials_that_the_budget_ended_are_no_pruned_ones(tmp_path):
    write_study(tmp_path, kind="sweep", axes=AXES, effects={}, trials=3, seeds=(0,), epochs=6)
    Analysis(open_results(tmp_path)).write(tmp_path)
    (tmp_path / "sweep").mkdir(exist_ok=True)
    rows = ["0,pruned,2,6,until", "1,pruned,3,6,", "2,finished,6,6,"]
    (tmp_path / "sweep" / "trials.csv").write_text("\n".join(["trial,status,trained,total_epochs,budget", *rows, ""]))
    (tmp_path / "sweep" / "decisions.csv").write_text("trial,epoch,decision,reason,epochs_left\n1,3,pruned,behind,3\n")
    text = re.sub("\ue000\\d+\ue001|\ue002", "", saved(QuotedResults(tmp_path, tmp_path)))  # marks of the ledger
    assert "1 trial was pruned; trained in full they would have cost 3 further epochs." in text
    assert "1 trial was ended by the study's budget, and no pruner; the score is what was shown until then." in text


def ensemble(folder, split, scores, single=None, **more):
    """A study with an ensemble of members of these scores; no single model if none has a score."""
    write_study(folder, axes={"model.arch": ["unet", "fpn"]}, effects={}, seeds=(0,), epochs=6, metric="val/miou")
    cell = json.loads((folder / "plan.json").read_text())["cells"][0]["cell"]
    rows = [("ensemble", "vote", len(scores), 0.5)] + [("one", "single model", 1, single)] * (single is not None)
    rows += [(f"one-m{i}", f"member {i + 1}", 1, score) for i, score in enumerate(scores)]
    found = {
        "split": split, "method": "vote", "metric": f"{split}/miou", "min_votes": 2, "images": 17, "cell": cell,
        "left_out": [], "notes": [],
        "rows": [
            {"run": run, "method": method, "members": members, "fold": None, "own": None,
             "scores": {f"{split}/miou": score, f"{split}/dice": 0.123, f"{split}/iou/road": 0.777}, "images": []}
            for run, method, members, score in rows
        ],
    }  # fmt: skip
    write_ensemble(found | more, folder)
    return report_of(folder)


def test_an_ensemble_is_compared_with_its_members(tmp_path):
    text = ensemble(tmp_path, "test", [0.2, 0.4, 0.3], 0.25)
    assert "The test mIoU of the ensemble is 0.5000, that of its members 0.3000 on average, from 0.2000 to 0.4" in text
    assert "; the single model has 0.2500." in text
    assert "scored on 17 images that none of them was trained on. These are the test split" in text
    assert "A prediction needs the votes of 2 of 3 members." in text
    assert "0.7770" not in text  # scores of single classes are in ensemble.csv


def test_without_a_single_model_and_with_a_member_that_failed(tmp_path):
    gone = {"left_out": [{"run": "one-m2", "status": "diverged"}]}
    text = ensemble(tmp_path, "val", [0.2, 0.4], **gone)
    assert "There is no single model of this setting to compare with" in text
    assert "Left out, because they failed or are not trained: `one-m2` (diverged)." in text


@pytest.mark.parametrize("role", ["confirm", "ensemble"])
def test_runs_that_enter_no_comparison_enter_no_figure(tmp_path, role):
    write_study(tmp_path, axes={"model.arch": ["unet", "fpn"]}, effects={}, seeds=(0,), epochs=6)
    lines = (tmp_path / "runs.csv").read_text().splitlines()
    (tmp_path / "runs.csv").write_text("\n".join([*lines, lines[1].replace("grid", role)]) + "\n")
    Analysis(open_results(tmp_path)).write(tmp_path)
    assert list(QuotedResults(tmp_path, tmp_path).usable["role"]) == ["grid", "grid"]
    build(tmp_path, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "2 settings in 2 runs vary 1 hyperparameter. 1 run more: " in text
