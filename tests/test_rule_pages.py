"""A rule's docstring is its page: it has its sections, its bad example is reported, and its good one is not."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

from sqla_lint import check
from sqla_lint.config import Settings
from sqla_lint.finding import Finding
from sqla_lint.rules import Rule, all_rules

RULE_FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "rules"
SECTIONS = ("What it does", "Why it is bad", "Bad", "Good", "Fix", "Configuration")
# They are about comments and files, not about SQLAlchemy: no snippet could show them.
WITHOUT_SNIPPETS = {"SES000", "SES001"}

RULES = all_rules()
SHOWN = [rule for rule in RULES if rule.code not in WITHOUT_SNIPPETS]

# Where the names come from that a page uses without saying so.
ORIGINS = {
    "functools": ("lru_cache", "partial"),
    "concurrent.futures": ("ThreadPoolExecutor",),
    "contextlib": ("closing", "contextmanager", "suppress"),
    "threading": ("Thread",),
    "fastapi": ("BackgroundTasks", "Depends"),
    "sqlalchemy": ("create_engine", "delete", "func", "insert", "select", "text", "update"),
    "sqlalchemy.exc": ("IntegrityError", "SQLAlchemyError"),
    "sqlalchemy.ext.asyncio": ("AsyncSession", "async_sessionmaker", "create_async_engine"),
    "sqlalchemy.orm": ("Session", "joinedload", "scoped_session", "selectinload", "sessionmaker"),
}
MODULES = ("asyncio", "logging", "requests", "time")
# In the order in which one needs the other.
SET_UP = {
    "engine": 'engine = create_engine("sqlite://")',
    "async_engine": 'async_engine = create_async_engine("sqlite+aiosqlite://")',
    "AsyncLocalSession": "AsyncLocalSession = async_sessionmaker(async_engine)",
    "log": "log = logging.getLogger(__name__)",
}
MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column()
    pets: Mapped[list["Pet"]] = relationship(back_populates="owner")

class Pet(Base):
    __tablename__ = "pet"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column()
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner] = relationship(back_populates="pets")

class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)

class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int] = mapped_column()
"""


def sections(rule: Rule) -> dict[str, str]:
    """The page's sections by title; a line that is not indented begins one."""
    found: dict[str, str] = {}
    title = ""
    for line in rule.page.splitlines()[1:]:
        if line and not line.startswith(" "):
            title = line
            found[title] = ""
        elif title:
            found[title] += line + "\n"
    return {title: textwrap.dedent(text).strip("\n") + "\n" for title, text in found.items()}


def prelude(snippet: str) -> str:
    """The imports and definitions that *snippet* takes for granted."""
    names = [node for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    wanted = {node.id for node in names} - bound
    set_up = [line for name, line in SET_UP.items() if name in wanted]
    wanted |= set(re.findall(r"\w+", "\n".join(set_up)))
    imports = [f"import {module}" for module in MODULES if module in wanted]
    for module, exported in ORIGINS.items():
        imports += [f"from {module} import {name}" for name in exported if name in wanted - bound]
    return "\n".join([*imports, MODELS, *set_up, "", ""])


def findings(snippet: str, folder: Path, shown: Rule) -> list[Finding]:
    """What the rules say of *snippet*: those that are on by default, and the one that is shown."""
    (folder / "pyproject.toml").touch()
    page = folder / "page.py"
    page.write_text(prelude(snippet) + snippet)
    return list(check([str(page)], Settings(extend_select=(shown.code,), folder=folder)).findings)


def test_names_and_codes_are_given_once() -> None:
    for values in ([rule.code for rule in RULES], [rule.name for rule in RULES]):
        assert sorted(set(values)) == sorted(values)
    for rule in RULES:
        assert re.fullmatch(r"SES\d{3}", rule.code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert rule.severity in ("error", "warning")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_page_has_its_sections_in_their_order(rule: Rule) -> None:
    assert rule.page.splitlines()[0].endswith("."), "the title is a sentence"
    titles = list(sections(rule))
    assert titles == [title for title in SECTIONS if title in titles]
    assert {"What it does", "Why it is bad"} <= set(titles)
    shows = {"Bad", "Good"} & set(titles)
    assert shows == (set() if rule.code in WITHOUT_SNIPPETS else {"Bad", "Good"})
    assert all(text.strip() for text in sections(rule).values())


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.name)
def test_the_bad_example_is_reported(rule: Rule, tmp_path: Path) -> None:
    found = findings(sections(rule)["Bad"], tmp_path, rule)
    assert rule.code in {finding.code for finding in found}, found


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.name)
def test_the_good_example_is_not(rule: Rule, tmp_path: Path) -> None:
    assert findings(sections(rule)["Good"], tmp_path, rule) == []


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.name)
def test_a_rule_has_its_file_and_its_fixtures(rule: Rule) -> None:
    import sqla_lint.rules

    folder = RULE_FIXTURES / rule.name
    assert (Path(sqla_lint.rules.__path__[0]) / f"{rule.name.replace('-', '_')}.py").is_file()
    assert list(folder.glob("bad_*.py")), f"{folder} has no bad fixture"
    assert list(folder.glob("good_*.py")), f"{folder} has no good fixture"
