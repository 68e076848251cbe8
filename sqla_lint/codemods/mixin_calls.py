"""Where rows are added, deleted, changed and flushed by hand, and may save themselves instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqla_lint.codemods.holding import Holding
from sqla_lint.codemods.layout import Rewrite, indentation, stands_alone, text_at
from sqla_lint.codemods.line_room import room
from sqla_lint.codemods.mixin_registry import RegistryPlan
from sqla_lint.codemods.places import Place, own_walk, places, uses
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.values import ClassValue, FunctionValue
from sqla_lint.index.module import Class, Function, own_nodes
from sqla_lint.lower import nodes as n


class Call(NamedTuple):
    """``save``, ``update`` or ``delete`` of the row *row*, written where *at* is; *gone* are the statements it stands
    for, *written* what an update sets.
    """

    method: str
    row: n.Expr
    at: n.Stmt
    gone: tuple[n.Stmt, ...]
    written: tuple[n.Assign, ...] = ()


class Sites:
    """The statements of one function that work on rows through the registry."""

    def __init__(self, world: World, registry: RegistryPlan, models: Sequence[Class], function: Function) -> None:
        self.world = world
        self.registry = registry
        self.models = frozenset(models)
        self.function = function
        self.places = tuple(places(function.node.body))
        self._holding: Holding | None = None

    @property
    def holding(self) -> Holding:
        if self._holding is None:
            self._holding = Holding(self.world, self.function)
        return self._holding

    # --- what is rewritten

    def calls(self) -> Iterator[Call]:
        """The adds and deletes with their flush."""
        taken: set[int] = set()
        for place in self.places:
            found = self._call(place)
            if found is not None and not taken & {id(stmt) for stmt in (found.at, *found.gone)}:
                taken |= {id(stmt) for stmt in (found.at, *found.gone)}
                yield found

    def queries(self) -> Iterator[tuple[n.Call, str]]:
        """``session.query(Model)``, each with how the model is written."""
        for place in self.places:
            for node, _ in own_walk(place):
                method = self._method(node)
                if method == "query" and isinstance(node, n.Call) and len(node.args) == 1 and not node.keywords:
                    value = self.holding.value(node.args[0])
                    if isinstance(value, ClassValue) and value.cls in self.models:
                        yield node, text_at(self.function.source, node.args[0].pos)

    def _call(self, place: Place) -> Call | None:
        added = self._on_row(place.stmt)
        if added is None:
            return None
        method, row = added
        between: list[n.Stmt] = []
        for stmt in place.block[place.number + 1 :]:
            if self._is_flush(stmt):
                return self._made(place, method, row, between, stmt, stmt)
            if isinstance(stmt, n.Try):
                guarded = self._guarded(stmt)
                if guarded is not None:
                    at = stmt if self._only_cleans_up(stmt) else guarded
                    return self._made(place, method, row, between, guarded, at)
            if not self._is_idle(stmt):
                return None
            between.append(stmt)
        return None

    def _made(
        self, place: Place, method: str, row: n.Expr, between: list[n.Stmt], flush: n.Stmt, at: n.Stmt
    ) -> Call | None:
        """The call that stands for the add, the flush and what else goes with them."""
        lines = self.function.source
        simple = isinstance(row, n.Name)
        if (between or isinstance(at, n.Try)) and not simple:
            return None
        if any(not stands_alone(lines, stmt) for stmt in (place.stmt, flush, at)):
            return None
        outer = self._whole_try(place, flush) if not between and at is flush else None
        if between:
            return Call(method, row, at, (place.stmt,)) if at is not place.stmt else None
        written = self._written(place, row) if method == "save" and isinstance(row, n.Name) else ()
        kind = "update" if written else method
        if outer is not None:
            return Call(kind, row, outer, (), written)
        if at is flush and flush not in place.block:
            # The guard stays, and the call is what it guards.
            return Call(kind, row, flush, (place.stmt,), written)
        return Call(kind, row, place.stmt, (at,), written)

    def _whole_try(self, place: Place, flush: n.Stmt) -> n.Try | None:
        """The ``try`` around add and flush, where it does nothing but roll back and raise again."""
        parent = place.parent
        if parent is None or not isinstance(parent.stmt, n.Try) or place.field != "body":
            return None
        whole = parent.stmt.body == (place.stmt, flush) and self._only_cleans_up(parent.stmt)
        return parent.stmt if whole and stands_alone(self.function.source, parent.stmt) else None

    # --- the pieces

    def _method(self, node: object) -> str | None:
        """The method of the registry's session that a call calls."""
        if not (isinstance(node, n.Call) and isinstance(node.func, n.Attribute)):
            return None
        return node.func.attr if self._is_session(node.func.value) else None

    def _is_session(self, node: n.Expr) -> bool:
        root = node
        while isinstance(root, n.Attribute):
            root = root.value
        if not isinstance(root, n.Name) or self._hides(root.id):
            return False
        return self.registry.is_session(self.world, self.function.path, node)

    def _hides(self, name: str) -> bool:
        around: Function | None = self.function
        while around is not None:
            bound = name in self.world.local_names(around) or any(p.name == name for p in around.node.params)
            if bound and name not in around.globals:
                return True
            around = around.outer
        return False

    def _on_row(self, stmt: n.Stmt) -> tuple[str, n.Expr] | None:
        """(method, row) of ``session.add(row)`` and ``session.delete(row)`` as statements, on a row of the models."""
        call = stmt.value if isinstance(stmt, n.ExprStmt) else None
        method = {"add": "save", "delete": "delete"}.get(self._method(call) or "")
        if method is None or not isinstance(call, n.Call) or len(call.args) != 1 or call.keywords:
            return None
        row = call.args[0]
        value = self.holding.value(row)
        made = isinstance(row, n.Name) or (isinstance(row, n.Call) and method == "save")
        known = isinstance(value, Entity) and value.cls in self.models
        return (method, row) if made and known and not self._asks(row) else None

    def _asks(self, expr: n.Expr) -> bool:
        """Whether an expression uses the session itself."""
        return any(isinstance(node, (n.Name, n.Attribute)) and self._is_session(node) for node in own_nodes((expr,)))

    def _is_flush(self, stmt: n.Stmt) -> bool:
        call = stmt.value if isinstance(stmt, n.ExprStmt) else None
        return self._method(call) == "flush" and isinstance(call, n.Call) and not call.args and not call.keywords

    def _guarded(self, stmt: n.Try) -> n.Stmt | None:
        """The flush that is all that a ``try`` guards."""
        alone = len(stmt.body) == 1 and not stmt.is_star
        return stmt.body[0] if alone and self._is_flush(stmt.body[0]) else None

    def _only_cleans_up(self, stmt: n.Try) -> bool:
        """Whether all that a ``try`` does is roll back and raise again: ``_flush()`` does it from now on."""
        if stmt.orelse or stmt.final or not stmt.handlers:
            return False
        for handler in stmt.handlers:
            if len(handler.body) != 2 or handler.name is not None:
                return False
            first, last = handler.body
            call = first.value if isinstance(first, n.ExprStmt) else None
            if self._method(call) != "rollback" or not isinstance(last, n.Raise) or last.exc is not None:
                return False
        return True

    def _is_idle(self, stmt: n.Stmt) -> bool:
        """Whether a statement between add and flush has nothing to do with the database."""
        if not isinstance(stmt, (n.Assign, n.AnnAssign, n.AugAssign, n.ExprStmt)):
            return False
        for node in own_nodes((stmt,)):
            if isinstance(node, (n.Name, n.Attribute)) and self._is_session(node):
                return False
            if isinstance(node, (n.Await, n.Yield)):
                return False
            if isinstance(node, n.Call):
                callee = self.holding.value(node.func)
                if isinstance(callee, FunctionValue) or self.holding.holds(node):
                    return False
        return True

    def _written(self, place: Place, row: n.Name) -> tuple[n.Assign, ...]:
        """The attribute writes right before the add, as far as an update can make them all at once."""
        found: list[n.Assign] = []
        names: set[str] = set()
        for stmt in reversed(place.block[: place.number]):
            target = stmt.targets[0] if isinstance(stmt, n.Assign) and len(stmt.targets) == 1 else None
            if not (isinstance(stmt, n.Assign) and isinstance(target, n.Attribute) and target.attr not in names):
                break
            own = isinstance(target.value, n.Name) and target.value.id == row.id
            one_line = stmt.pos[0] == stmt.pos[2] and stands_alone(self.function.source, stmt)
            spread = isinstance(stmt.value, (n.Sequence, n.Yield, n.Await)) and "(" not in text_at(
                self.function.source, stmt.value.pos
            )
            if (
                self._asks(stmt.value)
                or not own
                or not one_line
                or spread
                or uses(n.ExprStmt(stmt.pos, stmt.value), row.id, set())
            ):
                break
            found.insert(0, stmt)
            names.add(target.attr)
        return tuple(found) if not any(name.startswith("__") for name in names) else ()


# --- the text


def write(rewrite: Rewrite, function: Function, call: Call) -> None:
    """Write one call in place of what it stands for."""
    lines = rewrite.before
    row = text_at(lines, call.row.pos)
    margin = indentation(lines[call.at.pos[0] - 1])
    given = [f"{_attr(stmt)}={text_at(lines, stmt.value.pos)}" for stmt in call.written]
    text = f"{row}.{call.method}({', '.join(given)})"
    if given and len(margin) + len(text) > room(lines):
        text = f"{row}.{call.method}({rewrite.line_end}"
        text += "".join(f"{margin}    {one},{rewrite.line_end}" for one in given) + f"{margin})"
    if isinstance(call.at, n.Try):
        first, column = call.at.pos[:2]
        rewrite.remove(first + 1, call.at.pos[2])
        rewrite.replace((first, column, first, lines[first - 1].index(":", column) + 1), text)
    else:
        rewrite.replace(call.at.pos, text)
    for stmt in (*call.written, *call.gone):
        rewrite.remove(stmt.pos[0], stmt.pos[2])
    rewrite.tidy(function.node.pos[0], function.node.pos[2])


def _attr(stmt: n.Assign) -> str:
    target = stmt.targets[0]
    assert isinstance(target, n.Attribute)
    return target.attr
