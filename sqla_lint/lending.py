"""Reads in the loops of functions that are handed models, queries or functions: which calls make them lazy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqla_lint import serializer_api as api
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.heirs import heirs
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.flow.terms.events import AsyncRead, Handed, LazyRead
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.summary import Read
from sqla_lint.flow.words import passing
from sqla_lint.index.module import Function, bound_names, own_nodes, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

Calls = list[tuple[Facts, Handed]]
_CALLS_EACH = frozenset({"map", "filter", "sorted", "min", "max", "starmap"})
Lending = tuple[Read, Calls]


def lent(function: Function, summaries: Summaries) -> Iterator[Lending]:
    """The function's reads that depend on what it is handed, each with what the project's calls make of it."""
    world = summaries.world
    reads = bool(function.words & (world.reading_names | world.readers))
    dumps = _dumps(function, world)
    if not dumps and (not passing.repeats(function) or not (reads or passing.applies(function))):
        return
    summary = world.summary(function)
    led = {steps[0] if steps else name for name, steps in summary.wants} | {f.node.name for f in summary.lends}
    if not summary.wants or not (dumps or _loops_over(function, led)):
        return
    found: dict[Read, Calls] = {}
    for facts in _lenders(function, summaries, {function}):
        reads_of = [(event.pos, event.read) for event in facts.lent if event.function is function]
        raising = {(pos, read.pos) for pos, read in reads_of if isinstance(read, AsyncRead)}
        for pos, lazy_read in reads_of:
            # Where nothing awaits the load it raises instead, and that is told.
            if isinstance(lazy_read, LazyRead) and (pos, lazy_read.pos) not in raising:
                read = _as_read(function, lazy_read)
                found.setdefault(read, []).append((facts, _as_handed(function, lazy_read, pos)))
    told: list[Read] = []
    known = _known(function, summaries)
    for read in sorted(found, key=lambda read: (read.pos, read.steps)):
        if (read.pos, read.steps) in known:
            continue
        lazy = _all_lazy(found[read])
        if any(event.status == "lazy" for _, event in lazy) and not any(_same(read, other) for other in told):
            told.append(read)
            yield read, _beside(function, lazy) if _is_of_handed(function, read.pos) else lazy


def _known(function: Function, summaries: Summaries) -> set[tuple[Pos, tuple[str, ...]]]:
    """The reads that are lazy whatever the function is handed: these are told already."""
    groups = summaries.facts(function).lazy_reads
    return {(reads[0].pos, (*reads[0].entity.steps, reads[0].attribute)) for reads in groups}


def raising(function: Function, summaries: Summaries) -> tuple[AsyncRead, ...]:
    """The coroutine's reads that nothing awaits, with what the project's calls hand it."""
    world = summaries.world
    if not function.node.is_async or not function.words & (world.reading_names | world.readers):
        return ()
    if not world.summary(function).wants:
        return ()
    lenders = list(_lenders(function, summaries, {function}))
    events = (event for facts in lenders for event in facts.lent if event.function is function)
    return tuple(dict.fromkeys(event.read for event in events if isinstance(event.read, AsyncRead)))


def inherited(function: Function, summaries: Summaries, told: Iterable[Lending]) -> tuple[LazyRead | AsyncRead, ...]:
    """The reads of a method that are lazy (or raise) in a class that inherits it, whatever they are in others; what is
    *told* of calls of it aside.
    """
    world = summaries.world
    if not (passing.repeats(function) or function.node.is_async or _dumps(function, world)):
        return ()
    own = summaries.facts(function)
    known = own.raising | {reads[0].pos for reads in own.lazy_reads} | {read.pos for read, _ in told}
    found: dict[LazyRead | AsyncRead, None] = {}
    for heir in heirs(world, function):
        facts = summaries.facts(heir)
        found |= {read: None for reads in facts.lazy_reads for read in reads if read.pos not in known}
        found |= {event: None for event in facts.events if isinstance(event, AsyncRead) and event.pos not in known}
    return tuple(found)


def _dumps(function: Function, world: World) -> bool:
    """Whether the function may fill a schema that reads a relationship."""
    return bool(world.schemas and function.words & (api.FILLS | api.DUMPS))


def _is_of_handed(function: Function, pos: Pos) -> bool:
    """Whether what stands at a position calls a function that was handed in."""
    return any(call.pos == pos for param in function.node.params for call in function.calls.get(param.name, ()))


def _beside(function: Function, told: Calls) -> Calls:
    """*told*, and that the function itself reads nothing: what it is handed does, so it is told where that is."""
    facts, event = told[0]
    return [*told, (facts, event._replace(entity=None, status="unknown", pos=function.node.pos))]


def _loops_over(function: Function, names: set[str]) -> bool:
    """Whether a loop of the function goes over what is made of *names*, or has to do with it in its rounds."""
    led = set(names)
    for stmt in statements(function.node.body):
        value = getattr(stmt, "value", None)
        if value is not None and _mentions(value, led):
            led |= set(bound_names(stmt))
    return any(_mentions(each, led) for part in own_nodes(function.node.body) for each in _gone_through(part))


def _gone_through(part: object) -> tuple[n.Expr, ...]:
    """A loop, with what it goes over; what ``map`` and its like call, and for what."""
    if isinstance(part, n.For):
        return (part.iter, *(one for one in own_nodes(part.body) if isinstance(one, (n.Name, n.Attribute))))
    if isinstance(part, n.Comprehension):
        return (part,)
    is_each = isinstance(part, n.Call) and isinstance(part.func, n.Name) and part.func.id in _CALLS_EACH
    return part.args if is_each and isinstance(part, n.Call) else ()


def _mentions(value: n.Expr, names: set[str]) -> bool:
    parts = own_nodes(value)
    return any((getattr(part, "id", None) or getattr(part, "attr", None)) in names for part in parts)


def given(function: Function, summaries: Summaries) -> Iterator[Facts]:
    """What the function does with what the project's calls hand it, where it would have to know that."""
    world = summaries.world
    if not world.summary(function).wants:
        return
    for _ in _lenders(function, summaries, {function}):
        pass
    heirs(world, function)
    for variant in list(world.variants.get(function, {}).values()):
        yield summaries.facts(variant)


def _lenders(function: Function, summaries: Summaries, seen: set[Function]) -> Iterator[Facts]:
    """The callers, and the variants of those that are handed it themselves."""
    for caller in summaries.world.roles.callers(function):
        if caller in seen:
            continue
        seen.add(caller)
        yield summaries.facts(caller)
        # A method that a class inherits calls on its object what only the class has.
        found: Iterable[Function] = heirs(summaries.world, caller)
        if function in summaries.world.summary(caller).lends:
            yield from _lenders(caller, summaries, seen)
            found = list(summaries.world.variants.get(caller, {}).values())
        for variant in found:
            yield summaries.facts(variant)


def _as_read(function: Function, read: LazyRead) -> Read:
    steps = (*read.entity.steps, read.attribute)
    return Read("", steps, read.pos, True, read.loop, function.path, function.qualname)


def _as_handed(function: Function, read: LazyRead, pos: Pos) -> Handed:
    steps = (*read.entity.steps, read.attribute)
    return Handed(read.pos, function.path, steps, read.attribute, read.entity, pos, read.status)


def _all_lazy(handed: list[tuple[Facts, Handed]]) -> list[tuple[Facts, Handed]]:
    """Of each call, one event: it is lazy if all ways through the function make it so."""
    calls: dict[object, list[tuple[Facts, Handed]]] = {}
    for facts, event in handed:
        calls.setdefault((facts.function.path, event.pos), []).append((facts, event))
    return [next((one for one in events if one[1].status != "lazy"), events[0]) for events in calls.values()]


def _same(read: Read, other: Read) -> bool:
    """Whether *other* tells of *read* already: the same path in the same loop, or a longer one on the same line."""
    if read.loop != other.loop:
        return False
    on_line = read.pos[0] == other.pos[0] and other.steps[: len(read.steps)] == read.steps
    return read.steps == other.steps or on_line
