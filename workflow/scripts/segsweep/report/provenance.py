"""What a study's runs were trained with, gathered from the records of their segments."""

import json
from collections import Counter
from pathlib import Path
from typing import Any


def gather(plan: dict[str, Any], store: Path) -> dict[str, Any]:
    """Segments, epochs, versions, hosts and fingerprints of what is there of a plan.

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
    versions = _count(
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
            for host, count in _count(_host(r) for r in records.values()).most_common()
            if host
        ],
    }


def _epochs(record: dict[str, Any]) -> int:
    return max(0, int(record.get("epochs") or 0) - int(record.get("first_epoch") or 1) + 1)


def _count(items) -> Counter:
    return Counter(items)


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
