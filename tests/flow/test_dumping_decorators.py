"""Decorators of Flask's extensions that dump what a view returns."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqla_lint import Settings, check

TEXT = """
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields
{imports}

db = SQLAlchemy()

class Owner(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    pets = db.relationship("Pet")

class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    owner_id = db.Column(db.ForeignKey("owner.id"))

class PetSchema(Schema):
    id = fields.Integer()

class OwnerSchema(Schema):
    pets = fields.Nested(PetSchema, many=True)

@{decorator}
def owners():
    return Owner.query.all()
"""
SMOREST = 'from flask_smorest import Blueprint\n\npages = Blueprint("pages", __name__)'


@pytest.mark.parametrize(
    ("imports", "decorator", "codes"),
    [
        (SMOREST, "pages.response(200, OwnerSchema(many=True))", ["SES401"]),
        (SMOREST, "pages.response(200, schema=OwnerSchema(many=True))", ["SES401"]),
        (SMOREST, "pages.response(200, PetSchema(many=True))", []),
        (SMOREST, "pages.arguments(OwnerSchema(many=True))", []),
        ("from apiflask import APIFlask\n\napp = APIFlask(__name__)", "app.output(OwnerSchema(many=True))", ["SES401"]),
        ("from flask_apispec import marshal_with", "marshal_with(OwnerSchema(many=True))", ["SES401"]),
    ],
)
def test_what_a_decorator_dumps(tmp_path: Path, imports: str, decorator: str, codes: list[str]) -> None:
    (tmp_path / "app.py").write_text(TEXT.format(imports=imports, decorator=decorator))
    report = check([str(tmp_path)], Settings(folder=tmp_path, cache=False))
    assert [finding.code for finding in report.findings] == codes
