"""Rows that a function returns behind its commit: loaded again while their session is open, else they are expired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.holding import Holding, stores
from sqla_lint.codemods.places import Place, leaves
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.values import ClassValue
from sqla_lint.index.module import Function, bound_names, statements
from sqla_lint.lower import nodes as n


def refreshed(
    world: World, function: Function, nodes: tuple[n.Expr, ...], found: Sequence[Place]
) -> Iterator[tuple[Place, str]]:
    """The variables to load again, each with the commit behind which.

    Args:
        world: the project.
        function: the one that commits and returns.
        nodes: the mentions of the session in it.
        found: its statements.

    Raises:
        Refused: what is returned cannot be loaded again, or may be None.
    """
    holding = Holding(world, function)
    commits = [place for place in found if session_call(place.stmt, nodes, "commit") is not None]
    gone = {arg.id for p in found for arg in _arguments(p.stmt, nodes, "delete") if isinstance(arg, n.Name)}
    fresh = {
        (arg.id, p.stmt.pos) for p in found for arg in _arguments(p.stmt, nodes, "refresh") if isinstance(arg, n.Name)
    }
    for place in found if commits else ():
        if _keeps(world, function, holding, nodes, place):
            raise Refused(
                f"what {function.qualname} keeps (line {place.stmt.pos[0]}) is expired by its commit, and could not be "
                "loaded again once its session is closed"
            )
    seen: set[tuple[n.Pos, str]] = set()
    for place in found:
        value = place.stmt.value if isinstance(place.stmt, n.Return) else None
        if value is None or not holding.holds(value):
            continue
        for commit in (commit for commit in commits if _may_precede(commit, place)):
            name = value.id if isinstance(value, n.Name) else None
            if any(name == one and commit.stmt.pos < pos < place.stmt.pos for one, pos in fresh):
                continue
            if name is None or name in gone or not _is_there(holding, name, commit, found):
                raise Refused(
                    f"what {function.qualname} returns (line {place.stmt.pos[0]}) is expired by its commit, and could "
                    "not be loaded again once its session is closed"
                )
            if (commit.stmt.pos, name) not in seen:
                seen.add((commit.stmt.pos, name))
                yield commit, name


def _keeps(world: World, function: Function, holding: Holding, nodes: tuple[n.Expr, ...], place: Place) -> bool:
    """Whether a statement puts a row where it outlives the function."""
    params = {param.name for param in function.node.params}
    for target, values in stores(place):
        root = target
        while isinstance(root, (n.Attribute, n.Subscript)):
            root = root.value
        if not isinstance(root, n.Name) or any(target is node for node in nodes):
            continue
        if target is root and not isinstance(place.stmt, n.ExprStmt) and root.id not in function.globals:
            continue  # a variable, a parameter's name included, gets another value
        is_row = isinstance(holding.value(root), Entity)
        outlives = root.id in function.globals or root.id in params or root.id not in world.local_names(function)
        if outlives and not is_row and any(holding.holds(value) for value in values):
            return True
    return False


def session_call(stmt: n.Stmt, nodes: tuple[n.Expr, ...], method: str) -> n.Call | None:
    """The call that a statement makes, if it is nothing but *method* of the session."""
    if not isinstance(stmt, n.ExprStmt):
        return None
    call = stmt.value.value if isinstance(stmt.value, n.Await) else stmt.value
    if not (isinstance(call, n.Call) and isinstance(call.func, n.Attribute) and call.func.attr == method):
        return None
    owner = call.func.value
    return call if any(owner is node for node in nodes) else None


def _arguments(stmt: n.Stmt, nodes: tuple[n.Expr, ...], method: str) -> tuple[n.Expr, ...]:
    call = session_call(stmt, nodes, method)
    return call.args if call is not None else ()


def _may_precede(commit: Place, place: Place) -> bool:
    """Whether *commit* may have run when *place* does, loops aside: no exit lies between them for sure."""
    if commit.stmt.pos > place.stmt.pos:
        return False
    around = {id(p.block): p.number for p in place.chain}
    for inner in commit.chain:
        if id(inner.block) in around:
            return inner.number < around[id(inner.block)] or inner.field == "body"
        if any(leaves(stmt) for stmt in inner.block[inner.number + 1 :]):
            return False
    return True


def _is_there(holding: Holding, name: str, commit: Place, found: Sequence[Place]) -> bool:
    """Whether *name* surely is a row behind *commit*: it is made here, or None has left."""
    makes = [p for p in found if name in bound_names(p.stmt) and p.stmt.pos < commit.stmt.pos]
    if not makes:
        return False
    if all(_is_row(holding, p.stmt) for p in makes):
        return True
    return any(_guards(p.stmt, name, holding) for p in found if p.stmt.pos < commit.stmt.pos) or any(
        isinstance(p.stmt, n.If) and p.field == "body" and _asks(p.stmt.test, name, there=True) for p in commit.chain
    )


def _is_row(holding: Holding, stmt: n.Stmt) -> bool:
    value = getattr(stmt, "value", None)
    if not isinstance(value, n.Call):
        return False
    made = isinstance(holding.value(value.func), ClassValue)
    return made or (isinstance(value.func, n.Attribute) and value.func.attr in (*api.SURELY_ONE, "merge"))


def _guards(stmt: n.Stmt, name: str, holding: Holding) -> bool:
    """``if row is None: return``, or ``if row is None: row = Row()``."""
    if not isinstance(stmt, n.If) or not _asks(stmt.test, name, there=False):
        return False
    makes = (s for s in statements(stmt.body) if name in bound_names(s))
    return leaves(stmt.body[-1]) or any(_is_row(holding, s) for s in makes)


def _asks(test: n.Expr, name: str, *, there: bool) -> bool:
    if isinstance(test, n.UnaryOp) and test.op == "not":
        return not there and isinstance(test.operand, n.Name) and test.operand.id == name
    if isinstance(test, n.Compare) and len(test.ops) == 1 and isinstance(test.left, n.Name) and test.left.id == name:
        nothing = isinstance(test.comparators[0], n.Constant) and test.comparators[0].value is None
        return nothing and test.ops[0] in (("is not", "!=") if there else ("is", "=="))
    return there and isinstance(test, n.Name) and test.id == name
