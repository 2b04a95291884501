"""What processes import before others are forked from them, which then need not."""

from contextlib import suppress
from importlib import import_module

from segsweep import lean_imports

LIBRARIES = (
    "numpy",
    "cv2",
    "torch",
    "torch._dynamo",  # what the first optimizer imports
    "torchvision",
    "albumentations",
    "segmentation_models_pytorch",
    "pydantic",
    "shapely",
    "yaml",
)
# Of this project, what a training executes whatever its settings.
CODE = ("segsweep.execution.segment_job", "segsweep.trainers.builtin", "segsweep.data.augmentation")


def import_libraries() -> None:
    """Import the libraries of trainings, and nothing of this project. Starts no thread and touches no GPU."""
    lean_imports.install()
    with lean_imports.uncollected():
        for name in LIBRARIES:
            with suppress(ImportError):  # whoever needs what is missing will say so
                import_module(name)


def import_code() -> None:
    """Import the code of trainings, and build the classes of settings."""
    lean_imports.install()
    with lean_imports.uncollected():
        for name in CODE:
            import_module(name)
        registry = import_module("segsweep.registry")
        for kind in registry.kinds():
            registry.classes(kind)


def preload() -> None:
    """Both."""
    import_libraries()
    import_code()
