"""From a study file to runs and segments with content addresses; nothing here trains or imports torch."""
