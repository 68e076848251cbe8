"""Repairing a piece of source in a project of its own, and saying what came of it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NamedTuple

from sqla_lint import Settings, check, fix
from sqla_lint.finding import Finding

HEAD = '''\
"""A small shop."""
import logging

from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.orm import Session, declarative_base, sessionmaker

engine = create_engine("sqlite:///shop.db")
Factory = sessionmaker(bind=engine)
Base = declarative_base()
logger = logging.getLogger(__name__)


class Item(Base):
    __tablename__ = "items"

    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)


'''


class Fixed(NamedTuple):
    """*text* is what the file says now; *before* and *after* are the findings."""

    text: str
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]

    @property
    def applicabilities(self) -> list[str]:
        return [finding.fix.applicability if finding.fix else "refused" for finding in self.before]

    @property
    def refusals(self) -> list[str]:
        return [finding.fix_refused for finding in self.before if finding.fix_refused]


def repaired(folder: Path, body: str, head: str = HEAD) -> Fixed:
    """Apply every fix, the unsafe ones too, to *body* behind *head*; the text is without the head where that did not change."""
    path = folder / "shop.py"
    (folder / "pyproject.toml").touch()
    path.write_text(head + textwrap.dedent(body).lstrip("\n"), "utf-8")
    before = check([path], Settings()).findings
    outcome = fix([path], Settings(unsafe_fixes=True))
    assert not outcome.report.errors
    return Fixed(path.read_text("utf-8").removeprefix(head), before, outcome.report.findings)
