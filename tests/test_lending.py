"""What a function reads whatever it is handed is told once, also where some of it depends on what it is handed."""

from __future__ import annotations

import ast

from sqla_lint import Settings
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.index.building import build
from sqla_lint.index.project import Project
from sqla_lint.judge import judge_file
from sqla_lint.lower.from_ast import lower_module

TEXT = """
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Desk(Base):
    __tablename__ = "desks"
    id: Mapped[int] = mapped_column(primary_key=True)
    drawers: Mapped[list["Drawer"]] = relationship()
    lamps: Mapped[list["Lamp"]] = relationship()

class Drawer(Base):
    __tablename__ = "drawers"
    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("desks.id"))

class Lamp(Base):
    __tablename__ = "lamps"
    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("desks.id"))

class LampOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int

class DeskOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    lamps: list[LampOut]

def shaped(session: Session, schema: type[BaseModel]) -> list[tuple[int, BaseModel]]:
    desks = session.scalars(select(Desk)).all()
    return [(len(desk.drawers), schema.model_validate(desk)) for desk in desks]

def desks(session: Session) -> list[tuple[int, BaseModel]]:
    return shaped(session, DeskOut)
"""


def test_what_is_read_whatever_is_handed_in_is_told_once() -> None:
    module = build("/p/desks.py", lower_module(ast.parse(TEXT)), tuple(TEXT.split("\n")))
    summaries = Summaries(World(Project("/p", {module.path: module}), Settings()))
    told = [judged.verdict.message.split(" ")[0] for judged in judge_file(module, summaries, {"SES401"})]
    assert sorted(told) == ["drawers", "lamps"]
