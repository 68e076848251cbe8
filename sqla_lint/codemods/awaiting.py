"""A coroutine that is dropped is awaited."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.codemods import fetched
from sqla_lint.codemods.apply import is_python
from sqla_lint.codemods.site import Refused
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODES = ("SES210",)
PATTERN = "await"


class Plan(NamedTuple):
    """*pos* is where the call begins."""

    module: ModuleIndex
    pos: Pos


def plan(verdict: Verdict, facts: Facts, module: ModuleIndex, world: World) -> tuple[Fix, Plan]:
    """Await the call. Unsafe: what never happened happens from then on.

    Raises:
        Refused: nothing can be awaited there.
    """
    if not facts.function.node.is_async:
        raise Refused(f"{facts.function.node.name} is no coroutine: nothing can be awaited in it")
    made = Plan(module, (*verdict.pos[:2], *verdict.pos[:2]))
    edits(made)
    return Fix("unsafe", "await", "await the call"), made


def edits(planned: Plan) -> tuple[Edit, ...]:
    """What the plan adds to the file.

    Raises:
        Refused: the line cannot be changed cleanly.
    """
    made = (fetched.edit(planned.module, planned.pos, "await "),)
    if not is_python(planned.module.source, made):
        raise Refused("the line cannot be changed cleanly")
    return made
