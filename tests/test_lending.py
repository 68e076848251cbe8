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


MODELS = TEXT[: TEXT.index("class LampOut")]
PROGRAM = """
from app.models import Desk

def drawers(desks):
    return [desk.drawers for desk in desks]

def opened(session):
    return drawers(session.query(Desk).options(selectinload(Desk.drawers)).all())
"""
TEST = """
from app.desks import drawers
from app.models import Desk

def test_all(session):
    assert drawers(session.query(Desk).all()) == []
"""


def test_a_call_in_a_test_does_not_judge_what_a_program_reads() -> None:
    texts = {"app/models.py": MODELS, "app/desks.py": "from sqlalchemy.orm import selectinload\n" + PROGRAM}
    more = {"tests/test_desks.py": TEST, "app/report.py": TEST.replace("test_", "read_")}
    modules = {
        f"/p/{path}": build(f"/p/{path}", lower_module(ast.parse(text)), tuple(text.split("\n")))
        for path, text in {**texts, **more}.items()
    }
    summaries = Summaries(World(Project("/p", modules), Settings()))
    told = [judged for module in modules.values() for judged in judge_file(module, summaries, {"SES401"})]
    assert [judged.path for judged in told] == ["/p/app/report.py"]
