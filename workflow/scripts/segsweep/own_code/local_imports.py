"""Which file an import of own code means: one beside it or in the working folder, unless a package of that name is
installed. Planning reads these files for addresses, and the jobs import them, so both ask here.
"""

import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

ROOT = "own_code"  # package of all modules of own code, by the parts of their paths
INSTALLED = ("site-packages", "dist-packages")


def module_of(path: Path) -> str:
    """The name of a file or folder of own code as a module: `own_code.home.ann.my.tiny_unet`."""
    *folders, last = Path(path).resolve().parts[1:]
    name = "" if last == "__init__.py" else last.removesuffix(".py")
    return ".".join(filter(None, (ROOT, *map(_quoted, folders), _quoted(name))))


def path_of(module: str) -> Path | None:
    """The file of a module of own code, or its folder where it is a package; None where there is neither."""
    if not is_own(module):
        return None
    stem = Path("/", *(part.replace("%2E", ".").replace("%25", "%") for part in module.split(".")[1:]))
    if stem.name and (file := stem.parent / f"{stem.name}.py").is_file():
        return file
    return stem if stem.is_dir() else None


def is_own(module: str) -> bool:
    """Whether a name is that of a module of own code."""
    return module == ROOT or module.startswith(f"{ROOT}.")


def meant(module: str, importer: str) -> str:
    """The module that an absolute import in a module of own code means.

    Args:
        module: as it is written: `blocks`, `my.blocks`.
        importer: name of the module that imports it.

    Returns:
        The name of the module of own code where the first part of the name is a module or package beside the importer
        or in the working folder, and none that is installed; else the name as it is.
    """
    first = module.partition(".")[0]
    if is_own(module) or not first or is_installed(first):
        return module
    file = path_of(importer)
    beside = file.parent if file is not None and file.is_file() else file
    for folder in (beside, Path.cwd()):
        if folder is not None and path_of(inside := f"{module_of(folder)}.{_quoted(first)}") is not None:
            return f"{inside}{module[len(first) :]}"
    return module


@cache
def is_installed(package: str) -> bool:
    """Whether a package or module comes with Python or is installed. It is not imported."""
    if package in sys.stdlib_module_names or package == __name__.partition(".")[0]:
        return True
    return PathFinder.find_spec(package, [path for path in sys.path if Path(path).name in INSTALLED]) is not None


def _quoted(part: str) -> str:
    """A part of a path as a part of a module's name, which holds no dot."""
    return part.replace("%", "%25").replace(".", "%2E")
