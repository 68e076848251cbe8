"""Events: what solving a function noted at one place, for the rules to read."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.state import InstanceId, SessionState
from sqla_lint.flow.terms.summary import Taken
from sqla_lint.index.module import Class, Function
from sqla_lint.lower.nodes import Pos


class Created(NamedTuple):
    """A session was made here, by this function."""

    sid: Sid
    pos: Pos
    how: str
    in_finally: bool = False


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


class Called(NamedTuple):
    """A method of a session was called. *state* is what the session was before; *name* the method.

    *loops* and *guards* are those around the call; *bare* if nothing is done with what it gives, not even ``await``.
    """

    sid: Sid
    pos: Pos
    name: str
    state: SessionState
    loops: tuple[tuple[int, int], ...]
    guards: tuple[Guard, ...]
    in_finally: bool
    bare: bool


class Ended(NamedTuple):
    """A function of the project was called that commits or rolls back a session: *must* and *may* as in its summary.

    *loops* and *guards* are those around the call; *function* is the one called.
    """

    sid: Sid
    pos: Pos
    function: Function
    must: frozenset[str]
    may: frozenset[str]
    loops: tuple[tuple[int, int], ...]
    guards: tuple[Guard, ...]


class Ran(NamedTuple):
    """A statement, flush or commit of a session ran, by a call in this very function; *name* is what ran it."""

    sid: Sid
    pos: Pos
    name: str


class Reopened(NamedTuple):
    """A closed session was used again: *closed_at* was no end of it."""

    sid: Sid
    closed_at: Pos
    pos: Pos


class Outlived(NamedTuple):
    """An unread result outlived its session: *how* is ``return`` or ``read``; *query* is where it was made."""

    sid: Sid
    pos: Pos
    query: Pos
    how: str


class Used(NamedTuple):
    """A session was used after an error on it was swallowed (*failure* names the handler)."""

    sid: Sid
    pos: Pos
    state: SessionState
    how: str


class Recovered(NamedTuple):
    """A session was rolled back or closed after an error on it; *failed* is where that came from."""

    sid: Sid
    pos: Pos
    failed: Pos


class Waited(NamedTuple):
    """The function waited for something else (*what*) while the session's transaction was open.

    *first* is where it first did in the same transaction; *via* is the slow call where *pos* calls a function that
    makes it: (file, position). *after* is what had been done to the session before (``commit``, ``rollback``, ...).
    """

    sid: Sid
    pos: Pos
    first: Pos
    what: str
    via: tuple[str, Pos] | None
    after: frozenset[str]


class Shared(NamedTuple):
    """A plain session was handed to what runs beside the function: *how* is ``thread``, ``task``, ``gather`` or
    ``stream``.
    """

    sid: Sid
    pos: Pos
    how: str


class Exit(NamedTuple):
    """One way out: *how* is ``return``, ``end`` or ``raise``; *pos* is the ``return`` or what raised."""

    sid: Sid
    pos: Pos | None
    state: SessionState
    how: str
    label: str


class LazyRead(NamedTuple):
    """A relationship (or deferred column) read on a row drawn by a loop. *status* is ``lazy``, ``loaded`` or
    ``unknown``.

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


class Rendered(NamedTuple):
    """The template that is rendered at *pos* reads what *read* says, in the file *path* (itself, or one that it
    includes), of rows that a loop of the file *looped* draws.
    """

    path: str
    read: LazyRead
    looped: str
    pos: Pos


class Lent(NamedTuple):
    """A function was handed a model, a query or a function, and with it a loop of its own reads what *read* says, or
    nothing awaits a load of its own.
    """

    read: LazyRead | AsyncRead
    function: Function
    pos: Pos


class Handed(NamedTuple):
    """A value was handed to a function that reads it in a loop of its own: *status* as in :class:`LazyRead`.

    *read*, *path* and *steps* say which read; *attribute* is what it comes to on these rows, *entity* being one of them
    (None where that is not known).
    """

    read: Pos
    path: str
    steps: tuple[str, ...]
    attribute: str
    entity: Entity | None
    pos: Pos
    status: str

    @property
    def target(self) -> str:
        """The name of the rows' class."""
        return self.entity.cls.name if self.entity is not None else ""


class Fetched(NamedTuple):
    """All rows of a query were loaded into a list: *what* is ``rows``, ``part`` (with a ``limit``) or ``unknown``."""

    pos: Pos
    what: str


class Detached(NamedTuple):
    """An instance whose session has closed is used: *how* is ``read``, ``call`` (a callee reads it) or ``return``.

    *cause* is what expired it, None where *attribute* had never been loaded; *text* is what the code calls it.
    """

    pos: Pos
    instance: InstanceId
    text: str
    attribute: str | None
    how: str
    cause: Pos | None


class AsyncRead(NamedTuple):
    """Reading *attribute* would send a statement outside ``await``: it is not loaded, or *cause* expired it. Not *sure*
    where the session may hold what it leads to.
    """

    pos: Pos
    instance: InstanceId
    text: str
    attribute: str
    cause: Pos | None
    sure: bool = True


class KeyRead(NamedTuple):
    """A generated primary key is read before any flush."""

    pos: Pos
    instance: InstanceId
    cls: str
    attribute: str
    text: str


class OtherCommit(NamedTuple):
    """A session is committed while *changed* (a change of an instance of *other*) waits for its own commit."""

    sid: Sid
    pos: Pos
    other: Sid
    changed: Pos


class Queried(NamedTuple):
    """A query that reads ran, by the expression at *pos*, in *loops*.

    *takes* is None where that expression says what it asks for; where it is a call of a function of the project, the
    arguments that the function's query is made of. *via* is that query: (function, position, file). *under* are the
    conditions on parameters that it stands under; *coroutine* if nothing runs before it is awaited. *row* is the
    key of the one row that is asked for, with its class, where the function was handed it: the session may hold that
    row.
    *conditions* is how many of any kind it stands under: 0 for one that always runs.
    """

    sid: Sid | None
    pos: Pos
    loops: tuple[tuple[int, int], ...]
    under: tuple[Guard, ...] = ()
    takes: tuple[Taken, ...] | None = None
    via: tuple[str, Pos, str] | None = None
    coroutine: bool = False
    row: tuple[Value, Class] | None = None
    conditions: int = 0


class Once(NamedTuple):
    """A loop goes over one row at most."""

    loop: tuple[int, int]


Event = (
    AsyncRead
    | Called
    | Closing
    | Created
    | Detached
    | Ended
    | Exit
    | Fetched
    | Handed
    | KeyRead
    | LazyRead
    | Lent
    | OtherCommit
    | Outlived
    | Ran
    | Rebound
    | Recovered
    | Rendered
    | Reopened
    | Shared
    | Used
    | Waited
    | Queried
    | Once
)
