"""What a function's own statements put into a variable: a list of coroutines that is built up and then handed over."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.terms.context import dotted
from sqla_lint.index.module import Function, blocks
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

Loops = tuple[Pos, ...]


def flows_into(function: Function, name: str) -> Iterator[tuple[n.Expr, Loops]]:
    """The expressions that the local *name* is made of, with the loops that each is in."""
    if name not in function.assigned:
        return
    for body, loops in _blocks(function.node.body, ()):
        for stmt in body:
            yield from ((part, loops) for part in _given(stmt, name))


def _given(stmt: n.Stmt, name: str) -> tuple[n.Expr, ...]:
    """What a statement assigns to *name*, or adds to it."""
    if isinstance(stmt, (n.Assign, n.AnnAssign, n.AugAssign)) and stmt.value is not None:
        targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,)
        if any(isinstance(target, n.Name) and target.id == name for target in targets):
            return stmt.value.items if isinstance(stmt.value, n.Sequence) else (stmt.value,)
    elif isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Call):
        func = stmt.value.func
        if isinstance(func, n.Attribute) and func.attr in ("append", "add", "extend") and dotted(func.value) == name:
            return stmt.value.args
    return ()


def _blocks(body: tuple[n.Stmt, ...], loops: Loops) -> Iterator[tuple[tuple[n.Stmt, ...], Loops]]:
    """The blocks of a function, each with the loops around it."""
    yield body, loops
    for stmt in body:
        inner = (*loops, stmt.pos) if isinstance(stmt, (n.For, n.While)) else loops
        for block in blocks(stmt):
            yield from _blocks(block, inner)
