"""Compare what was trained, prepared and made of it with its checksums; forget what is damaged: it is made again.

python workflow/scripts/verify.py [--study NAME] [--repair] [smoke=true dataset=NAME ...]

docs/reliability.md says what is compared when.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from segsweep.config.load import load, requested
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.formatting import plural
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.worker_view import RESULTS
from segsweep.store.segment_store import STORE, SegmentStore
from segsweep.store.shared_tables import studies_here
from segsweep.store.verification import forget_prepared, forget_segments, verify_prepared, verify_segments
from segsweep.table_sums import FOLDER as TABLE_SUMS
from segsweep.table_sums import table_problems


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point: 1 where something is damaged, and was not forgotten."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], epilog="See docs/reliability.md.")
    parser.add_argument("--study", help="its segments and its data alone: a name in config/studies, or a path")
    parser.add_argument("--repair", action="store_true", help="forget what is damaged, and nothing else")
    parser.add_argument("options", nargs="*", help="with --study, as behind --config: dataset=camvid smoke=true")
    arguments = parser.parse_args(argv)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    plan = _plan_of(arguments.study, arguments.options) if arguments.study else None
    segments = verify_segments(SegmentStore(STORE), plan and set(plan.segments))
    prepared = verify_prepared(RESULTS / "data", plan and {Path(folder) for folder in plan.data})
    studies = [RESULTS / plan.name] if plan else sorted(path.parent for path in RESULTS.glob(f"*/{TABLE_SUMS}"))
    tables = {file: problems for folder in studies for file, problems in table_problems(folder).items()}
    damaged = {**segments.damaged, **prepared.damaged, **tables}
    for problems in damaged.values():
        for problem in problems:
            console.print(problem, markup=False)
    segments_and_data = f"{plural(segments.checked, 'segment')}, {plural(prepared.checked, 'prepared data set')}"
    console.print(
        f"{segments_and_data} and the tables of {plural(len(studies), 'study')} compared with their "
        f"checksums: {len(damaged) or 'none'} damaged."
    )
    if segments.without_sums:
        console.print(
            f"{plural(len(segments.without_sums), 'segment')} from before there were checksums: read, and no more is "
            "known of them."
        )
    if damaged and arguments.repair:
        forget_segments(segments.damaged)
        forget_prepared(prepared.damaged)
        for file in tables:
            file.unlink()
        console.print(f"Forgotten: {', '.join(map(str, damaged))}. Start again, and they are made again.", markup=False)
        return 0
    return 1 if damaged else 0


def _plan_of(study: str, options: list[str]) -> StudyPlan:
    """The plan of a study as it lies in results/.

    Raises:
        InputError: there is none.
    """
    name = load(requested(study, options)).name
    plans = studies_here(RESULTS)
    if name not in plans:
        raise InputError(f"{RESULTS / name}: no plan of the study. Start it first, or leave out STUDY to check all.")
    return plans[name]


if __name__ == "__main__":
    sys.exit(main())
