"""A statement cut out of its file and read by libcst alone is what ``ast`` made of it, at the file's positions."""

from __future__ import annotations

import pytest

from lower.agreement import difference, from_ast, lines_of, statements, unconfirmed
from lower.programs import DEEP, PROGRAMS
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import MAX_NESTING, Unconfirmed, confirm_function, confirm_statement, lower_text
from sqla_lint.lower.scan import nesting


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_every_statement_is_confirmed(text: str) -> None:
    # An ``elif`` is no statement of its own.
    assert [line for line in unconfirmed(text, (tuple,)) if "elif" not in text] == []


def _function(text: str) -> tuple[list[str], n.FunctionDef]:
    found = [item for item in statements(from_ast(text).body) if isinstance(item, n.FunctionDef)]
    return lines_of(text), found[-1]


def test_lines_may_have_their_ends() -> None:
    text = "x\r\nclass A:\r\n    @d\r\n    def f(self):\r\n        return '''a\r\n'''\r\n"
    lines, function = _function(text)
    assert confirm_function(text.splitlines(keepends=True), function) == confirm_function(lines, function) == function


def test_a_changed_text_is_not_confirmed() -> None:
    lines, function = _function("def f(a):\n    return a.b\n")
    changed = confirm_function([lines[0], "    return a.c"], function)
    assert isinstance(changed, n.FunctionDef)
    assert difference(function, changed) == ".body.0.value.attr: 'b' is not 'c'"


def test_what_libcst_cannot_parse_has_a_reason() -> None:
    lines, function = _function("def f(a):\n    return a\n")
    unparsed = confirm_function([lines[0], "    return ="], function)
    assert isinstance(unparsed, Unconfirmed)
    assert unparsed.reason.startswith("libcst cannot parse it: ")
    assert isinstance(confirm_function([lines[0], "    return 'a"], function), Unconfirmed)
    assert isinstance(confirm_function(["x = 1   ", "        "], function), Unconfirmed)


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_bounds_keep_a_statement_from_libcst(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = from_ast(text)
    for statement in statements(module.body):
        inside = any(statement.pos[:2] <= b[:2] and b[2:] <= statement.pos[2:] for b in module.bounds)
        confirmed = confirm_statement(lines_of(text), statement, module.bounds)
        assert isinstance(confirmed, Unconfirmed) == inside


FLAT = {
    "operands": "x = " + " and ".join(["a"] * 20_000),
    "pieces": "x = (" + "\n".join(["'a'"] * 20_000) + ")",
    "parentheses": "x = " + "(" * 20_000 + ")" * 20_000,
    "attributes": "x = " + "a." * 20_000 + "b",
    "signs": "x = " + "-" * 20_000 + "b",
    "conditions": "x = " + "a if b else " * 20_000 + "b",
    "lambdas": "x = " + "lambda: " * 20_000 + "b",
    "elif": "if a: b\n" + "elif a: b\n" * 20_000,
    "in an f-string": "x = f'{" + "a." * 20_000 + "b}'",
}


@pytest.mark.parametrize("text", FLAT.values(), ids=FLAT)
def test_what_would_end_the_process_is_not_given_to_libcst(text: str) -> None:
    assert isinstance(lower_text(text), Unconfirmed)


def test_nesting_is_not_a_matter_of_length() -> None:
    rows = "x = [\n" + "    a.b(c[d], 'e', f=g + 1),\n" * 5_000 + "]\n" + "if a: b\nelif c: d\n" * 500
    assert nesting(rows) < 12
    assert nesting("x = " + "a." * MAX_NESTING + "b") == MAX_NESTING
