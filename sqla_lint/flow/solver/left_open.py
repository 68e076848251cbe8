"""Methods that a class leaves to its subclasses: a call of one does what all that fill it in agree on."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqla_lint.flow.evaluation import containers, substitute
from sqla_lint.flow.solver import variants
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.summary import Effect, Summary
from sqla_lint.flow.terms.values import NONE, UNKNOWN, Parameter
from sqla_lint.flow.words.filling import filling
from sqla_lint.index.module import Function

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# Of a method that more classes than this fill in nothing is known.
_MAX_WAYS = 60


def completed(world: World, function: Function, own: Summary) -> Summary:
    """The summary of *function*, whose own is *own*: of a method left open, that of those that fill it in."""
    ways = filling(world.names, function)
    if not ways or any(way.is_generator for way in (function, *ways)):
        return own
    found = [_as_called(world, function, way) for way in ways[:_MAX_WAYS]] if len(ways) <= _MAX_WAYS else [Summary()]
    returns = [one.returns for one in found if one.returns is not None]
    return Summary(
        returns=_told(reduce(join, returns)) if returns else None,
        effects=_together([dict(one.effects) for one in found]),
        raises=frozenset().union(*(one.raises for one in found)),
        raises_clean=any(one.raises_clean for one in found),
        wants=tuple(sorted({want for one in found for want in one.wants})),
        lends=frozenset(ways),
    )


def _as_called(world: World, function: Function, way: Function) -> Summary:
    """What *way* does, in the terms of the *function* that it fills in."""
    names = _names(function, way)
    back = {ours: theirs for theirs, ours in names.items()}
    given = [one for one in function.given if isinstance(one, variants.Given) and one.name in back]
    known = tuple(one._replace(name=back[one.name]) for one in given)
    found = world.summary(variants.variant_of(world, way, known, function.level) if known else way, bool(known))
    bound: dict[str, Value] = {theirs: Parameter(ours) for theirs, ours in names.items()}
    bound[way.node.params[0].name if way.node.params else ""] = world.self_value(function)
    ctx, cur = world.static_context(function.path, function), Cursor(State({}, {}), None)
    returns = found.returns
    return Summary(
        returns=substitute.value(ctx, cur, returns, bound, function.node.pos) if returns is not None else None,
        effects=tuple((_renamed(sid, names), effect) for sid, effect in found.effects),
        raises=frozenset(_renamed(sid, names) for sid in found.raises),
        raises_clean=found.raises_clean,
        wants=tuple((names[name], steps) for name, steps in found.wants if name in names),
    )


def _names(function: Function, way: Function) -> dict[str, str]:
    """The parameters of *way* that a call of *function* hands it, ``self`` aside, by their names there."""
    plain = [[p.name for p in f.node.params if p.kind in ("pos", "normal")][1:] for f in (way, function)]
    named = {p.name for p in way.node.params if p.kind == "kwonly"}
    return dict(zip(*plain)) | {p.name: p.name for p in function.node.params if p.name in named}


def _renamed(sid: Sid, names: dict[str, str]) -> Sid:
    return sid._replace(path=(names[sid.path[0]], *sid.path[1:])) if sid.path and sid.path[0] in names else sid


def _told(value: Value) -> Value:
    """Rows and queries, and what was handed in; sessions and objects are each class's own."""
    return value if isinstance(value, Parameter) or containers.holds_rows(value) or value == NONE else UNKNOWN


def _together(ways: list[dict[Sid, Effect]]) -> tuple[tuple[Sid, Effect], ...]:
    """What all do to a session, and what some do."""
    found: list[tuple[Sid, Effect]] = []
    for sid in sorted({sid for way in ways for sid in way}, key=repr):
        every = [way.get(sid, Effect()) for way in ways]
        must = frozenset.intersection(*(one.must for one in every))
        may = frozenset().union(*(one.may for one in every))
        flags = (any(getattr(one, flag) for one in every) for flag in ("keeps", "active", "wrote"))
        found.append((sid, Effect(must, may, *flags)))
    return tuple(found)
