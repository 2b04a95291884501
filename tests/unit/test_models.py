"""Networks: shapes, parameter counts, pretrained weights, messages."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from segsweep import models, registry
from segsweep.config.components import PLAIN_ENCODERS
from segsweep.config.train import Train, weights_file
from segsweep.config.yaml_documents import parse
from segsweep.data.readers.demo import Demo
from segsweep.data.synthetic.shapes import draw_one
from segsweep.errors import InputError
from segsweep.models import encoders, plain_encoders
from segsweep.models.attention import AttentionGate
from segsweep.models.attention_resunet import ResidualBlock
from segsweep.models.smp import SmpSettings
from tests.networks import build, parameters


@pytest.fixture(scope="module")
def bisenet():
    return build("bisenet", 19)


# Architectures


ARCHITECTURES = [
    arch for arch, model in registry.classes("model").items() if "binary" in model.tasks and arch != "bisenet"
]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_architecture_gives_logits_of_the_images_size(arch):
    network = build(arch).eval()
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)
        assert network(torch.rand(1, 3, 50, 70)).shape == (1, 3, 50, 70)
        assert build(arch, in_channels=5).eval()(torch.rand(1, 5, 64, 64)).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("arch", ["unet", "pspnet", "deeplabv3plus", "attention_unet", "attention_resunet", "bisenet"])
def test_a_training_batch_of_one_image_has_gradients(arch):
    network = build(arch, 1)
    outputs = network(torch.rand(1, 3, 64, 64))
    outputs = [outputs["main"], *outputs["aux"]] if arch == "bisenet" else [outputs]
    sum(one.square().mean() for one in outputs).backward()
    # Some architectures leave the encoder's last stages unused.
    assert all(p.grad is not None for name, p in network.named_parameters() if "encoder" not in name)
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_the_same_seed_draws_the_same_weights():
    first, same, other = (build("attention_unet", seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_options_reach_the_architecture():
    small = build("unet", options={"decoder_channels": [32, 16, 8, 8, 4]})
    assert parameters(small) < parameters(build("unet"))
    gated = build("attention_resunet", options={"encoder_depth": 3, "decoder_channels": [32, 16, 8]})
    assert gated.eval()(torch.rand(1, 3, 40, 40)).shape == (1, 3, 40, 40)


def test_timms_encoders_serve_gates_and_bisenet():
    """An encoder without a map of 1/2."""
    image = torch.rand(1, 3, 64, 64)
    settings = {"encoder": "tu-convnext_atto"}
    assert build("attention_unet", **settings).eval()(image).shape == (1, 3, 64, 64)
    assert build("bisenet", **settings).eval()(image).shape == (1, 3, 64, 64)


# Attention gates


def test_attention_gate_by_hand():
    """One channel each, every number computed on paper."""
    gate = AttentionGate(skip=1, gating=1, inner=1)
    with torch.no_grad():
        gate.theta.weight.copy_(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
        gate.phi.weight.fill_(0.5)
        gate.phi.bias.fill_(-1.0)
        gate.psi.weight.fill_(2.0)
        gate.psi.bias.fill_(-3.0)
    skip = torch.tensor([[[[1.0, 0.0], [0.0, 0.5]]]])
    # theta = 1 * 1 + 4 * 0.5 = 3; phi = 0.5 * 1 - 1 = -0.5; relu(2.5) = 2.5; psi = 5 - 3 = 2; sigmoid(2) = 0.8808
    assert torch.allclose(gate(skip, torch.tensor([[[[1.0]]]])), skip * 0.880797, atol=1e-6)
    # phi = 0.5 * -8 - 1 = -5; relu(-2) = 0; psi = -3; sigmoid(-3) = 0.0474
    assert torch.allclose(gate(skip, torch.tensor([[[[-8.0]]]])), skip * 0.0474259, atol=1e-6)


def test_attention_gate_against_loops_over_pixels():
    torch.manual_seed(0)
    gate = AttentionGate(skip=3, gating=4, inner=2)
    skip, gating = torch.randn(2, 3, 4, 6), torch.randn(2, 4, 2, 3)
    coarse = torch.empty(2, 1, 2, 3)
    with torch.no_grad():
        for b, i, j in torch.cartesian_prod(torch.arange(2), torch.arange(2), torch.arange(3)).tolist():
            q = gate.psi.bias.item()
            for k in range(2):
                window = skip[b, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                inner = (gate.theta.weight[k] * window).sum() + gate.phi.bias[k]
                inner = inner + (gate.phi.weight[k, :, 0, 0] * gating[b, :, i, j]).sum()
                q += gate.psi.weight[0, k, 0, 0].item() * max(inner.item(), 0.0)
            coarse[b, 0, i, j] = 1 / (1 + torch.tensor(-q).exp())
        fine = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)(coarse)
        assert torch.allclose(gate(skip, gating), skip * fine, atol=1e-5)


def test_the_finest_skip_has_no_gate():
    network = build("attention_unet")
    assert [isinstance(gate, AttentionGate) for gate in network.gates] == [True, True, True, False, False]
    with torch.inference_mode():
        features = network.eval().encoder(torch.rand(1, 3, 64, 64))
        alpha = network.gates[0].coefficients(features[-2], features[-1])
    assert alpha.shape == (1, 1, 4, 4)


MEMBRANES = Path(__file__).parents[3] / "shared" / "data" / "em_membrane" / "images"


def real_images():
    """Standardized slices of electron microscopy, (2, 3, 64, 64), where they lie here, else drawn images."""
    images = [cv2.imread(str(path))[:64, :64] for path in sorted(MEMBRANES.glob("*.png"))[:2]]
    images = images or [draw_one(Demo(size=(64, 64)), "train", number).image for number in range(2)]
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255
    return (pixels - pixels.mean()) / pixels.std()


@pytest.mark.parametrize(
    ("scheme", "seeds"), [("default", 5), ("kaiming", 5), ("xavier", 1), ("normal", 1), ("orthogonal", 1)]
)
@pytest.mark.parametrize("arch", ["attention_unet", "attention_resunet"])
def test_gates_start_open_at_each_place(arch, scheme, seeds, monkeypatch):
    """In training mode, by each seed, whatever scheme draws the weights; and they learn from the first step."""
    seen = []
    monkeypatch.setattr(AttentionGate, "coefficients", recorded(AttentionGate.coefficients, seen))
    for seed in range(seeds):
        network = build(arch, 1, seed, init={"scheme": scheme}).train()
        network(real_images()).square().mean().backward()
        assert len(seen) == 3 * (seed + 1)
        for gate in list(network.gates)[:3]:
            assert all(part.grad.abs().max() > 0 for part in gate.parameters())
    assert min(alpha.min().item() for alpha in seen) > 0.93
    assert max(alpha.max().item() for alpha in seen) < 0.97


def recorded(method, seen):
    """A method that also keeps what it returns."""

    def call(*arguments):
        seen.append(method(*arguments))
        return seen[-1]

    return call


def test_residual_block_adds_the_projection():
    block = ResidualBlock(2, 1, 3).eval()
    nn.init.zeros_(block.residual[3].weight)
    below, skip = torch.randn(1, 2, 2, 2), torch.randn(1, 1, 4, 4)
    joined = torch.cat([below.repeat_interleave(2, 2).repeat_interleave(2, 3), skip], dim=1)
    assert torch.allclose(block(below, 4, 4, skip), torch.relu(block.project(joined)))


# Plain encoders


@pytest.mark.parametrize(("plain", "resnet"), [("plain18", "resnet18"), ("plain34", "resnet34")])
def test_a_plain_encoder_is_a_resnet_without_shortcuts(plain, resnet):
    """Same layers and maps; the projections of the shortcuts, of three stages, are all that lacks."""
    ours, other = build("unet", encoder=plain), build("unet", encoder=resnet)
    names = {name for name, _ in other.named_parameters()}
    lacking = names - {name for name, _ in ours.named_parameters()}
    assert len(lacking) == 9  # a convolution, and scale and offset of its norm, three times
    assert all(".downsample." in name for name in lacking)
    missing = ours.load_state_dict(other.state_dict(), strict=False).missing_keys
    assert not missing
    # With its last norms at zero a residual block is its shortcut, a plain one nothing.
    for network in (ours, other):
        for block in network.encoder.layer1:
            nn.init.zeros_(block.bn2.weight)
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        stem, residual = other.eval().encoder(images)[1:3]
        assert torch.allclose(residual, other.encoder.maxpool(stem))
        assert not ours.eval().encoder(images)[2].any()


def test_the_networks_of_unet_grid_are_of_like_size():
    sizes = [
        parameters(build(arch, 1, encoder=encoder))
        for arch, encoder in [("unet", "plain34"), ("attention_unet", "plain34"), ("attention_resunet", "resnet34")]
    ]
    assert sizes == [24_262_545, 24_521_044, 24_958_516]


# BiSeNet


def test_bisenet_has_auxiliary_heads_in_training_only(bisenet):
    image = torch.rand(2, 3, 64, 96)
    outputs = bisenet.train()(image)
    assert outputs["main"].shape == (2, 19, 64, 96)
    assert [one.shape for one in outputs["aux"]] == [(2, 19, 64, 96)] * 2
    with torch.inference_mode():
        assert bisenet.eval()(image).shape == (2, 19, 64, 96)
        assert bisenet(torch.rand(1, 3, 45, 60)).shape == (1, 19, 45, 60)


def test_bisenet_works_at_the_papers_scales(bisenet):
    with torch.inference_mode():
        image = torch.rand(1, 3, 64, 96)
        assert bisenet.spatial(image).shape == (1, 128, 8, 12)
        coarse, fine = bisenet.eval().context(image, (8, 12))
        assert coarse.shape == (1, 128, 4, 6)
        assert fine.shape == (1, 128, 8, 12)
        assert bisenet.fusion(bisenet.spatial(image), fine).shape == (1, 256, 8, 12)


def test_bisenets_parameters_are_what_its_docstring_says(bisenet):
    """Counted by hand: convolutions without biases, two numbers a channel for batch norm."""

    def conv(inputs, outputs, size):
        return inputs * outputs * size * size + 2 * outputs

    spatial = conv(3, 64, 7) + 2 * conv(64, 64, 3) + conv(64, 128, 1)
    arms = sum(conv(n, 128, 3) + conv(128, 128, 1) for n in (256, 512))
    context = 11_176_512 + arms + conv(512, 128, 1) + 2 * conv(128, 128, 3)
    fusion = conv(256, 256, 1) + 2 * 256 * 256
    main = conv(256, 64, 3) + 64 * 19 + 19
    aux = 2 * (conv(128, 128, 3) + 128 * 19 + 19)
    assert parameters(bisenet) == spatial + context + fusion + main + aux == 13_194_489
    assert parameters(bisenet.aux) == aux == 300_326
    for number in ("13,194,489", "11,176,512", "300,326", "12,894,163"):
        assert number in type(bisenet).__doc__
    assert round((parameters(bisenet) - aux) * 4 / 2**20, 1) == 49.2


# Messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "resnet81"}, r"'resnet81' is not an encoder.*did you mean.*resnet18"),
        ({"encoder": "tu-convnext_atom"}, r"did you mean.*tu-convnext_atto"),
        ({"encoder": "convnext_tiny"}, r"is timm's; write tu-convnext_tiny"),
        ({"encoder_weights": "imagenet21k"}, r"resnet18 has no weights 'imagenet21k'; there are imagenet, ssl, swsl"),
        ({"encoder_weights": "nowhere/weights.pt"}, r"there is no file nowhere/weights\.pt"),
        ({"options": {"decoder_chanels": [1]}}, r"no option 'decoder_chanels'; did you mean decoder_channels"),
        ({"options": {"decoder_channels": [8, 8]}}, r"unet cannot be built.*decoder_channels.*other options"),
        (
            {"arch": "dpt", "encoder": "tu-resnet18", "options": {"x": 1}},
            r"dpt cannot be built.*tu-resnet18.*; choose a vision .* tu-vit_tiny.*, or other options",
        ),
        ({"arch": "bisenet", "options": {"width": 2}}, r"bisenet has no option 'width'.*none"),
        ({"arch": "attention_unet", "options": {"decoder_channels": [8]}}, r"decoder_channels: \[8\].*must be 5"),
    ],
)
def test_messages_name_what_was_found_and_what_helps(settings, message):
    with pytest.raises(InputError, match=message):
        models.build(Train.model_validate({"model": settings}).model, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arch": "dpt"}, r"dpt cannot be built with the encoder resnet18; choose .* tu-vit_tiny"),
        ({"encoder": "plain18", "encoder_weights": "imagenet"}, r"plain18 has no weights `imagenet`. Set .* null"),
    ],
)
def test_encoders_that_cannot_be_had_are_refused_by_the_settings(settings, message):
    with pytest.raises(InputError, match=message):
        parse(Train, {"model": settings}, lambda keys: "study.yaml")


def test_the_plain_encoders_are_those_that_the_settings_know():
    assert set(PLAIN_ENCODERS) == set(plain_encoders.RESNETS)


def test_weights_that_cannot_be_downloaded_say_what_and_how(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("segmentation_models_pytorch.encoders.hf_hub_download", offline)
    for arch in ("unet", "bisenet"):
        with pytest.raises(InputError) as caught:
            build(arch, encoder_weights="imagenet")
        message = str(caught.value)
        for part in ("no route to host", "smp-hub/resnet18.imagenet", "cache folder", "path of a file", "null"):
            assert part in message


@pytest.mark.parametrize("weights", ["imagenet21k", "weights", "weights.pt", "nowhere/weights", "./w.bin"])
def test_addresses_and_networks_agree_on_what_is_a_file_of_weights(weights):
    with pytest.raises(InputError, match=r"there is no file|has no weights") as caught:
        encoders.encoder(SmpSettings(encoder_weights=weights), 3)
    assert ("there is no file" in str(caught.value)) == (weights_file(weights) is not None)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_encoder_weights_from_a_file(tmp_path, suffix, prefix):
    torch.manual_seed(5)
    state = encoders.encoder(SmpSettings(), 3).state_dict()
    file = tmp_path / f"weights{suffix}"
    renamed = {prefix + name: value.contiguous() for name, value in state.items()}
    if suffix == ".pt":
        torch.save({"model": renamed, "epoch": 3}, file)
    else:
        from safetensors.torch import save_file

        save_file(renamed, file)
    for arch in ("fpn", "bisenet"):
        network = build(arch, encoder_weights=str(file), seed=6)
        loaded = dict(network.named_parameters())
        name = next(n for n in loaded if n.endswith("encoder.layer4.1.conv2.weight"))
        assert torch.equal(loaded[name], state["layer4.1.conv2.weight"])


def test_a_file_that_does_not_fit_says_so(tmp_path):
    file = tmp_path / "weights.pt"
    torch.save({"conv1.weight": torch.zeros(1)}, file)
    with pytest.raises(InputError, match=r"weights\.pt does not fit the encoder resnet18.*Missing key"):
        build("unet", encoder_weights=str(file))
    file.write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"weights\.pt cannot be read as weights"):
        build("unet", encoder_weights=str(file))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2], "holds list, no weights by name"),
        (torch.zeros(3), "holds Tensor, no weights by name"),
        ({"state_dict": {1: torch.zeros(1)}}, "holds dict, no weights by name"),
        ({"encoder.conv1.weight": 3}, "holds int under 'conv1.weight'"),
        ({"conv1.weight": torch.tensor([float("nan")])}, "holds values that are not finite under 'conv1.weight'"),
        (Path("elsewhere"), "holds other objects than tensors"),
    ],
)
def test_a_file_that_holds_something_else_says_so(tmp_path, content, found):
    file = tmp_path / "weights.pt"
    torch.save(content, file)
    with pytest.raises(InputError, match=found):
        build("unet", encoder_weights=str(file))
