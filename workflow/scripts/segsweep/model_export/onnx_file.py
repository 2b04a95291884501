"""A network as ONNX, and what ONNX Runtime makes of it."""

import io
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from segsweep.io import write_bytes
from segsweep.model_export.portable_network import INPUT

OPSET = 18


def write_onnx(
    path: Path, network: torch.jit.ScriptModule, example: torch.Tensor, outputs: tuple[str, ...], *, any_size: bool
) -> None:
    """Write a network of `portable_network`; the batch of its input may be any.

    Torch's exporter for TorchScript: that for `torch.export` takes no sides of which nothing is known.

    Args:
        path: the file.
        network: see `segsweep.model_export.portable_network.portable`.
        example: float32 (B, c, H, W).
        outputs: their names.
        any_size: whether height and width may be any, too.
    """
    sides = {0: "batch", 2: "height", 3: "width"} if any_size else {0: "batch"}
    boxes = {0: "batch", 1: "locations"} if any_size else {0: "batch"}
    content = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            network,
            (example,),
            content,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes={INPUT: sides} | {name: boxes if "box" in name else sides for name in outputs},
        )
    onnx.checker.check_model(content.getvalue(), full_check=True)
    write_bytes(path, lambda file: file.write(content.getvalue()))


class OnnxNetwork:
    """A network that ONNX Runtime computes on the CPU: float32 (B, c, H, W) to its outputs, in order."""

    def __init__(self, path: Path, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {INPUT: image})
