"""What comes into a session along a relationship: SQLAlchemy's ``save-update`` cascade.

Facts of SQLAlchemy: what is appended to a collection of an instance in a session is in it at once; what hangs on a new
instance comes in with that (``session.add(parent)``), along either side of the relationship. Setting the other side
alone (``Child(parent=parent)``) brought the child in before 2.0, and does not any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.state import Cursor, InstanceId, InstanceState
from sqla_lint.flow.terms.values import Literal
from sqla_lint.index.mapped import Relationship
from sqla_lint.lower import nodes as n

Before = dict[InstanceId, InstanceState]


def before(cur: Cursor, values: Iterable[Value]) -> Before:
    """What is known of the instances in *values*, before they are handed to what may do anything with them."""
    found = (instances.known(cur, entity) for value in values for entity in instances.entities(value))
    return {one[0]: one[1] for one in found if one is not None and one[1].sid is None}


def appended(ctx: Context, cur: Cursor, container: n.Expr, args: list[Value], known: Before) -> None:
    """``parent.children.append(child)``: the child is in the parent's session, or comes in with it."""
    if not known or not isinstance(container, n.Attribute) or not isinstance(container.value, n.Name):
        return
    owner = cur.env.get(container.value.id)
    if isinstance(owner, Entity):
        _link(ctx, cur, owner, container.attr, args, known)


def given(ctx: Context, cur: Cursor, owner: Entity, kwargs: dict[str, Value], known: Before) -> None:
    """``Parent(children=[child])``: what a constructor is given hangs on what it makes."""
    for name, value in kwargs.items():
        if isinstance(value, Literal) or _is_column(ctx, owner, name):
            continue
        if not any(instances.identity(entity) in known for entity in instances.entities(value)):
            instances.hooked(cur, owner)
        elif ctx.world.method(owner.cls, "__init__") is None:
            _link(ctx, cur, owner, name, [value], known)


def _is_column(ctx: Context, owner: Entity, name: str) -> bool:
    relation = ctx.world.mappings.relationship(owner.cls, name)
    return relation is None and ctx.world.columns.is_stored(owner.cls, name)


def _link(ctx: Context, cur: Cursor, owner: Entity, name: str, values: list[Value], known: Before) -> None:
    relation = ctx.world.mappings.relationship(owner.cls, name)
    found = instances.known(cur, owner)
    if relation is None or not relation.cascades or found is None:
        return
    key, state = found
    if state.shared or state.stored and state.sid is None:
        return  # in which session it is is not known
    for child in (one for value in values for one in instances.entities(value)):
        one = instances.identity(child)
        if one is None or one not in known or one == key:
            continue
        back = _inverse(ctx, child, relation)
        held = known[one].holds | ({key} if back is not None and back.cascades else frozenset())
        # What the other side has of it by now is not followed.
        cur.instances[one] = known[one]._replace(sid=state.sid, holds=held, touched=None)
        state = state._replace(holds=state.holds | {one})
    cur.instances[key] = state


def _inverse(ctx: Context, child: Entity, relation: Relationship) -> Relationship | None:
    name = relation.inverse
    return ctx.world.mappings.relationship(child.cls, name) if name is not None else None


__all__ = ["appended", "before", "given"]
