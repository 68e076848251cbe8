"""Whose concern a database error is: of nobody while it is on its way, of the handler that has it, of one further out
once that handler is left by an exception.
"""

from __future__ import annotations

from sqla_lint.flow.terms.graph import Node
from sqla_lint.flow.terms.state import Cursor, Failure, Raised
from sqla_lint.lower.nodes import Pos


def begin_try(cur: Cursor, tried: Pos) -> None:
    """What a session had written before a ``try`` is what a swallowed error inside it throws away."""
    for sid, state in cur.sessions.items():
        wrote = state.wrote is not None
        if wrote is not (tried in state.tried_after):
            changed = state.tried_after | {tried} if wrote else state.tried_after - {tried}
            cur.sessions[sid] = state._replace(tried_after=changed)


def arrive(cur: Cursor, node: Node) -> Raised:
    """An exception comes to *node*: the handlers that it left on its way have swallowed nothing.

    Returns:
        The exception, which knows these handlers from now on.
    """
    raised = cur.exc or Raised("other")
    passed, cur.caught = cur.caught[node.handling :], cur.caught[: node.handling]
    return left_behind(cur, raised, passed)


def left_behind(cur: Cursor, raised: Raised, handled: tuple[Raised, ...]) -> Raised:
    """*raised* takes with it what the handlers of *handled* had caught."""
    left = {handler for one in handled for handler in (*one.left, one.handler) if handler is not None}
    if not left:
        return raised
    for sid, state in cur.sessions.items():
        if state.failure is not None and state.failure.handler in left:
            handed = state.failure.handed or _is_told(raised)
            cur.sessions[sid] = state._replace(failure=state.failure._replace(leaving=True, handed=handed))
    return raised._replace(left=raised.left | left)


def swallowed(cur: Cursor, raised: Raised, handler: Pos, tried: Pos) -> None:
    """A handler has an exception: the failures that this tells of are its concern now."""
    for sid, state in cur.sessions.items():
        failure = state.failure
        if failure is None:
            continue
        if failure.leaving and failure.handler in raised.left and not _is_told(raised):
            # Of an error that came up on the way, nobody can tell from it what had failed before: that is the concern
            # of the handler in which it came up, if that had not raised already.
            kept = None if failure.handed else failure.handler
            cur.sessions[sid] = state._replace(failure=failure._replace(handler=kept, leaving=False, handed=False))
        elif failure.handler in raised.left if failure.leaving else _is_on_its_way(failure, raised):
            after = tried in state.tried_after
            taken = failure._replace(handler=handler, tried=tried, after_writes=after, leaving=False, handed=False)
            cur.sessions[sid] = state._replace(failure=taken)


def _is_told(raised: Raised) -> bool:
    """Whether an exception is the database's, or one that the code raises in its place."""
    return raised.label == "database" or raised.type is not None


def _is_on_its_way(failure: Failure, raised: Raised) -> bool:
    return failure.handler is None and raised.label == "database"


def forgotten(cur: Cursor, handled: tuple[Raised, ...]) -> None:
    """An exception of which nothing is known takes the place of those *handled*: who has it then is not known."""
    handlers = {one.handler for one in handled if one.handler is not None}
    for sid, state in cur.sessions.items():
        if state.failure is not None and state.failure.handler in handlers:
            failure = state.failure._replace(handler=None, tried=None, leaving=False, handed=False)
            cur.sessions[sid] = state._replace(failure=failure)
