"""Forms of a finished report for use elsewhere, a file each: a class with its title, and

export(report, output) -> paths of the files that it made

`report` is a `segsweep.report.finished_report.FinishedReport`, `output` the folder that the files go into. What another
program cannot do raises `segsweep.errors.InputError` with a remedy. `export_report.py` runs all of them.
"""
