"""The only way a number, a name or a statement enters a report: made from the results' files, and recorded.

Nothing else writes digits. A sentence holds marks; `Ledger.finish` removes them. A number without a mark is a defect
of a section and stops the report.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.report.explanations import EXPLANATIONS
from segsweep.report.finding_sentences import sentence
from segsweep.report.marks import CLOSE, MARK, MIDDLE, OPEN
from segsweep.report.sources import Source, SourceFiles
from segsweep.report.study_words import StudyWords
from segsweep.report.value_styles import MISSING, write

FINDINGS = "findings.csv"
COLUMNS = ("line", "text", "file", "row", "column", "how", "style", "value")

# A number is digits, with sign, separators, exponent and per cent sign, that do not stand inside a word
# (`resnet18`, `mAP50`, `H1` and `4f2a` after a letter are names).
NUMBER = re.compile(r"(?<!\w)[-+−]?\d+(?:[.,:]\d+)*(?:[eE][-+]?\d+)?%?")
# Not text: code blocks, tags and comments, targets of links, names of files.
NOT_TEXT = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[ \t]*$"
    r"|<!--.*?-->|</?[a-zA-Z][^>\n]*>"
    r"|(?<=\])\([^)\n]*\)"
    r"|[\w./=+-]*\.(?:csv|png|jpg|md|html|yaml|yml|json|pt|txt|py)\b",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Entry:
    """A recorded text: the source of its value and the style it was written in."""

    source: Source
    style: str
    value: Any
    text: str


def blank(markdown: str) -> str:
    """The report with everything that is not text replaced by spaces; positions stay."""
    return NOT_TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), markdown)


def numbers_in(markdown: str) -> list[tuple[int, str]]:
    """Position and text of each number of a report, in order. `NUMBER` and `NOT_TEXT` define what counts."""
    return [(found.start(), found.group()) for found in NUMBER.finditer(blank(markdown))]


class UnsourcedError(Exception):
    """A template holds a number that no source stands behind."""


class Ledger:
    """Writes values into a text and records where each came from."""

    def __init__(self, folder: str | Path):
        self.files = SourceFiles(folder)
        self.words = StudyWords(self.files)
        self.entries: list[Entry] = []

    def quote(self, file: str, row: str | int = "", column: str = "", style: str = "text", how: str = "value") -> str:
        """The value of a source, written in a style, as a mark for `finish`. See `Source` and `value_styles.write`.

        Raises: LookupError when there is no such value.
        """
        source = Source(file, str(row), column, how)
        value = self.files.lookup(source)
        return self._record(source, style, value, made_again(source, style, self.files, self.words))

    def state(self, rows: Sequence[int], form: str) -> str:
        """A sentence from rows of findings.csv, counted from 0, in a form: see `finding_sentences`.

        Raises: LookupError when there is no such row, ValueError for an unknown form.
        """
        source = Source(FINDINGS, ",".join(str(int(row) + 1) for row in rows), "", "state")
        return self._record(source, form, "", made_again(source, form, self.files, self.words))

    def explain(self, name: str) -> str:
        """A standing explanation by its name. Raises: KeyError."""
        return self._record(Source("", "", name, "explanation"), "", "", EXPLANATIONS[name])

    def axis(self, name: str) -> str:
        """The name of an axis in words."""
        if name not in self.words.axes:
            return self.words.axis(name)
        source = Source("plan.json", "", f"axes[{self.words.axes.index(name)}]", "axis")
        return self._record(source, "", name, self.words.axis(name))

    def _record(self, source: Source, style: str, value: Any, text: str) -> str:
        if text == MISSING:
            return text
        self.entries.append(Entry(source, style, value, text))
        return f"{OPEN}{len(self.entries) - 1}{MIDDLE}{text}{CLOSE}"

    def value(self, file: str, row: str | int = "", column: str = "", how: str = "value") -> Any:
        """The value of a source, for a condition; not written, not recorded."""
        return self.files.lookup(Source(file, str(row), column, how))

    def finish(self, marked: str) -> tuple[str, list[dict[str, Any]]]:
        """The report without marks, and its sources in the order of the text (keys `COLUMNS`).

        Raises: UnsourcedError naming each number that stands outside of all marks.
        """
        pieces, spans, position, length = [], [], 0, 0
        for mark in MARK.finditer(marked):
            before = marked[position : mark.start()]
            length += len(before)
            text = mark.group(2)
            spans.append((length, length + len(text), self.entries[int(mark.group(1))]))
            pieces += [before, text]
            length += len(text)
            position = mark.end()
        markdown = "".join([*pieces, marked[position:]])
        return markdown, _recorded(markdown, spans)


def made_again(source: Source, style: str, files: SourceFiles, words: StudyWords) -> str:
    """The text of a record, from the files of the results.

    Raises: LookupError, OSError or ValueError when it cannot be made.
    """
    if source.how == "explanation":
        return EXPLANATIONS[source.column]
    if source.how == "axis":
        return words.axis(files.lookup(Source(source.file, source.row, source.column)))
    if source.how == "state":
        table = files.table(source.file)
        numbers = [int(number) for number in source.row.split(",") if number]
        if any(not 1 <= number <= len(table) for number in numbers):
            raise LookupError(f"{source.file} has {len(table)} rows, not all of {source.row}")
        return sentence(style, [table[number - 1] for number in numbers], words)
    return write(style, files.lookup(source))


def _recorded(markdown: str, spans: list[tuple[int, int, Entry]]) -> list[dict[str, Any]]:
    """A row for each span that is text; raises for numbers outside of all."""
    shown, numbers = blank(markdown), numbers_in(markdown)
    rows, stray, i = [], [], 0
    line, counted = 1, 0
    for start, end, entry in spans:
        while i < len(numbers) and numbers[i][0] < start:
            stray.append(numbers[i])
            i += 1
        inside = 0
        while i < len(numbers) and numbers[i][0] + len(numbers[i][1]) <= end:
            i, inside = i + 1, inside + 1
        text = markdown[start:end]
        if not shown[start:end].strip() or (numbers_in(text) and not inside):
            continue
        line, counted = line + markdown.count("\n", counted, start), start
        source = entry.source
        fields = (line, text, source.file, source.row, source.column, source.how, entry.style, entry.value)
        rows.append(dict(zip(COLUMNS, fields, strict=True)))
    stray += numbers[i:]
    if stray:
        where = [
            f"line {markdown.count(chr(10), 0, start) + 1}: {text} in “{_around(markdown, start)}”"
            for start, text in stray
        ]
        raise UnsourcedError("numbers without a source:\n" + "\n".join(where))
    return rows


def _around(markdown: str, start: int) -> str:
    return " ".join(markdown[max(0, start - 40) : start + 40].split())


def sources_csv(rows: list[dict[str, Any]]) -> str:
    """`report.sources.csv` as text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
