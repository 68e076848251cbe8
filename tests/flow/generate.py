"""Small functions over one session, made from a seed: every nesting of what leaves, catches, repeats and closes.

Whatever a program decides, and whatever may fail in it, is asked of the run (:mod:`flow.runtime`): each path can be run.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

PREAMBLE = """\
from contextlib import closing, contextmanager, suppress

from outside import QUERY, ROW, choose, rows, work
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

Factory = sessionmaker(create_engine("sqlite://"))


@contextmanager
def opened():
    session = Factory()
    try:
        yield session
    finally:
        session.close()


@contextmanager
def guarded(session: Session):
    try:
        yield
    except Exception:
        session.rollback()
        raise


"""
HELPERS = """\
def store(session: Session):
    session.add(ROW)
    session.flush()


def undo(session: Session):
    session.rollback()


def end(session: Session):
    session.close()


"""
SHARED = "session = Factory()\n\n\n"

KINDS = (
    "created", "created", "created", "parameter", "parameter", "module", "with", "opened", "factory-begin", "begin", "late", "optional",
)  # fmt: skip
_PARAMETERS = {
    "parameter": "session: Session",
    "begin": "session: Session",
    "optional": "session: Session | None = None",
}
_LATE = (
    ["finally:", "    if session is not None:", "        session.close()"],
    [
        "except SQLAlchemyError:",
        "    if session:",
        "        session.rollback()",
        "finally:",
        "    if session:",
        "        session.close()",
    ],
    ["finally:", "    session.close()"],
)
_OWN: tuple[list[str], ...] = (["if own:", "    session.close()"], [])
_HEADS = {
    "with": "with Factory() as session:",
    "opened": "with opened() as session:",
    "factory-begin": "with Factory.begin() as session:",
    "begin": "with session.begin():",
}
# Inside these the block ends the transaction: ending it before is an error of another kind.
_BLOCKS = frozenset({"factory-begin", "begin"})
_ERRORS = ("IntegrityError", "SQLAlchemyError", "ValueError", "Exception")


# Programs of seeds from here on close a session of their own before many a return.
CLOSING = 10_000


class Program(NamedTuple):
    """A module whose function ``f`` uses one session; *kind* says where that comes from."""

    seed: int
    kind: str
    text: str


class _Place(NamedTuple):
    """What may stand at a point of the program."""

    depth: int
    loop: bool = False
    handler: bool = False
    block: bool = False

    def inner(self, **changes: bool) -> _Place:
        return self._replace(depth=self.depth - 1, **changes)


class _Writer:
    def __init__(self, random: Random, size: int, kind: str, closing: bool) -> None:
        self.random = random
        self.closing = closing
        self.left = size
        self.helpers = random.random() < 0.3
        self.creates = kind == "created" and random.random() < 0.2

    def body(self, place: _Place, most: int = 3) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, most)):
            made = self.statement(place)
            lines += made
            if _jumps(made):
                break
        return lines

    def statement(self, place: _Place) -> list[str]:
        self.left -= 1
        if place.depth > 0 and self.left > 0 and self.random.random() < 0.55:
            compound = self.random.choice(
                (self.if_, self.try_, self.try_, self.try_, self.loop, self.with_, self.with_)
            )
            return compound(place)
        return self.simple(place)

    def simple(self, place: _Place) -> list[str]:
        choices: list[tuple[int, list[str]]] = [
            (4, ["session.execute(QUERY)"]),
            (3, ["session.add(ROW)", "session.flush()"]),
            (1, ["session.add(ROW)"]),
            (1, ["work()"]),
            (2, ["return None"]),
            (1, ["raise ValueError"]),
        ]
        choices += [(1, ["store(session)"])] if self.helpers else []
        if not place.block:
            choices += [(3, ["session.close()"]), (2, ["session.rollback()"]), (2, ["session.commit()"])]
            choices += [(1, ["undo(session)"]), (2, ["end(session)"])] if self.helpers else []
        if self.closing and not place.block:
            choices += [(8, ["session.close()", "return None"]), (3, ["session.close()", "raise ValueError"])]
        if self.creates and not place.block:
            choices += [(2, ["session = Factory()"])]
        if place.loop:
            choices += [(1, ["break"]), (1, ["continue"])]
        if place.handler:
            choices += [(2, ["raise"]), (1, ["pass"])]
        return self.random.choices([made for _, made in choices], [weight for weight, _ in choices])[0]

    # --- compound statements

    def if_(self, place: _Place) -> list[str]:
        lines = ["if choose():", *_indented(self.body(place.inner(), 2))]
        if self.random.random() < 0.4:
            lines += ["else:", *_indented(self.body(place.inner(), 2))]
        return lines

    def loop(self, place: _Place) -> list[str]:
        head = self.random.choice(("for _ in rows():", "while choose():"))
        lines = [head, *_indented(self.body(place.inner(loop=True), 2))]
        if self.random.random() < 0.2:
            lines += ["else:", *_indented(self.body(place.inner(), 1))]
        return lines

    def try_(self, place: _Place) -> list[str]:
        lines = ["try:", *_indented(self.body(place.inner(), 3))]
        handlers = self.random.choice((0, 1, 1, 1, 2))
        for index in range(handlers):
            last = index == handlers - 1
            lines += [self.handler(last), *_indented(self.body(place.inner(handler=True), 2))]
        if handlers and self.random.random() < 0.25:
            lines += ["else:", *_indented(self.body(place.inner(), 2))]
        if not handlers or self.random.random() < 0.25:
            lines += ["finally:", *_indented(self.body(place.inner(handler=False), 2))]
        return lines

    def handler(self, last: bool) -> str:
        if last and self.random.random() < 0.2:
            return "except:"
        return f"except {self.random.choice(_ERRORS)}:"

    def with_(self, place: _Place) -> list[str]:
        heads = [f"with suppress({self.random.choice(_ERRORS)}):", "with session.begin_nested():"]
        if not place.block:
            heads += ["with guarded(session):", "with session:", "with closing(session):"]
        head = self.random.choice(heads)
        block = place.block or "begin_nested" in head
        return [head, *_indented(self.body(place.inner(block=block), 3))]


def _jumps(lines: list[str]) -> bool:
    return lines[-1].split(" ")[0] in ("return", "raise", "break", "continue")


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def generate(seed: int, size: int = 9) -> Program:
    """The program of *seed*; *size* is about how many statements it has."""
    random = Random(seed)
    closing = seed >= CLOSING
    kind = random.choice(("created", "created", "parameter") if closing else KINDS)
    writer = _Writer(random, size, kind, closing)
    lines = writer.body(_Place(3, block=kind in _BLOCKS), 4)
    if kind in _HEADS:
        lines = [_HEADS[kind], *_indented(lines)]
    if kind == "with" and random.random() < 0.3:
        lines += writer.body(_Place(1), 2)
    if kind == "created":
        lines = ["session = Factory()", *lines]
    if kind == "late":
        lines = [
            "session = None",
            "try:",
            "    session = Factory()",
            *_indented(lines),
            *_LATE[random.randrange(len(_LATE))],
        ]
    if kind == "optional":
        lines = [
            "own = session is None",
            "if own:",
            "    session = Factory()",
            *lines,
            *_OWN[random.randrange(len(_OWN))],
        ]
    function = "\n".join([f"def f({_PARAMETERS.get(kind, '')}):", *_indented(lines)])
    shared = HELPERS + (SHARED if kind == "module" else "")
    return Program(seed, kind, PREAMBLE + shared + function + "\n")
