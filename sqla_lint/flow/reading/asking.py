"""Queries that read: where each runs, and which of a function's parameters its query is made of."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import frameworks, members
from sqla_lint.flow.loops import memos, rounds
from sqla_lint.flow.loops.derived import Derivation
from sqla_lint.flow.reading import held_rows
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms import sql_texts
from sqla_lint.flow.terms.basis import LoopId, Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Queried
from sqla_lint.flow.terms.row_values import Dynamic, Entity, Key, Many, Pair, Query, Reference
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Asks, Summary, Taken
from sqla_lint.flow.terms.values import NONE, UNKNOWN, ClassValue, Literal, Parameter
from sqla_lint.index.module import Class, Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_CACHES = frozenset({"cache", "cached", "memoize", "memoized", "memo"})
# Queries of one function that its callers are told of.
_MAX_ASKS = 12


def note(
    ctx: Context, sid: Sid | None, pos: Pos, outside: LoopId | None = None, row: tuple[Value, Class] | None = None
) -> None:
    """A query runs here; *outside* is a loop that begins with it, *row* what :class:`Queried` says."""
    if ctx.static:
        return
    session = ctx.sessions.get(sid) if sid is not None else None
    if session is not None and session.settings.flavour == "connection":
        return
    loops = before(ctx.loops, outside)
    ctx.emit(
        Queried(
            sid,
            pos,
            loops,
            conditions.parameter_guards(ctx),
            coroutine=session is not None and session.settings.is_async,
            row=row,
            conditions=_conditions(ctx),
        )
    )


def _conditions(ctx: Context) -> int:
    """How many conditions stand around this place; what has left before (``return``) is none."""
    return sum(not guard.left for guard in ctx.guards)


def before(loops: tuple[LoopId, ...], loop: LoopId | None) -> tuple[LoopId, ...]:
    """The loops that run when *loop* begins: the second ``for`` of a comprehension does in each round of the first."""
    if loop not in loops:
        return loops
    last = len(loops) - 1 - loops[::-1].index(loop)
    return loops[:last] + loops[last + 1 :]


def note_get(
    ctx: Context, cur: Cursor, sid: Sid | None, pos: Pos, model: Value, key: Value, anew: bool = False
) -> None:
    """``session.get(Model, key)``: a query, unless the session holds that very row; *anew* if it is to be asked for
    nevertheless.
    """
    cls = model.cls if isinstance(model, ClassValue) else None
    if cls is not None and not anew and held_rows.is_held(ctx, cur, sid, cls, key):
        return
    note(ctx, sid, pos, row=_row_of(cls, key) if not anew else None)
    if cls is not None:
        held_rows.note_got(cur, cls, key, pos)


def _row_of(cls: Class | None, key: Value | None) -> tuple[Value, Class] | None:
    """The key of the row of *cls* that is asked for, where the function was handed it, or a row that has it."""
    owner = key.row if isinstance(key, (Key, Reference)) else key
    return (key, cls) if cls is not None and key is not None and isinstance(owner, Parameter) else None


def _as_handed(ctx: Context, key: Value, bound: dict[str, Value]) -> Value:
    """The key that a callee asks by, as the call knows it."""
    from sqla_lint.flow.evaluation.substitute import walk

    owner = key.row if isinstance(key, (Key, Reference)) else key
    if not isinstance(owner, Parameter):
        return UNKNOWN
    given = bound.get(owner.name, UNKNOWN)
    if owner is key and not owner.steps:
        return given
    *steps, name = (*owner.steps, key.name) if isinstance(key, (Key, Reference)) else owner.steps
    row = walk(ctx, given, tuple(steps))
    if isinstance(row, Parameter) and row.cls is None:
        return row._replace(steps=(*row.steps, name))
    return held_rows.key_of(ctx, row, name) if isinstance(row, (Entity, Parameter)) else UNKNOWN


def reads(ctx: Context, name: str, target: Value, args: list[Value], kwargs: dict[str, Value]) -> bool:
    """Whether a session's method sends a query for rows (not a write, nor what may be one)."""
    if name in api.EXECUTES:
        return isinstance(target, (Query, Dynamic)) or sql_texts.is_select(target)
    if name == "refresh":
        names = args[1] if len(args) > 1 else kwargs.get("attribute_names")
        items = names.items if isinstance(names, Pair) else (names.item,) if isinstance(names, Many) else ()
        return any(isinstance(i, Literal) and i.value in ctx.world.mappings.relationship_names for i in items)
    return False


def called(
    ctx: Context,
    cur: Cursor,
    summary: Summary,
    bound: dict[str, Value],
    function: Function,
    receiver: Value | None,
    pos: Pos,
    ahead: int = 0,
) -> None:
    """A function of the project is called: what it asks the database for with its arguments, the call asks.

    *ahead* is how many arguments a ``partial`` gave before.
    """
    if ctx.static or not summary.asks or _is_remembered(ctx, function):
        return
    from sqla_lint.flow.evaluation.substitute import resolve_sid

    outcomes: dict[n.Expr, bool | None] = {}
    positional = [p.name for p in function.node.params if p.kind in ("pos", "normal", "vararg")]
    shift = ahead + (1 if receiver is not None else 0)
    for ask in summary.asks:
        if conditions.is_ruled_out(ctx, ask.under, bound, outcomes):
            continue
        takes = tuple(taken._replace(place=_place(positional, taken.name, shift, ahead)) for taken in ask.takes)
        if ask.sid is not None and _is_made_for_the_call(ctx, ask.sid, bound, function):
            continue
        sid = resolve_sid(ctx, ask.sid, bound) if ask.sid is not None else None
        key, cls = ask.row or (UNKNOWN, None)
        key = _as_handed(ctx, key, bound)
        if cls is not None and held_rows.is_held(ctx, cur, sid, cls, key):
            continue
        via = (ask.qualname, ask.pos, ask.path)
        under = (*conditions.parameter_guards(ctx), *conditions.passed_on(ctx, ask.under, bound))
        row, depth = _row_of(cls, key), ask.conditions + _conditions(ctx)
        ctx.emit(Queried(sid, pos, ctx.loops, under, takes, via, function.node.is_async, row, depth))


def _is_remembered(ctx: Context, function: Function) -> bool:
    """Whether a decorator says, by its own or its object's name, that it keeps what the function returned before."""
    if ctx.world.roles.is_cached(function):
        return True
    words = frozenset().union(*(rounds.named(decorator) for decorator in function.node.decorators))
    return bool(words & _CACHES) and "property" not in words


def _is_made_for_the_call(ctx: Context, sid: Sid, bound: dict[str, Value], function: Function) -> bool:
    """Whether the call hands in no session: the function, or a decorator around it, opens one for each call."""
    if sid.owner != "parameter" or not sid.path:
        return False
    given = bound.get(sid.path[0])
    if members.is_wrapped(function):
        return given in (None, NONE) and frameworks.provides_session(function, ctx.world)
    return given == NONE


def _place(positional: list[str], name: str, shift: int, ahead: int) -> int:
    """Where a call gives a parameter; -2 where only its name can tell, or a ``partial`` gives it."""
    place = positional.index(name) - shift if name in positional else -2
    return place if place >= 0 or (place == -1 and not ahead) else -2


def asks(ctx: Context, function: Function) -> tuple[Asks, ...]:
    """The function's queries that are made of its parameters, those in loops of its own aside: they are its own."""
    found: dict[Asks, None] = {}
    queried = [e for e in ctx.events if isinstance(e, Queried) and not e.loops and _is_shared(e.sid)]
    if not queried or not function.node.params:
        return ()
    derivation = Derivation.of(function)
    # A query is met in many states: what it is made of is the same in all.
    known: dict[object, tuple[Taken, ...]] = {}
    for event in queried:
        query = (event.pos, event.sid, event.takes)
        if query not in known:
            known[query] = _takes(derivation, event)
        if known[query]:
            path, pos, qualname = ctx.path, event.pos, function.qualname
            if event.via is not None:
                qualname, pos, path = event.via
            asked = Asks(known[query], event.sid, pos, path, qualname, event.under, event.row, event.conditions)
            found[asked] = None
    return tuple(found)[:_MAX_ASKS]


def _takes(derivation: Derivation, event: Queried) -> tuple[Taken, ...]:
    """The parameters that a query is made of, where each call asks anew."""
    if derivation.has_opened(event):
        return ()
    takes = derivation.parameters(event)
    return takes if takes and not _is_kept(derivation, event.pos) else ()


def _is_kept(derivation: Derivation, pos: Pos) -> bool:
    """Whether the next call with the same arguments does not ask again."""
    return memos.is_remembered(derivation, pos, derivation.function.body) or memos.is_ticked_off(derivation, pos)


def _is_shared(sid: Sid | None) -> bool:
    """Whether a query's session lives longer than the function."""
    return sid is None or sid.owner != "local"
