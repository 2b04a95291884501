"""What models cost that are measured once each, beside the store: results/model_costs/ADDRESS.json."""

from pathlib import Path
from typing import Any

from segsweep.errors import InputError
from segsweep.io import read_json
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.segment_store import SegmentStore

FOLDER = "model_costs"
REPAIR = "Delete it, and start Snakemake again: the model is measured again."


def costs_file(store: Path, address: str) -> Path:
    """Where the costs of a model lie, beside the folder of segments."""
    return store.parent / FOLDER / f"{address}.json"


def read_costs(plan: StudyPlan, store: SegmentStore, cell: str) -> dict[str, Any]:
    """What was measured of a cell's model, see `segsweep.execution.measured_model`; empty where nothing was.

    Raises:
        InputError: the file cannot be read.
    """
    address = plan.model_costs.get(cell)
    file = costs_file(store.root, address) if address else None
    if file is None or not file.is_file():
        return {}
    found = read_json(file, REPAIR)
    if not isinstance(found, dict):
        raise InputError(f"{file}: holds no costs of a model. {REPAIR}")
    return found
