"""What the arguments of a ``relationship()`` call say."""

from __future__ import annotations

import re

from sqla_lint.index.annotations import keyword, last_name, string
from sqla_lint.index.module import Class, Function, statements, walk
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


def backref_name(call: n.Call) -> str | None:
    """The attribute that ``backref=`` makes on the other class."""
    value = keyword(call, "backref")
    return string(value.args[0] if isinstance(value, n.Call) and value.args else value)


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


def forwarded(call: n.Call, cls: Class, names: Names) -> n.Call | None:
    """The call of ``relationship()`` that a function of the project makes of the ``**kwargs`` that *call* gives it."""
    made = names.definition(cls.path, call.func)
    if not isinstance(made, Function) or made.cls is not None:
        return None
    rest = [param.name for param in made.node.params if param.kind == "kwarg"]
    returned = [stmt.value for stmt in statements(made.node.body) if isinstance(stmt, n.Return)]
    inner = returned[0] if len(returned) == 1 else None
    if not rest or not isinstance(inner, n.Call) or names.meaning(made.path, inner.func) != "relationship":
        return None
    passed = any(k.name is None and isinstance(k.value, n.Name) and k.value.id == rest[0] for k in inner.keywords)
    # What sets the strategy in another way than by an argument is not followed.
    return inner if passed and ("lazy" not in made.words or keyword(inner, "lazy") is not None) else None


def spelled_out(call: n.Call, cls: Class, names: Names) -> n.Call:
    """A relationship of *cls* with the arguments that ``**common`` stands for; SQLModel's ``Relationship()`` as the
    ``relationship()`` that it makes: with ``sa_relationship_kwargs`` as its own arguments, or given whole as
    ``sa_relationship``.
    """
    inner = forwarded(call, cls, names)
    if inner is not None:
        call = call._replace(keywords=(*call.keywords, *(k for k in inner.keywords if k.name is not None)))
    if any(k.name is None for k in call.keywords):
        every = [_keywords(_written(k.value, cls, names)) if k.name is None else (k,) for k in call.keywords]
        call = call._replace(keywords=tuple(one for some in every for one in some))
    whole, options = keyword(call, "sa_relationship"), keyword(call, "sa_relationship_kwargs")
    if isinstance(whole, n.Call):
        return whole
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
