"""The image of a container in which `--sdm apptainer` has jobs run."""

from pathlib import Path

from segsweep.errors import InputError


def container_image(named: str | None) -> str:
    """What Snakemake is told of the image: a file's path, or an address such as `docker://...`.

    Args:
        named: `container` of config/config.yaml or `--config`.

    Raises:
        InputError: none is named, or the file is not there.
    """
    if not named:
        raise InputError(
            "config/config.yaml or --config: --sdm apptainer needs an image, and `container` names none. Name a file, "
            "`container: envs/segsweep.sif`, or an address, `container: docker://...`. See docs/containers.md."
        )
    if "://" not in named and not Path(named).exists():
        raise InputError(
            f"config/config.yaml or --config: container: {named}: there is no such file. "
            f"Build it: `apptainer build {named} envs/segsweep.def` (docs/containers.md)."
        )
    return named
