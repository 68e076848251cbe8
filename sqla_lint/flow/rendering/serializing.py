"""Calls that serialize rows: schemas and adapters as values, and their methods and constructors that read what they
are given.
"""

from __future__ import annotations

from sqla_lint import serializer_api as api
from sqla_lint.flow.evaluation import calls
from sqla_lint.flow.reading import queries
from sqla_lint.flow.rendering import schemas
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.configure import SPREAD
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Many, Query, Record
from sqla_lint.flow.terms.session_values import Registry, Session
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import NONE, UNKNOWN, ClassValue, Instance, Literal, Outside, Parameter, Serializer
from sqla_lint.index import marshmallow_schemas, pydantic_schemas
from sqla_lint.index.shapes import Each, Schema, Shape
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# --- methods ---------------------------------------------------------------------------------------------------------


def method(
    ctx: Context,
    cur: Cursor,
    receiver: ClassValue | Serializer,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
) -> Value:
    """A method of a class, a schema or an adapter that the project does not define: some read what they are given."""
    if isinstance(receiver, ClassValue):
        if not ctx.world.serializers.is_model(receiver.cls):
            return calls.unknown(ctx, cur, args, kwargs, pos)
        model = pydantic_schemas.of_class(ctx.world.serializers, receiver.cls)
        if model is None:
            return calls.unknown(ctx, cur, args, kwargs, pos)
        receiver = Serializer(model, "class")
    shape = _read_by(receiver, name, args, kwargs)
    if shape is not None:
        schemas.fill(ctx, cur, shape, args[0] if args else kwargs.get("obj", UNKNOWN), pos)
        if receiver.how == "class" and isinstance(receiver.shape, Schema):
            return Instance(receiver.shape.cls)
    return calls.unknown(ctx, cur, args, kwargs, pos)


def called(ctx: Context, cur: Cursor, func: Serializer, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """``Page[PetOut](items=rows)``."""
    if func.how == "class" and isinstance(func.shape, Schema):
        built(ctx, cur, func.shape, kwargs, pos)
        return Instance(func.shape.cls)
    return calls.unknown(ctx, cur, args, kwargs, pos)


def _read_by(receiver: Serializer, name: str, args: list[Value], kwargs: dict[str, Value]) -> Shape | None:
    """What a method makes of its argument; None where it makes nothing of it, or that is not known."""
    if receiver.how == "dump":
        many = kwargs.get("many", args[1] if len(args) > 1 else NONE)
        if name not in api.DUMPS or not isinstance(many, Literal):
            return None
        each = receiver.many if many.value is None else bool(many.value)
        return Each(receiver.shape) if each else receiver.shape
    return receiver.shape if name in (api.FILLS if receiver.how == "class" else api.ADAPTS) else None


# --- what makes them -------------------------------------------------------------------------------------------------


def constructed(
    ctx: Context, cur: Cursor, func: ClassValue, kwargs: dict[str, Value], node: n.Call | None, pos: Pos
) -> Value | None:
    """A schema of marshmallow's as a value; a model of Pydantic's is filled by what its constructor is given."""
    serializers = ctx.world.serializers
    if serializers.is_marshmallow(func.cls):
        call = _written_out(node, kwargs) if node is not None else None
        use = marshmallow_schemas.use(serializers, func.cls, call, ctx.path) if call is not None else None
        return Serializer(use.schema, "dump", use.many) if use is not None else None
    if serializers.is_model(func.cls):
        built(ctx, cur, Schema(func.cls), kwargs, pos)
    return None


def _written_out(node: n.Call, kwargs: dict[str, Value]) -> n.Call:
    """``Schema(many=many, **options)`` with what is known of its arguments."""
    known: list[n.Keyword] = []
    for keyword in node.keywords:
        value = kwargs.get(keyword.name or SPREAD, UNKNOWN)
        if keyword.name is None and isinstance(value, Record):
            given = [(key, item) for key, item in zip(value.keys, value.values) if key in api.SHAPES]
            known += [n.Keyword(str(key), _constant(item, node.pos)) for key, item in given]
        elif isinstance(value, Literal):
            known.append(n.Keyword(keyword.name, _constant(value, node.pos)))
        else:
            known.append(keyword)
    return node._replace(keywords=tuple(known))


def _constant(value: Value, pos: Pos) -> n.Expr:
    if isinstance(value, Literal) and (value.value is None or isinstance(value.value, (str, bytes, int))):
        return n.Constant(pos, value.value, value.type)
    return n.Opaque(pos)


def built(ctx: Context, cur: Cursor, schema: Schema, kwargs: dict[str, Value], pos: Pos) -> None:
    """``PetPage(items=rows)``: of rows it makes schemas where these may be filled from attributes."""
    given = {name: value for name, value in kwargs.items() if isinstance(value, (Entity, Many, Parameter, Query))}
    if given:
        fields = pydantic_schemas.fields(ctx.world.serializers, schema)
        inner = {field.paths[0][0]: field.inner for field in fields if field.paths and field.inner is not None}
        filled = {name for name, shape in inner.items() if name in given and _takes_rows(ctx, shape)}
        given = {name: value for name, value in given.items() if name in filled}
    if given:
        schemas.fill(ctx, cur, schema, Record(tuple(given.values()), tuple(given)), pos)


def _takes_rows(ctx: Context, shape: Shape) -> bool:
    while isinstance(shape, Each):
        shape = shape.item
    return pydantic_schemas.is_filled_by_attributes(ctx.world.serializers, shape.cls)


def generic(ctx: Context, owner: ClassValue, node: n.Subscript) -> Value:
    """``Page[PetOut]``."""
    shape = None
    if ctx.world.serializers.is_model(owner.cls):
        shape = pydantic_schemas.shape(ctx.world.serializers, ctx.path, node)
    return Serializer(shape, "class") if shape is not None else UNKNOWN


def outside(
    ctx: Context, cur: Cursor, func: Outside, args: list[Value], kwargs: dict[str, Value], node: n.Call | None
) -> Value | None:
    """A function or class of a serializer's library; None for any other."""
    meaning = api.meaning(func.name) if not func.called and node is not None else None
    if meaning == "paginate":
        return _paginated(ctx, cur, args, kwargs, node.pos) if node is not None else None
    if meaning not in ("adapter", "parse") or node is None or not node.args:
        return None
    shape = pydantic_schemas.shape(ctx.world.serializers, ctx.path, node.args[0])
    if shape is None:
        return None
    if meaning == "adapter":
        return Serializer(shape, "adapter")
    schemas.fill(ctx, cur, shape, args[1] if len(args) > 1 else kwargs.get("obj", UNKNOWN), node.pos)
    return calls.unknown(ctx, cur, args, kwargs, node.pos)


def _paginated(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """``paginate(session, select(Pet))``: a page of the query's rows, unless something else is made of them."""
    session = next((value for value in args if isinstance(value, (Session, Registry))), None)
    query = next((value for value in args if isinstance(value, Query)), None)
    calls.unknown(ctx, cur, args, kwargs, pos)
    if query is None or "transformer" in kwargs:
        return UNKNOWN
    if session is not None:
        query = queries.changed(query, sid=session.sid)
    queries.run(ctx, cur, query, pos)
    return Many(query.row)
