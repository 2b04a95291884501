"""The tables and reports of studies in the shared store, under studies/<name>/<state of the study>/.

Tables are not addressed by content as segments are, so two states of a study file lie side by side: `state` is a hash
of what a person wrote. What is pulled is for reading until the workflow makes its own, which it does from the segments.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from segsweep.errors import InputError
from segsweep.hashing import short_hash
from segsweep.planning.plan_file import PLAN_FILE, StudyPlan, read_plan
from segsweep.store.remote import Remote

FOLDER, SUMS = "studies", "SHA256SUMS"
PATTERNS = ("*.csv", "*.yaml", "*.json", "report.*", "figures/**/*", "images/**/*", "sweep/step_*.json")
# Why something trained, as this checkout remembers it; the plan as this checkout makes it.
OWN = ("history.json", "plan.json")
# Older than anything that the workflow could have made: it makes its own from the segments, and overwrites these.
PULLED = 946684800.0


def state_of(study: dict[str, Any], dataset: dict[str, Any] | None, smoke: bool) -> str:
    """Twelve hexadecimal digits that stand for what a person wrote, as plan.json says it."""
    text = json.dumps([study, dataset, smoke], sort_keys=True)
    return short_hash(text, 12)


def studies_here(results: Path) -> dict[str, StudyPlan]:
    """The plans of the studies in results/, by name; unreadable ones are passed over."""
    found = {}
    for path in sorted(results.glob(f"*/{PLAN_FILE}")):
        with suppress(InputError):  # being written, or no plan of this workflow
            found[path.parent.name] = read_plan(path)
    return found


def push_tables(results: Path, remote: Remote, chosen: Collection[str] | None = None) -> list[str]:
    """Send the tables of studies that have a report; the names of those of which something was new.

    Raises:
        InputError: the remote cannot be reached or written.
    """
    sent = []
    for name, plan in studies_here(results).items():
        if (chosen is not None and name not in chosen) or not (results / name / "report.md").is_file():
            continue
        files = _files(results / name)
        # Those that were pulled and never made here are somebody else's.
        if any(
            (results / name / file).stat().st_mtime == PULLED for file in ("report.md", "runs.csv") if file in files
        ):
            continue
        where = f"{FOLDER}/{name}/{state_of(plan.study, plan.dataset, plan.smoke)}"
        held = _parse(remote.read(f"{where}/{SUMS}"))
        changed = {file: path for file, path in files.items() if held.get(file) != _digest(path)}
        if not changed and set(held) == set(files):
            continue
        remote.send({f"{where}/{file}": path for file, path in changed.items()})
        with tempfile.TemporaryDirectory() as scratch:
            sums = Path(scratch, SUMS)
            sums.write_text("".join(f"{_digest(path)}  {file}\n" for file, path in files.items()), encoding="utf-8")
            remote.send({f"{where}/{SUMS}": sums})
        sent.append(name)
    return sent


def pull_tables(results: Path, remote: Remote, name: str, state: str) -> list[str]:
    """Bring the tables of a study in this state, but for those that the workflow made here.

    A table that someone is just sending does not match its checksum; it is left out.

    Returns:
        The files that were brought, relative to results/<name>.

    Raises:
        InputError: the remote cannot be reached or read.
    """
    folder = results / name
    where = f"{FOLDER}/{name}/{state}"
    held = _parse(remote.read(f"{where}/{SUMS}"))
    made_here = (folder / "runs.csv").is_file() and (folder / "runs.csv").stat().st_mtime != PULLED
    if not held or made_here:
        return []
    if any(path.stat().st_mtime != PULLED for path in folder.glob("sweep/step_*.json")):
        held = {file: digest for file, digest in held.items() if not file.startswith("sweep/")}  # decided here already
    brought = []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=folder) as scratch:
        wanted = {file: Path(scratch, str(i)) for i, file in enumerate(held) if not _is_own(folder / file, held[file])}
        remote.fetch({f"{where}/{file}": path for file, path in wanted.items()})
        for file, path in wanted.items():
            if _digest(path) == held[file]:
                os.utime(path, (PULLED, PULLED))
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                path.replace(folder / file)
                brought.append(file)
    return brought


def _is_own(path: Path, digest: str) -> bool:
    """Whether nothing needs to be brought: the workflow made it here, or it is the same."""
    return path.is_file() and (path.stat().st_mtime != PULLED or _digest(path) == digest)


def _files(folder: Path) -> dict[str, Path]:
    paths = {path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths) if path.name not in OWN}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parse(sums: bytes | None) -> dict[str, str]:
    """Checksums by name, of names that stay within their folder."""
    lines = (line.partition("  ") for line in (sums or b"").decode("utf-8", "replace").splitlines())
    return {name: digest for digest, _, name in lines if name and ".." not in Path(name).parts and name[0] != "/"}
