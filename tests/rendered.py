"""A small Flask application with its templates, run to see which of their lines send a statement for each row."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

MODELS = """
from pathlib import Path

import flask
from flask import Flask, render_template
from flask.views import MethodView
from flask_sqlalchemy import SQLAlchemy
from jinja2 import Environment, FileSystemLoader
from sqlalchemy.orm import joinedload, selectinload

app = Flask("app", root_path=str(Path(__file__).parent))
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
db = SQLAlchemy(app)


class Team(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String)
    above_id = db.Column(db.ForeignKey("team.id"))
    below = db.relationship("Team")
    users = db.relationship("User", back_populates="team")

    def everybody(self):
        return User.query.order_by(User.name)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String)
    team_id = db.Column(db.ForeignKey("team.id"))
    team = db.relationship(Team, back_populates="users")
    pets = db.relationship("Pet", back_populates="owner")

    @property
    def pet_count(self):
        return len(self.pets)

    @property
    def shout(self):
        return self.name.upper()

    def to_dict(self):
        return {"name": self.name, "team": self.team.name}

    def short(self):
        return self.name[:1]


class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String)
    owner_id = db.Column(db.ForeignKey("user.id"))
    owner = db.relationship(User, back_populates="pets")

    def __str__(self):
        return f"{self.name} of {self.owner.name}"


def fill(size):
    db.drop_all()
    db.create_all()
    for number in range(1, size + 1):
        db.session.add(Team(id=number, name=f"t{number}", below=[Team(name="x")]))
        db.session.add(Team(id=100 + number, name="z"))
        for other in range(2 * size):
            db.session.add(User(name=f"u{other}", team_id=number, pets=[Pet(name="p")]))
    db.session.commit()
    db.session.remove()
"""


def lines_per_row(folder: Path) -> set[tuple[str, int]]:
    """The lines of templates from which the more statements come, the more rows there are: (template, line)."""
    with _imported(folder) as module:
        few, many = (_sent(module, size) for size in (2, 4))
    return {place for place in many if many[place] > few[place]}


@contextlib.contextmanager
def _imported(folder: Path) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("app", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    outer, before = os.getcwd(), sys.modules.get("app")
    os.chdir(folder)
    sys.modules["app"] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        os.chdir(outer)
        del sys.modules["app"]
        if before is not None:
            sys.modules["app"] = before


def _sent(module: Any, size: int) -> Counter[tuple[str, int]]:
    from sqlalchemy import event

    sent: Counter[tuple[str, int]] = Counter()

    def count(*_: object) -> None:
        sent.update(_places())

    with module.app.app_context():
        module.fill(size)
        engine = module.db.engine
    event.listen(engine, "before_cursor_execute", count)
    response = module.app.test_client().get("/")
    event.remove(engine, "before_cursor_execute", count)
    assert response.status_code == 200
    engine.dispose()
    return sent


def _places() -> set[tuple[str, int]]:
    """The lines of templates that are being rendered."""
    found = set()
    frame = sys._getframe(2)
    while frame.f_back is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and frame.f_code.co_filename == template.filename:
            found.add((template.name, template.get_corresponding_lineno(frame.f_lineno)))
        frame = frame.f_back
    return found
