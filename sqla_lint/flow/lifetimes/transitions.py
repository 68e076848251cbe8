"""How a session's state moves: what each kind of call does when it succeeds, and when it raises.

Facts of SQLAlchemy: a session that was only constructed or added to, or whose last word was a commit or a rollback,
holds no connection; a statement checks one out; a failed flush or commit poisons the session until ``rollback()``; a
closed session that is used again opens a new transaction silently.
"""

from __future__ import annotations

from sqla_lint.flow.terms.state import CLOSED, OPEN, Failure, SessionState
from sqla_lint.lower.nodes import Pos


def statement(s: SessionState, pos: Pos, writes: bool) -> SessionState:
    """A statement ran: the transaction holds a connection. A closed session is open again (SES305's concern)."""
    wrote = s.wrote or (pos if writes else None)
    ended = s.ended | ({"statement", "write"} if writes else {"statement"})
    return s._replace(status=_reopened(s), used=True, active=True, wrote=wrote, ended=ended)


def note(s: SessionState, pos: Pos) -> SessionState:
    """A write was noted in the session without a statement (``add``)."""
    failure = s.failure
    if failure is not None and failure.is_swallowed and failure.followed is None:
        failure = failure._replace(followed=pos)
    return s._replace(wrote=s.wrote or pos, failure=failure, ended=s.ended | {"write"})


def commit(s: SessionState) -> SessionState:
    """A commit went through: the connection is back in the pool."""
    ended = s.ended | {"commit", "statement"}
    status = _reopened(s)
    return _cleared(s)._replace(status=status, used=True, ended=ended)


def running(s: SessionState) -> SessionState:
    """A statement was sent, and the program is left before what it gives is looked at."""
    return s._replace(status=_reopened(s), used=True, active=True)


def failed(s: SessionState, pos: Pos, poisons: bool) -> SessionState:
    """A statement, flush or commit raised: nothing works until ``rollback()``."""
    return running(s)._replace(failure=s.failure or Failure(pos, poisons))


def rollback(s: SessionState) -> SessionState:
    ended = s.ended | {"rollback"}
    return _cleared(s)._replace(failure=None, ended=ended)


def ended_in_sql(s: SessionState) -> SessionState:
    """``text("COMMIT")`` ran: the database's transaction has ended, and SQLAlchemy does not know."""
    return _cleared(s)._replace(ended=s.ended | {"may-commit"})


def _cleared(s: SessionState) -> SessionState:
    """What ended with the transaction."""
    return s._replace(active=False, wrote=None, tried_after=frozenset(), waited=None, changed=None)


def close(s: SessionState, pos: Pos, in_finally: bool) -> SessionState:
    """Closed; a second close at the same exit changes nothing about which one did it."""
    closed_at = s.closed_at if s.status == CLOSED else pos
    final = s.in_finally if s.status == CLOSED else in_finally
    return s._replace(
        status=CLOSED if s.status in (OPEN, CLOSED) else s.status,
        active=False,
        failure=None,
        wrote=None,
        tried_after=frozenset(),
        waited=None,
        closed_at=closed_at,
        reopened_at=None,
        in_finally=final,
        ended=s.ended | {"close"},
    )


def _reopened(s: SessionState) -> str:
    return OPEN if s.status == CLOSED else s.status
