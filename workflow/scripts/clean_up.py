"""What can go of results/segments, how much space that frees, and what would have to train again to have it back.

python workflow/scripts/clean_up.py [--remove]
python workflow/scripts/clean_up.py --study NAME --state none --weights "best 3"      as if its file said so

docs/disk.md says what a study keeps.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence

from rich.console import Console

from segsweep.config.keep import Keep
from segsweep.config.yaml_documents import nearest, parse
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.formatting import file_size, plural
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.worker_view import RESULTS
from segsweep.store.clean_up import Waste, find_waste, plans_to_serve, remove
from segsweep.store.segment_store import STORE, SegmentStore
from segsweep.store.spare_files import SpareFile, keep_of, spare_files
from segsweep.typed_commands import typed

SHOWN = 10
WASTE = {
    "segment": ("segments that no study here reaches", "Nothing here needs them."),
    "unfinished": ("trainings that were left unfinished", "Those of studies begin again."),
    "scratch": ("scratch", "Nothing needs it."),
}
SPARE = {
    "state": (
        "complete states that no study here keeps",
        "Training one of these runs for more epochs would begin again: {epochs} in all.",
    ),
    "weights": (
        "weights beyond the best settings",
        "To draw, evaluate, or predict with all of these runs, {epochs} would train again.",
    ),
}


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    arguments = _parser().parse_args(argv)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    plans, store = plans_to_serve(RESULTS), SegmentStore(STORE)
    if arguments.study:
        asked = _named(plans, arguments.study)
        changes = {name: value for name in ("state", "weights") if (value := getattr(arguments, name)) is not None}
        kept = {name: _changed(keep_of(plan), changes) for name, plan in asked.items()}
        segments = {segment for plan in asked.values() for segment in plan.segments}
        waste, spare = [], [one for one in spare_files(plans, store, RESULTS, kept) if one.segment in segments]
    elif arguments.state or arguments.weights:
        raise InputError("--state and --weights are said of one study: name it with --study.")
    else:
        waste, spare = find_waste(STORE, plans.values()), spare_files(plans, store, RESULTS)
    for kind, (words, then) in WASTE.items():
        _list(console, words, [one for one in waste if one.kind == kind], then)
    for kind, (words, then) in SPARE.items():
        ones = [one for one in spare if one.kind == kind]
        _list(console, words, ones, then.format(epochs=plural(sum(one.epochs for one in ones), "epoch")))
    freed = file_size(sum(one.bytes for one in [*waste, *spare]))
    if not waste and not spare:
        console.print("Nothing can go: the studies in results/ need or keep all that is there.")
    elif arguments.remove:
        remove(waste)
        for one in spare:
            one.path.unlink(missing_ok=True)
        console.print(f"Removed: {freed} are free again.")
    else:
        options = shlex.join([*(sys.argv[1:] if argv is None else argv), "--remove"])
        command = typed("clean-up", options, target=f'clean-up OPTIONS="{options}"')
        console.print(f"Nothing was removed. `{command}` frees {freed}.", markup=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    keys = Keep.model_fields
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], epilog="See docs/disk.md.")
    parser.add_argument("--remove", action="store_true", help="remove it, too")
    parser.add_argument("--study", help="of the segments of this study alone")
    parser.add_argument("--state", help=f"as if the study said `keep.state`. {keys['state'].description}")
    parser.add_argument("--weights", help=f"as if the study said `keep.weights`. {keys['weights'].description}")
    return parser


def _named(plans: dict[str, StudyPlan], name: str) -> dict[str, StudyPlan]:
    """The plans of a study: in full, and as a smoke test."""
    found = {key: plan for key, plan in plans.items() if name in (key, plan.study["name"])}
    if not found:
        raise InputError(f"{RESULTS}: there is no study {name!r} here. {nearest(name, plans)}")
    return found


def _changed(keep: Keep, changes: dict[str, str]) -> Keep:
    return parse(Keep, keep.model_dump() | changes, lambda keys: f"--{keys[0]}")


def _list(console: Console, words: str, ones: Sequence[Waste | SpareFile], then: str) -> None:
    if not ones:
        return
    console.print(f"{file_size(sum(one.bytes for one in ones))}  {words} ({len(ones):,}). {then}")
    for one in ones[:SHOWN]:
        console.print(f"  {file_size(one.bytes)}  {one.path}")
    if len(ones) > SHOWN:
        console.print(f"  and {len(ones) - SHOWN:,} more")


if __name__ == "__main__":
    sys.exit(main())
