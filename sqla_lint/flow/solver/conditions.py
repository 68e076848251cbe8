"""Conditions on a function's parameters: the arguments of a call may decide them, or a caller's own parameters."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.row_values import Many, Pair, Record
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.truths import truth
from sqla_lint.flow.terms.values import NONE, UNKNOWN, Literal, Mapping, Parameter
from sqla_lint.index.module import Function
from sqla_lint.index.module import walk as walk_nodes
from sqla_lint.lower import nodes as n

Bound = dict[str, Value]


def parameter_guards(ctx: Context) -> tuple[Guard, ...]:
    """Of the conditions that the running code stands under, those on parameters alone: a call may rule them out."""
    if ctx.function is None or not ctx.guards:
        return ()
    found = guards_on(ctx.function, ctx.guards)
    return tuple(guard._replace(test=_written_out(ctx, guard.test)) for guard in found if guard.test is not None)


def chosen(ctx: Context, value: Value, under: tuple[Guard, ...]) -> Value:
    """Rows that were handed in, with the conditions on parameters by which they, not others, are gone on with."""
    row = value.item if isinstance(value, Many) else value
    if not (isinstance(row, Parameter) and row.cls is not None and under and ctx.function is not None):
        return value
    row = row._replace(under=(*row.under, *guards_on(ctx.function, under)))
    return value._replace(item=row) if isinstance(value, Many) else row


def _written_out(ctx: Context, test: n.Expr) -> n.Expr:
    """A condition that other files can read: ``Kind.LARGE`` by its value."""
    if isinstance(test, n.BoolOp):
        return test._replace(values=tuple(_written_out(ctx, part) for part in test.values))
    if isinstance(test, n.UnaryOp):
        return test._replace(operand=_written_out(ctx, test.operand))
    if isinstance(test, n.Compare):
        return test._replace(comparators=tuple(_constant(ctx, part) for part in test.comparators))
    return test


def _constant(ctx: Context, expr: n.Expr) -> n.Expr:
    from sqla_lint.flow.evaluation.evaluate import expr as evaluate

    if isinstance(expr, (n.Name, n.Attribute)):
        value = evaluate(ctx.world.static_context(ctx.path, None), Cursor(State({}, {}), None), expr)
        if isinstance(value, Literal) and (value.value is None or isinstance(value.value, (str, bytes, int))):
            return n.Constant(expr.pos, value.value, value.type)
    return expr


def guards_on(function: Function, guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
    """Of *guards*, those on the function's parameters alone."""
    if not guards:
        return ()
    names = {p.name for p in function.node.params}
    return tuple(g for g in guards if g.test is not None and _only_names(g.test, names - _assigned(function, g.test)))


def _assigned(function: Function, test: n.Expr) -> frozenset[str]:
    """The names that are bound before *test* looks at them; after it, where it stands in no loop, does not matter."""
    if not function.assigned:
        return function.assigned
    start = test.pos[:2]
    if any(loop[:2] <= start <= loop[2:] for loop in function.loops):
        return function.assigned
    return frozenset(name for pos, names in function.bound if pos[:2] < start for name in names)


def _only_names(test: n.Expr, names: set[str]) -> bool:
    """Whether a condition looks at one of *names*, compared with constants or not,
    possibly among others joined by ``and``.
    """
    if isinstance(test, n.BoolOp):
        return any(_only_names(part, names) for part in test.values)
    if isinstance(test, n.UnaryOp):
        return _only_names(test.operand, names)
    if isinstance(test, n.Compare):
        return _only_names(test.left, names)
    return isinstance(test, n.Name) and test.id in names


def is_flag(ctx: Context, name: str) -> bool:
    """Whether a name is a parameter that is true or false, never None, and the same all through the function."""
    if ctx.function is None or name in ctx.function.assigned:
        return False
    annotation = next((p.annotation for p in ctx.function.node.params if p.name == name), None)
    return isinstance(annotation, n.Name) and annotation.id == "bool"


def is_ruled_out(ctx: Context, under: tuple[Guard, ...], bound: Bound, outcomes: dict[n.Expr, bool | None]) -> bool:
    """Whether the arguments of this call decide one of the conditions *under*, the other way."""
    for guard in under:
        assert guard.test is not None
        if guard.test not in outcomes:
            outcomes[guard.test] = evaluate_test(ctx, guard.test, bound)
        known = outcomes[guard.test]
        if known is not None and known is not guard.outcome:
            return True
    return False


def evaluate_test(ctx: Context, test: n.Expr, bound: Bound) -> bool | None:
    """What a condition on parameters comes to, given the arguments; None where they do not decide it."""
    from sqla_lint.flow.evaluation.evaluate import MAX_DEPTH
    from sqla_lint.flow.evaluation.evaluate import expr as evaluate

    if isinstance(test, n.BoolOp):
        parts = [evaluate_test(ctx, part, bound) for part in test.values]
        decisive = test.op == "or"
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if isinstance(test, n.UnaryOp) and test.op == "not":
        inner = evaluate_test(ctx, test.operand, bound)
        return None if inner is None else not inner
    if isinstance(test, n.Compare) and _is_none_or_member(test, bound):
        return test.ops[0] == "!="
    if isinstance(test, n.Compare) and _is_given(test, bound):
        return test.ops[0] == "is not"
    names = [part.id for part in walk_nodes(test) if isinstance(part, n.Name)]
    if not all(name in bound for name in names) or ctx.depth >= MAX_DEPTH:
        return None
    blind = ctx.world.static_context(ctx.path, None)
    blind.locals = frozenset(names)
    return truth(evaluate(blind, Cursor(State(dict(bound), {}), None), test))


def _is_none_or_member(test: n.Compare, bound: Bound) -> bool:
    """Whether None is compared with what a class or module names (``kind == Kind.LARGE``), which is not None."""
    is_none = isinstance(test.left, n.Name) and bound.get(test.left.id) == NONE
    return is_none and test.ops in (("==",), ("!=",), ("is",)) and isinstance(test.comparators[0], n.Attribute)


def _is_given(test: n.Compare, bound: Bound) -> bool:
    """Whether None is compared with what a call hands in: whatever that is, whoever hands in something has it."""
    other = test.comparators[0]
    is_none = isinstance(other, n.Constant) and other.value is None and test.ops in (("is",), ("is not",))
    given = bound.get(test.left.id) if isinstance(test.left, n.Name) else None
    return is_none and (given == UNKNOWN or isinstance(given, (Many, Mapping, Pair, Record)))


def passed_on(ctx: Context, under: tuple[Guard, ...], bound: Bound) -> tuple[Guard, ...]:
    """Conditions of a callee that hang on what the function's own callers hand it, in its own names."""
    if ctx.function is None or not under:
        return ()
    own = {p.name for p in ctx.function.node.params}
    names = {
        name: value.name
        for name, value in bound.items()
        if isinstance(value, Parameter) and not value.steps and value.name in own
    }
    found = ((guard, _renamed(guard.test, names)) for one in under for guard in _parts(one) if guard.test is not None)
    return tuple(guard._replace(test=test) for guard, test in found if test is not None)


def _parts(guard: Guard) -> tuple[Guard, ...]:
    """What a condition says of each of its parts: all that ``and`` joins hold, and of ``or`` that failed, none does."""
    test = guard.test
    if isinstance(test, n.BoolOp) and guard.outcome is (test.op == "and"):
        return tuple(guard._replace(test=part) for part in test.values)
    return (guard,)


def _renamed(test: n.Expr, names: dict[str, str]) -> n.Expr | None:
    """A condition in other names; None where one of its names has none."""
    if isinstance(test, n.Name):
        return test._replace(id=names[test.id]) if test.id in names else None
    if isinstance(test, n.UnaryOp):
        operand = _renamed(test.operand, names)
        return test._replace(operand=operand) if operand is not None else None
    if isinstance(test, n.Compare) and all(isinstance(one, n.Constant) for one in test.comparators):
        left = _renamed(test.left, names)
        return test._replace(left=left) if left is not None else None
    return None


# What comparing a length with a number says where it holds, and where it does not.
_ONE_AT_MOST = frozenset(
    {(">", 1, False), (">=", 2, False), ("!=", 1, False), ("==", 1, True), ("<=", 1, True), ("<", 2, True)}
)


def is_one_at_most(ctx: Context, rows: n.Expr) -> bool:
    """Whether a condition has looked at the length of *rows*: ``if len(rows) > 1: return``."""
    name = dotted(rows)
    return name is not None and any(_tells_length(guard, name) for guard in ctx.guards)


def _tells_length(guard: Guard, name: str) -> bool:
    test = guard.test
    if not isinstance(test, n.Compare) or len(test.ops) != 1 or not isinstance(test.left, n.Call):
        return False
    called, other = test.left, test.comparators[0]
    is_length = (
        isinstance(called.func, n.Name) and called.func.id == "len" and [dotted(a) for a in called.args] == [name]
    )
    return is_length and isinstance(other, n.Constant) and (test.ops[0], other.value, guard.outcome) in _ONE_AT_MOST
