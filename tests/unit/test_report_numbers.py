"""Numbers of a report: looked up, written, recorded, found again."""

import csv

import pytest

from segsweep.report.number_ledger import Ledger, UnsourcedError, numbers_in, sources_csv
from segsweep.report.sources import Source, SourceFiles
from segsweep.report.value_styles import write
from segsweep.report.verify import against_sources


@pytest.fixture
def results(tmp_path):
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "status", "best_epoch", "epochs", "val/miou"])
        rows.writerows(
            [["a-s0", "finished", 3, 4, 0.81234], ["b-s0", "finished", 4, 4, 0.7], ["c-s0", "diverged", "", 2, ""]]
        )
    (tmp_path / "plan.json").write_text('{"study": {"seeds": [0, 1]}, "cells": [{"settings": {"optimizer.lr": 5e-4}}]}')
    return tmp_path


def test_sources_are_looked_up(results):
    sources = SourceFiles(results)

    def at(*source):
        return sources.lookup(Source(*source))

    assert at("runs.csv", "1", "val/miou") == "0.81234"
    assert at("runs.csv", "3", "val/miou") is None
    assert at("runs.csv", "", "", "count") == 3
    assert at("runs.csv", "status=finished", "", "count") == 2
    assert at("runs.csv", "status=finished,diverged & epochs=4", "", "count") == 2
    assert at("runs.csv", "best_epoch=@epochs", "", "count") == 1
    assert at("runs.csv", "", "val/miou", "count") == 2
    assert at("runs.csv", "", "val/miou", "sum") == pytest.approx(1.51234)
    assert at("runs.csv", "", "val/miou", "mean") == pytest.approx(0.75617)
    assert (at("runs.csv", "", "epochs", "least"), at("runs.csv", "", "epochs", "most")) == (2, 4)
    assert at("runs.csv", "", "status", "distinct") == 2
    assert at("runs.csv", "1 | 2", "val/miou", "difference") == pytest.approx(0.11234)
    assert at("runs.csv", "run=a-s0", "best_epoch | epochs", "ratio") == 0.75
    assert at("runs.csv", "", "val/miou", "name") == "val/miou"
    assert at("plan.json", "", 'cells[0].settings["optimizer.lr"]') == 5e-4
    assert at("plan.json", "", "study.seeds", "count") == 2


@pytest.mark.parametrize(
    "source",
    [
        ("runs.csv", "9", "val/miou"),
        ("runs.csv", "1", "val/dice"),
        ("runs.csv", "status=finished", "val/miou"),
        ("plan.json", "", "study.folds.k"),
        ("plan.json", "", "cells[4]"),
    ],
)
def test_a_missing_value_is_an_error(results, source):
    with pytest.raises(LookupError):
        SourceFiles(results).lookup(Source(*source))


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        ("metric", "0.81236", "0.8124"),
        ("metric", 1e-5, "1e-5"),
        ("metric", 123.45, "123.5"),
        ("metric", None, "–"),
        ("metric", float("nan"), "–"),
        ("signed", 0.01, "+0.0100"),
        ("signed", -0.01, "-0.0100"),
        ("size", -0.01, "0.0100"),
        ("p", 0.0002, "< 0.001"),
        ("p_equals", 0.0312, "= 0.031"),
        ("percent", 0.756, "76%"),
        ("int", "10000", "10,000"),
        ("plural:run", 1, "1 run"),
        ("plural:run", "3", "3 runs"),
        ("duration", 5400, "1 h 30 min"),
        ("megabytes", 2048, "2.0 GB"),
        ("millions", 14_000_000, "14.0 million"),
        ("setting", "0.0005", "5e-4"),
        ("text", "a|b *c* 1", "a\\|b \\*c\\* 1"),
        ("code", "a`b|c", "a'b\\|c"),
    ],
)
def test_styles(style, value, text):
    assert write(style, value) == text


def test_what_counts_as_a_number():
    text = """# Report of 2 runs
resnet18, mAP50, H1 and 4f2a, `lr=5e-4 batch_size=16`; p < 0.001, -0.5 to +1.5, 10,000 at 95% (see `run_3.csv`)
[the 5 best](figures/level_7.png) <img width="30"> <!-- 9 -->
```yaml
epochs: 30
```
"""
    assert [number for _, number in numbers_in(text)] == [
        "2", "4", "5e-4", "16", "0.001", "-0.5", "+1.5", "10,000", "95%", "5"
    ]  # fmt: skip


def build(results):
    ledger = Ledger(results)
    text = (
        f"# {ledger.quote('runs.csv', '', '', 'plural:run', 'count')}\n\n"
        f"Run `{ledger.quote('runs.csv', 1, 'run', 'code')}` has {ledger.quote('runs.csv', 1, 'val/miou', 'metric')}.\n"
    )
    markdown, rows = ledger.finish(text)
    return markdown, sources_csv(rows)


def test_a_report_is_verified(results):
    markdown, sources = build(results)
    assert markdown == "# 3 runs\n\nRun `a-s0` has 0.8123.\n"
    assert against_sources(markdown, sources, results) == []
    rows = list(csv.DictReader(sources.splitlines()))
    assert [(row["line"], row["text"], row["file"], row["row"], row["column"]) for row in rows] == [
        ("1", "3 runs", "runs.csv", "", ""),
        ("3", "a-s0", "runs.csv", "1", "run"),
        ("3", "0.8123", "runs.csv", "1", "val/miou"),
    ]
    assert against_sources(markdown.replace("has", "reaches"), sources, results) == []


def test_an_altered_an_added_and_a_lost_number_are_found(results):
    markdown, sources = build(results)
    altered = against_sources(markdown.replace("0.8123", "0.8321"), sources, results)
    assert len(altered) == 1
    assert "line 3: 0.8321" in altered[0]
    assert "says 0.8123: runs.csv, row 1, val/miou" in altered[0]
    added = against_sources(markdown + "\nIt is 2 times as good.\n", sources, results)
    assert added == ["report.md line 5: 2 has no source"]
    lost = against_sources(markdown.replace(" has 0.8123", ""), sources, results)
    assert lost == ["report.md: 0.8123 is missing, once in line 3"]


def test_a_table_that_changed_is_found(results):
    markdown, sources = build(results)
    path = results / "runs.csv"
    path.write_text(path.read_text().replace("0.81234", "0.9"))
    assert against_sources(markdown, sources, results) == [
        "report.md line 3: 0.8123, but runs.csv, row 1, val/miou says 0.9000"
    ]
    path.unlink()
    assert all("no source any more" in problem for problem in against_sources(markdown, sources, results))


def test_a_typed_number_stops_the_report(results):
    ledger = Ledger(results)
    with pytest.raises(UnsourcedError, match="line 1: 3 in"):
        ledger.finish("All 3 runs finished.")
    with pytest.raises(UnsourcedError, match="12"):
        ledger.finish("1" + ledger.quote("plan.json", "", "study.seeds", "int", "count"))
