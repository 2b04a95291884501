"""The settings of segsweep: these classes are the only definition of every key of every YAML file."""
