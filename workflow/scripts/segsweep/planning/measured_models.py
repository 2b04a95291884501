"""Which models of a study are measured, and what their addresses depend on."""

from collections.abc import Callable
from pathlib import Path

from segsweep.config.load import Request
from segsweep.execution.arithmetic import of_processor_name
from segsweep.execution.gpus import capabilities
from segsweep.hashing import short_hash
from segsweep.planning.addresses import as_text
from segsweep.planning.grid import Cell
from segsweep.planning.resources import submission
from segsweep.planning.study_context import TrainingContext

METHOD = 1  # raised by whoever changes how models are measured: all are measured again

ModelOf = Callable[[Cell], str]


def device_in_words(request: Request) -> str:
    """What models will be measured on, as far as it is known before: what trainings ask a cluster for, or the device.

    Which GPU it was in the end stands in the file.
    """
    if request.cluster is not None:
        return as_text(submission(request.cluster))
    gpus = [] if request.device == "cpu" else sorted({name for name, _ in capabilities()})
    return ", ".join(gpus) or of_processor_name()


def model_addresses(context: TrainingContext, folder_of: Callable[[dict], Path | str], device: str) -> ModelOf:
    """What gives the address of a cell's model: of its section, the images' size, batch, arithmetic and device.

    Args:
        context: what the addresses of trainings depend on.
        folder_of: of a data section's dump, the folder of prepared images.
        device: in words.
    """

    def model_of(cell: Cell) -> str:
        sections = cell.resolved.sections
        model = context.sections.of("model", sections["model"].value)
        setting = {name: sections[name].value for name in ("batch_size", "precision", "channels_last", "deterministic")}
        folder = Path(folder_of(sections["data"].dump)).name
        code = context.code.fingerprint(context.sections.joined(model.roots))
        return short_hash(as_text([METHOD, model.adds, code, setting, folder, device]))

    return model_of
