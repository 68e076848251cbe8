"""A session that its function makes and closes by hand goes into a ``with`` block.

The block covers exactly the statements that need the session; every ``close()`` goes, and with it each ``try`` that had
nothing else to do. Where all that is caught is rolled back and raised again behind a last ``commit()``, the block
commits by itself.
"""

from __future__ import annotations

from sqla_lint.codemods import imports
from sqla_lint.codemods.anonymous import anonymous
from sqla_lint.codemods.imports import Needed
from sqla_lint.codemods.layout import Rewrite, Unmovable, clause_line, indentation, stands_alone, text_at
from sqla_lint.codemods.places import Place, inner_blocks
from sqla_lint.codemods.scope_forms import formed
from sqla_lint.codemods.scope_plan import Plan, named
from sqla_lint.codemods.site import Refused, Site, site
from sqla_lint.codemods.verify import verified
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.facts import Facts
from sqla_lint.flow.values import Sid
from sqla_lint.flow.world import World
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n
from sqla_lint.rules.verdict import Verdict

CODES = ("SES301", "SES302")
PATTERN = "context-manager"


def plan(verdict: Verdict, facts: Facts, module: ModuleIndex, world: World) -> tuple[Fix, Plan]:
    """How the session that *verdict* is about becomes a block.

    Raises:
        Refused: it cannot, or not surely; with the reason.
    """
    if not isinstance(verdict.subject, Sid):
        raise Refused("it is not about one session")
    made = site(facts, world, module, verdict.subject)
    planned = formed(named(made, made.name)) if made.name is not None else anonymous(made)
    _check_text(planned)
    _rewritten(planned)
    closes = sum(1 for place in made.removable if place in planned.removed) if made.name is not None else 0
    dropped = f" and drop {closes} close call{'' if closes == 1 else 's'}" if closes else ""
    why = f" (unsafe: {planned.unsafe[0]})" if planned.unsafe else ""
    summary = f"open it in `{' '.join(_header(planned).split())}`{dropped}{why}"
    return Fix("unsafe" if planned.unsafe else "safe", "context-manager", summary), planned


def edits(planned: Plan) -> tuple[Edit, ...]:
    """What the plan replaces in the file.

    Raises:
        Refused: the lines cannot be changed cleanly.
    """
    made = _rewritten(planned)
    problem = verified(planned, made)
    if problem is not None:
        raise Refused(problem)
    return made


# --- the text of it


def _rewritten(planned: Plan) -> tuple[Edit, ...]:
    rewrite = Rewrite(planned.site.module.path, planned.site.lines)
    try:
        _rewrite(planned, rewrite)
        return rewrite.edits()
    except Unmovable as error:
        raise Refused(str(error)) from error


def _check_text(planned: Plan) -> None:
    """Refuse what would have to take a line apart."""
    made = planned.site
    block = made.place.block
    for stmt in block[made.place.number : planned.last + 1]:
        if not stands_alone(made.lines, stmt):
            raise Refused(f"line {stmt.pos[0]} holds more than one statement")
    if made.is_async and not made.function.node.is_async:
        raise Refused("an asynchronous session is made in a function that is not")
    if made.maker.kind == "wrapper":
        _closing(made)


def _header(planned: Plan) -> str:
    made = planned.site
    text = text_at(made.lines, made.call.pos)
    if made.maker.kind == "wrapper":
        needed = _closing(made)
        text = f"{needed.spelling}({text})" if needed is not None else text
    word = "async with" if made.is_async else "with"
    if planned.begins:
        if made.maker.kind == "sessionmaker" and not made.call.args and not made.call.keywords:
            return f"{word} {text_at(made.lines, made.call.func.pos)}.begin() as {planned.name}:"
        return f"{word} {text} as {planned.name}, {planned.name}.begin():"
    return f"{word} {text} as {planned.name}:"


def _closing(made: Site) -> Needed | None:
    """How the file can write ``closing``; None where the wrapper is a context manager already.

    Raises:
        Refused: no ``with`` closes the wrapper.
    """
    wrapper = made.maker.wrapper
    assert wrapper is not None
    if made.world.method(wrapper.cls, "__exit__") is not None:
        return None
    method = made.world.method(wrapper.cls, "close")
    others = sorted(made.closers - {"close"})
    if method is None or others or not _closes(made, method):
        called = f"{others[0]}()" if others else "no method called close()"
        raise Refused(f"{wrapper.cls.name} is closed by {called}: it needs `__enter__` and `__exit__` first")
    needed = imports.needed(made.module, "contextlib", "closing")
    if needed is None or needed.spelling.split(".")[0] in made.world.local_names(made.function):
        raise Refused("`closing` means something else in this file")
    return needed


def _closes(made: Site, method: object) -> bool:
    effects = made.world.summary(method, True).effects  # type: ignore[arg-type]
    return any("close" in effect.must for _, effect in effects)


def _rewrite(planned: Plan, rewrite: Rewrite) -> None:
    made = planned.site
    block, index = made.place.block, made.place.number
    prefix = indentation(made.lines[block[index].pos[0] - 1])
    unit = _unit(made.place, prefix, made)
    _take_out(planned, rewrite)
    if planned.around is not None:
        _into_try(planned, rewrite, unit)
    elif made.name is None:
        rewrite.replace(made.call.pos, planned.name)
        rewrite.insert_before(block[index].pos[0], prefix + _header(planned))
        rewrite.shift(block[index].pos[0], block[planned.last].pos[2], prefix, prefix + unit)
    else:
        rewrite.replace(block[index].pos, _header(planned))
        rewrite.shift(block[index].pos[2] + 1, block[planned.last].pos[2], prefix, prefix + unit)
        rewrite.begin_block(block[index].pos[2] + 1)
    # Last: a block that loses its ``try`` has been indented by then, as part of the ``with`` or around it.
    for place in planned.dissolved:
        _dissolve(place, planned, rewrite)
    rewrite.tidy(made.function.node.pos[0], made.function.node.pos[2])
    if made.maker.kind == "wrapper" and (needed := _closing(made)) is not None:
        imports.add(rewrite, needed)


def _unit(place: Place, prefix: str, made: Site) -> str:
    """One step of indentation, as the block that *place* is in takes it."""
    if place.parent is not None:
        outer = place.clause.pos[0] if isinstance(place.clause, n.Handler) else place.parent.stmt.pos[0]
    else:
        outer = made.function.node.pos[0]
    around = indentation(made.lines[outer - 1])
    if isinstance(place.clause, n.Case):
        around = prefix[: len(around) + (len(prefix) - len(around)) // 2]
    if not prefix.startswith(around) or prefix == around:
        raise Unmovable(f"line {place.stmt.pos[0]} is indented with other characters than what is around it")
    return prefix[len(around) :]


def _take_out(planned: Plan, rewrite: Rewrite) -> None:
    """Remove what goes: whole clauses where nothing else is in them, ``pass`` in place of a clause that must stay."""
    made = planned.site
    ids = {id(place.stmt) for place in planned.removed}
    dropped = {id(handler) for handler in planned.dropped}
    kept: set[int] = set()
    for place in made.places:
        for block, field, clause in inner_blocks(place.stmt):
            if isinstance(clause, n.Handler) and id(clause) in dropped:
                rewrite.remove(clause.pos[0], clause.pos[0])
                for stmt in block:
                    rewrite.remove(stmt.pos[0], stmt.pos[2])
            elif not block or id(place.stmt) in ids or not all(id(stmt) in ids for stmt in block):
                continue
            elif field in ("orelse", "final"):
                line = clause_line(made.lines, block, field)
                rewrite.remove(line, line)
            elif field != "body" or isinstance(place.stmt, n.If):
                rewrite.replace(block[0].pos, "pass")
                kept.add(id(block[0]))
    for place in planned.removed:
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
    rewrite.insert_before(around.stmt.pos[0] + 1, inner + _header(planned) + comment)
    rewrite.shift(around.stmt.pos[0] + 1, body[-1].pos[2], inner, inner + unit)
