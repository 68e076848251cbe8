"""The text of a block over what an object holds."""

from __future__ import annotations

from sqla_lint.codemods.held import HeldPlan
from sqla_lint.codemods.layout import Rewrite, indentation, text_at
from sqla_lint.codemods.scope_text import elsewhere, let_enter, take_out, unit_of
from sqla_lint.finding import Edit


def header(plan: HeldPlan) -> str:
    """The line that the block begins with."""
    word = "async with" if plan.entered.is_async else "with"
    return f"{word} {plan.entered.context(text_at(plan.module.source, plan.owner.pos))}:"


def edits(plan: HeldPlan) -> tuple[Edit, ...]:
    """What the plan replaces.

    Raises:
        Unmovable: the lines cannot be changed cleanly.
    """
    rewrite = Rewrite(plan.module.path, plan.module.source)
    first, last, function = plan.first, plan.last, plan.facts.function
    prefix = indentation(rewrite.before[first.stmt.pos[0] - 1])
    unit = unit_of(first, prefix, function, rewrite.before)
    take_out(rewrite, plan.places, plan.removed)
    rewrite.insert_before(first.stmt.pos[0], prefix + header(plan))
    rewrite.shift(first.stmt.pos[0], last.stmt.pos[2], prefix, prefix + unit)
    rewrite.tidy(function.node.pos[0], function.node.pos[2])
    let_enter(plan.entered, rewrite)
    return (*rewrite.edits(), *elsewhere(plan.entered, plan.world, rewrite.path))
