"""A handler that swallows a database error rolls back first, or what may fail goes into a savepoint."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.codemods.apply import is_python
from sqla_lint.codemods.chain_layout import unit_of
from sqla_lint.codemods.layout import Rewrite, Unmovable, indentation, stands_alone
from sqla_lint.codemods.places import own_walk
from sqla_lint.codemods.site import Refused
from sqla_lint.codemods.swallowed import Swallowed, swallowed
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n
from sqla_lint.lower.heads import head_end
from sqla_lint.rules.verdict import Verdict

CODES = ("SES201",)
PATTERN = "rollback"


class Plan(NamedTuple):
    """*how* is ``rollback`` or ``savepoint``."""

    site: Swallowed
    how: str


def plan(verdict: Verdict, facts: Facts, module: ModuleIndex, world: World) -> tuple[Fix, Plan]:
    """A rollback where that drops nothing but what failed, else a savepoint, else a rollback that asks to be looked at.

    Raises:
        Refused: neither can be right.
    """
    subject = verdict.subject
    sid = subject[0] if isinstance(subject, tuple) and subject else None
    if not isinstance(sid, Sid):
        raise Refused("it is not about one session")
    site = swallowed(facts, world, module, sid, verdict.pos)
    if site.is_async and not facts.function.node.is_async:
        raise Refused("an asynchronous session is used in a function that is not")
    planned, fix = _chosen(site)
    _rewritten(planned)
    return fix, planned


def edits(planned: Plan) -> tuple[Edit, ...]:
    """What the plan replaces in the file.

    Raises:
        Refused: the lines cannot be changed cleanly.
    """
    made = _rewritten(planned)
    if not is_python(planned.site.lines, made):
        raise Refused("the handler's lines cannot be changed cleanly")
    return made


def _chosen(site: Swallowed) -> tuple[Plan, Fix]:
    doubt = site.doubt
    summary = f"call `{'await ' if site.is_async else ''}{site.session}.rollback()` first in the handler"
    if doubt is None and not site.in_block:
        return Plan(site, "rollback"), Fix("safe", "rollback", summary)
    against = _against_savepoint(site)
    if against is None:
        return Plan(site, "savepoint"), Fix("unsafe", "savepoint", f"put `{_header(site)}` around what may fail")
    if site.in_block:
        raise Refused(f"a rollback would lose the rows of the block all the same, and {against}")
    if site.handler is None:
        raise Refused(f"`suppress` has no handler to roll back in, and {against}")
    return Plan(site, "rollback"), Fix("unsafe", "rollback", f"{summary} (unsafe: {doubt})")


def _header(site: Swallowed) -> str:
    return f"{'async ' if site.is_async else ''}with {site.session}.begin_nested():"


def _against_savepoint(site: Swallowed) -> str | None:
    """Why a savepoint is no cure, or cannot be written; as the end of a sentence."""
    if site.ends_inside:
        return "the transaction ends where it may fail"
    if site.waits_unflushed:
        return "what fails was noted before the `try`"
    if any(isinstance(node, n.Yield) for place in site.inner for node, _ in own_walk(place)):
        return "the body yields"
    in_handler = (call for call in site.calls if call.name in ("commit", "rollback"))
    if site.in_block and site.handler is not None:
        body = site.handler.body
        if any(body[0].pos[:2] <= call.pos[:2] <= body[-1].pos[2:] for call in in_handler):
            return "its handler ends the block's transaction"
    return None


# --- the text of it --------------------------------------------------------------------------------------------------


def _rewritten(planned: Plan) -> tuple[Edit, ...]:
    site = planned.site
    rewrite = Rewrite(site.module.path, site.lines)
    try:
        if planned.how == "rollback":
            _roll_back(site, rewrite)
        elif site.handler is None and not site.is_async:
            _one_more_item(site, rewrite)
        else:
            _put_around(site, rewrite)
        return rewrite.edits()
    except (Unmovable, ValueError) as error:
        raise Refused(str(error)) from error


def _roll_back(site: Swallowed, rewrite: Rewrite) -> None:
    """The call first in the handler, in place of a lone ``pass``."""
    handler, lines = site.handler, site.lines
    assert handler is not None
    call = f"{'await ' if site.is_async else ''}{site.session}.rollback()"
    first = handler.body[0]
    if len(handler.body) == 1 and _is_nothing(first):
        rewrite.replace(first.pos, call)
        return
    line, column = head_end(lines, handler.pos)
    if first.pos[0] == line:
        inner = indentation(lines[handler.pos[0] - 1]) + unit_of(lines)
        rewrite.replace((line, column, *first.pos[:2]), f"{rewrite.line_end}{inner}{call}{rewrite.line_end}{inner}")
        return
    rewrite.insert_before(line + 1, indentation(lines[first.pos[0] - 1]) + call)


def _is_nothing(stmt: n.Stmt) -> bool:
    if isinstance(stmt, n.ExprStmt):
        return isinstance(stmt.value, n.Constant)
    return isinstance(stmt, n.Jump) and stmt.kind == "pass"


def _one_more_item(site: Swallowed, rewrite: Rewrite) -> None:
    """``with suppress(...), session.begin_nested():``."""
    stmt = site.place.stmt
    assert isinstance(stmt, n.With)
    last = stmt.items[-1].target or stmt.items[-1].context
    rewrite.replace((*last.pos[2:], *last.pos[2:]), f", {site.session}.begin_nested()")


def _put_around(site: Swallowed, rewrite: Rewrite) -> None:
    """The savepoint's block around the body."""
    stmt, lines = site.place.stmt, site.lines
    line, _ = head_end(lines, stmt.pos)
    first, last = site.risky[0], site.risky[-1]
    if first.pos[0] <= line or not all(stands_alone(lines, inner) for inner in (first, last)):
        raise Unmovable(f"line {first.pos[0]} holds more than one statement")
    margin = indentation(lines[first.pos[0] - 1])
    around, inner = indentation(lines[stmt.pos[0] - 1]), indentation(lines[site.body[0].pos[0] - 1])
    unit = inner[len(around) :] if inner.startswith(around) and inner != around else unit_of(lines)
    start = first.pos[0]
    while start - 1 > line and lines[start - 2].strip().startswith("#"):
        start -= 1
    rewrite.insert_before(start, margin + _header(site))
    rewrite.shift(start, last.pos[2], margin, margin + unit)
