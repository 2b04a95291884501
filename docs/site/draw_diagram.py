"""Draw the diagram of docs/architecture.md as docs/site/flow.svg, after it was changed.

Needs chromium, and mermaid.min.js of the npm package mermaid: `npm pack mermaid@11`, then unpack the archive.
"""

import argparse
import hashlib
import html
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parents[1]
PAGE = """<body><pre class="mermaid">{diagram}</pre><script src="{library}"></script><script>
mermaid.initialize({{theme: "neutral", deterministicIds: true, htmlLabels: false, flowchart: {{htmlLabels: false}}}})
</script></body>"""


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path, help="mermaid.min.js")
    parser.add_argument("--browser", default="chromium")
    arguments = parser.parse_args(argv)
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    (diagram,) = re.findall(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    digest = hashlib.sha256(diagram.encode()).hexdigest()
    svg = draw(diagram, arguments.library.resolve(), arguments.browser)
    (DOCS / "site" / "flow.svg").write_text(f"<!-- {digest} -->\n{svg}\n", encoding="utf-8")
    return 0


def draw(diagram: str, library: Path, browser: str) -> str:
    """The SVG that mermaid makes of a diagram."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as page:
        page.write(PAGE.format(diagram=html.escape(diagram), library=library.as_uri()))
        page.flush()
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"file://{page.name}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    svg = re.search(r"<svg.*</svg>", done.stdout, re.DOTALL)[0]
    return svg.replace("<br>", "<br/>")


if __name__ == "__main__":
    sys.exit(main())
