"""Encoders of segmentation_models_pytorch, and `plain18` and `plain34`, by name, with weights or without."""

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from pickle import UnpicklingError

import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn

from segsweep.config.components import Model
from segsweep.config.train import weights_file
from segsweep.errors import InputError
from segsweep.models import plain_encoders


def encoder(model: Model, in_channels: int, depth: int = 5) -> nn.Module:
    """The encoder of a setting: float (B, in_channels, H, W) to `depth` + 1 maps of 1/1, 1/2, 1/4, ...

    Raises:
        InputError: unknown encoder, weights that it does not have, that cannot be downloaded or read.
    """

    def make(weights: str | None) -> nn.Module:
        return smp.encoders.get_encoder(model.encoder, in_channels=in_channels, depth=depth, weights=weights)

    return with_weights(model, make)


def with_weights(model: Model, make: Callable[[str | None], nn.Module]) -> nn.Module:
    """What `make(weights)` makes, the encoder's weights loaded.

    `weights` is what smp understands: a name (True for timm's encoders) or None. A file given as `encoder_weights` is
    loaded afterwards into the result's `encoder`, or into the result itself.

    Raises:
        InputError: as `encoder`.
    """
    plain_encoders.register()
    check_name(model.encoder)
    weights = model.encoder_weights
    file = weights_file(weights)
    if weights and not file:
        check_weights(model.encoder, weights)
    asked = None if file else True if weights and model.encoder.startswith("tu-") else weights
    try:
        made = make(asked)
    except OSError as error:  # what all failures of the network and of the hub's cache have in common
        if asked is None:
            raise
        raise InputError(unreachable(model.encoder, weights, error)) from error
    except RuntimeError as error:
        if asked is None or "pretrained" not in str(error).lower():
            raise
        raise InputError(unreachable(model.encoder, weights, error)) from error
    if file:
        load(getattr(made, "encoder", made), file, model.encoder)
    return made


def check_name(name: str) -> None:
    """Raises InputError with the nearest names if smp has no such encoder."""
    known = smp.encoders.encoders
    if name in known:
        return
    if name.startswith("tu-"):
        if timm.is_model(name.removeprefix("tu-")):
            return
        known = [f"tu-{other}" for other in timm.list_models()]
    elif timm.is_model(name):
        raise InputError(f"model.encoder: {name!r} is timm's; write tu-{name}")
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    raise InputError(
        f"model.encoder: {name!r} is not an encoder of segmentation_models_pytorch"
        + (
            f"; did you mean {' or '.join(near)}?"
            if near
            else "; for example resnet18, efficientnet-b0, tu-convnext_tiny"
        )
    )


def check_weights(name: str, weights: str) -> None:
    """Raises InputError if the encoder has no weights of that name."""
    if name.startswith("tu-"):
        return  # planning knows which name they have; see `segsweep.config.encoder_names`
    known = list(smp.encoders.encoders[name]["pretrained_settings"])
    if weights not in known:
        raise InputError(
            f"model.encoder_weights: {name} has no weights {weights!r}; there are {', '.join(known) or 'none'}, "
            "or give the path of a file (with its suffix: .pt, .pth, .safetensors), or null to start from scratch"
        )


def unreachable(name: str, weights: str, error: Exception) -> str:
    """What to say when weights could not be downloaded: what they are, where they would lie, what to do."""
    from huggingface_hub import constants

    settings = {} if name.startswith("tu-") else smp.encoders.encoders[name]["pretrained_settings"][weights]
    what = f"{settings['repo_id']} (revision {settings['revision'][:8]})" if settings.get("repo_id") else name
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"model.encoder_weights: the weights {weights!r} of {name} are not in the cache and could not be downloaded "
        f"({reason}). Needed: {what} from the Hugging Face hub. Either build the network once on a machine with a "
        f"network and copy its cache folder to {constants.HF_HUB_CACHE} here, or give the path of a file with "
        "the encoder's weights as encoder_weights, or set it to null to start from scratch"
    )


def load(module: nn.Module, file: Path, name: str) -> None:
    """Loads a file of weights (.safetensors, or torch's) into an encoder.

    The file holds a state_dict, or one under "model" or "state_dict"; the names may begin with `encoder.`, then
    everything else in it is left out. Weights for images of three channels are adapted to other numbers of channels.

    Raises:
        InputError: missing or unreadable file, weights that do not fit.
    """
    if not file.is_file():
        raise InputError(f"model.encoder_weights: there is no file {file}; give a path, a name (imagenet) or null")
    state = read_weights(file)
    try:
        module.load_state_dict(for_channels(state, module.state_dict()))
    except RuntimeError as error:
        lines = "; ".join(line.strip() for line in str(error).splitlines()[1:4])
        raise InputError(f"model.encoder_weights: {file} does not fit the encoder {name}: {lines}") from error


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """The weights of an encoder that a file holds, by name; see `load`.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise InputError(
            f"model.encoder_weights: {file} cannot be read as weights: it is no file of torch's, or holds other "
            "objects than tensors, which are not loaded, as they could run code; write it with "
            "torch.save(encoder.state_dict(), file)"
        ) from error
    except Exception as error:  # torch and safetensors each raise their own kinds
        reason = str(error) or type(error).__name__
        raise InputError(f"model.encoder_weights: {file} cannot be read as weights: {reason}") from error
    for key in ("model", "state_dict"):
        state = state[key] if isinstance(state, dict) and isinstance(state.get(key), dict) else state
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise InputError(
            f"model.encoder_weights: {file} holds {type(state).__name__}, no weights by name; write it with "
            "torch.save(encoder.state_dict(), file)"
        )
    inside = {k.partition("encoder.")[2]: v for k, v in state.items() if k.startswith(("encoder.", "network.encoder."))}
    weights = inside or state
    for name, value in weights.items():
        if not isinstance(value, torch.Tensor) or not value.isfinite().all():
            found = "values that are not finite" if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError(f"model.encoder_weights: {file} holds {found} under {name!r}; weights are finite numbers")
    return weights


def for_channels(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights `state`, the convolutions over three channels adapted where `wanted` has them over other ones.

    As segmentation_models_pytorch adapts the weights that it knows: of one channel the sum, of n channels the three
    repeated in turn, times 3 / n, so that the layer answers as strongly as before.
    """
    adapted = dict(state)
    for name in state.keys() & wanted.keys():
        weight, count = state[name], wanted[name].shape[1] if wanted[name].dim() == 4 else 3
        if weight.dim() == 4 and weight.shape[1] == 3 != count:
            repeated = weight[:, torch.arange(count) % 3] * (3 / count)
            adapted[name] = weight.sum(1, keepdim=True) if count == 1 else repeated
    return adapted


def check_options(model: Model, allowed: Iterable[str]) -> None:
    """Raises InputError for options that the architecture does not have."""
    allowed = sorted(allowed)
    problems = []
    for option in model.options:
        if option not in allowed:
            near = get_close_matches(option, allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            there = ", ".join(allowed) or "none"
            problems.append(f"model.options: {model.arch} has no option {option!r}{hint} There are: {there}")
    if problems:
        raise InputError(*problems)


def options_of(function: Callable) -> set[str]:
    """Names of a function's arguments that have a default."""
    return {p.name for p in inspect.signature(function).parameters.values() if p.default is not p.empty}
