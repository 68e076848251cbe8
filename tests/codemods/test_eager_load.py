"""The option that a query needs: which, where in the query, and how it is written there."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from sqla_lint import Settings, check, fix

MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Ship(Base):
    __tablename__ = "ships"

    id: Mapped[int] = mapped_column(primary_key=True)
    port_id: Mapped[int] = mapped_column(ForeignKey("ports.id"))
    port: Mapped["Port"] = relationship(back_populates="ships")
    crew: Mapped[list["Sailor"]] = relationship(back_populates="ship")


class Port(Base):
    __tablename__ = "ports"

    id: Mapped[int] = mapped_column(primary_key=True)
    ships: Mapped[list[Ship]] = relationship(back_populates="port")


class Sailor(Base):
    __tablename__ = "sailors"

    id: Mapped[int] = mapped_column(primary_key=True)
    ship_id: Mapped[int] = mapped_column(ForeignKey("ships.id"))
    home_id: Mapped[int] = mapped_column(ForeignKey("ports.id"))
    ship: Mapped[Ship] = relationship(back_populates="crew")
    home: Mapped[Port] = relationship()
"""

HEAD = """\
from models import Port, Sailor, Ship
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, defaultload, joinedload, selectinload


"""

# The body before and after, by what it shows.
CASES: dict[str, tuple[str, str]] = {
    "a collection": (
        """
        def show(session: Session):
            for ship in session.query(Ship).filter(Ship.id > 1).all():
                print(ship.crew)
        """,
        """
        def show(session: Session):
            for ship in session.query(Ship).filter(Ship.id > 1).options(selectinload(Ship.crew)).all():
                print(ship.crew)
        """,
    ),
    "a path": (
        """
        def show(session: Session):
            for ship in session.scalars(select(Ship)):
                for sailor in ship.crew:
                    print(sailor.home.id)
        """,
        """
        def show(session: Session):
            for ship in session.scalars(
                select(Ship).options(selectinload(Ship.crew).joinedload(Sailor.home))
            ):
                for sailor in ship.crew:
                    print(sailor.home.id)
        """,
    ),
    "several paths in one call": (
        """
        def show(session: Session):
            for ship in session.scalars(select(Ship)):
                print(ship.crew, ship.port)
        """,
        """
        def show(session: Session):
            for ship in session.scalars(
                select(Ship).options(selectinload(Ship.crew), joinedload(Ship.port))
            ):
                print(ship.crew, ship.port)
        """,
    ),
    "what a comment suppresses stays lazy": (
        """
        def show(session: Session):
            for ship in session.scalars(select(Ship)):
                print(ship.crew)
                print(ship.port)  # noqa: SES401
        """,
        """
        def show(session: Session):
            for ship in session.scalars(select(Ship).options(selectinload(Ship.crew))):
                print(ship.crew)
                print(ship.port)  # noqa: SES401
        """,
    ),
    "options that are there": (
        """
        def show(session: Session):
            ships = session.query(Ship).options(joinedload(Ship.port)).all()
            for ship in ships:
                print(ship.port, ship.crew)
        """,
        """
        def show(session: Session):
            ships = session.query(Ship).options(joinedload(Ship.port), selectinload(Ship.crew)).all()
            for ship in ships:
                print(ship.port, ship.crew)
        """,
    ),
    "an option that goes on": (
        """
        def show(session: Session):
            ships = session.query(Ship).options(
                selectinload(Ship.crew),
                joinedload(Ship.port),  # for the list
            )
            for ship in ships:
                print([sailor.home for sailor in ship.crew])
        """,
        """
        def show(session: Session):
            ships = session.query(Ship).options(
                selectinload(Ship.crew).joinedload(Sailor.home),
                joinedload(Ship.port),  # for the list
            )
            for ship in ships:
                print([sailor.home for sailor in ship.crew])
        """,
    ),
    "options on lines of their own": (
        """
        def show(session: Session):
            ships = session.query(Ship).options(
                joinedload(Ship.port),  # for the list
            )
            for ship in ships:
                print(ship.crew)
        """,
        """
        def show(session: Session):
            ships = session.query(Ship).options(
                joinedload(Ship.port),
                selectinload(Ship.crew),  # for the list
            )
            for ship in ships:
                print(ship.crew)
        """,
    ),
    "a method on each line": (
        """
        def show(session: Session):
            ships = (
                session.query(Ship)
                .filter(Ship.id > 1)  # not the first
                .order_by(Ship.id)
                .all()
            )
            for ship in ships:
                print(ship.crew)
        """,
        """
        def show(session: Session):
            ships = (
                session.query(Ship)
                .filter(Ship.id > 1)  # not the first
                .order_by(Ship.id)
                .options(selectinload(Ship.crew))
                .all()
            )
            for ship in ships:
                print(ship.crew)
        """,
    ),
    "a statement on lines, a comment last": (
        """
        def show(session: Session):
            statement = (
                select(Ship)
                .where(Ship.id > 1)  # not the first
            )
            for ship in session.scalars(statement):
                print(ship.crew)
        """,
        """
        def show(session: Session):
            statement = (
                select(Ship)
                .where(Ship.id > 1)  # not the first
                .options(selectinload(Ship.crew))
            )
            for ship in session.scalars(statement):
                print(ship.crew)
        """,
    ),
    "backslashes": (
        """
        def show(session: Session):
            ships = session.query(Ship) \\
                .filter(Ship.id > 1) \\
                .all()
            for ship in ships:
                print(ship.crew)
        """,
        """
        def show(session: Session):
            ships = session.query(Ship) \\
                .filter(Ship.id > 1) \\
                .options(selectinload(Ship.crew)) \\
                .all()
            for ship in ships:
                print(ship.crew)
        """,
    ),
    "backslashes, nothing behind": (
        """
        def show(session: Session):
            ships = session.query(Ship) \\
                .filter(Ship.id > 1)
            for ship in ships:
                print(ship.crew)
        """,
        """
        def show(session: Session):
            ships = session.query(Ship) \\
                .filter(Ship.id > 1) \\
                .options(selectinload(Ship.crew))
            for ship in ships:
                print(ship.crew)
        """,
    ),
    "steps: the last one": (
        """
        def show(session: Session):
            query = session.query(Ship)
            query = query.filter(Ship.id > 1)
            query = query.order_by(Ship.id)
            for ship in query.all():
                print(ship.crew)
        """,
        """
        def show(session: Session):
            query = session.query(Ship)
            query = query.filter(Ship.id > 1)
            query = query.order_by(Ship.id).options(selectinload(Ship.crew))
            for ship in query.all():
                print(ship.crew)
        """,
    ),
    "steps: one on a condition": (
        """
        def show(session: Session, first=None):
            statement = select(Ship)
            if first:
                statement = statement.where(Ship.id > first)
            for ship in session.scalars(statement):
                print(ship.crew)
        """,
        """
        def show(session: Session, first=None):
            statement = select(Ship)
            if first:
                statement = statement.where(Ship.id > first)
            for ship in session.scalars(statement.options(selectinload(Ship.crew))):
                print(ship.crew)
        """,
    ),
    "steps: run twice": (
        """
        def show(session: Session, first=None):
            query = session.query(Ship)
            if first:
                query = query.filter(Ship.id > first)
            print(query.count())
            for ship in query:
                print(ship.crew)
        """,
        """
        def show(session: Session, first=None):
            query = session.query(Ship).options(selectinload(Ship.crew))
            if first:
                query = query.filter(Ship.id > first)
            print(query.count())
            for ship in query:
                print(ship.crew)
        """,
    ),
    "steps: another name": (
        """
        def show(session: Session):
            everything = session.query(Ship)
            late = everything.filter(Ship.id > 1)
            for ship in late.order_by(Ship.id):
                print(ship.crew)
        """,
        """
        def show(session: Session):
            everything = session.query(Ship)
            late = everything.filter(Ship.id > 1)
            for ship in late.order_by(Ship.id).options(selectinload(Ship.crew)):
                print(ship.crew)
        """,
    ),
    "either of two queries": (
        """
        def show(session: Session, first):
            if first:
                ships = session.query(Ship).filter(Ship.id > first).all()
            else:
                ships = session.query(Ship).all()
            for ship in ships:
                print(ship.crew)
        """,
        """
        def show(session: Session, first):
            if first:
                ships = session.query(Ship).filter(Ship.id > first).options(selectinload(Ship.crew)).all()
            else:
                ships = session.query(Ship).options(selectinload(Ship.crew)).all()
            for ship in ships:
                print(ship.crew)
        """,
    ),
    "one row by its key": (
        """
        def show(session: Session, key):
            ship = session.get(Ship, key)
            for sailor in ship.crew:
                print(sailor.home)
        """,
        """
        def show(session: Session, key):
            ship = session.get(Ship, key, options=[selectinload(Ship.crew).joinedload(Sailor.home)])
            for sailor in ship.crew:
                print(sailor.home)
        """,
    ),
    "one row by its key, with options": (
        """
        def show(session: Session, key):
            port = session.get(Port, key, options=[selectinload(Port.ships)])
            for ship in port.ships:
                print(ship.crew)
        """,
        """
        def show(session: Session, key):
            port = session.get(Port, key, options=[selectinload(Port.ships).selectinload(Ship.crew)])
            for ship in port.ships:
                print(ship.crew)
        """,
    ),
    "an alias": (
        """
        def show(session: Session):
            other = aliased(Ship)
            for ship in session.query(other):
                print(ship.crew)
        """,
        """
        def show(session: Session):
            other = aliased(Ship)
            for ship in session.query(other).options(selectinload(other.crew)):
                print(ship.crew)
        """,
    ),
    "rows that are locked take no join": (
        """
        def show(session: Session):
            for ship in session.query(Ship).with_for_update():
                print(ship.port.id)
        """,
        """
        def show(session: Session):
            for ship in session.query(Ship).with_for_update().options(selectinload(Ship.port)):
                print(ship.port.id)
        """,
    ),
    "a decorated generator, a semicolon, brackets": (
        """
        import functools


        @functools.wraps(print)
        def show(session: Session):
            x = 1; ships = (session.query(Ship)).all(); y = 2
            for ship in ships:
                yield ship.crew
        """,
        """
        import functools


        @functools.wraps(print)
        def show(session: Session):
            x = 1; ships = (session.query(Ship).options(selectinload(Ship.crew))).all(); y = 2
            for ship in ships:
                yield ship.crew
        """,
    ),
}

CASES |= {
    "a method on each line in the brackets that are there": (
        """
        def ships(session: Session, first, last, name, hour):
            return (
                session.query(Ship).filter(Ship.id > first, Ship.id < last, Ship.id != name + hour).all()
            )


        def show(session: Session):
            for ship in ships(session, 1, 2, 3, 4):
                print(ship.crew)
        """,
        """
        def ships(session: Session, first, last, name, hour):
            return (
                session.query(Ship)
                .filter(Ship.id > first, Ship.id < last, Ship.id != name + hour)
                .options(selectinload(Ship.crew))
                .all()
            )


        def show(session: Session):
            for ship in ships(session, 1, 2, 3, 4):
                print(ship.crew)
        """,
    ),
    "the class as the other options write it": (
        """
        def ships(session: Session, cls: type[Ship]):
            kind = Ship
            return session.query(kind).options(joinedload(Ship.port)).all()


        def show(session: Session):
            for ship in ships(session, Ship):
                print(ship.crew)
        """,
        """
        def ships(session: Session, cls: type[Ship]):
            kind = Ship
            return session.query(kind).options(joinedload(Ship.port), selectinload(Ship.crew)).all()


        def show(session: Session):
            for ship in ships(session, Ship):
                print(ship.crew)
        """,
    ),
}

REFUSED = {
    "a function of the project commits in each round": """
        def show(session: Session):
            for ship in session.query(Ship).all():
                print(ship.crew)
                keep(session)


        def keep(session: Session):
            session.commit()
        """,
    "inside a condition": """
        def show(session: Session, first):
            ships = session.query(Ship).filter(Ship.id > first).all() if first else []
            for ship in ships:
                print(ship.crew)
        """,
    "a name in the way": """
        def show(session: Session, selectinload):
            for ship in session.query(Ship):
                print(ship.crew)
        """,
    "eager loading is off": """
        def show(session: Session):
            for ship in session.query(Ship).enable_eagerloads(False):
                print(ship.crew)
        """,
}


def _project(folder: Path, body: str) -> Path:
    (folder / "pyproject.toml").touch()
    (folder / "models.py").write_text(MODELS, "utf-8")
    path = folder / "harbour.py"
    path.write_text(HEAD + textwrap.dedent(body).lstrip("\n"), "utf-8")
    return path


@pytest.mark.parametrize("case", CASES)
def test_option_is_added(case: str, tmp_path: Path) -> None:
    before, after = CASES[case]
    path = _project(tmp_path, before)
    report = fix([tmp_path], Settings()).report
    assert path.read_text("utf-8").removeprefix(HEAD) == textwrap.dedent(after).lstrip("\n")
    assert report.findings == ()
    assert fix([tmp_path], Settings()).after == {}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_certain_is_refused(case: str, tmp_path: Path) -> None:
    path = _project(tmp_path, REFUSED[case])
    before = path.read_bytes()
    findings = check([tmp_path], Settings()).findings
    assert [finding.code for finding in findings if finding.fix_refused] == ["SES401"]
    fix([tmp_path], Settings(unsafe_fixes=True))
    assert path.read_bytes() == before


HARBOUR = """\
from models import Port
from sqlalchemy import select

from shared import session


def saved(ports):
    for port in ports:
        {read}
        port.save()


def run():
    saved(session.scalars(select(Port)).all())
"""


@pytest.mark.parametrize("read", ["print(port.ships)", "pass"])
def test_rows_that_commit_themselves_are_expired_by_the_next_one(read: str, tmp_path: Path) -> None:
    """Known from the callers alone, and a method of the row commits behind its own lazy read."""
    own = "    def save(self):\n        print(self.ships)\n        session.commit()\n"
    shared = "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import scoped_session, sessionmaker\n\n"
    shared += 'session = scoped_session(sessionmaker(create_engine("sqlite://")))\n'
    models = "from shared import session\n" + MODELS.replace("\n\nclass Sailor", "\n" + own + "\n\nclass Sailor")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "shared.py").write_text(shared, "utf-8")
    (tmp_path / "models.py").write_text(models, "utf-8")
    (tmp_path / "harbour.py").write_text(HARBOUR.format(read=read), "utf-8")
    findings = [one for one in check([tmp_path], Settings()).findings if one.code == "SES401"]
    assert findings
    assert {one.fix_refused for one in findings} == {"the loop commits: what was loaded is expired by the next row"}


def test_a_class_is_imported_from_where_it_is_defined(tmp_path: Path) -> None:
    """The file of the class beside it only imports it for itself."""
    (tmp_path / "pyproject.toml").touch()
    files = {
        "base": "from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n",
        "places": """
            from sqlalchemy import ForeignKey
            from sqlalchemy.orm import Mapped, mapped_column, relationship
            from base import Base


            class Land(Base):
                __tablename__ = "lands"
                id: Mapped[int] = mapped_column(primary_key=True)


            class Town(Base):
                __tablename__ = "towns"
                id: Mapped[int] = mapped_column(primary_key=True)
                land_id: Mapped[int] = mapped_column(ForeignKey("lands.id"))
                land: Mapped[Land] = relationship()
            """,
        "people": """
            from sqlalchemy import ForeignKey
            from sqlalchemy.orm import Mapped, mapped_column, relationship
            from base import Base
            from places import Town


            class Person(Base):
                __tablename__ = "people"
                id: Mapped[int] = mapped_column(primary_key=True)
                town_id: Mapped[int] = mapped_column(ForeignKey("towns.id"))
                town: Mapped[Town] = relationship()
            """,
        "listing": """
            from people import Person
            from sqlalchemy.orm import Session


            def show(session: Session):
                for person in session.query(Person):
                    print(person.town.land.id)
            """,
    }
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")
    assert fix([tmp_path], Settings()).report.findings == ()
    after = (tmp_path / "listing.py").read_text("utf-8")
    assert "from people import Person\nfrom places import Town\n" in after
    assert "joinedload(Person.town).joinedload(Town.land)" in after
