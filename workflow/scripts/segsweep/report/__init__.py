"""From tables to a report: sentences by rules, figures, and a source for every number."""
