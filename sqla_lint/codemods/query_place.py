"""Where a query is made in a file, how its steps go on from there, and where one more option goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.places import Place, binds, mentions, places, walk_with_parents
from sqla_lint.codemods.site import Refused
from sqla_lint.index.module import Function, ModuleIndex
from sqla_lint.lower import nodes as n

_Above: TypeAlias = "tuple[object, ...]"

# What leaves a query one that takes options, besides what leaves its rows the same ones.
_STEPS = api.GENERATIVE | {
    "options",
    "limit",
    "populate_existing",
    "add_columns",
    "add_entity",
    "add_column",
    "execution",
}
_CHOICES = (n.IfExp, n.BoolOp, n.Format)


class Chain(NamedTuple):
    """A query as far as it is built in one expression: *methods* are its steps, *options* its ``.options(...)`` call.

    *above* are the nodes around it, from the module inwards.
    """

    node: n.Expr
    above: _Above
    methods: frozenset[str] = frozenset()
    options: n.Call | None = None

    @property
    def following(self) -> n.Attribute | None:
        """The attribute that is read of the query next, such as the method that runs it."""
        last = self.above[-1] if self.above else None
        return last if isinstance(last, n.Attribute) else None


class QueryPlace(NamedTuple):
    """A query of *module*: *made* is what makes it, *chain* where options go; *function* is the one around it."""

    module: ModuleIndex
    made: n.Expr
    chain: Chain
    methods: frozenset[str]
    function: Function | None


def query_place(module: ModuleIndex, pos: n.Pos) -> QueryPlace:
    """The query that is made at *pos* of *module*.

    Raises:
        Refused: it is not found, or is one of several that a condition chooses from.
    """
    made, above = _made(module, pos)
    if any(isinstance(node, _CHOICES) for node in above):
        raise Refused(f"the query at line {pos[0]} is made inside a condition")
    function = _function(module, above)
    first = climbed(made, above)
    if is_get(made) or first.options is not None:
        return QueryPlace(module, made, first, first.methods, function)
    body = function.node.body if function is not None else module.node.body
    chain, methods = _last_step(first, tuple(places(body)))
    return QueryPlace(module, made, chain, methods | first.methods, function)


def is_get(made: n.Expr) -> bool:
    """Whether *made* is ``session.get(Model, key)``, which takes its options as an argument."""
    return isinstance(made, n.Call) and isinstance(made.func, n.Attribute) and made.func.attr in ("get", "get_one")


def _made(module: ModuleIndex, pos: n.Pos) -> tuple[n.Expr, _Above]:
    around = tuple(stmt for stmt in module.node.body if stmt.pos[0] <= pos[0] <= stmt.pos[2])
    for node, above in walk_with_parents(around):
        if isinstance(node, (n.Call, n.Attribute)) and node.pos == pos:
            return node, above
    raise Refused(f"the query at line {pos[0]} is not found again in the file")


def _function(module: ModuleIndex, above: _Above) -> Function | None:
    inner = next((node for node in reversed(above) if isinstance(node, n.FunctionDef)), None)
    return next((function for function in module.functions if function.node is inner), None)


def climbed(node: n.Expr, above: _Above) -> Chain:
    """The steps that follow *node* in its own expression."""
    methods: set[str] = set()
    options: n.Call | None = None
    while len(above) > 1 and isinstance(above[-1], n.Attribute) and above[-1].attr in _STEPS:
        called = above[-2]
        if not isinstance(called, n.Call) or called.func is not above[-1]:
            break
        methods.add(above[-1].attr)
        options = called if above[-1].attr == "options" else options
        node, above = called, above[:-2]
    return Chain(node, above, frozenset(methods), options)


# --- queries built in steps ------------------------------------------------------------------------------------------


def _last_step(chain: Chain, found: tuple[Place, ...]) -> tuple[Chain, frozenset[str]]:
    """Where the query is whole, following the variable that holds it; and the steps on the way."""
    methods: frozenset[str] = frozenset()
    for _ in range(8):
        name = _assigned(chain)
        place = next((p for p in found if chain.above and p.stmt is chain.above[-1]), None)
        if name is None or place is None:
            break
        again = _next(chain, name, place, found)
        if again is None:
            break
        methods |= again.methods
        chain = again
        if _assigned(chain) in (name, None):
            break
    return chain, methods


def _next(chain: Chain, name: str, place: Place, found: tuple[Place, ...]) -> Chain | None:
    """The last step of the query in variable *name*; None where *chain* itself is the best place."""
    steps: list[tuple[Chain, Place]] = []
    uses: list[Chain] = []
    for mention in mentions(found, name):
        one = climbed(mention.node, mention.above)
        if _assigned(one) == name and one.node is not mention.node:
            steps.append((one, mention.place))
        elif mention.node not in _targets(mention.place.stmt):
            uses.append(one)
    own = {id(place.stmt), *(id(step.stmt) for _, step in steps)}
    if any(binds(p, name) and id(p.stmt) not in own for p in found):
        return None
    straight = all(step.block is place.block for _, step in steps)
    if steps and straight and all(use.node.pos > steps[-1][0].node.pos for use in uses):
        return steps[-1][0]
    simple = [use for use in uses if not any(isinstance(node, (*_CHOICES, n.Compare)) for node in use.above)]
    if len(uses) == len(simple) == 1 and (steps or uses[0].methods):
        return uses[0]
    return None


def _assigned(chain: Chain) -> str | None:
    """The variable that takes the query as it is."""
    stmt = chain.above[-1] if chain.above else None
    if isinstance(stmt, n.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], n.Name):
        return stmt.targets[0].id if stmt.value is chain.node else None
    if isinstance(stmt, n.AnnAssign) and isinstance(stmt.target, n.Name):
        return stmt.target.id if stmt.value is chain.node else None
    return None


def _targets(stmt: n.Stmt) -> tuple[n.Expr, ...]:
    if isinstance(stmt, n.Assign):
        return stmt.targets
    return (stmt.target,) if isinstance(stmt, n.AnnAssign) else ()


def roots(place: QueryPlace) -> Iterator[n.Expr]:
    """What the query asks for: the expressions that name its classes."""
    if isinstance(place.made, n.Attribute):
        yield place.made.value
    elif isinstance(place.made, n.Call):
        yield from (arg for arg in place.made.args if not isinstance(arg, n.Starred))


def given_options(place: QueryPlace) -> tuple[n.Expr, ...]:
    """The options that the query has where one more goes."""
    if place.chain.options is not None:
        return place.chain.options.args
    if not isinstance(place.made, n.Call) or not is_get(place.made):
        return ()
    given = next((keyword.value for keyword in place.made.keywords if keyword.name == "options"), None)
    return given.items if isinstance(given, n.Sequence) else ()
