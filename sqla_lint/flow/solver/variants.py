"""Functions that are handed models, schemas, statements, loader options or functions: solved again for what they are
handed.

A function says which of its parameters it would have to know (``select(model)``, ``query.limit(n)``, ``load(session)``,
``schema.model_validate(row)``, ``self.model`` of a generic repository); a call that knows them has the answer of a
variant of the function, in which these parameters have the values that the call hands in.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, NamedTuple

from sqla_lint import serializer_api
from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import unseen
from sqla_lint.flow.evaluation.containers import ADDS
from sqla_lint.flow.solver import conditions, receivers
from sqla_lint.flow.solver.givable import is_givable
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.events import AsyncRead, LazyRead, Lent
from sqla_lint.flow.terms.row_values import Dynamic, Entity, LoaderOption, Pair, Query
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.flow.terms.values import (
    AT_ANY,
    NONE,
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Instance,
    Method,
    Outside,
    Parameter,
)
from sqla_lint.index.module import Class, Function, names_in
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# Variants that are handed on by variants are followed this far.
_MAX_LEVEL = 5


class Given(NamedTuple):
    """What one parameter (or attribute of one, as *steps* say) is worth in a variant."""

    name: str
    steps: tuple[str, ...]
    value: Value


# --- what a function would have to know ------------------------------------------------------------------------------


def note(ctx: Context, node: n.Call, func: Value, args: list[Value]) -> None:
    """Note the parameters that a call in the function rests on: what is called, and what a query is made of."""
    if ctx.function is None or ctx.static:
        return
    _note_methods(ctx, node, args)
    _note_shapes(ctx, node, func)
    attr = node.func.attr if isinstance(node.func, n.Attribute) else None
    if ctx.guards and _adds_options(func, attr, args):
        _want_flags(ctx)
    if isinstance(func, Parameter) and func.cls is None and (attr is None or _decides(ctx, attr, func)):
        _want(ctx, func.name, func.steps[:-1] if attr is not None else func.steps)
    elif func == UNKNOWN and (attr is None or _decides(ctx, attr)):
        for part in _alternatives(node.func.value if isinstance(node.func, n.Attribute) else node.func):
            _want_named(ctx, part)
    elif _makes_queries(func) or unseen.is_asked(ctx, func, node) or _is_wanting(ctx, func):
        spread = any(isinstance(part, n.Starred) for part in node.args)
        values = [UNKNOWN] * len(node.args) if spread else args
        given = [*zip(node.args, values), *((k.value, UNKNOWN) for k in node.keywords)]
        for part, value in given:
            part = part.value if isinstance(part, n.Starred) else part
            if isinstance(func, FunctionValue):
                ctx.lends.add(func.function)
            if isinstance(value, ClassValue):
                note_class(ctx, part, value.cls)
            if isinstance(value, Parameter) and value.cls is None:
                _want(ctx, value.name, value.steps)
            elif (
                value in (UNKNOWN, NONE)
                or isinstance(part, n.Attribute)
                or (isinstance(value, ClassValue) and not ctx.world.mappings.is_mapped(value.cls))
            ):
                _want_named(ctx, part)


def _note_methods(ctx: Context, node: n.Call, args: list[Value]) -> None:
    """``map(self.schema.model_validate, rows)``: whose method is handed on."""
    for part, value in zip(node.args, args):
        if isinstance(part, n.Attribute) and part.attr in serializer_api.FILLS | ctx.world.class_methods:
            if isinstance(value, Parameter) and value.cls is None:
                _want(ctx, value.name, value.steps[:-1])
            elif value == UNKNOWN:
                _want_named(ctx, part.value)


def _note_shapes(ctx: Context, node: n.Call, func: Value) -> None:
    """``self.schema(many=many, **options)``: what a schema is made of rows by."""
    schema = isinstance(func, ClassValue) and ctx.world.serializers.is_marshmallow(func.cls)
    if not schema and func != UNKNOWN and not isinstance(func, Parameter):
        return
    if ctx.world.schemas and ctx.function is not None and ctx.function.words & serializer_api.DUMPS:
        for keyword in node.keywords:
            if keyword.name is None or keyword.name in serializer_api.SHAPES:
                _want_named(ctx, keyword.value)


def note_class(ctx: Context, part: n.Expr, cls: Class) -> None:
    """``cls.query``, ``select(cls)`` in a class method: a class that extends this one asks for its own."""
    function = ctx.function
    if ctx.static or function is None or function.cls is not cls or not isinstance(part, n.Name):
        return
    is_own = bool(function.node.params) and part.id == function.node.params[0].name
    if is_own and ctx.world.names.subclasses.get(cls):
        _want(ctx, part.id, ())


def _adds_options(func: Value, attr: str | None, args: list[Value]) -> bool:
    """``query.options(...)``, and what puts options into a list for it."""
    if attr == "options":
        asked = func.receiver if isinstance(func, Method) else func
        return isinstance(asked, (Query, Parameter, type(UNKNOWN)))
    return attr in ADDS and any(isinstance(getattr(arg, "item", arg), LoaderOption) for arg in args)


def _want_flags(ctx: Context) -> None:
    """What is loaded hangs on the parameters that the code stands under: a call that decides these says it."""
    params = {p.name for p in ctx.function.node.params} if ctx.function is not None else set()
    for guard in conditions.parameter_guards(ctx):
        for name in sorted(names_in(guard.test) & params):
            _want(ctx, name, ())


def _decides(ctx: Context, attr: str, asked: Value = UNKNOWN) -> bool:
    """Whether a method of what was handed in says which rows there are, what loads them, or what is read of them."""
    if isinstance(asked, Parameter) and len(asked.steps) == 1 and attr in ctx.world.asking_methods:
        return True
    of_classes = ctx.world.class_methods | ctx.world.added_methods.of_classes
    return attr in api.OF_QUERIES or attr in serializer_api.FILLS or attr in of_classes


def _is_wanting(ctx: Context, func: Value) -> bool:
    found = ctx.world.summaries.get(func.function) if isinstance(func, FunctionValue) else None
    return found is not None and bool(found.wants)


def _makes_queries(func: Value) -> bool:
    """Whether what is called says by its arguments which rows there are, and how they are loaded."""
    if isinstance(func, Method):
        if isinstance(func.receiver, Session):
            return func.name in api.EXECUTES or func.name in ("query", "get", "get_one")
        return isinstance(func.receiver, (Query, LoaderOption)) and func.name in api.SHAPES
    meaning = api.meaning(func.name) if isinstance(func, Outside) else None
    return meaning in ("select", "aliased", "query-class")


def _alternatives(node: n.Expr) -> tuple[n.Expr, ...]:
    """``(schema or self.schema)``: each of them."""
    return node.values if isinstance(node, n.BoolOp) and node.op == "or" else (node,)


def _want(ctx: Context, name: str, steps: tuple[str, ...]) -> None:
    if len(steps) <= 1 and not {"[]", AT_ANY} & {*steps}:
        ctx.wants[name, steps] = None


def _want_named(ctx: Context, node: n.Expr) -> None:
    """``model``, ``self.model``: by name, where nothing else is known of the value."""
    path = dotted(node)
    function = ctx.function
    if path is None or function is None:
        return
    # ``self.model.query``: the query is the model's.
    root, _, rest = (path.removesuffix(".query") if path.count(".") == 2 else path).partition(".")
    if "." not in rest and root not in function.assigned and any(p.name == root for p in function.node.params):
        _want(ctx, root, (rest,) if rest else ())


# --- what a call knows -----------------------------------------------------------------------------------------------


def summary(ctx: Context, function: Function, found: Summary, bound: dict[str, Value], pos: Pos) -> Summary:
    """What the function does as this call has it; what it lends the callee to read in loops is noted."""
    given = _given(ctx, function, found, bound) if found.wants else ()
    if not given:
        return found
    variant = variant_of(ctx.world, function, given, ctx.function.level if ctx.function is not None else 0)
    known = ctx.world.summary(variant, True)
    if known.bounded:
        return found
    for read in known.lazy:
        ctx.emit(Lent(read, function, pos))
    return found._replace(
        returns=known.returns,
        reads=known.reads,
        applies=known.applies or found.applies,
        asks=found.asks or known.asks,
        generator=known.generator,
    )


def _given(ctx: Context, function: Function, found: Summary, bound: dict[str, Value]) -> tuple[Given, ...]:
    from sqla_lint.flow.evaluation.substitute import walk

    given: list[Given] = []
    for name, steps in found.wants:
        value = walk(ctx, bound.get(name, _default(function, name)), steps)
        if isinstance(value, ClassValue) and value.cls is function.cls:
            continue
        if isinstance(value, Instance) and not steps and not _is_receiver(function, name):
            # A service in a parameter without an annotation.
            given.append(Given(name, (), Instance(value.cls, (name,))))
            continue
        if isinstance(value, Instance) and not steps:
            given += _as_receiver(ctx, function, name, value)
            continue
        if (row := _as_row(ctx, name, steps, bound.get(name))) is not None:
            given.append(row)
        elif isinstance(value, Parameter) and value.cls is None:
            _want(ctx, value.name, value.steps)
            ctx.lends.add(function)
        elif value == UNKNOWN and steps and receivers.is_own(ctx, bound.get(name)):
            # ``schema: type[Schema]``: the class of the object that the caller is a method of says which.
            _want(ctx, "self", steps)
            ctx.lends.add(function)
        elif is_givable(ctx, value) and steps and isinstance(bound.get(name), ClassValue):
            # ``cls.model``: the class that the method is called on has it.
            given.append(Given(name, (), bound[name]))
        elif is_givable(ctx, value):
            given.append(Given(name, steps, _handed(value)))
    level = ctx.function.level if ctx.function is not None else 0
    decisive = level < _MAX_LEVEL and any(_tells(one.value) for one in given)
    return tuple(given) if decisive else ()


def _is_receiver(function: Function, name: str) -> bool:
    return function.cls is not None and bool(function.node.params) and function.node.params[0].name == name


def _as_receiver(ctx: Context, function: Function, name: str, value: Instance) -> list[Given]:
    """The object of a class that extends the method's own class, as the method knows it."""
    if receivers.is_of_subclass(function, value):
        return [Given(name, (), Instance(value.cls, ("self",)))]
    if ctx.function is not None and receivers.is_own(ctx, value):
        _want(ctx, ctx.function.node.params[0].name, ())
        ctx.lends.add(function)
    return []


def _as_row(ctx: Context, name: str, steps: tuple[str, ...], value: Value | None) -> Given | None:
    """``owner.visits.filter(...)`` of an owner that no annotation tells of: the row's class has the collection."""
    if not steps or not isinstance(value, (Entity, Parameter)) or value.cls is None:
        return None
    relation = ctx.world.mappings.relationship(value.cls, steps[0])
    is_asked = relation is not None and relation.lazy in api.DYNAMIC
    return Given(name, (), Parameter(name, cls=value.cls)) if is_asked else None


def _default(function: Function, name: str) -> Value:
    """``options=()``."""
    default = next((p.default for p in function.node.params if p.name == name), None)
    return Pair(()) if isinstance(default, n.Sequence) and not default.items else UNKNOWN


def _tells(value: Value) -> bool:
    return value != NONE


def _handed(value: Value) -> Value:
    """A query as the callee knows it: its session is the caller's concern, and so is whose dynamic collection it is."""
    from sqla_lint.flow.reading import queries

    if isinstance(value, Dynamic) and isinstance(value.row, Entity):
        return Dynamic(Entity(value.row.cls, None, via=value.row.via))
    return queries.changed(value, sid=None) if isinstance(value, Query) else value


# --- variants --------------------------------------------------------------------------------------------------------


def variant_of(world: World, function: Function, given: tuple[Given, ...], level: int) -> Function:
    """The variant of *function* for these values, called at *level*; the same one each time."""
    known = world.variants.setdefault(function, {})
    if given not in known:
        made = replace(function, given=given, level=max(function.level, level) + 1)
        own = {field.name for field in fields(function)}
        made.__dict__.update({name: value for name, value in function.__dict__.items() if name not in own})
        known[given] = made
    return known[given]


def given_names(function: Function) -> frozenset[str]:
    """The parameters of a variant whose values are known."""
    return frozenset(one.name for one in function.given if isinstance(one, Given))


def parameter(function: Function, name: str, otherwise: Value) -> Value:
    """What a parameter of a variant is worth."""
    for one in function.given:
        if not (isinstance(one, Given) and one.name == name):
            continue
        if not one.steps and isinstance(one.value, Instance):
            otherwise = one.value
        elif not one.steps:
            return one.value
        elif isinstance(otherwise, Instance):
            otherwise = otherwise._replace(held=(*otherwise.held, (one.steps[0], one.value)))
    return otherwise


def lazy(ctx: Context, function: Function) -> tuple[LazyRead | AsyncRead, ...]:
    """The reads of a variant in its loops, and those that nothing awaits."""
    if not function.given:
        return ()
    return tuple(event for event in ctx.events if isinstance(event, (LazyRead, AsyncRead)))
