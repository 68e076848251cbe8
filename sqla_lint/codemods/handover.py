"""Whether a use of a session's variable gives the session to somebody who may want it when its block has ended."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.places import Mention
from sqla_lint.codemods.site import Site
from sqla_lint.flow.terms.binding import bind
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.values import ClassValue, FunctionValue, Outside
from sqla_lint.lower import nodes as n

_HARMLESS = frozenset(
    {
        "builtins.print", "builtins.isinstance", "builtins.bool", "builtins.str", "builtins.repr", "builtins.id",
        "builtins.type", "builtins.hasattr",
    }
)  # fmt: skip


def objection(site: Site, mention: Mention) -> str | None:
    """Why *mention* keeps the session's block from being closed, or None."""
    line = mention.node.pos[0]
    if any(isinstance(node, (n.FunctionDef, n.Lambda, n.ClassDef)) for node in mention.above):
        return f"a closure keeps the session (line {line})"
    node: object = mention.node
    for above in reversed(mention.above):
        if isinstance(above, (n.Compare, n.Format, n.UnaryOp, n.ExprStmt, n.If, n.While, n.Assert, n.Yield)):
            return None
        if isinstance(above, n.Attribute):
            return _attribute(mention, above)
        if isinstance(above, n.Call) and above.func is not node:
            return _argument(site, above, mention)
        if isinstance(above, (n.Return, n.Raise)):
            return f"it hands the session to its caller (line {line})"
        if isinstance(above, (n.Assign, n.AnnAssign, n.Walrus)):
            return f"the session gets another name (line {line})"
        if isinstance(above, (n.WithItem, n.With)):
            return f"it opens a block on the session itself (line {line})"
        if isinstance(above, (n.Sequence, n.Dict, n.Subscript, n.Comprehension)):
            return f"the session is kept in a container (line {line})"
        node = above
    return None


def _attribute(mention: Mention, attribute: n.Attribute) -> str | None:
    around = mention.above[mention.above.index(attribute) - 1] if attribute in mention.above[1:] else None
    called = isinstance(around, n.Call) and around.func is attribute
    if attribute.attr in api.CLOSES and not called:
        return f"its `{attribute.attr}` is handed over (line {attribute.pos[0]})"
    return None


def _argument(site: Site, call: n.Call, mention: Mention) -> str | None:
    line = call.pos[0]
    callee = site.holding.value(call.func)
    if isinstance(callee, FunctionValue):
        return _project(site, callee, call)
    if isinstance(callee, ClassValue):
        returned = any(isinstance(node, (n.Return, n.Yield)) for node in mention.above)
        stored = isinstance(mention.place.stmt, n.Assign) and not all(
            isinstance(t, n.Name) for t in mention.place.stmt.targets
        )
        kept = returned or stored
        return (
            f"an object of {callee.cls.name} that leaves the function keeps the session (line {line})" if kept else None
        )
    if isinstance(callee, Outside) and (callee.name in _HARMLESS or api.meaning(callee.name) is not None):
        return None
    return f"the session is handed to other code, which may keep or close it (line {line})"


def _project(site: Site, callee: FunctionValue, call: n.Call) -> str | None:
    name, line = callee.function.node.name, call.pos[0]
    args = [site.holding.value(arg) for arg in call.args]
    kwargs = {k.name: site.holding.value(k.value) for k in call.keywords if k.name is not None}
    bound = bind(callee.function, callee.receiver, args, kwargs)
    params = [param for param, value in bound.items() if isinstance(value, Session)]
    for sid, effect in site.world.summary(callee.function, True).effects:
        if sid.owner == "parameter" and sid.path and sid.path[0] in params:
            if effect.keeps:
                return f"{name}() keeps the session (line {line})"
            if "close" in effect.may:
                return f"{name}() closes the session (line {line})"
    return None if params else f"the session is handed to {name}() in a way that is not known (line {line})"
