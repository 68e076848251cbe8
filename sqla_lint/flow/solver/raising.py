"""Steps of exceptions: raised, passing through a finally, met by handlers."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.lifetimes import ownership
from sqla_lint.flow.solver import errors, handling
from sqla_lint.flow.solver.stepping import Step, on
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.graph import Node
from sqla_lint.flow.terms.state import Cursor, Raised, State
from sqla_lint.flow.terms.values import Literal
from sqla_lint.lower import nodes as n

# What a handler caught: an object, which is never None.
CAUGHT = Literal(True, "exception")


def raises(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    stmt = node.payload
    assert isinstance(stmt, n.Raise)
    handled = cur.caught[: node.handling]
    if stmt.exc is None:
        cur.exc = handled[-1]._replace(handler=None) if handled else Raised("other")
        return [Step(node.exc, cur.state(), stmt.pos)]
    evaluate.expr(ctx, cur, stmt.exc)
    kind = _raised_type(ctx, cur, stmt.exc)
    if kind is None:
        handling.forgotten(cur, handled)
    cur.exc = Raised("other", kind)
    return [Step(node.exc, cur.state(), stmt.pos)]


def _raised_type(ctx: Context, cur: Cursor, exc: n.Expr) -> object:
    """The class that a ``raise`` names, as handlers see it:
    only that a class of the project or of Python is raised matters.
    """
    func = exc.func if isinstance(exc, n.Call) else exc
    types = errors.handler_types(ctx, cur, func)
    return types[0] if types and types[0] in ("other", "project") else None


def passing(_ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    """A ``finally`` that an exception passes through: whatever is raised and caught in it, it goes on after."""
    raised = handling.arrive(cur, node)
    # Where this is inside a handler, that has not swallowed anything while an exception is on its way through it.
    raised = handling.left_behind(cur, raised, cur.caught)
    cur.exc, cur.caught = raised, (*cur.caught, raised)
    return on(node, cur)


def reraise(_ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    if len(cur.caught) > node.handling:
        cur.exc = cur.caught[node.handling]
    cur.caught = cur.caught[: node.handling]
    return [Step(node.exc, cur.state(), None)]


def begins(_ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    handling.begin_try(cur, node.pos)
    return on(node, cur)


def catch(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    """An exception meets the handlers of its ``try``, in order."""
    stmt = node.payload
    assert isinstance(stmt, n.Try)
    raised = handling.arrive(cur, node)
    cur.exc = raised
    steps: list[Step] = []
    for handler, target in zip(stmt.handlers, node.next):
        types = errors.handler_types(ctx, cur, handler.type)
        caught = errors.catches(raised, types)
        if caught is not False:
            steps.append(Step(target, _caught(cur, node, types)))
        if caught is True:
            return steps
        raised = raised._replace(missed=raised.missed | (set(types) - {"?"}))
        cur.exc = raised
    return [*steps, Step(node.exc, cur.state(), None)]


def _caught(cur: Cursor, node: Node, types: tuple[str, ...]) -> State:
    """The state in which a handler begins. Of one that catches it by a class that is not known, nothing is said, nor of
    one that comes after a handler for all that a driver raises.
    """
    raised = cur.exc or Raised("other")
    known = tuple(one for one in types if one != "?")
    if known and not api.DRIVER_ERRORS & raised.missed and errors.catches(raised, known) is not False:
        return cur.state()
    way = Cursor(cur.state(), node)
    for sid, state in way.sessions.items():
        way.sessions[sid] = state._replace(failure=None)
    return way.state()


def handler(_ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    assert isinstance(node.payload, tuple)
    stmt, handler = node.payload
    raised = cur.exc or Raised("other")
    handling.swallowed(cur, raised, handler.pos, stmt.pos)
    if raised.label == "thrown":
        raised = Raised("other")
    cur.exc = None
    cur.caught = (*cur.caught[: node.handling], raised._replace(handler=handler.pos))
    if handler.name:
        ownership.forget(cur, handler.name)
        cur.env[handler.name] = CAUGHT
    return on(node, cur)


def end_handler(_ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    cur.caught = cur.caught[: node.handling]
    return on(node, cur)
