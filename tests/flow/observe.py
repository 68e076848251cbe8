"""What running a program on all its paths shows: sessions left open, closes at several exits, failures swallowed."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from random import Random
from types import TracebackType
from typing import Any, NamedTuple

from oracle.watch import Watch
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from flow.decisions import Database
from flow.generate import Program
from flow.runtime import QUERY, ChoosingSession, Run


class Seen(NamedTuple):
    """What all runs of a program showed.

    *unclosed*: where sessions were made that some way out left open after a statement. *closers*: for each place where a session was
    made (or None), the lines of the calls that closed it, each at some way out. *swallowers*: for each failure that somebody felt, the
    handlers that had it; *first* only those with no such failure before them in their run. *complete* if every path was run.
    """

    unclosed: frozenset[int]
    closers: tuple[frozenset[int], ...]
    swallowers: frozenset[frozenset[int]]
    first: frozenset[frozenset[int]]
    complete: bool
    runs: int


class _Instrument(ast.NodeTransformer):
    """Tell the run of each ``try`` and handler that begins, of each ``raise``, and of handlers left by an exception."""

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

    def visit_Raise(self, node: ast.Raise) -> list[ast.stmt]:
        return [_tell("raising"), node]


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
        self.errors = tuple(
            word
            for word in ("IntegrityError", "SQLAlchemyError", "ValueError")
            if word in program.text.split("def f(")[1]
        )
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
        kind = self.program.kind
        if kind in ("parameter", "begin") or (kind == "optional" and run.choices.pick(2)):
            handed = (ChoosingSession(run),)
        try:
            namespace["f"](*handed)
        except Exception as error:
            returned, run.raised = False, type(error)
        for session in run.sessions:
            if returned and session.made is None and session.failed:
                run.blame(session)
        self._clean(run)
        return run, returned

    def _namespace(self, run: Run) -> dict[str, Any]:
        def factory() -> ChoosingSession:
            return run.make(run.line())

        factory.begin = lambda: _begun(run)  # type: ignore[attr-defined]
        namespace: dict[str, Any] = {
            "%run": run, "Factory": factory, "Session": Session, "contextmanager": contextmanager, "closing": closing, "QUERY": QUERY, "ROW": None,
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
            session.give_back()
        watch.created.clear()
        watch.closed.clear()
        watch.statements.clear()
        watch.threads.clear()


@contextmanager
def _begun(run: Run) -> Iterator[ChoosingSession]:
    """``Factory.begin()``."""
    session = run.make(None)
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
            found.update(
                part.lineno for stmt in node.finalbody for part in ast.walk(stmt) if isinstance(part, ast.stmt)
            )
    return frozenset(found)


def observe(program: Program, database: Database, limit: int, sampled: int = 0, mode: str = "real") -> Seen:
    """Run *program* on its first *limit* paths and, where there are more, on *sampled* others.

    Args:
        mode: ``real``; ``wide`` for runs in which any call may raise an error of another session, and a failure that was felt is
            taken as cured, so that what comes after it shows too; ``memoryless`` for these where a handler's catching an error of
            which it may or may not be the class is a decision of its own; ``alike`` for runs that decide the same where a
            ``commit()`` has become a block and a savepoint was put around statements.
    """
    runner = Runner(program, database, mode)
    total = _Total()
    given: tuple[int, ...] | None = ()
    random = Random(program.seed)
    runs = 0
    while given is not None and runs < limit + sampled:
        if runs >= limit:
            given = tuple(random.choice((0, 0, 1, 1, 2, 3)) for _ in range(14))
        run, _ = runner.run(given)
        runs += 1
        if runs <= limit:
            given = run.choices.following()
        if not run.discarded:
            total.add(run)
    places = tuple(total.places(made, runner.finals) for made in total.closers)
    return Seen(
        frozenset(total.unclosed), places, frozenset(total.swallowers), frozenset(total.first), given is None, runs
    )


class _Total:
    """What all runs together showed."""

    def __init__(self) -> None:
        self.unclosed: set[int] = set()
        self.closers: dict[int | None, set[int]] = {}
        self.resets: dict[int | None, set[int]] = {}
        self.closings: dict[int | None, set[int]] = {}
        self.swallowers: set[frozenset[int]] = set()
        self.first: set[frozenset[int]] = set()

    def add(self, run: Run) -> None:
        self.swallowers.update(run.blamed)
        self.first.update(run.blamed[:1])
        for session in run.sessions:
            if session.made is not None and session.used and not session.closed:
                self.unclosed.add(session.made)
            if session.closed and session.closer is not None:
                self.closers.setdefault(session.made, set()).add(session.closer)
            self.resets.setdefault(session.made, set()).update(session.resets)
            self.closings.setdefault(session.made, set()).update(session.closings)

    def places(self, made: int | None, finals: frozenset[int]) -> frozenset[int]:
        """The calls that are an end of the session; none of them counts where one stands in a ``finally``."""
        final = self.closings[made] & finals
        return frozenset() if final else frozenset(self.closers[made] - self.resets[made])


@contextmanager
def database() -> Iterator[Database]:
    """A watched database for any number of programs."""
    watch = Watch()
    gc.collect()
    with watch.listening():
        yield Database(watch)
