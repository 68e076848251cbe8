"""From a function's statements to its control-flow graph.

Built backwards: a block is given the node that comes after it and returns its first node. Each ``finally`` and each
leaving of a ``with`` is built once for each way into it (normal, exception, return, break, continue).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqla_lint.flow.terms.basis import LoopId
from sqla_lint.flow.terms.graph import Graph, Guard, Node
from sqla_lint.lower import nodes as n

# A function whose graph is larger is not analysed (nested ``finally`` blocks multiply).
MAX_NODES = 6000


class TooLarge(Exception):
    """The graph has more than :data:`MAX_NODES` nodes."""


@dataclass(slots=True)
class _Loop:
    after: int
    head: int
    loops: tuple[LoopId, ...]


@dataclass(slots=True)
class _Leaving:
    """A ``finally`` block, a ``with`` or a handler that every way out passes through."""

    kind: str
    payload: object
    pos: n.Pos
    exc: int
    loops: tuple[LoopId, ...]
    handling: int
    copies: dict[int, int] = field(default_factory=dict)


_NO_POS: n.Pos = (0, 0, 0, 0)


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.frames: list[_Loop | _Leaving] = []
        self.loops: tuple[LoopId, ...] = ()
        self.finally_depth = 0
        self.handling = 0
        self.guards: tuple[Guard, ...] = ()
        self.exit = self.node("exit", None, _NO_POS)
        self.raise_exit = self.node("raise-exit", None, _NO_POS)
        self.exc = self.raise_exit

    def node(self, kind: str, payload: object, pos: n.Pos, *following: int) -> int:
        if len(self.nodes) >= MAX_NODES:
            raise TooLarge
        exc = getattr(self, "exc", 0)
        in_finally = self.finally_depth > 0
        guards, handling = self.guards, self.handling
        made = Node(len(self.nodes), kind, payload, pos, exc, self.loops, in_finally, guards, handling, list(following))
        self.nodes.append(made)
        return made.id

    def block(self, body: tuple[n.Stmt, ...], after: int) -> int:
        outer = self.guards
        under: list[tuple[Guard, ...]] = []
        for stmt in body:
            under.append(self.guards)
            if isinstance(stmt, n.If) and not stmt.orelse and stmt.body and _always_leaves(stmt.body[-1]):
                self.guards = (*self.guards, Guard(stmt.test, False, left=True))
        for stmt, guards in zip(reversed(body), reversed(under)):
            self.guards = guards
            after = self.stmt(stmt, after)
        self.guards = outer
        return after

    def stmt(self, stmt: n.Stmt, after: int) -> int:
        build = _STATEMENTS.get(type(stmt))
        if build is not None:
            return build(self, stmt, after)
        return self.node("stmt", stmt, stmt.pos, after)

    # --- ways out

    def route(self, index: int, stop: int, target: int) -> int:
        """The first node of the way from inside frame *index* out to frame *stop* (exclusive) and on to *target*."""
        if index < stop:
            return target
        frame = self.frames[index]
        beyond = self.route(index - 1, stop, target)
        if isinstance(frame, _Loop):
            return beyond
        if beyond not in frame.copies:
            frame.copies[beyond] = self.leave(frame, index, beyond)
        return frame.copies[beyond]

    def leave(self, frame: _Leaving, index: int, after: int) -> int:
        """Build one copy of what leaving *frame* does, as seen from outside it."""
        saved = (self.frames, self.exc, self.loops, self.handling)
        self.frames, self.exc, self.loops, self.handling = self.frames[:index], frame.exc, frame.loops, frame.handling
        if frame.kind == "finally":
            entry = self.final_block(frame.payload, after)  # type: ignore[arg-type]
        else:
            entry = self.node(frame.kind, frame.payload, frame.pos, after)
        self.frames, self.exc, self.loops, self.handling = saved
        return entry

    def final_block(self, body: tuple[n.Stmt, ...], after: int) -> int:
        self.finally_depth += 1
        outer, self.guards = self.guards, ()
        entry = self.block(body, after)
        self.guards = outer
        self.finally_depth -= 1
        return entry

    def guarded(self, guard: Guard, body: tuple[n.Stmt, ...], after: int) -> int:
        """A block that runs only under a condition."""
        outer, self.guards = self.guards, (*self.guards, guard)
        entry = self.block(body, after)
        self.guards = outer
        return entry

    def jump(self, kind: str) -> int:
        """The way of ``break`` or ``continue``."""
        for index in range(len(self.frames) - 1, -1, -1):
            frame = self.frames[index]
            if isinstance(frame, _Loop):
                return self.route(len(self.frames) - 1, index + 1, frame.after if kind == "break" else frame.head)
        return self.exit


def _always_leaves(stmt: n.Stmt) -> bool:
    if isinstance(stmt, n.With):
        return bool(stmt.body) and _always_leaves(stmt.body[-1])
    return isinstance(stmt, (n.Return, n.Raise)) or isinstance(stmt, n.Jump) and stmt.kind != "pass"


def _if(b: _Builder, s: n.If, after: int) -> int:
    body = b.guarded(Guard(s.test, True), s.body, after)
    orelse = b.guarded(Guard(s.test, False), s.orelse, after)
    return b.node("test", s.test, s.pos, body, orelse)


def _while(b: _Builder, s: n.While, after: int) -> int:
    outer = b.loops
    orelse = b.block(s.orelse, after)
    b.loops = (*outer, s.pos[:2])
    head = b.node("while", s.test, s.pos)
    b.frames.append(_Loop(after, head, b.loops))
    body = b.block(s.body, head)
    b.frames.pop()
    b.nodes[head].next = [body, orelse]
    b.loops = outer
    return head


def _for(b: _Builder, s: n.For, after: int) -> int:
    outer = b.loops
    orelse = b.block(s.orelse, after)
    b.loops = (*outer, s.pos[:2])
    head = b.node("next", s, s.pos)
    b.frames.append(_Loop(after, head, b.loops))
    body = b.block(s.body, head)
    b.frames.pop()
    b.nodes[head].next = [body, orelse]
    b.loops = outer
    return b.node("iter", s, s.pos, head)


def _try(b: _Builder, s: n.Try, after: int) -> int:
    outer = b.exc
    beyond = outer
    if s.final:
        beyond = _passing(b, s)
        after = b.final_block(s.final, after)
        b.frames.append(_Leaving("finally", s.final, s.pos, outer, b.loops, b.handling))
    b.exc = beyond
    handlers = [_handler(b, s, h, after) for h in s.handlers]
    inside = b.node("catch", s, s.pos, *handlers) if handlers else beyond
    orelse = b.block(s.orelse, after)
    b.exc = inside
    entry = b.block(s.body, orelse)
    b.exc = outer
    if s.final:
        b.frames.pop()
    return b.node("try", s, s.pos, entry)


def _passing(b: _Builder, s: n.Try) -> int:
    """The ``finally`` of a ``try`` as an exception passes through it."""
    reraise = b.node("reraise", None, s.pos)
    b.frames.append(_Leaving("end-handler", None, s.pos, b.exc, b.loops, b.handling))
    b.handling += 1
    body = b.final_block(s.final, reraise)
    b.handling -= 1
    b.frames.pop()
    return b.node("passing", None, s.pos, body)


def _handler(b: _Builder, s: n.Try, h: n.Handler, after: int) -> int:
    end = b.node("end-handler", None, h.pos, after)
    b.frames.append(_Leaving("end-handler", None, h.pos, b.exc, b.loops, b.handling))
    b.handling += 1
    body = b.guarded(Guard(None, True), h.body, end)
    b.handling -= 1
    b.frames.pop()
    return b.node("handler", (s, h), h.pos, body)


def _with(b: _Builder, s: n.With, after: int) -> int:
    return _with_items(b, s, 0, after)


def _with_items(b: _Builder, s: n.With, index: int, after: int) -> int:
    if index == len(s.items):
        return b.block(s.body, after)
    outer = b.exc
    payload = (s, index)
    normal = b.node("leave", payload, s.pos, after)
    failing = b.node("leave-exc", payload, s.pos, after)
    b.frames.append(_Leaving("leave", payload, s.pos, outer, b.loops, b.handling))
    b.exc = failing
    inside = _with_items(b, s, index + 1, normal)
    b.exc = outer
    b.frames.pop()
    return b.node("enter", payload, s.pos, inside)


def _match(b: _Builder, s: n.Match, after: int) -> int:
    following = after
    for case in reversed(s.cases):
        body = b.guarded(Guard(None, True), case.body, after)
        if case.guard is not None:
            body = b.node("test", case.guard, case.guard.pos, body, following)
        following = b.node("case", case, case.pos, body, *(() if case.irrefutable else (following,)))
    return b.node("stmt", n.ExprStmt(s.subject.pos, s.subject), s.subject.pos, following)


def _return(b: _Builder, s: n.Return, _after: int) -> int:
    return b.node("return", s, s.pos, b.route(len(b.frames) - 1, 0, b.exit))


def _raise(b: _Builder, s: n.Raise, _after: int) -> int:
    return b.node("raise", s, s.pos)


def _assert(b: _Builder, s: n.Assert, after: int) -> int:
    failing = b.node("raise", n.Raise(s.pos, n.Name(s.pos, "AssertionError"), None), s.pos)
    return b.node("test", s.test, s.pos, after, failing)


def _jump(b: _Builder, s: n.Jump, after: int) -> int:
    return after if s.kind == "pass" else b.jump(s.kind)


_STATEMENTS: dict[type, Callable[[_Builder, Any, int], int]] = {
    n.If: _if,
    n.While: _while,
    n.For: _for,
    n.Try: _try,
    n.With: _with,
    n.Match: _match,
    n.Return: _return,
    n.Raise: _raise,
    n.Assert: _assert,
    n.Jump: _jump,
}


def _repeating(nodes: list[Node]) -> None:
    """Keep of each node's loops those that it can go round again: what ends in ``return`` or ``break`` runs once."""
    before: list[list[int]] = [[] for _ in nodes]
    for node in nodes:
        for target in node.next:
            before[target].append(node.id)
    repeats: dict[int, set[LoopId]] = {}
    for head in nodes:
        if head.loops and head.kind in ("next", "while"):
            own = head.loops[-1]
            work, seen = [head.id], {head.id}
            while work:
                for source in before[work.pop()]:
                    if source not in seen and own in nodes[source].loops:
                        seen.add(source)
                        work.append(source)
            for found in seen:
                repeats.setdefault(found, set()).add(own)
    for node in nodes:
        node.loops = tuple(loop for loop in node.loops if loop in repeats.get(node.id, ()))


def build(body: tuple[n.Stmt, ...]) -> Graph:
    """The graph of a function's body.

    Raises:
        TooLarge: it has too many nodes.
    """
    builder = _Builder()
    entry = builder.block(body, builder.exit)
    _repeating(builder.nodes)
    return Graph(tuple(builder.nodes), entry, builder.exit, builder.raise_exit)
