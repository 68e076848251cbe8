"""Calls of names from outside the project: SQLAlchemy's own,
and those of the standard library and frameworks that matter here.
"""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import kinds
from sqla_lint.flow.evaluation.standard_library import HANDLERS, Handler
from sqla_lint.flow.lifetimes import instances, sessions, waits
from sqla_lint.flow.reading import loading, options, queries
from sqla_lint.flow.terms import configure, sql_texts
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Alias, Entity, LoaderOption, Many, Pair
from sqla_lint.flow.terms.session_values import Engine, Factory, FlaskDb, Registry, Session
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import (
    UNKNOWN,
    ClassValue,
    Literal,
    Outside,
)
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Calls that never return. By dotted name, then by last name where the framework has many homes for it.
NEVER_RETURNS = frozenset(
    {
        "sys.exit", "os._exit", "os.abort", "builtins.exit", "builtins.quit", "flask.abort",
        "werkzeug.exceptions.abort", "flask_restful.abort", "flask_restx.abort", "flask_smorest.abort",
        "quart.abort", "bottle.abort", "pytest.fail", "pytest.skip", "pytest.exit", "pytest.xfail", "aiohttp.web.abort",
    }
)  # fmt: skip

# Calls that neither keep nor close what they are given, and do not raise as far as this analysis cares.
_HARMLESS = frozenset(
    {
        "print", "len", "issubclass", "str", "repr", "bool", "type", "id", "hash", "hasattr", "callable",
        "vars", "dir", "format", "abs", "round", "range", "super", "globals", "locals", "object",
    }
)  # fmt: skip
# Those of them that ask an object for its text or contents, which may read any of its attributes.
_READS = frozenset({"print", "str", "repr", "format", "vars"})
_LOGGING = frozenset({"logging", "loguru", "structlog", "warnings"})


def call(
    ctx: Context,
    cur: Cursor,
    func: Outside,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
    node: n.Call | None,
) -> Value:
    """Call a name from outside the project."""
    from sqla_lint.flow.evaluation import calls, specials
    from sqla_lint.flow.reading import texts
    from sqla_lint.flow.rendering import renderings, serializing

    name = func.name
    if name in NEVER_RETURNS or (
        name.endswith(".abort") and not func.called and name.split(".")[0].startswith("flask")
    ):
        calls.unknown(ctx, cur, args, kwargs, pos)
        cur.dead = not ctx.static
        return UNKNOWN
    if not func.called and ctx.world.is_session_scope(name):
        return sessions.configured_scope(ctx, cur, pos)
    handler = HANDLERS.get(name) or _SQLALCHEMY.get(name)
    if handler is not None:
        return handler(ctx, cur, args, kwargs, pos)
    if name == "builtins.isinstance":
        return kinds.is_instance(ctx, args)
    package = name.split(".", 1)[0]
    if package in _LOGGING or (package == "builtins" and name[9:] in _HARMLESS):
        if package in _LOGGING or name[9:] in _READS:
            for value in (*args, *kwargs.values()):
                instances.shared(ctx, cur, value)
        texts.shown_by(ctx, cur, name.rpartition(".")[2], args, pos)
        if name == "builtins.len" and args:
            specials.call(ctx, cur, args[0], "__len__", [], pos)
        return Outside(name, True) if package in _LOGGING else UNKNOWN
    serialized = serializing.outside(ctx, cur, func, args, kwargs, node)
    if serialized is not None:
        return serialized
    meaning = api.meaning(name) if not func.called else None
    if meaning == "text" and node is not None and node.args:
        args = sql_texts.formatted(ctx.world.project.modules[ctx.path].source, node.args[0]) or args
    if meaning is not None:
        return _sqlalchemy(ctx, cur, meaning, name, args, kwargs, pos)
    rendered = renderings.call(ctx, cur, func, args, kwargs, pos, node)
    if rendered is not None:
        return rendered
    calls.unknown(ctx, cur, args, kwargs, pos)
    waited = waits.outside(ctx, cur, func, args, kwargs, pos, node)
    return waited if waited is not None else Outside(name, True)


def _sqlalchemy(
    ctx: Context, cur: Cursor, meaning: str, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    if meaning in ("session-class", "async-session-class"):
        settings = configure.overridden(configure.of_class(meaning), kwargs)
        return sessions.create(ctx, cur, configure.bound(settings, args, kwargs), pos)
    if meaning in ("sessionmaker", "async-sessionmaker"):
        return Factory(configure.bound(configure.of_factory(meaning, kwargs), args, kwargs))
    if meaning in ("scoped-session", "async-scoped-session"):
        settings = args[0].settings if args and isinstance(args[0], Factory) else configure.of_class(meaning)
        return Registry(Sid("registry", (ctx.path,), pos), settings)
    if meaning in ("create-engine", "create-async-engine"):
        return Engine(
            pos, meaning == "create-async-engine", kwargs.get("isolation_level") == Literal("AUTOCOMMIT", "str")
        )
    if meaning == "flask-sqlalchemy":
        return FlaskDb(ctx.path, f"{pos[0]}:{pos[1]}", configure.of_flask(kwargs))
    if meaning == "select":
        if len(args) == 1 and isinstance(args[0], Many):
            args = [UNKNOWN]
        return queries.make(ctx, args, pos, None, wraps=True)
    if meaning == "aliased":
        return Alias(args[0].cls) if args and isinstance(args[0], ClassValue) else UNKNOWN
    if meaning == "load-class":
        return LoaderOption(frozenset())
    if meaning.startswith("load:"):
        return options.option(meaning[5:], args, kwargs)
    if meaning == "text":
        return sql_texts.made(args)
    if meaning == "query-class":
        return queries.make(ctx, _entities(args), pos, _query_session(args, kwargs), wraps=False)
    return Outside(name, True)


def _conditions(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``and_``: all of them hold."""
    return Pair(tuple(args))


def _entities(args: list[Value]) -> list[Value]:
    first = args[0] if args else UNKNOWN
    if isinstance(first, Pair):
        return list(first.items)
    return [first.item] if isinstance(first, Many) else [first]


def _query_session(args: list[Value], kwargs: dict[str, Value]) -> Sid | None:
    found = kwargs.get("session", args[1] if len(args) > 1 else UNKNOWN)
    return found.sid if isinstance(found, (Session, Registry)) else None


def _set_committed(_ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``set_committed_value(row, "pets", [...])``: that is what is loaded."""
    if len(args) == 3 and isinstance(args[0], Entity) and isinstance(args[1], Literal):
        loading.note_set(cur, args[0], str(args[1].value))
    return UNKNOWN


def _object_session(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``object_session(row)``: the session that gave it."""
    sid = instances.session_of(cur, args[0]) if args and isinstance(args[0], Entity) else None
    known = ctx.sessions.get(sid) if sid is not None else None
    return known if known is not None else UNKNOWN


def _make_transient(_ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``make_transient(x)`` takes it out of its session."""
    for value in args:
        instances.spared(cur, value)
    return UNKNOWN


_SQLALCHEMY: dict[str, Handler] = {
    "sqlalchemy.and_": _conditions,
    "sqlalchemy.sql.and_": _conditions,
    "sqlalchemy.orm.make_transient": _make_transient,
    "sqlalchemy.orm.attributes.set_committed_value": _set_committed,
    "sqlalchemy.orm.object_session": _object_session,
}
