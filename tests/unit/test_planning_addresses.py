"""What of a setting enters an address, and what does not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import create_model

from segsweep import registry
from segsweep.config.dotted_keys import flat
from segsweep.config.settings import Component, Settings, key
from segsweep.config.train import Train
from segsweep.planning.addresses import (
    InForce,
    Meaning,
    SectionAddresses,
    as_text,
    differences,
    meanings,
    read_keys,
    roots,
)  # fmt: skip

ROOT = Path(__file__).parents[2]
ANY = InForce()


class Inner(Settings):
    depth: int = key(3)
    width: float = key(1.0)


class Part(Component):
    name: Literal["part"] = key("part")
    size: int = key(8)


class Other(Component):
    name: Literal["other"] = key("other")
    monitor: str | None = key(None)


class Outer(Settings):
    plain: int = key(1)
    inner: Inner = key(Inner(width=2.0))
    maybe: Inner | None = key(None)
    part: Part | Other = key(Part())
    terms: dict[str, Part] = key({})
    listed: list[Inner] = key([])
    workers: int = key(0, outcome=False)
    boxes: int = key(5, tasks=("multitask",))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Outer(), {}),
        (Outer(plain=1, workers=7), {}),
        (Outer(plain=2), {"plain": 2}),
        (Outer(inner=Inner(width=2.0, depth=4)), {"inner": {"width": 2.0, "depth": 4}}),
        # As its own class has it, but not as the section has it by default: named, though there is nothing in it.
        (Outer(inner=Inner()), {"inner": {}}),
        (Outer(maybe=Inner()), {"maybe": {}}),
        (Outer(part=Part(size=9)), {"part": {"name": "part", "size": 9}}),
        (Outer(part=Other()), {"part": {"name": "other"}}),
        (Outer(terms={"b": Part(), "a": Part(size=1)}),
         {"terms": {"a": {"name": "part", "size": 1}, "b": {"name": "part"}}}),
        (Outer(listed=[Inner(), Inner(depth=1)]), {"listed": [{}, {"depth": 1}]}),
        (Outer(boxes=6), {"boxes": 6}),
    ],
)  # fmt: skip
def test_keys_that_differ_from_their_defaults(settings, expected):
    assert differences(settings, ANY) == expected


def test_keys_of_another_task_are_not_in_force():
    assert differences(Outer(boxes=6), InForce("binary")) == {}
    assert differences(Outer(boxes=6), InForce("multitask")) == {"boxes": 6}


def test_a_section_of_which_nothing_in_force_differs_is_not_named():
    outer = create_model("Outer", __base__=Settings, part=(Outer, key(Outer())))
    set_to = outer(part=Outer(boxes=6, workers=3))
    assert differences(set_to, InForce("binary")) == {}
    assert differences(set_to, InForce("multitask")) == {"part": {"boxes": 6}}


@pytest.mark.parametrize(
    ("task", "adds"),
    [("binary", {}), ("multitask", {"top_k": 9}), ("text", {"thresh": 0.2})],
)
def test_postprocessing_counts_by_task(task, adds):
    train = Train.model_validate({"postprocess": {"thresh": 0.2, "top_k": 9}})
    assert differences(train, InForce(task)).get("postprocess", {}) == adds


def revised(cls, **fields):
    """A later version of a class: of another revision, with further keys."""
    return type(cls.__name__, (cls,), {"revision": 2, "__annotations__": {"revision": ClassVar[int]}, **fields})


def test_a_raised_revision_enters_wherever_the_class_is_in_force():
    later = revised(Inner)
    assert differences(later(), ANY) == {"revision": 2}
    outer = create_model("Outer", __base__=Outer, inner=(later, key(later(width=2.0))))
    assert differences(outer(), ANY) == {"inner": {"revision": 2}}
    assert differences(outer(inner=later(depth=1)), ANY) == {"inner": {"depth": 1, "revision": 2}}


def test_a_raised_revision_of_a_key_enters_where_the_key_is_set():
    later = create_model("Inner", __base__=Inner, depth=(int, key(3, revision=2)))
    assert differences(later(), ANY) == {}
    assert differences(later(width=2.0), ANY) == {"width": 2.0}
    assert differences(later(depth=1), ANY) == {"depth": 1, "depth.revision": 2}
    outer = create_model("Outer", __base__=Outer, inner=(later, key(later())))
    assert differences(outer(), ANY) == {}
    assert differences(outer(inner=later(depth=1)), ANY) == {"inner": {"depth": 1, "depth.revision": 2}}


def test_values_stand_for_what_they_name_default_or_not():
    in_force = InForce(meanings={"monitor": lambda value: Meaning([value or "val/miou", "max"])})
    assert differences(Other(), in_force) == {"name": "other", "monitor": ["val/miou", "max"]}
    assert differences(Other(monitor="val/miou"), in_force) == differences(Other(), in_force)
    outer = create_model("Outer", __base__=Outer, part=(Other, key(Other())))
    assert differences(outer(), in_force) == {"part": {"monitor": ["val/miou", "max"]}}


def test_a_meaning_may_be_nothing_and_call_for_code():
    group = ("OneOf", {"transforms": [("Resize", {}), ("Flip", {})]})
    transforms = {"none": [], "basic": [["Flip", {}]], "revised": [group]}
    found = meanings(lambda column: (column or "val/loss", True), lambda column: [("metrics", column)], transforms.get,
                     lambda name: [("own_code.aug", "flips")], {"a.pt": "f00d"}.get)  # fmt: skip
    assert found["augmentation"]("none") == Meaning()
    assert found["augmentation"]("basic").adds == [["Flip", {}]]
    assert found["augmentation"]("revised").adds == [group, {"Resize": 2}]
    package = "segsweep.data.augmentation"
    called = {package, f"{package}.albumentations_backend"}
    assert {root[0] for root in found["augmentation"]("basic").roots} == called
    assert found["augmentation_backend"]("albumentations") == Meaning()
    assert found["augmentation_backend"]("torchvision").adds == "torchvision"
    assert {root[0] for root in found["augmentation_backend"]("torchvision").roots} == {
        f"{package}.torchvision_backend"
    }
    assert found["encoder_weights"]("a.pt").adds == {"content": "f00d"}
    assert (found["encoder_weights"]("imagenet").adds, found["encoder_weights"](None).adds) == ("imagenet", None)
    assert found["monitor"](None) == Meaning(["val/loss", "min"], frozenset({("metrics", "val/loss")}))


def test_roots_are_those_of_components_in_force_by_default_or_not():
    in_force = InForce(roots_of=lambda one: [("module", one.name)])
    assert roots(Outer(), in_force) == {("module", "part")}
    assert roots(Outer(part=Other(), terms={"a": Part()}), in_force) == {("module", "other"), ("module", "part")}


def test_sections_are_looked_at_once():
    looked = []
    in_force = InForce(meanings={"plain": lambda value: looked.append(value) or Meaning(value)})
    sections = SectionAddresses(Outer, in_force)
    value = 1000
    assert [sections.of("plain", value).adds for _ in range(3)] == [{"plain": 1000}] * 3
    assert set(looked) == {1000}
    assert len(looked) <= 2  # what it adds, and what code it calls for


def test_flat_names_and_text():
    assert flat({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}
    assert as_text({"b": 1.0, "a": None}) == '{"a":null,"b":1.0}'


def classes_in(kind, found=None):
    """All classes of settings in a class of settings, at any depth, components of unions included."""
    found = {} if found is None else found
    if isinstance(kind, type) and issubclass(kind, Settings):
        if kind.__qualname__ not in found:
            found[kind.__qualname__] = kind
            for field in kind.model_fields.values():
                classes_in(field.annotation, found)
    else:
        for argument in getattr(kind, "__args__", ()):
            classes_in(argument, found)
    return found


COMPONENTS = [cls for kind in registry.kinds() for cls in registry.classes(kind).values()]
CLASSES = classes_in(Train) | {cls.__qualname__: cls for cls in COMPONENTS}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_new_key_at_its_default_adds_nothing_to_any_class(name):
    kind = CLASSES[name]
    grown = create_model(kind.__name__, __base__=kind, new_key=(int, key(7)), new_section=(Inner, key(Inner(depth=9))))
    assert read_keys(grown, None).keys() - read_keys(kind, None).keys() == {"new_key", "new_section"}
    given = {name: f"any {name}" for name, field in kind.model_fields.items() if field.is_required()}
    before, after = (differences(cls.model_construct(**given), ANY) for cls in (kind, grown))
    assert before == after
    assert differences(grown.model_construct(**given, new_key=8), ANY) == before | {"new_key": 8}


PLAN = """
import json, sys
sys.path.insert(0, "workflow/scripts")
from segsweep.planning.planner import open_study
print(json.dumps(sorted(open_study({"study": "demo"}, plans=True).cut.segments)))
"""


def planned(folder):
    """Segments of the demo study, planned by the code in a folder."""
    done = subprocess.run([sys.executable, "-c", PLAN], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


NEW_LOSS = '''"""A new loss."""

from segsweep.config.components import Term
from segsweep.config.settings import key


class Brandnew(Term):
    """A new loss."""

    strength: float = key(1.0, "How strong.", ge=0)


def build(term, classes, class_weights):
    """See `segsweep.losses`."""
    return None
'''


def test_new_components_and_new_keys_leave_the_segments_of_the_demo_alone(tmp_path):
    for name in ("workflow", "config"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = planned(tmp_path)
    assert len(before) == 16
    package = tmp_path / "workflow/scripts/segsweep"
    (package / "losses/brandnew.py").write_text(NEW_LOSS)
    adam = (package / "optimizers/adam.py").read_text()
    (package / "optimizers/brandnew.py").write_text(adam.replace('"adam"', '"brandnew"').replace("AdamSettings", "New"))
    for module, after in (
        ("optimizers/adam.py", '    name: Literal["adam"] = key("adam", "Adam.")\n'),
        ("config/train.py", "class Data(Settings):\n"),
        ("config/train.py", "class Train(Settings):\n"),
        (
            "config/dataset_keys.py",
            '    root: str = key("", "Folder of the data set, under data_root.", outcome=False)\n',
        ),
    ):
        text = (package / module).read_text()
        assert after in text
        (package / module).write_text(text.replace(after, after + '    brandnew: int = key(3, "New.")\n', 1))
    assert planned(tmp_path) == before
