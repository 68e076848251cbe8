"""What Flask keeps for one request: rows that functions of the project put on ``flask.g``, and Flask-Login's user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.index.module import Function, statements
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

_REQUEST = "flask.g"
_USER = "flask_login.current_user"
_LOADS_USER = "user_loader"


class RequestGlobals:
    """Answers are cached unless they rest on a summary that is still being computed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rows: dict[tuple[str, str], Entity | None] = {}
        self._busy: set[tuple[str, str]] = set()

    def row(self, owner: str, name: str) -> Entity | None:
        """The row that ``g.name`` is, or (of ``current_user``) that ``name`` is an attribute of: of which query it is,
        and what that loaded, is not known.
        """
        key = (owner, name if owner == _REQUEST else "")
        if owner not in (_REQUEST, _USER) or key in self._busy:
            return None
        if key not in self._rows:
            early = self.world.asked_early
            self._busy.add(key)
            values = self._set(name) if owner == _REQUEST else self._users()
            classes = {value.cls for value in values if isinstance(value, Entity)}
            self._busy.discard(key)
            found = Entity(classes.pop(), None) if len(classes) == 1 else None
            if self.world.asked_early != early:
                return found
            self._rows[key] = found
        return self._rows[key]

    def _set(self, name: str) -> Iterator[Value]:
        """What the project's functions assign to ``g.name``."""
        for function in self.world.project.functions_by_word.get(name, ()):
            for stmt in statements(function.node.body) if "g" in function.words else ():
                if isinstance(stmt, n.Assign) and any(self._is_it(function, name, each) for each in stmt.targets):
                    ctx = self.world.static_context(function.path, function)
                    yield expr(ctx, Cursor(State({}, {}), None), stmt.value)

    def _is_it(self, function: Function, name: str, target: n.Expr) -> bool:
        if not (isinstance(target, n.Attribute) and target.attr == name):
            return False
        return self.world.names.dotted(function.path, target.value) == _REQUEST

    def _users(self) -> Iterator[Value]:
        """What ``@login_manager.user_loader`` functions return."""
        for function in self.world.project.functions_by_word.get(_LOADS_USER, ()):
            if any(getattr(decorator, "attr", "") == _LOADS_USER for decorator in function.node.decorators):
                returned = self.world.summary(function).returns
                if returned is not None:
                    yield returned


__all__ = ["RequestGlobals"]
