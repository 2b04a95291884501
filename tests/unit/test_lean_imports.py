"""What is not imported: each start of a training would wait for it."""

import gc
import sys
from importlib import import_module

import pytest

from segsweep import lean_imports


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library that takes another one where it finds it."""
    (tmp_path / "library.py").write_text("try:\n    import tracking\nexcept ImportError:\n    tracking = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    lean_imports.install({"library": "tracking"})
    yield tmp_path
    for name in ("library", "tracking"):
        sys.modules.pop(name, None)


def test_a_package_is_imported_when_it_is_used(library):
    (library / "tracking.py").write_text("answer = 42")
    importing = import_module("library")
    assert "tracking" not in sys.modules
    assert importing.tracking.answer == 42
    assert import_module("tracking").__file__
    with pytest.raises(AttributeError, match="question"):
        _ = importing.tracking.question


def test_one_that_is_imported_already_is_the_one(library):
    (library / "tracking.py").write_text("")
    tracking = import_module("tracking")
    assert import_module("library").tracking is tracking
    assert sys.modules["tracking"] is tracking


def test_one_that_is_not_installed_is_none(library):
    assert import_module("library").tracking is None


def test_timm_takes_no_wandb(monkeypatch):
    import_module("timm")
    monkeypatch.delitem(sys.modules, "timm.utils.summary")
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    lean_imports.install()
    summary = import_module("timm.utils.summary")
    assert "wandb" not in sys.modules
    assert summary.wandb.__name__ == "wandb"  # and imports it when it is used


def test_imports_are_not_looked_through_for_garbage_and_later_ones_are():
    seen = []
    with lean_imports.uncollected():
        seen.append(gc.isenabled())
    assert seen == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
