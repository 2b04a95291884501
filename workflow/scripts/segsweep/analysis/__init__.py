"""From metrics to tables: everything that a report may state, computed once and written down.

`collect` (or `import_table`, for results made elsewhere) writes what was trained, `analyze` what follows from it. Each
module defines the tables that it makes (`segsweep.tables`); docs/tables.md shows them all.
"""
