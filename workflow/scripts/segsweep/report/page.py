"""One self-contained HTML file from a report in Markdown: contents, sortable tables, figures that enlarge."""

import base64
import html
import re
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from segsweep.io import regular

HERE = Path(__file__).parent
FEW_ROWS, TALL_PIXELS = 10, 480  # of a table that stays on one page in print; of a figure that needs its height
PNG_SIZE = struct.Struct(">II")
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


@dataclass
class Section:
    """An entry of the contents."""

    id: str
    title: str
    parts: list["Section"] = field(default_factory=list)


def to_html(markdown: str, folder: str | Path) -> str:
    """The page. Images that the Markdown names are read from `folder` and embedded.

    Raises: OSError when an image is missing.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(_without_comments(markdown))
    title, contents = _headings(tokens)
    body = _figures(reader.renderer.render(tokens, reader.options, {}), Path(folder))
    body = re.sub(r"\bp (=|&lt;) (?=\d)", "p&nbsp;\\1&nbsp;", body)  # never at the end of a line
    body = re.sub(r">&lt; (?=\d)", ">&lt;&nbsp;", body)
    body = re.sub(r"<table>.*?</table>", _framed, body, flags=re.DOTALL)
    templates = Environment(loader=FileSystemLoader(HERE), autoescape=True, keep_trailing_newline=True)
    return templates.get_template("page.html.j2").render(
        title=title,
        contents=contents,
        css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
        body=Markup(body),
    )


def anchor(title: str) -> str:
    """The id that forges give a heading: `Learning rate` is `learning-rate`."""
    return re.sub(r"[^\w\- ]", "", title.lower().replace("`", "")).strip().replace(" ", "-")


def _without_comments(markdown: str) -> str:
    return re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL)


def _headings(tokens: list[Token]) -> tuple[str, list[Section]]:
    """Title and contents; gives the headings their ids. Equal titles are numbered as forges do it."""
    title, contents, seen = "", [], {}
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or [])
        name = anchor(text)
        count = seen[name] = seen.get(name, -1) + 1
        section = Section(f"{name}-{count}" if count else name, text)
        token.attrSet("id", section.id)
        if token.tag == "h1":
            title = title or text
        elif token.tag == "h2":
            contents.append(section)
        elif token.tag == "h3" and contents:
            contents[-1].parts.append(section)
    return title, contents


def _framed(found: re.Match) -> str:
    table = found.group()
    few = " few" if table.count("<tr>") <= FEW_ROWS else ""
    return f'<div class="table{few}">{table}</div>'


def _tall(path: Path, data: bytes) -> bool:
    """Whether a figure is about as high as wide, so that the height of other figures would make it too small."""
    if path.suffix.lower() != ".png" or len(data) < 24:
        return False
    width, height = PNG_SIZE.unpack_from(data, 16)
    return height > TALL_PIXELS and height > 0.6 * width


def _figures(body: str, folder: Path) -> str:
    """An image in a paragraph of its own, and the paragraph in italics below it, become a figure with its caption."""

    def figure(found: re.Match) -> str:
        source, alt, caption = found.groups()
        path = folder / unquote(html.unescape(source))
        content = regular(path).read_bytes()
        tall = ' class="tall"' if _tall(path, content) else ""
        data = base64.b64encode(content).decode("ascii")
        kind = KINDS[path.suffix.lower()]
        below = f"<figcaption>{caption}</figcaption>" if caption else ""
        return f'<figure{tall}><img src="data:{kind};base64,{data}" alt="{alt}" loading="lazy">{below}</figure>\n'

    pattern = r'<p><img src="([^"]+)" alt="([^"]*)" /></p>\n(?:<p><em>(.*?)</em></p>\n)?'
    return re.sub(pattern, figure, body, flags=re.DOTALL)
