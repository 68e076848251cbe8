"""Expressions: what each is worth in a state, and what evaluating it does to the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqla_lint import handover_calls
from sqla_lint.flow.evaluation import calls, specials
from sqla_lint.flow.lifetimes import ownership, sessions, usage
from sqla_lint.flow.reading import drawing, loading, rows, texts
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Criterion, Entity, Many, ModelAttribute, Pair, Record
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, Raised
from sqla_lint.flow.terms.truths import contains, identical, truth
from sqla_lint.flow.terms.values import (
    FALSE,
    TRUE,
    UNKNOWN,
    Awaitable,
    LambdaValue,
    Literal,
    Mapping,
    Parameter,
)
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Nesting of calls, lambdas and comprehensions that is followed by value.
MAX_DEPTH = 60


def expr(ctx: Context, cur: Cursor, node: n.Expr) -> Value:
    """The value of *node*; the cursor moves on past its evaluation."""
    if ctx.depth > MAX_DEPTH:
        return UNKNOWN
    ctx.depth += 1
    try:
        return _DISPATCH.get(type(node), _unknown)(ctx, cur, node)
    finally:
        ctx.depth -= 1


def _unknown(_ctx: Context, _cur: Cursor, _node: n.Expr) -> Value:
    return UNKNOWN


def _name(ctx: Context, cur: Cursor, node: n.Name) -> Value:
    found = cur.env.get(node.id)
    if found is not None:
        return found
    if node.id in ctx.locals:
        if ctx.static:
            return ctx.world.static_local(ctx, node.id)
        return Parameter(node.id) if conditions.is_flag(ctx, node.id) else UNKNOWN
    return ctx.outer_name(node.id)


def _attribute(ctx: Context, cur: Cursor, node: n.Attribute) -> Value:
    key = dotted(node)
    owner = expr(ctx, cur, node.value)
    if key is not None and key in cur.env:
        if isinstance(owner, Entity):
            usage.read(ctx, cur, node, owner, None, False)
        return cur.env[key]
    return loading.attribute(ctx, cur, node, owner)


def _constant(_ctx: Context, _cur: Cursor, node: n.Constant) -> Value:
    if node.kind in ("NoneType", "bool", "int", "str"):
        return Literal(node.value, node.kind)
    return UNKNOWN


def _sequence(ctx: Context, cur: Cursor, node: n.Sequence) -> Value:
    if any(isinstance(item, n.Starred) for item in node.items):
        return rows.spread(ctx, cur, node)
    items = tuple([expr(ctx, cur, item) for item in node.items])
    if node.kind == "tuple":
        return Pair(items)
    for item in items:
        ownership.release(ctx, cur, item)
    return _display(items)


def _display(items: tuple[Value, ...]) -> Value:
    """A literal list: as many rows as are written down, which is no loop over data."""
    known: Value = items[0] if items else UNKNOWN
    for item in items[1:]:
        known = join(known, item)
    parts = items if len(items) < 9 and any(_is_told_apart(item) for item in items) else ()
    return Many(known, single=len(items) < 2, fixed=True, parts=parts)


def _is_told_apart(item: Value) -> bool:
    if isinstance(item, Entity):
        return item.made is not None
    return isinstance(item, Criterion) or isinstance(item, Literal) and item.type == "str"


def _dict(ctx: Context, cur: Cursor, node: n.Dict) -> Value:
    keys = [expr(ctx, cur, key) if key is not None else UNKNOWN for key in node.keys]
    values = [expr(ctx, cur, value) for value in node.values]
    for value in values:
        ownership.release(ctx, cur, value)
    return Record(tuple(values), tuple(key.value if isinstance(key, Literal) else None for key in keys))


def _subscript(ctx: Context, cur: Cursor, node: n.Subscript) -> Value:
    owner = expr(ctx, cur, node.value)
    index = expr(ctx, cur, node.key)
    key = _subscript_key(node)
    if key is not None and key in cur.env:
        return cur.env[key]
    found = specials.call(ctx, cur, owner, "__getitem__", [index], node.pos)
    return drawing.subscript(ctx, cur, node, owner, index) if found is None else found


def _subscript_key(node: n.Subscript) -> str | None:
    """``d["name"]`` as a key of the state, so that what a dictionary was given under a literal key is known again."""
    base = dotted(node.value)
    if base is None or not isinstance(node.key, n.Constant):
        return None
    return f"{base}[{node.key.value!r}]"


def _slice(ctx: Context, cur: Cursor, node: n.Slice) -> Value:
    bounds = [expr(ctx, cur, part) if part is not None else None for part in (node.lower, node.upper, node.step)]
    return Pair(tuple(b if b is not None else UNKNOWN for b in bounds))


def _bool_op(ctx: Context, cur: Cursor, node: n.BoolOp) -> Value:
    """``a or b`` is either; a known side decides."""
    from sqla_lint.flow.solver import branches

    outer = ctx.guards
    before = dict(cur.env) if any(branches.kind_asked(part, node.op) for part in node.values[:-1]) else None
    value = _operands(ctx, cur, node)
    ctx.guards = outer
    if before is not None:
        cur.env = before
    return value


def _operands(ctx: Context, cur: Cursor, node: n.BoolOp) -> Value:
    from sqla_lint.flow.solver import branches

    result: Value | None = None
    for part in node.values:
        if part is not node.values[-1]:
            ctx.tested = part
        value = expr(ctx, cur, part)
        ctx.guards = (*ctx.guards, Guard(part, node.op == "and"))
        known = truth(value)
        if known is (node.op == "or"):
            return value if result is None else join(result, value)
        if known is None or part is node.values[-1]:
            # ``x and x.session``: the falsy side of ``and`` is nothing that matters.
            result = value if result is None or node.op == "and" else join(result, value)
        if (asked := branches.kind_asked(part, node.op)) is not None:
            branches.narrow(ctx, cur, asked)
    return result if result is not None else UNKNOWN


def _unary(ctx: Context, cur: Cursor, node: n.UnaryOp) -> Value:
    value = expr(ctx, cur, node.operand)
    if node.op == "not":
        known = truth(value)
        return UNKNOWN if known is None else (FALSE if known else TRUE)
    if node.op == "-" and isinstance(value, Literal) and value.type == "int":
        return Literal(-value.value, "int")  # type: ignore[operator]
    return UNKNOWN


def _bin_op(ctx: Context, cur: Cursor, node: n.BinOp) -> Value:
    left, right = expr(ctx, cur, node.left), expr(ctx, cur, node.right)
    if node.op == "%" and isinstance(left, Literal):
        texts.interpolated(ctx, cur, left, right, node.pos)
    if node.op in ("+", "|", "&", "^") and isinstance(left, Many) and isinstance(right, Many):
        return join(left, right)
    if node.op == "-" and isinstance(left, Many):
        return left
    if node.op == "|" and isinstance(right, Record):
        known = dict(zip(left.keys, left.values)) if isinstance(left, Record) else {}
        merged = {**known, **dict(zip(right.keys, right.values))}
        return Record(tuple(merged.values()), tuple(merged))
    if node.op == "+" and Pair(()) in (left, right):
        return left if right == Pair(()) else right
    return UNKNOWN


def _compare(ctx: Context, cur: Cursor, node: n.Compare) -> Value:
    if len(node.ops) == 1 and isinstance(node.comparators[0], n.Constant) and node.comparators[0].value is None:
        ctx.tested = node.left
    left = expr(ctx, cur, node.left)
    rights = [expr(ctx, cur, part) for part in node.comparators]
    if node.ops[0] in ("in", "not in"):
        specials.call(ctx, cur, rights[0], "__contains__", [left], node.pos)
    if len(rights) == 1 and node.ops[0] in ("is", "is not", "==", "!="):
        same = identical(left, rights[0])
        if same is not None:
            return TRUE if same is (node.ops[0] in ("is", "==")) else FALSE
    if len(rights) == 1 and node.ops[0] in ("in", "not in") and isinstance(left, Literal):
        loading.asked_contents(cur, node)
        inside = contains(rights[0], left)
        if inside is not None:
            return TRUE if inside is (node.ops[0] == "in") else FALSE
    if isinstance(left, ModelAttribute) and node.ops == ("==",) and not _is_column(ctx, rights[0]):
        return Criterion(left.cls, left.name)
    return UNKNOWN


def _is_column(ctx: Context, value: Value) -> bool:
    """Whether a value is a column of a mapped class, which has one for each row; a constant of the class has not."""
    return isinstance(value, ModelAttribute) and ctx.world.columns.is_stored(value.cls, value.name)


def _if_exp(ctx: Context, cur: Cursor, node: n.IfExp) -> Value:
    ctx.tested = node.test
    known = truth(expr(ctx, cur, node.test))
    outer, ends = ctx.guards, cur.dead
    found: Value | None = None
    for outcome, part in ((True, node.body), (False, node.orelse)):
        if known is None or known is outcome:
            ctx.guards, cur.dead = (*outer, Guard(node.test, outcome)), False
            value = expr(ctx, cur, part)
            if not cur.dead:
                found = value if found is None else join(found, value)
    # Where neither comes to an end, nor does the whole.
    ctx.guards, cur.dead = outer, ends or found is None
    return found if found is not None else UNKNOWN


def _lambda(ctx: Context, cur: Cursor, node: n.Lambda) -> Value:
    ownership.captured(ctx, cur, node)
    return LambdaValue(node, ctx.path)


def _comprehension(ctx: Context, cur: Cursor, node: n.Comprehension) -> Value:
    """A comprehension is a loop: its body is evaluated once, with the targets drawn from what is iterated."""
    from sqla_lint.flow.solver import branches

    outer, saved = ctx.loops, dict(cur.env)
    single, fixed, is_empty = True, False, False
    waits: tuple[Sid, Pos] | None = None
    for generator in node.generators:
        source = specials.iterated(ctx, cur, expr(ctx, cur, generator.iter), generator.iter.pos)
        if len(node.generators) == 1:
            source = drawing.known_length(ctx, source, generator.iter, (node.pos[0], node.pos[1] + 1))
        ctx.loops = (*ctx.loops, (node.pos[0], node.pos[1] + 1))
        if node.kind == "generator" and waits is None:
            waits = rows.waiting(source)
        drawn = drawing.draw(ctx, cur, source, ctx.loops[-1], generator.iter)
        single = single and isinstance(source, Many) and source.single
        fixed = fixed or (isinstance(source, Many) and source.fixed)
        bind(ctx, cur, generator.target, drawn)
        for test in generator.ifs:
            is_empty = is_empty or truth(expr(ctx, cur, test)) is False
            branches.narrow(ctx, cur, test)
    values = [UNKNOWN if is_empty else expr(ctx, cur, element) for element in node.elements]
    ctx.loops = outer
    cur.env = saved
    for value in values:
        ownership.release(ctx, cur, value)
    if node.kind == "dict":
        return Mapping(values[0], values[-1])
    return Many(drawing.undrawn(values[0], (node.pos[0], node.pos[1] + 1)), single, fixed, waits)


def _await(ctx: Context, cur: Cursor, node: n.Await) -> Value:
    ctx.awaited = _awaited(node.value)
    value = expr(ctx, cur, node.value)
    if not (isinstance(value, Session) and (value.sid.pos == node.value.pos or _sets_options(node.value))):
        # A task may be cancelled at any await, and CancelledError passes ``except Exception``.
        # A creation that raised made nothing.
        cur.raises(Raised("base"), node.pos)
    return value.value if isinstance(value, Awaitable) else value


def _sets_options(value: n.Expr) -> bool:
    """``await connection.execution_options(...)`` waits for nothing."""
    return isinstance(value, n.Call) and getattr(value.func, "attr", "") == "execution_options"


def _awaited(value: n.Expr) -> Pos:
    """The call that an ``await`` waits for: ``wait_for(x, 3)`` waits for x."""
    func = value.func if isinstance(value, n.Call) else None
    name = n.last_part(func)
    if isinstance(value, n.Call) and value.args and name in handover_calls.PASSES_ON:
        return value.args[0].pos
    return value.pos


def _yield(ctx: Context, cur: Cursor, node: n.Yield) -> Value:
    value = expr(ctx, cur, node.value) if node.value is not None else UNKNOWN
    if not ctx.static:
        given = sessions.as_set(cur, value) or value
        if node.is_from and node.value is not None:
            given = rows.rows_of(ctx, cur, given, node.value.pos)
        ctx.yields.append(rows.item_of(given) if node.is_from else given)
        for sid in ownership.sids(value):
            # Whoever it is handed to runs statements on it.
            cur.sessions[sid] = ctx.session_state(cur, sid)._replace(used=True, active=True)
        cur.env["%yield"] = Literal("thrown", "str")
        # The caller may throw into the generator, or close it (GeneratorExit).
        cur.raises(Raised("thrown"), node.pos)
        cur.env["%yield"] = Literal("resumed", "str")
    return UNKNOWN


def _walrus(ctx: Context, cur: Cursor, node: n.Walrus) -> Value:
    value = expr(ctx, cur, node.value)
    bind(ctx, cur, node.target, value)
    return value


def bind(ctx: Context, cur: Cursor, target: n.Expr, value: Value) -> None:
    """Assign *value* to a target."""
    ownership.bind(ctx, cur, target, value)


_DISPATCH: dict[type, Callable[[Context, Cursor, Any], Value]] = {
    n.Name: _name,
    n.Attribute: _attribute,
    n.Call: lambda ctx, cur, e: calls.call(ctx, cur, e),
    n.Constant: _constant,
    n.Sequence: _sequence,
    n.Dict: _dict,
    n.Subscript: _subscript,
    n.Slice: _slice,
    n.BoolOp: _bool_op,
    n.UnaryOp: _unary,
    n.BinOp: _bin_op,
    n.Compare: _compare,
    n.IfExp: _if_exp,
    n.Lambda: _lambda,
    n.Comprehension: _comprehension,
    n.Await: _await,
    n.Yield: _yield,
    n.Walrus: _walrus,
    n.Starred: lambda ctx, cur, e: (expr(ctx, cur, e.value), UNKNOWN)[1],
    n.Format: lambda ctx, cur, e: texts.formatted(ctx, cur, e),
}
