"""What is handed to another thread, process or task, and which sessions go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint import handover_calls
from sqla_lint.flow.evaluation import substitute
from sqla_lint.flow.lifetimes import ownership, waits
from sqla_lint.flow.loops.gathered import flows_into
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Shared
from sqla_lint.flow.terms.joining import unread
from sqla_lint.flow.terms.row_values import Query
from sqla_lint.flow.terms.session_values import Registry, Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import (
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Instance,
    LambdaValue,
    Method,
    Outside,
    Parameter,
    Partial,
)
from sqla_lint.index.module import Function, names_in, own_nodes
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Plain sessions, wherever they are kept; a registry's is each thread's own.
_PLAIN = frozenset({"local", "parameter", "injected", "instance", "held", "module", "closure", "kept"})
_FLAVOURS = frozenset({"plain", "bound", "final"})
# What takes the items of its arguments on.
_CONTAINERS = frozenset({"list", "tuple", "set", "dict", "zip", "repeat", "cycle", "chain", "enumerate", "iter"})
_MAX_DEPTH = 4


class Reached(NamedTuple):
    """A session that what is handed over reaches; *repeated* if several of these run at the same time."""

    sid: Sid
    repeated: bool = False


def kind(func: Value, node: n.Call) -> str | None:
    """What a call hands over to run beside the function; None where it runs nothing."""
    name = n.last_part(node.func)
    if isinstance(func, Outside):
        return handover_calls.kind(func.name)
    if isinstance(func, ClassValue):
        return handover_calls.THREAD
    if isinstance(func, Method) and isinstance(func.receiver, FunctionValue):
        return handover_calls.THREAD if name in handover_calls.OF_FUNCTIONS else None
    if isinstance(func, (FunctionValue, Instance, LambdaValue, Partial, Registry)):
        return None
    if isinstance(func, Method) and isinstance(func.receiver, (Session, Query)):
        return None
    return handover_calls.UNKNOWN_OWNER.get(name) if isinstance(node.func, n.Attribute) else None


def may_be(func: Value, node: n.Call, ctx: Context) -> bool:
    """A quick way to pass over calls that hand nothing over."""
    if isinstance(func, ClassValue):
        words = ctx.world.project.modules[func.cls.path].words
        runs = not words.isdisjoint(("Thread", "Process", "Timer"))
        return runs and any(base in handover_calls.RUNNERS for base in ctx.world.names.external_bases(func.cls))
    name = func.name.rpartition(".")[2] if isinstance(func, Outside) else getattr(node.func, "attr", "")
    return name in handover_calls.NAMES


def runs_aside(ctx: Context, func: Value, node: n.Call) -> bool:
    """Whether the coroutines in the arguments run beside the function, which does not wait for them here."""
    return ctx.awaited != node.pos and may_be(func, node, ctx) and kind(func, node) == handover_calls.TASK


def note(ctx: Context, cur: Cursor, func: Value, args: list[Value], node: n.Call) -> None:
    """Note the plain sessions that a call hands to another thread, process or task."""
    if ctx.static or not may_be(func, node, ctx):
        return
    what = kind(func, node)
    at_once = ctx.awaited == node.pos
    if what == handover_calls.THREAD and at_once and args:
        for value in args[:2]:
            waits.handed(ctx, cur, value, node.pos)
    if what is None or (at_once and what in (handover_calls.THREAD, handover_calls.TASK)):
        return
    is_known = isinstance(func, (Outside, ClassValue)) or isinstance(getattr(func, "receiver", None), FunctionValue)
    if not is_known and not _is_credible(node, args):
        return
    finder = _Finder(ctx, cur, node, what)
    for sid in finder.shared():
        ctx.emit(Shared(sid, node.pos, what))


def _is_credible(node: n.Call, args: list[Value]) -> bool:
    """Whether a method of something unknown is given something to call, where its name alone does not say so."""
    assert isinstance(node.func, n.Attribute)
    if node.func.attr not in handover_calls.NEEDS_CALLABLE:
        return True
    return bool(args) and isinstance(args[0], (FunctionValue, LambdaValue, Method, Partial))


class _Finder:
    """Looks for plain sessions in what one call hands over; evaluates without any effect on the function's state."""

    def __init__(self, ctx: Context, cur: Cursor, node: n.Call, what: str) -> None:
        self.ctx = ctx
        self.env = cur.env
        self.node = node
        self.what = what

    def shared(self) -> list[Sid]:
        """The sessions that what runs beside the function has in common with it, or with another that runs."""
        found: list[list[Reached]] = []
        first = 1 if self._first_is_no_argument() else 0
        for arg in (*self.node.args[first:], *(k.value for k in self.node.keywords)):
            found += self._handed(arg)
        if self.what != handover_calls.GATHER or self.ctx.awaited != self.node.pos:
            return list(dict.fromkeys(reached.sid for each in found for reached in each))
        # Awaited together: only what several of them use is shared.
        repeated = [reached.sid for each in found for reached in each if reached.repeated]
        single = [sid for each in found for sid in {reached.sid for reached in each}]
        return list(dict.fromkeys([*repeated, *(sid for sid in single if single.count(sid) > 1)]))

    def _first_is_no_argument(self) -> bool:
        return isinstance(self.node.func, n.Attribute) and self.node.func.attr in ("run_in_executor", "send_task")

    def _handed(self, arg: n.Expr) -> list[list[Reached]]:
        """What each of the things that an argument stands for reaches: one entry for each coroutine or callable."""
        if isinstance(arg, n.Starred):
            return self._handed(arg.value)
        if isinstance(arg, n.Sequence) and self.what == handover_calls.GATHER:
            return [each for item in arg.items for each in self._handed(item)]
        if isinstance(arg, n.Name) and self.what in (handover_calls.GATHER, handover_calls.TASK):
            flows = flows_into(self.ctx.function, arg.id) if self.ctx.function is not None else ()
            return [self._reached(part, loops) for part, loops in flows]
        return [self._reached(arg, ())]

    # --- expressions

    def _reached(self, arg: n.Expr, loops: tuple[Pos, ...]) -> list[Reached]:
        """The plain sessions that *arg* takes along; those made in the loop or the call itself are each one's own."""
        found = dict.fromkeys(self._in(arg, bool(loops), 0))
        inside = (*loops, self.node.pos)
        return [r for r in found if not (r.sid.owner == "local" and self._is_own(r.sid.pos, inside))]

    def _is_own(self, made: Pos | None, inside: tuple[Pos, ...]) -> bool:
        """Whether a session was made for what is handed over alone: in the call, or in the round of the loop."""
        if any(_within(made, pos) for pos in inside):
            return True
        loops = self.ctx.loops
        return (
            self.what == handover_calls.TASK
            and made is not None
            and bool(loops)
            and loops[-1] < made[:2] < self.node.pos[:2]
        )

    def _in(self, arg: n.Expr, repeated: bool, depth: int, outer: bool = True) -> Iterator[Reached]:
        if depth > _MAX_DEPTH or isinstance(arg, n.Await):
            return
        if isinstance(arg, n.Lambda):
            yield from self._captured(arg, frozenset(), repeated, depth)
        elif isinstance(arg, n.Comprehension):
            for part in arg.elements:
                yield from self._in(part, True, depth + 1, outer)
            if arg.kind == "generator" and self.what == handover_calls.STREAM:
                yield from self._lazy(arg, repeated)
        elif isinstance(arg, n.Call):
            yield from self._call(arg, repeated, depth, outer)
        elif isinstance(arg, (n.Name, n.Attribute, n.Subscript)):
            yield from self._value(self._evaluate(arg), repeated, depth)
        else:
            for part in _parts(arg):
                yield from self._in(part, repeated, depth + 1, outer)

    def _lazy(self, arg: n.Comprehension, repeated: bool) -> Iterator[Reached]:
        """A generator expression that reads an unread result."""
        found = unread(self._evaluate(arg.generators[0].iter))
        if found is not None:
            yield Reached(found[0], repeated)

    def _call(self, call: n.Call, repeated: bool, depth: int, outer: bool) -> Iterator[Reached]:
        parts: tuple[n.Expr, ...]
        func = self._evaluate(call.func)
        name = n.last_part(call.func)
        if isinstance(func, Outside) and handover_calls.kind(func.name) is not None:
            return
        if name == "partial" or name in _CONTAINERS:
            parts = (*call.args, *(k.value for k in call.keywords))
        elif name in handover_calls.PASSES_ON:
            parts = call.args[:1]
        elif name == "map":
            parts, repeated = call.args, True
        elif self._runs_later(func, outer):
            outer = False
            yield from self._value(func, repeated, depth, called=True)
            parts = (*call.args, *(k.value for k in call.keywords))
        elif isinstance(func, ClassValue):
            yield from self._value(self._evaluate(call), repeated, depth)
            return
        else:
            return
        for part in parts:
            yield from self._in(part, repeated, depth + 1, outer)

    def _runs_later(self, func: Value, outer: bool) -> bool:
        """Whether calling *func* only makes something that runs later: a coroutine, or a generator for a response.

        What is handed over itself (*outer*) to become a task can be nothing else.
        """
        if self.what == handover_calls.STREAM:
            return isinstance(func, FunctionValue) and func.function.is_generator
        if self.what == handover_calls.THREAD:
            return False
        if isinstance(func, FunctionValue):
            return outer or func.function.node.is_async
        if isinstance(func, Method) and isinstance(func.receiver, Session):
            return func.receiver.settings.is_async
        return outer and (func == UNKNOWN or isinstance(func, (Parameter, Method)))

    # --- values

    def _value(self, value: Value, repeated: bool, depth: int, called: bool = False) -> Iterator[Reached]:
        if isinstance(value, Session):
            if self.what == handover_calls.THREAD or called or depth > 0:
                yield from self._plain(value, repeated)
        elif isinstance(value, Method):
            if not isinstance(value.receiver, Session) or value.receiver.sid.owner != "registry":
                yield from self._value(value.receiver, repeated, depth + 1)
        elif isinstance(value, FunctionValue):
            yield from self._function(value, repeated, depth)
        elif isinstance(value, Partial):
            for part in (value.func, *value.args, *(item for _, item in value.kwargs)):
                yield from self._value(part, repeated, depth + 1)
        elif self.what == handover_calls.STREAM and unread(value) is not None:
            found = unread(value)
            assert found is not None
            yield Reached(found[0], repeated)
        else:
            for sid in ownership.sids(value):
                if sid.owner in _PLAIN and self._is_plain(sid):
                    yield Reached(sid, repeated)

    def _plain(self, session: Session, repeated: bool) -> Iterator[Reached]:
        if session.settings.flavour in _FLAVOURS and session.sid.owner in _PLAIN | {"registry"}:
            yield Reached(session.sid, repeated)

    def _is_plain(self, sid: Sid) -> bool:
        session = self.ctx.sessions.get(sid)
        return session is None or session.settings.flavour in _FLAVOURS

    def _function(self, value: FunctionValue, repeated: bool, depth: int) -> Iterator[Reached]:
        function = value.function
        if function.outer is not None and function.outer is self.ctx.function:
            own = self.ctx.world.local_names(function)
            yield from self._captured(function.node, own, repeated, depth)
        if isinstance(value.receiver, Instance):
            yield from self._bound(function, value.receiver, repeated)

    def _bound(self, function: Function, receiver: Instance, repeated: bool) -> Iterator[Reached]:
        """A method that runs elsewhere takes along the sessions of its object that it uses."""
        if not function.node.params:
            return
        bound: dict[str, Value] = {function.node.params[0].name: receiver}
        for sid, _ in self.ctx.world.summary(function, given_session=True).effects:
            found = (
                substitute.resolve_sid(self.ctx, sid, bound)
                if sid.path[:1] == (function.node.params[0].name,)
                else None
            )
            if found is not None and found.owner in _PLAIN and self._is_plain(found):
                yield Reached(found, repeated)

    def _captured(
        self, node: n.Lambda | n.FunctionDef, own: frozenset[str], repeated: bool, depth: int
    ) -> Iterator[Reached]:
        """The sessions that a nested function or a lambda closes over, or has as a default."""
        params = frozenset(p.name for p in node.params)
        names = names_in(node.body) - params - own
        for param in node.params:
            names |= names_in(param.default) if param.default is not None else frozenset()
        for name in sorted(names):
            if name in self.env or name in self.ctx.locals:
                value = self._evaluate(n.Name(node.pos, name))
                if isinstance(value, Instance) and not value.held:
                    yield from self._through_attributes(node, name, value, repeated, depth)
                elif depth < _MAX_DEPTH and not (isinstance(value, FunctionValue) and value.function.node is node):
                    yield from self._value(value, repeated, depth + 1)

    def _through_attributes(
        self, node: n.Lambda | n.FunctionDef, name: str, owner: Instance, repeated: bool, depth: int
    ) -> Iterator[Reached]:
        """``lambda: self.work()``: what is asked of the captured object decides."""
        for part in own_nodes(node.body):
            if isinstance(part, n.Attribute) and isinstance(part.value, n.Name) and part.value.id == name:
                value = self._evaluate(part)
                if isinstance(value, (Session, FunctionValue)) and depth < _MAX_DEPTH:
                    yield from self._value(value, repeated, depth + 1)

    def _evaluate(self, arg: n.Expr) -> Value:
        from sqla_lint.flow.evaluation.evaluate import expr

        ctx = self.ctx
        ctx.static = True
        try:
            return expr(ctx, Cursor(State(dict(self.env), {}), None), arg)
        finally:
            ctx.static = False


def _within(inner: Pos | None, outer: Pos) -> bool:
    return inner is not None and outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def _parts(arg: n.Expr) -> tuple[n.Expr, ...]:
    """The parts of a display or a choice that its value is made of."""
    if isinstance(arg, n.Sequence):
        return arg.items
    if isinstance(arg, n.Dict):
        return arg.values
    if isinstance(arg, n.BinOp):
        return (arg.left, arg.right)
    if isinstance(arg, n.IfExp):
        return (arg.body, arg.orelse)
    if isinstance(arg, n.BoolOp):
        return arg.values
    return (arg.value,) if isinstance(arg, (n.Starred, n.Walrus)) else ()


__all__ = ["kind", "note", "runs_aside"]
