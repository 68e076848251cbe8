"""Who has a session: what storing, returning, capturing or handing on a value does to the duty to close it."""

from __future__ import annotations

from sqla_lint import handover_calls, slow_calls
from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import containers
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.events import Outlived
from sqla_lint.flow.terms.joining import unread
from sqla_lint.flow.terms.row_values import Many, OneOf, Pair, Query, Record
from sqla_lint.flow.terms.session_values import Scope, Session, Transaction
from sqla_lint.flow.terms.state import GONE, OPEN, Cursor
from sqla_lint.flow.terms.values import UNKNOWN, Awaitable, Instance, Mapping, Method, Outside, Parameter, Partial
from sqla_lint.index.module import names_in, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# What may hold a session: asked of every value, so that all others are passed over at once.
_HOLDERS = frozenset(
    {Session, Instance, Pair, Many, Mapping, Record, Method, Awaitable, Partial, Transaction, Scope}
)  # fmt: skip


def sids(value: Value) -> tuple[Sid, ...]:
    """The sessions that whoever has *value* can close."""
    if type(value) not in _HOLDERS:
        return ()
    if isinstance(value, Session):
        return (value.sid,)
    if isinstance(value, Instance):
        return tuple(sid for _, held in value.held for sid in sids(held))
    if isinstance(value, Pair):
        return tuple(sid for item in value.items for sid in sids(item))
    if isinstance(value, Many):
        return sids(value.item)
    if isinstance(value, Mapping):
        return sids(value.value)
    if isinstance(value, Record):
        return tuple(sid for item in value.values for sid in sids(item))
    if isinstance(value, (Method, Awaitable)):
        inner = value.receiver if isinstance(value, Method) else value.value
        return sids(inner)
    if isinstance(value, Partial):
        return tuple(sid for item in (value.func, *value.args, *(v for _, v in value.kwargs)) for sid in sids(item))
    if isinstance(value, Transaction):
        return (value.sid,)
    if isinstance(value, Scope) and value.sid is not None:
        return (value.sid,)
    return ()


def release(ctx: Context, cur: Cursor, value: Value) -> None:
    """Another owner has what *value* holds from here on: it was stored, returned,
    or handed to code that is not known.
    """
    for sid in sids(value):
        state = cur.sessions.get(sid)
        if sid.owner == "local" and state is not None and state.status == OPEN:
            cur.sessions[sid] = state._replace(status=GONE)
        elif sid.owner == "parameter" and not ctx.static:
            state = ctx.session_state(cur, sid)
            cur.sessions[sid] = state._replace(ended=state.ended | {"keeps"})


def promised(ctx: Context, cur: Cursor, value: Value) -> None:
    """``stack.callback(session.rollback)``: whoever has the method cleans up, when what it was handed to ends.
    ``retry(session.commit)`` may have committed.
    """
    if ctx.static or not isinstance(value, Method) or not isinstance(value.receiver, Session):
        return
    sid = value.receiver.sid
    state = ctx.session_state(cur, sid)
    if value.name in api.CLOSES | api.ROLLS_BACK:
        cur.sessions[sid] = state._replace(ended=state.ended | {"promised"})
    elif value.name in api.SENDS_ALL:
        ended = state.ended | ({"may-commit"} if value.name in api.COMMITS else set())
        cur.sessions[sid] = state._replace(ended=ended, active=False, failure=None)
        instances.flushed(ctx, cur, sid)


def kept_promises(cur: Cursor) -> None:
    """An ``ExitStack`` ends: what was promised to clean up has done so."""
    for sid, state in cur.sessions.items():
        if "promised" in state.ended:
            cur.sessions[sid] = state._replace(failure=None)


def handed_on(ctx: Context, cur: Cursor, value: Value) -> None:
    """Code that is not known has the session: it may roll back, or commit what an object's methods wrote."""
    for sid in sids(value):
        if sid in cur.sessions and cur.sessions[sid].active:
            cur.sessions[sid] = cur.sessions[sid]._replace(active=False)
    if ctx.static or not isinstance(value, Session):
        return
    instances.flushed(ctx, cur, value.sid)
    if value.sid.owner in ("instance", "held"):
        state = ctx.session_state(cur, value.sid)
        cur.sessions[value.sid] = state._replace(failure=None, ended=state.ended | {"may-commit"})
    elif value.sid in cur.sessions:
        cur.sessions[value.sid] = cur.sessions[value.sid]._replace(failure=None)


def captured(ctx: Context, cur: Cursor, function: n.Lambda | n.FunctionDef) -> None:
    """A nested function that mentions a session keeps it: whoever has the function may close it."""
    names = names_in(function)
    for name in sorted(names & cur.env.keys()):
        for sid in sids(cur.env[name]):
            use = _first_statement(function, name)
            if use is not None:
                ctx.captures.setdefault(function.pos, {})[sid] = use
        release(ctx, cur, cur.env[name])


def _first_statement(function: n.Lambda | n.FunctionDef, name: str) -> Pos | None:
    """Where a nested function first asks the captured session *name* for something that runs a statement."""
    asked = api.STATEMENTS | api.COMMITS | {"query"}
    places = [
        part.pos
        for part in walk(function)
        if isinstance(part, n.Call)
        and isinstance(part.func, n.Attribute)
        and part.func.attr in asked
        and isinstance(part.func.value, n.Name)
        and part.func.value.id == name
    ]
    return min(places, default=None)


def decides(value: Value) -> bool:
    """Whether what a function does with *value* matters, whatever its text mentions: sessions, and queries."""
    return isinstance(value, Query) or bool(sids(value))


def bind(ctx: Context, cur: Cursor, target: n.Expr, value: Value) -> None:
    """Assign *value* to a target: a name, an attribute, a subscript, or several at once."""
    if isinstance(target, n.Name):
        _bind_name(ctx, cur, target.id, value)
    elif isinstance(target, n.Attribute):
        _bind_attribute(ctx, cur, target, value)
    elif isinstance(target, n.Subscript):
        _bind_subscript(ctx, cur, target, value)
    elif isinstance(target, n.Sequence):
        from sqla_lint.flow.evaluation import specials

        value = (value.of("pair") or UNKNOWN) if isinstance(value, OneOf) else specials.unpacked(ctx, value)
        items = value.items if isinstance(value, Pair) and len(value.items) == len(target.items) else None
        for index, part in enumerate(target.items):
            rest = isinstance(part, n.Starred) and isinstance(value, (Many, Query))
            bind(ctx, cur, part, value if rest else items[index] if items else _part(value))
    elif isinstance(target, n.Starred):
        bind(ctx, cur, target.value, value if isinstance(value, Many) else UNKNOWN)


def _part(value: Value) -> Value:
    return value.item if isinstance(value, Many) else UNKNOWN


def _bind_name(ctx: Context, cur: Cursor, name: str, value: Value) -> None:
    forget(cur, name)
    if ctx.function is not None and name in ctx.function.globals:
        release(ctx, cur, value)
    if ctx.function is not None and ctx.function.qualname == "<module>":
        value = _module_value(ctx, cur, name, value)
    if _matters(value, ctx.world.settings.slow_calls) or isinstance(value, Instance):
        cur.env[name] = value
        note_name(ctx, name, value)


# What a call outside the project gave is remembered for these: loggers do not raise, a migration's connection is
# not ours.
_REMEMBERED = (
    "logging", "loguru", "structlog", "alembic", "sqlalchemy", "contextlib", "flask", "pytest", "jinja2",
    *handover_calls.HOLDERS,
)  # fmt: skip


def _matters(value: Value, configured: tuple[str, ...] = ()) -> bool:
    """Whether a variable's value can make a difference; ways that differ in others are one."""
    if isinstance(value, Outside) and value.called:
        return value.name.startswith(_REMEMBERED) or slow_calls.is_client(value.name, configured)
    if isinstance(value, Instance):
        return bool(value.held)
    if isinstance(value, Record):
        return not value.values or bool(sids(value)) or unread(value) is not None or containers.holds_rows(value)
    if isinstance(value, Parameter):
        # What a dictionary that was handed in has under each of its keys would make every way another one.
        return not value.steps[-1:] or not value.steps[-1].startswith("['")
    return value != UNKNOWN


def _module_value(ctx: Context, cur: Cursor, name: str, value: Value) -> Value:
    """What a module-level name holds, known by that name as other functions know it."""
    from sqla_lint.flow.evaluation.statics import rename

    renamed = rename(value, ctx.path, name)
    if isinstance(value, Session) and isinstance(renamed, Session) and value.sid in cur.sessions:
        cur.sessions[renamed.sid] = cur.sessions.pop(value.sid)
        ctx.sessions[renamed.sid] = renamed
    return renamed


def note_name(ctx: Context, name: str, value: Value) -> None:
    """Remember which variable holds a session, for messages: of an object made over somebody's session, that has its
    own name.
    """
    if not isinstance(value, (Method, Record, Partial, Mapping, Many)):
        for sid in sids(value):
            if not isinstance(value, Instance) or sid.owner == "local":
                ctx.names.setdefault(sid, name)


def forget(cur: Cursor, name: str) -> None:
    """*name* is bound anew: what was known of it, of its attributes, and of tests that mention it is over."""
    prefixes = (name + ".", name + "[")
    for key in [k for k in cur.env if k == name or k.startswith(prefixes)]:
        del cur.env[key]
    if cur.tests:
        cur.tests = frozenset(t for t in cur.tests if not _mentions(t[0], name))


def _mentions(key: object, name: str) -> bool:
    return isinstance(key, tuple) and any(
        part == name or (isinstance(part, str) and part.split(".")[0] == name) for part in key
    )


def _bind_attribute(ctx: Context, cur: Cursor, target: n.Attribute, value: Value) -> None:
    from sqla_lint.flow.evaluation.evaluate import expr
    from sqla_lint.flow.lifetimes import sessions
    from sqla_lint.flow.reading import loading

    # The object is read; the attribute is not: writing a scalar relationship loads nothing.
    owner = expr(ctx, cur, target.value)
    loading.write(ctx, cur, target, owner)
    sessions.configured(ctx, cur, owner, target.attr, value)
    instances.shared(ctx, cur, value)
    waits = unread(value)
    if waits is not None:
        ctx.emit(Outlived(waits[0], target.pos, waits[1], "stored"))
    key = dotted(target)
    if not (_initializes(ctx, owner) and all(sid.owner == "parameter" for sid in sids(value))):
        release(ctx, cur, value)
    if key is None:
        return
    forget(cur, key)
    if _matters(value, ctx.world.settings.slow_calls):
        cur.env[key] = value
        note_name(ctx, key, value)


def _initializes(ctx: Context, owner: Value) -> bool:
    """Whether *owner* is the object that the running ``__init__`` makes: what it is given stays with whoever has it."""
    return (
        ctx.function is not None and ctx.function.node.name == "__init__" and getattr(owner, "path", None) == ("self",)
    )


def _bind_subscript(ctx: Context, cur: Cursor, target: n.Subscript, value: Value) -> None:
    from sqla_lint.flow.evaluation.evaluate import expr

    expr(ctx, cur, target.value)
    index = expr(ctx, cur, target.key)
    release(ctx, cur, value)
    containers.put(ctx, cur, target.value, index, value)
    base = dotted(target.value)
    if base is not None and isinstance(target.key, n.Constant):
        key = f"{base}[{target.key.value!r}]"
        cur.env.pop(key, None)
        if value != UNKNOWN and not (isinstance(value, Parameter) and not _matters(value)):
            cur.env[key] = value
