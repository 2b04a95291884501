"""The files of an exported network compute what the network computes, at any size, for every task."""

import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import segmentation_models_pytorch as smp
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidGraph
from safetensors.torch import load_file

from segsweep import models
from segsweep.config.train import Postprocess, Train
from segsweep.data.loading import Normalize
from segsweep.detection.decoding import candidates, competing, suppressed
from segsweep.errors import InputError
from segsweep.inference.forward import Forward
from segsweep.inference.trained_model import TrainedModel
from segsweep.model_export import network_files
from segsweep.model_export.agreement import compare, noise, trained_outputs
from segsweep.model_export.network_files import ONNX, TORCHSCRIPT, write_network
from segsweep.model_export.network_weights import load_network
from segsweep.model_export.onnx_file import OPSET, OnnxNetwork
from segsweep.model_export.portable_network import PortablePool
from tests.workspace import ROOT

SMALL = {"encoder": "tu-lcnet_035", "options": {"decoder_channels": [16, 16, 8, 8, 8]}}


def trained(task: str, size=(64, 96), **model) -> TrainedModel:
    """An untrained network that looks like a trained one; its batch norms have seen other values than their first."""
    train = Train.model_validate({"model": {"encoder_weights": None} | model})
    classes = ["background", "disc"] if task == "binary" else ["background", "disc", "ring"]
    prepared = SimpleNamespace(
        task=task, classes=classes, channels=3, dtype="uint8", scale=255.0, is_rgb8=True,
        fill=np.array([124, 116, 104], np.uint8), bounds=np.array([[0.0] * 3, [255.0] * 3]),
        splits={"val": SimpleNamespace(sizes=np.array([size]))},
    )  # fmt: skip
    torch.manual_seed(0)
    network = models.build(train.model, 1 if task in ("binary", "text") else len(classes))
    with torch.no_grad():
        network(torch.randn(2, 3, 64, 64))
    forward = Forward(network.eval(), Normalize("standardize", prepared), train, torch.device("cpu"))
    return TrainedModel("segment", 1, train, None, prepared, None, forward)


def test_smp_loads_the_folder_to_the_bit(tmp_path):
    model = trained("binary", arch="unet", dropout=0.2, **SMALL)
    made = write_network(tmp_path, model)
    assert made.is_smp
    assert not made.problems
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = model.forward.model(image)
        assert torch.equal(smp.from_pretrained(str(tmp_path)).eval()(image), expected)
        assert torch.equal(load_network(tmp_path)(image), expected)


OWN_NETWORK = """from torch import nn


def build(classes: int, in_channels: int = 3, encoder: str = ""):
    return nn.Sequential(nn.Conv2d(in_channels, classes, 3, padding=1))
"""


def test_no_file_says_where_the_code_lay(tmp_path, monkeypatch):
    (tmp_path / "secret").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "secret" / "net.py").write_text(OWN_NETWORK)
    model = trained("multiclass", arch=f"{tmp_path}/secret/net.py:build")
    made = write_network(tmp_path / "model", model)
    assert not made.problems
    assert made.agreements.keys() == {TORCHSCRIPT, ONNX}
    contents = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    with zipfile.ZipFile(tmp_path / "model" / TORCHSCRIPT) as archive:
        contents |= {name: archive.read(name) for name in archive.namelist()}
    places = [str(place).encode() for place in (tmp_path, ROOT, Path(torch.__file__).parent)]
    assert [name for name, content in contents.items() if any(place in content for place in places)] == []
    assert json.loads(contents["config.json"])["segsweep"]["model"]["arch"] == "net.py:build"
    monkeypatch.chdir(tmp_path / "secret")  # where the file lies
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(load_network(tmp_path / "model")(image), model.forward.model(image))


def test_onnx_says_that_sizes_are_dynamic_and_normalizes_stored_values(tmp_path):
    model = trained("multiclass", arch="unet", norm="group", **SMALL)
    made = write_network(tmp_path, model, "stored")
    assert not made.is_smp  # group norms are none of smp's
    graph = onnx.load(tmp_path / ONNX)
    assert [one.version for one in graph.opset_import if one.domain == ""] == [OPSET]
    sides = [side.dim_param or side.dim_value for side in graph.graph.input[0].type.tensor_type.shape.dim]
    assert sides == ["batch", 3, "height", "width"]
    assert [one.size for one in made.agreements[ONNX]] == [(1, 64, 96), (2, 101, 171)]
    stored = noise(model, (1, 37, 50))  # of no size that the export tried
    (found,) = OnnxNetwork(tmp_path / ONNX)(stored.astype(np.float32))
    (expected,) = trained_outputs(model, stored)
    assert found.shape == (1, 3, 37, 50)
    assert np.abs(found - expected).max() < 1e-4
    about = json.loads((tmp_path / "inference.json").read_text())
    assert about["input"]["values"] == "stored"
    assert about["normalize"]["scale"] == 255
    with torch.inference_mode():
        image = torch.randn(1, 3, 64, 64)
        assert torch.equal(load_network(tmp_path)(image), model.forward.model(image))


def test_boxes_are_those_of_validation(tmp_path):
    model = trained("multitask", arch="multitask", encoder="tu-lcnet_035", options={"det_channels": 16})
    made = write_network(tmp_path, model)
    assert not made.problems
    stored = noise(model, (1, 64, 96))
    images = model.forward.normalize(torch.from_numpy(stored))
    _, boxes, scores = torch.jit.load(tmp_path / TORCHSCRIPT)(images)
    settings = Postprocess(score_threshold=0.001, top_k=20)
    with torch.inference_mode():
        (expected,) = candidates(model.forward.model(images)["det"], [(64, 96)], settings)
    expected = suppressed(expected, settings)
    found = suppressed(competing(boxes[0], scores[0], (64, 96), settings), settings)
    assert len(expected["boxes"]) > 1
    assert torch.equal(found["boxes"], expected["boxes"])
    assert torch.equal(found["labels"], expected["labels"])


def test_text_gives_its_probability(tmp_path):
    model = trained("text", arch="dbnet", encoder="tu-lcnet_035", options={"channels": 16})
    made = write_network(tmp_path, model)
    assert list(made.agreements) == [TORCHSCRIPT, ONNX]
    images = model.forward.normalize(torch.from_numpy(noise(model, (1, 64, 64))))
    (found,) = OnnxNetwork(tmp_path / ONNX)(images.numpy())
    with torch.inference_mode():
        expected = load_network(tmp_path)(images)["probability"].numpy()
    assert found.shape == (1, 1, 64, 64)
    assert np.abs(found - expected).max() < 1e-4


def test_what_onnx_cannot_express_is_said_and_the_rest_is_made(tmp_path, monkeypatch):
    def refuse(path, *arguments, any_size):
        raise RuntimeError("no operator col2im. Please ask for it")

    monkeypatch.setattr(network_files, "write_onnx", refuse)
    made = write_network(tmp_path, trained("multiclass", arch="unet", **SMALL))
    assert made.problems == ["model.onnx: not made: no operator col2im"]
    assert list(made.agreements) == [TORCHSCRIPT]
    assert not (tmp_path / ONNX).exists()
    assert load_file(tmp_path / "model.safetensors")


def test_a_file_that_computes_something_else_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(
        network_files, "OnnxNetwork", lambda path: lambda image: [np.zeros((len(image), 3, *image.shape[2:]))]
    )
    made = write_network(tmp_path, trained("multiclass", arch="unet", **SMALL))
    (problem,) = made.problems
    assert re.fullmatch(
        r"model\.onnx: not made: of 1 x 64 x 96 pixels, the outputs differ by .*; 0\.0001 is allowed", problem
    )
    assert not (tmp_path / ONNX).exists()


@pytest.mark.parametrize("size", [(7, 12), (6, 6), (2, 5)])
@pytest.mark.parametrize("cells", [2, 3, 6])
def test_portable_pools_are_those_of_torch(cells, size):
    maps = torch.randn(2, 4, *size)
    found, expected = PortablePool(cells)(maps), torch.nn.AdaptiveAvgPool2d(cells)(maps)
    torch.testing.assert_close(found, expected)


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"model\.safetensors: there is no such file\. Export"):
        load_network(tmp_path)


@pytest.mark.parametrize("error", [ValueError, InvalidGraph])  # onnx and ONNX Runtime have errors of their own kinds
def test_what_the_runtime_refuses_is_said_and_the_rest_is_made(tmp_path, monkeypatch, error):
    def refuse(path):
        raise error("this is an invalid model. Error in node:...")

    monkeypatch.setattr(network_files, "OnnxNetwork", refuse)
    made = write_network(tmp_path, trained("multiclass", arch="unet", **SMALL))
    assert made.problems == ["model.onnx: not made: this is an invalid model"]
    assert list(made.agreements) == [TORCHSCRIPT]
    assert not (tmp_path / ONNX).exists()


def test_an_output_that_is_no_number_is_a_difference():
    model = trained("multitask", arch="multitask", encoder="resnet18", seg_head="fcn", options={"det_channels": 32})

    def broken(image):
        logits, boxes, scores = trained_outputs(model, noise(model, (1, 64, 96)))
        return [logits, boxes, np.full_like(scores, np.nan)]

    assert not compare(model, broken, (1, 64, 96), "stored").holds
