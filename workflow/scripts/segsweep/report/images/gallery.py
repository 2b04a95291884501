"""Sheets of predictions and errors: of one run, of several settings, over the cells of a grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.data.prepared import Prepared
from segsweep.errors import InputError
from segsweep.formatting import short_names, value_in_words
from segsweep.inference.predictor import Found, Predictor, Unit, counterpart, picture, truth, units
from segsweep.report.images.make import Results
from segsweep.report.images.panels import MOST_PAGE, Painter
from segsweep.report.images.selection import Chosen, cells_of, column_for, images_of
from segsweep.report.images.sheet import Panel, compose, store

ON_A_SHEET, MOST_GRID, ACROSS = 12, 48, 4


@dataclass(frozen=True)
class Seen:
    """A picture, uint8 (H, W, 3), its truth, and what a run found in it, in the size of the run's data."""

    image: np.ndarray
    truth: Found
    found: Found


class Drawing:
    """Draws what `wish` (keys `which`, `show`, `of` of a study's `report.images`) asks for."""

    def __init__(self, results: Results, output: Path, wish: dict[str, str]):
        self.results, self.output = results, output
        study = results.plan["study"]
        self.metric, self.minimize = study["metric"], bool(study.get("minimize"))
        self.show = wish.get("show", "predictions")
        self.images = wish.get("which", "best 2 and worst 2")
        ranked = list(results.ranking["cell"])
        self.of = wish.get("of", "best")
        self.cells = cells_of(self.of, ranked)
        self.column = column_for(results.images, self.metric)
        self.scored: set[str] = set()
        self._data: dict[str, Prepared] = {}
        self._predictor: tuple[str, Predictor] | None = None
        self.prepared = self.data(self.cells[0])

    def data(self, cell: str) -> Prepared:
        """What the best run of a cell was trained on."""
        folder = self.results.data_of(self.results.run_of(cell))
        if folder not in self._data:
            self._data[folder] = Prepared.open(folder)
        return self._data[folder]

    def predictor(self, cell: str) -> Predictor:
        """The best run of a cell; only the last one asked for stays in memory."""
        if self._predictor is None or self._predictor[0] != cell:
            run = self.results.run_of(cell)
            self._predictor = cell, Predictor(self.results.plan, run, self.results.store, self.data(cell))
        return self._predictor[1]

    def seen(self, cell: str, unit: Unit) -> Seen:
        """A picture as the run of a cell saw it: in its own size, which may be an axis."""
        prepared = self.data(cell)
        own = counterpart(prepared, unit)
        return Seen(picture(prepared, own), truth(prepared, own), self.predictor(cell).predict([own])[0])

    def _seen_by_all(self, wanted: list[Unit]) -> dict[str, list[Seen]]:
        """Pictures as each setting saw them; a setting whose run on the fold shown has no checkpoint is left out."""
        seen = {}
        for cell in list(self.cells):
            try:
                seen[cell] = [self.seen(cell, unit) for unit in wanted]
            except InputError:
                if cell == self.cells[0]:
                    raise
        self.cells = list(seen)
        return seen

    def all(self) -> list[dict[str, Any]]:
        """Draws everything; gives the entries of images.json."""
        first = self.predictor(self.cells[0])
        refs = first.refs()
        shown = units(self.prepared, refs)
        if self.images.startswith("first") and not first.fold and shown and shown[0].page:
            shown = units(self.prepared, [("val", i) for i in range(len(self.prepared.splits["val"]))])
        # A page of which only some patches were scored has no score of its own.
        self.scored = {unit.name for unit in shown if {(unit.split, i) for i in unit.indices} <= set(refs)}
        scores = self.results.images
        mine = scores[scores["run"] == self.results.run_of(self.cells[0])["run"]]
        chosen = images_of(self.images, [unit.name for unit in shown], mine, self.metric, minimize=self.minimize)
        by_name = {unit.name: unit for unit in shown}
        wanted = [by_name[one.image] for one in chosen]
        seen = self._seen_by_all(wanted)
        many = len(self.cells) > 1
        entries = self._by_picture(chosen, wanted, seen) if many else [self._one_run(chosen, wanted, seen)]
        return entries + self._over_grid(wanted[0])

    def painter(self, page: bool, **sizes: int) -> Painter:
        return Painter(self.prepared, self.show, **({"most": MOST_PAGE} if page and not sizes else sizes))

    def _one_run(self, chosen: list[Chosen], wanted: list[Unit], seen: dict[str, list[Seen]]) -> dict[str, Any]:
        cell = self.cells[0]
        rows, shown = [], []
        for one, unit, view in zip(chosen, wanted, seen[cell], strict=True):
            painter = self.painter(unit.page)
            value = self._value(cell, unit.name)
            title = "errors" if self.show == "errors" else "prediction"
            score = f", {self._score_name()} {value:.3f}" if value is not None else ""
            rows.append(
                [
                    Panel(f"{one.why + ': ' if one.why else ''}{_end(unit.name)}", painter.plain(view.image)),
                    Panel("truth", painter.truth(view.image, view.truth)),
                    Panel(f"{title}{score}", painter.prediction(view.image, view.found, view.truth)),
                ]
            )
            shown += [view.truth, view.found]
        store(compose(rows, painter.legend(shown)), self.output / f"{self.show}.jpg")
        what = "what is right and wrong in its prediction" if self.show == "errors" else "its prediction"
        which = _which(chosen)
        caption = (
            f"{which}: the picture, the truth, and {what}. The run is "
            f"{self.results.run_of(cell)['run']}, of {self.results.label(cell)}."
        )
        return self._entry(f"{self.show}.jpg", caption, self.show, [(unit.name, cell) for unit in wanted])

    def _by_picture(
        self, chosen: list[Chosen], wanted: list[Unit], seen: dict[str, list[Seen]]
    ) -> list[dict[str, Any]]:
        """A sheet for each picture, with all settings; of many settings, a sheet for each dozen."""
        dozens = [range(k, min(k + ON_A_SHEET, len(self.cells))) for k in range(0, len(self.cells), ON_A_SHEET)]
        return [
            self._sheet(one, unit, dozen, [seen[self.cells[place]][i] for place in dozen], file)
            for i, (one, unit) in enumerate(zip(chosen, wanted, strict=True))
            for k, dozen in enumerate(dozens)
            for file in [f"{self.show}_{i + 1}.jpg" if len(dozens) == 1 else f"{self.show}_{i + 1}_{k + 1}.jpg"]
        ]

    def _sheet(self, one: Chosen, unit: Unit, places: range, views: list[Seen], file: str) -> dict[str, Any]:
        """One picture as the settings at some places of the ranking see it."""
        cells = [self.cells[place] for place in places]
        painter = self.painter(unit.page)
        panels = [
            Panel("picture", painter.plain(views[0].image)),
            Panel("truth", painter.truth(views[0].image, views[0].truth)),
        ]
        for cell, view in zip(cells, views, strict=True):
            value = self._value(cell, unit.name)
            score = f" ({value:.3f})" if value is not None else ""
            painted = painter.prediction(view.image, view.found, view.truth)
            panels.append(Panel(self.results.label(cell) + score, painted))
        across = ACROSS if len(panels) != 5 else 3
        rows = [panels[k : k + across] for k in range(0, len(panels), across)]
        legend = painter.legend([views[0].truth, *(view.found for view in views)])
        store(compose(rows, legend), self.output / file)
        why = f", on which the first setting does {one.why}" if one.why else ""
        what = "errors" if self.show == "errors" else "predictions"
        kind = "page" if unit.page else "picture"
        scored = self._value(self.cells[0], unit.name) is not None
        numbers = f", with their {self._score_name()} on it" if scored else ""
        whose = (
            f"the {len(cells)} settings at the top"
            if len(cells) == len(self.cells)
            else f"the settings {places[0] + 1} to {places[-1] + 1} from the top"
        )
        caption = f"The {kind} {unit.name}{why}, its truth, and the {what} of {whose}{numbers}.{self._left_out()}"
        return self._entry(file, caption, self.show, [(unit.name, cell) for cell in cells])

    def _left_out(self) -> str:
        """What is said of settings that were asked for and are not shown."""
        there = len(self.results.ranking)
        if self.of != "all" or len(self.cells) == there:
            return ""
        return (
            f" {len(self.cells)} of {there} settings are shown; to see all of them, write "
            f"`of: top {there}` under `images` in the study's `report`, and start Snakemake again."
        )

    def _over_grid(self, unit: Unit) -> list[dict[str, Any]]:
        """One picture over the first two axes; where further axes vary, the best cell of each pair stands for it."""
        axes = self.results.plan["axes"][:2]
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
        shown = [right]
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
                    view = self.seen(cell, unit)
                except InputError:
                    panels.append(Panel(heading, None, "no checkpoint"))
                    continue
                value = self._value(cell, unit.name)
                panels.append(
                    Panel(
                        heading + (f" ({value:.3f})" if value is not None else ""),
                        painter.prediction(view.image, view.found, view.truth),
                    )
                )
                drawn.append((unit.name, cell))
                shown.append(view.found)
            rows.append(panels)
            sides.append("" if row is None else f"{names[axes[1]]}={row}")
        if not drawn:
            return []
        head = [
            Panel(f"picture {_end(unit.name)}", painter.plain(image)),
            Panel("truth", painter.truth(image, right)),
        ]
        store(compose([head, *rows], painter.legend(shown), ["", *sides]), self.output / "grid.jpg")
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
        caption = f"One picture over the settings: {what} for {unit.name} by {along}.{number}{more}"
        return [self._entry("grid.jpg", caption, "grid", drawn)]

    def _score_name(self) -> str:
        from segsweep.report.display_names import metric

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
