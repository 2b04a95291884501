"""Words that state a difference, an order, an interaction, a trend or a choice: they need a finding behind them.

In a report they stand inside of recorded text only: a sentence made from findings.csv, a quotation, or an explanation
(`segsweep.report.explanations`).
"""

import re

from segsweep.report.number_ledger import blank

_PHRASES = (
    r"(?:better|worse) (?:than|to)",
    r"(?:is|are|was|were|does|do|performs?|works?|scores?) (?:much |clearly |slightly )?(?:better|worse|best|worst)",
    r"outperform\w*", r"significant(?:ly)?", r"depend(?:s|ed)? (?:up)?on the", r"explains?", r"effects?", r"impacts?",
    r"influen(?:ce|ces|ced|tial)", r"improv(?:e|es|ed|ement|ements|ing)", r"matters?", r"optim(?:um|al)",
    r"(?:higher|lower|better|worse) scores?", r"scores? (?:are|is) (?:higher|lower|best|worst)", r"interacts?",
    r"the more\b", r"correlat(?:es?|ed|ions?)", r"(?:rises?|falls?|grows?|drops?) with", r"(?:helps?|hurts?|harms?)",
    r"because of", r"thanks to", r"leads? to", r"due to", r"stands? out", r"recommend(?:s|ed)?", r"outweighs?",
    r"prefer(?:s|red|able)?", r"favou?rs?", r"advantages?", r"boosts?", r"degrades?", r"superiority",
    r"(?:more|less|most|least) (?:accurate|robust|stable)", r"(?:increases?|decreases?|raises?|reduces?|lowers?) the",
    r"beats?", r"wins?", r"won", r"superior", r"inferior", r"clearly",
    r"steadi(?:er|est)", r"differs?(?: significantly)? (?:from|by|between)", r"the (?:reason|cause)",
)  # fmt: skip
CLAIMING = re.compile(r"(?<![\w.`/-])(?:" + "|".join(_PHRASES) + r")(?![\w/-])", re.IGNORECASE)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#.*$", re.MULTILINE)


def claims_in(markdown: str) -> list[tuple[int, str]]:
    """Position and text of each claiming word of a report, in order; headings and code are none of its sentences."""
    text = blank(markdown)
    for other in (CODE, HEADING):
        text = other.sub(lambda found: " " * len(found.group()), text)
    return [(found.start(), found.group()) for found in CLAIMING.finditer(text)]
