"""What a loop reads of each row is loaded with the rows: ``.options(...)`` on the query that they came from."""

from __future__ import annotations

import os.path
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods import imports
from sqla_lint.codemods.apply import is_python
from sqla_lint.codemods.chain_layout import Layout
from sqla_lint.codemods.class_names import class_name
from sqla_lint.codemods.imports import merged
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.loader_paths import Path, Step, longest, path_of, steps, written
from sqla_lint.codemods.option_text import chained, extended, with_argument
from sqla_lint.codemods.places import places, walk_with_parents
from sqla_lint.codemods.query_place import QueryPlace, given_options, is_get, query_place, roots
from sqla_lint.codemods.site import Refused
from sqla_lint.codemods.transactions import commits_in
from sqla_lint.finding import Edit, Fix, Span
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.row_values import Alias, Entity, Origin
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import ClassValue
from sqla_lint.index.module import Class, Function, ModuleIndex
from sqla_lint.lower import nodes as n
from sqla_lint.rules.verdict import Verdict

CODES = ("SES401",)
PATTERN = "eager-load"
ANYWHERE = True

_SUPPRESSION = re.compile(r"#.*(?:noqa|sqla-lint:)", re.IGNORECASE)


class _Wanted(NamedTuple):
    """What one query is to load: paths from its rows, each with one of the rows that were read."""

    origin: Origin
    paths: dict[Path, Entity]


class _Option(NamedTuple):
    """One option to add: all of it, or what goes on from an option that is there."""

    text: str
    behind: n.Expr | None = None


class Planned(NamedTuple):
    """The edits of one query for rows of class *root*, and what they add."""

    edits: tuple[Edit, ...]
    options: tuple[_Option, ...]
    root: Class


def plan(verdict: Verdict, facts: Facts | None, module: ModuleIndex, world: World) -> tuple[Fix, tuple[Planned, ...]]:
    """What to add to which query.

    Raises:
        Refused: it cannot be added without doubt.
    """
    if not verdict.unloaded:
        raise Refused("the query is not known")
    wanted = list(_wanted(verdict, facts))
    made = tuple(_planned(world, one) for one in wanted)
    if _expires(verdict, facts, world, module, {one.root for one in made}):
        raise Refused("the loop commits: what was loaded is expired by the next row")
    told = ", ".join(dict.fromkeys(option.text for one in made for option in one.options))
    lines = [_line(one.origin, module) for one in wanted]
    where = f"the query at {lines[0]}" if len(lines) == 1 else f"the queries at {', '.join(lines)}"
    return Fix("safe", "eager-load", f"load it with {where}: {told}"), made


def edits(planned: tuple[Planned, ...]) -> tuple[Edit, ...]:
    """What the plan replaces."""
    return tuple(dict.fromkeys(edit for one in planned for edit in one.edits))


def _line(origin: Origin, module: ModuleIndex) -> str:
    other = f"{os.path.basename(origin.path)} " if origin.path != module.path else ""
    return f"{other}line {origin.pos[0]}"


def _expires(
    verdict: Verdict, facts: Facts | None, world: World, module: ModuleIndex, roots: Collection[Class]
) -> bool:
    """Whether each round of the loop ends with a commit that expires the rows of the rounds to come."""
    function = facts.function if facts is not None else _function_at(module, verdict.pos)
    if function is None:
        return False
    known = facts.sessions if facts is not None else {}
    sids = {entity.origin.sid for entity, _ in verdict.unloaded if entity.origin is not None}
    settings = [known[sid].settings for sid in sids if sid is not None and sid in known]
    if settings and all(one.expire_on_commit is False for one in settings):
        return False
    around = [
        place.stmt
        for place in places(function.node.body)
        if isinstance(place.stmt, (n.For, n.While)) and place.stmt.pos[:2] <= verdict.pos[:2] < place.stmt.pos[2:]
    ]
    rows = {*roots, *(entity.cls for entity, _ in verdict.unloaded)}
    return any(commits_in(loop.body, facts, function, world, rows) for loop in around)


def _function_at(module: ModuleIndex, pos: n.Pos) -> Function | None:
    """The innermost function of *module* around *pos*."""
    around = [one for one in module.functions if one.node.pos[:2] <= pos[:2] < one.node.pos[2:]]
    return max(around, key=lambda one: one.node.pos[:2], default=None)


# --- what is to be loaded --------------------------------------------------------------------------------------------


def _wanted(verdict: Verdict, facts: Facts | None) -> Iterator[_Wanted]:
    """The queries of a finding, each with all that the function's findings need of it: that is one change."""
    own: dict[tuple[str, n.Pos], _Wanted] = {}
    for entity, attribute in verdict.unloaded:
        origin = entity.origin
        if origin is None:
            raise Refused("the query is not known")
        for path, pos in sorted(origin.places):
            found = own.setdefault((path, pos), _Wanted(origin._replace(path=path, pos=pos), {}))
            found.paths[(*entity.steps, attribute)] = entity
    for entity, attribute in _others(facts):
        for place in entity.origin.places & own.keys() if entity.origin is not None else ():
            own[place].paths.setdefault((*entity.steps, attribute), entity)
    yield from own.values()


def _others(facts: Facts | None) -> Iterator[tuple[Entity, str]]:
    """What the function's other findings of this rule need, those that a comment suppresses aside."""
    for reads in facts.lazy_reads if facts is not None else ():
        line = facts.function.source[reads[0].pos[0] - 1] if facts is not None else ""
        if not _SUPPRESSION.search(line):
            yield from ((read.entity, read.attribute) for read in reads)
    for groups in facts.rendered.values() if facts is not None else ():
        yield from ((read.entity, read.attribute) for reads in groups for read in reads)


def _planned(world: World, wanted: _Wanted) -> Planned:
    """The change of one query; worked out once for all findings that need it.

    Raises:
        Refused: it cannot be made without doubt.
    """
    key = (wanted.origin, frozenset(wanted.paths.items()))
    if key not in world.plans:
        try:
            world.plans[key] = _worked_out(world, wanted)
        except Refused as refused:
            world.plans[key] = str(refused)
    found = world.plans[key]
    if isinstance(found, Planned):
        return found
    raise Refused(found)


def _worked_out(world: World, wanted: _Wanted) -> Planned:
    origin = wanted.origin
    module = world.project.modules.get(origin.path)
    if module is None:
        raise Refused("the query's file is not part of the project")
    place = query_place(module, origin.pos)
    if "enable_eagerloads" in place.methods:
        raise Refused("the query switches eager loading off")
    if any(path == ("*",) and strategy in api.LAZY for path, strategy in origin.options):
        raise Refused("the query's wildcard would hold for what is loaded with its rows, too")
    beside, root = _root(world, place, wanted)
    needs: list[Edit] = []

    def spelled(step: Step) -> str:
        if step.cls is root:
            return f"{text_at(module.source, _as_in_options(world, place, root, beside).pos)}.{step.name}"
        found = class_name(world, module, place.function, step.cls, beside)
        needs.extend([found.edit] if found.edit is not None else [])
        return f"{found.spelling}.{step.name}"

    paths = longest(wanted.paths)
    parts = [steps(world, root, path, origin, place.methods) for path in paths]
    options = list(_options(place, paths, parts, spelled, needs))
    layout = Layout(module)
    new = [option.text for option in options if option.behind is None]
    longer = [(option.behind, option.text) for option in options if option.behind is not None]
    made = [chained(layout, behind, text) for behind, text in longer]
    if new and is_get(place.made):
        made.append(with_argument(layout, place.made, new))
    elif new:
        made += extended(layout, place.chain, new, sum(len(text) for _, text in longer))
    result = merged([*_joined(made), *needs])
    if not is_python(module.source, result):
        raise Refused("the query's lines cannot be changed cleanly")
    return Planned(result, tuple(options), root)


def _joined(edits: list[Edit]) -> list[Edit]:
    """*edits* with those at one place made one, in their order."""
    places: dict[Span, Edit] = {}
    for edit in edits:
        known = places.get(edit.span)
        places[edit.span] = edit if known is None else known._replace(content=known.content + edit.content)
    return list(places.values())


def _options(
    place: QueryPlace, paths: list[Path], parts: list[tuple[Step, ...]], spelled: object, needs: list[Edit]
) -> Iterator[_Option]:
    """Each path as an option of its own, or behind one that is there and loads its beginning."""
    assert callable(spelled)
    there = {path_of(option): option for option in given_options(place)}
    taken: list[n.Expr] = []
    for path, made in zip(paths, parts, strict=True):
        begun = next((path[:k] for k in range(len(path) - 1, 0, -1) if path[:k] in there), None)
        if begun is not None:
            more = "".join(f".{step.option}({spelled(step)})" for step in made[len(begun) :])
            option = there[begun]
            again = text_at(place.module.source, option.pos) + more
            yield _Option(again) if option in taken else _Option(more, option)
            taken.append(option)
            continue
        function = imports.needed(place.module, "sqlalchemy.orm", made[0].option, function=place.function)
        if function is None:
            raise Refused(f"{made[0].option} means something else in {os.path.basename(place.module.path)}")
        needs.extend([function.edit] if function.edit is not None else [])
        yield _Option(written(made, spelled, function.spelling))


# --- the class of the query's rows -----------------------------------------------------------------------------------


def _root(world: World, place: QueryPlace, wanted: _Wanted) -> tuple[n.Expr, Class]:
    """The expression that names the class of the rows that were read, and the class."""
    found: list[tuple[n.Expr, Class]] = []
    for expr in roots(place):
        cls = _class(world, place, expr)
        if cls is not None and all(_leads(world, cls, path, entity) for path, entity in wanted.paths.items()):
            found.append((expr, cls))
    if len(found) != 1 or not isinstance(found[0][0], (n.Name, n.Attribute)):
        raise Refused(f"which class the query at line {wanted.origin.pos[0]} asks for is not written there")
    for path in wanted.paths:
        _demand_own(world, found[0][1], path)
    return found[0]


def _demand_own(world: World, cls: Class, path: Path) -> None:
    """Each step must be the class's own: ``Boat.sails`` is no attribute where only a subclass of ``Boat`` has sails.

    Raises:
        Refused: one is not.
    """
    at: Class | None = cls
    for name in path:
        mapped = world.mappings.mapped(at) if at is not None else None
        relation = world.mappings.relationship(at, name) if at is not None else None
        if at is None or mapped is None or relation is None:
            return
        if all(own.name != name for own in world.mappings.relationships(mapped)):
            raise Refused(f"{name} is a relationship of a class below {at.name} alone")
        at = relation.target


def _as_in_options(world: World, place: QueryPlace, root: Class, beside: n.Expr) -> n.Expr:
    """The class *root* as the query's options write it, such as ``Owner`` where the query begins with ``cls``."""
    for option in given_options(place):
        for node, _ in walk_with_parents(option):
            if isinstance(node, n.Attribute) and isinstance(node.value, n.Name):
                if node.value.id != getattr(beside, "id", "") and _class(world, place, node.value) is root:
                    return node.value
    return beside


def _class(world: World, place: QueryPlace, expr: n.Expr) -> Class | None:
    ctx = world.static_context(place.module.path, place.function)
    value = evaluate.expr(ctx, Cursor(State({}, {}), None), expr)
    if isinstance(value, (ClassValue, Alias)):
        return value.cls
    if isinstance(expr, n.Name) and expr.id == "cls" and place.function is not None:
        return place.function.cls
    return None


def _leads(world: World, cls: Class, path: Path, entity: Entity) -> bool:
    """Whether *path* from *cls* ends at the class of *entity*, of which its last step was read."""
    at: Class | None = cls
    for name in path[:-1]:
        relation = world.mappings.relationship(at, name) if at is not None else None
        at = relation.target if relation is not None else None
    return at is entity.cls
