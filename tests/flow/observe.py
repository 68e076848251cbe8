"""What running a program on all its paths shows: sessions left open, closes at several exits, failures swallowed."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import TracebackType
from typing import Any, NamedTuple

from oracle.watch import Watch
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from flow.generate import Program
from flow.runtime import QUERY, ChoosingSession, Database, Run

# Whose caller uses the session on.
_OUTLIVES = frozenset({"parameter", "module", "begin"})
_CREATED = "created"


class Seen(NamedTuple):
    """What all runs of a program showed.

    *unclosed*: a way out left the session open after a statement. *closers*: the lines of the calls that closed it, each at some way
    out. *swallowers*: for each failure that somebody felt, the handlers that had it; *first* only those with no such failure before them in
    their run. *complete* if every path was run.
    """

    unclosed: bool
    closers: frozenset[int]
    swallowers: frozenset[frozenset[int]]
    first: frozenset[frozenset[int]]
    complete: bool
    runs: int


class _Instrument(ast.NodeTransformer):
    """Tell the run of each ``try`` and handler that begins, and of handlers left by an exception."""

    def visit_Try(self, node: ast.Try) -> ast.Try:
        self.generic_visit(node)
        node.body.insert(0, _tell("begin_try", node.lineno))
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = _ask("matches", handler.type)
            raised = ast.ExceptHandler(None, None, [_tell("left_raising", handler.lineno), ast.Raise(None, None)])
            watched = ast.Try(handler.body, [raised], [], [])
            handler.body = [_tell("caught", handler.lineno, node.lineno), watched]
        return node


def _tell(name: str, *lines: int) -> ast.stmt:
    return ast.Expr(_ask(name, *(ast.Constant(line) for line in lines)))


def _ask(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(ast.Name("%run", ast.Load()), name, ast.Load()), list(arguments), [])


class Runner:
    """A program, ready to be run again and again over one database."""

    def __init__(self, program: Program, database: Database, mode: str = "real") -> None:
        self.program = program
        self.mode = mode
        self.database = database
        tree = ast.parse(program.text)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        self.errors = tuple(word for word in ("IntegrityError", "SQLAlchemyError", "ValueError") if word in program.text.split("def f(")[1])
        self.finals = _in_finally(functions[-1])
        _Instrument().visit(functions[-1])
        module = ast.Module([ast.fix_missing_locations(f) for f in functions], [])
        self.code = compile(module, "<program>", "exec")

    def run(self, given: tuple[int, ...]) -> tuple[Run, bool]:
        """Run once: the run, and whether the function returned."""
        run = Run(self.database, given, self.errors, self.mode)
        namespace = self._namespace(run)
        exec(self.code, namespace)
        returned = True
        handed: tuple[Any, ...] = ()
        if self.program.kind in ("parameter", "begin"):
            handed = (ChoosingSession(run),)
        try:
            namespace["f"](*handed)
        except Exception:
            returned = False
        if returned and self.program.kind in _OUTLIVES:
            for session in run.sessions:
                if session.failed:
                    run.blame(session)
        self._clean(run)
        return run, returned

    def _namespace(self, run: Run) -> dict[str, Any]:
        def factory() -> ChoosingSession:
            return ChoosingSession(run)

        factory.begin = lambda: _begun(run)  # type: ignore[attr-defined]
        namespace: dict[str, Any] = {
            "%run": run, "Factory": factory, "Session": Session, "contextmanager": contextmanager, "QUERY": QUERY, "ROW": None,
            "suppress": lambda *types: _Suppress(run, run.line(), types), "choose": run.choose, "rows": run.rows,
            "work": run.work, "IntegrityError": IntegrityError, "SQLAlchemyError": SQLAlchemyError,
        }  # fmt: skip
        if self.program.kind == "module":
            namespace["session"] = ChoosingSession(run)
        return namespace

    def _clean(self, run: Run) -> None:
        watch = self.database.watch
        watch.failing = None
        for session in run.sessions:
            session.end = (session.closed, session.used)
            session.plainly(super(ChoosingSession, session).close)
        watch.created.clear()
        watch.closed.clear()
        watch.statements.clear()
        watch.threads.clear()


@contextmanager
def _begun(run: Run) -> Iterator[ChoosingSession]:
    """``Factory.begin()``."""
    session = ChoosingSession(run)
    try:
        with session.begin():
            yield session
    finally:
        session.close()


class _Suppress:
    """``contextlib.suppress`` that tells the run what it takes."""

    def __init__(self, run: Run, line: int | None, types: tuple[type[BaseException], ...]) -> None:
        assert line is not None
        self.run, self.at, self.types = run, line, types

    def __enter__(self) -> None:
        self.run.begin_try(self.at)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None:
            return False
        types = self.run.decided(self.types[0], error) if self.run.mode == "memoryless" else self.types
        if not issubclass(kind, types):
            return False
        self.run.caught(self.at, self.at, error)
        return True


def _in_finally(function: ast.FunctionDef) -> frozenset[int]:
    """The lines of the function that stand in a ``finally``."""
    found: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Try):
            found.update(part.lineno for stmt in node.finalbody for part in ast.walk(stmt) if isinstance(part, ast.stmt))
    return frozenset(found)


def observe(program: Program, database: Database, limit: int, sampled: int = 0, mode: str = "real") -> Seen:
    """Run *program* on its first *limit* paths and, where there are more, on *sampled* others.

    Args:
        mode: ``real``; ``wide`` for runs in which any call may raise an error of another session, and a failure that was felt is
            taken as cured, so that what comes after it shows too; ``memoryless`` for these where a handler's catching an error of
            which it may or may not be the class is a decision of its own.
    """
    runner = Runner(program, database, mode)
    unclosed = False
    closers: set[int] = set()
    resets: set[int] = set()
    closings: set[int] = set()
    swallowers: set[frozenset[int]] = set()
    first: set[frozenset[int]] = set()
    given: tuple[int, ...] | None = ()
    random = Random(program.seed)
    runs = 0
    while runs < limit + sampled:
        if runs >= limit:
            given = tuple(random.choice((0, 0, 1, 1, 2, 3)) for _ in range(14))
        if given is None:
            break
        run, _ = runner.run(given)
        runs += 1
        if runs <= limit:
            given = run.choices.following()
        if run.discarded:
            continue
        swallowers.update(run.blamed)
        first.update(run.blamed[:1])
        for session in run.sessions:
            closed, used = session.end
            unclosed |= program.kind == _CREATED and used and not closed
            if closed and session.closer is not None:
                closers.add(session.closer)
            resets |= session.resets
            closings |= session.closings
    final = bool(closings & runner.finals)
    places = frozenset() if final else frozenset(closers - resets)
    return Seen(unclosed, places, frozenset(swallowers), frozenset(first), given is None, runs)


@contextmanager
def database() -> Iterator[Database]:
    """A watched database for any number of programs."""
    watch = Watch()
    gc.collect()
    with watch.listening():
        yield Database(watch)
