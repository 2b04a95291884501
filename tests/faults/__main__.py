"""python -m tests.faults: all malformed inputs, and a table of the answers. Exit status 1 where one is wrong."""

import os
import sys
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.faults.answers import ACCEPTED, HANG, KILLED, REFUSED, TRACEBACK  # noqa: E402
from tests.faults.asking import Asked, ask  # noqa: E402
from tests.faults.malformed import cases  # noqa: E402
from tests.workspace import Workspace  # noqa: E402

KINDS = (REFUSED, ACCEPTED, TRACEBACK, HANG, KILLED)


def main() -> int:
    """Ask, and show."""
    console = Console()
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        os.chdir(workspace.folder)
        asked = list(ask(cases()))
        os.chdir(ROOT)
    for one in (one for one in asked if one.wrong):
        console.print(f"{one.case.family}: {one.case.name}: {one.wrong}\n{one.answer.words}\n", markup=False)
    console.print(_table(asked))
    return int(any(one.wrong for one in asked))


def _table(asked: list[Asked]) -> Table:
    table = Table("family", "inputs", *KINDS, "not as expected", "slowest, s")
    families: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        families[one.case.family].append(one)
    for family, ones in [*families.items(), ("all", asked)]:
        found = Counter(one.answer.kind for one in ones)
        wrong, slowest = sum(bool(one.wrong) for one in ones), max(one.answer.seconds for one in ones)
        table.add_row(family, str(len(ones)), *(str(found[kind]) for kind in KINDS), str(wrong), f"{slowest:.1f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
