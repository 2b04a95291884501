"""The application that a configuration file of Hydra belongs to: its program, and how that comes to load the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segsweep.sweep_imports.program_source import read_program

MULTIRUN = "multirun.yaml"  # which Hydra writes into the folder of a multirun
LEVELS = 4  # folders above a configuration that are searched for its program
PLACES = ("*.py", "*/*.py")
ENTRY = "train"  # of several programs the one with this in its name


@dataclass(frozen=True)
class HydraApplication:
    """Where a configuration belongs.

    Attributes:
        folder: of the configuration.
        config_name: of the configuration that the program loads, without its suffix.
        selection: what a command line has to say for the file to count: `--config-name=sweep`, `hparams_search=tpe`.
        program: the Python file with `@hydra.main`; None where none was found.
    """

    folder: Path
    config_name: str
    selection: str | None
    program: Path | None


def application_of(path: Path, program: Path | None) -> HydraApplication:
    """The application that a configuration file belongs to.

    Args:
        path: of the file.
        program: of the application, where a person says it; else programs near the file are looked at.
    """
    path = path.resolve()
    found = [program.resolve()] if program else sorted(_programs_near(path))
    fitting = [one for one in (_configured(candidate, path) for candidate in found) if one is not None]
    if not fitting:
        return HydraApplication(path.parent, path.stem, None, program)
    return min(fitting, key=lambda one: (one.selection is not None, ENTRY not in one.program.stem))


def _configured(program: Path, path: Path) -> HydraApplication | None:
    main = read_program(program).hydra
    if main is None or main.config_path is None or "://" in main.config_path:
        return None
    folder = (program.parent / main.config_path).resolve()
    if not path.is_relative_to(folder):
        return None
    inside = path.relative_to(folder).with_suffix("")
    primary = Path(main.config_name or path.stem).stem
    if len(inside.parts) > 1:
        return HydraApplication(folder, primary, f"{inside.parent.as_posix()}={inside.name}", program)
    if inside.name != primary:
        return HydraApplication(folder, inside.name, f"--config-name={inside.name}", program)
    return HydraApplication(folder, primary, None, program)


def _programs_near(path: Path) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in list(path.parents)[:LEVELS]:
        for place in PLACES:
            for program in folder.glob(place):
                if program not in seen and "hydra" in program.read_text("utf-8", "replace"):
                    yield program
                seen.add(program)
