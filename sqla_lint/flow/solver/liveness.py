"""Which variables are still wanted at each node: the rest is dropped from states,
so that ways that differ in nothing else meet.
"""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.solver.branches import test_key
from sqla_lint.flow.terms.graph import Graph, Node, with_item
from sqla_lint.index.module import Function, bound_names, names_in, statements, walk
from sqla_lint.lower import nodes as n

# What gives rows that a variable may hold.
_GIVES_ROWS = api.MANY | {"query", "scalars"}


def _payload(node: Node) -> object:
    """The part of a node's statement that the node itself evaluates."""
    payload = node.payload
    if node.kind in ("iter", "next"):
        assert isinstance(payload, n.For)
        return payload.iter if node.kind == "iter" else payload.target
    if node.kind == "enter":
        stmt, index = with_item(node)
        return tuple(stmt.items[index])
    if node.kind == "catch":
        assert isinstance(payload, n.Try)
        return tuple(h.type for h in payload.handlers if h.type is not None)
    if node.kind in ("leave", "leave-exc", "try", "handler", "end-handler", "case"):
        return ()
    return payload


def uses(node: Node) -> frozenset[str]:
    """The names that a node mentions."""
    payload = _payload(node)
    if not isinstance(payload, tuple):
        return frozenset()
    return names_in(payload)


def live_names(graph: Graph) -> tuple[frozenset[str], ...]:
    """For each node, the names that it or something after it mentions."""
    live: list[frozenset[str]] = [uses(node) for node in graph.nodes]
    before: list[list[int]] = [[] for _ in graph.nodes]
    for node in graph.nodes:
        for target in (*node.next, node.exc):
            before[target].append(node.id)
    # Nodes are numbered from the end of the function: what comes after a node is done before it.
    work = list(range(len(graph.nodes) - 1, -1, -1))
    while work:
        index = work.pop()
        for source in before[index]:
            merged = live[source] | live[index]
            if len(merged) != len(live[source]):
                live[source] = merged
                work.append(source)
    return tuple(live)


def rows_kept(function: Function) -> frozenset[str]:
    """Variables that are given rows once, where something is looked up by ``get``: it finds them as long as the
    function runs, whether or not they are mentioned again.
    """
    if not function.words >= {"for", "get"}:
        return frozenset()
    bound: list[str] = []
    given: set[str] = set()
    for stmt in statements(function.node.body):
        bound += bound_names(stmt)
        if isinstance(stmt, n.Delete):
            bound += 2 * [target.id for target in stmt.targets if isinstance(target, n.Name)]
        elif isinstance(stmt, n.Assign) and any(getattr(part, "attr", "") in _GIVES_ROWS for part in walk(stmt.value)):
            given |= {target.id for target in stmt.targets if isinstance(target, n.Name)}
    return frozenset(name for name in given if bound.count(name) == 1)


def deciding_names(body: tuple[n.Stmt, ...]) -> frozenset[str]:
    """The names in conditions that decide whether a session is opened, closed, committed or rolled back; and where
    there are handlers, flags (and what is None until it is there) that any condition asks for.
    """
    found: set[str] = set()
    asked: set[str] = set()
    flags: set[str] = set()
    handles = False
    for stmt in statements(body):
        handles = handles or isinstance(stmt, n.Try) and bool(stmt.handlers)
        if isinstance(stmt, n.If):
            names = names_in(stmt.test)
            asked |= names
            if any(_ends_session(part) for part in walk((stmt.body, stmt.orelse))):
                found |= names
        elif isinstance(stmt, n.Assign) and isinstance(stmt.value, n.Constant):
            if stmt.value.kind in ("bool", "NoneType"):
                flags |= {target.id for target in stmt.targets if isinstance(target, n.Name)}
    return frozenset(found | (flags & asked if handles else set()))


def _ends_session(part: object) -> bool:
    if not isinstance(part, n.Call):
        return False
    name = n.last_part(part.func)
    return name in api.CLOSES | api.ROLLS_BACK | api.COMMITS or "session" in name.lower()


def repeated_tests(graph: Graph) -> frozenset[tuple[object, ...]]:
    """The tests that stand in more than one place: only their outcomes are worth remembering."""
    seen: set[tuple[object, ...]] = set()
    places: dict[tuple[object, ...], set[n.Pos]] = {}
    for node in graph.nodes:
        if node.kind not in ("test", "while") or not isinstance(node.payload, tuple):
            continue
        for part in _operands(node.payload):  # type: ignore[arg-type]
            key, _ = test_key(part)
            if key is not None:
                places.setdefault(key, set()).add(part.pos)
                if len(places[key]) > 1:
                    seen.add(key)
    return frozenset(seen)


def _operands(test: n.Expr) -> list[n.Expr]:
    if isinstance(test, n.BoolOp):
        return [inner for value in test.values for inner in _operands(value)]
    return [test]
