"""Tables of results made elsewhere, and what their studies say of them."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.faults.answers import ACCEPTED
from tests.faults.cases import STUDY, Case
from tests.faults.strays import Stray

FILE = "config/studies/runs.csv"
TEXT = (
    "lr,opt,seed,miou,loss\n0.1,sgd,0,0.50,1.0\n0.1,sgd,1,0.52,1.1\n0.2,sgd,0,0.60,0.9\n0.2,sgd,1,0.61,0.8\n"
    "0.1,adam,0,0.55,0.9\n0.1,adam,1,0.54,0.8\n0.2,adam,0,0.70,0.7\n0.2,adam,1,0.69,0.7\n"
)
TABLE = {
    "file": "runs.csv",
    "axes": {"optimizer.lr": "lr", "optimizer.name": "opt"},
    "metrics": {"val/miou": "miou", "val/loss": {"column": "loss", "unit": "none"}},
    "seed": "seed",
}
GOOD = {"name": "little", "metric": "val/miou"}


def table_cases() -> Iterator[Case]:
    """All of them."""
    yield _case("nothing", expected=ACCEPTED)
    yield from _names_and_claims()
    yield from _keys()
    yield from _texts()


def _names_and_claims() -> Iterator[Case]:
    line = "little.yaml:"
    for name, (keys, *says) in {
        "a name of nothing": ({"names": {"nosuch": "x"}}, "'nosuch'"),
        "a misspelt axis": ({"names": {"optimizer.lrr": "x"}}, "optimizer.lr"),
        "a level that no row has": ({"names": {"rmsprop": "x"}}, "'rmsprop'"),
        "a number that no row has": ({"names": {"0.3": "x"}}, "'0.3'"),
        "a metric that is none": ({"names": {"val/dice": "x"}}, "'val/dice'"),
        "two names wrong": ({"names": {"a": "x", "b": "y"}}, "'a'", "'b'"),
        "one name of two levels": ({"names": {"sgd": "one", "adam": "one"}}, "'one'"),
        "one name of two axes": ({"names": {"optimizer.lr": "one", "optimizer.name": "one"}}, "'one'"),
    }.items():
        yield _case(name, keys, says=(line, *says))
    for name, (claim, *says) in {
        "a level that no row has": ({"best_in": {"optimizer.name": ["rmsprop"]}}, "'rmsprop'"),
        "a misspelt level": ({"best_in": {"optimizer.name": ["adm"]}}, "adam"),
        "a number that no row has": ({"best_in": {"optimizer.lr": [0.3]}}, "'0.3'"),
        "an axis that is none": ({"best_in": {"batch_size": [8]}}, "'batch_size'"),
        "an axis by its column": ({"best_in": {"lr": [0.1]}}, "'lr'"),
        "a spread of no level": ({"least_spread": {"optimizer.name": "rmsprop"}}, "'rmsprop'"),
        "where no row is": ({"best_in": {"optimizer.name": ["sgd"]}, "where": {"optimizer.lr": 3}}, "'3'"),
        "a column that is none": (
            {"best_in": {"optimizer.name": ["sgd"]}, "of": "val/dice"},
            "'val/dice'",
        ),
    }.items():
        yield _case(f"a claim: {name}", {"claims": [{"id": "C1", "claim": "It is so."} | claim]}, says=(line, *says))
    good = {"id": "C1", "claim": "It is so.", "best_in": {"optimizer.name": ["adam"]}}
    yield _case("a claim twice", {"claims": [good, good]}, says=("C1",))
    yield _case("a claim that can be judged", {"claims": [good]}, expected=ACCEPTED)
    yield _case(
        "names of axes, levels, metrics",
        {"names": {"optimizer.lr": "rate", "0.10": "one tenth", "adam": "Adam", "miou": "IoU"}},
        expected=ACCEPTED,
    )


def _keys() -> Iterator[Case]:
    metrics = TABLE["metrics"]
    for name, (keys, *says) in {
        "a column that is none": ({"axes": {"optimizer.lr": "rate"}}, "'rate'"),
        "a misspelt column": ({"axes": {"optimizer.name": "optt"}}, "opt"),
        "a metric's column that is none": ({"metrics": metrics | {"val/dice": "dice"}}, "'dice'"),
        "a seed's column that is none": ({"seed": "sed"}, "'sed'"),
        "an axis called as a column of ours": ({"axes": {"status": "opt"}}, "'status'"),
        "an axis called as a measure": ({"axes": {"val/opt": "opt"}}, "'val/opt'"),
        "one column twice": ({"axes": {"optimizer.lr": "lr", "rate": "lr"}}, "'lr'"),
        "conditional of no axis": ({"conditional": ["nosuch"]}, "'nosuch'"),
        "words of no axis": ({"words": ["nosuch"]}, "'nosuch'"),
        "a status that is none": ({"status": {"column": "opt", "sgd": "done"}}, "'done'"),
        "words of a status without a column": ({"status": {"ok": "finished"}}, "column"),
        "epochs and history": ({"epochs": "seed", "history": "seed"}, "history"),
        "a file that is not there": ({"file": "nosuch.csv"}, "nosuch.csv"),
        "a pattern that no file meets": ({"file": "runs_{part}.csv"}, "runs_"),
        "two placeholders that touch": ({"file": "{a}{b}.csv"}, "placeholders"),
        "a kind of file that is not read": ({"file": "runs.json"}, "runs.json"),
        "percent of fractions": ({"metrics": {"val/miou": {"column": "miou", "unit": "percent"}}}, "percent"),
        "a unit that is none": ({"metrics": {"val/miou": {"column": "miou", "unit": "permille"}}}, "permille"),
        "no axes": ({"axes": {}}, "axes"),
        "no metrics": ({"metrics": {}}, "metrics"),
        "a misspelt key": ({"sede": "seed"}, "sede"),
        "a delimiter of two characters": ({"delimiter": ";;"}, "delimiter"),
        "a decimal mark that is none": ({"decimal": ";"}, "decimal"),
        "a sampler that is none": ({"sampler": "tpee"}, "tpe"),
    }.items():
        yield _case(f"the key table: {name}", table=keys, says=says)
    yield _case("a metric that the table lacks", {"metric": "val/dice"}, says=("val/dice",))
    yield _case("a loss without its direction", {"metric": "val/loss"}, says=("minimize",))
    yield _case("a smoke test", config={"smoke": True}, says=("smoke",))


def _texts() -> Iterator[Case]:
    lines = TEXT.splitlines()
    for name, (text, *says) in {
        "no rows": ("lr,opt,seed,miou,loss\n", "no rows"),
        "nothing": ("", "no rows"),
        "blank lines": ("\n\n\n", "no rows"),
        "a column twice": (TEXT.replace("loss", "miou", 1), "twice"),
        "a field too many": (TEXT.replace("sgd,0,", "sgd,0,0,", 1), ":2:", "6 fields"),
        "a field too few": (TEXT.replace("sgd,0,", "0,", 1), ":2:", "4 fields"),
        "a score that is a word": (TEXT.replace("0.50", "good"), ":2:", "'good'"),
        "a score beyond the range": (TEXT.replace("0.50", "50"), ":2:", "'50'"),
        "a negative score": (TEXT.replace("0.50", "-0.5"), ":2:", "'-0.5'"),
        "a decimal comma among points": (TEXT.replace("0.50", '"0,50"'), ":2:", "decimal"),
        "a seed that is none": (TEXT.replace("sgd,0,", "sgd,first,", 1), ":2:", "'first'"),
        "a seed twice": (TEXT.replace("sgd,1,", "sgd,0,", 1), ":3:", "seed"),
        "half a seed": (TEXT.replace("sgd,0,", "sgd,0.5,", 1), ":2:", "'0.5'"),
        "capitals": (TEXT.replace("sgd", "SGD", 1), "SGD", "alike"),
        "a row of means": (TEXT + "Mean,,,0.6,0.9\n", "Mean"),
        "a line break in a level": (TEXT.replace("sgd", '"s\ngd"', 1), "line break"),
        "a quote that is not closed": (TEXT.replace("sgd", '"sgd', 1), "runs.csv"),
        "no score anywhere": ("\n".join([lines[0], *(f"0.1,sgd,{i},," for i in range(3))]), "score"),
        "a NUL": (TEXT.replace("0.50", "0.\0"), ":2:", "NUL"),
        "no UTF-8": (TEXT.encode() + b"\xff", "UTF-8"),
        "half of UTF-16": (TEXT.encode("utf-16")[:-1], "UTF-16"),
        "an archive": (b"PK\3\4" + bytes(range(256)), "runs.csv"),
        "a field without end": (TEXT + '"' + "x" * 200_000, "runs.csv"),
    }.items():
        yield _case(f"the file: {name}", text=text, says=says)
    for stray in Stray:
        yield _case(f"the file: {stray}", text=stray, says=("runs.csv",))
    for end in ("xlsx", "parquet"):
        contents = {"nothing": b"", "text": TEXT, "an archive": b"PK\3\4" + bytes(64), "a pipe": Stray.PIPE}
        for name, content in contents.items():
            files = {f"config/studies/runs.{end}": content}
            yield _case(f"{end}: {name}", table={"file": f"runs.{end}"}, files=files, says=(f"runs.{end}",))
    for name, text in {
        "semicolons": TEXT.replace(",", ";"),
        "semicolons and decimal commas": TEXT.replace(",", ";").replace(".", ","),
        "tabs": TEXT.replace(",", "\t"),
        "sep= of Excel": "sep=,\n" + TEXT,
        "a title": f"Results of March\n\n{TEXT}",
        "a mark of UTF-8": b"\xef\xbb\xbf" + TEXT.encode(),
        "UTF-16": TEXT.encode("utf-16"),
        "lines of Windows": TEXT.replace("\n", "\r\n"),
        "blanks around fields": TEXT.replace(",", " , "),
        "a row without a score": TEXT.replace("0.50", "", 1),
        "a score that is not finite": TEXT.replace("0.50", "nan", 1),
    }.items():
        yield _case(f"the file: {name}", text=text, expected=ACCEPTED)


def _case(
    name: str,
    keys: dict[str, Any] | None = None,
    *,
    table: dict[str, Any] | None = None,
    text: str | bytes | Stray = TEXT,
    files: dict[str, Any] | None = None,
    **answer: Any,
) -> Case:
    study = GOOD | {"table": TABLE | (table or {})} | (keys or {})
    files = {STUDY: yaml.safe_dump(study), FILE: text} | (files or {})
    return Case("tables of results made elsewhere", name, files, **{key: _as_it_is(one) for key, one in answer.items()})


def _as_it_is(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
