"""Sentences from findings: the only place where a report states a difference, an edge, an interaction or a correlation.

A form is a function of rows of findings.csv (dictionaries of texts) and the study's words; it returns a sentence or
more. The ledger records which rows and which form made a sentence, and `verify` makes it again.
"""

from collections.abc import Callable, Sequence

from segsweep.report.markdown import capital, listed
from segsweep.report.study_words import StudyWords
from segsweep.report.value_styles import MISSING, write

Row = dict[str, str]
STATED = ("better", "worse", "edge", "interact", "rises", "falls")
MOST_NAMED = 6


def sentence(form: str, rows: Sequence[Row], words: StudyWords) -> str:
    """The text of some findings in a form: `recommendation:optimizer.lr` is a form with its argument.

    Raises: ValueError for a form that is not there.
    """
    name, _, argument = form.partition(":")
    if name not in FORMS:
        raise ValueError(f"no form of a sentence is called {name!r}; there are {', '.join(FORMS)}")
    return FORMS[name](list(rows), words, argument) if argument else FORMS[name](list(rows), words)


def stated(rows: Sequence[Row], *kinds: str) -> list[Row]:
    """The rows that passed the study's correction, of these kinds or all."""
    return [row for row in rows if row["verdict"] in STATED and (not kinds or row["kind"] in kinds)]


class _Pair:
    """Two levels or cells that differ, the better one first."""

    def __init__(self, row: Row):
        first = row["verdict"] == "better"
        self.row = row
        self.winner, self.loser = (row["a"], row["b"]) if first else (row["b"], row["a"])
        estimate = float(row["estimate"])
        turn = 1.0 if estimate > 0 else -1.0
        self.size = abs(estimate)
        ends = [float(row[name]) * turn for name in ("low", "high") if row["low"] and row["high"]]
        self.ends = sorted(ends)
        self.beats = None if not row["beats"] else float(row["beats"]) if first else 1 - float(row["beats"])

    def numbers(self) -> str:
        """`0.2980, corrected interval 0.1657 to 0.4304, corrected p < 0.001`."""
        ends = [write("metric", end) for end in self.ends]
        interval = f", corrected interval {ends[0]} to {ends[1]}" if ends else ""
        return f"{write('metric', self.size)}{interval}, corrected p {write('p_equals', self.row['p_study'])}"


def _matters(row: Row, words: StudyWords) -> str:
    """A clause on the practical threshold; empty where the study has none."""
    if words.threshold is None or not row["matters"]:
        return ""
    bar = write("significant", words.threshold)
    return {
        "yes": f", more than the {bar} that counts in practice",
        "no": f", less than the {bar} that counts in practice",
        "unclear": f"; whether it reaches the {bar} that counts in practice is open",
    }[row["matters"]]


def axis_summary(rows: list[Row], words: StudyWords, axis: str) -> str:
    """What the pairs of levels of an axis that differ say, in one sentence; `rows` are all its pairs."""
    pairs = [_Pair(row) for row in stated(rows, "levels")]
    levels = dict.fromkeys(level for row in rows for level in (row["a"], row["b"]))
    start = f"For the {words.axis(axis)}, "
    wins: dict[str, list[_Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.size):
        wins.setdefault(pair.winner, []).append(pair)
    top = max(wins, key=lambda level: len(wins[level]))
    won = wins[top]
    more = len(pairs) - len(won)
    rest = f" {capital(write(f'plural:further pair of its levels', more))} differ{'s' if more == 1 else ''}." if more else ""
    closest = won[0]
    level = words.level(top)
    if len(won) == 1:
        return f"{start}{level} is better than {words.level(closest.loser)} (by {closest.numbers()}){_matters(closest.row, words)}.{rest}"
    others = f"each of the {len(levels) - 1} other levels" if len(won) == len(levels) - 1 else listed(
        words.level(pair.loser) for pair in won
    )
    return (
        f"{start}{level} is better than {others}; the closest is {words.level(closest.loser)} "
        f"(by {closest.numbers()}){_matters(closest.row, words)}.{rest}"
    )


def interaction(rows: list[Row], words: StudyWords) -> str:
    """One pair of axes, tested for interaction."""
    row = rows[0]
    one, other = words.axis(row["axis"]), words.axis(row["axis_b"])
    numbers = f"partial eta squared {write('fixed', row['estimate'])}, corrected p {write('p_equals', row['p_study'])}"
    if row["verdict"] == "interact":
        return f"The {one} and the {other} interact ({numbers}): what one does depends on the other, so choose them together."
    if row["verdict"] == "undecided":
        return f"Whether the {one} and the {other} interact is undecided ({numbers})."
    return f"The interaction of the {one} and the {other} could not be tested" + (f": {write('text', row['note'])}." if row["note"] else ".")


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
    failed = _failures(rows)
    beyond = "Lower" if row["b"] == "low" else "Higher"
    text = (
        f"{beyond} values of the {words.axis(row['axis'])} than {words.level(row['a'])}, which is better than every "
        "other level and lies at the end of the values tried"
    )
    return f"{text}; but {listed(failed)}." if failed else f"{text}."


def interaction_to_try(rows: list[Row], words: StudyWords) -> str:
    """A pair of axes that interact as something to try next."""
    row = rows[0]
    return (
        f"A finer grid over the {words.axis(row['axis'])} and the {words.axis(row['axis_b'])} together, which interact "
        f"(corrected p {write('p_equals', row['p_study'])})."
    )


def first_cell(rows: list[Row], words: StudyWords, named: str = "it") -> str:
    """How the first setting of the ranking stands to the others; `rows` are all its comparisons."""
    better = stated(rows, "cells")
    open_ = [row for row in rows if row["verdict"] == "undecided"]
    total, it = write("plural:other setting", len(rows)), capital(named)
    if not better and not open_:
        return f"How {named} stands to other settings cannot be tested."
    if not better:
        if len(rows) == 1:
            return f"Whether {named} is better than the other setting is undecided."
        return f"{it} is not shown to be better than any of {total}: all of these comparisons are undecided."
    if len(better) == len(rows):
        return f"{it} is better than the other setting." if len(rows) == 1 else f"{it} is better than each of {total}."
    rest = len(rows) - len(better)
    return f"{it} is better than {len(better)} of {total}; for the remaining {rest} that is undecided."


def first_of_ranking(rows: list[Row], words: StudyWords) -> str:
    """The same below the ranking."""
    return first_cell(rows, words, "the first setting")


def undecided(rows: list[Row], words: StudyWords) -> str:
    """What was tested and did not pass: axes none of whose pairs differ, pairs of axes; names no order."""
    axes = dict.fromkeys(row["axis"] for row in rows if row["kind"] == "levels")
    named = list(axes)[:MOST_NAMED]
    pairs = [row for row in rows if row["kind"] == "interaction"]
    parts = []
    if axes:
        more = [f"{len(axes) - len(named)} more hyperparameters"] if len(axes) > len(named) else []
        parts.append(f"whether levels of the {listed([words.axis(axis) for axis in named] + more, 'or the' if not more else 'or')} differ")
    if pairs:
        parts.append(f"whether {write('plural:pair', len(pairs))} of hyperparameters interact{'s' if len(pairs) == 1 else ''}")
    return f"Undecided is {listed(parts)}."


def confounded(rows: list[Row], words: StudyWords) -> str:
    """Axes whose levels the design does not separate from another axis."""
    axes = listed(dict.fromkeys(words.axis(row["axis"]) for row in rows))
    return f"Levels of the {axes} cannot be compared: the design does not separate them from another hyperparameter."


def described(rows: list[Row], words: StudyWords) -> str:
    """Axes for which there was nothing to test with."""
    axes = listed(dict.fromkeys(words.axis(row["axis"]) for row in rows))
    return f"Levels of the {axes} are described, not compared: there is nothing to test differences with."


def _failures(rows: Sequence[Row]) -> list[str]:
    """What the notes of findings say of runs that failed, each once."""
    parts = [part.strip() for row in rows for part in row["note"].split(";")]
    return [write("text", part) for part in dict.fromkeys(parts) if part.endswith(" failed")]


def recommendation(rows: list[Row], words: StudyWords, axis: str) -> str:
    """What follows for the choice of a level: every pair that differs, runs that failed, interactions, an edge.

    `rows` are all findings of the axis.
    """
    own = [row for row in rows if row["kind"] == "levels"]
    pairs = [_Pair(row) for row in stated(own)]
    said = _choice(own, pairs, words)
    if failed := _failures(own):
        said.append(f"Mind that {listed(failed)}.")
    others = [
        words.axis(row["axis_b"] if row["axis"] == axis else row["axis"]) for row in stated(rows, "interaction")
    ]
    if others:
        said.append(f"The {words.axis(axis)} interacts with the {listed(others)}: choose them together, by the figures of pairs.")
    said += [edge([row], words) for row in stated(rows, "edge")]
    return " ".join(said)


def _choice(own: list[Row], pairs: list[_Pair], words: StudyWords) -> list[str]:
    if pairs:
        wins: dict[str, list[_Pair]] = {}
        for pair in pairs:
            wins.setdefault(pair.winner, []).append(pair)
        said = []
        for level, won in sorted(wins.items(), key=lambda item: -len(item[1])):
            parts = [f"{words.level(pair.loser)} (by {pair.numbers()}{_matters(pair.row, words)})" for pair in won]
            said.append(f"{words.level(level)} is better than {listed(parts)}.")
        levels = dict.fromkeys(level for row in own for level in (row["a"], row["b"]))
        beaten = {pair.loser for pair in pairs}
        left = [level for level in levels if level not in beaten]
        if len(left) == 1 and len(levels) > 2:
            said.append(f"Of these levels only {words.level(left[0])} is not shown to be worse than another.")
        elif len(left) > 1:
            said.append(f"Not shown to be worse than another level: {listed(map(words.level, left))}; choose among these.")
        return said
    tested = [row for row in own if row["verdict"] == "undecided" and row["p_study"]]
    if tested:
        least = min(tested, key=lambda row: float(row["p_study"]))
        p = f"corrected p {write('p_equals', least['p_study'])}"
        if len(own) == 1:
            start = f"Whether {words.level(least['a'])} and {words.level(least['b'])} differ is undecided ({p})"
        else:
            start = f"No pair of its levels is shown to differ (least {p}); that is no sign that they are equal"
        return [f"{start}: choose by cost or convenience."]
    if any(row["verdict"] == "confounded" for row in own):
        return ["These results recommend no level: the design does not separate them from another hyperparameter."]
    return ["These results recommend no level: there is nothing to test differences with."]


def correlation(rows: list[Row], words: StudyWords) -> str:
    """A measure that goes with the score."""
    row = rows[0]
    interval = f", corrected interval {write('fixed', row['low'])} to {write('fixed', row['high'])}" if row["low"] else ""
    numbers = (
        f"rank correlation {write('fixed', row['estimate'])}{interval}, corrected p {write('p_equals', row['p_study'])}, "
        f"over {write('plural:setting', row['n'])}"
    )
    verb = {"rises": "rises", "falls": "falls"}.get(row["verdict"])
    score, measure = words.metric(words.metric_column), words.metric(row["axis"])
    if verb is None:
        return f"Whether the {score} goes with the {measure} is undecided ({numbers})."
    return f"The {score} {verb} with the {measure} ({numbers})."


def table_row(rows: list[Row], words: StudyWords) -> str:
    """A row of the table of comparisons: the fields between its bars."""
    row = rows[0]
    known = row["estimate"] != ""
    a, b, turn, beats = row["a"], row["b"], 1.0, row["beats"]
    if row["verdict"] == "worse":
        a, b, turn, beats = b, a, -1.0, str(1 - float(beats)) if beats else ""
    ends = sorted(float(row[name]) * turn for name in ("low", "high")) if row["low"] and row["high"] else []
    verdict = {
        "better": f"{words.level(a)} is better", "worse": f"{words.level(a)} is better", "undecided": "undecided",
        "confounded": "not separable", "described": "not tested",
    }[row["verdict"]]  # fmt: skip
    fields = [
        capital(words.axis(row["axis"])), f"{words.level(a)} against {words.level(b)}",
        write("signed", float(row["estimate"]) * turn) if known else MISSING,
        f"{write('metric', ends[0])} to {write('metric', ends[1])}" if ends else MISSING,
        write("p", row["p_study"]), write("percent", beats),
    ]  # fmt: skip
    if words.threshold is not None:
        fields.append(row["matters"] or MISSING)
    return " | ".join([*fields, verdict])


FORMS: dict[str, Callable[..., str]] = {
    "axis": axis_summary, "interaction": interaction, "edge": edge, "edge_to_try": edge_to_try,
    "interaction_to_try": interaction_to_try, "first_cell": first_cell, "first_of_ranking": first_of_ranking, "undecided": undecided,
    "confounded": confounded, "described": described, "recommendation": recommendation, "correlation": correlation,
    "row": table_row,
}  # fmt: skip
