"""What decides, within one round of a loop, about a call in it: conditions, counters, handlers, a batch before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.loops.rounds import Loop, words_of
from sqla_lint.flow.solver import errors
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.state import Cursor, Raised, State
from sqla_lint.index.module import Function, own_nodes, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

_COUNTS = frozenset({"count", "counter", "size", "pending", "processed", "index", "idx", "step", "limit"})
_SENDS = api.WRITES | api.EXECUTES


def depends(loop: Loop, pos: Pos, places: frozenset[Pos], guards: tuple[Guard, ...]) -> bool:
    """Whether the call at *pos* runs in some rounds only, or for a batch of rows that the round has written.

    A ``continue`` that filters rows does not make it so, nor do branches that all have one of *places*.
    """
    if not isinstance(loop.node, n.For):
        return any(not guard.left for guard in guards)
    inside = {s.test.pos for s in statements(loop.node.body) if isinstance(s, n.If)}
    if any(not g.left and g.test is not None and g.test.pos not in inside for g in guards):
        return True
    targets = [s.target for s in statements(loop.node.body) if isinstance(s, n.AugAssign)]
    counters = {target.id for target in targets if isinstance(target, n.Name)}
    if any(g.left and g.test is not None and _counts(g.test, counters) for g in guards):
        return True
    return not _reaches(loop.node.body, pos, places) or _wrote_many(loop.node.body, pos)


def _counts(test: n.Expr, counters: set[str]) -> bool:
    """Whether a condition looks at a counter, a length or a remainder."""
    for part in own_nodes(test):
        if isinstance(part, n.BinOp) and part.op == "%" or isinstance(part, n.Call) and _called(part) == "len":
            return True
        if isinstance(part, n.Name) and (part.id in counters or words_of(part.id) & _COUNTS):
            return True
    return False


def _called(call: n.Call) -> str:
    return n.last_part(call.func)


def _holds(stmt: n.Stmt, pos: Pos) -> bool:
    return stmt.pos[:2] <= pos[:2] and pos[2:] <= stmt.pos[2:]


def _reaches(body: tuple[n.Stmt, ...], pos: Pos, places: frozenset[Pos]) -> bool:
    """Whether every round that gets to the end of *body* passes the call at *pos*, or another of *places* instead."""
    stmt = next((s for s in body if _holds(s, pos)), None)
    if isinstance(stmt, n.If):
        branch = stmt.body if any(_holds(s, pos) for s in stmt.body) else stmt.orelse
        inner = any(_holds(s, pos) for s in branch)
        return not inner or (_always(stmt, places) and _reaches(branch, pos, places))
    if isinstance(stmt, n.With):
        return not any(_holds(s, pos) for s in stmt.body) or _reaches(stmt.body, pos, places)
    if isinstance(stmt, n.Try):
        parts = [part for part in (stmt.body, stmt.orelse, stmt.final) if any(_holds(s, pos) for s in part)]
        return any(_reaches(part, pos, places) for part in parts)
    if isinstance(stmt, (n.For, n.While)):
        return not any(_holds(s, pos) for s in stmt.body)
    return stmt is not None and not isinstance(stmt, n.Match)


def _always(stmt: n.Stmt, places: frozenset[Pos]) -> bool:
    """Whether *stmt* runs one of *places* on every way through it that goes on."""
    if isinstance(stmt, n.If):
        return bool(stmt.orelse) and all(_block_always(part, places) for part in (stmt.body, stmt.orelse))
    if isinstance(stmt, (n.With, n.Try)):
        return _block_always(stmt.body, places)
    if isinstance(stmt, (n.For, n.While, n.Match, n.FunctionDef, n.ClassDef)):
        return False
    return any(_holds(stmt, place) for place in places)


def _block_always(body: tuple[n.Stmt, ...], places: frozenset[Pos]) -> bool:
    last = body[-1] if body else None
    leaves = isinstance(last, (n.Return, n.Raise)) or (isinstance(last, n.Jump) and last.kind != "pass")
    return leaves or any(_always(stmt, places) for stmt in body)


# --- batches ---------------------------------------------------------------------------------------------------------


def _wrote_many(body: tuple[n.Stmt, ...], pos: Pos) -> bool:
    """Whether a round writes a batch of rows before the call at *pos*."""
    return any(_is_batch(stmt) for stmt in statements(body) if stmt.pos[:2] < pos[:2] and not _holds(stmt, pos))


def writes_many(function: Function) -> bool:
    """Whether a function writes many rows at once: what calls it in a loop commits a batch in each round."""
    return any(_is_batch(stmt) for stmt in statements(function.node.body))


def _is_batch(stmt: n.Stmt) -> bool:
    if isinstance(stmt, n.For):
        names = {e.id for e in own_nodes(stmt.target) if isinstance(e, n.Name)}
        return any(_writes(inner, names) for inner in statements(stmt.body))
    return isinstance(stmt, n.ExprStmt) and any(
        isinstance(e, n.Call)
        and _called(e) in api.WRITES_MANY
        and bool(e.args)
        and not isinstance(e.args[0], n.Sequence)
        for e in own_nodes(stmt.value)
    )


def _writes(stmt: n.Stmt, names: set[str]) -> bool:
    """Whether a statement of an inner loop sends something, or changes what the loop draws."""
    if isinstance(stmt, n.ExprStmt):
        return any(isinstance(e, n.Call) and _called(e) in _SENDS for e in own_nodes(stmt.value))
    if isinstance(stmt, (n.Assign, n.AugAssign)):
        targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,)
        return any(isinstance(t, n.Attribute) and getattr(t.value, "id", "") in names for t in targets)
    return False


# --- handlers --------------------------------------------------------------------------------------------------------


def is_isolated(loop: Loop, pos: Pos, cleanups: frozenset[Pos], function: Function, world: World) -> bool:
    """Whether each round takes care of its own failure at *pos*: with one of *cleanups*, or by going on without."""
    for types, body in _handlers_around(loop, pos):
        if any(_holds(stmt, place) for stmt in body for place in cleanups):
            return True
        if _catches_database(types, function, world) and not any(isinstance(stmt, n.Raise) for stmt in body):
            return True
    return False


_NOTHING: n.Expr = n.Sequence((0, 0, 0, 0), "tuple", ())


def _handlers_around(loop: Loop, pos: Pos) -> list[tuple[n.Expr | None, tuple[n.Stmt, ...]]]:
    """What catches in the loop what is raised at *pos*: the classes, and what is done then."""
    found: list[tuple[n.Expr | None, tuple[n.Stmt, ...]]] = []
    for stmt in statements(loop.node.body) if isinstance(loop.node, n.For) else ():
        if isinstance(stmt, n.Try) and any(_holds(s, pos) for s in (*stmt.body, *stmt.orelse)):
            guarded = any(_holds(s, pos) for s in stmt.body)
            found += [(handler.type, handler.body) for handler in stmt.handlers if guarded]
            found.append((_NOTHING, stmt.final))
        elif isinstance(stmt, n.With) and any(_holds(s, pos) for s in stmt.body):
            calls = [item.context for item in stmt.items if isinstance(item.context, n.Call)]
            found += [(n.Sequence(c.pos, "tuple", c.args), ()) for c in calls if _called(c) == "suppress"]
    return found


def _catches_database(types: n.Expr | None, function: Function, world: World) -> bool:
    ctx = world.static_context(function.path, function)
    named = errors.handler_types(ctx, Cursor(State({}, {}), None), types)
    return errors.catches(Raised("database"), named) is not False
