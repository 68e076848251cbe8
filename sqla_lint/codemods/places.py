"""Where statements stand in a function, and where a variable is mentioned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqla_lint.index.module import bound_names
from sqla_lint.lower import nodes as n

_BLOCKS = frozenset({"body", "orelse", "final", "handlers", "cases"})


class Place(NamedTuple):
    """A statement, number *number* of *block*; *field* says which block of *parent* that is.

    *clause* is the handler or case that the block belongs to.
    """

    stmt: n.Stmt
    block: tuple[n.Stmt, ...]
    number: int
    parent: Place | None
    field: str
    clause: n.Handler | n.Case | None = None

    @property
    def chain(self) -> Iterator[Place]:
        """This place and those around it, from the inside out."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent


class Mention(NamedTuple):
    """A use of a name in *place*'s own part; *above* are the nodes around it, from the statement inwards."""

    node: n.Expr
    above: tuple[object, ...]
    place: Place


def places(body: tuple[n.Stmt, ...], parent: Place | None = None, field: str = "body") -> Iterator[Place]:
    """Every statement of a block and of those in it, in source order; not those of nested functions and classes."""
    yield from _block(body, parent, field, None)


def _block(
    block: tuple[n.Stmt, ...], parent: Place | None, field: str, clause: n.Handler | n.Case | None
) -> Iterator[Place]:
    for number, stmt in enumerate(block):
        place = Place(stmt, block, number, parent, field, clause)
        yield place
        for inner, name, part in inner_blocks(stmt):
            yield from _block(inner, place, name, part)


def inner_blocks(stmt: n.Stmt) -> Iterator[tuple[tuple[n.Stmt, ...], str, n.Handler | n.Case | None]]:
    """The blocks of a statement that run in the same scope, each with its name and its clause."""
    if isinstance(stmt, (n.If, n.While, n.For)):
        yield stmt.body, "body", None
        yield stmt.orelse, "orelse", None
    elif isinstance(stmt, n.With):
        yield stmt.body, "body", None
    elif isinstance(stmt, n.Try):
        yield stmt.body, "body", None
        for handler in stmt.handlers:
            yield handler.body, "handlers", handler
        yield stmt.orelse, "orelse", None
        yield stmt.final, "final", None
    elif isinstance(stmt, n.Match):
        for case in stmt.cases:
            yield case.body, "cases", case


def own_parts(stmt: n.Stmt) -> Iterator[object]:
    """What a statement evaluates itself, its inner blocks aside (the types and guards of its clauses are its own)."""
    if isinstance(stmt, (n.FunctionDef, n.ClassDef)):
        yield stmt
        return
    assert isinstance(stmt, tuple)  # as every kind is
    for field, value in zip(stmt._fields, stmt, strict=False):
        if field == "handlers" and isinstance(stmt, n.Try):
            yield from (handler.type for handler in stmt.handlers if handler.type is not None)
        elif field == "cases" and isinstance(stmt, n.Match):
            yield from (case.guard for case in stmt.cases if case.guard is not None)
        elif field not in _BLOCKS and field != "pos":
            yield value


def walk_with_parents(node: object, above: tuple[object, ...] = ()) -> Iterator[tuple[object, tuple[object, ...]]]:
    """Every node in *node* with the nodes around it; plain tuples of nodes are not nodes."""
    stack: list[tuple[Any, tuple[object, ...]]] = [(node, above)] if isinstance(node, tuple) else []
    while stack:
        item, around = stack.pop()
        inner = around
        if type(item) is not tuple:
            yield item, around
            inner = (*around, item)
        stack += [(part, inner) for part in reversed(item) if isinstance(part, tuple) and part]


def own_walk(place: Place) -> Iterator[tuple[object, tuple[object, ...]]]:
    """Every node that *place*'s statement evaluates itself, with the nodes around it."""
    for part in own_parts(place.stmt):
        yield from walk_with_parents(part, (place.stmt,))


def mentions(all_places: tuple[Place, ...], name: str) -> list[Mention]:
    """Every mention of *name*, in nested functions and lambdas too, in source order."""
    found = [
        Mention(node, above, place)
        for place in all_places
        for node, above in own_walk(place)
        if isinstance(node, n.Name) and node.id == name
    ]
    return sorted(found, key=lambda mention: mention.node.pos)


def binds(place: Place, name: str) -> bool:
    """Whether the statement itself binds *name* (or deletes it, or declares it somebody else's)."""
    stmt = place.stmt
    if isinstance(stmt, (n.Import, n.ImportFrom)):
        return any((alias or dotted.split(".")[0]) == name for dotted, alias in stmt.names)
    if isinstance(stmt, (n.FunctionDef, n.ClassDef)):
        return stmt.name == name
    if isinstance(stmt, n.Scope):
        return name in stmt.names
    if isinstance(stmt, n.Delete):
        return any(isinstance(target, n.Name) and target.id == name for target in stmt.targets)
    if isinstance(stmt, n.Try) and any(handler.name == name for handler in stmt.handlers):
        return True
    if isinstance(stmt, n.Match) and any(name in case.names for case in stmt.cases):
        return True
    walruses = (node for node, _ in own_walk(place) if isinstance(node, n.Walrus))
    return name in bound_names(stmt) or any(walrus.target.id == name for walrus in walruses)


def method_call(stmt: n.Stmt, name: str) -> str | None:
    """``commit`` for the statement ``name.commit()`` or ``await name.commit()``; None for any other."""
    if not isinstance(stmt, n.ExprStmt):
        return None
    call = stmt.value.value if isinstance(stmt.value, n.Await) else stmt.value
    if not (isinstance(call, n.Call) and isinstance(call.func, n.Attribute) and not call.args and not call.keywords):
        return None
    owner = call.func.value
    return call.func.attr if isinstance(owner, n.Name) and owner.id == name else None


def is_guard(test: n.Expr, name: str) -> bool:
    """Whether *test* asks only if *name* is there: ``name``, ``name is not None``."""
    if isinstance(test, n.Compare):
        right = test.comparators[0]
        nothing = len(test.comparators) == 1 and isinstance(right, n.Constant) and right.value is None
        if not nothing or test.ops[0] not in ("is not", "!="):
            return False
        test = test.left
    return isinstance(test, n.Name) and test.id == name


def leaves(stmt: n.Stmt) -> bool:
    """Whether nothing after *stmt* in its block runs, as far as the statement itself shows."""
    if isinstance(stmt, (n.Return, n.Raise)):
        return True
    return isinstance(stmt, n.Jump) and stmt.kind != "pass"


def is_in(place: Place, among: Sequence[Place]) -> bool:
    """Whether *place* is one of *among*, or in one of them."""
    ids = {id(one.stmt) for one in among}
    return any(id(around.stmt) in ids for around in place.chain)


def uses(stmt: n.Stmt, name: str, ignored: set[int]) -> bool:
    """Whether *stmt* mentions *name*, the statements with these ids aside."""
    stack: list[object] = [stmt]
    while stack:
        item = stack.pop()
        if isinstance(item, n.Name) and item.id == name:
            return True
        if isinstance(item, tuple) and id(item) not in ignored:
            stack.extend(item)
    return False
