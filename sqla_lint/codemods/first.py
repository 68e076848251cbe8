"""The first of all rows: the one row is asked for."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.codemods import fetched
from sqla_lint.codemods.apply import is_python
from sqla_lint.codemods.fetched import Source
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.site import Refused
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.reading.fetches import Fetch
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import Function, ModuleIndex, names_in, statements, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODES = ("SES405",)
PATTERN = "first"

# Endings after which taking the ``s`` away leaves no word.
_NOT_PLURAL = ("ss", "us", "is", "ies", "ses", "xes", "hes", "zes")


class Plan(NamedTuple):
    """*text* asks for the row; *changes* are the other places that change with it."""

    module: ModuleIndex
    whole: Pos
    text: str
    changes: tuple[tuple[Pos, str], ...] = ()


def plan(verdict: Verdict, facts: Facts, module: ModuleIndex, world: World) -> tuple[Fix, Plan]:
    """Ask for the first row alone. Unsafe: where there is none it gives None instead of ``IndexError``.

    Raises:
        Refused: the error is expected, or the list is used in a way that one row is not.
    """
    fetch, function = fetched.fetch_of(verdict, facts), facts.function
    source = fetched.source_of(fetch)
    _refuse_expected_error(fetch, function)
    fetched.refuse_text(source.query, function, world)
    text = _first(source, module)
    whole = fetch.uses[0].node.pos
    fetched.refuse_results(source.query, function)
    changes: tuple[tuple[Pos, str], ...] = ()
    if fetch.name is not None:
        binding = fetched.binding_of(fetch, function)
        whole, changes = binding.value.pos, _renamed(fetch, binding, function)
    method = fetched.method_name(fetch.call)
    if source.kind == "query" and method is not None:
        whole, text = (*method[:2], *whole[2:]), "first()"
        fetched.refuse_comments(module, whole)
    else:
        kept = [source.query.pos, *((source.session.pos,) if source.session is not None else ())]
        fetched.refuse_comments(module, whole, *kept)
    made = Plan(module, whole, text, changes)
    edits(made)
    return Fix("unsafe", "first", "use `.first()` (None instead of IndexError where there is no row)"), made


def edits(planned: Plan) -> tuple[Edit, ...]:
    """What the plan replaces in the file.

    Raises:
        Refused: the lines cannot be changed cleanly.
    """
    places = ((planned.whole, planned.text), *planned.changes)
    made = tuple(fetched.edit(planned.module, pos, text) for pos, text in places)
    if not is_python(planned.module.source, made):
        raise Refused("the lines cannot be changed cleanly")
    return made


def _first(source: Source, module: ModuleIndex) -> str:
    text = text_at(module.source, source.query.pos)
    if source.kind == "query":
        first = f"{text}.first()"
        return f"({first})" if "\n" in first else first
    assert source.session is not None
    run = f"{text_at(module.source, source.session.pos)}.{source.method}({text}.limit(1))"
    result = f"(await {run})" if source.awaited else run
    return f"{result}{'.scalars()' if source.tail else ''}.first()"


def _refuse_expected_error(fetch: Fetch, function: Function) -> None:
    subscripts = [use.node.pos for use in fetch.uses if use.how == "first"]
    for stmt in statements(function.node.body):
        if isinstance(stmt, n.Try) and any(
            names_in(h.type) & {"IndexError", "LookupError"} for h in stmt.handlers if h.type
        ):
            if any(stmt.pos[:2] <= pos[:2] <= stmt.pos[2:] for pos in subscripts):
                raise Refused("an IndexError is caught around it")


def _renamed(fetch: Fetch, binding: n.Assign, function: Function) -> tuple[tuple[Pos, str], ...]:
    """The list's variable becomes the row's: its subscripts, and the conditions on it."""
    assert fetch.name is not None
    plural = fetch.name.endswith("s") and not fetch.name.endswith(_NOT_PLURAL)
    single = [fetch.name[:-1]] if plural and len(fetch.name) > 2 else []
    name = fetched.free_name(function, *single, *(f"first_{one}" for one in (*single, fetch.name)))
    uses = [(u.node.pos, name) if u.how == "first" else _guard(u.node, name, function) for u in fetch.uses]
    return ((binding.targets[0].pos, name), *uses)


def _guard(node: n.Expr, name: str, function: Function) -> tuple[Pos, str]:
    """A condition on the list as one on the row: ``if rows`` and ``if not rows``, with ``len`` or without.

    Raises:
        Refused: it is another.
    """
    there, missing = f"{name} is not None", f"{name} is None"
    for part in walk(function.node.body):
        if isinstance(part, n.UnaryOp) and part.op == "not" and part.operand is node:
            return part.pos, missing
        if isinstance(part, n.Compare) and part.left is node and isinstance(node, n.Call):
            return part.pos, missing if part.ops[0] in ("==", "<") else there
        if isinstance(part, (n.If, n.IfExp, n.Assert)) and part.test is node:
            return node.pos, there
    raise Refused("the list is a value in a condition")
