"""What SQLAlchemy does while a call runs: statements, connections, sessions, poisoned transactions.

SQLite forgives a failed statement where PostgreSQL aborts the transaction. The watch imitates PostgreSQL: after a
failed statement every other one on that connection is refused until a rollback, and a commit rolls back instead.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlalchemy import event, exc
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool

_ABORTED = "oracle.aborted"
_BOOKKEEPING = ("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE", "ROLLBACK")


class Observed(NamedTuple):
    """What one call did; *held* counts connections that it took and did not give back."""

    result: Any
    error: BaseException | None
    statements: tuple[str, ...]
    held: int
    unclosed: int
    closes: int
    poisoned: int
    shared: int


class Watch:
    """Counters that SQLAlchemy's events move; :meth:`listening` connects them for the time of a block."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.out: dict[int, Any] = {}  # the records too: an id alone would be given out again
        self.created: list[Session] = []
        self.closed: set[int] = set()
        self.closes = 0
        self.poisoned = 0
        self.commits = 0
        self.blocking = 0
        self.threads: dict[int, set[threading.Thread]] = {}
        self.users: dict[int, set[object]] = {}
        self.pools: list[Pool] = []
        self.borrowed: list[Any] = []  # kept, so that no connection comes back by being collected
        self.failing: str | None = None
        self.connections: list[Any] = []

    @contextmanager
    def listening(self) -> Iterator[Watch]:
        """Connect every listener, and disconnect them on the way out."""
        with ExitStack() as stack:
            for target, name, listener in self._listeners():
                event.listen(target, name, listener)
                stack.callback(event.remove, target, name, listener)
            for target, name, replacement in self._replacements():
                stack.enter_context(patch.object(target, name, replacement))
            yield self

    def _listeners(self) -> list[tuple[type, str, Callable[..., Any]]]:
        return [
            (Pool, "connect", self._connect),
            (Pool, "checkout", lambda dbapi, record, proxy: self.out.update({id(record): record})),
            (Pool, "checkin", self._checkin),
            (Pool, "detach", lambda dbapi, record: self.out.pop(id(record), None)),
            (Engine, "begin", _really_begin),
            (Engine, "before_cursor_execute", self._count),
            (Engine, "do_execute", self._refuse),
            (Engine, "do_executemany", self._refuse),
            (
                Engine,
                "do_execute_no_params",
                lambda cursor, statement, context: self._refuse(cursor, statement, None, context),
            ),
            (Engine, "handle_error", _abort),
            (Engine, "rollback", _recover),
            (Engine, "rollback_savepoint", lambda conn, name, context: _recover(conn)),
            (Engine, "commit", self._commit),
            (Session, "do_orm_execute", lambda state: self._seen(state.session)),
            (Session, "before_flush", lambda session, context, instances: self._seen(session)),
            (Session, "after_begin", lambda session, transaction, connection: self._seen(session)),
        ]

    def _replacements(self) -> list[tuple[type, str, Any]]:
        created, close, borrow = Session.__init__, Session.close, Engine.raw_connection
        pending = exc.PendingRollbackError.__init__

        def count_created(session: Session, *args: Any, **kwargs: Any) -> None:
            self.created.append(session)
            self.closed.discard(id(session))
            self.threads.pop(id(session), None)
            self.users[id(session)] = {_user()}
            created(session, *args, **kwargs)

        def count_closed(session: Session) -> None:
            self.closed.add(id(session))
            self.closes += 1
            close(session)

        def keep_borrowed(engine: Engine) -> Any:
            self.borrowed.append(borrow(engine))
            return self.borrowed[-1]

        def count_pending(error: exc.PendingRollbackError, *args: Any, **kwargs: Any) -> None:
            self.poisoned += 1
            pending(error, *args, **kwargs)

        return [
            (Session, "__init__", count_created),
            (Session, "close", count_closed),
            (Engine, "raw_connection", keep_borrowed),
            (exc.PendingRollbackError, "__init__", count_pending),
        ]

    def _connect(self, dbapi: Any, record: Any) -> None:
        """Leave transactions to SQLAlchemy (the driver begins too late), let readers not block writers."""
        pool = record._ConnectionRecord__pool
        if pool not in self.pools:
            self.pools.append(pool)
        dbapi.isolation_level = None
        self.connections.append(dbapi)
        cursor = dbapi.cursor()
        for pragma in ("journal_mode=WAL", "busy_timeout=300", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def _checkin(self, dbapi: Any, record: Any) -> None:
        self.out.pop(id(record), None)
        record.info.pop(_ABORTED, None)

    def _count(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not statement.lstrip().upper().startswith(_BOOKKEEPING):
            self.statements.append(statement)
            self.blocking += not conn.dialect.is_async and _in_event_loop()

    def _refuse(self, cursor: Any, statement: str, parameters: Any, context: Any) -> None:
        if context.root_connection.info.get(_ABORTED) and not statement.startswith("ROLLBACK"):
            self.poisoned += 1
            raise sqlite3.InternalError(
                "current transaction is aborted, commands ignored until end of transaction block"
            )
        if self._fails(statement):
            raise sqlite3.OperationalError("the oracle made this statement fail")

    def _commit(self, conn: Any) -> None:
        """A failed commit, and one of an aborted transaction, is a rollback; the latter says nothing."""
        fails, aborted = self._fails("COMMIT"), bool(conn.info.get(_ABORTED))
        self.poisoned += aborted
        self.commits += 1
        if fails or aborted:
            conn.connection.dbapi_connection.rollback()
        if fails:
            raise exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("the oracle made this commit fail"))

    def _fails(self, statement: str) -> bool:
        if self.failing is None or not statement.lstrip().upper().startswith(self.failing):
            return False
        self.failing = None
        return True

    def _seen(self, session: Session) -> None:
        self.threads.setdefault(id(session), set()).add(threading.current_thread())
        self.users.setdefault(id(session), set()).add(_user())


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _user() -> object:
    """The running task, where there is one, else the thread."""
    try:
        return asyncio.current_task() or threading.current_thread()
    except RuntimeError:
        return threading.current_thread()


def _really_begin(conn: Any) -> None:
    if not conn._is_autocommit_isolation():
        conn.exec_driver_sql("BEGIN")


def _abort(context: Any) -> None:
    if context.connection is not None and not context.connection.invalidated:
        context.connection.info[_ABORTED] = True


def _recover(conn: Any) -> None:
    if not conn.invalidated:
        conn.info.pop(_ABORTED, None)
