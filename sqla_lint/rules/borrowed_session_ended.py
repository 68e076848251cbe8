"""A function ends a session that it was given.

What it does
    Reports ``commit``, ``rollback`` and ``close`` on a session that the function was handed as a parameter. Off unless
    it is selected: many projects commit in the functions that they hand a session to, and mean it.

Why it is bad
    The caller's other work goes with it: what it had added is committed half done, or thrown away, and its instances
    expire or lose their session.

Bad
    def add_book(session: Session, title):
        session.add(Book(title=title))
        session.commit()

Good
    def add_book(session: Session, title):
        session.add(Book(title=title))
        session.flush()

Fix
    Leave the end to whoever made the session; ``flush()`` where keys are needed, ``begin_nested()`` where a part may
    fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.members import is_wrapped
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops.rounds import words_of
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Called, Exit
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.index.module import Function, own_nodes, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODE = "SES209"
NAME = "borrowed-session-ended"
SEVERITY = "warning"
DEFAULT = False

_ENDS = api.COMMITS | api.ROLLS_BACK | {"close", "aclose"}
# A flag of one of these names says that the function may end the session, or made it itself.
_FLAGS = frozenset({"own", "owner", "owned", "commit", "autocommit", "close", "autoclose", "manage", "managed", "new",
                    "created", "local", "auto", "rollback"})  # fmt: skip
_INSTEAD = {
    "commit": "flush() if keys are needed, and let the caller commit",
    "rollback": "put begin_nested() around what may fail, or raise after it",
}


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each call that ends what is the caller's."""
    function = facts.function
    if _is_handed_by_framework(function, world) or function.is_generator and world.roles.is_context_manager(function):
        return
    told: set[Pos] = set()
    for event in facts.events:
        if not (isinstance(event, Called) and event.name in _ENDS and event.pos not in told):
            continue
        if event.sid.owner != "parameter" or len(event.sid.path) != 1 or _is_agreed(facts, event):
            continue
        told.add(event.pos)
        name = facts.name_of(event.sid)
        message = (
            f"{name}.{event.name}() ends a session that {function.node.name}() was given: the caller's other work goes "
            f"with it; {_INSTEAD.get(event.name, 'leave it to whoever made the session')}"
        )
        yield Verdict(event.pos, message, subject=(event.sid, event.pos))


def _is_handed_by_framework(function: Function, world: World) -> bool:
    """Whether something around the function hands it its session and manages that: then the function is its owner."""
    if is_wrapped(function):
        return True
    if function.outer is not None and _is_handed_out(function, function.outer):
        return True
    return world.roles.is_route(function)


def _is_handed_out(function: Function, outer: Function) -> bool:
    """Whether the function is what a decorator (or a factory of handlers) makes."""
    returned = [s.value for s in statements(outer.node.body) if isinstance(s, n.Return) and s.value is not None]
    name = function.node.name
    return any(isinstance(e, n.Name) and e.id == name for value in returned for e in own_nodes(value))


def _is_agreed(facts: Facts, event: Called) -> bool:
    """Whether the caller has asked for it by a flag, learns of it by an exception, or only a savepoint ends."""
    if any(_is_flag(guard, facts.function) for guard in event.guards):
        return True
    if any(isinstance(e, Called) and e.sid == event.sid and e.name in api.SAVEPOINTS and e.bare for e in facts.events):
        return True
    return event.name in api.ROLLS_BACK and (_only_raises(facts, event.sid) or _is_raised_after(facts, event.pos))


def _is_flag(guard: Guard, function: Function) -> bool:
    flags = {p.name for p in function.node.params if isinstance(p.default, n.Constant) and p.default.kind == "bool"}
    for part in own_nodes(guard.test) if guard.test is not None else ():
        name = part.id if isinstance(part, n.Name) else part.attr if isinstance(part, n.Attribute) else ""
        if name in flags or words_of(name) & _FLAGS:
            return True
    return False


def _only_raises(facts: Facts, sid: Sid) -> bool:
    """Whether the function returns on no way on which it has rolled back."""
    ways = [e for e in facts.events if isinstance(e, Exit) and e.sid == sid]
    return not any(way.how != "raise" and "rollback" in way.state.ended for way in ways)


def _is_raised_after(facts: Facts, pos: Pos) -> bool:
    """Whether the block that has the call at *pos* ends by raising."""
    for stmt in statements(facts.function.node.body):
        blocks = [h.body for h in stmt.handlers] if isinstance(stmt, n.Try) else []
        if isinstance(stmt, n.If):
            blocks = [stmt.body, stmt.orelse]
        for block in blocks:
            places = [s.pos for s in block]
            if any(p[:2] <= pos[:2] <= p[2:] for p in places) and isinstance(block[-1], n.Raise):
                return True
    return False
