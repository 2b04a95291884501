"""The fingerprint of code: what an edit retrains, and what it does not."""

import ast
import json
import shutil
from pathlib import Path

import pytest

from segsweep import registry
from segsweep.config.load import Request, load
from segsweep.planning.code_fingerprint import EQUIVALENT, PACKAGE, Code, readings
from segsweep.planning.grid import lay_out
from segsweep.planning.runs import make_run
from segsweep.planning.study_context import component_roots, context_of

ROOT = Path(__file__).parents[2]
STUDIES = {
    "bisenet_runs": "camvid", "unet_grid": "em_membrane", "page_loss_grid": "dibco_pages",
    "voc_multitask": "voc_subset", "text_sweep": "icdar2015_text",
}  # fmt: skip


class Package:
    """A copy of the package that may be edited; parsed files are remembered as between two starts."""

    def __init__(self, folder):
        self.root = folder / "segsweep"
        shutil.copytree(PACKAGE, self.root, ignore=shutil.ignore_patterns("__pycache__"))
        self.memory = folder / "trees.json"

    def code(self):
        """The code as it is now."""
        return Code(readings(self.memory), self.root)

    def file(self, module):
        return self.root.joinpath(*module.split(".")).with_suffix(".py")

    def edit(self, module, old, new):
        text = self.file(module).read_text(encoding="utf-8")
        assert old in text, module
        self.file(module).write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, module, text):
        self.file(module).write_text(self.file(module).read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.fixture
def package(tmp_path):
    return Package(tmp_path)


@pytest.fixture(scope="module")
def cells():
    """(study, cell, one run of it) of each cell of the shipped studies; of a sweep the setting that it starts from."""
    code = Code()
    found = []
    for study, dataset in STUDIES.items():
        loaded = load(Request(study=study, dataset=dataset), ROOT / "config")
        base = loaded.study.model_copy(update={"grid": {"batch_size": [8]}}) if loaded.study.sweep else loaded.study
        context = context_of(loaded.study, loaded.dataset, code, lambda data, folded: "", lambda weights: "")
        for cell in lay_out(base, loaded.base, loaded.location).cells:
            found.append((study, cell.cell, make_run(cell, 0, context)))
    return found


def fingerprints(cells, code):
    found = [[code.fingerprint(phase.roots) for phase in run.phases] for *_, run in cells]
    code.remembered.save()
    return found


def retrained(cells, package, before):
    after = fingerprints(cells, package.code())
    return [(study, cell) for (study, cell, _), old, new in zip(cells, before, after, strict=True) if old != new]


def small(tmp_path, code, **keys):
    """The fingerprints of the cells of a small study."""
    for folder in ("studies", "datasets"):
        (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / "datasets" / "two.yaml").write_text("{name: two, reader: folder, classes: {0: a, 1: b}}")
    study = {"name": "s", "dataset": "two", "train": {"loss": {"main": {"focal": 1.0}}}, "grid": {"batch_size": [8]}}
    (tmp_path / "studies" / "s.yaml").write_text(json.dumps(study | keys))
    loaded = load(Request(study="s"), tmp_path)
    context = context_of(loaded.study, loaded.dataset, code, lambda data, folded: "", lambda weights: "")
    runs = [make_run(cell, 0, context) for cell in lay_out(loaded.study, loaded.base, loaded.location).cells]
    code.remembered.save()
    return [code.fingerprint(run.phases[0].roots) for run in runs]


LOSSES = {"grid": {"loss.main": [{"focal": 1.0}, {"lovasz": 1.0}]}}


def changed_by(tmp_path, package, edit, **keys):
    """Which cells of a small study an edit retrains."""
    before = small(tmp_path, package.code(), **keys)
    edit()
    return [old != new for old, new in zip(before, small(tmp_path, package.code(), **keys), strict=True)]


def test_comments_docstrings_and_formatting_change_nothing(tmp_path, package):
    lines = package.file("losses.focal").read_text(encoding="utf-8").splitlines()
    edited = ["# A comment.", '"""Another docstring."""', *lines[1:], "", "", "# The end."]
    assert changed_by(tmp_path, package, lambda: package.file("losses.focal").write_text("\n".join(edited))) == [False]


@pytest.mark.parametrize(
    "module", ["losses.focal", "training.loop", "tasks.segmentation", "data.loading", "models.smp"]
)
def test_an_unused_function_changes_nothing(tmp_path, package, module):
    text = "\n\nUNUSED = 1\n\n\ndef unused():\n    return UNUSED\n"
    assert changed_by(tmp_path, package, lambda: package.append(module, text)) == [False]


@pytest.mark.parametrize(
    ("module", "old"),
    [
        ("data.prepared", "cannot be read ("),
        ("data.splits", "Add it to the data set's"),
        ("models.smp", "choose"),
    ],
)
def test_a_reworded_message_changes_nothing(tmp_path, package, module, old):
    assert changed_by(tmp_path, package, lambda: package.edit(module, old, f"{old} reworded")) == [False]


def test_an_edited_loss_changes_what_uses_it_and_nothing_else(tmp_path, package):
    edit = package.edit
    assert changed_by(tmp_path, package, lambda: edit("losses.focal", "return", "1\n        return"), **LOSSES) == [
        True,
        False,
    ]


def test_an_edited_helper_changes_all_that_reach_it(tmp_path, package):
    def edit():
        package.edit("losses.pixels", "def cross_entropies(", "@edited\ndef cross_entropies(")

    losses = [{"focal": 1.0}, {"lovasz": 1.0}, {"cross_entropy": 1.0}]
    assert changed_by(tmp_path, package, edit, grid={"loss.main": losses}) == [True, False, True]


def test_an_edit_of_the_loop_changes_everything(tmp_path, package):
    edit = lambda: package.edit("training.loop", "scaler.step(optimizer)", "scaler.step(None)")  # noqa: E731
    assert changed_by(tmp_path, package, edit, **LOSSES) == [True, True]


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("training.clipping", "train.clip_norm is None", "not train.clip_norm"),
        ("training.freezing", "epoch <= freeze.until_epoch", "epoch < freeze.until_epoch"),
        ("schedules.bad_epochs", 'state["bad"] + 1', 'state["bad"] + 2'),
        ("network_outputs", 'outputs["main"]', 'outputs["aux"]'),
    ],
)
def test_what_is_computed_from_settings_is_code(tmp_path, package, module, old, new):
    assert changed_by(tmp_path, package, lambda: package.edit(module, old, new)) == [True]


def test_trainings_call_no_more_methods_of_settings(cells):
    """`config` is outside of the fingerprint: a method there that computes would change results and no address."""
    methods = {
        method.name
        for name in ("components", "losses", "train")
        for cls in ast.parse((PACKAGE / "config" / f"{name}.py").read_text(encoding="utf-8")).body
        if isinstance(cls, ast.ClassDef)
        for method in cls.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
    }
    code = Code()
    trained = {name for *_, run in cells for phase in run.phases for name, _ in code.reached(phase.roots)}
    files = {name: PACKAGE.joinpath(*name.split(".")[1:]) for name in trained if name.split(".")[1:2] != ["config"]}
    called = set()
    for stem in files.values():
        file = next((one for one in (stem.with_suffix(".py"), stem / "__init__.py") if one.is_file()), None)
        if file:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            called |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & methods
    # These say which settings there are, or refuse some: `WeightedSum`, `Optimizer`, `ImageSampling`.
    assert called == {"active", "names_parts", "refusal"}


def test_augmentation_counts_where_there_is_one(tmp_path, package):
    backend = "data.augmentation.albumentations_backend"
    edit = lambda: package.edit(backend, "points - 0.5", "points - 0.25")  # noqa: E731
    grid = {"grid": {"data.augmentation": ["none", "basic"]}}
    assert changed_by(tmp_path, package, edit, **grid) == [False, True]


def test_the_code_of_a_backend_counts_where_it_is_chosen(tmp_path, package):
    edit = lambda: package.edit("data.augmentation.torchvision_backend", "3.5 * sigma", "3.0 * sigma")  # noqa: E731
    grid = {
        "grid": {"data.augmentation_backend": ["albumentations", "torchvision"]},
        "train": {"data": {"augmentation": "heavy"}},
    }
    assert changed_by(tmp_path, package, edit, **grid) == [False, True]


def test_reports_planning_and_checks_are_not_part_of_a_training(cells):
    code = Code()
    names = {name.split(".")[0] for *_, run in cells for name in code.hashes(run.phases[0].roots)}
    assert {"training", "losses", "models", "data", "tasks"} <= names
    assert not names & {"report", "analysis", "search", "planning", "config", "errors", "io", "formatting", "registry"}


SETTINGS = """
from segsweep.config.settings import Settings

class Keys(Settings):
    strength: float = 1.0

    def twice(self):
        return 2

def other():
    return Keys
"""


def test_of_the_settings_of_a_component_only_methods_and_the_revision_are_code(package):
    package.append("losses.focal", SETTINGS)

    def hashes():
        return package.code().hashes([("segsweep.losses.focal", "other")])

    before = hashes()
    package.edit("losses.focal", "strength: float = 1.0", "strength: float = 2.0")
    assert hashes() == before
    package.edit("losses.focal", "return 2", "return 3")
    assert hashes() != before
    package.edit("losses.focal", "return 3", "return 2")
    assert hashes() == before
    # Training code may make settings itself, with all keys at their defaults.
    package.edit("losses.focal", "strength: float = 2.0", "strength: float = 3.0\n    revision: ClassVar[int] = 2")
    assert hashes() != before


def test_an_edit_that_is_declared_equivalent_changes_nothing(package):
    roots = [("segsweep.losses.focal", "build")]
    before = package.code()
    hashes, fingerprint = before.hashes(roots), before.fingerprint(roots)
    package.edit("losses.focal", "def build(", "def unused():\n    pass\n\n\ndef build(")
    package.edit("losses.focal", "    return Focal(", "    unused()\n    return Focal(")
    after = package.code()
    after.equivalent = {}
    changed = {name: digest for name, digest in after.hashes(roots).items() if hashes.get(name) != digest}
    assert changed.keys() == {"losses.focal.build", "losses.focal.unused"}
    assert after.fingerprint(roots) != fingerprint
    build, unused = (f"losses.focal.{name} {changed[f'losses.focal.{name}']}" for name in ("build", "unused"))
    declared = before.equivalent | {build: {"losses.focal.build": hashes["losses.focal.build"]}, unused: {}}
    (package.root / EQUIVALENT).write_text(json.dumps(declared), encoding="utf-8")
    assert package.code().fingerprint(roots) == fingerprint
    package.edit("losses.focal", "    pass\n", "    return 1\n")  # of that nothing is said
    assert package.code().fingerprint(roots) != fingerprint


def test_a_component_begins_at_the_functions_of_its_kind():
    for kind, name, function in (("optimizer", "adam", "build"), ("schedule", "poly", "learning_rate")):
        component = registry.classes(kind)[name]()
        module = f"segsweep.{component.package}.{name}"
        assert component_roots(component) == [(module, function)]
        assert Code().fingerprint(component_roots(component))


def test_what_an_import_runs_counts(package):
    root = [("segsweep.losses.focal", "build")]
    before = package.code().fingerprint(root)
    package.append("losses.focal", "\nimport torch\n\ntorch.set_num_threads(1)\n")
    assert package.code().fingerprint(root) != before


def test_an_attribute_of_a_module_is_that_function_a_module_as_a_value_is_all_of_it(tmp_path):
    root = tmp_path / "segsweep"
    root.mkdir()
    (root / "__init__.py").write_text("")
    (root / "tools.py").write_text("def one(): return 1\ndef two(): return 2\n")
    (root / "again.py").write_text("from segsweep.tools import two as renamed\n")
    (root / "user.py").write_text(
        "from segsweep import tools, again\nimport segsweep.tools\ndef part(): return tools.one()\n"
        "def whole(): return dir(tools)\ndef dotted(): return segsweep.tools.two()\ndef via(): return again.renamed()\n"
    )
    code = Code(package=root)
    reached = {
        name: set(code.hashes([("segsweep.user", name)])) - {f"user.{name}"}
        for name in ("part", "whole", "dotted", "via")
    }
    assert reached == {
        "part": {"tools.one"},
        "whole": {"tools.one", "tools.two"},
        "dotted": {"tools.two"},
        "via": {"tools.two"},
    }
    with pytest.raises(LookupError, match="defines no missing"):
        code.hashes([("segsweep.user", "missing")])


def test_what_a_name_stands_for_counts(tmp_path):
    root = tmp_path / "segsweep"
    root.mkdir()
    (root / "__init__.py").write_text("")
    found = []
    for module in ("torch", "numpy"):
        (root / "user.py").write_text(f"from {module} import mean\ndef f(x): return mean(x)\n")
        found.append(Code(package=root).fingerprint([("segsweep.user", "f")]))
    assert found[0] != found[1]


def test_files_are_parsed_once(package):
    roots = [("segsweep.training.loop", "train_segment")]
    first = package.code()
    before = first.fingerprint(roots)
    first.remembered.save()
    known = json.loads(package.memory.read_text())
    loop = str(package.file("training.loop"))
    known["files"][loop][1] = known["files"][str(package.file("training.seeding"))][
        1
    ]  # would be noticed if it were read
    package.memory.write_text(json.dumps(known))
    with pytest.raises(LookupError):
        package.code().fingerprint(roots)
    package.memory.write_text("{broken")
    assert package.code().fingerprint(roots) == before


def test_editing_a_component_retrains_exactly_the_cells_of_the_five_studies_that_use_it(cells, package):
    assert {study for study, *_ in cells} == set(STUDIES)
    code = package.code()
    before = fingerprints(cells, code)
    reached = {roots: code.reached(roots) for roots in {phase.roots for *_, run in cells for phase in run.phases}}
    components = sorted(
        root for root in frozenset().union(*reached) if root[0].startswith(("segsweep.losses.", "segsweep.models."))
    )
    assert len(components) > 8
    for name, function in components:
        module = name.removeprefix("segsweep.")
        original = package.file(module).read_text(encoding="utf-8")
        package.edit(module, f"def {function}(", f"@edited\ndef {function}(")
        # A component may build on another one's: then its users retrain as well.
        expected = [
            (study, cell)
            for study, cell, run in cells
            if any((name, function) in reached[phase.roots] for phase in run.phases)
        ]
        assert expected
        assert retrained(cells, package, before) == expected, module
        package.file(module).write_text(original, encoding="utf-8")


def test_a_shared_prefix_survives_an_edit_of_the_later_loss(cells):
    first, fourth = (run.phases for study, cell, run in cells if study == "bisenet_runs" and cell in ("1", "4"))
    assert first[0].hash == fourth[0].hash
    assert (first[0].last, fourth[0].last, fourth[1].first) == (50, 35, 36)
    assert first[0].code != fourth[1].code


@pytest.mark.parametrize("module", ["analysis.correlations", "analysis.claims.trend", "analysis.comparison"])
def test_an_edit_of_a_table_or_a_claim_analyzes_again_and_collects_nothing(package, module):
    before = [package.code().program_fingerprint(program) for program in ("analyze_study", "collect_results")]
    package.append(module, "\nEDITED = 1\n")
    after = [package.code().program_fingerprint(program) for program in ("analyze_study", "collect_results")]
    assert after[0] != before[0]
    assert after[1] == before[1]
