"""The query behind a list of rows: how it is written, and whether counting or cutting it gives the same rows."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.site import Refused
from sqla_lint.finding import Edit, Span
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.reading.fetches import Fetch, fetches
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import Class, Function, ModuleIndex, bound_names, names_in, statements, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

_GROUPS = frozenset({"distinct", "group_by", "having"})
_HOPS = 5


class Source(NamedTuple):
    """How a list of rows is asked for.

    *kind* is ``query`` (a ``Query``: *query* is all of it) or ``select``: *session* runs *query* by *method*, with
    *awaited* before it and *tail* (``scalars``) behind.
    """

    kind: str
    query: n.Expr
    session: n.Expr | None = None
    method: str = ""
    awaited: bool = False
    tail: str = ""


def fetch_of(verdict: Verdict, facts: Facts) -> Fetch:
    """The list that a verdict is about.

    Raises:
        Refused: it is not found again.
    """
    for fetch in fetches(facts):
        if fetch.call.pos == verdict.subject:
            return fetch
    raise Refused("the query is not found in the function")


def source_of(fetch: Fetch) -> Source:
    """How the rows are asked for.

    Raises:
        Refused: in a way that cannot be rewritten.
    """
    call = fetch.call
    inner = call.func.value if isinstance(call.func, n.Attribute) else call.args[0]
    if isinstance(call.func, n.Attribute) and (call.args or call.keywords):
        raise Refused("the rows are asked for in an unusual way")
    tail = ""
    if isinstance(inner, n.Call) and isinstance(inner.func, n.Attribute) and inner.func.attr == "scalars":
        if not inner.args:
            inner, tail = inner.func.value, "scalars"
    awaited = isinstance(inner, n.Await)
    run = inner.value if isinstance(inner, n.Await) else inner
    if isinstance(run, n.Call) and isinstance(run.func, n.Attribute) and run.func.attr in api.EXECUTES:
        if len(run.args) != 1 or run.keywords or run.func.attr.startswith("stream"):
            raise Refused("the statement is run with more than itself")
        return Source("select", run.args[0], run.func.value, run.func.attr, awaited, tail)
    if awaited or tail:
        raise Refused("the statement runs elsewhere")
    return Source("query", inner)


def refuse_results(query: n.Expr, function: Function) -> None:
    """A variable may hold the result of a statement that was run already.

    Raises:
        Refused: it does.
    """
    for stmt in statements(function.node.body):
        if isinstance(stmt, n.Assign) and names_in(query) & set(bound_names(stmt)):
            calls = (node.func for node in walk(stmt.value) if isinstance(node, n.Call))
            if any(isinstance(func, n.Attribute) and func.attr in api.EXECUTES for func in calls):
                raise Refused("the statement runs elsewhere")


def refuse_text(query: n.Expr, function: Function, world: World, hops: int = _HOPS) -> None:
    """SQL text takes no ``limit``, nor is it part of a ``select``.

    Raises:
        Refused: the statement is one.
    """
    if isinstance(query, n.Constant):
        raise Refused("the statement is SQL text")
    if isinstance(query, n.Call) and world.names.meaning(function.path, query.func) == "text":
        raise Refused("the statement is SQL text")
    if isinstance(query, n.Call) and isinstance(query.func, n.Attribute):
        refuse_text(query.func.value, function, world, hops)
    if isinstance(query, n.Name) and hops:
        for stmt in statements(function.node.body):
            if isinstance(stmt, n.Assign) and query.id in bound_names(stmt):
                refuse_text(stmt.value, function, world, hops - 1)


# --- whether it is the same ------------------------------------------------------------------------------------------


class Chain(NamedTuple):
    """A query's methods from its head on, with their calls; *entities* are what it asks for."""

    entities: tuple[n.Expr, ...]
    calls: tuple[n.Call, ...]

    @property
    def methods(self) -> frozenset[str]:
        return frozenset(call.func.attr for call in self.calls if isinstance(call.func, n.Attribute))


def chain_of(query: n.Expr, function: Function, world: World, hops: int = _HOPS) -> Chain:
    """What a query is built of, through the function's own variables.

    Raises:
        Refused: it is built elsewhere, or joins.
    """
    calls: list[n.Call] = []
    expr = query
    while isinstance(expr, n.Call) and isinstance(expr.func, n.Attribute) and not _is_head(expr, function, world):
        calls.append(expr)
        expr = expr.func.value
    if isinstance(expr, n.Call) and _is_head(expr, function, world):
        return _allowed(Chain(expr.args, tuple(calls)))
    if isinstance(expr, n.Attribute) and expr.attr == "query":
        return _allowed(Chain((expr.value,), tuple(calls)))
    if isinstance(expr, n.Name) and hops:
        before = _assigned(expr.id, function, world, hops)
        return _allowed(Chain(before.entities, (*calls, *before.calls)))
    raise Refused("the query is built elsewhere")


def _is_head(call: n.Call, function: Function, world: World) -> bool:
    if isinstance(call.func, n.Attribute) and call.func.attr == "query":
        return True
    return world.names.meaning(function.path, call.func) == "select"


def _assigned(name: str, function: Function, world: World, hops: int) -> Chain:
    """A query in a variable: what it was first, and what was added to it."""
    bound = [s for s in statements(function.node.body) if name in bound_names(s)]
    plain = all(isinstance(s, n.Assign) and len(s.targets) == 1 and isinstance(s.targets[0], n.Name) for s in bound)
    if not bound or not plain:
        raise Refused("the query is built elsewhere")
    first: Chain | None = None
    more: list[n.Call] = []
    for stmt in bound:
        assert isinstance(stmt, n.Assign)
        expr: n.Expr = stmt.value
        added: list[n.Call] = []
        while isinstance(expr, n.Call) and isinstance(expr.func, n.Attribute) and not _is_head(expr, function, world):
            added.append(expr)
            expr = expr.func.value
        if isinstance(expr, n.Name) and expr.id == name:
            more += added
        elif first is None:
            first = chain_of(stmt.value, function, world, hops - 1)
        else:
            raise Refused("the query is built in several ways")
    if first is None:
        raise Refused("the query is built elsewhere")
    return _allowed(Chain(first.entities, (*more, *first.calls)))


def _allowed(chain: Chain) -> Chain:
    if chain.methods & api.JOINS:
        raise Refused("the query joins: rows and instances are not the same number")
    if not chain.methods <= api.KEEPS_ROWS | _GROUPS:
        raise Refused(f"the query uses {', '.join(sorted(chain.methods - api.KEEPS_ROWS - _GROUPS))}")
    return chain


def is_plain(chain: Chain) -> bool:
    """Whether a query does no more than filter."""
    return chain.methods <= {"filter", "filter_by", "where"} and len(chain.entities) == 1


def refuse_other_tables(chain: Chain, function: Function, world: World) -> None:
    """A ``Query`` of one class gives each instance once: its rows are as many only if nothing else is selected from.

    Raises:
        Refused: another table may be.
    """
    whole = [entity for entity in chain.entities if not _is_column(entity, function, world)]
    if not whole:
        return
    own = world.names.definition(function.path, whole[0])
    if len(chain.entities) > 1 or not (isinstance(own, Class) and world.mappings.is_mapped(own)):
        raise Refused("the query is not of one mapped class: rows and instances may not be the same number")
    for call in chain.calls:
        if isinstance(call.func, n.Attribute) and call.func.attr not in ("filter", "where", "having"):
            continue
        if any(isinstance(arg, (n.Name, n.Starred)) for arg in call.args):
            raise Refused("what the query filters by is made elsewhere")
        for node in walk(call.args):
            if isinstance(node, n.Attribute) and node.attr == "c" or _is_other(node, own, function, world):
                raise Refused("the query reaches another table: rows and instances are not the same number")


def _is_column(entity: n.Expr, function: Function, world: World) -> bool:
    if isinstance(entity, n.Call):
        return True
    what = world.names.definition(function.path, entity.value) if isinstance(entity, n.Attribute) else None
    return isinstance(what, Class) and world.mappings.is_mapped(what)


def _is_other(node: object, own: Class, function: Function, world: World) -> bool:
    if not isinstance(node, (n.Name, n.Attribute)):
        return False
    if isinstance(node, n.Name) and node.id in function.assigned and "aliased" in function.words:
        return True
    what = world.names.definition(function.path, node)
    return isinstance(what, Class) and what is not own and world.mappings.is_mapped(what)


# --- text ------------------------------------------------------------------------------------------------------------


def edit(module: ModuleIndex, pos: Pos, content: str) -> Edit:
    """Put *content* where *pos* is."""
    return Edit(module.path, Span(pos[0], pos[1] + 1, pos[2], pos[3] + 1), content)


def method_name(call: n.Call) -> Pos | None:
    """Where the name of the method that *call* calls stands; None for a plain function."""
    if not isinstance(call.func, n.Attribute):
        return None
    line, column = call.func.pos[2:]
    return line, column - len(call.func.attr), line, column


def refuse_comments(module: ModuleIndex, whole: Pos, *kept: Pos) -> None:
    """What goes of *whole* must hold no comment.

    Raises:
        Refused: it does.
    """
    text = text_at(module.source, whole)
    for pos in kept:
        text = text.replace(text_at(module.source, pos), "")
    if "#" in text:
        raise Refused("a comment stands in what would go")


def free_name(function: Function, *wanted: str) -> str:
    """The first of *wanted* that the function does not use.

    Raises:
        Refused: it uses them all.
    """
    for name in wanted:
        if name.isidentifier() and name not in function.words:
            return name
    raise Refused("there is no name for it that the function does not use")


def binding_of(fetch: Fetch, function: Function) -> n.Assign:
    """The one statement that binds the list to its variable.

    Raises:
        Refused: there are others.
    """
    bound = [s for s in statements(function.node.body) if fetch.name in set[str | None](bound_names(s))]
    stmt = bound[0] if len(bound) == 1 else None
    if not isinstance(stmt, n.Assign) or len(stmt.targets) != 1 or not isinstance(stmt.targets[0], n.Name):
        raise Refused("the list is bound in more than one place, or with an annotation")
    return stmt
