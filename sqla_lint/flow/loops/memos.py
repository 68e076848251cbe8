"""Whether what a query gave is kept, and looked for before the next one runs."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.loops.derived import Derivation
from sqla_lint.flow.terms.context import dotted
from sqla_lint.index.module import bound_names, names_in, statements, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def is_remembered(derivation: Derivation, pos: Pos, body: tuple[n.Stmt, ...]) -> bool:
    """Whether a query's result is kept in a dictionary or cache that is looked into before it runs, or runs only where
    that has nothing yet and gets something.
    """
    if not derivation.fills:
        return False
    inside = list(statements(body))
    if any(isinstance(stmt, n.If) and _is_filled_in(stmt, body, pos) for stmt in inside):
        return True
    own = min(
        (s for s in inside if s.pos[:2] <= pos[:2] and pos[2:] <= s.pos[2:]),
        key=lambda s: (-s.pos[0], -s.pos[1], s.pos[2:]),
        default=None,
    )
    if own is None:
        return False
    bindings = derivation.bindings
    kept = {name for b in bindings if own.pos[:2] <= b.pos[:2] <= own.pos[2:] for name in b.names}
    kept |= {name for b in bindings if b.mentions & kept and b.pos[:2] >= own.pos[:2] for name in b.names}
    return any(
        (stmt is own or names_in(value) & kept) and _is_looked_into(memo, body, pos)
        for stmt in inside
        for memo, value in _filled(stmt)
    )


def _is_filled_in(stmt: n.If, body: tuple[n.Stmt, ...], pos: Pos) -> bool:
    """Whether the query at *pos* runs in a block that is for what a dictionary has not: ``if vet_id is None`` after
    ``vet_id = known.get(name)``, up to ``known[name] = vet_id``.
    """
    if not any(_holds(inner, pos) for inner in stmt.body):
        return False
    memos = {memo for inner in statements(stmt.body) for memo, _ in _filled(inner)}
    name = _missing(stmt.test)
    looked = {
        dotted(s.value.func.value)
        for s in statements(body)
        if isinstance(s, n.Assign) and name is not None and name in set(bound_names(s))
        if isinstance(s.value, n.Call) and isinstance(s.value.func, n.Attribute) and s.value.func.attr == "get"
    }
    if isinstance(stmt.test, n.Compare) and stmt.test.ops == ("not in",):
        looked.add(dotted(stmt.test.comparators[0]))
    return bool(memos & looked)


def is_ticked_off(derivation: Derivation, pos: Pos) -> bool:
    """Whether a query runs for what is not yet in a set that the function is handed, or that its object has:
    ``if key not in known: find(key); known.add(key)``.
    """
    tests = (node for node in derivation.nodes if derivation.added_to and isinstance(node, n.Compare))
    return any(_is_member_test(test, pos) and dotted(test.comparators[0]) in derivation.added_to for test in tests)


def _is_looked_into(memo: str, body: tuple[n.Stmt, ...], pos: Pos) -> bool:
    for node in walk(body):
        if isinstance(node, n.Compare) and _is_member_test(node, pos) and dotted(node.comparators[0]) == memo:
            return True
        if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and node.func.attr == "get":
            if dotted(node.func.value) == memo and node.pos[:2] <= pos[:2]:
                return True
        if isinstance(node, n.Try) and any("KeyError" in names_in(h.type) for h in node.handlers if h.type):
            if any(isinstance(s, n.Subscript) and dotted(s.value) == memo for s in walk(node.body)):
                return True
    return False


def _is_member_test(test: n.Compare, pos: Pos) -> bool:
    """``key in known``, before *pos*."""
    return test.ops in (("in",), ("not in",)) and test.pos[:2] <= pos[:2]


def _filled(stmt: n.Stmt) -> Iterator[tuple[str, n.Expr]]:
    """The dictionaries and caches that a statement puts something into, under a key that is not written down; and what
    it puts there.
    """
    if isinstance(stmt, n.Assign):
        for target in stmt.targets:
            if isinstance(target, n.Subscript) and not isinstance(target.key, n.Constant):
                memo = dotted(target.value)
                if memo is not None:
                    yield memo, stmt.value
    call = stmt.value if isinstance(stmt, n.ExprStmt) else None
    if isinstance(call, n.Call) and isinstance(call.func, n.Attribute) and call.func.attr == "set":
        memo = dotted(call.func.value)
        if memo is not None and len(call.args) > 1 and not isinstance(call.args[0], n.Constant):
            yield memo, call.args[1]


def runs_once(body: tuple[n.Stmt, ...], pos: Pos, variables: frozenset[str]) -> bool:
    """Whether a round of a loop over *variables* asks for what no round before it has found:
    ``if vet is None: vet = find(pet)``.
    """
    inside = list(statements(body))
    for stmt in inside:
        name = _missing(stmt.test) if isinstance(stmt, n.If) else None
        if isinstance(stmt, n.If) and name is not None and name not in variables:
            binds = [s for s in inside if name in bound_names(s)]
            if len(binds) == 1 and binds[0] in stmt.body and _holds(binds[0], pos):
                return True
    return False


def _missing(test: n.Expr) -> str | None:
    """The name that is None where *test* holds."""
    if isinstance(test, n.UnaryOp) and test.op == "not":
        return test.operand.id if isinstance(test.operand, n.Name) else None
    if isinstance(test, n.Compare) and test.ops == ("is",) and isinstance(test.left, n.Name):
        right = test.comparators[0]
        return test.left.id if isinstance(right, n.Constant) and right.value is None else None
    return None


def _holds(stmt: n.Stmt, pos: Pos) -> bool:
    return stmt.pos[:2] <= pos[:2] and pos[2:] <= stmt.pos[2:]
