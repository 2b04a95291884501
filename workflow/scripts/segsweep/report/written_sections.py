"""The sections of a report as text, in order: written once by `build`, and again by whoever checks it."""

from segsweep import registry
from segsweep.config.components import Section
from segsweep.report.markdown import blocks
from segsweep.report.quoted_results import QuotedResults

APPENDIX = 900  # sections of this order and later are parts of the appendix


def all_sections() -> list[type[Section]]:
    """The sections of a report, in order."""
    return sorted(registry.classes("section").values(), key=lambda section: section.order)


def title(results: QuotedResults) -> str:
    """The report's own heading."""
    return f"# {results.quote_plan('study.title' if results.study.get('title') else 'study.name')}\n"


def write_section(section: type[Section], results: QuotedResults) -> str:
    """A section below its heading; empty when it has nothing to say of this study."""
    body = registry.load(section).write(results)
    return blocks(f"## {heading(section)}\n", body) if body else ""


def heading(section: type[Section]) -> str:
    """The title of a section; that of a part of the appendix says so."""
    return f"Appendix: {section.title}" if section.order >= APPENDIX else section.title
