"""Names of own code: the path of a Python file, a colon, a function or class in it."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.dotted_keys import keys_of

NAME = re.compile(r"([^\s:]+\.py):([^\W\d]\w*)")
IN_TEXT = re.compile(r"^\S*\.py:[^\W\d]\S*$")
SCORE = re.compile(r"(?P<split>train|val|test)/(?P<name>[^\s:]+\.py:[^\W\d]\w*)(?P<of>/\S+)?")


@dataclass(frozen=True)
class OwnName:
    """A function, or class, in a file.

    Attributes:
        file: path of the file; relative to the working folder, unless a study file was just read.
        function: name of the function or class.
    """

    file: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"

    @property
    def short(self) -> str:
        """Without the folder, as people read it and as it enters addresses: `tiny_unet.py:build`."""
        return f"{Path(self.file).name}:{self.function}"

    @property
    def column(self) -> str:
        """As a part of a column's name: `tiny_unet:build`. It holds no dot."""
        return f"{Path(self.file).stem.replace('.', '_')}:{self.function}"


def own_name(value: Any) -> OwnName | None:
    """The name that a value is; None where it is none."""
    found = NAME.fullmatch(value) if isinstance(value, str) else None
    return OwnName(*found.groups()) if found else None


def without_folder(name: Any) -> Any:
    """A name of own code without the folder of its file; anything else as it is."""
    own = own_name(name)
    return own.short if own else name


def alike_without_folders(texts: Iterable[str]) -> list[str]:
    """Two names of own code in some texts that differ by their folders alone; empty where there are none."""
    found: dict[str, str] = {}
    for one in sorted({str(own) for text in texts if IN_TEXT.match(text) for own in _names_in(text)}):
        other = found.setdefault(without_folder(one), one)
        if other != one:
            return [other, one]
    return []


def _names_in(text: str) -> list[OwnName]:
    whole = own_name(text)
    keys = [own for key in keys_of(text) if (own := own_name(key))]
    return [whole] if whole and not keys else keys


def relocated(text: str, folder: Path, *, is_key: bool = False) -> str:
    """A text of a file whose names of own code are relative to its folder, with names relative to the working folder.

    Args:
        text: a name, or a dotted key, `loss.main.my/loss.py:build.weight`. Anything else stays as it is.
        folder: of the file.
        is_key: whether it is the key of a section, not a value. A key `a.b/loss.py:build` is `b/loss.py:build` in a
            section `a`, unless there is such a file.
    """
    if not IN_TEXT.match(text):
        return text
    whole = own_name(text)
    if whole and not (is_key and not (folder / whole.file).is_file()):
        return str(_moved(whole, folder))
    return ".".join(str(_moved(own, folder)) if (own := own_name(one)) else one for one in keys_of(text))


def written_for(value: Any, folder: Path) -> Any:
    """Settings whose names of own code are relative to the working folder, as a file in some folder writes them."""
    if isinstance(value, dict):
        return {written_for(name, folder): written_for(one, folder) for name, one in value.items()}
    if isinstance(value, list):
        return [written_for(one, folder) for one in value]
    if not isinstance(value, str) or not IN_TEXT.match(value):
        return value
    keys = [(key, own_name(key)) for key in keys_of(value)]
    return ".".join(f"{os.path.relpath(own.file, folder)}:{own.function}" if own else key for key, own in keys)


def own_score(text: str, folder: Path) -> tuple[str, OwnName] | None:
    """The column that the name of a score means, and the function that computes it; None where it is not own code's.

    Args:
        text: `val/my/score.py:gdice`, which is the column `val/gdice`.
        folder: of the file in which it stands.
    """
    found = SCORE.fullmatch(text)
    name = own_name(found["name"]) if found else None
    return (f"{found['split']}/{name.function}{found['of'] or ''}", _moved(name, folder)) if name else None


def _moved(name: OwnName, folder: Path) -> OwnName:
    """A name relative to the working folder.

    A first part of the path with a dot, or an underscore in front, stands behind `./`: names are parts of dotted keys
    (`segsweep.config.dotted_keys`), and names of fields.
    """
    path = os.path.normpath(folder / name.file)
    if not os.path.isabs(name.file) and os.path.isabs(path):
        path = os.path.relpath(path)
    first = Path(path).parts[0]
    plain = os.path.isabs(path) or first == ".." or not ("." in first.removesuffix(".py") or first.startswith("_"))
    return OwnName(path if plain else f"./{path}", name.function)
