"""Studies of a program of one's own, planned: what is refused, what is started, what an address depends on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from segsweep.config.load import Request, load
from segsweep.errors import InputError
from segsweep.planning import program_training
from segsweep.planning.announcement import announce
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import planned
from segsweep.planning.runs import cut
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment

SCRIPT = '''"""A script."""
from model import Net

print(Net)  # prints
'''
MODEL = "class Net:\n    '''A network.'''\n\n    width = 8\n"
COMMAND = "python train.py --lr {lr} --seed {seed} --epochs {epochs} --out {out}"
RESUMED = "python train.py --lr {lr} --seed {seed} --until {until} --out {out} {resume:--resume {out}/last.pt}"
STUDY = {
    "name": "mine",
    "metric": "val/iou",
    "command": COMMAND,
    "parameters": {"lr": 0.1},
    "epochs": 4,
    "seeds": [0, 1],
    "grid": {"lr": [0.1, 0.2]},
}
SWEEP = {"trials": 2, "space": {"lr": {"low": 0.1, "high": 1}}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a script, and a module that it imports."""
    (tmp_path / "config" / "studies").mkdir(parents=True)
    (tmp_path / "config" / "datasets").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "score.py").write_text("def score(counts):\n    return 1.0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def request(*, as_smoke_test=False, **changes):
    """The request for the study with some keys changed; None leaves one out."""
    study = {name: value for name, value in (STUDY | changes).items() if value is not None}
    file = Path("config/studies/mine.yaml")
    file.write_text(yaml.safe_dump(study, sort_keys=False))
    return Request(study=str(file), smoke=as_smoke_test)


def plan(**changes):
    return planned(request(**changes)).plan


def ids(**changes):
    """The segments' ids by label."""
    return {one.label: one.id for one in plan(**changes).segments.values()}


def problems(**changes):
    with pytest.raises(InputError) as error:
        planned(request(**changes))
    return error.value.problems


def test_what_a_run_is_called_with():
    found = plan(
        command="python train.py --lr {optimizer.lr} {flip:--flip} --seed {seed} --of {epochs} {out} {config}",
        environment={"NOTE": "{note}", "WIDTH": "{width}"},
        parameters={"optimizer.lr": 1e-3, "optimizer": {"name": "adam"}, "flip": False, "width": None, "note": "a b"},
        grid={"optimizer.lr": [1e-3], "flip": [False, True]},
        seeds=[3],
    )
    first, second = found.segments.values()
    assert first.program["command"] == "python train.py --lr 0.001  --seed 3 --of 4 {out} {config}"
    assert second.program["command"] == "python train.py --lr 0.001 --flip --seed 3 --of 4 {out} {config}"
    assert first.program["environment"] == {"NOTE": "a b", "WIDTH": "null"}
    optimizer = {"lr": 1e-3, "name": "adam"}
    assert second.program["config"] == {"optimizer": optimizer, "flip": True, "width": None, "note": "a b"}
    assert second.train == second.program["config"] | {"epochs": 4, "on_oom": "skip"}
    assert (second.trainer, second.data, second.dataset, second.total_epochs) == ("command", "", {}, 4)
    assert found.axes == ["flip"]
    assert found.dataset is None
    assert found.prepared == {}


def test_folds_are_an_index():
    command = f"{COMMAND} --fold {{fold}} --folds {{folds}}"
    calls = [one.program["command"] for one in plan(command=command, folds=2, seeds=[0]).segments.values()]
    assert [call.partition("--fold ")[2] for call in calls] == ["0 --folds 2", "1 --folds 2"] * 2


def test_epochs_may_be_an_axis():
    found = plan(grid={"epochs": [2, 4]}, seeds=[0])
    assert [one.last_epoch for one in found.segments.values()] == [2, 4]
    assert [one.train["epochs"] for one in found.segments.values()] == [2, 4]


def test_a_smoke_test():
    smoke = {"epochs": 2, "seeds": [0], "lr": 0.5, "parameters": {"warm.name": "cosine"}, "rescale_epochs": True}
    found = planned(
        request(
            as_smoke_test=True,
            command=f"{COMMAND} {{config}}",
            parameters={"lr": 0.1, "warm": {"t_max": 4, "name": "step"}},
            grid={"warm.t_max": [4, 8]},
            smoke=smoke,
        )
    ).plan
    assert found.name == "mine_smoke"
    assert [one.train["warm"] for one in found.segments.values()] == [
        {"t_max": 2, "name": "cosine"},
        {"t_max": 4, "name": "cosine"},
    ]
    assert {(one.train["lr"], one.last_epoch) for one in found.segments.values()} == {(0.5, 2)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"command": "python train.py {lr} {seed} {ot}"}, r"mine.yaml:3: command: {ot} is neither .* mean 'out'"),
        ({"command": "python train.py {lr} {seed} ${HOME} {out}"}, r":3: command: .* is written `\${{HOME}}`"),
        ({"command": "python train.py {seed} {out}"}, r":5: the parameter lr never reaches the program"),
        ({"command": "python train.py {lr} {out}"}, r"the seeds are \[0, 1\], and the program is not told which"),
        ({"command": "python train.py {lr} {seed}"}, r":3: the program is not told where its files go"),
        ({"folds": 3}, r"there are 3 folds, and the program is not told which"),
        ({"environment": {"FOLD": "{fold}"}}, r"environment.FOLD: `{fold}` stands there, and the study has no folds"),
        ({"parameters": {"lr": 0.1, "seed": 3}}, r"the parameter 'seed' has a name that stands for something else"),
        ({"parameters": {"lr": 0.1, "a.b": 1, "a": {"b": 2}}}, r"a.b is set here, and a.b stands in another place"),
        ({"parameters": {"lr": "{wr}"}}, r":5: parameters.lr: {wr} is neither a parameter nor known"),
        ({"parameters": {"lr": 1, "a": "{b}", "b": "{a}"}, "command": f"{COMMAND} {{a}}"}, r":4: .* stands for itself"),
        ({"grid": {"lr": ["{"]}}, r":1\d: lr: `{`: '' is no name of a parameter"),
        ({"grid": {"lr": ["{wr}"]}}, r":1\d: lr: {wr} is neither a parameter nor known otherwise. Did you mean 'lr'"),
        ({"command": f"{COMMAND} {{lr.x}}"}, r"`{lr.x}` has no value"),
        ({"metric": None}, r"runs are ranked by `metric`, val/miou if not set, and `results.columns` has no such"),
        ({"metric": "iou"}, r":2: metric is 'iou'; .* Write `val/iou`, and `results: {columns: {val/iou: ITS NAME"),
        ({"also_report": ["val/f1", "test/f1"]}, r": also_report is 'test/f1'; .* Write `val/f1`"),
        ({"results": {"columns": {"test/iou": "iou"}}}, r"'test/iou' is no name of a column here: .* `val/iou: iou`"),
        ({"results": {"file": "train.log"}}, r":\d+: results.file: of train.log it cannot be told .* `format: jsonl`"),
        ({"results": {"columns": {"val/iou": 3}}}, r"results.columns.val/iou is 3: a section belongs here"),
        ({"checkpoint": "/best.pt"}, r"checkpoint: '/best.pt' is not a path within the folder `{out}`"),
        ({"keep": ["../*"]}, r"keep.files.0: '../\*' is not a path within the folder `{out}`"),
        ({"environment": {"THREADS": 2}}, r":\d+: environment.THREADS is 2: .* Write it in quotes: '2'"),
        ({"environment": {"A=B": "c"}}, r"environment: 'A=B' is no name of a variable"),
        ({"code": "train.py"}, r"code is 'train.py': .* Write a list: \[train.py\]"),
        ({"command": " "}, r":3: command: nothing stands there"),
        ({"parameters": {"lr": float("nan")}}, r":5: lr: nan is no finite number. Write it in quotes"),
        ({"grid": {"lr": [float("inf")]}}, r":1\d: lr: inf is no finite number"),
        ({"parameters": {"lr": {"a": [{3: 1}]}}}, r"lr.a: the key 3 is no text. Write it in quotes"),
        ({"metric": "val/loss"}, r"val/loss is a loss: lower is better"),
        ({"code": ["trein.py"]}, r"code: there is no trein.py, .* mean 'train.py'\? Correct it"),
        ({"inputs": ["nothing"]}, r"inputs: there is no nothing, "),
        ({"folder": "nowhere"}, r"folder is 'nowhere', and there is no folder"),
        ({"command": "mine {lr} {seed} {out}"}, r":3: `mine 0.1 .* names no file of code .* write `code: \[\]`"),
        ({"command": "mine {lr} {seed} {out}", "grid": None, "sweep": SWEEP}, r":3: `mine .* names no file of code"),
        ({"epochs": None}, r"the key 'epochs' is missing"),
        ({"dataset": "demo"}, r"a program reads its data by itself. Leave `dataset` out"),
        ({"metrics": ["score.py:score"]}, r"a metric of your own is computed from the masks"),
        ({"ensemble": {"folds": 3}}, r"an ensemble votes with networks that segsweep builds"),
        ({"grid": {"lrr": [1]}}, r"unknown key 'lrr'. Did you mean 'lr'\?.* A further one stands in `parameters`"),
        ({"grid": {"lr.x": [1]}}, r"lr.x addresses a key inside lr, which is 0.1"),
        (
            {"grid": None, "sweep": SWEEP | {"pruner": {"name": "hyperband"}}},
            r"a pruner trains a trial a few epochs at a time, and `command` does not say how to resume",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(changes, message):
    assert any(re.search(message, one) for one in problems(**changes)), problems(**changes)


def test_a_word_of_the_command_may_be_too_long_for_a_file():
    assert len(plan(parameters={"lr": "x" * 5000}, grid={"lr": ["y" * 5000, "z/" * 5000]}).segments) == 4


def test_keys_of_programs_are_refused_of_other_studies():
    train = {"model": {"arch": "unet"}}
    keys, dataset = problems(command=None, dataset="nowhere", train=train, grid={"batch_size": [1]})
    assert "epochs, parameters: only of a study with `command`" in keys
    assert "unknown data set 'nowhere'" in dataset


def test_a_dataset_cannot_be_asked_for():
    with pytest.raises(InputError, match="dataset=demo was asked for"):
        load(request().model_copy(update={"dataset": "demo"}))


def test_what_moves_an_address():
    before = ids()
    assert len(set(before.values())) == 4
    changed = {
        "command": {"command": f"{COMMAND} --more"},
        "environment": {"environment": {"MORE": "1"}},
        "epochs": {"epochs": 5},
    }
    for what, changes in changed.items():
        now = ids(**changes)
        assert not set(now.values()) & set(before.values()), what
    same = {
        "title": {"title": "Mine"},
        "results": {"results": {"columns": {"val/iou": "iou"}}},
        "checkpoint": {"checkpoint": "best.pt"},
        "keep": {"keep": ["*.pt"]},
        "on_oom": {"on_oom": "fail"},
        "metric": {"metric": "val/dice"},
    }
    for what, changes in same.items():
        assert ids(**changes) == before, what


def test_parameters_count_where_they_are_passed():
    command = "python train.py {config} {seed} {out}"
    one, other = (ids(command=command, parameters={"lr": 0.1, "n": n}) for n in (1, 2))
    assert not set(one.values()) & set(other.values())


def test_epochs_count_unless_the_program_resumes_and_is_not_told():
    short, long = plan(command=RESUMED), plan(command=RESUMED, epochs=8)
    assert [one.rpartition("-")[0] for one in short.segments] == [one.rpartition("-")[0] for one in long.segments]
    assert all(one.can_be_extended for one in long.segments.values())
    told = RESUMED.replace("{until}", "{until} --of {epochs}")
    short, long = plan(command=told), plan(command=told, epochs=8)
    assert not {one.rpartition("-")[0] for one in short.segments} & {one.rpartition("-")[0] for one in long.segments}
    assert not any(one.can_be_extended for one in long.segments.values())
    assert not any(one.can_be_extended for one in plan().segments.values())


def test_what_of_the_code_counts(folder):
    before = ids()
    (folder / "train.py").write_text(
        "# A comment.\n" + SCRIPT.replace("A script", "The script").replace("  # prints", "")
    )
    (folder / "other.py").write_text("print()")
    assert ids() == before
    (folder / "model.py").write_text(MODEL.replace("8", "16"))
    assert not set(ids().values()) & set(before.values())


def test_code_that_lies_elsewhere_is_the_same(folder):
    before = ids(folder="../..")
    for place in ("here", "there/below"):
        (folder / place).mkdir(parents=True)
        for name in ("train.py", "model.py"):
            (folder / place / name).write_text((folder / name).read_text())
        assert ids(folder=f"../../{place}") == before


def test_a_folder_of_code_is_its_sources(folder):
    code = folder / "my"
    (code / "sub" / "outputs").mkdir(parents=True)
    (code / "sub" / "conf.yaml").write_text("a: 1")
    before = ids(code=["my"])
    (code / "sub" / "outputs" / "run.py").write_text("print()")
    (code / ".hidden").mkdir()
    (code / ".hidden" / "x.py").write_text("print()")
    (code / "image.png").write_text("")
    assert ids(code=["my"]) == before
    (code / "sub" / "conf.yaml").write_text("a: 2")
    assert ids(code=["my"]) != before


def test_modules_are_found_where_python_finds_them(folder):
    (folder / "src" / "lib").mkdir(parents=True)
    for name in ("src/lib/__init__.py", "src/lib/near.py"):
        (folder / name).write_text("")
    (folder / "src" / "lib" / "start.py").write_text("from . import near\n\ndef f():\n    import lib.far\n")
    (folder / "src" / "lib" / "far.py").write_text("import numpy, os")
    (folder / "main.py").write_text("if __name__ == '__main__':\n    from lib.start import f\n")
    changes = {"command": "python main.py {lr} {seed} {out}", "environment": {"PYTHONPATH": "src:{out}"}}
    study = planned(request(**changes))
    assert study.training.context.code.files == [
        "main.py", "src/lib/__init__.py", "src/lib/far.py", "src/lib/near.py", "src/lib/start.py",
    ]  # fmt: skip
    module = planned(request(command="python -m src.lib.start {lr} {seed} {out}"))
    assert module.training.context.code.files == ["src/lib/__init__.py", "src/lib/near.py", "src/lib/start.py"]


def test_a_shell_script_leads_to_what_it_starts(folder):
    (folder / "run.sh").write_text("cd .\npython 'train.py' --lr $1\n")
    study = planned(request(command="bash run.sh {lr} {seed} {out}"))
    assert study.training.context.code.files == ["model.py", "run.sh", "train.py"]
    (folder / "start").write_text("#!/bin/sh\n")
    (folder / "start").chmod(0o755)
    assert planned(request(command="./start {lr} {seed} {out}")).training.context.code.files == ["start"]


def test_inputs_count_by_content(folder):
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("1")
    before = ids(inputs=["data"])
    assert ids() != before
    (folder / "data").rename(folder / "moved")
    assert ids(inputs=["moved"]) == before
    (folder / "moved" / "a.txt").write_text("22")
    assert ids(inputs=["moved"]) != before


def test_inputs_that_dvc_tracks_need_not_be_here(folder):
    (folder / "a.txt").write_text("1")
    before = ids(inputs=["a.txt"])
    (folder / "a.txt.dvc").write_text("outs:\n- md5: c4ca4238a0b923820dcc509a6f75849b\n  path: a.txt\n")
    assert ids(inputs=["a.txt"]) == before
    (folder / "a.txt").unlink()
    assert ids(inputs=["a.txt"]) == before


def test_the_announcement_says_what_is_started():
    said = []
    announce(planned(request()), said.append)
    assert (
        "  Each run starts a program, the first one: python train.py --lr 0.1 --seed 0 --epochs 4 --out {out}" in said
    )
    assert "  Its code is model.py, train.py." in said


def test_a_sweep_says_what_trials_start_before_there_is_one():
    said = []
    announce(planned(request(grid=None, sweep=SWEEP)), said.append)
    (example,) = (one for one in said if "Each trial starts a program" in one)
    assert re.search(r"for example: python train.py --lr [\d.]+ --seed 0 --epochs 4 --out {out}$", example)
    assert "  Its code is model.py, train.py." in said


def test_data_that_only_the_command_names_is_mentioned(folder):
    (folder / "data" / "sub").mkdir(parents=True)
    command = f"{COMMAND} --data=data/sub {{out}}/data ."
    said = []
    announce(planned(request(command=command)), said.append)
    assert any("The command names data/sub, which is neither code nor one of `inputs`" in one for one in said)
    for inputs in (["data"], ["data/sub/"]):
        said = []
        announce(planned(request(command=command, inputs=inputs)), said.append)
        assert not any("The command names" in one for one in said)


def test_planning_programs_imports_neither_torch_nor_pandas(folder):
    request()
    code = (
        "import sys\nfrom segsweep.config.load import Request\nfrom segsweep.planning.planner import planned\n"
        "planned(Request(study='config/studies/mine.yaml'))\n"
        "print([one for one in ('torch', 'pandas', 'numpy') if one in sys.modules])"
    )
    path = Path(__file__).parents[2] / "workflow" / "scripts"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(path)})
    assert done.stdout.strip() == "[]", done.stderr


def test_rungs_are_segments_of_one_phase():
    study = planned(request(command=RESUMED, grid=None, sweep=SWEEP | {"pruner": {"name": "hyperband"}}, epochs=9))
    trial = {"key": "t", "role": "trial", "trial": 0, "set": {"lr": 0.3}, "seed": 0, "fold": None, "total_epochs": 9}
    study.decided.add([trial | {"epochs": 3}, trial | {"epochs": 9}])
    plan = cut(study.decided.runs, study.store)
    first, second = plan.segments.values()
    assert (first.first_epoch, first.last_epoch, first.parent) == (1, 3, None)
    assert (second.first_epoch, second.last_epoch, second.parent) == (4, 9, first.id)


def test_packs_hold_runs_of_programs():
    study = planned(request().model_copy(update={"pack": 3}))
    assert sorted(map(len, study.packs.values())) == [1, 3]


def test_reasons_for_training_again(folder):
    def study(**changes):
        return planned(request(seeds=[0], grid=None, runs=[{"id": "r"}], inputs=["data.txt"], **changes))

    def reasons(**changes):
        found = study(**changes)
        return [found.why(one) for one in found.missing()]

    (folder / "data.txt").write_text("1")
    assert reasons() == ["not trained yet"]
    for segment in study().missing():
        write_segment(SegmentStore().root, segment)
    PlanWriter(study()).start()
    assert reasons() == []
    assert reasons(parameters={"lr": 0.2}) == ["the setting parameters.lr changed from 0.1 to 0.2"]
    assert reasons(epochs=5) == ["the setting epochs changed from 4 to 5"]
    assert reasons(environment={"A": "b"}) == ['the setting environment.A changed from its default to "b"']
    (folder / "model.py").write_text(MODEL.replace("8", "16"))
    assert reasons() == ["the code of model.py changed"]
    (folder / "data.txt").write_text("22")
    assert reasons() == ["what the program reads (`inputs`) changed"]


def test_an_extended_study_keeps_its_cells():
    for segment in planned(request(command=RESUMED)).missing():
        write_segment(SegmentStore().root, segment)
    PlanWriter(planned(request(command=RESUMED))).start()
    study = planned(request(command=RESUMED, epochs=6))
    assert {study.why(one) for one in study.missing()} == {"extended from epoch 4"}


def test_a_parameter_may_be_a_section_in_some_cells():
    command = f"{COMMAND} {{ema:--decay {{ema.decay}}}}"
    found = plan(command=command, parameters={"lr": 0.1, "ema": None}, grid={"ema": [None, {"decay": 0.9}]}, seeds=[0])
    assert [one.program["command"].rpartition("{out}")[2].strip() for one in found.segments.values()] == [
        "",
        "--decay 0.9",
    ]


def test_dvc_brings_inputs_only_where_something_trains(folder, monkeypatch):
    pulled = []
    monkeypatch.setattr(program_training, "dvc_pull", lambda tracked, what: pulled.append(tracked.name))
    (folder / "a.txt.dvc").write_text("outs:\n- md5: c4ca4238a0b923820dcc509a6f75849b\n  path: a.txt\n")
    study = planned(request(inputs=["a.txt"]))
    assert pulled == []
    planned(request(inputs=["a.txt"]), pull=True)
    assert pulled == ["a.txt.dvc"]
    for segment in study.missing():
        write_segment(SegmentStore().root, segment)
    planned(request(inputs=["a.txt"]), pull=True)
    assert pulled == ["a.txt.dvc"]
