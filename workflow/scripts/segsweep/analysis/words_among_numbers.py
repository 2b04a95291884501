"""Words that are hardly levels: means and sums below a table, a word in a column of numbers, numbers gone wrong."""

import re
from collections import Counter
from typing import TYPE_CHECKING

from segsweep.analysis.foreign_files import Row
from segsweep.config.imported_table import Table
from segsweep.formatting import plural

if TYPE_CHECKING:
    from segsweep.analysis.imported_rows import Reader

SUMMARIES = {
    "mean", "average", "avg", "median", "std", "sd", "stdev", "sem", "se", "var", "variance", "sum", "total", "min",
    "max", "minimum", "maximum", "count", "best", "worst", "mittelwert", "mittel", "summe", "gesamt", "anzahl",
    "standardabweichung", "stabw",
}  # fmt: skip
DATE = re.compile(r"\d{4}-\d\d-\d\d(T.*)?")
OTHERWISE = re.compile(r"[+-]?\d+\.\d+([eE][+-]?\d+)?|[+-]?\d{1,3}('\d{3})+([.,]\d+)?")
NUMBERS_A_WORD = 2  # so many numbers beside each word that stands in one row only


def words_among_numbers(table: Table, rows: list[Row], reader: "Reader") -> list[str]:
    """A problem for each word that is hardly a level.

    It is none where it is a date, which spreadsheets make of numbers such as 1.3; where it is a number with another
    decimal mark than the table's, or with signs between thousands; where its row has no other axis and it says what is
    computed below a table (`Mean`); or where it stands among numbers and its row has no other axis, or it says what is
    computed, or it stands in no other row while most fields are numbers. `table.words` names axes on which
    such a word is a level.

    Args:
        table: the key `table` of the study.
        rows: all rows.
        reader: reads levels and numbers.
    """
    texts = {axis: reader.level_texts(rows, column) for axis, column in table.axes.items()}
    problems = []
    for axis, own in texts.items():
        if axis in table.words or reader.levels[axis].truth:
            continue
        words = Counter(text for text in own if text and reader.numbers.finite(text) is None)
        if spoilt := [(index, text) for index, text in enumerate(own) if DATE.fullmatch(text) and text in words]:
            problems.append(_spoilt(table, axis, rows, spoilt, _OF_DATES))
            continue
        if spoilt := [(index, text) for index, text in enumerate(own) if OTHERWISE.fullmatch(text) and text in words]:
            problems.append(_spoilt(table, axis, rows, spoilt, _OF_NOTATION))
            continue
        numbers = sum(1 for text in own if text) - words.total()
        single = max(words.values(), default=0) == 1 and numbers >= NUMBERS_A_WORD * len(words)
        for index, text in enumerate(own):
            if text not in words:
                continue
            alone = len(texts) > 1 and not any(other[index] for name, other in texts.items() if name != axis)
            summary = text.casefold().rstrip(":") in SUMMARIES
            if (numbers and (alone or summary or single)) or (alone and summary):
                problems.append(_problem(table, axis, text, rows[index], numbers))
    return problems


_OF_DATES = (
    "a date. Spreadsheets make dates of numbers such as 1.3: format the column as text and write the numbers again"
)
_OF_NOTATION = "no number as the others are written. Write all with the same decimal mark and nothing between thousands"


def _spoilt(table: Table, axis: str, rows: list[Row], found: list[tuple[int, str]], what: str) -> str:
    index, text = found[0]
    others = (
        f" So {'is' if len(found) == 2 else 'are'} {plural(len(found) - 1, 'other row')}." if len(found) > 1 else ""
    )
    return (
        f"{rows[index].where}: {table.axes[axis]} is {text!r}, {what}; if these are levels, write `words: [{axis}]`."
        f"{others}"
    )


def _problem(table: Table, axis: str, text: str, row: Row, numbers: int) -> str:
    column = table.axes[axis]
    among = f"a word in a column with {numbers} numbers" if numbers else "with all other axes blank"
    return (
        f"{row.where}: {column} is {text!r}, {among}. If the row is no run (a mean, a sum), delete it; if {text!r} "
        f"stands for a missing value, add it to `table.missing`; if it is a level, write `words: [{axis}]`."
    )
