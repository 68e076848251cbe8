"""Small programs that read rows in loops, made from a seed: three models, relationships and queries loaded in any way."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

HEAD = """\
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import (
    DeclarativeBase, Mapped, Session, defaultload, joinedload, lazyload, mapped_column, relationship, selectinload, subqueryload,
)


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author"{books})


class Book(Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped["Author"] = relationship(back_populates="books"{author})
    reviews: Mapped[list["Review"]] = relationship(back_populates="book"{reviews})


class Review(Base):
    __tablename__ = "reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    book: Mapped["Book"] = relationship(back_populates="reviews"{book})


def shown_{hash}(row):
    return str(row.{hash})


"""

# Relationships by class: (name, class it leads to, whether it is a collection).
RELATIONS = {
    "Author": (("books", "Book", True),),
    "Book": (("author", "Author", False), ("reviews", "Review", True)),
    "Review": (("book", "Book", False),),
}
_LAZY = ("", "", "", ', lazy="select"', ', lazy="joined"', ', lazy="selectin"', ', lazy="subquery"', ", lazy=True")
_LOADS = ("joinedload", "selectinload", "subqueryload", "selectinload", "lazyload", "defaultload")


class RowProgram(NamedTuple):
    """A module whose function ``f`` reads rows; *cyclic* if a path may come back to a class that it came from."""

    seed: int
    text: str
    cyclic: bool = False


class _Writer:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.names = 0
        self.helper = random.choice(("books", "reviews", "author", "book"))
        self.cyclic = random.random() < 0.25

    def relations(self, model: str, seen: tuple[str, ...]) -> list[tuple[str, str, bool]]:
        return [r for r in RELATIONS[model] if self.cyclic or r[1] not in seen]

    def name(self, model: str) -> str:
        self.names += 1
        return f"{model.lower()}{self.names}"

    # --- queries

    def option(self, model: str) -> str:
        """A loader option for *model*, chained now and then."""
        name, target, _ = self.random.choice(RELATIONS[model])
        text = f"{self.random.choice(_LOADS)}({model}.{name})"
        if self.random.random() < 0.4:
            further, _, _ = self.random.choice(RELATIONS[target])
            text += f".{self.random.choice(_LOADS)}({target}.{further})"
        return text

    def query(self, model: str) -> str:
        options = ", ".join(self.option(model) for _ in range(self.random.choice((0, 0, 1, 1, 2))))
        option = f".options({options})" if options else ""
        return self.random.choice(
            (
                f"session.query({model}){option}.all()",
                f"session.query({model}){option}",
                f"session.scalars(select({model}){option}).unique().all()",
                f"session.execute(select({model}){option}).unique().scalars().all()",
                f"list(session.scalars(select({model}){option}).unique())",
            )
        )

    # --- reads

    def path(self, row: str, model: str, seen: tuple[str, ...] = ()) -> str:
        """What is read of a row: a scalar chain that may end in a collection."""
        seen = (*seen, model)
        relations = self.relations(model, seen)
        if not relations:
            return f"print({row}.id)"
        name, target, many = self.random.choice(relations)
        if many:
            return self.random.choice((f"len({row}.{name})", f"[x.id for x in {row}.{name}]", f"str({row}.{name})"))
        if self.random.random() < 0.3 and self.relations(target, (*seen, target)):
            return self.path(f"{row}.{name}", target, seen)
        return f"str({row}.{name}.id)"

    def reads(self, row: str, model: str, depth: int, seen: tuple[str, ...] = ()) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 2)):
            lines += self.read(row, model, depth, seen)
        if self.random.random() < 0.15:
            # At the end only: of two reads of one path the first is reported, whether or not it runs for each row.
            lines += [f"if {row}.id % 2:", *_indented([self.path(row, model, seen)])]
        return lines

    def read(self, row: str, model: str, depth: int, seen: tuple[str, ...]) -> list[str]:
        kind = self.random.random()
        relations = self.relations(model, (*seen, model))
        collections = [r for r in relations if r[2]]
        if kind < 0.3 and depth and collections:
            name, target, _ = self.random.choice(collections)
            inner = self.name(target)
            return [f"for {inner} in {row}.{name}:", *_indented(self.reads(inner, target, depth - 1, (*seen, model)))]
        if kind < 0.45 and self.helper in [r[0] for r in relations]:
            return [f"shown_{self.helper}({row})"]
        if kind < 0.55:
            return [f"print({row}.id)"]
        return [self.path(row, model, seen)]

    def loop(self, rows: str, model: str) -> list[str]:
        row = self.name(model)
        if self.random.random() < 0.25:
            return [f"found = [{self.path(row, model)} for {row} in {rows}]"]
        return [f"for {row} in {rows}:", *_indented(self.reads(row, model, 2))]

    def part(self) -> list[str]:
        """A query and the loops over it."""
        model = self.random.choice(tuple(RELATIONS))
        rows = "rows" + str(self.names)
        self.names += 1
        lines = [f"{rows} = {self.query(model)}"]
        if self.random.random() < 0.2:
            return [*lines, *self.reads(f"{rows}[0]", model, 2)]
        for _ in range(self.random.choice((1, 1, 2))):
            lines += self.loop(rows, model)
        return lines


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def generate(seed: int) -> RowProgram:
    """The program of *seed*."""
    random = Random(seed)
    writer = _Writer(random)
    lines = [line for _ in range(random.choice((1, 1, 2))) for line in writer.part()]
    head = HEAD
    for name in ("books", "author", "reviews", "book"):
        head = head.replace("{" + name + "}", random.choice(_LAZY))
    head = head.replace("{hash}", writer.helper)
    return RowProgram(seed, head + "\n".join(["def f(session: Session):", *_indented(lines)]) + "\n", writer.cyclic)
