"""Counting and taking the first row in the database: what is written, that it means the same, and what is refused."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from oracle.loading import Fixture, running

from codemods.fixing import repaired

HEAD = '''\
"""A small shop."""
from sqlalchemy import ForeignKey, create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

engine = create_engine("sqlite:///shop.db")


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelves"

    id: Mapped[int] = mapped_column(primary_key=True)
    items: Mapped[list["Item"]] = relationship()


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelves.id"))


def run():
    with Session(engine) as session:
        return what(session)


'''

# What is written and what it becomes, by what it shows.
COUNTS: dict[str, tuple[str, str]] = {
    "a query": (
        "return len(session.query(Item).filter(Item.id > 1).all())",
        "return session.query(Item).filter(Item.id > 1).count()",
    ),
    "a list of a query": ("return len(list(session.query(Item)))", "return session.query(Item).count()"),
    "a query of columns": ("return len(session.query(Item.name).all())", "return session.query(Item.name).count()"),
    "groups": (
        "return len(session.query(Item.name).group_by(Item.name).all())",
        "return session.query(Item.name).group_by(Item.name).count()",
    ),
    "a statement": (
        "return len(session.scalars(select(Item).where(Item.id > 1)).all())",
        "return session.scalar(select(func.count()).select_from(Item).where(Item.id > 1))",
    ),
    "a statement that sorts": (
        "return len(session.execute(select(Item).order_by(Item.id)).scalars().all())",
        "return session.scalar(select(func.count()).select_from(select(Item).order_by(Item.id).subquery()))",
    ),
    "rows in a variable": (
        """
        items = session.query(Item).all()
        if len(items) > 1:
            return len(items)
        return None
        """,
        """
        items_count = session.query(Item).count()
        if items_count > 1:
            return items_count
        return None
        """,
    ),
    "a query in steps": (
        """
        query = session.query(Item)
        query = query.filter(Item.name != "z")
        return f"{len(query.all())} items"
        """,
        """
        query = session.query(Item)
        query = query.filter(Item.name != "z")
        return f"{query.count()} items"
        """,
    ),
    "over several lines": (
        """
        return len(
            session.query(Item)  # all of them
            .filter(Item.id > 1)
            .all()
        )
        """,
        """
        return (
            session.query(Item)  # all of them
            .filter(Item.id > 1)
            .count()
        )
        """,
    ),
}
FIRSTS: dict[str, tuple[str, str]] = {
    "a query": (
        "return session.query(Item).order_by(Item.id).all()[0].name",
        "return session.query(Item).order_by(Item.id).first().name",
    ),
    "a statement": (
        "return session.scalars(select(Item.name)).all()[0]",
        "return session.scalars(select(Item.name).limit(1)).first()",
    ),
    "rows of a statement": (
        "return session.execute(select(Item.name)).fetchall()[0][0]",
        "return session.execute(select(Item.name).limit(1)).first()[0]",
    ),
    "scalars behind it": (
        "return session.execute(select(Item.name)).scalars().all()[0]",
        "return session.execute(select(Item.name).limit(1)).scalars().first()",
    ),
    "a variable whose singular is taken": (
        """
        item = "no"
        items = session.query(Item).all()
        return items[0].name + item
        """,
        """
        item = "no"
        first_item = session.query(Item).first()
        return first_item.name + item
        """,
    ),
    "a variable and its guard": (
        """
        items = session.query(Item).all()
        if not items:
            return None
        return items[0].name
        """,
        """
        item = session.query(Item).first()
        if item is None:
            return None
        return item.name
        """,
    ),
    "a guard by length": (
        """
        titles = list(session.scalars(select(Item.name)))
        return titles[0] if len(titles) > 0 else None
        """,
        """
        title = session.scalars(select(Item.name).limit(1)).first()
        return title if title is not None else None
        """,
    ),
    "over several lines": (
        """
        return (
            session.query(Item)  # all of them
            .order_by(Item.id)
            .all()[0]
            .name
        )
        """,
        """
        return (
            session.query(Item)  # all of them
            .order_by(Item.id)
            .first()
            .name
        )
        """,
    ),
}
REFUSED: dict[str, tuple[str, str]] = {
    "a join": ("return len(session.query(Shelf).join(Shelf.items).all())", "joins"),
    "another table by a condition": (
        "return len(session.query(Shelf).filter(Shelf.id == Item.shelf_id).all())",
        "another table",
    ),
    "an instance and a column": ("return len(session.query(Shelf, Item.name).all())", "one mapped class"),
    "unique instances": ("return len(session.scalars(select(Item)).unique().all())", "built elsewhere"),
    "conditions from elsewhere": (
        "only = [Item.id > 1]\n    return len(session.query(Item).filter(*only).all())",
        "made elsewhere",
    ),
    "the first of SQL text": ("return session.execute(text('SELECT id FROM items')).fetchall()[0]", "SQL text"),
    "the first of SQL text in a variable": (
        "ids = text('SELECT id FROM items')\n    return session.execute(ids).fetchall()[0]",
        "SQL text",
    ),
    "a result": ("result = session.scalars(select(Item))\n    return len(result.all())", "elsewhere"),
    "a comment": ("return len(list(  # all\n        session.query(Item)))", "a comment"),
    "a result's first": ("result = session.scalars(select(Item.name))\n    return result.all()[0]", "runs elsewhere"),
    "an expected error": (
        "try:\n        return session.query(Item).all()[0].name\n    except IndexError:\n        return None",
        "IndexError",
    ),
    "a list as a value": ("items = session.query(Item.name).all()\n    return items and items[0][0]", "a value"),
}


def _body(text: str) -> str:
    inner = textwrap.indent(textwrap.dedent(text).strip("\n"), "    ") if text.startswith("\n") else f"    {text}"
    return f"def what(session):\n{inner}\n"


def _seen(path: Path, folder: Path) -> tuple[Any, str]:
    """What the function gives, and its last statement."""
    folder.mkdir()
    with running(Fixture(path, path.stem, path.parent), folder) as (module, oracle):
        shelves = [module.Shelf(id=number) for number in (1, 2)]
        items = [module.Item(id=number, name=name, shelf_id=number % 2 + 1) for number, name in enumerate("abca", 1)]
        oracle.setup(module.engine, module.Base.metadata, *shelves, *items)
        seen = oracle.observe(module.run)
    assert seen.error is None
    return seen.result, seen.statements[-1]


@pytest.mark.parametrize(
    ("cases", "case", "safety", "sign"),
    [(COUNTS, case, "safe", "count(") for case in COUNTS] + [(FIRSTS, case, "unsafe", "LIMIT") for case in FIRSTS],
)
def test_asks_the_database_for_the_same(
    cases: dict[str, tuple[str, str]], case: str, safety: str, sign: str, tmp_path: Path
) -> None:
    body, wanted = map(_body, cases[case])
    before = tmp_path / "before.py"
    before.write_text(HEAD + body, "utf-8")
    found = _seen(before, tmp_path / "one")
    before.unlink()
    fixed = repaired(tmp_path, body, HEAD)
    assert fixed.text.endswith(wanted)
    assert fixed.applicabilities == [safety]
    assert not fixed.after
    cured = _seen(tmp_path / "shop.py", tmp_path / "two")
    assert cured[0] == found[0]
    assert sign in cured[1]
    assert sign not in found[1]
    assert repaired(tmp_path, fixed.text.removeprefix(HEAD), "" if "func" in fixed.text else HEAD).before == ()


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_may_not_be_the_same(case: str, tmp_path: Path) -> None:
    body, reason = _body(REFUSED[case][0]), REFUSED[case][1]
    fixed = repaired(tmp_path, body, HEAD)
    assert fixed.text == body
    assert [reason in refusal for refusal in fixed.refusals] == [True]


def test_a_join_gives_other_numbers(tmp_path: Path) -> None:
    """Why joins are refused: a ``Query`` gives each instance once, ``count()`` counts rows."""
    for number, body in enumerate(("len(joined.all())", "joined.count()")):
        path = tmp_path / f"shop{number}.py"
        path.write_text(HEAD + _body(f"joined = session.query(Shelf).join(Shelf.items)\n    return {body}"), "utf-8")
        assert _seen(path, tmp_path / str(number))[0] == (2, 4)[number]
