"""A handler swallows a database error and goes on without rolling back.

What it does
    Reports the ``except`` (or ``with suppress``) that can catch a failed flush, commit or statement on a session that
    lives on, where some way on from there neither rolls back, closes the session, nor leaves by raising.

Why it is bad
    After a failed flush the session raises ``PendingRollbackError`` until ``rollback()`` is called, on whatever uses it
    next; PostgreSQL refuses every statement of the aborted transaction. The error shows up somewhere else, on somebody
    else's request.

Bad
    def rename(session: Session, book_id, title):
        book = session.get(Book, book_id)
        try:
            book.title = title
            session.commit()
        except IntegrityError:
            log.warning("title is taken")

Good
    def rename(session: Session, book_id, title):
        book = session.get(Book, book_id)
        try:
            book.title = title
            session.commit()
        except IntegrityError:
            session.rollback()
            log.warning("title is taken")

Fix
    rollback: ``rollback()`` as the handler's first statement, or ``begin_nested()`` around the risky part.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver import collected
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Exit, Used
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.state import Failure, SessionState
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES201"
NAME = "missing-rollback"
SEVERITY = "error"
SUPERSEDES = ("SES202",)

# Whose sessions are used again after the function has returned.
_OUTLIVES = frozenset({"parameter", "injected", "instance", "held", "module", "registry", "closure", "kept"})


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each handler, whatever number of ways lead on from it."""
    told: dict[Pos, Verdict] = {}
    for event in facts.events:
        verdict: Verdict | None = None
        if isinstance(event, (Used, Exit)) and facts.flavour(event.sid) == "connection":
            continue
        if isinstance(event, Used):
            verdict = _used(facts, event)
        elif isinstance(event, Exit) and event.how != "raise":
            verdict = _left(facts, world, event)
        if verdict is not None and (verdict.pos not in told or _order(verdict) < _order(told[verdict.pos])):
            told[verdict.pos] = verdict
    yield from told.values()


def _order(verdict: Verdict) -> tuple[int, str]:
    """A later use is the better story than the end of the function."""
    return (0 if len(verdict.related) > 1 else 1, verdict.message)


def _used(facts: Facts, event: Used) -> Verdict | None:
    failure = event.state.failure
    assert failure is not None
    assert failure.handler is not None
    if collected.is_rolled_back_later(facts, event, failure):
        return None
    name = facts.name_of(event.sid)
    if event.how == "block-end":
        return _block(event, failure, name)
    if event.how == "savepoint-end":
        message = (
            f"swallows a failed statement on {name} inside its savepoint without rolling back: the rows of the "
            "savepoint are "
            "lost; put begin_nested() around the risky part alone"
        )
        return _verdict(failure, message, event.sid, Note(event.pos, "the savepoint ends here"))
    message = (
        f"swallows a failed statement on {name} without rollback(): the next use at line {event.pos[0]} raises; "
        f"call {name}.rollback() first in the handler, or put begin_nested() around the risky part"
    )
    return _verdict(failure, message, event.sid, Note(event.pos, "used again here"))


def _block(event: Used, failure: Failure, name: str) -> Verdict | None:
    if not failure.after_writes and failure.followed is None:
        return None
    message = (
        f"swallows a failed statement inside the transaction block of {name}: the block ends quietly and every row of "
        "it is lost; "
        "put begin_nested() around the risky part"
    )
    return _verdict(failure, message, event.sid, Note(event.pos, "the block that loses its rows"))


def _left(facts: Facts, world: World, event: Exit) -> Verdict | None:
    failure = event.state.failure
    if failure is None or failure.handler is None or not _lives_on(event.sid, event.state):
        return None
    if event.sid.owner in ("injected", "registry", "parameter") and _is_request_scoped(facts, world, event.sid):
        return None
    name = facts.name_of(event.sid)
    message = (
        f"swallows a failed statement on {name} without rollback(), and the function returns: whoever uses {name} next "
        "gets "
        f"{_next_error(failure)}; call {name}.rollback() first in the handler, or raise again"
    )
    return _verdict(failure, message, event.sid)


def _next_error(failure: Failure) -> str:
    return "PendingRollbackError" if failure.poisons else "a transaction that the database has aborted"


def _verdict(failure: Failure, message: str, sid: Sid, *notes: Note) -> Verdict:
    assert failure.handler is not None
    return Verdict(
        failure.handler, message, (Note(failure.pos, "fails here"), *notes), head=True, subject=(sid, failure.handler)
    )


def _lives_on(sid: Sid, state: SessionState) -> bool:
    if "promised" in state.ended:
        return False
    return sid.owner in _OUTLIVES or state.status == "gone"


def _is_request_scoped(facts: Facts, world: World, sid: Sid) -> bool:
    """A route's session ends with the request: a handler that returns without touching it harms nobody."""
    if world.roles.is_route(facts.function):
        return True
    if facts.flavour(sid) == "flask" and world.roles.is_entry_point(facts.function):
        return True
    return sid.owner == "injected" and (
        world.roles.is_fixture(facts.function) or world.roles.is_test_function(facts.function)
    )
