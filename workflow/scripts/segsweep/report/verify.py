"""Checks a report: all that it states has a source, and the source still says so."""

import csv
import io
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from segsweep.report.claiming_words import claims_in
from segsweep.report.differences import differences
from segsweep.report.number_ledger import UnsourcedError, made_again, numbers_in
from segsweep.report.rewritten import compare_sections
from segsweep.report.sources import Source, SourceFiles
from segsweep.report.study_words import StudyWords

ADVICE = (
    "State it with `results.state(rows of findings.csv, form)`, explain it with `results.explain(name)`, or say it in "
    "words that claim nothing."
)


def verify(markdown: str, sources: str, folder: str | Path) -> list[str]:
    """Problems about a report, empty when all is well.

    `markdown` is report.md, `sources` report.sources.csv, both as text; `folder` holds the results. What the sources
    say is checked (`against_sources`), then the sections are written again (`rewritten.compare_sections`): any word
    that differs, is missing or was added is found.
    """
    return against_sources(markdown, sources, folder) + compare_sections(markdown, folder)


def against_sources(markdown: str, sources: str, folder: str | Path) -> list[str]:
    """Problems about what the sources of a report say; arguments as for `verify`.

    Each source must still yield the text that was written: a number, the name of a hyperparameter or a level, a whole
    sentence that states findings. The report must hold these texts in their lines, in the same order, no other number
    (`number_ledger.numbers_in`), and no claiming word (`claiming_words`) outside of them.
    """
    rows = list(csv.DictReader(io.StringIO(sources)))
    return _against_files(rows, SourceFiles(folder)) + against_text(markdown, rows)


def _against_files(rows: list[dict[str, str]], files: SourceFiles) -> list[str]:
    problems, words = [], StudyWords(files)
    for row in rows:
        source = _source(row)
        try:
            found = made_again(source, row["style"], files, words)
        except (LookupError, OSError, ValueError) as error:
            problems.append(f"report.md line {row['line']}: {row['text']} has no source any more: {error}")
            continue
        if _plain(row["text"]) != _plain(found):
            problems.append(f"report.md line {row['line']}: {row['text']}, but {describe(source)} says {found}")
    return problems


def against_text(markdown: str, rows: list[dict[str, str]]) -> list[str]:
    """Where a report is not what its sources say, and where it claims something without one."""
    problems = _numbers(markdown, rows)
    wrong, covered = set(), []
    for line, row, start in _located(markdown, rows):
        if start is not None:
            covered.append((start, start + len(row["text"])))
            continue
        wrong.add(line)
        if not problems or not numbers_in(row["text"]):
            problems.append(f"report.md line {line}: its source says “{row['text']}” there: {describe(_source(row))}")
    return problems + _claims(markdown, covered, wrong)


def _located(markdown: str, rows: list[dict[str, str]]) -> Iterator[tuple[int, dict[str, str], int | None]]:
    """Line, row and place of each recorded text, which has to stand in its line, behind the one before it."""
    lines, starts, position = markdown.split("\n"), [], 0
    for text in lines:
        starts.append(position)
        position += len(text) + 1
    for line, group in groupby(rows, key=lambda row: int(row["line"])):
        text, cursor = lines[line - 1] if line <= len(lines) else "", 0
        for row in group:
            found = text.find(row["text"], cursor)
            yield line, row, None if found < 0 else starts[line - 1] + found
            cursor = cursor if found < 0 else found + len(row["text"])


def _claims(markdown: str, covered: list[tuple[int, int]], skipped: set[int]) -> list[str]:
    problems, i = [], 0
    for start, word in claims_in(markdown):
        while i < len(covered) and covered[i][1] <= start:
            i += 1
        line = markdown.count("\n", 0, start) + 1
        if line in skipped or (i < len(covered) and covered[i][0] <= start):
            continue
        around = " ".join(markdown[max(0, start - 50) : start + 50].split())
        problems.append(f"report.md line {line}: “{word}” states something that no finding says, in “{around}”")
    return problems


def _numbers(markdown: str, rows: list[dict[str, str]]) -> list[str]:
    found = numbers_in(markdown)
    expected = [(text, row) for row in rows for _, text in numbers_in(row["text"])]
    shown, wanted = [text for _, text in found], [text for text, _ in expected]
    if shown == wanted:
        return []
    problems = []
    for i, j, is_wanted, is_shown in differences(wanted, shown):
        line = markdown.count("\n", 0, found[j][0]) + 1 if is_shown else None
        if is_shown and is_wanted:
            says = f"{wanted[i]}: {describe(_source(expected[i][1]))}"
            problems.append(f"report.md line {line}: {shown[j]}, but its source says {says}")
        elif is_shown:
            problems.append(f"report.md line {line}: {shown[j]} has no source")
        else:
            problems.append(f"report.md: {wanted[i]} is missing, once in line {expected[i][1]['line']}")
    return problems


def compare_text(markdown: str, sources: str) -> None:
    """Raises: UnsourcedError when a report is not what its sources say, or claims something without one."""
    if problems := against_text(markdown, list(csv.DictReader(io.StringIO(sources)))):
        advice = [ADVICE] if any("no finding says" in problem for problem in problems) else []
        raise UnsourcedError("\n".join(problems + advice))


def _plain(text: str) -> str:
    """A text without what headings and alternative texts of images change of it."""
    text = text.replace("`", "").translate(str.maketrans("[]", "()"))
    return text[:1].lower() + text[1:]


def describe(source: Source) -> str:
    """A source in words."""
    row = (
        f"row {source.row}"
        if source.row.replace(",", "").isdigit()
        else f"rows with {source.row}"
        if source.row
        else ""
    )
    parts = [source.file, row, source.column, source.how if source.how != "value" else ""]
    return ", ".join(part for part in parts if part)


def _source(row: dict[str, str]) -> Source:
    return Source(row["file"], row["row"], row["column"], row["how"])
