"""What is refused or asked of a study of results made elsewhere, and how it is said."""

import json
import os
import time

import analyze_study
import build_report
import import_table
import pytest
import yaml

from segsweep.analysis.import_table import import_table as read
from segsweep.analysis.import_table import write
from segsweep.analysis.study_results import open_results
from segsweep.config.load import Request, load
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.planning.planner import open_study

LOSS = {"val/loss": {"column": "loss", "unit": "none"}}
TEXT = "lr,bs,miou\n0.1,8,0.5\n0.1,16,0.6\n0.2,8,0.7\n0.2,16,0.8\n"
BOTH = {"optimizer.lr": "lr", "batch_size": "bs"}


def imported(folder, text=TEXT, study=None, **table):
    """Imports a table with this text (or bytes)."""
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "runs.csv").write_bytes(content)
    table = {"file": "runs.csv", "axes": BOTH, "metrics": {"val/miou": "miou"}} | table
    return read(Study(**{"name": "foreign", "metric": "val/miou", "table": table} | (study or {})), folder)


def problems(folder, text=TEXT, **keys):
    """The problems that importing finds."""
    with pytest.raises(InputError) as caught:
        imported(folder, text, **keys)
    return caught.value.problems


def study_file(folder, **keys):
    """A study file, written key by key."""
    table = {"file": "runs.csv", "axes": BOTH, "metrics": {"val/miou": "miou"} | LOSS}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({"name": "foreign", "metric": "val/miou", "table": table} | keys, sort_keys=False))
    return path


@pytest.mark.parametrize("metric", ["val/loss", "val/loss_seg", "dice_loss", "val/hd95", "val/rmse"])
def test_a_loss_without_its_direction_is_refused(tmp_path, metric):
    keys = {"axes": BOTH, "metrics": {metric: {"column": "miou", "unit": "none"}}}
    found = problems(tmp_path, study={"metric": metric}, **keys)
    assert "lower is better. Write `minimize: true`" in found[0]
    for said in (True, False):
        assert imported(tmp_path, study={"metric": metric, "minimize": said}, **keys).plan.minimize is said


def test_file_and_line_of_a_loss_without_its_direction(tmp_path, capsys):
    (tmp_path / "runs.csv").write_text("lr,bs,miou,loss\n0.1,8,0.5,1.5\n0.2,8,0.6,1.2\n")
    path = study_file(tmp_path, metric="val/loss")
    assert import_table.main(["--study", str(path), "--output", str(tmp_path / "out")]) == 2
    assert f"{path}:2: val/loss is a loss: lower is better. Write `minimize: true`" in capsys.readouterr().err
    with pytest.raises(InputError, match="val/loss is a loss"):
        load(Request(study=str(path)))
    path.write_text(path.read_text() + "minimize: false\n")
    assert import_table.main(["--study", str(path), "--output", str(tmp_path / "out")]) == 0


def test_a_plan_reads_the_table_and_not_again_until_something_changes(tmp_path, monkeypatch):
    (tmp_path / "runs.csv").write_text("lr,bs,miou,loss\n0.1,8,0.5,1.5\n0.2,8,0.6,1.2\n")
    path = study_file(tmp_path, names={"adam": "Adam"})
    monkeypatch.chdir(tmp_path)

    def plan():
        return open_study({"study": str(path)}, plans=True)

    with pytest.raises(InputError, match=r"study\.yaml:\d+: `names` has 'adam', which is no axis"):
        plan()
    study_file(tmp_path, names={"optimizer.lr": "rate"})
    study = plan()
    assert not list(study.folder.glob("*"))
    assert import_table.main(["--study", str(path), "--output", str(study.folder)]) == 0
    later = time.time() + 10
    os.utime(study.plan_file, (later, later))
    monkeypatch.setattr("segsweep.analysis.import_table.import_table", None)  # not called
    plan()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.csv").write_text("lr,bs,miou,loss\n0.1,8,good,1.5\n0.2,8,0.6,1.2\n")
    os.utime(tmp_path / "runs.csv", (later + 10, later + 10))
    with pytest.raises(InputError, match=r"runs\.csv:2: miou is 'good'"):
        plan()


def test_a_trained_study_by_its_loss_says_its_direction(tmp_path):
    path = tmp_path / "study.yaml"
    text = "name: trained\nmetric: val/loss\ntrain: {}\ngrid: {optimizer.lr: [0.1, 0.2]}\n"
    path.write_text(text)
    with pytest.raises(InputError, match=r"study.yaml:2: val/loss is a loss: lower is better"):
        load(Request(study=str(path)))
    path.write_text(text + "minimize: true\n")
    assert load(Request(study=str(path))).study.minimize


@pytest.mark.parametrize(
    ("footer", "column", "line"),
    [
        ("Mean,,0.65\nStd,,0.02\n", "lr", 6),
        (",Sum,0.65\n", "bs", 6),
        ("mean,8,0.65\n", "lr", 6),
        ("x,8,0.1\n", "lr", 6),
    ],
)
def test_rows_below_a_spreadsheet_are_no_settings(tmp_path, footer, column, line):
    found = problems(tmp_path, TEXT + footer)
    assert f"runs.csv:{line}: {column} is {footer.split(',')[column == 'bs']!r}, a word in a column with 4" in found[0]
    assert "delete it" in found[0]
    assert "`table.missing`" in found[0]
    assert len(found) == footer.count("\n")


def test_a_mean_below_words_is_no_setting(tmp_path):
    text = "lr,bs,miou\nadam,8,0.5\nadam,16,0.6\nsgd,8,0.7\nMean,,0.6\n"
    assert "lr is 'Mean', with all other axes blank" in problems(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-03T00:00:00", "a date. Spreadsheets make dates of numbers such as 1.3"),
        ("2026-01-03", "a date"),
        ("1'000", "nothing between thousands"),
        ("0.1", "Write all with the same decimal mark"),
    ],
)
def test_numbers_that_a_spreadsheet_spoilt_are_no_words(tmp_path, text, said):
    rows = f"lr;bs;miou\n{text};8;0,5\n{text};16;0,6\n0,2;8;0,7\n0,2;16;0,8\n"
    (found,) = problems(tmp_path, rows)
    assert f"runs.csv:2: lr is {text!r}, " in found
    assert said in found
    assert found.endswith("write `words: [optimizer.lr]`. So is 1 other row.")
    assert len(imported(tmp_path, rows, words=["optimizer.lr"]).cells) == 4


def test_words_that_are_levels_among_numbers_pass(tmp_path):
    text = "lr,bs,miou\n1,8,0.5\n2,8,0.6\nfull,8,0.7\n1,16,0.5\n2,16,0.6\nfull,16,0.7\n"
    assert {run["optimizer.lr"] for run in imported(tmp_path, text).runs} == {"1", "2", "full"}
    text = "lr,miou\n1,0.5\n2,0.6\nfull,0.7\n"
    keys = {"axes": {"crop": "lr"}}
    assert "`words: [crop]`" in problems(tmp_path, text, **keys)[0]
    assert len(imported(tmp_path, text, words=["crop"], **keys).runs) == 3


def basis(folder, text, **table):
    """What an imported table is judged by, and its notes."""
    one = imported(folder, text, **table)
    write(one, folder / "out")
    results = open_results(folder / "out")
    return results.error_basis, results.adaptive, " ".join(one.notes)


ROWS = "".join(f"{i},{lr},{bs},{0.5 + 0.1 * lr + 0.01 * bs + 0.001 * (i * i % 5)}\n"
               for i, (lr, bs) in enumerate((lr, bs) for lr in (1, 2, 3) for bs in (1, 2, 3)))  # fmt: skip


@pytest.mark.parametrize(
    ("sampler", "follows"), [(None, False), ("random", False), ("grid", False), ("tpe", True), ("bayes", True)]
)
def test_the_lack_of_fit_is_not_used_after_a_sampler_that_follows_scores(tmp_path, sampler, follows):
    found, adaptive, notes = basis(tmp_path, "id,lr,bs,miou\n" + ROWS, sampler=sampler)
    assert (found, adaptive) == ("none" if follows else "lack of fit", follows)
    assert (
        f"Settings were proposed by {sampler}. As trials followed the scores, nothing is judged" in notes
    ) == follows


def test_an_export_of_optuna_is_taken_for_one_that_follows_scores(tmp_path):
    text = "number,params_lr,params_bs,miou\n" + ROWS
    axes = {"optimizer.lr": "params_lr", "batch_size": "params_bs"}
    found, adaptive, notes = basis(tmp_path, text, axes=axes)
    assert (found, adaptive) == ("none", True)
    assert "write `sampler: random`" in notes
    found, adaptive, notes = basis(tmp_path, text, axes=axes, sampler="random")
    assert (found, adaptive) == ("lack of fit", False)
    assert "Optuna" not in notes


def test_sweeps_of_wandb_may_have_followed_the_scores(tmp_path):
    text = "Sweep,lr,bs,miou\nabc,1,8,0.5\nabc,2,16,0.6\n"
    assert "If their method was bayes, write `sampler: bayes`" in " ".join(imported(tmp_path, text).notes)
    assert "W&B" not in " ".join(imported(tmp_path, text, sampler="random").notes)


def test_words_of_a_conditional_axis_are_noted_as_such(tmp_path):
    text = "lr,bs,miou\nsgd,0.9,0.5\nsgd,0.8,0.6\nadam,null,0.7\nadam,null,0.71\n"
    notes = " ".join(imported(tmp_path, text).notes)
    assert "bs is null in 2 rows, read as missing: then the axis does not apply" in notes


@pytest.mark.parametrize("axis", ["cell", "run", "role", "status", "round", "label", "n", "mean", "score", "seed"])
def test_axes_are_not_called_like_our_columns(tmp_path, axis, capsys):
    found = problems(tmp_path, axes={axis: "lr"})
    assert f"an axis cannot be called {axis!r}" in found[0]
    assert f"`my_{axis}: lr`" in found[0]
    (tmp_path / "runs.csv").write_text(TEXT)
    table = {"file": "runs.csv", "axes": {axis: "lr"}, "metrics": {"val/miou": "miou"}}
    path = study_file(tmp_path, table=table)
    assert import_table.main(["--study", str(path), "--output", str(tmp_path / "out")]) == 2
    assert f"{path}:6: an axis cannot be called" in capsys.readouterr().err


def test_axes_are_not_called_like_what_is_measured(tmp_path):
    assert "Rename the key in `axes`: `lr: lr`" in problems(tmp_path, axes={"val/lr": "lr"})[0]
    assert "a metric cannot be called 'n'" in problems(tmp_path, metrics={"val/miou": "miou", "n": "bs"})[0]


@pytest.mark.parametrize(
    ("keys", "pair"),
    [
        ({"axes": BOTH | {"depth": "lr"}}, "`table.axes.optimizer.lr` and `table.axes.depth`"),
        ({"metrics": {"val/miou": "miou", "val/x": "bs"}}, "`table.axes.batch_size` and `table.metrics.val/x`"),
        ({"seed": "bs"}, "`table.axes.batch_size` and `table.seed`"),
        ({"seed": "miou"}, "`table.metrics.val/miou` and `table.seed`"),
    ],
)
def test_a_column_is_one_thing(tmp_path, keys, pair):
    assert f"is both {pair}" in problems(tmp_path, **keys)[0]


@pytest.mark.parametrize("score", ["0,{}1", "0.{}1"])
def test_commas_of_thousands_are_asked_for(tmp_path, score):
    rows = [("1,234", "8"), ("2,345", "8"), ("1,234", "16"), ("2,345", "16")]
    text = "lr;bs;miou\n" + "".join(f"{lr};{bs};{score.format(i)}\n" for i, (lr, bs) in enumerate(rows))
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert "runs.csv:2: lr is '1,234': a comma for decimals or for thousands? Write `decimal: \",\"`" in found[0]
    if "," in score:
        assert [run["optimizer.lr"] for run in imported(tmp_path, text, decimal=",").runs][:2] == ["1.234", "2.345"]
    text = text.replace("1,234", "1,234,567")
    assert "lr is '1,234,567': a comma for" in problems(tmp_path, text)[0]


def test_a_byte_that_no_text_has_is_refused(tmp_path):
    found = problems(tmp_path, TEXT.replace("0.2,8", "0.\0002,8"))
    assert "runs.csv:4: has a NUL byte" in found[0]


def test_levels_called_null_are_counted_and_can_be_kept(tmp_path):
    text = "lr,bs,miou\n1,8,0.5\nnull,8,0.6\nNaN,8,0.7\nnull,16,0.9\nadam,16,0.4\nadam,8,0.3\n"
    one = imported(tmp_path, text, axes=BOTH, words=["optimizer.lr"])
    assert len(one.runs) == 3
    assert "lr is null in 2 rows, read as missing: such a row is left out" in " ".join(one.notes)
    assert "lr is NaN in 1 row, read" in " ".join(one.notes)
    assert "write `missing: []`" in " ".join(one.notes)
    one = imported(tmp_path, text, axes=BOTH, words=["optimizer.lr"], missing=[])
    assert {run["optimizer.lr"] for run in one.runs} == {"1", "null", "NaN", "adam"}
    assert not any("missing" in note for note in one.notes)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"best_in": {"optimizer.lrr": [0.1]}}, "'optimizer.lrr', which is no axis of the table. Did you mean"),
        ({"best_in": {"optimizer.lr": [0.1, 0.3]}}, "names the level '0.3' of optimizer.lr"),
        ({"trend": "increasing", "along": "batchsize"}, "'batchsize', which is no axis of the table. Did you mean"),
        ({"trend": "increasing", "along": "batch_size", "where": {"optimizer.lr": 7}}, "the level '7' of optimizer.lr"),
        ({"best_in": {"optimizer.lr": [0.1]}, "of": "val/mio"}, "is of 'val/mio', which the table does not have. Did"),
    ],
)
def test_claims_speak_of_what_the_table_has(tmp_path, claim, said):
    found = problems(tmp_path, study={"claims": [{"id": "H1", "claim": "It is."} | claim]})
    assert len(found) == 1
    assert "claim H1" in found[0]
    assert said in found[0]
    right = {"id": "H1", "claim": "It is.", "best_in": {"optimizer.lr": ["1e-1"]}, "where": {"batch_size": [8, 16]}}
    assert imported(tmp_path, study={"claims": [right]}).runs


def test_names_name_something_and_tell_it_apart(tmp_path):
    found = problems(tmp_path, study={"names": {"optimizer.lrr": "Learning rate"}})
    assert "`names` has 'optimizer.lrr', which is no axis, metric, class or level" in found[0]
    assert "Did you mean 'optimizer.lr'?" in found[0]
    found = problems(tmp_path, study={"names": {"optimizer.lr": "Rate", "batch_size": "rate"}})
    assert "the axes 'optimizer.lr' and 'batch_size' have one name, 'Rate'" in found[0]
    found = problems(tmp_path, study={"names": {"8": "small", "16": "small"}})
    assert "the levels of batch_size '8' and '16' have one name" in found[0]
    assert imported(tmp_path, study={"names": {"optimizer.lr": "Rate", "val/miou": "IoU", "8": "small"}}).runs


def test_a_problem_of_many_rows_is_said_once(tmp_path):
    text = "lr,bs,miou\n" + "".join(f"{i},8,{60 + i}.5\n" for i in range(12))
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path / 'runs.csv'}:2: miou is '60.5': impossible")
    assert found[0].endswith("So are 11 other rows: line 3, line 4, line 5, line 6, line 7, line 8, line 9, line 10 "
                             "and 3 more.")  # fmt: skip
    found = problems(tmp_path, text, metrics={"val/miou": {"column": "miou", "unit": "none"}})
    assert "write `val/miou: {column: miou, unit: percent}`" in found[0].replace("Write", "write")


def test_seeds_in_words_are_explained(tmp_path):
    text = "lr,bs,s,miou\n1,8,s0,0.5\n1,8,s1,0.6\n2,8,s0,0.7\n"
    found = problems(tmp_path, text, seed="s")
    assert "s is 's0', not a whole number from 0 on" in found[0]
    assert "leave out `seed`" in found[0]
    assert "`ignore: [s]`" in found[0]
    assert len(imported(tmp_path, text, ignore=["s"]).plan.cells) == 2


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_unicode_text_of_a_spreadsheet_is_read(tmp_path, order):
    text = "\ufeff" + TEXT.replace(",", "\t").replace("\n", "\r\n").replace("lr", "größe")
    axes = {"optimizer.lr": "größe", "batch_size": "bs"}
    assert len(imported(tmp_path, text.encode(order), axes=axes).runs) == 4


def test_times_of_wandb_and_the_index_of_pandas_say_nothing(tmp_path):
    text = "lr,bs,Relative Time (Process),Relative Time (Wall),__index_level_0__,miou\n1,8,3,4,0,0.5\n1,8,5,6,1,0.6\n"
    assert len(imported(tmp_path, text).plan.cells) == 1


def test_names_of_axes_make_safe_names_of_files(tmp_path):
    axes = ["../a/b", 'größe "<b>"', "a.b"]
    rows = [[i % 2, i // 2 % 2, i // 4 % 2] for i in range(8)]
    text = "p,q,r,k,miou\n" + "".join(
        f"{','.join(map(str, row))},{seed},{0.5 + 0.1 * row[0] + 0.05 * row[1] * row[2] + 0.01 * seed + 0.003 * i}\n"
        for i, row in enumerate(rows)
        for seed in (0, 1)
    )
    (tmp_path / "runs.csv").write_text(text)
    table = {"file": "runs.csv", "axes": dict(zip(axes, "pqr", strict=True)), "metrics": {"val/miou": "miou"},
             "seed": "k"}  # fmt: skip
    path = study_file(tmp_path, table=table)
    out = tmp_path / "out"
    assert import_table.main(["--study", str(path), "--output", str(out)]) == 0
    assert analyze_study.main(["--results", str(out)]) == 0
    assert build_report.main(["--results", str(out), "--output", str(out)]) == 0
    names = [one.relative_to(out).as_posix() for one in out.rglob("*.png")]
    levels = sorted(name for name in names if "levels_" in name)
    assert levels == [f"figures/levels_{name}.png" for name in ("a_b", "a_b_2", "grosse_b")]
    assert all(name.isascii() and name.count("/") == 1 for name in names)
    assert json.loads((out / "plan.json").read_text())["axes"] == axes
