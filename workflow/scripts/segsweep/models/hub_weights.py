"""Named encoder weights in the caches of the Hugging Face hub and of torch: what is there, and fetching what is not."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError
from huggingface_hub.utils import logging
from timm.models import _hub

from segsweep.config.encoder_names import OF_TIMM
from segsweep.errors import InputError
from segsweep.formatting import first_line

SMP_FILES = ("config.json", "model.safetensors")
# Of which a repository of timm's holds one; timm takes the first.
TIMM_FILES = ("model.safetensors", "pytorch_model.bin")
MAIN = "main"


@dataclass(frozen=True)
class Source:
    """Where weights come from.

    Attributes:
        repository: on the hub; empty where they have an address of their own.
        revision: of the repository.
        files: all that is needed of it, or of timm's the alternatives.
        url: address of the file, where there is no repository.
    """

    repository: str
    revision: str
    files: tuple[str, ...]
    url: str = ""

    def cached(self) -> list[Path]:
        """The files in the cache; none where one is missing."""
        if self.url:
            file = torch_folder() / Path(self.url).name
            return [file] if file.is_file() else []
        found = [try_to_load_from_cache(self.repository, name, revision=self.revision) for name in self.files]
        there = [Path(one) for one in found if isinstance(one, str)]
        if self.files == SMP_FILES:
            return there if len(there) == len(self.files) else []
        return there[:1]

    @property
    def folder(self) -> Path:
        """Where they lie in the cache: a folder of the hub's, or the file of an address."""
        if self.url:
            return torch_folder() / Path(self.url).name
        return Path(constants.HF_HUB_CACHE) / f"models--{self.repository.replace('/', '--')}"


def torch_folder() -> Path:
    """Where torch keeps weights that have an address of their own."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def source(encoder: str, weights: str) -> Source:
    """Where the weights of an encoder come from.

    Raises:
        InputError: there are no such weights.
    """
    name = timm_name(encoder)
    if name is None:
        settings = smp.encoders.encoders[encoder]["pretrained_settings"][weights]
        return Source(settings["repo_id"], settings["revision"], SMP_FILES)
    known = timm.get_pretrained_cfg(name)
    if known is not None and known.hf_hub_id:
        repository, _, revision = known.hf_hub_id.partition("@")
        return Source(repository, revision or MAIN, (known.hf_hub_filename,) if known.hf_hub_filename else TIMM_FILES)
    if known is not None and known.url:
        return Source("", "", (), known.url)
    raise InputError(
        f"train.model.encoder_weights: timm knows no weights of {name}. Choose another encoder "
        f"({OF_TIMM}resnet50.a1_in1k), give the path of a file, or write null to start from scratch."
    )


def timm_name(encoder: str) -> str | None:
    """The name under which timm builds an encoder; None for those that segmentation_models_pytorch builds itself."""
    if smp.encoders.is_equivalent_to_timm_universal(encoder):
        encoder = encoder.replace("timm-", OF_TIMM)
        encoder = encoder.replace(OF_TIMM, f"{OF_TIMM}tf_") if "mobilenetv3" in encoder else encoder
    return encoder.removeprefix(OF_TIMM) if encoder.startswith(OF_TIMM) else None


def fetch(wanted: Iterable[tuple[str, str]]) -> tuple[dict[tuple[str, str], list[Path]], list[str]]:
    """Weights fetched into the cache, unless they are there.

    Args:
        wanted: names of encoders and of their weights.

    Returns:
        Their files in the cache, and what hinders the others.
    """
    found, problems, offline = {}, [], None
    logging.set_verbosity_error()  # each try, of five
    for encoder, weights in wanted:
        where = source(encoder, weights)
        try:
            if offline is None:
                _download(where)
            if files := where.cached():
                found[encoder, weights] = files
            else:
                problems.append(_unreachable(encoder, weights, where, offline or "the files are not there"))
        except LocalEntryNotFoundError as error:  # the hub does not answer, which takes half a minute to be certain
            offline = _cause(error)
            problems.append(_unreachable(encoder, weights, where, offline))
        except Exception as error:  # the hub, the network and the disk each have their own
            problems.append(_unreachable(encoder, weights, where, _cause(error)))
    return found, problems


def _download(where: Source) -> None:
    if where.cached():
        return
    if where.url:
        torch_folder().mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(where.url, str(where.folder), progress=False)
    for name in where.files:
        try:
            hf_hub_download(where.repository, name, revision=where.revision)
        except RemoteEntryNotFoundError:
            if where.files != TIMM_FILES or name == where.files[-1]:
                raise
        else:
            if where.files != SMP_FILES:
                return


def _unreachable(encoder: str, weights: str, where: Source, cause: str) -> str:
    origin = where.url or f"{constants.ENDPOINT}/{where.repository}"
    return (
        f"train.model.encoder_weights: the weights {weights!r} of {encoder} are not in the cache, and cannot be "
        f"fetched from {origin} ({cause}). Copy {where.folder} from the cache of a machine that has "
        "internet; or give the path of a file with the encoder's weights (`encoder_weights: FILE`); or write "
        "`encoder_weights: null` to start from scratch."
    )


def _cause(error: BaseException) -> str:
    """The first line of what an error began with."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error).rstrip(".")


@contextmanager
def cache_first() -> Iterator[None]:
    """Within it encoders take the weights that are in the cache without asking the hub for anything.

    The libraries ask it even of weights that are there: on a node without internet that waits for time-outs.
    """
    asking = [(module, module.hf_hub_download) for module in (_hub, smp.encoders)]
    for module, ask in asking:
        module.hf_hub_download = partial(_from_cache, ask)
    try:
        yield
    finally:
        for module, ask in asking:
            module.hf_hub_download = ask


def _from_cache(
    ask: Callable[..., str],
    repo_id: str,
    filename: str,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    **options: Any,
) -> str:
    found = try_to_load_from_cache(repo_id, filename, cache_dir=cache_dir, revision=revision)
    if isinstance(found, str):
        return found
    return ask(repo_id, filename, revision=revision, cache_dir=cache_dir, **options)
