"""The text of a session's block: its head, the lines that move, those that go."""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint.codemods.entering import Entering, add_methods, entering
from sqla_lint.codemods.layout import Rewrite, Unmovable, clause_line, indentation, stands_alone, text_at
from sqla_lint.codemods.places import Place, inner_blocks
from sqla_lint.codemods.scope_plan import Plan
from sqla_lint.codemods.site import Refused, Site
from sqla_lint.finding import Edit
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n


def edits(planned: Plan) -> tuple[Edit, ...]:
    """What the plan replaces.

    Raises:
        Unmovable: the lines cannot be changed cleanly.
    """
    made = planned.site
    rewrite = Rewrite(made.module.path, made.lines)
    _rewrite(planned, rewrite)
    entry = entered(made) if made.maker.kind == "wrapper" else Entering()
    return (*rewrite.edits(), *elsewhere(entry, made.world, rewrite.path))


def check(planned: Plan) -> None:
    """Refuse what would have to take a line apart."""
    made = planned.site
    block = made.place.block
    for stmt in block[made.place.number : planned.last + 1]:
        if not stands_alone(made.lines, stmt):
            raise Refused(f"line {stmt.pos[0]} holds more than one statement")
    if made.is_async and not made.function.node.is_async:
        raise Refused("an asynchronous session is made in a function that is not")
    if made.maker.kind == "wrapper":
        entered(made)


def header(planned: Plan) -> str:
    made = planned.site
    text = text_at(made.lines, made.call.pos)
    waits = made.is_async
    if made.maker.kind == "wrapper":
        entry = entered(made)
        text, waits = entry.context(text), entry.is_async
    word = "async with" if waits else "with"
    if planned.begins:
        if made.maker.kind == "sessionmaker" and not made.call.args and not made.call.keywords:
            return f"{word} {text_at(made.lines, made.call.func.pos)}.begin() as {planned.name}:"
        return f"{word} {text} as {planned.name}, {planned.name}.begin():"
    return f"{word} {text} as {planned.name}:"


def entered(made: Site) -> Entering:
    wrapper = made.maker.wrapper
    assert wrapper is not None
    return entering(made.world, made.function, wrapper.cls, made.closing_methods)


def elsewhere(entry: Entering, world: World, path: str) -> tuple[Edit, ...]:
    """What lets a wrapper be entered besides: an import, methods of a class that is in another file than *path*."""
    closer = entry.closer
    if entry.closing is not None and entry.closing.edit is not None:
        return (entry.closing.edit,)
    if closer is None or closer.path == path:
        return ()
    other = Rewrite(closer.path, world.project.modules[closer.path].source)
    add_methods(other, closer)
    return other.edits()


def _rewrite(planned: Plan, rewrite: Rewrite) -> None:
    made = planned.site
    block, index = made.place.block, made.place.number
    prefix = indentation(made.lines[block[index].pos[0] - 1])
    unit = unit_of(made.place, prefix, made.function, made.lines)
    take_out(rewrite, made.places, planned.removed, planned.dropped)
    if planned.around is not None:
        _into_try(planned, rewrite, unit)
    elif made.name is None:
        rewrite.replace(made.call.pos, planned.name)
        rewrite.insert_before(block[index].pos[0], prefix + header(planned))
        rewrite.shift(block[index].pos[0], block[planned.last].pos[2], prefix, prefix + unit)
    else:
        rewrite.replace(block[index].pos, header(planned))
        rewrite.shift(block[index].pos[2] + 1, block[planned.last].pos[2], prefix, prefix + unit)
        rewrite.begin_block(block[index].pos[2] + 1)
    # Last: a block that loses its ``try`` has been indented by then, as part of the ``with`` or around it.
    for place in planned.dissolved:
        _dissolve(place, planned, rewrite)
    for commit, row in planned.refreshed:
        if not stands_alone(made.lines, commit.stmt):
            raise Unmovable(f"line {commit.stmt.pos[0]} shares its commit with other code")
        word = "await " if made.is_async else ""
        rewrite.insert_behind(commit.stmt.pos, f"{word}{planned.name}.refresh({row})")
    rewrite.tidy(made.function.node.pos[0], made.function.node.pos[2])
    if made.maker.kind == "wrapper":
        let_enter(entered(made), rewrite)


def let_enter(entry: Entering, rewrite: Rewrite) -> None:
    if entry.closer is not None and entry.closer.path == rewrite.path:
        add_methods(rewrite, entry.closer)


def unit_of(place: Place, prefix: str, function: Function, lines: Sequence[str]) -> str:
    """One step of indentation, as the block that *place* is in takes it."""
    if place.parent is not None:
        outer = place.clause.pos[0] if isinstance(place.clause, n.Handler) else place.parent.stmt.pos[0]
    else:
        outer = function.node.pos[0]
    around = indentation(lines[outer - 1])
    if isinstance(place.clause, n.Case):
        around = prefix[: len(around) + (len(prefix) - len(around)) // 2]
    if not prefix.startswith(around) or prefix == around:
        raise Unmovable(f"line {place.stmt.pos[0]} is indented with other characters than what is around it")
    return prefix[len(around) :]


def take_out(
    rewrite: Rewrite, places: Sequence[Place], removed: Sequence[Place], dropped_handlers: Sequence[n.Handler] = ()
) -> None:
    """Remove what goes: whole clauses where nothing else is in them, ``pass`` in place of a clause that must stay."""
    ids = {id(place.stmt) for place in removed}
    dropped = {id(handler) for handler in dropped_handlers}
    kept: set[int] = set()
    for place in places:
        for block, field, clause in inner_blocks(place.stmt):
            if isinstance(clause, n.Handler) and id(clause) in dropped:
                rewrite.remove(clause.pos[0], clause.pos[0])
                for stmt in block:
                    rewrite.remove(stmt.pos[0], stmt.pos[2])
            elif not block or id(place.stmt) in ids or not all(id(stmt) in ids for stmt in block):
                continue
            elif field in ("orelse", "final"):
                line = clause_line(rewrite.before, block, field)
                rewrite.remove(line, line)
            elif field != "body" or isinstance(place.stmt, n.If):
                rewrite.replace(block[0].pos, "pass")
                kept.add(id(block[0]))
    for place in removed:
        if id(place.stmt) not in kept:
            rewrite.remove(place.stmt.pos[0], place.stmt.pos[2])


def _dissolve(place: Place, planned: Plan, rewrite: Rewrite) -> None:
    """Take a ``try`` away from around its body."""
    stmt, lines = place.stmt, planned.site.lines
    assert isinstance(stmt, n.Try)
    outer, inner = indentation(lines[stmt.pos[0] - 1]), indentation(lines[stmt.body[0].pos[0] - 1])
    if stmt.body[0].pos[0] == stmt.pos[0] or not stands_alone(lines, stmt):
        raise Unmovable(f"the `try` at line {stmt.pos[0]} shares a line with other code")
    rewrite.remove(stmt.pos[0], stmt.pos[0])
    rewrite.shift(stmt.pos[0] + 1, stmt.pos[2], inner, outer)


def _into_try(planned: Plan, rewrite: Rewrite, unit: str) -> None:
    """The creation moves into the ``try`` behind it, as the head of the block that its body becomes."""
    made, around = planned.site, planned.around
    assert around is not None
    assert isinstance(around.stmt, n.Try)
    body, creation = around.stmt.body, made.place.stmt
    inner = indentation(made.lines[body[0].pos[0] - 1])
    comment = made.lines[creation.pos[2] - 1][creation.pos[3] :].rstrip()
    rewrite.replace((creation.pos[0], 0, creation.pos[2], len(made.lines[creation.pos[2] - 1])), "")
    rewrite.insert_before(around.stmt.pos[0] + 1, inner + header(planned) + comment)
    rewrite.shift(around.stmt.pos[0] + 1, body[-1].pos[2], inner, inner + unit)
