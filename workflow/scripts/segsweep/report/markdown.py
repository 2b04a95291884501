"""Parts of a report in Markdown: paragraphs, lists, tables, images, and the words that join them."""

import re
from collections.abc import Iterable

from segsweep.report.marks import CLOSE, MIDDLE, OPEN, unmarked

KEPT = ("p", "df", "fANOVA", "mAP", "mIoU")  # no capital letter even where a sentence or a heading starts
# Up to a full stop with a space behind it that is not inside of a mark.
SENTENCE = re.compile(f"(?:{OPEN}[^{CLOSE}]*{CLOSE}|(?!\\. ).)*", re.DOTALL)


def blocks(*parts: str) -> str:
    """Blocks with an empty line between them; empty ones are left out."""
    return "\n".join(part if part.endswith("\n") else part + "\n" for part in parts if part)


def paragraph(*sentences: str | None) -> str:
    """Sentences as one paragraph, those without text left out; empty when none is left."""
    text = " ".join(sentence for sentence in sentences if sentence)
    return text + "\n" if text else ""


def bullets(*sentences: str | None) -> str:
    """Sentences as a list, those without text left out."""
    lines = [f"- {sentence}" for sentence in sentences if sentence]
    return "\n".join(lines) + "\n" if lines else ""


def markdown_table(head: list[str], rows: Iterable[list[str]], right: Iterable[int] = ()) -> str:
    """A table; the columns of `right` are set flush right."""
    right = set(right)
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    lines = ["| " + " | ".join(cells) + " |" for cells in [list(map(capital, head)), rule, *rows]]
    return "\n".join(lines) + "\n"


def image(target: str, caption: str, alt: str = "") -> str:
    """An image with its caption below, in Markdown; without `alt` the caption's first sentence stands for it."""
    first = SENTENCE.match(caption).group().rstrip(".")
    alt = (alt or first).replace("`", "").replace("[", "(").replace("]", ")")
    return f"![{alt}]({target})\n\n*{caption}*\n"


def listed(parts: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    parts = list(parts)
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def capital(text: str) -> str:
    """The text with its first letter large, inside of a mark too; names in code stay as they are."""
    if unmarked(text).partition(" ")[0] in KEPT:
        return text
    start = text.index(MIDDLE) + 1 if text.startswith(OPEN) else 0
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :]


def uncapital(text: str) -> str:
    """The text with its first letter small, inside of a mark too."""
    start = text.index(MIDDLE) + 1 if text.startswith(OPEN) else 0
    return text[:start] + text[start : start + 1].lower() + text[start + 1 :]


def be(count: float) -> str:
    """`is` or `are`."""
    return "is" if count == 1 else "are"


def was(count: float) -> str:
    """`was` or `were`."""
    return "was" if count == 1 else "were"
