"""The solver: one worklist of (node, state), each pair visited once; then the facts and the summary are read off."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sqla_lint.flow import liveness
from sqla_lint.flow.context import Context
from sqla_lint.flow.facts import Exit, Facts
from sqla_lint.flow.graph import Graph, TooLarge, build
from sqla_lint.flow.state import OPEN, State
from sqla_lint.flow.step import Step, advance
from sqla_lint.flow.summarize import summarize
from sqla_lint.flow.summary import Summary
from sqla_lint.flow.values import NONE, UNKNOWN, Literal, Session, Value
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.world import World

# States kept apart at one node before they are told apart by their sessions alone, and before the function is given up.
MAX_STATES = 40
MAX_STEPS = 12_000


class Solved:
    """What solving a function gave: the states at its ways out, and everything noted on the way."""

    def __init__(self, ctx: Context, graph: Graph) -> None:
        self.ctx = ctx
        self.graph = graph
        self.returns: dict[State, Pos | None] = {}
        self.raises: dict[State, Pos | None] = {}
        self.bounded: str | None = None


def analyse(world: World, function: Function, bounds: tuple[Pos, ...] = ()) -> tuple[Facts, Summary]:
    """Solve one function: its facts for the rules, its summary for its callers."""
    ctx = Context(world, function.path, function, static=False)
    ctx.locals = world.local_names(function)
    if any(function.node.pos[:2] <= b[:2] <= function.node.pos[2:] for b in bounds):
        return _given_up(function, "it nests too deep")
    try:
        graph = build(function.node.body)
    except TooLarge:
        return _given_up(function, "its control flow is too large")
    solved = Solved(ctx, graph)
    _run(solved, _entry_states(ctx, function))
    if solved.bounded is not None:
        return _given_up(function, solved.bounded)
    _exits(solved)
    facts = Facts(function, tuple(ctx.events), dict(ctx.names), dict(ctx.sessions), None)
    return facts, summarize(solved.ctx, function, solved.returns, solved.raises)


def _given_up(function: Function, why: str) -> tuple[Facts, Summary]:
    return Facts(function, (), bounded=why), Summary(bounded=True)


def _entry_states(ctx: Context, function: Function) -> list[State]:
    """How the function begins. A session parameter that defaults to None is followed both ways."""
    envs: list[dict[str, Value]] = [{}]
    for param in function.node.params:
        value = ctx.world.parameters.value(function, param)
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


def _run(solved: Solved, entries: list[State]) -> None:
    graph, ctx = solved.graph, solved.ctx
    live = liveness.live_names(graph)
    tested = liveness.tested_names(graph)
    captured = frozenset(name for stmt in _nested(graph) for name in _names(stmt))
    if ctx.function is not None and ctx.function.node.name == "__init__":
        captured |= {p.name for p in ctx.function.node.params[:1]}
    ctx.pending = set(liveness.repeated_tests(graph))
    seen: list[set[State]] = [set() for _ in graph.nodes]
    origins: dict[tuple[int, State], Pos | None] = {}
    work: deque[tuple[int, State]] = deque()
    steps = 0

    def push(target: int, state: State, origin: Pos | None) -> None:
        state = _pruned(state, live[target] | captured, tested)
        if target == graph.exit:
            solved.returns.setdefault(state, _return_pos(state))
            return
        if target == graph.raise_exit:
            solved.raises.setdefault(state, origin)
            return
        if len(seen[target]) >= MAX_STATES:
            state = _coarse(state)
        if state in seen[target]:
            return
        seen[target].add(state)
        origins[target, state] = origin
        work.append((target, state))

    for entry in entries:
        push(graph.entry, entry, None)
    while work:
        steps += 1
        if steps > MAX_STEPS:
            solved.bounded = "it has too many ways through it"
            return
        index, state = work.popleft()
        node = graph.nodes[index]
        for step in advance(ctx, node, state):
            push(step.target, step.state, _origin(step, origins.get((index, state))))


def _origin(step: Step, inherited: Pos | None) -> Pos | None:
    if step.state.exc is None:
        return None
    return step.origin if step.origin is not None else inherited


def _pruned(state: State, live: frozenset[str], tested: frozenset[str]) -> State:
    """*state* without the variables that nothing mentions any more, and without constants that no condition looks at."""
    dead = [k for k, v in state.env.items() if k[0] != "%" and _is_dead(_root(k), v, live, tested)]
    if not dead:
        return state
    env = {k: v for k, v in state.env.items() if k not in dead}
    return State(
        env, state.sessions, state.exc, state.caught, state.result, state.loaded, state.held, state.tests
    )


def _is_dead(name: str, value: Value, live: frozenset[str], tested: frozenset[str]) -> bool:
    return name not in live or (isinstance(value, Literal) and value != NONE and name not in tested)


def _root(key: str) -> str:
    return key.split(".", 1)[0].split("[", 1)[0]


def _coarse(state: State) -> State:
    """Too many ways meet here: only sessions and what tells them apart are kept."""
    env = {k: v for k, v in state.env.items() if k[0] == "%" or v.kind in ("session", "scope", "literal", "instance")}
    return State(env, state.sessions, state.exc, state.caught, UNKNOWN if state.result is not None else None)


def _nested(graph: Graph) -> list[n.FunctionDef]:
    return [node.payload for node in graph.nodes if isinstance(node.payload, n.FunctionDef)]


def _names(stmt: n.FunctionDef) -> list[str]:
    from sqla_lint.index.module import walk

    return [part.id for part in walk(stmt) if isinstance(part, n.Name)]


def _return_pos(state: State) -> Pos | None:
    found = state.env.get("%return")
    return found.value if isinstance(found, Literal) else None  # type: ignore[return-value]


def _exits(solved: Solved) -> None:
    """Note each way out for each session that matters."""
    ctx = solved.ctx
    for states, how in ((solved.returns, "return"), (solved.raises, "raise")):
        for state, pos in states.items():
            label = state.exc.label if state.exc is not None else ""
            for sid, session in state.sessions.items():
                ctx.emit(Exit(sid, pos, session, how if pos is not None or how == "raise" else "end", label))


__all__ = ["MAX_STATES", "MAX_STEPS", "OPEN", "analyse"]
