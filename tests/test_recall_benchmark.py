"""Which mutants the recall benchmark makes, and which of them it tries together."""

from __future__ import annotations

import sys

import pytest
from benchmarks import recall
from benchmarks.mutants import mutants

from sqla_lint.index.module import ModuleIndex

QUERIES = """
from sqlalchemy.orm import joinedload, raiseload, selectinload

def kept(session):
    return session.query(Shop).options(selectinload(Shop.clerks)).all()

def thrown_away(session):
    query = session.query(Shop)
    query.options(selectinload(Shop.clerks))
    return query.all()

def all_else_raises(session):
    return session.query(Shop).options(joinedload(Shop.street), raiseload("*")).all()

def all_else_raises_further_on(session):
    return session.query(Shop).options(joinedload(Shop.street)).options(Load(Shop).raiseload("*")).all()

def one_raises(session):
    return session.query(Shop).options(joinedload(Shop.street), raiseload(Shop.clerks)).all()

def below(session):
    return session.query(Shop).options(selectinload(Shop.clerks).raiseload("*")).all()
"""
MODELS = """
from sqlalchemy.orm import relationship

class Shop(Base):
    clerks = relationship("Clerk", lazy="selectin")
    street = relationship("Street", lazy="joined")
"""


def test_what_makes_nothing_lazy_is_no_mutant() -> None:
    found = [(m.function, m.attribute) for m in mutants({"shop.py": QUERIES}) if m.kind == "options"]
    assert found == [("kept", "clerks"), ("one_raises", "street"), ("below", "clerks")]


def test_mutants_of_one_file_class_or_name_are_apart() -> None:
    others = QUERIES.replace("Shop", "Stall").replace("clerks", "guards").replace("street", "alley")
    texts = {"models.py": MODELS, "shop.py": QUERIES, "stall.py": others}
    tried = [mutant for mutant in mutants(texts) if mutant.gone is not None]
    together = [{(m.path, m.attribute) for m in one} for one in recall.rounds(tried)]
    assert {("models.py", "clerks")} in together
    assert {("models.py", "street")} in together
    assert {("shop.py", "clerks"), ("stall.py", "guards")} in together
    assert sum(map(len, together)) == len(tried) == 2 + 3 + 3


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the interpreter can read it")
def test_newer_syntax_is_read() -> None:
    text = 'def shown(shop):\n    return t"{shop.clerks}"\n'
    assert isinstance(recall.index("shown.py", text), ModuleIndex)
    assert not list(mutants({"shown.py": f"# session\n{text}"}))
