"""Networks changed after they are built: weights drawn, activations, norms, dropout."""

import pytest
import torch
from torch import nn

from segsweep.errors import InputError
from segsweep.models import initialization
from segsweep.models.surgery import SafeBatchNorm2d
from tests.networks import build, parameters

# Initialisation


@pytest.mark.parametrize("scheme", ["xavier", "kaiming", "normal", "orthogonal"])
def test_a_schemes_weights_have_its_statistics(scheme):
    plain = build("unet")
    network = build("unet", init={"scheme": scheme})
    weight = network.decoder.blocks[0].conv1[0].weight  # (256, 768, 3, 3)
    fan_in, fan_out = 768 * 9, 256 * 9
    match scheme:
        case "xavier":
            assert weight.std().item() == pytest.approx((2 / (fan_in + fan_out)) ** 0.5, rel=0.02)
            assert weight.abs().max() <= (6 / (fan_in + fan_out)) ** 0.5
        case "kaiming":
            assert weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)
        case "normal":
            assert weight.std().item() == pytest.approx(initialization.STD, rel=0.02)
        case "orthogonal":
            rows = weight.flatten(1)
            assert torch.allclose(rows @ rows.T, torch.eye(256), atol=1e-4)
    assert torch.equal(network.encoder.conv1.weight, plain.encoder.conv1.weight)
    assert all(
        torch.equal(value, plain.get_parameter(name))
        for name, value in network.named_parameters()
        if name.endswith("bias")
    )


def test_the_encoder_is_drawn_if_asked_for():
    network = build("unet", init={"scheme": "normal", "encoder": True})
    assert network.encoder.layer4[1].conv2.weight.std().item() == pytest.approx(initialization.STD, rel=0.02)


def test_kaimings_gain_follows_the_activation():
    network = build("unet", init={"scheme": "kaiming"}, activation="leaky_relu")
    weight = network.decoder.blocks[0].conv1[0].weight
    assert weight.std().item() == pytest.approx((2 / (1 + 0.01**2) / (768 * 9)) ** 0.5, rel=0.02)


def test_drawing_over_pretrained_weights_is_refused():
    with pytest.raises(InputError, match=r"init.*encoder: true.*xavier.*imagenet.*encoder_weights: null"):
        build("unet", encoder_weights="imagenet", init={"scheme": "xavier", "encoder": True})


# Surgery


@pytest.mark.parametrize(
    ("activation", "layer"),
    [("leaky_relu", nn.LeakyReLU), ("gelu", nn.GELU), ("elu", nn.ELU), ("silu", nn.SiLU)],
)
def test_no_old_activation_is_left(activation, layer):
    plain, network = build("attention_resunet"), build("attention_resunet", activation=activation)

    def count(module, kind):
        return sum(isinstance(m, kind) for _, m in module.named_modules(remove_duplicate=False))

    assert count(network, nn.ReLU) == 0
    assert count(network, layer) == count(plain, nn.ReLU) > 20
    network(torch.rand(1, 3, 64, 64)).mean().backward()


def test_other_kinds_of_rectifiers_are_replaced_and_gates_stay():
    network = build("deeplabv3plus", encoder="mobilenet_v2", activation="gelu")
    kinds = {type(m).__name__ for m in network.modules()}
    assert "GELU" in kinds
    assert not kinds & {"ReLU", "ReLU6"}
    swish = build("unet", encoder="efficientnet-b0", activation="relu")
    kinds = {type(m).__name__ for m in swish.modules()}
    assert not kinds & {"SiLU", "Swish", "MemoryEfficientSwish"}
    assert "Sigmoid" in {type(m).__name__ for m in build("bisenet", activation="gelu").modules()}


def test_an_activation_that_is_no_layer_cannot_be_replaced():
    with pytest.raises(InputError, match=r"model\.activation: gelu.*mobileone_s0.*another encoder"):
        build("unet", encoder="mobileone_s0", activation="gelu")


@pytest.mark.parametrize("arch", ["unet", "pspnet", "attention_resunet", "bisenet"])
def test_group_norm_replaces_every_batch_norm(arch):
    plain, network = build(arch, norm="batch"), build(arch, norm="group")
    batch = [m for m in plain.modules() if isinstance(m, nn.BatchNorm2d)]
    group = [m for m in network.modules() if isinstance(m, nn.GroupNorm)]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert [m.num_features for m in batch] == [m.num_channels for m in group]
    assert all(m.num_channels // m.num_groups >= 4 for m in group)
    assert parameters(plain) == parameters(network)
    outputs = network(torch.rand(1, 3, 64, 64))
    assert (outputs["main"] if arch == "bisenet" else outputs).isfinite().all()


def test_timms_norms_with_activation_become_groups_with_activation():
    network = build("unet", encoder="tu-mobilenetv3_small_050", norm="group", activation="relu")
    kinds = {type(m).__name__ for m in network.modules()}
    assert not any("BatchNorm" in kind for kind in kinds)
    assert network.eval()(torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)


def test_safe_batch_norm_is_batch_norm_where_there_is_a_variance():
    safe, plain = SafeBatchNorm2d(3), nn.BatchNorm2d(3)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(safe(x), plain(x))
    one = torch.randn(1, 3, 1, 1)
    expected = (one - safe.running_mean.view(1, 3, 1, 1)) / (safe.running_var.view(1, 3, 1, 1) + safe.eps).sqrt()
    assert torch.allclose(safe(one), expected)


@pytest.mark.parametrize(("arch", "heads"), [("unet", 1), ("fpn", 1), ("attention_unet", 1), ("bisenet", 3)])
def test_dropout_lies_right_before_the_last_convolution_of_each_head(arch, heads):
    network = build(arch, 5, dropout=0.3)
    pairs = [
        m
        for m in network.modules()
        if isinstance(m, nn.Sequential) and len(m) == 2 and isinstance(m[0], nn.Dropout2d) and m[0].p == 0.3
    ]
    assert len(pairs) == heads
    assert all(isinstance(m[1], nn.Conv2d) and m[1].out_channels == 5 for m in pairs)
    plain = build(arch, 5)
    assert parameters(plain) == parameters(network)
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(network.eval()(image), plain.eval()(image))
