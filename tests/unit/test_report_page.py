"""The page: one file, contents, figures inside, nothing from the network."""

import re

import numpy as np
import pytest
from PIL import Image

from segsweep.report.markdown import image, markdown_table
from segsweep.report.page import anchor, to_html

MARKDOWN = f"""# Weights & *runs* <script>alert(1)</script>

> A note.

## Ranking

{markdown_table(["setting", "score"], [["`a`", "0.9"], ["`b`", "0.8"], ["`c`", "–"]], right=[1])}
{image("figures/level.png", "validation `mIoU` by learning rate. Points are runs")}
### Level

## Ranking

```yaml
lr: 0.001  # <b>
```
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "figures").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / "figures" / "level.png")
    return to_html(MARKDOWN, folder)


def test_the_page_needs_nothing_else(page):
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "@import" not in page
    assert "url(" not in page


def test_headings_have_ids_that_the_contents_name(page):
    assert re.findall(r'href="#([^"]+)"', page) == ["ranking", "level", "ranking-1"]
    assert re.findall(r'<h[23] id="([^"]+)"', page) == ["ranking", "level", "ranking-1"]
    assert anchor("What to try `next`, now") == "what-to-try-next-now"


def test_figures_have_captions_and_tables_a_frame(page):
    assert re.search(r'<figure><img src="data:image/png;base64,[^"]+" alt="validation mIoU by learning rate"', page)
    assert "<figcaption>validation <code>mIoU</code> by learning rate. Points are runs</figcaption>" in page
    assert '<div class="table few"><table>' in page
    assert '<td style="text-align:right">0.9</td>' in page


def test_what_people_write_is_no_markup(page):
    assert "<script>alert" not in page
    assert "# &lt;b&gt;" in page
    assert page.count("<script>") == 1


def test_a_lost_figure_is_an_error(tmp_path):
    with pytest.raises(OSError):
        to_html(MARKDOWN, tmp_path)


@pytest.mark.parametrize(
    ("size", "tall"), [((700, 300), False), ((700, 900), True), ((1000, 680), True), ((300, 300), False)]
)
def test_a_tall_figure_keeps_its_height_in_print(tmp_path, size, tall):
    (tmp_path / "figures").mkdir()
    Image.new("RGB", size).save(tmp_path / "figures" / "level.png")
    assert ('<figure class="tall">' in to_html(MARKDOWN, tmp_path)) == tall


def test_only_small_tables_are_kept_on_one_page(tmp_path):
    for rows, few in ((9, True), (10, False)):
        page = to_html(markdown_table(["a", "b"], [["1", "2"]] * rows), tmp_path)
        assert ('<div class="table few">' in page) == few


def test_a_figure_is_found_whatever_its_name(tmp_path):
    (tmp_path / "figures").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "figures" / "größe & 1.png")
    assert "data:image/png;base64," in to_html("# A\n\n![b](<figures/größe & 1.png>)\n", tmp_path)
