"""The settings of segsweep: these classes are the one truth about every key of every YAML file."""

from .base import InputError, Settings, key
from .dataset import Dataset
from .study import Study
from .train import Train

__all__ = ["Dataset", "InputError", "Settings", "Study", "Train", "key"]
