"""From the states at a function's ways out to its summary."""

from __future__ import annotations

from functools import reduce

from sqla_lint.flow.evaluation import frameworks
from sqla_lint.flow.lifetimes import givebacks, sessions, usage
from sqla_lint.flow.reading import asking
from sqla_lint.flow.solver import variants
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.state import CLOSED, GONE, Cursor, SessionState, State
from sqla_lint.flow.terms.summary import Effect, Generator, Summary
from sqla_lint.flow.terms.values import NONE, UNKNOWN, Either, Literal
from sqla_lint.index.module import Function, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_SHOWN = ("parameter", "instance", "held", "registry", "module", "closure", "injected")
_WORDS = frozenset({"statement", "commit", "rollback", "close", "write"})
_MAX_READS = 60
_MAX_RENDERS = 8
_ENDED_WELL = frozenset({"close", "may-commit"})

Exits = dict[State, Pos | None]


def summarize(ctx: Context, function: Function, returns: Exits, raises: Exits) -> Summary:
    """What callers need to know of a solved function."""
    generator = _generator(ctx, function, returns, raises) if ctx.yields else None
    failed = _failed(raises)
    cleaned = bool(failed) and frameworks.rolls_back(function, ctx.world)
    return Summary(
        returns=_returned(returns) if generator is None else UNKNOWN,
        effects=_effects(returns, raises),
        raises=frozenset() if cleaned else failed,
        raises_clean=cleaned or _raises_clean(raises),
        raises_other=any(s.exc is not None and s.exc.label in ("other", "base") for s in raises),
        reads=tuple(ctx.reads)[:_MAX_READS],  # type: ignore[arg-type]
        asks=asking.asks(ctx, function),
        applies=tuple(ctx.applies),
        stores=_stores(function, returns),
        writes=_writes(function, returns),
        generator=generator,
        wants=tuple(sorted(ctx.wants)),
        lends=frozenset(ctx.lends) if ctx.wants else frozenset(),
        lazy=variants.lazy(ctx, function),
        waits=tuple(w._replace(told=frozenset(s for s in w.told if s.owner in _SHOWN)) for w in ctx.waits),
        renders=tuple(ctx.renders)[:_MAX_RENDERS],
        gives=givebacks.of(returns) if generator is None else (),
    )


def _returned(returns: Exits) -> Value | None:
    """What the function returns; None where it never does."""
    found: Value | None = None
    for state in returns:
        way = Cursor(state, None)
        value = usage.released(way, sessions.as_set(way, state.result) or NONE) if state.result is not None else NONE
        found = value if found is None else _joined(found, value)
    return found


def _joined(left: Value, right: Value) -> Value:
    """A join in which a plain truth value does not hide a session (``return None``, ``return False`` beside it)."""
    if isinstance(left, Literal) and isinstance(right, Literal) and left != right:
        return UNKNOWN
    if isinstance(left, Literal):
        return right
    return left if isinstance(right, Literal) else join(left, right)


def _states(exits: Exits, sid: Sid) -> list[SessionState]:
    return [state.sessions.get(sid, SessionState()) for state in exits]


def _effects(returns: Exits, raises: Exits) -> tuple[tuple[Sid, Effect], ...]:
    sids = sorted({sid for state in (*returns, *raises) for sid in state.sessions if sid.owner in _SHOWN}, key=repr)
    found: list[tuple[Sid, Effect]] = []
    for sid in sids:
        ways = _states(returns, sid)
        every = ways + _states(raises, sid)
        must = frozenset.intersection(*(w.ended for w in ways)) if ways else frozenset()
        may = frozenset().union(*(w.ended for w in every))
        if "may-commit" in may:
            may = may | {"commit"}
        if ways and all(w.status == CLOSED for w in ways):
            must = must | {"close"}
        elif "close" in must:
            must = must - {"close"}
        effect = Effect(
            must & _WORDS,
            may & _WORDS,
            "keeps" in may or any(w.status == GONE for w in every),
            any(w.active for w in ways),
            any(w.wrote is not None for w in ways),
        )
        if effect != Effect():
            found.append((sid, effect))
    return tuple(found)


def _failed(raises: Exits) -> frozenset[Sid]:
    """Sessions that a database error leaves failed for the caller."""
    return frozenset(
        sid
        for state in raises
        if state.exc is not None and state.exc.label == "database"
        for sid, session in state.sessions.items()
        if session.failure is not None and sid.owner in _SHOWN
    )


def _raises_clean(raises: Exits) -> bool:
    return any(
        state.exc is not None
        and state.exc.label == "database"
        and all(s.failure is None or sid.owner not in _SHOWN for sid, s in state.sessions.items())
        for state in raises
    )


def _stores(function: Function, returns: Exits) -> tuple[tuple[str, Value], ...]:
    """What ``__init__`` leaves on the instance, as far as all ways agree."""
    if function.node.name != "__init__" or not function.node.params or not returns:
        return ()
    prefix = function.node.params[0].name + "."
    keys = {k for state in returns for k in state.env if k.startswith(prefix) and "." not in k[len(prefix) :]}
    found = [(key[len(prefix) :], _stored(function, key, returns)) for key in sorted(keys)]
    return tuple((name, value) for name, value in found if value != UNKNOWN)


def _stored(function: Function, key: str, returns: Exits) -> Value:
    """What an attribute is whichever way was taken; a session that is handed in or made is none where it is None."""
    known = reduce(join, [state.env[key] for state in returns if key in state.env])
    on_all = all(key in state.env for state in returns)
    return known if on_all or isinstance(known, Either) and _is_set_to_none(function, key) else UNKNOWN


def _is_set_to_none(function: Function, key: str) -> bool:
    return any(
        isinstance(stmt, n.Assign)
        and isinstance(stmt.value, n.Constant)
        and stmt.value.value is None
        and key in [dotted(target) for target in stmt.targets]
        for stmt in statements(function.node.body)
    )


def _writes(function: Function, returns: Exits) -> tuple[str, ...]:
    if function.cls is None or not function.node.params or not returns:
        return ()
    me = function.node.params[0].name
    ways = [
        {path[0] for name, path, loop in state.loaded if name == me and loop is None and len(path) == 1}
        for state in returns
    ]
    return tuple(sorted(set.intersection(*ways)))


def _generator(ctx: Context, function: Function, returns: Exits, raises: Exits) -> Generator:
    """What a context manager does to what it yields: read from the ways out after the ``yield``."""
    from sqla_lint.flow.lifetimes.ownership import sids

    yielded: Value | None = None
    for value in ctx.yields:
        yielded = value if yielded is None else join(yielded, value)
    what = yielded if yielded is not None else UNKNOWN
    held = sids(what)
    thrown = [s for s in (*returns, *raises) if s.env.get("%yield") == Literal("thrown", "str")]
    resumed = [s for s in (*returns, *raises) if s.env.get("%yield") == Literal("resumed", "str") and s.exc is None]
    swallows = any(s.env.get("%yield") == Literal("thrown", "str") for s in returns)

    def ends(*same: Sid) -> tuple[frozenset[str], frozenset[str]]:
        return _does([_session(s, same) for s in resumed]), _does([_session(s, same) for s in thrown])

    known = {sid for s in (*thrown, *resumed) for sid in s.sessions if sid.owner in _SHOWN}
    others = tuple((sid, *ends(sid)) for sid in sorted(known - set(held), key=repr) if any(ends(sid)))
    promised = ctx.world.parameters.promised(function) if what == UNKNOWN else None
    if promised is not None and ctx.world.roles.is_context_manager(function):
        # Where the session comes from is not known: it is taken to be ended well.
        return Generator(promised, _ENDED_WELL, frozenset({"close"}), swallows, others)
    if len(held) != 1:
        return Generator(what, swallows=swallows, others=others)
    # Each way may yield a session of its own.
    each = (sid for value in ctx.yields for sid in sids(value))
    return Generator(what, *ends(*held, *each), swallows=swallows, others=others)


def _session(state: State, same: tuple[Sid, ...]) -> SessionState:
    return next((state.sessions[sid] for sid in same if sid in state.sessions), SessionState())


def _does(ways: list[SessionState]) -> frozenset[str]:
    if not ways:
        return frozenset()
    does = frozenset.intersection(*(w.ended for w in ways)) & {"close", "commit", "rollback"}
    return does | ({"may-commit"} if any("commit" in w.ended for w in ways) else set())
