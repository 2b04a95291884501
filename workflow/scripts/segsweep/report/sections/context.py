"""What sections share: tables, names, and the one way to write a number."""

import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segsweep.report import wording
from segsweep.report.figures import theme
from segsweep.report.number_ledger import CLOSE, OPEN, Ledger, numbers_in

USABLE = "finished,early_stopped"
APART = ("confirm", "ensemble")  # roles of runs of a setting that were not there to compare it with others


class Table:
    """A CSV file of the results: its frame for conditions, and its values for sentences."""

    def __init__(self, ledger: Ledger, file: str, texts: set[str]):
        self.ledger, self.file = ledger, file
        path = ledger.sources.folder / file
        self.frame = _read(path, TEXTS | texts) if path.is_file() else pd.DataFrame()

    def __len__(self) -> int:
        return len(self.frame)

    def say(self, index: int, column: str, style: str = "text") -> str:
        """The value in the row of that index (from 0), written in a style."""
        return self.ledger.say(self.file, int(index) + 1, column, style)

    def all(self, how: str, column: str = "", style: str = "int", where: str = "") -> str:
        """A number over all rows, or those that meet conditions: see `Place`."""
        return self.ledger.say(self.file, where, column, style, how)

    def first(self, **conditions: Any) -> int | None:
        """Index of the first row in which the columns have these values."""
        found = self.where(**conditions)
        return None if found.empty else int(found.index[0])

    def where(self, **conditions: Any) -> pd.DataFrame:
        """The rows in which the columns have these values; their index counts from 0 in the file."""
        frame = self.frame
        for column, value in conditions.items():
            if column not in frame.columns:
                return frame.iloc[:0]
            frame = frame[frame[column] == value]
        return frame


class Context:
    """The results of one study, ready to be written about."""

    def __init__(self, results: str | Path, output: str | Path):
        self.results, self.output = Path(results), Path(output)
        self.ledger = Ledger(results)
        self.plan = self.ledger.sources.tree("plan.json")
        self.analysis = self.ledger.sources.tree("analysis.json")
        self.study: dict[str, Any] = self.plan["study"]
        self.metric: str = self.analysis["metric"]
        self.minimize: bool = bool(self.analysis["minimize"])
        self.axes: list[str] = list(self.plan["axes"])
        self.one_seed: bool = bool(self.analysis.get("one_seed"))
        self._tables: dict[str, Table] = {}
        self._texts = set(self.axes) - {"epochs"}
        self.shown_figures: list[str] = []

    def table(self, name: str) -> Table:
        """A table by the name of its file without `.csv`; empty when there is none."""
        if name not in self._tables:
            self._tables[name] = Table(self.ledger, f"{name}.csv", self._texts)
        return self._tables[name]

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """epochs.csv, its cells and runs as texts."""
        path = self.results / "epochs.csv"
        if not path.is_file():
            return pd.DataFrame(columns=["run", "cell", "epoch"])
        wanted = {"run", "cell", "epoch", self.metric, "val/loss", "train/loss"}
        return pd.read_csv(path, usecols=lambda name: name in wanted, dtype={"run": str, "cell": str}, engine="c")

    @cached_property
    def usable(self) -> pd.DataFrame:
        """Runs that enter means: finished or ended by their own early stopping. Levels are texts.

        Confirmations, which were chosen by their result, and an ensemble's members, which are judged on pictures of
        their own, are none of them.
        """
        frame = self.table("runs").frame
        if "role" in frame:
            frame = frame[~frame["role"].isin(APART)]
        return frame[frame["status"].isin(USABLE.split(","))] if "status" in frame else frame

    @cached_property
    def untested(self) -> bool:
        """Whether no statement on an axis rests on a test."""
        frame = self.table("factor_summary").frame
        return len(frame) > 0 and bool((frame["relation"] == "described").all())

    @cached_property
    def best(self) -> int | None:
        """Index in ranking.csv of the setting that the analysis chose; None when there is none."""
        found = self.analysis.get("best") or {}
        return self.table("ranking").first(cell=str(found["cell"])) if found.get("cell") is not None else None

    @cached_property
    def edges(self) -> pd.DataFrame:
        """Rows of factor_summary.csv whose best level lies at an end of the values tried and stands out there."""
        frame = self.table("factor_summary").frame
        if "edge" not in frame:
            return frame.iloc[:0]
        return frame[frame["edge"].notna() & frame["relation"].isin(["distinct", "partly", "described"])]

    def interacting(self, axis: str | None = None) -> pd.DataFrame:
        """Rows of interactions.csv, of one axis or all, whose axes interact beyond noise; strongest first."""
        frame = self.table("interactions").frame
        if not len(frame):
            return frame
        found = frame[frame["verdict"] == "interact"]
        if axis is not None:
            found = found[(found["axis_a"] == axis) | (found["axis_b"] == axis)]
        return found.sort_values("partial_eta2", ascending=False, kind="stable")

    def levels(self, axis: str) -> list[str]:
        """The levels of an axis in the order to show."""
        return list(self.table("factors").where(axis=axis)["level"]) if len(self.table("factors")) else []

    def binned(self, axis: str) -> bool:
        """Whether the levels of an axis are ranges of continuous values."""
        found = self.table("factor_summary").where(axis=axis)
        return len(found) > 0 and str(found.iloc[0].get("binned")).lower() == "true"

    def fact(self, path: str, style: str = "text", how: str = "value") -> str:
        """A value of analysis.json, written."""
        return self.ledger.say("analysis.json", "", path, style, how)

    def planned(self, path: str, style: str = "text", how: str = "value") -> str:
        """A value of plan.json, written."""
        return self.ledger.say("plan.json", "", path, style, how)

    def m(self, column: str | None = None) -> str:
        """A metric in words."""
        return self._named(column or self.metric, wording.metric(column or self.metric))

    def a(self, axis: str) -> str:
        """An axis in words."""
        return self._named(axis, wording.axis(axis, self.axes))

    def _named(self, column: str, words: str) -> str:
        if not numbers_in(words):
            return words
        for file in ("runs.csv", "cells.csv"):
            try:
                return f"`{self.ledger.say(file, '', column, 'code', 'name')}`"
            except (LookupError, OSError):
                continue
        raise LookupError(f"no table has the column {column}")

    @property
    def top(self) -> str:
        """`highest` or `lowest`: the word for the end of the scale that ranks first."""
        return "lowest" if self.minimize else "highest"

    @property
    def bottom(self) -> str:
        """The other end."""
        return "highest" if self.minimize else "lowest"

    def code(self, table: str, index: int, column: str) -> str:
        """A field as code, in backticks; empty fields are a dash."""
        text = self.table(table).say(index, column, "code")
        return f"`{text}`" if text != "–" else text

    def interval(self, table: str, index: int, low: str, high: str, style: str = "metric") -> str:
        """`0.81 to 0.83`, or empty when there is no interval."""
        frame = self.table(table).frame
        if low not in frame or high not in frame or pd.isna(frame.at[index, low]) or pd.isna(frame.at[index, high]):
            return ""
        return f"{self.table(table).say(index, low, style)} to {self.table(table).say(index, high, style)}"

    def figure(self, name: str, figure: Figure, caption: str) -> str:
        """Stores a figure and gives the Markdown that shows it."""
        path = self.output / "figures" / f"{name}.png"
        theme.store(figure, path)
        self.shown_figures.append(path.name)
        return picture(f"figures/{path.name}", caption)

    def caption(self, ax: Axes, pattern: str, **more: str) -> str:
        """A caption in which `{x}` and `{y}` are the labels of the axes that were drawn."""
        words = {wording.axis(axis, self.axes): self.a(axis) for axis in self.axes}
        words |= {
            wording.metric(column): self.m(column) for column in self.table("runs").frame.columns if "/" in column
        }
        x, y = (words.get(label, label) for label in (ax.get_xlabel(), ax.get_ylabel()))
        return wording.capital(pattern.format(x=x, y=y, **more))


def picture(target: str, caption: str, alt: str = "") -> str:
    """A picture with its caption below, in Markdown; without `alt` the caption's first sentence stands for it."""
    first = SENTENCE.match(caption).group().rstrip(".")
    alt = (alt or first).replace("`", "").replace("[", "(").replace("]", ")")
    return f"![{alt}]({target})\n\n*{caption}*\n"


# Up to a full stop with a space behind it that is not inside of a mark.
SENTENCE = re.compile(f"(?:{OPEN}[^{CLOSE}]*{CLOSE}|(?!\\. ).)*", re.DOTALL)


def markdown_table(head: list[str], rows: Iterable[list[str]], right: Iterable[int] = ()) -> str:
    """A table; the columns of `right` are set flush right."""
    right = set(right)
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    lines = ["| " + " | ".join(cells) + " |" for cells in [list(map(wording.capital, head)), rule, *rows]]
    return "\n".join(lines) + "\n"


def paragraph(*sentences: str | None) -> str:
    """Sentences whose conditions hold, as one paragraph; empty when none does."""
    text = " ".join(sentence for sentence in sentences if sentence)
    return text + "\n" if text else ""


def bullets(*sentences: str | None) -> str:
    """Sentences whose conditions hold, as a list."""
    lines = [f"- {sentence}" for sentence in sentences if sentence]
    return "\n".join(lines) + "\n" if lines else ""


def by_rules(rules: Iterable[Callable[[Context], str | None]], context: Context) -> list[str]:
    """What the rules say of a study, in order; a rule whose condition does not hold says nothing."""
    return [sentence for rule in rules if (sentence := rule(context))]


def blocks(*parts: str) -> str:
    """Blocks with an empty line between them; empty ones are left out."""
    return "\n".join(part if part.endswith("\n") else part + "\n" for part in parts if part)


def _read(path: Path, texts: set[str]) -> pd.DataFrame:
    """Numbers are numbers; levels, cells, labels and names stay texts."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    for column in frame.columns:
        if column in texts:
            continue
        try:
            frame[column] = pd.to_numeric(frame[column])
        except (ValueError, TypeError):
            continue
    return frame


TEXTS = {
    "cell", "label", "run", "role", "round", "note", "status", "level", "level_a", "level_b", "axis", "axis_a",
    "axis_b",
    "best_level", "second_level", "best_cell", "worst_cell", "best_run", "worst_run", "id", "claim", "detail", "item",
    "before", "now", "image", "segments", "term", "test", "interval", "text", "changed",
}  # fmt: skip


def json_text(value: Any) -> str:
    """A JSON text of stable order."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
