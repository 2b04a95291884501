# Needs: STUDY. Makes: how a training is started, what its job asks for, which comes first, and when space is freed.
from shlex import quote

from segsweep.planning import markers
from segsweep.planning.job_requests import request_of, side_by_side


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


# What claims one of this machine's GPUs before the command of a training.
CLAIM = f"{RUN}/claim_gpu.py --memory {{resources.gpu_mb}} -- " if STUDY.request.claim_gpu else ""
# What trains a segment, but for what differs between segments. Parts of a shell's text, in which Snakemake fills in what
# stands in braces; parameters it would fill in for each of ten thousand jobs when it looks at them.
TRAIN = (
    f"{RUN}/train_segment.py {TRAINING_OPTIONS} --plan {quote(str(STUDY.plan_file))} --store results/segments "
    f"--device {quote(str(STUDY.device))}"
)


def request_of_pack(wildcards, attempt):
    """What the job of a pack asks for."""
    return request_of(plans_of_pack(wildcards), STUDY.resources, STUDY.request.pack_at_once, attempt)


def memory_of_pack(wildcards, attempt):
    """Main memory of a pack, MB."""
    return request_of_pack(wildcards, attempt).memory_mb


def cpus_of_pack(wildcards, attempt):
    """Processors of a pack's job."""
    return request_of_pack(wildcards, attempt).cpus


def device_memory_of_pack(wildcards):
    """Memory on the GPU of a pack, MB."""
    return side_by_side(map(STUDY.resources.device_mb, plans_of_pack(wildcards)), STUDY.request.pack_at_once)


def runtime_of_pack(wildcards, attempt):
    """Run time that a pack asks for, minutes: all of its segments one after the other, so many at once."""
    return request_of_pack(wildcards, attempt).runtime_min


class SegmentsInWords(dict):
    """What training jobs are about, for people: a message asks when it is shown, `{params.words:SEGMENT}`.

    A function would be asked for each job that Snakemake looks at, and what is no parameter is not found where another
    workflow takes this one as a module.
    """

    def __format__(self, segment):
        return STUDY.in_words(segment) if PLANS else segment


# What `keep` of a study lets go is removed each time so many cells more are trained, and last when all is drawn.
CELLS_AT_ONCE = 100
LETS_GO = PLANS and STUDY.study.keep.lets_go and not STUDY.request.partial
BATCHES = STUDY.missing_by_cells(CELLS_AT_ONCE) if LETS_GO else []


# By segment: the earlier its batch, the more urgent, or space would be freed only when nearly all is trained.
URGENCY = {one: len(BATCHES) - number for number, batch in reversed([*enumerate(BATCHES)]) for one in batch}


# What a budget lets train first.
if PLANS and STUDY.budget is not None:
    URGENCY = {segment: len(STUDY.turns) - turn for segment, turn in STUDY.turns.items()}


# Which job comes first matters where space is to be freed, a budget may end, or a decision waits for one of many.
HAVE_TURNS = len(BATCHES) > 1 or STUDY.study.sweep is not None or STUDY.study.budget is not None
# By segment of a trial: the earlier a search looks at it, the more urgent.
LAST_TURN = 10**9
TURNS = {}


@of_each_job
def urgency_of(wildcards):
    """The place of a segment among those that wait to be trained."""
    return TURNS.get(wildcards.segment, URGENCY.get(wildcards.segment, 0))


def urgency_of_pack(wildcards):
    """That of the most urgent of a pack."""
    return max(TURNS.get(segment, URGENCY.get(segment, 0)) for segment in segments_of_pack(wildcards))


def trained_before(wildcards):
    """What is trained, or drawn, before space is freed."""
    if wildcards.batch == "last":
        return [*STUDY_FILES, *freed(range(len(BATCHES)))]
    number = int(wildcards.batch)
    return [*markers_to_make(BATCHES[number], STUDY.start), *freed(range(number)[-1:])]


def freed(batches):
    """What says that space was freed after these batches."""
    return [markers.marker(STUDY.start, f"freed_{batch}") for batch in batches]


def space():
    """What frees space last, where something is trained before."""
    return freed(["last"]) if LETS_GO and (STUDY.missing() or not STUDY.nothing_left_to_decide) else []
