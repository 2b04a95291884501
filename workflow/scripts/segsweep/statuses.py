"""How runs end, by what their status means for a result."""

USABLE = ("finished", "early_stopped")  # with a final score
FAILED = ("diverged", "oom", "failed")
