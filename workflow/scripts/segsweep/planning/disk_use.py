"""How much of the disk a study takes once it is trained: the weights and the complete states of its segments."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from segsweep.config.keep import Keep
from segsweep.planning.plan_file import RANKED_ROLES, SegmentPlan, StudyPlan
from segsweep.planning.resources import COSTS_NOTHING
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore

# MiB of a network's weights by its encoder, that of a U-Net; unnamed ones are large. A test counts again.
WEIGHTS_MB = {
    "lcnet": 10, "mobilenet": 25, "resnet18": 55, "plain18": 55, "resnet34": 95, "plain34": 95, "resnet50": 125,
    "efficientnet-b4": 80,
}  # fmt: skip
UNKNOWN_WEIGHTS_MB = 125
# Of each weight an optimizer holds so many numbers more: a momentum, or two moments of Adam and its relatives.
MOMENTS = {"sgd": 1}
MOST_MOMENTS = 2
# So many records are read at most to learn from: to read those of ten thousand segments takes longer than to plan them.
READ = 200
MIB = 2**20


@dataclass(frozen=True)
class DiskUse:
    """Bytes, and of how many runs or segments."""

    weights: int
    weights_of: int
    states: int
    states_of: int

    @property
    def total(self) -> int:
        """Bytes of both."""
        return self.weights + self.states


def disk_use(plan: StudyPlan, keep: Keep, store: SegmentStore) -> DiskUse:
    """What the runs planned so far keep on the disk once all are trained; tables and counts are small beside it.

    Sizes are those of networks that were trained before, or follow from the encoder.
    """
    # By identity: cells share the sections of their settings, which live as long as the plan.
    of_model = {id(segment.train["model"]): segment for segment in plan.segments.values()}
    measured = _measured(of_model.values(), plan.segments.values(), store)
    bytes_of = {model: _weights_bytes(segment, measured) for model, segment in of_model.items()}
    size = {name: bytes_of[id(segment.train["model"])] for name, segment in plan.segments.items()}
    kept = {name for name, segment in plan.segments.items() if segment.can_be_extended}
    if keep.state == "none":  # what is continued goes then; what a decision may promote stays
        kept &= {run.segments[-1] for run in plan.runs if run.pruned}
    states = [
        size[name] * (1 + MOMENTS.get(segment.train["optimizer"]["name"], MOST_MOMENTS))
        for name, segment in plan.segments.items()
        if name in kept
    ]
    by_cell: dict[str, list[int]] = {}
    beside: list[int] = []  # what is no candidate keeps its weights
    for run in plan.runs:
        ones = by_cell.setdefault(run.cell, []) if run.role in RANKED_ROLES else beside
        ones.append(size[run.segments[-1]])
    weights = [*sorted(by_cell.values(), key=sum, reverse=True)[: keep.best], beside]
    return DiskUse(sum(map(sum, weights)), sum(map(len, weights)), sum(states), len(states))


def _measured(
    of_model: Iterable[SegmentPlan], segments: Iterable[SegmentPlan], store: SegmentStore
) -> dict[str, float]:
    """MiB of the weights of networks that were trained, by what decides about them.

    Read are a trained segment for each network of the plan, then the newest ones of the store until all are known.

    Args:
        of_model: a segment of each model.
        segments: all of the plan.
        store: what is trained.
    """
    wanted = {_network(segment) for segment in of_model}
    trained = {_network(segment): segment.id for segment in segments if segment.id in store.complete}
    found: dict[str, float] = {}
    for segment in islice(chain(trained.values(), store.newest()), READ):
        if wanted <= found.keys():
            break
        record = store.record_or_none(segment)
        if record and record.program is None and record.checkpoint_mb:
            found[_network(record)] = record.checkpoint_mb
    return found


def _network(segment: SegmentPlan | SegmentRecord) -> str:
    """What decides how many weights there are."""
    model = {name: value for name, value in segment.train["model"].items() if name not in COSTS_NOTHING}
    return repr((model, segment.dataset["name"], segment.dataset.get("demo")))


def _weights_bytes(segment: SegmentPlan, measured: dict[str, float]) -> int:
    encoder = segment.train["model"].get("encoder", "")
    estimated = next((size for name, size in WEIGHTS_MB.items() if name in encoder), UNKNOWN_WEIGHTS_MB)
    return round(MIB * measured.get(_network(segment), estimated))
