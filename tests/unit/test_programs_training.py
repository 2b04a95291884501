"""Programs of one's own: how a segment of theirs is trained, resumed, and ends."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from segsweep.checksums import write_sums
from segsweep.errors import InputError
from segsweep.programs.called import called_with
from segsweep.programs.process import Program, end_left_behind
from segsweep.store.segment_store import SegmentStore
from tests.own_programs import RESULTS, program_segment, record, rows, train, write_program

EPOCHS = [
    {"epoch": "1", "loss": "1.0", "iou": "51.0", "value": "1.0"},
    {"epoch": "2", "loss": "0.5", "iou": "52.0", "value": "3.0"},
    {"epoch": "3", "loss": "0.3333333333333333", "iou": "53.0", "value": "6.0"},
]


def test_a_program_is_trained_and_written_down(tmp_path):
    write_program(
        tmp_path, "print('hello from', epoch)\ntime.sleep(0.2)"
    )  # long enough to see how much memory it holds
    segment = program_segment(tmp_path)
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert "epoch 1/3  train/loss 1.0000  val/iou 0.5100  best 0.5" in said
    assert rows(tmp_path, segment) == EPOCHS
    found = record(tmp_path, segment)
    assert (found.status, found.epochs, found.trainer) == ("finished", 3, "command")
    assert found.best == {"max val/iou": {"epoch": 3, "value": 0.53, "segment": segment.id}}
    assert found.train_seconds > 0
    assert found.peak_memory_mb > 1
    assert found.program["results"]["first_epoch"] == 1
    folder = tmp_path / "segments" / segment.id
    assert {path.name for path in folder.iterdir()} == {"epochs.csv", "out", "output.log", "SHA256SUMS", "segment.json"}
    assert (folder / "output.log").read_text() == "hello from 1\nhello from 2\nhello from 3\n"
    assert train(tmp_path, segment)[1].endswith("nothing to do")


def test_a_row_may_lack_the_seconds_that_the_study_reads(tmp_path):
    columns = RESULTS["columns"] | {"seconds": "took"}
    (tmp_path / "train.py").write_text(
        "import sys; open(sys.argv[1] + '/metrics.csv', 'w').write('epoch,iou,loss,took\\n1,50,1,2\\n2,50,1,\\n')"
    )
    segment = program_segment(tmp_path, last=2, total=2, results={"columns": columns})
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert "at 1  2.0 s" in said


def test_a_score_may_be_called_seconds_and_the_time_is_measured(tmp_path):
    (tmp_path / "train.py").write_text(
        "import sys, time; time.sleep(0.05); "
        "open(sys.argv[1] + '/metrics.csv', 'w').write('epoch,seconds\\n1,900\\n2,700\\n')"
    )
    results = {"columns": {"val/iou": "seconds"}}
    segment = program_segment(tmp_path, last=2, total=2, results=results)
    assert train(tmp_path, segment)[0] == [0]
    found = record(tmp_path, segment)
    assert found.best == {"max val/iou": {"epoch": 1, "value": 900.0, "segment": segment.id}}
    assert 0.05 <= found.train_seconds < 60


def test_a_segment_continues_the_files_of_its_parent(tmp_path):
    write_program(tmp_path)
    first, second = program_segment(tmp_path, last=2), program_segment(tmp_path, first=3)
    assert train(tmp_path, first, second)[0] == [0, 0]
    assert rows(tmp_path, first) + rows(tmp_path, second) == EPOCHS
    assert record(tmp_path, second).best["max val/iou"]["epoch"] == 3
    # The parent's files are its own.
    assert len((tmp_path / "segments" / first.id / "out" / "metrics.csv").read_text().splitlines()) == 3


def test_half_a_row_after_those_of_the_parent_is_not_continued(tmp_path):
    write_program(tmp_path)
    first, second = program_segment(tmp_path, last=2), program_segment(tmp_path, first=3)
    train(tmp_path, first)
    folder = tmp_path / "segments" / first.id
    with (folder / "out" / "metrics.csv").open("a") as file:
        file.write("3,0.")  # the program was stopped at a rung in the middle of it
    write_sums(folder)
    assert train(tmp_path, second)[0] == [0]
    assert rows(tmp_path, second) == EPOCHS[2:]


def test_a_program_that_is_not_told_where_to_end_is_stopped(tmp_path):
    write_program(tmp_path, "time.sleep(0.05 if epoch < 3 else 60)")
    told_total = f"{sys.executable} train.py {{out}} 3 {{resume:--resume}}"
    first = program_segment(tmp_path, last=2, command=told_total)
    began = time.monotonic()
    assert train(tmp_path, first)[0] == [0]
    assert time.monotonic() - began < 30
    assert rows(tmp_path, first) == EPOCHS[:2]
    assert record(tmp_path, first).status == "finished"
    write_program(tmp_path)
    second = program_segment(tmp_path, first=3, command=told_total)
    assert train(tmp_path, second)[0] == [0]
    assert rows(tmp_path, second) == EPOCHS[2:]


@pytest.mark.parametrize("pause_s", [0.0, 0.3])
def test_a_program_that_is_stopped_may_have_trained_on(tmp_path, pause_s):
    write_program(tmp_path, f"time.sleep({pause_s})")
    command = f"{sys.executable} train.py {{out}} 7 {{resume:--resume}}"
    ends = [(1, 2), (3, 4), (5, 7)]
    segments = [program_segment(tmp_path, first=first, last=last, total=7, command=command) for first, last in ends]
    statuses, said = train(tmp_path, *segments)
    assert statuses == [0, 0, 0], said
    epochs = [[int(row["epoch"]) for row in rows(tmp_path, one)] for one in segments]
    assert epochs == [[1, 2], [3, 4], [5, 6, 7]]
    assert rows(tmp_path, segments[-1])[-1]["value"] == str(sum(range(8)) + 0.0)
    assert [record(tmp_path, one).status for one in segments] == ["finished"] * 3


def test_an_interrupted_program_resumes(tmp_path):
    write_program(tmp_path, "while epoch == 3 and not resume: time.sleep(0.05)")
    segment = program_segment(tmp_path)
    part = tmp_path / "segments" / f"{segment.id}.part" / "epochs.csv"
    asked = lambda: part.exists() and len(part.read_text().splitlines()) == 3  # noqa: E731
    statuses, said = train(tmp_path, segment, should_stop=asked)
    assert statuses == [75]
    assert "stopped after epoch 2" in said
    assert train(tmp_path, segment)[0] == [0]
    assert rows(tmp_path, segment) == EPOCHS
    assert len(record(tmp_path, segment).history) == 2


@pytest.mark.parametrize(
    ("damaged", "content"), [("epochs.csv", "epoch\nx\n"), ("history.json", "{"), ("program.json", "[1]")]
)
def test_a_damaged_file_of_an_interrupted_program_is_made_again(tmp_path, damaged, content):
    write_program(tmp_path, "while epoch == 3 and not resume and not Path('go').exists(): time.sleep(0.05)")
    segment = program_segment(tmp_path)
    part = tmp_path / "segments" / f"{segment.id}.part"
    asked = lambda: (part / "epochs.csv").exists() and len((part / "epochs.csv").read_text().splitlines()) == 3  # noqa: E731
    assert train(tmp_path, segment, should_stop=asked)[0] == [75]
    (part / damaged).write_text(content)
    (tmp_path / "go").touch()
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert ("epochs.csv cannot be read" in said) == (damaged == "epochs.csv")
    assert rows(tmp_path, segment) == EPOCHS


def test_a_row_that_no_job_lived_to_read_is_not_lost(tmp_path):
    write_program(tmp_path, "while epoch == 3 and not resume: time.sleep(0.05)")
    segment = program_segment(tmp_path)
    part = tmp_path / "segments" / f"{segment.id}.part" / "epochs.csv"
    train(tmp_path, segment, should_stop=lambda: part.exists() and len(part.read_text().splitlines()) == 3)
    part.write_text("".join(part.read_text().splitlines(keepends=True)[:2]))  # as if killed after epoch 1
    assert train(tmp_path, segment)[0] == [0]
    assert rows(tmp_path, segment) == EPOCHS


def test_a_program_that_ends_as_its_job_is_to_stop_resumes(tmp_path):
    """A batch system tells all processes at once: the program may be gone before the job looks."""
    write_program(tmp_path, "if epoch == 3 and not resume: Path('told').touch(); sys.exit(0)")
    told = tmp_path / "told"
    segment = program_segment(tmp_path)
    asked = lambda: told.exists() and time.time() - told.stat().st_mtime > 0.15  # noqa: E731
    assert train(tmp_path, segment, should_stop=asked)[0] == [75]
    assert train(tmp_path, segment)[0] == [0]
    assert rows(tmp_path, segment) == EPOCHS


KILL = "os.kill(os.getpid(), signal.SIGKILL)"
SAVE = """(out / 'state.json').write_text(json.dumps({'epoch': epoch, 'value': state['value'] + epoch}))"""


@pytest.mark.parametrize("written", ["3,0.3,53.0,6", ""])
def test_a_last_row_that_is_torn_or_missing_though_its_epoch_was_saved_is_trained_again(tmp_path, written):
    tear = f"(out / 'metrics.csv').open('a').write({written!r})"
    write_program(
        tmp_path, f"if epoch == 3 and not Path('went').exists(): Path('went').touch(); {SAVE}; {tear}; {KILL}"
    )
    segment = program_segment(tmp_path)
    with pytest.raises(InputError, match="ended with signal SIGKILL"):
        train(tmp_path, segment)
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert "the run begins again" in said
    assert rows(tmp_path, segment) == EPOCHS
    assert record(tmp_path, segment).status == "finished"


def test_rows_in_between_that_were_saved_but_not_written_are_trained_again(tmp_path):
    write_program(tmp_path, f"if epoch == 3 and not Path('went').exists(): Path('went').touch(); {SAVE}; {KILL}")
    segment = program_segment(tmp_path, last=5, total=5)
    with pytest.raises(InputError, match="SIGKILL"):
        train(tmp_path, segment)
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert "there are no rows of epochs 3 to 3" in said
    assert [row["epoch"] for row in rows(tmp_path, segment)] == ["1", "2", "3", "4", "5"]


def test_a_loss_that_is_no_number_counts_though_no_job_lived_to_read_it(tmp_path):
    write_program(tmp_path, "if epoch == 3: sys.exit(5)")
    segment = program_segment(tmp_path)
    part = tmp_path / "segments" / f"{segment.id}.part"
    (part / "out").mkdir(parents=True)
    (part / "epochs.csv").write_text("epoch,loss,iou,value,seconds\n1,1.0,51.0,1.0,1\n")
    (part / "out" / "state.json").write_text('{"epoch": 2, "value": 3.0}')
    (part / "out" / "metrics.csv").write_text("epoch,loss,iou,value\n1,1.0,51.0,1.0\n2,nan,52.0,3.0\n")
    assert train(tmp_path, segment)[0] == [0]
    assert (record(tmp_path, segment).status, record(tmp_path, segment).epochs) == ("diverged", 2)


def test_a_program_that_is_killed_after_it_resumed_keeps_what_it_trained(tmp_path):
    write_program(
        tmp_path, f"Path('calls').open('a').write(f'{{epoch}} ')\nif epoch == 3 and not Path('go').exists(): {KILL}"
    )
    segment = program_segment(tmp_path)
    for _ in range(2):
        with pytest.raises(InputError, match="signal SIGKILL"):
            train(tmp_path, segment)
    (tmp_path / "go").touch()
    assert train(tmp_path, segment)[0] == [0]
    assert (tmp_path / "calls").read_text() == "1 2 3 3 3 "


def test_a_rung_whose_rows_are_all_there_is_not_trained_on(tmp_path):
    write_program(tmp_path, "Path('calls').touch()")
    segment = program_segment(tmp_path, last=2, command=f"{sys.executable} train.py {{out}} 3 {{resume:--resume}}")
    part = tmp_path / "segments" / f"{segment.id}.part"
    (part / "out").mkdir(parents=True)
    (part / "epochs.csv").write_text("epoch,loss,iou,value,seconds\n1,1.0,51.0,1.0,1\n")
    (part / "out" / "metrics.csv").write_text("epoch,loss,iou,value\n1,1.0,51.0,1.0\n2,0.5,52.0,3.0\n")
    assert train(tmp_path, segment)[0] == [0]
    assert rows(tmp_path, segment) == EPOCHS[:2]
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    ("status", "said"), [(255, "exit status 255"), (200, "exit status 200"), (143, "signal SIGTERM")]
)
def test_exit_statuses_that_name_no_signal_are_told_as_they_are(tmp_path, status, said):
    (tmp_path / "train.py").write_text("")
    with pytest.raises(InputError, match=f"ended with {said}"):
        train(tmp_path, program_segment(tmp_path, command=f"exit {status}"))


def test_a_program_that_cannot_be_started_says_why(tmp_path):
    too_long = {"LONG": "x" * 200_000}
    with pytest.raises(InputError, match=r"could not be started there \(Argument list too long\).* `\{config\}`"):
        train(tmp_path, program_segment(tmp_path, environment=too_long))
    with pytest.raises(InputError, match=r"nowhere: the program could not be started .*Correct `folder`"):
        train(tmp_path, program_segment(tmp_path / "nowhere"))


def test_a_program_that_cannot_resume_begins_again(tmp_path):
    write_program(
        tmp_path, "Path('calls').open('a').write(f'{epoch} ')\nif epoch == 3 and not Path('go').exists(): sys.exit(5)"
    )
    segment = program_segment(tmp_path, command=f"{sys.executable} train.py {{out}} {{until}}")
    with pytest.raises(InputError, match="ended with exit status 5"):
        train(tmp_path, segment)
    (tmp_path / "go").touch()
    assert train(tmp_path, segment)[0] == [0]
    assert (tmp_path / "calls").read_text() == "1 2 3 1 2 3 "
    assert rows(tmp_path, segment) == EPOCHS


def test_what_fails_right_after_it_resumed_begins_again_once(tmp_path):
    write_program(
        tmp_path, "if epoch == 3 and not Path('go').exists(): (out / 'state.json').write_text('torn'); sys.exit(5)"
    )
    segment = program_segment(tmp_path)
    with pytest.raises(InputError, match="exit status 5"):
        train(tmp_path, segment)
    (tmp_path / "go").touch()
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert "ended right after it resumed, without a new epoch; the run begins again" in said
    assert rows(tmp_path, segment) == EPOCHS


def test_a_checkpoint_that_was_torn_when_the_program_was_stopped_costs_its_epochs_again(tmp_path):
    write_program(tmp_path)
    first, second = program_segment(tmp_path, last=2), program_segment(tmp_path, first=3)
    assert train(tmp_path, first)[0] == [0]
    folder = tmp_path / "segments" / first.id
    (folder / "out" / "state.json").write_text("torn")
    write_sums(folder)
    statuses, said = train(tmp_path, second)
    assert statuses == [0]
    assert "the run begins again" in said
    assert rows(tmp_path, second) == EPOCHS[2:]


@pytest.mark.parametrize(
    ("act", "status", "epochs", "detail"),
    [
        ("if epoch == 3: sys.exit(0)", "early_stopped", 2, "the program ended after 2 of 3 epochs"),
        ("if epoch == 2: loss = float('nan')", "diverged", 2, "train/loss is nan in epoch 2"),
        ("if epoch == 2: raise MemoryError", "oom", 1, "MemoryError"),
        (
            "if epoch == 2: raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')",
            "oom", 1, "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB",
        ),
    ],
)  # fmt: skip
def test_how_a_program_ends_is_a_result(tmp_path, act, status, epochs, detail):
    write_program(tmp_path, act)
    segment = program_segment(tmp_path)
    assert train(tmp_path, segment)[0] == [0]
    found = record(tmp_path, segment)
    assert (found.status, found.epochs, found.detail) == (status, epochs, detail)
    assert len(rows(tmp_path, segment)) == epochs


def test_a_program_whose_loss_is_no_number_is_stopped(tmp_path):
    write_program(tmp_path, "if epoch == 2: loss = float('inf')\nif epoch == 3: time.sleep(600)")
    segment = program_segment(tmp_path)
    assert train(tmp_path, segment)[0] == [0]
    assert record(tmp_path, segment).detail == "train/loss is inf in epoch 2"


def test_running_out_of_memory_fails_where_the_study_says_so(tmp_path):
    write_program(tmp_path, "raise MemoryError")
    segment = program_segment(tmp_path)
    with pytest.raises(InputError, match=r"ran out of memory: MemoryError\. `on_oom` is `fail`"):
        train(tmp_path, replace(segment, train=segment.train | {"on_oom": "fail"}))


def test_a_failure_names_the_line_of_ones_own_code(tmp_path):
    write_program(tmp_path, "if epoch == 2: json.loads('{')")
    with pytest.raises(InputError) as failed:
        train(tmp_path, program_segment(tmp_path))
    lines = str(failed.value).splitlines()
    assert lines[0].startswith("train.py:9: the program ended with exit status 1: ")
    assert lines[-2].startswith("json.decoder.JSONDecodeError")
    assert len(lines) <= 12  # what a job shows of an error


def test_a_file_that_python_cannot_read_is_named_by_its_line(tmp_path):
    write_program(tmp_path, "import broken")
    (tmp_path / "broken.py").write_text("ok = 1\nfor (:\n    pass\n")
    with pytest.raises(InputError, match=r"^broken.py:2: the program ended with exit status 1: "):
        train(tmp_path, program_segment(tmp_path))
    (tmp_path / "train.py").write_text("def main(:\n")
    with pytest.raises(InputError, match=r"^train.py:1: the program ended with exit status 1: "):
        train(tmp_path, program_segment(tmp_path))


def test_pipes_and_sockets_in_the_folder_hold_nothing_up(tmp_path):
    write_program(tmp_path, "if epoch == 1: os.mkfifo(out / 'pipe')")
    first = program_segment(tmp_path, last=1, total=2)
    second = program_segment(tmp_path, first=2, last=2, total=2)
    assert train(tmp_path, first, second)[0] == [0, 0]
    assert not (SegmentStore(tmp_path / "segments").program_files(second.id) / "pipe").exists()


def test_without_its_checkpoint_all_files_of_a_run_are_kept(tmp_path):
    write_program(tmp_path)
    segment = program_segment(tmp_path, keep=[], checkpoint="best.pt")
    statuses, said = train(tmp_path, segment)
    assert statuses == [0]
    assert "there is no best.pt in the program's folder" in said
    assert (SegmentStore(tmp_path / "segments").program_files(segment.id) / "state.json").is_file()


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({"columns": {"val/iou": "iuo"}}, "no column 'iuo' of numbers for val/iou. Did you mean 'iou'?"),
        ({"columns": {"val/iou": "iou", "epoch": "ep"}}, "no column 'ep' for epoch"),
        ({"columns": {"val/iou": "iou"}, "file": "metric.csv"}, "no file metric.csv .*There are metrics.csv, state"),
        ({"columns": {"val/iou": "iou"}, "first_epoch": 0}, "wrote epoch 4, but only 3 are planned.* from 1"),
        ({"columns": {"val/iou": "iou"}, "format": "jsonl"}, "metrics.csv:1: is no JSON"),
    ],
)  # fmt: skip
def test_wrong_results_are_named_and_cost_no_second_training(tmp_path, results, said):
    write_program(tmp_path, "Path('calls').open('a').write(f'{epoch} ')")
    segment = program_segment(tmp_path, results=results)
    with pytest.raises(InputError, match=said):
        train(tmp_path, segment)
    calls = (tmp_path / "calls").read_text()
    segment = program_segment(tmp_path, results=RESULTS)
    assert train(tmp_path, segment)[0] == [0]
    assert rows(tmp_path, segment) == EPOCHS
    if calls.endswith("3 "):
        assert (tmp_path / "calls").read_text() == calls


def test_columns_that_are_missing_end_a_long_program_at_once(tmp_path):
    write_program(tmp_path, "if epoch == 2: time.sleep(600)")
    with pytest.raises(InputError, match="no column 'miou' of numbers for val/iou"):
        train(tmp_path, program_segment(tmp_path, results={"columns": {"val/iou": "miou"}}))


@pytest.mark.parametrize("content", ["", "epoch,loss,iou\n"])
def test_a_file_without_rows_is_said_to_have_none(tmp_path, content):
    write_program(tmp_path, f"(out / 'metrics.csv').write_text({content!r}); sys.exit(0)")
    with pytest.raises(InputError, match=r"metrics.csv has no row of epochs 1 to 3\. Have it write one for each epoch"):
        train(tmp_path, program_segment(tmp_path))


def test_a_file_that_is_torn_is_named(tmp_path):
    write_program(tmp_path, "if epoch == 2: (out / 'metrics.csv').open('a').write('2,1\\n')")
    with pytest.raises(InputError, match=r"metrics.csv:3: 2 fields, but the header names 4: epoch, loss, iou, value"):
        train(tmp_path, program_segment(tmp_path))


def test_only_what_is_kept_stays_where_nothing_continues(tmp_path):
    write_program(
        tmp_path, "(out / 'logs').mkdir(exist_ok=True); (out / 'logs' / f'{epoch}.txt').touch(); (out / 'x').touch()"
    )
    segment = replace(program_segment(tmp_path, keep=["logs/2*"]), can_be_extended=False)
    assert train(tmp_path, segment)[0] == [0]
    out = tmp_path / "segments" / segment.id / "out"
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
    assert found == ["logs", "logs/2.txt", "metrics.csv", "state.json"]


@pytest.mark.parametrize("target", ["out / 'epoch-3.pt'", "'epoch-3.pt'"])
def test_a_checkpoint_that_is_a_link_is_kept_with_what_it_names(tmp_path, target):
    link = "(out / 'best.pt').unlink(missing_ok=True); (out / 'best.pt').symlink_to(TARGET)".replace("TARGET", target)
    write_program(tmp_path, f"(out / f'epoch-{{epoch}}.pt').write_text(str(epoch))\nif epoch == 3: {link}")
    segment = replace(program_segment(tmp_path, keep=[], checkpoint="best.pt"), can_be_extended=False)
    assert train(tmp_path, segment)[0] == [0]
    out = SegmentStore(tmp_path / "segments").program_files(segment.id)
    assert {path.name for path in out.iterdir()} == {"best.pt", "epoch-3.pt", "metrics.csv"}
    assert (out / "best.pt").read_text() == "3"  # though the folder has another name now


def test_settings_reach_the_program_in_a_file_and_in_its_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "train.py").write_text(
        "import os, sys, yaml, json\n"
        "yml, jsn = yaml.safe_load(open(sys.argv[1])), json.load(open(sys.argv[2]))\n"
        "assert yml == jsn == {'lr': 1e-5, 'trainer': {'until': 1, 'dir': os.environ['HERE']}}, (yml, jsn)\n"
        "assert sys.argv[3:] == ['trainer.until=1', 'trainer.dir=' + os.environ['HERE']], sys.argv\n"
        "assert os.environ['OMP_NUM_THREADS'] == '3' and os.environ['CUDA_VISIBLE_DEVICES'] == ''\n"
        "open(os.environ['HERE'] + '/metrics.csv', 'w').write('epoch,val/iou\\n1,0.5\\n')\n"
    )
    segment = program_segment(
        tmp_path, last=1, total=1, command=f"{sys.executable} train.py {{config}} {{config:json}} {{overrides}}",
        config={"lr": 1e-5, "trainer": {"until": "{until}", "dir": "{out}"}}, environment={"HERE": "{out}"},
        results={}, named=["lr"],
    )  # fmt: skip
    assert train(tmp_path, segment, threads=3)[0] == [0]
    assert rows(tmp_path, segment) == [{"epoch": "1", "val/iou": "0.5"}]


def test_a_program_does_not_outlive_its_job(tmp_path):
    write_program(tmp_path, "if epoch == 2: (out / '../../../pid').write_text(str(os.getpid())); time.sleep(600)")
    segment = program_segment(tmp_path)
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]; from tests.own_programs import *\n"
        "folder = Path(sys.argv[1]); train(folder, program_segment(folder))"
    )
    job = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), *sys.path])
    until = time.monotonic() + 60
    while not (tmp_path / "pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.1)
    pid = int((tmp_path / "pid").read_text())
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(pid)
    write_program(tmp_path)
    assert train(tmp_path, segment)[0] == [0]
    assert rows(tmp_path, segment) == EPOCHS


def test_what_an_earlier_start_left_running_is_ended(tmp_path):
    write_program(tmp_path)
    segment = program_segment(tmp_path)
    part = tmp_path / "segments" / f"{segment.id}.part"
    part.mkdir(parents=True)
    started = {"environ": {"SEGSWEEP_SEGMENT": str(part), "PATH": os.environ["PATH"]}, "folder": tmp_path}
    with Program("sleep 600 & setsid sleep 600 & sleep 600", output=tmp_path / "said", **started) as left:
        statuses, said = train(tmp_path, segment)
        assert statuses == [0]
        assert "which an earlier start had left behind" in said
        assert left.status() == -signal.SIGKILL
        assert [one for one in left.processes() if _runs(one.pid)] == []
    # The same segment in another store is left alone.
    elsewhere = {"SEGSWEEP_SEGMENT": str(tmp_path / "elsewhere" / part.name), "PATH": os.environ["PATH"]}
    with Program("sleep 600", environ=elsewhere, folder=tmp_path, output=tmp_path / "said") as other:
        assert end_left_behind(str(part)) == []
        assert other.status() is None


def test_the_guard_of_a_killed_start_leaves_the_next_start_alone(tmp_path):
    environ = {"SEGSWEEP_SEGMENT": str(tmp_path / "one.part"), "PATH": os.environ["PATH"]}
    code = (
        "import sys, time; from pathlib import Path; sys.path[:0] = sys.argv[3:]\n"
        "from segsweep.programs import process\n"
        "process.GUARD = process.GUARD.replace('sleep 5', 'sleep 1')\n"
        "environ = {'SEGSWEEP_SEGMENT': sys.argv[1] + '/one.part', 'PATH': sys.argv[2]}\n"
        "said = Path(sys.argv[1], 'said')\n"
        "with process.Program('sleep 600', folder=Path('.'), environ=environ, output=said) as run:\n"
        "    Path(sys.argv[1], 'group').write_text(f'{run.group}\\n'); time.sleep(600)"
    )
    job = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), os.environ["PATH"], *sys.path])
    until = time.monotonic() + 60
    while not (tmp_path / "group").is_file() or not (tmp_path / "group").read_text().endswith("\n"):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    with Program("sleep 600", folder=tmp_path, environ=environ, output=tmp_path / "said") as following:
        while _runs(int((tmp_path / "group").read_text())):
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(2)
        assert following.status() is None


def test_a_job_of_a_program_imports_no_library_of_training(tmp_path):
    write_program(tmp_path)
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]; from tests.own_programs import *\n"
        "folder = Path(sys.argv[1]); train(folder, program_segment(folder))\n"
        "assert not {'torch', 'numpy', 'pandas', 'cv2', 'albumentations'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), *sys.path], check=True, timeout=60)


@pytest.mark.parametrize(
    ("device", "seen", "number"), [("cuda:1", "2,5", "5"), ("cuda:1", "", "1"), ("cuda", "2,5", "2,5")]
)
def test_a_program_sees_the_gpu_that_is_meant(tmp_path, device, seen, number):
    segment = program_segment(tmp_path, command="train --device {device}")
    environ = {"CUDA_VISIBLE_DEVICES": seen}
    command, given = called_with(segment, tmp_path, resume=False, device=device, threads=1, environ=environ)
    assert command == "train --device cuda"
    assert given["CUDA_VISIBLE_DEVICES"] == number


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
