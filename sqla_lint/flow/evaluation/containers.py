"""Containers that fill up: what ``append``, ``d[key] = value`` and the like put into a list, set or dictionary."""

from __future__ import annotations

from sqla_lint.flow.evaluation import inner_containers
from sqla_lint.flow.evaluation.inner_containers import outer_of
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Criterion, Entity, Forked, LoaderOption, Many, OneOf, Pair, Query, Record
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, Instance, Mapping, Parameter
from sqla_lint.lower import nodes as n

_ITEMS = frozenset({"append", "add", "appendleft", "put", "put_nowait"})
COLLECTIONS = frozenset({"extend", "update", "extendleft"})
ADDS = _ITEMS | COLLECTIONS | {"insert"}
# Containers within containers are followed this far.
_MAX_DEPTH = 3

EMPTY = Many(UNKNOWN, single=True, fixed=True)
_EMPTY_DICT = Record(())


def add(ctx: Context, cur: Cursor, container: n.Expr, name: str, args: list[Value]) -> None:
    """A method of *container* was called that may put rows into it: whoever iterates it later draws them."""
    if ctx.static or not args:
        return
    value = args[-1]
    if isinstance(value, Criterion):
        _note_condition(cur, container, value)
    elif name in _ITEMS or name == "insert":
        _put(ctx, cur, container, Many(_stored(value)), value)
    elif isinstance(value, (Many, Query)):
        item = value.item if isinstance(value, Many) else _row(value)
        several = not (isinstance(value, Many) and value.fixed)
        _put(ctx, cur, container, Many(_stored(item)), item, several)
    elif isinstance(value, Mapping):
        _put(ctx, cur, container, Mapping(_stored(value.key), _stored(value.value)), value.value)
    else:
        _blur(cur, container, True)


def _note_condition(cur: Cursor, container: n.Expr, value: Criterion) -> None:
    """``conditions.append(Pet.owner_id == key)``: ``filter(*conditions)`` gives all rows that value."""
    name = dotted(container)
    current = cur.env.get(name) if name is not None else None
    if name is not None and isinstance(current, Many) and value not in current.parts:
        cur.env[name] = current._replace(parts=(*current.parts, value))


def put(ctx: Context, cur: Cursor, container: n.Expr, key: Value, value: Value) -> None:
    """``container[key] = value``."""
    if not ctx.static:
        _put(ctx, cur, container, Mapping(_stored(key), _stored(value)), value)


def extend(ctx: Context, cur: Cursor, container: n.Expr, value: Value) -> None:
    """``container += value``."""
    add(ctx, cur, container, "extend", [value])


def _put(
    ctx: Context, cur: Cursor, container: n.Expr, addition: Many | Mapping, value: Value, several: bool = False
) -> None:
    _put_into(ctx, cur, container, addition, value, several)
    inner = container
    while (outer := outer_of(inner)) is not None:
        addition, inner = Mapping(UNKNOWN, addition), outer
    if holds_rows(value) and isinstance(inner, n.Name):
        for source, place in inner_containers.sources(ctx.function, inner.id):
            if place is None:
                _put_into(ctx, cur, source, addition, value, several)
            elif (outer := outer_of(source)) is not None:
                beside = Pair(tuple(addition if index == place[0] else UNKNOWN for index in range(place[1])))
                _put_into(ctx, cur, outer, Mapping(UNKNOWN, beside), value, several)


def _put_into(
    ctx: Context, cur: Cursor, container: n.Expr, addition: Many | Mapping, value: Value, several: bool = False
) -> None:
    if not holds_rows(value) or _depth(addition) > _MAX_DEPTH:
        _blur(cur, container, several or bool(ctx.loops))
        return
    name = dotted(container)
    if name is not None:
        current = cur.env.get(name)
        if isinstance(current, (Many, Mapping)) or current == _EMPTY_DICT:
            cur.env[name] = _grown(current, addition, several or bool(ctx.loops))
        return
    outer = outer_of(container)
    if outer is not None:
        _put_into(ctx, cur, outer, Mapping(UNKNOWN, addition), value)


def _blur(cur: Cursor, container: n.Expr, several: bool) -> None:
    """An empty list was given something of which nothing is known: it is empty no more."""
    name = dotted(container)
    if name is not None and cur.env.get(name) == EMPTY:
        cur.env[name] = Many(UNKNOWN, fixed=not several)


def _grown(current: Value, addition: Many | Mapping, several: bool) -> Value:
    """*current* with more in it; what is not known beside rows does not hide them."""
    if current == _EMPTY_DICT:
        return addition
    if isinstance(current, Mapping):
        if isinstance(addition, Many):
            return current
        return Mapping(_either(current.key, addition.key), _either(current.value, addition.value))
    if isinstance(current, Many) and isinstance(addition, Many):
        item = _either(current.item, addition.item)
        single = current.single and not several and current.item == UNKNOWN
        return current._replace(item=item, single=single, fixed=current.fixed and not several)
    return current


def _either(current: Value, new: Value) -> Value:
    if current in (UNKNOWN, EMPTY, _EMPTY_DICT):
        return new
    if isinstance(current, Many) and isinstance(new, Many):
        return Many(_either(current.item, new.item))
    return join(current, new)


def _row(query: Query) -> Value:
    return Pair((query.row,)) if query.wraps else query.row


def _stored(value: Value) -> Value:
    """*value* as whoever takes it out again has it: the loop that drew it may be over."""
    if isinstance(value, (Entity, Parameter)):
        return value._replace(drawn=())
    if isinstance(value, Forked):
        return Forked(tuple(_stored(way) for way in value.ways))
    if isinstance(value, Pair):
        return Pair(tuple(_stored(item) for item in value.items))
    if isinstance(value, Record):
        return value._replace(values=tuple(_stored(item) for item in value.values))
    if isinstance(value, Instance) and value.held:
        return value._replace(held=tuple((name, _stored(item)) for name, item in value.held))
    return value


def updated(cur: Cursor, container: n.Expr, args: list[Value], kwargs: dict[str, Value]) -> None:
    """``d.update({"rows": rows})``, ``d.update(rows=rows)``."""
    name = dotted(container)
    given = args[0] if args else None
    pairs: dict[object, Value] = dict(zip(given.keys, given.values)) if isinstance(given, Record) else {}
    for key, value in (*pairs.items(), *kwargs.items()) if name is not None else ():
        if isinstance(key, str) and value != UNKNOWN:
            cur.env[f"{name}[{key!r}]"] = value


def in_steps(cur: Cursor, container: n.Expr | None, value: Value) -> Value:
    """A dictionary with what it was given under literal keys since: ``context["rows"] = rows``."""
    name = dotted(container) if container is not None else None
    if name is None:
        return value
    steps: dict[object, Value] = {
        key[len(name) + 2 : -2]: given for key, given in cur.env.items() if key.startswith(f"{name}['")
    }
    if not steps:
        return value
    found = {**(dict(zip(value.keys, value.values)) if isinstance(value, Record) else {}), **steps}
    return Record(tuple(found.values()), tuple(found))


def holds_rows(value: Value) -> bool:
    """Whether rows, or options that load them, are somewhere in *value*."""
    if isinstance(value, Entity):
        return value.origin is not None
    if isinstance(value, Parameter):
        return bool(value.drawn) or value.cls is not None
    if isinstance(value, (Query, LoaderOption)):
        return True
    return any(holds_rows(part) for part in parts(value))


def parts(value: Value) -> tuple[Value, ...]:
    if isinstance(value, Many):
        return (value.item,)
    if isinstance(value, (Forked, Pair)):
        return value.ways if isinstance(value, Forked) else value.items
    if isinstance(value, (OneOf, Record)):
        return value.values
    if isinstance(value, Instance):
        return tuple(item for _, item in value.held)
    return (value.key, value.value) if isinstance(value, Mapping) else ()


def _depth(value: Value) -> int:
    return 1 + max((_depth(part) for part in parts(value)), default=0) if parts(value) else 0
