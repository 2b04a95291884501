"""report.pdf: the page report.html as a browser prints it."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from segsweep.config.components import Exporter
from segsweep.errors import InputError
from segsweep.report.finished_report import REMEDY, FinishedReport

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
SECONDS = 300
OPTIONS = (
    "--headless",
    # In a container there is no sandbox to be had. The page is our own, and may load nothing from anywhere.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--no-pdf-header-footer",
)


class PDFDocument(Exporter):
    """The report as PDF."""

    title: ClassVar[str] = "report.pdf"
    needs_program: ClassVar[str] = "chromium or google-chrome"


def export(report: FinishedReport, output: Path) -> list[Path]:
    """report.pdf.

    Raises:
        InputError: there is no browser, or it did not print the page.
    """
    page, path = (report.folder / "report.html").resolve(), output / "report.pdf"
    if not page.is_file():
        raise InputError(f"{page}: no such file. {REMEDY}")
    program = browser()
    if program is None:
        raise InputError(
            f"{path}: found none of {', '.join(BROWSERS)} to print report.html with. Install one, or open "
            "report.html in any browser and print it into a file."
        )
    with tempfile.TemporaryDirectory() as profile:
        command = [program, *OPTIONS, f"--user-data-dir={profile}", f"--print-to-pdf={path.resolve()}", page.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
            said = done.stderr
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
    if not path.is_file():
        last = " ".join(said.strip().splitlines()[-1:]) or "nothing"
        raise InputError(f"{path}: {program} did not print it; it said: {last}. Print report.html in a browser.")
    return [path]


def browser() -> str | None:
    """The program that prints: the first of `BROWSERS` that is installed."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
