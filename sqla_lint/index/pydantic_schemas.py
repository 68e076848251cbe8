"""Pydantic's schemas: what an annotation makes of a value, and which attributes the fields of a model read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqla_lint import serializer_api as api
from sqla_lint.index.annotations import COLLECTIONS, keyword, last_name, string, unquote
from sqla_lint.index.module import Class, Function
from sqla_lint.index.project import Variable
from sqla_lint.index.serializers import Serializers
from sqla_lint.index.shapes import Each, Field, Path, Schema, Shape
from sqla_lint.lower import nodes as n

Arguments = tuple[tuple[str, "Shape | None"], ...]
# Names for other names are followed this far.
_MAX_HOPS = 8


def shape(
    known: Serializers, path: str, annotation: n.Expr, bound: Arguments = (), hops: int = _MAX_HOPS
) -> Shape | None:
    """What Pydantic makes of a value by an annotation of the file *path*; None where it reads nothing of it, or that
    is not clear (a union of schemas).
    """
    annotation = unquote(annotation)
    if not hops:
        return None
    if isinstance(annotation, n.BinOp) and annotation.op == "|":
        return _only(known, path, (annotation.left, annotation.right), bound, hops)
    if isinstance(annotation, n.Subscript):
        return _subscript(known, path, annotation, bound, hops - 1)
    if isinstance(annotation, n.Name) and annotation.id in dict(bound):
        return dict(bound)[annotation.id]
    what = known.names.definition(path, annotation)
    if isinstance(what, Class) and known.is_model(what):
        return of_class(known, what, hops)
    if isinstance(what, Variable) and len(what.assigned) == 1:
        value = getattr(what.assigned[0], "value", None)
        if isinstance(value, (n.Subscript, n.BinOp)):
            return shape(known, what.path, value, (), hops - 1)
    return None


def of_class(known: Serializers, cls: Class, hops: int = _MAX_HOPS) -> Shape | None:
    """What a model makes of a value; a ``RootModel[list[PetOut]]`` makes of it what its argument does."""
    if known.kind(cls) != "root-model":
        return Schema(cls)
    for owner in known.names.lineage(cls):
        for base in owner.node.bases:
            if isinstance(base, n.Subscript) and known.meaning(owner.path, base.value) == "root-model":
                return shape(known, owner.path, base.key, (), hops - 1)
    return None


def _only(known: Serializers, path: str, parts: Iterable[n.Expr], bound: Arguments, hops: int) -> Shape | None:
    """``X | None``: of several that may be something nothing is known."""
    kept = [part for part in parts if not (isinstance(part, n.Constant) and part.value is None)]
    return shape(known, path, kept[0], bound, hops - 1) if len(kept) == 1 else None


def _subscript(known: Serializers, path: str, node: n.Subscript, bound: Arguments, hops: int) -> Shape | None:
    name = last_name(node.value)
    items = node.key.items if isinstance(node.key, n.Sequence) else (node.key,)
    if name == "Annotated":
        made = any(last_name(part) in api.MAKES_OTHERS for part in items[1:])
        return shape(known, path, items[0], bound, hops) if items and not made else None
    if name in ("Optional", "Union"):
        return _only(known, path, items, bound, hops)
    if name in COLLECTIONS and name not in ("dict", "Dict", "Generator"):
        item = shape(known, path, items[0], bound, hops) if items else None
        return Each(item) if item is not None else None
    if known.meaning(path, node.value) == "page":
        item = shape(known, path, items[0], bound, hops)
        return Each(item, paged=True) if item is not None else None
    what = known.names.definition(path, node.value)
    if isinstance(what, Class) and known.is_model(what):
        given = [shape(known, path, item, bound, hops) for item in items]
        return Schema(what, tuple(zip(_variables(known, what, len(given)), given)))
    return None


def _variables(known: Serializers, cls: Class, count: int) -> list[str]:
    """The type variables of a generic model, in their order."""
    for owner in known.names.lineage(cls):
        for base in owner.node.bases:
            if isinstance(base, n.Subscript):
                items = base.key.items if isinstance(base.key, n.Sequence) else (base.key,)
                names = [item.id for item in items if isinstance(item, n.Name)]
                if len(names) == count == len(items):
                    return names
    # ``class Page[T]``: a name that nothing defines is the one that stands for the one argument.
    free = {
        part.id
        for owner in known.names.lineage(cls)
        for stmts in owner.assigned.values()
        for stmt in stmts
        if isinstance(stmt, n.AnnAssign)
        for part in _names(stmt.annotation)
        if known.names.definition(owner.path, part) is None
    } - _BUILTINS
    return sorted(free) if count == len(free) == 1 else []


_BUILTINS = frozenset({"list", "dict", "set", "tuple", "str", "int", "bool", "float", "bytes", "object", "type"})


def _names(annotation: n.Expr) -> Iterator[n.Name]:
    annotation = unquote(annotation)
    if isinstance(annotation, n.Name):
        yield annotation
    elif isinstance(annotation, n.Subscript):
        yield from _names(annotation.key)
    elif isinstance(annotation, (n.BinOp, n.Sequence)):
        for part in (annotation.left, annotation.right) if isinstance(annotation, n.BinOp) else annotation.items:
            yield from _names(part)


# --- fields ----------------------------------------------------------------------------------------------------------


def fields(known: Serializers, schema: Schema) -> tuple[Field, ...]:
    """The fields of a model, those of bases included."""
    made = known.fields.get(schema)
    if made is None:
        made = known.fields[schema] = _fields(known, schema)
    return made


def _fields(known: Serializers, schema: Schema) -> tuple[Field, ...]:
    found: dict[str, Field] = {}
    by_name = _is_set(known, schema.cls, api.BY_NAME)
    for owner in reversed(known.names.lineage(schema.cls)):
        arguments = (*schema.arguments, *_given_to_bases(known, schema.cls, owner))
        for name, stmts in owner.assigned.items():
            stmt = stmts[-1]
            if isinstance(stmt, n.AnnAssign) and name != "model_config" and not name.startswith("_"):
                if last_name(getattr(stmt.annotation, "value", stmt.annotation)) != "ClassVar":
                    found[name] = _field(known, owner, name, stmt, arguments, by_name)
    validators = _validators(known, schema.cls)
    return tuple(_validated(field, validators) for field in found.values())


def _given_to_bases(known: Serializers, cls: Class, owner: Class) -> Arguments:
    """``class PetPage(Page[PetOut])``: what a base's type variables stand for."""
    for below in known.names.lineage(cls):
        for base in below.node.bases:
            if isinstance(base, n.Subscript) and known.names.definition(below.path, base.value) is owner:
                made = shape(known, below.path, base)
                return made.arguments if isinstance(made, Schema) else ()
    return ()


def _field(
    known: Serializers, owner: Class, name: str, stmt: n.AnnAssign, arguments: Arguments, by_name: bool
) -> Field:
    paths: tuple[Path, ...] = ((name,),)
    for part in (stmt.value, *_metadata(stmt.annotation)):
        if isinstance(part, n.Call) and known.meaning(owner.path, part.func) == "field":
            aliases = _aliases(part)
            if aliases is None:
                return Field(name, stmt.pos, owner.path)
            paths = (*aliases, (name,)) if aliases and by_name else aliases or paths
    return Field(name, stmt.pos, owner.path, paths, shape(known, owner.path, stmt.annotation, arguments))


def _metadata(annotation: n.Expr) -> tuple[n.Expr, ...]:
    annotation = unquote(annotation)
    if isinstance(annotation, n.Subscript) and last_name(annotation.value) == "Annotated":
        return annotation.key.items[1:] if isinstance(annotation.key, n.Sequence) else ()
    return ()


def _aliases(field: n.Call) -> tuple[Path, ...] | None:
    """The attributes that a ``Field`` reads instead of its own name; None where they are not known."""
    if any(k.name is None for k in field.keywords):
        return None
    value = keyword(field, "validation_alias") or keyword(field, "alias")
    return () if value is None else _alias(value)


def _alias(value: n.Expr) -> tuple[Path, ...] | None:
    literal = string(value)
    if literal is not None:
        return ((literal,),)
    if isinstance(value, n.Call) and last_name(value) == "AliasPath":
        parts = [str(arg.value) for arg in value.args if isinstance(arg, n.Constant)]
        return (tuple(parts),) if len(parts) == len(value.args) else None
    if isinstance(value, n.Call) and last_name(value) == "AliasChoices":
        found = [_alias(arg) for arg in value.args]
        return None if None in found else tuple(path for paths in found if paths for path in paths)
    return None


class _Validator(NamedTuple):
    """A method that sees what some fields are filled from, *named* by strings; None where what it does is not known."""

    named: frozenset[str | None]
    method: Function | None


def _validators(known: Serializers, cls: Class) -> list[_Validator]:
    """The validators that are called before a field is filled, in the order of the calls: the last one first."""
    methods = {name: method for owner in reversed(known.names.lineage(cls)) for name, method in owner.methods.items()}
    found: list[_Validator] = []
    for method in methods.values():
        for decorator in _decorators(method, api.FIELD_VALIDATORS):
            mode, early = keyword(decorator, "mode"), _is_true(keyword(decorator, "pre"))
            if early or mode is not None and string(mode) != "after":
                plain = early or string(mode) == "before"
                named = frozenset(map(string, decorator.args))
                is_known = plain and None not in named and keyword(decorator, "each_item") is None
                found.append(_Validator(named, method if is_known else None))
    return found[::-1]


def _validated(field: Field, validators: Iterable[_Validator]) -> Field:
    """A field with what is called before it is filled."""
    before = [one.method for one in validators if one.named & {field.name, "*", None}]
    known = tuple(method for method in before if method is not None)
    return field._replace(before=known) if len(known) == len(before) else field._replace(inner=None)


def _is_true(value: n.Expr | None) -> bool:
    return isinstance(value, n.Constant) and value.value is True


def _decorators(method: Function, names: frozenset[str]) -> Iterator[n.Call]:
    for decorator in method.node.decorators:
        if last_name(decorator) in names:
            yield decorator if isinstance(decorator, n.Call) else n.Call(decorator.pos, decorator, (), ())


def before(known: Serializers, cls: Class) -> list[Function]:
    """The validators that see the row before the model's fields do, and may make something else of it."""
    found: list[Function] = []
    for owner in known.names.lineage(cls):
        for method in owner.methods.values():
            found += [method for decorator in _decorators(method, api.ROW_VALIDATORS) if _is_early(decorator)]
    return found


def _is_early(decorator: n.Call) -> bool:
    return string(keyword(decorator, "mode")) in ("before", "wrap") or _is_true(keyword(decorator, "pre"))


# --- configuration ---------------------------------------------------------------------------------------------------


def is_filled_by_attributes(known: Serializers, cls: Class) -> bool:
    """Whether the model's own configuration lets it be filled from an object's attributes."""
    return "sqlmodel.SQLModel" in known.names.external_bases(cls) or _is_set(known, cls, api.FROM_ATTRIBUTES)


def reads_otherwise(known: Serializers, cls: Class) -> bool:
    """Whether code of the project's own reads the row for the model's fields."""
    return any(_option(known, owner, api.READS_OTHERWISE) is not None for owner in known.names.lineage(cls))


def _is_set(known: Serializers, cls: Class, names: frozenset[str]) -> bool:
    for owner in known.names.lineage(cls):
        value = _option(known, owner, names)
        if value is not None:
            return _is_true(value)
    return False


def _option(known: Serializers, cls: Class, names: frozenset[str]) -> n.Expr | None:
    """What a class itself sets one of *names* to: in ``model_config``, ``class Config`` or its header."""
    pairs = [(k.name, k.value) for k in cls.node.keywords]
    for stmts in (cls.assigned.get("model_config", ()),):
        for stmt in stmts:
            pairs += _pairs(known, cls.path, getattr(stmt, "value", None))
    for stmt in cls.node.body:
        if isinstance(stmt, n.ClassDef) and stmt.name == "Config":
            for inner in stmt.body:
                if isinstance(inner, n.Assign) and isinstance(inner.targets[0], n.Name):
                    pairs.append((inner.targets[0].id, inner.value))
    return next((value for name, value in pairs if name in names), None)


def _pairs(known: Serializers, path: str, value: n.Expr | None) -> list[tuple[str | None, n.Expr]]:
    if isinstance(value, n.Call):
        return [(k.name, k.value) for k in value.keywords]
    if isinstance(value, n.Dict):
        return [(string(key), item) for key, item in zip(value.keys, value.values)]
    what = known.names.definition(path, value) if value is not None else None
    if isinstance(what, Variable) and len(what.assigned) == 1:
        inner = getattr(what.assigned[0], "value", None)
        return _pairs(known, what.path, inner) if isinstance(inner, (n.Call, n.Dict)) else []
    return []
