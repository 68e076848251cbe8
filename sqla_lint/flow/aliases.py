"""Sessions that may be one: what is kept as ``self.session`` is often what ``self.repository.session`` is, too.

Whoever puts the objects together decides, out of sight. So what ends the transaction of one has ended it, as far as
anybody can tell, for those that objects keep under the same name.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.state import Cursor
from sqla_lint.flow.values import Sid

_KEPT = frozenset({"instance", "held"})


def ended(cur: Cursor, sid: Sid) -> None:
    """The transaction of *sid* has ended, and that of its other names."""
    for other in list(_others(cur, sid)):
        state = cur.sessions[other]
        if state.active or state.failure is not None:
            cur.sessions[other] = state._replace(active=False, failure=None, waited=None)


def _others(cur: Cursor, sid: Sid) -> Iterator[Sid]:
    if sid.owner in _KEPT:
        for other in cur.sessions:
            if other.owner in _KEPT and other.path[-1] == sid.path[-1] and other.path != sid.path:
                yield other
