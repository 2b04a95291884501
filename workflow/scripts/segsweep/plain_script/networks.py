"""The network of a run as an expression, and the lines that change it after it is built."""

from typing import Any

from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING

from segsweep import registry
from segsweep.config.components import PLAIN_ENCODERS, Model
from segsweep.models.gated_unet import DECODER_CHANNELS
from segsweep.models.smp import LEAST
from segsweep.plain_script.build_calls import literal
from segsweep.plain_script.copied_code import CopiedCode

SMP = tuple(
    name for name, cls in registry.built_in("model").items() if registry.module_name(cls) == "segsweep.models.smp"
)
GATED_BLOCKS = {
    "attention_unet": ("segsweep.models.attention_unet", "UnetDecoderBlock"),
    "attention_resunet": ("segsweep.models.attention_resunet", "ResidualBlock"),
}
ARCHITECTURES = (*SMP, *GATED_BLOCKS, "bisenet")


def network(code: CopiedCode, model: Model, logits: int, channels: int) -> str:
    """The expression that builds the network as its architecture says; what it uses is copied or imported.

    Args:
        code: what the script copies.
        model: settings, of one of `ARCHITECTURES`.
        logits: outputs of a pixel.
        channels: of the images.
    """
    code.use("segmentation_models_pytorch", called="smp")
    if model.arch in SMP:
        built = _smp(model, logits, channels)
        # Batches have sides of a multiple of 32, which is all that the others ask for.
        least = LEAST.get(model.arch)
        return f"{code.add('segsweep.models.padding', 'Padded')}({built}, 32, least={least})" if least else built
    depth = model.options.get("encoder_depth", 5)
    encoder = (
        f"smp.encoders.get_encoder({literal(model.encoder)}, in_channels={channels}, depth={depth}, "
        f"weights={_weights(model)})"
    )
    if model.arch == "bisenet":
        return f"{code.add('segsweep.models.bisenet', 'BiSeNet')}({encoder}, classes={logits}, in_channels={channels})"
    widths = list(model.options.get("decoder_channels", DECODER_CHANNELS[5 - depth :]))
    block = code.name(*GATED_BLOCKS[model.arch])
    return f"{code.add('segsweep.models.gated_unet', 'GatedUnet')}({encoder}, {block}, {widths}, classes={logits})"


def changes(code: CopiedCode, model: Model, batches_of_one: bool) -> list[str]:
    """Statements about the built `model`: norms, activations, dropout and weights that the settings ask for.

    Args:
        code: what the script copies.
        model: settings.
        batches_of_one: whether the network is trained on single images, which batch norm alone does not bear.
    """

    def call(module: str, function: str, *arguments: str) -> str:
        return f"{code.add(f'segsweep.models.{module}', function)}({', '.join(('model', *arguments))})"

    lines = []
    if model.norm != "batch" or batches_of_one:
        lines.append(call("surgery", "replace_norms", literal(model.norm)))
    if model.activation is not None:
        lines.append(call("surgery", "replace_activations", literal(model.activation)))
    if model.dropout:
        lines.append(call("surgery", "add_dropout", literal(model.dropout)))
    if model.init.scheme != "default":
        code.use("types", "SimpleNamespace")
        init = f"SimpleNamespace(scheme={literal(model.init.scheme)}, encoder={model.init.encoder})"
        lines.append(call("initialization", "draw", init, literal(model.activation)))
    return lines


def before(code: CopiedCode, model: Model) -> list[str]:
    """Statements before the network is built."""
    if model.encoder in PLAIN_ENCODERS:
        return [f"{code.add('segsweep.models.plain_encoders', 'register', 'register_plain_encoders')}()"]
    return []


def _smp(model: Model, logits: int, channels: int) -> str:
    arguments: dict[str, Any] = {"encoder_name": literal(model.encoder), "encoder_weights": _weights(model)}
    arguments |= {"in_channels": channels, "classes": logits}
    arguments |= {name: literal(value) for name, value in model.options.items()}
    name = MODEL_ARCHITECTURES_MAPPING[model.arch].__name__
    return f"smp.{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"


def _weights(model: Model) -> str:
    """What smp takes: a name, True for the encoders of timm, or None."""
    return "True" if model.encoder_weights and model.encoder.startswith("tu-") else literal(model.encoder_weights)
