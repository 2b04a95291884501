"""Steps of fused optimizers over weights in `channels_last`: the same bits and states, without copies of gradients."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from segsweep.training import loop
from segsweep.training.fused_steps import FUSED, InOrderOfMemory
from tests.fakes import segment_plan
from tests.unit.test_training_loop import train

STEPS = 3
OPTIMIZERS = {
    "adam": (torch.optim.Adam, {"weight_decay": 0.1}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.1}),
    "amsgrad": (torch.optim.Adam, {"amsgrad": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 5, 3, groups=5), nn.Conv2d(5, 2, 1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(2 * 4 * 4, 2)).to(memory_format=torch.channels_last)


def stepped(name: str, within) -> tuple[nn.Module, torch.optim.Optimizer, int]:
    """A network after some steps, its optimizer, and how many gradients the kernels copied."""
    model, (cls, options), copies = network(), OPTIMIZERS[name], 0
    optimizer = cls(model.parameters(), lr=0.01, fused=True, **options)
    images = torch.randn(STEPS, 2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for batch in images:
        optimizer.zero_grad()
        model(batch.to(memory_format=torch.channels_last)).square().mean().backward()
        with profile(activities=[ProfilerActivity.CPU]) as seen, within:
            optimizer.step()
        copies += sum(event.count for event in seen.key_averages() if event.key == "aten::clone")
    return model, optimizer, copies


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_same_bits_in_the_same_order_without_copies(name):
    plain, of_plain, copied = stepped(name, nullcontext())
    model, optimizer, copies = stepped(name, InOrderOfMemory())
    # Once torch copies nothing by itself, this class has no use any more.
    assert (copied, copies) == (STEPS, 0)
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)
        state, of_other = optimizer.state.get(one, {}), of_plain.state.get(other, {})
        assert state.keys() == of_other.keys()
        for key, value in state.items():
            assert torch.equal(value, of_other[key])
            assert (value.shape, value.stride()) == (of_other[key].shape, of_other[key].stride())


def test_all_fused_kernels_are_known():
    names = {name for name in dir(torch) if name.startswith("_fused_ad") or name.startswith("_fused_sgd")}
    assert {getattr(torch, name) for name in names if name.endswith("_")} == FUSED


def test_trainings_make_their_steps_so(tmp_path, monkeypatch):
    within = []

    class Seen(InOrderOfMemory):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            within.extend([func] if func in FUSED else [])
            return super().__torch_function__(func, types, args, kwargs)

    monkeypatch.setattr(loop, "InOrderOfMemory", Seen)
    train(segment_plan({"channels_last": True}, last=1), tmp_path)
    assert set(within) == {torch._fused_adam_}
