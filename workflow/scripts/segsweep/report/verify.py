"""Checks a report: each number has a source, and the source still says so."""

import csv
import io
from difflib import SequenceMatcher
from pathlib import Path

from segsweep.report.number_ledger import UnsourcedError, numbers_in
from segsweep.report.sources import Source, SourceFiles
from segsweep.report.value_styles import write


def verify(markdown: str, sources: str, folder: str | Path) -> list[str]:
    """Problems about a report, empty when all is well.

    `markdown` is report.md, `sources` report.sources.csv, both as text; `folder` holds the results. Each number
    of the text (see `number_ledger.numbers_in`) must stand in the sources, in the same order, and each source must
    still yield the text that was written.
    """
    rows = list(csv.DictReader(io.StringIO(sources)))
    return _against_files(rows, SourceFiles(folder)) + _against_text(markdown, rows)


def _against_files(rows: list[dict[str, str]], sources: SourceFiles) -> list[str]:
    problems = []
    for row in rows:
        source = Source(row["file"], row["row"], row["column"], row["how"])
        try:
            found = write(row["style"], sources.lookup(source))
        except (LookupError, OSError, ValueError) as error:
            problems.append(f"report.md line {row['line']}: {row['text']} has no source any more: {error}")
            continue
        if found != row["text"]:
            problems.append(f"report.md line {row['line']}: {row['text']}, but {describe(source)} says {found}")
    return problems


def _against_text(markdown: str, rows: list[dict[str, str]]) -> list[str]:
    found = numbers_in(markdown)
    expected = [(text, row) for row in rows for _, text in numbers_in(row["text"])]
    shown, wanted = [text for _, text in found], [text for text, _ in expected]
    if shown == wanted:
        return []
    problems = []
    for change, i, i_end, j, j_end in SequenceMatcher(None, wanted, shown, autojunk=False).get_opcodes():
        if change == "equal":
            continue
        for k in range(max(i_end - i, j_end - j)):
            here = j + k < j_end
            line = markdown.count("\n", 0, found[j + k][0]) + 1 if here else None
            if here and i + k < i_end:
                row = expected[i + k][1]
                source = Source(row["file"], row["row"], row["column"], row["how"])
                problems.append(
                    f"report.md line {line}: {shown[j + k]}, but its source says {wanted[i + k]}: {describe(source)}"
                )
            elif here:
                problems.append(f"report.md line {line}: {shown[j + k]} has no source")
            else:
                row = expected[i + k][1]
                problems.append(f"report.md: {wanted[i + k]} is missing, once in line {row['line']}")
    return problems


def compare_numbers(markdown: str, sources: str) -> None:
    """Raises: UnsourcedError when the numbers of a report are not those of its sources, in order."""
    problems = _against_text(markdown, list(csv.DictReader(io.StringIO(sources))))
    if problems:
        raise UnsourcedError("\n".join(problems))


def describe(source: Source) -> str:
    """A source in words."""
    row = f"row {source.row}" if source.row.isdigit() else f"rows with {source.row}" if source.row else ""
    parts = [source.file, row, source.column, source.how if source.how != "value" else ""]
    return ", ".join(part for part in parts if part)
