"""A handler that swallows a session's failure: where it stands, how it reaches the session, what happened before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.places import Place, binds, own_walk, places, walk_with_parents
from sqla_lint.codemods.site import Refused
from sqla_lint.codemods.transactions import ENDS, effects
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import awaited
from sqla_lint.flow.solver import errors
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Called, Exit, Ran, Used
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.state import Cursor, Failure, State
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n

_FLUSHES = frozenset({"flush", "commit"})
# What changes a collection that may belong to a row.
_CHANGES = frozenset({"append", "extend", "remove", "clear", "insert", "pop", "update", "add", "setdefault"})
_OWNERS = {
    "parameter": "the session was given by the caller",
    "injected": "the session was given by the framework",
    "instance": "the object's other methods share the session",
    "registry": "other code shares the session",
    "module": "other functions share the session",
    "closure": "the enclosing function has the session",
}


@dataclass(frozen=True, eq=False)
class Swallowed:
    """*place* is the ``try`` of *handler*, or a ``with suppress`` where that is None; *session* reaches the session."""

    facts: Facts
    world: World
    module: ModuleIndex
    sid: Sid
    place: Place
    handler: n.Handler | None
    places: tuple[Place, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return self.module.source

    @property
    def body(self) -> tuple[n.Stmt, ...]:
        stmt = self.place.stmt
        assert isinstance(stmt, (n.Try, n.With))
        return stmt.body

    def is_inside(self, pos: n.Pos) -> bool:
        """Whether *pos* is in the body that may fail."""
        return self.body[0].pos[:2] <= pos[:2] <= self.body[-1].pos[2:]

    @cached_property
    def is_async(self) -> bool:
        session = self.facts.sessions.get(self.sid)
        return session is not None and (session.settings.is_async or self.sid in awaited.sessions(self.facts))

    @cached_property
    def inner(self) -> tuple[Place, ...]:
        """The statements of the body."""
        return tuple(place for place in self.places if self.is_inside(place.stmt.pos))

    @cached_property
    def session(self) -> str:
        """How the function writes the session.

        Raises:
            Refused: it does not, or not in a way that holds in the handler.
        """
        text = next(self._spellings(), None)
        if text is None:
            raise Refused("how the handler could reach the session is not clear")
        root = text.split(".")[0].split("(")[0]
        if any(binds(place, root) for place in self.inner):
            raise Refused(f"{root} is bound inside the `try`")
        return text

    def _spellings(self) -> Iterator[str]:
        calls = {event.pos for event in self.facts.events if isinstance(event, Called) and event.sid == self.sid}
        nearest = sorted(self.places, key=lambda place: not self.is_inside(place.stmt.pos))
        for place in nearest:
            for node, _ in own_walk(place):
                if isinstance(node, n.Call) and node.pos in calls and isinstance(node.func, n.Attribute):
                    receiver = node.func.value
                    if _is_dotted(receiver) and receiver.pos[0] == receiver.pos[2]:
                        yield text_at(self.lines, receiver.pos)
        if self.sid.owner in ("parameter", "injected", "instance") and all(
            part.isidentifier() for part in self.sid.path
        ):
            yield ".".join(self.sid.path)
        elif self.sid.owner == "local" and self.facts.names.get(self.sid, "").isidentifier():
            yield self.facts.names[self.sid]

    # --- what is known of the failure

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(event.state.failure for event in self._ways if event.state.failure is not None)

    @cached_property
    def _ways(self) -> tuple[Used | Exit, ...]:
        pos = self.handler.pos if self.handler is not None else self.place.stmt.pos
        found = (e for e in self.facts.events if isinstance(e, (Used, Exit)) and e.sid == self.sid)
        return tuple(e for e in found if e.state.failure is not None and e.state.failure.handler == pos)

    @cached_property
    def in_block(self) -> bool:
        """Whether a ``begin()`` or ``begin_nested()`` block is around: a rollback in it does not save its rows."""
        return any(e.state.block is not None or e.how in ("block-end", "savepoint-end") for e in self._ways)

    @cached_property
    def catches_others(self) -> bool:
        """Whether the handler catches more than database errors."""
        if self.handler is None or self.handler.type is None:
            return True
        ctx = self.world.static_context(self.module.path, self.facts.function)
        types = errors.handler_types(ctx, Cursor(State({}, {}), None), self.handler.type)
        return not set(types) <= api.DATABASE_ERRORS

    @cached_property
    def calls(self) -> tuple[Called, ...]:
        """What the function calls on the session itself."""
        return tuple(e for e in self.facts.events if isinstance(e, Called) and e.sid == self.sid)

    @cached_property
    def ran(self) -> tuple[Ran, ...]:
        """The statements of the body."""
        found = (e for e in self.facts.events if isinstance(e, Ran) and e.sid == self.sid)
        return tuple(e for e in found if self.is_inside(e.pos))

    @cached_property
    def ends_inside(self) -> bool:
        """Whether the body itself commits, rolls back or closes, or may through a function that gets the session."""
        if any(call.name in ENDS and self.is_inside(call.pos) for call in self.calls):
            return True
        return any(not self._leaves_open(node) for place in self.inner for node, _ in own_walk(place))

    def _leaves_open(self, node: object) -> bool:
        if not isinstance(node, n.Call) or any(call.pos == node.pos for call in self.calls):
            return True
        ctx = self.world.static_context(self.module.path, self.facts.function)
        callee = evaluate.expr(ctx, Cursor(State({}, {}), None), node.func)
        if isinstance(callee, FunctionValue):
            return not effects(node, self.facts.function, self.world) & ENDS
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        return not any(_is_dotted(arg) and text_at(self.lines, arg.pos) == self.session for arg in given)

    @cached_property
    def risky(self) -> tuple[n.Stmt, ...]:
        """The part of the body that may fail in the database, from the first change that it sends to the last call."""
        known = {call.pos for call in self.calls if call.name != "query"}
        known |= {event.pos for event in self.ran} | {failure.pos for failure in self.failures}
        part = _part(self.body, known)
        while len(part) == 1 and isinstance(inner := part[0], n.If) and not inner.orelse and _is_plain(inner.test):
            part = _part(inner.body, known)
        return part

    # --- what was written

    @cached_property
    def writes_before(self) -> bool:
        """Whether the transaction may hold something that was written before the body, or in an earlier round of it."""
        inside = [call for call in self.calls if self.is_inside(call.pos)]
        if any(call.state.wrote is not None and not self.is_inside(call.state.wrote) for call in inside):
            return True
        looped = any(isinstance(place.stmt, (n.For, n.While)) for place in self.place.chain)
        if looped:
            return not self._commits_last
        return any(failure.after_writes for failure in self.failures)

    @cached_property
    def _commits_last(self) -> bool:
        """Whether each round that goes well ends its transaction."""
        stmt = self.place.stmt
        ends = (*self.body, *stmt.orelse) if isinstance(stmt, n.Try) else self.body
        commits = [call.pos for call in self.calls if call.name == "commit"]
        direct = [s for s in ends for pos in commits if isinstance(s, n.ExprStmt) and _covers(s.pos, pos)]
        return bool(direct) and not any(self._writes(s) for s in ends[ends.index(direct[-1]) + 1 :])

    def _writes(self, stmt: n.Stmt) -> bool:
        return any(_covers(stmt.pos, call.pos) and call.name in api.WRITES for call in self.calls)

    @cached_property
    def writes_earlier_inside(self) -> bool:
        """Whether rows may be written in the body before something else in it fails.

        What waits for the flush or commit that fails is lost with it, whatever the handler does.
        """
        known = {event.pos for event in self.ran}
        if not all(failure.pos in known for failure in self.failures):
            return True
        others = [event.pos for event in self.ran if event.name not in _FLUSHES]
        if not others:
            return False
        written = [call.pos for call in self.calls if call.name in api.WRITES]
        written += [p.stmt.pos for p in self.places if _sets_attribute(p.stmt)]
        looped = any(isinstance(place.stmt, (n.For, n.While)) for place in self.inner)
        return bool(written) and (looped or min(written) < max(others))

    @cached_property
    def waits_unflushed(self) -> bool:
        """Whether what fails was noted before the body: a savepoint begun in it would flush that outside of itself."""
        written = any(self.is_inside(call.pos) and call.name in api.WRITES - {"flush"} for call in self.calls)
        helped = not all(failure.pos in {event.pos for event in self.ran} for failure in self.failures)
        if written or helped or any(_sets_attribute(place.stmt) for place in self.inner):
            return False
        start = self.body[0].pos
        noted = [call.pos for call in self.calls if call.name in api.WRITES - {"flush"} and call.pos < start]
        flushed = [e.pos for e in self.facts.events if isinstance(e, Ran) and e.sid == self.sid and e.pos < start]
        pending = bool(noted) and (not flushed or max(flushed) < max(noted))
        return pending or not any(event.name not in _FLUSHES for event in self.ran)

    @property
    def doubt(self) -> str | None:
        """Why a rollback may drop more than what failed; None where it cannot."""
        if self.sid.owner != "local":
            return _OWNERS.get(self.sid.owner, "another owner has the session")
        if self.catches_others:
            return "the handler catches other errors too"
        if self.writes_before:
            return "what was written before goes with it"
        if self.writes_earlier_inside:
            return "what was written earlier in the `try` goes with it"
        return None


def swallowed(facts: Facts, world: World, module: ModuleIndex, sid: Sid, pos: n.Pos) -> Swallowed:
    """The handler at *pos*, which swallows a failure of *sid*.

    Raises:
        Refused: it is not found in the function.
    """
    found = tuple(places(facts.function.node.body))
    for place in found:
        if isinstance(place.stmt, n.With) and place.stmt.pos[:2] == pos[:2]:
            return Swallowed(facts, world, module, sid, place, None, found)
        for handler in place.stmt.handlers if isinstance(place.stmt, n.Try) else ():
            if handler.pos[:2] == pos[:2]:
                return Swallowed(facts, world, module, sid, place, handler, found)
    raise Refused("the handler is not found again in the function")


def _covers(outer: n.Pos, inner: n.Pos) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def _is_dotted(node: object) -> bool:
    """Whether *node* is a name, or attributes of one: it can be written again without doing anything again."""
    while isinstance(node, n.Attribute):
        node = node.value
    return isinstance(node, n.Name)


def _sets_attribute(stmt: n.Stmt) -> bool:
    targets = stmt.targets if isinstance(stmt, n.Assign) else (getattr(stmt, "target", None),)
    return any(isinstance(target, n.Attribute) for target in targets)


def _part(body: tuple[n.Stmt, ...], known: set[n.Pos]) -> tuple[n.Stmt, ...]:
    """*body* from the first statement that touches rows or the database to the last that sends; all if none does."""
    touching = [at for at, stmt in enumerate(body) if _has(stmt, lambda node: _touches(node, known))]
    sending = [at for at in touching if _has(body[at], lambda node: _sends(node, known))] or touching
    return body[touching[0] : sending[-1] + 1] if touching else body


def _is_plain(test: n.Expr) -> bool:
    """Whether a condition is about variables alone, so that nothing is loaded by it."""
    plain = (n.Name, n.Constant, n.Compare, n.BoolOp, n.UnaryOp)
    return all(isinstance(node, plain) for node, _ in walk_with_parents(test))


def _has(stmt: n.Stmt, wanted: Callable[[object], bool]) -> bool:
    return any(wanted(node) for node, _ in walk_with_parents(stmt))


def _sends(node: object, known: set[n.Pos]) -> bool:
    return isinstance(node, n.Call) and node.pos in known


def _touches(node: object, known: set[n.Pos]) -> bool:
    """Whether *node* may change rows, or sends a statement: an instance that is made may belong to a row as well."""
    if isinstance(node, (n.Assign, n.AnnAssign, n.AugAssign)):
        return _sets_attribute(node)
    if not isinstance(node, n.Call):
        return False
    name = n.last_part(node.func)
    return _sends(node, known) or name in _CHANGES or name[:1].isupper()
