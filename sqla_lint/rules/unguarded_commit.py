"""A commit on a session that lives on, with nobody to roll back.

What it does
    Reports the first ``commit()`` or ``flush()`` of a function that can fail and leave its session failed, where the
    session outlives the function and nobody cleans it up: one that the whole process shares, one that an instance made
    for itself and has no method to close, or a registry that nothing in the project removes or closes.

Why it is bad
    One failed commit is enough: the session raises ``PendingRollbackError`` on every later use, in every later
    request, until the process is restarted.

Bad
    Session = scoped_session(sessionmaker(bind=engine))

    def add_book(title):
        Session.add(Book(title=title))
        Session.commit()

Good
    Session = scoped_session(sessionmaker(bind=engine))

    def add_book(title):
        Session.add(Book(title=title))
        Session.commit()

    def handle(request):
        try:
            add_book(request.title)
        finally:
            Session.remove()

Fix
    Remove the registry where a request or task ends; a scope (``with Session() as session``) for a plain session, or
    ``rollback()`` in a handler around the commit.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Called, Exit, Recovered, Used
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODE = "SES202"
NAME = "unguarded-commit"
SEVERITY = "warning"

_CALLS = frozenset({"commit", "flush"})
_TOLD = {
    "module": "the whole process shares it and nobody rolls back",
    "registry": "nothing in the project calls remove() or close() on it",
    "instance": "its object keeps it and has no method that closes it",
}
_ADVICE = {
    "module": "open a session in a with block where it is used",
    "registry": "call {name}.remove() where a request or task ends",
    "instance": "give the class a method that closes {name}, or open a session in a with block",
}


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each session: its first commit or flush whose failure nobody cleans up after.

    A commit whose failure a handler swallows, or one in ``finally``, speaks for itself: another rule may have more to
    say of it.
    """
    if facts.function.qualname == "<module>":
        return
    first: dict[object, tuple[Called, object]] = {}
    for call, subject in _escaping(facts):
        known = first.get((call.sid, subject if subject != call.pos else None))
        if known is None or call.pos < known[0].pos:
            first[call.sid, subject if subject != call.pos else None] = (call, subject)
    cleaned: dict[Sid, bool] = {}
    for call, subject in first.values():
        if call.sid not in cleaned:
            cleaned[call.sid] = _is_cleaned_up(facts, world, call.sid)
        if not cleaned[call.sid]:
            yield _verdict(facts, call, subject)


def _escaping(facts: Facts) -> Iterator[tuple[Called, object]]:
    """The commits and flushes that may leave their session failed, each with what another rule would speak of."""
    failed: set[tuple[Sid, Pos]] = set()
    guarded: set[tuple[Sid, Pos]] = set()
    swallowed: dict[tuple[Sid, Pos], Pos] = {}
    for event in facts.events:
        if isinstance(event, (Exit, Used)) and event.state.failure is not None:
            failure = event.state.failure
            failed.add((event.sid, failure.pos))
            if failure.handler is not None and not (isinstance(event, Exit) and event.how == "raise"):
                swallowed[event.sid, failure.pos] = failure.handler
        elif isinstance(event, Recovered):
            guarded.add((event.sid, event.failed))
    for event in facts.events:
        if isinstance(event, Called) and event.name in _CALLS and (event.sid, event.pos) in failed - guarded:
            handler = swallowed.get((event.sid, event.pos))
            in_finally = event.in_finally and event.name == "commit"
            yield event, (event.sid, handler or event.pos) if handler or in_finally else event.pos


def _verdict(facts: Facts, call: Called, subject: object) -> Verdict:
    name, kind = facts.name_of(call.sid), _kind(call.sid)
    message = (
        f"{name}.{call.name}() may fail and leave {name} failed for every later use: {_TOLD[kind]}; "
        f"roll back in a handler around it, or {_ADVICE[kind].format(name=name)}"
    )
    return Verdict(call.pos, message, subject=subject if isinstance(subject, tuple) else (call.sid, call.pos))


def _kind(sid: Sid) -> str:
    return "instance" if sid.owner == "module" and len(sid.path) > 2 else sid.owner


def _is_cleaned_up(facts: Facts, world: World, sid: Sid) -> bool:
    """Whether somebody else answers for the session after a failure, as far as can be known."""
    if facts.flavour(sid) not in ("", "plain"):
        return True
    if sid.owner == "registry":
        return world.cleanup.is_removed(sid)
    if sid.owner == "instance" or _kind(sid) == "instance":
        holder = world.cleanup.holder(sid, facts.function)
        if holder is None or world.cleanup.may_be_given(holder, sid.path[-1]):
            return True
        return world.cleanup.has_closing_method(holder)
    return sid.owner != "module" or not world.cleanup.is_process_wide(sid)


__all__ = ["check"]
