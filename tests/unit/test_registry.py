"""The registry finds components in their files, without importing what these import."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

import segsweep.data.readers
from segsweep import registry
from segsweep.compiled_settings import HEAVY, classes_in
from segsweep.config.components import Optimizer
from segsweep.config.settings import Settings
from segsweep.errors import InputError
from segsweep.syntax import ModuleSyntax

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"

LION = '''
"""Lion."""

from os.path import basename
from typing import ClassVar, Literal

import torch

from segsweep.compiled_settings import HEAVY, classes_in
from segsweep.config.components import Optimizer
from segsweep.config.settings import Settings, key

SHORT, LONG = "lion", "Lion"
torch.no_such_attribute = None


class Cage(Settings):
    width: int = key(3, "Width.")


class Felid(Optimizer):
    claws: int = key(18, "Claws.")


class LionSettings(Felid):
    """Lion."""

    title: ClassVar[str] = LONG + basename("a/b")
    name: str = key(SHORT, "Lion.")
    cage: Cage = key(Cage(), "Cage.")


def build(settings, parameter_groups):
    return torch.lion(parameter_groups)
'''

OF_ALL = {  # keys of all optimizers
    "lr": 1e-3, "weight_decay": 0.0, "weight_decay_on": "all", "lr_factor": {"encoder": 1.0, "decoder": 1.0},
    "freeze": None,
}  # fmt: skip


@pytest.fixture
def lion(tmp_path):
    path = tmp_path / "lion.py"
    path.write_text(LION, encoding="utf-8")
    return path


def test_syntax_of_a_module(lion):
    syntax = ModuleSyntax(lion)
    assert list(syntax.definitions) == ["SHORT", "LONG", "Cage", "Felid", "LionSettings", "build"]
    assert syntax.imports["torch"] == ("torch", None)
    assert syntax.imports["key"] == ("segsweep.config.settings", "key")
    assert syntax.references("LionSettings") == {"ClassVar", "Felid", "LONG", "SHORT", "Cage", "basename", "key"}
    assert syntax.references("build") == {"torch"}
    assert syntax.reached({"Cage"}) == {"Cage", "Settings", "key"}


def test_settings_are_compiled_without_the_rest_of_their_file(lion):
    felid, settings = classes_in(lion, "anywhere.lion", Optimizer)
    assert (felid.__name__, settings.__name__, settings.__module__) == ("Felid", "LionSettings", "anywhere.lion")
    assert settings.title == "Lionb"
    assert settings().model_dump() == OF_ALL | {"name": "lion", "claws": 18, "cage": {"width": 3}}


def test_settings_that_need_torch_are_refused(lion):
    lion.write_text(LION.replace("claws: int = key(18", "claws: int = key(torch.tensor(18)"), encoding="utf-8")
    with pytest.raises(InputError, match=r"lion.py: the settings Felid, LionSettings refer to torch, which imports"):
        classes_in(lion, "anywhere.lion", Optimizer)


def test_a_file_that_is_no_python_is_named_with_its_line(lion):
    lion.write_text("def f(:\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"lion.py:1: not valid Python"):
        classes_in(lion, "anywhere.lion", Optimizer)


def test_planning_imports_no_component():
    code = "import sys; from segsweep import registry; [registry.classes(kind) for kind in registry.kinds()]; "
    code += "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "segsweep.config.components" in loaded
    assert not HEAVY & loaded
    assert not [name for name in loaded if name.startswith("segsweep.optimizers")]


@pytest.mark.parametrize("kind", sorted(registry.kinds()))
def test_each_component_is_the_one_that_its_module_defines(kind):
    for name, cls in registry.classes(kind).items():
        module = registry.load(cls)
        own = getattr(module, cls.__name__)
        assert list(own.model_fields) == list(cls.model_fields), name
        assert facts(own) == facts(cls), name
        assert own.__doc__ == cls.__doc__, name


def facts(cls: type[Settings]) -> dict:
    """The values of its `ClassVar`s; what is a function or a property of the settings is none."""
    values = {name: getattr(cls, name, None) for name in cls.__class_vars__}
    return {name: value for name, value in values.items() if not callable(value) and not isinstance(value, property)}


def test_union_takes_the_default_and_leaves_out_what_is_not_in_force():
    adapter = TypeAdapter(registry.union("optimizer"))
    assert adapter.validate_python({}) == registry.classes("optimizer")["adam"]()
    sgd = adapter.validate_python({"name": "sgd", "momentum": 0.5, "betas": [0.1, 0.2]})
    assert sgd.model_dump() == OF_ALL | {"name": "sgd", "momentum": 0.5, "nesterov": False}
    with pytest.raises(ValidationError, match="momentun"):
        adapter.validate_python({"name": "adam", "momentun": 0.5})
    with pytest.raises(ValidationError, match="'adam', 'adamw', 'sgd'"):
        adapter.validate_python({"name": "lion"})


def test_union_takes_settings_of_the_imported_module():
    compiled = registry.classes("optimizer")["sgd"]
    own = registry.load(compiled).SGDSettings
    assert own is not compiled
    adapter = TypeAdapter(registry.union("optimizer"))
    assert adapter.validate_python(own(momentum=0.5)) == compiled(momentum=0.5)


class Plain(Settings):
    fact: ClassVar[int] = 1


def test_a_class_of_settings_elsewhere_is_no_component():
    assert "plain" not in registry.kinds()
    assert set(registry.kinds()) >= {"model", "loss", "optimizer", "schedule", "metric", "sampler", "pruner", "task"}


def test_schema_of_a_union_takes_what_the_union_takes():
    schema = TypeAdapter(registry.union("optimizer")).json_schema()
    assert set(schema["properties"]) == {"name", "betas", "momentum", "nesterov", "options", *OF_ALL}
    assert schema["properties"]["name"]["anyOf"][0]["enum"] == list(registry.classes("optimizer"))
    assert schema["properties"]["name"]["default"] == "adam"
    assert "required" not in schema
    fits = Draft202012Validator(schema).is_valid
    taken = [{"momentum": 0.5}, {"name": "my/lion.py:Lion", "claws": 18}]
    refused = [{"claws": 18}, {"name": "lion"}, {"name": "adam", "claws": 18}]
    assert [fits(one) for one in taken + refused] == [True, True, False, False, False]


def test_no_settings_class_loses_a_check_of_its_base():
    """pydantic takes a validator for that of a base class which has the same name: the base's would be gone unseen."""
    for module in pkgutil.walk_packages(segsweep.data.readers.__path__, "segsweep.data.readers."):
        importlib.import_module(module.name)
    lost = [
        f"{cls.__name__}.{name}, of {base.__name__}"
        for cls in _all_subclasses(Settings)
        for base in cls.__mro__[1:]
        if (checks := vars(base).get("__pydantic_decorators__"))
        for name in (*checks.field_validators, *checks.model_validators)
        if name in vars(cls)
    ]
    assert lost == []


def _all_subclasses(cls):
    return {one for sub in cls.__subclasses__() for one in (sub, *_all_subclasses(sub))}
