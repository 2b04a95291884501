"""What is copied out of the package computes what the package computes."""

import numpy as np
import pytest
import torch

from segsweep import metrics, registry
from segsweep.plain_script.build_calls import build_call, literal, namespace
from segsweep.plain_script.copied_code import CannotCopy, CopiedCode
from segsweep.plain_script.layout import fitted
from segsweep.plain_script.scores import SIMPLER, score_functions
from segsweep.schedules import Progress, learning_rate

TERMS = {name: cls for name, cls in registry.classes("loss").items() if "build" in cls.functions}
# Values of keys that have no default, or that do more than it.
SCHEDULES = {"multistep": {"milestones": [1, 3]}, "cosine_restarts": {"t_0": 2}, "one_cycle": {"three_phase": True}}


def executed(code):
    """The names that a script with nothing but the copied code defines."""
    names = {}
    exec("\n".join([*code.import_lines(), code.text()]), names)
    return names


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("classes", [1, 3])
def test_a_copied_loss_is_the_loss(name, classes):
    settings = TERMS[name]()
    if classes > 1 and "multiclass" not in settings.tasks:
        pytest.skip("of a binary output only")
    code = CopiedCode()
    arguments = {"classes": str(classes), "class_weights": "None"}
    call = build_call(code, registry.module_name(settings), settings.model_dump(), arguments)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, classes, 6, 5, generator=generator)
    target = torch.randint(0, max(classes, 2), (2, 6, 5), generator=generator)
    target[0, 0] = 255
    wanted = registry.load(settings).build(settings, classes)(logits, target)
    assert torch.equal(eval(call, executed(code))(logits, target), wanted)


@pytest.mark.parametrize("name", registry.classes("schedule"))
def test_a_copied_schedule_is_the_schedule(name):
    settings = registry.find("schedule", name)(**SCHEDULES.get(name, {}))
    code = CopiedCode()
    rate = code.add(registry.module_name(settings), "learning_rate", "rate")
    code.add("segsweep.schedules", "Progress")
    code.use("types", "SimpleNamespace")
    names = executed(code)
    values = eval(namespace(settings.model_dump()), names)
    for step in range(20):
        mine, own = (cls(step, 4, 5, step // 8) for cls in (names["Progress"], Progress))
        assert names[rate](values, 0.1, mine) == learning_rate(settings, 0.1, own)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_copied_scores_are_the_scores(task):
    rng, classes = np.random.default_rng(0), ["ground", "a", "b"][: 2 if task == "binary" else 3]
    shape = (len(classes), 2, 2) if task == "multilabel" else (len(classes), len(classes))
    counts = {"labels" if task == "multilabel" else "confusion": rng.integers(0, 50, shape)}
    wanted = metrics.score(counts, task, classes)
    code = CopiedCode(simpler=SIMPLER)
    functions = score_functions(code, [f"val/{name}" for name in wanted])
    names, found = executed(code), {}
    for function in functions:
        found |= names[function](counts, metrics.scored_classes(task, classes))
    assert {name: float(found[name]) for name in wanted} == pytest.approx(
        {name: float(value) for name, value in wanted.items()}, abs=1e-12
    )
    assert len(wanted) > 5


def test_two_things_of_one_name_are_told_apart():
    code = CopiedCode(taken={"mean"})
    assert code.add("segsweep.losses.overlap", "ratio") == "ratio"
    assert code.add("segsweep.metrics.class_scores", "ratio") == "class_scores_ratio"
    assert code.add("segsweep.losses.cross_entropy", "CrossEntropy") == "CrossEntropy"
    assert "return pixels_mean(losses," in code.text()
    assert code.add("segsweep.losses.pixels", "mean") == "pixels_mean"


def test_what_reads_settings_is_not_copied():
    with pytest.raises(CannotCopy, match=r"segsweep\.registry\.load, which reads settings"):
        CopiedCode().add("segsweep.losses.combined", "Sum")
    with pytest.raises(CannotCopy, match="has no function build"):
        build_call(CopiedCode(), "segsweep.losses.db", {}, {})


def test_nothing_speaks_of_the_package():
    code = CopiedCode()
    for module, name in (("losses.dice", "Dice"), ("models.bisenet", "BiSeNet"), ("models.surgery", "replace_norms")):
        code.add(f"segsweep.{module}", name)
    assert "segsweep" not in code.text()
    assert "InputError" not in code.text()


def test_arguments_have_their_names_and_defaults_are_left_out():
    settings = TERMS["focal"](gamma=1.5)
    call = build_call(CopiedCode(), "segsweep.losses.focal", settings.model_dump(), {"class_weights": "weights"})
    assert call == "Focal(gamma=1.5, weight=weights)"
    assert namespace({"a": None, "b": {"c": "d"}}) == 'SimpleNamespace(a=None, b=SimpleNamespace(c="d"))'
    assert literal(["it's"]) == '["it\'s"]'


def test_long_lines_are_broken_in_their_last_bracket():
    names = [f"argument_{i}=value_{i}" for i in range(9)]
    short = f"    made = call({', '.join(names[:2])})"
    assert fitted(short) == [short]
    assert fitted(f"    made = call({', '.join(names[:5])})  # of a reason")[0] == "    made = call(  # of a reason"
    broken = fitted(f"    made = call({', '.join(names)})")
    assert broken == ["    made = call(", *(f"        {name}," for name in names), "    )"]
    numbers = fitted(f"    [{', '.join(map(str, range(100)))}]")
    assert len(numbers) == 6
    assert max(map(len, numbers)) <= 120
    assert " ".join("".join(numbers).split()) == " ".join(f"    [ {', '.join(map(str, range(100)))} ]".split())
