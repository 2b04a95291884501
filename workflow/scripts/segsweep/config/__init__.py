"""The settings of segsweep: these classes are the one truth about every key of every YAML file."""

from segsweep.config.dataset import Dataset
from segsweep.config.settings import Settings, key
from segsweep.config.study import Study
from segsweep.config.train import Train

__all__ = ["Dataset", "Settings", "Study", "Train", "key"]
