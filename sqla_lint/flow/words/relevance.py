"""Which functions matter: what a function's words, and those of what it calls, say before anything is solved.

A project has thousands of functions and a few that can carry a finding: these questions keep the rest from being looked
at.
"""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property
from typing import TYPE_CHECKING

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes.waits import Slowness
from sqla_lint.flow.words import passing
from sqla_lint.flow.words.class_methods import class_methods
from sqla_lint.flow.words.filling import filling
from sqla_lint.flow.words.leads import COMMON, SESSION_WORDS, Leads, leads
from sqla_lint.flow.words.left_out import left_out
from sqla_lint.flow.words.mentions import mentioning
from sqla_lint.flow.words.reading_names import reading_names
from sqla_lint.flow.words.schema_names import schema_names
from sqla_lint.handover_calls import WORDS as HANDS_OVER
from sqla_lint.index.columns import Columns
from sqla_lint.index.mapped import Mappings
from sqla_lint.index.module import Function, ModuleIndex, bound_names, own_nodes, statements, walk
from sqla_lint.index.names import Names
from sqla_lint.index.project import Project
from sqla_lint.index.serializers import Serializers
from sqla_lint.jinja_files import RENDERS, Templates
from sqla_lint.lower import nodes as n
from sqla_lint.serializer_api import DUMPS, FILLS, VALIDATORS

if TYPE_CHECKING:
    from sqla_lint.config import Settings

_MAKES_AND_ENDS = frozenset({"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__call__"})
# Words without which a function opens no session, and has no handler or finally of its own.
# A class that a `with` enters.
_ENTERS = frozenset({"__enter__", "__aenter__"})
_WITH = frozenset({"with"})
# What a schema is filled by; the same words are of modules that write text.
_DUMPS = DUMPS | FILLS
_TEXTS = frozenset({"json", "yaml", "pickle"})
_OPENS = SESSION_WORDS | {
    "connect",
    "raw_connection",
    "create_engine",
    "create_async_engine",
    "next",
    "__next__",
    "begin",
}
_HANDLES = frozenset({"except", "suppress", "finally", "with", "close", "remove", "aclose", "close_all"})
# A function whose text has none of these words, and calls none that has, does nothing to a session. Words that any
# program uses (``get``, ``add``, ``all``) say nothing by themselves: a method of a class that keeps a session mentions
# where it keeps it.
_WORDS = (
    api.COMMITS | api.ROLLS_BACK | api.CLOSES | api.EVIDENCE
    | {"query", "session", "select", "sessionmaker", "Session", "scoped_session", "begin", "begin_nested", "execute",
       "scalar", "scalars", "flush", "refresh", "merge", "paginate", "bulk_save_objects", "abort", "exit", "engine",
       "create_engine", "create_async_engine", "connect"}
) - {"invalidate"}  # fmt: skip
_ENDS = api.COMMITS | api.ROLLS_BACK
# What a coroutine may wait for without letting others run, or forget to await.
_ASKS = api.AWAITED | api.STATEMENTS | api.QUERY_RUNS | {"query"}


class Relevance:
    """The questions that :class:`sqla_lint.flow.evaluation.world.World` answers by words alone."""

    project: Project
    settings: Settings
    names: Names
    mappings: Mappings
    columns: Columns
    slowness: Slowness
    templates: Templates
    serializers: Serializers

    def __init__(self) -> None:
        self._relevant: dict[Function, bool] = {}
        self._directly: dict[Function, bool] = {}

    @cached_property
    def reading_names(self) -> frozenset[str]:
        """Attributes of mapped classes whose read may load something."""
        return reading_names(self.project, self.mappings, self.left_out)

    @cached_property
    def left_out(self) -> frozenset[str]:
        return left_out(self.project)

    def is_relevant(self, function: Function) -> bool:
        """Whether the function may matter to sessions or rows.

        Its text mentions what these are asked for, or it is so short that it may stand for another (a factory), or may
        never return; what makes and ends an object matters if anything in its class does.
        """
        if function not in self._relevant:
            self._relevant[function] = self._is_relevant(function)
        return self._relevant[function]

    def _is_relevant(self, function: Function) -> bool:
        return (
            self._is_directly_relevant(function)
            or bool(function.words & self.relevant_names)
            or self._renders(function)
        )

    def _renders(self, function: Function) -> bool:
        """Whether the function may render a template with what it is handed."""
        return bool(self.templates and function.node.params) and function.node.name in self.renderers

    @cached_property
    def context_processors(self) -> tuple[Function, ...]:
        """The functions whose dictionaries Flask adds to the context of every template."""
        return tuple(f for f in self.project.functions if any(map(_injects, f.node.decorators)))

    @cached_property
    def renderers(self) -> frozenset[str]:
        """Names of functions that take something and render a template, or mention such a function."""
        taking = [function for function in self.project.functions if function.node.params] if self.templates else []
        found: frozenset[str] = frozenset()
        for _ in range(2):
            found |= {f.node.name for f in taking if f.words & (RENDERS | found - COMMON)}
        return found

    @cached_property
    def relevant_names(self) -> frozenset[str]:
        """Names of functions that matter themselves, or that mention one that does."""
        names: set[str] = set()
        pending = [f for f in self.project.functions if f.node.name not in COMMON]
        grown = True
        while grown:
            kept: list[Function] = []
            found: set[str] = set()
            for function in pending:
                if self._is_directly_relevant(function) or function.words & names:
                    found.add(function.node.name)
                else:
                    kept.append(function)
            grown = not found <= names
            names |= found
            pending = kept
        return frozenset(names - COMMON)

    @cached_property
    def class_methods(self) -> frozenset[str]:
        """Names of class methods that may matter: the class that a function is handed decides what they do."""
        return class_methods(self.project.functions, self.is_relevant) - COMMON

    @cached_property
    def asking_methods(self) -> frozenset[str]:
        """Names of methods of classes that are not mapped which ask for rows: whose method is called decides which."""
        asks = api.EXECUTES | {"query", "select"}
        found = ((f.node.name, f.cls) for f in self.project.functions if f.cls is not None and f.body_words & asks)
        return frozenset(name for name, cls in found if not self.mappings.is_mapped(cls)) - COMMON

    @cached_property
    def committers(self) -> frozenset[str]:
        """Names of functions that commit, or that mention such a function."""
        return mentioning(self.project, api.COMMITS, COMMON, 3)

    @cached_property
    def readers(self) -> frozenset[str]:
        """Names of functions that mention a relationship, or that mention such a function."""
        return mentioning(self.project, self.reading_names | self.schemas, COMMON, 3) - COMMON

    @cached_property
    def schemas(self) -> frozenset[str]:
        """Names that lead to a schema which may read a relationship."""
        return schema_names(self.project, self.serializers, self.reading_names) - COMMON

    @cached_property
    def askers(self) -> frozenset[str]:
        """Names of functions that send a query with what they are handed, or that mention such a function."""
        return passing.askers(self.project.functions) - COMMON

    @cached_property
    def appliers(self) -> frozenset[str]:
        """Names of functions that call what they are handed in a loop."""
        return frozenset(f.node.name for f in self.project.functions if passing.applies(f)) - COMMON

    @cached_property
    def shown_reads(self) -> bool:
        """Whether turning some row into text may load something."""
        return bool(self.reading_names & {"__str__", "__repr__"})

    def may_report(self, function: Function) -> bool:
        """Whether a finding can stand in the function: it opens a session, loops over rows,
        handles what others raise, ends a transaction, or is a coroutine that asks a session for something.
        """
        words = function.words
        if function.body_words & _OPENS or function.body_words & self.session_names:
            return True
        if words & _WITH and function.body_words & self.scope_classes:
            return True
        if ends_or_asks(function, self.committers) and self.is_relevant(function):
            return True
        if words & self.keyed_classes and self._reads_key(function):
            return True
        reads = not words.isdisjoint(self.reading_names) or not words.isdisjoint(self.readers)
        if reads and function.node.is_async and self.is_relevant(function):
            return True
        if reads and (words & self.openers or words & self.appliers or passing.repeats(function)):
            return True
        if passing.asks_in_loop(function, self.askers) and self.is_relevant(function):
            return True
        if self.templates and words & (RENDERS | self.renderers) and self.is_relevant(function):
            return True
        if (words & self.schemas or self.schemas and words & _DUMPS) and self.is_relevant(function):
            return True
        if self.shown_reads and passing.shows(function) and passing.repeats(function) and self.is_relevant(function):
            return True
        if passing.counts_or_indexes(function) and self.is_relevant(function):
            return True
        if words & HANDS_OVER and function.cls is not None:
            # A method that hands over another one of its object, which keeps a session.
            if any(method.words & _WORDS for method in function.cls.methods.values()):
                return True
        return (bool(words & (_HANDLES | HANDS_OVER)) or self.slowness.may_hold_up(function)) and self.is_relevant(
            function
        )

    @cached_property
    def openers(self) -> frozenset[str]:
        """Names of functions that open a session: what they return may have outlived it."""
        names, asks = self.session_names | _OPENS, api.QUERY_RUNS | api.EXECUTES
        found = [f for f in self.project.functions if f.body_words & names and "return" in f.words and f.words & asks]
        return frozenset(f.node.name for f in found) - COMMON

    @cached_property
    def scope_classes(self) -> frozenset[str]:
        """Names of classes that make a session when a ``with`` enters them."""
        makes = self.session_names | _OPENS
        names: set[str] = set()
        for module in self.project.modules.values():
            for cls in module.classes if module.words & _ENTERS else ():
                entering = [m for name, m in cls.methods.items() if name in _ENTERS]
                if any(method.body_words & makes for method in entering):
                    names.add(cls.name)
        return frozenset(names)

    @cached_property
    def reconfigured(self) -> frozenset[str]:
        """Names of factories and registries whose ``configure(...)`` is called to change when instances expire."""
        calls = [
            node
            for module in self.project.modules.values()
            if "configure" in module.words
            for node in walk(module.node)
            if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and node.func.attr == "configure"
        ]
        return frozenset(
            getattr(call.func.value, "id", getattr(call.func.value, "attr", ""))
            for call in calls
            if isinstance(call.func, n.Attribute)
            and any(k.name in (None, "expire_on_commit", "autoflush") for k in call.keywords)
        )

    @cached_property
    def keyed_classes(self) -> frozenset[str]:
        """Names of mapped classes whose primary key the flush makes."""
        classes = [c for m in self.project.modules.values() for c in m.classes if self.mappings.is_mapped(c)]
        return frozenset(cls.name for cls in classes if self.columns.generated(cls))

    def _reads_key(self, function: Function) -> bool:
        """Whether a function builds a mapped instance and reads an attribute of what it built."""
        built: set[str] = set()
        for stmt in statements(function.node.body):
            if isinstance(stmt, n.Assign) and passing.mentions(stmt.value, self.keyed_classes):
                built |= set(bound_names(stmt))
        return bool(built) and any(
            isinstance(node, n.Attribute) and isinstance(node.value, n.Name) and node.value.id in built
            for node in own_nodes(function.node.body)
        )

    def _is_directly_relevant(self, function: Function) -> bool:
        if function not in self._directly:
            self._directly[function] = self._concerns_sessions(function)
        return self._directly[function]

    def _concerns_sessions(self, function: Function) -> bool:
        words, body = function.words, function.node.body
        if words & _WORDS or words & self.mappings.relationship_names or words & self.schemas:
            return True
        if self.schemas and words & _DUMPS and not words & _TEXTS:
            return True
        if words & VALIDATORS and function.cls is not None and self.serializers.is_model(function.cls):
            # What the schema is filled from goes through it.
            return True
        if len(body) <= 2 and ("return" in words or "yield" in words) or (body and isinstance(body[-1], n.Raise)):
            return True
        if function.cls is not None and function.node.name in _MAKES_AND_ENDS:
            return any(other.words & _WORDS for other in function.cls.methods.values())
        if passing.applies(function) or self.shown_reads and passing.shows_given(function):
            return True
        if words & self.session_names or any("session" in word.lower() for word in words):
            return True
        return any(self._is_directly_relevant(way) for way in filling(self.names, function))

    @cached_property
    def session_names(self) -> frozenset[str]:
        """Names that lead to a new session: variables, functions and classes that mention a session class, or one
        another.
        """
        return self._leads.names - SESSION_WORDS

    @cached_property
    def _leads(self) -> Leads:
        named = (*self.settings.session_factories, *self.settings.session_scopes)
        return leads(self.project, frozenset(name.rpartition(".")[2] for name in named))

    def leading_names(self, function: Function) -> frozenset[str]:
        """The function's parameters and variables that may hold a session."""
        given = {p.name for p in function.node.params if "session" in p.name.lower() or p.default is not None}
        return frozenset(passing.leading(function, self._leads.names | self._leads.given) | given)

    def runs_anything(self, module: ModuleIndex) -> bool:
        """Whether a file's own statements do more than define: only then is its body looked at."""
        return bool(module.words & _WORDS) and any(
            isinstance(s, (n.For, n.While, n.Try, n.With)) or isinstance(s, n.ExprStmt) and isinstance(s.value, n.Call)
            for s in statements(module.node.body)
        )


def _injects(decorator: n.Expr) -> bool:
    """``@app.context_processor``; a blueprint's own is for its templates alone."""
    if not isinstance(decorator, n.Attribute) or not isinstance(decorator.value, n.Name):
        return False
    of_app = decorator.attr == "context_processor" and decorator.value.id.lower().endswith(("app", "application"))
    return of_app or decorator.attr == "app_context_processor"


def ends_or_asks(function: Function, committers: Set[str]) -> bool:
    """Whether a function may end a transaction, itself or for each round of a loop, or asks a session for something
    where others have to wait for it.
    """
    words = function.words
    if words & _ENDS or (function.node.is_async and words & _ASKS):
        return True
    return "for" in words and bool(words & committers)
