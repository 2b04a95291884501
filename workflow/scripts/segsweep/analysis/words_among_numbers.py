"""Rows of a spreadsheet that are no runs: means and sums below the table, a word in a column of numbers."""

from collections import Counter
from typing import TYPE_CHECKING

from segsweep.analysis.foreign_files import Row
from segsweep.config.imported_table import Table

if TYPE_CHECKING:
    from segsweep.analysis.imported_rows import Reader

SUMMARIES = {
    "mean", "average", "avg", "median", "std", "sd", "stdev", "sem", "se", "var", "variance", "sum", "total", "min",
    "max", "minimum", "maximum", "count", "best", "worst", "mittelwert", "mittel", "summe", "gesamt", "anzahl",
    "standardabweichung", "stabw",
}  # fmt: skip
NUMBERS_A_WORD = 2  # so many numbers beside each word that stands in one row only


def words_among_numbers(table: Table, rows: list[Row], reader: "Reader") -> list[str]:
    """A problem for each word that is hardly a level.

    It is none where its row has no other axis and it says what is computed below a table (`Mean`), or where it stands
    among numbers and its row has no other axis, or it says what is computed, or it stands in no other row while most
    fields are numbers. `table.words` names axes on which such a word is a level.

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


def _problem(table: Table, axis: str, text: str, row: Row, numbers: int) -> str:
    column = table.axes[axis]
    among = f"a word in a column with {numbers} numbers" if numbers else "with all other axes blank"
    return (
        f"{row.where}: {column} is {text!r}, {among}. If the row is no run (a mean, a sum), delete it; if {text!r} "
        f"stands for a missing value, add it to `table.missing`; if it is a level, write `words: [{axis}]`."
    )
