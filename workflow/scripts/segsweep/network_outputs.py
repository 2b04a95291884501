"""Outputs of networks: a tensor, or dicts, lists and tuples of them."""

from collections.abc import Callable
from typing import Any

import torch


def main_logits(outputs: torch.Tensor | dict) -> torch.Tensor:
    """The logits (B, C, H, W) of the main head."""
    return outputs["main"] if isinstance(outputs, dict) else outputs


def map_tensors(function: Callable, *trees: Any) -> Any:
    """Apply a function to the tensors in the same positions of equally built outputs (in dicts, lists, tuples)."""
    first = trees[0]
    if torch.is_tensor(first):
        return function(*trees)
    if isinstance(first, dict):
        return {key: map_tensors(function, *(tree[key] for tree in trees)) for key in first}
    if isinstance(first, list | tuple):
        return type(first)([map_tensors(function, *items) for items in zip(*trees, strict=True)])
    return first


def tensors_of(tree: Any) -> list[torch.Tensor]:
    """The tensors of outputs, in a fixed order."""
    if torch.is_tensor(tree):
        return [tree]
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else ()
    return [tensor for child in children for tensor in tensors_of(child)]
