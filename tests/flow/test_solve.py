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
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.graph import Node
from sqla_lint.flow.terms.state import State
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.index.building import build
from sqla_lint.index.module import Function
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


WRAPPED = """
from dataclasses import dataclass
from sqlalchemy.orm import Session

@dataclass
class Node:
    inner: object
    session: object = None

def wrapped(session: Session) -> Node:
    node = Node(None, session)
"""

CYCLE = """
from sqlalchemy.orm import Session

def there(session: Session, key: int) -> object:
    return back(session, key) if key else session.flush()

def back(session: Session, key: int) -> object:
    return there(session, key - 1)

def first(session: Session) -> object:
    return back(session, 1)
"""


KEEPER = """
from sqlalchemy.orm import Session

def opened() -> object:
    return Session()

class Keeper:
    def __init__(self) -> None:
        self.first = opened()
        self.second = opened()
"""


def _project(text: str) -> tuple[Summaries, list[Function]]:
    module = build("/p/told.py", lower_module(ast.parse(text)), tuple(text.split("\n")))
    return Summaries(World(Project("/p", {module.path: module}), Settings())), list(module.functions)


def test_no_node_is_followed_twice_from_the_same_state(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: Counter[tuple[int, State]] = Counter()

    def counted(ctx: Context, node: Node, state: State) -> list[Step]:
        followed[node.id, state] += 1
        return advance(ctx, node, state)

    monkeypatch.setattr(solve, "advance", counted)
    summaries, functions = _project(TEXT)
    facts = summaries.facts(functions[0])
    assert facts.bounded is None
    assert len(followed) > len({node for node, _ in followed})
    assert set(followed.values()) == {1}


def test_objects_that_wrap_one_another_are_known_a_few_levels_down() -> None:
    text = WRAPPED + "    node = Node(node)\n" * 700 + "    session.commit()\n    return node\n"
    summaries, functions = _project(text)
    assert summaries.facts(functions[-1]).bounded is None


def test_an_error_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    summaries, functions = _project(CYCLE)
    solves = Summaries._solve

    def failing(self: Summaries, function: Function) -> tuple[Facts, Summary, list[Function]]:
        raise RecursionError(function.qualname)

    monkeypatch.setattr(Summaries, "_solve", failing)
    with pytest.raises(RecursionError):
        summaries.facts(functions[0])
    monkeypatch.setattr(Summaries, "_solve", solves)
    assert summaries.facts(functions[-1]).function is functions[-1]
    assert summaries.world.summaries[functions[-1]].effects


def test_what_rests_on_a_summary_that_is_not_there_yet_is_not_kept() -> None:
    summaries, functions = _project(KEEPER)
    world, keeper = summaries.world, functions[-1].cls
    assert keeper is not None
    names = ("first", "second")
    assert [world.statics.attribute(keeper, name).kind for name in names] == ["unknown", "unknown"]
    summaries.facts(functions[0])
    assert [world.statics.attribute(keeper, name).kind for name in names] == ["session", "session"]
