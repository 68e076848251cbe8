"""The solver: one worklist of (node, state), each pair visited once; then the facts and the summary are read off."""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING

from sqla_lint.flow.evaluation import dependencies
from sqla_lint.flow.lifetimes import instances, usage
from sqla_lint.flow.solver import liveness, variants
from sqla_lint.flow.solver.building import TooLarge, build
from sqla_lint.flow.solver.step import advance
from sqla_lint.flow.solver.stepping import Step
from sqla_lint.flow.solver.summarize import summarize
from sqla_lint.flow.solver.widening import Widened
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Exit, Outlived
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.graph import Graph
from sqla_lint.flow.terms.joining import unread
from sqla_lint.flow.terms.row_values import Many
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import CLOSED, Cursor, InstanceId, InstanceState, State
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.flow.terms.values import NONE, UNKNOWN, FunctionValue, Literal, Parameter
from sqla_lint.index.module import Function, names_in
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# States kept apart at one node before only what matters most tells them apart, and before the function is given up.
MAX_STATES = 20
MAX_STEPS = 3_000


class Solved:
    """What solving a function gave: the states at its ways out, and everything noted on the way."""

    def __init__(self, ctx: Context, graph: Graph) -> None:
        self.ctx = ctx
        self.graph = graph
        self.returns: dict[State, Pos | None] = {}
        self.raises: dict[State, Pos | None] = {}


def analyse(world: World, function: Function, bounds: tuple[Pos, ...] = ()) -> tuple[Facts, Summary]:
    """Solve one function: its facts for the rules, its summary for its callers."""
    if any(function.node.pos[:2] <= b[:2] <= function.node.pos[2:] for b in bounds):
        return _given_up(function, "it nests too deep")
    try:
        graph = build(function.node.body)
    except TooLarge:
        return _given_up(function, "its control flow is too large")
    # Only conditions that decide about sessions are kept apart; where that is too much, only those on sessions
    # themselves, and then no rows where many ways meet.
    leading = world.leading_names(function) | variants.given_names(function)
    deciding = leading | liveness.deciding_names(function.node.body)
    for tested, rows in ((deciding, True), (leading, True), (leading, False)):
        solved = _solve(world, function, graph, tested, rows)
        if solved is not None:
            ctx = solved.ctx
            _exits(solved)
            facts = Facts(function, tuple(ctx.events), dict(ctx.names), dict(ctx.sessions), None)
            return facts, summarize(ctx, function, solved.returns, solved.raises)
    return _given_up(function, "it has too many ways through it")


def _given_up(function: Function, why: str) -> tuple[Facts, Summary]:
    return Facts(function, (), bounded=why), Summary(bounded=True)


def _entry_states(ctx: Context, function: Function) -> list[State]:
    """How the function begins. A session parameter that defaults to None is followed both ways."""
    envs: list[dict[str, Value]] = [{}]
    for param in function.node.params:
        value = ctx.world.parameters.value(function, param)
        if isinstance(value, (Parameter, Many)):
            handed = dependencies.rows(ctx, function, param)
            value = handed if handed != UNKNOWN else value
        optional = isinstance(param.default, n.Constant) and param.default.value is None
        if isinstance(value, Session):
            ctx.names.setdefault(value.sid, param.name)
            ctx.sessions.setdefault(value.sid, value)
            if optional and value.sid.owner == "parameter" and not function.node.decorators and len(envs) < 4:
                envs = [{**env, param.name: choice} for env in envs for choice in (value, NONE)]
                continue
        if value != UNKNOWN:
            for env in envs:
                env[param.name] = value
    return [State(env, {}) for env in envs]


def _solve(world: World, function: Function, graph: Graph, tested: frozenset[str], rows: bool) -> Solved | None:
    """Visit every (node, state) once; None where there are too many."""
    ctx = Context(world, function.path, function, static=False)
    ctx.locals = world.local_names(function)
    ctx.pending = {key for key in liveness.repeated_tests(graph) if str(key[1]).split(".")[0] in tested}
    solved = Solved(ctx, graph)
    work = _Worklist(solved, function, tested, rows)
    for entry in _entry_states(ctx, function):
        work.push(graph.entry, entry, None)
    steps = 0
    while work.queue:
        steps += 1
        if steps > MAX_STEPS:
            return None
        index, state, origin = work.queue.popleft()
        for step in work.advance(index, state):
            work.push(step.target, step.state, _origin(step, origin))
    return solved


class _Worklist:
    """The pairs of node and state still to visit, and all that were ever met."""

    def __init__(self, solved: Solved, function: Function, tested: frozenset[str], rows: bool) -> None:
        self.solved = solved
        self.tested = tested
        self._rows = rows
        self.queue: deque[tuple[int, State, Pos | None]] = deque()
        self._seen: list[set[State]] = [set() for _ in solved.graph.nodes]
        self._met = [0] * len(solved.graph.nodes)
        # Only where ways join, a state that was there is not followed again.
        self._joins = [count > 1 for count in _ways_in(solved.graph)]
        # What each other node made of its states: what differs before a statement may be the same after it. The first
        # one is not compared before there is a second: most nodes meet no other.
        self._first: dict[int, tuple[State, list[Step]]] = {}
        self._made: dict[int, dict[State, list[Step]]] = {}
        self._widened: dict[int, Widened] = {}
        kept = frozenset(name for stmt in _nested(solved.graph) for name in names_in(stmt))
        if function.node.name == "__init__":
            kept |= {p.name for p in function.node.params[:1]}
        kept |= liveness.rows_kept(function)
        self._live = [names | kept for names in liveness.live_names(solved.graph)]

    def advance(self, index: int, state: State) -> list[Step]:
        """All ways on from a node in *state*: worked out once, however many ways lead to that."""
        ctx, node = self.solved.ctx, self.solved.graph.nodes[index]
        if self._joins[index]:
            return advance(ctx, node, state)
        if index not in self._first:
            steps = advance(ctx, node, state)
            self._first[index] = (state, steps)
            return steps
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = dict([self._first[index]])
        known = made.get(state)
        if known is None:
            known = made[state] = advance(ctx, node, state)
        return known

    def push(self, target: int, state: State, origin: Pos | None) -> None:
        """Note that *state* reaches *target*; *origin* is what raised, for an exception on its way."""
        graph = self.solved.graph
        if target == graph.raise_exit:
            self.solved.raises.setdefault(state, origin)
            return
        state = self._pruned(state, self._live[target])
        if target == graph.exit:
            self.solved.returns.setdefault(state, _return_pos(state))
            return
        self._met[target] += 1
        if self._met[target] > MAX_STATES:
            state = self._widened.setdefault(target, Widened(self._rows)).state(state)
        elif not self._joins[target]:
            self.queue.append((target, state, origin))
            return
        if state not in self._seen[target]:
            self._seen[target].add(state)
            self.queue.append((target, state, origin))

    def _pruned(self, state: State, live: frozenset[str]) -> State:
        """*state* without the variables that nothing mentions any more,
        and without constants that no condition looks at.
        """
        env = {k: v for k, v in state.env.items() if k in live and type(v) is not Literal or self._is_live(k, v, live)}
        if len(env) == len(state.env):
            return state
        kept = _reachable(state, env) if state.instances else state.instances
        return State(
            env, state.sessions, state.exc, state.caught, state.result, state.loaded, state.held, state.tests, kept
        )

    def _is_live(self, key: str, value: Value, live: frozenset[str]) -> bool:
        if key[0] == "%":
            return True
        name = _root(key)
        if name not in live:
            return False
        return name in self.tested or not isinstance(value, Literal) or value.type == "exception"


def _reachable(state: State, env: dict[str, Value]) -> frozenset[tuple[InstanceId, InstanceState]]:
    """What is known of the instances that a variable, or the result, still holds."""
    keys = {instances.identity(e) for value in (*env.values(), state.result) for e in instances.entities(value)}
    return frozenset(item for item in state.instances if item[0] in keys)


def _ways_in(graph: Graph) -> list[int]:
    """How many edges lead to each node."""
    found = [0] * len(graph.nodes)
    found[graph.entry] += 1
    for node in graph.nodes:
        for target in (*node.next, node.exc):
            found[target] += 1
    return found


def _origin(step: Step, inherited: Pos | None) -> Pos | None:
    if step.state.exc is None:
        return None
    return step.origin if step.origin is not None else inherited


@cache
def _root(key: str) -> str:
    return key.split(".", 1)[0].split("[", 1)[0]


def _nested(graph: Graph) -> list[n.FunctionDef | n.Lambda]:
    """The functions that are defined within, by ``def`` or by a name that is given to a ``lambda``."""
    found: list[n.FunctionDef | n.Lambda] = []
    for node in graph.nodes:
        stmt = node.payload
        made = stmt.value if isinstance(stmt, (n.Assign, n.AnnAssign)) else stmt
        if isinstance(made, (n.FunctionDef, n.Lambda)):
            found.append(made)
    return found


def _return_pos(state: State) -> Pos | None:
    found = state.env.get("%return")
    return found.value if isinstance(found, Literal) else None  # type: ignore[return-value]


def _exits(solved: Solved) -> None:
    """Note each way out for each session that matters."""
    ctx = solved.ctx
    for states, how in ((solved.returns, "return"), (solved.raises, "raise")):
        for state, pos in states.items():
            label = state.exc.label if state.exc is not None else ""
            if how == "return":
                _outlived(ctx, state, pos)
                if pos is not None and state.instances:
                    usage.left(ctx, Cursor(state, None), pos)
            for sid, session in state.sessions.items():
                ctx.emit(Exit(sid, pos, session, how if pos is not None or how == "raise" else "end", label))


def _outlived(ctx: Context, state: State, pos: Pos | None) -> None:
    """A result that is returned unread, with its session closed behind it."""
    _closures(ctx, state)
    waits = unread(state.result) if state.result is not None else None
    if waits is None or pos is None or waits[2] not in ("", ctx.path):
        return
    session = state.sessions.get(waits[0])
    if session is not None and session.status == CLOSED and waits[0].owner == "local":
        ctx.emit(Outlived(waits[0], pos, waits[1], "return"))


def _closures(ctx: Context, state: State) -> None:
    """A nested function that is returned uses a session that its scope has closed behind it."""
    result = state.result
    node = result.function.node if isinstance(result, FunctionValue) else getattr(result, "node", None)
    for sid, use in ctx.captures.get(node.pos, {}).items() if node is not None else ():
        session = state.sessions.get(sid)
        if sid.owner == "local" and session is not None and "close" in session.ended:
            ctx.emit(Outlived(sid, use, use, "closure"))


__all__ = ["MAX_STATES", "MAX_STEPS", "analyse"]
