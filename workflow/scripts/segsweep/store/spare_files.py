"""Files of complete segments that no study here needs any more, as each study's `keep` says.

Several studies share a segment. What one of them needs stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from segsweep.config.keep import Keep
from segsweep.io import read_csv, read_json
from segsweep.planning.plan_file import RANKED_ROLES, PlannedRun, StudyPlan
from segsweep.search.step_files import read_steps
from segsweep.statuses import FAILED, USABLE
from segsweep.store.segment_store import SegmentStore


@dataclass(frozen=True)
class SpareFile:
    """A file that can go.

    Attributes:
        segment: that it belongs to.
        kind: `state`, the complete state that more epochs would continue, or `weights` of a best epoch.
        bytes: its size.
        epochs: that would have to be trained to have it again.
    """

    path: Path
    segment: str
    kind: str
    bytes: int
    epochs: int


def spare_files(
    plans: Mapping[str, StudyPlan], store: SegmentStore, results: Path, keep: Mapping[str, Keep] | None = None
) -> list[SpareFile]:
    """What can go of the segments that the plans reach.

    Args:
        plans: of all studies here, by name.
        store: of all segments.
        results: the folder of the studies' tables.
        keep: what is to be kept of a study, in place of what its file says.
    """
    with_state, with_weights = set(), set()
    for name, plan in plans.items():
        kept = (keep or {}).get(name) or keep_of(plan)
        with_state |= _with_state(plan, store, kept)
        with_weights |= _with_weights(plan, store, kept, results / name)
    reached = {segment for plan in plans.values() for segment in plan.segments} & set(store.complete)
    found = []
    for segment in sorted(reached):
        needed = set(store.state_files(segment)) if segment in with_state and store.state(segment).exists() else set()
        files = [("state", store.state(segment))]
        files += [] if segment in with_weights else [("weights", path) for path in store.all_weights(segment)]
        for kind, path in files:
            if path.is_file() and path not in needed:
                record = store.record(segment)
                epochs = record.epochs if kind == "state" else record.trained_epochs
                found.append(SpareFile(path, segment, kind, path.stat().st_size, epochs))
    return found


def weights_to_train_again(plan: StudyPlan, store: SegmentStore, folder: Path, settings: int) -> dict[str, str]:
    """Segments of a study's best settings whose weights were let go before these were the best: why they train again.

    Args:
        plan: of the study.
        store: of all segments.
        folder: of the study's tables.
        settings: how many of the best ones must have their weights.
    """
    best = set(ranked_cells(plan, store, folder)[:settings])
    records = (store.record_or_none(run.segments[-1]) for run in plan.runs if run.cell in best)
    epochs = filter(None, (record.best_by(plan.metric, plan.minimize) for record in records if record))
    return {
        one["segment"]: f"its setting is one of the best {settings} now, and its weights were not kept"
        for one in epochs
        if one["segment"] in store.complete and not store.weights(one["segment"], one["epoch"]).is_file()
    }


def keep_of(plan: StudyPlan) -> Keep:
    """What a study's file says of `keep`, as its plan has it; plans of earlier versions do not know all of its keys."""
    return Keep.model_validate(Keep.spelled_out(plan.study.get("keep", {})))


def _with_state(plan: StudyPlan, store: SegmentStore, keep: Keep) -> set[str]:
    """The segments whose complete state a study needs."""
    if keep.state == "all":
        return set(plan.segments)
    if keep.state == "extendable":
        return {one.id for one in plan.segments.values() if one.can_be_extended}
    waiting = {one.parent for one in plan.segments.values() if one.parent and one.id not in store.complete}
    return waiting | {run.segments[-1] for run in plan.runs if run.pruned}


def _with_weights(plan: StudyPlan, store: SegmentStore, keep: Keep, folder: Path) -> set[str]:
    """The segments whose weights a study needs."""
    if keep.best is None:
        return set(plan.segments)
    ranked = ranked_cells(plan, store, folder)
    spare = set(ranked[keep.best :])
    kept = (run for run in plan.runs if run.role not in RANKED_ROLES or run.cell not in spare)
    return {segment for run in kept for segment in run.segments}


def ranked_cells(plan: StudyPlan, store: SegmentStore, folder: Path) -> list[str]:
    """The cells of a study all of whose runs are trained, best first: those without a score come last.

    They stand as in the study's ranking.csv, the chosen one first, where that was made of these runs; else by the mean
    of their usable runs, the first without a failed run before all others. Of a search, or where runs are confirmed or
    trained again, none is ranked before the last decision: any may still be promoted or chosen.
    """
    runs: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        if run.role in RANKED_ROLES:
            runs.setdefault(run.cell, []).append(run)
    trained = [cell for cell, ones in runs.items() if all(one.segments[-1] in store.complete for one in ones)]
    ranked = are_ranked([run for cell in trained for run in runs[cell]], plan, folder)
    if _has_decisions(plan) and not (ranked and _has_decided(folder)):
        return []
    if ranked:
        among = set(trained)
        return [cell for cell in _listed_cells(folder) if cell in among]
    return _by_mean(plan, {cell: runs[cell] for cell in trained}, store)


def _has_decisions(plan: StudyPlan) -> bool:
    """Whether a study's runs depend on the scores of others."""
    retrain = (plan.study.get("test") or {}).get("retrain", "none")
    return (
        bool(plan.races) or retrain != "none" or any(plan.study.get(part) for part in ("sweep", "confirm", "ensemble"))
    )


def _has_decided(folder: Path) -> bool:
    """Whether all decisions are made."""
    steps = read_steps(folder / "sweep")
    return bool(steps) and steps[-1]["done"]


def are_ranked(runs: Iterable[PlannedRun], plan: StudyPlan, folder: Path) -> bool:
    """Whether a study's ranking is by its metric, and of these runs: not one from before a seed was added."""
    tables = [folder / name for name in ("runs.csv", "ranking.csv", "analysis.json")]
    if not all(table.is_file() for table in tables):
        return False
    listed, ranking, analysis = tables
    about = read_json(analysis)
    if (about.get("metric"), about.get("minimize")) != (plan.metric, plan.minimize) or _time(ranking) < _time(listed):
        return False
    segments = {row["run"]: row["segments"].split() for row in read_csv(listed)}
    ranked = {row["cell"] for row in read_csv(ranking)}
    # Of a run that ended early the table has the segments up to there.
    return all(
        run.cell in ranked and (found := segments.get(run.run)) and found == run.segments[: len(found)] for run in runs
    )


def _time(table: Path) -> int:
    return table.stat().st_mtime_ns


def _listed_cells(folder: Path) -> list[str]:
    """The cells of a study's ranking, the one that the analysis chose first."""
    chosen = (read_json(folder / "analysis.json").get("best") or {}).get("cell")
    cells = [row["cell"] for row in read_csv(folder / "ranking.csv")]
    return sorted(cells, key=lambda cell: cell != chosen)


def _by_mean(plan: StudyPlan, runs: Mapping[str, list[PlannedRun]], store: SegmentStore) -> list[str]:
    """Cells by the mean of their usable runs, but the one first that would be chosen: no run of it failed."""
    scores: dict[str, list[float]] = {cell: [] for cell in runs}
    failed = set()
    for cell, ones in runs.items():
        for record in filter(None, (store.record_or_none(one.segments[-1]) for one in ones)):
            best = record.best_by(plan.metric, plan.minimize) if record.status in USABLE else None
            scores[cell] += [best["value"]] if best else []
            if record.status in FAILED:
                failed.add(cell)
    sign = 1 if plan.minimize else -1
    order = {cell: (not found, sign * fmean(found) if found else 0.0) for cell, found in scores.items()}
    ranked = sorted(runs, key=order.__getitem__)
    chosen = next((cell for cell in ranked if scores[cell] and cell not in failed), None)
    return sorted(ranked, key=lambda cell: cell != chosen)
