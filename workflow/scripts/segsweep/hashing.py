"""Short hashes of texts: names of what is told apart by its content."""

import hashlib
from collections.abc import Iterable


def short_hash(text: str | Iterable[str], length: int = 16) -> str:
    """The first digits of the SHA-256 of a text, or of lines, in hexadecimal."""
    text = text if isinstance(text, str) else "\n".join(text)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
