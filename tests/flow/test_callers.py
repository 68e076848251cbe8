"""Who may call a function: what says its name, and has it from where it is defined."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqla_lint import check
from sqla_lint.config import Settings

MODELS = """from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Herd(Base):
    __tablename__ = "herds"
    id: Mapped[int] = mapped_column(primary_key=True)
    goats: Mapped[list["Goat"]] = relationship()


class Goat(Base):
    __tablename__ = "goats"
    id: Mapped[int] = mapped_column(primary_key=True)
    herd_id: Mapped[int] = mapped_column(ForeignKey("herds.id"))
"""
COUNTING = """import models


def count(herds: list[models.Herd]) -> int:
    return sum(len(herd.goats) for herd in herds)
"""
# Sorted before the caller, and more of them than are looked at.
NAMESAKES = "import models\n\n\n" + "".join(
    f"def has_{number}(herd: models.Herd, names) -> int:\n    return names.count(herd.id)\n\n\n"
    for number in range(220)
)
CALLS = """from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Herd
{import_}


def shown(session: Session) -> int:
    return {call}(session.scalars(select(Herd)).all())
"""


@pytest.mark.parametrize(
    ("import_", "call"),
    [
        ("from counting import count", "count"),
        ("import counting", "counting.count"),
        ("from handing import count", "count"),
    ],
    ids=["by name", "of the module", "handed on"],
)
def test_namesakes_hide_no_caller(tmp_path: Path, import_: str, call: str) -> None:
    files = {
        "pyproject.toml": "",
        "models.py": MODELS,
        "counting.py": COUNTING,
        "handing.py": "from counting import count\n\n__all__ = ['count']\n",
        "barn.py": NAMESAKES,
        "shown.py": CALLS.format(import_=import_, call=call),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    report = check([tmp_path], Settings(select=("SES401",), cache=False))
    found = [(Path(finding.path).name, finding.span.line) for finding in report.findings]
    assert found == [("counting.py", 5)]
