"""The addresses of all shipped studies, as a table that is committed.

An address that moves makes everybody's segments train again. So a change that moves one without meaning to fails
(tests/unit/test_planning_address_table.py).

- `python -m tests.addresses` writes the table again, for a change that means to. CHANGELOG.md says so, marked
  **results**.
- `python -m tests.addresses --same-results [NAME ...]` declares that the definitions named (all that moved, if none is,
  but those after `--except`) train what they trained before, and writes that into equivalent_code.json. `OLD=NEW` says
  that NEW does now what OLD did, which is gone. `python -m tests.same_training REVISION` shows whether it is true.

Settings and code are apart, so that an edit of the loop moves a few lines and not all: `runs` holds the hashes of the
phases of each run with stand-ins for data and code, `code` the fingerprint of each function where trainings begin,
those of all components included, and `definitions` the hash of all that these reach.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

from segsweep import registry  # noqa: E402
from segsweep.config.components import TASKS  # noqa: E402
from segsweep.config.load import Request, load  # noqa: E402
from segsweep.config.yaml_documents import Document  # noqa: E402
from segsweep.planning.code_fingerprint import EQUIVALENT, PACKAGE, Code, Symbol  # noqa: E402
from segsweep.planning.grid import lay_out  # noqa: E402
from segsweep.planning.runs import make_run  # noqa: E402
from segsweep.planning.study_context import context_of, preparation_roots, training_roots  # noqa: E402

TABLE = ROOT / "tests" / "addresses.json"
Equivalent = dict[str, dict[str, str]]  # see `Code.equivalent`
# Kinds of components that a training calls.
TRAINED = ("model", "loss", "optimizer", "schedule", "metric")


class AnyCode(Code):
    """Stands for the code, whatever it does."""

    def fingerprint(self, roots: Any) -> str:
        """The same for all."""
        return "code"


def table() -> dict[str, dict[str, Any]]:
    """The addresses as they are now."""
    code, runs, roots = Code(), *runs_and_roots()
    return {
        "runs": runs,
        "code": {_name(root): code.fingerprint([root]) for root in sorted(roots)},
        "definitions": dict(sorted(code.hashes(roots).items())),
    }


def runs_and_roots() -> tuple[dict[str, dict[str, list[str]]], set[Symbol]]:
    """The hashes of the phases of each run of each study, and all functions where trainings begin."""
    runs: dict[str, dict[str, list[str]]] = {}
    roots = component_functions()
    for path in sorted((ROOT / "config" / "studies").glob("*.yaml")):
        if "table" in Document(path).values:  # nothing is trained
            continue
        for smoke in (False, True) if "smoke" in Document(path).values else (False,):
            loaded = load(Request(study=path.stem, smoke=smoke), ROOT / "config")
            roots |= preparation_roots(loaded.dataset)
            context = context_of(
                loaded.study, loaded.dataset, AnyCode(), lambda section, folded: "data", lambda weights: weights or ""
            )
            # Of a search, the setting that it starts from.
            study = loaded.study.model_copy(update={"grid": {"batch_size": [loaded.base["batch_size"]]}, "sweep": None})
            cells = lay_out(study if loaded.study.sweep else loaded.study, loaded.base, loaded.location).cells
            for seed in loaded.study.seeds:
                for cell in cells:
                    run = make_run(cell, seed, context)
                    runs.setdefault(loaded.name, {})[run.run] = [phase.hash for phase in run.phases]
                    roots = roots.union(*(phase.roots for phase in run.phases))
    return runs, roots


def component_functions() -> set[Symbol]:
    """Where the trainings of all tasks begin, and all components that a training calls."""
    found = set().union(*(training_roots(task) for task in TASKS))
    for kind in TRAINED:
        for component in set(registry.classes(kind).values()):
            found |= {(registry.module_name(component), name) for name in component.functions}
    return found


def moved(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    """What two tables differ in, by name."""
    found = [f"{part} {name}" for part in ("code", "definitions") for name in _differing(before[part], now[part])]
    for study in sorted(before["runs"].keys() | now["runs"].keys()):
        runs = _differing(before["runs"].get(study, {}), now["runs"].get(study, {}))
        if runs:
            found.append(f"settings of {study}: {len(runs)} runs, the first is {runs[0]}")
    return found


def _differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _name(root: Symbol) -> str:
    return ".".join(root).removeprefix("segsweep.")


def moved_definitions(before: dict[str, str], own: dict[str, str], known: Equivalent) -> list[str]:
    """Names of the definitions that are none of the committed table, or not as there; arguments as below."""
    stand_for = {name: known.get(f"{name} {digest}", {name: digest}) for name, digest in own.items()}
    return [name for name, one in stand_for.items() if any(before.get(old) != digest for old, digest in one.items())]


def declare_equivalent(
    before: dict[str, str], own: dict[str, str], known: Equivalent, said: Iterable[str]
) -> Equivalent:
    """What equivalent_code.json becomes.

    Args:
        before: definitions of the committed table, by name.
        own: the hash of each definition as it is now, equivalent or not.
        known: what the file says.
        said: names, or `OLD=NEW`.

    Raises:
        SystemExit: a name is none that moved, or the OLD one is not gone.
    """
    replaced = dict(one.split("=", 1) for one in said if "=" in one)
    names = {one for one in said if "=" not in one} | set(replaced.values())
    candidates = set(moved_definitions(before, own, known))
    if unknown := sorted((names - candidates) | (replaced.keys() - before.keys()) | (replaced.keys() & own.keys())):
        raise SystemExit(f"{', '.join(unknown)}: did not move. What moved: {', '.join(sorted(candidates))}")
    declared = {key.split(" ")[0]: one for key, one in known.items()}
    stand_for = {name: known.get(f"{name} {digest}", {name: digest}) for name, digest in own.items()}
    for name in names:
        stand_for[name] = dict(declared.get(name) or ({name: before[name]} if name in before else {}))
    for old, new in replaced.items():
        stand_for[new][old] = before[old]
    return {f"{name} {own[name]}": one for name, one in sorted(stand_for.items()) if one != {name: own[name]}}


def main(arguments: list[str]) -> None:
    """Write the table or equivalent_code.json, as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.addresses")
    parser.add_argument("--same-results", nargs="*", metavar="NAME", help="these train what they trained before")
    parser.add_argument("--except", dest="but", nargs="+", metavar="NAME", default=[], help="these do not")
    options = parser.parse_args(arguments)
    before = json.loads(TABLE.read_text(encoding="utf-8"))
    if options.same_results is not None:
        code = Code()
        known, code.equivalent = code.equivalent, {}
        own = code.hashes(runs_and_roots()[1])
        said = options.same_results or moved_definitions(before["definitions"], own, known)
        said = [name for name in said if name not in options.but]
        found = declare_equivalent(before["definitions"], own, known, said)
        (PACKAGE / EQUIVALENT).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    now = table()
    print("\n".join(moved(before, now)) or "No address moved.")
    TABLE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
