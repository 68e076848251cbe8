"""What the linter takes SQLAlchemy's names to mean is held against the SQLAlchemy installed, by looking and by running.

The tests run on 1.4, 2.0 and 2.1: a name that only some versions have says so here.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Column, ForeignKey, Integer, String, create_engine, event, exc, orm, select
from sqlalchemy.ext import asyncio as aio
from sqlalchemy.orm import Query, Session, relationship, scoped_session, sessionmaker
from sqlalchemy.orm import exc as orm_exc
from sqlalchemy.pool import QueuePool

from sqla_lint import sqlalchemy_api as api

VERSION = tuple(int(part) for part in sqlalchemy.__version__.split(".")[:3] if part.isdigit())
# name: the first version that has it, and the first that has it no more.
ONLY: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "AsyncAttrs": ((2, 0), ()),
    "DeclarativeBase": ((2, 0), ()),
    "DeclarativeBaseNoMeta": ((2, 0), ()),
    "DynamicMapped": ((2, 0), ()),
    "WriteOnlyMapped": ((2, 0), ()),
    "aclose": ((2, 0), ()),
    "async_sessionmaker": ((2, 0), ()),
    "binds": ((2, 1), ()),
    "delete_all": ((2, 1), ()),
    "execution_options": ((2, 1), ()),
    "from_self": ((), (2, 0)),
    "get_async_bind": ((2, 1), ()),
    "get_one": ((2, 0, 22), ()),
    "joinedload_all": ((), (1, 4)),
    "mapped_column": ((2, 0), ()),
    "merge_all": ((2, 1), ()),
    "relation": ((), (2, 0)),
    "reset": ((2, 0, 22), ()),
    "subqueryload_all": ((), (1, 4)),
    "tuples": ((2, 0), ()),
    "write_only": ((2, 0), ()),
}
# Names of what is built on SQLAlchemy, and of which package.
BUILT_ON = {
    "exec": "sqlmodel",
    "paginate": "flask_sqlalchemy",
    "first_or_404": "flask_sqlalchemy",
    "get_or_404": "flask_sqlalchemy",
    "one_or_404": "flask_sqlalchemy",
}
MODULES = (
    "sqlalchemy", "sqlalchemy.orm", "sqlalchemy.engine", "sqlalchemy.ext.asyncio", "sqlalchemy.ext.associationproxy",
    "sqlalchemy.ext.automap", "sqlalchemy.ext.declarative", "sqlalchemy.ext.hybrid",
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::sqlalchemy.exc.SADeprecationWarning")


def expected(name: str) -> bool:
    """Whether the version installed should have *name*."""
    since, until = ONLY.get(name, ((), ()))
    return since <= VERSION and (not until or until > VERSION)


def present(name: str, owners: tuple[Any, ...]) -> bool:
    return any(hasattr(owner, name) for owner in owners)


def public(*classes: type) -> set[str]:
    return {name for cls in classes for name in dir(cls) if not name.startswith("_")}


# --- what is there ---------------------------------------------------------------------------------------------------

SESSION_TABLES = api.STATEMENTS | api.NOTES | api.WRITES | api.CLOSES | api.COMMITS | api.ROLLS_BACK | api.SAVEPOINTS
QUERY_TABLES = api.GENERATIVE | api.NARROWS | api.MANY | api.ONE | api.PLAIN | api.BULK | api.RESULT_KEEPS
SESSIONS = (Session, aio.AsyncSession, scoped_session, aio.async_scoped_session)
# Attributes that instances get.
INSTANCES = {"autocommit", "registry", "session_factory", "sync_session", "transaction"}


@pytest.mark.parametrize("name", sorted(api._MEANINGS))
def test_a_name_with_a_meaning_is_exported(name: str) -> None:
    owners = tuple(importlib.import_module(module) for module in MODULES)
    assert present(name, owners) == expected(name)
    assert api.meaning(f"sqlalchemy.orm.{name}") == api._MEANINGS[name]


@pytest.mark.parametrize("name", sorted(SESSION_TABLES | api.EVIDENCE | api.EXECUTES | api.ASKS_STATE))
def test_a_method_of_sessions_is_one(name: str) -> None:
    if name in BUILT_ON:
        pytest.importorskip("sqlmodel")
        assert hasattr(importlib.import_module("sqlmodel").Session, name)
    elif name not in INSTANCES:
        assert present(name, SESSIONS) == expected(name)


def test_every_method_of_sessions_is_in_a_table() -> None:
    assert public(*SESSIONS) - SESSION_TABLES == set()


# Sessions have them in some versions only, queries in all.
OF_QUERIES_BEFORE = {"execution_options"}


@pytest.mark.parametrize("name", sorted(QUERY_TABLES))
def test_a_method_of_queries_is_one(name: str) -> None:
    from sqlalchemy.engine import Result, ScalarResult

    statements = (type(select(sqlalchemy.literal(1))), sqlalchemy.sql.expression.CompoundSelect)
    if name in BUILT_ON:
        flask = pytest.importorskip("flask_sqlalchemy")
        assert present(name, (flask.SQLAlchemy, importlib.import_module("flask_sqlalchemy.query").Query))
    else:
        assert present(name, (Query, Result, ScalarResult, *statements)) == (
            expected(name) or name in OF_QUERIES_BEFORE
        )


@pytest.mark.parametrize("name", sorted(api.DATABASE_ERRORS | api.RESULT_ERRORS))
def test_an_error_is_one_of_sqlalchemys(name: str) -> None:
    error = getattr(exc, name, None) or getattr(orm_exc, name)
    assert issubclass(error, exc.SQLAlchemyError)


def test_every_error_of_a_database_is_in_the_table() -> None:
    found = {name for name, error in vars(exc).items() if isinstance(error, type) and issubclass(error, exc.DBAPIError)}
    assert found <= api.DATABASE_ERRORS


# --- what it does ----------------------------------------------------------------------------------------------------

Base: Any = orm.declarative_base()


class Owner(Base):  # type: ignore[misc]
    __tablename__ = "owner"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    pets = relationship("Pet")


class Pet(Base):  # type: ignore[misc]
    __tablename__ = "pet"
    id = Column(Integer, primary_key=True)
    owner_id: Any = Column(ForeignKey("owner.id"))


class Database:
    """A SQLite file with one owner and one pet, and what is sent to it."""

    def __init__(self, path: Path) -> None:
        self.engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool)
        self.sent: list[str] = []
        Base.metadata.create_all(self.engine)
        self.factory = sessionmaker(self.engine)
        with self.factory() as session:
            session.add(Owner(id=1, name="a", pets=[Pet(id=1)]))
            session.commit()
        event.listen(self.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.sent.append(statement)

    @property
    def held(self) -> int:
        """How many connections are checked out."""
        return int(self.engine.pool.checkedout())  # type: ignore[attr-defined]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "db")
    yield made
    made.engine.dispose()


# The arguments of methods that need some.
ARGUMENTS: dict[str, Callable[[Session], tuple[Any, ...]]] = {
    "add": lambda s: (Owner(id=2),),
    "add_all": lambda s: ([Owner(id=2)],),
    "bind_mapper": lambda s: (Owner, s.get_bind()),
    "bind_table": lambda s: (Owner.__table__, s.get_bind()),
    "bulk_insert_mappings": lambda s: (Owner, [{"id": 2}]),
    "bulk_save_objects": lambda s: ([Owner(id=2)],),
    "bulk_update_mappings": lambda s: (Owner, [{"id": 1, "name": "b"}]),
    "delete": lambda s: (Pet.__mapper__.class_manager.new_instance(),),
    "enable_relationship_loading": lambda s: (Owner(id=3),),
    "execute": lambda s: (select(Owner),),
    "get": lambda s: (Owner, 1),
    "get_one": lambda s: (Owner, 1),
    "identity_key": lambda s: (Owner, 1),
    "merge": lambda s: (Owner(id=1, name="c"),),
    "merge_all": lambda s: ([Owner(id=1, name="c")],),
    "object_session": lambda s: (Owner(),),
    "query": lambda s: (Owner,),
    "scalar": lambda s: (select(Owner.id),),
    "scalars": lambda s: (select(Owner),),
}
# They need an instance that is there; what is checked is what the call itself sends.
ON_AN_INSTANCE = {
    "delete": Pet, "delete_all": Pet, "expire": Owner, "expunge": Owner, "is_modified": Owner, "refresh": Owner,
}  # fmt: skip


def call(session: Session, name: str) -> Any:
    """Call *name* with arguments that suit; attributes are read. What was sent before it is not counted."""
    member = getattr(session, name)
    if not inspect.isroutine(member):
        return member
    if name in ON_AN_INSTANCE:
        target = session.get(ON_AN_INSTANCE[name], 1)
        return member([target] if name == "delete_all" else target)
    if name == "flush":
        session.add(Owner(id=2))
    arguments = ARGUMENTS[name](session) if name in ARGUMENTS else ()
    return member(*arguments)


# SQLite has no two-phase commit.
TWO_PHASE = {"prepare"}


def on_session(names: frozenset[str]) -> list[str]:
    return sorted(name for name in names if hasattr(Session, name))


def prepared(database: Database, name: str) -> Session:
    """A session whose instances for *name* are loaded already, with nothing counted."""
    session = database.factory()
    if name in ON_AN_INSTANCE:
        kept = session.get(ON_AN_INSTANCE[name], 1)
        session.info["kept"] = kept
    database.sent.clear()
    return session


@pytest.mark.parametrize("name", on_session(api.STATEMENTS - TWO_PHASE))
def test_a_statement_is_sent_at_once(database: Database, name: str) -> None:
    with prepared(database, name) as session:
        call(session, name)
        assert database.sent or name == "connection"
        assert database.held == 1 or name.startswith("bulk_"), "its connection is held until the transaction ends"
    assert database.held == 0


@pytest.mark.parametrize("name", on_session(api.NOTES))
def test_a_note_sends_nothing(database: Database, name: str) -> None:
    with prepared(database, name) as session:
        held = database.held
        result = call(session, name)
        assert database.sent == []
        assert database.held == held
        del result


def test_a_savepoint_flushes_and_is_sent_with_the_next_statement(database: Database) -> None:
    with database.factory() as session:
        session.add(Owner(id=2))
        database.sent.clear()
        session.begin_nested()
        assert [sent.split()[0] for sent in database.sent] == ["INSERT"]
        session.scalar(select(Owner.id))
        assert [sent.split()[0] for sent in database.sent] == ["INSERT", "SAVEPOINT", "SELECT"]


@pytest.mark.parametrize("name", on_session(api.WRITES))
def test_a_write_is_in_the_database_after_a_commit(database: Database, name: str) -> None:
    with prepared(database, name) as session:
        call(session, name)
        session.commit()
    assert {sent.split()[0] for sent in database.sent} & {"INSERT", "UPDATE", "DELETE"}


@pytest.mark.parametrize("name", sorted(api.CLOSES - {"remove", "aclose", "close_all"}))
def test_what_closes_gives_the_connection_back(database: Database, name: str) -> None:
    if not expected(name):
        pytest.skip("not in this version")
    session = database.factory()
    owner = session.get(Owner, 1)
    assert database.held == 1
    getattr(session, name)()
    assert database.held == 0
    assert owner not in session


def test_what_removes_a_registrys_session_closes_it(database: Database) -> None:
    registry = scoped_session(database.factory)
    registry.get(Owner, 1)
    assert database.held == 1
    registry.remove()
    assert database.held == 0


def test_all_sessions_are_closed_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would close those that other tests left behind as well, over databases that are gone.
    monkeypatch.setattr("sqlalchemy.orm.session._sessions", weakref.WeakValueDictionary())
    session = database.factory()
    session.get(Owner, 1)
    orm.close_all_sessions()
    assert database.held == 0


@pytest.mark.parametrize("name", sorted(api.COMMITS | api.ROLLS_BACK))
def test_the_end_of_a_transaction_expires_and_gives_back(database: Database, name: str) -> None:
    with database.factory() as session:
        owner = session.get(Owner, 1)
        assert owner is not None
        getattr(session, name)()
        assert database.held == 0
        assert orm.attributes.instance_state(owner).expired
        assert owner in session


def test_async_sessions_wait_for_what_is_sent() -> None:
    sent = api.STATEMENTS | api.CLOSES | api.COMMITS | api.ROLLS_BACK
    for name in sorted(name for name in sent if hasattr(aio.AsyncSession, name)):
        assert inspect.iscoroutinefunction(getattr(aio.AsyncSession, name)), name


def test_what_must_be_awaited_is_a_coroutine_or_begins_a_transaction() -> None:
    for name in sorted(name for name in api.AWAITED if hasattr(aio.AsyncSession, name)):
        function = getattr(aio.AsyncSession, name)
        assert inspect.iscoroutinefunction(function) or name in ("begin", "begin_nested"), name
    coroutines = [name for name, _ in inspect.getmembers(aio.AsyncSession, inspect.iscoroutinefunction)]
    assert {name for name in coroutines if not name.startswith("_")} <= api.AWAITED


# --- queries ---------------------------------------------------------------------------------------------------------

QUERY_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "correlate": (Pet,), "correlate_except": (Pet,), "distinct": (), "enable_assertions": (True,),
    "enable_eagerloads": (False,), "execution_options": (), "fetch": (1,), "filter": (Owner.id == 1,),
    "filter_by": (), "group_by": (Owner.id,), "having": (Owner.id == 1,), "join": (Owner.pets,),
    "join_from": (Owner, Pet), "offset": (0,), "order_by": (Owner.id,), "outerjoin": (Owner.pets,),
    "outerjoin_from": (Owner, Pet), "only_return_tuples": (False,), "params": (), "prefix_with": ("",),
    "select_from": (Owner,), "slice": (0, 1), "suffix_with": ("",), "where": (Owner.id == 1,),
    "with_hint": (Owner, ""), "with_statement_hint": ("",), "yield_per": (5,), "autoflush": (True,),
}  # fmt: skip


def _made(query: Any, name: str, session: Session) -> Any:
    if name == "having":
        query = query.group_by(Owner.id)
    if name == "with_session":
        return query.with_session(session)
    if name == "with_transformation":
        return query.with_transformation(lambda same: same)
    if name == "with_parent":
        return query.with_parent(Owner(id=1), Owner.pets)
    if name == "from_statement":
        return query.from_statement(select(Owner))
    if name == "set_label_style":
        return query.set_label_style(sqlalchemy.LABEL_STYLE_TABLENAME_PLUS_COL)
    if name in ("union", "union_all", "intersect", "intersect_all", "except_", "except_all"):
        return getattr(query, name)(session.query(Owner) if isinstance(query, Query) else select(Owner))
    return getattr(query, name)(*QUERY_ARGUMENTS.get(name, ()))


@pytest.mark.parametrize("name", sorted(api.GENERATIVE | api.NARROWS))
def test_a_generative_method_gives_a_query_and_sends_nothing(database: Database, name: str) -> None:
    with database.factory() as session:
        database.sent.clear()
        for query in (session.query(Owner), select(Owner)):
            if hasattr(query, name):
                made = _made(query, name, session)
                assert isinstance(made, Query) or hasattr(made, "compile"), type(made)
        assert database.sent == []


@pytest.mark.parametrize("name", sorted(api.MANY | api.ONE | api.PLAIN | api.BULK))
def test_a_query_is_run(database: Database, name: str) -> None:
    if not hasattr(Query, name):
        pytest.skip("a method of results, or of what is built on SQLAlchemy")
    with database.factory() as session:
        query = session.query(Owner).filter(Owner.id == 1) if name != "get" else session.query(Owner)
        database.sent.clear()
        result = getattr(query, name)(*{"get": (1,), "update": ({"name": "z"},)}.get(name, ()))
        assert len(database.sent) == 1
        assert isinstance(result, list) == (name in api.MANY)
        assert isinstance(result, Owner) == (name in api.ONE)
        assert database.sent[0].startswith(("UPDATE", "DELETE")) == (name in api.BULK)


@pytest.mark.parametrize("name", sorted(api.MANY | api.ONE | api.RESULT_KEEPS))
def test_a_result_is_read(database: Database, name: str) -> None:
    from sqlalchemy.engine import Result

    if not hasattr(Result, name):
        pytest.skip("a method of queries, or of what is built on SQLAlchemy")
    with database.factory() as session:
        result = session.execute(select(Owner).where(Owner.id == 1))
        database.sent.clear()
        member = getattr(result, name)
        got = member(1) if name in ("yield_per", "partitions", "fetchmany") else member()
        assert database.sent == [], "the statement was sent when the result was made"
        if name in api.RESULT_KEEPS:
            assert hasattr(got, "all") or name == "freeze"
        elif name in api.ONE:
            assert isinstance(got[0] if hasattr(got, "_fields") else got, Owner)
        else:
            assert len(list(got)) == 1


@pytest.mark.parametrize("name", sorted(api.RESULT_ERRORS))
def test_a_result_that_is_not_as_expected_leaves_the_transaction_as_it_was(database: Database, name: str) -> None:
    with database.factory() as session:
        session.add(Owner(id=2))
        session.flush()
        query = session.query(Owner) if name == "MultipleResultsFound" else session.query(Owner).filter(Owner.id == 9)
        with pytest.raises(getattr(exc, name)):
            query.one()
        assert session.query(Owner).count() == 2


# --- loading ---------------------------------------------------------------------------------------------------------


def _mapped(lazy: Any) -> tuple[Any, Any]:
    """A parent class whose relationship is loaded as *lazy* says, and its child class, which must be kept alive."""
    base: Any = orm.declarative_base()
    parent: Any = type(
        "Parent",
        (base,),
        {
            "__tablename__": "owner",
            "id": Column(Integer, primary_key=True),
            "pets": relationship("Child", lazy=lazy),
        },
    )
    columns = {"id": Column(Integer, primary_key=True), "owner_id": Column(ForeignKey("owner.id"))}
    return parent, type("Child", (base,), {"__tablename__": "pet", **columns})


@pytest.mark.parametrize("lazy", sorted(api.LAZY | api.EAGER | api.DYNAMIC))
def test_a_relationship_is_loaded_as_its_setting_says(database: Database, lazy: str) -> None:
    if not expected(lazy):
        pytest.skip("not in this version")
    parent, _child = _mapped(lazy)
    with database.factory() as session:
        row = session.query(parent).one()
        database.sent.clear()
        pets = row.pets
        if lazy in api.DYNAMIC:
            assert not isinstance(pets, list)
        assert (len(database.sent) == 1) == (lazy in api.LAZY)


SINGLE = {
    "joinedload",
    "selectinload",
    "subqueryload",
    "immediateload",
    "contains_eager",
    "lazyload",
    "raiseload",
    "noload",
}


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_an_option_loads_as_its_strategy_says(database: Database, name: str) -> None:
    strategy = api.LOADER_OPTIONS[name]
    with database.factory() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        query = session.query(Owner).join(Owner.pets) if name == "contains_eager" else session.query(Owner)
        row = query.options(getattr(orm, name)(Owner.pets)).one()
        database.sent.clear()
        if strategy == "raise":
            with pytest.raises(exc.InvalidRequestError):
                _ = row.pets
        else:
            assert len(row.pets) == (0 if strategy == "noload" else 1)
        assert bool(database.sent) == (strategy in api.LAZY)
        assert (strategy in api.EAGER) == (not database.sent and strategy not in ("raise", "noload"))


@pytest.mark.parametrize("name", sorted(set(api.LOADER_OPTIONS) - SINGLE))
def test_other_options_are_of_no_loading_strategy(name: str) -> None:
    columns = {"defer", "undefer", "only", "undefer-group"}
    assert api.LOADER_OPTIONS[name] in {"none", "default", *columns} or not expected(name)
