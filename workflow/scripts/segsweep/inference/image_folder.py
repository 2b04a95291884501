"""The images of a folder that nobody made a data set of, and what each is called."""

from collections import Counter
from pathlib import Path

from segsweep.data.image_names import name_of
from segsweep.errors import InputError


def files_below(folder: Path, output: Path) -> dict[str, Path]:
    """The files of a folder and of its subfolders by name, in the order of their paths.

    A file is called by its path in the folder without its ending; where several would have one name (`a.png` and
    `a.jpg`), by its path with its ending. Hidden files and folders are left out, and so are the folder of the
    predictions, links to folders, and pipes and the like, which are no files. A link to nothing is kept, to be said.

    Args:
        folder: that is looked through, or one file.
        output: folder of the predictions.

    Raises:
        InputError: there is no such folder, it has no files, or lies in the folder of the predictions.
    """
    if not folder.exists():
        raise InputError(f"{folder}: there is no such folder or file. Give the folder of the images, or one image.")
    if folder.is_file():
        return {folder.stem: folder}
    if output.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise InputError(
            f"{folder}: images are read here, and predictions would be written to {output}, which holds them. Give "
            f"predictions a folder of their own, such as {folder / 'predictions'}."
        )
    paths = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or not path.exists()) and output.resolve() not in path.resolve().parents
    }
    paths = {place: path for place, path in paths.items() if not any(part[0] == "." for part in place.split("/"))}
    if not paths:
        raise InputError(f"{folder}: there are no files in it. Put the images there, or give another folder.")
    times = Counter(map(name_of, paths))
    unique = {place: times[name_of(place)] == 1 and name_of(place) not in paths for place in paths}
    return {name_of(place) if unique[place] else place: path for place, path in paths.items()}
