"""Provenance: what this report was made from."""

from segsweep.report import wording
from segsweep.report.sections.context import Context, blocks, markdown_table, paragraph

MOST_VERSIONS = 30


def section(ctx: Context) -> str:
    """If provenance.json was written: segments, epochs, versions, hosts, data."""
    file = "provenance.json"
    if not (ctx.results / file).is_file():
        return ""
    found = ctx.ledger.sources.tree(file)

    def say(path: str, style: str = "text", how: str = "value") -> str:
        return ctx.ledger.say(file, "", path, style, how)

    mixed = [i for i, library in enumerate(found["versions"]) if library["mixed"]]
    names = [found["versions"][i]["library"] for i in mixed]
    data, code = found["data_fingerprints"], found["code_fingerprints"]
    said = paragraph(
        f"The runs consist of {say('segments', 'plural:segment')}, "
        f"which trained {say('epochs_trained', 'plural:epoch')}; "
        f"trained run by run it would have been {say('epochs_run_by_run', 'int')}."
        if found["segments"] and found["epochs_run_by_run"] > found["epochs_trained"]
        else f"The runs consist of {say('segments', 'plural:segment')}, "
        f"which trained {say('epochs_trained', 'plural:epoch')}."
        if found["segments"]
        else None,
        f"{say('restarts', 'plural:segment')} {wording.was(found['restarts'])} cut off "
        f"and went on from {'its' if found['restarts'] == 1 else 'their'} last epoch."
        if found["restarts"]
        else None,
        f"Not all segments were trained with the same version of {wording.listed(names)}." if mixed else None,
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
        "Every number in this text stands in `report.sources.csv` with the file, row and column it was read from; "
        "`verify_report.py` checks them.\n"
    )
    return blocks("## Provenance\n", said, markdown_table(["What", "Value"], rows) if rows else "", rest)
