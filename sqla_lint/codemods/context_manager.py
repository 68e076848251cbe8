"""A session that its function makes and closes by hand goes into a ``with`` block.

The block covers exactly the statements that need the session; every ``close()`` goes, and with it each ``try`` that had
nothing else to do. Where all that is caught is rolled back and raised again behind a last ``commit()``, the block
commits by itself. What an object holds and a method closes at each exit is entered there instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint.codemods import held_text, scope_text
from sqla_lint.codemods.anonymous import anonymous
from sqla_lint.codemods.entering import Entering
from sqla_lint.codemods.held import HeldPlan, held
from sqla_lint.codemods.layout import Unmovable
from sqla_lint.codemods.scope_forms import formed
from sqla_lint.codemods.scope_plan import Plan, named
from sqla_lint.codemods.site import Refused, site
from sqla_lint.codemods.verify import refresh, verified
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.rules.verdict import Verdict

CODES = ("SES301", "SES302")
PATTERN = "context-manager"


def plan(verdict: Verdict, facts: Facts, module: ModuleIndex, world: World) -> tuple[Fix, Plan | HeldPlan]:
    """How the session that *verdict* is about becomes a block.

    Raises:
        Refused: it cannot, or not surely; with the reason.
    """
    if not isinstance(verdict.subject, Sid):
        raise Refused("it is not about one session")
    if verdict.subject.owner == "instance":
        return _held(held(facts, world, module, verdict.subject))
    made = site(facts, world, module, verdict.subject)
    planned = formed(named(made, made.name)) if made.name is not None else anonymous(made)
    scope_text.check(planned)
    _rewritten(planned)
    closes = sum(1 for place in made.removable if place in planned.removed) if made.name is not None else 0
    gains = scope_text.entered(made) if made.maker.kind == "wrapper" else Entering()
    return _fix("open it in", scope_text.header(planned), closes, gains, planned.unsafe), planned


def _held(planned: HeldPlan) -> tuple[Fix, HeldPlan]:
    _rewritten(planned)
    return _fix("use it in", held_text.header(planned), len(planned.removed), planned.entered, planned.unsafe), planned


def _fix(verb: str, header: str, closes: int, gains: Entering, unsafe: Sequence[str]) -> Fix:
    dropped = f" and drop {closes} close call{'' if closes == 1 else 's'}" if closes else ""
    entered = f"; {gains.closer.cls.name} learns to be entered" if gains.closer and gains.closer.cls else ""
    why = f" (unsafe: {unsafe[0]})" if unsafe else ""
    summary = f"{verb} `{' '.join(header.split())}`{dropped}{entered}{why}"
    return Fix("unsafe" if unsafe else "safe", "context-manager", summary)


def edits(planned: Plan | HeldPlan) -> tuple[Edit, ...]:
    """What the plan replaces in the file.

    Raises:
        Refused: the lines cannot be changed cleanly.
    """
    made = _rewritten(planned)
    problem = _problem(planned, made)
    if problem is not None:
        raise Refused(problem)
    return made


def _rewritten(planned: Plan | HeldPlan) -> tuple[Edit, ...]:
    try:
        return scope_text.edits(planned) if isinstance(planned, Plan) else held_text.edits(planned)
    except Unmovable as error:
        raise Refused(str(error)) from error


def _problem(planned: Plan | HeldPlan, made: Sequence[Edit]) -> str | None:
    """Why the edits must not be made: their result is no Python, or says something else."""
    if isinstance(planned, HeldPlan):
        return verified(planned.module, planned.facts.function, made, planned.removed)
    site = planned.site
    made_by = (site.place,) if site.name is not None else ()
    rows = [refresh(planned.name, row, site.is_async) for _, row in planned.refreshed]
    anonymous_call = (site.call, planned.name) if site.name is None else None
    return verified(
        site.module, site.function, made, (*planned.removed, *made_by), planned.dropped, anonymous_call, rows
    )
