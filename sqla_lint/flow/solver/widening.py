"""Where too many ways meet: what is kept of each, so that the ways come to an end."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Entity, Many, Query
from sqla_lint.flow.terms.state import Held, Loaded, State
from sqla_lint.flow.terms.values import UNKNOWN

# What a state keeps: sessions, what they are reached through, and constants. Nothing that a loop could make longer
# in every round (attributes of attributes): the states would never end.
_KEPT = frozenset(
    {"class", "either", "factory", "flask-db", "function", "instance", "literal", "module", "registry", "scope"}
    | {"session", "stack", "transaction"}
)


class Widened:
    """One node's: its queries and their rows are what those of all ways come to; what one way has loaded is taken to
    be loaded. With *keeps_rows* not set they are forgotten.
    """

    def __init__(self, keeps_rows: bool) -> None:
        self._keeps_rows = keeps_rows
        self._rows: dict[str, Value] = {}
        self._loaded: frozenset[Loaded] = frozenset()
        self._held: frozenset[Held] = frozenset()

    def state(self, state: State) -> State:
        """*state* with what is kept of it."""
        env = {k: v for k, v in state.env.items() if k[0] == "%" or v.kind in _KEPT}
        rows = {k: v for k, v in state.env.items() if _is_of_rows(v)} if self._keeps_rows else {}
        if not rows:
            return State(env, state.sessions, state.exc, state.caught, UNKNOWN if state.result is not None else None)
        for name, value in rows.items():
            self._rows[name] = known = join(self._rows.get(name, value), value)
            if _is_of_rows(known):
                env[name] = known
        self._loaded |= state.loaded
        self._held |= state.held
        result = UNKNOWN if state.result is not None else None
        return State(env, state.sessions, state.exc, state.caught, result, self._loaded, self._held)


def _is_of_rows(value: Value) -> bool:
    """A query of a mapped class, or what it gave: joined with others of its name, it soon stays the same."""
    row = value.row if isinstance(value, Query) else value.item if isinstance(value, Many) else None
    return isinstance(row, Entity) and not row.steps and row.origin is not None
