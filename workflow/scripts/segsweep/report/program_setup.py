"""The set-up of a study whose runs a program of the user's own trains: rows of the table in `sections/setup.py`."""

from collections.abc import Iterator
from typing import Any

from segsweep.report.markdown import capital
from segsweep.report.quoted_results import QuotedResults

NO_DATA = (
    "Its runs were trained by a program of the study's own, which reads its data itself: this report has no section on "
    "the data and no images of predictions. Scores are those that the program wrote."
)

MOST_FILES = 8


def program_rows(results: QuotedResults) -> list[list[str]]:
    """What all settings have in common: name, value and key of the study file; none where segsweep trains."""
    if not results.study.get("command"):
        return []
    return [
        ["Command", _code(results, "study.command"), "`command`"],
        *_parameters(results),
        *_listed(results, "Environment variable", "environment"),
        *([["Runs in", _code(results, "study.folder"), "`folder`"]] if results.study.get("folder") else []),
        *_code_files(results),
        *_listed(results, "Input", "inputs"),
        *([] if results.varies("epochs") else [["Epochs", results.quote_plan("study.epochs", "int"), "`epochs`"]]),
        *_columns(results),
    ]


def leaves(tree: dict[str, Any], path: str = "", name: str = "") -> Iterator[tuple[str, str]]:
    """Dotted name and path in the plan of each value of a tree, whose keys may be dotted themselves.

    `{"optimizer": {"lr": 1e-3}}` and `{"optimizer.lr": 1e-3}` both have the name `optimizer.lr`.
    """
    for key, value in tree.items():
        own_path, own_name = f'{path}["{key}"]', f"{name}.{key}" if name else key
        if isinstance(value, dict) and value:
            yield from leaves(value, own_path, own_name)
        else:
            yield own_name, own_path


def _parameters(results: QuotedResults) -> list[list[str]]:
    """The parameters in which no settings differ."""
    return [
        [capital(results.axis_name(name)), results.quote_plan(path, "setting"), f"`{name}`"]
        for name, path in leaves(results.study.get("parameters") or {}, "study.parameters")
        if not results.varies(name)
    ]


def _listed(results: QuotedResults, words: str, key: str) -> list[list[str]]:
    """A row for the values of a key that is a list, or a mapping whose values are named; none where it is empty."""
    found = results.study.get(key)
    if not found:
        return []
    if isinstance(found, dict):
        values = [f"`{name}`: {_code(results, path)}" for name, path in leaves(found, f"study.{key}")]
    else:
        values = [_code(results, f"study.{key}[{i}]") for i in range(len(found))]
    return [[words if len(values) == 1 else f"{words}s", ", ".join(values), f"`{key}`"]]


def _code_files(results: QuotedResults) -> list[list[str]]:
    """The files of code that addresses stand for."""
    count = len(results.plan.code_files)
    if not count:
        return []
    shown = ", ".join(_code(results, f"code_files[{i}]") for i in range(min(count, MOST_FILES)))
    if count > MOST_FILES:
        shown += f", …, {results.quote_plan('code_files', 'plural:file', 'count')} in all"
    return [["Code", shown, "`code`"]]


def _columns(results: QuotedResults) -> list[list[str]]:
    """Where the scores are read from: the file, and its columns by the names that they have here."""
    found = results.study.get("results")
    if not found:
        return []
    rows = [["Results", _code(results, "study.results.file"), "`results.file`"]]
    for name, column in (found.get("columns") or {}).items():
        if "/" not in name:
            continue
        path = f'study.results.columns["{name}"]'
        percent = column["unit"] == "percent"
        source = _code(results, f"{path}.column")
        rows.append(
            [capital(results.metric_name(name)), source + (", in percent" if percent else ""), "`results.columns`"]
        )
    return rows


def _code(results: QuotedResults, path: str) -> str:
    return f"`{results.quote_plan(path, 'code')}`"
