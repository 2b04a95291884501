"""The tables of results/<study>: what a table is, which ones there are, how they are written and described.

A table is one class, in the module that makes its rows: the file's name, the rules that make it, its columns. Nothing
lists them: a new table is a new class, which the rule's outputs, docs/tables.md and the analysis find by themselves.
Documents, JSON and YAML files of numbers that are no table, are defined in the same way by their keys.

The rules ask `outputs("analyze_study", folder)` for the files to declare. That reads the classes out of the modules'
text, so that reading the Snakefile imports neither pandas nor torch.
"""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from segsweep.io import write_text
from segsweep.syntax import ModuleSyntax

PACKAGE = Path(__file__).parent
BASES = {"Table", "Document"}
# A function of a module, which no definition refers to: parsing it would take most of the time.
FUNCTION = re.compile(r"^(?:@[^\n]*\n)?(?:async )?def .*?(?=^[A-Za-z_@#]|\Z)", re.MULTILINE | re.DOTALL)
KINDS = {
    "text": "",
    "integer": "",
    "number": "with all digits where it was measured, with ten where it was computed from such",
    "boolean": "`True` or `False`",
    "list": "only in documents",
    "mapping": "only in documents",
}
# When fields are empty, where many columns have the same rule.
NO_RUN = "there is no usable run"
NO_NOISE = "there are too few usable runs, or it is not known how far seeds spread"
NOT_ESTIMABLE = "the runs do not allow to estimate it"
NOT_TESTED = "the axis was not tested"


@dataclass(frozen=True)
class Column:
    """A column of a table, or a key of a document.

    name: as in the header; `<family>` stands for as many columns as a study has of that family. A key within another
        one is dotted.
    kind: one of `KINDS`.
    meaning: what a field says.
    empty: when a field is empty (a key is null); without it, none is.
    unit: of the numbers.
    label: how reports name it, where they do.
    minimize: whether lower is better; None where neither is.
    """

    name: str
    kind: str
    meaning: str
    empty: str = ""
    unit: str = ""
    label: str = ""
    minimize: bool | None = None

    @property
    def family(self) -> str | None:
        """The name of the family that the column stands for, None for a single column."""
        return self.name[1:-1] if self.name.startswith("<") else None


class ResultFile:
    """A file of a study's results.

    file: its name in results/<study>.
    rules: names of the rules that make it.
    """

    file: ClassVar[str]
    rules: ClassVar[tuple[str, ...]]


class Document(ResultFile):
    """A JSON or YAML file; its docstring says what it holds.

    keys: all of them, in order.
    """

    keys: ClassVar[tuple[Column, ...]]


class Table(ResultFile):
    """One table; its docstring says what a row is.

    columns: in the order of the header.
    rows: of a table of the analysis, the function of its module that makes its rows. Its parameters are named after
        what it takes: something that `analysis.analyze.Analysis` works out, or another table, for that one's rows.
    """

    columns: ClassVar[tuple[Column, ...]]
    rows: ClassVar[str] = ""

    @classmethod
    def header(cls, **families: Iterable[str]) -> list[str]:
        """The header of a study's table. A name of a family that is also a column's stands there once.

        Args:
            families: names of the columns of each family.

        Raises:
            KeyError: the table has a family that is not given.
        """
        names = ([column.name] if column.family is None else families[column.family] for column in cls.columns)
        return list(dict.fromkeys(name for part in names for name in part))

    @classmethod
    def write(cls, folder: Path, rows: Iterable[Mapping[str, Any]], **families: Iterable[str]) -> None:
        """Write the table into a study's folder; what a row has beyond the columns is left out."""
        write_rows(folder / cls.file, cls.header(**families), rows)


def outputs(rule: str, folder: Path | str = "") -> dict[str, str]:
    """What a rule makes: the path below `folder` of each table and document, by its name (`ranking` of ranking.csv).

    In a rule: `output: **outputs("analyze_study", STUDY.folder)`; likewise as inputs of what reads all of them.
    """
    made = (one for one in definitions() if rule in one.rules)
    return {Path(one.file).stem: str(Path(folder) / one.file) for one in made}


@cache
def definitions() -> tuple[type[ResultFile], ...]:
    """All tables and documents, by rule and file."""
    found = [one for path in sorted(PACKAGE.glob("*/*.py")) for one in _definitions_in(path)]
    return tuple(sorted(found, key=lambda one: (one.rules, one.file)))


def _definitions_in(path: Path) -> list[type[ResultFile]]:
    """What a module defines, without importing it: these classes alone, and the names that they refer to."""
    text = path.read_text(encoding="utf-8")
    if not any(f"({base}):" in text for base in BASES):
        return []
    syntax = ModuleSyntax(path, FUNCTION.sub("", text))
    names = [
        name
        for name, node in syntax.definitions.items()
        if any(getattr(base, "id", None) in BASES for base in getattr(node, "bases", ()))
    ]
    space = {"__name__": f"{PACKAGE.name}.{path.parent.name}.{path.stem}"}
    exec(compile(syntax.module_of(syntax.reached(set(names))), str(path), "exec"), space)
    return [space[name] for name in names]


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file; None and nan are empty fields, floats have ten significant digits."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_field(row.get(name)) for name in header] for row in rows)
    write_text(path, text.getvalue())


def _field(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else value


def page() -> str:
    """docs/tables.md: all tables and documents with their columns and keys."""
    lines = [
        "# Tables of results",
        "",
        "Generated from the definitions in the code by `make schemas`.",
        "",
        "All of it lies in `results/<study>/`; a report states nothing else. Scores are the study's metric at a run's",
        "best epoch, in the metric's own unit and direction. Levels are texts (`5e-4`,",
        "`cross_entropy+focal(gamma=2)`). Intervals are 95 % confidence intervals. A column `<axes>` stands for one",
        "column for each hyperparameter that varies, named by its dotted key; other names in angle brackets stand for",
        "as many columns as the study has of that kind.",
        "",
        "| type | written as |",
        "| --- | --- |",
        *(f"| {kind} | {how or 'it is'} |" for kind, how in KINDS.items()),
        "",
    ]
    for one in definitions():
        made = " or ".join(f"`{rule}`" for rule in one.rules)
        is_table = issubclass(one, Table)
        docstring = " ".join((one.__doc__ or "").split())
        lines += [f"## {one.file}", "", (f"One row: {docstring}" if is_table else docstring) + f" Made by {made}.", ""]
        lines += [f"| {'column' if is_table else 'key'} | type | unit | meaning | empty where |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        for column in one.columns if is_table else one.keys:
            parts = (f"`{column.name}`", column.kind, column.unit, column.meaning, column.empty)
            lines.append(f"| {' | '.join(part.replace('|', chr(92) + '|') for part in parts)} |")
        lines.append("")
    return "\n".join(lines)
