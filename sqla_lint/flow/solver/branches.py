"""Tests: which way a condition can go, and what each way tells of the variables in it."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import kinds
from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.solver import collected, conditions
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, ways_of
from sqla_lint.flow.terms.session_values import FlaskDb, Registry, Session
from sqla_lint.flow.terms.state import CLOSED, OPEN, Cursor, State
from sqla_lint.flow.terms.truths import truth
from sqla_lint.flow.terms.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    ClassValue,
    Instance,
    Literal,
    Mapping,
    Method,
    Parameter,
)
from sqla_lint.index.module import Class, own_nodes
from sqla_lint.lower import nodes as n

# Stands beside a variable that was compared with None and is another value.
GIVEN = "%given"

Ways = tuple[list[State], list[State]]


def split(ctx: Context, cur: Cursor, test: n.Expr) -> Ways:
    """The states in which *test* is true, and those in which it is false. What it raises is left in *cur*."""
    if isinstance(test, n.UnaryOp) and test.op == "not":
        true, false = split(ctx, cur, test.operand)
        return false, true
    if isinstance(test, n.BoolOp):
        return _bool_op(ctx, cur, test)
    ctx.tested = test
    value = expr(ctx, cur, test)
    known = truth(value)
    if known is None and isinstance(test, n.Compare):
        known = _membership(ctx, cur, test)
    if known is None and isinstance(test, n.Attribute) and test.attr == "closed":
        known = _is_closed(cur, value)
    if known is not None:
        return ([cur.state()], []) if known else ([], [cur.state()])
    _ask_state(ctx, cur, test)
    if ctx.function is not None and "unloaded" in ctx.function.words:
        _ask_loaded(cur, test)
    return _assume(ctx, cur, test, value)


def _bool_op(ctx: Context, cur: Cursor, test: n.BoolOp) -> Ways:
    """Short circuit: each further operand is evaluated only where those before it did not decide."""
    decided: list[State] = []
    pending = [cur.state()]
    outer = ctx.guards
    for part in test.values:
        following: list[State] = []
        for state in pending:
            inner = Cursor(state, cur.node)
            true, false = split(ctx, inner, part)
            cur.raised.extend(inner.raised)
            decided += true if test.op == "or" else false
            following += false if test.op == "or" else true
        pending = _distinct(following)
        ctx.guards = (*ctx.guards, Guard(part, test.op == "and"))
    ctx.guards = outer
    decided = _distinct(decided)
    return (decided, pending) if test.op == "or" else (pending, decided)


def _distinct(states: list[State]) -> list[State]:
    return list(dict.fromkeys(states))


def _membership(ctx: Context, cur: Cursor, test: n.Compare) -> bool | None:
    """``"session" in locals()``: whether the name is bound on this way."""
    right = test.comparators[0]
    if test.ops not in (("in",), ("not in",)) or not isinstance(test.left, n.Constant):
        return None
    if not (
        isinstance(right, n.Call) and isinstance(right.func, n.Name) and right.func.id in ("locals", "vars", "dir")
    ):
        return None
    bound = test.left.value in cur.env
    return bound if test.ops == ("in",) else not bound


def _is_closed(cur: Cursor, value: Value) -> bool | None:
    """``connection.closed``, of a connection that this function made."""
    owner = value.receiver if isinstance(value, Method) else None
    state = cur.sessions.get(owner.sid) if isinstance(owner, Session) and owner.sid.owner == "local" else None
    return {OPEN: False, CLOSED: True}.get(state.status) if state is not None else None


def _ask_state(ctx: Context, cur: Cursor, test: n.Expr) -> None:
    """Code that asks a session about its transaction is taken to act on the answer."""
    inner = test.func if isinstance(test, n.Call) else test
    if isinstance(inner, n.Attribute) and inner.attr in api.ASKS_STATE:
        owner = expr(ctx, Cursor(cur.state(), cur.node), inner.value)
        if isinstance(owner, (Session, Registry)):
            state = ctx.session_state(cur, owner.sid)
            cur.sessions[owner.sid] = state._replace(failure=None)


def _ask_loaded(cur: Cursor, test: n.Expr) -> None:
    """``"pets" not in inspect(owner).unloaded``: code that looks first knows what it reads."""
    for part in own_nodes(test):
        if isinstance(part, n.Attribute) and part.attr == "unloaded":
            for name in own_nodes(part):
                value = cur.env.get(name.id) if isinstance(name, n.Name) else None
                if isinstance(value, Forked) and isinstance(name, n.Name):
                    cur.env[name.id] = UNKNOWN
                if isinstance(value, Entity) and value.origin is not None and isinstance(name, n.Name):
                    cur.env[name.id] = value._replace(origin=value.origin._replace(certain=False))


def _assume(ctx: Context, cur: Cursor, test: n.Expr, value: Value) -> Ways:
    """Both ways, each with what it tells."""
    key, positive = _key(test)
    if isinstance(test, n.Name) and f"{test.id}.{GIVEN}" in cur.env:
        return [cur.state()], []
    if collected.is_there(cur, key):
        return ([cur.state()], []) if positive else ([], [cur.state()])
    if key is not None:
        for known_key, outcome in cur.tests:
            if known_key == key:
                went = outcome is positive
                return ([cur.state()], []) if went else ([], [cur.state()])
    true, false = Cursor(cur.state(), cur.node), Cursor(cur.state(), cur.node)
    if not (isinstance(test, n.Name) and conditions.is_flag(ctx, test.id)):
        _refine(true, test, True)
        _refine(false, test, False)
    narrow(ctx, true, test)
    if key is not None and (key[0] == "true" or key[2:] == ("None",)):
        _has_key(ctx, true if positive is (key[0] == "true") else false, test)
    if key is not None and key in ctx.pending:
        true.tests = true.tests | {(key, positive)}
        false.tests = false.tests | {(key, not positive)}
    return [true.state()], [false.state()]


def _has_key(ctx: Context, cur: Cursor, test: n.Expr) -> None:
    """``if pet.id is None: ... else: pet.id``: where it is not None, the row was found, or its flush has come."""
    while isinstance(test, n.UnaryOp):
        test = test.operand
    asked = test.left if isinstance(test, n.Compare) else test
    if isinstance(asked, n.Attribute) and isinstance(asked.value, n.Name):
        for entity in instances.entities(cur.env.get(asked.value.id)):
            if asked.attr in ctx.world.columns.generated(entity.cls):
                instances.keyed(cur, entity)


def _key(test: n.Expr) -> tuple[tuple[object, ...] | None, bool]:
    """A key under which the outcome of a test is remembered, and whether the test is its positive form."""
    return test_key(test)


def test_key(test: n.Expr) -> tuple[tuple[object, ...] | None, bool]:
    """The key of a simple test (``own``, ``self.own``, ``x is None``): the same for each place it stands,
    negated ones included.
    """
    while isinstance(test, n.UnaryOp) and test.op == "not":
        key, positive = test_key(test.operand)
        return key, not positive
    name = dotted(_counted(test) or test)
    if name is not None:
        return ("true", name), True
    if isinstance(test, n.Compare) and len(test.ops) == 1:
        counted, right = _counted(test.left), test.comparators[0]
        left = dotted(counted or test.left)
        sign = _ZERO.get((test.ops[0], getattr(right, "value", None)))
        if left is not None and sign is not None and (counted is not None or test.ops[0] not in ("==", "!=")):
            return ("true" if counted is not None else "over", left), sign
        if left is not None and isinstance(right, n.Constant):
            op = test.ops[0]
            if op in ("is", "=="):
                return ("is", left, repr(right.value)), True
            if op in ("is not", "!="):
                return ("is", left, repr(right.value)), False
    return None, True


# What comparing a length or a count with a number asks: whether there is anything.
_ZERO: dict[tuple[object, object], bool] = {
    (">", 0): True,
    ("!=", 0): True,
    (">=", 1): True,
    ("==", 0): False,
    ("<", 1): False,
    ("<=", 0): False,
}


def _counted(test: n.Expr) -> n.Expr | None:
    """``len(errors)``: what is counted."""
    is_len = isinstance(test, n.Call) and isinstance(test.func, n.Name) and test.func.id == "len"
    return test.args[0] if is_len and isinstance(test, n.Call) and len(test.args) == 1 else None


def _refine(cur: Cursor, test: n.Expr, outcome: bool) -> None:
    """Note what a test's outcome tells of a variable: None or not."""
    name, is_none = _none_test(test, outcome)
    if name is None:
        return
    value = cur.env.get(name, UNKNOWN)
    if isinstance(test, n.Name) and isinstance(value, (Many, Mapping)):
        return  # a collection that is false is empty
    if is_none and not isinstance(value, (Session, Registry, FlaskDb, Instance, Literal)):
        cur.env[name] = NONE


def note_given(cur: Cursor, test: n.Expr, outcome: bool) -> None:
    """``own = session is None`` was false: what ``session`` is, it is there, also for a later ``session or ...``."""
    name, is_none = _none_test(test, outcome)
    if name is not None and not is_none and isinstance(test, n.Compare):
        cur.env[f"{name}.{GIVEN}"] = TRUE


def narrow(ctx: Context, cur: Cursor, test: n.Expr) -> None:
    """``isinstance(row, Model)`` held: what is known of the variable's class is that from here on."""
    if not (isinstance(test, n.Call) and isinstance(test.func, n.Name) and test.func.id == "isinstance"):
        return
    if len(test.args) != 2 or not isinstance(test.args[0], n.Name):
        return
    name = test.args[0].id
    value, cls = cur.env.get(name), expr(ctx, cur, test.args[1])
    if not isinstance(cls, ClassValue) or not ctx.world.mappings.is_mapped(cls.cls):
        return
    ways = [way for way in ways_of(value) if kinds.is_instance(ctx, [way, cls]) != FALSE] if value is not None else []
    kept = tuple(_as_kind(ctx, way, cls.cls) for way in ways)
    if kept:
        cur.env[name] = Forked(kept) if len(kept) > 1 else kept[0]


def _as_kind(ctx: Context, value: Value, cls: Class) -> Value:
    """A row that is of *cls*, if its own class leaves that open."""
    if not isinstance(value, (Entity, Parameter)):
        return value
    is_open = value.cls in ctx.world.mappings.lineage(cls) or isinstance(value, Parameter) and value.cls is None
    return value._replace(cls=cls) if is_open else value


def kind_asked(part: n.Expr, op: str) -> n.Expr | None:
    """``isinstance(row, Model)`` that holds where the next operand is asked: before ``and``, negated before ``or``."""
    if op == "or":
        if not (isinstance(part, n.UnaryOp) and part.op == "not"):
            return None
        part = part.operand
    is_asked = isinstance(part, n.Call) and isinstance(part.func, n.Name) and part.func.id == "isinstance"
    return part if is_asked else None


def _none_test(test: n.Expr, outcome: bool) -> tuple[str | None, bool]:
    """(variable, whether it is None on this way) for ``x``, ``x is None``, ``x == None`` and their negations."""
    if isinstance(test, n.Walrus):
        test = test.target
    if isinstance(test, n.Name):
        # A false ``x`` may be empty or zero as well, but a session or a row that is false is None.
        return test.id, not outcome
    if isinstance(test, n.Compare) and isinstance(test.left, n.Name) and len(test.ops) == 1:
        right = test.comparators[0]
        if isinstance(right, n.Constant) and right.value is None and test.ops[0] in ("is", "=="):
            return test.left.id, outcome
        if isinstance(right, n.Constant) and right.value is None and test.ops[0] in ("is not", "!="):
            return test.left.id, not outcome
    return None, False


__all__ = ["split", "test_key"]
