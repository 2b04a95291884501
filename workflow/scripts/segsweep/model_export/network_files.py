"""The files of one network in one folder: weights, TorchScript, ONNX, how to use and how to train it again.

TorchScript and ONNX are compared with the trained network.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import yaml

from segsweep.inference.trained_model import TrainedModel
from segsweep.io import write_json, write_text
from segsweep.model_export.agreement import Agreement, Network, compare, sizes_to_try
from segsweep.model_export.inference_settings import FILE, inference_settings
from segsweep.model_export.network_weights import write_weights
from segsweep.model_export.onnx_file import OnnxNetwork, write_onnx
from segsweep.model_export.paths_for_others import drop_source_lines, for_others
from segsweep.model_export.portable_network import NORMALIZED, outputs_of, own_size, portable

TORCHSCRIPT, ONNX, SETTING = "model.torchscript.pt", "model.onnx", "setting.yaml"


@dataclass
class NetworkFiles:
    """What was made of a network.

    Attributes:
        is_smp: whether smp loads the folder.
        agreements: of TorchScript and ONNX, by file: how it agrees with the trained network. Two sizes if it takes
            images of any size, else one: the only one that it takes.
        problems: what could not be made, and why.
    """

    is_smp: bool
    agreements: dict[str, list[Agreement]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def write_network(folder: Path, model: TrainedModel, values: str = NORMALIZED) -> NetworkFiles:
    """Write all files of a network. A file that does not agree with the network is not kept.

    Args:
        folder: that exists.
        model: on the CPU.
        values: see `segsweep.model_export.portable_network.portable`.
    """
    write_json(folder / FILE, inference_settings(model, values))
    setting = {"train": for_others(model.train.model_dump(mode="json"))}
    write_text(folder / SETTING, yaml.safe_dump(setting, sort_keys=False, width=120))
    made = NetworkFiles(write_weights(folder, model))
    try:
        network = portable(model, values)
    except Exception as error:  # of any kind: the code of a network runs in ways that it was not written for
        made.problems.append(f"{TORCHSCRIPT}, {ONNX}: the network cannot be traced: {first_line(error)}")
        return made

    def torchscript(any_size: bool) -> Network:
        network.save(str(folder / TORCHSCRIPT))
        drop_source_lines(folder / TORCHSCRIPT)
        return as_numpy(torch.jit.load(folder / TORCHSCRIPT))

    def onnx(any_size: bool) -> Network:
        example = torch.zeros(1, model.prepared.channels, *own_size(model))
        write_onnx(folder / ONNX, network, example, outputs_of(model.prepared.task), any_size=any_size)
        return OnnxNetwork(folder / ONNX)

    for name, write in ((TORCHSCRIPT, torchscript), (ONNX, onnx)):
        _write_checked(made, folder / name, write, model, values)
    return made


def _write_checked(
    made: NetworkFiles, path: Path, write: Callable[[bool], Network], model: TrainedModel, values: str
) -> None:
    """Write a file for images of any size; if that cannot be, for those of validation's size; if not that, none."""
    own, other = sizes_to_try(model)
    problem = ""
    for sizes in ([own, other], [own]):
        try:
            network = write(len(sizes) > 1)
        except Exception as error:  # torch, onnx and ONNX Runtime raise kinds of their own for what they cannot do
            problem = problem or first_line(error)
            continue
        found = [compare(model, network, size, values) for size in sizes]
        if all(one.holds for one in found):
            made.agreements[path.name] = found
            break
        problem = problem or next(one.in_words for one in found if not one.holds)
    else:
        path.unlink(missing_ok=True)
        made.problems.append(f"{path.name}: not made: {problem}")
        return
    if len(sizes) == 1:
        made.problems.append(f"{path.name}: takes images of {own[1]} x {own[2]} pixels only: {problem}")


def as_numpy(network: torch.nn.Module) -> Network:
    """A network of TorchScript as a function of arrays."""

    def computed(image: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(image))
        return [one.numpy() for one in (outputs if isinstance(outputs, tuple) else (outputs,))]

    return computed


def first_line(error: Exception) -> str:
    """What an error says, without the listings and appeals that torch appends."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.partition(". ")[0]
