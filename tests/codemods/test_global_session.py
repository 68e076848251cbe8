"""A session of a module: each function opens its own, in every file; or nothing is done, and the reason is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from codemods.projects import repaired, run, write

DB = '''\
"""The database."""
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.orm import declarative_base, sessionmaker

engine = create_engine("sqlite:///shop.db", connect_args={"check_same_thread": False})
Factory = sessionmaker(bind=engine)
Base = declarative_base()
session = Factory()


class Item(Base):
    __tablename__ = "items"

    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)
'''
DB_AFTER = DB.replace("session = Factory()\n", "")
OWN = "import db\nfrom db import Base, Item, engine, session\n\n\n"
OWN_AFTER = "import db\nfrom db import Base, Factory, Item, engine\n\n\n"

# Before, after (both behind OWN), the calls.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "reads": (
        """\
def names():
    found = []
    for item in session.query(Item):
        found.append(item.name)
    return found
""",
        """\
def names():
    found = []
    with Factory() as session:
        for item in session.query(Item):
            found.append(item.name)
    return found
""",
        ["names()"],
    ),
    "commits last": (
        """\
def add(name):
    item = Item(name=name)
    session.add(item)
    session.commit()
    return name
""",
        """\
def add(name):
    item = Item(name=name)
    with Factory.begin() as session:
        session.add(item)
    return name
""",
        ["add('c')", "add('c')"],
    ),
    "rolls back and raises": (
        """\
def add(name):
    try:
        session.add(Item(name=name))
        session.commit()  # done
    except Exception:
        session.rollback()  # undone
        raise
""",
        """\
def add(name):
    with Factory.begin() as session:
        session.add(Item(name=name))
        # done
        # undone
""",
        ["add('c')", "add('c')", "add('d')"],
    ),
    "swallows, and returns a row": (
        """\
def add(name):
    try:
        item = Item(name=name)
        session.add(item)
        session.commit()
        return item
    except Exception as error:
        session.rollback()
        print(error)
        return None
""",
        """\
def add(name):
    try:
        with Factory() as session:
            item = Item(name=name)
            session.add(item)
            session.commit()
            session.refresh(item)
            return item
    except Exception as error:
        print(error)
        return None
""",
        ["add('c').name", "add('c')", "add('d').name"],
    ),
    "a row that may not be there": (
        """\
def rename(name, new):
    item = session.query(Item).filter_by(name=name).first()
    if item is None:
        return None
    item.name = new
    session.commit()
    return item
""",
        """\
def rename(name, new):
    with Factory() as session:
        item = session.query(Item).filter_by(name=name).first()
        if item is None:
            return None
        item.name = new
        session.commit()
        session.refresh(item)
        return item
""",
        ["rename('a', 'c').name", "rename('a', 'd')"],
    ),
    "through the module, and given": (
        """\
def count():
    return db.session.query(Item).count()


def given(session):
    return session.query(Item).count()


def both(flag):
    if flag: return None
    number = given(session)
    return number
""",
        """\
def count():
    with db.Factory() as session:
        return session.query(Item).count()


def given(session):
    return session.query(Item).count()


def both(flag):
    if flag: return None
    with Factory() as session:
        number = given(session)
    return number
""",
        ["count()", "both(1)", "both(0)"],
    ),
    "tabs, two spaces, continuations, decorators, an elif": (
        """\
def same(function):
    return function


@same
def add(name, *,
        twice=False):
\tif not name: return 0
\telif session.query(Item).filter_by(name=name).count() \\
\t\t\t> 0:
\t\treturn 1
\tsession.add(Item(name=name))
\tsession.commit()
\treturn 2


class Store:
  @staticmethod
  def drop(name):
    item = session.query(Item).filter(
  Item.name == name,
    ).one()
    session.delete(item)
    session.commit()
""",
        """\
def same(function):
    return function


@same
def add(name, *,
        twice=False):
\twith Factory() as session:
\t\tif not name: return 0
\t\telif session.query(Item).filter_by(name=name).count() \\
\t\t\t\t> 0:
\t\t\treturn 1
\t\tsession.add(Item(name=name))
\t\tsession.commit()
\treturn 2


class Store:
  @staticmethod
  def drop(name):
    with Factory.begin() as session:
      item = session.query(Item).filter(
  Item.name == name,
      ).one()
      session.delete(item)
""",
        ["add('')", "add('a')", "add('c')", "Store.drop('c')"],
    ),
    "used in an elif alone": (
        """\
def ask(name):
    if not name:
        return None
    elif name == "x":
        number = session.query(Item).count()
        return number
    else:
        return 0
""",
        """\
def ask(name):
    if not name:
        return None
    elif name == "x":
        with Factory() as session:
            number = session.query(Item).count()
        return number
    else:
        return 0
""",
        ["ask('')", "ask('x')", "ask('y')"],
    ),
    "what a framework calls to end it": (
        """\
def teardown(function):
    return function


@teardown
def finish(error=None):
    \"\"\"The end of a request.\"\"\"
    session.rollback()
    session.close()


def count():
    return session.query(Item).count()
""",
        """\
def teardown(function):
    return function


def count():
    with Factory() as session:
        return session.query(Item).count()
""",
        ["count()"],
    ),
    "a route made in a function": (
        """\
def make():
    def names():
        return [item.name for item in session.query(Item)]

    return names


names = make()
""",
        """\
def make():
    def names():
        with Factory() as session:
            return [item.name for item in session.query(Item)]

    return names


names = make()
""",
        ["names()"],
    ),
    "a dependency": (
        """\
def get_session():
    yield session


def names():
    return [item.name for given in get_session() for item in given.query(Item)]
""",
        """\
def get_session():
    with Factory() as session:
        yield session


def names():
    return [item.name for given in get_session() for item in given.query(Item)]
""",
        ["names()"],
    ),
}

REFUSED: dict[str, tuple[str, str]] = {
    "staged and committed elsewhere": (
        "stage changes rows that it does not commit (own.py:5)",
        "def stage(name):\n    session.add(Item(name=name))\n\n\ndef finish():\n    session.commit()\n",
    ),
    "only committed": ("does nothing but end", "def finish():\n    session.commit()\n"),
    "a row of another function is changed": (
        "goes on with a row that find loads",
        "def find(name):\n    return session.query(Item).filter_by(name=name).one()\n\n\n"
        "def rename(name, new):\n    item = find(name)\n    item.name = new\n    session.commit()\n",
    ),
    "a row of another function, changed by a third": (
        "changes a row that find loads",
        "def find(name):\n    return session.query(Item).filter_by(name=name).one()\n\n\n"
        "def rename(name, new):\n    find(name).name = new\n",
    ),
    "a row is handed over": (
        "hands a row to drop",
        "def find(name):\n    return session.query(Item).filter_by(name=name).one()\n\n\n"
        "def drop(item):\n    session.merge(item)\n    session.commit()\n\n\n"
        "def both(name):\n    drop(find(name))\n",
    ),
    "a row of the caller": (
        "changes item, which its caller has loaded",
        "def rename(item, new):\n    item.name = new\n    session.commit()\n",
    ),
    "in the middle of its own work": (
        "calls add within its own work",
        "def add(name):\n    session.add(Item(name=name))\n    session.commit()\n\n\n"
        "def many(names):\n    for name in names:\n        add(name)\n        session.query(Item).count()\n",
    ),
    "at module level": (
        "module or class level (own.py:5)",
        "print(session.query(Item))\n\n\ndef f():\n    session.close()\n",
    ),
    "exported": (
        "exported by own.py",
        '__all__ = ["session"]\n\n\ndef count():\n    return session.query(Item).count()\n',
    ),
    "named in a string": (
        "a string names it",
        'PATCHED = "db.session"\n\n\ndef count():\n    return session.query(Item).count()\n',
    ),
    "set by name": (
        "a string names it",
        'def count():\n    return session.query(Item).count()\n\n\ndef swap(new):\n    setattr(db, "session", new)\n',
    ),
    "kept behind a commit": (
        "what Desk.add keeps (line 8) is expired by its commit",
        "class Desk:\n    def add(self, name):\n        item = Item(name=name)\n        self.last = item\n"
        "        session.add(item)\n        session.commit()\n",
    ),
    "kept by a closure": (
        "a closure keeps the session",
        "def later():\n    return lambda: session.query(Item).count()\n",
    ),
    "a generator of rows": (
        "generator",
        "def each():\n    for item in session.query(Item):\n        yield item.name\n",
    ),
    "a row that may be None": (
        "expired by its commit",
        "def find(name):\n    item = session.query(Item).filter_by(name=name).first()\n    session.commit()\n    return item\n",
    ),
    "two statements on a line": (
        "shares its statement",
        "def count(): return session.query(Item).count()\n",
    ),
    "the factory's name is taken": (
        "Factory means something else",
        "Factory = list\n\n\ndef count():\n    return session.query(Item).count()\n",
    ),
    "imported in a function": (
        "imported in a function",
        "def count():\n    from db import session\n\n    return session.query(Item).count()\n\n\n"
        "def other():\n    return session.query(Item).count()\n",
    ),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", CASES)
def test_each_function_opens_its_own(case: str, ends: str, tmp_path: Path) -> None:
    before, after, calls = CASES[case]
    files = {"db.py": DB.replace("\n", ends), "own.py": (OWN + before).replace("\n", ends)}
    outcome = repaired(tmp_path / "after", files)
    assert outcome.files == {"db.py": DB_AFTER.replace("\n", ends), "own.py": (OWN_AFTER + after).replace("\n", ends)}
    assert {f.fix.applicability for f in outcome.before if f.code == "SES101" and f.fix} == {"unsafe"}
    assert outcome.after == ()
    assert repaired(tmp_path / "after", outcome.files).files == outcome.files
    old = run(write(tmp_path / "before", files), tmp_path / "one", "own", calls)
    new = run(tmp_path / "after", tmp_path / "two", "own", calls)
    assert (new.results, new.rows) == (old.results, old.rows)
    assert new.unclosed == 0


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused(case: str, tmp_path: Path) -> None:
    reason, own = REFUSED[case]
    files = {"db.py": DB, "own.py": OWN + own}
    outcome = repaired(tmp_path, files)
    (told,) = outcome.refusals("SES101")
    assert reason in told
    assert outcome.files == files


def test_a_file_that_imports_nothing_names_it_in_a_string(tmp_path: Path) -> None:
    patch = "from unittest import mock\n\n\ndef test():\n    with mock.patch('shop.db.session'):\n        pass\n"
    files = {"db.py": DB, "own.py": OWN + CASES["reads"][0], "test_shop.py": patch}
    outcome = repaired(tmp_path, files)
    assert outcome.refusals("SES101") == ["a string names it (test_shop.py:5)"]
    assert outcome.files == files


def test_only_named_files_are_written(tmp_path: Path) -> None:
    files = {"db.py": DB, "own.py": OWN + CASES["reads"][0]}
    assert repaired(tmp_path, files, only=["db.py"]).files == files


def test_re_exported_by_a_package(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "from .db import Item, session\n",
        "shop/db.py": DB + "\n\ndef count():\n    return session.query(Item).count()\n",
    }
    outcome = repaired(tmp_path, files)
    assert outcome.refusals("SES101") == ["it is exported by shop/__init__.py:1"]
    assert outcome.files == files


def test_nothing_uses_it(tmp_path: Path) -> None:
    own = "from db import Factory, Item\n\nother = Factory()\n\n\ndef label(item: Item):\n    return item.name\n"
    files = {"db.py": DB, "own.py": own, "main.py": "from own import label\n\nprint(label)\n"}
    outcome = repaired(tmp_path, files)
    assert outcome.files == {
        "db.py": DB_AFTER,
        "own.py": "from db import Item\n\n\ndef label(item: Item):\n    return item.name\n",
        "main.py": files["main.py"],
    }
    assert outcome.after == ()


def test_what_makes_it_may_do_more(tmp_path: Path) -> None:
    files = {"db.py": DB.replace("session = Factory()", "def start():\n    return Factory()\n\n\nsession = start()")}
    outcome = repaired(tmp_path, files)
    assert outcome.refusals("SES101") == ["nothing uses it, but what makes it may do more than that"]


MAKERS: dict[str, tuple[str, str, str, str]] = {
    "a factory without a name": (
        "session = sessionmaker(bind=engine)()",
        "Session = sessionmaker(bind=engine)",
        "Session",
        "Base, Item, Session",
    ),
    "a class, elsewhere": (
        "session = Session(engine, autoflush=False)",
        "SessionFactory = sessionmaker(engine, autoflush=False)",
        "SessionFactory",
        "Base, Item, SessionFactory",
    ),
}


@pytest.mark.parametrize("case", MAKERS)
def test_what_makes_it_gets_a_name(case: str, tmp_path: Path) -> None:
    made, factory, name, imported = MAKERS[case]
    head = DB.replace("Factory = sessionmaker(bind=engine)\n", "").replace("session = Factory()", made)
    imports = "declarative_base, sessionmaker"
    if "Session(" in made:
        head = head.replace(imports, "Session, declarative_base")
        after = head.replace(made, factory).replace("Session, declarative_base", imports)
    else:
        after = head.replace(made, factory)
    before, wanted, calls = CASES["commits last"]
    outcome = repaired(tmp_path / "after", {"db.py": head, "own.py": OWN + before})
    assert outcome.files == {
        "db.py": after,
        "own.py": OWN_AFTER.replace("Base, Factory, Item", imported) + wanted.replace("Factory", name),
    }
    new = run(tmp_path / "after", tmp_path / "two", "own", calls)
    old = run(write(tmp_path / "before", {"db.py": head, "own.py": OWN + before}), tmp_path / "one", "own", calls)
    assert (new.results, new.rows, new.unclosed) == (old.results, old.rows, 0)
