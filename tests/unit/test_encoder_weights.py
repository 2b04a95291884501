"""Which encoder weights are to be fetched, where they come from, and what is said where the hub does not answer."""

import pytest
import segmentation_models_pytorch as smp
from huggingface_hub.errors import LocalEntryNotFoundError
from timm.models import _hub

from segsweep.errors import InputError
from segsweep.models import hub_weights
from segsweep.models.hub_weights import TIMM_FILES, cache_first, fetch, source
from segsweep.planning.encoder_weights import not_fetched, record


def model(encoder, weights):
    return {"encoder": encoder, "encoder_weights": weights}


def test_named_weights_without_their_files_are_to_be_fetched(tmp_path):
    models = [
        model("resnet18", "imagenet"), model("resnet18", "imagenet"), model("resnet34", None),
        model("resnet50", "my/weights.pt"), model("resnet50", "weights.safetensors"), {"arch": "my/net.py:build"},
        model("tu-lcnet_050", "imagenet"),
    ]  # fmt: skip
    assert not_fetched(models, tmp_path) == [("resnet18", "imagenet"), ("tu-lcnet_050", "imagenet")]
    file = tmp_path / "model.safetensors"
    file.touch()
    record(("resnet18", "imagenet"), [file], tmp_path)
    assert not_fetched(models, tmp_path) == [("tu-lcnet_050", "imagenet")]
    file.unlink()
    assert ("resnet18", "imagenet") in not_fetched(models, tmp_path)


def test_where_weights_come_from():
    assert source("resnet18", "imagenet").repository == "smp-hub/resnet18.imagenet"
    assert len(source("resnet18", "imagenet").revision) == 40
    assert source("tu-resnet50.a1_in1k", "imagenet").repository == "timm/resnet50.a1_in1k"
    assert source("tu-resnet50.a1_in1k", "imagenet").files == TIMM_FILES
    # As segmentation_models_pytorch does, which builds these of timm's.
    assert source("timm-mobilenetv3_large_100", "imagenet").repository.startswith("timm/tf_mobilenetv3_large_100")
    with pytest.raises(InputError, match="timm knows no weights of lcnet_035"):
        source("tu-lcnet_035", "imagenet")


def test_a_hub_that_does_not_answer_is_asked_once(tmp_path, monkeypatch):
    asked = []

    def unreachable(repository, name, **_):
        asked.append(repository)
        raise LocalEntryNotFoundError("check your connection") from OSError("no route to host")

    monkeypatch.setattr(hub_weights, "hf_hub_download", unreachable)
    monkeypatch.setattr(hub_weights.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub_weights, "try_to_load_from_cache", lambda *_, **__: None)
    found, problems = fetch([("resnet18", "imagenet"), ("tu-lcnet_050", "imagenet")])
    assert (found, asked) == ({}, ["smp-hub/resnet18.imagenet"])
    for problem, name in zip(problems, ("resnet18", "tu-lcnet_050"), strict=True):
        for part in (f"'imagenet' of {name}", "no route to host", str(tmp_path / "hub"), ": FILE", ": null"):
            assert part in problem


@pytest.mark.parametrize("module", [_hub, smp.encoders])
def test_libraries_look_into_the_cache_before_they_ask(module, monkeypatch):
    asked = []

    def download(repo_id, filename, **_):
        asked.append(repo_id)
        return "fetched"

    monkeypatch.setattr(module, "hf_hub_download", download)
    monkeypatch.setattr(hub_weights, "try_to_load_from_cache", lambda name, *_, **__: {"there": "cached"}.get(name))
    with cache_first():
        assert module.hf_hub_download("there", filename="model.safetensors", revision="main") == "cached"
        assert module.hf_hub_download(repo_id="absent", filename="model.safetensors", cache_dir=None) == "fetched"
    assert module.hf_hub_download("there", "model.safetensors") == "fetched"
    assert asked == ["absent", "there"]
