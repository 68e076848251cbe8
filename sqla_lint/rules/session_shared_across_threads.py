"""One session in several threads or tasks.

What it does
    Reports the call that hands a plain session to another thread, process or task, or to what runs after the response:
    as an argument, closed over by a function or lambda, in a ``partial``, or held by the object whose method runs
    there.

Why it is bad
    A session is not made for two users at a time: statements of one land in the other's transaction, a commit of one
    ends the other's work, and an asynchronous session refuses outright. In another process, or after the response, its
    connection is not usable any more.

Bad
    def titles(session: Session, keys):
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda key: session.get(Book, key).title, keys))

Good
    def title(key):
        with SessionLocal() as session:
            return session.get(Book, key).title

    def titles(keys):
        with ThreadPoolExecutor() as pool:
            return list(pool.map(title, keys))

Fix
    Hand over keys or plain data, or the factory, and open a session where the work is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Shared
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.session_values import FlaskDb, Registry
from sqla_lint.index.module import blocks
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODE = "SES103"
NAME = "session-shared-across-threads"
SEVERITY = "error"

_TOLD = {
    "thread": "is handed to another thread or process",
    "task": "is handed to a task that runs beside this function",
    "gather": "is used by several tasks at the same time",
    "stream": "is read after the function has returned",
}


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each call that hands sessions over."""
    told: set[Pos] = set()
    for event in facts.events:
        if isinstance(event, Shared) and event.pos not in told:
            if _is_registry(facts, world, event.sid) or _is_awaited_next(facts, event.pos):
                continue
            told.add(event.pos)
            name = facts.name_of(event.sid)
            message = (
                f"{name} {_TOLD[event.how]}: one session for two users at a time; hand over keys or the session "
                "factory, and open a session there"
            )
            yield Verdict(event.pos, message, subject=(event.sid, event.pos))


def _is_registry(facts: Facts, world: World, sid: Sid) -> bool:
    """Whether a caller hands a registry in: then the parameter is each thread's own session."""
    if sid.owner != "parameter" or len(sid.path) != 1:
        return False
    function = facts.function
    for caller in world.roles.callers(function):
        for call in caller.calls.get(function.node.name, ()):
            if isinstance(world.argument(caller, call, function, sid.path[0]), (Registry, FlaskDb)):
                return True
    return False


def _is_awaited_next(facts: Facts, pos: Pos) -> bool:
    """``task = create_task(...)`` with ``await task`` right behind it: nothing runs beside it."""
    return any(_awaits_next(block, pos) for block in _all_blocks(facts.function.node.body))


def _awaits_next(block: tuple[n.Stmt, ...], pos: Pos) -> bool:
    for stmt, following in pairwise(block):
        if isinstance(stmt, n.Assign) and stmt.value.pos == pos and isinstance(stmt.targets[0], n.Name):
            value = getattr(following, "value", None)
            return isinstance(value, n.Await) and value.value == n.Name(value.value.pos, stmt.targets[0].id)
    return False


def _all_blocks(body: tuple[n.Stmt, ...]) -> Iterator[tuple[n.Stmt, ...]]:
    yield body
    for stmt in body:
        for block in blocks(stmt):
            yield from _all_blocks(block)
