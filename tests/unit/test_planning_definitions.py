"""What a module defines and what counts of it: by small sources and hand-made expectations."""

import ast
import hashlib
import textwrap

import pytest

from segsweep.planning.definitions import is_prose, read_module, tree_hash


def module(source):
    return read_module(textwrap.dedent(source), "segsweep.pack.mod", is_package=False)


def hashes(source):
    return {name: one.hash for name, one in module(source).definitions.items()}


def test_definitions_are_functions_classes_and_assignments():
    found = module(
        """
        import os
        A, B = 1, 2
        C: int = 3
        D = {}
        D["key"] = A
        def function(): ...
        class Kind: ...
        print("run at import")
        """
    )
    assert sorted(found.definitions) == ["A", "B", "C", "D", "Kind", "function"]
    assert found.definitions["D"].uses == ["A", "D"]
    assert found.statements.uses == ["print"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a): return a", 'def f(a: "Any") -> int:\n    """Text."""\n    # A comment.\n    return a'),
        ("def f(): x = 1; return x", "def f():\n    x: int = 1\n    return x"),
        ("def f(): raise ValueError('one')", "def f(): raise ValueError(f'another {word(2)}') from None"),
        ("def f(a): g('a text for people')", "def f(a): g(f'{a} is another text, of {h(a)}')"),
        ("def f(a): return a", "def f(a):\n    if a < 0:\n        raise InputError(f'{a} is negative')\n    return a"),
        ("class C:\n    def m(self): return 1", "class C:\n    '''Text.'''\n    def m(self) -> int: return 1"),
        ("def f():\n    def g(): 1", "def f():\n    def g() -> int:\n        'Text.'\n        1"),
    ],
)  # fmt: skip
def test_what_computes_nothing_changes_no_hash(before, after):
    assert hashes(before) == hashes(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a): return a + 1", "def f(a): return a + 2"),
        ("def f(a=1): return a", "def f(a=2): return a"),
        ("def f(): raise ValueError('x')", "def f(): raise TypeError('x')"),
        ("def f(a):\n    if a: raise ValueError\n    return a", "def f(a): return a"),
        ("def f(a):\n    if a: raise InputError\n    else: g()", "def f(a): g()"),
        ("def f(): return einsum('bc hw -> bc')", "def f(): return einsum('bc hw -> hw')"),
        ("def f(a): return g('key')", "def f(a): return g('other_key')"),
        ("def f(a, b): return f'{a} {b}'", "def f(a, b): return f'{b} {a}'"),
        ("class C:\n    a: int = 1", "class C:\n    a: float = 1"),
        ("@g\ndef f(): pass", "@h\ndef f(): pass"),
    ],
)
def test_what_computes_something_changes_the_hash(before, after):
    assert hashes(before).keys() == hashes(after).keys()
    assert hashes(before) != hashes(after)


def test_an_edit_changes_its_own_definition_only():
    before, after = hashes("A = 1\ndef f(): return A"), hashes("A = 2\ndef f(): return A")
    assert (before["A"] != after["A"], before["f"] == after["f"]) == (True, True)


def test_names_that_a_scope_binds_are_not_taken_from_the_module():
    found = module(
        """
        def f(argument, *rest, key=DEFAULT, **more):
            local = helper(argument)
            with opened() as file, other:
                for item in local:
                    item.method()
            def inner(local_too): return local_too, taken
            total = [one for one in local if one]
            return inner, lambda x: x + outside.attribute.deep
        """
    ).definitions["f"]
    assert found.uses == ["DEFAULT", "helper", "opened", "other", "outside.attribute.deep", "taken"]


def test_a_name_bound_in_a_comprehension_is_still_taken_outside_of_it():
    assert module("def f(): return [one for one in items], one").definitions["f"].uses == ["items", "one"]


def test_global_names_count_as_used():
    assert module("def f():\n    global COUNT\n    COUNT = 1").definitions["f"].uses == ["COUNT"]


def test_texts_and_what_is_formatted_into_them_use_nothing():
    found = module("def f(a):\n    raise InputError(nearest(a))\ndef g(a): say(f'{shown(a)} is a text')").definitions
    assert (found["f"].uses, found["g"].uses) == (["InputError"], ["say"])


def test_imports_at_the_top_and_inside():
    found = module(
        """
        import torch
        import torch.nn.functional as F
        from segsweep.losses import focal as loss
        from . import sibling
        from ..other import thing
        if TYPE_CHECKING:
            from segsweep.report import page
        def f():
            from segsweep.data.augmentation import load
            return load
        """
    )
    assert found.imports == {
        "torch": ("torch", ""),
        "F": ("torch.nn.functional", ""),
        "loss": ("segsweep.losses", "focal"),
        "sibling": ("segsweep.pack", "sibling"),
        "thing": ("segsweep.other", "thing"),
    }
    assert found.definitions["f"].imports == {"load": ("segsweep.data.augmentation", "load")}


def test_of_a_class_the_methods_that_check_nothing():
    first, second, third = (
        module(text).methods["Settings"].hash
        for text in (
            "class Settings(Base):\n    a: int = 1\n    def active(self): return self.a",
            "class Settings(Base):\n    a: int = 2\n    @model_validator(mode='after')\n    def _check(self): ...\n"
            "    def active(self): return self.a",
            "class Settings(Base):\n    a: int = 1\n    def active(self): return -self.a",
        )
    )
    assert (first == second, first != third) == (True, True)


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("choose a network", True), ("no `loss.main`, add it", True), ("a, b", False), ("val/miou", False),
        ("bchw,oc -> bohw", False), ("two words -> arrow", False), ("x1 y1", False), ("median_frequency", False),
    ],
)  # fmt: skip
def test_prose(text, prose):
    assert is_prose(text) is prose


def test_everything_survives_json():
    found = module("from a import b\nA = b\nclass C(b.D):\n    def m(self): return A")
    assert type(found).from_json(found.as_json()) == found


def test_a_hash_is_the_same_in_each_python():
    tree = ast.parse("def f():\n    return g()\n")
    of_python_3_11 = (
        "Module(body=[FunctionDef(name='f', args=arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], "
        "defaults=[]), body=[Return(value=Call(func=Name(id='g', ctx=Load()), args=[], keywords=[]))], "
        "decorator_list=[])], type_ignores=[])"
    )
    assert tree_hash(tree) == hashlib.sha256(of_python_3_11.encode()).hexdigest()[:16]
