"""The small pure parts of the flow: joined values, keys of tests, liveness, a session's transitions."""

from __future__ import annotations

import pytest

from flow.compare import project
from flow.test_graph import graph
from sqla_lint.flow.lifetimes import transitions
from sqla_lint.flow.solver import liveness
from sqla_lint.flow.solver.branches import test_key as key_of
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Many, Pair
from sqla_lint.flow.terms.session_values import Session, Settings
from sqla_lint.flow.terms.state import CLOSED, OPEN, SessionState
from sqla_lint.flow.terms.values import FALSE, NONE, TRUE, UNKNOWN, Either, Literal, Parameter
from sqla_lint.lower import nodes as n

ONE, TWO = Literal(1, "int"), Literal(2, "int")
GIVEN = Session(Sid("parameter", ("session",)), Settings())
MADE = Session(Sid("local", ("a.py",), (1, 0, 1, 5)), Settings())


class TestJoin:
    @pytest.mark.parametrize(
        ("left", "right", "joined"),
        [
            (ONE, ONE, ONE),
            (ONE, TWO, UNKNOWN),
            (ONE, NONE, ONE),
            (UNKNOWN, NONE, UNKNOWN),
            (ONE, UNKNOWN, UNKNOWN),
            (TRUE, FALSE, UNKNOWN),
            (GIVEN, MADE, Either(GIVEN, MADE)),
            (Parameter("session"), MADE, Either(Parameter("session"), MADE)),
            (Many(UNKNOWN, fixed=True), Many(ONE), Many(ONE)),
            (Pair((ONE, TWO)), Pair((ONE, NONE)), Pair((ONE, TWO))),
            (Pair((ONE,)), Pair((ONE, TWO)), UNKNOWN),
        ],
    )
    def test_either_side(self, left: Value, right: Value, joined: Value) -> None:
        assert join(left, right) == joined
        assert join(right, left) == joined

    @pytest.mark.parametrize("value", [ONE, NONE, UNKNOWN, GIVEN, Many(ONE), Pair((ONE,))])
    def test_with_itself(self, value: Value) -> None:
        assert join(value, value) == value


def expression(text: str) -> n.Expr:
    (function,) = project({"a.py": f"def f():\n    {text}\n"}).world.project.functions
    stmt = function.node.body[0]
    assert isinstance(stmt, n.ExprStmt)
    return stmt.value


class TestTestKey:
    @pytest.mark.parametrize(
        ("text", "other"),
        [
            ("own", "not own"),
            ("self.own", "not self.own"),
            ("x is None", "x is not None"),
            ("x == 'a'", "x != 'a'"),
            ("not own", "not not own"),
            ("failed > 0", "failed <= 0"),
            ("len(failed) > 0", "not failed"),
        ],
    )
    def test_a_test_and_its_negation_have_one_key(self, text: str, other: str) -> None:
        (key, positive), (same, negative) = key_of(expression(text)), key_of(expression(other))
        assert key is not None
        assert key == same
        assert positive is not negative

    def test_different_tests_have_different_keys(self) -> None:
        texts = ("a", "b", "self.a", "a is None", "a == 1", "a == '1'", "b is None")
        assert len({key_of(expression(text))[0] for text in texts}) == len(texts)

    @pytest.mark.parametrize("text", ["f()", "a < 7", "a < b", "a is b", "a and b", "a == 1 == b", "f().x"])
    def test_what_may_change_has_none(self, text: str) -> None:
        assert key_of(expression(text))[0] is None


class TestLiveness:
    def test_a_name_lives_until_its_last_mention(self) -> None:
        found = graph("a = b()\nc(a)\nd()")
        live = liveness.live_names(found)
        order = [found.entry]
        while found.nodes[order[-1]].next:
            order.append(found.nodes[order[-1]].next[0])
        assert ["a" in live[index] for index in order] == [True, True, False, False]

    def test_an_exception_keeps_what_the_handler_mentions(self) -> None:
        found = graph("try:\n    b()\nexcept E:\n    c(a)\nd()")
        calls = [node for node in found.nodes if node.kind == "stmt" and "b" in liveness.uses(node)]
        assert all("a" in liveness.live_names(found)[node.id] for node in calls)

    def test_a_loop_keeps_what_its_next_round_mentions(self) -> None:
        found = graph("while b():\n    c(a)\n    d()")
        last = [node for node in found.nodes if "d" in liveness.uses(node)]
        assert "a" in liveness.live_names(found)[last[0].id]

    def test_tests_that_stand_twice(self) -> None:
        found = graph("if a:\n    b()\nif not a:\n    c()\nif d:\n    e()")
        assert liveness.repeated_tests(found) == {("true", "a")}

    def test_a_copied_finally_is_one_place(self) -> None:
        found = graph("try:\n    b()\nfinally:\n    if a:\n        c()")
        assert not liveness.repeated_tests(found)

    def test_names_that_decide_about_sessions(self) -> None:
        text = (
            "def f():\n    if a:\n        s.close()\n    if b:\n        g()\n    if c.d:\n        t = make_session()\n"
        )
        (function,) = project({"a.py": text}).world.project.functions
        assert liveness.deciding_names(function.node.body) == {"a", "c"}


HERE, THERE = (1, 0, 1, 9), (2, 0, 2, 9)
NEW = SessionState()


class TestTransitions:
    def test_a_statement_takes_a_connection_until_the_transaction_ends(self) -> None:
        used = transitions.statement(NEW, HERE, False)
        assert (used.status, used.used, used.active, used.wrote) == (OPEN, True, True, None)
        assert not transitions.commit(used).active
        assert not transitions.rollback(used).active
        assert not transitions.close(used, THERE, False).active

    def test_the_first_write_of_a_transaction_is_kept(self) -> None:
        wrote = transitions.statement(transitions.note(NEW, HERE), THERE, True)
        assert wrote.wrote == HERE
        assert transitions.commit(wrote).wrote is transitions.rollback(wrote).wrote is None

    def test_a_failure_lasts_until_rollback_or_close(self) -> None:
        failed = transitions.failed(NEW, HERE, True)
        assert failed.failure is not None
        assert failed.failure.pos == HERE
        assert transitions.failed(failed, THERE, True).failure == failed.failure
        assert transitions.statement(failed, THERE, False).failure == failed.failure
        assert transitions.rollback(failed).failure is None
        assert transitions.close(failed, THERE, False).failure is None

    def test_the_first_close_is_the_one_that_did_it(self) -> None:
        closed = transitions.close(NEW, HERE, False)
        assert (closed.status, closed.closed_at) == (CLOSED, HERE)
        again = transitions.close(closed, THERE, True)
        assert (again.closed_at, again.in_finally) == (HERE, False)

    def test_a_statement_opens_again_and_a_note_does_not(self) -> None:
        closed = transitions.close(NEW, HERE, False)
        assert transitions.statement(closed, THERE, False).status == OPEN
        assert transitions.failed(closed, THERE, True).status == OPEN
        assert transitions.commit(closed).status == OPEN
        assert transitions.note(closed, THERE).status == CLOSED
        reopened = transitions.close(transitions.statement(closed, THERE, False), THERE, False)
        assert reopened.closed_at == THERE

    def test_another_owner_s_session_stays_so(self) -> None:
        gone = NEW._replace(status="gone")
        for after in (
            transitions.close(gone, HERE, False),
            transitions.statement(gone, HERE, True),
            transitions.commit(gone),
        ):
            assert after.status == "gone"
