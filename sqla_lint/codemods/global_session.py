"""A session that a module makes once for everybody: each function that uses it opens one of its own.

The factory stays, files that import the session import the factory, and a function that is given a session is left
alone. Where functions share state through the session, none of it can be done.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint import changes
from sqla_lint.codemods import shared_state
from sqla_lint.codemods.apply import applied
from sqla_lint.codemods.importing import import_instead, without_unused
from sqla_lint.codemods.layout import Rewrite, Unmovable, stands_alone
from sqla_lint.codemods.opener import Opener, check_droppable, opener
from sqla_lint.codemods.own_session import Own, own, write
from sqla_lint.codemods.results import check_result
from sqla_lint.codemods.scope_forms import formed
from sqla_lint.codemods.scope_plan import named
from sqla_lint.codemods.scope_text import check as check_text
from sqla_lint.codemods.scope_text import edits as scope_edits
from sqla_lint.codemods.shared_uses import Uses, uses_of, where
from sqla_lint.codemods.site import Refused, site
from sqla_lint.codemods.teardowns import remove, without_teardowns
from sqla_lint.codemods.versions import counterpart, world_with
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.flow.terms.events import Created
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import Function, ModuleIndex
from sqla_lint.lower import nodes as n
from sqla_lint.rules.verdict import Verdict
from sqla_lint.source import Source

CODES = ("SES101",)
PATTERN = "context-manager"
ANYWHERE = True


class Replaced(NamedTuple):
    """The files as they would be."""

    world: World
    texts: dict[str, str]


def plan(verdict: Verdict, facts: Facts | None, module: ModuleIndex, world: World) -> tuple[Fix, Replaced]:
    """How each function that uses the session opens its own.

    Raises:
        Refused: it cannot, or not surely; with the reason.
    """
    stmt = _binding(verdict, module)
    name = str(verdict.subject)
    uses = without_teardowns(world, uses_of(world, module, name, stmt))
    if not uses.functions:
        check_droppable(world, module, stmt.value)
        return _dropped(world, module, stmt, uses)
    elsewhere = any(function.path != module.path for function in uses.functions)
    opens = opener(world, module, stmt.value, elsewhere)
    shared_state.check(world, uses)
    opened = _opened(world, module, stmt, uses, opens)
    scoped = _in_scopes(world_with(world, opened), opened, uses)
    texts = {path: without_unused(world.project.modules[path], text, world) for path, text in scoped.items()}
    check_result(world, world_with(world, texts), uses.paths, (module.path, "", "SES101"))
    files = ", ".join(sorted({os.path.relpath(path, world.project.root) for path in uses.paths}))
    count = len(uses.functions)
    functions = "the function that uses it opens" if count == 1 else f"each of the {count} functions that use it opens"
    ended = f", and {', '.join(f.node.name for f in uses.ended)}() goes" if uses.ended else ""
    summary = f"{functions} a session of its own{ended} (unsafe: transactions end with the functions; writes {files})"
    return Fix("unsafe", "context-manager", summary), Replaced(world, texts)


def _dropped(world: World, module: ModuleIndex, stmt: n.Assign | n.AnnAssign, uses: Uses) -> tuple[Fix, Replaced]:
    """Without the session, which nothing uses."""
    rewrites = {path: Rewrite(path, world.project.modules[path].source) for path in uses.paths}
    rewrites[module.path].remove(stmt.pos[0], stmt.pos[2])
    rewrites[module.path].tidy(stmt.pos[0], stmt.pos[2])
    try:
        for path, imported in uses.imports:
            import_instead(rewrites[path], world.project.modules[path], imported, uses, None, world)
        texts = {path: _text(rewrite, []) for path, rewrite in rewrites.items()}
    except Unmovable as error:
        raise Refused(str(error)) from error
    texts = {path: without_unused(world.project.modules[path], text, world) for path, text in texts.items()}
    return Fix("unsafe", "context-manager", "drop it: nothing in the project uses it (unsafe)"), Replaced(world, texts)


def edits(planned: Replaced) -> tuple[Edit, ...]:
    """What the plan replaces, in every file."""
    made: list[Edit] = []
    for path, text in sorted(planned.texts.items()):
        before = "".join(planned.world.project.modules[path].source)
        made += changes.edits(Source(path, b"", before, "utf-8"), Source(path, b"", text, "utf-8"))
    return tuple(made)


def _binding(verdict: Verdict, module: ModuleIndex) -> n.Assign | n.AnnAssign:
    stmt = next((s for s in module.node.body if s.pos == verdict.pos), None)
    if "." in str(verdict.subject):
        raise Refused("a class holds it: its users must open sessions of their own")
    if verdict.function is not None:
        raise Refused("a function makes it for all: its callers must open sessions of their own")
    if not isinstance(stmt, (n.Assign, n.AnnAssign)):
        raise Refused("it is not bound by a plain statement of its module")
    targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,)
    if len(targets) != 1 or not isinstance(targets[0], n.Name) or len(module.bindings.get(targets[0].id, ())) != 1:
        raise Refused("it is bound more than once, or together with other names")
    if not stands_alone(module.source, stmt):
        raise Refused(f"line {stmt.pos[0]} holds more than one statement")
    return stmt


# --- first: as if each function made a session and never closed it


def _opened(
    world: World, module: ModuleIndex, stmt: n.Assign | n.AnnAssign, uses: Uses, opens: Opener
) -> dict[str, str]:
    rewrites = {path: Rewrite(path, world.project.modules[path].source) for path in uses.paths}
    extra: dict[str, list[Edit]] = {path: [] for path in uses.paths}
    try:
        _bind(rewrites[module.path], stmt, opens)
        if opens.needed is not None and opens.needed.edit is not None:
            extra[module.path].append(opens.needed.edit)
        for made in _owners(world, uses, opens):
            write(rewrites[made.function.path], made, opens.settings.is_async)
        for function in uses.ended:
            remove(rewrites[function.path], function)
        for path, imported in uses.imports:
            import_instead(rewrites[path], world.project.modules[path], imported, uses, opens.name, world)
    except Unmovable as error:
        raise Refused(str(error)) from error
    return {path: _text(rewrite, extra[path]) for path, rewrite in rewrites.items()}


def _text(rewrite: Rewrite, extra: list[Edit]) -> str:
    return applied("".join(rewrite.before), rewrite.before, [*rewrite.edits(), *extra])


def _bind(rewrite: Rewrite, stmt: n.Assign | n.AnnAssign, opens: Opener) -> None:
    if opens.factory is not None:
        rewrite.replace(stmt.pos, opens.factory)
        return
    rewrite.remove(stmt.pos[0], stmt.pos[2])
    rewrite.tidy(stmt.pos[0], stmt.pos[2])


def _owners(world: World, uses: Uses, opens: Opener) -> Iterator[Own]:
    expires = opens.settings.expire_on_commit is not False
    for function, nodes in uses.functions.items():
        name, call = uses.name, opens.text
        if function.path != uses.path:
            call = _elsewhere(function, nodes, uses, opens)
        kinds = {type(node) for node in nodes}
        if len(kinds) > 1:
            raise Refused(f"{function.qualname} reaches it by more than one name")
        if isinstance(nodes[0], n.Name):
            name = nodes[0].id
        try:
            yield own(world, function, nodes, name, call, expires)
        except Refused as refused:
            raise Refused(f"{refused} ({where(world, function.path, function.node.pos)})") from refused


def _elsewhere(function: Function, nodes: tuple[n.Expr, ...], uses: Uses, opens: Opener) -> str:
    """How a function of another file makes a session."""
    if opens.name is None:
        raise Refused("other files have no name for its factory")
    first = nodes[0]
    if isinstance(first, n.Attribute):
        return f"{_written(first.value)}.{opens.name}()"
    return f"{opens.name}()"


def _written(expr: n.Expr) -> str:
    if isinstance(expr, n.Attribute):
        return f"{_written(expr.value)}.{expr.attr}"
    assert isinstance(expr, n.Name)
    return expr.id


# --- then: each of those sessions in a block


def _in_scopes(world: World, texts: dict[str, str], uses: Uses) -> dict[str, str]:
    summaries = Summaries(world)
    made: dict[str, list[Edit]] = {path: [] for path in texts}
    for before in uses.functions:
        function = counterpart(world, before)
        try:
            made[function.path] += _scope(world, summaries.facts(function))
        except (Refused, Unmovable) as error:
            place = where(world, function.path, before.node.pos)
            raise Refused(f"{before.qualname} cannot have one of its own: {error} ({place})") from error
    return {path: applied(text, world.project.modules[path].source, made[path]) for path, text in texts.items()}


def _scope(world: World, facts: Facts) -> tuple[Edit, ...]:
    module = world.project.modules[facts.function.path]
    for event in facts.events:
        if not isinstance(event, Created) or event.sid.owner != "local":
            continue
        made = site(facts, world, module, event.sid)
        if made.name is not None and made.place.stmt.pos[0] == made.place.stmt.pos[2]:
            planned = formed(named(made, made.name), begins=True)
            check_text(planned)
            return scope_edits(planned)
    raise Refused("its session is not followed")
