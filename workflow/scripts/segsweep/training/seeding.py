"""Every draw depends on (seed, epoch) alone, so that a resumed epoch draws what an uninterrupted one draws."""

import hashlib
import random
from typing import Any

import numpy as np
import torch

WEIGHTS = 0  # the "epoch" in which weights are drawn


def reseed(seed: int, epoch: int) -> None:
    """Seed torch's (all devices), numpy's and python's global generators from (seed, epoch)."""
    number = int.from_bytes(hashlib.sha256(f"{seed}:{epoch}".encode()).digest()[:8], "big")
    torch.manual_seed(number >> 1)  # also seeds all GPUs, now or at their initialisation
    np.random.seed(number % 2**32)
    random.seed(number)


def set_determinism(deterministic: bool) -> None:
    """Ask torch for deterministic algorithms (warning where an operation has none), or for the fastest."""
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    # Filling fresh tensors with NaN detects reads of uninitialised memory; it costs time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic


def generator_states(device: torch.device) -> list[torch.Tensor]:
    """States of the generators that a forward pass draws from (dropout)."""
    return [torch.get_rng_state()] + ([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])


def set_generator_states(states: list[torch.Tensor], device: torch.device) -> None:
    """Go back to what `generator_states` gave."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def all_generator_states(device: torch.device) -> dict[str, Any]:
    """States of all global generators, as a checkpoint can hold them."""
    name, keys, *rest = np.random.get_state()
    return {
        "torch": generator_states(device),
        "numpy": [name, keys.tolist(), *rest],
        "python": random.getstate(),
    }


def set_all_generator_states(states: dict[str, Any], device: torch.device) -> None:
    """Go back to what `all_generator_states` gave."""
    set_generator_states([state.cpu() for state in states["torch"]], device)
    np.random.set_state(tuple(states["numpy"]))
    random.setstate(states["python"])
