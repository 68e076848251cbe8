"""Differences that generated programs showed, each on its own."""

from __future__ import annotations

import pytest

from flow.compare import verdicts
from flow.generate import PREAMBLE

START = PREAMBLE.count("\n")
RERAISED = """\
def f(session: Session):
    try:
        try:
            session.execute(QUERY)
        except IntegrityError:
            raise
    except SQLAlchemyError:
        pass
"""
FINALLY = """\
def f(session: Session):
    try:
        session.execute(QUERY)
    except IntegrityError:
        raise
    finally:
        session.execute(QUERY)
"""
RAISED_HERE = """\
def f():
    session = Factory()
    try:
        raise ValueError
    except SQLAlchemyError:
        session.execute(QUERY)
"""
GUARDED = """\
def f(session: Session):
    try:
        with guarded(session):
            session.execute(QUERY)
    except SQLAlchemyError:
        pass
"""
ROUNDS = """\
def f(session: Session):
    with session.begin():
        for _ in rows():
            try:
                session.add(ROW)
                session.flush()
            except IntegrityError:
                return None
"""
INNER_TRY = """\
def f(session: Session):
    with session.begin():
        try:
            for _ in rows():
                try:
                    session.execute(QUERY)
                finally:
                    session.add(ROW)
        except Exception:
            return None
"""
INNER_SUPPRESS = """\
def f(session: Session):
    try:
        session.execute(QUERY)
    except IntegrityError:
        session.rollback()
        try:
            with suppress(Exception):
                session.execute(QUERY)
            raise ValueError
        except ValueError:
            session.execute(QUERY)
"""
IN_FINALLY = """\
def f(session: Session):
    try:
        session.execute(QUERY)
    finally:
        try:
            raise ValueError
        except ValueError:
            session.execute(QUERY)
"""
SETTLED = """\
def f(session: Session):
    try:
        with suppress(Exception):
            session.execute(QUERY)
        raise ValueError
    except ValueError:
        return None
"""
DECORATED = """\
def managed(function):
    def wrapped(session, *args):
        try:
            return function(session, *args)
        except SQLAlchemyError:
            session.rollback()
            raise
    return wrapped


@managed
def step(session: Session):
    session.execute(QUERY)


def f(session: Session):
    try:
        step(session)
    except SQLAlchemyError:
        return None
"""
RAISED_IN_HANDLER = """\
def f(session: Session):
    try:
        session.execute(QUERY)
    except SQLAlchemyError:
        work()
        raise
    finally:
        session.execute(QUERY)
"""
MANY_WAYS = """\
def f(session: Session):
    sp = session.begin_nested()
    a0 = rows() if choose() else work()
    a1 = rows() if choose() else work()
    a2 = rows() if choose() else work()
    a3 = rows() if choose() else work()
    a4 = rows() if choose() else work()
    a5 = rows() if choose() else work()
    try:
        session.execute(QUERY, [a0, a1, a2, a3, a4, a5])
    except SQLAlchemyError:
        sp.rollback()
"""
HANDED_ON = """\
def f(session: Session):
    try:
        try:
            session.execute(QUERY)
        except Exception:
            raise
        finally:
            work()
    except IntegrityError:
        session.execute(QUERY)
"""
GROWING = """\
def f(session: Session, node):
    step = work
    while not step(node):
        step = step.following
    session.execute(QUERY)
"""
CLASSES = """\
def f():
    session = Factory()
    try:
        try:
            session.execute(QUERY)
            session.close()
        except SQLAlchemyError:
            session.rollback()
            session.close()
    except IntegrityError:
        session.execute(QUERY)
    finally:
        session.close()
    try:
        work()
    except IntegrityError:
        work()
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(RERAISED, [("SES201", 7)], id="the handler that raises again is not the one that swallows"),
        pytest.param(FINALLY, [], id="nobody swallows what a finally meets"),
        pytest.param(RAISED_HERE, [], id="a ValueError raised here is no error of SQLAlchemy"),
        pytest.param(GUARDED, [], id="a scope that is handed the session rolls it back"),
        pytest.param(ROUNDS, [("SES201", 7)], id="the rows of earlier rounds are lost"),
        pytest.param(INNER_TRY, [], id="nothing was written before the handler's own try"),
        pytest.param(INNER_SUPPRESS, [("SES201", 7)], id="suppress inside a handler that raises"),
        pytest.param(IN_FINALLY, [], id="another error raised and caught inside a finally"),
        pytest.param(SETTLED, [("SES201", 3)], id="what was swallowed for good before another raise"),
        pytest.param(DECORATED, [], id="a decorator rolls back"),
        pytest.param(RAISED_IN_HANDLER, [], id="a handler that is left either way"),
        pytest.param(MANY_WAYS, [], id="a savepoint is known on many ways"),
        pytest.param(
            HANDED_ON, [("SES201", 9)], id="the handler that raised has no part in what comes up in its finally"
        ),
        pytest.param(GROWING, [], id="a value that grows in every round"),
        pytest.param(CLASSES, [], id="one close in finally"),
    ],
)
def test_alone(text: str, expected: list[tuple[str, int]]) -> None:
    found = {(j.rule.code, j.verdict.pos[0] - START) for j in verdicts(PREAMBLE + text)[0]}
    assert sorted(each for each in found if each[0] in ("SES201", "SES301", "SES302")) == expected
