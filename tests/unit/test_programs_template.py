"""Templates of command lines: placeholders, conditions, quotes of the shell."""

import shlex
import subprocess

import pytest

from segsweep.config.dotted_keys import flat
from segsweep.programs.template import complete, complete_parameters, fill, fill_parameters
from segsweep.programs.template_syntax import TemplateError, names, parse

COMMAND = "python train.py --lr {optimizer.lr} --out {out} {resume:--resume {out}/last.pt} --seed {seed}"


def words(line: str) -> list[str]:
    """As the shell splits a line."""
    done = subprocess.run(["/bin/sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_planning_fills_in_what_it_knows_and_the_job_the_rest():
    planned = fill(COMMAND, {"optimizer.lr": 1e-3, "seed": 4}, shell=True)
    assert planned == "python train.py --lr 0.001 --out {out} {resume:--resume {out}/last.pt} --seed 4"
    first = complete(planned, {"out": "/tmp/a b", "resume": False}, shell=True)
    assert first == "python train.py --lr 0.001 --out '/tmp/a b'  --seed 4"
    resumed = complete(planned, {"out": "/tmp/a b", "resume": True}, shell=True)
    assert shlex.split(resumed)[4:8] == ["--out", "/tmp/a b", "--resume", "/tmp/a b/last.pt"]


def test_names_of_nested_placeholders_are_found():
    assert list(names(COMMAND)) == ["optimizer.lr", "out", "resume", "seed"]
    assert list(names("{config:json} {config}")) == ["config:json", "config"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-3, "0.001"), (16, "16"), (1e-5, "1e-05"), (True, "true"), (None, "null"), ("adam", "adam"),
        ([64, 128], "64 128"), ({"a": 1}, "'{\"a\": 1}'"), ("", "''"),
    ],
)  # fmt: skip
def test_values_are_written_as_programs_read_them(value, text):
    assert complete(fill("{x}", {"x": value}, shell=True), {}, shell=True) == text


@pytest.mark.parametrize("value", ["a b", "it's", 'say "x"', "$HOME", "`ls`", "a;b", "back\\slash", "*", "{{x}}"])
@pytest.mark.parametrize("template", ["{x}", "'{x}'", '"{x}"', "--name={x}", "'a '{x}\" b\""])
def test_a_value_stays_one_word_whatever_stands_around_it(value, template):
    line = complete(fill(template, {"x": value}, shell=True), {}, shell=True)
    plain = value.replace("{{", "{").replace("}}", "}")
    around = {"--name={x}": "--name=%s", "'a '{x}\" b\"": "a %s b"}.get(template, "%s")
    assert words(line) == [around % plain]
    # And so does what the job fills in.
    assert words(complete(fill(template.replace("{x}", "{out}"), {}, shell=True), {"out": plain}, shell=True)) == [
        around % plain
    ]


def test_a_text_is_there_where_its_value_is_true():
    template = "train{augment: --augment}{name: --name {name}}{zero: --zero {zero}}"
    assert (
        fill(template, {"augment": True, "name": "x y", "zero": 0}, shell=True)
        == "train --augment --name 'x y' --zero 0"
    )
    assert fill(template, {"augment": False, "name": None, "zero": False}) == "train"


def test_braces_are_written_twice_and_survive_both_halves():
    planned = fill("echo '{{\"lr\": {lr}}}' ${{HOME}} {out}", {"lr": 0.1}, shell=True)
    assert planned == "echo '{{\"lr\": 0.1}}' ${{HOME}} {out}"
    assert complete(planned, {"out": "o"}, shell=True) == "echo '{\"lr\": 0.1}' ${HOME} o"


def test_strings_among_the_parameters_are_templates_too():
    parameters = {"optimizer": {"lr": 0.1}, "name": "lr{optimizer.lr}-{seed}", "dirs": ["{out}/{name}"], "none": {}}
    filled = fill_parameters(parameters, {"seed": 3})
    assert filled == {"optimizer": {"lr": 0.1}, "name": "lr0.1-3", "dirs": ["{out}/lr0.1-3"], "none": {}}
    planned = fill("--dirs {dirs} --name {name}", flat(filled), shell=True)
    assert complete(planned, {"out": "/a b"}, shell=True) == "--dirs '/a b'/lr0.1-3 --name lr0.1-3"
    with pytest.raises(TemplateError, match="the parameter a stands for itself: a -> b -> a"):
        fill_parameters({"a": "{b}", "b": "{a}"}, {})


def test_a_parameter_that_is_one_placeholder_is_of_its_type():
    parameters = {"seed_everything": "{seed}", "trainer": {"max_epochs": "{until}"}, "layers": "{n}", "n": [1, 2]}
    filled = fill_parameters(parameters, {"seed": 3})
    assert filled["seed_everything"] == 3
    assert filled["layers"] == [1, 2]
    assert complete_parameters(filled, {"until": 2})["trainer"] == {"max_epochs": 2}
    assert complete_parameters({"text": "{{x}} {out}"}, {"out": "o"}) == {"text": "{x} o"}


def test_several_words_are_quoted_one_by_one():
    assert complete("{overrides}", {"overrides": ["a.b=1", "name=x y"]}, shell=True) == "a.b=1 'name=x y'"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("run ${OUT} x", r"`\$\{OUT\}`: a variable of the shell is written `\$\{\{OUT\}\}`"),
        ("run {out", "the brace is not closed"),
        ("run out}", "a `}` without a `{`"),
        ("run {a b}", "'a b' is no name of a parameter. A brace that is none of a placeholder is written twice"),
        ("run '{\"a\": 1}'", "is no name of a parameter"),
        ("run {}", "'' is no name"),
        ("run {lr:.4f}", "values have no formats"),
        ("run {seed:03d}", "values have no formats"),
        ("run {config:toml}", r"write `\{config\}` or `\{config:json\}`"),
        ("run {resume:{{x}}}", "a brace cannot stand in the text"),
    ],
)
def test_what_cannot_be_read_is_said_with_a_remedy(template, said):
    with pytest.raises(TemplateError, match=said):
        parse(template)


def test_a_name_without_a_value_is_refused():
    with pytest.raises(TemplateError, match=r"`\{lr\}` has no value"):
        fill("{lr} {out}", {})
    with pytest.raises(TemplateError, match="has a brace, which cannot stand there"):
        fill("{resume:--x {x}}", {"x": "{{a}}"})
