"""The control-flow graph of one function: :mod:`sqla_lint.flow.solver.building` makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sqla_lint.flow.terms.basis import LoopId
from sqla_lint.lower import nodes as n


class Guard(NamedTuple):
    """A condition that a node stands under: *test* had this *outcome*. *left* if the other outcome left the block
    before (``continue``, ``return``) instead of standing around the node. A handler or a ``case`` is a guard without a
    test."""

    test: n.Expr | None
    outcome: bool
    left: bool = False


# Where exceptions leave the function: the same node in every graph.
RAISE_EXIT = 1


@dataclass(slots=True)
class Node:
    """One step.

    *next* are the successors by kind of node: ``test`` and ``while`` true and false, ``next`` body and end, ``catch``
    the handlers, ``case`` the arm and the next case, otherwise one. *exc* is where an exception raised here goes.
    *loops* are the loops around it; *guards* the conditions and handlers that it stands under, outermost first (of a
    copy of a ``finally`` block: those within it). *handling* is how many exceptions are being handled there: by the
    handlers around it, and by each ``finally`` that one passes through.
    """

    id: int
    kind: str
    payload: object
    pos: n.Pos
    exc: int
    loops: tuple[LoopId, ...]
    in_finally: bool
    guards: tuple[Guard, ...] = ()
    handling: int = 0
    next: list[int] = field(default_factory=list)


def with_item(node: Node) -> tuple[n.With, int]:
    """The ``with`` statement that *node* enters or leaves an item of, and which item."""
    assert isinstance(node.payload, tuple)
    stmt, index = node.payload
    return stmt, index


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]
    entry: int
    exit: int
    raise_exit: int
