"""Exports a finished report in all its forms, or in some of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from segsweep import registry
from segsweep.checksums import SUMS, digest_of, read_sums, sums_text
from segsweep.errors import InputError
from segsweep.io import write_bytes
from segsweep.report.finished_report import FinishedReport


@dataclass
class Exported:
    """What an export made.

    files: paths of the files.
    problems: why a form was not made, one a form that needs a program.
    """

    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def export(folder: Path, output: Path, only: Iterable[str] = ()) -> Exported:
    """Exports the report of `folder` into `output`.

    `only` names the forms; all of them without it. A form that needs a program that the machine lacks is a problem of
    this form alone, unless it was asked for by name. SHA256SUMS lists the files. With all forms, those that an earlier
    export made and this one did not are removed, unless they were changed since; other files stay.

    Raises:
        InputError: there is no finished report, no such form, a form that was asked for cannot be made, or the
            SHA256SUMS of an earlier export is damaged.
    """
    known = registry.classes("exporter")
    only = list(only)
    if unknown := [name for name in only if name not in known]:
        raise InputError(f"no form of a report: {', '.join(unknown)}. There are: {', '.join(known)}.")
    report = FinishedReport(folder)
    if not report.title:
        raise InputError(f"{folder / 'report.md'}: no heading; this is no report. Build the report first.")
    output.mkdir(parents=True, exist_ok=True)
    earlier = read_sums(output, "Remove it.") or {}
    done = Exported()
    for name in only or known:
        try:
            done.files += registry.load(known[name]).export(report, output)
        except InputError as error:
            if name in only or not known[name].needs_program:
                raise
            done.problems += error.problems
    made = {path.relative_to(output).as_posix(): digest_of(path) for path in sorted(done.files)}
    if not only:
        for name in earlier.keys() - made.keys():
            path = output / name
            if path.is_file() and digest_of(path) == earlier[name]:
                path.unlink()
        earlier = {}
    content = sums_text((earlier | made).items())
    write_bytes(output / SUMS, lambda file: file.write(content))
    return done
