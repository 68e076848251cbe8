"""Rows that are loaded to be counted: the database counts them."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.codemods import fetched
from sqla_lint.codemods.apply import is_python
from sqla_lint.codemods.fetched import Source
from sqla_lint.codemods.imports import Needed, needed
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.site import Refused
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.reading.fetches import Fetch
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import Function, ModuleIndex
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODES = ("SES404",)
PATTERN = "count"


class Plan(NamedTuple):
    """*changes* write the count where the rows were loaded; *name* is the variable for it, None where there is none."""

    module: ModuleIndex
    fetch: Fetch
    changes: tuple[tuple[Pos, str], ...]
    imports: tuple[Needed, ...]
    binding: n.Assign | None
    name: str | None


def plan(verdict: Verdict, facts: Facts, module: ModuleIndex, world: World) -> tuple[Fix, Plan]:
    """Let the database count the same rows.

    Raises:
        Refused: the count may not be of the same rows, or cannot be written here.
    """
    fetch, function = fetched.fetch_of(verdict, facts), facts.function
    source = fetched.source_of(fetch)
    text, imports = _counted(source, function, module, world)
    binding = name = None
    whole = fetch.uses[0].node.pos
    if fetch.name is not None:
        binding = fetched.binding_of(fetch, function)
        name, whole = fetched.free_name(function, f"{fetch.name}_count", f"count_of_{fetch.name}"), binding.value.pos
    changes = _in_place(source, fetch, whole) or ((whole, text),)
    if changes == ((whole, text),):
        kept = [source.query.pos, *((source.session.pos,) if source.session is not None else ())]
        fetched.refuse_comments(module, whole, *kept)
    made = Plan(module, fetch, changes, imports, binding, name)
    edits(made)
    shown = " ".join(text.split())
    return Fix(
        "safe", "count", f"count in the database: `{shown if len(shown) < 70 else 'select(func.count())'}`"
    ), made


def edits(planned: Plan) -> tuple[Edit, ...]:
    """What the plan replaces in the file.

    Raises:
        Refused: the lines cannot be changed cleanly.
    """
    module, fetch = planned.module, planned.fetch
    made = [need.edit for need in planned.imports if need.edit is not None]
    made += [fetched.edit(module, pos, text) for pos, text in planned.changes]
    if planned.binding is not None and planned.name is not None:
        made.append(fetched.edit(module, planned.binding.targets[0].pos, planned.name))
        made += [fetched.edit(module, use.node.pos, planned.name) for use in fetch.uses]
    if not is_python(module.source, made):
        raise Refused("the lines cannot be changed cleanly")
    return tuple(made)


def _in_place(source: Source, fetch: Fetch, whole: Pos) -> tuple[tuple[Pos, str], ...] | None:
    """Of a query over several lines, only the ``len`` and the last method change."""
    method = fetched.method_name(fetch.call)
    if source.kind != "query" or method is None or whole[0] == whole[2]:
        return None
    length = fetch.uses[0].node
    tail = ((*method[:2], *fetch.call.pos[2:]), "count()")
    if fetch.name is not None or not isinstance(length, n.Call):
        return (tail,)
    return ((length.func.pos, ""), tail)


def _counted(source: Source, function: Function, module: ModuleIndex, world: World) -> tuple[str, tuple[Needed, ...]]:
    """The text that counts, and the names that it needs."""
    text = text_at(module.source, source.query.pos)
    chain = fetched.chain_of(source.query, function, world)
    if source.kind == "query":
        fetched.refuse_other_tables(chain, function, world)
        counted = f"{text}.count()"
        return (f"({counted})" if "\n" in counted else counted), ()
    func = needed(module, "sqlalchemy", "func", also=("sqlmodel",), function=function)
    select = needed(module, "sqlalchemy", "select", also=("sqlmodel", "sqlalchemy.future"), function=function)
    if func is None or select is None:
        raise Refused("`func` or `select` means something else in this file")
    assert source.session is not None
    head = f"{select.spelling}({func.spelling}.count())"
    statement = _direct(source.query, chain, head, module) or f"{head}.select_from({text}.subquery())"
    run = f"{'await ' if source.awaited else ''}{text_at(module.source, source.session.pos)}"
    counted = f"{run}.exec({statement}).one()" if source.method == "exec" else f"{run}.scalar({statement})"
    return counted, (func, select)


def _direct(query: n.Expr, chain: fetched.Chain, head: str, module: ModuleIndex) -> str | None:
    """``select(Pea).where(...)`` counted without a subquery, where it only filters the rows of one class."""
    if not fetched.is_plain(chain) or not isinstance(query, n.Call) or not isinstance(chain.entities[0], n.Name):
        return None
    inner = query
    while isinstance(inner.func, n.Attribute) and isinstance(inner.func.value, n.Call):
        inner = inner.func.value
    if inner.args != chain.entities or not chain.entities[0].id[:1].isupper():
        return None
    behind = text_at(module.source, (*inner.pos[2:], *query.pos[2:])) if inner is not query else ""
    return f"{head}.select_from({chain.entities[0].id}){behind}"
