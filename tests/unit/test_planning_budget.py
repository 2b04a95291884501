"""What a budget lets train: which runs first, who begins when several start together, what a job does that may not."""

import json
import time
from types import SimpleNamespace

import pytest

from segsweep.config.budget import Budget
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.execution.segment_job import run_job
from segsweep.planning.budget_ledger import BudgetFile, JobsBudget, Ledger, LeftOut, Length, like, read_left_out
from segsweep.planning.budget_plan import BudgetPlan, in_order
from segsweep.planning.planner import open_study
from segsweep.store.lock import Lock
from segsweep.store.segment_store import SegmentStore
from tests.fakes import FakeTrainer
from tests.fakes import segment_plan as chained
from tests.segments import segment_plan, write_segment
from tests.workspace import Workspace

IDS = [f"{digit * 16}-0004" for digit in "abcdef"]
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "nothing stands in it. Give it gpu_hours, runs or until"),
        ({"gpu_hours": -1}, "greater than 0"),
        ({"gpu_hours": True}, "no number"),
        ({"runs": 0}, "greater than or equal to 1"),
        ({"runs": 2.5}, "integer"),
        ({"until": "24.12.2026"}, "'24.12.2026' is no time. Write year, month, day and time: 2026-12-24T08:00"),
        ({"until": "2026-12-24"}, "is no time"),
        ({"until": "2026-02-30T08:00"}, "day is out of range for month"),
        ({"until": 20261224}, "20261224 is no time"),
        ({"hours": 3}, "hours"),
    ],
)
def test_what_is_no_budget(values, said):
    with pytest.raises(InputError) as wrong:
        parse(Budget, values, lambda keys: f"study.yaml:{len(keys)}")
    assert said.lower() in str(wrong.value).lower()
    assert str(wrong.value).startswith("study.yaml:")


def test_a_time_may_have_a_zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert Budget(until="2026-12-24T08:00+01:00").ends == Budget(until="2026-12-24 07:00").ends == 1798095600.0
    assert Budget(until="2026-12-24T08:00Z").ends == Budget(until="2026-12-24T08:00:00").ends
    assert Budget(runs=3).ends is None


def run(cell, seed, role="grid", segments=None, key=""):
    segments = segments or [f"{cell}{seed}"]
    return SimpleNamespace(
        run=f"{cell}-s{seed}", cell=SimpleNamespace(cell=cell), role=role, key=key, segments=segments
    )


def test_each_cell_has_its_first_seed_before_any_has_a_second():
    grid = [run(cell, seed) for cell in "abc" for seed in (0, 1)]
    later = [run(cell, seed, "confirm", key=f"confirm-{cell}-{seed}") for cell in "ba" for seed in (7, 8)]
    members = [run("b", fold, "ensemble", key=f"ensemble-{fold}") for fold in (0, 1)]
    assert [(one.run, one.role[0]) for one in in_order([*grid, *members, *later])] == [
        ("a-s0", "g"), ("b-s0", "g"), ("c-s0", "g"), ("a-s1", "g"), ("b-s1", "g"), ("c-s1", "g"),
        ("b-s7", "c"), ("a-s7", "c"), ("b-s8", "c"), ("a-s8", "c"), ("b-s0", "e"), ("b-s1", "e"),
    ]  # fmt: skip


def planned(tmp_path, budget, runs, trained=(), set_aside=0, clock=lambda: NOW):
    """The budget of a study each of whose runs is one segment, or continues one, of four epochs, and what it plans."""
    ids = dict(zip(dict.fromkeys(one for run in runs for one in run.segments), IDS, strict=False))
    for one in runs:
        one.segments = [ids[name] for name in one.segments]
    parents = {later: first for one in runs for first, later in zip(one.segments, one.segments[1:], strict=False)}
    segments = {name: SimpleNamespace(parent=parents.get(name)) for name in ids.values()}
    plans = {name: segment_plan(name, parent=parents.get(name)) for name in ids.values()}
    store = tmp_path / "segments"
    store.mkdir(exist_ok=True)
    for name in trained:
        write_segment(store, ids[name], train=plans[ids[name]].train, dataset=plans[ids[name]].dataset)
    found = BudgetPlan(budget, tmp_path, None, set_aside=set_aside, clock=clock)
    found.classify(SimpleNamespace(runs=runs, segments=segments), plans, SegmentStore(store))
    names = {segment: name for name, segment in ids.items()}
    return found, {names[segment]: one.kind for segment, one in found.left_out.items()}


def test_what_is_trained_counts_first(tmp_path):
    runs = [run(cell, seed) for cell in "ab" for seed in (0, 1, 2)]
    _, left_out = planned(tmp_path, Budget(runs=4), runs, trained=["b2"])
    assert left_out == {"a2": "runs", "b1": "runs"}


def test_what_a_confirmation_needs_is_kept_for_it(tmp_path):
    runs = [run(cell, seed) for cell in "ab" for seed in (0, 1)]
    confirming = [run("a", 7, "confirm", key="confirm-a-7"), run("a", 8, "confirm", key="confirm-a-8")]
    _, left_out = planned(tmp_path, Budget(runs=4), [*runs, *confirming], set_aside=1)
    assert left_out == {"b1": "runs", "a8": "runs"}


def test_a_shared_segment_is_trained_for_one_run_that_is_let_in(tmp_path):
    runs = [run("a", 0, segments=["start", "a0"]), run("b", 0, segments=["start", "b0"])]
    _, left_out = planned(tmp_path, Budget(runs=1), runs)
    assert left_out == {"b0": "runs"}


def test_nothing_more_is_planned_when_the_budget_is_spent(tmp_path):
    """A segment of four epochs took eight seconds: of 17, one more fits, of 15 none."""
    chain = [run("a", 0), run("b", 0), run("b", 1, segments=["b1", "more"])]
    assert planned(tmp_path, Budget(gpu_hours=17 / 3600), chain, trained=["a0"])[1] == {}
    chain = [run("a", 0), run("b", 0), run("b", 1, segments=["b1", "more"])]
    found, left_out = planned(tmp_path, Budget(gpu_hours=15 / 3600), chain, trained=["a0"])
    assert set(left_out) == {"b0", "b1", "more"}
    why = found.left_out[IDS[1]].why
    assert why == "8 s of 15 s are spent, and it takes about 8 s"


def test_what_cannot_end_in_time_is_left_out(tmp_path):
    for ends_in, left_out in ((9, {}), (7, {"b0": "until"}), (-1, {"b0": "until"})):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(NOW + ends_in))
        found, names = planned(tmp_path, Budget(until=at), [run("a", 0), run("b", 0)], trained=["a0"])
        assert names == left_out
        assert (found.file().left_out != {}) == bool(left_out)


def ledger(tmp_path, **budget):
    """Of a study of six segments, the first of which is trained and took two seconds an epoch."""
    store = tmp_path / "segments"
    plans = [segment_plan(name) for name in IDS]
    write_segment(store, IDS[0], train=plans[0].train, dataset=plans[0].dataset)
    file = BudgetFile(Budget(**budget), missing={name: Length(4, like(plans[0])) for name in IDS})
    return Ledger(file, SegmentStore(store), clock=lambda: NOW), file


def test_of_those_that_start_together_the_first_ones_train(tmp_path):
    """8 s are spent, 8 s take those of each: of 25 s, two begin, and no matter who asks first."""
    _, file = ledger(tmp_path, gpu_hours=25 / 3600)
    locks = [Lock(tmp_path / "segments" / f"{name}.lock") for name in IDS[1:5]]
    for lock in locks:
        lock.__enter__()
    try:
        assert [lock.since for lock in locks] == sorted(lock.since for lock in locks)
        asked = {}
        for name, lock in reversed([*zip(IDS[1:5], locks, strict=True)]):
            job = JobsBudget(tmp_path, file, SegmentStore(tmp_path / "segments"))
            asked[name] = job.refusal(segment_plan(name), lock.since)
    finally:
        for lock in locks:
            lock.__exit__()
    assert [asked[name] is None for name in IDS[1:5]] == [True, True, False, False]
    assert asked[IDS[3]].kind == "gpu_hours"
    assert asked[IDS[3]].why == "8 s of 25 s are spent, 16 s are taken by what trains, and it takes about 8 s"


def test_at_the_same_moment_the_id_decides(tmp_path):
    found, _ = ledger(tmp_path, gpu_hours=17 / 3600)
    for name in IDS[1:3]:
        with Lock(tmp_path / "segments" / f"{name}.lock") as held:
            content = json.loads(held.path.read_text()) | {"since": NOW}
            held.path.write_text(json.dumps(content))
            found.store = SegmentStore(tmp_path / "segments")
            other = IDS[2] if name == IDS[1] else IDS[1]
            assert found.under_way_s((NOW, other)) == (8.0 if name < other else 0.0)


def test_what_an_unfinished_training_has_shown_is_spent(tmp_path):
    found, _ = ledger(tmp_path, gpu_hours=1)
    part = tmp_path / "segments" / f"{IDS[1]}.part"
    part.mkdir()
    (part / "reports.jsonl").write_text('{"epoch": 1, "seconds": 3.0}\n{"epoch": 2, "seconds": NaN}\n')
    found.store = SegmentStore(tmp_path / "segments")
    assert found.spent_s == 11.0
    assert found.expected_s(IDS[1]) == 4.0  # two epochs of two seconds are left
    assert found.expected_s(IDS[2], Length(5, "never measured")) == 10.0  # by the mean of all others


def test_of_what_nothing_is_known_the_first_begin(tmp_path):
    file = BudgetFile(Budget(gpu_hours=1), missing={IDS[0]: Length(4, "unknown")})
    found = Ledger(file, SegmentStore(tmp_path), clock=lambda: NOW)
    assert found.expected_s(IDS[0]) is None
    assert found.refusal(None) is None
    assert found.refusal(None, under_way_s=3600.0).kind == "gpu_hours"


@pytest.fixture
def study(tmp_path):
    """The plan of two segments, the second one continuing the first; its store and their ids."""
    first = chained({}, last=2, total=4)
    second = chained({}, last=4, total=4, parent=first.id)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"segments": {one.id: one.to_json() for one in (first, second)}}))
    return plan, tmp_path / "segments", [first.id, second.id]


def train(study, number, **options):
    plan, store, ids = study
    said = []
    status = run_job(plan, ids[number], store, device="cpu", say=said.append, trainer=FakeTrainer(), **options)
    return status, "\n".join(said)


def test_a_job_that_may_not_begin_lets_go(study, tmp_path):
    """It ends well, with nothing in the store; what continues it is left out with it; without a budget both train."""
    ids = study[2]
    spent = BudgetFile(Budget(gpu_hours=1), seconds={"f" * 16 + "-0001": 3600.0}, missing={ids[0]: Length(2, "x")})
    spent.write(tmp_path)
    status, said = train(study, 0)
    assert status == 0
    assert "left out because of the study's budget: 60 min of 60 min are spent" in said
    assert not list(study[1].iterdir())
    assert train(study, 1)[0] == 0
    found = read_left_out(tmp_path, SegmentStore(study[1]))
    assert {name: one.kind for name, one in found.items()} == dict.fromkeys(ids, "gpu_hours")
    (tmp_path / "budget.json").unlink()
    assert read_left_out(tmp_path, SegmentStore(study[1])) == {}
    assert [train(study, number)[0] for number in (0, 1)] == [0, 0]


def test_at_its_end_a_training_saves_its_state(study, tmp_path):
    """As by SIGTERM: it resumes to the same bits. Who is asked to stop besides is interrupted."""
    assert train(study, 0)[0] == 0
    alone = study[1] / study[2][0]
    expected = {path.name: path.read_bytes() for path in alone.glob("weights-*.pt")}
    for path in sorted(alone.iterdir(), reverse=True):
        path.unlink()
    alone.rmdir()
    BudgetFile(Budget(until="2020-01-01T08:00"), ends=time.time() + 3600, missing={study[2][0]: Length(2, "x")}).write(
        tmp_path
    )
    times = iter([0.0] * 4 + [2e10] * 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobsBudget, "over", lambda self: next(times) > 1e10)
        status, said = train(study, 0)
    assert status == 0
    assert "the budget ended 2020-01-01T08:00: stopped in epoch" in said
    assert (study[1] / f"{study[2][0]}.part" / "last.pt").is_file()
    (kind,) = [one.kind for one in read_left_out(tmp_path, SegmentStore(study[1])).values()]
    assert kind == "until"
    assert train(study, 0, should_stop=lambda: True)[0] == 75
    assert train(study, 0)[0] == 0
    assert {path.name: path.read_bytes() for path in alone.glob("weights-*.pt")} == expected
    assert read_left_out(tmp_path, SegmentStore(study[1])) == {}  # complete by now


def test_a_damaged_file_is_none(tmp_path):
    (tmp_path / "budget.json").write_text('{"budget": {"runs": 3}}')
    assert BudgetFile.read(tmp_path) is None
    file = BudgetFile(
        Budget(runs=3), 5.0, {"a": 1.5}, {"x": 0.5}, {"b": Length(3, "x")}, {"b": LeftOut("runs", "why", 7.0)}
    )
    file.write(tmp_path)
    assert BudgetFile.read(tmp_path) == file


def test_a_budget_that_leaves_nothing_to_report_is_refused(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(budget={"until": "2020-01-01T08:00"})
    said = r"little\.yaml:\d+: nothing is trained yet, and all of it is left out \(.*2020.*\)\. Raise the budget"
    with pytest.raises(InputError, match=said):
        open_study({"study": "little"}, plans=True)
