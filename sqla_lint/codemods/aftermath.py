"""What runs after a call that closes a session: whether it may as well run before the session's block ends."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import handover_calls, slow_calls
from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.places import Place, leaves
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.session_values import Factory, Registry, Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import ClassValue, FunctionValue, Method, Outside
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.lower import nodes as n

# What hands work over, or waits for it, whoever it is asked of.
_HANDS_OVER = handover_calls.UNKNOWN_OWNER.keys() | {
    "ensure_future", "enqueue", "put", "put_nowait", "publish", "notify", "send", "post", "start", "join", "wait",
    "acquire", "sleep",
}  # fmt: skip
_MAX_CALLS = 4


def following(place: Place, end: Place) -> Iterator[n.Stmt]:
    """The statements that may run after *place* and up to the end of *end*'s statement, if nothing is raised."""
    outer = {id(p.stmt) for p in end.chain} - {id(end.stmt)}
    here: Place | None = place
    while here is not None and id(here.stmt) not in outer:
        at_top = here.block is end.block
        left: n.Stmt | None = None
        for stmt in here.block[here.number + 1 : end.number + 1 if at_top else None]:
            yield stmt
            if leaves(stmt):
                left = stmt
                break
        if isinstance(left, n.Jump):
            here = _loop_of(here)
            if here is not None and left.kind == "continue" and id(here.stmt) not in outer:
                yield here.stmt
        elif left is not None or at_top:
            return
        else:
            yield from _behind(here)
            here = here.parent


def _loop_of(place: Place) -> Place | None:
    loops = (p.parent for p in place.chain if p.field == "body" and p.parent is not None)
    return next((loop for loop in loops if isinstance(loop.stmt, (n.For, n.While))), None)


def _behind(place: Place) -> Iterator[n.Stmt]:
    """What a compound statement goes on with when one of its blocks has ended."""
    outer = place.parent.stmt if place.parent is not None else None
    if isinstance(outer, (n.For, n.While)) and place.field == "body":
        yield outer
    elif isinstance(outer, n.Try):
        if place.field == "body":
            yield from outer.orelse
        if place.field != "final":
            yield from outer.final


class Aftermath:
    """What the statements of one function do besides the session at hand."""

    def __init__(self, world: World, function: Function) -> None:
        self.world = world
        self.function = function
        self._seen: set[Function] = set()

    def objection(self, node: object, function: Function | None = None, depth: int = 0) -> str | None:
        """Why *node* must not run while the session is open, or None."""
        function = function or self.function
        for part in own_nodes((node,)):
            if isinstance(part, n.Await) or (isinstance(part, (n.For, n.With)) and part.is_async):
                return f"waits (line {part.pos[0]})"
            if isinstance(part, n.Yield):
                return f"hands over to its caller (line {part.pos[0]})"
            if isinstance(part, n.Call):
                reason = self._call(part, function, depth)
                if reason is not None:
                    return reason
        return None

    def is_uncertain(self, node: object) -> bool:
        """Whether *node* calls something that cannot be seen into."""
        calls = (part for part in own_nodes((node,)) if isinstance(part, n.Call))
        return any(
            not isinstance(self._callee(c, self.function), (Outside, FunctionValue, ClassValue, Method)) for c in calls
        )

    def _callee(self, call: n.Call, function: Function) -> object:
        ctx = self.world.static_context(function.path, function)
        return evaluate.expr(ctx, Cursor(State({}, {}), None), call.func)

    def _call(self, call: n.Call, function: Function, depth: int) -> str | None:
        line = call.pos[0] if function is self.function else None
        where = f"line {line}" if line is not None else f"through {function.qualname}"
        if (
            isinstance(call.func, n.Attribute)
            and call.func.attr in _HANDS_OVER
            and not isinstance(call.func.value, n.Constant)
        ):
            return f"waits or hands over ({where})"
        callee = self._callee(call, function)
        if isinstance(callee, (Factory, Registry)) or _opens(callee, self.world):
            return f"opens another session ({where})"
        if (
            isinstance(callee, Method)
            and isinstance(callee.receiver, (Registry, Session))
            and callee.receiver.sid.owner == "registry"
        ):
            return f"works on another session ({where})"
        if isinstance(callee, Outside) and self._waits(callee.name):
            return f"waits ({where})"
        if isinstance(callee, FunctionValue) and depth < _MAX_CALLS and callee.function not in self._seen:
            self._seen.add(callee.function)
            return self.objection(callee.function.node.body, callee.function, depth + 1)
        return None

    def _waits(self, name: str) -> bool:
        configured = self.world.settings.slow_calls
        named = name in slow_calls.CALLABLES | slow_calls.UNHURRIED or slow_calls.is_client(name, configured)
        return named or name.split(".")[0] in slow_calls.UNHURRIED


def _opens(callee: object, world: World) -> bool:
    if isinstance(callee, ClassValue):
        return world.session_class(callee.cls) is not None
    return isinstance(callee, Outside) and api.meaning(callee.name) in ("session-class", "async-session-class")
