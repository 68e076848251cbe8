"""Of several queries that one call in a loop runs, the finding cites the one that always does."""

from __future__ import annotations

from pathlib import Path

from sqla_lint import Settings, check

TEXT = """
from models import Box, Label
from sqlalchemy import select
from sqlalchemy.orm import Session

def find(session: Session, name):
    if len(name) > 3:
        print(session.scalars(select(Label).where(Label.text == name)).all())
    return session.scalars(select(Box).where(Box.name == name)).first()

def found(session: Session, names):
    return [find(session, name) for name in names]
"""


def test_the_query_that_always_runs_is_cited(tmp_path: Path) -> None:
    (tmp_path / "found.py").write_text(TEXT)
    (finding,) = check([tmp_path], Settings(folder=tmp_path, cache=False)).findings
    assert finding.code == "SES402"
    assert [related.span.line for related in finding.related] == [9]
