"""``Model.query``: Flask-SQLAlchemy's, or a ``query_property()`` of a registry."""

from __future__ import annotations

from sqla_lint.flow.reading import queries
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.session_values import Session, Settings
from sqla_lint.flow.terms.values import ClassValue
from sqla_lint.index.module import Class
from sqla_lint.index.names import Names
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def model_query(ctx: Context, cls: Class, pos: Pos) -> Value:
    """What ``Model.query`` gives; a session is known where the model's base is that of a registry of the project."""
    sid = _registry(ctx.world.names, cls)
    if sid is not None:
        ctx.sessions.setdefault(sid, Session(sid, Settings(expire_on_commit=None, flavour="flask")))
    return queries.make(ctx, [ClassValue(cls)], pos, sid, wraps=False)


def _registry(names: Names, cls: Class) -> Sid | None:
    for owner in names.lineage(cls):
        for path, base in (names.renamed(owner.path, base) for base in owner.node.bases):
            if isinstance(base, n.Attribute) and names.is_flask_db(path, base.value):
                db = names.definition(path, base.value)
                if isinstance(db, Variable):
                    return Sid("registry", (db.path, db.name))
    return None
