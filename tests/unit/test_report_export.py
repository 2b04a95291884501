"""A finished report in other forms: tables as LaTeX and CSV, a Word document, a printed page."""

import csv
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))

import export_report

from segsweep import registry
from segsweep.checksums import digest_of, read_sums
from segsweep.errors import InputError
from segsweep.report.export import export
from segsweep.report.exporters import latex_tables, pdf_document
from segsweep.report.finished_report import FinishedReport
from segsweep.report.page import to_html

MARKDOWN = r"""<!-- from a | table -->
# Rates & losses

## Ranking

| Setting | Score | Gain |
| --- | ---: | ---: |
| `a_1=2\|3` | 0.9123 | 50% |
| **b** & $x | – | ≤ 3 × 10 |

| Other | Of it |
| --- | --- |
| [0, 1] | ~#{}\^ |

Text.

## Hyperparameters

### Learning `rate`

| Level | Runs |
| --- | ---: |
| `1e-3` | 2 |

![mIoU by rate](figures/rate.png)

*mIoU by "rate" [0, 1]. Points are runs.*
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures").mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "figures" / "rate.png")
    (tmp_path / "report.md").write_text(MARKDOWN, encoding="utf-8")
    (tmp_path / "report.html").write_text(to_html(MARKDOWN, tmp_path), encoding="utf-8")
    return tmp_path


def without_browser(monkeypatch):
    monkeypatch.setattr(pdf_document, "BROWSERS", ("no-such-browser",))


def test_tables_have_the_names_of_their_headings(folder):
    tables = FinishedReport(folder).tables
    assert [one.name for one in tables] == ["ranking", "ranking-2", "hyperparameters-learning-rate"]
    assert [one.caption for one in tables] == ["Ranking", "Ranking", "Hyperparameters: Learning rate"]
    assert [cell.text for cell in tables[0].head] == ["Setting", "Score", "Gain"]
    assert tables[0].right == {1, 2}
    assert tables[0].rows[0][0].pieces == (("a_1=2|3", "code"),)


def test_csv_has_what_the_report_shows(folder):
    export(folder, folder / "export", ["csv_tables"])
    with (folder / "export" / "tables" / "ranking.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["Setting", "Score", "Gain"],
            ["a_1=2|3", "0.9123", "50%"],
            ["b & $x", "", "≤ 3 × 10"],
        ]


def test_latex_of_a_table_is_what_one_would_write(folder):
    export(folder, folder / "export", ["latex_tables"])
    text = (folder / "export" / "tables" / "ranking.tex").read_text(encoding="utf-8")
    assert "\\caption{Ranking}\n\\label{tab:ranking}\n" in text
    assert (
        "\\begin{tabular}{lrr}\n\\toprule\nSetting & Score & Gain \\\\\n\\midrule\n"
        "\\texttt{a\\_\\allowbreak{}1=\\allowbreak{}2\\textbar{}3} & 0.9123 & 50\\% \\\\\n"
        "\\textbf{b} \\& \\$x & -- & $\\leq$ 3 $\\times$ 10 \\\\\n\\bottomrule\n\\end{tabular}"
    ) in text
    # A bracket after the end of a row would be read as its argument.
    other = (folder / "export" / "tables" / "ranking-2.tex").read_text(encoding="utf-8")
    assert "\n{}[0, 1] & \\textasciitilde{}\\#\\{\\}\\textasciicircum{} \\\\\n" in other
    assert "\\input{tables/ranking-2}\n" in (folder / "export" / "tables.tex").read_text(encoding="utf-8")


def test_long_tables_break_across_pages_and_long_words_across_lines(folder):
    rows = "\n".join(f"| {i} | {'some long sentence ' * 8} |" for i in range(latex_tables.LONG))
    (folder / "report.md").write_text(f"# A\n\n## B\n\n| i | why |\n| ---: | --- |\n{rows}\n", encoding="utf-8")
    (table,) = FinishedReport(folder).tables
    text = latex_tables.latex(table)
    width = float(re.search(r"\\begin\{longtable\}\{rp\{(0\.\d\d)\\linewidth\}\}", text).group(1))
    assert 0.8 < width <= 0.98
    assert text.count("\\toprule") == text.count("\\midrule") == 2  # on the first page and on all others
    assert "resizebox" not in text


def test_latex_compiles(folder):
    program = shutil.which("tectonic") or shutil.which("pdflatex")
    if not program:
        pytest.skip("neither tectonic nor pdflatex is installed")
    export(folder, folder / "export", ["latex_tables"])
    options = [] if program.endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run(
        [program, *options, "tables.tex"], cwd=folder / "export", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "export" / "tables.pdf").read_bytes()[:5] == b"%PDF-"


def test_word_document_has_title_tables_and_figures_with_captions(folder):
    export(folder, folder / "export", ["word_document"])
    with zipfile.ZipFile(folder / "export" / "report.docx") as document:
        text = document.read("word/document.xml").decode()
        styles = document.read("word/styles.xml").decode()
        assert [name for name in document.namelist() if name.endswith(".png")]
    words = re.sub(r"<[^>]+>", "", re.sub(r"</w:p>", "\n", text))
    assert "Rates &amp; losses" in words
    assert "from a | table" not in words
    assert text.count("<w:tbl>") == 3
    assert "a_1=2|3" in words
    assert words.count("Points are runs.") == 1
    assert 'w:styleId="ImageCaption"' in styles
    assert re.search(r'w:pStyle w:val="ImageCaption"', text)
    assert re.search(r'styleId="Table".*?<w:sz w:val="15"\s*/>', styles, re.DOTALL)
    assert 'w:w="11906"' in text


def test_page_is_printed_where_there_is_a_browser(folder):
    if not pdf_document.browser():
        pytest.skip("no browser is installed")
    done = export(folder, folder / "export", ["pdf_document"])
    assert done.files[0].read_bytes()[:5] == b"%PDF-"


def test_the_page_is_printed_into_a_folder_named_as_the_workflow_names_it(folder, tmp_path, monkeypatch):
    program = tmp_path / "stand-in"
    program.write_text('#!/bin/sh\nfor one; do case $one in --print-to-pdf=/*) echo %PDF- > "${one#*=}";; esac; done\n')
    program.chmod(0o755)
    monkeypatch.setattr(pdf_document, "BROWSERS", (str(program),))
    monkeypatch.chdir(folder.parent)
    done = export(Path(folder.name), Path(folder.name, "export"), ["pdf_document"])
    assert done.files == [Path(folder.name, "export", "report.pdf")]


def test_without_a_browser_the_rest_is_exported_and_the_remedy_said(folder, monkeypatch, capsys):
    without_browser(monkeypatch)
    output = folder / "export"
    assert export_report.main(["--results", str(folder), "--output", str(output)]) == 0
    said = capsys.readouterr().err
    assert "not made: " in said
    assert "print it into a file" in said
    assert {path.name for path in output.iterdir()} == {"SHA256SUMS", "report.docx", "tables", "tables.tex"}
    with pytest.raises(InputError, match="found none of no-such-browser"):
        export(folder, output, ["pdf_document"])


def test_what_a_report_no_longer_has_goes_and_what_a_person_put_there_stays(folder):
    output = folder / "export"
    done = export(folder, output, ["csv_tables", "latex_tables"])
    assert [
        path for path in done.files if digest_of(path) != read_sums(output, "")[str(path.relative_to(output))]
    ] == []
    (output / "tables.pdf").write_text("mine")
    report = (folder / "report.md").read_text(encoding="utf-8")
    (folder / "report.md").write_text(report.replace("## Ranking", "## Order"), encoding="utf-8")
    (output / "tables" / "ranking.tex").write_text("mine, too")
    assert export(folder, output, ["csv_tables"]).files
    assert (output / "tables" / "ranking.csv").is_file()  # other forms are not made, and keep what they made
    export(folder, output)
    assert (output / "tables" / "order.csv").is_file()
    assert not (output / "tables" / "ranking.csv").exists()
    assert (output / "tables" / "ranking.tex").read_text() == "mine, too"
    assert (output / "tables.pdf").read_text() == "mine"
    listed = set(read_sums(output, "")) | {"SHA256SUMS", "tables.pdf", "tables/ranking.tex"}
    assert {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()} == listed


def test_what_is_no_report_or_no_form_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"no form of a report: rtf\. There are: csv_tables, latex_tables"):
        export(folder, tmp_path / "out", ["rtf"])
    with pytest.raises(InputError, match="Build the report first"):
        export(tmp_path / "nothing", tmp_path / "out")


def test_every_exporter_is_found():
    assert set(registry.classes("exporter")) >= {"csv_tables", "latex_tables", "pdf_document", "word_document"}
