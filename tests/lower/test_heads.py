"""Where heads of compound statements end."""

from __future__ import annotations

import pytest

from lower.agreement import from_ast, lines_of, positions, statements
from lower.programs import PROGRAMS
from sqla_lint.lower import nodes as n
from sqla_lint.lower.heads import head_end

# The head ends at the mark.
HEADS = [
    "if a:| b",
    "def f():| pass",
    "def f(a: int = {1: 2}, *, b: 'x:y') -> c[1:2]:|\n    pass",
    "def f(\n    a: int,  # a: b\n    b,\n) -> None:|  # c: d\n    pass",
    "def f(a=lambda: 0) -> (lambda x: x):| pass",
    "with lambda: a, lambda b=lambda: c: d:| pass",
    "with a[b:c] as d, f'{e:>{f}}' as g:| pass",
    'with a(\'):\'), b("""\n:\n"""):|\n    pass',
    "with a(f'{b[':']}'), c(rb'\\':'):| pass",
    "with f'{a['b:']:x}', d:| pass",
    "with a \\\n  as b:|\n  pass",
    "while (a := b):| pass",
    "if a := b:| pass",
    "class A(B, metaclass=C):| pass",
    "async with a:| pass",
    "for a in b:|\n  pass",
]


@pytest.mark.parametrize("marked", HEADS)
def test_heads(marked: str) -> None:
    before, _, after = marked.partition("|")
    lines = lines_of("# x\n" + before + after)
    expected = (1 + len(lines_of(before)), len(lines_of(before)[-1]))
    assert head_end(lines, (2, 0, len(lines), 0)) == expected
    assert head_end([line + "\r\n" for line in lines], (2, 0, len(lines), 0)) == expected


def test_a_handler_within_its_try() -> None:
    text = "class A:\n  def f(self):\n    try: a\n    except (B,\n      C) as e: pass\n"
    (try_,) = [item for item in statements(from_ast(text).body) if isinstance(item, n.Try)]
    assert head_end(lines_of(text), try_.handlers[0].pos) == (5, 14)
    assert head_end(lines_of(text), try_.pos) == (3, 8)


def test_a_long_head() -> None:
    lines = ["def f(", *["    a: int,"] * 500, "):", "    pass"]
    assert head_end(lines, (1, 0, len(lines), 8)) == (502, 2)


@pytest.mark.parametrize("text", ["x = 1", "x = {1: 2}\n", "x = lambda: 0", "if a\n", "if 'a"])
def test_no_head(text: str) -> None:
    with pytest.raises(ValueError, match="no head"):
        head_end(lines_of(text), (1, 0, 1, 5))


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_a_head_ends_after_its_parts_and_before_the_body(text: str) -> None:
    lines = lines_of(text)
    for statement in statements(from_ast(text).body):
        if isinstance(statement, (n.FunctionDef, n.With, n.ClassDef, n.If, n.While, n.For)):
            line, column = head_end(lines, statement.pos)
            assert lines[line - 1][column - 1] == ":"
            first = statement.body[0]
            decorators = getattr(first, "decorators", ())
            assert (line, column) <= (decorators[0] if decorators else first).pos[:2]
            assert all(pos[2:] < (line, column) for pos in positions(statement))
