"""The chosen setting as a file to copy."""

from segsweep.report.markdown import blocks
from segsweep.report.study_results import StudyResults

TITLE = "Optimal configuration"
ORDER = 160


def write(results: StudyResults) -> str:
    """If there is a best.yaml: the setting, ready to copy."""
    path = results.folder / "best.yaml"
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8").rstrip()
    return blocks("From `best.yaml`, ready to copy:\n", f"```yaml\n{text}\n```\n")
