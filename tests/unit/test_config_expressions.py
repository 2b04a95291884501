"""Conditions on settings: what they mean, what is refused, and that nothing else is read."""

import pytest

from segsweep.config.dotted_keys import ABSENT
from segsweep.config.expressions import MOST_CHARACTERS, Condition, ExpressionError, all_hold, checked

SETTING = {
    "batch_size": 16,
    "accumulate": 2,
    "optimizer.lr": 1e-3,
    "model.arch": "unet",
    "deterministic": True,
    "early_stopping": None,
    "data.crop": [64, 96],
    "clip": {"norm": 1.0},
    "max-epochs": 5,
    "zero": 0,
}


def holds(text, setting=SETTING):
    return Condition(text).holds(lambda name: setting.get(name, ABSENT))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch_size * accumulate <= 32", True),
        ("batch_size * accumulate < 32", False),
        ("not (model.arch == 'unet' and optimizer.lr > 1e-3)", True),
        ("model.arch == 'unet' and optimizer.lr > 1e-4", True),
        ("model.arch != 'unet' or optimizer.lr < 1e-4", False),
        ("batch_size in [8, 16]", True),
        ("batch_size not in [8, 16]", False),
        ("'net' in model.arch", True),
        ("1e-4 < optimizer.lr <= 1e-3", True),
        ("1e-4 < optimizer.lr < 1e-3", False),
        ("-batch_size + 20 - 4 == 0", True),
        ("batch_size / 5 == 3.2 and batch_size // 5 == 3 and batch_size % 5 == 1", True),
        ("2 ** accumulate == 4 and accumulate ** 0.5 > 1.4", True),
        ("min(batch_size, 4) == 4 and max([batch_size, 4]) == 16 and abs(-accumulate) == 2", True),
        ("log2(batch_size) == 4 and log10(optimizer.lr) == -3 and sqrt(batch_size) == 4", True),
        ("deterministic", True),
        ("deterministic == true and early_stopping == null", True),
        ("deterministic == True and early_stopping == None", True),
        # 1 and 1.0 are equal, 1 and true are not.
        ("batch_size == 16.0", True),
        ("deterministic == 1", False),
        ("1 in [deterministic]", False),
        ("data.crop == [64, 96]", True),
        ("data.crop == [64, true]", False),
        ("model.arch == 3", False),
        ("key('max-epochs') >= 5", True),
        ("batch_size\n  > 4", True),
    ],
)
def test_what_conditions_mean(text, expected):
    assert holds(text) is expected


def test_a_condition_on_what_a_setting_lacks_counts_as_fulfilled():
    """Wherever it stands."""
    for text in (
        "optimizer.momentum < 0.5",
        "batch_size > 100 and optimizer.momentum < 0.5",
        "not optimizer.momentum > 0",
    ):
        assert holds(text)
    assert not holds("batch_size > 100")


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("batch_size", 1, "it is 16, no condition. Compare it"),
        ("batch_size and deterministic", 1, "`batch_size` is 16, and `and`, `or`, `not` take conditions"),
        ("1 < model.arch", 5, "`model.arch` is 'unet', and a number belongs here"),
        ("early_stopping > 1", 1, "`early_stopping` is null, and a number"),
        ("deterministic + 1 == 2", 1, "`deterministic` is true, and a number"),
        ("'a' * 3 == 'aaa'", 1, "a number belongs here"),
        ("1 < batch_size / zero", 5, "a division by zero (of 16, 0). Keep zero out"),
        ("1 < batch_size % zero", 5, "a division by zero"),
        ("1 < zero ** -1", 5, "a division by zero"),
        ("(-batch_size) ** 0.5 > 1", 1, "no value, or too large"),
        ("batch_size ** 10000 > 1", 1, "no value, or too large"),
        ("9 ** 9 ** 9 > batch_size", 1, "no value, or too large"),
        ("log2(zero) > 1", 1, "no value, or too large"),
        ("clip > 1", 1, "clip is a section. Name a key in it: clip.norm."),
        ("batch_size in 16", 15, "16 is no list. Write `in [16, 32]`"),
    ],
)
def test_what_has_no_value(text, column, said):
    with pytest.raises(ExpressionError) as error:
        holds(text)
    assert said in error.value.problem
    assert error.value.column == column
    assert not all_hold([Condition(text)], lambda name: SETTING.get(name, ABSENT))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch_size <", "invalid syntax"),
        ("", "invalid syntax"),
        ("batch_size = 16", "write == to compare"),
        ("batch_size > 1 && accumulate > 1", "write and, or, not"),
        ("batch_size is 16", "`is` is not part of this language. Write `==`"),
        ("batch_size | 3 == 3", "the language has no bits"),
        ("~batch_size == 3", "Write `not`"),
        ("batch_size == 3j", "3j is no number"),
        ("batch_size == b'a'", "b'a' is no number"),
        ("batch_size < 1e999", "1e999 is too large"),
        ("abs(batch_size, 2) == 2", "abs takes one number, not 2"),
        ("abs() == batch_size", "is no function here. There are abs(...), log10(...)"),
        ("eval('1') == batch_size", "is no function here"),
        ("__import__('os').system('true') == batch_size", "is no function here"),
        ("model.arch.upper() == 'UNET'", "is no function here"),
        ("(lambda: batch_size)() == 1", "is no function here"),
        ("data.crop[0] == 64", "is not part of this language"),
        ("[x for x in data.crop] == 64", "is not part of this language"),
        ("batch_size if deterministic else accumulate", "is not part of this language"),
        ("f'{batch_size}' == '16'", "is not part of this language"),
        ("(batch_size := 3) == 3", "is not part of this language"),
        ("min(*data.crop) == batch_size", "is not part of this language"),
        ("{batch_size: 1} == 1", "is not part of this language"),
        ("'\\d' == model.arch", "invalid escape sequence"),
        ("batch_size\x00 > 1", "source code string cannot contain null bytes"),
        ("1 < 2", "speaks of no key"),
        ("batch_size + " * 90 + "1 < 2", f"more than {MOST_CHARACTERS:,} characters"),
        ("a+" * 120 + "1<2", "parts, and 200 are the most"),
        ("-" * 900 + "batch_size < 1", "parts, and 200 are the most"),
        ("(" * 300 + "batch_size" + ")" * 300 + " < 1", "too many nested parentheses"),
    ],
)
def test_what_is_refused_when_it_is_read(text, said):
    with pytest.raises(ValueError, match="column") as error:
        checked(text)
    assert said in str(error.value)


def test_columns_are_counted_in_characters():
    with pytest.raises(ExpressionError) as error:
        holds("'ääää' == model.arch or batch_size")
    assert error.value.column == len("'ääää' == model.arch or ") + 1
    assert Condition("'ä' != model.arch and accumulate > 1").names == {"model.arch": 8, "accumulate": 23}
