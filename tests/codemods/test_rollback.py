"""A rollback or a savepoint: which of the two, whether it is safe, and how it is written."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from codemods.fixing import HEAD, repaired
from sqla_lint import Settings, check, fix

SHOP = HEAD.replace(
    "from sqlalchemy.orm", "from sqlalchemy.exc import IntegrityError, SQLAlchemyError\nfrom sqlalchemy.orm"
)

# The body before and after, and what the fix is called.
CASES: dict[str, tuple[str, str, str]] = {
    "an own session, nothing written before": (
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.commit()
                except IntegrityError:
                    logger.info("taken")
                return session.query(Item).count()
        """,
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.commit()
                except IntegrityError:
                    session.rollback()
                    logger.info("taken")
                return session.query(Item).count()
        """,
        "safe rollback",
    ),
    "a lone pass, with its comment": (
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.commit()
                except IntegrityError:
                    # It is there already.
                    pass  # fine
                return session.query(Item).count()
        """,
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.commit()
                except IntegrityError:
                    # It is there already.
                    session.rollback()  # fine
                return session.query(Item).count()
        """,
        "safe rollback",
    ),
    "a handler on one line": (
        """
        def add(names):
            with Factory() as session:
                for name in names:
                    try:
                        session.add(Item(name=name))
                        session.commit()
                    except SQLAlchemyError: continue  # next
        """,
        """
        def add(names):
            with Factory() as session:
                for name in names:
                    try:
                        session.add(Item(name=name))
                        session.commit()
                    except SQLAlchemyError:
                        session.rollback()
                        continue  # next
        """,
        "safe rollback",
    ),
    "a comment above the first statement": (
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.commit()
                except (IntegrityError,
                        SQLAlchemyError) as error:  # taken

                    # Say so.
                    logger.info("%s", error)
                return session.query(Item).count()
        """,
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.commit()
                except (IntegrityError,
                        SQLAlchemyError) as error:  # taken
                    session.rollback()

                    # Say so.
                    logger.info("%s", error)
                return session.query(Item).count()
        """,
        "safe rollback",
    ),
    "earlier rows of the loop": (
        """
        def add(names):
            with Factory() as session:
                for name in names:
                    try:
                        session.add(Item(name=name))
                        # Now or never.
                        session.flush()
                    except IntegrityError:
                        logger.info("taken")
                session.commit()
        """,
        """
        def add(names):
            with Factory() as session:
                for name in names:
                    try:
                        with session.begin_nested():
                            session.add(Item(name=name))
                            # Now or never.
                            session.flush()
                    except IntegrityError:
                        logger.info("taken")
                session.commit()
        """,
        "unsafe savepoint",
    ),
    "a session that only its awaited calls show": (
        """
        class Items:
            def __init__(self, session):
                self.session = session

            async def find(self, name):
                try:
                    item = (await self.session.scalars(select(Item))).first()
                    return item.name
                except Exception:
                    return None
        """,
        """
        class Items:
            def __init__(self, session):
                self.session = session

            async def find(self, name):
                try:
                    async with self.session.begin_nested():
                        item = (await self.session.scalars(select(Item))).first()
                    return item.name
                except Exception:
                    return None
        """,
        "unsafe savepoint",
    ),
    "what only notes a change behind the last statement stays outside": (
        """
        def add(name, other):
            with Factory() as session:
                item = session.query(Item).first()
                item.name = other
                try:
                    row = session.query(Item).filter(Item.name == name).one()
                    number = len(name)
                    item.name = name
                except Exception:
                    logger.info("none")
                session.commit()
        """,
        """
        def add(name, other):
            with Factory() as session:
                item = session.query(Item).first()
                item.name = other
                try:
                    with session.begin_nested():
                        row = session.query(Item).filter(Item.name == name).one()
                    number = len(name)
                    item.name = name
                except Exception:
                    logger.info("none")
                session.commit()
        """,
        "unsafe savepoint",
    ),
    "behind a condition on variables": (
        """
        def find(session: Session, name, wanted):
            try:
                key = name.strip()
                if key and wanted:
                    # It may be there.
                    item = session.query(Item).filter(Item.name == key).one()
            except Exception:
                item = None
            session.add(Item(name=name))
        """,
        """
        def find(session: Session, name, wanted):
            try:
                key = name.strip()
                if key and wanted:
                    with session.begin_nested():
                        # It may be there.
                        item = session.query(Item).filter(Item.name == key).one()
            except Exception:
                item = None
            session.add(Item(name=name))
        """,
        "unsafe savepoint",
    ),
    "a condition that reads rows is inside": (
        """
        def find(session: Session, owner: Item, name):
            try:
                if owner.name:
                    item = session.query(Item).filter(Item.name == name).one()
            except Exception:
                item = None
            session.add(Item(name=name))
        """,
        """
        def find(session: Session, owner: Item, name):
            try:
                with session.begin_nested():
                    if owner.name:
                        item = session.query(Item).filter(Item.name == name).one()
            except Exception:
                item = None
            session.add(Item(name=name))
        """,
        "unsafe savepoint",
    ),
    "earlier in the body": (
        """
        def add(name):
            with Factory() as session:
                try:
                    session.add(Item(name=name))
                    session.flush()
                    count = session.query(Item).count()
                except SQLAlchemyError:
                    count = 0
                session.commit()
                return count
        """,
        """
        def add(name):
            with Factory() as session:
                try:
                    with session.begin_nested():
                        session.add(Item(name=name))
                        session.flush()
                        count = session.query(Item).count()
                except SQLAlchemyError:
                    count = 0
                session.commit()
                return count
        """,
        "unsafe savepoint",
    ),
    "other errors are caught too": (
        """
        def add(name, check):
            with Factory() as session:
                try:
                    session.add(Item(name=check(name)))
                    session.commit()
                except Exception:
                    logger.exception("no")
                return session.query(Item).count()
        """,
        """
        def add(name, check):
            with Factory() as session:
                try:
                    session.add(Item(name=check(name)))
                    session.commit()
                except Exception:
                    session.rollback()
                    logger.exception("no")
                return session.query(Item).count()
        """,
        "unsafe rollback",
    ),
    "the caller's session": (
        """
        def add(session: Session, name):
            try:
                session.add(Item(name=name))
                session.flush()
            except IntegrityError:
                return None
            return name
        """,
        """
        def add(session: Session, name):
            try:
                with session.begin_nested():
                    session.add(Item(name=name))
                    session.flush()
            except IntegrityError:
                return None
            return name
        """,
        "unsafe savepoint",
    ),
    "what was noted before the body": (
        """
        def add(first, second):
            with Factory() as session:
                session.add(Item(name=first))
                try:
                    session.flush()
                except IntegrityError:
                    logger.info("taken")
                session.add(Item(name=second))
                session.commit()
        """,
        """
        def add(first, second):
            with Factory() as session:
                session.add(Item(name=first))
                try:
                    session.flush()
                except IntegrityError:
                    session.rollback()
                    logger.info("taken")
                session.add(Item(name=second))
                session.commit()
        """,
        "unsafe rollback",
    ),
    "suppress": (
        """
        import contextlib


        def add(session: Session, name):
            with contextlib.suppress(IntegrityError):
                session.add(Item(name=name))
                session.flush()
        """,
        """
        import contextlib


        def add(session: Session, name):
            with contextlib.suppress(IntegrityError), session.begin_nested():
                session.add(Item(name=name))
                session.flush()
        """,
        "unsafe savepoint",
    ),
    "a block of a transaction": (
        """
        def add(first, second):
            with Factory.begin() as session:
                session.add(Item(name=first))
                try:
                    session.add(Item(name=second))
                    session.flush()
                except IntegrityError:
                    logger.info("taken")
        """,
        """
        def add(first, second):
            with Factory.begin() as session:
                session.add(Item(name=first))
                try:
                    with session.begin_nested():
                        session.add(Item(name=second))
                        session.flush()
                except IntegrityError:
                    logger.info("taken")
        """,
        "unsafe savepoint",
    ),
}

REFUSED = {
    "only a flush in a block": """
        def add(first, second):
            with Factory.begin() as session:
                session.add(Item(name=first))
                session.add(Item(name=second))
                try:
                    session.flush()
                except IntegrityError:
                    logger.info("taken")
        """,
    "a commit under suppress": """
        import contextlib


        def add(session: Session, name):
            with contextlib.suppress(IntegrityError):
                session.add(Item(name=name))
                session.commit()
        """,
}


def _named(finding: object) -> str:
    fix = finding.fix  # type: ignore[attr-defined]
    return f"{fix.applicability} {fix.pattern}" if fix else "refused"


@pytest.mark.parametrize("case", CASES)
def test_handler_recovers(case: str, tmp_path: Path) -> None:
    before, after, named = CASES[case]
    outcome = repaired(tmp_path, before, SHOP)
    assert outcome.text == textwrap.dedent(after).lstrip("\n")
    assert [_named(finding) for finding in outcome.before if finding.code == "SES201"] == [named]
    assert {finding.code for finding in outcome.after} <= {finding.code for finding in outcome.before} - {"SES201"}
    again = repaired(tmp_path, outcome.text, SHOP)
    assert again.text == outcome.text


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_right_is_refused(case: str, tmp_path: Path) -> None:
    outcome = repaired(tmp_path, REFUSED[case], SHOP)
    assert outcome.text == textwrap.dedent(REFUSED[case]).lstrip("\n")
    assert len(outcome.refusals) == 1


def test_tabs_and_line_ends_survive(tmp_path: Path) -> None:
    body = textwrap.dedent(CASES["earlier rows of the loop"][0]).lstrip("\n")
    path = tmp_path / "shop.py"
    text = "# -*- coding: latin-1 -*-\n" + SHOP + body.replace("    ", "\t").replace("taken", "né")
    path.write_bytes(text.rstrip("\n").replace("\n", "\r\n").encode("latin-1"))
    lines = path.read_bytes().split(b"\r\n")
    (tmp_path / "pyproject.toml").touch()
    assert fix([path], Settings(unsafe_fixes=True)).report.findings == ()
    after = path.read_bytes().split(b"\r\n")
    moved = {line.replace(b"\t\t\t\t\t", b"\t\t\t\t", 1) for line in after}
    assert set(lines) <= moved | set(after)
    assert b"\t\t\t\twith session.begin_nested():" in after
    assert not after[-1].endswith(b"\n")
    assert check([path], Settings()).findings == ()
