"""The settings of segsweep: these classes are the one truth about every key of every YAML file."""
