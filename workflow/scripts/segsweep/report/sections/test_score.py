"""The chosen models on the test split, stated apart, and how often that split was looked at."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.planning.results_files import TEST_LOOKS
from segsweep.report.markdown import blocks, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

TEST = "test.json"
FEW = 20  # images or groups, of which a percentile interval covers less than it says


class TestScore(Section):
    """The chosen models on the test split, stated apart, and how often that split was looked at."""

    title: ClassVar[str] = "Test score"
    order: ClassVar[int] = 95


def write(results: QuotedResults) -> str:
    """If models were to be scored on the test split, or somebody looked at it otherwise."""
    looked = (results.folder / TEST_LOOKS).is_file()
    asked = (results.folder / TEST).is_file()
    scored = _scores if len(results.table("test")) > 0 else _notes
    return blocks(scored(results) if asked else "", _looks(results) if looked else "")


def _scores(results: QuotedResults) -> str:
    table = results.table("test")
    score = results.ledger.value(TEST, column="metric")
    rows = [
        [
            _setting(results, str(row["cell"]), i),
            f"`{table.quote(i, 'run', 'code')}`",
            f"`{table.quote(i, 'trained_on', 'code')}`",
            table.quote(i, "epoch", "int"),
            table.quote(i, "own", "metric"),
            table.quote(i, score, "metric"),
            results.interval("test", i, "low", "high") or "–",
        ]
        for i, row in table.frame.iterrows()
    ]
    head = ["Setting", "Run", "Trained on", "Epoch", "Validation", results.metric_name(score), "Interval"]
    images = results.ledger.quote(TEST, "", "images", "plural:image")
    said = paragraph(
        f"The models below were scored on {images} of the test split after the choice of epochs, settings and runs; "
        "segsweep chose without these scores.",
        _retrained(results),
        results.explain("validation_beside_test") if table.frame["own"].notna().any() else None,
        results.explain("scored_by_themselves") if len(rows) > 1 else None,
        _intervals(results),
    )
    rest = "All scores are in `test.csv`, those of each image in `test_images.csv`.\n"
    return blocks(said, markdown_table(head, rows, right=range(3, len(head))), _notes(results), rest)


def _setting(results: QuotedResults, cell: str, row: int) -> str:
    ranked = results.table("ranking").first(cell=cell)
    return (
        results.quote_code("ranking", ranked, "label")
        if ranked is not None
        else results.quote_code("test", row, "cell")
    )


def _retrained(results: QuotedResults) -> str | None:
    """If the models were trained for this."""
    if results.ledger.value(TEST, column="retrain") == "none":
        return None
    return (
        "They are runs of their own, on the training and validation images together, for as many epochs as validation "
        "chose for the runs that they stand for. No validation score of them is known, and their last epoch counts."
    )


def _intervals(results: QuotedResults) -> str:
    table = results.table("test")
    if table.frame["low"].isna().all():
        return "There is no interval: the images are too few, or the score is no function of sums over images."
    draws, drawn = results.ledger.quote(TEST, "", "draws", "int"), int(table.frame["drawn"].first_valid_index())
    units = table.quote(drawn, "drawn", "int")
    whole = "" if table.frame.at[drawn, "drawn"] == table.frame.at[drawn, "images"] else ", which stay whole"
    what = "groups of images" if whole else "images"
    return (
        f"The interval is that of {draws} bootstrap draws of {units} {what}{whole}. It speaks of other images like "
        "these and of these very models, not of other seeds."
        + (" " + results.explain("few_images") if table.frame.at[drawn, "drawn"] < FEW else "")
    )


def _notes(results: QuotedResults) -> str:
    notes = results.ledger.value(TEST, column="notes")
    return paragraph(*(results.ledger.quote(TEST, "", f"notes[{i}]", "sentence") for i in range(len(notes))))


def _looks(results: QuotedResults) -> str:
    """How often the test split was looked at, and how."""
    looks = results.ledger.value(TEST_LOOKS, column="looks")

    def of(i: int, key: str, style: str = "code") -> str:
        return results.ledger.quote(TEST_LOOKS, "", f"looks[{i}].{key}", style)

    rows = [
        [
            of(i, "first", "text"),
            f"`{of(i, 'by')}`",
            f"`{of(i, 'of')}`",
            ", ".join(f"`{of(i, f'runs[{j}]')}`" for j in range(len(look["runs"]))),
            f"`{of(i, 'metric')}`",
            of(i, "how", "text") if look["how"] else "–",
        ]
        for i, look in enumerate(looks)
    ]
    count = results.ledger.quote(TEST_LOOKS, "", "looks", "int", "count")
    said = paragraph(
        f"Different looks at the test split in this study so far: {count}. A rerun of the same models is no new one; "
        "looks of other studies, a smoke test among them, are counted by those, and looks of other programs by nobody.",
        results.explain("several_looks") if len(looks) > 1 else None,
    )
    return blocks(said, markdown_table(["First", "By", "Of", "Runs", "Metric", "How"], rows))
