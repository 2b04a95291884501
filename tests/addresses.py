"""The addresses of all shipped studies, as a table that is committed: `python -m tests.addresses` writes it again.

An address that moves makes everybody's segments train again. So a change that moves one without meaning to fails
(tests/unit/test_planning_address_table.py), and one that means to says so in CHANGELOG.md, marked **results**.

Settings and code are apart, so that an edit of the loop moves one line and not all: `runs` holds the hashes of the
phases of each run with stand-ins for data and code, `code` the fingerprint of each function where trainings begin.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

from segsweep.config.load import Request, load  # noqa: E402
from segsweep.config.yaml_documents import Document  # noqa: E402
from segsweep.planning.code_fingerprint import Code  # noqa: E402
from segsweep.planning.grid import lay_out  # noqa: E402
from segsweep.planning.runs import make_run  # noqa: E402
from segsweep.planning.study_context import context_of, preparation_roots  # noqa: E402

TABLE = ROOT / "tests" / "addresses.json"


class AnyCode(Code):
    """Stands for the code, whatever it does."""

    def fingerprint(self, roots: Any) -> str:
        """The same for all."""
        return "code"


def table() -> dict[str, dict[str, Any]]:
    """The addresses as they are now."""
    runs: dict[str, dict[str, list[str]]] = {}
    roots = set()
    for path in sorted((ROOT / "config" / "studies").glob("*.yaml")):
        if "table" in Document(path).values:  # nothing is trained
            continue
        for smoke in (False, True) if "smoke" in Document(path).values else (False,):
            loaded = load(Request(study=path.stem, smoke=smoke), ROOT / "config")
            roots |= preparation_roots(loaded.dataset)
            context = context_of(
                loaded.study, loaded.dataset, AnyCode(), lambda section: "data", lambda weights: weights or ""
            )
            # Of a search, the setting that it starts from.
            study = loaded.study.model_copy(update={"grid": {"batch_size": [loaded.base["batch_size"]]}, "sweep": None})
            cells = lay_out(study if loaded.study.sweep else loaded.study, loaded.base, loaded.location).cells
            for seed in loaded.study.seeds:
                for cell in cells:
                    run = make_run(cell, seed, context)
                    runs.setdefault(loaded.name, {})[run.run] = [phase.hash for phase in run.phases]
                    roots = roots.union(*(phase.roots for phase in run.phases))
    code = Code()
    return {
        "runs": runs,
        "code": {".".join(root).removeprefix("segsweep."): code.fingerprint([root]) for root in sorted(roots)},
    }


def moved(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    """What two tables differ in, by name."""
    found = [f"code of {name}" for name in _differing(before["code"], now["code"])]
    for study in sorted(before["runs"].keys() | now["runs"].keys()):
        runs = _differing(before["runs"].get(study, {}), now["runs"].get(study, {}))
        if runs:
            found.append(f"settings of {study}: {len(runs)} runs, the first is {runs[0]}")
    return found


def _differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")
