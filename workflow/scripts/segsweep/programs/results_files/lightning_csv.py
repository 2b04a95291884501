"""The file of Lightning's CSVLogger: several rows for an epoch, and columns that come with the first value of them."""

from segsweep.programs.results_files.csv_file import read

__all__ = ["COMPLETE_HEADER", "read"]

COMPLETE_HEADER = False
