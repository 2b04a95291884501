# Needs: config. Makes: STUDY, and the functions that the rules use. Nothing here imports torch or pandas.
import gc
import os
import sys
from inspect import signature
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from segsweep.planning.announcement import announce
from segsweep.planning.planner import open_study
from segsweep.errors import InputError
from segsweep.planning.data_fingerprint import tracking_file

# What a job needs that its command line does not say.
ENVIRONMENT = "NO_ALBUMENTATIONS_UPDATE=1"

# The plan lives as long as this process, and so do Snakemake's jobs: of a dry run of 10,000 cells, a third went into
# looking through them for garbage over and over.
gc.disable()
# Starts that only list or draw something; what is to be trained need not be there for them.
LOOKS = {"--list", "-l", "--list-rules", "--list-target-rules", "--lt", "--lint", "--dag", "--rulegraph", "--unlock"}
PULLS = workflow.is_main_process and not workflow.output_settings.dryrun and not LOOKS & set(sys.argv)
try:
    # The process that was started by hand plans; the jobs that it starts read its plan.
    STUDY = open_study(config, plans=workflow.is_main_process, pull=PULLS)
    if workflow.is_main_process:
        announce(STUDY, logger.info)
        if STUDY.records_failures and not workflow.output_settings.dryrun:
            STUDY.forget_outcomes()
except InputError as error:
    raise WorkflowError("\n".join(error.problems)) from None
gc.freeze()
gc.set_threshold(20_000)
gc.enable()

ON_CLUSTER = STUDY.request.cluster is not None
# What Snakemake sees of a training: that it is in the store, or how its job ended.
TRAINED = temp("results/outcomes/{segment}") if STUDY.records_failures else "results/markers/{segment}"
# Counted where Snakemake was started; a job that tried again by itself could not ask for more memory.
RETRIES = STUDY.request.cluster.retries if ON_CLUSTER and workflow.is_main_process else 0
WARM = not ON_CLUSTER if STUDY.request.warm is None else STUDY.request.warm
# Rules that want a GPU as trainings do: several networks look at a whole split.
ASKS_A_NETWORK = ("score_ensemble", "predict_test")
PACK_OPTIONS = " ".join(["--settle"] + ["--requeue"] * ON_CLUSTER)
TRAINING_OPTIONS = " ".join(["--warm"] * WARM + ["--settle"] * STUDY.records_failures + ["--requeue"] * ON_CLUSTER)


# The .dvc file of the study's data set, if it has one.
TRACKED = tracking_file(STUDY.loaded.dataset, STUDY.loaded.root)


wildcard_constraints:
    data=r"[^/]+",
    pack=r"[0-9a-f]{12}",
    segment=r"[0-9a-f]{16}-\d{4}",
    step=r"\d{3}",


def of_each_job(function):
    """Keeps a function's signature, which Snakemake asks for some twenty times for each job."""
    function.__signature__ = signature(function)
    return function


@of_each_job
def needed_by_segment(wildcards):
    """What a segment needs to be trained; nothing where it is trained already."""
    return [] if is_trained(wildcards.segment) else needed_by([wildcards.segment])


def needed_by_missing():
    """What all missing segments need, where it is the same for all: a function asked for each takes Snakemake longer."""
    if not workflow.is_main_process or STUDY.adaptive:
        return needed_by_segment
    needed = {tuple(needed_by([segment])) for segment in STUDY.missing()}
    return list(needed.pop()) if len(needed) == 1 else needed_by_segment


def is_trained(segment):
    """Whether a segment needs nothing more. Pictures that are prepared anew for others must not train it again."""
    return os.path.exists(marker(segment))


def marker(segment):
    """What Snakemake sees of a trained segment."""
    return f"results/markers/{segment}"


def markers_to_make(segments):
    """What Snakemake waits for until segments are trained: a job for each that is trained already would cost it time."""
    return [marker(segment) for segment in segments if not is_trained(segment)]


def outcome_of(wildcards):
    """Where the job of a segment wrote down how its training ended: a file, or its pack's folder of such files."""
    return f"results/outcomes/{STUDY.packed.get(wildcards.segment, wildcards.segment)}"


def own_outcome(wildcards, input):
    """The file about a segment itself: empty if its training went well."""
    return f"{input.outcome}/{wildcards.segment}" if wildcards.segment in STUDY.packed else input.outcome


def needed_by_pack(wildcards):
    """What the segments of a pack need that the pack does not make."""
    return needed_by(STUDY.packs[wildcards.pack])


def needed_by(segments):
    """The prepared pictures that segments are trained on in one job, and the segments that they go on from."""
    plans = [STUDY.segment(segment) for segment in segments]
    data = [f"{one.data}/manifest.json" for one in plans]
    parents = [one.parent for one in plans if one.parent and one.parent not in segments]
    return list(dict.fromkeys([*data, *markers_to_make(parents)]))


def segments_of_pack(wildcards):
    """The descriptions of the segments of a pack."""
    return [STUDY.segment(segment) for segment in STUDY.packs[wildcards.pack]]


@of_each_job
def memory_of(wildcards, attempt):
    """Main memory of a training, MB."""
    return STUDY.resources.memory_mb(STUDY.segment(wildcards.segment), attempt)


@of_each_job
def cpus_of(wildcards):
    """Processors of a training's job; how many threads compute does not depend on it."""
    return STUDY.resources.cpus(STUDY.segment(wildcards.segment))


def device_memory_of(wildcards):
    """Memory on the GPU of a training, MB."""
    return STUDY.resources.device_mb(STUDY.segment(wildcards.segment))


@of_each_job
def runtime_of(wildcards, attempt):
    """Run time that a training asks for, minutes."""
    return STUDY.resources.runtime_min(STUDY.segment(wildcards.segment), attempt)


@of_each_job
def claim_on_gpu(wildcards, resources):
    """What claims one of this machine's GPUs before the command of a training."""
    return f"python workflow/scripts/claim_gpu.py --memory {resources.gpu_mb} --"


# Asked only where it matters: it has Snakemake work out all resources of a job when it looks at the job.
START = claim_on_gpu if STUDY.request.claim_gpu else ""


def together(wildcards, need):
    """What the job of a pack asks for: the dearest of its segments side by side."""
    return sum(sorted(map(need, segments_of_pack(wildcards)))[-STUDY.request.pack_at_once :])


def memory_of_pack(wildcards, attempt):
    """Main memory of a pack, MB."""
    return together(wildcards, lambda one: STUDY.resources.memory_mb(one, attempt))


def cpus_of_pack(wildcards):
    """Processors of a pack's job."""
    return together(wildcards, STUDY.resources.cpus)


def device_memory_of_pack(wildcards):
    """Memory on the GPU of a pack, MB."""
    return together(wildcards, STUDY.resources.device_mb)


def runtime_of_pack(wildcards, attempt):
    """Run time that a pack asks for, minutes: all of its segments one after the other, so many at once."""
    described = segments_of_pack(wildcards)
    return STUDY.resources.runtime_of_pack_min(described, min(STUDY.request.pack_at_once, len(described)), attempt)


@of_each_job
def segment_in_words(wildcards):
    """What a training job is about, for people."""
    return STUDY.in_words(wildcards.segment) if workflow.is_main_process else wildcards.segment


def markers_of_step(wildcards):
    """What a decision looks at: the runs that the one before it asked for, or the study's own."""
    number = int(wildcards.step)
    segments = STUDY.segments_of(wanted_by(number - 1)) if number else STUDY.segments_of_study()
    return markers_to_make(segments)


def previous_step(wildcards):
    """The decision before a decision."""
    number = int(wildcards.step)
    return checkpoints.decide_step.get(step=f"{number - 1:03d}").output[0] if number else []


def left_to_decide(wildcards):
    """A file that is newer than all tables, for a decision that is not there.

    That a decision lacks, or a training before it, is no reason for Snakemake to make it while tables of an earlier
    search are there: of what follows from a checkpoint it looks at the checkpoint's own inputs alone.
    """
    step = f"{STUDY.folder}/sweep/step_{wildcards.step}.json"
    return [] if os.path.exists(step) else STUDY.search_pending_file


def previous_or_none(wildcards, input):
    """The decision before a decision, for the command line."""
    return input.previous or "none"


def wanted_by(number):
    """The runs that a decision asked for; they are part of the plan afterwards."""
    decision = checkpoints.decide_step.get(step=f"{number:03d}").output[0]
    return STUDY.read_step(decision)


def all_markers(wildcards):
    """All that a finished study still lacks; nothing with `partial=true`, which takes what there is.

    A job on a node need not look: it was sent when all was there, and it cannot follow the decisions.
    """
    if STUDY.request.partial or STUDY.study.table or not workflow.is_main_process:
        return []
    segments = STUDY.segments_of_study()
    for number in range(len(all_steps(wildcards)) - 1):
        segments += STUDY.segments_of(wanted_by(number))
    return markers_to_make(dict.fromkeys(segments))


def all_steps(wildcards):
    """All decisions of a finished study; none with `partial=true`, which takes those that are there."""
    steps = []
    while STUDY.adaptive and not STUDY.request.partial and not (steps and STUDY.is_last(steps[-1])):
        steps.append(checkpoints.decide_step.get(step=f"{len(steps):03d}").output[0])
    return steps


def all_prepared(wildcards):
    """The prepared pictures that the models of a study look at."""
    return [f"{folder}/manifest.json" for folder in STUDY.plan.data]
