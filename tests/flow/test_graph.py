"""The control-flow graph: each way out of a block passes its ``finally``, loops that repeat are told from those that do not."""

from __future__ import annotations

import ast
import textwrap

import pytest

from flow.compare import project
from sqla_lint.flow.solver.building import TooLarge, build
from sqla_lint.flow.terms.graph import Graph, Node
from sqla_lint.lower import nodes as n


def graph(body: str) -> Graph:
    text = "def f():\n" + textwrap.indent(textwrap.dedent(body), "    ")
    ast.parse(text)
    (function,) = project({"a.py": text}).world.project.functions
    return build(function.node.body)


def calls(found: Graph, name: str) -> list[Node]:
    """The reachable nodes that call *name* as a statement."""
    return [node for node in reached(found) if _called(node) == name]


def _called(node: Node) -> str | None:
    stmt = node.payload
    if isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Call) and isinstance(stmt.value.func, n.Name):
        return stmt.value.func.id
    return None


def reached(found: Graph) -> list[Node]:
    seen = {found.entry}
    work = [found.entry]
    while work:
        node = found.nodes[work.pop()]
        for target in (*node.next, node.exc):
            if target not in seen:
                seen.add(target)
                work.append(target)
    return [found.nodes[index] for index in sorted(seen)]


@pytest.mark.parametrize(
    ("body", "copies"),
    [
        ("try:\n    a()\nfinally:\n    last()", 2),
        ("try:\n    if a():\n        return 1\nfinally:\n    last()", 3),
        ("try:\n    if a():\n        return 1\n    return 2\nfinally:\n    last()", 2),
        (
            "while a():\n    try:\n        if b():\n            break\n        if c():\n            continue\n    finally:\n        last()",
            4,
        ),
        ("try:\n    a()\nexcept E:\n    return 1\nfinally:\n    last()", 3),
        ("try:\n    try:\n        if a():\n            return 1\n    finally:\n        b()\nfinally:\n    last()", 3),
    ],
    ids=["falls through", "returns too", "returns only", "breaks and continues", "handler returns", "nested"],
)
def test_a_finally_is_copied_for_each_way_in(body: str, copies: int) -> None:
    assert len(calls(graph(body + "\nafter()"), "last")) == copies


def test_what_a_finally_raises_leaves_the_try() -> None:
    found = graph("try:\n    try:\n        a()\n    finally:\n        last()\nexcept E:\n    b()")
    kinds = {found.nodes[node.exc].kind for node in calls(found, "last")}
    assert kinds == {"catch"}
    found = graph("try:\n    a()\nexcept E:\n    b()\nfinally:\n    last()")
    assert {node.exc for node in calls(found, "last")} == {found.raise_exit}


def test_a_return_in_finally_drops_the_exception() -> None:
    found = graph("try:\n    a()\nfinally:\n    return 1")
    (call,) = calls(found, "a")
    passing = found.nodes[call.exc]
    assert passing.kind == "passing"
    assert found.nodes[passing.next[0]].kind == "return"
    assert not [node for node in reached(found) if node.kind == "reraise"]


def test_else_is_not_covered_by_the_handlers() -> None:
    found = graph("try:\n    a()\nexcept E:\n    b()\nelse:\n    c()")
    (covered,), (handler,), (free,) = (calls(found, name) for name in "abc")
    assert found.nodes[covered.exc].kind == "catch"
    assert handler.exc == free.exc == found.raise_exit


def test_with_is_left_on_each_way() -> None:
    found = graph(
        "for x in y:\n    with a():\n        if b():\n            break\n        if c():\n            return 1\n        d()\ne()"
    )
    kinds = [node.kind for node in reached(found)]
    assert kinds.count("leave") == 3
    assert kinds.count("leave-exc") == 1


def test_in_finally_is_marked() -> None:
    found = graph("try:\n    a()\nfinally:\n    try:\n        last()\n    except E:\n        b()\nc()")
    marks = {name: {node.in_finally for node in calls(found, name)} for name in ("a", "last", "b", "c")}
    assert marks == {"a": {False}, "last": {True}, "b": {True}, "c": {False}}


@pytest.mark.parametrize(
    ("body", "repeats"),
    [
        ("for x in y:\n    a()", True),
        ("while b():\n    a()", True),
        ("for x in y:\n    a()\n    return x", False),
        ("for x in y:\n    a()\n    break", False),
        ("for x in y:\n    if b():\n        a()\n        break", False),
        ("for x in y:\n    a()\n    if b():\n        break", True),
        ("for x in y:\n    try:\n        b()\n    except E:\n        a()\n        continue\n    break", True),
        ("for x in y:\n    b()\nelse:\n    a()", False),
        ("for x in y:\n    try:\n        return b()\n    finally:\n        a()", False),
    ],
    ids=["for", "while", "return", "break", "under a condition", "goes on", "retry", "else", "finally of a return"],
)
def test_loops_that_repeat(body: str, repeats: bool) -> None:
    found = [node for node in calls(graph(body), "a") if node.loops]
    assert bool(found) is repeats


def test_nested_loops_are_told_apart() -> None:
    (call,) = calls(graph("for x in y:\n    for z in x:\n        a()\n        break"), "a")
    assert call.loops == ((2, 4),)


def test_a_graph_has_a_bound() -> None:
    body = "a()"
    for _ in range(14):
        body = "try:\n    b()\nfinally:\n" + textwrap.indent(body, "    ")
    with pytest.raises(TooLarge):
        graph(body)
