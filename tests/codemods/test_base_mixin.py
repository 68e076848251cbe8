"""Models that learn to save themselves: every row of the table, run before and after; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from codemods.projects import Outcome, repaired, run, write

DB = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("sqlite:///shop.db", connect_args={"check_same_thread": False})
Factory = sessionmaker(bind=engine)
session = Factory()
"""
MODELS = """\
from db import engine
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Item(Base):
    __tablename__ = "items"

    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)
    size = Column(Integer)
"""
HEAD = "from db import engine, session\nfrom models import Base, Item\n\n\n"
MIXIN = '''\
class BaseMixin:
    """Models that save, change and delete themselves; committing is left to who began the work."""

    query = session.query_property()

    def save(self):
        session.add(self)
        self._flush()
        return self

    def update(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
        return self.save()

    def delete(self):
        session.delete(self)
        self._flush()

    def _flush(self):
        try:
            session.flush()
        except Exception:
            session.rollback()
            raise


'''

# Before and after (both behind HEAD), the calls.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "add and flush": (
        """\
def add(name):
    item = Item(name=name)
    session.add(item)  # new
    session.flush()
    return item.id
""",
        """\
def add(name):
    item = Item(name=name)
    item.save()  # new
    return item.id
""",
        ["add('c')", "add('d')"],
    ),
    "guarded": (
        """\
def add(name):
    item = Item(name=name)
    session.add(item)
    try:
        session.flush()
    except Exception:
        session.rollback()
        raise


def add_new(name):
    try:
        session.add(Item(name=name))
        session.flush()
    except:
        session.rollback()
        raise


def count():
    return session.query(Item).count()
""",
        """\
def add(name):
    item = Item(name=name)
    item.save()


def add_new(name):
    Item(name=name).save()


def count():
    return Item.query.count()
""",
        ["add('c')", "add('c')", "add_new('d')", "add_new('d')", "count()"],
    ),
    "a handler of its own stays, and so does what stands between": (
        """\
def add(name):
    item = Item(name=name)
    session.add(item)
    label = name.upper()
    try:
        session.flush()
    except Exception as error:
        session.rollback()
        return type(error).__name__
    return label
""",
        """\
def add(name):
    item = Item(name=name)
    label = name.upper()
    try:
        item.save()
    except Exception as error:
        session.rollback()
        return type(error).__name__
    return label
""",
        ["add('c')", "add('c')", "add('d')"],
    ),
    "attribute writes": (
        """\
def change(name, new):
    item = session.query(Item).filter_by(name=name).one()
    item.name = new  # its label
    item.size = len(new)
    session.add(item)
    session.flush()


def make(name):
    item = Item()
    item.size = 3
    item.name = name * item.size
    session.add(item)
    session.flush()
""",
        """\
def change(name, new):
    item = Item.query.filter_by(name=name).one()
    # its label
    item.update(name=new, size=len(new))


def make(name):
    item = Item()
    item.size = 3
    item.name = name * item.size
    item.save()
""",
        ["change('a', 'c')", "make('x')", "make('x')"],
    ),
    "delete": (
        """\
def drop(name):
    item = session.query(Item).filter_by(name=name).one()
    session.delete(item)
    session.flush()
""",
        """\
def drop(name):
    item = Item.query.filter_by(name=name).one()
    item.delete()
""",
        ["drop('a')", "drop('a')"],
    ),
    "commits stay, and columns are queried as before": (
        """\
def add(name):
    session.add(Item(name=name))
    try:
        session.commit()
    except Exception:
        session.rollback()
        raise
    return session.query(Item.name).all(), session.query(Item).count()
""",
        """\
def add(name):
    session.add(Item(name=name))
    try:
        session.commit()
    except Exception:
        session.rollback()
        raise
    return session.query(Item.name).all(), Item.query.count()
""",
        ["add('c')", "add('c')"],
    ),
    "what works on the database in between": (
        """\
def add(name):
    item = Item(name=name)
    session.add(item)
    count = session.query(Item).count()
    session.flush()
    return count
""",
        """\
def add(name):
    item = Item(name=name)
    session.add(item)
    count = Item.query.count()
    session.flush()
    return count
""",
        ["add('c')"],
    ),
    "tabs, and more than one to a line": (
        """\
def add(name):
\ttry:
\t\titem = Item(name=name)
\t\tsession.add(item)
\t\tsession.flush()
\t\tif item.size: session.delete(item)
\tfinally:
\t\tsession.rollback()
\treturn session.query(Item).filter(
\t\tItem.name == name).count() + session.query(Item).count() + \\
\t\tsession.query(
\t\t\tItem
\t\t).count()
""",
        """\
def add(name):
\ttry:
\t\titem = Item(name=name)
\t\titem.save()
\t\tif item.size: session.delete(item)
\tfinally:
\t\tsession.rollback()
\treturn Item.query.filter(
\t\tItem.name == name).count() + Item.query.count() + \\
\t\tItem.query.count()
""",
        ["add('c')"],
    ),
}


def _settled(outcome: Outcome) -> None:
    assert not any(f.code in ("SES101", "SES201") for f in outcome.after)
    before = sorted((f.path, f.code, f.function or "") for f in outcome.before)
    assert all((f.path, f.code, f.function or "") in before for f in outcome.after)


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", CASES)
def test_models_save_themselves(case: str, ends: str, tmp_path: Path) -> None:
    before, after, calls = CASES[case]
    files = {"db.py": DB, "models.py": MODELS, "own.py": HEAD + before}
    files = {name: text.replace("\n", ends) for name, text in files.items()}
    outcome = repaired(tmp_path / "after", files, "base-mixin")
    head = HEAD if "session" in after else HEAD.replace(", session", "")
    assert outcome.files["own.py"] == (head + after).replace("\n", ends)
    models = MODELS.replace("import engine", "import engine, session").replace("\nBase =", "\n\n" + MIXIN + "Base =")
    assert outcome.files["models.py"] == models.replace("base()", "base(cls=BaseMixin)").replace("\n", ends)
    assert "session = scoped_session(Factory)" + ends in outcome.files["db.py"]
    _settled(outcome)
    assert repaired(tmp_path / "after", outcome.files, "base-mixin").files == outcome.files
    old = run(write(tmp_path / "before", files), tmp_path / "one", "own", calls)
    new = run(tmp_path / "after", tmp_path / "two", "own", calls)
    assert (new.results, new.rows) == (old.results, old.rows)
    assert new.poisoned <= old.poisoned


def test_a_failed_flush_poisons_no_longer(tmp_path: Path) -> None:
    own = HEAD + CASES["add and flush"][0] + "\n\ndef count():\n    return session.query(Item).count()\n"
    files = {"db.py": DB, "models.py": MODELS, "own.py": own}
    repaired(tmp_path / "after", files, "base-mixin")
    calls = ["add('a')", "count()"]
    old = run(write(tmp_path / "before", files), tmp_path / "one", "own", calls)
    new = run(tmp_path / "after", tmp_path / "two", "own", calls)
    assert old.poisoned
    assert old.results[1][1] == "PendingRollbackError"
    assert not new.poisoned
    assert new.results == [("None", "IntegrityError"), ("2", "NoneType")]


BASES: dict[str, tuple[str, str]] = {
    "a class, behind which the session is made": (
        """\
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


# All models.
class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


engine = create_engine("sqlite:///shop.db")
session: Session = Session(engine, autoflush=False)


def add(name):
    item = Item(name=name)
    session.add(item)
    session.flush()
    return session.query(Item).count()
""",
        """\
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker


"""
        + MIXIN.replace("    query = session.query_property()\n\n", "")
        + """\
# All models.
class Base(BaseMixin, DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


engine = create_engine("sqlite:///shop.db")
session = scoped_session(sessionmaker(engine, autoflush=False))
Base.query = session.query_property()


def add(name):
    item = Item(name=name)
    item.save()
    return Item.query.count()
""",
    ),
    "a base class that saves already": (
        """\
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import declarative_base, sessionmaker

engine = create_engine("sqlite:///shop.db")
session = sessionmaker(bind=engine)()


class Record:
    def save(self):
        session.add(self)
        self._send()
        return self

    def update(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
        return self.save()

    def delete(self):
        session.delete(self)
        self._send()

    def _send(self):
        try:
            session.flush()
        except DatabaseError:  # no luck
            session.rollback()
            raise


Base = declarative_base(cls=Record)


class Item(Base):
    __tablename__ = "items"

    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)


def add(name):
    item = Item(name=name)
    session.add(item)
    session.flush()
    return session.query(Item).count()
""",
        """\
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker

engine = create_engine("sqlite:///shop.db")
session = scoped_session(sessionmaker(bind=engine))


class Record:
    def save(self):
        session.add(self)
        self._send()
        return self

    def update(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
        return self.save()

    def delete(self):
        session.delete(self)
        self._send()

    def _send(self):
        try:
            session.flush()
        except Exception:  # no luck
            session.rollback()
            raise


Base = declarative_base(cls=Record)
Base.query = session.query_property()


class Item(Base):
    __tablename__ = "items"

    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)


def add(name):
    item = Item(name=name)
    item.save()
    return Item.query.count()
""",
    ),
}


@pytest.mark.parametrize("case", BASES)
def test_forms_of_the_base(case: str, tmp_path: Path) -> None:
    before, after = BASES[case]
    outcome = repaired(tmp_path / "after", {"shop.py": before}, "base-mixin")
    assert outcome.files["shop.py"] == after
    _settled(outcome)
    calls = ["add('c')", "add('c')"]
    old = run(write(tmp_path / "before", {"shop.py": before}), tmp_path / "one", "shop", calls)
    new = run(tmp_path / "after", tmp_path / "two", "shop", calls)
    assert (new.results, new.rows) == (old.results, old.rows)
    assert not new.poisoned


FLASK = """\
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
db = SQLAlchemy(app)


class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, unique=True)


def add(name):
    item = Item(name=name)
    db.session.add(item)
    try:
        db.session.flush()
    except Exception:
        print("taken")
    return db.session.query(Item).count()


def both():
    with app.app_context():
        db.create_all()
        return add("a"), add("b"), add("b")
"""


def test_flask_without_and_with_a_class_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("flask_sqlalchemy")
    based = (
        FLASK.replace("import SQLAlchemy\n", "import SQLAlchemy\nfrom sqlalchemy.orm import DeclarativeBase\n")
        .replace('"sqlite://"\n', '"sqlite://"\n\n\nclass Base(DeclarativeBase):\n    pass\n\n\n')
        .replace("SQLAlchemy(app)", "SQLAlchemy(app, model_class=Base)")
    )
    for name, text in (("plain", FLASK), ("based", based)):
        outcome = repaired(tmp_path / name, {"shop.py": text}, "base-mixin")
        fixed = outcome.files["shop.py"]
        assert [f.code for f in outcome.before] == ["SES201"]
        assert "        item.save()\n" in fixed
        assert "    return Item.query.count()\n" in fixed
        assert "db.session.rollback()" in fixed
        assert outcome.after == ()
        module: dict[str, object] = {"__name__": name}
        exec(compile(fixed, "shop.py", "exec"), module)
        assert module["both"]() == (1, 2, 0)  # type: ignore[operator]


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "a model has a column of that name": (
        {"models.py": MODELS.replace("size", "query")},
        "Item has a `query` of its own",
    ),
    "a model has a method of that name": (
        {"models.py": MODELS + "\n    def save(self):\n        return 1\n"},
        "Item has a `save` of its own",
    ),
    "another session": (
        {
            "models.py": MODELS.replace("import engine", "import Factory, engine")
            + "\n\ndef other():\n    with Factory() as own:\n        return own.query(Item).count()\n"
        },
        "more than one session is in play: other opens another",
    ),
    "another session of a module": (
        {"more.py": "from db import Factory\n\nother = Factory()\n"},
        "more than one session",
    ),
    "a circle": (
        {"db.py": DB + "\nfrom models import Item\n"},
        "the base's file cannot import the registry",
    ),
    "entered as a block": (
        {"own.py": HEAD + "def add():\n    with session:\n        session.add(Item())\n        session.flush()\n"},
        "entered as a block",
    ),
    "asked what a registry does not know": (
        {"own.py": HEAD + "def add():\n    session.add(Item())\n    return session.in_transaction()\n"},
        "a registry has no in_transaction",
    ),
    "two bases": (
        {"more.py": MODELS.replace("items", "others")},
        "more than one base",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused(case: str, tmp_path: Path) -> None:
    changed, reason = REFUSED[case]
    files = {"db.py": DB, "models.py": MODELS, "own.py": HEAD + CASES["add and flush"][0], **changed}
    outcome = repaired(tmp_path, files, "base-mixin")
    assert any(reason in told for told in outcome.refusals("SES101")), outcome.refusals("SES101")
    assert outcome.files == files


def test_an_asynchronous_session(tmp_path: Path) -> None:
    made = DB.replace("sqlalchemy import create_engine", "sqlalchemy.ext.asyncio import create_async_engine").replace(
        "create_engine(", "create_async_engine("
    )
    made = made.replace(
        "from sqlalchemy.orm import sessionmaker", "from sqlalchemy.ext.asyncio import async_sessionmaker"
    )
    files = {
        "db.py": made.replace("= sessionmaker", "= async_sessionmaker"),
        "models.py": MODELS,
        "own.py": HEAD + "async def add(name):\n    session.add(Item(name=name))\n    await session.flush()\n",
    }
    outcome = repaired(tmp_path, files, "base-mixin")
    assert outcome.refusals("SES101") == ["models cannot save themselves through an asynchronous session"]


@pytest.mark.parametrize(
    ("framework", "told"),
    [
        ("from flask import Flask\n", "teardown_appcontext"),
        ("from celery import Celery\n", "task_postrun"),
        ("", "end of a script"),
    ],
)
def test_who_would_remove_the_registry(framework: str, told: str, tmp_path: Path) -> None:
    files = {"db.py": framework + DB, "models.py": MODELS, "own.py": HEAD + CASES["add and flush"][0]}
    (finding,) = (f for f in repaired(tmp_path, files, "base-mixin").before if f.code == "SES101")
    assert finding.fix is not None
    assert told in finding.fix.summary


def test_nobody_is_told_where_somebody_removes(tmp_path: Path) -> None:
    own = HEAD + CASES["add and flush"][0] + "\n\ndef finish():\n    session.close()\n    session.remove()\n"
    files = {"db.py": DB, "models.py": MODELS, "own.py": own}
    (finding,) = (f for f in repaired(tmp_path, files, "base-mixin").before if f.code == "SES101")
    assert finding.fix is not None
    assert "nobody" not in finding.fix.summary


def test_a_base_whose_call_goes_over_lines(tmp_path: Path) -> None:
    models = MODELS.replace("declarative_base()", 'declarative_base(\n    name="Base",\n)')
    files = {"db.py": DB, "models.py": models, "own.py": HEAD + CASES["add and flush"][0]}
    outcome = repaired(tmp_path / "after", files, "base-mixin")
    assert 'declarative_base(\n    name="Base",\n    cls=BaseMixin,\n)\n' in outcome.files["models.py"]
    assert run(tmp_path / "after", tmp_path / "one", "own", ["add('c')"]).results == [("3", "NoneType")]


def test_the_registry_is_written_as_the_file_writes_its_module(tmp_path: Path) -> None:
    models = MODELS.replace("from db import engine", "import db") + "\n\nengine = db.engine\n"
    files = {"db.py": DB, "models.py": models, "own.py": HEAD + CASES["add and flush"][0]}
    outcome = repaired(tmp_path / "after", files, "base-mixin")
    assert "        db.session.add(self)\n" in outcome.files["models.py"]
    assert run(tmp_path / "after", tmp_path / "one", "own", ["add('c')"]).results == [("3", "NoneType")]


def test_nothing_is_done_where_it_would_cure_nothing(tmp_path: Path) -> None:
    text = FLASK.replace("db.session.flush()", "db.session.execute(db.text('select 1'))")
    outcome = repaired(tmp_path, {"shop.py": text}, "base-mixin")
    assert "BaseMixin" not in outcome.files["shop.py"]


def test_only_named_files_are_written(tmp_path: Path) -> None:
    files = {"db.py": DB, "models.py": MODELS, "own.py": HEAD + CASES["add and flush"][0]}
    assert repaired(tmp_path, files, "base-mixin", only=["db.py"]).files == files
