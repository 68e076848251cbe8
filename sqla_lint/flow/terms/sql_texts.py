"""SQL that is written as text: what its first word says of it, and whether it asks for a part of the rows."""

from __future__ import annotations

import re

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.values import Literal, Outside
from sqla_lint.lower import nodes as n

_TEXT = "sqlalchemy.text."
# The quotes before ``SELECT``.
_SELECTS = re.compile(r"""[fFrR]*("{3}|'{3}|"|')\s*(?=select\b)""", re.I)
# It takes a part of the rows, or locks them.
_PART = re.compile(r"\b(limit|top|fetch|rownum|for update)\b")


def formatted(source: tuple[str, ...], expr: n.Expr) -> list[Value]:
    """The text of an f-string that asks for rows, as it is written in *source*; nothing for any other expression."""
    start, column, end, _ = expr.pos
    written = "\n".join(source[start - 1 : end])[column:] if isinstance(expr, n.Format) else ""
    quoted = _SELECTS.match(written)
    return [Literal(written[quoted.end() :], "str")] if quoted is not None else []


def made(args: list[Value]) -> Outside:
    """What ``text("SELECT ...")`` gives: its name tells what the statement does."""
    return Outside(_TEXT + _kind(args[0]) if args else _TEXT, True)


def is_select(statement: Value) -> bool:
    """Whether a statement is a text that asks for rows."""
    return _named(statement).startswith("select")


def is_part(statement: Value) -> bool:
    """Whether a text that asks for rows may leave some out."""
    return _named(statement).startswith("select.part")


def _named(statement: Value) -> str:
    if isinstance(statement, Outside):
        return statement.name.removeprefix(_TEXT) if statement.name.startswith(_TEXT) else ""
    return _kind(statement)


def _kind(text: Value) -> str:
    """The word of a literal that tells what it does: the first, which writes or not, or a ``COMMIT`` at the end;
    ``select.part`` where it may leave rows out.
    """
    literal = text.value if isinstance(text, Literal) else None
    words = literal.lower().rstrip("; \n").split() if isinstance(literal, str) else []
    if not words:
        return ""
    if words[-1] in api.ENDS_IN_SQL:
        return words[-1]
    return "select.part" if words[0] == "select" and _PART.search(" ".join(words)) else words[0]
