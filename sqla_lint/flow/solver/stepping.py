"""Where a state goes next."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.graph import Node
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.lower.nodes import Pos


class Step(NamedTuple):
    """Where a state goes next. *origin* is what raised, for exceptions on their way."""

    target: int
    state: State
    origin: Pos | None = None


def on(node: Node, cur: Cursor, index: int = 0) -> list[Step]:
    return [] if cur.dead else [Step(node.next[index], cur.state())]
