"""Writes the sections of a report again from the files of its study, and compares every line.

A sentence that has no number, no name and no claiming word in it is not in report.sources.csv: a verdict in words, a
count's unit, `best`, a sentence that somebody added. It is found here.
"""

from itertools import pairwise
from pathlib import Path

from segsweep.errors import InputError
from segsweep.report.differences import differences
from segsweep.report.figures import theme
from segsweep.report.marks import unmarked
from segsweep.report.number_ledger import UnsourcedError, blank
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.written_sections import all_sections, heading, title, write_section

# Left to the sources alone: these draw a figure for every axis or metric, which takes most of a report's time.
NOT_WRITTEN_AGAIN = ("Hyperparameters", "Learning curves")

Part = tuple[int, list[str]]  # number of its first line (from 1), its lines without empty ones at the end


def compare_sections(markdown: str, folder: str | Path) -> list[str]:
    """Where report.md is not what its sections write now, empty when it is.

    `markdown` is the text of report.md, `folder` holds the results. Each problem names a line and what it should be.
    Of the sections `NOT_WRITTEN_AGAIN` only the heading and the place are looked at.
    """
    theme.use_theme()
    start, parts, problems = _parts(markdown)
    try:
        results = QuotedResults(folder, folder, draw=False)
        problems += _differences(start, _lines(unmarked(title(results))))
    except (InputError, LookupError, OSError, ValueError) as error:
        return [*problems, f"report.md cannot be written again: {type(error).__name__}: {error}"]
    known = {f"## {heading(section)}": section for section in all_sections()}
    for name, (line, _) in parts.items():
        if name not in known:
            problems.append(f"report.md line {line}: no section of a report is called “{name.lstrip('# ')}”")
    shown = [name for name in parts if name in known]
    if shown != [name for name in known if name in parts]:
        problems.append(f"report.md: its sections are in another order than {', '.join(n[3:] for n in known)}")
    for name, section in known.items():
        if section.title not in NOT_WRITTEN_AGAIN:
            problems += _of_section(section, parts.get(name), results)
    return problems


def _of_section(section, part: Part | None, results: QuotedResults) -> list[str]:
    try:
        wanted = _lines(unmarked(write_section(section, results)))
    except (InputError, LookupError, OSError, ValueError, UnsourcedError) as error:
        return [f"report.md: the section {section.title} cannot be written again: {type(error).__name__}: {error}"]
    if part is None:
        return [f"report.md: the section {section.title} is missing"] if wanted else []
    if not wanted:
        return [f"report.md line {part[0]}: this study has no section {section.title}"]
    return _differences(part, wanted)


def _parts(markdown: str) -> tuple[Part, dict[str, Part], list[str]]:
    """What stands before the first section; each section by the line of its heading; headings that stand twice."""
    lines, problems = markdown.split("\n"), []
    at = [i for i, line in enumerate(blank(markdown).split("\n")) if line.startswith("## ")]
    parts: dict[str, Part] = {}
    for i, end in pairwise([*at, len(lines)]):
        if lines[i] in parts:
            problems.append(f"report.md line {i + 1}: a second section “{lines[i][3:]}”")
        parts[lines[i]] = (i + 1, _stripped(lines[i:end]))
    return (1, _stripped(lines[: at[0] if at else None])), parts, problems


def _lines(text: str) -> list[str]:
    return _stripped(text.split("\n"))


def _stripped(lines: list[str]) -> list[str]:
    lines = list(lines)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _differences(part: Part, wanted: list[str]) -> list[str]:
    """Each line that differs, with what it should be; lines that have to go; lines that are missing."""
    first, shown = part
    problems = []
    for i, j, is_shown, is_wanted in differences(shown, wanted):
        line = f"report.md line {first + i}"
        if is_shown and is_wanted:
            problems.append(f"{line}: “{shown[i]}” should be “{wanted[j]}”")
        elif is_shown:
            problems.append(f"{line}: “{shown[i]}” is not what the files say: it should not be there")
        else:
            problems.append(f"{line}: “{wanted[j]}” is missing before this line")
    return problems
