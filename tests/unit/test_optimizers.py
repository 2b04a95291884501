"""Optimizers of torch and timm by name: what their settings check, steps by hand, and resuming to the bit."""

import inspect

import pytest
import timm.optim
import torch
from torch import nn

from segsweep import registry
from segsweep.config.train import Train
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.optimizers import build_optimizer, torch_optim
from segsweep.training.seeding import WEIGHTS, reseed
from tests.fakes import EncoderTask, WithEncoder, segment_plan
from tests.unit.test_training_loop import content, same, train

LIBRARY = [name for name in registry.classes("optimizer") if "." in name and name not in torch_optim.REFUSED]


def optimizer_of(**settings) -> torch.optim.Optimizer:
    model = nn.Linear(2, 1, bias=False)
    return build_optimizer(Train.model_validate({"optimizer": settings}).optimizer, model, nn.Identity())


def problem(**settings) -> str:
    with pytest.raises(InputError) as error:
        parse(Train, {"optimizer": settings}, lambda keys: "study.yaml:1")
    return str(error.value)


@pytest.mark.parametrize("name", LIBRARY)
def test_each_trains_and_resumes_to_the_same_bits(tmp_path, name):
    """And an encoder that is frozen in the first epoch is as it was drawn, decay or not."""
    freeze = {"part": "encoder", "until_epoch": 1}
    optimizer = {"name": name, "lr": 0.01, "weight_decay": 0.1, "weight_decay_on": "weights", "freeze": freeze}
    whole = segment_plan({"optimizer": optimizer}, last=2)
    train(whole, tmp_path / "whole", EncoderTask())
    first = segment_plan({"optimizer": optimizer}, last=1, total=2)
    train(first, tmp_path / "cut", EncoderTask())
    train(segment_plan({"optimizer": optimizer}, last=2, parent=first.id), tmp_path / "cut", EncoderTask())
    one, other = (content(tmp_path / root / whole.id) for root in ("whole", "cut"))
    assert all(same(one[part], other[part]) for part in ("model", "criterion", "optimizer"))
    early = content(tmp_path / "cut" / first.id)["model"]
    reseed(whole.seed, WEIGHTS)
    drawn = WithEncoder().state_dict()
    assert {weight for weight in drawn if same(drawn[weight], early[weight])} == {
        weight for weight in drawn if weight.startswith("encoder.")
    }
    assert not same(one["model"]["encoder.0.weight"], early["encoder.0.weight"])


def test_every_class_of_torch_is_there_or_refused():
    found = {f"torch.{name}" for name, one in vars(torch.optim).items() if inspect.isclass(one)} - {"torch.Optimizer"}
    assert found == {name for name in registry.classes("optimizer") if name.startswith("torch.")}


def test_every_name_of_timm_is_timms():
    names = {name.removeprefix("timm.") for name in registry.classes("optimizer") if name.startswith("timm.")}
    assert names <= set(timm.optim.list_optimizers())


def first_step(**settings) -> torch.Tensor:
    """How far a weight of 1 goes in its first step, with gradients of 0.5 and -2."""
    optimizer = optimizer_of(**settings)
    (weight,) = optimizer.param_groups[0]["params"]
    with torch.no_grad():
        weight.fill_(1.0)
    weight.grad = torch.tensor([[0.5, -2.0]])
    optimizer.step()
    return weight.detach()[0] - 1


@pytest.mark.parametrize(
    ("settings", "moved"),
    [
        # g / (sqrt((1 - alpha) g^2) + eps): the sign of the gradient, over sqrt(0.25)
        ({"name": "torch.RMSprop", "options": {"alpha": 0.75}}, [-0.2, 0.2]),
        # g / sqrt(g^2)
        ({"name": "torch.Adagrad"}, [-0.1, 0.1]),
        # the sign of the gradient; decay apart from it: lr * decay * weight
        ({"name": "timm.lion", "weight_decay": 0.5}, [-0.15, 0.05]),
        # with Nesterov momentum 0.9, which timm sets by the name: g + 0.9 g; decay apart
        ({"name": "timm.sgdw", "weight_decay": 0.5}, [-0.1 * 1.9 * 0.5 - 0.05, 0.1 * 1.9 * 2 - 0.05]),
        ({"name": "timm.sgdw", "options": {"momentum": 0.0, "nesterov": False}}, [-0.05, 0.2]),
    ],
)
def test_a_first_step_by_hand(settings, moved):
    assert torch.allclose(first_step(lr=0.1, **settings), torch.tensor(moved), atol=1e-6)


def test_names_that_cannot_train_say_why():
    assert "torch.LBFGS cannot train a network here: it computes the loss several times" in problem(name="torch.LBFGS")
    assert "sparse gradients" in problem(name="torch.SparseAdam")
    assert "choose timm.muon" in problem(name="torch.Muon")
    for option in ("maximize", "differentiable"):
        assert f"{option}: a loss is minimized here" in problem(name="torch.Adam", options={option: True})
    assert "lr cannot be set here; use the keys of optimizer" in problem(name="timm.lamb", options={"lr": 1.0})


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("timm.lam", "timm.lamb"),
        ("torch.rmsprop", "torch.RMSprop"),
        ("rmsprop", "torch.RMSprop"),
        ("timm.adamw", "adamw"),
        ("SGD", "sgd"),
        ("torch.NAdan", "torch.NAdam"),
    ],
)
def test_the_nearest_name_is_suggested_without_regard_to_case(found, meant):
    assert f"Did you mean {meant!r}?" in problem(name=found)


def test_options_that_the_library_does_not_take():
    with pytest.raises(InputError, match=r"torch.RMSprop has no option 'alhpa'; did you mean alpha\? There are: alpha"):
        optimizer_of(name="torch.RMSprop", options={"alhpa": 0.9})
    with pytest.raises(InputError, match=r"torch.NAdam does not take the options .* Invalid beta parameter"):
        optimizer_of(name="torch.NAdam", options={"betas": [2.0, 0.9]})
