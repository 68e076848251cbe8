"""Where all rows of a query become a list, and what the function then does with the list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Fetched
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.row_values import Dynamic, Query
from sqla_lint.flow.terms.values import Method, Outside
from sqla_lint.index.module import parts, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_METHODS = frozenset({"all", "fetchall"})
_LISTS = frozenset({"list", "tuple"})
# How a length says whether there are rows at all.
_ANY = frozenset({(">", 0), ("==", 0), ("!=", 0), (">=", 1), ("<", 1)})


class Use(NamedTuple):
    """One use of a list of rows: *how* is ``len``, ``first`` (``[0]``), ``guard`` (only whether there are any) or
    ``other``.

    *node* is the ``len`` call or the subscript; *guards* if that length only says whether there are any.
    """

    how: str
    node: n.Expr
    guards: bool = False


class Fetch(NamedTuple):
    """A list of rows and everything that is done with it; *name* is the variable that holds it, *call* what loads."""

    call: n.Call
    name: str | None
    uses: tuple[Use, ...]

    def used_only(self, how: str) -> n.Expr | None:
        """The first use of that kind after the loading, where no other is made of the list; else None."""
        if any(use.how != how and not (how == "first" and (use.how == "guard" or use.guards)) for use in self.uses):
            return None
        found = sorted((use.node for use in self.uses if use.how == how), key=lambda node: node.pos)
        return next((node for node in found if node.pos >= self.call.pos or self.name is None), None)


# --- noting ----------------------------------------------------------------------------------------------------------


def note(ctx: Context, node: n.Call, func: Value, args: list[Value]) -> None:
    """A call of ``.all()``, ``.fetchall()`` or ``list(...)``: note what it loads."""
    if ctx.static:
        return
    if isinstance(node.func, n.Attribute) and node.func.attr in _METHODS:
        ctx.emit(Fetched(node.pos, _what(ctx, func.receiver if isinstance(func, Method) else func)))
    elif isinstance(node.func, n.Name) and node.func.id in _LISTS and len(args) == 1:
        builtin = func == Outside(f"builtins.{node.func.id}")
        ctx.emit(Fetched(node.pos, _what(ctx, args[0] if builtin else func)))


def _what(ctx: Context, source: Value) -> str:
    if isinstance(source, Dynamic):
        return "rows"
    if not isinstance(source, Query):
        return "unknown"
    session = ctx.sessions.get(source.origin.sid) if source.origin.sid is not None else None
    if session is not None and session.settings.flavour == "connection":
        return "unknown"
    return "part" if source.origin.partial or source.single else "rows"


# --- what becomes of it ----------------------------------------------------------------------------------------------


def fetches(facts: Facts) -> Iterator[Fetch]:
    """The lists of whole queries that the function loads, in source order, each with its uses."""
    found: dict[Pos, set[str]] = {}
    for event in facts.events:
        if isinstance(event, Fetched):
            found.setdefault(event.pos, set()).add(event.what)
    wanted = {pos for pos, what in found.items() if what == {"rows"}}
    if not wanted:
        return
    tree = _Tree(facts.function.node)
    calls = [node for node in tree.nodes if isinstance(node, n.Call) and node.pos in wanted]
    for call in sorted(calls, key=lambda node: node.pos):
        name = tree.bound_to(call)
        if name is None:
            yield Fetch(call, None, (tree.use(tree.whole(call)),))
        elif tree.is_own(name) and facts.function.qualname != "<module>":
            yield Fetch(call, name, tree.uses(name, wanted))


class _Tree:
    """A function's nodes, and the node around each."""

    def __init__(self, function: n.FunctionDef) -> None:
        self.nodes: list[object] = list(walk(function.body))
        self._parents: dict[int, Any] = {}
        self._names: dict[str, list[n.Name]] = {}
        # Names that other functions see, or that something else than an assignment binds.
        self._shared = {param.name for param in function.params}
        for node in self.nodes:
            self._enter(node)

    def _enter(self, node: Any) -> None:
        for part in parts(node):
            self._parents[id(part)] = node
        if isinstance(node, n.Name):
            self._names.setdefault(node.id, []).append(node)
        elif isinstance(node, (n.Scope, n.Case)):
            self._shared.update(node.names)
        elif isinstance(node, (n.FunctionDef, n.Lambda)):
            self._shared.update(param.name for param in node.params)
        if isinstance(node, (n.FunctionDef, n.ClassDef, n.Handler)) and node.name:
            self._shared.add(node.name)

    def is_own(self, name: str) -> bool:
        """Whether *name* is a plain variable of the function's own."""
        return name not in self._shared

    def whole(self, node: n.Expr) -> n.Expr:
        """*node* with the ``await``, and the ``list(...)`` of what is a list already, around it."""
        parent = self._parents.get(id(node))
        if isinstance(parent, n.Call) and (parent.args != (node,) or getattr(parent.func, "id", "") not in _LISTS):
            return node
        return self.whole(parent) if isinstance(parent, (n.Call, n.Await)) else node

    def bound_to(self, call: n.Call) -> str | None:
        """The plain name that the value of *call* is assigned to."""
        parent = self._parents.get(id(self.whole(call)))
        target: object = None
        if isinstance(parent, n.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
        elif isinstance(parent, (n.AnnAssign, n.Walrus)):
            target = parent.target
        return target.id if isinstance(target, n.Name) else None

    def use(self, node: n.Expr) -> Use:
        """What is done with the list that *node* is."""
        parent = self._parents.get(id(node))
        if isinstance(parent, n.Call) and isinstance(parent.func, n.Name) and parent.args == (node,):
            if parent.func.id in ("len", "bool"):
                any_rows = parent.func.id == "bool" or self._asks_any(parent)
                return Use("len" if parent.func.id == "len" else "guard", parent, any_rows)
        if isinstance(parent, n.Subscript) and parent.value is node and _is_zero(parent.key):
            return Use("other" if self._is_target(parent) else "first", parent)
        if isinstance(parent, n.Compare) and self._is_compared_with_nothing(parent, node):
            return Use("guard", node)
        return Use("guard" if self._is_truth(node) else "other", node)

    def uses(self, name: str, wanted: set[Pos]) -> tuple[Use, ...]:
        """The uses of a variable; a binding to something else is one."""
        found: list[Use] = []
        for node in self._names[name]:
            parent = self._parents.get(id(node))
            if isinstance(parent, n.Walrus) and parent.target is node:
                found.append(self.use(parent) if self._holds_rows(parent.value, wanted) else Use("other", node))
            elif not self._is_target(node):
                found.append(self.use(node))
            elif not (isinstance(parent, (n.Assign, n.AnnAssign)) and self._holds_rows(parent.value, wanted)):
                found.append(Use("other", node))
        return tuple(found)

    def _holds_rows(self, value: n.Expr | None, wanted: set[Pos]) -> bool:
        """Whether a variable that is bound to *value* holds rows or nothing."""
        while isinstance(value, n.Await):
            value = value.value
        if value is None or isinstance(value, n.Constant) and value.value is None:
            return True
        return value.pos in wanted or isinstance(value, n.Sequence) and not value.items

    def _is_target(self, node: n.Expr) -> bool:
        parent = self._parents.get(id(node))
        if isinstance(parent, (n.Sequence, n.Starred)):
            return self._is_target(parent)
        if isinstance(parent, n.Assign):
            return any(node is target for target in parent.targets)
        if isinstance(parent, (n.AnnAssign, n.AugAssign, n.For, n.Generator, n.WithItem)):
            return parent.target is node
        return isinstance(parent, n.Delete)

    def _asks_any(self, length: n.Call) -> bool:
        """Whether a length only says if there are rows: ``len(rows) > 0``, ``if len(rows)``."""
        parent = self._parents.get(id(length))
        if isinstance(parent, n.Compare) and parent.left is length and len(parent.ops) == 1:
            other = parent.comparators[0]
            return isinstance(other, n.Constant) and (parent.ops[0], other.value) in _ANY
        return self._is_truth(length)

    def _is_compared_with_nothing(self, compare: n.Compare, node: n.Expr) -> bool:
        other = compare.comparators[0]
        empty = isinstance(other, n.Sequence) and not other.items
        return compare.left is node and (empty or isinstance(other, n.Constant) and other.value is None)

    def _is_truth(self, node: n.Expr) -> bool:
        """Whether only the truth of *node* matters."""
        parent = self._parents.get(id(node))
        if isinstance(parent, n.UnaryOp):
            return parent.op == "not"
        if isinstance(parent, n.BoolOp):
            return parent.values[-1] is not node or self._is_truth(parent)
        if isinstance(parent, n.ExprStmt):
            return True
        return isinstance(parent, (n.If, n.While, n.IfExp, n.Assert)) and parent.test is node


def _is_zero(key: n.Expr) -> bool:
    return isinstance(key, n.Constant) and key.kind == "int" and key.value == 0
