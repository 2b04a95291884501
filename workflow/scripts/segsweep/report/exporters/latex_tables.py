r"""Each table of the report as LaTeX: booktabs, a caption, a label; tables.tex has all of them and compiles by itself.

In a thesis: `\usepackage{booktabs,longtable,graphicx}` and `\input{tables/ranking}`.
"""

import re
from pathlib import Path
from typing import ClassVar

from segsweep.config.components import Exporter
from segsweep.io import write_text
from segsweep.report.finished_report import Cell, FinishedReport, ReportTable

LONG = 30  # rows from which a table may break across pages
WIDE = 32  # characters from which a column of words is set as a paragraph
FLOATS = 4  # tables after which tables.tex has them set: LaTeX keeps only some at a time
LINE = 90  # characters that fit into a line of a page
COMMANDS = {"code": r"\texttt", "strong": r"\textbf", "em": r"\emph"}
ESCAPES = str.maketrans(
    {one: f"\\{one}" for one in "{}$&#%_"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"}
    | {"–": "--", "—": "---", "…": r"\dots{}", "\u00a0": "~", "\u202f": r"\,", "“": "``", "”": "''", "’": "'"}
    | {"×": r"$\times$", "±": r"$\pm$", "−": "$-$", "≤": r"$\leq$", "≥": r"$\geq$", "→": r"$\rightarrow$"}
    | {"η": r"$\eta$", "ρ": r"$\rho$", "σ": r"$\sigma$", "μ": r"$\mu$", "µ": r"$\mu$", "²": r"$^2$", "·": r"$\cdot$"}
    | {"°": r"$^\circ$", "∞": r"$\infty$", "≈": r"$\approx$"}
)
# Where a long name in code may break: LaTeX knows no such place by itself.
BREAKS = re.compile(r"(?<=[=,/+.:\])])(?=.)|(?<=\\_)")
PREAMBLE = r"""% All tables of the report, to look at. Needs booktabs, longtable and graphicx.
\documentclass[a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=20mm]{geometry}
\usepackage{booktabs,longtable,graphicx}
\begin{document}
"""


class LaTeXTables(Exporter):
    """Each table of the report as LaTeX."""

    title: ClassVar[str] = "tables as LaTeX"


def export(report: FinishedReport, output: Path) -> list[Path]:
    """tables/<name>.tex for each table, and tables.tex."""
    made = []
    for table in report.tables:
        made.append(output / "tables" / f"{table.name}.tex")
        write_text(made[-1], latex(table))
    inputs = [
        f"\\input{{tables/{table.name}}}\n" + "\\clearpage\n" * (i % FLOATS == 0)
        for i, table in enumerate(report.tables, 1)
    ]
    write_text(output / "tables.tex", "".join([PREAMBLE, *inputs, "\\end{document}\n"]))
    return [*made, output / "tables.tex"]


def latex(table: ReportTable) -> str:
    """A table as LaTeX: a float, or a longtable from `LONG` rows on."""
    columns = _columns(table)
    caption = f"\\caption{{{escape(table.caption)}}}\n\\label{{tab:{table.name}}}"
    head = _row(table.head)
    body = "\n".join(map(_row, table.rows))
    if len(table.rows) >= LONG:
        return (
            f"{{\\footnotesize\n\\begin{{longtable}}{{{columns}}}\n{caption} \\\\\n"
            f"\\toprule\n{head}\n\\midrule\n\\endfirsthead\n\\toprule\n{head}\n\\midrule\n\\endhead\n"
            f"\\bottomrule\n\\endfoot\n{body}\n\\end{{longtable}}\n}}\n"
        )
    tabular = f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}"
    # Wider than the page: smaller. The width is known only when the table is set.
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n\\small\n{caption}\n"
        f"\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n{tabular}}}\n\\end{{table}}\n"
    )


def escape(text: str) -> str:
    """A text that LaTeX sets as it is."""
    return text.translate(ESCAPES)


def _row(cells: list[Cell]) -> str:
    return " & ".join(map(_cell, cells)) + r" \\"


def _cell(cell: Cell) -> str:
    text = "".join(
        f"{COMMANDS[markup]}{{{_breakable(escape(part)) if markup == 'code' else escape(part)}}}"
        if markup
        else escape(part)
        for part, markup in cell.pieces
    )
    return f"{{}}{text}" if text.startswith(("[", "*")) else text  # else part of the row break before it


def _breakable(code: str) -> str:
    return BREAKS.sub(r"\\allowbreak{}", code)


def _columns(table: ReportTable) -> str:
    """`lrp{0.4\\linewidth}`: columns of long words share what the others leave of the line."""
    widths = [max(len(row[i].text) for row in [table.head, *table.rows]) for i in range(len(table.head))]
    words = {i for i, width in enumerate(widths) if width >= WIDE and i not in table.right}
    short = sum(width + 2 for i, width in enumerate(widths) if i not in words)
    left = max(LINE - short, LINE / 3)
    long = sum(widths[i] for i in words)
    if long + short <= LINE:
        words = set()
    shares = {i: min(widths[i] / LINE, left / LINE * widths[i] / long) for i in words}
    return "".join(
        rf"p{{{shares[i]:.2f}\linewidth}}" if i in shares else "r" if i in table.right else "l"
        for i in range(len(widths))
    )
