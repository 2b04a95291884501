"""Nothing that a person writes reaches a shell, and nothing that others put into shared folders is trusted."""

import os
import re
from pathlib import Path

import pytest

from segsweep.config.cluster import Cluster
from segsweep.config.load import Request
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.execution import gpus
from segsweep.planning.planner import open_study
from segsweep.planning.resources import submission
from segsweep.private_folder import private_folder
from tests.workspace import ROOT, Workspace

SHELL_TEXT = [
    "cpu; touch X",
    "$(touch X)",
    "`touch X`",
    "cpu\ntouch X",
    "cpu' ; touch X '",
    "a b",
    "../../x",
    "cpu|tee X",
]
FIELD = re.compile(r"(?<!\{)\{([\w.]+)(?:\[[^\]]*\])?(:q)?\}(?!\})")
# What the rules themselves make of fixed words and of names with a checked form (`wildcard_constraints`).
OWN_WORDS = {
    "threads",
    "params.run",
    "TRAIN",  # in requests.smk, each value of a person quoted
    "CLAIM",
    "params.prepare",  # `warm` in common.smk: names of programs
    "params.check",
    "params.fetch",
    "params.options",
    "params.partial",
    "params.at_once",
    "params.segments",
    "params.start",
    "wildcards.segment",
    "wildcards.split",
}


def texts_of(directive: str) -> list[tuple[str, str]]:
    """(file, text) of a directive of each rule that has it."""
    found = []
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for block in re.findall(rf"^( *){directive}:\n((?:\1 +.*\n?)+)", file.read_text(), re.MULTILINE):
            lines = [line for line in block[1].splitlines() if not line.lstrip().startswith("#")]
            found.append((file.name, "\n".join(lines)))
    return found


def test_each_parameter_of_a_rule_is_quoted():
    texts = texts_of("shell")
    assert len(texts) > 20
    fields = [(file, *field) for file, text in texts for field in FIELD.findall(text)]
    assert len(fields) > 100
    assert [one for one in fields if not one[2] and one[1] not in OWN_WORDS] == []


def test_messages_name_only_what_a_job_has():
    """Of a workflow that takes this one as a module, Snakemake looks up all else in that workflow."""
    texts = [(file, text) for file, text in texts_of("message") if not text.lstrip().startswith('f"')]
    assert len(texts) > 20
    fields = [(file, name) for file, text in texts for name in re.findall(r"\{([\w.]+)", text)]
    known = ("wildcards", "params", "input", "output")
    assert [one for one in fields if one[1].partition(".")[0] not in known] == []


@pytest.mark.parametrize("text", SHELL_TEXT)
def test_a_device_is_one_that_there_is(text):
    with pytest.raises(InputError, match="there are auto, cpu, cuda"):
        parse(Request, {"device": text}, lambda keys: "here")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:3"])
def test_devices(device):
    assert parse(Request, {"device": device}, lambda keys: "here").device == device


@pytest.mark.parametrize("key", ["partition", "account", "gpu", "gres"])
@pytest.mark.parametrize("text", [text for text in SHELL_TEXT if "/" not in text])
def test_what_goes_to_sbatch_is_a_name(key, text):
    with pytest.raises(InputError, match=f"here: {key}"):
        parse(Cluster, {key: text}, lambda keys: "here")


def test_further_options_of_sbatch_are_words_to_the_shell():
    cluster = parse(Cluster, {"extra": "--exclude=gpu1 --licenses='a|b' ; touch X $(id)"}, lambda keys: "here")
    assert submission(cluster)["slurm_extra"].endswith("--exclude=gpu1 '--licenses=a|b' ';' touch X '$(id)'")
    with pytest.raises(InputError, match="close each quotation mark"):
        parse(Cluster, {"extra": "--exclude='x"}, lambda keys: "here")


@pytest.mark.parametrize("text", SHELL_TEXT)
def test_an_earlier_study_is_named_not_run(tmp_path, monkeypatch, text):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    space = {"optimizer.lr": {"low": 0.001, "high": 0.1}}
    workspace.write_study(grid=None, sweep={"trials": 2, "space": space, "narrow": {"from": text}})
    with pytest.raises(InputError, match=r"narrow\.from"):
        open_study({"study": "little"}, plans=True)


@pytest.fixture
def shared(tmp_path, monkeypatch) -> Path:
    """The folder for what is short-lived, of this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"claims-{os.getuid()}"


def test_a_folder_is_made_for_this_user_alone(shared):
    assert private_folder("claims") == shared
    assert shared.stat().st_mode & 0o777 == 0o700
    assert private_folder("claims") == shared


def test_a_folder_that_others_may_enter_a_link_and_anothers_are_refused(shared, tmp_path):
    shared.mkdir()
    shared.chmod(0o755)
    with pytest.raises(PermissionError, match="TMPDIR"):
        private_folder("claims")
    shared.rmdir()
    (tmp_path / "target").mkdir(mode=0o700)
    shared.symlink_to(tmp_path / "target")
    with pytest.raises(PermissionError, match="not this user's alone"):
        private_folder("claims")
    shared.unlink()
    if os.getuid() == 0:  # only root can give a folder away
        shared.mkdir(mode=0o700)
        os.chown(shared, 12345, -1)
        with pytest.raises(PermissionError, match="another user may have put it there"):
            private_folder("claims")


def test_claims_on_gpus_follow_no_link_of_another(shared, tmp_path):
    """Who makes the folder first could put a link in it: what it points to was emptied."""
    trap, victim = tmp_path / f"segsweep-gpus-{os.getuid()}", tmp_path / "victim"
    victim.write_text("precious")
    trap.mkdir(mode=0o777)
    trap.chmod(0o777)
    (trap / "lock").symlink_to(victim)
    with pytest.raises(PermissionError):
        gpus.claim(100, gpus=lambda: [gpus.Gpu(0, "GPU-0", 1000, 1000)])
    assert victim.read_text() == "precious"
