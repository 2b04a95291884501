"""report.docx: the report for Word and LibreOffice, with its figures, made by pandoc.

pandoc (GPL) comes as a program with the wheel `pypandoc_binary`; it is started, not linked.
"""

import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import ClassVar

from segsweep.config.components import Exporter
from segsweep.errors import InputError
from segsweep.report.finished_report import FinishedReport

# An image in a paragraph of its own, and its caption in italics in the next one.
FIGURE = re.compile(r"^!\[([^\n]*)\]\(([^)\n]+)\)\n(?:\n\*([^\n]+)\*\n)?", re.MULTILINE)
TITLE = re.compile(r"\A\s*# ([^\n]+)\n")
# pandoc's own style of tables has no size of letters: wide tables leave the page.
TABLE_STYLE = re.compile(r'(<w:style [^>]*w:styleId="Table".*?)(</w:style>)', re.DOTALL)
SMALL = '<w:rPr><w:sz w:val="15"/><w:szCs w:val="15"/></w:rPr>'
# A4 with narrow margins, in twentieths of a point.
PAGE = (
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1020" w:bottom="1134" w:left="1020" '
    'w:header="567" w:footer="567" w:gutter="0"/></w:sectPr>'
)
SECTION = re.compile(r"<w:sectPr\b[^>]*?(?:/>|>.*?</w:sectPr>)", re.DOTALL)


class WordDocument(Exporter):
    """The report as a document for Word and LibreOffice."""

    title: ClassVar[str] = "report.docx"
    needs_program: ClassVar[str] = "pandoc, of the package pypandoc_binary"


def export(report: FinishedReport, output: Path) -> list[Path]:
    """report.docx, with figures, captions and contents.

    Raises:
        InputError: pandoc is missing, or it cannot make the document.
    """
    import pypandoc

    path = output / "report.docx"
    markdown = TITLE.sub("", FIGURE.sub(_with_caption, report.markdown), count=1)
    with tempfile.TemporaryDirectory() as folder:
        try:
            reference = _reference(pypandoc.get_pandoc_path(), Path(folder))
            pypandoc.convert_text(
                markdown,
                "docx",
                # Attributes of an image and lists as forges read them; numbers in text are no lists or formulas.
                format="commonmark+pipe_tables+implicit_figures+attributes",
                outputfile=str(path),
                extra_args=[
                    f"--reference-doc={reference}",
                    f"--resource-path={report.folder}",
                    f"--metadata=title:{report.title}",
                    "--metadata=lang:en",
                    "--toc",
                    "--toc-depth=2",
                    "--columns=10000",  # of a table wider than this, pandoc makes all columns equally wide
                ],
            )
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{path}: pandoc did not make it: {error}. Install pypandoc_binary of envs/requirements.lock, or open "
                "report.html in Word."
            ) from error
    return [path]


def _with_caption(found: re.Match) -> str:
    """An image whose alternative text is its caption, as pandoc takes figures."""
    alt, target, caption = found.groups()
    shown = (caption or alt).replace("[", "\\[").replace("]", "\\]")
    quoted = alt.replace("\\", "").replace('"', "'")
    return f'![{shown}]({target}){{alt="{quoted}"}}\n\n'


def _reference(pandoc: str, folder: Path) -> Path:
    """pandoc's own document of styles, with small letters in tables, on A4 with narrow margins."""
    original, path = folder / "original.docx", folder / "reference.docx"
    subprocess.run(
        [pandoc, "--output", str(original), "--print-default-data-file", "reference.docx"], check=True, timeout=60
    )
    with zipfile.ZipFile(original) as read, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for item in read.infolist():
            text = read.read(item)
            if item.filename == "word/styles.xml":
                text = TABLE_STYLE.sub(rf"\g<1>{SMALL}\g<2>", text.decode()).encode()
            elif item.filename == "word/document.xml":
                text = SECTION.sub(PAGE, text.decode()).encode()
            written.writestr(item, text)
    return path
