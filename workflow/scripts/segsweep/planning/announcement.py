"""What a study is about to do, in words, when Snakemake starts: what will train, how much is there already, and why."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

from segsweep.config.racing import all_seeds
from segsweep.config.study import Study
from segsweep.execution.arithmetic import about_precisions, has_gpu
from segsweep.formatting import file_size, plural
from segsweep.metrics import measured_in_batches
from segsweep.planning.budget_words import about_budget
from segsweep.planning.chosen_counts import about_chosen
from segsweep.planning.disk_use import disk_use
from segsweep.planning.encoder_weights import in_words
from segsweep.planning.job_requests import request_of, requests_in_words
from segsweep.planning.lost_values import announced
from segsweep.planning.planner import Planner
from segsweep.planning.selection import unmeasured
from segsweep.search.pruning import schedule_in_words
from segsweep.search.racing import races_of, runs_of
from segsweep.search.requests import replicates, shortest_epochs
from segsweep.search.retraining import chosen_count, retrains
from segsweep.search.step_files import Race

SHOWN = 12


def at_most(study: Study) -> str:
    """What the adaptive parts of a study can come to, in words: `12 trials of 22 epochs, 6 confirmations of 22 epochs`.

    Trials that are pruned make it less.
    """
    epochs, parts = study.total_epochs, []
    if study.sweep is not None:
        space = study.sweep.space.get("epochs")
        longest = epochs if space is None else max(space.choices or [space.high])
        parts.append((study.sweep.trials * len(replicates(study, study.first_seeds)), "trial", longest))
        epochs = longest
    if study.confirm is not None:
        runs = study.confirm.top * len(replicates(study, all_seeds(study.confirm.seeds)))
        parts.append((runs, "confirmation", study.confirm.epochs or epochs))
    if study.ensemble is not None:
        parts.append((study.ensemble.folds, "ensemble member", epochs))
    if retrains(study):
        parts.append((chosen_count(study), "retraining", epochs))
    return ", ".join(f"{plural(count, noun)} of {plural(round(length), 'epoch')}" for count, noun, length in parts)


def about_races(study: Study, cells: int, races: Mapping[str, Race]) -> Iterator[str]:
    """How many runs each race comes to, at least and at most; of one that has begun, from where it stands.

    Args:
        study: after `smoke`.
        cells: of its design.
        races: those that have begun, as they stand.
    """
    unless = "; a budget may end it before" if study.budget is not None else ""
    for name, race in races_of(study).items():
        settings = cells if name == "seeds" else study.confirm.top
        of = plural(settings, "cell" if name == "seeds" else "confirmed setting")
        each = len(replicates(study, [race.first]))  # runs of a seed
        if name not in races:
            yield (
                f"Seeds of {of} race: {settings * race.start * each:,} runs at least ({plural(race.start, 'seed')} "
                f"each), {settings * race.at_most * each:,} at most ({plural(race.at_most, 'seed')} each){unless}."
            )
        elif races[name]["ended"]:
            yield f"The race of the seeds of {of} has ended, after {plural(runs_of(races[name]) * each, 'run')}."
        else:
            now, left = runs_of(races[name]), sum(one["standing"] == "racing" for one in races[name]["entrants"])
            most = now + left * (race.at_most - len(races[name]["seeds"]))
            yield (
                f"Seeds of {of} race, {left} are left: {plural(now * each, 'run')} so far, {most * each:,} at most "
                f"({plural(race.at_most, 'seed')} for each that is left){unless}."
            )


def when_judged(study: Study) -> str:
    """When the trials of a search are judged, in words; empty where none is."""
    epochs = study.sweep.space.get("epochs")
    said = schedule_in_words(study.sweep.pruner, shortest_epochs(study), study.sweep.trials)
    return f"{said} Longer trials are judged further." if said and epochs is not None else said


def _disk_use(study: Planner) -> str:
    """How much of the disk the runs planned so far take, in words."""
    keep = study.study.keep
    use = disk_use(study.plan, keep, study.store)
    weights = f"{file_size(use.weights)} for the weights of {plural(use.weights_of, 'run')}"
    states = f"{file_size(use.states)} for the complete state of {plural(use.states_of, 'segment')}"
    parts = [f"{weights} (keep.weights: {keep.weights})"]
    parts += [f"{states} (keep.state: {keep.state})"] if use.states_of else []
    return f"Once all are trained they take about {file_size(use.total)} of the disk: {', '.join(parts)}."


def about_jobs(study: Planner, missing: list[str]) -> Iterator[str]:
    """What the jobs ask for that train the missing segments."""
    packs = [*study.packs.values()]
    packed = set(chain(*packs))
    jobs = [*packs, *([one] for one in missing if one not in packed)]
    at_once = study.request.pack_at_once
    requests = (request_of([study.segment(one) for one in job], study.resources, at_once) for job in jobs)
    yield from requests_in_words(study.request.cluster, requests)


def announce(study: Planner, say) -> None:
    """Say in a few lines what is planned.

    Args:
        study: the planned study.
        say: takes one line.
    """
    if study.study.table is not None:
        say(f"{study.name}: a report on {study.study.table.file}, nothing is trained.")
        return
    plan, missing = study.cut, study.missing()
    design = study.design
    cells = len({run.cell.cell for run in plan.runs})
    aside = "".join(
        [
            f", {plural(design.coinciding, 'combination')} coinciding with others" if design.coinciding else "",
            f", {design.excluded} excluded" if design.excluded else "",
        ]
    )
    runs, segments = plural(len(plan.runs), "run"), plural(len(plan.segments), "segment")
    say(f"{study.name}: {plural(cells, 'cell')}{aside}, {runs}, {segments}.")
    for sentence in design.idle:
        say(f"  {sentence}")
    for sentence in design.remarks if not study.loaded.smoke else ():
        say(f"  {sentence}")
    lost = list(announced(design.lost))
    for sentence in lost[:SHOWN]:
        say(f"  {sentence}")
    if len(lost) > SHOWN:
        say(f"  and {len(lost) - SHOWN:,} more values that are not in force")
    for sentence in about_chosen(study.study, len(design.cells)) if not study.loaded.smoke else ():
        say(f"  {sentence}")
    for sentence in study.training.remarks(design.settings, study.plan):
        say(f"  {sentence}")
    if study.study.train is not None and study.request.cluster is None:  # what is on nodes, nobody knows here
        if missing and study.request.device_asked == "auto" and not has_gpu():
            say("  No GPU is seen here: trainings compute on the CPU.")
        if missing and study.device.startswith("cuda") and not has_gpu():
            say("  No GPU is seen here, and trainings ask for one: none will start. `device=cpu` trains on the CPU.")
        precisions = (settings.dump["precision"] for settings in design.settings)
        for sentence in about_precisions(precisions, study.request.device):
            say(f"  {sentence}")
    for sentence in about_budget(study):
        say(sentence)
    if plan.epochs < plan.epochs_run_by_run:
        say(f"Shared prefixes are trained once: {plan.epochs:,} epochs instead of {plan.epochs_run_by_run:,}.")
    if study.study.sweep is not None and (judged := when_judged(study.study)):
        say(judged)
    for sentence in about_races(study.study, len(design.cells), study.begun_races):
        say(sentence)
    if study.adaptive and not study.nothing_left_to_decide and (most := at_most(study.study)):
        say(f"More runs follow from decisions that are made while it runs: in all at most {most}.")
    for column in measured_in_batches([*study.study.also_report, *study.study.objectives]):
        if without := unmeasured(plan.segments, study.store, column):
            say(
                f"{column} is measured while training only: {len(without)} of {segments} trained without it, and stay "
                f"so. Ask for {study.folder}/evaluations/RUN.val.json to have it of a run's best epoch."
            )
    if not missing:
        if plan.segments and not study.left_out_by_budget:
            say("All segments planned so far are trained.")
        elif plan.segments:
            say("Nothing more trains: the report is made of what there is.")
        return
    if study.study.train is not None:
        say(_disk_use(study))
    there = f"{len(plan.segments) - len(missing) - len(study.left_out_by_budget)} of {segments} are trained"
    epochs = sum(plan.segments[one].last_epoch - plan.segments[one].first_epoch + 1 for one in missing)
    what = "are left out of a partial report" if study.request.partial else "will train"
    say(f"{there}; {len(missing)} with {plural(epochs, 'epoch')} {what}:")
    for segment in missing[:SHOWN]:
        say(f"  {study.in_words(segment)}: {study.why(segment)}")
    if len(missing) > SHOWN:
        why = Counter(study.why(segment) for segment in missing[SHOWN:])
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in why.most_common())
        say(f"  and {len(missing) - SHOWN:,} more ({reasons})")
    if study.request.cluster is not None and not study.request.partial:
        for sentence in about_jobs(study, missing):
            say(sentence)
    if study.weights_to_fetch:
        say(f"Encoder weights that are fetched into the cache before: {in_words(study.weights_to_fetch)}.")
