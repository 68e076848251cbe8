"""What names and attributes are worth wherever the order of statements is not followed: module variables, class and
instance attributes, and locals seen from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.lifetimes import scopes
from sqla_lint.flow.reading import drawing
from sqla_lint.flow.terms import configure
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import LoaderOption, Many, Pair
from sqla_lint.flow.terms.session_values import Factory, FlaskDb, Registry, Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import NONE, UNKNOWN, Instance, Literal, Parameter
from sqla_lint.index.module import Class, Function, bound_names, names_in, statements
from sqla_lint.index.project import Variable, local_imports
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World


class Statics:
    """Order-free values; answers are cached unless they rest on a summary that is still being computed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._variables: dict[tuple[str, str], Value] = {}
        self._attributes: dict[tuple[Class, str], Value] = {}
        self._stores: dict[Class, dict[str, tuple[tuple[Function, n.Stmt, n.Expr], ...]]] = {}
        self._locals: dict[tuple[Function, str], Value] = {}
        self._busy: set[object] = set()

    # --- module variables

    def variable(self, what: Variable) -> Value:
        """The value of a module-level name: what all its assignments agree on."""
        key = (what.path, what.name)
        if key in self._variables:
            return self._variables[key]
        if key in self._busy:
            return UNKNOWN
        self._busy.add(key)
        early = self.world.asked_early
        ctx = self.world.static_context(what.path, None)
        found: Value | None = None
        for stmt in what.assigned:
            value = self._assigned(ctx, stmt, what.name)
            found = value if found is None else join(found, value)
        if found == NONE:
            found = self._set_globally(what)
        result = rename(found if found is not None else UNKNOWN, what.path, what.name)
        if isinstance(result, (Factory, Registry)) and what.name in self.world.reconfigured:
            result = result._replace(settings=configure.vague(result.settings))
        self._busy.discard(key)
        if self.world.asked_early == early:
            self._variables[key] = result
        return result

    def _set_globally(self, what: Variable) -> Value:
        """What functions that declare a name ``global`` assign to it, where the module itself says None."""
        found: Value = NONE
        module = self.world.project.modules[what.path]
        for function in module.functions if "global" in module.words else ():
            if what.name in function.globals:
                ctx = self.world.static_context(what.path, function)
                for stmt in statements(function.node.body):
                    if what.name in bound_names(stmt):
                        found = join(found, self._assigned(ctx, stmt, what.name))
        if isinstance(found, Instance):
            # Reached by its name from here on, whatever the function had it by.
            return Instance(found.cls) if found.path else found
        return found if isinstance(found, (Session, Factory, Registry)) else NONE

    def _assigned(self, ctx: Context, stmt: n.Stmt, name: str) -> Value:
        cur = Cursor(State({}, {}), None)
        if isinstance(stmt, (n.Assign, n.AnnAssign)):
            if stmt.value is None:
                return NONE
            value = expr(ctx, cur, stmt.value)
            targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,)
            if value == UNKNOWN and isinstance(stmt, n.AnnAssign):
                value = self._annotated(ctx.path, stmt, name)
            return next((found for target in targets if (found := _part(target, value, name)) is not None), UNKNOWN)
        if isinstance(stmt, n.With):
            for item in stmt.items:
                if isinstance(item.target, n.Name) and item.target.id == name:
                    return scopes.enter(ctx, cur, expr(ctx, cur, item.context), item.context.pos)[1]
        if isinstance(stmt, n.For):
            source = expr(ctx, cur, stmt.iter)
            drawn = drawing.draw(ctx, cur, source, stmt.pos[:2], stmt.iter)
            return _part(stmt.target, drawn, name) or UNKNOWN
        return UNKNOWN

    def _annotated(self, path: str, stmt: n.AnnAssign, name: str) -> Value:
        found = self.world.parameters.annotation(path, stmt.annotation, Parameter(name), Sid("module", (path, name)))
        return found if isinstance(found, (Session, Factory, Registry)) else UNKNOWN

    # --- locals, for whoever looks from outside

    def local(self, function: Function, name: str) -> Value:
        """What a local name of *function* is, whatever the order: parameters and assignments together."""
        key = (function, name)
        if key in self._locals:
            return self._locals[key]
        if key in self._busy:
            return UNKNOWN
        self._busy.add(key)
        early = self.world.asked_early
        found = self._local(function, name)
        self._busy.discard(key)
        if self.world.asked_early == early:
            self._locals[key] = found
        return found

    def _local(self, function: Function, name: str) -> Value:
        imported = local_imports(function).get(name)
        if imported is not None:
            return self.world.imported_value(function.path, imported)
        if name in function.nested:
            return UNKNOWN
        found: Value | None = None
        for param in function.node.params:
            if param.name == name:
                found = self.world.parameters.value(function, param)
        ctx = self.world.static_context(function.path, function)
        for stmt in statements(function.node.body):
            if name in bound_names(stmt):
                value = self._assigned(ctx, stmt, name)
                found = value if found is None else join(found, value)
        if isinstance(found, LoaderOption):
            return self._chained(ctx, function, name, found)
        return found if found is not None else UNKNOWN

    @staticmethod
    def _chained(ctx: Context, function: Function, name: str, option: LoaderOption) -> Value:
        """A loader option with all that statements chain to it."""
        cur = Cursor(State({name: option}, {}), None)
        for stmt in statements(function.node.body):
            if isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Call) and name in names_in(stmt.value.func):
                expr(ctx, cur, stmt.value)
        return cur.env[name]

    # --- attributes

    def attribute(self, cls: Class, name: str) -> Value:
        """What ``self.name`` is on an instance of *cls*: class attributes and what its methods assign, ``__init__``
        first.

        A session is given an owner: ``instance`` where the class opened it, ``held`` where it was handed in.
        """
        key = (cls, name)
        if key in self._attributes:
            return self._attributes[key]
        if key in self._busy:
            return UNKNOWN
        self._busy.add(key)
        early = self.world.asked_early
        result = self._attribute(cls, name)
        if isinstance(result, Literal) and self._is_set_below(cls, name):
            result = UNKNOWN
        self._busy.discard(key)
        if self.world.asked_early == early:
            self._attributes[key] = result
        return result

    def _attribute(self, cls: Class, name: str) -> Value:
        lineage = self.world.names.lineage(cls)
        for owner in lineage:
            stored = self.stores(owner).get(name, ())
            if stored:
                initial = [s for s in stored if s[0].node.name == "__init__"]
                found = self._stored(initial or list(stored), name)
                if found == UNKNOWN and initial and len(stored) > len(initial):
                    found = self._stored([s for s in stored if s not in initial], name)
                return self._as_set_later(owner, name, found, stored)
            declared = self.class_attribute(owner, name, own=True)
            if declared != UNKNOWN:
                return UNKNOWN if isinstance(declared, Literal) and _is_field(owner.assigned[name][-1]) else declared
        if not any(name in self.stores(owner) or name in owner.assigned for owner in lineage):
            return self._only_session(cls, name)
        return UNKNOWN

    def _as_set_later(
        self, owner: Class, name: str, found: Value, stored: tuple[tuple[Function, n.Stmt, n.Expr], ...]
    ) -> Value:
        """A constant that an object begins with is its attribute as long as nothing sets another."""
        if not isinstance(found, Literal) or found == NONE:
            return found
        every = [self._stored([one], name) for one in stored]
        begins = self.class_attribute(owner, name, own=True) if name in owner.assigned else found
        return UNKNOWN if {*every, begins} != {found} else found

    def is_filled(self, cls: Class, name: str, function: Function | None) -> bool:
        """Whether an attribute that begins as None may be something by the time that *function* looks: another method
        sets it, to nothing that is known. A method that sets it itself does so where it finds None.
        """
        stored = next((found for owner in self.world.names.lineage(cls) if (found := self.stores(owner).get(name))), ())
        later = [one for one in stored if one[0].node.name != "__init__"]
        if not later or function is not None and any(one[0].node is function.node for one in later):
            return False
        return any(self._stored([one], name) != NONE for one in later)

    def _is_set_below(self, cls: Class, name: str) -> bool:
        """Whether a subclass has the attribute as well: which class an object is of is not known."""
        below = self.world.names.subclasses.get(cls, ())
        return any(name in sub.assigned or name in self.stores(sub) or self._is_set_below(sub, name) for sub in below)

    def _stored(self, stored: list[tuple[Function, n.Stmt, n.Expr]], name: str) -> Value:
        found: Value | None = None
        every: list[Value] = []
        for function, stmt, value in stored:
            ctx = self.world.static_context(function.path, function)
            got = expr(ctx, Cursor(State({}, {}), None), value)
            if isinstance(stmt, n.AnnAssign) and got in (UNKNOWN, NONE):
                sid = Sid("parameter", (name,))
                annotated = self.world.parameters.annotation(function.path, stmt.annotation, Parameter(name), sid)
                got = annotated if isinstance(annotated, (Session, Factory, Instance)) else got
            every.append(got)
            found = got if found is None else join(found, got)
        if found == UNKNOWN and len({one.settings if isinstance(one, Registry) else None for one in every}) == 1:
            # One registry or another: who removes it is not known.
            settings = every[0].settings if isinstance(every[0], Registry) else None
            return Registry(Sid("held", (name,)), settings) if settings is not None else found
        return found if found is not None else UNKNOWN

    def _only_session(self, cls: Class, name: str) -> Value:
        """An attribute that nothing assigns, of a class that holds exactly one session, is meant to be that session."""
        if self.world.names.external_bases(cls) or name not in (
            "session",
            "_session",
            "db_session",
            "_db_session",
            "db",
            "_db",
        ):
            return UNKNOWN
        held = {n for owner in self.world.names.lineage(cls) for n in self.stores(owner)}
        found = [value for one in sorted(held) if isinstance(value := self.attribute(cls, one), Session)]
        return found[0] if len(found) == 1 else UNKNOWN

    def stores(self, cls: Class) -> dict[str, tuple[tuple[Function, n.Stmt, n.Expr], ...]]:
        """Assignments to ``self.x`` in the methods of *cls*: (method, statement, value) by attribute."""
        if cls in self._stores:
            return self._stores[cls]
        found: dict[str, tuple[tuple[Function, n.Stmt, n.Expr], ...]] = {}
        for method in cls.methods.values():
            if not method.node.params:
                continue
            me = method.node.params[0].name
            for stmt in statements(method.node.body):
                for target, value in _targets(stmt):
                    if isinstance(target, n.Attribute) and isinstance(target.value, n.Name) and target.value.id == me:
                        found[target.attr] = (*found.get(target.attr, ()), (method, stmt, value))
        self._stores[cls] = found
        return found

    def class_attribute(self, cls: Class, name: str, own: bool = False) -> Value:
        """What a class-level assignment gives *name*."""
        for owner in (cls,) if own else self.world.names.lineage(cls):
            stmts = owner.assigned.get(name)
            if stmts:
                ctx = self.world.static_context(owner.path, None)
                value = self._assigned(ctx, stmts[-1], name)
                stmt = stmts[-1]
                if value in (UNKNOWN, NONE) and isinstance(stmt, n.AnnAssign):
                    sid = Sid("parameter", (name,))
                    found = self.world.parameters.annotation(owner.path, stmt.annotation, Parameter(name), sid)
                    if isinstance(found, Registry):
                        # Set from elsewhere, and to the same one in several classes: all of a name are one.
                        found = found._replace(sid=Sid("registry", (name,)))
                    value = found if isinstance(found, (Session, Registry, Factory, Instance)) else value
                if isinstance(value, Session) and value.sid.owner == "local":
                    return value._replace(sid=Sid("module", (owner.path, f"{owner.qualname}.{name}"), value.sid.pos))
                return value
        return UNKNOWN


def _is_field(stmt: n.Stmt) -> bool:
    """``count: int = 0`` in a class: the default of what a constructor may be given, not a constant."""
    return isinstance(stmt, n.AnnAssign) and not names_in(stmt.annotation) & {"ClassVar", "Final"}


def _targets(stmt: n.Stmt) -> list[tuple[n.Expr, n.Expr]]:
    if isinstance(stmt, n.Assign):
        pairs: list[tuple[n.Expr, n.Expr]] = []
        for target in stmt.targets:
            if isinstance(target, n.Sequence) and isinstance(stmt.value, n.Sequence):
                pairs.extend(zip(target.items, stmt.value.items))
            else:
                pairs.append((target, stmt.value))
        return pairs
    if isinstance(stmt, n.AnnAssign) and stmt.value is not None:
        return [(stmt.target, stmt.value)]
    if isinstance(stmt, n.With):
        return [(item.target, item.context) for item in stmt.items if item.target is not None]
    return []


def _part(target: n.Expr, value: Value, name: str) -> Value | None:
    """The part of *value* that *target* gives to *name*; None where it binds another name."""
    if isinstance(target, n.Name):
        return value if target.id == name else None
    if isinstance(target, n.Sequence):
        for index, item in enumerate(target.items):
            part: Value = UNKNOWN
            if isinstance(value, Pair) and len(value.items) == len(target.items):
                part = value.items[index]
            elif isinstance(value, Many):
                part = value.item
            found = _part(item, part, name)
            if found is not None:
                return found
    return None


def rename(value: Value, file: str, name: str) -> Value:
    """A session or registry that a module-level name holds is known by that name."""
    path = (file, name)
    if isinstance(value, Session) and value.sid.owner in ("local", "kept", "parameter"):
        return value._replace(sid=Sid("module", path, value.sid.pos))
    if isinstance(value, Registry) and value.sid.pos is not None and value.sid.path == (file,):
        return value._replace(sid=Sid("registry", path))
    if isinstance(value, FlaskDb) and value.path == file and ":" in value.name:
        return value._replace(name=name)
    if isinstance(value, Instance) and not value.path:
        held = tuple((attr, _rename_held(item, path, attr)) for attr, item in value.held)
        return value._replace(path=("%module", *path), held=held)
    return value


def _rename_held(value: Value, path: tuple[str, ...], name: str) -> Value:
    if isinstance(value, Session) and value.sid.owner == "local":
        return value._replace(sid=Sid("module", (*path, name), value.sid.pos))
    if isinstance(value, Registry) and value.sid.pos is not None:
        return value._replace(sid=Sid("registry", (*path, name)))
    return value


__all__ = ["Statics"]
