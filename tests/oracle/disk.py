"""What is stored in the databases of the current folder, read without SQLAlchemy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(table: str) -> int:
    """How many rows *table* has.

    Raises:
        LookupError: no database here has such a table.
    """
    for path in Path.cwd().rglob("*.db"):
        if _query(path, f"SELECT 1 FROM sqlite_master WHERE name = '{table}'"):
            return int(_query(path, f'SELECT count(*) FROM "{table}"')[0])
    raise LookupError(f"no database here has a table {table}")


def fetch(statement: str) -> list[Any]:
    """The first column of what *statement* finds in the only database."""
    (path,) = Path.cwd().rglob("*.db")
    return _query(path, statement)


def _query(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(statement)]
