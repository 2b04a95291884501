"""Sheets of predictions or errors: of the best run, of several cells, over the grid of two axes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.display import Display
from segsweep.data.classes import class_names
from segsweep.data.display import ImageDisplay, display_of
from segsweep.data.prepared import Prepared
from segsweep.data.prepared_checks import open_checked
from segsweep.errors import InputError
from segsweep.formatting import plural, value_in_words
from segsweep.inference.predictor import (
    Annotations,
    Predictor,
    Unit,
    counterpart,
    ground_truth_of,
    image_of,
    units,
)
from segsweep.io import write_json
from segsweep.report.display_names import DisplayNames
from segsweep.report.images.selection import Candidates, ChosenImage, cells_of, column_for, images_of
from segsweep.report.images.sheets import MOST_PAGE, Panel, PanelPainter, compose, save

ON_A_SHEET, MOST_GRID, ACROSS = 12, 48, 4
LONGEST_HEADING = 28  # characters


def draw_images(candidates: Candidates, output: Path, predictor=Predictor, open_data=None) -> list[dict]:
    """Draws all images of a study into `output` and writes images.json there.

    `predictor(plan, run, store, prepared)` predicts with the best checkpoint of a run; `open_data(folder)` opens
    prepared data, by default with the names of classes of the study's data set.

    Returns:
        An entry a file: `file` (relative to the study's folder), `caption`, `kind`, `image`, `cell`, `run`, and `items`
        with `image`, `cell`, `run`, `metric`, `value` and its `source` in images.csv.
    """
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.jpg"):
        old.unlink()
    entries: list[dict[str, Any]] = []
    if len(candidates.ranking):
        open_data = open_data or partial(open_checked, classes=class_names(candidates.plan.dataset))
        wanted = (candidates.plan.study.get("report") or {}).get("images") or {}
        entries = Gallery(candidates, output, open_data, predictor=predictor, **wanted).draw()
    write_json(output / "images.json", entries)
    return entries


@dataclass(frozen=True)
class View:
    """An image, uint8 (H, W, 3), its ground truth, and a run's prediction, in the size of the run's data."""

    image: np.ndarray
    ground_truth: Annotations
    prediction: Annotations


@dataclass
class Gallery:
    """Draws the images that `report.images` of a study asks for (its keys `which`, `show` and `of`)."""

    candidates: Candidates
    output: Path
    open_data: Callable[[str], Prepared]
    which: str = "best 2 and worst 2"
    show: str = "predictions"
    of: str = "best"
    predictor: Callable[..., Any] = Predictor
    _data: dict[str, tuple[Prepared, ImageDisplay]] = field(default_factory=dict, init=False)
    _loaded: tuple[str, Any] | None = field(default=None, init=False)

    def __post_init__(self):
        self.metric, self.minimize = self.candidates.plan.metric, self.candidates.plan.minimize
        self.names = DisplayNames(self.candidates.plan.study.get("names") or {}, self.candidates.plan.axes)
        self.cells = cells_of(self.of, list(self.candidates.ranking["cell"]))
        self.column = column_for(self.candidates.images, self.metric)

    def draw(self) -> list[dict[str, Any]]:
        """Draws everything; returns the entries of images.json."""
        first, prepared = self._predictor(self.cells[0]), self._prepared(self.cells[0])
        shown = units(prepared, first.refs())
        scores = self.candidates.images
        mine = scores[scores["run"] == self.candidates.run_of(self.cells[0]).run]
        chosen = images_of(self.which, [unit.name for unit in shown], mine, self.metric, minimize=self.minimize)
        by_name = {unit.name: unit for unit in shown}
        wanted = [by_name[one.image] for one in chosen]
        views = self._views_of_all(wanted)
        if len(self.cells) > 1:
            entries = self._by_image(chosen, wanted, views)
        else:
            entries = [self._of_one_run(chosen, wanted, views[self.cells[0]])]
        return entries + self._over_grid(wanted[0])

    def _opened(self, cell: str) -> tuple[Prepared, ImageDisplay]:
        """The data that the shown run of a cell was trained on, and how its images are shown."""
        folder = self.candidates.data_of(self.candidates.run_of(cell))
        if folder not in self._data:
            said = Display.model_validate((self.candidates.plan.dataset or {}).get("display") or {})
            prepared = self.open_data(folder)
            self._data[folder] = prepared, display_of(prepared, said)
        return self._data[folder]

    def _prepared(self, cell: str) -> Prepared:
        return self._opened(cell)[0]

    def _predictor(self, cell: str) -> Any:
        """The predictor of the shown run of a cell; only the last one stays in memory."""
        if self._loaded is None or self._loaded[0] != cell:
            run = self.candidates.run_of(cell)
            loaded = self.predictor(self.candidates.plan, run, self.candidates.store, self._prepared(cell))
            self._loaded = cell, loaded
        return self._loaded[1]

    def _image(self, cell: str, unit: Unit) -> np.ndarray:
        """uint8 (H, W, 3): a unit of the data of a cell."""
        prepared, display = self._opened(cell)
        return display(image_of(prepared, unit))

    def _view(self, cell: str, unit: Unit) -> View:
        """An image in the size that the run of a cell saw, which may be an axis."""
        prepared = self._prepared(cell)
        own = counterpart(prepared, unit)
        return View(self._image(cell, own), ground_truth_of(prepared, own), self._predictor(cell).predict([own])[0])

    def _views_of_all(self, wanted: list[Unit]) -> dict[str, list[View]]:
        """Views by cell; a cell whose run on the shown fold has no checkpoint is left out."""
        views = {}
        for cell in list(self.cells):
            try:
                views[cell] = [self._view(cell, unit) for unit in wanted]
            except InputError:
                if cell == self.cells[0]:
                    raise
        self.cells = list(views)
        return views

    def _painter(self, page: bool, **sizes: int) -> PanelPainter:
        return PanelPainter(
            self._prepared(self.cells[0]), self.show, **({"most": MOST_PAGE} if page and not sizes else sizes)
        )

    def _of_one_run(self, chosen: list[ChosenImage], wanted: list[Unit], views: list[View]) -> dict[str, Any]:
        """A sheet with a row for each image: the image, its ground truth, the prediction or its errors."""
        cell = self.cells[0]
        rows, shown = [], []
        for one, unit, view in zip(chosen, wanted, views, strict=True):
            painter = self._painter(unit.page)
            value = self._value(cell, unit.name)
            title = "errors" if self.show == "errors" else "prediction"
            score = f", {self._score_name()} {value:.3f}" if value is not None else ""
            rows.append(
                [
                    Panel(f"{one.why + ': ' if one.why else ''}{_end(unit.name)}", painter.plain(view.image)),
                    Panel("ground truth", painter.ground_truth(view.image, view.ground_truth)),
                    Panel(f"{title}{score}", painter.prediction(view.image, view.prediction, view.ground_truth)),
                ]
            )
            shown += [view.ground_truth, view.prediction]
        save(compose(rows, painter.legend(shown)), self.output / f"{self.show}.jpg")
        what = "the errors of its prediction" if self.show == "errors" else "its prediction"
        caption = (
            f"{_chosen_in_words(chosen)}: the image, its ground truth, and {what}. "
            f"The run is {self.candidates.run_of(cell).run}, of {self.candidates.label(cell)}."
        )
        return self._entry(f"{self.show}.jpg", caption, self.show, [(unit.name, cell) for unit in wanted])

    def _by_image(
        self, chosen: list[ChosenImage], wanted: list[Unit], views: dict[str, list[View]]
    ) -> list[dict[str, Any]]:
        """A sheet for each image, with all cells; of many cells, a sheet for each dozen."""
        dozens = [range(k, min(k + ON_A_SHEET, len(self.cells))) for k in range(0, len(self.cells), ON_A_SHEET)]
        return [
            self._sheet(one, unit, dozen, [views[self.cells[rank]][i] for rank in dozen], file)
            for i, (one, unit) in enumerate(zip(chosen, wanted, strict=True))
            for k, dozen in enumerate(dozens)
            for file in [f"{self.show}_{i + 1}.jpg" if len(dozens) == 1 else f"{self.show}_{i + 1}_{k + 1}.jpg"]
        ]

    def _sheet(self, one: ChosenImage, unit: Unit, ranks: range, views: list[View], file: str) -> dict[str, Any]:
        """One image as the cells at some ranks see it."""
        cells = [self.cells[rank] for rank in ranks]
        painter = self._painter(unit.page)
        first = views[0]
        panels = [
            Panel("image", painter.plain(first.image)),
            Panel("ground truth", painter.ground_truth(first.image, first.ground_truth)),
        ]
        for cell, view in zip(cells, views, strict=True):
            painted = painter.prediction(view.image, view.prediction, view.ground_truth)
            panels.append(Panel(self.candidates.label(cell) + self._score(cell, unit.name), painted))
        across = ACROSS if len(panels) != 5 else 3
        rows = [panels[k : k + across] for k in range(0, len(panels), across)]
        legend = painter.legend([first.ground_truth, *(view.prediction for view in views)])
        save(compose(rows, legend), self.output / file)
        why = f", on which the first setting does {one.why}" if one.why else ""
        kind = "page" if unit.page else "image"
        scores = f", with their {self._score_name()} on it" if self._value(self.cells[0], unit.name) is not None else ""
        whose = (
            f"the {len(cells)} settings at the top"
            if len(cells) == len(self.cells)
            else f"the settings {ranks[0] + 1} to {ranks[-1] + 1} from the top"
        )
        caption = (
            f"The {kind} {unit.name}{why}, its ground truth, and the {self.show} of {whose}{scores}.{self._rest()}"
        )
        return self._entry(file, caption, self.show, [(unit.name, cell) for cell in cells])

    def _rest(self) -> str:
        """A sentence on settings that were asked for and are not shown."""
        count = len(self.candidates.ranking)
        if self.of != "all" or len(self.cells) == count:
            return ""
        return (
            f" {len(self.cells)} of {count} settings are shown; to see all of them, write "
            f"`of: top {count}` under `images` in the study's `report`, and start Snakemake again."
        )

    def _over_grid(self, unit: Unit) -> list[dict[str, Any]]:
        """One image over the first two axes; where further axes vary, the best cell of each pair is shown."""
        axes = self.candidates.plan.axes[:2]
        ranking = self.candidates.ranking
        if not axes or len(ranking) < 2:
            return []
        settings = {cell.cell: cell.settings for cell in self.candidates.plan.cells}
        levels = [
            _levels([settings[cell].get(axis) for cell in settings if cell in set(ranking["cell"])]) for axis in axes
        ]
        if any(len(part) > 12 for part in levels) or np.prod([len(part) for part in levels]) > MOST_GRID:
            return []
        best_of: dict[tuple[str, ...], str] = {}
        for cell in ranking["cell"]:
            best_of.setdefault(tuple(value_in_words(settings[cell].get(axis)) for axis in axes), cell)
        painter = self._painter(unit.page, most=300 if unit.page else 220, least=120)
        prepared = self._prepared(self.cells[0])
        image, ground_truth = self._image(self.cells[0], unit), ground_truth_of(prepared, unit)
        rows, sides, drawn, shown = [], [], [], [ground_truth]
        for row in levels[1] if len(axes) == 2 else [None]:
            panels = []
            for column in levels[0]:
                cell = best_of.get((column,) if row is None else (column, row))
                panel, view = self._grid_panel(self._heading(axes[0], column), cell, unit, painter)
                panels.append(panel)
                if view is not None:
                    drawn.append((unit.name, cell))
                    shown.append(view.prediction)
            rows.append(panels)
            sides.append("" if row is None else self._heading(axes[1], row))
        if not drawn:
            return []
        head = [
            Panel(f"image {_end(unit.name)}", painter.plain(image)),
            Panel("ground truth", painter.ground_truth(image, ground_truth)),
        ]
        save(compose([head, *rows], painter.legend(shown), ["", *sides]), self.output / "grid.jpg")
        along = " and ".join(self.names.axis(axis) for axis in axes)
        scored = self._value(drawn[0][1], unit.name) is not None
        numbers = f" Numbers are the {self._score_name()} of this image." if scored else ""
        further = len(self.candidates.plan.axes) > 2
        more = " Where further axes vary, the best setting of each pair is shown." if further else ""
        caption = f"One image by setting: {self.show} for {unit.name} by {along}.{numbers}{more}"
        return [self._entry("grid.jpg", caption, "grid", drawn)]

    def _heading(self, axis: str, level: str) -> str:
        """An axis and a level above or beside panels; of long names the level alone, the caption names the axis."""
        full = f"{self.names.axis(axis)} {self.names.level(level)}"
        return full if len(full) <= LONGEST_HEADING else self.names.level(level, LONGEST_HEADING)

    def _grid_panel(
        self, heading: str, cell: str | None, unit: Unit, painter: PanelPainter
    ) -> tuple[Panel, View | None]:
        """The panel of a cell in the grid, and its view if there is one."""
        if cell is None:
            return Panel(heading, None, "no run"), None
        try:
            view = self._view(cell, unit)
        except InputError:
            return Panel(heading, None, "no checkpoint"), None
        painted = painter.prediction(view.image, view.prediction, view.ground_truth)
        return Panel(heading + self._score(cell, unit.name), painted), view

    def _score_name(self) -> str:
        column = self.column or self.metric
        return self.names.metric(column if "/" in column else f"val/{column}").removeprefix("validation ")

    def _row(self, cell: str, image: str) -> int | None:
        return None if self.column is None else self.candidates.row(cell, image)

    def _value(self, cell: str, image: str) -> float | None:
        row = self._row(cell, image)
        value = None if row is None else float(self.candidates.images.at[row, self.column])
        return None if value is None or np.isnan(value) else value

    def _score(self, cell: str, image: str) -> str:
        """A run's score on an image, in brackets behind a heading."""
        value = self._value(cell, image)
        return f" ({value:.3f})" if value is not None else ""

    def _entry(self, file: str, caption: str, kind: str, shown: list[tuple[str, str]]) -> dict[str, Any]:
        """An entry of images.json for (image, cell) pairs."""
        items = []
        for image, cell in shown:
            row = self._row(cell, image)
            items.append(
                {
                    "image": image,
                    "cell": cell,
                    "run": self.candidates.run_of(cell).run,
                    "metric": self.column,
                    "value": self._value(cell, image),
                    "source": None if row is None else {"file": "images.csv", "row": row + 1, "column": self.column},
                }
            )
        first = {name: items[0][name] for name in ("image", "cell", "run")}
        caption = f"{caption} {self._opened(self.cells[0])[1].in_words}".strip()
        return {"file": f"{self.output.name}/{file}", "caption": caption, "kind": kind, **first, "items": items}


def _levels(values: list[Any]) -> list[str]:
    """The levels of an axis in words: numbers by size, others as they appear."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        values = sorted(values)
    return list(dict.fromkeys(value_in_words(value) for value in values))


def _chosen_in_words(chosen: list[ChosenImage]) -> str:
    best, worst = (sum(one.why == why for one in chosen) for why in ("best", "worst"))
    if best and worst:
        return (
            f"The {plural(best, 'image')} on which the best setting does best, and the {worst} on which it does worst"
        )
    if best or worst:
        return f"The {plural(best or worst, 'image')} on which the best setting does {'best' if best else 'worst'}"
    return f"The first {len(chosen)} validation images" if len(chosen) != 1 else "The first validation image"


def _end(name: str, most: int = 40) -> str:
    return name if len(name) <= most else "…" + name[-most + 1 :]
