"""Slow calls: which sessions have a transaction open while the function waits for something else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from sqla_lint import slow_calls
from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import members, substitute
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Waited
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.summary import Summary, Wait
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Literal, Outside, Parameter
from sqla_lint.index.module import Function, blocks, own_nodes, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# How many calls deep a slow call is looked for in functions that have nothing to do with sessions.
_MAX_CALLS = 5
# Ways to wait that are told apart in a summary.
_MAX_WAITS = 4
# Names that any function may have: to call one says nothing.
_ANY = api.STATEMENTS | api.WRITES | api.COMMITS | api.CLOSES | api.ORDINARY | {
    "run", "main", "create", "update", "delete", "post", "put", "patch", "send", "request", "open", "start", "stop",
    "call", "get", "head", "save", "load", "list", "all", "filter", "first", "read", "write", "wait", "process",
    "__init__", "__call__", "__enter__", "__exit__", "client",
}  # fmt: skip
_ENDED = frozenset({"commit", "rollback", "close"})
_RUNS_STATEMENTS = api.STATEMENTS | {"query", "session", "select", "begin", "all", "first", "one", "db"}


def note(ctx: Context, cur: Cursor, wait: Wait, shared: frozenset[Sid], via: bool, pos: Pos) -> None:
    """The function waits at *pos*: every session whose transaction is open there is kept waiting.

    Args:
        shared: sessions that the callee answers for itself: it ended their transaction first, or is reported.
        via: whether the wait is a function's of the project, called at *pos*.
    """
    if ctx.static or ctx.aside:
        return
    told: set[Sid] = set()
    for sid, state in cur.sessions.items():
        if state.ended & _ENDED or state.active:
            told.add(sid)
        # Where an error was swallowed, the transaction is not what waits: it failed, which is told at the handler.
        if state.active and sid not in shared and not (state.failure is not None and state.failure.is_swallowed):
            first = state.waited or pos
            after = state.ended & (_ENDED | {"may-commit"})
            ctx.emit(Waited(sid, pos, first, wait.what, (wait.path, wait.pos) if via else None, after))
            cur.sessions[sid] = state._replace(waited=first)
    if len(ctx.waits) < _MAX_WAITS:
        ctx.waits[wait._replace(told=frozenset(told), under=conditions.parameter_guards(ctx))] = None


def outside(
    ctx: Context, cur: Cursor, func: Outside, args: list[Value], kwargs: dict[str, Value], pos: Pos, node: n.Call | None
) -> Value | None:
    """A call of something outside the project: None if it is not slow, else what it gives."""
    has_arguments = bool(args or kwargs)
    if not slow_calls.is_slow(func.name, func.called, has_arguments, ctx.world.settings.slow_calls):
        return None
    if not (func.name.endswith(".sleep") and node is not None and _is_zero(node)):
        wait = Wait(func.name, pos, ctx.path, seconds=_seconds(func, args[0] if args else UNKNOWN))
        note(ctx, cur, wait, frozenset(), False, pos)
    # What a connection gives may be asked to wait again; of an answer nothing is known.
    return Outside(func.name, True) if func.name.rpartition(".")[2][:1].isupper() else UNKNOWN


def _seconds(func: Outside, given: Value) -> str | None:
    """The parameter that says for how long a ``sleep`` waits."""
    is_given = func.name.endswith(".sleep") and isinstance(given, Parameter) and not given.steps
    return given.name if is_given and isinstance(given, Parameter) else None


def _is_zero(call: n.Call) -> bool:
    given = [*call.args, *(k.value for k in call.keywords)]
    return bool(given) and isinstance(given[0], n.Constant) and str(given[0].value) in ("0", "0.0")


def project(ctx: Context, cur: Cursor, function: Function, summary: Summary, bound: dict[str, Value], pos: Pos) -> None:
    """A call of a function of the project that waits, itself or through others."""
    if ctx.static or _is_answered_by_cache(ctx.world, function):
        return
    world = ctx.world
    if slow_calls.is_configured(world.dotted(function), world.settings.slow_calls):
        note(ctx, cur, Wait(function.node.name, pos, ctx.path), frozenset(), False, pos)
        return
    waits = summary.waits
    if not waits and not world.is_relevant(function) and function.words & world.slowness.words:
        found = world.slowness.of(function)
        waits = (found,) if found is not None else ()
    outcomes: dict[n.Expr, bool | None] = {}
    for wait in waits:
        seconds = bound.get(wait.seconds, UNKNOWN) if wait.seconds is not None else UNKNOWN
        if seconds == Literal(0, "int") or conditions.is_ruled_out(ctx, wait.under, bound, outcomes):
            continue
        told = (substitute.resolve_sid(ctx, sid, bound) for sid in wait.told)
        passed_on = seconds.name if isinstance(seconds, Parameter) and not seconds.steps else None
        note(ctx, cur, wait._replace(seconds=passed_on), frozenset(sid for sid in told if sid is not None), True, pos)


def _is_answered_by_cache(world: World, function: Function) -> bool:
    """What a cache answers is waited for once."""
    return world.roles.is_cached(function) or members.has_decorator(function, "cached", "memoize")


def handed(ctx: Context, cur: Cursor, value: Value, pos: Pos) -> None:
    """A callable that runs elsewhere while the function waits for it (``await to_thread(requests.get, url)``)."""
    if isinstance(value, Outside):
        if slow_calls.is_slow(value.name, value.called, True, ctx.world.settings.slow_calls):
            note(ctx, cur, Wait(value.name, pos, ctx.path), frozenset(), False, pos)
    elif isinstance(value, FunctionValue):
        project(ctx, cur, value.function, ctx.world.summary(value.function), {}, pos)


class Slowness:
    """Which functions that have nothing to do with sessions wait: read off their calls, without following the order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._known: dict[Function, Wait | None] = {}
        self._busy: set[Function] = set()
        self._running: dict[str, frozenset[str]] = {}

    @cached_property
    def words(self) -> frozenset[str]:
        """Words by which a function's text shows that it may wait: the libraries, what is made of them, and the
        functions that use either.
        """
        configured = {part for name in self.world.settings.slow_calls for part in name.split(".")[-2:]}
        names = set(slow_calls.WORDS | configured)
        for module in self.world.project.modules.values():
            if module.words & names:
                names |= {name for name, bound in module.bindings.items() if self._is_made(bound[-1], names)}
        for _ in range(3):
            found = {f.node.name for f in self.world.project.functions if f.words & names}
            names |= found - _ANY
        return frozenset(names)

    @staticmethod
    def _is_made(stmt: object, names: set[str]) -> bool:
        value = getattr(stmt, "value", None)
        return isinstance(value, n.Call) and any(
            (part.id if isinstance(part, n.Name) else getattr(part, "attr", "")) in names for part in walk(value)
        )

    def may_hold_up(self, function: Function) -> bool:
        """Whether the function speaks of waiting, and of statements (or of functions of its file that run some)."""
        words = function.body_words
        return bool(words & self.words) and bool(words & (_RUNS_STATEMENTS | self._runners(function.path)))

    def _runners(self, path: str) -> frozenset[str]:
        """Names of a file's functions that run statements themselves."""
        if path not in self._running:
            functions = self.world.project.modules[path].functions
            self._running[path] = frozenset(f.node.name for f in functions if f.body_words & _RUNS_STATEMENTS)
        return self._running[path]

    def of(self, function: Function, depth: int = 0) -> Wait | None:
        """The first slow call that calling *function* leads to."""
        if function in self._known or function in self._busy or depth > _MAX_CALLS:
            return self._known.get(function)
        self._busy.add(function)
        early = self.world.asked_early
        ctx = self.world.static_context(function.path, function)
        found = next(
            (
                wait._replace(under=conditions.guards_on(function, guards))
                for part, guards in _conditions(function.node.body, ())
                for call in sorted((p for p in own_nodes(part) if isinstance(p, n.Call)), key=lambda c: c.pos)
                if (wait := self._call(ctx, call, depth)) is not None
            ),
            None,
        )
        self._busy.discard(function)
        if self.world.asked_early == early and depth == 0:
            self._known[function] = found
        return found

    def _call(self, ctx: Context, call: n.Call, depth: int) -> Wait | None:
        from sqla_lint.flow.evaluation.evaluate import expr

        callee = expr(ctx, Cursor(State({}, {}), None), call.func)
        slow = self.world.settings.slow_calls
        if isinstance(callee, Outside):
            given = bool(call.args or call.keywords)
            if slow_calls.is_slow(callee.name, callee.called, given, slow) and not (
                callee.name.endswith(".sleep") and _is_zero(call)
            ):
                given_first = expr(ctx, Cursor(State({}, {}), None), call.args[0]) if call.args else UNKNOWN
                return Wait(callee.name, call.pos, ctx.path, seconds=_seconds(callee, given_first))
        if isinstance(callee, FunctionValue):
            if slow_calls.is_configured(self.world.dotted(callee.function), slow):
                return Wait(callee.function.node.name, call.pos, ctx.path)
            if callee.function.words & self.words and not _is_answered_by_cache(self.world, callee.function):
                found = self.of(callee.function, depth + 1)
                return found._replace(seconds=None) if found is not None else None
        return None


def _conditions(
    body: tuple[n.Stmt, ...], guards: tuple[Guard, ...]
) -> Iterator[tuple[n.Stmt | n.Expr, tuple[Guard, ...]]]:
    """A function's own statements in source order (of compound ones only the heads), with the conditions on them."""
    for stmt in body:
        if isinstance(stmt, n.If):
            yield stmt.test, guards
            yield from _conditions(stmt.body, (*guards, Guard(stmt.test, True)))
            yield from _conditions(stmt.orelse, (*guards, Guard(stmt.test, False)))
        elif isinstance(stmt, (n.FunctionDef, n.ClassDef)):
            continue
        elif any(blocks(stmt)):
            yield from ((head, guards) for head in _heads(stmt))
            for block in blocks(stmt):
                yield from _conditions(block, guards)
        else:
            yield stmt, guards


def _heads(stmt: n.Stmt) -> tuple[n.Expr, ...]:
    if isinstance(stmt, n.With):
        return tuple(item.context for item in stmt.items)
    if isinstance(stmt, n.While):
        return (stmt.test,)
    return (stmt.iter,) if isinstance(stmt, n.For) else ()
