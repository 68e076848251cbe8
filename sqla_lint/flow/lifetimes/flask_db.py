"""Methods of Flask-SQLAlchemy's extension object: they run statements on its session."""

from __future__ import annotations

from sqla_lint.flow.lifetimes import sessions
from sqla_lint.flow.reading import asking, queries
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Many, Query
from sqla_lint.flow.terms.session_values import FlaskDb
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN
from sqla_lint.lower.nodes import Pos


def method(
    ctx: Context, cur: Cursor, db: FlaskDb, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """``db.paginate(select)``, ``db.get_or_404(Model, pk)`` and the like run on ``db.session``."""
    sid = Sid("registry", (db.path, db.name))
    sessions.statement(ctx, cur, sid, pos)
    asking.note(ctx, sid, pos)
    if name == "get_or_404":
        return queries.get(ctx, cur, args, {}, sid, pos)
    found = queries.executed(ctx, cur, args[0] if args else kwargs.get("select", UNKNOWN), "scalars", sid, pos)
    if not isinstance(found, Query):
        return UNKNOWN
    return Many(found.row) if name == "paginate" else found.row
