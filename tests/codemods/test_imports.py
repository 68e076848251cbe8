"""Imports that fixes add: spelled as the file does, in the right place, nothing else touched."""

from __future__ import annotations

import ast

import pytest

from sqla_lint.codemods.apply import applied
from sqla_lint.codemods.imports import Needed, merged, needed
from sqla_lint.index.building import build
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower.from_ast import lower_module


def index(text: str) -> ModuleIndex:
    return build("/p/shop.py", lower_module(ast.parse(text), None), tuple(text.splitlines(keepends=True)))


def importing(text: str, *names: str, package: str = "sqlalchemy.orm") -> str:
    """*text* after *names* were asked for, one fix each."""
    module = index(text)
    wanted = [found for name in names if (found := needed(module, package, name)) is not None]
    edits = merged(one.edit for one in wanted if one.edit is not None)
    result = applied(text, module.source, edits)
    ast.parse(result)
    return result


SPELLED = {
    "from sqlalchemy.orm import joinedload\n": "joinedload",
    "from sqlalchemy.orm import joinedload as eager\n": "eager",
    "from sqlalchemy import orm\n": "orm.joinedload",
    "from sqlalchemy import orm as so\n": "so.joinedload",
    "import sqlalchemy.orm\n": "sqlalchemy.orm.joinedload",
    "import sqlalchemy.orm as so\n": "so.joinedload",
    "import sqlalchemy as sa\n\nx: sa.orm.Session\n": "sa.orm.joinedload",
    "from sqlalchemy.orm import *\n": "joinedload",
}


@pytest.mark.parametrize("text", SPELLED)
def test_a_name_is_written_as_the_file_imports_it(text: str) -> None:
    assert needed(index(text), "sqlalchemy.orm", "joinedload") == Needed(SPELLED[text])


@pytest.mark.parametrize(
    "text", ["def joinedload(): pass\n", "joinedload = None\n", "from elsewhere import joinedload\n"]
)
def test_a_name_that_means_something_else_is_not_taken(text: str) -> None:
    assert needed(index(text), "sqlalchemy.orm", "joinedload") is None


def test_a_name_of_the_function_is_in_the_way() -> None:
    module = index("from sqlalchemy.orm import joinedload\n\ndef f(joinedload):\n    pass\n")
    assert needed(module, "sqlalchemy.orm", "joinedload", function=module.functions[0]) is None
    module = index("from sqlalchemy import orm\n\ndef f():\n    orm = 1\n    return orm\n")
    found = needed(module, "sqlalchemy.orm", "joinedload", function=module.functions[0])
    assert found is not None
    assert found.spelling == "joinedload"


def test_what_the_function_imports_itself_counts() -> None:
    module = index("def f():\n    from sqlalchemy.orm import joinedload as load\n    pass\n")
    assert needed(module, "sqlalchemy.orm", "joinedload", function=module.functions[0]) == Needed("load")


LISTS = {
    "from sqlalchemy.orm import Session\n": "from sqlalchemy.orm import Session, joinedload\n",
    "from sqlalchemy.orm import Session, relationship  # noqa\n": (
        "from sqlalchemy.orm import Session, joinedload, relationship  # noqa\n"
    ),
    "from sqlalchemy.orm import relationship, Session\n": "from sqlalchemy.orm import joinedload, relationship, Session\n",
    "from sqlalchemy.orm import relationship, aliased\n": "from sqlalchemy.orm import relationship, aliased, joinedload\n",
    "from sqlalchemy.orm import Session as S\n": "from sqlalchemy.orm import Session as S, joinedload\n",
    "from sqlalchemy.orm import (\n    Session,\n    relationship,\n)\n": (
        "from sqlalchemy.orm import (\n    Session,\n    joinedload,\n    relationship,\n)\n"
    ),
    "from sqlalchemy.orm import (\n    Session,  # why\n)\n": (
        "from sqlalchemy.orm import (\n    Session,  # why\n    joinedload,\n)\n"
    ),
    "from sqlalchemy.orm import (\r\n\tSession\r\n)\r\n": (
        "from sqlalchemy.orm import (\r\n\tSession,\r\n\tjoinedload\r\n)\r\n"
    ),
    "from sqlalchemy.orm import (Session,\n                            relationship)\n": (
        "from sqlalchemy.orm import (Session,\n                            joinedload,\n"
        "                            relationship)\n"
    ),
    "from sqlalchemy.orm import Session, \\\n    relationship\n": (
        "from sqlalchemy.orm import Session, \\\n    joinedload, relationship\n"
    ),
    "from sqlalchemy.orm import Session; x = 1\n": (
        "from sqlalchemy.orm import joinedload\n\nfrom sqlalchemy.orm import Session; x = 1\n"
    ),
}


@pytest.mark.parametrize("text", LISTS)
def test_an_import_that_is_there_takes_one_more(text: str) -> None:
    assert importing(text, "joinedload") == LISTS[text]


def test_a_line_that_would_be_too_long_gets_brackets() -> None:
    text = "from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, aliased\n"
    assert importing(text, "joinedload") == (
        "from sqlalchemy.orm import (\n    DeclarativeBase,\n    Mapped,\n    Session,\n"
        "    mapped_column,\n    relationship,\n    aliased,\n    joinedload,\n)\n"
    )


PLACES = {
    '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\n\nfrom app import models\n': (
        '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\n\nfrom app import models\n'
        "from sqlalchemy.orm import joinedload\n"
    ),
    "import os\n\nimport sqlalchemy as sa\nfrom sqlalchemy import select\n\nfrom .models import Item\n": (
        "import os\n\nimport sqlalchemy as sa\nfrom sqlalchemy import select\nfrom sqlalchemy.orm import joinedload\n\n"
        "from .models import Item\n"
    ),
    "import os\n\nfrom .models import Item\n": (
        "import os\n\nfrom sqlalchemy.orm import joinedload\n\nfrom .models import Item\n"
    ),
    "import os\n\nx = 1\n": "import os\n\nfrom sqlalchemy.orm import joinedload\n\nx = 1\n",
    "from .models import Item\n": "from sqlalchemy.orm import joinedload\n\nfrom .models import Item\n",
    '"""Doc."""\n\nx = 1\n': '"""Doc."""\n\nfrom sqlalchemy.orm import joinedload\n\nx = 1\n',
    "# -*- coding: utf-8 -*-\nx = 1\n": "# -*- coding: utf-8 -*-\nfrom sqlalchemy.orm import joinedload\n\nx = 1\n",
    "import os\r\nfrom sqlalchemy.sql import text\r\n": (
        "import os\r\nfrom sqlalchemy.orm import joinedload\r\nfrom sqlalchemy.sql import text\r\n"
    ),
}


@pytest.mark.parametrize("text", PLACES)
def test_a_new_import_stands_among_its_like(text: str) -> None:
    assert importing(text, "joinedload") == PLACES[text]


def test_what_several_fixes_need_is_one_import() -> None:
    assert importing("import sqlalchemy\n", "selectinload", "joinedload") == (
        "import sqlalchemy\nfrom sqlalchemy.orm import joinedload, selectinload\n"
    )
    assert importing("from sqlalchemy.orm import Session\n", "selectinload", "joinedload") == (
        "from sqlalchemy.orm import Session, joinedload, selectinload\n"
    )


def test_the_projects_own_packages_come_last() -> None:
    text = "import os\n\nfrom shop.models import Item\n"
    module = build("/p/shop/views.py", lower_module(ast.parse(text), None), tuple(text.splitlines(keepends=True)))
    found = needed(module, "sqlalchemy.orm", "joinedload")
    assert found is not None
    assert found.edit is not None
    assert applied(text, module.source, [found.edit]) == (
        "import os\n\nfrom sqlalchemy.orm import joinedload\n\nfrom shop.models import Item\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "from sqlalchemy.orm import aliased, Session\n",
        "from sqlalchemy.orm import (\n    aliased,\n    Session,\n)\n",
        "from sqlalchemy.orm import (\n    aliased\n)\n",
        "from sqlalchemy import func\n",
    ],
)
def test_each_name_is_imported_once(text: str) -> None:
    module = index(text)
    one, other = (needed(module, "sqlalchemy.orm", name) for name in ("joinedload", "selectinload"))
    assert one is not None
    assert one.edit is not None
    assert other is not None
    assert other.edit is not None
    both = merged([one.edit, other.edit])
    again = merged([*both, one.edit, *both, other.edit])
    assert again == both
    assert applied(text, module.source, again).count("load") == 2
