"""Each command of the shell in README.md, CONTRIBUTING.md and docs/ is one that there is.

make is asked what a target would run, Snakemake makes dry runs, a program parses its options; nothing is trained.
Studies and data sets that the pages name are small ones here. test_tutorial.py runs the commands of the quickstart and
the tutorial.
"""

import argparse
import importlib
import re
import runpy
import shlex
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from segsweep.planning.plan_file import read_plan
from tests.forked_snakemake import run_snakemake
from tests.workflow.test_sweep import STUDY as SWEEP
from tests.workspace import ROOT, Workspace

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "config/README.md",
    ROOT / "data/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:[A-Z_]+=\S+\s+)*(?:make|snakemake|python|pytest|pip|git|dvc|sbatch)\s[^`]+)`")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# What stands for something of the reader's own, and what it is here.
STANDS_FOR = {
    r"<study>|\bNAME\b|\bSTUDY(?=\b[^=])|(?<==)\.\.\.|\bunet_grid\b|\bleaves\b": "demo",
    r"<run>|\bRUN(?=\b[^=])": "{run}",
    r"<split>|\btest(?=\.json)": "val",
    r"\bACTION\b": "push",
    r"\bREVISION\b": "HEAD",
    r"\bSTAGE\b": "report",
}
# What cannot be tried here, by how it begins, and why.
NOT_TRIED = {
    "git": "git's own commands, on a clone",
    "dvc": "DVC's own commands, on a remote",
    "pip install": "installs",
    "docker": "needs a daemon; what it starts is tried by itself",
    "apptainer build": "builds an image; test_containers.py looks at its definition",
    "conda": "makes an environment; test_environments.py looks at its file",
    "snakemake --report": "needs a finished study; test_elsewhere.py makes both",
    "sbatch": "needs a cluster; what it starts is tried by itself",
    "source": "of the shell",
    "cd": "of the shell",
    "rm": "of the shell, in the tutorial, which a test runs",
    "true": "of the shell",
    "optuna-dashboard": "a program that is no dependency",
    "sha256sum": "of the system, on a remote",
    "ssh-keygen": "of the system, on a remote",
    "python PROGRAM": "the reader's own program",
    "python train.py": "a script that `make script` writes; test_plain_script_trained.py runs one",
    ".venv/bin/python draw_leaves.py": "a file of the tutorial, which a test runs",
}


def documented() -> dict[str, str]:
    """Commands of all pages, each with the first page that has it."""
    found: dict[str, str] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = [body for kind, body in FENCE.findall(text) if kind == "sh"]
        lines = [line.strip() for body in blocks for line in body.replace("\\\n", " ").splitlines()]
        inline = [" ".join(one.split()) for one in INLINE.findall(FENCE.sub("", text))]
        for command in filter(simple_commands, lines + inline):
            found.setdefault(command, str(page.relative_to(ROOT)))
    return found


def simple_commands(line: str) -> list[list[str]]:
    """The words of each command of a line, without variables in front, comments and what joins them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if re.fullmatch("[&|;]+", word):
            commands.append([])
        elif commands[-1] or not re.match(r"[A-Z_]+=", word):
            commands[-1].append(word)
    return [words for words in commands if words]


DOCUMENTED = documented()


def is_tried(words: list[str]) -> bool:
    line = " ".join(words) + " "
    return not any(line.startswith(f"{start} ") for start in NOT_TRIED)


def test_each_block_says_what_it_is():
    """A block without a language would be missed here, and has no colors on the site."""
    unnamed = [(page.name, body) for page in PAGES for kind, body in FENCE.findall(page.read_text()) if not kind]
    assert unnamed == []


def test_what_is_not_tried_is_there():
    words = [" ".join(one) + " " for line in DOCUMENTED for one in simple_commands(line)]
    unused = [start for start in NOT_TRIED if not any(line.startswith(f"{start} ") for line in words)]
    assert unused == []
    assert len(DOCUMENTED) > 90


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A project in which there is, in small, what the pages speak of."""
    made = Workspace(tmp_path_factory.mktemp("documented"))
    shutil.copy(ROOT / "Makefile", made.folder)
    shutil.copytree(ROOT / "docs/examples", made.folder / "docs/examples")
    for profile in ("slurm", "local-gpu"):
        (made.folder / profile).symlink_to(f"profiles/{profile}")
    made.write_tiny_dataset()
    tiny = made.folder / "config/datasets/tiny.yaml"
    (made.folder / "config/datasets/camvid.yaml").write_text(tiny.read_text().replace("tiny", "camvid"))
    for name in ("demo", "bisenet_runs"):
        made.write_study(name, ensemble={"folds": 2, "method": "vote"}, smoke={"epochs": 1})
    made.write("config/cluster.yaml", {"cluster": {"partition": "default"}})
    made.write_study("text_sweep", **SWEEP)
    (made.folder / "photos").mkdir()
    Image.new("RGB", (32, 32)).save(made.folder / "photos/a.png")
    made.snakemake("--dry-run", study="demo")
    made.run_name = read_plan(made.folder / "results/demo/plan.json").runs[0].run
    return made


@pytest.fixture(scope="module")
def tried(workspace):
    """What is wrong with a command, empty where nothing is; one that was tried is not tried again."""
    return Trial(workspace)


@pytest.mark.parametrize("line", DOCUMENTED, ids=lambda line: line[:70])
def test_a_command_is_one_that_there_is(tried, line):
    page = DOCUMENTED[line]
    for pattern, meaning in STANDS_FOR.items():
        line = re.sub(pattern, meaning.format(run=tried.workspace.run_name), line)
    for words in filter(is_tried, simple_commands(line)):
        assert not (problem := tried.problem(words)), f"{page}: {shlex.join(words)}\n{problem}"


class Parsed(BaseException):
    """The options of a program are ones that it has."""


class Trial:
    """Tries commands in a workspace."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self.known: dict[tuple[str, ...], str] = {}
        self.dry_runs: dict[str, tuple[int, str]] = {}

    def problem(self, words: list[str]) -> str:
        """Why a command would not run; empty if it would."""
        if tuple(words) not in self.known:
            ways = {"make": self.of_make, "snakemake": self.of_snakemake, "python": self.of_python, "pytest": of_pytest}
            way = ways.get(words[0])
            self.known[tuple(words)] = way(words[1:]) if way else "There is no way to try it: see NOT_TRIED."
        return self.known[tuple(words)]

    def of_make(self, words: list[str]) -> str:
        """A target that there is; where it is given variables, that it knows them, and what would run."""
        unknown = [word for word in words if "=" in word and not is_variable(word.partition("=")[0])]
        if unknown:
            return f"The Makefile has no variable for {unknown}."
        done = subprocess.run(
            ["make", "--dry-run", "--old-file=.venv/.complete", *words], cwd=self.workspace.folder,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode or not any("=" in word for word in words):
            return done.stderr
        recipe = re.sub(r"\$\(test [^)]*\)", "", done.stdout.replace("\\\n", " "))
        commands = [one for line in recipe.splitlines() for one in simple_commands(line)]
        nested = [one for one in commands if one[0] == "python" or (one[0] == "snakemake" and "--config" in one)]
        return "\n".join(filter(None, map(self.problem, filter(is_tried, nested))))

    def of_snakemake(self, words: list[str]) -> str:
        """A dry run."""
        dry = [] if "--unlock" in words else ["--dry-run"]
        line = re.sub(r"--cores \d+ |-n |--dry-run |--quiet rules host ", "", shlex.join(words) + " ")
        line = re.sub(
            r"--sdm \w+ |--apptainer-args=\S+ |'--apptainer-args=[^']+' ", "", line
        )  # looked for in a dry run
        if line not in self.dry_runs:
            words = [*dry, *([] if "--profile" in line else ["--cores", "1"]), *shlex.split(line)]
            self.dry_runs[line] = run_snakemake(words, self.workspace.folder, self.workspace.environment())
        status, output = self.dry_runs[line]
        return "" if status == 0 else output

    def of_python(self, words: list[str]) -> str:
        """Options that a program of the project takes: it ends when it has parsed them. Of a name alone, the file."""
        if len(words) == 1 and (ROOT / words[0]).exists():
            return ""
        parse = argparse.ArgumentParser.parse_known_args

        def parse_and_end(parser, given=None, namespace=None):
            _, left = parse(parser, given, namespace)
            if left:
                parser.error(f"unrecognized arguments: {' '.join(left)}")
            raise Parsed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_known_args", parse_and_end)
            patch.setattr(argparse.ArgumentParser, "parse_known_intermixed_args", parse_and_end)
            patch.setattr(sys, "argv", words[words[0] == "-m" :])
            patch.chdir(ROOT)
            try:
                if words[0] == "-m":
                    runpy.run_module(words[1], run_name="__main__")
                elif words[0].startswith("workflow/scripts/"):
                    importlib.import_module(words[0][len("workflow/scripts/") : -len(".py")]).main(words[1:])
                else:
                    runpy.run_path(words[0], run_name="__main__")
            except (Parsed, SystemExit, OSError) as error:
                ended_well = isinstance(error, Parsed) or (isinstance(error, SystemExit) and not error.code)
                return "" if ended_well else f"It ended with {error!r}."
        return "It ran without parsing options."


def of_pytest(words: list[str]) -> str:
    """Files that there are."""
    missing = [word for word in words if not word.startswith("-") and not (ROOT / word).exists()]
    return f"There is no {missing}." if missing else ""


def is_variable(name: str) -> bool:
    """Whether the Makefile asks for a variable."""
    return re.search(rf"\$\({name}\)|\$\(if {name}\b|,{name}\b", MAKEFILE) is not None
