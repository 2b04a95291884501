"""What the trainings of a study ask a cluster for, job by job and in all."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from segsweep.config.cluster import Cluster
from segsweep.formatting import duration, plural
from segsweep.planning.plan_file import SegmentPlan
from segsweep.planning.resources import Resources

SHOWN = 8


class JobRequest(NamedTuple):
    """What a job asks for at its first try: processors, main memory in MB, run time in minutes."""

    cpus: int
    memory_mb: int
    runtime_min: int


def request_of(segments: list[SegmentPlan], resources: Resources, at_once: int = 1, attempt: int = 1) -> JobRequest:
    """What a job asks for that trains some segments, so many of them side by side: for the dearest of these at once."""
    if len(segments) == 1:
        time = resources.runtime_min(segments[0], attempt)
    else:
        time = resources.runtime_of_pack_min(segments, min(at_once, len(segments)), attempt)
    memory = side_by_side((resources.memory_mb(one, attempt) for one in segments), at_once)
    return JobRequest(side_by_side(map(resources.cpus, segments), at_once), memory, time)


def side_by_side(needs: Iterable[int], at_once: int) -> int:
    """The sum of the greatest needs, of so many."""
    return sum(sorted(needs)[-at_once:])


def requests_in_words(cluster: Cluster, requests: Iterable[JobRequest]) -> Iterator[str]:
    """Sentences on what jobs ask for, those that ask for the same together, the most first."""
    counts = Counter(requests)
    gpu = gpu_in_words(cluster)
    where = "" if cluster.partition in (None, "default") else f" to {cluster.partition}"
    unit, hours = "GPU", sum(one.runtime_min * count for one, count in counts.items()) / 60
    if not cluster.has_gpu:
        unit, hours = "CPU", sum(one.cpus * one.runtime_min * count for one, count in counts.items()) / 60
    elif cluster.gres:
        unit = gpu
    yield (
        f"{plural(counts.total(), 'job')}{where} {'asks' if counts.total() == 1 else 'ask'} for {hours:,.0f} "
        f"{unit}-hours; one that ends earlier gives back what is left of its time:"
    )
    groups = counts.most_common()
    for one, count in groups[:SHOWN]:
        time = duration(60 * one.runtime_min)
        parts = [gpu, plural(one.cpus, "CPU"), f"{one.memory_mb:,} MB", time]
        yield f"  {plural(count, 'job')}: {', '.join(filter(None, parts))}"
    if len(groups) > SHOWN:
        left = sum(count for _, count in groups[SHOWN:])
        yield f"  and {plural(left, 'job')} of {len(groups) - SHOWN:,} other kinds"


def gpu_in_words(cluster: Cluster) -> str:
    """The GPU that a job asks for: `1 GPU`, `1 a100`, `shard:1`; empty where it asks for none."""
    if cluster.gres:
        return cluster.gres
    return "" if cluster.gpu == "none" else f"1 {'GPU' if cluster.gpu == 'any' else cluster.gpu}"
