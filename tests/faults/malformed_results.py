"""Files of results that planning reads, damaged, or with something else in their place."""

from collections.abc import Iterator

from tests.faults.answers import ACCEPTED
from tests.faults.cases import STUDY, Case, sweep
from tests.faults.strays import Stray

SEGMENT = f"results/segments/{'a' * 16}-0002"
DAMAGED: dict[str, bytes] = {
    "empty": b"", "cut": b'{"runs": {"a": [', "a list": b"[]", "a number": b"3", "null": b"null",
    "not UTF-8": b"\xff\xfe\x00", "NUL": b"\0" * 100, "deep": b"[" * 100_000, "of another form": b'{"a": {"b": 1}}',
    "a list of others": b'[3, {"file": 4}, []]', "a long number": b"9" * 10_000,
}  # fmt: skip
# What planning reads, and a start writes.
FILES = (
    "results/little/history.json", "results/little/packs.json", "results/little/plan.json",
    "results/little/tracked_data.json", "results/little/own_components.json", "results/little/tried_settings.json",
    "results/data/.hashes.json", "results/data/.weights.json", "results/data/.extent.json",
    "results/markers/x.running", "results/segments/x.lock",
    "workflow/scripts/segsweep/__pycache__/definitions.json",
)  # fmt: skip
# What a start looks at to see whether something lacks.
SHOWN = ("results/little/images/images.json", "results/little/report.md", "results/little/runs.csv")


def result_cases() -> Iterator[Case]:
    """All of them, in a fixed order."""
    yield from _caches()
    yield from _strays()


def _caches() -> Iterator[Case]:
    """What can be made again stops nothing."""
    for file in (*FILES, *SHOWN):
        for name, content in DAMAGED.items():
            yield Case("caches", f"{file}: {name}", {file: content}, expected=ACCEPTED)
    strays = (
        f"{SEGMENT}.bak/segment.json", f"{SEGMENT}.part/history.json", f"{SEGMENT}/segment.json",
        f"{SEGMENT}.part/last.pt", "results/segments/notes.txt", f"{SEGMENT} (copy)/segment.json",
        "results/segments/.DS_Store",
    )  # fmt: skip
    for path in strays:
        for name, content in DAMAGED.items():
            yield Case("caches", f"{path}: {name}", {path: content}, expected=ACCEPTED)
    for file in ("results/little/history.json", "results/little/plan.json"):
        yield Case("files", f"{file} is a folder", {f"{file}/x": ""}, says=(file, "move the folder away"))
    for file in ("results/little/packs.json", f"{SEGMENT}.lock", f"{SEGMENT}.part", "results/markers/x.running"):
        yield Case("files", f"{file} is a folder", {f"{file}/x": ""}, expected=ACCEPTED)
    for name, content in DAMAGED.items():
        yield Case(
            "caches",
            f"step_000.json: {name}",
            {STUDY: sweep(), "results/little/sweep/step_000.json": content},
            expected=ACCEPTED,
        )


def _strays() -> Iterator[Case]:
    """What is no file in place of those that planning reads: it gives way, or is named, as a folder may hold much."""
    rewritten = ("results/little/history.json", "results/little/plan.json", "results/little/tried_settings.json")
    for file in (*FILES, *SHOWN, f"{SEGMENT}/segment.json"):
        for kind in Stray:
            if kind is Stray.FOLDER and file in rewritten:
                yield Case("strays", f"{file}: {kind}", {file: kind}, says=(file, "move the folder away"))
            else:
                yield Case("strays", f"{file}: {kind}", {file: kind}, expected=ACCEPTED)
