"""A finished report as exporters take it: its text, its tables with their places, its files."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from segsweep.io import read_text
from segsweep.report.page import anchor

COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
REMEDY = "Build the report first."


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its pieces of text, each with the markup around it (`code`, `strong`, `em`, or none)."""

    pieces: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The text without markup."""
        return "".join(text for text, _ in self.pieces)


@dataclass
class ReportTable:
    """A table of a report.

    name: unique in the report, for file names and labels: `ranking`, `hyperparameters-learning-rate`, `ranking-2`.
    headings: the headings above it, without the report's title.
    head: cells of the header.
    rows: cells of each row, as many as the header has.
    right: positions of the columns that are set flush right.
    """

    name: str
    headings: tuple[str, ...]
    head: list[Cell] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    right: frozenset[int] = frozenset()

    @property
    def caption(self) -> str:
        """`Hyperparameters: learning rate`."""
        return ": ".join(self.headings)


@dataclass(frozen=True)
class FinishedReport:
    """The report that lies in a folder.

    folder: holds report.md, report.html and figures/.
    """

    folder: Path

    @cached_property
    def markdown(self) -> str:
        """The report's text, without comments.

        Raises:
            InputError: it cannot be read.
        """
        return COMMENT.sub("", read_text(self.folder / "report.md", REMEDY))

    @cached_property
    def title(self) -> str:
        """Its first heading, without markup."""
        return next((_text(inline) for _, inline, _ in _headings(self._tokens)), "")

    @cached_property
    def tables(self) -> list[ReportTable]:
        """Its tables, in their order."""
        return _tables(self._tokens)

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt("commonmark", {"html": False}).enable("table").parse(self.markdown)


def _headings(tokens: list[Token]) -> list[tuple[int, Token, int]]:
    """Level, text and position of each heading."""
    found = ((int(one.tag[1]), inline, i) for i, (one, inline) in enumerate(pairwise(tokens)) if one.tag[:1] == "h")
    return [(level, inline, i) for level, inline, i in found if tokens[i].type == "heading_open"]


def _tables(tokens: list[Token]) -> list[ReportTable]:
    headings = {i: (level, _text(inline)) for level, inline, i in _headings(tokens)}
    above: dict[int, str] = {}
    seen: dict[str, int] = {}
    found: list[ReportTable] = []
    row: list[Cell] = []
    for i, token in enumerate(tokens):
        if i in headings:
            level, text = headings[i]
            above = {one: title for one, title in above.items() if one < level} | {level: text}
        elif token.type == "table_open":
            path = tuple(title for level, title in sorted(above.items()) if level > 1)
            name = "-".join(anchor(one) for one in path) or "table"
            seen[name] = seen.get(name, 0) + 1
            found.append(ReportTable(f"{name}-{seen[name]}" if seen[name] > 1 else name, path))
        elif token.type == "tr_open":
            row = []
        elif token.type in ("th_open", "td_open"):
            if token.type == "th_open" and "right" in str(token.attrGet("style") or ""):
                found[-1].right |= {len(row)}
            row.append(Cell(tuple(_pieces(tokens[i + 1]))))
        elif token.type == "tr_close":
            found[-1].rows.append(row)
        elif token.type == "thead_close":
            found[-1].head = found[-1].rows.pop()
    return found


def _pieces(inline: Token) -> list[tuple[str, str]]:
    pieces, around = [], [""]
    for token in inline.children or []:
        if token.type in ("strong_open", "em_open"):
            around.append(token.type.removesuffix("_open"))
        elif token.type in ("strong_close", "em_close"):
            around.pop()
        elif token.type == "code_inline":
            pieces.append((token.content, "code"))
        elif token.type in ("softbreak", "hardbreak"):
            pieces.append((" ", around[-1]))
        elif token.content:
            pieces.append((token.content, around[-1]))
    return pieces


def _text(inline: Token) -> str:
    return "".join(text for text, _ in _pieces(inline))
