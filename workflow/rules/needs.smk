# Needs: STUDY. Makes: what jobs wait for, of trainings, decisions and whole studies.
import atexit
import os
from functools import cache
from itertools import count
from pathlib import Path

from snakemake.exceptions import IncompleteCheckpointException, WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import RerunTrigger

from segsweep.errors import InputError
from segsweep.planning import markers
from segsweep.search.step_files import awaited


@of_each_job
def needed_by_segment(wildcards):
    """What a segment needs to be trained; nothing where it is trained already.

    Images that are prepared again for others must not train it again.
    """
    return [] if STUDY.is_trained(wildcards.segment) else needed_by([wildcards.segment], start_of(wildcards))


def needed_by_missing():
    """What all missing segments need, where it is the same for all: a function asked for each takes Snakemake longer."""
    if not PLANS or STUDY.adaptive:
        return needed_by_segment
    if STUDY.may_lose_weights and any(one.parent for one in STUDY.cut.segments.values()):
        return needed_by_segment
    segments = {(one.data, one.parent): one.id for one in map(STUDY.segment, STUDY.missing())}
    needed = {tuple(needed_by([segment], STUDY.start)) for segment in segments.values()}
    return list(needed.pop()) if len(needed) == 1 else needed_by_segment


def needed_by_pack(wildcards):
    """What the segments of a pack need that the pack does not make."""
    return needed_by(STUDY.packs[wildcards.pack], start_of(wildcards))


def needed_by(segments, start):
    """The prepared images that segments are trained on in one job, what is tried on them before, and the segments that
    they continue."""
    plans = [STUDY.segment(segment) for segment in segments]
    data = [f"{one.data}/manifest.json" for one in plans if one.data]
    # Images that are not prepared yet wait for it themselves; each further file costs Snakemake time for each job.
    if any(map(os.path.exists, data)):
        data += left_to_try()
    data += weights_fetched(start)
    if STUDY.has_own_components:
        data += [f"{FOLDER}/checks/{Path(one.data).name}.{STUDY.own_code_digest}.txt" for one in plans]
    parents = [one.parent for one in plans if one.parent and one.parent not in segments]
    return list(dict.fromkeys([*data, *markers_to_make(parents, start)]))


def weights_fetched(start):
    """What says that encoder weights are in the cache, where some are not."""
    return [markers.weights(start)] if STUDY.weights_to_fetch else []


def left_to_try():
    """What is seen of the settings that are tried first, where it was not seen yet; and at each start, of a GPU here."""
    device = [markers.device(STUDY.start)] if STUDY.asks_for_gpu_here else []
    return device + ([str(STUDY.checked_file)] if STUDY.tried and not STUDY.checked_file.exists() else [])


def tried_before_preparing(wildcards):
    """What is tried before images are prepared; nothing where they are: Snakemake would prepare them again."""
    return [] if os.path.exists(f"results/data/{wildcards.data}/manifest.json") else left_to_try()


def markers_to_make(segments, start):
    """What Snakemake waits for until segments are trained: a job for each that is trained already would cost it time.

    Nor is there one for what the study's budget leaves out from the start.
    """
    return [markers.marker(start, segment) for segment in segments if not STUDY.is_settled(segment)]


def outcome_of(wildcards):
    """Where the job of a segment wrote down how its training ended: a file, or its pack's folder of such files."""
    return markers.outcome(start_of(wildcards), STUDY.packed.get(wildcards.segment, wildcards.segment))


def own_outcome(wildcards, input):
    """The file about a segment itself: empty if its training went well."""
    return f"{input.outcome}/{wildcards.segment}" if wildcards.segment in STUDY.packed else input.outcome


def segments_of_pack(wildcards):
    """Ids of the segments of a pack."""
    return STUDY.packs[wildcards.pack]


def plans_of_pack(wildcards):
    """The plans of the segments of a pack."""
    return [STUDY.segment(segment) for segment in segments_of_pack(wildcards)]


def markers_of_step(wildcards):
    """What a decision looks at: the runs that the one before it asked for, or the study's own."""
    number = int(wildcards.step)
    segments = STUDY.segments_of(awaited(decision(number - 1))) if number else STUDY.segments_of_study()
    return markers_to_make(segments, STUDY.start)


def costs_of_step(wildcards):
    """What a decision looks at besides: the costs of these runs' models, where they are objectives."""
    number = int(wildcards.step)
    if number:
        return STUDY.models_of(STUDY.cells_of(awaited(decision(number - 1))))
    return STUDY.models_of(run.cell for run in STUDY.plan.runs if not run.key)


def all_costs(wildcards):
    """The costs of all models of a finished study, where it names such; with `partial=true` those that there are."""
    if TABLE or not PLANS or STUDY.request.partial:
        return []
    all_steps(wildcards)
    return STUDY.models_of(cell.cell for cell in STUDY.plan.cells)


def data_of_model(wildcards):
    """The prepared images of a model that is measured."""
    return f"{STUDY.data_of_model(wildcards.model)}/manifest.json"


def previous_step(wildcards):
    """The decision before a decision."""
    number = int(wildcards.step)
    return checkpoints.decide_step.get(step=f"{number - 1:03d}").output[0] if number else []


def previous_or_none(wildcards, input):
    """The decision before a decision, for the command line."""
    return input.previous or "none"


def pending_decision(wildcards):
    """What makes Snakemake take a decision that lacks or no longer holds; see `markers.pending_file`."""
    return str(markers.pending_file(STUDY.start)) if PLANS and STUDY.is_left_to_decide(int(wildcards.step)) else []


def pending(kind):
    """What makes Snakemake make files again though they are there: images or figures of which one was lost, tables that
    were pulled."""
    return str(markers.pending_file(STUDY.start)) if PLANS and PENDING[kind] else []


@cache
def decision(number):
    """A decision; the runs that it asks for are part of the plan afterwards."""
    file = checkpoints.decide_step.get(step=f"{number:03d}").output[0]
    try:
        state, new = STUDY.read_step(file)
    except InputError as error:  # Snakemake would show its own words in place of these
        logger.error("\n".join(error.problems))
        raise WorkflowError(f"{file} asks for runs that cannot be planned") from None
    if new:
        write_plan(WRITER.write)
    for run, segment in zip(state["requested"], STUDY.segments_of(state["requested"]), strict=True):
        if "due" in run:
            TURNS.setdefault(segment, LAST_TURN - run["due"])
    return state


def decisions_so_far():
    """The decisions that are made and hold, up to the last one that is made."""
    for number in count():
        try:
            yield decision(number)
        except IncompleteCheckpointException:
            return


def all_markers(wildcards):
    """All that a finished study still lacks; nothing with `partial=true`, which takes what there is.

    A job on a node need not look: it was sent when all was there, and it cannot follow the decisions.
    """
    if TABLE or not PLANS:
        return []
    begin_without_hooks()
    if STUDY.request.partial:
        return []
    all_steps(wildcards)
    return markers_under_way(wildcards)


def markers_under_way(wildcards):
    """What the study and its decisions so far ask for: it trains while the next decision waits for a part of it."""
    if TABLE or not PLANS or STUDY.request.partial:
        return []
    segments = STUDY.segments_of_study()
    for one in decisions_so_far():
        segments += STUDY.segments_of(one["requested"])
    return markers_to_make(dict.fromkeys(segments), STUDY.start)


# What rules wait for that look at a finished study. Of a study whose decisions are not all made, Snakemake takes what the
# second one names until the first one can be told.
ALL_TRAINED = {"markers": ancient(all_markers)}
if STUDY.adaptive:
    ALL_TRAINED["under_way"] = ancient(markers_under_way)


@cache
def look_at_triggers():
    """Says what other triggers than those of profiles/default lead to: that profile is that of the workflow around."""
    if RerunTrigger.INPUT in workflow.rerun_triggers:
        logger.warning(
            "Tables and report are made again at each start, as Snakemake compares lists of inputs, and what is trained "
            "is none. `rerun-triggers: [mtime, params]` in profiles/default/config.yaml of this folder ends that."
        )


def begin_without_hooks():
    """Leaves a plan to look at where there is none; and does what hooks do where Snakemake calls none."""
    write_plan(WRITER.write_first)
    look_at_triggers()
    settings = workflow.execution_settings  # none where nothing is executed, as with --dag
    if settings and not workflow.dryrun and (settings.no_hooks or not HOOKED) and not WRITER.started:
        begin()
        atexit.register(finish)


def weights_of_best(wildcards):
    """What this start's ranking wants trained again: the weights of a setting that was none of the best before."""
    if not PLANS or not STUDY.may_lose_weights:
        return []
    checkpoints.find_lost_weights.get(start=STUDY.start)
    return markers_to_make(lost_weights(), STUDY.start)


@cache
def lost_weights():
    """The segments that train again because of the ranking; they are part of the plan afterwards."""
    lost = STUDY.take_in_ranking()
    if lost:
        write_plan(WRITER.write)
    for segment in lost:
        logger.info(f"{STUDY.in_words(segment)}: {STUDY.why(segment)}")
    return lost


def segments_of_run(wildcards):
    """The segments of a run."""
    return STUDY.plan.run_named(wildcards.run).segments


def markers_of_run(wildcards):
    """What a run still lacks."""
    return markers_to_make(segments_of_run(wildcards)[-1:], STUDY.start) if PLANS else []


def all_steps(wildcards):
    """All decisions of a finished study; none with `partial=true`, which takes those that are there."""
    if PLANS:
        begin_without_hooks()
    steps = []
    while STUDY.adaptive and not STUDY.request.partial and not (steps and STUDY.is_last(steps[-1])):
        steps.append(checkpoints.decide_step.get(step=f"{len(steps):03d}").output[0])
    return steps


def all_prepared(wildcards):
    """The prepared images that the models of a study look at; of a program only it knows how to load its models."""
    if PROGRAM:
        raise WorkflowError(
            f"{STUDY.study_file}: runs are trained by a program of your own, which alone can load its networks and its "
            "data: nothing is predicted with them here. Let the program write what you need; `keep` keeps its files."
        )
    return [f"{folder}/manifest.json" for folder in STUDY.plan.data]
