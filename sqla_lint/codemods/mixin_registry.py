"""The registry that models are to save themselves through: there already, or made of a plain session of a module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods import imports
from sqla_lint.codemods.imports import Needed
from sqla_lint.codemods.layout import Rewrite, stands_alone, text_at
from sqla_lint.codemods.places import walk_with_parents
from sqla_lint.codemods.shared_uses import where
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.session_values import Factory, FlaskDb, Registry, Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.index.module import ModuleIndex, own_nodes
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n


class RegistryPlan(NamedTuple):
    """*name* of *module* is (or becomes) the registry; *flask* if it is Flask-SQLAlchemy's object, with a ``session``.

    *made* is what a plain session's binding *stmt* becomes, *needed* the import for it.
    """

    module: ModuleIndex
    name: str
    stmt: n.Assign | n.AnnAssign
    flask: bool = False
    made: str | None = None
    needed: Needed | None = None

    @property
    def session(self) -> str:
        """How code that has the name writes the session."""
        return f"{self.name}.session" if self.flask else self.name

    def is_session(self, world: World, path: str, node: n.Expr) -> bool:
        """Whether *node*, at module level of *path*, stands for it."""
        if self.flask:
            return isinstance(node, n.Attribute) and node.attr == "session" and self._is(world, path, node.value)
        return self._is(world, path, node)

    def _is(self, world: World, path: str, node: n.Expr) -> bool:
        what = world.names.definition(path, node)
        return isinstance(what, Variable) and (what.path, what.name) == (self.module.path, self.name)


def registry(world: World, module: ModuleIndex, name: str) -> RegistryPlan:
    """What the name *name* of *module* is to be.

    Raises:
        Refused: it is no session, or none that a registry can stand for.
    """
    bound = module.bindings.get(name, ())
    stmt = bound[0] if len(bound) == 1 else None
    if not isinstance(stmt, (n.Assign, n.AnnAssign)) or stmt not in module.node.body:
        raise Refused("it is not bound by one plain statement of its module")
    if isinstance(stmt, n.Assign) and len(stmt.targets) != 1:
        raise Refused("it is bound together with other names")
    found = world.project.lookup(module.path, name)
    value = world.statics.variable(found) if isinstance(found, Variable) else None
    if isinstance(value, FlaskDb):
        return RegistryPlan(module, name, stmt, flask=True)
    if isinstance(value, Registry):
        _check_async(value)
        return RegistryPlan(module, name, stmt)
    if not isinstance(value, Session):
        raise Refused("it is no session of a module")
    _check_async(value)
    return _made(world, module, name, stmt)


def _check_async(value: Session | Registry) -> None:
    if value.settings.is_async:
        raise Refused("models cannot save themselves through an asynchronous session")


def _made(world: World, module: ModuleIndex, name: str, stmt: n.Assign | n.AnnAssign) -> RegistryPlan:
    if not stands_alone(module.source, stmt):
        raise Refused(f"line {stmt.pos[0]} holds more than one statement")
    if not isinstance(stmt.value, n.Call):
        raise Refused("it is not made by a plain call")
    wrapper = imports.needed(module, "sqlalchemy.orm", "scoped_session")
    if wrapper is None:
        raise Refused("`scoped_session` means something else in its file")
    factory, needed = _factory(world, module, stmt.value)
    if wrapper.edit is not None and needed is not None and needed.edit is not None:
        needed = _both(wrapper, needed)
    return RegistryPlan(module, name, stmt, False, f"{name} = {wrapper.spelling}({factory})", needed or wrapper)


def _both(one: Needed, other: Needed) -> Needed:
    """Two imports at one place are made one by what writes them; kept as one here."""
    assert one.edit is not None
    assert other.edit is not None
    joined = imports.merged([one.edit, other.edit])
    if len(joined) != 1:
        raise Refused("the imports that it needs go to two places")
    return Needed(one.spelling, joined[0])


def _factory(world: World, module: ModuleIndex, value: n.Call) -> tuple[str, Needed | None]:
    called = text_at(module.source, value.func.pos)
    if world.names.meaning(module.path, value.func) == "session-class":
        needed = imports.needed(module, "sqlalchemy.orm", "sessionmaker")
        if needed is None:
            raise Refused("`sessionmaker` means something else in its file")
        given = text_at(module.source, value.pos)[len(called) :].strip()
        dotted = world.names.dotted(module.path, value.func) or ""
        own = "" if dotted.startswith("sqlalchemy.") else f"class_={called}"
        if own and given != "()":
            own = f", {own}"
        return f"{needed.spelling}{given.removesuffix(')').rstrip().rstrip(',')}{own})", needed
    if value.args or value.keywords:
        raise Refused("its factory takes arguments")
    made = evaluate.expr(world.static_context(module.path, None), Cursor(State({}, {}), None), value.func)
    if not isinstance(made, (Factory, FunctionValue)):
        raise Refused("a registry or a generator makes it")
    if isinstance(made, FunctionValue) and (made.function.is_generator or made.function.node.is_async):
        raise Refused("a generator or a coroutine makes it")
    return called, None


def write(rewrite: Rewrite, plan: RegistryPlan) -> None:
    """Make the plain session a registry."""
    if plan.made is not None:
        rewrite.replace(plan.stmt.pos, plan.made)


# --- is it the only one, and can it be


def check_alone(world: World, plan: RegistryPlan) -> None:
    """Raise if more than one session is in play, or something is asked of the session that a registry does not know.

    Raises:
        Refused: with the place.
    """
    for path, module in sorted(world.project.modules.items()):
        if world.project.is_test(path):
            continue
        _check_variables(world, plan, module)
        _check_calls(world, plan, module)
        if plan.made is not None and plan.name in module.words:
            _check_uses(world, plan, module)


def _check_variables(world: World, plan: RegistryPlan, module: ModuleIndex) -> None:
    for name in module.bindings:
        what = world.project.lookup(module.path, name)
        if isinstance(what, Variable) and what.path == module.path:
            value = world.statics.variable(what)
            own = isinstance(value, (Session, Registry)) and value.sid.path == (plan.module.path, plan.name)
            if isinstance(value, (Session, Registry, FlaskDb)) and not own and not _is_plan(what, plan):
                line = getattr(what.assigned[0], "pos", (1, 0, 1, 0))
                raise Refused(f"more than one session is in play: {name} ({where(world, module.path, line)})")


def _is_plan(what: Variable, plan: RegistryPlan) -> bool:
    return (what.path, what.name) == (plan.module.path, plan.name)


def _check_calls(world: World, plan: RegistryPlan, module: ModuleIndex) -> None:
    """Functions that open a session of their own."""
    for function in module.functions:
        if not function.words & world.session_names:
            continue
        ctx = world.static_context(module.path, function)
        for node in own_nodes(function.node.body):
            if isinstance(node, n.Call) and isinstance(node.func, (n.Name, n.Attribute)):
                made = evaluate.expr(ctx, Cursor(State({}, {}), None), node)
                if isinstance(made, Session) and made.sid.owner == "local" and made.settings.flavour != "connection":
                    place = where(world, module.path, node.pos)
                    raise Refused(f"more than one session is in play: {function.qualname} opens another ({place})")


def _check_uses(world: World, plan: RegistryPlan, module: ModuleIndex) -> None:
    for node, above in walk_with_parents(module.node):
        if not isinstance(node, (n.Name, n.Attribute)) or not above or not plan.is_session(world, module.path, node):
            continue
        around = above[-1]
        place = where(world, module.path, node.pos)
        if isinstance(around, n.WithItem):
            raise Refused(f"it is entered as a block, which a registry cannot be ({place})")
        if isinstance(around, n.Attribute) and around.attr in api.NOT_ON_REGISTRIES:
            raise Refused(f"a registry has no {around.attr} ({place})")
        if isinstance(around, n.Scope):
            raise Refused(f"it is declared global ({place})")


# --- who ends it


def removal(world: World, plan: RegistryPlan) -> str | None:
    """Where the project's framework would remove the registry's session; None where somebody does already."""
    if plan.flask or any(_removes(world, plan, module) for module in world.project.modules.values()):
        return None
    words = frozenset().union(*(module.words for module in world.project.modules.values()))
    for framework, told in (("Flask", "a Flask teardown_appcontext"), ("Celery", "a Celery task_postrun handler")):
        if framework in words:
            return f"nobody calls {plan.session}.remove(): {told} should"
    return f"nobody calls {plan.session}.remove(): the end of a script, or of each request or task, should"


def _removes(world: World, plan: RegistryPlan, module: ModuleIndex) -> bool:
    if "remove" not in module.words:
        return False
    return any(
        isinstance(node, n.Attribute) and node.attr == "remove" and plan.is_session(world, module.path, node.value)
        for node in _attributes(module)
    )


def _attributes(module: ModuleIndex) -> Iterator[n.Attribute]:
    yield from (node for node, _ in walk_with_parents(module.node) if isinstance(node, n.Attribute))
