"""The chosen setting as a file to copy."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks
from segsweep.report.quoted_results import QuotedResults


class OptimalConfiguration(Section):
    """The chosen setting as a file to copy."""

    title: ClassVar[str] = "Optimal configuration"
    order: ClassVar[int] = 131


def write(results: QuotedResults) -> str:
    """If there is a best.yaml: the setting, ready to copy."""
    path = results.folder / "best.yaml"
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8").rstrip()
    return blocks("From `best.yaml`, ready to copy:\n", f"```yaml\n{text}\n```\n")
