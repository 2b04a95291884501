"""Marks around recorded text while a report is written; `Ledger.finish` removes them."""

import re

OPEN, MIDDLE, CLOSE = "\ue000", "\ue001", "\ue002"
MARK = re.compile(f"{OPEN}(\\d+){MIDDLE}([^{CLOSE}]*){CLOSE}")


def unmarked(text: str) -> str:
    """The text without its marks."""
    return MARK.sub(lambda mark: mark.group(2), text)
