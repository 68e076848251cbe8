"""Attributes of everything that is not a row: sessions, modules, classes, instances, results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqla_lint import slow_calls
from sqla_lint.flow.evaluation import forwarding, frameworks, items
from sqla_lint.flow.reading.model_query import model_query
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Alias, Entity, Many, ModelAttribute, Pair
from sqla_lint.flow.terms.session_values import FlaskDb, Registry, Session
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Instance,
    Method,
    ModuleValue,
    Outside,
    Parameter,
    Serializer,
)
from sqla_lint.index.module import Function
from sqla_lint.index.project import ModuleRef
from sqla_lint.index.shapes import Schema
from sqla_lint.lower import nodes as n


def member(ctx: Context, cur: Cursor, node: n.Attribute, owner: Value) -> Value:
    """``owner.attr`` for an owner that is no row (or an attribute of a row that is no relationship)."""
    found = _DISPATCH.get(type(owner))
    return found(ctx, cur, node, owner) if found is not None else Method(owner, node.attr)


def _unknown(_ctx: Context, _cur: Cursor, _node: n.Attribute, _owner: Value) -> Value:
    return UNKNOWN


def _outside(ctx: Context, cur: Cursor, node: n.Attribute, owner: Outside) -> Value:
    row = ctx.world.request_globals.row(owner.name, node.attr) if owner.name.startswith("flask") else None
    if row is not None and not owner.called:
        from sqla_lint.flow.reading import loading

        return row if owner.name == "flask.g" else loading.attribute(ctx, cur, node, row)
    return Outside(f"{owner.name}.{node.attr}", owner.called)


def _module(ctx: Context, cur: Cursor, node: n.Attribute, owner: ModuleValue) -> Value:
    found = ctx.world.project.member(owner.definition, node.attr)  # type: ignore[arg-type]
    if found is None and isinstance(owner.definition, ModuleRef):
        return _of_other(ctx, cur, node, forwarding.behind_module(ctx.world, owner.definition.path))
    return ctx.world.definition_value(found)


def _flask(ctx: Context, _cur: Cursor, node: n.Attribute, owner: FlaskDb) -> Value:
    if node.attr == "session":
        return Registry(Sid("registry", (owner.path, owner.name)), owner.settings)
    if node.attr in ("paginate", "get_or_404", "first_or_404", "one_or_404"):
        return Method(owner, node.attr)
    if node.attr in ("engine", "metadata", "init_app", "create_all", "drop_all", "app"):
        return Outside(f"flask_sqlalchemy.{node.attr}")
    return Outside(f"sqlalchemy.orm.{node.attr}")


def _registry(_ctx: Context, _cur: Cursor, node: n.Attribute, owner: Registry) -> Value:
    return Method(Session(owner.sid, owner.settings), node.attr)


def _class(ctx: Context, cur: Cursor, node: n.Attribute, owner: ClassValue) -> Value:
    method = ctx.world.method(owner.cls, node.attr)
    if method is not None and not has_decorator(method, "declared_attr", "hybrid_property", "directive", "cascading"):
        return FunctionValue(method, owner if has_decorator(method, "classmethod") else None)
    made = ctx.world.names.made(owner.cls, node.attr)
    if made is not None:
        return ClassValue(made)
    if node.attr == "query":
        from sqla_lint.flow.solver import variants

        variants.note_class(ctx, node.value, owner.cls)
    if ctx.world.mappings.is_mapped(owner.cls):
        added = ctx.world.added_methods.method(owner.cls, node.attr)
        if added is not None:
            return FunctionValue(added.function, owner if added.kind == "classmethod" else None)
        if node.attr == "query":
            return model_query(ctx, owner.cls, node.pos)
        if "session" in node.attr.lower():
            kept = ctx.world.class_attribute(owner.cls, node.attr)
            if isinstance(kept, Registry):
                return kept
        return ModelAttribute(owner.cls, node.attr)
    found = ctx.world.class_attribute(owner.cls, node.attr)
    return found if found != UNKNOWN else Method(owner, node.attr)


def _of_other(ctx: Context, cur: Cursor, node: n.Attribute, owner: Value) -> Value:
    """The attribute of an object that another stands for: that one in turn stands for none."""
    return (
        _instance(ctx, cur, node, owner, stands=True) if isinstance(owner, Instance) else member(ctx, cur, node, owner)
    )


def _instance(ctx: Context, cur: Cursor, node: n.Attribute, owner: Instance, stands: bool = False) -> Value:
    from sqla_lint.flow.reading import loading
    from sqla_lint.flow.solver import receivers

    for name, value in owner.held:
        if name == node.attr:
            return value
    receivers.note(ctx, owner, node.attr)
    method = ctx.world.method(owner.cls, node.attr)
    if method is not None and not has_decorator(method, "declared_attr"):
        return _method(ctx, cur, node, method, owner)
    made = ctx.world.names.made(owner.cls, node.attr)
    if made is not None:
        return ClassValue(made)
    if node.attr in ctx.world.mappings.relationship_names and is_mixed_in(ctx, owner):
        return loading.mixed_in(ctx, cur, node)
    found = ctx.world.attribute(owner, node.attr)
    if found == NONE and ctx.world.statics.is_filled(owner.cls, node.attr, ctx.function):
        return UNKNOWN
    if found != UNKNOWN:
        return found
    is_left_out = method is None and owner.path == ("self",)
    mixed = ctx.world.mixins.method(owner.cls, node.attr) if is_left_out else None
    if mixed is not None:
        return _method(ctx, cur, node, mixed, owner)
    other = forwarding.behind(ctx.world, owner) if not stands else UNKNOWN
    return _of_other(ctx, cur, node, other) if other != UNKNOWN else _inherited(ctx, node, owner)


def is_mixed_in(ctx: Context, value: Value) -> bool:
    """Whether *value* is the object of a mixin's method: a row of a class that has the mixin."""
    return isinstance(value, Instance) and value.path == ("self",) and value.cls in ctx.world.mappings.classes.mixins


def _inherited(ctx: Context, node: n.Attribute, owner: Instance) -> Value:
    """What a class of the project has from a client's class is that client's."""
    bases = (base for base in ctx.world.names.external_bases(owner.cls) if slow_calls.is_client(base))
    base = next(bases, None)
    return Outside(f"{base}.{node.attr}", True) if base is not None else UNKNOWN


def _method(ctx: Context, cur: Cursor, node: n.Attribute, method: Function, owner: Value) -> Value:
    """A method bound to its instance; a property is called at once."""
    from sqla_lint.flow.evaluation import calls

    if is_property(method):
        return calls.project(ctx, cur, node.pos, FunctionValue(method, owner), [], {}, describe=node.attr)
    if has_decorator(method, "staticmethod"):
        return FunctionValue(method, None)
    if has_decorator(method, "classmethod"):
        return FunctionValue(method, ClassValue(owner.cls) if isinstance(owner, (Instance, Entity)) else owner)
    return FunctionValue(method, owner)


def _serializer(ctx: Context, cur: Cursor, node: n.Attribute, owner: Serializer) -> Value:
    """A method that the project gives a schema, or its library's own."""
    schema = owner.shape
    method = ctx.world.method(schema.cls, node.attr) if isinstance(schema, Schema) else None
    if method is None or owner.how == "adapter" or not isinstance(schema, Schema):
        return Method(owner, node.attr)
    return _method(ctx, cur, node, method, Instance(schema.cls) if owner.how == "dump" else ClassValue(schema.cls))


def super_method(ctx: Context, func: n.Expr) -> Value | None:
    """``super().method``: the method of the next class in the lineage."""
    if not (isinstance(func, n.Attribute) and isinstance(func.value, n.Call) and ctx.function is not None):
        return None
    inner = func.value.func
    if not (isinstance(inner, n.Name) and inner.id == "super") or ctx.function.cls is None:
        return None
    me = ctx.world.self_value(ctx.function)
    if ctx.function.given:
        me = ctx.world.parameters.value(ctx.function, ctx.function.node.params[0])
    lineage = ctx.world.names.lineage(me.cls if isinstance(me, Instance) else ctx.function.cls)
    for cls in lineage[lineage.index(ctx.function.cls) + 1 :]:
        if func.attr in cls.methods:
            return FunctionValue(cls.methods[func.attr], me)
    return UNKNOWN


def _row(ctx: Context, cur: Cursor, node: n.Attribute, owner: Entity | Parameter) -> Value:
    """A method or property of a mapped class; a column's value is nothing that matters."""
    names = ctx.world.names
    made = names.made(owner.cls, node.attr) if owner.cls is not None else names.made_anywhere.get(node.attr)
    if made is not None:
        return ClassValue(made)
    if owner.cls is None:
        return items.method(ctx, owner, node.attr) if isinstance(owner, Parameter) else UNKNOWN
    method = ctx.world.method(owner.cls, node.attr)
    if method is not None:
        return _method(ctx, cur, node, method, owner)
    added = ctx.world.added_methods.method(owner.cls, node.attr)
    if added is not None:
        receivers = {"": owner, "classmethod": ClassValue(owner.cls)}
        return FunctionValue(added.function, receivers.get(added.kind))
    return UNKNOWN if ctx.world.columns.is_stored(owner.cls, node.attr) else Method(owner, node.attr)


def _function(_ctx: Context, _cur: Cursor, node: n.Attribute, owner: FunctionValue) -> Value:
    # Celery: ``task.delay(...)``, ``task.apply_async(...)`` hand over; the function itself is not called here.
    return Method(owner, node.attr)


def _pair(_ctx: Context, _cur: Cursor, node: n.Attribute, owner: Pair) -> Value:
    return owner.named(node.attr) or Method(owner, node.attr)


def _alias(ctx: Context, _cur: Cursor, node: n.Attribute, owner: Alias) -> Value:
    for cls in ctx.world.mappings.classes.classes_by_name.get(node.attr, ()):
        if owner.cls in ctx.world.mappings.lineage(cls)[1:]:
            # ``with_polymorphic(Base, [Sub])`` has each subclass as an attribute.
            return Alias(cls)
    return ModelAttribute(owner.cls, node.attr)


def _many(_ctx: Context, _cur: Cursor, node: n.Attribute, owner: Many) -> Value:
    # A page of Flask-SQLAlchemy's ``paginate()`` has its rows in ``items``.
    return owner if node.attr == "items" else Method(owner, node.attr)


_DISPATCH: dict[type, Callable[[Context, Cursor, Any, Any], Value]] = {
    Outside: _outside,
    ModuleValue: _module,
    FlaskDb: _flask,
    Registry: _registry,
    ClassValue: _class,
    Instance: _instance,
    Entity: _row,
    Parameter: _row,
    FunctionValue: _function,
    Pair: _pair,
    Alias: _alias,
    Many: _many,
    Serializer: _serializer,
    type(UNKNOWN): _unknown,
}


def is_wrapped(function: Function) -> bool:
    """Whether a decorator stands around the function that may do anything with what it gets and gives."""
    return any(n.called_name(decorator) not in frameworks.PLAIN for decorator in function.node.decorators)


def has_decorator(function: Function, *names: str) -> bool:
    """Whether one of the function's decorators ends in one of *names*."""
    return any(n.called_name(d) in names for d in function.node.decorators)


def is_property(function: Function) -> bool:
    """Whether reading the attribute calls the function."""
    return bool(function.node.decorators) and has_decorator(
        function, "property", "cached_property", "hybrid_property", "reify", "memoized_property"
    )
