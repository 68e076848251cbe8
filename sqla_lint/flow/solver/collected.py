"""What a handler collects (errors in a list, a count of them) for the code after the loop to act on."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Called, Ended, Used
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.state import Cursor, Failure
from sqla_lint.flow.terms.values import Literal
from sqla_lint.index.module import names_in, own_nodes, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Stands beside a variable to which a handler has added something.
SOME = "%some"
_THERE = Literal(True, "exception")
_ADDS = frozenset({"append", "add", "extend", "update"})


def note(ctx: Context, cur: Cursor, container: n.Expr) -> None:
    """A handler adds to *container*: a later ``if errors:`` goes one way only."""
    if ctx.static or not cur.caught or not isinstance(container, n.Name) or not _is_asked_for(ctx, container.id):
        return
    cur.env[f"{container.id}.{SOME}"] = _THERE


def is_there(cur: Cursor, key: tuple[object, ...] | None) -> bool:
    """Whether a test asks for something of what a handler has added to on this way."""
    return key is not None and key[0] in ("true", "over") and f"{key[1]}.{SOME}" in cur.env


def _is_asked_for(ctx: Context, name: str) -> bool:
    if ctx.function is None:
        return False
    tests = (s.test for s in statements(ctx.function.node.body) if isinstance(s, (n.If, n.While)))
    return any(name in names_in(test) for test in tests)


def is_rolled_back_later(facts: Facts, event: Used, failure: Failure) -> bool:
    """Whether a use is one more try of the same ``try``, in a function that commits nothing of it where something
    failed: behind the loop it rolls all back if its handler has noted an error.
    """
    if failure.tried is None or failure.handler is None or not _is_in(event.pos, failure.tried):
        return False
    ends = [e for e in facts.events if isinstance(e, (Called, Ended)) and e.sid == event.sid]
    if any(_is_in(e.pos, failure.tried) and _does(e, "commit") for e in ends):
        return False
    noted = frozenset(_noted(facts, failure.handler))
    later = [e for e in ends if e.pos > failure.tried and _does(e, "rollback")]
    return any(_asks(guard, noted) for e in later for guard in e.guards)


def _does(event: Called | Ended, what: str) -> bool:
    return event.name == what if isinstance(event, Called) else what in event.may


def _is_in(pos: Pos, block: Pos) -> bool:
    return block[:2] <= pos[:2] < block[2:]


def _asks(guard: Guard, noted: frozenset[str]) -> bool:
    return guard.test is not None and not noted.isdisjoint(names_in(guard.test))


def _noted(facts: Facts, where: Pos) -> Iterator[str]:
    """The variables that the handler at *where* sets or adds to."""
    blocks = (s for s in statements(facts.function.node.body) if isinstance(s, n.Try))
    body = next((h.body for block in blocks for h in block.handlers if h.pos == where), ())
    for node in own_nodes(body):
        targets: tuple[n.Expr, ...] = node.targets if isinstance(node, n.Assign) else ()
        if isinstance(node, n.AugAssign):
            targets = (node.target,)
        elif isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and node.func.attr in _ADDS:
            targets = (node.func.value,)
        yield from (target.id for target in targets if isinstance(target, n.Name))


__all__ = ["is_rolled_back_later", "is_there", "note"]
