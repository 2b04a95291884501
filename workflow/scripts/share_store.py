"""Send trained segments and tables to the shared store, bring them, compare.

python workflow/scripts/share_store.py push [--study NAME] [--without-state]
python workflow/scripts/share_store.py pull [--study NAME | --all] [smoke=true dataset=NAME ...]
python workflow/scripts/share_store.py status

The store is the remote that `dvc remote default` names. docs/sharing.md says how it works.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from segsweep.config.load import Loaded, Request, load, requested
from segsweep.errors import InputError
from segsweep.exits import CRASHED, program
from segsweep.formatting import file_size, plural
from segsweep.planning.plan_file import SegmentPlan
from segsweep.planning.planner import planned
from segsweep.planning.worker_view import RESULTS
from segsweep.store.remote import Remote, open_remote
from segsweep.store.segment_store import STORE, SegmentStore
from segsweep.store.shared_segments import Outcome, listing, pull, push, usable_segments
from segsweep.store.shared_tables import pull_tables, push_tables, state_of, studies_here
from segsweep.store.signatures import Refused, Signatures, signatures_of


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    arguments = _parser().parse_args(argv)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    actions = {"push": _push, "pull": _pull, "status": _status}
    return actions[arguments.action](arguments, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], epilog="docs/sharing.md says how it works."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name, what in (
        ("push", "send what the store lacks"),
        ("pull", "bring what the studies of this checkout need"),
        ("status", "what is here and what is there"),
    ):
        action = actions.add_parser(name, help=what, description=what)
        action.add_argument("--remote", help="a DVC remote other than the default one")
        if name != "status":
            action.add_argument("--study", help="one study only: a name in config/studies, or a path")
        if name == "push":
            action.add_argument("--key", help="your SSH key, where the remote's files are signed (default: git's)")
            action.add_argument("--without-state", action="store_true", help="less to send; cannot be extended there")
        if name == "pull":
            action.add_argument("--all", action="store_true", help="every segment of the store, needed or not")
            action.add_argument("options", nargs="*", help="as behind --config: dataset=camvid smoke=true")
    return parser


def _push(arguments: argparse.Namespace, console: Console) -> int:
    remote = open_remote(name=arguments.remote)
    signatures = signatures_of(remote.configured, arguments.key)
    chosen = names = None
    if arguments.study:
        name = load(requested(arguments.study, [])).study.name
        plans = {key: plan for key, plan in studies_here(RESULTS).items() if plan.study["name"] == name}
        names = set(plans)
        chosen = {segment for plan in plans.values() for segment in plan.segments}
    with_state = not arguments.without_state
    outcome = push(STORE, remote, chosen, with_state=with_state, signatures=signatures, say=console.print)
    tables = push_tables(RESULTS, remote, names, signatures)
    console.print(
        f"{remote.name}: sent {plural(len(outcome.moved), 'segment')} ({file_size(outcome.bytes)}), "
        f"{outcome.there} were there; sent the tables of {', '.join(tables) or 'no study, nothing new'}."
    )
    if arguments.without_state and outcome.light:
        console.print(
            f"{plural(len(outcome.light), 'segment')} without the complete state: they cannot be extended there."
        )
    for segment, text in outcome.refused:
        console.print(f"not sent: {segment}: {text}", markup=False)
    return CRASHED if outcome.refused else 0


def _pull(arguments: argparse.Namespace, console: Console) -> int:
    remote = open_remote(name=arguments.remote)
    if not remote.exists():
        raise InputError(
            f"{remote.name} does not exist: nothing was ever pushed there, or it is not mounted, or the address is "
            "wrong (`dvc remote list`). Nothing was changed here."
        )
    signatures = signatures_of(remote.configured)
    tables: list[str] = []
    needed: dict[str, SegmentPlan] = {}
    for loaded in _studies(arguments, console):
        # Decisions of a search come with the tables, and the plan follows from them.
        if not arguments.all and _brings_tables(remote, loaded, signatures, console):
            tables.append(loaded.name)
        try:
            needed |= planned(_request_of(arguments, loaded), loaded).plan.segments
        except InputError as error:
            if arguments.study:
                raise
            console.print(f"passed over {loaded.name}: {_first_sentence(error)}")
    chosen = None if arguments.all else usable_segments(needed, listing(remote))
    outcome = pull(STORE, remote, chosen, planned=needed, signatures=signatures, say=console.print)
    console.print(
        f"{remote.name}: brought {plural(len(outcome.moved), 'segment')} ({file_size(outcome.bytes)}), "
        f"{outcome.there} were here, the store lacks {len(outcome.lacking)}; "
        f"brought tables of {', '.join(tables) or 'no study'}."
    )
    _tell_of_trouble(outcome, console)
    return 0


def _brings_tables(remote: Remote, loaded: Loaded, signatures: Signatures | None, console: Console) -> bool:
    """Bring the tables of a study; whether there were new ones."""
    state = state_of(
        loaded.study.model_dump(mode="json", by_alias=True),
        loaded.dataset.model_dump(mode="json") if loaded.dataset else None,
        loaded.smoke,
    )
    try:
        return bool(pull_tables(RESULTS, remote, loaded.name, state, signatures))
    except Refused as error:
        console.print(f"not believed, not taken: the tables of {loaded.name}: {error}", markup=False)
        return False


def _tell_of_trouble(outcome: Outcome, console: Console) -> None:
    if outcome.light:
        console.print(
            f"{plural(len(outcome.light), 'segment')} came without the complete state: fine for reports and "
            "images. To extend one, remove its folder in results/segments; it trains again."
        )
    for segment, text in outcome.corrupt:
        console.print(f"damaged, not taken, trains again when it is needed: {segment}: {text}", markup=False)
    for segment, text in outcome.refused:
        console.print(f"not believed, not taken, trains again when it is needed: {segment}: {text}", markup=False)
    if outcome.refused:
        console.print("Remove these from segments/ in the remote, and the next push of a good one replaces them.")


def _status(arguments: argparse.Namespace, console: Console) -> int:
    remote = open_remote(name=arguments.remote)
    store = SegmentStore(STORE)
    held = listing(remote) if remote.exists() else {}
    here = {segment: store.bytes(segment) for segment in store.complete}
    only_here = here.keys() - held.keys()
    console.print(f"{remote.name}: {plural(len(held), 'segment')}, {file_size(sum(size for _, size in held.values()))}")
    console.print(
        f"{STORE}: {plural(len(here), 'segment')}, {file_size(sum(here.values()))}; {len(store.started)} unfinished"
    )
    console.print(f"to push: {len(only_here)}, {file_size(sum(here[segment] for segment in only_here))}")
    for name, plan in studies_here(RESULTS).items():
        segments = set(plan.segments)
        missing = segments - set(store.complete)
        if missing:
            there = missing & held.keys()
            console.print(
                f"{name}: lacks {len(missing)} of {plural(len(segments), 'segment')} here, {len(there)} are there"
            )
    return 0


def _studies(arguments: argparse.Namespace, console: Console) -> list[Loaded]:
    """The study that was asked for, or all of this checkout that can be read."""
    if arguments.study or arguments.options:
        return [load(requested(arguments.study, arguments.options))]
    found = {}
    for path in [None, *(str(path) for path in sorted(Path("config/studies").glob("*.yaml")))]:
        try:
            loaded = load(requested(path, []))
        except InputError as error:
            console.print(f"passed over {path or 'the study of config/config.yaml'}: {_first_sentence(error)}")
            continue
        found.setdefault(loaded.name, loaded)
    return list(found.values())


def _request_of(arguments: argparse.Namespace, loaded: Loaded) -> Request:
    return requested(str(loaded.document.path), arguments.options).model_copy(update={"pack": 1, "cluster": None})


def _first_sentence(error: InputError) -> str:
    return error.problems[0].partition(". ")[0]


if __name__ == "__main__":
    sys.exit(main())
