"""Which names hold what came from a loop's variable or from a parameter, and what a query is made of.

Told by the function's assignments, in whatever order they run: a name that is assigned from one that came from the loop
came from the loop as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.loops.asked import is_over_classes, is_session, owner_named, says_class
from sqla_lint.flow.loops.taken import arguments, keys_of, looked_up
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.context import dotted, first_name
from sqla_lint.flow.terms.events import Queried
from sqla_lint.flow.terms.summary import Taken
from sqla_lint.index.module import Function, names_in, parts, target_names, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_IN = frozenset({"in_", "not_in", "notin_"})
_PAGES = frozenset({"limit", "offset", "slice", "paginate"})
_WRAPS = frozenset({"list", "set", "tuple", "sorted", "frozenset"})
_ON_SESSION = api.EXECUTES | {"query", "get", "get_one", "refresh"}


_PLACES = frozenset({n.Call, n.Attribute, n.Name, n.Subscript, n.Compare})
_BINDS = frozenset({n.Assign, n.AnnAssign, n.AugAssign, n.Walrus, n.For, n.Generator, n.With})


# Owners of sessions that objects have: told by the name that the function has for them.
_PASSED_ON = frozenset({"held", "kept"})
# What a session is asked by, besides a statement.
_ASKS = frozenset({"query", "get", "get_one"})


class Binding(NamedTuple):
    """``names = value``, by whatever statement or expression."""

    names: frozenset[str]
    value: n.Expr
    pos: Pos
    mentions: frozenset[str]


class Names(NamedTuple):
    """*variables* are the names that the loop or the call binds, *every* those and all that is made of them."""

    variables: frozenset[str]
    every: frozenset[str]
    within: tuple[Binding, ...]


class Derivation:
    """One function's assignments, and the expressions at its positions."""

    def __init__(self, function: n.FunctionDef) -> None:
        self.function = function
        self.nodes: tuple[Any, ...] = tuple(walk(function.body))
        self.bindings = tuple(found for node in self.nodes if type(node) in _BINDS for found in _bindings(node))
        self._parameters: dict[str, Names] = {}
        self._awaited = {node.value.pos for node in self.nodes if type(node) is n.Await}
        self._at = {node.pos: node for node in self.nodes if type(node) in _PLACES}
        targets = (target for node in self.nodes if type(node) is n.Assign for target in node.targets)
        calls = (node.func for node in self.nodes if type(node) is n.Call)
        self.fills = any(type(target) is n.Subscript for target in targets) or any(
            type(func) is n.Attribute and func.attr == "set" for func in calls
        )

    @classmethod
    def of(cls, function: Function) -> Derivation:
        return cls(function.node)

    def at(self, pos: Pos) -> n.Expr | None:
        """The expression at a position."""
        return self._at.get(pos)

    def is_awaited(self, pos: Pos) -> bool:
        """Whether ``await`` stands right before the expression at a position."""
        return pos in self._awaited

    def names(self, variables: Iterable[str], within: Pos | None = None) -> Names:
        """What is made of *variables*, by assignments in *within* (the whole function if None)."""
        inside = tuple(b for b in self.bindings if within is None or within[:2] <= b.pos[:2] <= within[2:])
        return Names(frozenset(variables), frozenset(_closure(variables, inside)), inside)

    def parameters(self, event: Queried) -> tuple[Taken, ...]:
        """The parameters that a query is made of."""
        node = self.at(event.pos)
        if node is None:
            return ()
        mentioned = names_in(node)
        found: list[Taken] = []
        for param in self.function.params:
            names = self._of_parameter(param.name)
            if not names.every & mentioned or param.name in self._classes:
                continue
            whole = self.asks_for(event, names)
            if whole or self.asks_for(event, names, batches=True):
                values = [b.value for b in names.within if b.names & names.every]
                keys = keys_of(param.name, (node, *values)) if param.name in self._looked_in else None
                found.append(Taken(0, param.name, not whole, param.kind, keys))
        return tuple(found)

    def _of_parameter(self, name: str) -> Names:
        if name not in self._parameters:
            self._parameters[name] = self.names((name,))
        return self._parameters[name]

    @cached_property
    def _classes(self) -> frozenset[str]:
        """The parameters that are the class that the function asks for, or have it: ``session.query(kind.model)``."""
        calls = [node for node in self.nodes if type(node) is n.Call]
        names = (param.name for param in self.function.params)
        return frozenset(name for name in names if any(says_class(call, frozenset({name})) for call in calls))

    @cached_property
    def added_to(self) -> frozenset[str]:
        """What is handed to the function, or what its object has, and gets something by ``add`` or ``append``."""
        given = {param.name for param in self.function.params}
        adds = (node for node in self.nodes if type(node) is n.Attribute and node.attr in ("add", "append"))
        names = (dotted(node.value) for node in adds)
        return frozenset(name for name in names if name is not None and name.partition(".")[0] in given)

    @cached_property
    def _looked_in(self) -> frozenset[str]:
        """The names of what keys are looked up in."""
        owners = (looked_up(node)[1] for node in self.nodes)
        return frozenset(owner.id for owner in owners if isinstance(owner, n.Name))

    def made_of_session(self, expr: n.Expr, names: Names, sid: Sid | None) -> bool:
        """Whether an expression is about a session that *names* are made for: one of them itself, bound where they are,
        as a session is called, or held by an object that is made there.
        """
        if sid is not None and sid.owner == "instance" and first_name(expr) in _made(names):
            return True
        if sid is not None and _session_asked(expr) in names.variables:
            return True
        bound = {
            name
            for name in _made(names) | names.variables
            if name.lower().endswith("session") or name in ("db", "sess")
        }
        return bool(bound) and bool(names_in(expr) & _closure(bound, names.within))

    def has_opened(self, event: Queried, within: Pos | None = None) -> bool:
        """Whether a query's session is not known, but is what a ``with`` opened (*within*, or anywhere in the
        function), or belongs to what was made of that.
        """
        if event.sid is not None and (event.sid.owner not in _PASSED_ON or self._is_given(event.sid.path[0])):
            return False
        node = self.at(event.pos)
        stmts = (
            s for s in self.nodes if type(s) is n.With and (within is None or within[:2] <= s.pos[:2] <= within[2:])
        )
        items = (item for stmt in stmts for item in stmt.items)
        calls = (item.target for item in items if item.target is not None and isinstance(item.context, n.Call))
        opened = {name for target in calls for name in target_names(target)}
        return node is not None and bool(opened) and not names_in(node).isdisjoint(_closure(opened, self.bindings))

    def _is_given(self, name: str) -> bool:
        return any(param.name == name for param in self.function.params)

    # --- what a query is made of

    def asks_for(self, event: Queried, names: Names, batches: bool = False) -> bool:
        """Whether the query is made of *names*; with *batches*, also if it only asks for rows that are among them."""
        node = self.at(event.pos)
        if node is None:
            return False
        if event.takes is None:
            return self._mentions(node, names, event.sid, batches) and not is_over_classes(node, names.every)
        given = [(taken, value) for taken in event.takes for value in arguments(node, taken)]
        return any(
            self._mentions(value, names, None, batches)
            and (batches or not (taken.batch and self._is_batch(value, names)))
            for taken, value in given
        )

    def _mentions(self, node: Any, names: Names, sid: Sid | None, batches: bool) -> bool:
        """Whether an expression mentions one of *names* other than as a batch."""
        if isinstance(node, n.Name):
            return node.id in names.every and self._is_made_of_item(node.id, names, sid, batches)
        if (owner := owner_named(node)) is not None:
            return self._mentions(owner, names, sid, batches)
        if isinstance(node, n.Call) and isinstance(node.func, n.Attribute):
            looked = self._asked_with(node, node.func, names, sid, batches)
            return any(self._mentions(part, names, sid, batches) for part in looked)
        if isinstance(node, n.Comprehension):
            # Its own variables are others than the loop's, by whatever name.
            if self._mentions(node.generators[0].iter, names, sid, batches):
                return True
            own = {name for generator in node.generators for name in target_names(generator.target)}
            names = names._replace(every=names.every - own)
        return any(self._mentions(part, names, sid, batches) for part in parts(node))

    def _asked_with(
        self, node: n.Call, func: n.Attribute, names: Names, sid: Sid | None, batches: bool
    ) -> tuple[n.Expr, ...]:
        """The parts of a method's call that say what is asked for: not which page, nor which rows of a batch."""
        args = (*node.args, *(k.value for k in node.keywords))
        if func.attr == "paginate" and is_session(func.value, sid):
            return args[:1]  # ``db.paginate(select, page=2)``
        pages = func.attr in _PAGES or (func.attr in _IN and all(self._is_batch(arg, names) for arg in node.args))
        looked = () if pages and not batches else args
        on_session = func.attr in _ON_SESSION and is_session(func.value, sid)
        return looked if on_session else (*looked, func.value)

    def _is_made_of_item(self, name: str, names: Names, sid: Sid | None, batches: bool) -> bool:
        """Whether a name that comes from the loop comes from one item: a query in a variable may ask for a batch."""
        made = [b for b in names.within if name in b.names]
        if name in names.variables or not made:
            return True
        if any(is_over_classes(b.value, names.every) for b in made):
            return False
        # Of a name that is made of itself, the other names say it.
        rest = names._replace(every=names.every - {name})
        values = [b.value for b in made if not b.mentions.isdisjoint(rest.every)]
        return any(self._mentions(v, rest, sid, batches) for v in values)

    def _is_batch(self, arg: n.Expr, names: Names, hops: int = 4) -> bool:
        """Whether a value is many rows' keys at once: the loop's own variable, a part of a list, made of these."""
        if not hops:
            return False
        if isinstance(arg, n.Name):
            if arg.id in names.variables:
                return True
            bound = [b for b in names.within if arg.id in b.names]
            return bool(bound) and all(self._is_batch(b.value, names, hops - 1) for b in bound)
        if isinstance(arg, n.Subscript):
            return isinstance(arg.key, n.Slice)
        if isinstance(arg, n.Comprehension):
            return self._is_batch(arg.generators[0].iter, names, hops - 1)
        if isinstance(arg, n.Call):
            if isinstance(arg.func, n.Attribute) and arg.func.attr in ("keys", "values") and not arg.args:
                return self._is_batch(arg.func.value, names, hops - 1)
            wraps = isinstance(arg.func, n.Name) and arg.func.id in _WRAPS
            return wraps and len(arg.args) == 1 and self._is_batch(arg.args[0], names, hops - 1)
        return False


def _session_asked(expr: n.Expr) -> str | None:
    """The name of the session that a chain begins with: ``db`` of ``db.query(Pet).all()``."""
    while isinstance(expr, (n.Attribute, n.Call, n.Subscript, n.Await)):
        if isinstance(expr, n.Attribute) and isinstance(expr.value, n.Name):
            return expr.value.id if expr.attr in api.EXECUTES | _ASKS else None
        expr = expr.func if isinstance(expr, n.Call) else expr.value
    return None


def _made(names: Names) -> set[str]:
    """The names that are bound to what a call gives."""
    return {name for b in names.within for name in b.names if isinstance(b.value, n.Call)}


def _closure(variables: Iterable[str], inside: tuple[Binding, ...]) -> set[str]:
    """*variables*, and all that is made of them."""
    every = set(variables)
    grown = True
    while grown:
        before = len(every)
        for binding in inside:
            if not binding.names <= every and binding.mentions & every:
                every |= binding.names
        grown = len(every) > before
    return every


def _bindings(node: Any) -> list[Binding]:
    pairs: list[tuple[n.Expr, n.Expr | None]] = []
    if isinstance(node, n.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, (n.AnnAssign, n.AugAssign, n.Walrus)):
        pairs = [(node.target, node.value)]
    elif isinstance(node, (n.For, n.Generator)):
        pairs = [(node.target, node.iter)]
    elif isinstance(node, n.With):
        pairs = [(item.target, item.context) for item in node.items if item.target is not None]
    return [
        Binding(frozenset(target_names(target)), value, value.pos, names_in(value))
        for target, value in pairs
        if value is not None
    ]
