"""Named encoder weights: fetched once and before any training, by whom Snakemake runs, and never asked for in a job."""

import re
import shutil

import pytest
import timm
from safetensors.torch import save

from tests.fake_hub import fake_hub
from tests.workspace import SMALL, Workspace, trainings

ENCODER = "lcnet_050"
REPOSITORY = f"timm/{ENCODER}.ra2_in1k"


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path)
    made.write_tiny_dataset()
    model = SMALL["model"] | {"encoder": f"tu-{ENCODER}", "encoder_weights": "imagenet"}
    made.write_study(train=SMALL | {"model": model, "epochs": 1})
    return made


def test_weights_are_fetched_once_and_jobs_ask_for_none(workspace, monkeypatch):
    files = {}
    with fake_hub(files) as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        output = workspace.snakemake("results/little/runs.csv", check=False)
        found = re.findall(r"^train\.model\.encoder_weights: .*$", output, re.MULTILINE)
        assert len(found) == 1
        for part in ("'imagenet' of tu-lcnet_050", REPOSITORY, "404", "models--timm--lcnet_050", ": FILE", ": null"):
            assert part in found[0], part
        assert trainings(output) == []

        network = timm.create_model(ENCODER)
        files[f"{REPOSITORY}/model.safetensors"] = save(
            {name: value.contiguous() for name, value in network.state_dict().items()}
        )
        output = workspace.snakemake("results/little/runs.csv")
        assert "Encoder weights that are fetched into the cache before: imagenet of tu-lcnet_050." in output
        assert [one for one in asked if one.startswith("GET timm")] == [f"GET {REPOSITORY}/model.safetensors"]
        record = workspace.folder / "results" / "weights" / f"tu-{ENCODER}.imagenet.json"
        assert "model.safetensors" in record.read_text()

        asked.clear()
        shutil.rmtree(next((workspace.folder / "results" / "segments").glob("????????????????-0001")))
        (workspace.folder / "results" / "little" / "runs.csv").unlink()
        output = workspace.snakemake("results/little/runs.csv")
        assert len(trainings(output)) == 1
        assert "fetch_weights" not in output
        assert asked == []
