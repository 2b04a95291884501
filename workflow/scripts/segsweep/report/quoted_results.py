"""The results of a study as sections quote them: tables, names in words, figures, numbers with their sources."""

import re
import unicodedata
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segsweep import statuses
from segsweep.analysis.verdicts import STATED
from segsweep.config.dotted_keys import lookup
from segsweep.io import regular
from segsweep.own_code.names import without_folder
from segsweep.planning.plan_file import PLAN_FILE, open_plan
from segsweep.report.display_names import DisplayNames
from segsweep.report.figures import theme
from segsweep.report.markdown import capital, image
from segsweep.report.number_ledger import Ledger, numbers_in
from segsweep.report.value_styles import escape

USABLE = ",".join(statuses.USABLE)
SEEDS_CHANGE_NOTHING = "Seeds change no score"  # in noise.why of analysis.json
LONGEST_FILE_NAME = 80  # characters of a figure's name
COMPARED = "grid,run,trial,reference"  # roles of runs that are compared
NOT_COMPARED = ("confirm", "ensemble", "retrain")  # roles of runs that enter no comparison of settings


# Columns that hold text whatever their fields look like.
TEXT_COLUMNS = {
    "cell", "label", "run", "role", "round", "note", "status", "level", "level_a", "level_b", "axis", "axis_a",
    "axis_b", "best_level", "second_level", "best_cell", "worst_cell", "best_run", "worst_run", "id", "claim",
    "detail", "item", "before", "now", "image", "segments", "term", "test", "interval", "text", "changed", "kind", "a",
    "b", "matters", "verdict", "changes", "data", "split", "class", "predicted", "confused_with", "same_as",
    "device", "model", "race", "standing", "by", "first", "ended",
}  # fmt: skip


LEVELS = ("level", "level_a", "level_b", "best_level", "second_level")


class Table:
    """A CSV file of the results: its frame for conditions, and its values for sentences."""

    def __init__(self, ledger: Ledger, file: str, texts: set[str]):
        self.ledger, self.file = ledger, file
        path = ledger.files.folder / file
        self.frame = _read(path, TEXT_COLUMNS | texts) if path.is_file() else pd.DataFrame()

    def __len__(self) -> int:
        return len(self.frame)

    def quote(self, index: int, column: str, style: str = "text") -> str:
        """The value in the row of that index (from 0), in a style."""
        return self.ledger.quote(self.file, int(index) + 1, column, style)

    def aggregate(self, how: str, column: str = "", style: str = "int", where: str = "") -> str:
        """A number over all rows, or those that meet conditions: see `Source`."""
        return self.ledger.quote(self.file, where, column, style, how)

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


class QuotedResults:
    """The results of one study, quoted with their sources; without `draw` no figure is stored below `output`."""

    def __init__(self, folder: str | Path, output: str | Path, *, draw: bool = True):
        self.folder, self.output, self.draw = Path(folder), Path(output), draw
        self.ledger = Ledger(folder)
        self.plan = open_plan(self.folder / PLAN_FILE)
        self.analysis = self.ledger.files.tree("analysis.json")
        self.study: dict[str, Any] = self.plan.study
        self.metric: str = self.analysis["metric"]
        self.minimize: bool = bool(self.analysis["minimize"])
        self.axes: list[str] = list(self.plan.axes)
        given = {without_folder(name): words for name, words in (self.study.get("names") or {}).items()}
        self.names = DisplayNames(given, tuple(self.axes))
        self.one_seed: bool = bool(self.analysis.get("one_seed"))
        self._tables: dict[str, Table] = {}
        self._texts = set(self.axes) - {"epochs"}
        self.shown_figures: list[str] = []
        self._file_names: dict[str, str] = {}

    def varies(self, key: str) -> bool:
        """Whether cells differ in a key of their settings: it is an axis, holds one, or a level of a section does."""
        if any(axis == key or axis.startswith(key + ".") for axis in self.axes):
            return True
        start = self.study.get("train") or self.study.get("parameters")
        return any(key.startswith(axis + ".") for axis in self.axes) and any(
            lookup(cell.train, key) != lookup(start, key) for cell in self.plan.cells
        )

    def table(self, name: str) -> Table:
        """A table by the name of its file without `.csv`; empty when there is none."""
        if name not in self._tables:
            self._tables[name] = Table(self.ledger, f"{name}.csv", self._texts)
        return self._tables[name]

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """epochs.csv, its cells and runs as texts."""
        path = self.folder / "epochs.csv"
        if not path.is_file():
            return pd.DataFrame(columns=["run", "cell", "epoch"])
        wanted = {"run", "cell", "epoch", self.metric, "val/loss", "train/loss"}
        return pd.read_csv(
            regular(path), usecols=lambda name: name in wanted, dtype={"run": str, "cell": str}, engine="c"
        )

    @cached_property
    def usable(self) -> pd.DataFrame:
        """Runs that enter means: finished or ended by their own early stopping, each curve once. Levels are texts.

        Confirmations, which were chosen by their result, and the members of an ensemble, which are scored on images of
        their own, are left out.
        """
        frame = self.table("runs").frame
        if "role" in frame:
            frame = frame[~frame["role"].isin(NOT_COMPARED)]
        frame = frame[frame["status"].isin(USABLE.split(","))] if "status" in frame else frame
        frame = frame[frame["same_as"].isna()] if "same_as" in frame else frame
        # The only axis that is read as numbers, since runs without it have this column, too.
        return frame.assign(epochs=frame["epochs"].map(_level)) if "epochs" in self.axes else frame

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

    @property
    def seeds_change_nothing(self) -> bool:
        """Whether runs of one setting have equal scores, in all settings that were run more than once."""
        return (self.analysis.get("noise") or {}).get("why") == SEEDS_CHANGE_NOTHING

    def sharing_best(self) -> str:
        """How many ranked settings have the mean of the best one, as a number; empty when no other has."""
        means = [row["mean"] for row in self.ledger.files.table("ranking.csv")]
        if self.best is None or means.count(mean := means[self.best]) < 2:
            return ""
        return self.table("ranking").aggregate("count", where=f"mean={mean}")

    def pruned_above(self) -> pd.DataFrame:
        """Runs that were pruned with a score before the mean of the best setting, best first."""
        frame, best = self.table("runs").frame, self.best
        if best is None or "status" not in frame:
            return frame.iloc[:0]
        sign = -1 if self.minimize else 1
        score = pd.to_numeric(frame[self.metric], errors="coerce") * sign
        above = (frame["status"] == "pruned") & (score > sign * self.table("ranking").frame.at[best, "mean"])
        return frame[above].sort_values(self.metric, ascending=self.minimize, kind="stable")

    def findings(self, *kinds: str, axis: str | None = None, stated: bool | None = None) -> pd.DataFrame:
        """Rows of findings.csv of these kinds, of an axis, that are stated or not; their index counts from 0."""
        frame = self.table("findings").frame
        if not len(frame):
            return pd.DataFrame(columns=["id", "kind", "axis", "axis_b", "a", "b", "p_study", "verdict", "note"])
        keep = frame["kind"].isin(kinds) if kinds else frame["kind"].notna()
        if axis is not None:
            keep &= (frame["axis"] == axis) | (frame["axis_b"] == axis)
        if stated is not None:
            keep &= frame["verdict"].isin(STATED) == stated
        return frame[keep]

    def state(self, rows: pd.DataFrame | int, form: str) -> str:
        """A sentence that states findings: rows of findings.csv, or one of them, in a form of `finding_sentences`."""
        return self.ledger.state([rows] if isinstance(rows, int) else list(rows.index), form)

    def explain(self, name: str) -> str:
        """A standing explanation of `explanations`, by its name."""
        return self.ledger.explain(name)

    def levels(self, axis: str) -> list[str]:
        """The levels of an axis in the order to show."""
        return list(self.table("factors").where(axis=axis)["level"]) if len(self.table("factors")) else []

    def binned(self, axis: str) -> bool:
        """Whether the levels of an axis are ranges of continuous values."""
        found = self.table("factor_summary").where(axis=axis)
        return len(found) > 0 and str(found.iloc[0].get("binned")).lower() == "true"

    def quote_analysis(self, path: str, style: str = "text", how: str = "value") -> str:
        """A value of analysis.json, in a style."""
        return self.ledger.quote("analysis.json", "", path, style, how)

    def quote_plan(self, path: str, style: str = "text", how: str = "value") -> str:
        """A value of plan.json, in a style."""
        return self.ledger.quote("plan.json", "", path, style, how)

    def metric_name(self, column: str | None = None) -> str:
        """A metric in words."""
        return self._named(column or self.metric, self.names.metric(column or self.metric))

    def axis_name(self, axis: str) -> str:
        """An axis in words, recorded: whoever changes it in the report is found out."""
        return self.ledger.axis(axis)

    def _named(self, column: str, words: str) -> str:
        if not numbers_in(words):
            return escape(words)
        if column in self.names.given:
            return self._given(column)
        for file in ("runs.csv", "cells.csv"):
            try:
                return f"`{self.ledger.quote(file, '', column, 'code', 'name')}`"
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

    def _given(self, name: str) -> str:
        """The study's own name for an axis, a metric or a level, as it wrote it."""
        return self.quote_plan(f'study.names["{name}"]')

    def quote_code(self, table: str, index: int, column: str) -> str:
        """A field as code, in backticks, or the study's own name of a level; empty fields are a dash."""
        if column in LEVELS or column in self.axes:
            level = str(self.table(table).frame.at[index, column])
            if level in self.names.given:
                return self._given(level)
        text = self.table(table).quote(index, column, "code")
        return f"`{text}`" if text != "–" else text

    def interval(self, table: str, index: int, low: str, high: str, style: str = "metric") -> str:
        """`0.81 to 0.83`, or empty when there is no interval, or one without any width: of runs with equal scores."""
        frame = self.table(table).frame
        if low not in frame or high not in frame or pd.isna(frame.at[index, low]) or pd.isna(frame.at[index, high]):
            return ""
        if frame.at[index, low] == frame.at[index, high]:
            return ""
        return f"{self.table(table).quote(index, low, style)} to {self.table(table).quote(index, high, style)}"

    def figure(self, name: str, figure: Figure, caption: str) -> str:
        """Writes `figures/<name>.png` and its PDF unless nothing is drawn; returns the Markdown that shows it.

        Of the name, which may hold an axis as its study calls it, the file has what is safe everywhere.
        """
        path = self.output / "figures" / f"{self._file_names.setdefault(name, self._file_name(name))}.png"
        if self.draw:
            theme.store(figure, path)
        else:
            theme.plt.close(figure)
        self.shown_figures.append(path.name)
        return image(f"figures/{path.name}", caption)

    def _file_name(self, name: str) -> str:
        """Letters, digits and underscores, not as another figure of the report."""
        plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
        first = file_name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:LONGEST_FILE_NAME] or "figure"
        taken = {one.lower() for one in self._file_names.values()}
        for number in count(2):
            if file_name.lower() not in taken:
                break
            file_name = f"{first}_{number}"
        return file_name

    def caption(self, ax: Axes, pattern: str, **more: str) -> str:
        """A caption in which `{x}` and `{y}` are the labels of the axes that were drawn."""
        words = {self.names.axis(axis): self.axis_name(axis) for axis in self.axes}
        words |= {
            self.names.metric(column): self.metric_name(column)
            for column in self.table("runs").frame.columns
            if "/" in column
        }
        x, y = (words.get(label, label) for label in (ax.get_xlabel(), ax.get_ylabel()))
        return capital(pattern.format(x=x, y=y, **more))


def _level(value: Any) -> str:
    """A level of `epochs` as all tables write it."""
    return "" if pd.isna(value) else f"{value:g}" if isinstance(value, int | float) else str(value)


def _read(path: Path, texts: set[str]) -> pd.DataFrame:
    """Numbers are numbers; levels, cells, labels and names stay texts."""
    try:
        frame = pd.read_csv(regular(path), dtype=str, keep_default_na=False, na_values=[""])
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
