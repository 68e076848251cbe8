"""The forms in which generated programs hold their models, get their rows and go over them."""

from __future__ import annotations

_MEMBERS = """
    @property
    def label(self):
        return {$.label}

    def total(self):
        return {$.total}

    def __repr__(self):
        return {$.repr}
"""
HEAD = """\
from collections import defaultdict
from operator import attrgetter

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import (
    DeclarativeBase, Load, Mapped, Session, contains_eager, defaultload, defer, joinedload, lazyload, load_only,
    mapped_column, relationship, selectinload, subqueryload, undefer,
)


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(default="a"{Author})
    books: Mapped[list["Book"]] = relationship(back_populates="author"{books})
$Author

class Book(Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(default="b"{Book})
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped["Author"] = relationship(back_populates="books"{author})
    reviews: Mapped[list["Review"]] = relationship(back_populates="book"{reviews})
$Book

class Review(Base):
    __tablename__ = "reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(default="r"{Review})
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    book: Mapped["Book"] = relationship(back_populates="reviews"{book})
$Review

def shown_{hash}(row):
    return str(len(row.{hash})) if isinstance(row.{hash}, list) else str(row.{hash}.id)


"""

# Relationships by class: (name, class it leads to, whether it is a collection).
RELATIONS = {
    "Author": (("books", "Book", True),),
    "Book": (("author", "Author", False), ("reviews", "Review", True)),
    "Review": (("book", "Book", False),),
}
for _model in RELATIONS:
    HEAD = HEAD.replace(f"${_model}\n", _MEMBERS.replace("$", _model) + "\n")
LAZY = ("", "", "", ', lazy="select"', ', lazy="joined"', ', lazy="selectin"', ', lazy="subquery"', ", lazy=True")
LOADS = ("joinedload", "selectinload", "subqueryload", "selectinload", "lazyload", "defaultload")


# Queries that count what belongs to a row, by its class.
COUNTED = {
    "Author": ("session.query(Book).filter(Book.author_id == {0}.id).count()",),
    "Book": (
        "session.query(Review).filter(Review.book_id == {0}.id).count()",
        "session.query(Review).filter_by(book_id={0}.id).count()",
        "session.scalar(select(func.count()).where(Review.book_id == {0}.id))",
        "session.execute(select(func.count(Review.id)).where(Review.book_id == {0}.id)).scalar_one()",
    ),
}


def listed(model: str, rest: str) -> tuple[str, ...]:
    """Expressions that give the selected rows as a list."""
    return (
        f"session.query({model}){rest}.all()",
        f"list(session.query({model}){rest})",
        f"session.scalars(select({model}){rest}).unique().all()",
        f"session.execute(select({model}){rest}).unique().scalars().all()",
        f"[row for row, in session.execute(select({model}){rest}).unique()]",
        f"[found[0] for found in session.execute(select({model}){rest}).unique().all()]",
        f"[row for row in session.scalars(select({model}){rest}).unique() if row.id]",
        f"list(session.scalars(select({model}){rest}).unique())",
    )


def joined_lists(rows: str, row: str, read: str) -> tuple[str, ...]:
    """Comprehensions, and calls that go over rows as they do."""
    return (
        f"found = [{read} for {row} in {rows}]",
        f"found = [{read} for {row} in {rows} if {row}.id]",
        f"found = {{{row}.id: {read} for {row} in {rows}}}",
        f"found = list({read} for {row} in {rows})",
        f"found = any({read} is NotImplemented for {row} in {rows})",
        f"found = list(map(lambda {row}: {read}, {rows}))",
        f"found = sorted({rows}, key=lambda {row}: id({read}))",
        f"found = list(filter(lambda {row}: {read}, {rows}))",
    )


def got(rows: str, path: str) -> tuple[str, ...]:
    """Calls that read a path of each row by ``attrgetter``."""
    return (
        f'found = list(map(attrgetter("{path}"), {rows}))',
        f'found = [attrgetter("{path}")(x) for x in {rows}]',
        f'found = sorted({rows}, key=lambda x: id(attrgetter("{path}")(x)))',
    )


def walks(rows: str, row: str) -> tuple[list[str], ...]:
    """Heads of loops over a list of rows."""
    return (
        [f"for index, {row} in enumerate({rows}):"],
        [f"for {row} in sorted({rows}, key=lambda x: x.id):"],
        [f"for {row} in reversed({rows}):"],
        [f"for {row} in {rows}[1:]:"],
        [f"for {row}, _ in zip({rows}, range(100)):"],
        [f"for {row} in list({rows}):"],
        [f"for {row} in filter(None, {rows}):"],
        [f"for {row} in (x for x in {rows} if x.id):"],
        [f"for index in range(len({rows})):", f"    {row} = {rows}[index]"],
        [f"left = list({rows})", "while left:", f"    {row} = left.pop()"],
    )


def filled(rows: str, made: str) -> tuple[tuple[list[str], str], ...]:
    """Statements that put the rows elsewhere, and what is gone over then."""
    return (
        ([f"{made} = []", f"for x in {rows}:", f"    {made}.append(x)"], made),
        ([f"{made} = []", f"{made}.extend({rows})"], made),
        ([f"{made} = [x for x in {rows} if x.id > 0]"], made),
        ([f"{made} = {{x.id: x for x in {rows}}}"], f"{made}.values()"),
        ([f"{made} = {{}}", f"for x in {rows}:", f"    {made}[x.id] = x"], f"{made}.values()"),
        ([f"{made} = set()", f"for x in {rows}:", f"    {made}.add(x)"], made),
        ([f"{made} = defaultdict(list)", f"for x in {rows}:", f"    {made}[0].append(x)"], f"{made}[0]"),
        ([f"{made} = {{}}", f"for x in {rows}:", f"    {made}.setdefault(0, []).append(x)"], f"{made}[0]"),
        ([f"{made} = [(x.id, x) for x in {rows}]", f"{made} = [x for _, x in {made}]"], made),
        ([f"{made} = tuple({rows}) + ()"], made),
    )
