"""Sessions that cannot be seen (a request's, a context's, what another package gives): only their rows are known."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import containers
from sqla_lint.flow.reading import queries
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context, describe
from sqla_lint.flow.terms.row_values import Alias, ModelAttribute, Query, Subselect, Unproved
from sqla_lint.flow.terms.session_values import Session, Settings
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import NONE, UNKNOWN, ClassValue, Outside, Parameter
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_ASKS = api.EXECUTES | {"query"}


def is_asked(ctx: Context, func: Value, node: n.Call) -> bool:
    """Whether a call may ask a session that is not known: a method of something that is not known, not awaited."""
    if not (isinstance(node.func, n.Attribute) and node.func.attr in _ASKS):
        return False
    if node.func.attr != "query" and ctx.function is not None and ctx.function.node.is_async:
        # An ``AsyncSession`` has all of them but that one.
        return False
    return func == UNKNOWN or (isinstance(func, Parameter) and func.cls is None) or _is_made(func)


def _is_made(func: Value) -> bool:
    return isinstance(func, Outside) and func.called


def asked(
    ctx: Context, cur: Cursor, func: Value, args: list[Value], kwargs: dict[str, Value], node: n.Call, is_awaited: bool
) -> Value:
    """The rows that such a call gives, where a mapped class or a statement shows what it is."""
    if is_awaited and args and isinstance(node.func, n.Attribute) and func == UNKNOWN:
        return _awaited(ctx, cur, node.func, args, kwargs, node.pos)
    if not args or not is_asked(ctx, func, node) or not isinstance(node.func, n.Attribute):
        return UNKNOWN
    if node.func.attr == "query":
        if not all(_is_selected(arg, part) for arg, part in zip(args, node.args)):
            return UNKNOWN
        query = queries.make(ctx, args, node.pos, None, wraps=False)._replace(counted=False)
        if not containers.holds_rows(query.row):
            return UNKNOWN
        return query if _is_called_session(node.func.value) else Unproved(query)
    if isinstance(args[0], Query) and not args[0].executed:
        return queries.executed(ctx, cur, args[0], node.func.attr, None, node.pos)
    return UNKNOWN


def _is_called_session(node: n.Expr) -> bool:
    """Whether what is asked for rows of a mapped class is called a session as well: then that is enough."""
    name = n.called_name(node).lower()
    return "session" in name or name.strip("_") == "db"


def _is_selected(value: Value, node: n.Expr) -> bool:
    """Whether an argument may be what a query selects: a class, a column, an expression; not a text, a number."""
    if isinstance(value, Outside):
        return value.name.startswith("sqlalchemy")
    if value == UNKNOWN or isinstance(value, Parameter):
        return isinstance(node, (n.Attribute, n.Call))
    return isinstance(value, (ClassValue, Alias, ModelAttribute)) or value == NONE


def _awaited(
    ctx: Context, cur: Cursor, func: n.Attribute, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """What is awaited is asynchronous: its rows load nothing later."""
    model, sid = args[0], Sid("held", ("%unseen", describe(func.value)))
    is_get = func.attr in ("get", "get_one") and len(args) > 1 and isinstance(model, ClassValue)
    if not is_get and not (func.attr in api.EXECUTES and isinstance(model, Query)):
        return UNKNOWN
    ctx.sessions.setdefault(sid, Session(sid, Settings(is_async=True, expire_on_commit=None)))
    if is_get:
        return queries.get(ctx, cur, args, kwargs, sid, pos)
    return queries.executed(ctx, cur, model, func.attr, sid, pos)


def method(
    ctx: Context, cur: Cursor, receiver: Unproved, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """What only a query is asked for proves that it is one."""
    return queries.method(ctx, cur, receiver.query, name, args, kwargs, pos) if name in api.OF_QUERIES else UNKNOWN


def is_subselect(name: str, func: Value, args: list[Value]) -> bool:
    """``unknown.subquery()``, ``unknown.in_(unknown.subquery())``."""
    if name in ("subquery", "scalar_subquery"):
        return func == UNKNOWN or isinstance(func, Parameter)
    return name == "in_" and any(isinstance(arg, Subselect) for arg in args)
