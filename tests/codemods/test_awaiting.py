"""Coroutines that were dropped: awaited, silent afterwards, and cured when the program is run."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from oracle.expectations import without_expectations

from codemods.fixing import repaired
from sqla_lint import Settings, check, fix

BAD = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "rules" / "unawaited-session-call").glob("bad_*.py"))
ALL = Settings(select=("SES210",), unsafe_fixes=True)
HEAD = """\
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

engine = create_async_engine("sqlite+aiosqlite://")


"""


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    copy.write_text(without_expectations(path.read_text("utf-8")), "utf-8")
    (folder / "pyproject.toml").touch()
    return copy


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_fixture_is_repaired(path: Path, tmp_path: Path) -> None:
    copy = _copy(path, tmp_path)
    before = check([copy], ALL).findings
    left = fix([copy], ALL).report.findings
    assert before
    assert all(finding.fix_refused for finding in left)
    assert len(left) < len(before)
    again = copy.read_bytes()
    assert fix([copy], ALL).fixed == ()
    assert copy.read_bytes() == again


PROGRAM = """\
import asyncio

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine("sqlite+aiosqlite:///mills.db")


class Base(DeclarativeBase):
    pass


class Mill(Base):
    __tablename__ = "mills"

    id: Mapped[int] = mapped_column(primary_key=True)


async def build():
    async with AsyncSession(engine) as session:
        session.add(Mill())
        session.commit()


async def main():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await build()
    async with AsyncSession(engine) as session:
        print(await session.scalar(select(func.count()).select_from(Mill)))
    await engine.dispose()


asyncio.run(main())
"""


def _printed(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", path.name], cwd=path.parent, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(find_spec("aiosqlite") is None, reason="needs aiosqlite")
def test_what_was_dropped_happens(tmp_path: Path) -> None:
    for folder, fixes, rows in (("before", False, "0"), ("after", True, "1")):
        path = tmp_path / folder / "mills.py"
        path.parent.mkdir()
        path.write_text(PROGRAM)
        if fixes:
            assert [finding.code for finding in fix([path], ALL).fixed] == ["SES210"]
        assert _printed(path) == rows


def test_the_call_alone_changes(tmp_path: Path) -> None:
    body = """\
    async def save(name):
    \tasync with AsyncSession(engine) as session:
    \t\tsession.add(name); session.commit()  # kept
    """
    fixed = repaired(tmp_path, body, HEAD)
    assert fixed.applicabilities == ["unsafe"]
    assert fixed.text == (
        "async def save(name):\n\tasync with AsyncSession(engine) as session:\n"
        "\t\tsession.add(name); await session.commit()  # kept\n"
    )
    assert fixed.after == ()


def test_it_is_refused_where_nothing_can_be_awaited(tmp_path: Path) -> None:
    body = """\
    def save(session: AsyncSession, name):
        session.add(name)
        session.commit()
    """
    fixed = repaired(tmp_path, body, HEAD)
    assert fixed.refusals == ["save is no coroutine: nothing can be awaited in it"]
