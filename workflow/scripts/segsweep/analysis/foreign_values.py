"""What the texts of a foreign table mean: numbers with a point or a comma, and levels, of which 8 and 8.0 are one."""

import math
import re
from typing import Any

from segsweep.analysis.foreign_files import ForeignTable
from segsweep.config.imported_table import Table

POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "-infinity": -math.inf}
TRUTH = {"true": True, "false": False}
EXAMPLES = 3


class Numbers:
    """Reads the numbers of one table: its decimal mark is a point or a comma."""

    def __init__(self, comma: bool = False):
        """`comma` says that the decimal mark is a comma."""
        self.comma = comma

    def read(self, text: str) -> float | None:
        """The number, not finite ones included; None where the text is none. A whole number is an int."""
        if text.lower().removeprefix("+") in NOT_FINITE:
            return NOT_FINITE[text.lower().removeprefix("+")]
        if self.comma and COMMA.fullmatch(text):
            text = text.replace(",", ".")
        elif not POINT.fullmatch(text) or (self.comma and "." in text):
            return None
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)

    def finite(self, text: str) -> float | None:
        """The number, None where the text is none or not a finite one."""
        value = self.read(text)
        return value if value is not None and math.isfinite(value) else None


def numbers_of(source: ForeignTable, table: Table) -> tuple[Numbers, list[str], list[str]]:
    """Which decimal mark the numbers of a table have: what the study says, or what its metrics show, then its axes.

    Returns:
        What reads numbers, what is doubtful (problems), and what was found (notes).
    """
    if table.decimal:
        return Numbers(table.decimal == ","), [], []
    missing = {"", *table.missing}
    texts = {
        key: [
            (row, text) for row in source.rows if (text := row.fields[column].removesuffix("%").strip()) not in missing
        ]
        for key, column in table.columns.items()
        if key != "status.column"
    }
    scores = [pair for key, pairs in texts.items() if key.startswith("metrics.") for pair in pairs]
    points = any("." in text and POINT.fullmatch(text) for _, text in scores)
    commas = [(row, text) for row, text in scores if COMMA.fullmatch(text)]
    plain = [text for _, text in commas if not THOUSANDS.fullmatch(text)]
    advice = '`decimal: ","` in `table` makes decimal commas of commas, `decimal: "."` leaves them as they are.'
    if commas and (points or not plain):
        row, text = commas[0]
        kind = "scores have decimal points and commas" if points else "a comma for decimals or for thousands"
        return Numbers(), [f"{row.where}: {text!r}: {kind}. Write all with a point, or say which it is: {advice}"], []
    if commas:
        doubtful = _thousands(texts, table)
        return Numbers(comma=True), doubtful, [f"Commas are decimal commas: {_shown(text for _, text in commas)}."]
    doubtful = _thousands(texts, table)
    for key, pairs in texts.items():
        found = [(row, text) for row, text in pairs if COMMA.fullmatch(text)]
        if not key.startswith("axes.") or not found or doubtful:
            continue
        is_plain = all(COMMA.fullmatch(text) or text.isdecimal() for _, text in pairs)
        if source.plain_commas and is_plain and not points and not all(THOUSANDS.fullmatch(t) for _, t in found):
            return Numbers(comma=True), [], [f"Commas are decimal commas: {_shown(text for _, text in found)}."]
        row, text = found[0]
        doubtful.append(
            f"{row.where}: {table.columns[key]} is {text!r}: a decimal comma, or a word? Say which: {advice}"
        )
    return Numbers(), doubtful, []


def _thousands(texts: dict[str, list], table: Table) -> list[str]:
    """A problem for each axis whose commas all may be those of thousands."""
    problems = []
    for key, pairs in texts.items():
        found = [
            (row, text) for row, text in pairs if "," in text and (COMMA.fullmatch(text) or THOUSANDS.fullmatch(text))
        ]
        if key.startswith("axes.") and found and all(THOUSANDS.fullmatch(text) for _, text in found):
            row, text = found[0]
            problems.append(
                f"{row.where}: {table.columns[key]} is {text!r}: a comma for decimals or for thousands? Write "
                '`decimal: ","` if for decimals; of thousands, write the numbers without commas.'
            )
    return problems


def _shown(texts: Any) -> str:
    return ", ".join(list(dict.fromkeys(texts))[:EXAMPLES])


class Levels:
    """The levels of one column: numbers, truth values or words, each in one spelling."""

    def __init__(self, texts: list[str], numbers: Numbers):
        """`texts` are all fields of the column that are not missing."""
        self.numbers = numbers
        self.words: dict[str, set[str]] = {}
        values = [numbers.finite(text) for text in dict.fromkeys(texts)]
        self.truth = bool(texts) and all(text.lower() in TRUTH for text in texts)
        self.numeric = bool(texts) and all(value is not None for value in values)
        self.whole = all(value is None or float(value).is_integer() for value in values)
        for text in dict.fromkeys(texts):
            if numbers.finite(text) is None:
                self.words.setdefault("".join(text.casefold().split()), set()).add(text)

    @property
    def spellings(self) -> list[list[str]]:
        """Words that differ in capital and small letters, or in blanks, alone."""
        return [] if self.truth else [sorted(words) for words in self.words.values() if len(words) > 1]

    def level(self, text: str) -> Any:
        """The level: 8 and 8.0, 1e-3 and 0.001, TRUE and true are one."""
        if self.truth:
            return TRUTH[text.lower()]
        value = self.numbers.finite(text)
        if value is None or (not self.numeric and re.match(r"[+-]?0\d", text)):
            return text
        if isinstance(value, int) and abs(value) >= 2**53:
            return value
        integral = float(value).is_integer() and (self.whole or not self.numeric)
        return int(value) if integral and abs(value) < 2**53 else float(value)
