"""A session whose every call asks the run how it ends, and what the run sees of it.

Failures are real ones of SQLAlchemy on SQLite, under the watch's imitation of PostgreSQL's aborted transactions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.orm import Session

from flow.decisions import Choices, Database, Item, Strange, other_errors

# Functions of the programs that end a session for their caller.
CALLED = ("end",)

QUERY = select(1)
_BAD = text("SELECT nothing FROM nowhere")
_TAKEN = text("INSERT INTO items (name) VALUES ('taken')")


class Caught(NamedTuple):
    """A handler that has a database error, and how many rows its session had noted before its ``try`` and until now.

    *raised* is the other exception that it raised in place of the error; *leaving* while nobody has caught that.
    """

    line: int
    error: BaseException | None
    before: int
    noted: int
    raised: BaseException | None = None
    leaving: bool = False


def _comes_of(error: BaseException | None, caught: Caught) -> bool:
    """Whether *error* is what a handler raised, or was raised in place of it."""
    return error is not None and (error is caught.raised or error.__context__ in (caught.raised, caught.error))


class Run:
    """One run of one program: what it decides, and what was seen."""

    def __init__(self, database: Database, given: tuple[int, ...], errors: tuple[str, ...], mode: str = "real") -> None:
        self.database = database
        self.choices = Choices(given)
        self.mode = mode
        self.database_errors = ("bad", "taken") if "IntegrityError" in errors and mode != "memoryless" else ("bad",)
        self.other_errors = other_errors(errors, mode)
        self.sessions: list[ChoosingSession] = []
        self.tried: dict[int, int] = {}
        self.blamed: list[frozenset[int]] = []
        self.discarded = False
        self.raised: type[Exception] | None = None

    # --- what the program calls

    def outcome(self) -> str | Callable[[], Exception] | None:
        """How a statement ends: well (None), by an error of the database, by another."""
        ways: tuple[str | Callable[[], Exception] | None, ...] = (None, *self.database_errors, *self.other_errors)
        return ways[self.choices.pick(len(ways))]

    def ends(self, nested: bool) -> str | None:
        """How a block ends."""
        if self.mode == "alike":
            outcome = None if nested else self.outcome()
            if callable(outcome):
                raise outcome()
            return outcome
        ways: tuple[str | None, ...] = (None, *self.database_errors)
        return ways[self.choices.pick(len(ways))]

    def work(self) -> None:
        picked = self.choices.pick(1 + len(self.other_errors))
        if picked:
            raise self.other_errors[picked - 1]()

    def choose(self) -> bool:
        picked = self.choices.pick(2 + len(self.other_errors))
        if picked > 1:
            raise self.other_errors[picked - 2]()
        return picked == 1

    def rows(self) -> Iterator[int]:
        picked = self.choices.pick(3 + len(self.other_errors))
        if picked > 2:
            raise self.other_errors[picked - 3]()
        return iter(range(picked))

    def line(self) -> int | None:
        """The line of the program whose call runs now, if it stands in the function itself or in a function that it calls."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code.co_name in CALLED:
            frame = frame.f_back
        return frame.f_lineno if frame is not None and frame.f_code.co_name == "f" else None

    def make(self, line: int | None) -> ChoosingSession:
        """A new session. Those before it give back the connection: there is one only."""
        for session in self.sessions:
            session.give_back()
        return ChoosingSession(self, line)

    # --- handlers

    def matches(self, types: Any) -> Any:
        """What an ``except`` clause catches of the error under way: with nothing remembered, whether it does is decided anew."""
        error = sys.exc_info()[1]
        return types if self.mode != "memoryless" else self.decided(types, error)

    def decided(self, types: Any, error: BaseException | None) -> Any:
        unsure = types in (IntegrityError, ValueError, SQLAlchemyError) and isinstance(error, Strange)
        unsure |= types is IntegrityError and isinstance(error, SQLAlchemyError)
        if not unsure:
            return types
        return BaseException if self.choices.pick(2) else ()

    def begin_try(self, line: int) -> None:
        self.tried[line] = max((session.noted for session in self.sessions), default=0)

    def caught(self, line: int, tried: int, error: BaseException | None = None) -> None:
        """A handler begins (or ``suppress`` takes an exception)."""
        error = error or sys.exc_info()[1]
        for session in self.sessions:
            if not session.failed:
                session.caught.clear()
                continue
            resumed = any(c.leaving and _comes_of(error, c) for c in session.caught)
            session.caught = [c._replace(leaving=c.leaving and not _comes_of(error, c)) for c in session.caught]
            if resumed or isinstance(error, SQLAlchemyError):
                session.caught.append(Caught(line, error, self.tried[tried], session.noted))

    def raising(self) -> None:
        """A handler raises: until that is caught, nobody has swallowed anything."""
        error = sys.exc_info()[1]
        for session in self.sessions:
            session.caught = [
                c._replace(raised=error, leaving=True) if error is not None and error in (c.error, c.raised) else c
                for c in session.caught
            ]

    def left_raising(self, line: int) -> None:
        """A handler is left by an exception; by the one that it caught, it has handed that on."""
        error = sys.exc_info()[1]
        for session in self.sessions:
            left = [c for c in session.caught if c.line != line or c.error is not error]
            session.caught = [
                c._replace(raised=error, leaving=True) if c.line == line or c.raised is error else c for c in left
            ]

    def blame(self, session: ChoosingSession) -> None:
        """A session is used (or given back) while it does not work: whoever swallowed its error is told."""
        lines = frozenset(c.line for c in session.caught if not c.leaving)
        if lines:
            self.blamed.append(lines)
        session.caught.clear()


class ChoosingSession(Session):
    """A session that ends each statement as the run decides."""

    def __init__(self, run: Run, made: int | None = None) -> None:
        super().__init__(run.database.engine)
        self.run = run
        self.made = made
        self.used = False
        self.closed = False
        self.closer: int | None = None
        self.closings: set[int] = set()
        self.resets: set[int] = set()
        self.caught: list[Caught] = []
        self.noted = 0
        self.deciding = True
        self.begun = False
        run.sessions.append(self)

    @property
    def failed(self) -> bool:
        """Whether it refuses its next statement, or loses what the block around has done."""
        if self.begun and not self.in_transaction():
            return True
        return not self.is_active or (self.in_transaction() and self.run.database.aborted)

    def give_back(self) -> None:
        """End it behind the program's back."""
        self.plainly(super().close)

    def use(self) -> None:
        if self.failed:
            self.run.blame(self)
            if self.run.mode != "real" and not self.begun:
                self.plainly(super().rollback)
        self.caught.clear()
        self.reopen()
        self.closed = False
        self.used = True

    def reopen(self) -> None:
        if self.closed and self.closer is not None:
            self.resets.add(self.closer)

    def plainly(self, call: Any, *args: Any) -> Any:
        """Call SQLAlchemy's own method: what it calls in turn is not decided upon."""
        self.deciding = False
        try:
            return call(*args)
        except InvalidRequestError as error:
            # A transaction ended or begun twice is misuse of another kind.
            self.run.discarded |= not (isinstance(error, PendingRollbackError) or self.begun or self.run.blamed)
            raise
        finally:
            self.deciding = True
            # A flush that was refused before it sent anything leaves the failure that was arranged for it.
            self.run.database.watch.failing = None

    def arrange(self, failure: str) -> None:
        """Make the next flush fail."""
        super().add(Item(name="taken" if failure == "taken" else None))
        if failure == "bad":
            self.run.database.watch.failing = "INSERT"

    # --- what the program calls

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        if not self.deciding:
            return super().execute(*args, **kwargs)
        self.use()
        outcome = self.run.outcome()
        if isinstance(outcome, str):
            return self.plainly(super().execute, _BAD if outcome == "bad" else _TAKEN)
        result = self.plainly(super().execute, QUERY)
        if outcome is not None:
            raise outcome()
        return result

    def add(self, *_: Any) -> None:  # type: ignore[override]
        self.reopen()
        self.noted += 1
        super().add(Item())

    def flush(self, *args: Any) -> None:
        if not self.deciding:
            super().flush()
            return
        self.use()
        outcome = self.run.outcome()
        self.noted += 1
        super().add(Item())
        if isinstance(outcome, str):
            self.arrange(outcome)
        self.plainly(super().flush)
        if outcome is not None:
            assert not isinstance(outcome, str), "the flush was made to fail"
            raise outcome()

    def commit(self) -> None:
        if not self.deciding:
            super().commit()
            return
        self.use()
        outcome = self.run.outcome()
        if isinstance(outcome, str):
            self.arrange(outcome)
        if callable(outcome):
            self.plainly(super().execute, QUERY)
            raise outcome()
        self.plainly(super().commit)

    def rollback(self) -> None:
        self.caught.clear()
        self.plainly(super().rollback)

    def close(self) -> None:
        line = self.run.line()
        if line is not None:
            self.closings.add(line)
        if not self.closed:
            self.closer = line
        self.closed = True
        self.caught.clear()
        self.plainly(super().close)

    def begin_nested(self) -> Any:
        self.use()
        return Block(self, self.plainly(super().begin_nested), nested=True)

    def begin(self, nested: bool = False) -> Any:
        if not self.deciding:
            return super().begin(nested)
        return Block(self, self.plainly(super().begin), nested=False)


class Block:
    """``with session.begin():`` and ``with session.begin_nested():``."""

    def __init__(self, session: ChoosingSession, transaction: Any, nested: bool) -> None:
        self.session = session
        self.transaction = transaction
        self.nested = nested

    def __enter__(self) -> Any:
        self.noted = self.session.noted
        self.session.begun |= not self.nested
        return self.session.plainly(self.transaction.__enter__)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        session = self.session
        if kind is None:
            self._end()
        try:
            return session.plainly(self.transaction.__exit__, kind, error, trace)  # type: ignore[no-any-return]
        finally:
            session.begun &= self.nested
            if not session.failed:
                session.caught.clear()

    def _end(self) -> None:
        session = self.session
        if session.failed:
            if self.nested or any(c.before > self.noted or session.noted > c.noted for c in session.caught):
                session.run.blame(session)
            session.caught.clear()
        elif (failure := session.run.ends(self.nested)) is not None:
            session.arrange(failure)
        session.used = True
