"""Both front ends on one text, and the first place at which two lowerings differ."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import Unconfirmed, confirm_statement, lower_text
from sqla_lint.lower.from_ast import lower_module

_BLOCKS = ("body", "orelse", "final")


def from_ast(text: str) -> n.Module:
    """What the ``ast`` front end makes of *text*."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    return lower_module(tree, None if text.isascii() else [line.encode() for line in lines_of(text)])


def lines_of(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)


def difference(left: Any, right: Any) -> str | None:
    """Where two values differ, types included (a named tuple equals any tuple of the same items); None if nowhere."""
    pairs = [(left, right, "")]
    while pairs:
        one, other, path = pairs.pop()
        if type(one) is type(other) and isinstance(one, tuple) and len(one) == len(other):
            names = getattr(one, "_fields", range(len(one)))
            below = [(a, b, f"{path}.{name}") for name, a, b in zip(names, one, other, strict=True)]
            pairs += reversed(below)
        elif type(one) is not type(other) or one != other:
            return f"{path}: {one!r:.200} is not {other!r:.200}"
    return None


def disagreement(text: str) -> str | None:
    """Where libcst's lowering of the whole of *text* differs from ``ast``'s."""
    return difference(from_ast(text), lower_text(text))


def statements(block: tuple[n.Stmt, ...]) -> Iterator[n.Stmt]:
    """The statements of *block*, those inside them included."""
    for statement in block:
        yield statement
        for name in _BLOCKS:
            yield from statements(getattr(statement, name, ()))
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from statements(part.body)


def positions(statement: n.Stmt) -> list[n.Pos]:
    """Where the expressions in the head of a compound statement stand."""
    assert isinstance(statement, tuple)  # as every kind is
    parts: list[Any] = list(statement[1:])
    return [part.pos for part in parts if hasattr(part, "pos")]


def unconfirmed(text: str, kinds: tuple[type, ...]) -> list[str]:
    """Of the statements of *kinds* in *text*: what libcst, given each alone, does not confirm."""
    lines = lines_of(text)
    module = from_ast(text)
    found: list[str] = []
    for statement in statements(module.body):
        if isinstance(statement, kinds):
            confirmed = confirm_statement(lines, statement, module.bounds)
            if isinstance(confirmed, Unconfirmed):
                found.append(f"line {statement.pos[0]}: {confirmed.reason}")
            elif difference(statement, confirmed):
                found.append(f"line {statement.pos[0]}: {difference(statement, confirmed)}")
    return found
