"""Sessions that may be one: what is kept as ``self.session`` is often what ``self.repository.session`` is, too.

Whoever puts the objects together decides, out of sight. So what ends the transaction of one has ended it, as far as
anybody can tell, for those that other objects keep.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances, ownership
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor

_KEPT = frozenset({"instance", "held"})


def ended(cur: Cursor, sid: Sid) -> None:
    """The transaction of *sid* has ended, and that of its other names."""
    for other in list(_others(cur, sid)):
        state = cur.sessions[other]
        if state.active or state.failure is not None:
            cur.sessions[other] = state._replace(active=False, failure=None, waited=None)


def named(cur: Cursor, name: str) -> None:
    """A method called *name* of something that is not known: where that is a session, it may be any not made here."""
    if name in api.SENDS_ALL:
        instances.flushed_somewhere(cur)
    elif name in api.ROLLS_BACK:
        for sid, state in cur.sessions.items():
            if state.failure is not None and sid.owner != "local":
                cur.sessions[sid] = state._replace(failure=None)


def extended(ctx: Context, cur: Cursor, session: Session, name: str) -> None:
    """A method of *session* that SQLAlchemy does not know: it may have done with the session whatever it likes, unless
    the project's session classes say that it ends nothing.
    """
    state = cur.sessions.get(session.sid)
    if state is not None and not ctx.static and not _ends_nothing(ctx, name):
        cur.sessions[session.sid] = state._replace(failure=None)
        instances.flushed(ctx, cur, session.sid)
        ownership.release(ctx, cur, session)


def _ends_nothing(ctx: Context, name: str) -> bool:
    """Whether the session classes of the project that have a method *name* mention nothing in it that ends work."""
    world = ctx.world
    named = (f for f in world.project.functions_by_word.get(name, ()) if f.node.name == name)
    found = [f for f in named if f.cls is not None and world.session_class(f.cls) is not None]
    return bool(found) and not any(f.words & (api.ENDS_WORK | api.ROLLS_BACK) for f in found)


def _others(cur: Cursor, sid: Sid) -> Iterator[Sid]:
    if sid.owner in _KEPT:
        for other in cur.sessions:
            # Two that one object keeps side by side are two.
            apart = len(other.path) == len(sid.path) and other.path[-1] != sid.path[-1]
            if other.owner in _KEPT and other.path != sid.path and not apart:
                yield other
