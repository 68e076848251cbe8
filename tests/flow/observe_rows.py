"""Which lines of a program send a statement for each row: it is run on few rows and on more."""

from __future__ import annotations

import ast
import contextlib
import io
import sys
from collections import Counter
from types import FrameType
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from flow.generate_rows import RowProgram

SIZES = (2, 4)


def per_row(program: RowProgram, apart: bool = False, kept: bool = False) -> set[int]:
    """The lines of ``f`` from which the more statements come, the more rows there are.

    Args:
        apart: the session forgets all rows before each query, as if each query gave others.
        kept: rows once loaded stay in the session, as if something else held them.

    Raises:
        InvalidRequestError: two options of a query contradict each other.
    """
    module: dict[str, Any] = {"__name__": "program"}
    tree = ast.parse(program.text)
    if apart:
        _Forget().visit(tree)
    exec(compile(ast.fix_missing_locations(tree), "<program>", "exec", dont_inherit=True), module)
    few, many = (_lines(module, size, kept) for size in SIZES)
    module["Base"].registry.dispose()
    return {line for line in many if many[line] > few[line]}


class _Forget(ast.NodeTransformer):
    """``session.expunge_all()`` before each query."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name == "f":
            self.generic_visit(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return [*self._forgotten(node.value), node]

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        return [*self._forgotten(node.iter), node]

    def _forgotten(self, node: ast.expr) -> list[ast.stmt]:
        return ast.parse("session.expunge_all()").body if "session" in ast.unparse(node) else []


def _lines(module: dict[str, Any], size: int, kept: bool) -> Counter[int]:
    """How many statements each line sends where each collection has *size* rows."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    module["Base"].metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(_rows(module, size))
        session.commit()
    sent: Counter[int] = Counter()

    def count(*_: Any) -> None:
        sent[_line(sys._getframe(1))] += 1

    with Session(engine) as session, contextlib.redirect_stdout(io.StringIO()):
        held: list[Any] = []
        if kept:
            event.listen(session, "loaded_as_persistent", lambda _, row: held.append(row))
        event.listen(engine, "before_cursor_execute", count)
        module["f"](session)
        event.remove(engine, "before_cursor_execute", count)
    engine.dispose()
    return sent


def _rows(module: dict[str, Any], size: int) -> list[Any]:
    author, book, review = module["Author"], module["Book"], module["Review"]
    return [author(books=[book(reviews=[review() for _ in range(size)]) for _ in range(size)]) for _ in range(size)]


def _line(frame: FrameType | None) -> int:
    """The line of ``f``, or of a loop that it calls, that led here: comprehensions and lambdas included."""
    while frame is not None:
        name = frame.f_code.co_name
        if frame.f_code.co_filename == "<program>" and (name == "f" or name.startswith("each_")):
            return frame.f_lineno
        frame = frame.f_back
    raise LookupError("a statement from nowhere")
