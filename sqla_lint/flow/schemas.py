"""Pydantic schemas that are filled from rows: each field named like a relationship reads it."""

from __future__ import annotations

from sqla_lint.flow import calls, loading, members
from sqla_lint.flow.context import Context
from sqla_lint.flow.state import Cursor
from sqla_lint.flow.values import (
    UNKNOWN,
    ClassValue,
    Entity,
    Instance,
    Many,
    Parameter,
    Value,
)
from sqla_lint.index.annotations import unwrap
from sqla_lint.index.module import Class
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_FILLS = frozenset({"model_validate", "from_orm", "validate", "parse_obj"})
_BASES = ("pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel")
# Schemas that contain one another are followed this far.
MAX_DEPTH = 4


def method(
    ctx: Context, cur: Cursor, receiver: ClassValue, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """A class method that the project does not define: Pydantic's read the row they are given."""
    if name in _FILLS and args and is_schema(ctx, receiver.cls):
        fill(ctx, cur, receiver.cls, args[0], pos, MAX_DEPTH)
        return Instance(receiver.cls)
    return calls.unknown(ctx, cur, args, kwargs, pos)


def is_schema(ctx: Context, cls: Class) -> bool:
    """Whether *cls* is a Pydantic model (a SQLModel without a table is one)."""
    return not ctx.world.mappings.is_mapped(cls) and any(b in _BASES for b in ctx.world.names.external_bases(cls))


def fill(ctx: Context, cur: Cursor, schema: Class, row: Value, pos: Pos, depth: int) -> None:
    """Read of *row* what the fields of *schema* name, and what their schemas name in turn."""
    if isinstance(row, Many):
        row = row.item
    if not isinstance(row, (Entity, Parameter)) or not depth or _prepares(ctx, schema):
        return
    for name, annotation, path in _fields(ctx, schema):
        value = loading.attribute(ctx, cur, n.Attribute(pos, n.Opaque(pos), name), row)
        inner = _schema_of(ctx, path, annotation)
        if inner is not None and value != UNKNOWN:
            fill(ctx, cur, inner, value, pos, depth - 1)


def _prepares(ctx: Context, schema: Class) -> bool:
    """Whether code of the schema's own sees the row first: what that makes of it is not known."""
    methods = (method for cls in ctx.world.names.lineage(schema) for method in cls.methods.values())
    return any(members.has_decorator(method, "model_validator", "root_validator") for method in methods)


def _fields(ctx: Context, schema: Class) -> list[tuple[str, n.Expr, str]]:
    """(name, annotation, file) of each field that may be read, those of bases included."""
    found: dict[str, tuple[str, n.Expr, str]] = {}
    for owner in reversed(ctx.world.names.lineage(schema)):
        for name, stmts in owner.assigned.items():
            stmt = stmts[-1]
            if isinstance(stmt, n.AnnAssign) and name != "model_config" and not _is_renamed(stmt.value):
                found[name] = (name, stmt.annotation, owner.path)
    return list(found.values())


def _is_renamed(value: n.Expr | None) -> bool:
    """Whether a field takes its value from an attribute of another name."""
    return isinstance(value, n.Call) and any(k.name in (None, "alias", "validation_alias") for k in value.keywords)


def _schema_of(ctx: Context, path: str, annotation: n.Expr) -> Class | None:
    inner, _ = unwrap(annotation)
    what = ctx.world.names.definition(path, inner) if inner is not None else None
    return what if isinstance(what, Class) and is_schema(ctx, what) else None
