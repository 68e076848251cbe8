"""What the linter takes the names of serializers to mean is held against the libraries installed."""

from __future__ import annotations

import importlib
import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from sqla_lint import serializer_api as api

# Names that some versions only have.
GONE = {"GenericModel", "AbsoluteUrlFor", "UrlFor"}
EXTRAS = (
    "flask_marshmallow.fields",
    "flask_marshmallow.sqla",
    "marshmallow_sqlalchemy",
    "marshmallow_sqlalchemy.fields",
)


def has(module: Any, name: str) -> bool:
    return hasattr(module, name)


@pytest.mark.parametrize("name", sorted(api._PYDANTIC.keys() - GONE))
def test_a_name_of_pydantics_is_there(name: str) -> None:
    pydantic = pytest.importorskip("pydantic")
    assert has(pydantic, name)
    assert api.meaning(f"pydantic.{name}") == api._PYDANTIC[name]


@pytest.mark.parametrize("name", sorted(api.FILLS | {"model_config"}))
def test_a_model_is_filled_by_its_class_methods(name: str) -> None:
    assert has(pytest.importorskip("pydantic").BaseModel, name)


@pytest.mark.parametrize("name", sorted(api.MAKES_OTHERS | api.FIELD_VALIDATORS | api.ROW_VALIDATORS))
def test_validators_are_pydantics(name: str) -> None:
    assert has(pytest.importorskip("pydantic"), name)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_adapter_and_every_filling_method_that_is_no_older_name_read_attributes() -> None:
    pydantic = pytest.importorskip("pydantic", minversion="2")

    class NameOut(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        model_config = pydantic.ConfigDict(from_attributes=True)
        name: str

    row = SimpleNamespace(name="Ann")
    for name in sorted(api.FILLS - {"parse_obj"}):
        assert getattr(NameOut, name)(row).name == "Ann"
    for name in api.ADAPTS:
        found = getattr(pydantic.TypeAdapter(list[NameOut]), name)([row])
        assert [one.name for one in found] == ["Ann"]
    assert set(api.FROM_ATTRIBUTES | api.BY_NAME) & set(pydantic.ConfigDict.__annotations__) == {
        "from_attributes", "populate_by_name", "validate_by_name"
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(api._APPLICATIONS))
def test_an_application_of_fastapis_has_every_way_to_add_an_endpoint(name: str) -> None:
    fastapi = pytest.importorskip("fastapi")
    assert all(has(getattr(fastapi, name), method) for method in api.ENDPOINTS)
    assert api.meaning(f"fastapi.{name}") == "application"


@pytest.mark.parametrize("name", sorted(api._PAGES))
def test_a_page_of_fastapi_paginations_has_items(name: str) -> None:
    pages = [pytest.importorskip("fastapi_pagination"), importlib.import_module("fastapi_pagination.cursor")]
    page = next(getattr(module, name) for module in pages if has(module, name))
    assert "items" in page.model_fields
    assert api.meaning(f"fastapi_pagination.{name}") == "page"


@pytest.mark.parametrize("name", sorted(api._FIELDS.keys() - GONE))
def test_a_field_is_marshmallows_or_of_what_is_built_on_it(name: str) -> None:
    modules = [pytest.importorskip("marshmallow.fields"), *(_found(extra) for extra in EXTRAS)]
    if None not in modules:
        assert any(has(module, name) for module in modules)
    assert api.meaning(f"marshmallow.fields.{name}") == api._FIELDS[name]


def _found(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def test_every_other_field_reads_its_attribute() -> None:
    fields = pytest.importorskip("marshmallow.fields")
    members: list[tuple[str, Any]] = inspect.getmembers(fields, inspect.isclass)
    for name, field in members:
        if issubclass(field, fields.Field) and api.meaning(f"marshmallow.fields.{name}") == "plain":
            assert field._CHECK_ATTRIBUTE, name
    assert not fields.Function._CHECK_ATTRIBUTE
    assert not fields.Method._CHECK_ATTRIBUTE
    assert not fields.Constant._CHECK_ATTRIBUTE


@pytest.mark.parametrize("name", sorted(api.READS_ITSELF))
def test_a_field_reads_rows_by_these_methods(name: str) -> None:
    assert has(pytest.importorskip("marshmallow.fields").Field, name)


def test_a_schema_reads_rows_by_these_methods() -> None:
    marshmallow = pytest.importorskip("marshmallow")
    assert all(has(marshmallow.Schema, name) for name in ("dump", "dumps", api.READS_ROWS))
    hooks = [getattr(marshmallow, name) for name in (api.PRE_DUMP, api.POST_DUMP)]
    assert all(api.WHOLE & inspect.signature(hook).parameters.keys() for hook in hooks)
    assert "pass_original" in inspect.signature(hooks[1]).parameters
    given = inspect.signature(marshmallow.Schema.__init__).parameters.keys()
    assert {"only", "exclude", "many", "load_only"} <= given & (api.PICKS | {"many"})


def test_flask_marshmallows_extension_hands_out_schemas_and_fields() -> None:
    flask = pytest.importorskip("flask_marshmallow")
    pytest.importorskip("marshmallow_sqlalchemy")
    extension = flask.Marshmallow()
    assert has(extension.Schema, "jsonify")
    assert has(extension, "Nested")
    assert api.meaning("flask_marshmallow.Marshmallow") == "extension"
    assert all(has(pytest.importorskip("flask_marshmallow.sqla"), name) for name in api._SCHEMAS.keys() - {"Schema"})


@pytest.mark.parametrize(
    "name", ["graphene.Schema", "schema.Schema", "marshmallow_jsonapi.Schema", "pydantic.dataclasses"]
)
def test_what_only_looks_like_one_means_nothing(name: str) -> None:
    assert api.meaning(name) is None
