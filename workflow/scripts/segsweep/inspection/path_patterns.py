"""Patterns that the paths of many files follow: "images/{split}/{name}.png"."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from segsweep.inspection import split_layouts
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess
from segsweep.inspection.split_layouts import SPLIT_OF

COMPRESSED = ".nii.gz"
SIGNS = "_-."  # between a name and an affix
WORD = re.compile(r"[_. -]|[^_. -]+")  # of a folder's name, and what stands between words


@dataclass
class Pattern:
    """Files whose paths are the same but for name and split.

    Attributes:
        text: the path with {name}, and {split} where a folder's name, or a word of it, is that of a split.
        paths: by the folder of the split (else "") and the name.
    """

    text: str
    paths: dict[tuple[str, str], PurePosixPath] = field(default_factory=dict)

    @property
    def splits(self) -> list[str]:
        """Folders that stand for {split}."""
        return list(dict.fromkeys(split for split, _ in self.paths if split))


def patterns_of(paths: Iterable[PurePosixPath], affixes: Sequence[str] = ()) -> list[Pattern]:
    """The patterns that paths follow, those with most files first.

    Args:
        paths: of files.
        affixes: what may stand before or behind a name: `a_mask.png` is `{name}_mask.png`.
    """
    found: dict[str, Pattern] = {}
    for path in paths:
        folders, split = list(path.parts[:-1]), ""
        for i, folder in enumerate(folders):
            words = WORD.findall(folder)
            if not split and (named := next((word for word in words if word in SPLIT_OF), "")):
                folders[i], split = "".join("{split}" if word == named else word for word in words), named
        file, name = _named(path, affixes)
        text = "/".join([*folders, file])
        found.setdefault(text, Pattern(text)).paths[split, name] = path
    return sorted(found.values(), key=lambda one: -len(one.paths))


def splits_of(tree: FileTree, pattern: Pattern) -> tuple[Guess, Callable[[str], str]]:
    """The splits of the files of a pattern; and what makes the patterns of a data set fit them.

    Without a folder of validation images they are drawn from the training images: {split} is then that folder.
    """
    if not pattern.splits:
        return split_layouts.guessed(tree, {name for _, name in pattern.paths}), str
    if found := split_layouts.of_folders(pattern.splits):
        return found, str
    train = next((name for name in pattern.splits if SPLIT_OF[name] == "train"), pattern.splits[0])
    left_out = [name for name in pattern.splits if name != train]
    return split_layouts.drawn_from_training(left_out), lambda text: text.replace("{split}", train)


def _named(path: PurePosixPath, affixes: Sequence[str]) -> tuple[str, str]:
    """The file's name with {name} in it, and the name."""
    ending = COMPRESSED if path.name.endswith(COMPRESSED) else path.suffix
    stem = path.name.removesuffix(ending)
    for affix in affixes:
        for sign in SIGNS:
            if stem.endswith(sign + affix):
                return f"{{name}}{sign}{affix}{ending}", stem.removesuffix(sign + affix)
            if stem.startswith(affix + sign):
                return f"{affix}{sign}{{name}}{ending}", stem.removeprefix(affix + sign)
    return f"{{name}}{ending}", stem
