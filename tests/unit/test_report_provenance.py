"""Provenance: what the segments of a plan were trained with."""

from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.report.sections.provenance import gather
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore

SHARED, OTHER, THIRD, ABSENT = "a" * 16 + "-0003", "b" * 16 + "-0005", "c" * 16 + "-0004", "d" * 16 + "-0005"


def record(segment: str, first: int, last: int, **more) -> SegmentRecord:
    return SegmentRecord(segment, "finished", first, last, last, {"on_oom": "skip"}, **more)


def test_segments_are_counted_once_and_libraries_compared(tmp_path):
    store = SegmentStore(tmp_path)
    host = {"name": "node1", "gpu": "H100", "system": "Linux"}
    records = [
        record(SHARED, 1, 3, versions={"torch": "2.1", "numpy": "2.0"}, host=host, data_fingerprint="d1"),
        record(OTHER, 4, 5, versions={"torch": "2.2", "numpy": "2.0"}, host=host, data_fingerprint="d1"),
        record(THIRD, 4, 4, versions={"torch": "2.1", "numpy": None}, history=[{}, {}], data_fingerprint="d2"),
    ]
    for one in records:
        store.part(one.id).mkdir(parents=True)
        store.publish(one)
    runs = [
        PlannedRun("one", "c1", segments=[SHARED, OTHER]),
        PlannedRun("two", "c2", segments=[SHARED, THIRD]),
        PlannedRun("three", "c3", segments=[SHARED, ABSENT]),
    ]
    found = gather(StudyPlan({"metric": "val/miou"}, "study", [], [], runs), store)
    assert (found["segments"], found["restarts"]) == (3, 1)
    assert found["epochs_trained"] == 3 + 2 + 1
    assert found["epochs_run_by_run"] == 3 * 3 + 2 + 1
    assert found["data_fingerprints"] == ["d1", "d2"]
    assert found["code_fingerprints"] == []
    assert found["versions"] == [
        {"library": "numpy", "mixed": False, "text": "2.0"},
        {"library": "torch", "mixed": True, "text": "2.1 (2 segments), 2.2 (1 segment)"},
    ]
    assert found["hosts"] == [{"text": "node1, H100, Linux", "segments": 2}]
