"""The network that a script builds is the one that a run trains: the same weights, and the same outputs."""

from itertools import product

import pytest
import torch

from segsweep import models
from segsweep.config.train import Train
from segsweep.plain_script import networks
from segsweep.plain_script.copied_code import CopiedCode

# Of the smallest encoders that an architecture takes.
ENCODERS = {
    "dpt": {"encoder": "tu-vit_tiny_patch16_224", "options": {"dynamic_img_size": True}},
    "bisenet": {"encoder": "resnet18"},
    "attention_resunet": {"encoder": "plain18", "options": {"encoder_depth": 3}},
}
CHANGES = {
    "as built": {},
    "changed": {"norm": "group", "activation": "silu", "dropout": 0.2, "init": {"scheme": "orthogonal"}},
}


@pytest.mark.parametrize(
    ("arch", "change"), [*product(networks.ARCHITECTURES, ["as built"]), ("fpn", "changed"), ("bisenet", "changed")]
)
def test_a_script_builds_the_network_of_a_run(arch, change):
    settings = {"arch": arch, "encoder": "tu-lcnet_035"} | ENCODERS.get(arch, {}) | CHANGES[change]
    model = Train.model_validate({"model": settings}).model
    code = CopiedCode()
    code.use("torch")
    before, built = networks.before(code, model), networks.network(code, model, logits=3, channels=3)
    after = networks.changes(code, model, batches_of_one=False)
    names = {}
    exec("\n".join([*code.import_lines(), code.text()]), names)
    torch.manual_seed(0)
    exec("\n".join([*before, f"model = {built}", *after]), names)
    theirs = names["model"].eval()
    torch.manual_seed(0)
    ours = models.build(model, 3).eval()

    assert all(map(torch.equal, theirs.state_dict().values(), ours.state_dict().values()))
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        assert torch.equal(theirs(images), ours(images))
