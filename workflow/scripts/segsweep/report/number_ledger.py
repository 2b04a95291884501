"""The only way a number enters a report: looked up, written in a style, and recorded.

Nothing else writes digits. A sentence holds marks; `Ledger.finish` removes them. A number without a mark is a defect
of a section and stops the report.
"""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.report.sources import Source, SourceFiles
from segsweep.report.value_styles import MISSING, write

OPEN, MIDDLE, CLOSE = "\ue000", "\ue001", "\ue002"
MARK = re.compile(f"{OPEN}(\\d+){MIDDLE}([^{CLOSE}]*){CLOSE}")
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
        self.entries: list[Entry] = []

    def quote(self, file: str, row: str | int = "", column: str = "", style: str = "text", how: str = "value") -> str:
        """The value of a source, written in a style, as a mark for `finish`. See `Source` and `value_styles.write`.

        Raises: LookupError when there is no such value.
        """
        source = Source(file, str(row), column, how)
        value = self.files.lookup(source)
        text = write(style, value)
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


def _recorded(markdown: str, spans: list[tuple[int, int, Entry]]) -> list[dict[str, Any]]:
    rows, stray, used, i = [], [], -1, 0
    line, counted = 1, 0
    for start, text in numbers_in(markdown):
        line, counted = line + markdown.count("\n", counted, start), start
        while i < len(spans) and spans[i][1] <= start:
            i += 1
        if i == len(spans) or start < spans[i][0] or start + len(text) > spans[i][1]:
            stray.append(f"line {line}: {text} in “{_around(markdown, start)}”")
            continue
        if i != used:
            used, entry = i, spans[i][2]
            source = entry.source
            fields = (line, entry.text, source.file, source.row, source.column, source.how, entry.style, entry.value)
            rows.append(dict(zip(COLUMNS, fields, strict=True)))
    if stray:
        raise UnsourcedError("numbers without a source:\n" + "\n".join(stray))
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
