"""What can go of complete segments, as the studies that reach them say."""

import json
from dataclasses import replace

import clean_up
import pytest

from segsweep.config.keep import Keep
from segsweep.search.step_files import step_file, write_step
from segsweep.store.segment_record import selection_key
from segsweep.store.segment_store import SegmentStore
from segsweep.store.spare_files import keep_of, ranked_cells, spare_files, weights_to_train_again
from tests.segments import segment_plan, study_plan, write_segment

KEY = selection_key("val/miou", False)
SCORES = {"a": 0.5, "b": 0.9, "c": 0.7, "d": None}


def name_of(letter, epoch=4):
    return f"{letter * 16}-{epoch:04d}"


@pytest.fixture
def store(tmp_path):
    """Three cells with a score, one that failed, all with weights and states."""
    for letter, score in SCORES.items():
        best = {KEY: score and {"epoch": 4, "value": score, "segment": name_of(letter)}}
        status = "finished" if score else "diverged"
        folder = write_segment(tmp_path / "segments", name_of(letter), best=best, status=status)
        (folder / "last.pt").write_bytes(b"state")
        (folder / "weights-0004.pt").write_bytes(b"weights")
    return SegmentStore(tmp_path / "segments")


def plan_of(letters="abcd", role="grid", **study):
    plan = study_plan(*(segment_plan(name_of(letter)) for letter in letters), study=study)
    return replace(plan, runs=[replace(run, role=role) for run in plan.runs])


def spared(store, results, kind, **plans):
    return "".join(one.segment[0] for one in spare_files(plans, store, results) if one.kind == kind)


def test_by_default_all_stays_that_more_epochs_could_continue(store, tmp_path):
    plan = plan_of()
    assert spare_files({"little": plan}, store, tmp_path) == []
    ended = replace(plan.segments[name_of("b")], can_be_extended=False)
    plan.segments[ended.id] = ended
    assert spared(store, tmp_path, "state", little=plan) == "b"


def test_the_weights_of_the_best_settings_stay(store, tmp_path):
    plan = plan_of(keep={"weights": "best 2"})
    found = spare_files({"little": plan}, store, tmp_path)
    assert [(one.segment[0], one.kind, one.path.name, one.bytes, one.epochs) for one in found] == [
        ("a", "weights", "weights-0004.pt", 7, 4),
        ("d", "weights", "weights-0004.pt", 7, 4),
    ]
    assert ranked_cells(plan, store, tmp_path / "little") == ["b", "c", "a", "d"]


def test_weights_stay_while_a_state_needs_them(tmp_path):
    root = tmp_path / "segments"
    for letter, score in (("a", 0.5), ("b", 0.9)):
        best = {KEY: {"epoch": 4, "value": score, "segment": name_of(letter)}}
        folder = write_segment(root, name_of(letter), best=best, state_without_weights=True)
        for name in ("last.pt", "weights-0002.pt", "weights-0004.pt"):
            (folder / name).write_bytes(b"content")
    store, plan = SegmentStore(root), plan_of("ab", keep={"weights": "best 1"})
    assert [one.path.name for one in spare_files({"little": plan}, store, tmp_path)] == ["weights-0002.pt"]
    without = plan_of("ab", keep={"weights": "best 1", "state": "none"})
    found = spare_files({"little": without}, store, tmp_path)
    assert [(one.segment[0], one.path.name) for one in found] == [
        ("a", "last.pt"), ("a", "weights-0002.pt"), ("a", "weights-0004.pt"), ("b", "last.pt")
    ]  # fmt: skip
    store.state(name_of("a")).unlink()
    assert "weights-0004.pt" in [one.path.name for one in spare_files({"little": plan}, store, tmp_path)]


def test_what_another_study_needs_stays(store, tmp_path):
    plan = plan_of(keep={"weights": "best 1", "state": "none"})
    assert spared(store, tmp_path, "weights", little=plan, other=plan_of("a")) == "cd"
    assert spared(store, tmp_path, "state", little=plan, other=plan_of("a")) == "bcd"


def write_tables(folder, plan, ranked, **about):
    folder.mkdir(exist_ok=True)
    rows = [f"{run.run},{' '.join(run.segments)}" for run in plan.runs]
    (folder / "runs.csv").write_text("\n".join(["run,segments", *rows, ""]))
    (folder / "ranking.csv").write_text("\n".join(["cell", *ranked, ""]))
    about = {"metric": "val/miou", "minimize": False, "best": {"cell": "a"}} | about
    (folder / "analysis.json").write_text(json.dumps(about))


def test_the_ranking_decides_once_it_is_there(store, tmp_path):
    plan = plan_of(keep={"weights": "best 1"})
    write_tables(tmp_path / "little", plan, "cbad")
    assert spared(store, tmp_path, "weights", little=plan) == "bcd"
    # Of a cell that it does not know it says nothing.
    write_tables(tmp_path / "little", plan, "ca")
    assert spared(store, tmp_path, "weights", little=plan) == "acd"


def test_a_ranking_of_other_runs_or_by_another_metric_does_not_decide(store, tmp_path):
    plan = plan_of(keep={"weights": "best 1"})
    write_tables(tmp_path / "little", plan, "cbad", metric="val/dice")
    assert spared(store, tmp_path, "weights", little=plan) == "acd"
    # Before a second seed was added.
    first_seed = [replace(run, run=f"{run.run}-s0") for run in plan.runs]
    second_seed = [replace(run, run=f"{run.run}-s1", seed=1) for run in plan.runs]
    write_tables(tmp_path / "little", replace(plan, runs=first_seed), "cbad")
    both = replace(plan, runs=[*first_seed, *second_seed])
    assert spared(store, tmp_path, "weights", little=both) == "acd"


@pytest.mark.parametrize(
    "decides", [{"sweep": {"trials": 4}}, {"confirm": {"top": 2}}, {"test": {"retrain": "train+val"}}]
)
def test_no_weights_go_before_the_last_decision(store, tmp_path, decides):
    plan = plan_of(keep={"weights": "best 1"}, **decides)
    folder = tmp_path / "little"
    assert spared(store, tmp_path, "weights", little=plan) == ""
    write_tables(folder, plan, "cbad")
    write_step(step_file(folder / "sweep", 0), {"step": 0, "done": False})
    assert spared(store, tmp_path, "weights", little=plan) == ""
    write_step(step_file(folder / "sweep", 1), {"step": 1, "done": True})
    assert spared(store, tmp_path, "weights", little=plan) == "bcd"


def test_the_setting_that_would_be_chosen_keeps_its_weights(store, tmp_path):
    """Of the best one by its mean, a run failed: the analysis recommends the next."""
    plan = plan_of(keep={"weights": "best 1"})
    plan = replace(plan, runs=[replace(run, cell="b") if run.cell == "d" else run for run in plan.runs])
    assert ranked_cells(plan, store, tmp_path / "little")[:2] == ["c", "b"]
    assert spared(store, tmp_path, "weights", little=plan) == "abd"


def test_weights_of_a_setting_that_became_the_best_train_again(store, tmp_path):
    plan, folder = plan_of(keep={"weights": "best 1"}), tmp_path / "little"
    assert weights_to_train_again(plan, store, folder, 1) == {}
    for letter in "ac":
        (store.root / name_of(letter) / "weights-0004.pt").unlink()
    assert weights_to_train_again(plan, store, folder, 1) == {}
    write_tables(folder, plan, "acbd")  # by more seeds, say
    assert list(weights_to_train_again(plan, store, folder, 1)) == [name_of("a")]
    assert list(weights_to_train_again(plan, store, folder, 3)) == [name_of("a"), name_of("c")]


def test_cells_that_are_not_trained_yet_and_members_of_ensembles_keep_their_weights(store, tmp_path):
    plan = plan_of("abcde", keep={"weights": "best 1"})
    runs = [replace(run, cell="a") if run.cell == "e" else run for run in plan.runs]
    assert spared(store, tmp_path, "weights", little=replace(plan, runs=runs)) == "cd"
    assert spared(store, tmp_path, "weights", little=plan_of(role="ensemble", keep={"weights": "best 1"})) == ""


def test_a_state_stays_until_what_continues_it_is_there(store, tmp_path):
    longer = segment_plan(name_of("e", 8), parent=name_of("a"), first_epoch=5)
    plan = study_plan(segment_plan(name_of("a")), longer, study={"keep": {"state": "none"}})
    assert spared(store, tmp_path, "state", little=plan) == ""
    write_segment(store.root, longer.id)
    assert spared(SegmentStore(store.root), tmp_path, "state", little=plan) == "a"
    pruned = replace(plan, runs=[replace(run, pruned=True) for run in plan.runs])
    assert spared(SegmentStore(store.root), tmp_path, "state", little=pruned) == ""


def test_the_command_that_removes_is_said_with_what_was_asked(store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "little").mkdir(parents=True)
    store.root.rename("results/segments")
    (tmp_path / "results" / "little" / "plan.json").write_text(plan_of(name="little").text())
    asked = ["--study", "little", "--weights", "best 2"]
    assert clean_up.main(asked) == 0
    assert "clean_up.py --study little --weights 'best 2' --remove` frees 14 bytes." in capsys.readouterr().out
    damaged = tmp_path / "results" / "other" / "plan.json"
    damaged.parent.mkdir()
    damaged.write_text("half a pl")
    assert clean_up.main([*asked, "--remove"]) == 2
    assert "the plans of other cannot be read, so what they need is unknown" in capsys.readouterr().err
    damaged.unlink()
    assert clean_up.main([*asked, "--remove"]) == 0
    assert "Removed: 14 bytes are free again." in capsys.readouterr().out


@pytest.mark.parametrize(("written", "files"), [({}, ["**"]), ({"keep": ["*.pt"]}, ["*.pt"])])
def test_plans_of_earlier_versions_are_read(written, files):
    assert keep_of(plan_of(**written)) == Keep(files=files)
