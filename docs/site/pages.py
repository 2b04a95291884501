"""What the site shows otherwise than the repository: pages from outside of docs/, links, the one diagram.

A hook of mkdocs. In the repository a page may name another one by its path (`docs/data.md`) and link to any file; here
the one becomes a link with the other's title, and the files that are linked to are part of the site.
"""

import hashlib
import os
import re
from functools import cache
from itertools import cycle
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
DIAGRAM = "site/flow.svg"
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "config/README.md": "configuration.md",
    "data/README.md": "datasets.md",
}
CODE = re.compile(r"^ *```.*?^ *```$|(?<!`)`[^`]+`(?!`)", re.MULTILINE | re.DOTALL)
MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
NAMED = re.compile(r"\[([\w/]+\.md)\](?=\()")  # a link whose text is the path of the page
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
MENTION = re.compile(r"(?<![\w/\[(])(?:docs/\w+\.md|(?:config/|data/)README\.md|CONTRIBUTING\.md|CHANGELOG\.md)")


def on_files(files, config):
    """Add the pages from outside of docs/, and the files that pages link to."""
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    for path in sorted({one for page in files.documentation_pages() for one in linked_files(page)}):
        files.append(File.generated(config, f"files/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """The text of a page with links as they are on the site."""
    return site_text(markdown, source_of(page.file.src_uri))


def on_page_content(html, page, config, files):
    """Each cell of a table knows its column, which narrow screens show beside it (narrow.css)."""
    return TABLE.sub(lambda table: with_columns(table[0]), html)


def with_columns(table: str) -> str:
    """A table whose cells have `data-column`, the text of their column's head."""
    heads = [re.sub("<[^>]+>", "", head) for head in re.findall(r"<th\b[^>]*>(.*?)</th>", table, re.DOTALL)]
    columns = cycle(heads)
    return re.sub(r"<td\b", lambda _: f'<td data-column="{next(columns)}"', table)


def site_text(markdown: str, source: str) -> str:
    """The text of the file `source` of the repository, as it stands on the site.

    Raises:
        PluginError: a link leads to no file, or the diagram was changed and not drawn again.
    """
    parts, end = [], 0
    for code in CODE.finditer(markdown):
        parts += [linked(markdown[end : code.start()], source), shown_code(code[0], source)]
        end = code.end()
    return "".join([*parts, linked(markdown[end:], source)])


def linked(text: str, source: str) -> str:
    """Text without code: its links, and the paths of pages that it names."""
    text = NAMED.sub(lambda link: f"[{title(link[1])}]", text)
    text = LINK.sub(lambda link: f"]({target(link[1], source)}", text)
    return MENTION.sub(lambda mention: mention_as_link(mention[0]), text)


def shown_code(code: str, source: str) -> str:
    """A block or a piece of code: the diagram as an image, the path of a page as a link, all else as it is."""
    if diagram := MERMAID.fullmatch(code):
        return f"![From a study file to its report]({drawn(diagram[1], source)})"
    return mention_as_link(code[1:-1]) if MENTION.fullmatch(code[1:-1]) else code


def mention_as_link(path: str) -> str:
    """`docs/data.md` as a link with the title of that page; as it is where there is no such page."""
    return f"[{title(path)}]({page_of(path)})" if (ROOT / path).is_file() else path


@cache
def title(path: str) -> str:
    """The first heading of a page, by its path or by its name in docs/."""
    path = path if (ROOT / path).is_file() else f"docs/{path}"
    return re.search("^# (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)[1]


def target(link: str, source: str) -> str:
    """Where a link of a file of the repository leads on the site."""
    path = os.path.normpath(f"{Path(source).parent}/{link}")
    if not (ROOT / path).is_file():
        raise PluginError(f"{source}: the link to {link!r} leads to {path}, which is no file of the project.")
    return page_of(path)


def page_of(path: str) -> str:
    """A file of the repository on the site."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"


def source_of(page: str) -> str:
    """The file of the repository that a page is made of."""
    return next((path for path, other in OUTSIDE.items() if other == page), f"docs/{page}")


def linked_files(page: File) -> list[str]:
    """Files outside of docs/ that a page links to, and that are no pages."""
    source = source_of(page.src_uri)
    links = LINK.findall(CODE.sub("", page.content_string))
    return [one.removeprefix("files/") for one in (target(link, source) for link in links) if one.startswith("files/")]


def drawn(diagram: str, source: str) -> str:
    """The image of a diagram, which was drawn from this very text."""
    digest = hashlib.sha256(diagram.encode()).hexdigest()
    if digest not in (ROOT / "docs" / DIAGRAM).read_text(encoding="utf-8"):
        raise PluginError(
            f"{source}: the diagram is not the one that docs/{DIAGRAM} shows. Draw it again: docs/site/draw_diagram.py"
        )
    return DIAGRAM
