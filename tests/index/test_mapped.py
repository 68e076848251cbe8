"""Which classes are mapped, and each form of a relationship: its target, its strategy, its other side."""

from __future__ import annotations

import pytest
from flow.compare import project

from sqla_lint.index.mapped import Mappings, Relationship
from sqla_lint.index.module import Class
from sqla_lint.index.names import Names

ORM = """\
from typing import List, Optional
from sqlalchemy import Column, ForeignKey, Integer, Table
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.declarative import as_declarative
from sqlalchemy.orm import (
    DeclarativeBase, DynamicMapped, Mapped, MappedAsDataclass, WriteOnlyMapped, backref, declarative_base, declared_attr,
    deferred, dynamic_loader, mapped_column, registry, relationship,
)
"""
BASE = ORM + "class Base(DeclarativeBase): pass\n"


class Models:
    """The mappings of some files."""

    def __init__(self, **files: str) -> None:
        self.project = project({name.replace("__", "/") + ".py": text for name, text in files.items()}).world.project
        self.mappings = Mappings(Names(self.project))

    def cls(self, name: str) -> Class:
        return next(c for module in self.project.modules.values() for c in module.classes if c.name == name)

    def is_mapped(self, name: str) -> bool:
        return self.mappings.is_mapped(self.cls(name))

    def relationship(self, cls: str, name: str) -> Relationship | None:
        return self.mappings.relationship(self.cls(cls), name)


def of(text: str, head: str = BASE, name: str = "pets") -> tuple[str | None, bool | None, str | None, str | None]:
    """(target, many, lazy, inverse) of ``Owner.pets`` where *text* declares it in the body of ``Owner``."""
    models = Models(
        a=head
        + "class Pet(Base):\n    __tablename__ = 'pets'\n    id = Column(Integer, primary_key=True)\n"
        + "    owner_id = Column(ForeignKey('owners.id'))\n"
        + f"class Owner(Base):\n    __tablename__ = 'owners'\n    id = Column(Integer, primary_key=True)\n    {text}\n"
    )
    found = models.relationship("Owner", name)
    assert found is not None
    return found.target.name if found.target else None, found.many, found.lazy, found.inverse


class TestMapped:
    @pytest.mark.parametrize(
        "base",
        [
            "class Base(DeclarativeBase): pass",
            "Base = declarative_base()",
            "class Base(MappedAsDataclass, DeclarativeBase): pass",
            "@as_declarative()\nclass Base: pass",
            "reg = registry()\nBase = reg.generate_base()",
            "reg = registry()\nif TYPE_CHECKING:\n    Base = Any\nelse:\n    Base = reg.generate_base()",
            "try:\n    Base = declarative_base(metadata=m)\nexcept TypeError:\n    Base = declarative_base()",
            "class Plain: pass\nBase = declarative_base(cls=Plain)",
            "class Base: pass\nBase = declarative_base(cls=Base)",
            "class Base: pass\nif not TYPE_CHECKING:\n    Base = as_declarative(metadata=m)(Base)",
            "class First(DeclarativeBase): pass\nclass Base(First): __abstract__ = True",
        ],
    )
    def test_bases(self, base: str) -> None:
        assert Models(a=ORM + base + "\nclass Pet(Base): pass\n").is_mapped("Pet")

    def test_a_base_from_another_file(self) -> None:
        models = Models(
            app__base=ORM + "class Base(DeclarativeBase): pass\n",
            app__models="from .base import Base\nclass Pet(Base): pass\n",
            app__more="from app import models\nclass Cat(models.Pet): pass\n",
        )
        assert models.is_mapped("Pet")
        assert models.is_mapped("Cat")

    def test_by_decorator_and_imperatively(self) -> None:
        text = "reg = registry()\n@reg.mapped\nclass A: pass\n@reg.mapped_as_dataclass\nclass B: pass\n"
        text += "class C: pass\nreg.map_imperatively(C, table)\nclass D: pass\n"
        models = Models(a=ORM + text)
        assert [models.is_mapped(name) for name in "ABCD"] == [True, True, True, False]

    def test_a_base_of_another_package(self) -> None:
        table = '    __tablename__ = "users"\n    id = Column(Integer, primary_key=True)\n'
        text = ORM + "from helpers import Base, Form\nclass User(Base):\n" + table
        text += 'class Wanted(Form):\n    __tablename__ = "users"\nclass Mixin:\n' + table
        models = Models(app=text)
        assert models.is_mapped("User")
        assert not models.is_mapped("Wanted")
        assert not models.is_mapped("Mixin")

    def test_a_base_that_type_checkers_see_another_way(self) -> None:
        text = (
            "from typing import TYPE_CHECKING\nfrom flask_sqlalchemy import SQLAlchemy\n"
            "if TYPE_CHECKING:\n    from flask_sqlalchemy.model import Model\ndb = SQLAlchemy()\n"
            "if TYPE_CHECKING:\n    Base = Model\nelse:\n    Base = db.Model\nclass User(Base): pass\n"
        )
        assert Models(app=text).is_mapped("User")

    def test_flask_and_sqlmodel(self) -> None:
        flask = "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\nclass Pet(db.Model): pass\n"
        sqlmodel = (
            "from sqlmodel import SQLModel\nclass Owner(SQLModel, table=True): pass\nclass Form(SQLModel): pass\n"
        )
        models = Models(a=flask, b=sqlmodel)
        assert [models.is_mapped(name) for name in ("Pet", "Owner", "Form")] == [True, True, False]

    @pytest.mark.parametrize(
        "text",
        [
            "class Pet: pass",
            "from django.db import models\nclass Pet(models.Model): pass",
            "from pydantic import BaseModel as Base\nclass Pet(Base): pass",
            "from unknown import Base\nclass Pet(Base): pass",
            "class Pet(Pet): pass",
            "class Base: pass\nBase = traced()(Base)\nclass Pet(Base): pass",
        ],
    )
    def test_what_is_none_of_ours(self, text: str) -> None:
        assert not Models(a=text).is_mapped("Pet")


class TestRelationships:
    @pytest.mark.parametrize(
        ("text", "target", "many"),
        [
            ('pets: Mapped[list["Pet"]] = relationship()', "Pet", True),
            ("pets: Mapped[List['Pet']] = relationship()", "Pet", True),
            ("pets: Mapped['List[Pet]'] = relationship()", "Pet", True),
            ("pets: Mapped[set[Pet]] = relationship()", "Pet", True),
            ("pets: Mapped['Pet'] = relationship()", "Pet", False),
            ("pets: Mapped[Optional['Pet']] = relationship()", "Pet", False),
            ("pets: Mapped['Pet | None'] = relationship()", "Pet", False),
            ("pets = relationship('Pet')", "Pet", True),
            ("pets = relationship(Pet)", "Pet", True),
            ("pets = relationship(lambda: Pet)", "Pet", True),
            ("pets = relationship('a.Pet')", "Pet", True),
            ("pets = relationship(argument='Pet')", "Pet", True),
            ("pets = relationship('Pet', uselist=False)", "Pet", False),
            ("pets = relationship('Nobody')", None, None),
        ],
    )
    def test_targets(self, text: str, target: str | None, many: bool | None) -> None:
        assert of(text)[:2] == (target, many)

    @pytest.mark.parametrize(
        ("text", "lazy"),
        [
            ("relationship('Pet')", "select"),
            ("relationship('Pet', lazy='joined')", "joined"),
            ("relationship('Pet', lazy='selectin')", "selectin"),
            ("relationship('Pet', lazy=True)", "select"),
            ("relationship('Pet', lazy=False)", "joined"),
            ("relationship('Pet', lazy=None)", "noload"),
            ("relationship('Pet', lazy='dynamic')", "dynamic"),
            ("relationship('Pet', lazy=HOW)", None),
            ("relationship('Pet', **options)", None),
            ("dynamic_loader('Pet')", "dynamic"),
        ],
    )
    def test_strategies(self, text: str, lazy: str | None) -> None:
        assert of(f"pets = {text}")[2] == lazy

    @pytest.mark.parametrize(
        ("text", "lazy"), [("WriteOnlyMapped['Pet']", "write_only"), ("DynamicMapped[Pet]", "dynamic")]
    )
    def test_by_annotation_alone(self, text: str, lazy: str) -> None:
        assert of(f"pets: {text}")[1:3] == (True, lazy)
        assert of(f"pets: {text} = relationship()")[1:3] == (True, lazy)

    @pytest.mark.parametrize("imported", ["from library.orm import relationship", "from library import orm"])
    def test_of_a_library_over_sqlalchemy(self, imported: str) -> None:
        name = "relationship" if imported.endswith("relationship") else "orm.relationship"
        text = f"pets: Mapped[list['Pet']] = {name}(lazy='selectin')"
        assert of(text, f"{BASE.replace(', relationship,', ',')}{imported}\n") == ("Pet", True, "selectin", None)

    def test_the_other_side(self) -> None:
        assert of("pets = relationship('Pet', back_populates='owner')")[3] == "owner"
        assert of("pets = relationship('Pet', backref='owner')")[3] == "owner"
        assert of("pets = relationship('Pet', backref=backref('owner', lazy='joined'))")[3] == "owner"

    def test_a_backref_is_a_relationship_of_the_other_class(self) -> None:
        text = (
            BASE
            + "class Pet(Base): pass\nclass Owner(Base):\n    pets = relationship('Pet', backref=backref('owner', lazy='joined'))\n"
        )
        found = Models(a=text).relationship("Pet", "owner")
        assert found is not None
        assert found.target is not None
        assert (found.target.name, found.lazy, found.inverse) == ("Owner", "joined", "pets")

    def test_inherited_overridden_and_from_a_mixin(self) -> None:
        text = BASE + (
            "class Pet(Base): pass\n"
            "class Mixin:\n    @declared_attr\n    def first(cls):\n        return relationship('Pet', lazy='joined')\n"
            "    @declared_attr\n    def second(cls) -> Mapped['Pet']:\n        return relationship()\n"
            "class Owner(Mixin, Base):\n    pets = relationship('Pet')\n"
            "class Keeper(Owner):\n    first = None\n"
        )
        models = Models(a=text)
        first, second = models.relationship("Owner", "first"), models.relationship("Owner", "second")
        assert first is not None
        assert second is not None
        assert first.lazy == "joined"
        assert (second.target, second.many) == (models.cls("Pet"), False)
        assert models.relationship("Keeper", "pets") is not None
        assert models.relationship("Keeper", "first") is None

    def test_an_abstract_base_that_both_sides_have_is_no_table(self) -> None:
        text = BASE + (
            "class Stamped(Base):\n    __abstract__ = True\n"
            "class House(Stamped):\n    id = Column(Integer, primary_key=True)\n"
            "class Pet(Stamped):\n    owner_id = Column(ForeignKey('owners.id'))\n"
            "class Owner(Stamped):\n    __tablename__ = 'owners'\n    house_id = Column(ForeignKey(House.id))\n"
            "    house = relationship('House')\n    pets = relationship('Pet')\n"
        )
        pets, house = (Models(a=text).relationship("Owner", name) for name in ("pets", "house"))
        assert pets is not None
        assert house is not None
        assert (pets.many, house.many) == (True, False)

    def test_tables_that_are_written_elsewhere(self) -> None:
        text = BASE + (
            "owners = Table('owners', Base.metadata, Column('id', Integer, primary_key=True))\n"
            "pets = Table('pets', Base.metadata, Column('owner_id', ForeignKey('owners.id')))\n"
            "class Paper(Base):\n    __tablename__ = 'papers'\n    keeper_id = Column(ForeignKey('owners.id'))\n"
            "class Owner(Base):\n    __table__ = owners\n    pets = relationship('Pet')\n"
            "class Pet(Base):\n    __table__ = pets.outerjoin(Paper.__table__)\n    owner = relationship(Owner)\n"
            "class Stray(Base):\n    __table__ = found()\n    owner = relationship(Owner)\n"
        )
        models = Models(a=text)
        many = [models.relationship(*one) for one in (("Owner", "pets"), ("Pet", "owner"), ("Stray", "owner"))]
        assert [one.many for one in many if one is not None] == [True, False, None]

    def test_an_annotation_of_the_table_is_no_table(self) -> None:
        owner = "class Owner(Base):\n    __table__: ClassVar[Table]\n    __tablename__ = 'owners'\n    id = Column()\n"
        pet = "class Pet(Base):\n    __tablename__ = 'pets'\n    keeper_id = Column(ForeignKey('owners.id'))\n"
        models = Models(a=BASE + owner + pet)
        keys = models.mappings.keys
        assert keys.foreign_tables(models.cls("Owner")) == frozenset()
        assert keys.to(models.cls("Pet"), models.cls("Owner")) == {"keeper_id"}

    def test_imperative(self) -> None:
        text = ORM + "reg = registry()\nclass Pet: pass\nclass Owner: pass\nreg.map_imperatively(Pet, t)\n"
        text += "reg.map_imperatively(Owner, u, properties={'pets': relationship(Pet, lazy='selectin'), 'x': u.c.x})\n"
        models = Models(a=text)
        found = models.relationship("Owner", "pets")
        assert found is not None
        assert (found.target, found.lazy) == (models.cls("Pet"), "selectin")
        assert models.relationship("Owner", "x") is None

    def test_sqlmodel_and_flask(self) -> None:
        sqlmodel = (
            "from sqlmodel import Relationship, SQLModel\nclass Pet(SQLModel, table=True): pass\n"
            "class Owner(SQLModel, table=True):\n    pets: list['Pet'] = Relationship(sa_relationship_kwargs={'lazy': 'selectin'})\n"
        )
        flask = (
            "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\nclass Tag(db.Model): pass\n"
            "class Post(db.Model):\n    tags = db.relationship('Tag', lazy='joined')\n"
        )
        models = Models(a=sqlmodel, b=flask)
        pets, tags = models.relationship("Owner", "pets"), models.relationship("Post", "tags")
        assert pets is not None
        assert tags is not None
        assert (pets.target, pets.many, pets.lazy) == (models.cls("Pet"), True, "selectin")
        assert (tags.target, tags.lazy) == (models.cls("Tag"), "joined")

    def test_two_classes_of_one_name_are_told_apart_by_base_and_file(self) -> None:
        first = (
            ORM
            + "class Base(DeclarativeBase): pass\nclass Pet(Base): pass\nclass Owner(Base):\n    pets = relationship('Pet')\n"
        )
        models = Models(a=first, b=ORM + "class Other(DeclarativeBase): pass\nclass Pet(Other): pass\n")
        found = models.relationship("Owner", "pets")
        assert found is not None
        assert found.target is not None
        assert found.target.path == "/project/a.py"

    def test_columns_and_plain_attributes_are_none(self) -> None:
        text = (
            BASE
            + "class Owner(Base):\n    id: Mapped[int] = mapped_column()\n    name = Column()\n    x = make('Pet')\n"
        )
        models = Models(a=text)
        assert [models.relationship("Owner", name) for name in ("id", "name", "x", "y")] == [None] * 4

    def test_deferred_columns_and_proxies(self) -> None:
        text = BASE + (
            "class Owner(Base):\n    notes = deferred(Column())\n    text: Mapped[str] = mapped_column(deferred=True)\n"
            "    names = association_proxy('pets', 'name')\n"
        )
        models = Models(a=text)
        mapped = models.mappings.mapped(models.cls("Owner"))
        assert mapped is not None
        assert mapped.deferred == {"notes", "text"}
        assert mapped.proxies["names"][:2] == ("pets", "name")


@pytest.mark.parametrize(
    ("argument", "many"),
    [("", True), (", remote_side=[id]", False), (", uselist=False", False), (", primaryjoin=nearest", None)],
)
def test_a_relationship_to_the_class_itself_is_a_collection(argument: str, many: bool | None) -> None:
    text = f"above_id = Column(ForeignKey('owners.id'))\n    pets = relationship('Owner'{argument})"
    assert of(text)[:2] == ("Owner", many)
