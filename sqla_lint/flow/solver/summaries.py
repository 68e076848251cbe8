"""All functions' facts and summaries, callees first.

A summary must not depend on which function was asked for first: cycles of calls are condensed, and inside one a
fixpoint is sought from "nothing known". The stack is explicit: a chain of calls may be longer than Python's own stack
allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver import left_open
from sqla_lint.flow.solver.solve import analyse
from sqla_lint.flow.terms.context import dotted
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.summary import NOTHING, Summary
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n

# Rounds in which a cycle's summaries must settle; one that does not is bounded.
_MAX_ROUNDS = 4


class Summaries:
    """Solves functions on demand, each once (twice where its callees were not known yet)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.solved: dict[Function, Facts] = {}
        self._index: dict[Function, int] = {}
        self._low: dict[Function, int] = {}
        self._stack: list[Function] = []

    def facts(self, function: Function) -> Facts:
        """The facts of *function*, with the summaries of everything that it calls known."""
        if function not in self.solved:
            try:
                self._visit(function)
            finally:
                # Empty by now, but after an error: what that broke off is not known.
                for begun in self._stack:
                    self.solved.pop(begun, None)
                    self.world.summaries.pop(begun, None)
                self._stack.clear()
                self._index.clear()
                self._low.clear()
        return self.solved[function]

    def _solve(self, function: Function) -> tuple[Facts, Summary, list[Function]]:
        self.world.missing = {}
        bounds = self.world.project.modules[function.path].node.bounds
        facts, summary = analyse(self.world, function, bounds)
        summary = left_open.completed(self.world, function, summary)
        return facts, summary, list(self.world.missing)

    def _visit(self, root: Function) -> None:
        """Tarjan's algorithm with an explicit stack; edges are what solving a function found missing."""
        work: list[tuple[Function, list[Function]]] = []
        self._enter(root, work)
        while work:
            function, children = work[-1]
            if children:
                child = children.pop(0)
                if child in self.world.summaries and child not in self._index:
                    continue
                if child in self._index:
                    self._low[function] = min(self._low[function], self._index[child])
                else:
                    self._enter(child, work)
                continue
            if self._again(function, work):
                continue
            work.pop()
            if work:
                caller = work[-1][0]
                self._low[caller] = min(self._low[caller], self._low.get(function, self._low[caller]))

    def _enter(self, function: Function, work: list[tuple[Function, list[Function]]]) -> None:
        missing = self._callees(function)
        if not missing:
            facts, summary, missing = self._solve(function)
            if not missing:
                self._settle(function, facts, summary)
                return
        self._index[function] = self._low[function] = len(self._index)
        self._stack.append(function)
        work.append((function, missing))

    def _callees(self, function: Function) -> list[Function]:
        """The unsolved functions that *function* plainly calls: done first, it need not be solved twice."""
        world = self.world
        found: dict[Function, None] = {}
        for func in _called(function):
            callee: object = None
            if isinstance(func, n.Attribute) and isinstance(func.value, n.Name) and func.value.id == "self":
                callee = world.method(function.cls, func.attr) if function.cls is not None else None
            elif isinstance(func, (n.Name, n.Attribute)):
                callee = world.names.definition(function.path, func)
            if isinstance(callee, Function) and callee not in world.summaries and world.is_relevant(callee):
                found[callee] = None
        return list(found)

    def _settle(self, function: Function, facts: Facts, summary: Summary) -> None:
        self.solved[function] = facts
        self.world.summaries[function] = summary

    def _again(self, function: Function, work: list[tuple[Function, list[Function]]]) -> bool:
        """All callees seen: solve again, or settle the cycle that *function* is the root of.

        True if there is more to do.
        """
        if self._low[function] != self._index[function]:
            return False
        if self._stack[-1] is function:
            facts, summary, missing = self._solve(function)
            others = [m for m in missing if m is not function]
            if others:
                work[-1][1].extend(others)
                return True
            if not missing:
                self._pop(function)
                self._settle(function, facts, summary)
                return False
        return self._fixpoint(self._members(function), work)

    def _members(self, root: Function) -> list[Function]:
        start = self._stack.index(root)
        return sorted(self._stack[start:], key=lambda f: f.key)

    def _pop(self, root: Function) -> None:
        start = self._stack.index(root)
        for member in self._stack[start:]:
            self._index.pop(member, None)
            self._low.pop(member, None)
        del self._stack[start:]

    def _fixpoint(self, members: list[Function], work: list[tuple[Function, list[Function]]]) -> bool:
        """Solve a cycle's members until nothing changes, beginning with nothing known of any."""
        for member in members:
            self.world.summaries[member] = NOTHING
        self.world.unsettled = frozenset(members)
        outside: dict[Function, None] = {}
        settled = False
        for _ in range(_MAX_ROUNDS):
            settled = True
            for member in members:
                facts, summary, missing = self._solve(member)
                outside.update(dict.fromkeys(missing))
                settled = settled and summary == self.world.summaries[member]
                self.solved[member] = facts
                self.world.summaries[member] = summary
            if settled or outside:
                break
        self.world.unsettled = frozenset()
        if outside:
            for member in members:
                del self.world.summaries[member]
                del self.solved[member]
            work[-1][1].extend(outside)
            return True
        if not settled:
            self._give_up(members)
        self._pop(work[-1][0])
        return False

    def _give_up(self, members: Iterable[Function]) -> None:
        for member in members:
            self.solved[member] = Facts(member, (), bounded="its calls go round in a way that does not settle")
            self.world.summaries[member] = Summary(bounded=True)


def _called(function: Function) -> Iterator[n.Expr]:
    """What a function calls by name, each as it is first written."""
    for calls in function.calls.values():
        yield from {dotted(call.func): call.func for call in reversed(calls)}.values()
