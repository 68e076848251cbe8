"""Factories and scopes that the configuration names, where their code does not show what they give."""

from __future__ import annotations

from pathlib import Path

from sqla_lint import Settings, check

PLUGIN = (
    "def opened():\n    return registry['db']\n\n\nclass Pool:\n    def lent(self):\n        return registry['db']\n"
)
USE = """
import time

import plugin
from plugin import opened
from sqlalchemy import select, text


def after():
    with opened() as session:
        session.execute(text("SELECT 1"))
    session.execute(text("SELECT 2"))


async def waiting():
    async with opened() as session:
        await session.execute(text("SELECT 1"))
        time.sleep(5)


def unread(pool: plugin.Pool):
    with pool.lent() as session:
        rows = session.query(plugin.Pool)
    return rows


def written():
    with opened() as session:
        session.add(plugin.Pool())


def outside():
    with elsewhere.scope() as session:
        return session.query(plugin.Pool)


def made():
    session = opened()
    session.execute(text("SELECT 1"))
"""


def _found(folder: Path, settings: Settings) -> list[tuple[str, int]]:
    (folder / "pyproject.toml").touch()
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "use.py").write_text("import elsewhere\n" + USE)
    return [(finding.code, finding.span.line) for finding in check([str(folder)], settings).findings]


def test_a_named_scope_gives_a_session_and_closes_it(tmp_path: Path) -> None:
    scopes = ("plugin.opened", "plugin.Pool.lent", "elsewhere.scope")
    assert _found(tmp_path, Settings(session_scopes=scopes)) == [
        ("SES305", 13),
        ("SES208", 19),
        ("SES306", 25),
        ("SES306", 35),
    ]


def test_a_named_factory_makes_a_session(tmp_path: Path) -> None:
    assert ("SES302", 39) in _found(tmp_path, Settings(session_factories=("plugin.opened",)))


def test_without_the_configuration_nothing_is_known(tmp_path: Path) -> None:
    assert _found(tmp_path, Settings()) == []
