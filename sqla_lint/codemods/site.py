"""What is known of one session of a function before its block is planned: who makes, closes and gets it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.holding import Holding
from sqla_lint.codemods.places import Mention, Place, binds, is_guard, mentions, method_call, own_walk, places
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Closing, Created, Exit
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.session_values import Factory, Session
from sqla_lint.flow.terms.state import OPEN
from sqla_lint.flow.terms.values import ClassValue, FunctionValue, Instance, Outside
from sqla_lint.index.module import Function, ModuleIndex
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n


class Refused(Exception):
    """A fix cannot be right; the text says why, as a reason that follows the finding."""


class Maker(NamedTuple):
    """How a session is made: *kind* is ``sessionmaker``, ``factory``, ``class``, ``function`` or ``wrapper``."""

    kind: str
    wrapper: Instance | None = None


@dataclass(frozen=True, eq=False)
class Site:
    """One session, the function that made it, and where: *call* makes it in *place*, with *above* around it."""

    facts: Facts
    world: World
    module: ModuleIndex
    sid: Sid
    places: tuple[Place, ...]
    place: Place
    call: n.Call
    above: tuple[object, ...]
    maker: Maker

    @property
    def function(self) -> Function:
        return self.facts.function

    @property
    def lines(self) -> tuple[str, ...]:
        return self.module.source

    @cached_property
    def is_async(self) -> bool:
        session = self.facts.sessions.get(self.sid)
        return self.maker.wrapper is None and session is not None and session.settings.is_async

    @cached_property
    def name(self) -> str | None:
        """The variable that is bound to the session and to nothing else; None for a session without a name."""
        stmt = self.place.stmt
        if isinstance(stmt, n.Assign) and stmt.value is self.call and len(stmt.targets) == 1:
            return stmt.targets[0].id if isinstance(stmt.targets[0], n.Name) else None
        if isinstance(stmt, n.AnnAssign) and stmt.value is self.call and isinstance(stmt.target, n.Name):
            return stmt.target.id
        return None

    @cached_property
    def holding(self) -> Holding:
        return Holding(self.world, self.function)

    @cached_property
    def open_exits(self) -> tuple[Exit, ...]:
        """The ways that leave the session open."""
        found = (e for e in self.facts.events if isinstance(e, Exit) and e.sid == self.sid)
        return tuple(e for e in found if e.state.status == OPEN and (e.state.used or e.label == "thrown"))

    @cached_property
    def left_open(self) -> bool:
        """Whether the function may go on, or end without an error, with the session still open."""
        return any(way.how != "raise" for way in self.open_exits) or self.name is None or not self.removable

    @cached_property
    def closings(self) -> frozenset[n.Pos]:
        found = (e for e in self.facts.events if isinstance(e, Closing) and e.sid == self.sid)
        return frozenset(e.pos for e in found)

    @cached_property
    def closers(self) -> frozenset[str]:
        """The methods by which the function may close the session."""
        return self.closing_methods | {"close"}

    @cached_property
    def closing_methods(self) -> frozenset[str]:
        """The methods that the function closes the session with."""
        calls = (
            node
            for p in self.places
            for node, _ in own_walk(p)
            if isinstance(node, n.Call) and node.pos in self.closings
        )
        return frozenset(c.func.attr for c in calls if isinstance(c.func, n.Attribute))

    @cached_property
    def preamble(self) -> tuple[Place, ...]:
        """``session = None`` ahead of the creation."""
        found = (
            p for p in self.places if p.stmt.pos < self.place.stmt.pos and self.name and _is_none(p.stmt, self.name)
        )
        return tuple(found)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """The uses of the session's variable, what binds it aside."""
        assert self.name is not None
        binding = {id(self.place.stmt), *(id(p.stmt) for p in self.preamble)}
        return tuple(m for m in mentions(self.places, self.name) if id(m.place.stmt) not in binding)

    @cached_property
    def removable(self) -> tuple[Place, ...]:
        """The statements that do nothing but close the session, alone or behind ``if session:``."""
        return self._only(self.closers, frozenset({"rollback"}))

    @cached_property
    def rollbacks(self) -> tuple[Place, ...]:
        return self._only(frozenset({"rollback"}), frozenset())

    def _only(self, methods: frozenset[str], others: frozenset[str]) -> tuple[Place, ...]:
        """The statements that call *methods* alone, or behind a guard with *others* besides."""
        assert self.name is not None
        found: list[Place] = []
        for place in self.places:
            if place.parent in found:
                continue
            stmt = place.stmt
            guarded = isinstance(stmt, n.If) and not stmt.orelse and is_guard(stmt.test, self.name)
            body = stmt.body if guarded and isinstance(stmt, n.If) else (stmt,)
            called = {method_call(s, self.name) for s in body}
            if called & methods and called <= methods | others:
                found.append(place)
        return tuple(found)


def site(facts: Facts, world: World, module: ModuleIndex, sid: Sid) -> Site:
    """Where and how the function makes the session *sid*.

    Raises:
        Refused: the function does not make it, or not in a way that a block can take over.
    """
    made = next((e for e in facts.events if isinstance(e, Created) and e.sid == sid), None)
    if sid.owner != "local" or made is None:
        raise Refused(_owner(sid))
    found = tuple(places(facts.function.node.body))
    for place in found:
        for node, above in own_walk(place):
            if isinstance(node, n.Call) and node.pos == made.pos:
                return Site(facts, world, module, sid, found, place, node, above, _maker(node, facts.function, world))
    raise Refused("the session is made in a place that cannot become a block")


def _owner(sid: Sid) -> str:
    reasons = {
        "parameter": "the session was given by the caller, who owns it",
        "instance": "the session belongs to the object, not to this function",
        "closure": "the session belongs to the enclosing function",
        "module": "the session is global: the functions that share it must change together",
        "registry": "the session comes from a registry, which other code shares",
    }
    return reasons.get(sid.owner, "another owner has the session")


def _maker(call: n.Call, function: Function, world: World) -> Maker:
    ctx = world.static_context(function.path, function)
    from sqla_lint.flow.evaluation import evaluate
    from sqla_lint.flow.terms.state import Cursor, State

    cur = Cursor(State({}, {}), None)
    callee, made = evaluate.expr(ctx, cur, call.func), evaluate.expr(ctx, cur, call)
    if isinstance(callee, FunctionValue) and (callee.function.is_generator or callee.function.node.is_async):
        raise Refused(f"{callee.function.node.name}() is a generator or a coroutine: its session ends with it")
    if isinstance(made, Instance):
        return Maker("wrapper", made)
    if isinstance(callee, Factory):
        return Maker("sessionmaker" if _is_sessionmaker(call.func, function, world) else "factory")
    if isinstance(callee, (Outside, ClassValue)):
        return Maker("class")
    if isinstance(callee, FunctionValue) and isinstance(made, Session):
        return Maker("function")
    raise Refused("how the session is made is not known well enough")


def _is_sessionmaker(func: n.Expr, function: Function, world: World) -> bool:
    """Whether *func* is a variable that is bound to a ``sessionmaker(...)``, and so has ``begin``."""
    if isinstance(func, n.Name) and func.id in world.local_names(function):
        bound = [p.stmt for p in places(function.node.body) if binds(p, func.id)]
        path = function.path
    else:
        what = world.names.definition(function.path, func)
        if not isinstance(what, Variable):
            return False
        bound, path = list(what.assigned), what.path
    if len(bound) != 1 or not isinstance(bound[0], (n.Assign, n.AnnAssign)) or not isinstance(bound[0].value, n.Call):
        return False
    meaning = api.meaning(world.names.dotted(path, bound[0].value.func) or "")
    return meaning in ("sessionmaker", "async-sessionmaker")


def _is_none(stmt: n.Stmt, name: str) -> bool:
    if isinstance(stmt, n.Assign):
        targets: tuple[n.Expr, ...] = stmt.targets
    elif isinstance(stmt, n.AnnAssign):
        targets = (stmt.target,)
    else:
        return False
    nothing = stmt.value is None or (isinstance(stmt.value, n.Constant) and stmt.value.value is None)
    return nothing and len(targets) == 1 and isinstance(targets[0], n.Name) and targets[0].id == name
