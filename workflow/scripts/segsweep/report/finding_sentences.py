"""Sentences from findings: the only place where a report states a difference, an edge, an interaction or a correlation.

A form is a function of rows of findings.csv (dictionaries of texts) and the study's words; it returns a sentence or
more. The ledger records which rows and which form made a sentence, and `verify` makes it again.
"""

from collections.abc import Callable, Iterable, Sequence

from segsweep.analysis.verdicts import STATED
from segsweep.report.markdown import capital, listed
from segsweep.report.study_words import StudyWords
from segsweep.report.value_styles import MISSING, write

Row = dict[str, str]
MOST_NAMED, MOST_PAIRS, MOST_NUMBERS = 6, 12, 3


def sentence(form: str, rows: Sequence[Row], words: StudyWords) -> str:
    """The text of some findings in a form: `recommendation:optimizer.lr` is a form with its argument.

    Raises: ValueError for a form that is not there.
    """
    name, _, argument = form.partition(":")
    if name not in FORMS:
        raise ValueError(f"no form of a sentence is called {name!r}; there are {', '.join(FORMS)}")
    return FORMS[name](list(rows), words, argument) if argument else FORMS[name](list(rows), words)


def stated(rows: Iterable[Row], *kinds: str) -> list[Row]:
    """The rows that passed the study's correction, of these kinds or all."""
    return [row for row in rows if row["verdict"] in STATED and (not kinds or row["kind"] in kinds)]


class _Pair:
    """Two levels that differ, the better one first."""

    def __init__(self, row: Row):
        first = row["verdict"] == "better"
        self.row = row
        self.winner, self.loser = (row["a"], row["b"]) if first else (row["b"], row["a"])
        estimate = float(row["estimate"])
        self.size = abs(estimate)
        self.ends = _ends(row, 1.0 if estimate > 0 else -1.0)

    def numbers(self, words: StudyWords) -> str:
        """`by 0.2980, corrected interval 0.1657 to 0.4304, corrected p < 0.001`, and the practical threshold.

        Where ranks told the levels apart and the interval of the means holds 0, it stands last, as what it is.
        """
        by, p = f"by {write('metric', self.size)}", f"corrected p {write('p_equals', self.row['p_study'])}"
        if self.ends and float(self.row["low"]) <= 0 <= float(self.row["high"]):
            by += f", {p} by ranks; the corrected interval of the means, {self.ends}, holds 0"
        else:
            by += f"{', corrected interval ' + self.ends if self.ends else ''}, {p}"
        return by + _in_practice(self.row, words)


def _ends(row: Row, turn: float = 1.0, style: str = "metric") -> str:
    """`0.1657 to 0.4304`, turned around where `turn` is -1; empty without an interval."""
    if not row["low"] or not row["high"]:
        return ""
    low, high = sorted(float(row[name]) * turn for name in ("low", "high"))
    return f"{write(style, low)} to {write(style, high)}"


def _in_practice(row: Row, words: StudyWords) -> str:
    """A clause on the practical threshold; empty where the study has none."""
    if words.threshold is None or not row["matters"]:
        return ""
    bar = write("general", words.threshold)
    return {
        "yes": f", beyond the practical threshold of {bar}",
        "no": f", within the practical threshold of {bar}",
        "unclear": f", which may or may not reach the practical threshold of {bar}",
    }[row["matters"]]


def _levels(rows: Iterable[Row]) -> list[str]:
    """The levels of the pairs, in the order of the axis as far as pairs are in that order."""
    return list(dict.fromkeys(level for row in rows for level in (row["a"], row["b"])))


def _wins(rows: Iterable[Row]) -> dict[str, list[_Pair]]:
    """For each level that is better than others its pairs, the closest first; the level that wins most first."""
    wins: dict[str, list[_Pair]] = {}
    for pair in sorted(map(_Pair, stated(rows, "levels")), key=lambda pair: pair.size):
        wins.setdefault(pair.winner, []).append(pair)
    return dict(sorted(wins.items(), key=lambda item: (-len(item[1]), -item[1][-1].size)))


def axis_summary(rows: list[Row], words: StudyWords, axis: str) -> str:
    """What the pairs of levels of an axis that differ say, in one sentence; `rows` are all its pairs."""
    wins = _wins(rows)
    top, won = next(iter(wins.items()))
    others = len(_levels(rows)) - 1
    rest = _further(wins, top, words)
    start = f"For the {words.axis(axis)}, {words.level(top)} is better than "
    closest = words.level(won[0].loser)
    if len(won) == 1:
        return f"{start}{closest} ({won[0].numbers(words)}).{rest}"
    named = [words.level(pair.loser) for pair in won[:MOST_NAMED]]
    named += [write("plural:further level", len(won) - MOST_NAMED)] if len(won) > MOST_NAMED else []
    beaten = f"each of the {others} other levels" if len(won) == others else listed(named)
    return f"{start}{beaten}; the closest is {closest} ({won[0].numbers(words)}).{rest}"


def _further(wins: dict[str, list[_Pair]], top: str, words: StudyWords) -> str:
    """What levels other than the first are better than; of many pairs how many there are."""
    others = {level: won for level, won in wins.items() if level != top}
    if sum(map(len, others.values())) > MOST_NUMBERS:
        return f" Further pairs of its levels that differ: {sum(map(len, others.values()))}."
    return "".join(
        f" {words.level(level)} is also better than {listed(words.level(pair.loser) for pair in won)}."
        for level, won in others.items()
    )


def interaction(rows: list[Row], words: StudyWords) -> str:
    """One pair of axes, tested for interaction."""
    row = rows[0]
    one, other = words.axis(row["axis"]), words.axis(row["axis_b"])
    numbers = f"partial eta squared {write('fixed', row['estimate'])}, corrected p {write('p_equals', row['p_study'])}"
    if row["verdict"] == "interact":
        start = f"The {one} and the {other} interact ({numbers})"
        return f"{start}: what one does depends on the other, so choose them together."
    if row["verdict"] == "undecided":
        return f"Whether the {one} and the {other} interact is undecided ({numbers})."
    why = f": {write('text', row['note'])}" if row["note"] else ""
    return f"The interaction of the {one} and the {other} could not be tested{why}."


def interaction_to_try(rows: list[Row], words: StudyWords) -> str:
    """A pair of axes that interact as something to try next: only numbers have values between those tried."""
    row = rows[0]
    pair = (row["axis"], row["axis_b"])
    numbers = [axis for axis in pair if words.numeric(axis)]
    one, other = map(words.axis, pair)
    if len(numbers) == 1:
        other = words.axis(next(axis for axis in pair if axis not in numbers))
        start = f"More values of the {words.axis(numbers[0])} for each {other}; these two"
    elif numbers:
        start = f"A finer grid over the {one} and the {other} together, which"
    else:
        start = f"A choice of the {one} and the {other} together; these two"
    return f"{start} interact (corrected p {write('p_equals', row['p_study'])})."


def better_at_end(rows: list[Row], words: StudyWords) -> str:
    """The better of two levels of a numeric axis, both of which are ends, as a question to try next."""
    pair, row = _Pair(rows[0]), rows[0]
    side = "higher" if float(pair.winner) > float(pair.loser) else "lower"
    return (
        f"Whether {side} values of the {words.axis(row['axis'])} do better still is open: of the two tried, "
        f"{words.level(pair.winner)} is better than {words.level(pair.loser)} (corrected p "
        f"{write('p_equals', row['p_study'])})."
    )


def edge(rows: list[Row], words: StudyWords) -> str:
    """A best level at an end of a numeric axis."""
    row = rows[0]
    side, beyond = ("lowest", "lower") if row["b"] == "low" else ("highest", "higher")
    return (
        f"{words.level(row['a'])}, better than every other level of the {words.axis(row['axis'])}, is the {side} value "
        f"tried: {beyond} ones are untested."
    )


def edge_to_try(rows: list[Row], words: StudyWords) -> str:
    """The same as something to try next, with runs that failed there."""
    row = rows[0]
    failed = _failures(rows, [row["a"]], words)
    start = f"{'Lower' if row['b'] == 'low' else 'Higher'} values of the {words.axis(row['axis'])}"
    why = f"{words.level(row['a'])} is better than every other level and lies at the end of the values tried"
    return f"{start}: {why}" + (f"; but {listed(failed)}." if failed else ".")


def first_cell(rows: list[Row], words: StudyWords, named: str = "it") -> str:
    """How the first setting of the ranking stands to the others; `rows` are all its comparisons."""
    better = stated(rows, "cells")
    undecided_ = [row for row in rows if row["verdict"] == "undecided"]
    total, it = write("plural:other setting", len(rows)), capital(named)
    if not better and not undecided_:
        return f"How {named} stands to other settings cannot be tested."
    if not better:
        if len(rows) == 1:
            return f"Whether {named} is better than the other setting is undecided."
        return f"{it} is not shown to be better than any of {total}: all of these comparisons are undecided."
    if len(better) == len(rows):
        return f"{it} is better than the other setting." if len(rows) == 1 else f"{it} is better than each of {total}."
    left = "one" if len(rows) - len(better) == 1 else len(rows) - len(better)
    return f"{it} is better than {len(better)} of {total}; for the remaining {left} it is undecided."


def first_of_ranking(rows: list[Row], words: StudyWords) -> str:
    """The same below the ranking."""
    return first_cell(rows, words, "the first setting")


def undecided(rows: list[Row], words: StudyWords) -> str:
    """What was tested and did not pass: axes none of whose pairs differ, pairs of axes; names no order."""
    axes = list(dict.fromkeys(row["axis"] for row in rows if row["kind"] == "levels"))
    pairs = [row for row in rows if row["kind"] == "interaction"]
    parts = []
    if axes:
        names = [f"the {words.axis(axis)}" for axis in axes[:MOST_NAMED]]
        names += [write("plural:further hyperparameter", len(axes) - MOST_NAMED)] if len(axes) > MOST_NAMED else []
        parts.append(f"whether levels of {listed(names, 'or')} differ")
    if len(pairs) > 2:
        parts.append(f"whether {write('plural:pair', len(pairs))} of hyperparameters interact")
    else:
        parts += [
            f"whether the {words.axis(row['axis'])} and the {words.axis(row['axis_b'])} interact" for row in pairs
        ]
    return f"It is undecided {listed(parts)}."


def confounded(rows: list[Row], words: StudyWords) -> str:
    """Axes whose levels the design does not separate from another axis."""
    axes = listed(dict.fromkeys(f"the {words.axis(row['axis'])}" for row in rows))
    return f"Levels of {axes} cannot be compared: the design does not separate them from another hyperparameter."


def described(rows: list[Row], words: StudyWords) -> str:
    """Axes for which there was nothing to test with."""
    axes = listed(dict.fromkeys(f"the {words.axis(row['axis'])}" for row in rows))
    return f"Levels of {axes} are described, not compared: there is nothing to test differences with."


def _failures(rows: Iterable[Row], levels: Iterable[str], words: StudyWords) -> list[str]:
    """What the notes of findings say of runs of these levels that did not finish, each once."""
    parts = dict.fromkeys(part.strip() for row in rows for part in row["note"].split(";"))
    return [
        f"{write('text', part.removesuffix(end))} with {words.level(level)} did not finish"
        for level in levels
        for end in [f" with {level} failed"]
        for part in parts
        if part.endswith(end)
    ]


def recommendation(rows: list[Row], words: StudyWords, axis: str) -> str:
    """What follows for the choice of a level: every pair that differs, runs that failed, interactions, an edge.

    `rows` are all findings of the axis. Runs that failed are named of levels that are better than others and worse
    than none: of the others nothing is recommended.
    """
    own = [row for row in rows if row["kind"] == "levels"]
    others = [words.axis(row["axis_b"] if row["axis"] == axis else row["axis"]) for row in stated(rows, "interaction")]
    said = _differences(own, words) or [_no_difference(own, words, "" if others else ": choose by cost or convenience")]
    wins = _wins(own)
    beaten = {pair.loser for won in wins.values() for pair in won}
    if failed := _failures(own, [level for level in _levels(own) if level in wins and level not in beaten], words):
        said.append(f"Mind that {listed(failed)}.")
    if others:
        names = listed(f"the {other}" for other in others)
        said.append(f"The {words.axis(axis)} interacts with {names}: choose them together.")
    said += [edge([row], words) for row in stated(rows, "edge")]
    return " ".join(said)


def _differences(own: list[Row], words: StudyWords) -> list[str]:
    """Every pair of levels that differs, the first `MOST_PAIRS` with their numbers; the levels that are left."""
    wins = _wins(own)
    said, named = [], 0
    for level, won in wins.items():
        shown = won[: MOST_PAIRS - named]
        named += len(shown)
        said += [_wins_of(level, shown, words)] if shown else []
    if not said:
        return []
    if rest := sum(map(len, wins.values())) - named:
        said.append(f"{write('plural:further pair', rest)} differ{'s' if rest == 1 else ''}: see `findings.csv`.")
    levels = _levels(own)
    beaten = {pair.loser for won in wins.values() for pair in won}
    left = [level for level in levels if level not in beaten]
    names = [words.level(level) for level in left[:MOST_NAMED]]
    names += [write("plural:further level", len(left) - MOST_NAMED)] if len(left) > MOST_NAMED else []
    if len(left) == 1 and len(levels) > 2:
        said.append(f"Only {names[0]} is not shown to be worse than another level.")
    elif len(left) > 1:
        said.append(f"Not shown to be worse than another level: {listed(names)}; choose among these.")
    return said


def _wins_of(level: str, won: list[_Pair], words: StudyWords) -> str:
    """The levels that one is better than: of few with their numbers, of many with those of the closest."""
    start = f"{words.level(level)} is better than "
    if len(won) <= MOST_NUMBERS:
        return start + listed(f"{words.level(pair.loser)} ({pair.numbers(words)})" for pair in won) + "."
    closest = f"the closest is {words.level(won[0].loser)} ({won[0].numbers(words)})"
    return f"{start}{listed(words.level(pair.loser) for pair in won)}; {closest}."


def _no_difference(own: list[Row], words: StudyWords, advice: str) -> str:
    tested = [row for row in own if row["verdict"] == "undecided" and row["p_study"]]
    if tested:
        least = min(tested, key=lambda row: float(row["p_study"]))
        p = f"corrected p {write('p_equals', least['p_study'])}"
        if len(own) == 1:
            return f"Whether {words.level(least['a'])} and {words.level(least['b'])} differ is undecided ({p}){advice}."
        return f"No pair of its levels is shown to differ (least {p}), nor that they are equal{advice}."
    if any(row["verdict"] == "confounded" for row in own):
        return "These results recommend no level: the design does not separate them from another hyperparameter."
    return "These results recommend no level: there is nothing to test differences with."


def correlation(rows: list[Row], words: StudyWords) -> str:
    """A measure that goes with the score."""
    row = rows[0]
    ends = _ends(row, style="fixed")
    numbers = (
        f"rank correlation {write('fixed', row['estimate'])}{', corrected interval ' + ends if ends else ''}, "
        f"corrected p {write('p_equals', row['p_study'])}, over {write('plural:setting', row['n'])}"
    )
    score, measure = words.metric(words.metric_column), words.metric(row["axis"])
    if row["verdict"] not in STATED:
        return f"Whether the {score} goes with the {measure} is undecided ({numbers})."
    return f"The {score} {row['verdict']} with the {measure} ({numbers})."


def table_row(rows: list[Row], words: StudyWords) -> str:
    """A row of the table of comparisons: the fields between its bars, the better level first."""
    row = rows[0]
    a, b, turn, beats = row["a"], row["b"], 1.0, row["beats"]
    if row["verdict"] == "worse":
        a, b, turn, beats = b, a, -1.0, str(1 - float(beats)) if beats else ""
    verdicts = {"undecided": "undecided", "confounded": "not separable", "described": "not tested"}
    fields = [
        capital(words.axis(row["axis"])), f"{words.level(a)} against {words.level(b)}",
        write("signed", float(row["estimate"]) * turn) if row["estimate"] else MISSING, _ends(row, turn) or MISSING,
        write("p", row["p_study"]), write("chance", beats),
    ]  # fmt: skip
    if words.threshold is not None:
        fields.append(row["matters"] or MISSING)
    return " | ".join([*fields, verdicts.get(row["verdict"], f"{words.level(a)} is better")])


FORMS: dict[str, Callable[..., str]] = {
    "axis": axis_summary, "interaction": interaction, "interaction_to_try": interaction_to_try, "edge": edge,
    "edge_to_try": edge_to_try, "better_at_end": better_at_end, "first_cell": first_cell,
    "first_of_ranking": first_of_ranking, "undecided": undecided, "confounded": confounded, "described": described,
    "recommendation": recommendation, "correlation": correlation, "row": table_row,
}  # fmt: skip
