"""What the names of serializers mean: Pydantic's, FastAPI's and marshmallow's. The one table of them.

Everything here is a fact of these libraries (or of what is built on them), held by a test against the versions
installed. Names are dotted as they are imported; what a package re-exports counts as its own.
"""

from __future__ import annotations

from typing import Final

# --- Pydantic --------------------------------------------------------------------------------------------------------

_PYDANTIC: Final[dict[str, str]] = {
    "BaseModel": "model",
    "GenericModel": "model",
    "RootModel": "root-model",
    "TypeAdapter": "adapter",
    "parse_obj_as": "parse",
    "Field": "field",
    "AliasPath": "alias-path",
    "AliasChoices": "alias-choices",
    "ConfigDict": "config",
}
# Class methods that read the attributes of what they are given (``validate`` and the like are Pydantic 1's names).
FILLS: Final = frozenset({"model_validate", "from_orm", "parse_obj", "validate"})
# Methods of a ``TypeAdapter`` that do the same.
ADAPTS: Final = frozenset({"validate_python"})
# Decorators of methods that see a value, or the whole row, and may make another of it; by the modes that do not.
FIELD_VALIDATORS: Final = frozenset({"field_validator", "validator"})
ROW_VALIDATORS: Final = frozenset({"model_validator", "root_validator"})
VALIDATORS: Final = FIELD_VALIDATORS | ROW_VALIDATORS
# What stands in ``Annotated`` and makes another value of an attribute before the field sees it.
MAKES_OTHERS: Final = frozenset({"BeforeValidator", "PlainValidator", "WrapValidator"})
# Configuration that lets a schema be filled from attributes (Pydantic 2, Pydantic 1), and by the names of its fields.
FROM_ATTRIBUTES: Final = frozenset({"from_attributes", "orm_mode"})
BY_NAME: Final = frozenset({"populate_by_name", "validate_by_name", "allow_population_by_field_name"})
# Configuration by which names come about that are not written down, or by which other code reads the row.
READS_OTHERWISE: Final = frozenset({"getter_dict"})

# --- FastAPI ---------------------------------------------------------------------------------------------------------

_APPLICATIONS: Final = frozenset({"FastAPI", "APIRouter"})
ENDPOINTS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace", "api_route"})
# Pages of fastapi-pagination: their rows are in ``items``.
_PAGES: Final = frozenset({"Page", "LimitOffsetPage", "CursorPage"})

# --- marshmallow -----------------------------------------------------------------------------------------------------

# Decorators of Flask's extensions that dump what a view returns: where among the arguments the schema stands.
DUMPING_DECORATORS: Final[dict[str, int]] = {
    "flask_smorest.Blueprint.response": 1,
    "apiflask.APIFlask.output": 0,
    "apiflask.APIBlueprint.output": 0,
    "apiflask.output": 0,
    "flask_apispec.marshal_with": 0,
    "flask_apispec.annotations.marshal_with": 0,
}
_SCHEMAS: Final[dict[str, str]] = {
    "Schema": "schema",
    "SQLAlchemySchema": "schema",
    "SQLAlchemyAutoSchema": "auto-schema",
}
_FIELDS: Final[dict[str, str]] = {
    "Nested": "nested",
    "Pluck": "pluck",
    "List": "list",
    "Function": "function",
    "Method": "method",
    "Constant": "nothing",
    "URL": "plain",
    "URLFor": "nothing",
    "AbsoluteURLFor": "nothing",
    "AbsoluteUrlFor": "nothing",
    "UrlFor": "nothing",
    "Hyperlinks": "nothing",
    "HyperlinkRelated": "nothing",
    "Config": "nothing",
    "File": "nothing",
    "auto_field": "auto",
    "field_for": "plain",
    "Related": "plain",
    "RelatedList": "plain",
}
_MARSHMALLOW: Final = frozenset({"marshmallow", "marshmallow_sqlalchemy", "flask_marshmallow", "webargs"})
# Flask-Marshmallow's extension object hands out schemas and fields as attributes.
_EXTENSION: Final = "flask_marshmallow.Marshmallow"
FIELD_MEANINGS: Final = frozenset(_FIELDS.values())
# Words of an ``__init__`` that picks a schema's fields by itself.
PICKS: Final = frozenset({"only", "exclude", "fields", "many", "declared_fields", "dump_fields", "load_only", "pop"})
# Arguments that say which fields a schema has, and of what.
SHAPES: Final = frozenset({"many", "only", "exclude", "load_only"})
# Methods of a schema that read what they are given.
DUMPS: Final = frozenset({"dump", "dumps", "jsonify"})
# Hooks that are handed rows: before a dump, and after it where they ask for the original.
PRE_DUMP: Final = "pre_dump"
POST_DUMP: Final = "post_dump"
# Arguments by which a hook is handed the whole collection (marshmallow 4, marshmallow 3).
WHOLE: Final = frozenset({"pass_collection", "pass_many"})
# The method by which a schema of the project reads rows itself, and those by which a field does.
READS_ROWS: Final = "get_attribute"
READS_ITSELF: Final = frozenset({"serialize", "get_value", "_serialize"})

# Words one of which is in any file that defines a schema or extends a library's class.
PACKAGES: Final = frozenset({"pydantic", "sqlmodel"}) | _MARSHMALLOW


def meaning(dotted: str) -> str | None:
    """What a name from outside the project means to a serializer; None where it means nothing."""
    package, _, rest = dotted.partition(".")
    name = rest.rpartition(".")[2] or rest
    if package == "pydantic":
        return _PYDANTIC.get(name)
    if package == "sqlmodel":
        return "model" if name == "SQLModel" else _PYDANTIC.get(name)
    if package == "fastapi":
        return "application" if name in _APPLICATIONS else None
    if package == "fastapi_pagination":
        return "page" if name in _PAGES else "paginate" if name in ("paginate", "apaginate") else None
    if dotted == _EXTENSION:
        return "extension"
    if package in _MARSHMALLOW:
        return _SCHEMAS.get(name) or field(name)
    return None


def field(name: str) -> str | None:
    """What a class of marshmallow's fields reads, by its name: any that is not known by itself reads its attribute."""
    return _FIELDS.get(name, "plain" if name[:1].isupper() and name.isidentifier() else None)
