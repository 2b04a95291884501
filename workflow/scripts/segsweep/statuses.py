"""How runs end, by what their status means for a result."""

USABLE = ("finished", "early_stopped")  # with a final score
FAILED = ("diverged", "oom", "failed")
LEFT_OUT = "left_out"  # of a run that a study's budget has not let train to its end
# How runs of each status enter.
RULES = {
    "finished": "Enters all means.",
    "early_stopped": "Enters all means: its best epoch lies before the end, and that is what is compared.",
    "pruned": "Ended by the pruner: counted and shown with its last score, in no mean of final scores.",
    "diverged": "Counted and shown, in no mean; its cell is not recommended.",
    "oom": "Ran out of memory: counted and shown, without a score; its cell is not recommended.",
    "failed": "Counted and shown, in no mean.",
}
