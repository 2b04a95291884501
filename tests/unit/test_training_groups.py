"""Parameter groups, frozen encoders and clipping: by hand, and to the bit after an interruption."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from segsweep import registry
from segsweep.config.components import Freeze
from segsweep.config.contradictions import contradictions
from segsweep.config.train import Clip, Train
from segsweep.errors import InputError
from segsweep.models.parts import encoders, part_of
from segsweep.optimizers import build_optimizer
from segsweep.store.checkpoints import read_state
from segsweep.training.clipping import clip_gradients
from segsweep.training.freezing import is_frozen
from tests.fakes import EncoderTask, WithEncoder, segment_plan
from tests.networks import build
from tests.unit.test_training_loop import after, content, files, same, train

STEPS = 3  # of an epoch of the tests' data: ten images in batches of four


def optimizer_of(settings: dict, model: nn.Module, criterion: nn.Module | None = None) -> torch.optim.Optimizer:
    return build_optimizer(Train.model_validate({"optimizer": settings}).optimizer, model, criterion or nn.Identity())


def names_in(group: dict, model: nn.Module) -> list[str]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(parameter)] for parameter in group["params"]]


@contextmanager
def watched(what):
    """What is seen of the optimizer before each of its steps, as a list that grows."""
    seen = []
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: seen.append(what(optimizer)))
    yield seen
    hook.remove()


# Groups


def test_by_default_there_is_one_group_and_the_criterions_own():
    model, criterion = WithEncoder(), nn.Linear(1, 1)
    optimizer = optimizer_of({"weight_decay": 0.1}, model, criterion)
    assert [names_in(optimizer.param_groups[0], model)] == [[name for name, _ in model.named_parameters()]]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert not {"part", "lr_factor"} & set().union(*optimizer.param_groups)


def test_one_step_by_hand():
    """w - lr * factor * (gradient + decay * w), decay of convolutions' weights only."""
    model = WithEncoder()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    settings = {"name": "sgd", "momentum": 0.0, "lr": 0.5, "weight_decay": 0.2, "weight_decay_on": "weights"}
    optimizer = optimizer_of(settings | {"lr_factor": {"encoder": 0.1}}, model)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.3)
    optimizer.step()
    rates = {"encoder.0.weight": 0.05, "encoder.0.bias": 0.05, "encoder.1.weight": 0.05, "encoder.1.bias": 0.05,
             "last.weight": 0.5, "last.bias": 0.5}  # fmt: skip
    decays = {"encoder.0.weight": 0.2, "last.weight": 0.2}
    for name, parameter in model.named_parameters():
        wanted = before[name] - rates[name] * (0.3 + decays.get(name, 0.0) * before[name])
        assert torch.allclose(parameter, wanted, atol=1e-7), name


def test_the_criterions_own_parameters_never_decay_and_have_the_full_rate():
    optimizer = optimizer_of(
        {"weight_decay": 0.1, "lr_factor": {"encoder": 0.1, "decoder": 10.0}}, WithEncoder(), nn.Linear(1, 1)
    )
    assert [group.get("lr_factor", 1.0) for group in optimizer.param_groups] == [0.1, 10.0, 1.0]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1, 0.0]


def test_rates_follow_schedule_and_warm_up(tmp_path):
    scheduler = {"name": "poly", "power": 1.0, "warmup": {"iterations": 2, "lr": 0.2}}
    optimizer = {"name": "sgd", "lr": 1.0, "lr_factor": {"encoder": 0.1}}
    plan = segment_plan({"optimizer": optimizer, "scheduler": scheduler}, last=2)
    with watched(lambda optimizer: [group["lr"] for group in optimizer.param_groups]) as seen:
        train(plan, tmp_path, EncoderTask())
    # Warm-up from 0.2 to 1 in two steps, then linearly to 0 over the other four of six.
    base = [0.2, 0.6, 1.0, 0.75, 0.5, 0.25]
    assert np.allclose(seen, [[0.1 * lr, lr, lr] for lr in base])  # encoder, decoder, criterion
    assert [row["lr"] for row in read_state(tmp_path / plan.id / "last.pt")["rows"]] == [1.0, 0.25]


@pytest.mark.parametrize("arch", registry.classes("model"))
def test_what_a_model_says_of_its_encoder_is_so(arch):
    network = build(arch)
    inside = {id(parameter) for encoder in encoders(network) for parameter in encoder.parameters()}
    named = {id(parameter) for name, parameter in network.named_parameters() if part_of(name) == "encoder"}
    assert inside == named
    assert bool(inside) == registry.classes("model")[arch].has_encoder
    assert len(inside) < len(list(network.parameters()))


def test_a_network_without_an_encoder_is_refused():
    with pytest.raises(InputError, match="no parameter of Linear lies under an attribute named `encoder`"):
        optimizer_of({"freeze": "encoder"}, nn.Linear(1, 1))


# Frozen encoders


def test_freeze_has_a_short_form():
    short = Train.model_validate({"optimizer": {"freeze": "encoder"}}).optimizer.freeze
    assert short == Freeze(part="encoder", until_epoch=None)
    assert [is_frozen(Freeze(until_epoch=2), epoch) for epoch in (1, 2, 3)] == [True, True, False]
    assert is_frozen(short, 1000)


def encoder_of(folder) -> dict:
    weights = read_state(folder / "last.pt")["model"]
    return {name: value for name, value in weights.items() if part_of(name) == "encoder"}


def test_a_frozen_encoder_stays_and_then_trains(tmp_path):
    optimizer = {"name": "adamw", "lr": 0.01, "weight_decay": 0.5, "freeze": {"part": "encoder", "until_epoch": 2}}
    parent, states, at = None, {}, {}
    for last in (1, 2, 3):
        plan = segment_plan({"optimizer": optimizer}, last=last, total=3, parent=parent)
        train(plan, tmp_path, EncoderTask())
        states[last] = read_state(tmp_path / plan.id / "last.pt")["optimizer"]["state"]
        at[last], parent = encoder_of(tmp_path / plan.id), plan.id
    assert same(at[1], at[2])
    assert torch.equal(at[1]["encoder.1.running_mean"], torch.zeros(8))  # as built
    assert not any(torch.equal(at[2][name], at[3][name]) for name in at[2])
    # The encoder's four parameters come first. Without a gradient they have no state; then they count from 1.
    assert [set(states[last]) >= {0, 1, 2, 3} for last in (1, 2, 3)] == [False, False, True]
    assert float(states[3][0]["step"]) == STEPS
    assert float(states[3][4]["step"]) == 3 * STEPS


def test_a_frozen_encoder_computes_as_in_evaluation(tmp_path):
    """No dropout, and norms by their statistics: what the decoder sees does not depend on the other images."""
    modes = []

    class Spied(WithEncoder):
        def forward(self, image):
            modes.append((self.training, self.encoder.training, self.last.training))
            return super().forward(image)

    task = EncoderTask()
    task.model = Spied
    train(segment_plan({"optimizer": {"freeze": {"until_epoch": 1}}}, last=2), tmp_path, task)
    assert list(dict.fromkeys(modes)) == [
        (True, False, True),
        (False, False, False),
        (True, True, True),
    ]


FREEZE = {"weight_decay": 0.1, "freeze": {"part": "encoder", "until_epoch": 1}, "lr_factor": {"encoder": 0.1}}


EVERYTHING = {"precision": "fp16", "ema": {"decay": 0.9}, "clip": {"norm": 0.5, "per": "parameter"}}


@pytest.mark.parametrize(
    ("name", "more"), [("adam", {}), ("torch.Adagrad", {}), ("timm.lamb", {}), ("sgd", EVERYTHING)]
)
def test_interrupted_while_frozen_and_after_is_the_same_to_the_bit(tmp_path, name, more):
    settings = {"optimizer": FREEZE | {"name": name, "weight_decay_on": "weights"}} | more
    whole = segment_plan(settings, last=3)
    train(whole, tmp_path / "whole", EncoderTask())
    for calls in range(3 * (STEPS + 2)):  # training and validation batches of three epochs
        store = tmp_path / f"at{calls}"
        assert train(whole, store, EncoderTask(), should_stop=after(calls))["status"] == "interrupted"
        assert train(whole, store, EncoderTask())["status"] == "finished"
        assert same(content(store / whole.id), content(tmp_path / "whole" / whole.id))
        assert same(*(files(root / whole.id) for root in (store, tmp_path / "whole")))


def test_segments_that_end_while_frozen_or_after_are_the_same_to_the_bit(tmp_path):
    whole = segment_plan({"optimizer": FREEZE}, last=4)
    train(whole, tmp_path, EncoderTask())
    wanted, parent = content(tmp_path / whole.id), None
    for last in (1, 2, 4):
        part = segment_plan({"optimizer": FREEZE}, last=last, total=4, parent=parent, seed=1)
        train(part, tmp_path / "cut", EncoderTask())
        parent = part.id
    found = content(tmp_path / "cut" / parent)
    assert all(same(found[name], wanted[name]) for name in ("model", "optimizer", "criterion"))


@pytest.mark.parametrize("loss", ["cross_entropy", "dice"])
def test_a_frozen_encoder_with_accumulated_batches(tmp_path, loss):
    task = EncoderTask(loss=loss)
    plan = segment_plan({"optimizer": {"lr": 0.01, "freeze": "encoder"}, "accumulate": 2}, last=2)
    train(plan, tmp_path, task)
    assert torch.equal(encoder_of(tmp_path / plan.id)["encoder.1.weight"], torch.ones(8))
    assert torch.equal(encoder_of(tmp_path / plan.id)["encoder.1.running_var"], torch.ones(8))


def test_lamb_counts_the_steps_of_a_thawed_group_from_one(tmp_path):
    plan = segment_plan({"optimizer": FREEZE | {"name": "timm.lamb"}}, last=3)
    train(plan, tmp_path, EncoderTask())
    groups = read_state(tmp_path / plan.id / "last.pt")["optimizer"]["param_groups"]
    assert [(group.get("part"), group["step"]) for group in groups] == [
        ("encoder", 2 * STEPS), ("decoder", 3 * STEPS), (None, 3 * STEPS),
    ]  # fmt: skip


# What excludes what


def sections(settings: dict) -> dict:
    checked = Train.model_validate(settings)
    return {name: getattr(checked, name) for name in Train.model_fields}


def test_settings_that_exclude_each_other():
    assert contradictions(sections({"optimizer": {"freeze": "encoder"}, "clip_norm": 1.0})) == []
    both = contradictions(sections({"clip": {"value": 1.0}, "clip_norm": 1.0}))
    assert [(keys, problem.partition(".")[0]) for keys, problem in both] == [
        (("clip",), "clip and clip_norm are both set")
    ]
    gradnorm = {"loss": {"task_weights": "gradnorm"}, "optimizer": {"freeze": {"until_epoch": 1}}}
    ((keys, problem),) = contradictions(sections(gradnorm))
    assert keys == ("optimizer", "freeze")
    assert "gradnorm compares the tasks' gradients in the encoder" in problem


@pytest.mark.parametrize("setting", [{"freeze": "encoder"}, {"lr_factor": {"decoder": 10}}])
def test_a_model_without_an_encoder_has_none_to_treat_apart(setting):
    class Plain(registry.classes("model")["bisenet"]):
        has_encoder = False

    values = sections({"optimizer": setting}) | {"model": Plain()}
    ((keys, problem),) = contradictions(values)
    assert keys == ("optimizer", *setting)
    assert "model.arch bisenet has none" in problem


# Clipping


def parameters_with_gradients(seed: int = 0) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for shape, size in (((4, 3, 3, 3), 1.0), ((4,), 0.01), ((7, 5), 20.0)):
        parameter = nn.Parameter(torch.zeros(shape))
        parameter.grad = size * torch.randn(shape, generator=generator)
        found.append(parameter)
    return [*found, nn.Parameter(torch.zeros(2))]  # the last one has no gradient


@pytest.mark.parametrize("seed", range(3))
def test_clip_by_parameter_is_keras_clipnorm(seed):
    """Keras: `ops.where(norm > clipnorm, grad * clipnorm / norm, grad)` for each variable."""
    parameters = parameters_with_gradients(seed)
    wanted = []
    for gradient in (p.grad.numpy().astype(np.float64) for p in parameters[:-1]):
        norm = np.sqrt((gradient**2).sum())
        wanted.append(np.where(norm > 1.0, gradient * 1.0 / norm, gradient))
    small = parameters[1].grad.clone()
    clip_gradients(parameters, Clip(norm=1.0, per="parameter"))
    for parameter, one in zip(parameters, wanted, strict=False):
        assert np.allclose(parameter.grad.numpy(), one, rtol=1e-6)
    assert torch.equal(parameters[1].grad, small)
    assert parameters[-1].grad is None


def test_clip_over_all_scales_by_the_norm_over_all():
    parameters = parameters_with_gradients()
    before = [parameter.grad.numpy().astype(np.float64) for parameter in parameters[:-1]]
    norm = np.sqrt(sum((one**2).sum() for one in before))
    clip_gradients(parameters, Clip(norm=2.0))
    assert norm > 2.0
    for parameter, one in zip(parameters, before, strict=False):
        assert np.allclose(parameter.grad.numpy(), one * 2.0 / norm, rtol=1e-6)


def test_clip_by_value_cuts_each_element():
    parameters = parameters_with_gradients()
    before = [parameter.grad.numpy().copy() for parameter in parameters[:-1]]
    clip_gradients(parameters, Clip(value=0.5))
    for parameter, one in zip(parameters, before, strict=False):
        assert np.array_equal(parameter.grad.numpy(), np.clip(one, -0.5, 0.5))


def test_an_infinite_gradient_is_not_made_finite():
    """A diverged training shall end as one: infinity times zero is no number."""
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([torch.inf, 1.0])
    clip_gradients([parameter], Clip(norm=1.0, per="parameter"))
    assert parameter.grad[0].isnan()


def test_clip_norm_is_short_for_clip(tmp_path):
    for number, settings in enumerate(({"clip_norm": 0.1}, {"clip": {"norm": 0.1}}, {})):
        plan = segment_plan({"optimizer": {"name": "sgd", "lr": 1.0}} | settings, last=2, seed=1)
        train(plan, tmp_path / str(number))
    short, long, without = (content(tmp_path / str(number) / plan.id)["model"] for number in range(3))
    assert same(short, long)
    assert not same(short, without)


@pytest.mark.parametrize("clip", [{}, {"norm": 1.0, "value": 1.0}, {"value": 1.0, "per": "parameter"}, {"norm": 0.0}])
def test_clip_needs_one_bound(clip):
    with pytest.raises(ValueError, match=r"clip has either norm or value|per speaks of a norm|greater than 0"):
        Train.model_validate({"clip": clip})
