"""What a run decides: how its calls end, by which errors, on which database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle.watch import Watch
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

# After so many decisions a run takes the plain way: loops end.
MAX_DECISIONS = 14


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(unique=True)


class Database:
    """One database in memory, watched."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        event.listen(self.engine, "checkout", self._checked_out)
        self.record: Any = None
        Base.metadata.create_all(self.engine)
        with Session(self.engine) as session:
            session.add(Item(name="taken"))
            session.commit()

    def _checked_out(self, dbapi: Any, record: Any, proxy: Any) -> None:
        self.record = record

    @property
    def aborted(self) -> bool:
        return bool(self.record.info.get("oracle.aborted"))


class Choices:
    """The decisions of one run: those given first, then the plain way."""

    def __init__(self, given: tuple[int, ...]) -> None:
        self.given = given
        self.taken: list[int] = []
        self.widths: list[int] = []

    def pick(self, width: int) -> int:
        index = len(self.taken)
        if index >= MAX_DECISIONS:
            return 0
        choice = self.given[index] if index < len(self.given) else 0
        self.taken.append(choice)
        self.widths.append(width)
        return choice

    def following(self) -> tuple[int, ...] | None:
        """The next decisions in order, or None after the last."""
        for index in range(len(self.taken) - 1, -1, -1):
            if self.taken[index] + 1 < self.widths[index]:
                return (*self.taken[:index], self.taken[index] + 1)
        return None


class Strange(Exception):
    """An error of which nothing is known."""


def foreign(kind: type[DBAPIError]) -> Callable[[], DBAPIError]:
    """An error of another session, in a call that has nothing to do with this one."""
    return lambda: kind("elsewhere", {}, Exception("elsewhere"))


def other_errors(named: tuple[str, ...], mode: str) -> tuple[Callable[[], Exception], ...]:
    """The errors that a call may raise which is none of the session's: enough to meet each handler or none."""
    if mode == "memoryless":
        return (Strange,)
    found: list[Callable[[], Exception]] = [RuntimeError]
    if "ValueError" in named:
        found.append(ValueError)
    if mode == "wide" and "IntegrityError" in named:
        found.append(foreign(IntegrityError))
    if mode == "wide" and "SQLAlchemyError" in named:
        found.append(foreign(OperationalError))
    return tuple(found)
