"""Rows that somebody keeps: the session finds them again, so that a many-to-one to one of them asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.lifetimes.instances import entities
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Many
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import Instance, Parameter
from sqla_lint.flow.terms.values import Mapping as MappingValue
from sqla_lint.index.annotations import unquote
from sqla_lint.index.mapped import Relationship
from sqla_lint.index.module import Class, walk
from sqla_lint.lower import nodes as n


def may_be_there(ctx: Context, cur: Cursor, entity: Entity, relation: Relationship | None) -> bool:
    """Whether the session may find what a relationship of a row leads to among the rows that the function has, or that
    an object keeps for it; of a row that was reached from another one, whether it may be such a row itself.
    """
    if entity.origin is None:
        return False
    kept = _kept(ctx, cur)
    if entity.steps and _is_among(ctx, entity.cls, kept):
        return True
    if relation is None or relation.many is not False or relation.target is None:
        return False
    held = {cls for cls, pos, _ in cur.held if pos != entity.origin.pos or cls is not entity.cls}
    return _is_among(ctx, relation.target, held | _given(ctx) | kept)


def _is_among(ctx: Context, target: Class, held: set[Class]) -> bool:
    lineage = ctx.world.mappings.lineage
    return any(target in lineage(cls) or cls in lineage(target) for cls in held)


def _given(ctx: Context) -> set[Class]:
    """The mapped classes of what the function is handed."""
    items = [value.item if isinstance(value, Many) else value for value in _parameters(ctx)]
    return {item.cls for item in items if isinstance(item, Parameter) and item.cls is not None}


def _parameters(ctx: Context) -> list[Value]:
    function = ctx.function
    return [ctx.world.parameters.value(function, param) for param in function.node.params] if function else []


def _kept(ctx: Context, cur: Cursor) -> set[Class]:
    """The mapped classes of the rows that objects of the project keep, and of what hangs on these."""
    objects = {value.cls for value in (*_parameters(ctx), *cur.env.values()) if isinstance(value, Instance)}
    return {cls for one in sorted(objects, key=lambda one: one.key) for cls in _of_object(ctx, one)}


def _of_object(ctx: Context, cls: Class) -> frozenset[Class]:
    known = ctx.world.kept_by
    if cls not in known:
        own = {*_annotated(ctx, cls), *_stored(ctx, cls)}
        mapped = [m for one in own if (m := ctx.world.mappings.mapped(one)) is not None]
        hang = {relation.target for one in mapped for relation in ctx.world.mappings.relationships(one)}
        known[cls] = frozenset(own | {one for one in hang if one is not None} if own else own)
    return known[cls]


def _annotated(ctx: Context, cls: Class) -> Iterator[Class]:
    """The mapped classes in the annotations of a class's fields: ``orders: dict[str, Order]``."""
    for owner in ctx.world.names.lineage(cls):
        for stmts in owner.assigned.values():
            annotation = getattr(stmts[-1], "annotation", None)
            for part in walk(unquote(annotation)) if annotation is not None else ():
                what = ctx.world.names.definition(owner.path, part) if isinstance(part, (n.Name, n.Attribute)) else None
                if isinstance(what, Class) and ctx.world.mappings.is_mapped(what):
                    yield what


def _stored(ctx: Context, cls: Class) -> Iterator[Class]:
    """The mapped classes of the rows that a class's methods keep in ``self``."""
    names = {name for owner in ctx.world.names.lineage(cls) for name in ctx.world.statics.stores(owner)}
    for name in sorted(names):
        value = ctx.world.statics.attribute(cls, name)
        value = value.value if isinstance(value, MappingValue) else value.item if isinstance(value, Many) else value
        if isinstance(value, Parameter) and value.cls is not None:
            yield value.cls
        yield from (row.cls for row in entities(value))
