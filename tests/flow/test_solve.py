"""The solver does no work twice: a node is followed on from each state once, however many ways lead to it."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from sqla_lint import Settings
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver import solve
from sqla_lint.flow.solver.step import advance
from sqla_lint.flow.solver.stepping import Step
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.graph import Node
from sqla_lint.flow.terms.state import State
from sqla_lint.index.building import build
from sqla_lint.index.project import Project
from sqla_lint.lower.from_ast import lower_module

TEXT = """
def told(row: object, early: bool) -> object:
    found = row.first if early else row.second
    print(found)
    found = 1
    print(found)
    print(row)
    return row
"""


def test_no_node_is_followed_twice_from_the_same_state(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: Counter[tuple[int, State]] = Counter()

    def counted(ctx: Context, node: Node, state: State) -> list[Step]:
        followed[node.id, state] += 1
        return advance(ctx, node, state)

    monkeypatch.setattr(solve, "advance", counted)
    module = build("/p/told.py", lower_module(ast.parse(TEXT)), tuple(TEXT.split("\n")))
    summaries = Summaries(World(Project("/p", {module.path: module}), Settings()))
    facts = summaries.facts(module.functions[0])
    assert facts.bounded is None
    assert len(followed) > len({node for node, _ in followed})
    assert set(followed.values()) == {1}
