"""The tables and reports of studies in the shared store, under studies/<name>/<state of the study>/.

Tables are not addressed by content as segments are, so two states of a study file lie side by side: `state` is a hash
of what a person wrote. What is pulled is for reading until the workflow makes its own, which it does from the segments.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from segsweep.checksums import SUMS, digest_of, sums_text
from segsweep.disk_errors import refused_by_disk
from segsweep.errors import InputError
from segsweep.hashing import short_hash
from segsweep.planning.plan_file import PLAN_FILE, StudyPlan, read_plan
from segsweep.store.remote import Remote
from segsweep.store.signatures import ENDING, Signatures
from segsweep.table_sums import forget_noted

FOLDER = "studies"
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
    """The plans of the studies in results/, by name; what is no plan is passed over.

    Raises:
        InputError: the disk does not give one back: what is needed here is unknown then.
    """
    found = {}
    for path in sorted(results.glob(f"*/{PLAN_FILE}")):
        try:
            found[path.parent.name] = read_plan(path)
        except InputError as error:  # no plan of this workflow
            if refused_by_disk(error):
                raise
    return found


def push_tables(
    results: Path, remote: Remote, chosen: Collection[str] | None = None, signatures: Signatures | None = None
) -> list[str]:
    """Send the tables of studies that have a report; the names of those of which something was new.

    Args:
        results: folder of the studies.
        remote: where to.
        chosen: names of folders of studies; all if not given.
        signatures: of the remote, where what is sent is signed.

    Raises:
        InputError: the remote cannot be reached or written, or nothing can be signed.
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
        changed = {file: path for file, path in files.items() if held.get(file) != digest_of(path)}
        signed = signatures is None or remote.read(f"{where}/{SUMS}{ENDING}") is not None
        if not changed and set(held) == set(files) and signed:
            continue
        remote.send({f"{where}/{file}": path for file, path in changed.items()})
        with tempfile.TemporaryDirectory() as scratch:
            sums = Path(scratch, SUMS)
            sums.write_bytes(sums_text((file, digest_of(path)) for file, path in files.items()))
            all_sums = {f"{where}/{SUMS}": sums}
            if signatures:
                all_sums |= signatures.sign({name: digest_of(path) for name, path in all_sums.items()}, Path(scratch))
            remote.send(all_sums)
        sent.append(name)
    return sent


def pull_tables(
    results: Path, remote: Remote, name: str, state: str, signatures: Signatures | None = None
) -> list[str]:
    """Bring the tables of a study in this state, but for those that the workflow made here.

    A table that someone is just sending does not match its checksum; it is left out.

    Args:
        results: folder of the studies.
        remote: where from.
        name: of the study's folder.
        state: from `state_of`.
        signatures: of the remote, where what it holds must be signed.

    Returns:
        The files that were brought, relative to results/<name>.

    Raises:
        InputError: the remote cannot be reached or read, or signatures cannot be checked here.
        Refused: the tables are not signed by one who may; nothing was brought.
    """
    folder = results / name
    where = f"{FOLDER}/{name}/{state}"
    sums = remote.read(f"{where}/{SUMS}")
    if sums and signatures:
        digest = hashlib.sha256(sums).hexdigest()
        signatures.check(f"{where}/{SUMS}", digest, remote.read(f"{where}/{SUMS}{ENDING}"))
    held = _parse(sums)
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
            if digest_of(path) == held[file]:
                os.utime(path, (PULLED, PULLED))
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                path.replace(folder / file)
                brought.append(file)
    if brought:
        forget_noted(folder)
    return brought


def _is_own(path: Path, digest: str) -> bool:
    """Whether nothing needs to be brought: the workflow made it here, or it is the same."""
    return path.is_file() and (path.stat().st_mtime != PULLED or digest_of(path) == digest)


def _files(folder: Path) -> dict[str, Path]:
    paths = {path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths) if path.name not in OWN}


def _parse(sums: bytes | None) -> dict[str, str]:
    """Checksums by name, of what may be brought: what `push_tables` sends, within the study's folder."""
    lines = (line.partition("  ") for line in (sums or b"").decode("utf-8", "replace").splitlines())
    return {name: digest for digest, _, name in lines if _is_table(PurePosixPath(name))}


def _is_table(path: PurePosixPath) -> bool:
    if path.is_absolute() or ".." in path.parts or path.name in OWN:
        return False
    if path.parts[:1] in (("figures",), ("images",)):
        return len(path.parts) > 1
    return any(fnmatch(str(path), pattern) for pattern in PATTERNS if pattern.count("/") == len(path.parts) - 1)
