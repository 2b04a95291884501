"""Hyperparameter studies of segmentation models. `snakemake` trains and reports; `segsweep` does what else there is."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from segsweep import __version__
from segsweep.exits import DONE, program
from segsweep.project_files import SCRIPTS
from segsweep.typed_commands import DOORS

SNAKEMAKE = [sys.executable, "-m", "snakemake"]


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="segsweep", description=__doc__)
    parser.add_argument("--version", action="version", version=f"segsweep {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (about, _) in OWN.items():
        commands.add_parser(name, help=about, add_help=False)
    for name, door in DOORS.items():
        commands.add_parser(name, help=door.about, add_help=False)
    words = sys.argv[1:] if argv is None else argv
    name = parser.parse_known_args(words[:1])[0].command
    if name in OWN:
        return OWN[name][1](words[1:])
    door = DOORS[name]
    return become([sys.executable, str(SCRIPTS / f"{door.program}.py"), *door.words, *words[1:]])


def become(command: Sequence[str]) -> int:
    """Run a command in place of this process, with this Python as the first that its jobs find."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    sys.stdout.flush()
    os.execv(command[0], command)


def init(argv: list[str]) -> int:
    """Write a new folder for studies."""
    from segsweep.study_folder import write_study_folder

    parser = argparse.ArgumentParser(prog="segsweep init", description=init.__doc__)
    parser.add_argument("folder", type=Path, help="to be made, or to be filled where it holds none of the files")
    folder = parser.parse_args(argv).folder
    for path in write_study_folder(folder):
        print(folder / path)
    print(f"Next: cd {folder} && snakemake --cores 2")
    return DONE


def predict(argv: list[str]) -> int:
    """What trained models predict of your images."""
    parser = argparse.ArgumentParser(prog="segsweep predict", description=predict.__doc__)
    parser.add_argument("images", help="folder of images, or one of them")
    parser.add_argument("output", help="folder for what is predicted")
    _add_request(parser)
    parser.add_argument("--how", default="", help="further keys of `predict`: 'flips: all, window: 512'")
    arguments = parser.parse_intermixed_args(argv)
    asked = f"images: {json.dumps(arguments.images)}, output: {json.dumps(arguments.output)}, {arguments.how}"
    config = [*_request(arguments), f"predict={{{asked}}}"]
    cores = ["--cores", arguments.cores]
    return become([*SNAKEMAKE, *cores, "--forcerun", "predict_images", "--config", *config, "--", "predict_images"])


def export(argv: list[str]) -> int:
    """The report as LaTeX, docx, pdf; a trained model as ONNX, TorchScript, safetensors."""
    parser = argparse.ArgumentParser(prog="segsweep export", description=export.__doc__)
    _add_request(parser)
    arguments = parser.parse_intermixed_args(argv)
    config = _request(arguments)
    options = ["--config", *config] if config else []
    return become([*SNAKEMAKE, "--cores", arguments.cores, *options, "--", "export_study"])


def _add_request(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("options", nargs="*", help="as behind --config: dataset=camvid device=cpu")
    parser.add_argument("--study", help="name or path; config/config.yaml's if not given")
    parser.add_argument("--of", help="which trained models: best, 'top 3', ensemble, the name of a run")
    parser.add_argument("--cores", default="all", help="jobs at a time (default: all)")


def _request(arguments: argparse.Namespace) -> list[str]:
    named = {"study": arguments.study, "of": arguments.of}
    return [*(f"{key}={value}" for key, value in named.items() if value), *arguments.options]


OWN: dict[str, tuple[str, Callable[[list[str]], int]]] = {
    "init": ("write a new folder for studies: Snakefile, an example, profiles", init),
    "predict": ("what trained models predict of your images", predict),
    "export": ("the report and a trained model in other forms", export),
}


if __name__ == "__main__":
    sys.exit(main())
