"""What a value is for whoever reaches it another way: by an object that keeps it, or from a function within."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, Origin, Query
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.values import UNKNOWN, Either, Instance, Parameter
from sqla_lint.index.module import Function


def reroot(value: Value, path: tuple[str, ...]) -> Value:
    """What an object's attribute holds, as whoever reaches it by *path* knows it."""
    if isinstance(value, Session):
        owner = {"local": "instance", "instance": "instance"}.get(value.sid.owner)
        if owner is None and value.sid.owner not in ("parameter", "injected", "held"):
            return value
        return value._replace(sid=Sid(owner or "held", path))
    if isinstance(value, Either):
        return reroot(value.made, path)
    if isinstance(value, Instance):
        return value._replace(path=path, held=tuple((name, reroot(item, (*path, name))) for name, item in value.held))
    if len(path) == 2 and path[0] == "self":
        kept = _kept_rows(value, path[1])
        if kept is not None:
            return kept
    if isinstance(value, Entity):
        # What was stored long ago: what it has may have been loaded since.
        return Entity(value.cls, None)
    if isinstance(value, (Forked, Parameter)):
        return UNKNOWN
    if isinstance(value, Query):
        return value._replace(origin=Origin(value.origin.path, value.origin.pos, certain=False))
    return value


def _kept_rows(value: Value, name: str) -> Value | None:
    """Rows that the constructor was given: whoever made the object knows them."""
    if isinstance(value, Many) and isinstance(value.item, Parameter) and value.item.steps == ("[]",):
        return Many(Parameter("self", (name, "[]"), cls=value.item.cls))
    if isinstance(value, Parameter) and value.cls is not None and not value.steps:
        return Parameter("self", (name,), cls=value.cls)
    return None


def as_closure(value: Value, outer: Function, name: str) -> Value:
    """What a function's variable is in a function within it."""
    if isinstance(value, Session) and value.sid.owner in ("local", "kept"):
        return value._replace(sid=Sid("closure", (outer.path, f"{outer.qualname}.{name}")))
    if isinstance(value, Entity):
        return Entity(value.cls, None)
    return UNKNOWN if isinstance(value, (Forked, Parameter)) else value
