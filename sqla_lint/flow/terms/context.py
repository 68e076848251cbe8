"""What evaluating a function needs besides its states: where names are looked up, and where what is found goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.events import Event
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, SessionState
from sqla_lint.flow.terms.summary import Applies, Renders, Wait
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

LoopId = tuple[int, int]


class Context:
    """One function (or module) under evaluation.

    *locals* are the names its own statements bind; *events* collects what happens; *loops* are the loops of the
    expression being evaluated (those of comprehensions included), *guards* the conditions it stands under; *dropped*
    are calls whose result their statement throws away, *awaited* one that is awaited at once; *aside* is set while what
    is evaluated runs beside the function. With *static* set nothing is followed in order: a local name is what its
    assignments say, and no events are kept.
    """

    def __init__(self, world: World, path: str, function: Function | None, static: bool) -> None:
        self.world = world
        self.path = path
        self.function = function
        self.static = static
        self.locals: frozenset[str] = frozenset()
        self.events: dict[Event, None] = {}
        self.reads: dict[object, None] = {}
        self.names: dict[Sid, str] = {}
        self.sessions: dict[Sid, Session] = {}
        self.loops: tuple[LoopId, ...] = ()
        self.in_finally = False
        # Code that ``run_sync`` calls may load lazily; a key that is only compared with None is not used.
        self.in_sync = False
        self.tested: n.Expr | None = None
        self.guards: tuple[Guard, ...] = ()
        self.dropped: frozenset[Pos] = frozenset()
        self.depth = 0
        self.raises: set[Sid] = set()
        self.raises_other = False
        self.yields: list[Value] = []
        self.has_scopes = function is None or bool(function.words & {"close", "remove", "with"})
        self.captures: dict[Pos, dict[Sid, Pos]] = {}
        self.waits: dict[Wait, None] = {}
        self.renders: dict[Renders, None] = {}
        self.aside = False
        self.awaited: Pos | None = None
        # What the function calls of what it was handed.
        self.applies: dict[Applies, None] = {}
        self.lends: set[Function] = set()
        self.wants: dict[tuple[str, tuple[str, ...]], None] = {}
        self.pending: set[tuple[object, ...]] = set()

    def emit(self, event: Event) -> None:
        if not self.static:
            self.events[event] = None

    # --- sessions

    def session_state(self, cur: Cursor, sid: Sid) -> SessionState:
        """The state of a session; one that is met for the first time is open, and somebody else's."""
        found = cur.sessions.get(sid)
        if found is None:
            found = SessionState()
            cur.sessions[sid] = found
        return found

    def is_async(self, sid: Sid) -> bool:
        """Whether a session is an ``AsyncSession``: its results are read when they are made."""
        session = self.sessions.get(sid)
        return session is not None and session.settings.is_async

    def outer_name(self, name: str) -> Value:
        """A name that the function does not bind: an enclosing function's, the module's, a builtin's."""
        return self.world.outer_name(self.path, self.function, name)


def dotted(expr: n.Expr) -> str | None:
    """``a.b.c`` as text where an expression is only names and attributes:
    the key under which a state keeps its value.
    """
    parts: list[str] = []
    while isinstance(expr, n.Attribute):
        parts.append(expr.attr)
        expr = expr.value
    if not isinstance(expr, n.Name):
        return None
    parts.append(expr.id)
    return ".".join(reversed(parts))


def describe(expr: n.Expr) -> str:
    """A short text for an expression, for messages."""
    text = dotted(expr)
    if text is not None:
        return text
    if isinstance(expr, n.Call):
        return f"{describe(expr.func)}()"
    if isinstance(expr, n.Attribute):
        return f"{describe(expr.value)}.{expr.attr}"
    if isinstance(expr, n.Subscript):
        return f"{describe(expr.value)}[...]"
    if isinstance(expr, n.Await):
        return describe(expr.value)
    return "it"


def first_name(expr: n.Expr) -> str | None:
    """The name that a chain of attributes, calls and subscripts begins with."""
    while isinstance(expr, (n.Attribute, n.Call, n.Subscript, n.Await)):
        expr = expr.func if isinstance(expr, n.Call) else expr.value
    return expr.id if isinstance(expr, n.Name) else None


__all__ = ["Context", "describe", "dotted", "first_name"]
