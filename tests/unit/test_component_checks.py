"""Components in a person's own file: what passes, and what each problem says, with the line it comes from."""

import importlib.util
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from segsweep import registry
from segsweep.component_checks.augmentation import check_augmentation
from segsweep.component_checks.image_sampling import check_image_sampling
from segsweep.component_checks.loss import check_loss
from segsweep.component_checks.metric import check_metric
from segsweep.component_checks.model import check_model
from segsweep.component_checks.optimizer import check_optimizer
from segsweep.component_checks.own_component import OwnComponent
from segsweep.component_checks.reader import check_reader
from segsweep.component_checks.sampler import check_sampler
from segsweep.component_checks.schedule import check_schedule
from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Train
from segsweep.data.augmentation import load_augmentation
from segsweep.data.sample import Sample
from segsweep.errors import InputError

BATCHES = torch.Size((4, 3, 64, 64)), [torch.Size((1, 3, 96, 64))]
MASKS = torch.randint(0, 3, (4, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Makes a component of the text of a file; line 1 of it is the first line of the text."""
    monkeypatch.chdir(tmp_path)

    def component(text: str, settings, key: str = "key") -> OwnComponent:
        path = Path("mine.py")
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        spec = importlib.util.spec_from_file_location("mine", path.resolve())
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return OwnComponent(key, "mine.py:build", "mine.py:1", settings, module)

    return component


def builtin(key: str, settings) -> OwnComponent:
    return OwnComponent(key, "built-in", "here", settings, registry.load(settings))


def train(**sections) -> Train:
    return Train.model_validate(sections)


def refused(check, *arguments) -> str:
    with pytest.raises(InputError) as problem:
        check(*arguments)
    (said,) = problem.value.problems
    return said


# A network


def built(component):
    return component.functions.build(component.settings, 3, 3)


def network(own, body: str, first: str = "import torch") -> tuple:
    text = first + "\n\nclass Net(torch.nn.Module):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    component = own(
        f"{text}\n\ndef build(model, classes, in_channels):\n    return Net(classes)\n", train().model, "model.arch"
    )
    return component, lambda: built(component), *BATCHES, 3


PLAIN = """
def __init__(self, classes):
    super().__init__()
    self.conv = torch.nn.Conv2d(3, classes, 3, padding=1)
"""


def test_a_network_that_gives_logits_of_the_images_size(own):
    said = check_model(*network(own, f"{PLAIN}\ndef forward(self, x):\n    return self.conv(x)"))
    assert said == "logits (4, 3, 64, 64), 84 parameters that train"


def test_a_network_that_looks_at_values_is_computed(own):
    looks = "def forward(self, x):\n    return self.conv(x) if x.sum().item() > -1 else None"
    assert check_model(*network(own, f"{PLAIN}\n{looks}")).startswith("logits")


def test_auxiliary_outputs_in_training_alone(own):
    aux = """
    def forward(self, x):
        logits = self.conv(x)
        return {"main": logits, "aux": [logits]} if self.training else logits
    """
    assert check_model(*network(own, PLAIN + textwrap.dedent(aux))).startswith("logits")
    said = refused(
        check_model, *network(own, PLAIN + textwrap.dedent(aux).replace(" if self.training else logits", ""))
    )
    assert "the network gives dict with the keys main, aux in evaluation. Let it give logits (1, 3, 96, 64)" in said


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        ("return self.conv(x)[..., ::4, ::4]", "the network gives (4, 3, 16, 16). Let it give logits (4, 3, 64, 64)"),
        ("return self.conv(x)[:, :2]", "the network gives (4, 2, 64, 64)"),
        ("return self.conv(x).argmax(1, keepdim=True).expand(-1, 3, -1, -1)", "torch.int64"),
        ("return {'out': self.conv(x)}", "gives dict with the keys out in training"),
        ("return [self.conv(x)]", "the network gives list"),
    ],
)
def test_networks_of_another_output(own, forward, expected):
    said = refused(check_model, *network(own, f"{PLAIN}\ndef forward(self, x):\n    {forward}"))
    assert said.startswith("mine.py:1: model.arch mine.py:build: ")
    assert expected in said


def test_the_line_of_the_network_that_raised_is_named(own):
    said = refused(check_model, *network(own, f"{PLAIN}\ndef forward(self, x):\n    return self.conv(x[:, :2])"))
    assert said.startswith("mine.py:9: model.arch mine.py:build: a pass of images (2, 3, 64, 64) in training raised")
    assert "sides of all batches are multiples of 32" in said


def test_a_network_that_fits_the_size_of_training_images_only(own):
    forward = "def forward(self, x):\n    return self.conv(x).reshape(-1, 3, 64, 64)"
    said = refused(check_model, *network(own, f"{PLAIN}\n{forward}"))
    assert said.startswith("mine.py:9: model.arch mine.py:build: a pass of images (1, 3, 96, 64) in evaluation raised")


def test_what_is_no_network_and_what_does_not_train(own):
    component = own("def build(model, classes, in_channels):\n    return classes", train().model)
    assert "build gives int" in refused(check_model, component, lambda: built(component), *BATCHES, 3)
    text = "import torch\n\ndef build(model, classes, in_channels):\n    return torch.nn.Identity()"
    component = own(text, train().model)
    said = refused(check_model, component, lambda: built(component), *BATCHES, 3)
    assert "no parameter of the network trains" in said


# A loss


def loss(own, body: str):
    text = "import torch\nfrom torch.nn import functional as F\n\nclass Loss(torch.nn.Module):\n"
    text += f"    def forward(self, logits, target):\n        return {body}\n\n"
    text += "def build(term, classes, class_weights=None):\n    return Loss()\n"
    return own(text, term(), "loss.main"), MASKS.clone(), 3, None


def term(name: str = "dice"):
    return getattr(train(loss={"main": {name: 1.0}}).loss.main, name)


@pytest.mark.parametrize(
    "name", ["cross_entropy", "dice", "focal", "lovasz", "tversky", "jaccard", "ohem_cross_entropy"]
)
def test_built_in_losses_pass(name):
    said = check_loss(builtin("loss.main", term(name)), MASKS.clone(), 3, None)
    assert said.startswith("value ")
    assert "void" not in said


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "F.cross_entropy(logits, target)",
            "mine.py:6: loss.main mine.py:build: forward raised IndexError: Target 255",
        ),
        ("exit('no GPU')", "mine.py:6: loss.main mine.py:build: forward raised SystemExit: no GPU"),
        ("F.cross_entropy(logits, target, reduction='none', ignore_index=255)", "the loss is a tensor (4, 8, 8)"),
        ("F.cross_entropy(logits, target, ignore_index=255).item()", "the loss is float"),
        ("F.cross_entropy(logits, target, ignore_index=255).detach()", "the loss has no gradient"),
        ("(logits * 0).sum()", "the gradient of the loss is 0 for all logits"),
        ("logits.sum() / (target == 7).sum()", "the loss is "),
        ("(logits - logits).abs().sqrt().sum() + logits.mean()", "the gradient of the loss is not finite"),
    ],
)
def test_losses_that_cannot_train(own, body, expected):
    assert expected in refused(check_loss, *loss(own, body))


def test_a_loss_that_is_no_module(own):
    component = own("def build(term, classes, class_weights=None):\n    return max\n", term(), "loss.main")
    assert "build gives builtin_function_or_method. Let it give a torch.nn.Module" in refused(
        check_loss, component, MASKS.clone(), 3, None
    )


def test_a_gradient_at_void_pixels_is_noted(own):
    assert "note: up to" in check_loss(*loss(own, "F.cross_entropy(logits, target.clamp(max=2))"))
    assert "note" not in check_loss(*loss(own, "F.cross_entropy(logits, target, ignore_index=255)"))


def test_a_loss_that_calls_itself_a_mean_over_pixels(own):
    component, *more = loss(own, "F.cross_entropy(logits, target, ignore_index=255) ** 2")
    claims = type("Claims", (type(component.settings),), {"pixel_mean": True})()
    assert "pixel_mean is true" in refused(
        check_loss, OwnComponent("loss.main", "x", "x", claims, component.functions), *more
    )
    assert check_loss(builtin("loss.main", term("cross_entropy")), MASKS.clone(), 3, None)


# An optimizer


def optimizer(own, body: str):
    text = f"import torch\n\n\nclass Mine(torch.optim.SGD):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
    text += "\n\ndef build(settings, groups):\n    return Mine(groups, lr=settings.lr, momentum=0.9)\n"
    return own(text, train(optimizer={"name": "sgd", "weight_decay_on": "weights"}).optimizer, "optimizer.name")


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "torch.NAdam", "timm.lamb"])
def test_built_in_optimizers_pass(name):
    settings = train(optimizer={"name": name, "lr": 1e-2}).optimizer
    assert check_optimizer(builtin("optimizer.name", settings)).startswith("2 steps")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def step(self):\n    pass", "2 steps change no weight"),
        ("def step(self, closure):\n    return super().step(closure)", "a step raised TypeError"),
        ("def load_state_dict(self, state):\n    pass", "differs from the step without"),
    ],
)
def test_optimizers_that_cannot_train(own, body, expected):
    assert expected in refused(check_optimizer, optimizer(own, body))


def test_an_optimizer_that_forgets_a_group(own):
    text = "import torch\n\ndef build(settings, groups):\n    return torch.optim.SGD(groups[:1], lr=settings.lr)\n"
    settings = train(optimizer={"name": "sgd", "weight_decay_on": "weights"}).optimizer
    assert "has other parameters than it was given" in refused(check_optimizer, own(text, settings))
    text = "def build(settings, groups):\n    return groups"
    assert "build gives list, which has no param_groups" in refused(check_optimizer, own(text, settings))


# A schedule


def schedule(own, formula: str, **settings):
    text = f"def learning_rate(settings, base, progress):\n    return {formula}\n"
    return own(text, train(scheduler={"name": "constant"} | settings).scheduler, "scheduler.name"), 0.1, 5, 4


@pytest.mark.parametrize("name", ["constant", "cosine", "poly", "step", "exponential", "one_cycle", "plateau"])
def test_built_in_schedules_pass(name):
    settings = train(scheduler={"name": name}).scheduler
    assert "in 4 epochs" in check_schedule(builtin("scheduler.name", settings), 0.1, 5, 4)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("base / progress.step", "mine.py:2: scheduler.name mine.py:build: learning_rate at Progress(step=0"),
        ("base - progress.finished_epochs", "the rate is -0.9 at Progress(step=5"),
        ("0.0", "all rates of 4 epochs are 0"),
        ("base * (1 - progress.finished_epochs / progress.total_epochs)", "the rate of epoch 2 depends on how many"),
    ],
)
def test_schedules_that_cannot_train(own, formula, expected):
    assert expected in refused(check_schedule, *schedule(own, formula))


# An augmentation


def samples() -> list[Sample]:
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 256, (24, 32, 3), np.uint8), rng.integers(0, 3, (24, 32), np.uint8)
    for array in (image, mask):
        array.flags.writeable = False
    return [Sample(image, mask, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), [], np.zeros(0, bool))]


def augmentation(own, body: str):
    """A function of a sample and the numbers that seed it."""
    text = f"""
    from dataclasses import replace

    import cv2
    import numpy as np

    state = np.random.default_rng(0)

    def apply(sample, entropy):
        rng, image, mask = np.random.default_rng(entropy), sample.image, sample.mask
        {body}
        return replace(sample, image=image, mask=mask)
    """
    component = own(text, train().data, "data.augmentation")
    return component, component.functions.apply, samples()


def test_augmentations_that_pass(own, tmp_path):
    (tmp_path / "flips.yaml").write_text("transforms: [HorizontalFlip]")
    pipeline = load_augmentation(str(tmp_path / "flips.yaml"))
    component = OwnComponent("data.augmentation", "x", "x", train().data, None)
    assert check_augmentation(component, pipeline, samples()).endswith("of 10 draws change the image")
    said = check_augmentation(*augmentation(own, "pass"))
    assert said == "0 of 10 draws change the image; note: it does nothing"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("image = image / 255", "it makes an image float64 (24, 32, 3) of one of uint8"),
        ("image = image[:, ::2]", "it makes a mask uint8 (24, 32) beside an image (24, 16, 3)"),
        ("mask = cv2.resize(mask * 100, (32, 24)) // 2", "it makes the mask values ["),
        ("image = np.roll(image, state.integers(9))", "two draws from the same seed differ"),
        ("image[0] = 0", "mine.py:10: data.augmentation mine.py:build: a draw raised ValueError"),
    ],
)
def test_augmentations_that_spoil_images(own, body, expected):
    assert expected in refused(check_augmentation, *augmentation(own, body))


# A metric


CLASSES = ["background", "car", "tree"]


def metric(own, body: str, facts=None):
    text = f"import numpy as np\n\n\ndef compute(counts, classes):\n    confusion = counts['confusion']\n    {body}\n"
    cls = type("Score", (registry.classes("metric")["miou"],), facts or {})
    return own(text, cls, "metric"), "score", "multiclass", CLASSES


@pytest.mark.parametrize(
    ("name", "task"),
    [("miou", "multiclass"), ("iou", "multiclass"), ("jaccard", "binary"), ("dice", "multilabel"), ("hmean", "text")],
)
def test_built_in_metrics_pass(name, task):
    cls = registry.classes("metric")[name]
    component = OwnComponent("metric", name, "here", cls, registry.load(cls))
    assert "of drawn counts is 0." in check_metric(component, name, task, CLASSES[: 2 if task == "binary" else 3])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return {'score': np.trace(confusion) / confusion.sum()}", "score has the shape (3,) for counts with"),
        (
            "return {'score': np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum()}",
            "where its counts are one of 5. Sum over the last axes",
        ),
        ("return {'other': 1}", "compute gives other. Let it give a dictionary with score"),
        ("return 0.5", "compute gives float"),
        ("return {'score': confusion.sum((-1, -2)) * 1.0}", "and its range from 0 to 1"),
        (
            "return {'score': np.where(confusion.any((-1, -2)), 0.5, np.inf)}",
            "score is infinite where all counts are 0",
        ),
        ("return {'score': confusion.sum((-1, -2)) * np.nan}", "score is not a number for counts of all classes"),
        (
            "return {'score': counts['labels']}",
            "mine.py:6: metric mine.py:build: compute raised KeyError: 'labels'. It",
        ),
    ],
)
def test_metrics_that_are_no_scores(own, body, expected):
    assert expected in refused(check_metric, *metric(own, body))


# Samplings, samplers, readers


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pixels[:, 1]", None),
        ("None", None),
        ("pixels / 2", "weights has the shape (4, 3) for 4 images"),
        ("pixels[:, 1] - 5.0", "a weight is -4"),
        ("pixels[:, 1] * 0", "the weights of all 4 images are 0"),
        ("pixels.nothing", "mine.py:2: data.image_sampling mine.py:build: weights raised AttributeError"),
    ],
)
def test_samplings_of_images(own, body, expected):
    pixels = np.array([[9, 1, 0], [8, 0, 2], [5, 5, 0], [0, 9, 1]])
    component = own(
        f"def weights(settings, pixels, present):\n    return {body}\n",
        train().data.image_sampling,
        "data.image_sampling",
    )
    if expected is None:
        assert check_image_sampling(component, pixels, pixels > 0).endswith("for 4 images")
    else:
        assert expected in refused(check_image_sampling, component, pixels, pixels > 0)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("RandomSampler(seed=seed)", None),
        ("RandomSampler()", "two samplers with the same seed propose differently"),
        ("seed", "build gives int. Let it give a subclass of optuna.samplers.BaseSampler"),
    ],
)
def test_samplers(own, made, expected):
    text = f"from optuna.samplers import RandomSampler\n\ndef build(sampler, seed, axes):\n    return {made}\n"
    component = own(text, registry.classes("sampler")["random"](), "sweep.sampler")
    if expected is None:
        assert check_sampler(component).startswith("proposes {'rate'")
    else:
        assert expected in refused(check_sampler, component)


def test_built_in_samplers_pass():
    for name in ("random", "tpe", "qmc"):
        assert check_sampler(builtin("sweep.sampler", registry.classes("sampler")[name]()))


READER = """
import numpy as np

from segsweep.data.raw_item import Item

IMAGE, MASK = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)

def read(dataset, root):
    return {"train": [Item(name, IMAGE, MASK) for name in ("a", "b")]}

def files(dataset, root):
    return {"train": [(name, [root / name]) for name in ("a", "b")]}
"""
DATASET = {"name": "mine", "reader": "folder", "root": "data", "classes": {0: "background", 1: "car"}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", None),
        ("[(name, [root / name]) for name in ('a', 'b')]", "[]", "files names nothing ... in train, and read a, b ..."),
        (
            "('a', 'b')]}\n\ndef files",
            "()]}\n\ndef files",
            "the split train has no item. Look whether the files of data",
        ),
        ("Item(name, IMAGE, MASK)", "name", "read gives str in train"),
        ("return", "return {}['list'] or", "mine.py:8: reader mine.py:build: read of data raised KeyError: 'list'"),
        ("IMAGE, MASK)", "IMAGE, MASK + 7)", "the first item of train cannot be used: "),
        ("IMAGE, MASK)", "IMAGE, MASK, 'boxes')", "mine.py:1: reader mine.py:build: decoding a of train raised"),
    ],
)
def test_readers(own, old, new, expected):
    component = own(READER.replace(old.replace("'", '"'), new, 1), parse_dataset(DATASET), "reader")
    arguments = (component, Path("data"), component.functions.files(None, Path("data")))
    if expected is None:
        assert check_reader(*arguments) == "2 train"
    else:
        assert expected in refused(check_reader, *arguments)
