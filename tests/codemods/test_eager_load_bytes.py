"""The eager load in files of every form: only the query and the import change, and the diff applies."""

from __future__ import annotations

import codecs
import subprocess
import sys
from pathlib import Path

import pytest

from sqla_lint import Settings, fix

TEXT = '''\
"""née"""
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Dog(Base):
    __tablename__ = "dogs"
    id: Mapped[int] = mapped_column(primary_key=True)
    toys: Mapped[list["Toy"]] = relationship()

class Toy(Base):
    __tablename__ = "toys"
    id: Mapped[int] = mapped_column(primary_key=True)
    dog_id: Mapped[int] = mapped_column(ForeignKey("dogs.id"))

def show(session):
    é = 1; dogs = session.query(Dog)  ; print("é")   # all
    for dog in dogs :
        print( dog.toys,"""
  é""" )'''
ADDED = (".options(selectinload(Dog.toys))", ", selectinload")
FORMS = {
    "plain": TEXT.encode(),
    "crlf": TEXT.replace("\n", "\r\n").encode(),
    "tabs": TEXT.replace("    ", "\t").encode(),
    "two spaces": TEXT.replace("    ", "  ").encode(),
    "latin-1": f"# -*- coding: latin-1 -*-\n{TEXT}".encode("latin-1"),
    "byte order mark": codecs.BOM_UTF8 + TEXT.encode(),
    "form feed": TEXT.replace("\n\nclass Toy", "\n\x0c\nclass Toy").encode(),
    "last newline": f"{TEXT}\n".encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_nothing_else_changes(form: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "dogs.py"
    path.write_bytes(FORMS[form])
    assert fix([path], Settings()).report.findings == ()
    after = path.read_bytes()
    assert after != FORMS[form]
    for added in ADDED:
        assert after.count(added.encode()) == 1
        after = after.replace(added.encode(), b"")
    assert after == FORMS[form]


@pytest.mark.parametrize("tool", [["git", "apply"], ["patch", "-p1", "--binary"]], ids=lambda tool: tool[0])
@pytest.mark.parametrize("form", ["plain", "crlf", "latin-1", "last newline"])
def test_the_diff_applies(form: str, tool: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").touch()
        (tmp_path / name / "dogs.py").write_bytes(FORMS[form])
    command = [sys.executable, "-m", "sqla_lint", "--isolated", "--diff", "."]
    diff = subprocess.run(command, cwd=tmp_path / "one", capture_output=True, check=False)
    assert diff.returncode == 1
    applied = subprocess.run(tool, input=diff.stdout, cwd=tmp_path / "one", capture_output=True, check=False)
    assert applied.returncode == 0, applied.stderr
    fix([tmp_path / "two"], Settings())
    assert (tmp_path / "one" / "dogs.py").read_bytes() == (tmp_path / "two" / "dogs.py").read_bytes()
