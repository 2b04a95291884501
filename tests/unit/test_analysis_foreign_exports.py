"""Results in the formats that people have: exports of W&B, MLflow and Optuna, Keras logs, spreadsheets, Parquet."""

import datetime

import openpyxl
import optuna
import pandas as pd
import pytest

from segsweep.analysis.import_table import import_table, write
from segsweep.config.study import Study
from segsweep.config.yaml_documents import Document, parse
from segsweep.errors import InputError
from tests import imported_example

MIOU = {"val/miou": "miou"}


def load(folder, text, name="runs.csv", metric="val/miou", minimize=False, **table):
    """Imports a table with this text, or a file that is there already where the text is None."""
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8", newline="")
    table = {"file": name, "axes": {"optimizer.lr": "lr"}, "metrics": MIOU} | table
    return import_table(Study(name="foreign", metric=metric, minimize=minimize, table=table), folder)


def problems(folder, text, **keys):
    """The problems that reading finds."""
    with pytest.raises(InputError) as caught:
        load(folder, text, **keys)
    return caught.value.problems


def settings(imported):
    """Levels of each cell."""
    return [cell.settings for cell in imported.plan.cells]


def test_whole_numbers_with_and_without_a_point_are_one_level(tmp_path):
    imported = load(tmp_path, "lr,seed,miou\n8,0,0.50\n8,1,0.52\n8.0,2,0.60\n16,0,0.4\n", seed="seed")
    assert settings(imported) == [{"optimizer.lr": 8}, {"optimizer.lr": 16}]
    assert [row["seed"] for row in imported.runs if row["optimizer.lr"] == "8"] == [0, 1, 2]
    imported = load(tmp_path, "lr,miou\n1e-3,0.51\n0.001,0.52\n.0010,0.53\n1,0.4\n")
    assert settings(imported) == [{"optimizer.lr": 0.001}, {"optimizer.lr": 1.0}]


def test_truth_values_in_any_spelling_are_one_level(tmp_path):
    imported = load(tmp_path, "lr,miou\nTRUE,0.51\ntrue,0.52\nFalse,0.53\n")
    assert settings(imported) == [{"optimizer.lr": True}, {"optimizer.lr": False}]


def test_words_that_differ_in_capital_letters_alone_are_refused(tmp_path):
    found = problems(tmp_path, "lr,miou\nAdam,0.51\nadam,0.52\nsgd,0.53\n")
    assert len(found) == 1
    assert "'Adam' and 'adam'" in found[0]
    assert "Write them alike" in found[0]


def test_decimal_commas_of_a_german_spreadsheet(tmp_path):
    percent = {"val/miou": {"column": "miou", "unit": "percent"}}
    imported = load(tmp_path, "Name;lr;miou\na;0,001;71\nb;0,01;69\nc;0,1;50\n", metrics=percent)
    assert [cell["optimizer.lr"] for cell in settings(imported)] == [0.001, 0.01, 0.1]
    assert imported.runs[0]["val/miou"] == 0.71
    assert any("decimal commas" in note for note in imported.notes)
    imported = load(tmp_path, 'sep=;\r\nlr;"a, b";miou\r\n0,001;"x, y";0,7125\r\n1;z;0,5\r\n')
    assert [row["val/miou"] for row in imported.runs] == [0.7125, 0.5]
    assert settings(imported)[0] == {"optimizer.lr": 0.001}


def test_doubtful_commas_are_asked_for(tmp_path):
    words = 'lr,miou\n"1,2",0.5\n"2,4",0.6\n'
    found = problems(tmp_path, words)
    assert "runs.csv:2: lr is '1,2': a decimal comma, or a word?" in found[0]
    assert 'decimal: ","' in found[0]
    assert settings(load(tmp_path, words, decimal=".")) == [{"optimizer.lr": "1,2"}, {"optimizer.lr": "2,4"}]
    loss = {"val/loss": {"column": "loss", "unit": "none"}}
    found = problems(tmp_path, "lr;loss\n1;1,234\n2;2,345\n", metric="val/loss", metrics=loss)
    assert "for decimals or for thousands" in found[0]
    imported = load(tmp_path, "lr;loss\n1;1,234\n2;2,345\n", metric="val/loss", metrics=loss, decimal=",")
    assert imported.runs[0]["val/loss"] == 1.234
    assert "scores have decimal points and commas" in problems(tmp_path, "lr;miou\n1;0,5\n2;0.6\n")[0]


def test_semicolons_with_commas_in_quotes(tmp_path):
    imported = load(tmp_path, 'lr;"note, with, commas";miou\n0.1;"x, y";0.5\n0.2;"z";0.6\n')
    assert [row["val/miou"] for row in imported.runs] == [0.5, 0.6]


def test_a_line_break_in_a_quoted_field_is_kept_and_lines_are_still_right(tmp_path):
    imported = load(tmp_path, 'lr,note,miou\n0.1,"two\nlines",0.5\n0.2,"",0.6\nNA,"",0.6\n')
    assert len(imported.runs) == 2
    assert imported.missing[0]["detail"] == "line 5: no lr"
    found = problems(tmp_path, 'lr,miou\n"a\nb",0.5\nab,0.6\n')
    assert "runs.csv:2: lr has a line break" in found[0]


def test_scores_that_are_not_finite_are_diverged_runs(tmp_path):
    lines = ["0.1,finished,0.5", "0.2,finished,NaN", "0.3,finished,Infinity", "0.4,failed,NaN", "0.5,finished,"]
    imported = load(tmp_path, "\n".join(["lr,State,miou", *lines]))
    assert [row["status"] for row in imported.runs] == ["finished", "diverged", "diverged", "failed"]
    assert [row.get("val/miou") for row in imported.runs] == [0.5, None, None, None]
    assert [row["detail"] for row in imported.missing] == ["line 6: no miou"]
    assert any("'State' was read as the status" in note for note in imported.notes)


def test_percent_and_fractions_get_the_right_advice(tmp_path):
    advice = "Write `val/miou: {column: miou, unit: percent}`"
    assert advice in problems(tmp_path, "lr,miou\n0.1,71%\n")[0]
    percent = {"val/miou": {"column": "miou", "unit": "percent"}}
    found = problems(tmp_path, "lr,miou\n0.1,0.71\n0.2,0.69\n", metrics=percent)
    assert "all values of miou lie between 0 and 1" in found[0]
    assert "Write `val/miou: miou`" in found[0]
    assert load(tmp_path, "lr,miou\n0.1,0.7%\n0.2,0.6%\n", metrics=percent).runs[0]["val/miou"] == pytest.approx(0.007)


def test_words_of_the_trackers_become_statuses(tmp_path):
    words = (
        "finished", "crashed", "failed", "killed", "FINISHED", "COMPLETE", "PRUNED", "FAIL", "FAILED", "KILLED",
        "running",
    )  # fmt: skip
    lines = [f"{i / 10},{word},0.5" for i, word in enumerate(words)]
    imported = load(tmp_path, "\n".join(["lr,what,miou", *lines]), status={"column": "what"})
    assert [row["status"] for row in imported.runs] == [
        "finished", "failed", "failed", "failed", "finished", "finished", "pruned", "failed", "failed", "failed",
    ]  # fmt: skip
    assert "'running': it has no result yet" in imported.missing[0]["detail"]
    found = problems(tmp_path, "lr,what,miou\n1,gone,0.5\n", status={"column": "what"})
    assert "Add `gone: STATUS`" in found[0]
    assert "a run that crashed is `failed`" in found[0]
    found = problems(tmp_path, "lr,what,miou\n1,gone,0.5\n", status={"column": "what", "gone": "crashed"})
    assert "'crashed', which is no status" in found[0]
    assert "Did you mean" not in found[0]


def test_a_hyperparameter_that_does_not_apply_is_blank_and_its_runs_count(tmp_path):
    text = "opt,momentum,miou\nsgd,0.8,0.58\nsgd,0.9,0.59\nadam,,0.70\nadam,,0.71\nsgd,,0.2\n"
    axes = {"optimizer.name": "opt", "optimizer.momentum": "momentum"}
    without = text.replace("sgd,,0.2\n", "")
    imported = load(tmp_path, without, axes=axes)
    assert settings(imported)[-1] == {"optimizer.name": "adam"}
    assert [row["optimizer.momentum"] for row in imported.runs] == ["0.8", "0.9", "", ""]
    assert not imported.missing
    assert any("optimizer.momentum does not apply where optimizer.name is adam" in note for note in imported.notes)
    # Blank for some rows of sgd and not for others: a field that is missing, unless the study says otherwise.
    assert [row["detail"] for row in load(tmp_path, text, axes=axes).missing] == [
        f"line {line}: no momentum" for line in (4, 5, 6)
    ]
    assert not load(tmp_path, text, axes=axes, conditional=["optimizer.momentum"]).missing


def test_a_blank_number_of_a_random_search_is_missing(tmp_path):
    """Each learning rate stands once, so each of them seems to decide."""
    text = "lr,momentum,miou\n0.1,0.8,0.58\n0.23,0.9,0.59\n0.31,,0.70\n"
    imported = load(tmp_path, text, axes={"optimizer.lr": "lr", "optimizer.momentum": "momentum"})
    assert [row["detail"] for row in imported.missing] == ["line 4: no momentum"]


def test_rows_in_which_something_undeclared_differs_are_no_seeds(tmp_path):
    text = "aug,lr,dropout,run_name,miou\nnone,0.1,0.1,a,0.51\nnone,0.01,0.1,b,0.52\nheavy,0.1,0.1,c,0.6\n"
    found = problems(tmp_path, text, axes={"data.augmentation": "aug"})
    assert len(found) == 1
    assert "runs.csv:3: lr differs ('0.1', '0.01')" in found[0]
    assert "add `lr: lr` to `axes`" in found[0]
    assert "`ignore: [lr]`" in found[0]
    imported = load(tmp_path, text, axes={"data.augmentation": "aug"}, ignore=["l*"])
    assert [row["run"].split("-")[1] for row in imported.runs] == ["s0", "s1", "s0"]
    both = text.replace("none,0.01,0.1", "none,0.01,0.2")
    found = problems(tmp_path, both, axes={"data.augmentation": "aug"})
    assert [text.split(": ")[1].split(" differs")[0] for text in found[:2]] == ["lr", "dropout"]
    assert "`ignore: ['lr', 'dropout']`" in found[2]
    # Another spelling is no difference; neither is what stands in a run that enters no mean.
    same = "aug,lr,State,miou\nnone,0.10,finished,0.51\nnone,0.1,finished,0.52\nnone,9,failed,\n"
    assert len(load(tmp_path, same, axes={"data.augmentation": "aug"}).runs) == 3


@pytest.mark.parametrize(
    ("column", "advice"),
    [("random_state", "`seed: random_state`"), ("epoch", "`history: epoch`"), ("_step", "history")],
)
def test_the_advice_fits_the_column_that_differs(tmp_path, column, advice):
    found = problems(tmp_path, f"lr,{column},miou\n0.1,1,0.51\n0.1,2,0.52\n0.2,1,0.6\n")
    assert advice in found[0].split(" If it says nothing")[0]


def test_the_same_scores_to_five_digits_are_one_run(tmp_path):
    axes = {"axes": {"optimizer.lr": "lr"}, "metrics": MIOU | {"val/loss": "loss"}}
    text = "lr,name,loss,miou\n0.1,a,0.51,0.712345\n0.1,b,0.51,0.712345\n0.1,c,0.50,0.712345\n0.2,d,0.51,0.712345\n"
    imported = load(tmp_path, text, **axes)
    assert len(imported.runs) == 3
    assert imported.missing[0]["detail"] == "line 3: a copy of line 2, with the same setting and scores"
    assert any("line 3" in note and "copies: keep" in note for note in imported.notes)
    assert len(load(tmp_path, text, copies="keep", **axes).runs) == 4
    # Rounded scores meet by chance: two runs, unless their seeds or ids say that they are one.
    coarse = "lr,seed,miou\n0.1,0,0.71\n0.1,1,0.71\n0.1,1,0.71\n0.2,0,0.71000\n0.2,1,0.71000\n"
    assert len(load(tmp_path, coarse, ignore=["seed"]).runs) == 5
    assert [row["seed"] for row in load(tmp_path, coarse, seed="seed").runs] == [0, 1, 0, 1]
    # Five digits of two seeds meet by chance in a large table, eight do not: then the seed was not used.
    seeds = "lr,seed,loss,miou\n0.1,0,0.51,0.71234\n0.1,1,0.51,0.71234\n"
    assert len(load(tmp_path, seeds, seed="seed", ignore=["loss"]).runs) == 2
    assert len(load(tmp_path, seeds.replace("0.51", "0.512"), seed="seed", **axes).runs) == 1
    assert len(load(tmp_path, "lr,id,miou\n0.1,x1,0.71\n0.1,x1,0.71\n0.1,x2,0.71\n").runs) == 2


def test_a_seed_may_run_again_after_a_crash(tmp_path):
    text = "lr,seed,State,miou\n0.1,0,crashed,\n0.1,0,finished,0.5\n0.1,1,finished,0.6\n"
    imported = load(tmp_path, text, seed="seed")
    assert [(row["seed"], row["status"]) for row in imported.runs] == [(0, "failed"), (0, "finished"), (1, "finished")]
    assert "the same setting and seed 0 as line 3" in problems(tmp_path, text + "0.1,0,finished,0.4\n", seed="seed")[0]


def test_an_export_of_wandb(tmp_path):
    text = (
        '\ufeff"Name","State","Notes","User","Tags","Created","Runtime","Sweep","batch_size","lr","val_miou"\n'
        '"gallant-sweep-1","finished","-","ada","","2026-05-04T10:00:00.000Z","3600","x1","8","0.001","0.7123"\n'
        '"polar-sweep-2","finished","-","ada","","2026-05-04T11:00:00.000Z","3500","x1","8","0.001","0.7011"\n'
        '"swift-sweep-3","crashed","-","ada","","2026-05-04T12:00:00.000Z","12","x1","8","0.01",""\n'
        '"dry-sweep-4","killed","-","ada","","2026-05-04T13:00:00.000Z","900","x1","8","0.01","0.31"\n'
        '"cold-sweep-5","finished","-","ada","","2026-05-04T14:00:00.000Z","3400","x1","8","0.01","NaN"\n'
        '"late-sweep-6","running","-","ada","","2026-05-04T15:00:00.000Z","300","x1","8","0.01","0.2"\n'
    )
    imported = load(tmp_path, text, cell="Name", metrics={"val/miou": "val_miou"})
    assert [(row["run"], row["status"]) for row in imported.runs] == [
        ("gallant-sweep-1", "finished"), ("polar-sweep-2", "finished"), ("swift-sweep-3", "failed"),
        ("dry-sweep-4", "failed"), ("cold-sweep-5", "diverged"),
    ]  # fmt: skip
    assert [row["detail"] for row in imported.runs] == [
        "",
        "",
        "State is crashed",
        "State is killed",
        "val_miou is NaN",
    ]
    assert [row["run"] for row in imported.missing] == ["late-sweep-6"]


def test_an_export_of_mlflow(tmp_path):
    """As `mlflow.search_runs().to_csv()` writes it."""
    text = (
        ",run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.val_miou,metrics.train_loss,params.lr,"
        "params.seed,tags.mlflow.runName\n"
        "0,a1,1,FINISHED,mlflow-artifacts:/1/a1,2026-05-04 10:00:00,2026-05-04 11:00:00,0.71,0.21,0.001,0,big-ox-1\n"
        "1,a2,1,FINISHED,mlflow-artifacts:/1/a2,2026-05-04 10:00:00,2026-05-04 11:00:00,0.72,0.25,0.001,1,big-ox-2\n"
        "2,a3,1,FAILED,mlflow-artifacts:/1/a3,2026-05-04 10:00:00,2026-05-04 10:01:00,,,0.01,0,big-ox-3\n"
        "3,a4,1,KILLED,mlflow-artifacts:/1/a4,2026-05-04 10:00:00,2026-05-04 10:01:00,0.2,0.9,0.01,1,big-ox-4\n"
    )
    keys = {"axes": {"optimizer.lr": "params.lr"}, "metrics": {"val/miou": "metrics.val_miou"}}
    imported = load(tmp_path, text, seed="params.seed", **keys)
    assert [(row["status"], row["seed"]) for row in imported.runs] == [
        ("finished", 0), ("finished", 1), ("failed", 0), ("failed", 1),
    ]  # fmt: skip
    # Without its declaration the seed is a column that differs.
    assert "`seed: params.seed`" in problems(tmp_path, text, **keys)[0]
    # A tag of one's own may name a setting.
    tagged = text.replace("tags.mlflow.runName", "tags.variant")
    assert "tags.variant differs" in problems(tmp_path, tagged, seed="params.seed", **keys)[0]


def test_an_export_of_optuna(tmp_path):
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
        momentum = trial.suggest_float("momentum", 0.5, 0.9) if optimizer == "sgd" else 0.0
        if trial.number == 3:
            raise ValueError
        if trial.number == 4:
            trial.report(0.1, 1)
            raise optuna.TrialPruned
        return 0.5 + 0.1 * momentum + 0.001 * trial.number

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=8, catch=(ValueError,))
    study.trials_dataframe().to_csv(tmp_path / "runs.csv")
    axes = {"optimizer.name": "params_optimizer", "optimizer.momentum": "params_momentum"}
    imported = load(tmp_path, None, axes=axes, metrics={"val/miou": "value"})
    assert [row["status"] for row in imported.runs] == ["finished"] * 3 + ["failed", "pruned"] + ["finished"] * 3
    assert {row["optimizer.name"] for row in imported.runs} == {"sgd", "adam"}
    assert all((row["optimizer.momentum"] == "") == (row["optimizer.name"] == "adam") for row in imported.runs)
    for trial, row in zip(study.trials, imported.runs, strict=True):
        if trial.value is not None:
            assert row["val/miou"] == pytest.approx(trial.value, rel=1e-12)


def test_a_folder_of_keras_logs(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    for lr, seed, scores in (("0.001", 0, (0.3, 0.6, 0.5)), ("0.001", 1, (0.2, 0.4, 0.7)), ("0.01", 0, (0.1, "nan"))):
        lines = [f"{i},{0.9 - 0.1 * i},{score},{1.0 - 0.1 * i}" for i, score in enumerate(scores)]
        (logs / f"lr{lr}_seed{seed}.csv").write_text("\n".join(["epoch,loss,val_miou,val_loss", *lines]) + "\n")
    (logs / "notes.csv").write_text("nothing\n")
    keys = {
        "name": "logs/lr{lr}_seed{seed}.csv", "seed": "seed",
        "metrics": {"val/miou": "val_miou", "train/loss": "loss", "val/loss": "val_loss"},
    }  # fmt: skip
    imported = load(tmp_path, None, history="epoch", **keys)
    first, second, third = imported.runs
    assert (first["val/miou"], first["best_epoch"], first["epochs"], first["status"]) == (0.6, 2, 3, "finished")
    assert (second["val/miou"], second["seed"], second["overfit/gap"]) == (0.7, 1, pytest.approx(0.8 - 0.7))
    assert (third["val/miou"], third["status"], third["optimizer.lr"]) == (0.1, "diverged", "0.01")
    assert third["detail"] == "val_miou not finite in epoch 2"
    assert [row["epoch"] for row in imported.epochs if row["run"] == first["run"]] == [1, 2, 3]
    # Later half of 1.0, 0.9, 0.8, the middle one with it.
    assert first["stability/val_loss_std"] == pytest.approx(0.0707106781)
    write(imported, tmp_path / "out")
    epochs = pd.read_csv(tmp_path / "out" / "epochs.csv")
    assert list(epochs["train/loss"]) == pytest.approx([0.9, 0.8, 0.7, 0.9, 0.8, 0.7, 0.9, 0.8])
    assert "train/loss" not in pd.read_csv(tmp_path / "out" / "runs.csv")
    assert [row["run"] for row in imported.runs] == ["lr0.001_seed0", "lr0.001_seed1", "lr0.01_seed0"]
    # Twenty epochs are not twenty runs.
    assert "`history: epoch`" in problems(tmp_path, None, **keys)[0]
    assert "two placeholders touch" in problems(tmp_path, None, **keys | {"name": "logs/{lr}{seed}.csv"})[0]
    assert "no such file" in problems(tmp_path, None, **keys | {"name": "log/{lr}_{seed}.csv"})[0]


def test_epochs_of_several_runs_in_one_file(tmp_path):
    text = "run,lr,epoch,miou\na,0.1,1,0.5\na,0.1,2,0.6\nb,0.1,1,0.4\nb,0.1,2,0.3\n"
    imported = load(tmp_path, text, history="epoch", cell="run")
    assert [(row["run"], row["val/miou"], row["best_epoch"]) for row in imported.runs] == [("a", 0.6, 2), ("b", 0.4, 1)]
    found = problems(tmp_path, text, history="epoch", ignore=["run"])
    assert "runs.csv:4: epoch 1 again, as in line 2" in found[0]
    assert "`table.seed` or `table.cell`" in found[0]
    lower = load(tmp_path, text, history="epoch", cell="run", minimize=True)
    assert [row["val/miou"] for row in lower.runs] == [0.5, 0.3]


def test_a_learning_rate_that_a_schedule_changes_is_no_axis(tmp_path):
    text = "run,lr,epoch,miou\na,0.1,1,0.5\na,0.05,2,0.6\nb,0.1,1,0.4\nb,0.05,2,0.3\n"
    found = problems(tmp_path, text, history="epoch", cell="run")
    assert "runs.csv:3: lr changes within a run, from '0.1' in line 2" in found[0]
    assert len(found) == 2


def test_rows_of_one_run_without_their_epochs_are_refused(tmp_path):
    text = "run_id,lr,miou\nx1,0.1,0.51\nx1,0.1,0.52\nx2,0.1,0.6\n"
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert "runs.csv:3: run_id 'x1' again, as in line 2" in found[0]
    assert "`table.history`" in found[0]
    # A name may be that of a setting, if the seeds are told apart.
    named = "name,lr,seed,miou\na,0.1,0,0.51\na,0.1,1,0.52\n"
    assert [row["run"] for row in load(tmp_path, named, cell="name", seed="seed").runs] == ["a", "a#2"]
    assert "name 'a' again" in problems(tmp_path, named, cell="name", ignore=["seed"])[0]


def test_a_spreadsheet(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    rows = [
        ["My experiments", None, None], [], ["lr", "date", "miou", "deterministic"],
        [0.001, datetime.date(2026, 5, 4), 0.71, True], [None, None, 0.72, True], [0.01, None, 0.4, False],
    ]  # fmt: skip
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A4:A5")
    book.create_sheet("notes")["A1"] = "lr"
    for row in sheet["C4:C6"]:
        row[0].number_format = "0.0%"
    book.save(tmp_path / "runs.xlsx")
    keys = {"name": "runs.xlsx", "metrics": {"val/miou": {"column": "miou", "unit": "percent"}}}
    imported = load(tmp_path, None, **keys)
    assert settings(imported) == [{"optimizer.lr": 0.001}, {"optimizer.lr": 0.01}]
    assert [row["val/miou"] for row in imported.runs] == pytest.approx([0.71, 0.72, 0.4])
    imported = load(tmp_path, None, **keys, axes={"deterministic": "deterministic"}, ignore=["lr"])
    assert settings(imported) == [{"deterministic": True}, {"deterministic": False}]
    assert "Sheets: Sheet, notes" in problems(tmp_path, None, **keys, sheet="Runs")[0]
    # A percentage of the spreadsheet is percent.
    assert "unit: percent" in problems(tmp_path, None, name="runs.xlsx")[0]
    (tmp_path / "text.xlsx").write_text("lr,miou\n1,0.5\n")
    assert "is no .xlsx file" in problems(tmp_path, None, name="text.xlsx")[0]
    (tmp_path / "old.xls").write_bytes(b"")
    assert "Save it as .xlsx" in problems(tmp_path, None, name="old.xls")[0]


def test_parquet(tmp_path):
    frame = pd.DataFrame({"lr": [8, 8, 16], "miou": [0.5, 0.6, None], "state": ["finished", "finished", "failed"]})
    frame.to_parquet(tmp_path / "runs.parquet")
    imported = load(tmp_path, None, name="runs.parquet")
    assert settings(imported) == [{"optimizer.lr": 8}, {"optimizer.lr": 16}]
    assert [row["status"] for row in imported.runs] == ["finished", "finished", "failed"]
    (tmp_path / "broken.parquet").write_bytes(b"text")
    assert "is no Parquet file" in problems(tmp_path, None, name="broken.parquet")[0]


def test_numbers_of_32_bits_in_parquet_keep_their_own_digits(tmp_path):
    frame = pd.DataFrame({"lr": [0.001, 0.01], "miou": [0.7, None]}, dtype="float32")
    frame.to_parquet(tmp_path / "runs.parquet")
    imported = load(tmp_path, None, name="runs.parquet")
    assert [cell.settings for cell in imported.plan.cells] == [{"optimizer.lr": 0.001}]
    assert imported.runs[0]["val/miou"] == 0.7
    assert imported.missing[0]["detail"] == "line 2: no miou"


def test_column_names_in_two_lines_get_the_right_advice(tmp_path):
    text = ",number,value,params,params,state\n,,,lr,width,\n0,0,0.7,0.1,8,COMPLETE\n1,1,0.6,0.2,8,COMPLETE\n"
    found = problems(tmp_path, text, axes={"optimizer.lr": "params_lr"}, metrics={"val/miou": "value"})
    assert len(found) == 1
    assert "`trials_dataframe(multi_index=False)`" in found[0]


def test_lists_that_differ_in_blanks_alone_are_refused(tmp_path):
    found = problems(tmp_path, 'lr,miou\n"[64, 128]",0.51\n"[64,128]",0.52\n"[32]",0.4\n')
    assert "differ in capital letters or blanks alone. Write them alike." in found[0]


def test_titles_above_the_header_and_semicolons_behind_the_lines(tmp_path):
    imported = load(tmp_path, "My runs;;;;\n;;;;\nlr;miou;;;\n0.1;0.5;;;\n0.2;0.6;;;\n")
    assert [row["val/miou"] for row in imported.runs] == [0.5, 0.6]
    assert "2 fields, but the header has 3" in problems(tmp_path, "lr,a,miou\n0.1,0.5\n")[0]


def test_no_data_set_is_named_that_the_study_does_not_name(tmp_path):
    assert load(tmp_path, "lr,miou\n0.1,0.5\n").plan.dataset is None


def test_the_shipped_example_is_what_its_script_draws(tmp_path):
    assert imported_example.FILE.read_text(encoding="utf-8") == imported_example.text()
    document = Document(imported_example.FILE.with_suffix(".yaml"))
    imported = import_table(parse(Study, document.values, document.location), imported_example.FILE.parent)
    assert len(imported.plan.cells) == 18
    assert [row["status"] for row in imported.runs].count("failed") == 1
    assert [row["status"] for row in imported.runs].count("diverged") == 1
    assert not imported.missing
    best = max((row for row in imported.runs if "val/miou" in row), key=lambda row: row["val/miou"])
    assert (best["optimizer.lr"], best["loss.main"]) == ("1e-3", "ce+dice")
