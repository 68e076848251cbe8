"""The vocabulary of a fixture's ``witness(oracle)``: what a call is seen to do.

Verbs that name a misuse (`leaks`, `unclosed`, `poisons`, `loses`, `per_row`, `shares`, `crosses`, `waits`, `new_pools`,
`unawaited`, `breaks`, `blocks`) turn round for an oracle of a cured file: the same witness then proves that the misuse
is gone. The others hold for both.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool, QueuePool

from oracle import disk
from oracle.attempts import Call, attempt, from_two_threads
from oracle.slow import stand_ins
from oracle.watch import Observed, Watch


class Boom(RuntimeError):
    """What :meth:`Oracle.boom` raises: a failure that has nothing to do with the database."""


class Oracle:
    """Runs calls under a :class:`Watch`; *cured* turns the verbs of misuse round; *results* keeps what calls gave."""

    def __init__(self, watch: Watch, cured: bool = False) -> None:
        self.watch = watch
        self.cured = cured
        self.results: list[str] = []

    def setup(self, engine: Any, metadata: MetaData, *instances: Any) -> None:
        """Create the tables of *metadata* in *engine*'s database and store *instances*; nothing of it is counted."""
        own = create_engine(engine.url.set(drivername="sqlite"), poolclass=NullPool)
        metadata.create_all(own)
        with Session(own) as session:
            session.add_all(instances)
            session.commit()
        own.dispose()

    def boom(self, *args: Any, **kwargs: Any) -> Any:
        """A callback that fails.

        Raises:
            Boom: always.
        """
        raise Boom("the oracle made this call fail")

    def leaks(self, call: Call, failing: str | None = None) -> Any:
        """A connection that the call took is still checked out after it."""
        seen = self.observe(call, failing)
        assert self.cured or seen.held > 0, f"no connection stays checked out: {seen}"
        assert not self.cured or (seen.held == 0 and seen.unclosed == 0), f"still leaks: {seen}"
        return seen.result

    def unclosed(self, call: Call, failing: str | None = None) -> Any:
        """A session that the call made is not closed after it (whether or not it holds a connection)."""
        seen = self.observe(call, failing)
        assert self.cured == (seen.unclosed == 0), f"{seen.unclosed} sessions left open: {seen}"
        return seen.result

    def clean(self, call: Call, failing: str | None = None) -> Any:
        """The call gave back every connection and closed every session of its own."""
        seen = self.observe(call, failing)
        assert seen.held == 0, f"{seen.held} connections stay checked out: {seen}"
        assert seen.unclosed == 0, f"{seen.unclosed} sessions left open: {seen}"
        return seen.result

    def poisons(self, call: Call, failing: str | None = None) -> Any:
        """A session is used after a failure that nobody rolled back."""
        seen = self.observe(call, failing)
        assert self.cured == (seen.poisoned == 0), f"{seen.poisoned} uses of a failed transaction: {seen}"
        return seen.result

    def survives(self, call: Call, failing: str | None = None) -> Any:
        """The call does not raise, and no session is used after a failure that nobody rolled back."""
        seen = self.observe(call, failing)
        assert seen.error is None, f"raised {seen.error!r}"
        assert seen.poisoned == 0, f"{seen.poisoned} uses of a failed transaction: {seen}"
        return seen.result

    def loses(self, call: Call, table: str, rows: int, failing: str | None = None) -> Any:
        """The call ends quietly, but fewer than *rows* rows of *table* are there (all of them once cured)."""
        before = self.rows(table)
        seen = self.observe(call, failing)
        stored = self.rows(table) - before
        assert seen.error is None, f"raised {seen.error!r}"
        assert self.cured == (stored >= rows), f"{stored} of {rows} rows stored"
        return seen.result

    def keeps(self, call: Call, table: str, rows: int, failing: str | None = None) -> Any:
        """The call ends quietly and stored exactly *rows* rows in *table*."""
        before = self.rows(table)
        seen = self.observe(call, failing)
        assert seen.error is None, f"raised {seen.error!r}"
        assert self.rows(table) - before == rows, f"{self.rows(table) - before} rows stored, not {rows}"
        return seen.result

    def per_row(self, call: Call, statements: int) -> Any:
        """The call sends exactly this many statements, one or more for each row (fewer once cured)."""
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        sent = len(seen.statements)
        assert sent < statements if self.cured else sent == statements, _listing(seen, statements)
        return seen.result

    def statements(self, call: Call, count: int) -> Any:
        """The call sends exactly *count* statements."""
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert len(seen.statements) == count, _listing(seen, count)
        return seen.result

    def commits(self, call: Call, count: int) -> Any:
        """The call commits *count* times."""
        before = self.watch.commits
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert self.watch.commits - before == count, f"{self.watch.commits - before} commits, not {count}: {seen}"
        return seen.result

    def blocks(self, call: Call) -> Any:
        """A statement of the call is waited for in the thread of the event loop."""
        before = self.watch.blocking
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert self.cured == (self.watch.blocking == before), f"{self.watch.blocking - before} statements block"
        return seen.result

    def lets_others_run(self, call: Call) -> Any:
        """No statement of the call is waited for in the thread of the event loop."""
        before = self.watch.blocking
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert self.watch.blocking == before, f"{self.watch.blocking - before} statements block"
        return seen.result

    def shares(self, call: Call) -> None:
        """Called from two threads, the call uses one session in both."""
        seen = self.observe(lambda: from_two_threads(call))
        assert self.cured == (seen.shared == 0), f"{seen.shared} sessions seen from two threads: {seen}"

    def separate(self, call: Call) -> None:
        """Called from two threads, the call uses a session of its own in each."""
        seen = self.observe(lambda: from_two_threads(call))
        assert seen.error is None, f"raised {seen.error!r}"
        assert seen.shared == 0, f"{seen.shared} sessions seen from two threads: {seen}"

    def crosses(self, call: Call) -> Any:
        """One session is seen by two threads or tasks while the call runs."""
        seen = self.observe(call)
        assert self.cured == (self._crossed() == 0), f"{self._crossed()} sessions seen by two: {seen}"
        return seen.result

    def apart(self, call: Call) -> Any:
        """The call does not raise, and each thread and task has sessions of its own."""
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert self._crossed() == 0, f"{self._crossed()} sessions seen by two: {seen}"
        return seen.result

    def waits(self, call: Call, *names: str) -> Any:
        """A connection is checked out while the call is in each of the callables called *names*."""
        with stand_ins(self.watch, names) as calls:
            seen = self.observe(call)
        assert {name for name, _ in calls} == set(names), f"called: {calls}; {seen}"
        assert self.cured != any(held for _, held in calls), f"held: {calls}; {seen}"
        return seen.result

    def rests(self, call: Call, *names: str) -> Any:
        """No connection is checked out while the call is in each of the callables called *names*."""
        with stand_ins(self.watch, names) as calls:
            seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert {name for name, _ in calls} == set(names), f"called: {calls}"
        assert not any(held for _, held in calls), f"held: {calls}"
        return seen.result

    def new_pools(self, call: Call) -> Any:
        """Each of two calls leaves a pool of its own behind that holds a connection."""
        assert self.cured == (self._pools_of_two(call) < 2), "no pool for each call"

    def pools(self, call: Call, count: int) -> Any:
        """Two calls leave *count* new pools behind that hold a connection."""
        left = self._pools_of_two(call)
        assert left == count, f"{left} pools, not {count}"

    def unawaited(self, call: Call, count: int = 1) -> Any:
        """*count* coroutines that the call made were never awaited."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            seen = self.observe(call)
        never = [str(warning.message) for warning in caught if "was never awaited" in str(warning.message)]
        assert len(never) == (0 if self.cured else count), f"never awaited: {never}; {seen}"
        return seen.result

    def fetch(self, statement: str) -> list[Any]:
        """The first column of what *statement* finds on disk, seen through a connection of the oracle's own."""
        return disk.fetch(statement)

    def raises(self, kind: type[BaseException], call: Call, failing: str | None = None) -> None:
        """The call raises *kind*."""
        seen = self.observe(call, failing)
        assert isinstance(seen.error, kind), f"raised {seen.error!r}, returned {seen.result!r}"

    def breaks(self, call: Call) -> None:
        """The call raises :class:`DetachedInstanceError` (nothing once cured)."""
        seen = self.observe(call)
        assert self.cured == (seen.error is None), f"raised {seen.error!r}, returned {seen.result!r}"
        assert self.cured or isinstance(seen.error, DetachedInstanceError), f"raised {seen.error!r}"

    def detached(self, call: Call, attribute: str) -> None:
        """What the call returns (the first of it) cannot be read any more."""
        self.breaks(lambda: getattr(_first(call()), attribute))

    def usable(self, call: Call, attribute: str) -> Any:
        """*attribute* of what the call returns (of the first of it) can be read after the call has ended."""
        seen = self.observe(call)
        assert seen.error is None, f"raised {seen.error!r}"
        assert seen.held == 0, f"{seen.held} connections stay checked out: {seen}"
        return getattr(_first(seen.result), attribute)

    def rows(self, table: str) -> int:
        """How many rows *table* has on disk, seen through a connection of the oracle's own."""
        return disk.rows(table)

    def observe(self, call: Call, failing: str | None = None) -> Observed:
        """Run *call* (a coroutine is awaited) without garbage collection, so that what leaks stays seen.

        Args:
            call: what to run; an exception of it is part of what is observed.
            failing: the beginning of the first statement to fail, in capitals (``INSERT``, ``COMMIT``).
        """
        watch = self.watch
        gc.collect()
        out, sent, poisoned = set(watch.out), len(watch.statements), watch.poisoned
        created, closes = len(watch.created), watch.closes
        watch.threads.clear()
        watch.users.clear()
        watch.failing = failing
        gc.disable()
        result, error = attempt(call)
        seen = Observed(
            result,
            error,
            tuple(watch.statements[sent:]),
            len(set(watch.out) - out),
            sum(id(session) not in watch.closed for session in watch.created[created:]),
            watch.closes - closes,
            watch.poisoned - poisoned,
            sum(len(threads) > 1 for threads in watch.threads.values()),
        )
        gc.enable()
        assert failing is None or watch.failing is None, f"no statement began with {failing}: {seen}"
        watch.failing = None
        self._forget(created)
        self.results.append(repr(result) if error is None else type(error).__name__)
        return seen

    def _crossed(self) -> int:
        return sum(len(users) > 1 for users in self.watch.users.values())

    def _pools_of_two(self, call: Call) -> int:
        before = list(self.watch.pools)
        for _ in range(2):
            seen = self.observe(call)
            assert seen.error is None, f"raised {seen.error!r}"
        return sum(pool not in before and _holds(pool) for pool in self.watch.pools)

    def _forget(self, created: int) -> None:
        """Let go of what the call made, so that a leak of one call does not lock the database for the next."""
        del self.watch.created[created:]
        self.watch.borrowed.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()


def _first(found: Any) -> Any:
    return found[0] if isinstance(found, Sequence) else found


def _holds(pool: Any) -> bool:
    return isinstance(pool, QueuePool) and pool.checkedin() + pool.checkedout() > 0


def _listing(seen: Observed, expected: int) -> str:
    return f"{len(seen.statements)} statements, not {expected}:\n" + "\n".join(seen.statements)
