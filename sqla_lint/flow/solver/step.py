"""One node of the graph, one state before it: the states after it, and where each goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqla_lint.flow.evaluation import containers, evaluate, specials
from sqla_lint.flow.lifetimes import ownership, usage
from sqla_lint.flow.reading import drawing, rows
from sqla_lint.flow.rendering import renderings, responses
from sqla_lint.flow.solver import branches, collected, conditions, entering, raising
from sqla_lint.flow.solver.stepping import Step, on
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Once
from sqla_lint.flow.terms.graph import Guard, Node
from sqla_lint.flow.terms.row_values import Forked, Many, Query
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, Loaded, Raised, State
from sqla_lint.flow.terms.values import FALSE, NONE, TRUE, UNKNOWN, Literal
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def advance(ctx: Context, node: Node, state: State) -> list[Step]:
    """All ways on from *node* in *state*."""
    ctx.loops = node.loops
    ctx.in_finally = node.in_finally
    ctx.guards = node.guards
    ctx.dropped = frozenset()
    cur = Cursor(state, node)
    steps = _KINDS[node.kind](ctx, node, cur)
    steps.extend(Step(node.exc, raised, pos) for raised, pos in cur.raised)
    return steps


# --- plain statements ------------------------------------------------------------------------------------------------


def _stmt(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    stmt = node.payload
    if isinstance(stmt, n.ExprStmt):
        ctx.dropped = frozenset(_dropped(stmt.value))
        evaluate.expr(ctx, cur, stmt.value)
    elif isinstance(stmt, n.Assign):
        return _assign(ctx, node, cur, stmt)
    elif isinstance(stmt, n.AnnAssign):
        if stmt.value is not None:
            value = evaluate.expr(ctx, cur, stmt.value)
            ownership.bind(ctx, cur, stmt.target, value)
    elif isinstance(stmt, n.AugAssign):
        value = evaluate.expr(ctx, cur, stmt.value)
        if isinstance(stmt.target, n.Name):
            _augment(ctx, cur, stmt, stmt.target.id, value)
        else:
            evaluate.expr(ctx, cur, stmt.target)
    elif isinstance(stmt, n.Delete):
        for target in stmt.targets:
            if isinstance(target, n.Name):
                ownership.forget(cur, target.id)
    elif isinstance(stmt, n.FunctionDef):
        _define(ctx, cur, stmt)
    elif isinstance(stmt, n.ClassDef):
        ownership.forget(cur, stmt.name)
        cur.env[stmt.name] = ctx.world.nested_class(ctx, stmt)
    elif isinstance(stmt, (n.Import, n.ImportFrom)):
        _import(ctx, cur, stmt)
    return on(node, cur)


def _augment(ctx: Context, cur: Cursor, stmt: n.AugAssign, name: str, value: Value) -> None:
    kept = cur.env.get(name)
    ownership.forget(cur, name)
    if stmt.op in ("+", "+="):
        collected.note(ctx, cur, stmt.target)
        if isinstance(kept, Many):
            cur.env[name] = kept
            containers.extend(ctx, cur, stmt.target, value)


def _dropped(value: n.Expr) -> Iterator[Pos]:
    """The calls whose result a statement throws away."""
    if isinstance(value, n.Call):
        yield value.pos
    elif isinstance(value, n.BoolOp):
        yield from _dropped(value.values[-1])
    elif isinstance(value, n.IfExp):
        yield from _dropped(value.body)
        yield from _dropped(value.orelse)


def _assign(ctx: Context, node: Node, cur: Cursor, stmt: n.Assign) -> list[Step]:
    """An assignment; ``own = session is None`` is followed both ways, so that a later ``if own`` knows."""
    target = stmt.targets[0]
    if len(stmt.targets) == 1 and isinstance(target, n.Name) and isinstance(stmt.value, (n.Compare, n.UnaryOp)):
        true, false = branches.split(ctx, cur, stmt.value)
        steps: list[Step] = []
        for states, outcome in ((true, TRUE), (false, FALSE)):
            for state in states:
                way = Cursor(state, node)
                branches.note_given(way, stmt.value, outcome == TRUE)
                ownership.bind(ctx, way, target, outcome)
                steps += on(node, way)
        return steps
    ways = _choices(ctx, cur, stmt.value)
    steps = []
    for way, given in ways:
        for bound, one in _each_way(way, given):
            _bind(ctx, bound, stmt, one)
            steps += on(node, bound)
            if bound is not way:
                way.raised.extend(bound.raised)
        if way is not cur:
            cur.raised.extend(way.raised)
    return steps


def _bind(ctx: Context, cur: Cursor, stmt: n.Assign, given: Value) -> None:
    unpacked = isinstance(given, Query) and any(isinstance(one, n.Sequence) for one in stmt.targets)
    value = rows.rows_of(ctx, cur, given, stmt.value.pos) if unpacked else given
    if ctx.loops and isinstance(value, Many) and value.fixed and _grows(stmt):
        value = value._replace(single=False, fixed=False)
    for one in stmt.targets:
        ownership.bind(ctx, cur, one, value)


def _grows(stmt: n.Assign) -> bool:
    """``rows = rows + [row]``, ``rows = [*rows, row]``: each round of a loop adds to the list."""
    target, value = stmt.targets[0], stmt.value
    items: tuple[n.Expr, ...] = (value.left, value.right) if isinstance(value, n.BinOp) else ()
    if isinstance(value, n.Sequence):
        items = tuple(item.value for item in value.items if isinstance(item, n.Starred))
    return isinstance(target, n.Name) and any(isinstance(one, n.Name) and one.id == target.id for one in items)


def _each_way(cur: Cursor, value: Value) -> list[tuple[Cursor, Value]]:
    """The ways on with *value*: where it came by one of several, each of them."""
    if not isinstance(value, Forked) or any(isinstance(way, Literal) for way in value.ways):
        return [(cur, value)]
    return [(Cursor(cur.state(), cur.node), way) for way in value.ways]


def _choices(ctx: Context, cur: Cursor, node: n.Expr) -> list[tuple[Cursor, Value]]:
    """``session or Session()`` and ``a if test else b`` are followed each way: who owns the session depends on it."""
    if isinstance(node, n.BoolOp) and node.op == "or" and len(node.values) == 2:
        true, false = branches.split(ctx, cur, node.values[0])
        first, second = node.values
        return [*_followed(ctx, cur, true, first, ()), *_followed(ctx, cur, false, second, (Guard(first, False),))]
    if isinstance(node, n.IfExp):
        true, false = branches.split(ctx, cur, node.test)
        return [
            *_followed(ctx, cur, true, node.body, (Guard(node.test, True),)),
            *_followed(ctx, cur, false, node.orelse, (Guard(node.test, False),)),
        ]
    return [(cur, evaluate.expr(ctx, cur, node))]


def _followed(
    ctx: Context, cur: Cursor, states: list[State], part: n.Expr, under: tuple[Guard, ...]
) -> list[tuple[Cursor, Value]]:
    """*part* in each of *states*, under the conditions that lead there."""
    outer = ctx.guards
    ctx.guards = (*outer, *under)
    ways = [Cursor(state, cur.node) for state in states]
    found = [(way, conditions.chosen(ctx, evaluate.expr(ctx, way, part), under)) for way in ways]
    ctx.guards = outer
    return found


def _define(ctx: Context, cur: Cursor, stmt: n.FunctionDef) -> None:
    for decorator in stmt.decorators:
        evaluate.expr(ctx, cur, decorator)
    ownership.captured(ctx, cur, stmt)
    ownership.forget(cur, stmt.name)
    cur.env[stmt.name] = ctx.world.nested_function(ctx.path, stmt)


def _import(ctx: Context, cur: Cursor, stmt: n.Import | n.ImportFrom) -> None:
    from sqla_lint.index.module import imports

    for name, target in imports(stmt):
        ownership.forget(cur, name)
        value = ctx.world.imported_value(ctx.path, target)
        if value != UNKNOWN:
            cur.env[name] = value


# --- control ---------------------------------------------------------------------------------------------------------


def _test(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    assert isinstance(node.payload, tuple)
    true, false = branches.split(ctx, cur, node.payload)  # type: ignore[arg-type]
    if cur.dead:
        return []
    return [Step(node.next[0], s) for s in true] + [Step(node.next[1], s) for s in false]


def _iter(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    """The iterable of a ``for``, evaluated once; a query runs here."""
    stmt = node.payload
    assert isinstance(stmt, n.For)
    source = specials.iterated(ctx, cur, evaluate.expr(ctx, cur, stmt.iter), stmt.iter.pos)
    value = drawing.known_length(ctx, source, stmt.iter, stmt.pos[:2])
    drawing.draw(ctx, cur, value, stmt.pos[:2], stmt.iter)
    if isinstance(value, (Query, Many)) and value.single and not (isinstance(value, Many) and value.fixed):
        ctx.emit(Once(stmt.pos[:2]))
    cur.env[_iterable(stmt)] = value._replace(executed=True) if isinstance(value, Query) else value
    if isinstance(stmt.iter, n.Sequence) and any(not isinstance(item, n.Starred) for item in stmt.iter.items):
        cur.env[_unbegun(stmt)] = TRUE
    return on(node, cur)


def _next(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    """The next item, or the end: each way has its own state. Over what is written down there is a first round."""
    stmt = node.payload
    assert isinstance(stmt, n.For)
    source = cur.env.get(_iterable(stmt), UNKNOWN)
    surely = cur.env.pop(_unbegun(stmt), None) is not None
    done = Cursor(cur.state(), node)
    done.env.pop(_iterable(stmt), None)
    if isinstance(stmt.target, n.Name):
        usage.passed(done, source, stmt.target.id, stmt.body)
    drawn = drawing.draw(ctx, cur, source, stmt.pos[:2], stmt.iter)
    cur.loaded = _of_earlier_rounds(cur.loaded, stmt.pos)
    rounds = []
    for way, item in _each_way(cur, drawn):
        ownership.bind(ctx, way, stmt.target, item)
        rounds.append(Step(node.next[0], way.state()))
        if way is not cur:
            cur.raised.extend(way.raised)
    if stmt.is_async:
        cur.raises(Raised("base"), stmt.iter.pos)
    return [*rounds, *([] if surely else [Step(node.next[1], done.state())])]


def _unbegun(stmt: n.For) -> str:
    return f"%first{stmt.pos[0]}:{stmt.pos[1]}"


def _while(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    """The condition of a ``while``: a round begins, or the loop ends."""
    steps = []
    for step in _test(ctx, node, cur):
        way = Cursor(step.state, node)
        if step.target == node.next[0]:
            way.loaded = _of_earlier_rounds(way.loaded, node.pos)
        steps.append(step._replace(state=way.state()))
    return steps


def _of_earlier_rounds(loaded: frozenset[Loaded], loop: Pos) -> frozenset[Loaded]:
    """What is known to be loaded as another round begins: what loops inside have read was of the last item."""
    return frozenset(e for e in loaded if e[2] is None or not loop[:2] < e[2] <= loop[2:])


def _iterable(stmt: n.For) -> str:
    return f"%iter{stmt.pos[0]}:{stmt.pos[1]}"


def _return(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    stmt = node.payload
    assert isinstance(stmt, n.Return)
    value = evaluate.expr(ctx, cur, stmt.value) if stmt.value is not None else NONE
    if cur.dead:
        return []
    if stmt.value is not None:
        responses.note(ctx, cur, value, stmt.value)
        renderings.returned(ctx, cur, value, stmt.value)
    cur.result = _returned(ctx, cur, value)
    ownership.release(ctx, cur, value)
    cur.exc = None
    cur.env["%return"] = Literal(stmt.pos, "pos")
    return on(node, cur)


def _returned(ctx: Context, cur: Cursor, value: Value) -> Value:
    """What the caller gets: a session that is kept elsewhere as well is not the caller's to close."""
    from sqla_lint.flow.terms.state import GONE

    if isinstance(value, Session) and value.sid.owner == "local":
        state = cur.sessions.get(value.sid)
        if state is not None and state.status == GONE:
            return value._replace(sid=value.sid._replace(owner="kept"))
    return value


def _case(_ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    case = node.payload
    assert isinstance(case, n.Case)
    outside = cur.state()
    for name in case.names:
        ownership.forget(cur, name)
    steps = [Step(node.next[0], cur.state())]
    if len(node.next) > 1:
        steps.append(Step(node.next[1], outside))
    return steps


_KINDS: dict[str, Callable[[Context, Node, Cursor], list[Step]]] = {
    "stmt": _stmt,
    "test": _test,
    "while": _while,
    "iter": _iter,
    "next": _next,
    "return": _return,
    "raise": raising.raises,
    "passing": raising.passing,
    "reraise": raising.reraise,
    "try": raising.begins,
    "catch": raising.catch,
    "handler": raising.handler,
    "end-handler": raising.end_handler,
    "enter": entering.enter,
    "leave": entering.leave,
    "leave-exc": entering.leave_exc,
    "case": _case,
}
