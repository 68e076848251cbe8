"""What becomes of one function: before and after, safe or unsafe, or refused."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from codemods.fixing import HEAD, repaired

CASES: dict[str, tuple[str, str, str]] = {
    "a comment on a removed line stays if it says something": (
        "safe",
        """
        def count():
            session = Factory()  # ours
            number = session.query(Item).count()

            session.close()  # back to the pool

            return number
        """,
        """
        def count():
            with Factory() as session:  # ours
                number = session.query(Item).count()

                # back to the pool

            return number
        """,
    ),
    "finally goes with its guard, and the try with it": (
        "safe",
        """
        def rename(name):
            session = Factory()
            items = session.query(Item).all()
            try:
                for item in items:
                    item.name = name
                session.commit()
            finally:
                if session is not None:
                    session.close()
            logger.info("done")
        """,
        """
        def rename(name):
            with Factory() as session:
                items = session.query(Item).all()
                for item in items:
                    item.name = name
                session.commit()
            logger.info("done")
        """,
    ),
    "strings keep their lines": (
        "safe",
        '''
        def run():
            session = Factory()
            text = """
          select 1
        """
            found = session.execute(f"""{
            text}""",
                    {}).scalar()
            if found:
                session.close()
                return "a\\
        b"
            session.close()
            return None
        ''',
        '''
        def run():
            with Factory() as session:
                text = """
          select 1
        """
                found = session.execute(f"""{
            text}""",
                        {}).scalar()
                if found:
                    return "a\\
        b"
            return None
        ''',
    ),
    "rollback and raise behind a last commit": (
        "safe",
        """
        def add(name):
            session = Factory()
            try:
                session.add(Item(name=name))
                session.commit()
            except Exception:
                session.rollback()
                session.close()
                raise
            session.close()
            return name
        """,
        """
        def add(name):
            with Factory.begin() as session:
                session.add(Item(name=name))
            return name
        """,
    ),
    "the same for a session class": (
        "safe",
        """
        def add(name):
            try:
                session = Session(engine)
                session.add(Item(name=name))
                session.commit()
                session.close()
            except Exception:
                session.rollback()
                session.close()
                raise
        """,
        """
        def add(name):
            with Session(engine) as session, session.begin():
                session.add(Item(name=name))
        """,
    ),
    "commit is not the last thing done": (
        "safe",
        """
        def add(name):
            session = Factory()
            try:
                item = Item(name=name)
                session.add(item)
                session.commit()
                number = item.id
            except Exception:
                session.rollback()
                session.close()
                raise
            session.close()
            return number
        """,
        """
        def add(name):
            with Factory() as session:
                try:
                    item = Item(name=name)
                    session.add(item)
                    session.commit()
                    number = item.id
                except Exception:
                    session.rollback()
                    raise
            return number
        """,
    ),
    "a handler that swallows stays around": (
        "safe",
        """
        def add(name):
            session = None
            try:
                session = Factory()
                session.add(Item(name=name))
                session.commit()
                session.close()
            except Exception as error:
                if session:
                    session.rollback()
                    session.close()
                logger.error("no: %s", error)
                return False
            return True
        """,
        """
        def add(name):
            try:
                with Factory() as session:
                    session.add(Item(name=name))
                    session.commit()
            except Exception as error:
                logger.error("no: %s", error)
                return False
            return True
        """,
    ),
    "an anonymous session takes the name that the file uses": (
        "safe",
        """
        def count(session):
            return session.query(Item).count()


        def named():
            with Factory() as db:
                return db.query(Item).count()


        def anonymous():
            number = count(session=Factory())
            return number
        """,
        """
        def count(session):
            return session.query(Item).count()


        def named():
            with Factory() as db:
                return db.query(Item).count()


        def anonymous():
            with Factory() as db:
                number = count(session=db)
            return number
        """,
    ),
    "an instance that escapes": (
        "unsafe",
        """
        def find(number):
            session = Factory()
            return session.get(Item, number)
        """,
        """
        def find(number):
            with Factory() as session:
                return session.get(Item, number)
        """,
    ),
    "instances that are stored": (
        "unsafe",
        """
        def collect(found):
            session = Factory()
            for item in session.query(Item):
                found.append(item)
        """,
        """
        def collect(found):
            with Factory() as session:
                for item in session.query(Item):
                    found.append(item)
        """,
    ),
    "an instance that escapes behind a commit": (
        "unsafe",
        """
        def make(name):
            session = Factory()
            item = Item(name=name)
            session.add(item)
            session.commit()
            return item
        """,
        """
        def make(name):
            with Factory() as session:
                item = Item(name=name)
                session.add(item)
                session.commit()
                session.refresh(item)
                return item
        """,
    ),
    "a row that is merged": (
        "unsafe",
        """
        def keep(item):
            session = Factory()
            item = session.merge(item)
            session.commit()
            return item
        """,
        """
        def keep(item):
            with Factory() as session:
                item = session.merge(item)
                session.commit()
                session.refresh(item)
                return item
        """,
    ),
    "a handler that tells and raises": (
        "safe",
        """
        def add(name):
            session = Factory()
            try:
                session.add(Item(name=name))
                session.commit()
                session.close()
            except Exception as error:
                session.rollback()
                session.close()
                logger.error(error)
                raise
        """,
        """
        def add(name):
            try:
                with Factory() as session:
                    session.add(Item(name=name))
                    session.commit()
            except Exception as error:
                logger.error(error)
                raise
        """,
    ),
    "columns that are stored": (
        "safe",
        """
        def collect(found):
            session = Factory()
            for item in session.query(Item):
                found.append(item.name)
        """,
        """
        def collect(found):
            with Factory() as session:
                for item in session.query(Item):
                    found.append(item.name)
        """,
    ),
    "the caller's own instance": (
        "unsafe",
        """
        def store(item):
            session = Factory()
            session.add(item)
            session.commit()
        """,
        """
        def store(item):
            with Factory() as session:
                session.add(item)
                session.commit()
        """,
    ),
    "arms and branches that only closed": (
        "safe",
        """
        def look(kind):
            session = Factory()
            match kind:
                case 1:
                    session.query(Item).count()
                    session.close()
                case _:
                    session.close()


        def ask(kind):
            session = Factory()
            if kind == 1:
                session.close()
                return 1
            elif kind == 2:
                session.query(Item).count()
            else:
                session.close()
        """,
        """
        def look(kind):
            with Factory() as session:
                match kind:
                    case 1:
                        session.query(Item).count()
                    case _:
                        pass


        def ask(kind):
            with Factory() as session:
                if kind == 1:
                    return 1
                elif kind == 2:
                    session.query(Item).count()
        """,
    ),
    "a wrapper that is closed": (
        "safe",
        """
        class Store:
            def __init__(self):
                self.db = Factory()

            def count(self):
                return self.db.query(Item).count()

            def close(self):
                self.db.close()


        def count(wanted):
            store = Store()
            if not wanted:
                store.close()
                return None
            number = store.count()
            store.close()
            return number
        """,
        """
        class Store:
            def __init__(self):
                self.db = Factory()

            def count(self):
                return self.db.query(Item).count()

            def close(self):
                self.db.close()


        def count(wanted):
            with closing(Store()) as store:
                if not wanted:
                    return None
                number = store.count()
            return number
        """,
    ),
}

REFUSED: dict[str, tuple[str, str]] = {
    "waits": (
        "waits",
        """
        import time

        def count(slow):
            session = Factory()
            number = session.query(Item).count()
            if slow:
                session.close()
                time.sleep(1)
                return number
            session.close()
            return number
        """,
    ),
    "opens another session": (
        "opens another session",
        """
        def other():
            with Factory() as session:
                return session.query(Item).count()

        def count(twice):
            session = Factory()
            number = session.query(Item).count()
            if twice:
                session.close()
                return other()
            session.close()
            return number
        """,
    ),
    "looked at behind a close": (
        "used again behind a close",
        """
        def count():
            session = Factory()
            number = session.query(Item).count()
            if number:
                session.close()
                session.expunge_all()
            return number
        """,
    ),
    "interleaved": (
        "overlap",
        """
        def count():
            one = Factory()
            number = one.query(Item).count()
            two = Factory()
            number += two.query(Item).count()
            one.close()
            number += two.query(Item).count()
            two.close()
            return number
        """,
    ),
    "given by the caller": (
        "the caller's as well",
        """
        def count(session: Session = None):
            if session is None:
                session = Factory()
            return session.query(Item).count()
        """,
    ),
    "several statements on a line": (
        "more than one statement",
        """
        def count():
            session = Factory(); number = session.query(Item).count()
            return number
        """,
    ),
    "expired, and perhaps not there": (
        "expired by its commit",
        """
        def touch(name):
            session = Factory()
            item = session.query(Item).filter_by(name=name).first()
            session.commit()
            return item
        """,
    ),
    "used outside of its block": (
        "outside the block",
        """
        def count(here):
            if here:
                session = Factory()
                number = session.query(Item).count()
            return number + session.query(Item).count()
        """,
    ),
    "may not run": (
        "may not run",
        """
        def count(here):
            number = here and Factory().query(Item).count()
            return number
        """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_is_rewritten(case: str, tmp_path: Path) -> None:
    applicability, before, after = CASES[case]
    outcome = repaired(tmp_path, before)
    wanted = textwrap.dedent(after).lstrip("\n")
    if "closing(" in wanted:
        imported = HEAD.replace("import logging\n", "import logging\nfrom contextlib import closing\n")
        assert outcome.text == imported + wanted
    else:
        assert outcome.text == wanted
    assert set(outcome.applicabilities) == {applicability}
    assert outcome.after == ()


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused(case: str, tmp_path: Path) -> None:
    reason, body = REFUSED[case]
    outcome = repaired(tmp_path, body)
    assert outcome.refusals, outcome.before
    assert all(reason in refusal for refusal in outcome.refusals), outcome.refusals
    assert outcome.text == textwrap.dedent(body).lstrip("\n")
