"""The documentation as a site: it is built, asks nothing of a network, and shows what the repository's pages show."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import markdown
import pytest
import yaml
from markdown_it import MarkdownIt
from mkdocs.exceptions import PluginError

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "site"))

import pages

ROOT = Path(__file__).parents[2]
EXTENSIONS = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["markdown_extensions"]
SOURCES = [*pages.OUTSIDE, *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video)\b[^>]*?\bsrc=["']?(?P<a>[^"'\s>]+)|<link\b[^>]*?\bhref=["']?(?P<b>[^"'\s>]+)"""
)
COUNTED = ("h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "tr", "td", "pre", "code", "a", "em", "strong")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` does; what mkdocs warns of ends it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_each_page_is_there(site):
    assert {pages.page_of(source) for source in SOURCES} == {
        f"{path.stem}.md" for path in site.glob("*.html") if path.stem != "404"
    }


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = {one["a"] or one["b"] for path in site.glob("*.html") for one in LOADED.finditer(path.read_text())}
    assert {"site/iframe-worker.js", "site/narrow.css", "site/flow.svg"} <= loaded
    assert [one for one in loaded if re.match(r"\w+:|//", one)] == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]*", styles) == []
    assert not any('class="mermaid"' in path.read_text() for path in site.glob("*.html"))  # drawn by a script from afar


def test_what_stands_in_angle_brackets_is_text(site):
    """A name that is written as `<name>` outside of code is an element, and shows nothing."""
    articles = {
        path.name: path.read_text().partition("<article")[2].partition("</article>")[0] for path in site.glob("*.html")
    }
    found = {(name, tag) for name, text in articles.items() for tag in re.findall(r"<(\w+)[^<>]*>", text)}
    allowed = {
        *COUNTED,
        "p",
        "thead",
        "tbody",
        "th",
        "div",
        "span",
        "button",
        "svg",
        "path",
        "img",
        "nav",
        "aside",
        "form",
    }
    assert sorted(one for one in found if one[1] not in allowed) == []


def rendered(html: str) -> Counter:
    """How often a page has each kind of element."""
    return Counter(tag for tag in re.findall(r"<(\w+)[\s>]", html) if tag in COUNTED)


@pytest.mark.parametrize("source", SOURCES)
def test_a_page_has_the_structure_that_the_repository_shows(source):
    """Python-Markdown and CommonMark differ where a list is indented by two, or begins below a line of text."""
    text = pages.site_text((ROOT / source).read_text(encoding="utf-8"), source)
    names = [next(iter(one)) if isinstance(one, dict) else one for one in EXTENSIONS]
    here = markdown.markdown(text, extensions=[one for one in names if one not in ("toc", "pymdownx.highlight")])
    there = MarkdownIt("commonmark").enable("table").render(text)
    assert rendered(here) == rendered(there)


def test_links_that_lead_nowhere_and_a_changed_diagram_are_refused():
    with pytest.raises(PluginError, match=r"docs/a\.md: the link to 'missing\.md' leads to docs/missing\.md"):
        pages.site_text("[one](missing.md)", "docs/a.md")
    with pytest.raises(PluginError, match="Draw it again"):
        pages.site_text("```mermaid\nflowchart TD\n```", "docs/a.md")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[settings.md](settings.md#study)", "[All settings](settings.md#study)"),
        ("`docs/data.md`, docs/none.md", "[Data](data.md), docs/none.md"),
        ("[demo](../config/studies/demo.yaml)", "[demo](files/config/studies/demo.yaml)"),
        ("[a guide](../CONTRIBUTING.md#a-model)", "[a guide](contributing.md#a-model)"),
        ("`see docs/data.md`, [x](#y)", "`see docs/data.md`, [x](#y)"),
    ],
)
def test_links_are_those_of_the_site(text, shown):
    assert pages.site_text(text, "docs/a.md") == shown
