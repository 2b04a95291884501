"""Own components: settings of a class in the file or of a function's parameters, and functions called with them."""

import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from segsweep import registry
from segsweep.config.losses import Loss
from segsweep.config.train import Train
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError

MODEL = '''
import torch  # planning does not import it

from typing import ClassVar

from segsweep.config.components import Model
from segsweep.config.settings import key


class Wide(Model):
    """A wide one."""

    title: ClassVar[str] = "wide net"
    width: int = key(64, "Channels.", ge=8)


def wide(settings: Wide, classes, in_channels):
    return settings.width, classes, in_channels


def tiny(in_channels, classes, width=8, rate: float = 1, betas=(0.5, 0.9), act=torch.relu, dropout=0.25, **further):
    return in_channels, classes, width, rate, betas, act is torch.relu, dropout, further


class Net:
    def __init__(self, classes, depth: int, names: list[str] | None = None, *, norm="group"):
        self.made = classes, depth, names, norm


class Deeper(Net):
    pass


def broken(classes):
    return 1 / 0


def shadowing(classes, copy=1):
    pass
'''


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my").mkdir()
    Path("my/nets.py").write_text(MODEL, encoding="utf-8")
    return Path("my/nets.py")


def model(**keys):
    return TypeAdapter(registry.union("model")).validate_python(keys)


def built(settings, *arguments):
    return registry.load(settings).build(settings, *arguments)


def test_keys_are_the_parameters_that_the_kind_does_not_provide(nets):
    tiny = model(arch="my/nets.py:tiny", width=16)
    own = {"width": 16, "rate": 1.0, "betas": (0.5, 0.9), "further": {}}
    shared = {"activation": None, "norm": "batch", "init": {"scheme": "default", "encoder": False}, "dropout": 0.25}
    assert tiny.model_dump() == {"arch": "my/nets.py:tiny"} | shared | own
    assert tiny.title == "nets.py:tiny"
    assert built(tiny, 3, 1) == (1, 3, 16, 1.0, (0.5, 0.9), True, 0.25, {})
    further = model(arch="my/nets.py:tiny", further={"bias": False})
    assert built(further, 3, 1)[-1] == {"bias": False}


def test_a_class_is_called_like_a_function(nets):
    net = model(arch="my/nets.py:Deeper", depth=2, norm="batch")
    assert built(net, 3, 1).made == (3, 2, None, "batch")
    with pytest.raises(ValidationError, match="depth"):
        model(arch="my/nets.py:Net")
    with pytest.raises(ValidationError, match="valid integer"):
        model(arch="my/nets.py:Net", depth="deep")
    with pytest.raises(ValidationError, match=r"names\.0"):
        model(arch="my/nets.py:Net", depth=2, names=[3])


def test_a_class_of_settings_in_the_file_is_used(nets):
    wide = model(arch="my/nets.py:wide", encoder="resnet34")
    assert (wide.width, wide.encoder, wide.title) == (64, "resnet34", "wide net")
    assert built(wide, 3, 1) == (64, 3, 1)
    with pytest.raises(ValidationError, match="greater than or equal to 8"):
        model(arch="my/nets.py:wide", width=4)


def test_settings_survive_a_plan(nets):
    train = Train(model={"arch": "my/nets.py:tiny", "width": 3}, optimizer={"lr": 0.5})
    again = Train.model_validate(train.model_dump(mode="json"))
    assert again.model == train.model
    assert built(again.model, 3, 1) == (1, 3, 3, 1.0, (0.5, 0.9), True, 0.25, {})


def test_an_edited_file_is_read_again(nets):
    assert model(arch="my/nets.py:tiny").width == 8
    nets.write_text(MODEL.replace("width=8", "width=24"), encoding="utf-8")
    os.utime(nets, (1, 1))
    assert model(arch="my/nets.py:tiny").width == 24


def problem(**keys):
    with pytest.raises(InputError) as caught:
        parse(Train, keys, lambda names: f"study.yaml:{'.'.join(map(str, names))}")
    return str(caught.value)


def test_problems_name_the_key_the_file_and_a_remedy(nets):
    assert problem(model={"arch": "my/nets.py:tiny", "widht": 3}) == (
        "study.yaml:model.widht: model.widht: my/nets.py:tiny has no such key. Did you mean 'width'? Allowed: "
        "activation, arch, betas, dropout, further, init, norm, rate, width."
    )
    assert "my/nets.py: it defines no function or class 'tyni'. Did you mean 'tiny'?" in problem(
        model={"arch": "my/nets.py:tyni"}
    )
    assert "my/net.py: there is no such file" in problem(model={"arch": "my/net.py:tiny"})
    assert "my/nets.py:38: the parameter 'copy' of shadowing cannot be a key" in problem(
        model={"arch": "my/nets.py:shadowing"}
    )
    nets.write_text("def tiny(:", encoding="utf-8")
    assert "my/nets.py:1: not valid Python" in problem(model={"arch": "my/nets.py:tiny"})


def test_a_key_of_another_component_is_not_in_force(nets):
    """A study may vary the component itself: of own ones as of built-in ones."""
    assert model(arch="my/nets.py:tiny", encoder="resnet34", width=3) == model(arch="my/nets.py:tiny", width=3)
    assert model(arch="unet", width=3, rate=2.0) == model(arch="unet")


def test_an_error_of_own_code_says_where(nets):
    broken = model(arch="my/nets.py:broken")
    with pytest.raises(ZeroDivisionError) as caught:
        built(broken, 3, 1)
    assert caught.value.__notes__ == ["my/nets.py:35: raised in my/nets.py:broken"]
    Path("my/parts.py").write_text("import no_such_module", encoding="utf-8")
    Path("my/other.py").write_text("import parts\ndef build(classes): pass", encoding="utf-8")
    with pytest.raises(InputError, match=r"^my/parts.py:1: my/other.py:build cannot be imported: ModuleNotFoundError"):
        built(model(arch="my/other.py:build"), 3, 1)


def test_terms_of_a_loss(nets):
    Path("my/loss.py").write_text("def build(class_weights=None, gamma=2.0):\n    return gamma", encoding="utf-8")
    Path("loss.py").write_text("def build(gamma=2.0):\n    return gamma", encoding="utf-8")
    loss = Loss(main={"dice": 0.5, "my/loss.py:build": {"weight": 2, "gamma": 1}}, aux={"my/loss.py:build": 3})
    terms = loss.main.active()
    assert list(terms) == ["dice", "loss:build"]
    assert (terms["loss:build"].weight, terms["loss:build"].gamma) == (2.0, 1)
    assert built(terms["loss:build"], 3, None) == 1
    assert Loss.model_validate(loss.model_dump(mode="json")) == loss
    assert "Did you mean 'gamma'? Allowed: gamma, weight." in problem(loss={"main": {"my/loss.py:build": {"gama": 1}}})
    assert "Did you mean 'dice'" in problem(loss={"main": {"my/loss.py:build": 1.0, "dise": 1.0}})
    assert "would have one name in tables, 'loss:build'" in problem(
        loss={"main": {"my/loss.py:build": 1.0, "loss.py:build": 1.0}}
    )


def test_find_knows_built_in_and_own_components(nets):
    assert registry.find("model", "unet") is registry.classes("model")["unet"]
    assert registry.find("model", "my/nets.py:tiny").title == "nets.py:tiny"
    with pytest.raises(InputError, match=r"there is no model 'unett'\. Did you mean 'unet'"):
        registry.find("model", "unett")


ODD = """
from typing import Literal, Optional

WIDTH = 32


def positional(classes, /, width: int = None):
    return classes, width


def annotated(act: "nn.Module" = None, kind: Literal = "a", size: "int | None" = 3, net: Optional["Net"] = None):
    return act, kind, size, net


def defaults(classes, width=WIDTH, names={"a"}, _cache=3):
    return width, names, _cache


def größe(classes, width=2):
    return classes, width


def hidden(classes, _depth):
    return classes


def soft(logits, target, gamma=2.0):
    return 0
"""


@pytest.fixture
def odd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("odd.py").write_text(ODD, encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "given"),
    [
        ({"arch": "odd.py:positional"}, (3, None)),
        ({"arch": "odd.py:positional", "width": 4}, (3, 4)),
        ({"arch": "odd.py:annotated"}, (None, "a", 3, None)),
        ({"arch": "odd.py:annotated", "act": "relu", "size": None}, ("relu", "a", None, None)),
        ({"arch": "odd.py:defaults"}, (32, {"a"}, 3)),
        ({"arch": "odd.py:größe"}, (3, 2)),
        ({"arch": "odd.py:defaults", "width": 8}, (8, {"a"}, 3)),
    ],
)
def test_functions_are_taken_as_people_write_them(odd, keys, given):
    model = Train.model_validate({"model": keys, "loss": {"main": {"cross_entropy": 1.0}}}).model
    assert registry.load(type(model)).build(model, 3, 3) == given


def test_a_required_parameter_with_an_underscore_is_refused_by_file_and_line(odd):
    with pytest.raises(InputError, match=r"odd.py:23: the parameter '_depth' of hidden .* Give it a default"):
        registry.find("model", "odd.py:hidden")


@pytest.mark.parametrize("term", [1.0, {"weight": 0.5, "gamma": 1.0}])
def test_a_loss_function_in_place_of_one_that_makes_a_loss_is_told_what_it_has_to_be(odd, term):
    with pytest.raises(ValidationError, match=r"no value for logits, target.*given classes, class_weights.*nn.Module"):
        TypeAdapter(Loss).validate_python({"main": {"odd.py:soft": term}})


@pytest.mark.parametrize("name", ["my nets/net.py:build", "net.py", "net.py:", "net.py:a.b", "net.py build"])
def test_a_name_that_is_not_quite_one_is_told_how_it_is_written(name):
    with pytest.raises(ValidationError, match=r"is no name of your own code.*`my/file.py:name`"):
        TypeAdapter(registry.union("model")).validate_python({"arch": name})


def test_a_file_that_ends_the_program_when_it_is_imported_is_told_by_its_line(odd):
    Path("script.py").write_text("def build(classes):\n    return 1\n\n\nraise SystemExit(2)\n")
    with pytest.raises(InputError, match=r"script.py:5: script.py:build cannot be imported: SystemExit: 2"):
        registry.load(registry.find("model", "script.py:build"))
