"""Studies that are written for other programs' sweeps, as planning reads them."""

from segsweep.config.load import Request
from segsweep.planning.planner import planned
from segsweep.sweep_imports.study_draft import draft


def planned_study(definition, folder):
    """The study that is written for a definition, planned, and the text of its file.

    Raises:
        InputError: it cannot be planned as it is.
    """
    path = folder / "study.yaml"
    text = draft(definition, path).as_yaml(definition.origin)
    path.write_text(text)
    return planned(Request(study=str(path))).loaded.study, text
