"""Provenance: the segments, versions, hosts and data that the results come from."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from segsweep.report.markdown import blocks, listed, markdown_table, paragraph, was
from segsweep.report.study_results import StudyResults

TITLE = "Provenance"
ORDER = 210

MOST_VERSIONS = 30


def write(results: StudyResults) -> str:
    """If provenance.json was written: segments, epochs, versions, hosts, data."""
    file = "provenance.json"
    if not (results.folder / file).is_file():
        return ""
    found = results.ledger.files.tree(file)

    def say(path: str, style: str = "text", how: str = "value") -> str:
        return results.ledger.quote(file, "", path, style, how)

    mixed = [i for i, library in enumerate(found["versions"]) if library["mixed"]]
    names = [found["versions"][i]["library"] for i in mixed]
    data, code = found["data_fingerprints"], found["code_fingerprints"]
    said = paragraph(
        f"The runs consist of {say('segments', 'plural:segment')}, "
        f"which trained {say('epochs_trained', 'plural:epoch')}; "
        f"without shared segments it would be {say('epochs_run_by_run', 'int')}."
        if found["segments"] and found["epochs_run_by_run"] > found["epochs_trained"]
        else f"The runs consist of {say('segments', 'plural:segment')}, "
        f"which trained {say('epochs_trained', 'plural:epoch')}."
        if found["segments"]
        else None,
        f"{say('restarts', 'plural:segment')} {was(found['restarts'])} interrupted "
        f"and resumed after {'its' if found['restarts'] == 1 else 'their'} last epoch."
        if found["restarts"]
        else None,
        f"Not all segments were trained with the same version of {listed(names)}." if mixed else None,
        f"The segments come from {say('data_fingerprints', 'plural:state', 'count')} of the data."
        if len(data) > 1
        else None,
    )
    rows = []
    if data:
        rows.append(
            ["Data fingerprint", ", ".join(f"`{say(f'data_fingerprints[{i}]', 'code')}`" for i in range(len(data[:4])))]
        )
    if code:
        rows.append(["Code fingerprints", say("code_fingerprints", "int", "count")])
    for i in range(len(found["hosts"][:8])):
        rows.append(["Host", f"{say(f'hosts[{i}].text')} ({say(f'hosts[{i}].segments', 'plural:segment')})"])
    for i, library in enumerate(found["versions"][:MOST_VERSIONS]):
        rows.append([f"{library['library']}", say(f"versions[{i}].text")])
    rest = (
        "Every number of this report is listed in `report.sources.csv` with the file, row and column it was read from; "
        "`verify_report.py` checks them.\n"
    )
    return blocks(said, markdown_table(["What", "Value"], rows) if rows else "", rest)


def gather(plan: dict[str, Any], store: Path) -> dict[str, Any]:
    """What the runs of a plan were trained with, from the records of their segments: the content of provenance.json.

    `epochs_trained` counts each segment once, `epochs_run_by_run` as often as runs use it. `versions` and `hosts`
    count segments; a library is mixed when segments name different versions.
    """
    uses = Counter(segment for run in plan["runs"] for segment in run["segments"])
    records = {}
    for segment in uses:
        try:
            records[segment] = json.loads((store / segment / "segment.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    epochs = {name: _epochs(record) for name, record in records.items()}
    versions = Counter(
        (library, str(version))
        for record in records.values()
        for library, version in (record.get("versions") or {}).items()
        if version
    )
    libraries = sorted({library for library, _ in versions})
    return {
        "segments": len(records),
        "epochs_trained": sum(epochs.values()),
        "epochs_run_by_run": sum(count * uses[name] for name, count in epochs.items()),
        "restarts": sum(len(record.get("history") or []) > 1 for record in records.values()),
        "data_fingerprints": _distinct(records, "data_fingerprint"),
        "code_fingerprints": _distinct(records, "code_fingerprint"),
        "versions": [_library(name, versions) for name in libraries],
        "hosts": [
            {"text": host, "segments": count}
            for host, count in Counter(_host(r) for r in records.values()).most_common()
            if host
        ],
    }


def _epochs(record: dict[str, Any]) -> int:
    return max(0, int(record.get("epochs") or 0) - int(record.get("first_epoch") or 1) + 1)


def _distinct(records: dict[str, dict[str, Any]], key: str) -> list[str]:
    return sorted({str(record[key]) for record in records.values() if record.get(key)})


def _library(name: str, versions: Counter) -> dict[str, Any]:
    mine = {version: count for (library, version), count in versions.items() if library == name}
    mixed = len(mine) > 1
    text = ", ".join(f"{version} ({count} segments)" if mixed else version for version, count in sorted(mine.items()))
    return {"library": name, "mixed": mixed, "text": text}


def _host(record: dict[str, Any]) -> str:
    """The machine of a segment in words: its name, accelerator or processor, and system."""
    host = record.get("host") or {}
    return ", ".join(dict.fromkeys(str(host[key]) for key in ("name", "gpu", "processor", "system") if host.get(key)))
