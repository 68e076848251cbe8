"""What solving a function found: events and exits, which the rules read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sqla_lint.flow.state import SessionState
from sqla_lint.flow.values import Entity, Session, Sid
from sqla_lint.index.module import Function
from sqla_lint.lower.nodes import Pos


class Created(NamedTuple):
    """A session was made here, by this function."""

    sid: Sid
    pos: Pos
    how: str


class Rebound(NamedTuple):
    """A session was made where the one of the last round was still open."""

    sid: Sid
    pos: Pos
    state: SessionState


class Closing(NamedTuple):
    """A call closed a session. *again* if it was closed already; *text* names what was called."""

    sid: Sid
    pos: Pos
    again: bool
    in_finally: bool


class Reopened(NamedTuple):
    """A closed session was used again: *closed_at* was no end of it."""

    sid: Sid
    closed_at: Pos
    pos: Pos


class Used(NamedTuple):
    """A session was used after an error on it was swallowed (*failure* names the handler)."""

    sid: Sid
    pos: Pos
    state: SessionState
    how: str


class Exit(NamedTuple):
    """One way out: *how* is ``return``, ``end`` or ``raise``; *pos* is the ``return`` or what raised."""

    sid: Sid
    pos: Pos | None
    state: SessionState
    how: str
    label: str


class LazyRead(NamedTuple):
    """A relationship (or deferred column) read on a row drawn by a loop. *status* is ``lazy``, ``loaded`` or ``unknown``.

    *steps* is the path from the query's row; *via* is the callee's own read where the loop calls a function.
    """

    pos: Pos
    loop: tuple[int, int]
    entity: Entity
    attribute: str
    status: str
    many: bool | None
    via: tuple[str, Pos, str] | None
    span: Pos


class Handed(NamedTuple):
    """A value was handed to a function that reads it in a loop of its own: *status* as in :class:`LazyRead`."""

    callee: tuple[str, int, int]
    read: Pos
    attribute: str
    path: str
    pos: Pos
    status: str
    target: str


Event = Created | Rebound | Closing | Reopened | Used | Exit | LazyRead | Handed


@dataclass(frozen=True)
class Facts:
    """Everything that solving one function found; *names* are the variables that held each session, for messages."""

    function: Function
    events: tuple[Event, ...]
    names: dict[Sid, str] = field(default_factory=dict)
    sessions: dict[Sid, Session] = field(default_factory=dict)
    bounded: str | None = None

    def name_of(self, sid: Sid) -> str:
        """What the code calls a session: the variable that holds it, or how it is reached."""
        if sid in self.names:
            return self.names[sid]
        path = [part for part in sid.path if "/" not in part]
        session = self.sessions.get(sid)
        if session is not None and session.settings.flavour == "flask":
            path.append("session")
        return ".".join(path) if path else "the session"
