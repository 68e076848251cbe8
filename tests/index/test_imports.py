"""Names followed through a project: imports of every form, and what is not known."""

from __future__ import annotations

import pytest
from flow.compare import project

from sqla_lint.index.module import Class, Function
from sqla_lint.index.project import Definition, External, ModuleRef, Package, Project, Variable

ENGINE = "class Engine: pass\ndef start(): pass\nlimit = 3\n_private = 1\n"


def linked(**files: str) -> Project:
    """A project of files by name, ``__`` for a folder."""
    return project({_path(name): text for name, text in files.items()}).world.project


def _path(name: str) -> str:
    package, dunder, _ = name.partition("____init__")
    return package.replace("__", "/") + ("/__init__.py" if dunder else ".py")


def means(found: Project, path: str, name: str) -> str | None:
    """What *name* is at module level of *path*, as one word."""
    return _word(found.lookup("/project/" + path, name))


def _word(what: Definition | None) -> str | None:
    if isinstance(what, (Class, Function)):
        return what.path.removeprefix("/project/") + ":" + what.qualname
    if isinstance(what, Variable):
        return what.path.removeprefix("/project/") + ":" + what.name
    if isinstance(what, External):
        return what.name
    if isinstance(what, ModuleRef):
        return what.path.removeprefix("/project/")
    return what.folder.removeprefix("/project/") + "/" if isinstance(what, Package) else None


class TestForms:
    @pytest.mark.parametrize(
        ("text", "name", "meaning"),
        [
            ("from app.engine import Engine", "Engine", "app/engine.py:Engine"),
            ("from app.engine import Engine as E", "E", "app/engine.py:Engine"),
            ("from app.engine import start", "start", "app/engine.py:start"),
            ("from app.engine import limit", "limit", "app/engine.py:limit"),
            ("from app.engine import missing", "missing", None),
            ("from app import engine", "engine", "app/engine.py"),
            ("import app.engine", "app", "app/"),
            ("import app.engine as e", "e", "app/engine.py"),
            ("from app.engine import *", "Engine", "app/engine.py:Engine"),
            ("from app.engine import *", "_private", None),
            ("from elsewhere import Thing", "Thing", "elsewhere.Thing"),
            ("import elsewhere.deep as d", "d", "elsewhere.deep"),
            ("import elsewhere.deep", "elsewhere", "elsewhere"),
            ("from sqlalchemy import *", "select", "sqlalchemy.select"),
            ("x = 1", "y", None),
        ],
    )
    def test_absolute(self, text: str, name: str, meaning: str | None) -> None:
        assert means(linked(app__engine=ENGINE, main=text), "main.py", name) == meaning

    @pytest.mark.parametrize(
        ("text", "name", "meaning"),
        [
            ("from .engine import Engine", "Engine", "app/engine.py:Engine"),
            ("from . import engine", "engine", "app/engine.py"),
            ("from .deep.low import Low", "Low", "app/deep/low.py:Low"),
            ("from ..top import Top", "Top", "top.py:Top"),
            ("from .engine import *", "start", "app/engine.py:start"),
            ("from .gone import Engine", "Engine", None),
        ],
    )
    def test_relative(self, text: str, name: str, meaning: str | None) -> None:
        files = {"app__engine": ENGINE, "app__deep__low": "class Low: pass", "top": "class Top: pass", "app__use": text}
        assert means(linked(**files), "app/use.py", name) == meaning

    def test_re_exports_are_followed(self) -> None:
        found = linked(
            app____init__="from .api import Thing\nfrom .more import *\n",
            app__api="from .impl import Real as Thing\n",
            app__more="from .impl import other\n",
            app__impl="class Real: pass\ndef other(): pass\n",
            main="from app import Thing, other\nimport app\n",
        )
        assert means(found, "main.py", "Thing") == "app/impl.py:Real"
        assert means(found, "main.py", "other") == "app/impl.py:other"
        package = found.lookup("/project/main.py", "app")
        assert package is not None
        assert _word(found.member(package, "Thing")) == "app/impl.py:Real"

    def test_what_a_package_imports_when_it_is_asked(self) -> None:
        lazy = "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n"
        files = {
            "app__engine": ENGINE,
            "app__deep__wheel": "class Wheel: pass\ndef start(): pass\nclass engine: pass\n",
        }
        text = "from app import Engine, Wheel, engine, limit, start\nimport app\nWheel2 = app.Wheel"
        found = linked(app____init__=lazy, main=text, **files)
        names = ("Engine", "Wheel", "engine", "limit", "start")
        known = ["app/engine.py:Engine", "app/deep/wheel.py:Wheel", "app/engine.py", None, None]
        assert [means(found, "main.py", name) for name in names] == known
        assert means(linked(app____init__="", main=text, **files), "main.py", "Engine") is None

    def test_the_last_definition_counts_and_a_fallback_does_not(self) -> None:
        text = "def f(): pass\nclass f: pass\ntry:\n    from app.engine import Engine\nexcept ImportError:\n    Engine = None\n"
        found = linked(app__engine=ENGINE, main=text)
        assert isinstance(found.lookup("/project/main.py", "f"), Class)
        assert means(found, "main.py", "Engine") == "app/engine.py:Engine"

    def test_a_later_star_hides_an_earlier_one(self) -> None:
        found = linked(a="class X: pass", b="class X: pass", main="from a import *\nfrom b import *\n")
        assert means(found, "main.py", "X") == "b.py:X"

    def test_a_package_that_is_imported_whole_has_what_the_project_does_not_define(self) -> None:
        own = "from marshmallow.fields import *\nclass Upper: pass\n"
        found = linked(own=own, main="from own import Nested, Upper, list")
        assert means(found, "main.py", "Nested") == "marshmallow.fields.Nested"
        assert means(found, "main.py", "Upper") == "own.py:Upper"
        assert means(found, "main.py", "list") is None


class TestRoots:
    def test_src_is_an_import_root(self) -> None:
        found = linked(src__app__engine=ENGINE, tests__test_a="from app.engine import Engine")
        assert means(found, "tests/test_a.py", "Engine") == "src/app/engine.py:Engine"

    def test_the_importer_s_folder_comes_before_its_parents(self) -> None:
        found = linked(models="class A: pass", app__models="class A: pass", app__use="from models import A")
        assert means(found, "app/use.py", "A") == "app/models.py:A"

    def test_a_unique_end_of_a_path_is_enough(self) -> None:
        found = linked(libs__core__shop__models="class A: pass", main="from shop.models import A")
        assert means(found, "main.py", "A") == "libs/core/shop/models.py:A"

    def test_the_end_of_a_path_within_a_package_is_not(self) -> None:
        found = linked(
            app____init__="",
            app__requests____init__="",
            app__requests__exceptions="class Mine: pass",
            use="from requests.exceptions import HTTPError",
        )
        assert means(found, "use.py", "HTTPError") == "requests.exceptions.HTTPError"

    def test_an_ambiguous_end_is_not_known(self) -> None:
        files = {"one__shop__models": "class A: pass", "two__shop__models": "class A: pass"}
        found = linked(**files, main="from shop.models import A")
        assert means(found, "main.py", "A") == "shop.models.A"

    def test_one_word_is_never_searched_for(self) -> None:
        assert (
            means(linked(deep__down__models="class A: pass", main="from models import A"), "main.py", "A") == "models.A"
        )

    def test_a_file_named_like_a_package_of_python_s_does_not_hide_it_in_a_package(self) -> None:
        found = linked(app____init__="", app__logging="def getLogger(): pass", app__use="import logging")
        assert means(found, "app/use.py", "logging") == "logging"

    def test_a_folder_without_a_package_does_not_hide_an_installed_one(self) -> None:
        found = linked(alembic__versions__a1="from alembic import op\nfrom alembic import versions\n")
        assert means(found, "alembic/versions/a1.py", "op") == "alembic.op"
        assert means(found, "alembic/versions/a1.py", "versions") == "alembic/versions/"

    def test_a_file_does_not_import_itself(self) -> None:
        assert means(linked(app__redis="from redis import Redis"), "app/redis.py", "Redis") == "redis.Redis"


class TestCycles:
    def test_of_imports(self) -> None:
        found = linked(a="from b import X", b="from c import X", c="from a import X")
        assert means(found, "a.py", "X") is None

    def test_of_stars(self) -> None:
        found = linked(a="from b import *\nclass A: pass", b="from a import *\nclass B: pass")
        assert [means(found, "a.py", name) for name in ("A", "B", "C")] == ["a.py:A", "b.py:B", None]
        assert [means(found, "b.py", name) for name in ("A", "B", "C")] == ["a.py:A", "b.py:B", None]

    def test_a_name_beside_a_cycle_is_found(self) -> None:
        found = linked(a="from b import Y\nclass X: pass", b="from a import X\nclass Y: pass")
        assert means(found, "a.py", "Y") == "b.py:Y"
        assert means(found, "b.py", "X") == "a.py:X"

    def test_a_long_chain_has_a_bound(self) -> None:
        files = {f"m{i}": f"from m{i + 1} import X" for i in range(30)}
        found = linked(**files, m30="class X: pass")
        assert means(found, "m25.py", "X") == "m30.py:X"
        assert means(found, "m0.py", "X") is None


def test_questions_are_recorded_also_what_was_not_found() -> None:
    found = linked(a="from b import X", b="")
    assert found.lookup("/project/a.py", "X") is None
    assert found.asked[("/project/a.py", "X")] is None


def test_importers() -> None:
    found = linked(
        app____init__="", app__a="", b="from app import a", c="import app.a", d="def f():\n    from app.a import x"
    )
    assert {"/project/b.py", "/project/d.py"} <= set(found.importers["/project/app/a.py"])


def test_tests_are_known_by_their_place_below_the_root() -> None:
    found = linked(a="")
    assert found.is_test("/project/tests/a.py")
    assert found.is_test("/project/app/test_a.py")
    assert found.is_test("/project/app/a_test.py")
    assert found.is_test("/project/conftest.py")
    assert not found.is_test("/project/app/attest.py")
    nested = Project("/srv/tests/project", {})
    assert not nested.is_test("/srv/tests/project/app.py")
