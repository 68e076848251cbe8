"""Names that lead to a new session, found by words in the whole project: what opens one, hands one out or keeps one."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.index.module import Class, Function, ModuleIndex, own_nodes, statements
from sqla_lint.index.project import External, Project
from sqla_lint.lower import nodes as n

SESSION_WORDS = frozenset(
    {"sessionmaker", "scoped_session", "Session", "AsyncSession", "async_sessionmaker", "SQLAlchemy"}
)
# Names so common that finding one in a function's text says nothing.
COMMON = frozenset(
    {"get", "create", "update", "delete", "run", "main", "all", "add", "__init__", "__call__", "__enter__"}
)


class Leads(NamedTuple):
    """*names* lead to a new session; *holders* are those of them that are classes which use one while they are made;
    *given* are attributes that keep one that was handed in.
    """

    names: frozenset[str]
    holders: frozenset[str]
    given: frozenset[str]


def leads(project: Project, configured: Set[str] = frozenset()) -> Leads:
    """All names of *project* that lead to a session, directly or through one another, from SQLAlchemy's and the
    *configured* ones.
    """
    found = Leads(SESSION_WORDS | configured, frozenset(), frozenset())
    strange = {path: _strange(project, module) for path, module in project.modules.items()}
    # What a file adds rests on the names in its text: only where one of these has become known it is read again.
    seen: dict[str, Leads] = {}
    while True:
        grown = found
        for path, module in project.modules.items():
            known = _within(grown, module.words)
            if known.names and known != seen.get(path):
                seen[path] = known
                grown = _joined(grown, _added(module, known, strange[path]))
        if grown == found:
            return found
        found = grown


def _within(known: Leads, words: Set[str]) -> Leads:
    """What is known of the names in a text."""
    return Leads(known.names & words, known.holders & words, frozenset())


def _joined(known: Leads, more: Leads) -> Leads:
    if more.names <= known.names and more.holders <= known.holders and more.given <= known.given:
        return known
    return Leads(*(one | other for one, other in zip(known, more)))


def _strange(project: Project, module: ModuleIndex) -> frozenset[str]:
    """Words of session classes that mean something else in a file (``requests.Session``)."""
    if any("sqlalchemy" in word or word == "sqlmodel" for word in module.words):
        return frozenset()
    return frozenset(word for word in module.words & SESSION_WORDS if not _is_ours(project, module.path, word))


def _is_ours(project: Project, path: str, word: str) -> bool:
    what = project.lookup(path, word)
    return what is not None and not (isinstance(what, External) and api.meaning(what.name) is None)


def _added(module: ModuleIndex, known: Leads, strange: frozenset[str]) -> Leads:
    """*known* with what one file adds to it; *strange* words mean something else in it."""
    names, holders, given = set(known.names - strange), set(known.holders), set(known.given)
    for name, bound in module.bindings.items():
        value = getattr(bound[-1], "value", None)
        if name not in names and isinstance(value, n.Call) and _gives(value, names - holders):
            names.add(name)
    for function in module.functions:
        if function.body_words & names and function.node.name not in COMMON | names and _hands_out(function, names):
            names.add(function.node.name)
    for cls in module.classes:
        kept, handed = _kept(cls, names - holders)
        names |= kept
        given |= handed
        inherits = any(isinstance(base, n.Name) and base.id in names for base in cls.node.bases)
        if cls.name not in names and (inherits or kept or _opens_in_init(cls, names)):
            names.add(cls.name)
            if not kept:
                holders.add(cls.name)
    return Leads(frozenset(names), frozenset(holders), frozenset(given))


def _kept(cls: Class, names: Set[str]) -> tuple[set[str], set[str]]:
    """The attributes in which ``__init__`` keeps a session of its own, and those in which it keeps one it is handed."""
    kept: set[str] = set()
    handed: set[str] = set()
    init = cls.methods.get("__init__")
    for stmt in statements(init.node.body) if init is not None else ():
        target = stmt.targets[0] if isinstance(stmt, n.Assign) else None
        if isinstance(target, n.Attribute) and isinstance(stmt, n.Assign):
            if isinstance(stmt.value, n.Name) and "session" in stmt.value.id.lower():
                handed.add(target.attr)
            elif _gives(stmt.value, names):
                kept.add(target.attr)
    return kept, handed


def _opens_in_init(cls: Class, names: Set[str]) -> bool:
    init = cls.methods.get("__init__")
    return (
        init is not None
        and bool(init.body_words & names)
        and any(isinstance(node, n.Call) and _gives(node, names) for node in own_nodes(init.node.body))
    )


def _hands_out(function: Function, names: Set[str]) -> bool:
    """Whether what a function returns or yields is, or holds, what one of *names* gives."""
    leading: set[str] = set()
    for stmt in statements(function.node.body):
        if isinstance(stmt, n.With):
            bound = [(item.target, item.context) for item in stmt.items if item.target is not None]
        elif isinstance(stmt, n.Assign):
            bound = [(target, stmt.value) for target in stmt.targets]
        elif isinstance(stmt, n.AnnAssign) and stmt.value is not None:
            bound = [(stmt.target, stmt.value)]
        else:
            continue
        leading |= {t.id for t, value in bound if isinstance(t, n.Name) and _gives(value, names | leading)}
    returned = [s.value for s in statements(function.node.body) if isinstance(s, n.Return)]
    if "yield" in function.words:
        returned += [e.value for e in own_nodes(function.node.body) if isinstance(e, n.Yield)]
    return any(value is not None and _gives(value, names | leading) for value in returned)


def _gives(value: n.Expr, names: Set[str]) -> bool:
    """Whether an expression is, or is made of, what one of *names* gives: not what a method of that returns."""
    if isinstance(value, n.Name):
        return value.id in names
    if isinstance(value, n.Attribute):
        return value.attr in names
    if isinstance(value, n.Await):
        return _gives(value.value, names)
    if isinstance(value, n.Lambda):
        return _gives(value.body, names)
    if isinstance(value, n.Call):
        handed = (*value.args, *(k.value for k in value.keywords))
        return _gives(value.func, names) or any(_gives(arg, names) for arg in handed)
    if isinstance(value, n.IfExp):
        return _gives(value.body, names) or _gives(value.orelse, names)
    if isinstance(value, n.BoolOp):
        return any(_gives(part, names) for part in value.values)
    if isinstance(value, n.Sequence):
        return any(_gives(item, names) for item in value.items)
    if isinstance(value, n.Dict):
        return any(_gives(item, names) for item in value.values)
    return isinstance(value, (n.Starred, n.Subscript)) and _gives(value.value, names)


__all__ = ["COMMON", "SESSION_WORDS", "Leads", "leads"]
