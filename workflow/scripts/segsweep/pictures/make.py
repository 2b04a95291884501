"""The pictures of a study: predictions or errors of chosen runs, and one picture over the cells of the grid."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segsweep.data.prepared import Prepared
from segsweep.study.settings.base import InputError
from segsweep.study.words import short_names, value_in_words

from .choose import Chosen, cells_of, column_for, images_of
from .panels import MOST_PAGE, Painter
from .predict import Found, Predictor, Unit, picture, truth, units
from .sheet import Panel, compose, store

MOST_CELLS, MOST_GRID, ACROSS = 12, 48, 4


@dataclass
class Results:
    """What pictures are chosen from: plan, ranking and scores of single pictures."""

    plan: dict[str, Any]
    ranking: pd.DataFrame
    images: pd.DataFrame
    folder: Path
    store: Path

    @classmethod
    def read(cls, plan_file: Path, folder: Path, store_folder: Path) -> "Results":
        """Reads plan.json, ranking.csv and images.csv. Raises: InputError when the plan or the ranking is missing."""
        if not (folder / "ranking.csv").is_file() or not plan_file.is_file():
            raise InputError(f"{folder}: plan.json or ranking.csv missing. Collect and analyze the study first.")
        ranking = pd.read_csv(folder / "ranking.csv", dtype=str, keep_default_na=False)
        images = folder / "images.csv"
        scores = pd.DataFrame(columns=["run", "cell", "image"])
        if images.is_file() and images.stat().st_size > 1:
            scores = pd.read_csv(images, dtype={"run": str, "cell": str, "image": str})
        plan = json.loads(plan_file.read_text(encoding="utf-8"))
        return cls(plan, ranking[ranking["best_run"] != ""], scores, folder, store_folder)

    def run_of(self, cell: str) -> dict[str, Any]:
        """The best run of a cell."""
        name = self.ranking.set_index("cell").at[cell, "best_run"]
        return next(run for run in self.plan["runs"] if run["run"] == name)

    def label(self, cell: str) -> str:
        """The setting of a cell in words."""
        return self.ranking.set_index("cell").at[cell, "label"]


def make(results: Results, output: Path) -> list[dict[str, Any]]:
    """Draws all pictures of a study into `output` and writes pictures.json there.

    Returns:
        An entry a file: `file` (relative to the study's folder), `caption`, `kind`, `image`, `cell`, `run`, and `items`
        with `image`, `cell`, `run`, `metric`, `value` and its `source` in images.csv.
    """
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.jpg"):
        old.unlink()
    entries: list[dict[str, Any]] = []
    if len(results.ranking):
        best = results.run_of(results.ranking["cell"].iloc[0])
        prepared = Prepared.open(results.plan["segments"][best["segments"][-1]]["data"])
        wish = (results.plan["study"].get("report") or {}).get("pictures") or {}
        entries = _Drawing(results, prepared, output, wish).all()
    (output / "pictures.json").write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return entries


class _Drawing:
    def __init__(self, results: Results, prepared: Prepared, output: Path, wish: dict[str, str]):
        self.results, self.prepared, self.output = results, prepared, output
        study = results.plan["study"]
        self.metric, self.minimize = study["metric"], bool(study.get("minimize"))
        self.show = wish.get("show", "predictions")
        self.images = wish.get("images", "best 2 and worst 2")
        ranked = list(results.ranking["cell"])
        self.cells = cells_of(wish.get("of", "best"), ranked)[:MOST_CELLS]
        self.predictors: dict[str, Predictor] = {}
        self.column = column_for(results.images, self.metric)
        self.scored: set[str] = set()

    def predictor(self, cell: str) -> Predictor:
        if cell not in self.predictors:
            run = self.results.run_of(cell)
            self.predictors = {cell: Predictor(self.results.plan, run, self.results.store, self.prepared)}
        return self.predictors[cell]

    def all(self) -> list[dict[str, Any]]:
        first = self.predictor(self.cells[0])
        refs = first.refs()
        shown = units(self.prepared, refs)
        if self.images.startswith("first") and not first.fold and shown and shown[0].page:
            shown = units(self.prepared, [("val", i) for i in range(len(self.prepared.splits["val"]))])
        # A page of which only some patches were scored has no score of its own.
        self.scored = {unit.name for unit in shown if {(unit.split, i) for i in unit.indices} <= set(refs)}
        scores = self.results.images
        mine = scores[scores["run"] == self.results.run_of(self.cells[0])["run"]]
        names = [unit.name for unit in shown]
        chosen = images_of(self.images, names, mine, self.metric, minimize=self.minimize)
        by_name = {unit.name: unit for unit in shown}
        wanted = [by_name[one.image] for one in chosen]
        found = {cell: self.predictor(cell).predict(wanted) for cell in self.cells}
        many = len(self.cells) > 1
        entries = self._by_picture(chosen, wanted, found) if many else [self._one_run(chosen, wanted, found)]
        return entries + self._over_grid(wanted[0])

    def painter(self, page: bool, **sizes: int) -> Painter:
        return Painter(self.prepared, self.show, **({"most": MOST_PAGE} if page and not sizes else sizes))

    def _one_run(self, chosen: list[Chosen], wanted: list[Unit], found: dict[str, list[Found]]) -> dict[str, Any]:
        cell = self.cells[0]
        rows, masks = [], []
        for one, unit, prediction in zip(chosen, wanted, found[cell], strict=True):
            painter = self.painter(unit.page)
            image, right = picture(self.prepared, unit), truth(self.prepared, unit)
            value = self._value(cell, unit.name)
            title = "errors" if self.show == "errors" else "prediction"
            score = f", {self._score_name()} {value:.3f}" if value is not None else ""
            rows.append(
                [
                    Panel(f"{one.why + ': ' if one.why else ''}{_end(unit.name)}", painter.plain(image)),
                    Panel("truth", painter.truth(image, right)),
                    Panel(f"{title}{score}", painter.prediction(image, prediction, right)),
                ]
            )
            masks += [part.mask for part in (right, prediction) if part.mask is not None]
        store(compose(rows, painter.legend(masks)), self.output / f"{self.show}.jpg")
        what = "what is right and wrong in its prediction" if self.show == "errors" else "its prediction"
        which = _which(chosen)
        caption = (
            f"{which}: the picture, the truth, and {what}. The run is "
            f"{self.results.run_of(cell)['run']}, of {self.results.label(cell)}."
        )
        return self._entry(f"{self.show}.jpg", caption, self.show, [(unit.name, cell) for unit in wanted])

    def _by_picture(
        self, chosen: list[Chosen], wanted: list[Unit], found: dict[str, list[Found]]
    ) -> list[dict[str, Any]]:
        entries = []
        for i, (one, unit) in enumerate(zip(chosen, wanted, strict=True)):
            painter = self.painter(unit.page)
            image, right = picture(self.prepared, unit), truth(self.prepared, unit)
            panels = [Panel("picture", painter.plain(image)), Panel("truth", painter.truth(image, right))]
            masks = [] if right.mask is None else [right.mask]
            for cell in self.cells:
                prediction = found[cell][i]
                value = self._value(cell, unit.name)
                score = f" ({value:.3f})" if value is not None else ""
                panels.append(Panel(self.results.label(cell) + score, painter.prediction(image, prediction, right)))
                masks += [] if prediction.mask is None else [prediction.mask]
            across = ACROSS if len(panels) != 5 else 3
            rows = [panels[k : k + across] for k in range(0, len(panels), across)]
            file = f"{self.show}_{i + 1}.jpg"
            store(compose(rows, painter.legend(masks)), self.output / file)
            why = f", on which the first setting does {one.why}" if one.why else ""
            what = "errors" if self.show == "errors" else "predictions"
            kind = "page" if unit.page else "picture"
            numbers = (
                (f", with their {self._score_name()} on it")
                if self._value(self.cells[0], unit.name) is not None
                else ""
            )
            caption = (
                f"The {kind} {unit.name}{why}, its truth, and the {what} "
                f"of the {len(self.cells)} settings at the top{numbers}."
            )
            entries.append(self._entry(file, caption, self.show, [(unit.name, cell) for cell in self.cells]))
        return entries

    def _over_grid(self, unit: Unit) -> list[dict[str, Any]]:
        """One picture over the first two axes; where further axes vary, the best cell of each pair stands for it."""
        axes = [axis for axis in self.results.plan["axes"] if axis in self.results.ranking][:2]
        ranking = self.results.ranking
        if not axes or len(ranking) < 2:
            return []
        plan_cells = {cell["cell"]: cell["settings"] for cell in self.results.plan["cells"]}
        ranked = set(ranking["cell"])
        levels = [_levels([values.get(axis) for cell, values in plan_cells.items() if cell in ranked]) for axis in axes]
        if any(len(part) > 12 for part in levels) or np.prod([len(part) for part in levels]) > MOST_GRID:
            return []
        place: dict[tuple[str, ...], str] = {}
        for cell in ranking["cell"]:
            place.setdefault(tuple(value_in_words(plan_cells[cell].get(axis)) for axis in axes), cell)
        names = short_names(self.results.plan["axes"])
        painter = self.painter(unit.page, most=300 if unit.page else 220, least=120)
        image, right = picture(self.prepared, unit), truth(self.prepared, unit)
        rows_of = levels[1] if len(axes) == 2 else [None]
        rows, sides, drawn = [], [], []
        masks = [] if right.mask is None else [right.mask]
        for row in rows_of:
            panels = []
            for column in levels[0]:
                key = (column,) if row is None else (column, row)
                cell = place.get(key)
                heading = f"{names[axes[0]]}={column}"
                if cell is None:
                    panels.append(Panel(heading, None, "no run"))
                    continue
                try:
                    prediction = self.predictor(cell).predict([unit])[0]
                except InputError:
                    panels.append(Panel(heading, None, "no checkpoint"))
                    continue
                value = self._value(cell, unit.name)
                panels.append(
                    Panel(
                        heading + (f" ({value:.3f})" if value is not None else ""),
                        painter.prediction(image, prediction, right),
                    )
                )
                drawn.append((unit.name, cell))
                masks += [] if prediction.mask is None else [prediction.mask]
            rows.append(panels)
            sides.append("" if row is None else f"{names[axes[1]]}={row}")
        head = [Panel(f"picture {_end(unit.name)}", painter.plain(image)), Panel("truth", painter.truth(image, right))]
        store(compose([head, *rows], painter.legend(masks), ["", *sides]), self.output / "grid.jpg")
        what = "errors" if self.show == "errors" else "predictions"
        more = (
            (" Where further axes vary, the best setting of each pair is shown.")
            if len(self.results.plan["axes"]) > 2
            else ""
        )
        along = " and ".join(names[axis] for axis in axes)
        number = (
            (f" Numbers are the {self._score_name()} of this picture.")
            if self._value(drawn[0][1], unit.name) is not None
            else ""
        )
        caption = f"One picture over the settings: {what} for {unit.name} by {along}.{number}{more}" if drawn else ""
        return [self._entry("grid.jpg", caption, "grid", drawn)] if drawn else []

    def _score_name(self) -> str:
        from segsweep.report.wording import metric

        return (
            metric(self.column or self.metric)
            if "/" in (self.column or "")
            else metric(f"val/{self.column}").removeprefix("validation ")
        )

    def _row(self, cell: str, image: str) -> int | None:
        scores = self.results.images
        if self.column is None:
            return None
        found = scores.index[(scores["run"] == self.results.run_of(cell)["run"]) & (scores["image"] == image)]
        return int(found[0]) if len(found) else None

    def _value(self, cell: str, image: str) -> float | None:
        row = self._row(cell, image) if image in self.scored else None
        value = None if row is None else float(self.results.images.at[row, self.column])
        return None if value is None or np.isnan(value) else value

    def _entry(self, file: str, caption: str, kind: str, shown: list[tuple[str, str]]) -> dict[str, Any]:
        items = []
        for image, cell in shown:
            row = self._row(cell, image) if image in self.scored else None
            items.append(
                {
                    "image": image,
                    "cell": cell,
                    "run": self.results.run_of(cell)["run"],
                    "metric": self.column,
                    "value": self._value(cell, image),
                    "source": None if row is None else {"file": "images.csv", "row": row + 1, "column": self.column},
                }
            )
        first = items[0]
        return {
            "file": f"{self.output.name}/{file}",
            "caption": caption,
            "kind": kind,
            "image": first["image"],
            "cell": first["cell"],
            "run": first["run"],
            "items": items,
        }


def _levels(values: list[Any]) -> list[str]:
    there = list(dict.fromkeys(value_in_words(value) for value in values))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(values):
        return list(dict.fromkeys(value_in_words(value) for value in sorted(numbers)))
    return there


def _which(chosen: list[Chosen]) -> str:
    best, worst = (sum(one.why == why for one in chosen) for why in ("best", "worst"))
    if best and worst:
        noun = "picture" if best == 1 else "pictures"
        return f"The {best} {noun} on which the best setting does best, and the {worst} on which it does worst"
    if best or worst:
        count, why = (best, "best") if best else (worst, "worst")
        return f"The {count} {'picture' if count == 1 else 'pictures'} on which the best setting does {why}"
    return f"The first {len(chosen)} validation pictures" if len(chosen) != 1 else "The first validation picture"


def _end(name: str, most: int = 40) -> str:
    return name if len(name) <= most else "…" + name[-most + 1 :]
