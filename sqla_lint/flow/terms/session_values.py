"""Values that have to do with sessions: what they are told apart by, what makes them, and what encloses them."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.lower.nodes import Pos


class Settings(NamedTuple):
    """How a session was configured; None where that is not known.

    *flavour* is ``plain``, ``flask`` (Flask-SQLAlchemy's), ``managed`` (the configuration says that somebody closes
    it), ``bound`` (over a connection that somebody else closes), ``final`` (closed for good: it raises when used again)
    or ``connection`` (a connection of an engine: it is followed like a session). *commits* where the project's own
    subclass commits at the end of a ``with``.
    """

    is_async: bool = False
    expire_on_commit: bool | None = True
    autoflush: bool | None = True
    autocommit: bool = False
    flavour: str = "plain"
    commits: bool = False


class Session(NamedTuple):
    sid: Sid
    settings: Settings
    kind: str = "session"


class Factory(NamedTuple):
    """What returns a new session when called. *scope* is set for ``factory.begin`` (a scope with a transaction)."""

    settings: Settings
    kind: str = "factory"


class Registry(NamedTuple):
    """A ``scoped_session`` and the like: calling it, or any method, reaches one session per thread or task."""

    sid: Sid
    settings: Settings
    kind: str = "registry"


class FlaskDb(NamedTuple):
    """Flask-SQLAlchemy's extension object."""

    path: str
    name: str
    settings: Settings
    kind: str = "flask-db"


class Transaction(NamedTuple):
    """What ``session.begin()`` or ``begin_nested()`` returns."""

    sid: Sid
    nested: bool
    pos: Pos
    kind: str = "transaction"


class Scope(NamedTuple):
    """A context manager over a session: entering gives *value*, leaving does what the fields say.

    *on_exit* is what leaving without an exception does; *on_error* what leaving with one does (names: ``close``,
    ``commit``,
    ``rollback``). *swallows* if an exception raised inside does not come out.
    """

    sid: Sid | None
    value: Value
    on_exit: frozenset[str]
    on_error: frozenset[str]
    swallows: bool
    begins: bool
    pos: Pos
    others: tuple[tuple[Sid, frozenset[str], frozenset[str]], ...] = ()
    kind: str = "scope"


class Engine(NamedTuple):
    pos: Pos | None
    is_async: bool = False
    autocommit: bool = False
    kind: str = "engine"


class Connection(NamedTuple):
    pos: Pos | None
    kind: str = "connection"
