"""What solving a function found: events and exits, which the rules read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import AsyncRead, Event, Handed, LazyRead, Lent, Rendered
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.index.module import Function
from sqla_lint.lower.nodes import Pos


@dataclass(frozen=True)
class Facts:
    """Everything that solving one function found; *names* are the variables that held each session, for messages."""

    function: Function
    events: tuple[Event, ...]
    names: dict[Sid, str] = field(default_factory=dict)
    sessions: dict[Sid, Session] = field(default_factory=dict)
    bounded: str | None = None

    @cached_property
    def lazy_reads(self) -> tuple[tuple[LazyRead, ...], ...]:
        """The reads that send a statement whichever way led there, in source order; one group for each read, with an
        event for each query that its rows may have come from.
        """
        return _lazy(event for event in self.events if isinstance(event, LazyRead))

    @cached_property
    def handed(self) -> dict[tuple[str, Pos, tuple[str, ...]], tuple[Handed, ...]]:
        """What is handed to functions that read it in loops: by the file, the position and the steps of the read."""
        found: dict[tuple[str, Pos, tuple[str, ...]], list[Handed]] = {}
        for event in self.events:
            if isinstance(event, Handed):
                found.setdefault((event.path, event.read, event.steps), []).append(event)
        return {key: tuple(events) for key, events in found.items()}

    @cached_property
    def lent(self) -> tuple[Lent, ...]:
        """The loads that depend on what functions are lent."""
        return tuple(event for event in self.events if isinstance(event, Lent))

    @cached_property
    def raising(self) -> frozenset[Pos]:
        """Where a lazy load raises, since nothing awaits it."""
        return frozenset(event.pos for event in self.events if isinstance(event, AsyncRead))

    @cached_property
    def rendered(self) -> dict[tuple[Pos, str, str], tuple[tuple[LazyRead, ...], ...]]:
        """The same of the templates that are rendered: by the call, the file of the read and the file of its loop."""
        found: dict[tuple[Pos, str, str], list[LazyRead]] = {}
        for event in self.events:
            if isinstance(event, Rendered):
                found.setdefault((event.pos, event.path, event.looped), []).append(event.read)
        return {key: _lazy(reads) for key, reads in sorted(found.items())}

    def flavour(self, sid: Sid) -> str:
        """What kind of session it is (see ``Settings``); empty where it is not known."""
        session = self.sessions.get(sid)
        return session.settings.flavour if session is not None else ""

    def name_of(self, sid: Sid) -> str:
        """What the code calls a session: the variable that holds it, or how it is reached."""
        if sid in self.names:
            return self.names[sid]
        path = [part for part in sid.path if "/" not in part]
        session = self.sessions.get(sid)
        if session is not None and session.settings.flavour == "flask":
            path.append("session")
        return ".".join(path) if path else "the session"


def _lazy(reads: Iterable[LazyRead]) -> tuple[tuple[LazyRead, ...], ...]:
    groups: dict[tuple[object, ...], list[LazyRead]] = {}
    for read in reads:
        groups.setdefault((read.pos, read.attribute, read.loop, read.via), []).append(read)
    found = [tuple(group) for group in groups.values() if all(read.status == "lazy" for read in group)]
    return tuple(sorted(found, key=lambda group: (group[0].pos, group[0].attribute, group[0].via or ())))
