"""``with``: what entering and leaving each kind of context manager does."""

from __future__ import annotations

from sqla_lint import handover_calls, slow_calls
from sqla_lint.flow.evaluation import calls
from sqla_lint.flow.lifetimes import aliases, class_scopes, instances, ownership, sessions, transitions
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Ran
from sqla_lint.flow.terms.row_values import Many, Query
from sqla_lint.flow.terms.session_values import Connection, Scope, Session, Transaction
from sqla_lint.flow.terms.state import Cursor, Raised
from sqla_lint.flow.terms.values import (
    UNKNOWN,
    AppContext,
    FunctionValue,
    Instance,
    Literal,
    Method,
    Outside,
    Stack,
    Suppress,
)
from sqla_lint.lower.nodes import Pos

_CLOSE = frozenset({"close"})


def enter(ctx: Context, cur: Cursor, value: Value, pos: Pos) -> tuple[Value, Value]:
    """Enter a context manager: (what leaving needs, what ``as`` binds)."""
    if isinstance(value, Session):
        well = _CLOSE | {"commit"} if value.settings.commits else _CLOSE
        return Scope(value.sid, value, well, _CLOSE, False, False, pos), value
    if isinstance(value, Transaction):
        return _enter_transaction(ctx, cur, value, pos), value
    if isinstance(value, Scope):
        if value.begins and value.sid is not None and not ctx.static:
            state = ctx.session_state(cur, value.sid)
            cur.sessions[value.sid] = state._replace(block=pos)
        return value, value.value
    if isinstance(value, Instance):
        return _enter_instance(ctx, cur, value, pos)
    if isinstance(value, Method) and value.name == "no_autoflush" and isinstance(value.receiver, Session):
        _autoflush(ctx, cur, value.receiver, False)
        return value, UNKNOWN
    if isinstance(value, (Stack, Query, Connection)):
        return value, value
    if isinstance(value, Outside) and value.called and _is_kept(ctx, value):
        return value, value
    return value, UNKNOWN


def _is_kept(ctx: Context, value: Outside) -> bool:
    """Pools, task groups and clients give themselves."""
    held = value.name.startswith(handover_calls.HOLDERS)
    return held or slow_calls.is_client(value.name, ctx.world.settings.slow_calls)


def _autoflush(ctx: Context, cur: Cursor, session: Session, on: bool) -> None:
    """``with session.no_autoflush:`` keeps statements from flushing first."""
    if not ctx.static:
        cur.sessions[session.sid] = ctx.session_state(cur, session.sid)._replace(silent=not on)


def _enter_transaction(ctx: Context, cur: Cursor, value: Transaction, pos: Pos) -> Scope:
    if value.nested:
        return Scope(value.sid, value, frozenset({"flush"}), frozenset({"savepoint"}), False, False, pos)
    if not ctx.static:
        state = ctx.session_state(cur, value.sid)
        cur.sessions[value.sid] = state._replace(block=pos)
    return Scope(value.sid, value, frozenset({"commit"}), frozenset({"rollback"}), False, True, pos)


def _enter_instance(ctx: Context, cur: Cursor, value: Instance, pos: Pos) -> tuple[Value, Value]:
    for name in ("__enter__", "__aenter__"):
        method = ctx.world.method(value.cls, name)
        if method is not None:
            if _exit_closes(ctx, value) and not class_scopes.surely_closes(ctx, value.cls):
                # The class answers for its own session, also where its __exit__ closes on some ways only.
                ownership.release(ctx, cur, class_scopes.others(ctx, value))
            given = calls.project(ctx, cur, pos, FunctionValue(method, value), [], {}, name)
            return value, class_scopes.entered(ctx, value, given)
    # A base outside the project decides: it may close what the object holds.
    ownership.release(ctx, cur, value)
    return value, UNKNOWN


def _exit_closes(ctx: Context, value: Instance) -> bool:
    for name in ("__exit__", "__aexit__"):
        method = ctx.world.method(value.cls, name)
        if method is not None and any("close" in effect.may for _, effect in ctx.world.summary(method).effects):
            return True
    return False


def leave(ctx: Context, cur: Cursor, entered: Value, pos: Pos, raised: Raised | None) -> bool | None:
    """Leave a context manager, with an exception under way or not.

    Returns:
        True if it swallows the exception, False if not, None where either may be.
    """
    if isinstance(entered, Scope):
        _leave_scope(ctx, cur, entered, pos, raised)
        return entered.swallows
    if isinstance(entered, Method) and isinstance(entered.receiver, Session):
        _autoflush(ctx, cur, entered.receiver, True)
        return False
    if isinstance(entered, Stack):
        ownership.kept_promises(cur)
        return False
    if isinstance(entered, AppContext):
        _leave_app(cur, pos)
        return False
    if isinstance(entered, Suppress):
        return None if raised is not None else False
    if isinstance(entered, Instance):
        return _leave_instance(ctx, cur, entered, pos, raised)
    if isinstance(entered, Outside) and entered.called and entered.name in ("pytest.raises", "pytest.warns"):
        return None
    return False


def _leave_app(cur: Cursor, pos: Pos) -> None:
    """Flask-SQLAlchemy removes its session with the application context."""
    for sid, state in cur.sessions.items():
        if sid.owner == "registry":
            cur.sessions[sid] = transitions.close(state, pos, True)


def _leave_scope(ctx: Context, cur: Cursor, scope: Scope, pos: Pos, raised: Raised | None) -> None:
    if ctx.static:
        return
    for sid, on_exit, on_error in scope.others:
        one = scope._replace(sid=sid, on_exit=on_exit, on_error=on_error, begins=False, others=())
        _leave_scope(ctx, cur, one, pos, raised)
    if scope.sid is None:
        return
    does = scope.on_exit if raised is None else scope.on_error
    if "commit" in does or "flush" in does:
        _end_block(ctx, cur, scope, pos, does)
    state = ctx.session_state(cur, scope.sid)
    if "may-commit" in does:
        state = state._replace(ended=state.ended | {"may-commit"})
    if scope.begins:
        state = state._replace(block=None)
    if "rollback" in does:
        state = transitions.rollback(state)
    if "savepoint" in does:
        # Leaving ``begin_nested()`` with an exception rolls back to the savepoint: the session works again.
        state = state._replace(failure=None)
    if "close" in does:
        state = transitions.close(state, pos, True)
    elif raised is not None and scope.sid.owner == "local":
        # The error goes through the generator that owns the session: what it does about it is that one's affair.
        state = state._replace(failure=None)
    cur.sessions[scope.sid] = state
    if does & {"commit", "may-commit", "rollback", "close"}:
        aliases.ended(cur, scope.sid)


def _end_block(ctx: Context, cur: Cursor, scope: Scope, pos: Pos, does: frozenset[str]) -> None:
    """The end of a block commits (or releases its savepoint): that may raise, with the block rolled back and left."""
    assert scope.sid is not None
    how = "block-end" if scope.begins else "savepoint-end" if "flush" in does else "statement"
    state = sessions.check_use(ctx, cur, scope.sid, pos, how)
    ctx.raises.add(scope.sid)
    if scope.begins:
        ctx.emit(Ran(scope.sid, pos, "block-end"))
    gone = transitions.rollback(state._replace(block=None)) if "commit" in does else state
    if "close" in does:
        gone = transitions.close(gone, pos, True)
    cur.sessions[scope.sid] = gone
    cur.raises(Raised("database"), pos)
    # The end of a savepoint flushes what was noted in it, and writes nothing where that is nothing.
    done = transitions.commit(state) if "commit" in does else transitions.statement(state, pos, "flush" not in does)
    cur.sessions[scope.sid] = done
    instances.flushed(ctx, cur, scope.sid)
    if "commit" in does:
        instances.committed(ctx, cur, scope.sid, pos)
        cur.loaded, cur.held = frozenset(), frozenset()


def _leave_instance(ctx: Context, cur: Cursor, entered: Instance, pos: Pos, raised: Raised | None) -> bool | None:
    for name in ("__exit__", "__aexit__"):
        method = ctx.world.method(entered.cls, name)
        if method is not None:
            args: list[Value] = [UNKNOWN, UNKNOWN, UNKNOWN] if raised is not None else [Literal(None, "NoneType")] * 3
            open_still = class_scopes.not_undone(cur, entered)
            result = calls.project(ctx, cur, pos, FunctionValue(method, entered), args, {}, name)
            class_scopes.left(cur, open_still)
            if isinstance(result, Literal):
                return bool(result.value)
            return False if result == UNKNOWN else None
    return False


def closing(ctx: Context, cur: Cursor, value: Value, pos: Pos) -> Value:
    """``contextlib.closing(x)``: leaving calls ``x.close()``."""
    if isinstance(value, Session):
        return Scope(value.sid, value, _CLOSE, _CLOSE, False, False, pos)
    if isinstance(value, Instance):
        method = ctx.world.method(value.cls, "close")
        held = ownership.sids(value)
        if method is not None and len(held) == 1:
            return Scope(held[0], value, _CLOSE, _CLOSE, False, False, pos)
    ownership.release(ctx, cur, value)
    return UNKNOWN if isinstance(value, Many) else value


def stacked(ctx: Context, cur: Cursor, name: str, args: list[Value], pos: Pos) -> Value:
    """An ``ExitStack`` takes over what it is given."""
    value: Value = UNKNOWN
    if name in ("enter_context", "enter_async_context") and args:
        value = enter(ctx, cur, args[0], pos)[1]
    for arg in args:
        ownership.promised(ctx, cur, arg)
        ownership.release(ctx, cur, arg)
    return value
