"""Names of encoders and of their weights, known without importing the libraries that have them.

encoders.json is written by write_schemas.py from segmentation_models_pytorch and timm; `segsweep.models.encoders` asks
the libraries themselves.
"""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.config.components import PLAIN_ENCODERS, Model
from segsweep.config.train import weights_file

ENCODERS = Path(__file__).with_name("encoders.json")
OF_TIMM = "tu-"
USUAL_WEIGHTS = "imagenet"


@cache
def _known() -> dict:
    """{"smp": {name: names of its weights}, "timm": [names]}."""
    return json.loads(ENCODERS.read_text(encoding="utf-8"))


def named_weights(model: Mapping[str, Any]) -> tuple[str, str] | None:
    """The encoder of a section `model`, as plain values, and the name of its weights; None for a file, or for none."""
    weights = model.get("encoder_weights")
    return (model["encoder"], weights) if weights and not weights_file(weights) else None


def wrong_encoder(model: Model) -> str:
    """What is wrong with the encoder of a setting, or with its weights; empty where both are known.

    A sentence without its full stop, that begins with the key.
    """
    name, weights = model.encoder, model.encoder_weights
    known = _known()
    of_timm, library = name.removeprefix(OF_TIMM), known["smp"]
    if name.startswith(OF_TIMM):
        if of_timm.partition(".")[0] not in known["timm"]:  # behind the point stands which weights
            return _unknown(name, [f"{OF_TIMM}{one}" for one in known["timm"]])
        return _wrong_weights_of_timm(name, weights)
    if name in PLAIN_ENCODERS:
        return ""
    if name not in library:
        if of_timm in known["timm"]:
            return f"model.encoder: {name!r} is timm's; write {OF_TIMM}{name}"
        return _unknown(name, [*library, *PLAIN_ENCODERS])
    if weights and not weights_file(weights) and weights not in library[name]:
        return (
            f"model.encoder_weights: {name} has no weights {weights!r}; there are "
            f"{', '.join(library[name]) or 'none'}, or give the path of a file (with its suffix: "
            ".pt, .pth, .safetensors), or null to start from scratch"
        )
    return ""


def _wrong_weights_of_timm(name: str, weights: str | None) -> str:
    if not weights or weights_file(weights) or weights == USUAL_WEIGHTS:
        return ""
    return (
        f"model.encoder_weights: {name} has no weights {weights!r}: of timm's encoders, {USUAL_WEIGHTS} means "
        f"the usual ones, and others are named behind a point of the encoder's name ({OF_TIMM}resnet50.a1_in1k). Write "
        f"{USUAL_WEIGHTS}, the path of a file, or null to start from scratch"
    )


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    return f"model.encoder: {name!r} is no encoder of segmentation_models_pytorch or timm" + (
        f"; {' or '.join(near)} is near" if near else "; for example resnet18, efficientnet-b0, tu-convnext_tiny"
    )
