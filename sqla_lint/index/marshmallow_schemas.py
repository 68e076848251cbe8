"""marshmallow's schemas: which attributes the fields of one read of a row, and which schemas they hand those on to.

Read here: ``Schema`` classes, those of marshmallow-sqlalchemy and Flask-Marshmallow, their ``class Meta``, and how a
use of one confines it (``only=``, ``exclude=``). A use that is not written down literally is not known.
"""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint import serializer_api as api
from sqla_lint.index.annotations import keyword, last_name, string
from sqla_lint.index.module import Class, Function
from sqla_lint.index.project import Variable
from sqla_lint.index.serializers import Serializers
from sqla_lint.index.shapes import Each, Field, Path, Schema, Shape
from sqla_lint.lower import nodes as n

# Bases that are about something else.
_NO_SCHEMAS = ("abc.", "typing.", "typing_extensions.", "enum.", "object")
# Schemas that contain one another by name are followed this far.
_MAX_HOPS = 6


class Use(NamedTuple):
    """A schema as a call makes it: *many* if it dumps collections."""

    schema: Schema
    many: bool

    @property
    def shape(self) -> Shape:
        return Each(self.schema) if self.many else self.schema


def use(known: Serializers, cls: Class, call: n.Call, path: str) -> Use | None:
    """``PetSchema(many=True, only=("name",))``; None where it is not known what that leaves of the schema."""
    if len(call.args) > 0 or any(k.name is None for k in call.keywords) or not _is_plain(known, cls):
        return None
    if keyword(call, "only") is None and _may_leave_out(known, cls):
        return None
    many = keyword(call, "many")
    if many is not None and not (isinstance(many, n.Constant) and isinstance(many.value, bool)):
        return None
    schema = _confined(known, Schema(cls), call, path)
    return Use(schema, isinstance(many, n.Constant) and many.value is True) if schema is not None else None


def _is_plain(known: Serializers, cls: Class) -> bool:
    """Whether a schema's fields are those that it declares: no code of the project's own reads rows, or picks them."""
    methods = [method for owner in known.names.lineage(cls) for method in owner.methods.values()]
    if any(method.node.name == api.READS_ROWS for method in methods):
        return False
    return not any(method.node.name == "__init__" and method.words & api.PICKS for method in methods)


def _may_leave_out(known: Serializers, cls: Class) -> bool:
    """Whether a base that is not known stands beside marshmallow's: it may dump what it is asked for alone."""
    bases = known.names.external_bases(cls)
    return any(api.meaning(base) is None and not base.startswith(_NO_SCHEMAS) for base in bases)


def _confined(known: Serializers, schema: Schema, call: n.Call, path: str) -> Schema | None:
    """A schema as ``only=``, ``exclude=`` and ``load_only=`` of a call leave it."""
    for name in ("exclude", "load_only", "only"):
        value = keyword(call, name)
        if value is None or isinstance(value, n.Constant) and value.value is None:
            continue
        paths = _literal(known, value, path)
        if paths is None:
            return None
        if name == "only":
            schema = schema._replace(only=paths if schema.only is None else schema.only & paths)
        else:
            schema = schema._replace(exclude=schema.exclude | paths)
    return schema


def _literal(known: Serializers, value: n.Expr, path: str) -> frozenset[Path] | None:
    """The dotted names of a literal list, or of a constant that is one."""
    if isinstance(value, n.Constant) and isinstance(value.value, str):
        return frozenset({tuple(value.value.split("."))})
    if isinstance(value, n.Sequence):
        names = [string(item) for item in value.items]
        return None if None in names else frozenset(tuple(name.split(".")) for name in names if name is not None)
    what = known.names.definition(path, value)
    if isinstance(what, Variable) and len(what.assigned) == 1:
        inner = getattr(what.assigned[0], "value", None)
        return _literal(known, inner, what.path) if isinstance(inner, (n.Sequence, n.Constant)) else None
    return None


# --- fields ----------------------------------------------------------------------------------------------------------


def fields(known: Serializers, schema: Schema) -> list[Field] | None:
    """The fields of a schema that a dump reads; None where they are not known."""
    cls, options = schema.cls, _Meta(known, schema.cls)
    found: dict[str, Field | None] = _automatic(known, cls, options)
    for owner in reversed(known.names.lineage(cls)):
        for name, stmts in owner.assigned.items():
            value = getattr(stmts[-1], "value", None)
            meaning = _meaning(known, owner.path, value) if isinstance(value, n.Call) else None
            if isinstance(value, n.Call) and meaning is not None:
                found[name] = _field(known, owner, name, meaning, value, schema)
    listed = options.names("fields")
    left_out = options.names("exclude"), options.names("load_only")
    if listed is _UNKNOWN or _UNKNOWN in left_out:
        return None
    if listed is not None:
        found = {name: found.get(name, _named(cls, name)) for name in sorted(listed)}
    for names in left_out:
        found = {name: field for name, field in found.items() if name not in (names or ())}
    return [field for name, field in found.items() if field is not None and _is_wanted(schema, name)]


def _named(cls: Class, name: str) -> Field:
    """A field that is only named, not declared: it reads the attribute."""
    return Field(name, cls.node.pos, cls.path, (tuple(name.split(".")),))


def _is_wanted(schema: Schema, name: str) -> bool:
    if (name,) in schema.exclude:
        return False
    return schema.only is None or any(path[0] == name for path in schema.only)


def _automatic(known: Serializers, cls: Class, options: _Meta) -> dict[str, Field | None]:
    """The fields that a ``SQLAlchemyAutoSchema`` makes: of the model's columns, of its relationships if it is told."""
    model = options.model
    mapped = known.mappings.mapped(model) if model is not None else None
    if known.kind(cls) != "auto-schema" or mapped is None or model is None:
        return {}
    names = set(mapped.deferred)
    if options.is_set("include_relationships"):
        every = known.mappings.relationship_names
        names |= {name for name in every if known.mappings.relationship(model, name) is not None}
    return {name: _named(cls, name) for name in sorted(names)}


def _field(known: Serializers, owner: Class, name: str, meaning: str, call: n.Call, schema: Schema) -> Field | None:
    """A declared field that is read; None for one that reads nothing, or of which that is not known."""
    never = keyword(call, "load_only")
    if meaning == "nothing" or isinstance(never, n.Constant) and never.value is True:
        return None
    if any(k.name is None for k in call.keywords):
        return None
    made = Field(name, call.pos, owner.path)
    if meaning in ("function", "method"):
        return made._replace(runs=_code(known, schema.cls, owner, meaning, call))
    attribute = string(keyword(call, "attribute"))
    if meaning == "auto" and attribute is None:
        attribute = string(call.args[0]) if call.args else string(keyword(call, "column_name"))
    path = tuple((attribute or name).split("."))
    return made._replace(paths=(path,), inner=inner(known, owner, call, schema, name))


def _meaning(known: Serializers, path: str, call: n.Call) -> str | None:
    """What a call in a schema's body means, a field class of the project's own by the class that it extends."""
    what = known.names.definition(path, call.func)
    if not isinstance(what, Class):
        meaning = known.meaning(path, call.func)
        return None if meaning in ("schema", "auto-schema", "extension") else meaning
    lineage = known.names.lineage(what)
    found = [known.meaning(c.path, base) for c in lineage for base in c.node.bases]
    meaning = next((one for one in found if one in api.FIELD_MEANINGS), None)
    own = {name for c in lineage for name in c.methods} & api.READS_ITSELF
    if meaning is None or not own:
        return meaning
    return "plain" if own == {"_serialize"} else "nothing"


def _code(known: Serializers, cls: Class, owner: Class, meaning: str, call: n.Call) -> Function | n.Lambda | None:
    """What ``Function(lambda row: ...)`` or ``Method("get_x")`` calls with the row."""
    value = call.args[0] if call.args else keyword(call, "serialize")
    if meaning == "method":
        name = string(value)
        lineage = known.names.lineage(cls)
        return next((c.methods[name] for c in lineage if name in c.methods), None) if name is not None else None
    if isinstance(value, n.Lambda):
        return value
    what = known.names.definition(owner.path, value) if value is not None else None
    return what if isinstance(what, Function) else None


def row_class(known: Serializers, function: Function) -> Class | None:
    """The class of the rows that a method is handed for ``fields.Method``: the model of its schema."""
    cls = function.cls
    if cls is None or not known.is_marshmallow(cls):
        return None
    values = (getattr(stmts[-1], "value", None) for stmts in cls.assigned.values())
    calls = [value for value in values if isinstance(value, n.Call) and value.args]
    named = [call for call in calls if string(call.args[0]) == function.node.name]
    is_field = any(_meaning(known, cls.path, call) == "method" for call in named)
    model = _Meta(known, cls).model if is_field else None
    return model if model is not None and known.mappings.is_mapped(model) else None


# --- schemas within schemas ------------------------------------------------------------------------------------------


def inner(known: Serializers, owner: Class, call: n.Call, schema: Schema, name: str) -> Shape | None:
    """What a field makes of the attribute that it reads: another schema's fields, for each of a ``List``."""
    made = _nested(known, owner, call)
    if made is None:
        return None
    below = made.item if isinstance(made, Each) else made
    if isinstance(below, Schema):
        only = frozenset(path[1:] for path in schema.only or () if path[0] == name and len(path) > 1)
        without = frozenset(path[1:] for path in schema.exclude if path[0] == name and len(path) > 1)
        if only:
            below = below._replace(only=only if below.only is None else only & below.only)
        below = below._replace(exclude=below.exclude | without)
    return Each(below) if isinstance(made, Each) else below


def _nested(known: Serializers, owner: Class, call: n.Call, hops: int = _MAX_HOPS) -> Shape | None:
    meaning = _meaning(known, owner.path, call)
    value = call.args[0] if call.args else keyword(call, "nested") or keyword(call, "cls_or_instance")
    if value is None or not hops:
        return None
    if meaning == "list":
        item = _nested(known, owner, value, hops - 1) if isinstance(value, n.Call) else None
        return Each(item) if item is not None else None
    if meaning not in ("nested", "pluck"):
        return None
    found = _used(known, owner, value)
    if found is None:
        return None
    schema = _confined(known, found.schema, call, owner.path)
    if meaning == "pluck":
        plucked = string(call.args[1]) if len(call.args) > 1 else string(keyword(call, "field_name"))
        schema = found.schema._replace(only=frozenset({(plucked,)})) if plucked is not None else None
    many = keyword(call, "many")
    if schema is None or many is not None and not isinstance(many, n.Constant):
        return None
    return found._replace(schema=schema, many=found.many or bool(getattr(many, "value", False))).shape


def _used(known: Serializers, owner: Class, value: n.Expr) -> Use | None:
    """What ``Nested`` is given: a class, its name, a schema, or a lambda that gives one."""
    if isinstance(value, n.Lambda):
        return _used(known, owner, value.body)
    name = string(value)
    if name is not None:
        what: object = owner if name == "self" else known.by_name(name, owner.path)
    else:
        what = known.names.definition(owner.path, value.func if isinstance(value, n.Call) else value)
    if isinstance(what, Variable) and not isinstance(value, n.Call) and len(what.assigned) == 1:
        made = getattr(what.assigned[0], "value", None)
        what = known.names.definition(what.path, made.func) if isinstance(made, n.Call) else None
        value = made if isinstance(made, n.Call) else value
    if not isinstance(what, Class) or not known.is_marshmallow(what):
        return None
    call = value if isinstance(value, n.Call) else n.Call(value.pos, value, (), ())
    return use(known, what, call, owner.path)


# --- hooks -----------------------------------------------------------------------------------------------------------


class Hook(NamedTuple):
    """A method that is handed a row, or, if *whole*, all of them."""

    method: Function
    whole: bool


def hooks(known: Serializers, cls: Class, name: str) -> list[Hook]:
    """The ``pre_dump`` hooks of a schema, or its ``post_dump`` hooks that ask for the row as well."""
    found: list[Hook] = []
    for owner in known.names.lineage(cls):
        for method in owner.methods.values():
            for decorator in method.node.decorators:
                if last_name(decorator) == name:
                    given = decorator.keywords if isinstance(decorator, n.Call) else ()
                    set_ = {k.name for k in given if isinstance(k.value, n.Constant) and k.value.value is True}
                    if name == api.PRE_DUMP or "pass_original" in set_:
                        found.append(Hook(method, bool(set_ & api.WHOLE)))
    return found


# --- class Meta ------------------------------------------------------------------------------------------------------

_UNKNOWN: frozenset[str] = frozenset({"?"})


class _Meta:
    """The options of a schema's ``class Meta``, those of the ``Meta`` that it extends included."""

    def __init__(self, known: Serializers, cls: Class) -> None:
        self.known = known
        self._options: dict[str, tuple[n.Expr, str]] = {}
        for owner in known.names.lineage(cls):
            meta = next((s for s in owner.node.body if isinstance(s, n.ClassDef) and s.name == "Meta"), None)
            if meta is None:
                continue
            for stmt in meta.body:
                if isinstance(stmt, n.Assign) and isinstance(stmt.targets[0], n.Name):
                    self._options.setdefault(stmt.targets[0].id, (stmt.value, owner.path))
            if not meta.bases:
                break

    @property
    def model(self) -> Class | None:
        value, path = self._options.get("model", (None, ""))
        what = self.known.names.definition(path, value) if value is not None else None
        return what if isinstance(what, Class) else None

    def is_set(self, name: str) -> bool:
        value, _ = self._options.get(name, (None, ""))
        return isinstance(value, n.Constant) and value.value is True

    def names(self, name: str) -> frozenset[str] | None:
        """The names that an option lists; ``?`` among them where that is not written down."""
        value, path = self._options.get(name, (None, ""))
        if value is None:
            return None
        paths = _literal(self.known, value, path)
        return _UNKNOWN if paths is None else frozenset(".".join(path) for path in paths)
