"""How programs and forked processes end."""

import importlib
import os
import sys
from pathlib import Path

import pytest

from segsweep.exits import CONTROL_C, CRASHED, WRONG_INPUT, end_with

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
# How each program that reads what a person supplied is started on something that is not there.
STARTS = {
    "analyze_study": ["--results", "nothing"],
    "build_report": ["--results", "nothing", "--output", "out"],
    "clean_up": ["--study", "nothing"],
    "collect_results": ["--plan", "nothing.json", "--output", "out"],
    "decide_step": ["--plan", "nothing.json", "--previous", "none", "--output", "out"],
    "describe_data": ["--plan", "nothing.json", "--output", "out"],
    "draw_images": ["--plan", "nothing.json", "--store", "store", "--results", "nothing", "--output", "out"],
    "export_model": ["--plan", "nothing.json", "--results", "nothing", "--output", "out"],
    "export_report": ["--results", "nothing", "--output", "out"],
    "fetch_data": ["cityscapes", "--data-root", "data"],  # its archives must be there
    "import_table": ["--study", "nothing.yaml", "--output", "out"],
    "inspect_data": ["nothing"],
    "predict_test": ["--plan", "nothing.json", "--ranking", "ranking.csv", "--output", "out.zip"],
    "score_ensemble": ["--plan", "nothing.json", "--output", "out"],
    "score_test": ["--plan", "nothing.json", "--ranking", "ranking.csv", "--output", "out"],
    "share_store": ["push", "--study", "nothing"],
    "show_status": ["--study", "nothing"],
    "train_pack": ["--plan", "nothing.json", "--segments", "a", "--store", "store"],
    "train_segment": ["--plan", "nothing.json", "--segment", "a", "--store", "store"],
    "verify_report": ["--results", "nothing"],
}


def status_of(work) -> int:
    """Exit status of a forked process that ends with `work`."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        end_with(work)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def raises(error):
    """A piece of work that raises."""

    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "status"),
    [
        (lambda: None, 0),
        (lambda: 75, 75),
        (raises(SystemExit()), 0),
        (raises(SystemExit(3)), 3),
        (raises(SystemExit("no good")), CRASHED),
        (raises(ValueError("no good")), CRASHED),
        (raises(KeyboardInterrupt()), CONTROL_C),
    ],
)
def test_a_forked_process_ends_with_the_status_of_its_work(work, status, capfd):
    assert status_of(work) == status
    assert ("no good" in capfd.readouterr().err) == (status == CRASHED)


@pytest.mark.parametrize("name", STARTS)
def test_wrong_input_is_said_and_has_one_status(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("study: nothing\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    assert importlib.import_module(name).main(STARTS[name]) == WRONG_INPUT
    said = capsys.readouterr().err
    assert said.strip()
    assert "Traceback" not in said
