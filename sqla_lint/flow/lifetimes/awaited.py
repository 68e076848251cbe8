"""Sessions of which a call is awaited: these are asynchronous, whatever else is known of them."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Called, Ran
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import own_nodes
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def sessions(facts: Facts) -> frozenset[Sid]:
    """The sessions of which the function awaits a call."""
    places: set[Pos] = {e.value.pos for e in own_nodes(facts.function.node.body) if isinstance(e, n.Await)}
    return frozenset(e.sid for e in facts.events if isinstance(e, (Called, Ran)) and e.pos in places)
