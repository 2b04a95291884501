"""A run as the text of a script."""

import ast
import re
import sys
import textwrap
from collections import Counter
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from segsweep import metrics
from segsweep.data.image_sampling import image_weights
from segsweep.data.loading import Normalize
from segsweep.data.splits import Refs
from segsweep.errors import InputError
from segsweep.plain_script import networks, steps
from segsweep.plain_script.augmentations import AugmentationText, augmentation
from segsweep.plain_script.build_calls import literal, namespace, shortest
from segsweep.plain_script.copied_code import CannotCopy, CopiedCode
from segsweep.plain_script.coverage import problems
from segsweep.plain_script.criteria import criteria
from segsweep.plain_script.layout import LINE, fitted
from segsweep.plain_script.scores import SIMPLER, batch_scores, score_functions
from segsweep.plain_script.trained_run import TrainedRun
from segsweep.training.loop import EXPLOSION

TEMPLATE = Path(__file__).with_name("script.py.j2")
IMPORTS, COPIED = "@IMPORTS@", "@COPIED@"  # where the template has them
TOP_LEVEL = re.compile(r"^(?:def |class )(\w+)|^([A-Z][A-Z_, ]*) = ", re.MULTILINE)


def script_of(run: TrainedRun, file: str) -> str:
    """The text of a script that trains a run again.

    Args:
        run: that was trained.
        file: name of the script, for its own first lines.

    Raises:
        InputError: the script cannot hold something of the run; names each such thing.
    """
    if found := problems(run):
        raise InputError(*(_refusal(run, one) for one in found))
    template = TEMPLATE.read_text(encoding="utf-8")
    code = CopiedCode(_names_defined(template), SIMPLER)
    code.add("segsweep.data.void", "VOID")

    def copied(dotted: str, called: str | None = None) -> str:
        module, _, name = f"segsweep.{dotted}".rpartition(".")
        return code.add(module, name, called)

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"literal": literal, "namespace": namespace}
    try:
        values = _values(run, code, file)
        _use_libraries(code, run, values["augmentation"])
        known = {"run": run, "train": run.train, "prepared": run.prepared, "copied": copied}
        text = environment.from_string(template).render(known | values)
    except CannotCopy as error:
        raise InputError(_refusal(run, str(error))) from error
    # Known only now, for the template copies what it uses.
    text = text.replace(IMPORTS, _import_section(code)).replace(COPIED, code.text())
    text = "\n".join(one for line in text.split("\n") for one in fitted(line))
    _check(text)
    return text


def _refusal(run: TrainedRun, what: str) -> str:
    return (
        f"{run.study}, run {run.run}: a plain script cannot hold {what}. Choose a run without it; docs/own_code.md "
        "says what can be written out."
    )


def _names_defined(template: str) -> set[str]:
    """What the template defines at its top, so that nothing that is copied takes these names."""
    found = (name for names in TOP_LEVEL.findall(template) for name in names)
    return {one for name in found for one in name.split(", ") if one} | {"Criterion", "LastCriterion"}


def _values(run: TrainedRun, code: CopiedCode, file: str) -> dict[str, Any]:
    """What the template is filled with besides the run; what it takes from the package is copied."""
    train, prepared = run.train, run.prepared
    augmented = augmentation(train.data, prepared)
    normalize = Normalize(train.data.preprocessing, prepared)
    parameters, groups = steps.parameters(code, train.optimizer)
    rate, schedule_settings = steps.schedule(code, train)
    weights = image_weights(train.data.image_sampling, prepared, run.training)
    batches_of_one = train.batch_size == 1 or len(run.training) == 1
    of_batches = metrics.measured_in_batches(run.scores)
    phases = criteria(code, run)
    on_gpu = str(run.record.host.get("device", "cpu")).startswith("cuda")
    return {
        "title": f"The run {run.run} of the study {run.study}, trained by one plain script.",
        "file": file,
        "out": Path(file).stem,
        "remarks": _remarks(run, with_albumentations=bool(augmented and augmented.calls)),
        "splits": ", ".join(dict.fromkeys(split for split, _ in [*run.training, *run.validation])),
        "mean": literal(tuple(shortest(normalize.mean))),
        "std": literal(tuple(shortest(normalize.std))),
        "fill": literal(tuple(prepared.fill.tolist())),
        "image_lists": _image_lists(run),
        "image_weights": "" if weights is None else literal(weights.tolist()),
        "augmentation": augmented,
        "criteria": phases,
        "accumulators": sorted({one.accumulator for one in phases}),
        "before_model": networks.before(code, train.model),
        "model": networks.network(code, train.model, run.logits, prepared.channels),
        "model_changes": networks.changes(code, train.model, batches_of_one),
        "parameters": parameters,
        "groups": groups,
        "optimizer": steps.optimizer(code, train.optimizer),
        "rate": rate,
        "schedule_settings": schedule_settings,
        "clipping": steps.clipping(code, train),
        "score_functions": score_functions(code, [name for name in run.scores if name not in of_batches]),
        "batch_scores": batch_scores(code, of_batches),
        "largest_loss": EXPLOSION,
        "score_names": literal([name.partition("/")[2] for name in run.scores]),
        "stopping": _watched(run, train.early_stopping),
        "plateau": _watched(run, train.scheduler if train.scheduler.monitors else None),
        "device": "cuda" if on_gpu else "cpu",
        "threads": run.record.host.get("threads", 1),
    }


def _watched(run: TrainedRun, settings: Any) -> dict[str, Any] | None:
    """The column that early stopping or a plateau goes by, and whether lower is better there; None without either."""
    if settings is None:
        return None
    column = settings.monitor or run.metric
    return {"column": column, "minimize": run.minimize if column == run.metric else metrics.is_minimized(column)}


def _use_libraries(code: CopiedCode, run: TrainedRun, augmented: AugmentationText | None) -> None:
    """Import what the template itself takes of libraries."""
    train = run.train
    for library in ("argparse", "csv", "sys", "torch"):
        code.use(library)
    code.use("numpy", called="np")
    code.use("pathlib", "Path")
    code.use("math", "isfinite")
    code.use("torch", "nn")
    if augmented:
        code.use(*("albumentations", None, "A") if augmented.calls else ("random",))
    if train.deterministic:
        code.use("os")
    if train.data.patches:
        code.use("json")
    if train.accumulate > 1:
        code.use("math", "ceil")
    if train.ema or train.optimizer.freeze:
        code.use("types", "SimpleNamespace")


def _remarks(run: TrainedRun, with_albumentations: bool) -> list[str]:
    """What is worth knowing of the run and of how close the script comes to it, in lines."""
    record, best = run.record, run.best
    scored = f"its best epoch is {best['epoch']}, {run.metric} {best['value']:.8g}" if best else "it has no best epoch"
    versions = ", ".join(f"{name} {value}" for name, value in record.versions.items() if value and name != "commit")
    lines = [
        f"The run: seed {run.segments[-1].seed}, {record.epochs} epochs, status {record.status}; {scored}. "
        "The same versions on a processor of the same kind give the same numbers; elsewhere sums round otherwise.",
        f"It was trained with {versions}, on {record.host.get('gpu') or record.host.get('processor') or 'a CPU'}.",
    ]
    if with_albumentations:
        lines.append(
            "The augmentation is albumentations' own: without it, leave out `augment`, and other numbers follow."
        )
    return [part for line in lines for part in textwrap.wrap(line, LINE)]


def _image_lists(run: TrainedRun) -> list[tuple[str, str]]:
    """The images that are trained on and validated on, where these are not simply the splits: name and value."""
    whole = {name: [(name, i) for i in range(len(split))] for name, split in run.prepared.splits.items()}
    if run.training == whole["train"] and run.validation == whole["val"]:
        return []
    return [("TRAINING", literal(_grouped(run.training))), ("VALIDATION", literal(_grouped(run.validation)))]


def _grouped(refs: Refs) -> list[tuple[str, list[int]]]:
    return [(split, [i for _, i in members]) for split, members in groupby(refs, itemgetter(0))]


def _import_section(code: CopiedCode) -> str:
    lines = code.import_lines()
    own = [line for line in lines if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    return "\n".join([*own, "", *(line for line in lines if line not in own)])


def _check(text: str) -> None:
    """Raises ValueError where two things at the top of the script have the same name: an error of this package."""
    names: list[str] = []
    for one in ast.parse(text).body:
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            names.append(one.name)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name for alias in one.names]
        elif isinstance(one, ast.Assign):
            names += [name.id for target in one.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"defined twice in the script: {', '.join(twice)}")
