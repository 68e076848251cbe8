"""Small programs that read rows in loops, made from a seed: three models, relationships and queries loaded in any way."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from flow.row_forms import COUNTED, HEAD, LAZY, LOADS, RELATIONS, filled, got, joined_lists, listed, walks


class RowProgram(NamedTuple):
    """A module whose function ``f`` reads rows; *cyclic* if a path may come back to a class that it came from,
    *returns* if an option does, *pairs* if two entities are selected side by side.
    """

    seed: int
    text: str
    cyclic: bool = False
    pairs: bool = False
    returns: bool = False


class _Writer:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.names = 0
        self.helper = random.choice(("books", "reviews", "author", "book"))
        self.cyclic = random.random() < 0.25
        self.pairs = self.returns = False
        # Functions beside ``f`` have no session.
        self.has_session = True
        self.functions: list[str] = []
        self.members = {(model, kind): self.member(model) for model in RELATIONS for kind in ("label", "total", "repr")}

    def member(self, model: str) -> tuple[str, str]:
        """What a property, a method or ``__repr__`` returns, and the class it leads to."""
        if self.random.random() < 0.5:
            return "str(self.id)", model
        name, target, many = self.random.choice(RELATIONS[model])
        return (f"str(len(self.{name}))" if many else f"str(self.{name}.id)"), target

    def relations(self, model: str, seen: tuple[str, ...]) -> list[tuple[str, str, bool]]:
        return [r for r in RELATIONS[model] if self.cyclic or r[1] not in seen]

    def name(self, model: str) -> str:
        self.names += 1
        return f"{model.lower()}{self.names}"

    def some(self, share: float) -> bool:
        return self.random.random() < share

    # --- queries

    def option(self, model: str) -> str:
        """A loader option for *model*, chained and nested now and then."""
        if self.some(0.12):
            return self.columns(model, "")
        if self.some(0.06):
            return self.random.choice(('selectinload("*")', 'lazyload("*")', 'joinedload("*")'))
        name, target, _ = self.random.choice(RELATIONS[model])
        text = f"{self.random.choice(LOADS)}({model}.{name})"
        if self.some(0.08):
            text = f"Load({model}).{text}"
        if self.some(0.1):
            return text + self.columns(target, ".")
        if self.some(0.4):
            further, end, _ = self.random.choice(RELATIONS[target])
            self.returns = self.returns or end == model
            chained = f"{self.random.choice(LOADS)}({target}.{further})"
            text += self.random.choice((f".{chained}", f".{chained}", f".options({chained})"))
        return text

    def columns(self, model: str, dot: str) -> str:
        return dot + self.random.choice(
            (f"defer({model}.title)", f"load_only({model}.id)", f"undefer({model}.title)", f"load_only({model}.title)")
        )

    def options(self, model: str) -> str:
        options = ", ".join(self.option(model) for _ in range(self.random.choice((0, 0, 1, 1, 2))))
        return f".options({options})" if options else ""

    def selected(self, model: str) -> str:
        """What is selected of *model*, narrowed and joined now and then."""
        text = model
        kind = self.random.random()
        option = self.options(model)
        if kind < 0.1:
            return f"{option}.where({text}.id > 0)"
        if kind < 0.2:
            return f".order_by({text}.id){option}"
        if kind < 0.28:
            name, _, _ = self.random.choice(RELATIONS[model])
            return f".join({model}.{name}).options(contains_eager({model}.{name}))"
        return option

    def query(self, model: str) -> tuple[list[str], str]:
        """Statements that come before, and an expression that gives a list."""
        rest = self.selected(model)
        kind = self.random.random()
        if kind < 0.12:
            name, _, _ = self.random.choice(RELATIONS[model])
            eager = self.random.choice(("joinedload", "selectinload", "subqueryload"))
            query = "query" + str(self.names)
            before = [f"{query} = select({model})", "if session.autoflush:"]
            return [*before, f"    {query} = {query}.options({eager}({model}.{name}))"], (
                f"session.scalars({query}).unique().all()"
            )
        if kind < 0.2:
            query = "query" + str(self.names)
            made = self.random.choice((f"session.query({model}){rest}", f"session.query({model})"))
            return [
                f"{query} = {made}",
                f"{query} = {query}.filter({model}.id > 0){self.options(model)}",
            ], f"{query}.all()"
        if kind < 0.32:
            self.names += 1
            text = self.random.choice(listed(model, rest))
            note = self.random.choice(("", f" -> list[{model}]"))
            self.functions.append(f"def load_{self.names}(session: Session){note}:\n    return {text}\n")
            return [], f"load_{self.names}(session)"
        return [], self.random.choice(listed(model, rest))

    # --- reads

    def path(self, row: str, model: str, seen: tuple[str, ...] = ()) -> str:
        """What is read of a row: a scalar chain that may end in a collection."""
        seen = (*seen, model)
        if self.has_session and model in COUNTED and self.some(0.05):
            return self.random.choice(COUNTED[model]).format(row)
        relations = self.relations(model, seen)
        if not relations or self.some(0.08):
            return f"print({row}.{self.random.choice(('id', 'title'))})"
        name, target, many = self.random.choice(relations)
        if many:
            return self.random.choice(
                (
                    f"len({row}.{name})",
                    f"[x.id for x in {row}.{name}]",
                    f"str({row}.{name})" if self.plain(target) else f"list({row}.{name})",
                    f"sum(x.id for x in {row}.{name})",
                    f"{{x.id: x for x in {row}.{name}}}",
                    f'len(getattr({row}, "{name}"))',
                    f"{row}.{name}[0].id",
                    f"max({row}.{name}, key=lambda x: x.id)",
                    f'", ".join(x.title for x in {row}.{name})',
                )
            )
        if self.some(0.3) and self.relations(target, (*seen, target)):
            return self.path(f"{row}.{name}", target, seen)
        return self.random.choice((f"str({row}.{name}.id)", f"print({row}.{name}.title)", f"({row}.{name}, 1)"))

    def plain(self, model: str) -> bool:
        return self.members[model, "repr"][1] == model

    def reads(self, row: str, model: str, depth: int, seen: tuple[str, ...] = (), loop: bool = True) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 2)):
            lines += self.read(row, model, depth, seen)
        if self.some(0.15):
            # At the end only: of two reads of one path the first is reported, whether or not it runs for each row.
            lines += [f"if {row}.id % 2:", *_indented([self.path(row, model, seen)])]
        elif loop and self.some(0.12):
            lines += [f"if {row}.id > 10000:", "    break"]
        elif loop and self.some(0.05) and not seen:
            lines += ["break"]
        return lines

    def read(self, row: str, model: str, depth: int, seen: tuple[str, ...]) -> list[str]:
        kind = self.random.random()
        relations = self.relations(model, (*seen, model))
        collections = [r for r in relations if r[2]]
        if kind < 0.3 and depth and collections:
            name, target, _ = self.random.choice(collections)
            inner = self.name(target)
            over = self.random.choice((f"{row}.{name}", f"{row}.{name}", f"sorted({row}.{name}, key=lambda x: x.id)"))
            return [f"for {inner} in {over}:", *_indented(self.reads(inner, target, depth - 1, (*seen, model)))]
        if kind < 0.42 and self.helper in [r[0] for r in relations]:
            return [f"shown_{self.helper}({row})"]
        if kind < 0.48:
            return [f"print({row}.{self.random.choice(('id', 'title'))})"]
        if kind < 0.62:
            return self.called(row, model, seen)
        if kind < 0.68:
            inner = self.name("Row")
            return [f"{inner} = {row}", self.path(inner, model, seen)]
        if kind < 0.72 and relations:
            name, target, many = self.random.choice(relations)
            inner = self.name(target)
            rest = f"len({inner})" if many else self.path(inner, target, (*seen, model))
            return [f"{inner} = {row}.{name}", rest]
        return [self.path(row, model, seen)]

    def called(self, row: str, model: str, seen: tuple[str, ...]) -> list[str]:
        """A read through what the class defines."""
        fit = [k for (m, k), (_, to) in self.members.items() if m == model and (self.cyclic or to not in seen)]
        if not fit:
            return [f"print({row}.id)"]
        kind = self.random.choice(fit)
        shown = self.random.choice((f'f"{{{row}}}"', f"print({row})", f"repr({row})", f'"%s" % {row}'))
        return [{"label": f"print({row}.label)", "total": f"{row}.total()", "repr": shown}[kind]]

    def attributes(self, model: str) -> str:
        """A path for ``attrgetter``: scalars, and what comes last."""
        name, target, many = self.random.choice(RELATIONS[model])
        if many or self.some(0.3):
            return name
        return f"{name}.{self.random.choice(('id', 'title', *(r[0] for r in self.relations(target, (model, target)))))}"

    # --- loops

    def loop(self, rows: str, model: str) -> list[str]:
        row = self.name(model)
        kind = self.random.random()
        if kind < 0.05:
            return [self.random.choice(got(rows, self.attributes(model)))]
        if kind < 0.25:
            return [self.random.choice(joined_lists(rows, row, self.path(row, model)))]
        if kind < 0.6:
            return [f"for {row} in {rows}:", *_indented(self.reads(row, model, 2))]
        if kind < 0.7:
            self.names += 1
            self.has_session = False
            body = self.reads(row, model, 2)
            self.has_session = True
            note = self.random.choice(("", f": list[{model}]"))
            lines = [f"def each_{self.names}(rows{note}):", f"    for {row} in rows:", *_indented(_indented(body))]
            self.functions.append("\n".join(lines) + "\n")
            return [f"each_{self.names}({rows})"]
        if kind < 0.85:
            return [*self.random.choice(walks(rows, row)), *_indented(self.reads(row, model, 2))]
        made = f"made{self.names}"
        before, over = self.random.choice(filled(rows, made))
        return [*before, f"for {row} in {over}:", *_indented(self.reads(row, model, 2))]

    def part(self) -> list[str]:
        """A query and the loops over it."""
        model = self.random.choice(tuple(RELATIONS))
        rows = "rows" + str(self.names)
        self.names += 1
        kind = self.random.random()
        if kind < 0.12:
            rest = self.selected(model)
            # The first of joined rows would bring one row of the collection alone.
            rest = rest if "contains_eager" not in rest else ""
            one = (f"session.get({model}, 1)", f"session.query({model}){rest}.first()")
            return [f"{rows} = {self.random.choice(one)}", *self.reads(rows, model, 2, loop=False)]
        if kind < 0.2:
            over = (f"session.scalars(select({model}){self.selected(model)}).unique()", f"session.query({model})")
            row = self.name(model)
            return [f"for {row} in {self.random.choice(over)}:", *_indented(self.reads(row, model, 2))]
        if kind < 0.27:
            return self.pair()
        before, query = self.query(model)
        lines = [*before, f"{rows} = {query}"]
        if self.some(0.12):
            return [*lines, *self.reads(f"{rows}[0]", model, 2, loop=False)]
        for _ in range(self.random.choice((1, 1, 2))):
            lines += self.loop(rows, model)
        return lines

    def pair(self) -> list[str]:
        """A loop over two entities in each row."""
        self.pairs = True
        model = self.random.choice(tuple(RELATIONS))
        name, target, _ = self.random.choice(RELATIONS[model])
        one, other = self.name(model), self.name(target)
        over = f"session.query({model}, {target}).join({model}.{name}){self.options(model)}.all()"
        read, further = self.path(one, model), self.path(other, target, (model,))
        return [f"for {one}, {other} in {over}:", *_indented([read, further])]


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def generate(seed: int) -> RowProgram:
    """The program of *seed*."""
    random = Random(seed)
    writer = _Writer(random)
    lines = [line for _ in range(random.choice((1, 1, 2))) for line in writer.part()]
    head = HEAD
    for name in ("books", "author", "reviews", "book"):
        head = head.replace("{" + name + "}", random.choice(LAZY))
    for model in RELATIONS:
        head = head.replace("{" + model + "}", random.choice(("", "", "", ", deferred=True")))
    for (model, kind), (text, _) in writer.members.items():
        head = head.replace("{" + f"{model}.{kind}" + "}", text)
    head = head.replace("{hash}", writer.helper) + "\n\n".join([*writer.functions, ""])
    text = head + "\n".join(["def f(session: Session):", *_indented(lines)]) + "\n"
    return RowProgram(seed, text, writer.cyclic, writer.pairs, writer.returns)
