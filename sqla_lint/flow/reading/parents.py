"""Whether the session holds the parents of rows already: a many-to-one to them sends nothing.

A query of all rows of a class holds the parents of each as well; one that filters holds them only for later queries.
One row is the parent of all where the query chose its rows by it, or not at all. Where a class has several keys to one
other, what one of them leads to says nothing of the others.
"""

from __future__ import annotations

from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Origin
from sqla_lint.flow.terms.state import Cursor, Held
from sqla_lint.index.mapped import Relationship

# How the parents came into the session: read of rows of which the query had loaded them by another relationship.
SIBLING = "sibling"


def are_held(ctx: Context, cur: Cursor, owner: Entity, relation: Relationship, origin: Origin) -> bool:
    """Whether rows that *relation* may lead to are in the session's identity map."""
    target, lineage = relation.target, ctx.world.mappings.lineage
    if target is not None and owner.parent is not None and target in (owner.parent.cls, *lineage(owner.parent.cls)):
        # Whoever has a row of a collection has come from the row that the collection is of.
        if not _was_drawn_by_other_key(ctx, owner, relation):
            return True
    return target is not None and any(
        target is held[0] or target in lineage(held[0])
        for held in cur.held
        if _may_be_parents(ctx, held, owner, relation, origin)
    )


def _may_be_parents(ctx: Context, held: Held, owner: Entity, relation: Relationship, origin: Origin) -> bool:
    """Whether what is *held* may be the parents of all rows of *origin*."""
    cls, pos, which = held
    if which == "theirs":
        return False
    if pos != origin.pos:
        return which != "one" or origin.filtered and not _is_chosen_by_other_key(ctx, owner, relation, origin)
    if which == SIBLING:
        return bool(owner.steps) or not _other_keys(ctx, owner, relation)
    if which in ("beside", "loaded"):
        return which == "beside"
    return not origin.filtered or cls is not owner.cls and not _was_drawn_by_other_key(ctx, owner, relation)


def _other_keys(ctx: Context, owner: Entity, relation: Relationship) -> frozenset[str]:
    """The keys to the same class that *relation* is not joined on."""
    mappings = ctx.world.mappings
    return mappings.keys.to(owner.cls, relation.target) - mappings.foreign_keys(owner.cls, relation)


def _is_chosen_by_other_key(ctx: Context, owner: Entity, relation: Relationship, origin: Origin) -> bool:
    """``filter(Loan.lender_id == person.id)``: that person is everybody's lender, and nobody's borrower."""
    others = _other_keys(ctx, owner, relation)
    return bool(others) and any(
        cls in ctx.world.mappings.lineage(owner.cls) and name in others for cls, name in origin.pinned
    )


def _was_drawn_by_other_key(ctx: Context, owner: Entity, relation: Relationship) -> bool:
    """Whether the rows are those of a collection whose parents have another key."""
    others, parent = _other_keys(ctx, owner, relation), owner.parent
    if not others or parent is None or not owner.steps:
        return False
    drawn = ctx.world.mappings.relationship(parent.cls, owner.steps[-1])
    back = ctx.world.mappings.relationship(owner.cls, owner.via) if owner.via is not None else None
    return any(way is not None and bool(way.joined_on & others) for way in (drawn, back))
