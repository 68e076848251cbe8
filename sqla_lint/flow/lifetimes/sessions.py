"""What calls on a session do to it, and what they give."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import aliases, instances, ownership, transitions
from sqla_lint.flow.reading import asking, queries
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.configure import vague
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Called, Closing, Created, Ran, Rebound, Recovered, Reopened, Used
from sqla_lint.flow.terms.row_values import Entity, Many, Pair, Record, ways_of
from sqla_lint.flow.terms.session_values import Connection, Engine, Scope, Session, Settings, Transaction
from sqla_lint.flow.terms.state import CLOSED, OPEN, Cursor, Raised, SessionState
from sqla_lint.flow.terms.values import (
    FALSE,
    UNKNOWN,
    ClassValue,
    FunctionValue,
    LambdaValue,
    Literal,
    Method,
    Outside,
    Parameter,
)
from sqla_lint.lower.nodes import Pos


def create(ctx: Context, cur: Cursor, settings: Settings, pos: Pos, how: str = "created") -> Session:
    """A new plain session, made by the code that runs now."""
    made = Session(Sid("local", (ctx.path,), pos), settings)
    if ctx.static:
        return made
    before = cur.sessions.get(made.sid)
    if before is not None and before.status == OPEN and before.used:
        ctx.emit(Rebound(made.sid, pos, before))
    ctx.emit(Created(made.sid, pos, how, ctx.in_finally))
    ctx.sessions[made.sid] = made
    connected = settings.flavour == "connection"
    cur.sessions[made.sid] = SessionState(used=connected, active=connected)
    return made


def configured(ctx: Context, cur: Cursor, owner: Value, name: str, value: Value) -> None:
    """``session.expire_on_commit = ...`` and ``session.autoflush = ...``."""
    if isinstance(owner, Method) and owner.name == "sync_session":
        owner = owner.receiver
    if ctx.static or not isinstance(owner, Session) or name not in ("expire_on_commit", "autoflush"):
        return
    state = ctx.session_state(cur, owner.sid)
    if name == "autoflush":
        cur.sessions[owner.sid] = state._replace(silent=value == FALSE)
    else:
        cur.sessions[owner.sid] = state._replace(reset=True)


def as_set(cur: Cursor, value: Value | None) -> Value | None:
    """A session as whoever gets it has it: what was set on it is not followed there."""
    state = cur.sessions.get(value.sid) if isinstance(value, Session) else None
    if isinstance(value, Session) and state is not None and (state.reset or state.silent):
        return value._replace(settings=vague(value.settings))
    return value


def collected(ctx: Context, cur: Cursor, settings: Settings, pos: Pos) -> Session:
    """``next(get_db())``: nothing holds the generator, so it is collected at once and has closed its session."""
    made = create(ctx, cur, settings, pos, how="scope")
    if not ctx.static:
        cur.sessions[made.sid] = transitions.close(cur.sessions[made.sid], pos, True)
    return made


def statement(ctx: Context, cur: Cursor, sid: Sid, pos: Pos, writes: bool = False, what: str = "statement") -> None:
    """A statement, flush or commit on a session: it may raise, and then nothing works until a rollback."""
    if ctx.static:
        return
    state = check_use(ctx, cur, sid, pos, what)
    ctx.emit(Ran(sid, pos, what))
    ctx.raises.add(sid)
    if what not in ("commit", "get", "get_one"):
        (instances.flushed if what == "flush" else instances.autoflushed)(ctx, cur, sid)
    cur.sessions[sid] = transitions.failed(state, pos, what in ("commit", "flush") or state.wrote is not None)
    cur.raises(Raised("database"), pos)
    # A result may be wrong for the program as well (NoResultFound), with nothing wrong in the transaction; a flush or
    # commit that raises anything else has sent nothing.
    cur.sessions[sid] = state if what in ("commit", "flush") else transitions.running(state)
    cur.raises(Raised("other"), pos)
    if what == "commit":
        cur.sessions[sid] = transitions.commit(state)
        aliases.ended(cur, sid)
        instances.committed(ctx, cur, sid, pos)
        cur.loaded, cur.held = frozenset(), frozenset()
    else:
        cur.sessions[sid] = transitions.statement(state, pos, writes)


def check_use(ctx: Context, cur: Cursor, sid: Sid, pos: Pos, how: str) -> SessionState:
    """Note a use of a session whose failure a handler swallowed; the failure is told once."""
    state = ctx.session_state(cur, sid)
    note_reopening(ctx, state, sid, pos)
    if state.status == CLOSED:
        state = state._replace(reopened_at=pos)
        cur.sessions[sid] = state
    if state.failure is not None and state.failure.is_swallowed:
        ctx.emit(Used(sid, pos, state, how))
        state = state._replace(failure=None, active=False)
        cur.sessions[sid] = state
    return state


def note_reopening(ctx: Context, state: SessionState, sid: Sid, pos: Pos) -> None:
    """A closed session is used again: SQLAlchemy opens a new transaction without a word."""
    if state.status == CLOSED and state.closed_at is not None:
        ctx.emit(Reopened(sid, state.closed_at, pos))


def close(ctx: Context, cur: Cursor, sid: Sid, pos: Pos) -> None:
    """A call closes (or removes, or resets) a session."""
    if ctx.static:
        return
    state = ctx.session_state(cur, sid)
    ctx.emit(Closing(sid, pos, state.status == "closed", ctx.in_finally))
    note_recovery(ctx, state, sid, pos)
    cur.sessions[sid] = transitions.close(state, pos, ctx.in_finally)
    aliases.ended(cur, sid)


def rollback(ctx: Context, cur: Cursor, sid: Sid, pos: Pos) -> None:
    if ctx.static:
        return
    state = ctx.session_state(cur, sid)
    before, failure = state, state.failure
    note_recovery(ctx, state, sid, pos)
    state = transitions.rollback(state)
    if state.block is not None and failure is not None:
        # Inside ``with ...begin()`` a rollback ends the block's transaction: the block's rows are lost all the same.
        state = state._replace(failure=failure, wrote=before.wrote)
    cur.sessions[sid] = state
    aliases.ended(cur, sid)
    instances.rolled_back(cur, sid, before, pos)
    cur.loaded, cur.held = frozenset(), frozenset()


def note_recovery(ctx: Context, state: SessionState, sid: Sid, pos: Pos) -> None:
    """A failed session is rolled back or closed: whatever failed on it has somebody who cleans up."""
    if state.failure is not None:
        ctx.emit(Recovered(sid, pos, state.failure.pos))


def method(
    ctx: Context, cur: Cursor, session: Session, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """A method of a session (or of a registry, which reaches the session of this thread)."""
    sid = session.sid
    ctx.sessions.setdefault(sid, session)
    if not ctx.static:
        bare = pos in ctx.dropped
        state = ctx.session_state(cur, sid)
        ctx.emit(Called(sid, pos, name, state, ctx.loops, ctx.guards, ctx.in_finally, bare))
    if name in api.CLOSES or name in ("__exit__", "__aexit__"):
        close(ctx, cur, sid, pos)
    elif name == "rollback":
        rollback(ctx, cur, sid, pos)
    elif name == "commit":
        statement(ctx, cur, sid, pos, what="commit")
    elif name == "query":
        made = queries.make(ctx, args, pos, sid, wraps=False)
        # Made after the close, it runs on the session that it opens again.
        return made._replace(buffered=sid in cur.sessions and cur.sessions[sid].status == CLOSED)
    elif name in ("begin", "begin_nested"):
        return begin(ctx, cur, sid, name == "begin_nested", pos)
    elif name in ("get_transaction", "get_nested_transaction"):
        return Transaction(sid, name == "get_nested_transaction", pos)
    elif name in ("__enter__", "__aenter__") or (
        name == "execution_options" and session.settings.flavour == "connection"
    ):
        return session
    elif name == "run_sync":
        return _run_sync(ctx, cur, session, args, kwargs, pos)
    elif name == "merge" and kwargs.get("load") == FALSE:
        return args[0] if args else UNKNOWN  # a copy for the identity map: nothing is sent, nothing is to be written
    elif name in api.STATEMENTS:
        return _statement_method(ctx, cur, session, name, args, kwargs, pos)
    elif name in api.WRITES and not ctx.static:
        state = ctx.session_state(cur, sid)
        note_reopening(ctx, state, sid, pos)
        cur.sessions[sid] = transitions.note(state, pos)
    elif name not in api.OF_SESSIONS and not name.startswith("_") and session.settings.flavour != "connection":
        # A method that a subclass has added: it may have rolled back, closed or committed.
        aliases.extended(ctx, cur, session, name)
    _instances(ctx, cur, sid, name, args, pos)
    for arg in args:
        # A session added to another object's care is not this one's business.
        ownership.release(ctx, cur, arg)
    return UNKNOWN


def _instances(ctx: Context, cur: Cursor, sid: Sid, name: str, args: list[Value], pos: Pos) -> None:
    """What a method of a session does to the instances it is given, or holds."""
    if ctx.static:
        return
    target = args[0] if args else UNKNOWN
    if name in ("add", "add_all"):
        instances.added(ctx, cur, sid, target)
    elif name in ("delete", "expunge"):
        instances.spared(cur, target)
        if name == "delete":
            instances.deleted(cur, target)
    elif name == "expunge_all":
        instances.all_spared(cur, sid)
    elif name == "expire":
        instances.expire_one(cur, target, pos, some=len(args) > 1)
    elif name == "expire_all":
        instances.expire(ctx, cur, sid, pos)
        cur.loaded, cur.held = frozenset(), frozenset()


def _statement_method(
    ctx: Context, cur: Cursor, session: Session, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    sid = session.sid
    target = args[0] if args else kwargs.get("statement", kwargs.get("entity", UNKNOWN))
    writes = name in api.WRITES or (isinstance(target, Outside) and bool(api.DML & set(target.name.split("."))))
    if name in ("get", "get_one") and not _was_got(cur, args):
        instances.autoflushed(ctx, cur, sid)
    statement(ctx, cur, sid, pos, writes, name)
    if isinstance(target, Outside) and target.name.rpartition("text.")[2] in api.ENDS_IN_SQL and not ctx.static:
        cur.sessions[sid] = transitions.ended_in_sql(cur.sessions[sid])
    if name in ("get", "get_one"):
        anew = not kwargs.keys().isdisjoint(api.ASKS_ANEW)
        asking.note_get(ctx, cur, sid, pos, target, args[1] if len(args) > 1 else kwargs.get("ident", UNKNOWN), anew)
    elif not writes and asking.reads(ctx, name, target, args, kwargs):
        asking.note(ctx, sid, pos)
    if "return_defaults" in kwargs:
        # ``bulk_save_objects(rows, return_defaults=True)`` fetches the keys.
        instances.shared(ctx, cur, target)
    if name in api.EXECUTES:
        return queries.executed(ctx, cur, target, name, sid, pos)
    if name in ("get", "get_one"):
        return queries.get(ctx, cur, args, kwargs, sid, pos)
    if name == "connection":
        options = kwargs.get("execution_options", UNKNOWN)
        if isinstance(options, Record) and Literal("AUTOCOMMIT", "str") in options.values:
            ctx.sessions[sid] = session._replace(settings=session.settings._replace(autocommit=True))
        return Connection(None)
    for row in ways_of(target) if name == "refresh" and not isinstance(target, Parameter) else ():
        if isinstance(row, Entity):
            _refreshed(cur, row, args[1] if len(args) > 1 else kwargs.get("attribute_names"))
    if name == "refresh" and isinstance(target, Parameter):
        names = _named(args[1] if len(args) > 1 else kwargs.get("attribute_names"))
        cur.loaded = cur.loaded | {(target.name, (*target.steps, one), None) for one in names}
    if name == "merge" and isinstance(target, Entity):
        return instances.merged(ctx, cur, sid, target, pos)
    return target if name == "merge" else UNKNOWN


def _was_got(cur: Cursor, args: list[Value]) -> bool:
    """Whether ``get`` was called for the same key before: then the identity map answers, and nothing is flushed."""
    if len(args) < 2 or not isinstance(args[0], ClassValue) or not isinstance(args[1], Parameter):
        return False
    key = f"%got{args[0].cls.name}"
    known = cur.env.get(key) == args[1]
    cur.env[key] = args[1]
    return known


def _refreshed(cur: Cursor, row: Entity, names: Value | None) -> None:
    """``session.refresh(row, ["rel"])`` loads the relationships it names."""
    instances.refreshed(cur, row)
    if row.origin is not None:
        cur.loaded = cur.loaded | {(row.origin.pos, (*row.steps, name), None) for name in _named(names)}
    elif names is not None:
        instances.vague(cur, row)


def _named(names: Value | None) -> set[str]:
    """The attributes that a list of names tells; ``*`` where it is not literal."""
    if names is None:
        return set()
    items = names.items if isinstance(names, Pair) else (UNKNOWN,)
    if isinstance(names, Many):
        items = names.parts or (names.item,)
    return {str(item.value) if isinstance(item, Literal) else "*" for item in items}


def begin(ctx: Context, cur: Cursor, sid: Sid, nested: bool, pos: Pos) -> Transaction:
    """``begin()`` notes that a transaction starts; ``begin_nested()`` flushes first, and sends a SAVEPOINT."""
    if nested and not ctx.static:
        # It flushes and sends SAVEPOINT. What a failed SAVEPOINT would mean is left aside: the body is what may fail.
        state = check_use(ctx, cur, sid, pos, "begin_nested")
        instances.flushed(ctx, cur, sid)
        cur.sessions[sid] = transitions.statement(state, pos, False)
    return Transaction(sid, nested, pos)


def transaction_method(ctx: Context, cur: Cursor, transaction: Transaction, name: str, pos: Pos) -> Value:
    """``commit``, ``rollback`` or ``close`` of what ``begin()`` returned."""
    if name == "commit":
        statement(ctx, cur, transaction.sid, pos, what="flush" if transaction.nested else "commit")
    elif name in ("rollback", "close"):
        rollback(ctx, cur, transaction.sid, pos)
    return UNKNOWN


def _run_sync(
    ctx: Context, cur: Cursor, session: Session, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """``await session.run_sync(fn, ...)`` calls ``fn(session, ...)``."""
    from sqla_lint.flow.evaluation import calls

    if args and isinstance(args[0], (FunctionValue, LambdaValue)):
        ctx.in_sync, outer = True, ctx.in_sync
        result = calls.apply(ctx, cur, args[0], [session, *args[1:]], kwargs, pos)
        ctx.in_sync = outer
        return result
    return UNKNOWN


def configured_scope(ctx: Context, cur: Cursor, pos: Pos) -> Scope:
    """A context manager that the configuration names: it closes the session that it gives, and may commit."""
    made = create(ctx, cur, Settings(expire_on_commit=None, autoflush=None, flavour="managed"), pos, how="scope")
    closes = frozenset({"close"})
    return Scope(made.sid, made, closes | {"may-commit"}, closes, False, False, pos)


def factory_begin(ctx: Context, cur: Cursor, settings: Settings, pos: Pos) -> Scope:
    """``with factory.begin() as session``: a session and a transaction that end together."""
    made = create(ctx, cur, settings, pos, how="scope")
    return Scope(made.sid, made, frozenset({"commit", "close"}), frozenset({"rollback", "close"}), False, True, pos)


def of_engine(ctx: Context, cur: Cursor, engine: Engine, name: str, kwargs: dict[str, Value], pos: Pos) -> Value:
    """A connection is followed as a session is: it is checked out from the moment it is made."""
    settings = Settings(is_async=engine.is_async, flavour="connection")
    if name in ("connect", "raw_connection"):
        return create(ctx, cur, settings, pos, how="connected")
    if name == "begin":
        return factory_begin(ctx, cur, settings, pos)
    if name == "execution_options":
        return engine._replace(
            autocommit=engine.autocommit or kwargs.get("isolation_level") == Literal("AUTOCOMMIT", "str")
        )
    return UNKNOWN


__all__ = ["begin", "close", "create", "factory_begin", "method", "rollback", "statement", "transaction_method"]
