"""One function that uses a session of its module, as it would be if it made one itself and never closed it.

What a block needs is worked out on that text by the codemod for such sessions: nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqla_lint.codemods.layout import Rewrite, indentation, stands_alone
from sqla_lint.codemods.places import Place, own_walk, places
from sqla_lint.codemods.refreshing import refreshed
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n


class Own(NamedTuple):
    """*function* makes *name* by *call* ahead of the statement *first*; *nodes* are the mentions of the shared one.

    *refreshed* are the variables to load again behind a commit: (the commit, the variable).
    """

    function: Function
    name: str
    call: str
    nodes: tuple[n.Expr, ...]
    first: Place
    refreshed: tuple[tuple[Place, str], ...] = ()


def own(world: World, function: Function, nodes: tuple[n.Expr, ...], name: str, call: str, expires: bool) -> Own:
    """Where *function* is to make its session.

    Raises:
        Refused: a session cannot be made there.
    """
    if name in function.globals:
        raise Refused(f"it is declared global in {function.qualname}")
    found = tuple(places(function.node.body))
    using = [place for place in found if any(_has(place, node) for node in nodes)]
    first = _first(using, function.source)
    line = function.source[first.stmt.pos[0] - 1]
    if line[: first.stmt.pos[1]].strip() or not stands_alone(function.source, first.stmt):
        raise Refused(f"line {first.stmt.pos[0]} shares its statement with other code")
    if any(node.id == name for node in _names(found) if node not in nodes and not isinstance(nodes[0], n.Name)):
        raise Refused(f"{function.qualname} uses {name} for something else")
    made = Own(function, name, call, nodes, first)
    return made._replace(refreshed=tuple(refreshed(world, function, nodes, found))) if expires else made


def _has(place: Place, wanted: n.Expr) -> bool:
    return any(node is wanted for node, _ in own_walk(place))


def _names(found: Sequence[Place]) -> Iterator[n.Name]:
    for place in found:
        yield from (node for node, _ in own_walk(place) if isinstance(node, n.Name))


def _first(using: Sequence[Place], lines: Sequence[str]) -> Place:
    """The first statement that uses it, of the innermost block that holds all uses; a loop over data is not entered."""
    chains = [list(reversed(list(place.chain))) for place in using]
    found = min((chain[0] for chain in chains), key=lambda place: place.number)
    level = [chain[0] for chain in chains]
    depth = 0
    while True:
        here = min(level, key=lambda place: place.number)
        if not _is_elif(here, lines):
            found = here
        depth += 1
        level = [chain[depth] for chain in chains if len(chain) > depth]
        together = len(level) == len(chains) and all(place.block is level[0].block for place in level)
        if isinstance(here.stmt, n.For) or not together:
            return found


def _is_elif(place: Place, lines: Sequence[str]) -> bool:
    line, column = place.stmt.pos[:2]
    return isinstance(place.stmt, n.If) and lines[line - 1][column:].startswith("elif")


# --- the text


def write(rewrite: Rewrite, made: Own, is_async: bool) -> None:
    """Write the function as one that makes its session."""
    for node in sorted(made.nodes, key=lambda node: node.pos, reverse=True):
        if isinstance(node, n.Attribute):
            rewrite.replace(node.pos, made.name)
    first = made.first.stmt.pos[0]
    margin = indentation(rewrite.before[first - 1])
    rewrite.insert_before(first, f"{margin}{made.name} = {made.call}")
    for commit, name in made.refreshed:
        line = commit.stmt.pos[2]
        inner = indentation(rewrite.before[commit.stmt.pos[0] - 1])
        if not stands_alone(rewrite.before, commit.stmt):
            raise Refused(f"line {line} shares its commit with other code")
        rewrite.insert_before(line + 1, f"{inner}{'await ' if is_async else ''}{made.name}.refresh({name})")
