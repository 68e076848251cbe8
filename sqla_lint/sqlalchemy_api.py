"""What SQLAlchemy's names and calls mean: the one table.

Everything here is a fact of SQLAlchemy (or of SQLModel and Flask-SQLAlchemy on top of it), held by a test against the
version installed. Names are dotted as their module is documented; :func:`meaning` folds re-exports together.
"""

from __future__ import annotations

from typing import Final

# --- names -----------------------------------------------------------------------------------------------------------

_MEANINGS: Final[dict[str, str]] = {
    "Session": "session-class",
    "AsyncSession": "async-session-class",
    "sessionmaker": "sessionmaker",
    "create_session": "session-class",
    "async_sessionmaker": "async-sessionmaker",
    "scoped_session": "scoped-session",
    "async_scoped_session": "async-scoped-session",
    "create_engine": "create-engine",
    "engine_from_config": "create-engine",
    "create_async_engine": "create-async-engine",
    "async_engine_from_config": "create-async-engine",
    "Engine": "engine-class",
    "AsyncEngine": "engine-class",
    "Connection": "connection-class",
    "AsyncConnection": "connection-class",
    "select": "select",
    "Query": "query-class",
    "aliased": "aliased",
    "with_polymorphic": "aliased",
    "relationship": "relationship",
    "relation": "relationship",
    "backref": "backref",
    "dynamic_loader": "dynamic-loader",
    "column_property": "column",
    "mapped_column": "column",
    "Column": "column",
    "deferred": "deferred",
    "synonym": "synonym",
    "composite": "column",
    "association_proxy": "association-proxy",
    "hybrid_property": "hybrid-property",
    "declarative_base": "declarative-base",
    "automap_base": "declarative-base",
    "DeclarativeBase": "declarative-base-class",
    "DeclarativeBaseNoMeta": "declarative-base-class",
    "AsyncAttrs": "async-attrs",
    "as_declarative": "as-declarative",
    "registry": "mapper-registry",
    "joinedload": "load:joined",
    "selectinload": "load:selectin",
    "subqueryload": "load:subquery",
    "immediateload": "load:immediate",
    "contains_eager": "load:joined",
    "joinedload_all": "load:joined",
    "subqueryload_all": "load:subquery",
    "selectin_polymorphic": "load:none",
    "lazyload": "load:select",
    "raiseload": "load:raise",
    "noload": "load:noload",
    "defaultload": "load:default",
    "Load": "load-class",
    "load_only": "load:only",
    "defer": "load:defer",
    "undefer": "load:undefer",
    "undefer_group": "load:undefer-group",
    "with_loader_criteria": "load:none",
    "with_expression": "load:none",
    "Mapped": "mapped",
    "WriteOnlyMapped": "write-only-mapped",
    "DynamicMapped": "dynamic-mapped",
    "inspect": "inspect",
    "ForeignKey": "foreign-key",
    "Table": "table",
    "text": "text",
    "insert": "dml",
    "update": "dml",
    "delete": "dml",
    "func": "func",
}

_SQLMODEL: Final[dict[str, str]] = {
    "SQLModel": "sqlmodel-class",
    "Relationship": "sqlmodel-relationship",
    "Field": "column",
}

_FLASK: Final[dict[str, str]] = {"SQLAlchemy": "flask-sqlalchemy", "BaseQuery": "query-class", "Model": "flask-model"}

_STATEMENT_CLASSES: Final = frozenset(
    {"Select", "SelectOfScalar", "Query", "BaseQuery", "SelectBase", "GenerativeSelect", "Executable"}
)


def meaning(dotted: str) -> str | None:
    """What a name from outside the project means to this linter; None where it means nothing.

    Args:
        dotted: the name as imported, for example ``sqlalchemy.ext.asyncio.AsyncSession``.
    """
    package, _, rest = dotted.partition(".")
    name = rest.rpartition(".")[2] or rest
    if package == "sqlalchemy":
        return _MEANINGS.get(name)
    if package == "sqlmodel":
        return _SQLMODEL.get(name) or _MEANINGS.get(name)
    if package in ("flask_sqlalchemy", "flask_sqlalchemy_lite", "quart_sqlalchemy"):
        return _FLASK.get(name)
    return None


def is_statement_class(dotted: str) -> bool:
    """Whether a name is a class of statements or queries, whatever rows they give.

    Args:
        dotted: the name as imported, for example ``sqlalchemy.sql.Select``.
    """
    package, _, rest = dotted.partition(".")
    return package in ("sqlalchemy", "sqlmodel", "flask_sqlalchemy") and rest.rpartition(".")[2] in _STATEMENT_CLASSES


# --- sessions --------------------------------------------------------------------------------------------------------

# Methods that run a statement at once (and may autoflush first), or check out a connection.
STATEMENTS: Final = frozenset(
    {
        "execute", "scalar", "scalars", "get", "get_one", "refresh", "merge", "merge_all", "flush", "stream",
        "stream_scalars", "exec", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings", "connection",
        "prepare",
    }
)  # fmt: skip
# Those that take a statement and give its result.
EXECUTES: Final = frozenset({"execute", "scalar", "scalars", "exec", "stream", "stream_scalars"})
# What has a query fill in rows anew that the session holds already: a method, and an execution option.
POPULATE: Final = "populate_existing"
# Arguments of ``get`` with which it asks for a row that the session holds, too.
ASKS_ANEW: Final = frozenset({POPULATE, "with_for_update"})
# Methods and attributes that send nothing (``delete`` does where it has to load what it cascades to).
NOTES: Final = frozenset(
    {
        "add", "add_all", "delete", "delete_all", "expunge", "expunge_all", "expire", "expire_all", "query",
        "is_modified", "get_bind", "get_async_bind", "get_transaction", "get_nested_transaction", "in_transaction",
        "in_nested_transaction", "info", "no_autoflush", "identity_key", "object_session", "new", "dirty", "deleted",
        "identity_map", "begin", "enable_relationship_loading", "autoflush", "bind", "bind_mapper",
        "bind_table", "binds", "is_active", "run_sync", "sync_session", "sync_session_class", "configure",
        "connection_callable", "dispatch", "execution_options", "query_property", "registry", "session_factory",
        "autocommit", "transaction",
    }
)  # fmt: skip
# It flushes; SAVEPOINT itself is sent with the next statement.
SAVEPOINTS: Final = frozenset({"begin_nested"})
# Functions and SQL keywords that begin a statement that changes rows.
DML: Final = frozenset({"insert", "update", "delete", "merge", "replace"})
# SQL that ends a transaction in the database, whatever SQLAlchemy knows of it.
ENDS_IN_SQL: Final = frozenset({"commit", "rollback"})
WRITES: Final = frozenset(
    {
        "add", "add_all", "delete", "delete_all", "merge", "merge_all", "flush", "bulk_save_objects",
        "bulk_insert_mappings", "bulk_update_mappings",
    }
)  # fmt: skip
# Those of them that take many rows at once.
WRITES_MANY: Final = frozenset(
    {"add_all", "merge_all", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"}
)
# What a session has and a scoped_session does not hand on.
NOT_ON_REGISTRIES: Final = frozenset(
    {
        "in_transaction", "in_nested_transaction", "get_transaction", "get_nested_transaction", "invalidate",
        "prepare", "bind_mapper", "bind_table", "enable_relationship_loading", "transaction", "hash_key", "twophase",
    }
)  # fmt: skip
# By which code asks whether a session still needs a rollback.
ASKS_STATE: Final = frozenset({"is_active", "in_transaction", "in_nested_transaction", "dirty", "new"})
CLOSES: Final = frozenset({"close", "close_all", "remove", "reset", "invalidate", "aclose"})
ROLLS_BACK: Final = frozenset({"rollback"})
# All of what a function calls on a session that others have begun to work with.
ENDS_WORK: Final = CLOSES | {"commit", "rollback", "flush", "expunge_all", "expire_all", "begin"}
COMMITS: Final = frozenset({"commit"})
# Those after which nothing that was added waits any more.
SENDS_ALL: Final = COMMITS | {"flush"}
# All that a session has; what else is called on one, a class that extends it has added.
OF_SESSIONS: Final = STATEMENTS | NOTES | WRITES | CLOSES | ROLLS_BACK | COMMITS | SAVEPOINTS | {"query", "begin"}
# Methods of an ``AsyncSession`` that do nothing until they are awaited (entering what ``begin`` gives awaits it).
AWAITED: Final = (
    CLOSES | ROLLS_BACK | COMMITS | STATEMENTS | SAVEPOINTS | {"begin", "delete", "delete_all", "run_sync"}
) - {"prepare", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"}
# What any session may be asked: a parameter of which only these are called is a session if a caller hands one in.
ORDINARY: Final = frozenset(
    {
        "add", "commit", "execute", "rollback", "close", "flush", "query", "delete", "refresh", "get", "merge",
        "scalar",
    }
)  # fmt: skip
# Methods that only a SQLAlchemy session has: calling one on a parameter is evidence of what it is.
EVIDENCE: Final = frozenset({"scalars", "add_all", "begin_nested", "expunge", "expunge_all", "no_autoflush"})

# --- queries ---------------------------------------------------------------------------------------------------------

# Query and Select methods that return another of the same rows, options aside.
GENERATIVE: Final = frozenset(
    {
        "filter", "filter_by", "where", "order_by", "group_by", "having", "distinct", "join", "outerjoin",
        "select_from", "with_for_update", "execution_options", "params", "correlate", "enable_eagerloads",
        "reset_joinpoint", "autoflush", "prefix_with", "suffix_with", "with_hint", "join_from", "outerjoin_from",
        "enable_assertions", "with_session", "set_label_style", "only_return_tuples", "with_statement_hint",
        "correlate_except", "offset", "slice", "fetch", "from_statement", "union", "union_all", "intersect",
        "intersect_all", "except_", "except_all", "with_labels", "with_transformation", "yield_per", "apply_labels",
        "with_parent", "from_self",
    }
)  # fmt: skip
# Those of them that may leave rows out.
NARROWS: Final = frozenset(
    {"filter", "filter_by", "where", "join", "outerjoin", "offset", "slice", "from_statement", "having"}
)
# Functions that make one row of all, and methods after which there are as many as there are groups or parts.
AGGREGATES: Final = frozenset(
    {"count", "sum", "max", "min", "avg", "string_agg", "aggregate_strings", "group_concat", "array_agg", "json_agg",
     "jsonb_agg", "bool_and", "bool_or"}
)  # fmt: skip
NO_LONGER_ONE: Final = frozenset({"group_by", "union", "union_all", "intersect", "except_", "from_statement"})
# Those that ask for a part of the rows, may do so, or ask for more than to see them.
PARTIAL: Final = frozenset({"slice", "fetch", "from_statement", "with_for_update", "offset"})
# After these an eager join would change what the statement means or locks, or cannot be added to it.
NO_JOIN: Final = frozenset(
    {"from_statement", "with_for_update", "group_by", "having", "distinct", "union", "union_all"}
)
# Those that select from more than before, and those after which there are as many rows as pass the filters.
JOINS: Final = frozenset({"join", "outerjoin", "join_from", "outerjoin_from", "select_from"})
KEEPS_ROWS: Final = frozenset(
    {
        "filter",
        "filter_by",
        "where",
        "order_by",
        "options",
        "populate_existing",
        "execution_options",
        "yield_per",
        "with_parent",
    }
)
# Query methods that run it and give: many rows, one row (or None), a plain value, a write.
MANY: Final = frozenset({"all", "fetchall", "fetchmany", "partitions", "paginate"})
ONE: Final = frozenset(
    {
        "first", "one", "one_or_none", "get", "first_or_404", "one_or_404", "get_or_404", "scalar_one",
        "scalar_one_or_none", "fetchone",
    }
)  # fmt: skip
# Those that never give None: they raise.
SURELY_ONE: Final = frozenset({"one", "scalar_one", "get_one", "one_or_404", "first_or_404", "get_or_404"})
PLAIN: Final = frozenset({"count"})
BULK: Final = frozenset({"update", "delete"})
QUERY_RUNS: Final = MANY | ONE | PLAIN | BULK | {"scalar", "scalars"}
# Query methods that say by their arguments what it gives.
SHAPES: Final = frozenset(
    {
        "options",
        "with_entities",
        "with_only_columns",
        "from_statement",
        "union",
        "union_all",
        "add_entity",
        "select_from",
    }
)
# Methods by which a value may show that it is a query; those that dictionaries and strings have, too, are not.
OF_QUERIES: Final = (GENERATIVE | QUERY_RUNS | {"options", "limit", "scalars", "with_entities"}) - {
    "get", "update", "delete", "slice", "params", "count", "fetch", "autoflush"
}  # fmt: skip
# Methods of a Result or ScalarResult that keep it a result of the same rows.
RESULT_KEEPS: Final = frozenset({"unique", "yield_per", "tuples", "freeze"})
# Those that give the same rows in another form.
RESULT_RESHAPES: Final = frozenset({"mappings", "columns"})

# --- loading ---------------------------------------------------------------------------------------------------------

LAZY: Final = frozenset({"select"})
EAGER: Final = frozenset({"joined", "selectin", "subquery", "immediate"})
DYNAMIC: Final = frozenset({"dynamic", "write_only"})
# Beyond these there are no rows: what is read is empty, or fails.
NEVER: Final = frozenset({"noload", "raise", "raise_on_sql"})
# What an option does to columns; these say nothing of relationships.
COLUMN_LOADS: Final = frozenset({"defer", "undefer"})
# Option methods that chain from one relationship to the next (``joinedload(A.b).selectinload(B.c)``).
LOADER_OPTIONS: Final[dict[str, str]] = {
    name: what.split(":", 1)[1] for name, what in _MEANINGS.items() if what.startswith("load:")
}

# What an option, or a function of SQLAlchemy's, is called that loads a relationship on rows.
EAGER_OPTIONS: Final = frozenset({name for name, what in LOADER_OPTIONS.items() if what in EAGER}) | {
    "set_committed_value"
}

# What a lazy load raises where nothing awaits it.
NOT_AWAITED: Final = "MissingGreenlet"

# --- errors ----------------------------------------------------------------------------------------------------------

# Exception classes of sqlalchemy.exc and sqlalchemy.orm.exc that a failing database raises.
DATABASE_ERRORS: Final = frozenset(
    {
        "SQLAlchemyError", "DBAPIError", "DatabaseError", "IntegrityError", "OperationalError", "ProgrammingError",
        "DataError", "InternalError", "InterfaceError", "NotSupportedError", "StatementError", "PendingRollbackError",
        "InvalidRequestError", "FlushError", "StaleDataError", "ResourceClosedError", "TimeoutError",
        "DisconnectionError",
    }
)  # fmt: skip
# Classes that every failing statement or flush is an instance of.
CATCH_ALL_ERRORS: Final = frozenset({"SQLAlchemyError"})
# The class of all that a driver raises; what else can fail in a flush is the program's own.
DRIVER_ERRORS: Final = frozenset({"DBAPIError"})
# Raised by reading a result, with nothing wrong in the database: they leave the transaction as it was.
RESULT_ERRORS: Final = frozenset({"NoResultFound", "MultipleResultsFound"})
