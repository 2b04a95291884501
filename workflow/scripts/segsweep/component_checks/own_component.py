"""A component in a person's own file, and what goes wrong in its code, as a problem with its file and line."""

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep import registry
from segsweep.config.settings import Component
from segsweep.errors import InputError

# Code that nobody who writes a study would correct.
INSTALLED = tuple(
    dict.fromkeys(
        Path(one).resolve()
        for one in (
            registry.PACKAGE,
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("purelib"),
            sysconfig.get_path("platlib"),
        )
    )
)


@dataclass(frozen=True)
class OwnComponent:
    """A component in a person's own file.

    Attributes:
        key: where a study names it: `model.arch`, `loss.main`.
        name: as the study names it: `my/tiny_unet.py:build`.
        place: where its function begins, `my/tiny_unet.py:12`.
        settings: its settings; of a metric, which has none, the class of its facts.
        functions: its module, or what has the functions of its kind (see `segsweep.registry.load`).
    """

    key: str
    name: str
    place: str
    settings: Component | type[Component]
    functions: Any

    @property
    def title(self) -> str:
        """Where the study names it, and its name."""
        return self.key if self.key.endswith(self.name) else f"{self.key} {self.name}"

    def problem(self, found: str, remedy: str) -> InputError:
        """What is wrong with it. `found` and `remedy` are sentences without their full stops."""
        return InputError(f"{self.place}: {self.title}: {found}. {remedy}.")

    @contextmanager
    def calls(self, what: str, expected: str) -> Iterator[None]:
        """While its code runs: an exception becomes a problem at the line of the person's code that it came from.

        Args:
            what: is called, in words: `build`, `forward of images (2, 3, 64, 64)`.
            expected: of it, a sentence without its full stop.

        Raises:
            InputError: in place of any other exception.
        """
        try:
            yield
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # a component that ends the process ends the check without a word
            said = " ".join(str(error).split()) or "no message"
            raise InputError(
                f"{place_of(error) or self.place}: {self.title}: {what} raised {type(error).__name__}: "
                f"{said.rstrip('.')}. {expected}."
            ) from error


def own_component(key: str, component: Component | type[Component]) -> OwnComponent:
    """A component of own code, imported.

    Args:
        key: where a study names it.
        component: its settings, or the class of them.

    Raises:
        InputError: its file cannot be imported; names the line.
    """
    own = component.own
    return OwnComponent(key, str(own.name), f"{own.name.file}:{own.line}", component, registry.load(component))


def place_of(error: BaseException) -> str | None:
    """File and line of the last frame that lies in a person's own code; None where an exception never was there."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if _is_own(one.filename)]
    return f"{shortened(Path(frames[-1].filename))}:{frames[-1].lineno}" if frames else None


def shortened(path: Path) -> Path:
    """A path from the working folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _is_own(filename: str) -> bool:
    """Whether a frame's file is neither installed nor segsweep's; what was compiled from a text has no file."""
    path = Path(filename)
    return path.is_file() and not any(path.resolve().is_relative_to(folder) for folder in INSTALLED)
