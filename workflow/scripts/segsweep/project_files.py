"""Where the files of this project lie that are no part of the package: programs, rules, configurations, profiles.

In a clone they lie around the package. A wheel holds them in the package's folder `project`, in the same order.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / "project"
PROJECT = INSTALLED if INSTALLED.is_dir() else PACKAGE.parents[2]
SCRIPTS = PROJECT / "workflow" / "scripts"
CONFIG = PROJECT / "config"
SNAKEFILE = str(PROJECT / "workflow" / "Snakefile")  # a text: Snakefiles name it
