"""Drawn studies as the analysis holds them, without files in between."""

import pandas as pd

from segsweep.analysis.run_tables import Cells, level_texts
from segsweep.analysis.study_results import StudyResults
from segsweep.planning.plan_file import StudyPlan
from tests.synthetic_files import run_columns
from tests.synthetic_results import Truth, draw_study


def draw_results(**options) -> tuple[Truth, StudyResults]:
    """A drawn study and its tables; options of `draw_study`."""
    truth = draw_study(**{"epochs": 4} | options)
    return truth, results_of(truth)


def results_of(truth: Truth) -> StudyResults:
    """The tables of a drawn study."""
    axes = truth.plan["axes"]
    texts = {cell["cell"]: level_texts(cell["settings"], axes) for cell in truth.cells}
    cells = pd.DataFrame([{**cell, **texts[cell["cell"]]} for cell in truth.cells])[
        Cells.header(axes=axes, model_costs=())
    ]
    rows = pd.DataFrame([{**row, **texts[row["cell"]]} for row in truth.runs])
    runs = rows.reindex(columns=run_columns(truth.plan))
    images = pd.DataFrame(truth.images) if truth.images else None
    gone = pd.DataFrame(columns=["cell", "run"])
    return StudyResults(StudyPlan.from_json(truth.plan), cells.set_index("cell"), runs, gone, images)
