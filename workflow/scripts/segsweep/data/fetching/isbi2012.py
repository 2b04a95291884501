"""Membranes in electron microscopy: the training stack of the ISBI 2012 challenge.

The challenge's own site asks for a registration; the stack is taken from a public repository that has it slice by
slice, and checked byte for byte.

Source: Cardona et al., PLoS Biology 2010; Arganda-Carreras et al., Frontiers in Neuroanatomy 2015.
"""

from pathlib import Path, PurePosixPath

from segsweep.data.archives import at_commit, check_content, unpack_members, write_list

COMMIT = "b45af4d458437d8281cc218a07fd4380818ece4a"
TITLE = "ISBI 2012, membranes in electron microscopy"
LICENCE = "research use, with citation of the challenge"
PAGE = "https://github.com/zhixuhao/unet"
SIZE = "about 35 MB"
ROOT = "em_membrane"
ARCHIVES = (at_commit(PAGE, COMMIT),)
ZIP = ARCHIVES[0].name
SLICES = 30
# Of the files' bytes: images 0 to 29, then masks 0 to 29.
CONTENT_SHA256 = "a6036caf93768d8ec1c099fa735bf6e9fa33f9093c08f7e94ad3ba6945c3deac"


def lay_out(archives: dict[str, Path], folder: Path) -> None:
    """images/em_NN.png, masks/em_NN.png (0 membrane, 255 interior); every fifth slice validates.

    Raises:
        InputError: the archive is damaged, or its slices are not those of the commit.
    """
    unpack_members(archives[ZIP], folder, _target, count=2 * SLICES)
    names = [f"em_{number:02d}" for number in range(SLICES)]
    content = ((folder / kind / f"{name}.png").read_bytes() for kind in ("images", "masks") for name in names)
    check_content(archives[ZIP], f"slices of commit {COMMIT}", content, CONTENT_SHA256)
    write_list(folder, "train", (name for number, name in enumerate(names) if number % 5 != 4))
    write_list(folder, "val", names[4::5])


def _target(path: PurePosixPath) -> PurePosixPath | None:
    """`unet-.../data/membrane/train/label/7.png` becomes `masks/em_07.png`."""
    kind = {"image": "images", "label": "masks"}.get(path.parent.name)
    if path.parts[1:-2] != ("data", "membrane", "train") or kind is None or not path.stem.isdigit():
        return None
    return PurePosixPath(kind, f"em_{int(path.stem):02d}.png")
