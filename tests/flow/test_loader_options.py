"""What loader options that have a name come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqla_lint import Settings, check

TEXT = """
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Owner(Base):
    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True)
    pets: Mapped[list["Pet"]] = relationship()

class Pet(Base):
    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owners.id"))
    toys: Mapped[list["Toy"]] = relationship()

class Toy(Base):
    __tablename__ = "toys"
    id: Mapped[int] = mapped_column(primary_key=True)
    pet_id: Mapped[int] = mapped_column(ForeignKey("pets.id"))

def toys(session: Session):
    loading = joinedload(Owner.pets)
    {chained}
    return [len(pet.toys) for owner in session.query(Owner).options(loading) for pet in owner.pets]
"""


@pytest.mark.parametrize(
    ("chained", "codes"),
    [
        ("pass", ["SES401"]),
        # One object before SQLAlchemy 2, a copy since.
        ("loading.joinedload(Pet.toys)", []),
        ("below = loading.options(joinedload(Pet.toys))", []),
        ("loading = loading.joinedload(Pet.toys)", []),
        ("loading.load_only(Pet.id)", ["SES401"]),
    ],
)
def test_what_is_chained_to_a_named_option(tmp_path: Path, chained: str, codes: list[str]) -> None:
    (tmp_path / "app.py").write_text(TEXT.replace("{chained}", chained))
    report = check([str(tmp_path)], Settings(folder=tmp_path, cache=False))
    assert [finding.code for finding in report.findings] == codes
