"""Own code is imported by its path, with the modules beside it."""

import sys
from pathlib import Path

import pytest

from segsweep.own_code.loading import load_module
from segsweep.own_code.local_imports import is_installed, meant, module_of, path_of

FILES = {
    "my/net.py": """
import os.path
import blocks
import my.parts.deep
import my.parts.deep as by_name
from . import blocks as beside
from .parts.deep import Deep
from my.blocks import Block
from parts import deep
from yaml import safe_load


def build():
    import tools

    same = [blocks is beside, blocks.Block is Block, by_name is deep, my.parts.deep.Deep is Deep, Deep.base is Block]
    return same, tools.WHERE, os.path.join
""",
    "my/blocks.py": "class Block: pass",
    "my/parts/deep.py": "from ..blocks import Block\n\nclass Deep:\n    base = Block",
    "my/tools.py": "WHERE = 'my'",
    "other.v2/tools.py": "WHERE = 'other'",
    "other.v2/yaml.py": "import yaml, tools\n\ndef build():\n    return tools.WHERE, yaml.safe_load('[1]')",
}


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_code"]:
        del sys.modules[name]


def test_names_of_modules():
    name = module_of(Path("other.v2/tools.py"))
    assert name.startswith("own_code.")
    assert name.endswith(".other%2Ev2.tools")
    assert path_of(name) == Path("other.v2/tools.py").resolve()
    assert path_of(name.rpartition(".")[0]) == Path("other.v2").resolve()
    assert path_of(f"{name}.further") is None
    assert path_of("segsweep.registry") is None
    assert module_of(Path("my/__init__.py")) == module_of(Path("my"))


def test_a_module_finds_what_lies_beside_it_and_in_the_working_folder():
    same, where, join = load_module(module_of(Path("my/net.py"))).build()
    assert all(same)
    assert where == "my"
    assert join is __import__("os").path.join


def test_installed_packages_are_not_shadowed_and_equal_names_not_mixed_up():
    load_module(module_of(Path("my/net.py"))).build()
    assert load_module(module_of(Path("other.v2/yaml.py"))).build() == ("other", [1])
    assert "other.v2" not in sys.modules["yaml"].__file__
    assert not {"blocks", "tools", "my", "parts"} & sys.modules.keys()


def test_which_module_an_import_means():
    net = module_of(Path("my/net.py"))
    assert meant("blocks", net) == module_of(Path("my/blocks.py"))
    assert meant("my.parts.deep", net) == module_of(Path("my/parts/deep.py"))
    assert meant("yaml", module_of(Path("other.v2/yaml.py"))) == "yaml"
    assert meant("no_such_module", net) == "no_such_module"
    found = [is_installed(name) for name in ("os", "yaml", "segsweep", "blocks")]
    assert found == [True, True, True, False]


def test_packages_run_their_init(tmp_path):
    Path("my/__init__.py").write_text("SIZE = 3", encoding="utf-8")
    Path("my/sized.py").write_text("from . import SIZE\nfrom my import SIZE as again", encoding="utf-8")
    module = load_module(module_of(Path("my/sized.py")))
    assert (module.SIZE, module.again) == (3, 3)
