"""The libcst front end gives what the ``ast`` front end gives, on programs written to tell them apart."""

from __future__ import annotations

import sys

import libcst as cst
import pytest

from lower.agreement import difference, disagreement, from_ast, unconfirmed
from lower.programs import DEEP, PROGRAMS
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import lower_text
from sqla_lint.lower.cst_cursor import TextMismatch
from sqla_lint.lower.from_cst import lower_module, lower_statement


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_both_front_ends_agree(text: str) -> None:
    assert disagreement(text) is None


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_line_ends_as_written_change_nothing(text: str) -> None:
    windows = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert difference(from_ast(windows), lower_module(cst.parse_module(windows), windows)) is None


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_the_same_statements_are_too_deep(text: str) -> None:
    expected = from_ast(text)
    assert difference(expected, lower_module(cst.parse_module(text), text)) is None


def test_deep_programs_have_bounds() -> None:
    assert {name for name, text in DEEP.items() if not from_ast(text).bounds} == {
        "calls",
        "slice under 177",
        "slice in a tuple under 176",
        "tuple under 176",
        "starred under 176",
    }


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is newer")
def test_except_star() -> None:
    assert disagreement("try: a\nexcept* A as e: b;\nexcept *(B, C): c\n") is None
    assert disagreement("a[*b]; a[*b, c]\ndef f(*a: *b): pass") is None


NEWER = {
    "type parameters": "def f[T: int, *Ts, **P](a: T): pass\nclass A[T](B[T]): x = 1\ntype X[T] = list[T]; type = 1",
    "reused quotes": "f'{a['b']}' f\"{f\"{c}\"}\"; f'{'\\n'.join(a)}'",
    "comments in f-strings": "f'''{\na # c }'\n}'''; f'{a\n}'; f'{a:{b:{c}}}'",
    "bare tuples in f-strings": "f'{a, b}'; f'{*a,}'; f'{ a, (b, c) !r}'",
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="ast reads it from 3.12 on")
@pytest.mark.parametrize("text", NEWER.values(), ids=NEWER)
def test_syntax_of_3_12(text: str) -> None:
    assert disagreement(text) is None
    assert unconfirmed(text, (tuple,)) == []


@pytest.mark.parametrize("text", NEWER.values(), ids=NEWER)
def test_newer_syntax_is_read_on_any_interpreter(text: str) -> None:
    assert isinstance(lower_text(text), n.Module)


def test_template_strings_are_opaque() -> None:
    assert lower_text("x = t'{a!r:{b}}'") == n.Module(
        (n.Assign((1, 0, 1, 16), (n.Name((1, 0, 1, 1), "x"),), n.Opaque((1, 4, 1, 16))),), ()
    )


def test_one_statement_of_a_tree() -> None:
    text = "# c\nx = 1\nclass A:\n    def f(self):\n        return g(a)\n"
    outer = cst.parse_module(text).body[1]
    assert isinstance(outer, cst.ClassDef)
    expected = from_ast(text).body[1]
    assert isinstance(expected, n.ClassDef)
    assert lower_statement(outer, text, text.index("class")).body == (expected,)
    cut = text.index("class A:\n") + len("class A:\n")
    inner = lower_statement(outer.body.body[0], text[cut:], first_line=4)
    assert difference(inner.body, expected.body) is None


@pytest.mark.parametrize("other", ["a.c", "a . b + 1", "(a.b", "a # b", ""])
def test_another_text_is_refused_or_lowered_otherwise(other: str) -> None:
    tree = cst.parse_module("a.b")
    try:
        lowered = lower_module(tree, other)
    except TextMismatch:
        return
    assert lowered != from_ast("a.b")


def test_differences_are_seen() -> None:
    """The comparison that the other tests rest on can fail."""
    assert difference(from_ast("a.b"), from_ast("a.c")) is not None
    assert difference(from_ast("a.b"), from_ast(" # \na.b")) is not None
    assert difference(from_ast("x = 1"), from_ast("x = True")) is not None
    assert difference(n.Await((1, 0, 1, 1), n.Opaque((1, 0, 1, 1))), n.Starred((1, 0, 1, 1), n.Opaque((1, 0, 1, 1))))
