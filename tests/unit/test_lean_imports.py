"""What is not imported: each start of a training would wait for it."""

import sys

import pytest

from segsweep.execution.pack import preload
from segsweep.lean_imports import without

LIBRARY = "try:\n    import tracking\nexcept ImportError:\n    tracking = None\n"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A library that takes another one where it finds it."""
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "tracking.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("library", "tracking"):
        sys.modules.pop(name, None)


def test_a_package_is_hidden_within_the_block_alone(installed):
    with without("tracking"):
        import library
    assert library.tracking is None
    import tracking

    assert tracking.__file__


def test_one_that_is_imported_already_stays(installed):
    import tracking

    with without("tracking"):
        import library
    assert library.tracking is tracking
    assert sys.modules["tracking"] is tracking


def test_packs_and_warm_processes_import_libraries_without_wandb(installed, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    (tmp_path / "wandb.py").write_text("")
    (tmp_path / "library.py").write_text(LIBRARY.replace("tracking", "wandb"))
    preload(["library"])
    assert sys.modules["library"].wandb is None
