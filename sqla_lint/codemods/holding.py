"""What may hold something that needs an open session: a row, a lazy result, a query, an object that keeps the session.

Flow follows sessions; this asks, whatever the order of statements, which of a function's variables and expressions may
want one. Where it cannot know it says yes: a fix is then unsafe, never wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqla_lint.codemods.places import Place, own_walk
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import ownership
from sqla_lint.flow.reading import drawing
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.row_values import Dynamic, Entity, Many, ModelAttribute, Pair, Query
from sqla_lint.flow.terms.session_values import Scope, Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Instance, Literal, Mapping, Method
from sqla_lint.index.module import Function, own_nodes, statements, target_names
from sqla_lint.lower import nodes as n

_PLAIN_BUILTINS = frozenset(
    {
        "len", "str", "int", "float", "bool", "any", "all", "repr", "isinstance", "issubclass", "print", "sum", "hash",
        "id", "round", "abs", "range", "format", "ord", "chr", "hasattr", "callable", "type", "bytes",
    }
)  # fmt: skip
# Methods of queries, sessions and strings whose result is plain whatever they are called on.
_PLAIN_METHODS = frozenset(
    {
        "count", "exists", "commit", "rollback", "flush", "close", "add", "add_all", "delete", "refresh", "expire",
        "expunge", "expunge_all", "join_thread", "isoformat", "strftime", "format", "lower", "upper", "strip", "split",
        "startswith", "endswith", "encode", "decode", "replace", "hex", "is_modified", "total_seconds",
    }
)  # fmt: skip
_STORES = frozenset(
    {"append", "extend", "insert", "add", "appendleft", "setdefault", "update", "put", "put_nowait", "set"}
)
_MAX_CALLS = 3


class Holding:
    """One function's variables: *names* are those that may hold what needs an open session."""

    def __init__(self, world: World, function: Function, given: dict[str, bool] | None = None, depth: int = 0) -> None:
        self.world = world
        self.function = function
        self.depth = depth
        self._ctx = world.static_context(function.path, function)
        self._cur = Cursor(State({}, {}), None)
        for param in function.node.params:
            value = world.parameters.value(function, param)
            if value != UNKNOWN:
                self._cur.env[param.name] = value
        self.names = {name for name, held in (given or {}).items() if held}
        for stmt in statements(function.node.body):
            self._bind(stmt)
        while self._spread():
            pass

    # --- variables

    def _bind(self, stmt: n.Stmt) -> None:
        if isinstance(stmt, n.Assign):
            value = self.value(stmt.value)
            for target in stmt.targets:
                ownership.bind(self._ctx, self._cur, target, value)
        elif isinstance(stmt, n.AnnAssign) and stmt.value is not None:
            ownership.bind(self._ctx, self._cur, stmt.target, self.value(stmt.value))
        elif isinstance(stmt, n.For):
            self._draw(stmt.target, stmt.iter)
        elif isinstance(stmt, n.With):
            for item in stmt.items:
                entered = self.value(item.context)
                if item.target is not None:
                    ownership.bind(
                        self._ctx, self._cur, item.target, entered.value if isinstance(entered, Scope) else entered
                    )

    def _draw(self, target: n.Expr, iterated: n.Expr) -> None:
        drawn = drawing.draw(self._ctx, self._cur, self.value(iterated), (iterated.pos[0], iterated.pos[1]), iterated)
        ownership.bind(self._ctx, self._cur, target, drawn)

    def _spread(self) -> bool:
        """One round over the statements; whether another variable was found to hold something."""
        before = len(self.names)
        for stmt in statements(self.function.node.body):
            self.names.update(self._gains(stmt))
        return len(self.names) > before

    def _gains(self, stmt: n.Stmt) -> Iterable[str]:
        if isinstance(stmt, n.Assign) and self.holds(stmt.value):
            return [name for target in stmt.targets for name in (*target_names(target), *_container(target))]
        if isinstance(stmt, (n.AnnAssign, n.AugAssign)) and stmt.value is not None and self.holds(stmt.value):
            return [*target_names(stmt.target), *_container(stmt.target)]
        if isinstance(stmt, n.For) and self.yields_holding(stmt.iter):
            return target_names(stmt.target)
        if isinstance(stmt, n.With):
            return [
                name
                for item in stmt.items
                if item.target is not None and self.holds(item.context)
                for name in target_names(item.target)
            ]
        return self._stored(stmt)

    def _stored(self, stmt: n.Stmt) -> list[str]:
        """``rows.append(row)``: the container holds it; ``session.add(row)``: the row needs the session."""
        if not (isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Call)):
            return []
        func, args = stmt.value.func, stmt.value.args
        if not isinstance(func, n.Attribute) or func.attr not in _STORES | {"add_all", "merge", "refresh", "delete"}:
            return []
        if isinstance(self.value(func.value), Session):
            return [name for arg in args for name in _names(arg)]
        if isinstance(func.value, n.Name) and any(self.holds(arg) for arg in args):
            return [func.value.id]
        return []

    # --- expressions

    def value(self, expr: n.Expr) -> Value:
        """What *expr* is worth, as far as flow's own evaluation can tell without an order of statements."""
        return evaluate.expr(self._ctx, self._cur, expr)

    def yields_holding(self, expr: n.Expr) -> bool:
        """Whether iterating *expr* gives what may hold something."""
        value = self.value(expr)
        if isinstance(value, Query):
            return self._row_holds(value, expr)
        if isinstance(value, Many):
            known = _certain(value.item)
            return known if known is not None else self.holds(expr)
        return self.holds(expr)

    def holds(self, expr: n.Expr | None) -> bool:
        """Whether the value of *expr* may hold what needs an open session."""
        if expr is None or isinstance(expr, (n.Constant, n.Format, n.Compare, n.UnaryOp, n.Yield, n.Slice)):
            return False
        if isinstance(expr, n.Comprehension):
            return self._comprehension(expr)
        if isinstance(expr, n.Call):
            return self._call(expr)
        if isinstance(expr, n.Attribute):
            return self._attribute(expr)
        if isinstance(expr, n.Name):
            return expr.id in self.names or _certain(self.value(expr)) is True
        if isinstance(expr, n.Lambda):
            return any(part.id in self.names for part in _all_names(expr))
        if isinstance(expr, n.IfExp):
            return self.holds(expr.body) or self.holds(expr.orelse)
        if isinstance(expr, n.Opaque):
            return True
        if isinstance(expr, n.Subscript):
            return self.holds(expr.value)
        return any(self.holds(part) for part in _operands(expr))

    def _comprehension(self, expr: n.Comprehension) -> bool:
        saved, names = dict(self._cur.env), set(self.names)
        lazy = expr.kind == "generator" and any(self.holds(generator.iter) for generator in expr.generators)
        for generator in expr.generators:
            if self.yields_holding(generator.iter):
                self.names.update(target_names(generator.target))
            self._draw(generator.target, generator.iter)
        result = lazy or any(self.holds(element) for element in expr.elements)
        self._cur.env, self.names = saved, names
        return result

    def _attribute(self, expr: n.Attribute) -> bool:
        known = _certain(self.value(expr))
        if known is not None:
            return known
        owner = self.value(expr.value)
        if isinstance(owner, Session):
            return expr.attr in ("new", "dirty", "deleted", "identity_map")
        if isinstance(owner, Entity):
            return (
                self.world.method(owner.cls, expr.attr) is not None
                or expr.attr in self.world.mappings.relationship_names
            )
        if isinstance(owner, Instance):
            return self.holds(expr.value)
        return self.holds(expr.value) and self._could_be_row(expr.attr)

    def _could_be_row(self, attr: str) -> bool:
        """Whether an attribute of something unknown may be more than a column: a relationship, a property."""
        named = attr in self.world.mappings.relationship_names or attr[:1].isupper() or attr.startswith("_")
        return named or any(
            f.node.name == attr and f.cls is not None for f in self.world.project.functions_by_word.get(attr, ())
        )

    def _call(self, expr: n.Call) -> bool:
        func = expr.func
        if isinstance(func, n.Name) and func.id in _PLAIN_BUILTINS:
            return False
        if isinstance(func, n.Attribute) and (func.attr in _PLAIN_METHODS or isinstance(func.value, n.Constant)):
            return False
        value = self.value(expr)
        if isinstance(value, (Query, Session)):
            return True
        known = _certain(value)
        if known is not None:
            return known
        called = self.value(func)
        if isinstance(called, FunctionValue) and not called.function.is_generator and self.depth < _MAX_CALLS:
            return self._returned(called, expr)
        if isinstance(func, n.Attribute) and (query := _query_of(expr)) is not None and self._columns_only(query):
            return False
        given = [*expr.args, *(keyword.value for keyword in expr.keywords)]
        if isinstance(called, Method) and isinstance(called.receiver, Query):
            return self._row_holds(called.receiver, expr)
        return self.holds_receiver(func) or any(self.holds(part) for part in given)

    def holds_receiver(self, func: n.Expr) -> bool:
        """Whether what a method is called on may hold something."""
        return isinstance(func, n.Attribute) and self.holds(func.value)

    def _returned(self, called: FunctionValue, expr: n.Call) -> bool:
        """Whether a function of the project may return what holds something, given what it is handed here."""
        callee = called.function
        given: dict[str, bool] = {}
        params = [p for p in callee.node.params if p.kind in ("pos", "normal")]
        if called.receiver is not None and params:
            given[params[0].name] = self.holds_receiver(expr.func)
            params = params[1:]
        given.update((param.name, self.holds(arg)) for param, arg in zip(params, expr.args, strict=False))
        given.update((k.name, self.holds(k.value)) for k in expr.keywords if k.name is not None)
        inner = Holding(self.world, callee, given, self.depth + 1)
        returns = [s for s in own_nodes(callee.node.body) if isinstance(s, n.Return)]
        return any(inner.holds(stmt.value) for stmt in returns)

    def _row_holds(self, query: Query, expr: n.Expr) -> bool:
        known = _certain(query.row)
        if known is not None:
            return known
        root = _query_of(expr)
        return root is None or not self._columns_only(root)

    def _columns_only(self, query: n.Call) -> bool:
        """Whether ``query(...)`` or ``select(...)`` asks for columns alone."""
        return bool(query.args) and all(self._is_column(arg) for arg in query.args)

    def _is_column(self, expr: n.Expr) -> bool:
        if isinstance(expr, n.Call):
            func = expr.func
            return isinstance(func, n.Attribute) and (
                (isinstance(func.value, n.Name) and func.value.id == "func") or self._is_column(func.value)
            )
        value = self.value(expr)
        return isinstance(value, ModelAttribute) and self.world.mappings.relationship(value.cls, value.name) is None


def stores(place: Place) -> Iterable[tuple[n.Expr, tuple[n.Expr, ...]]]:
    """What a statement puts where: (the target or the container, the values)."""
    stmt = place.stmt
    if isinstance(stmt, n.Assign):
        yield from ((target, (stmt.value,)) for target in stmt.targets)
    elif isinstance(stmt, n.AugAssign):
        yield stmt.target, (stmt.value,)
    for node, _ in own_walk(place):
        if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and node.func.attr in _STORES:
            yield node.func.value, (*node.args, *(keyword.value for keyword in node.keywords))


def _certain(value: Value) -> bool | None:
    """Whether a value holds something; None where that is not known."""
    if isinstance(value, (Entity, Query, Session, Dynamic)):
        return True
    if isinstance(value, (Literal, ModelAttribute)):
        return False
    if isinstance(value, Instance):
        return True if ownership.sids(value) else None
    if isinstance(value, (Many, Mapping)):
        return _certain(value.item if isinstance(value, Many) else value.value)
    if isinstance(value, Pair):
        parts = [_certain(item) for item in value.items]
        return True if True in parts else None if None in parts else False
    return None


def _query_of(expr: n.Expr) -> n.Call | None:
    """The ``query(...)`` or ``select(...)`` that a chain of calls begins with, or is given first."""
    while isinstance(expr, (n.Call, n.Attribute, n.Await, n.Subscript)):
        if isinstance(expr, n.Call):
            name = n.last_part(expr.func)
            if name in ("query", "select"):
                return expr
            if name in ("execute", "scalars", "scalar", "exec") and expr.args:
                return _query_of(expr.args[0])
            expr = expr.func
        else:
            expr = expr.value
    return None


def _operands(expr: n.Expr) -> list[n.Expr]:
    assert isinstance(expr, tuple)  # as every kind is
    found = [part for part in expr if isinstance(part, tuple) and hasattr(part, "pos")]
    for part in expr:
        if type(part) is tuple:
            found += [item for item in part if hasattr(item, "pos")]
    return found  # type: ignore[return-value]


def _names(expr: n.Expr) -> list[str]:
    if isinstance(expr, n.Name):
        return [expr.id]
    return [name for item in expr.items for name in _names(item)] if isinstance(expr, n.Sequence) else []


def _all_names(expr: n.Expr) -> list[n.Name]:
    found: list[n.Name] = []
    stack: list[object] = [expr]
    while stack:
        item = stack.pop()
        if isinstance(item, n.Name):
            found.append(item)
        elif isinstance(item, tuple):
            stack.extend(item)
    return found


def _container(target: n.Expr) -> list[str]:
    """The variable that ``x[key] = row`` or ``x.attr = row`` puts the row into."""
    while isinstance(target, (n.Subscript, n.Attribute)):
        target = target.value
        if isinstance(target, n.Name):
            return [target.id]
    return []
