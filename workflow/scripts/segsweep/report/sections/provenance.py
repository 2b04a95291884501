"""Provenance: the segments, versions, hosts and data that the results come from."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from segsweep.config.components import Section
from segsweep.formatting import plural
from segsweep.planning.plan_file import StudyPlan
from segsweep.report.markdown import blocks, listed, markdown_table, paragraph, was
from segsweep.report.quoted_results import QuotedResults
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore

MOST_VERSIONS = 30
MOST_RUNS = 8  # that are named


class Provenance(Section):
    """Provenance: the segments, versions, hosts and data that the results come from."""

    title: ClassVar[str] = "Provenance"
    order: ClassVar[int] = 990


def write(results: QuotedResults) -> str:
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
        *mixed_precisions(found.get("taken_precisions", []), say),
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
        "Every number, name of a hyperparameter and statement of this report is listed in `report.sources.csv` with "
        "what it was made from; `verify_report.py` checks them.\n"
    )
    return blocks(said, markdown_table(["What", "Value"], rows) if rows else "", rest)


def mixed_precisions(taken: list[dict[str, Any]], say: Callable[..., str]) -> list[str]:
    """If `precision: auto` took different arithmetic: which, and in which runs but for those of the most frequent."""
    if len(taken) < 2:
        return []
    each = []
    for i, one in enumerate(taken):
        at, count = f"taken_precisions[{i}]", len(one["runs"])
        runs = [f"`{say(f'{at}.runs[{j}]', 'code')}`" for j in range(min(count, MOST_RUNS))]
        named = f" ({', '.join([*runs, *(['and others'] if count > MOST_RUNS else [])])})" if i else ""
        each.append(f"{say(f'{at}.precision')} in {say(f'{at}.runs', 'plural:run', 'count')}{named}")
    return [
        f"`precision: auto` took {listed(each)}, by the devices that trained them: differences between such runs may "
        "come from that."
    ]


def gather(plan: StudyPlan, store: SegmentStore) -> dict[str, Any]:
    """What the runs of a plan were trained with, from the records of their segments: the content of provenance.json.

    `epochs_trained` counts each segment once, `epochs_run_by_run` as often as runs use it. `versions` and `hosts`
    count segments; a library is mixed when segments name different versions.
    """
    uses = Counter(segment for run in plan.runs for segment in run.segments)
    found = (store.record_or_none(segment) for segment in uses if store.has(segment))
    records = [record for record in found if record is not None]
    versions = Counter(
        (library, str(version)) for record in records for library, version in record.versions.items() if version
    )
    hosts = Counter(filter(None, (_host_in_words(record.host) for record in records)))
    taken = taken_precisions(plan, {record.id: record for record in records})
    return {
        "segments": len(records),
        "epochs_trained": sum(record.trained_epochs for record in records),
        "epochs_run_by_run": sum(record.trained_epochs * uses[record.id] for record in records),
        "restarts": sum(len(record.history) > 1 for record in records),
        "data_fingerprints": _distinct(record.data_fingerprint for record in records),
        "code_fingerprints": _distinct(record.code_fingerprint for record in records),
        "versions": [_library(name, versions) for name in sorted({library for library, _ in versions})],
        "hosts": [{"text": host, "segments": count} for host, count in hosts.most_common()],
        "taken_precisions": taken,
    }


def taken_precisions(plan: StudyPlan, records: Mapping[str, SegmentRecord]) -> list[dict[str, Any]]:
    """What `precision: auto` took and in which runs, the most frequent first; nothing where no setting says `auto`."""
    runs: dict[str, list[str]] = {}
    for run in plan.runs:
        trained = [records[segment] for segment in run.segments if segment in records]
        if trained and trained[-1].train.get("precision") == "auto" and trained[-1].precision:
            runs.setdefault(trained[-1].precision, []).append(run.run)
    return [{"precision": one, "runs": runs[one]} for one in sorted(runs, key=lambda one: (-len(runs[one]), one))]


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value})


def _library(name: str, versions: Counter) -> dict[str, Any]:
    mine = {version: count for (library, version), count in versions.items() if library == name}
    mixed = len(mine) > 1
    text = ", ".join(
        f"{version} ({plural(count, 'segment')})" if mixed else version for version, count in sorted(mine.items())
    )
    return {"library": name, "mixed": mixed, "text": text}


def _host_in_words(host: dict[str, Any]) -> str:
    """The machine of a segment: its name, accelerator or processor, and system."""
    return ", ".join(dict.fromkeys(str(host[key]) for key in ("name", "gpu", "processor", "system") if host.get(key)))
