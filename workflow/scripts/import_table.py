"""Read results made elsewhere (`table` in a study) into the tables that analysis and report work on."""

import argparse
import sys
from pathlib import Path

from segsweep.analysis.import_table import import_table, write
from segsweep.config.study import Study
from segsweep.config.yaml_documents import Document, parse
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.formatting import plural
from segsweep.table_sums import note_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Import; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", type=Path, required=True, help="study file with `table`")
    parser.add_argument("--output", type=Path, required=True, help="folder for plan.json and the tables")
    arguments = parser.parse_args(argv)
    document = Document(arguments.study)
    study = parse(Study, document.values, document.location)
    if study.table is None:
        raise InputError(f"{arguments.study}: the study has no `table`: its results come from training.")
    imported = import_table(study, arguments.study.parent, document.location)
    write(imported, arguments.output)
    note_tables(arguments.output, "import_table")
    for note in imported.notes:
        print(f"note: {note}")
    print(f"{arguments.output}: {plural(len(imported.runs), 'run')} of {plural(len(imported.cells), 'cell')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
