"""What a run cost, from the records of its segments."""

from collections.abc import Sequence

from segsweep.store.segment_record import SegmentRecord


def run_costs(records: Sequence[SegmentRecord], epochs: int) -> dict[str, float | int | None]:
    """Costs by the columns of runs.csv; None where one was not measured.

    Args:
        records: of the run's segments, in order; at least one.
        epochs: that it trained.
    """
    seconds = sum(record.train_seconds or 0.0 for record in records)
    return {
        "cost/train_seconds": seconds,
        "cost/seconds_per_epoch": seconds / epochs if epochs else None,
        "cost/peak_memory_mb": max(record.peak_memory_mb or 0.0 for record in records) or None,
        "cost/parameters": records[-1].parameters,
        "cost/checkpoint_mb": records[-1].checkpoint_mb,
    }
