"""What the arguments of a ``relationship()`` call say."""

from __future__ import annotations

import re

from sqla_lint.index.annotations import keyword, last_name, string
from sqla_lint.index.module import Class, Function, bound_names, statements, walk
from sqla_lint.index.names import Names
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

_WORD = re.compile(r"\w+")


def cascades(call: n.Call) -> bool:
    """Whether ``save-update`` is among a relationship's cascades, as it is unless the call says otherwise."""
    said = keyword(call, "cascade")
    if keyword(call, "viewonly") is not None or any(k.name is None for k in call.keywords):
        return False
    return said is None or bool({"all", "save-update"} & {word.strip() for word in (string(said) or "").split(",")})


def joined_on(call: n.Call) -> frozenset[str]:
    """The words of ``foreign_keys=`` and ``primaryjoin=``: of several keys to one class they name one."""
    found: set[str] = set()
    for said in (keyword(call, "foreign_keys"), keyword(call, "primaryjoin")):
        for node in walk(said) if said is not None else ():
            if isinstance(node, n.Attribute):
                found.add(node.attr)
            elif isinstance(node, n.Name):
                found.add(node.id)
            elif isinstance(node, n.Constant) and isinstance(node.value, str):
                found.update(_WORD.findall(node.value))
    return frozenset(found)


def forwarded(call: n.Call, cls: Class, names: Names) -> tuple[n.Keyword, ...] | None:
    """What a function of the project adds to the ``**kwargs`` of *call* that it hands on to ``relationship()``."""
    made = names.definition(cls.path, call.func)
    if not isinstance(made, Function) or made.cls is not None:
        return None
    rest = next((param.name for param in made.node.params if param.kind == "kwarg"), None)
    inner = [stmt.value for stmt in statements(made.node.body) if isinstance(stmt, n.Return)]
    calls = [one for one in inner if isinstance(one, n.Call) and _hands_on(one, made, rest, names)]
    if rest is None or not calls or len(calls) < len(inner) or _sets_strategy(made, calls):
        return None
    return tuple(k for one in calls for k in one.keywords if k.name and not _is_the_callers(k, made, rest))


def _hands_on(call: n.Call, made: Function, rest: str | None, names: Names) -> bool:
    passed = any(k.name is None and isinstance(k.value, n.Name) and k.value.id == rest for k in call.keywords)
    return passed and names.meaning(made.path, call.func) in ("relationship", "sqlmodel-relationship")


def _sets_strategy(made: Function, calls: list[n.Call]) -> bool:
    """Whether a function sets the strategy in another way than by an argument of its one call: that is not followed."""
    if "lazy" not in made.words:
        return False
    said = [call for call in calls if keyword(call, "lazy") is not None]
    written = [e for e in made.own if isinstance(e, n.Constant) and e.value == "lazy"]
    named = [e for e in made.own if isinstance(e, n.Call) and keyword(e, "lazy") is not None]
    return bool(written) or len(named) > len(said) or bool(said) and len(calls) > 1


def _is_the_callers(given: n.Keyword, made: Function, rest: str) -> bool:
    """Whether an argument is what a function took out of its ``**kwargs`` by that name: ``lazy=kwargs.pop("lazy")``."""
    values = [given.value]
    if isinstance(given.value, n.Name):
        assigned = [stmt for stmt in statements(made.node.body) if given.value.id in bound_names(stmt)]
        values = [stmt.value for stmt in assigned if isinstance(stmt, n.Assign)]
    taken = values[0] if len(values) == 1 else None
    if not (isinstance(taken, n.Call) and isinstance(taken.func, n.Attribute) and taken.args):
        return False
    of, name = taken.func.value, string(taken.args[0])
    return taken.func.attr in ("pop", "get") and isinstance(of, n.Name) and of.id == rest and name == given.name


def spelled_out(call: n.Call, cls: Class, names: Names) -> n.Call:
    """A relationship of *cls* with the arguments that ``**common`` stands for; SQLModel's ``Relationship()`` as the
    ``relationship()`` that it makes: with ``sa_relationship_kwargs`` as its own arguments, or given whole as
    ``sa_relationship``.
    """
    added = forwarded(call, cls, names)
    if added:
        call = call._replace(keywords=(*call.keywords, *added))
    if any(k.name is None for k in call.keywords):
        every = [_keywords(_written(k.value, cls, names)) if k.name is None else (k,) for k in call.keywords]
        call = call._replace(keywords=tuple(one for some in every for one in some))
    whole, options = keyword(call, "sa_relationship"), keyword(call, "sa_relationship_kwargs")
    if isinstance(whole, n.Call):
        return spelled_out(whole, cls, names)
    if options is None:
        return call
    kept = tuple(one for one in call.keywords if one.name != "sa_relationship_kwargs")
    return call._replace(keywords=(*kept, *_keywords(_written(options, cls, names))))


def _written(options: n.Expr, cls: Class, names: Names) -> n.Expr:
    """What a name of the class's body, or of its module, is assigned, where that is done once."""
    if not isinstance(options, n.Name):
        return options
    stmts = cls.assigned.get(options.id)
    if stmts is None:
        what = names.definition(cls.path, options)
        stmts = what.assigned if isinstance(what, Variable) else ()
    value = getattr(stmts[0], "value", None) if len(stmts) == 1 else None
    return value if value is not None else options


def _keywords(options: n.Expr) -> tuple[n.Keyword, ...]:
    """The arguments that ``**options`` stands for; what is not written down stays as it is."""
    if isinstance(options, n.Dict):
        pairs = zip(options.keys, options.values)
        return tuple(n.Keyword(string(key) if key is not None else None, value) for key, value in pairs)
    if isinstance(options, n.Call) and last_name(options.func) == "dict" and not options.args:
        return options.keywords
    return (n.Keyword(None, options),)
