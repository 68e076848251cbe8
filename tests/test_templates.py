"""Rows that a view hands to a Jinja template: reported where the template reads them, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sqla_lint import Settings, check, jinja_files
from sqla_lint.cli import command

pytest.importorskip("jinja2")

MODELS = """
from flask import render_template
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import selectinload

db = SQLAlchemy()

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    pets = db.relationship("Pet", back_populates="owner")

class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    owner_id = db.Column(db.ForeignKey("user.id"))
    owner = db.relationship(User, back_populates="pets")
"""
VIEW = """
def index():
    return render_template("index.html", users=User.query.all())
"""
LOOP = "{% for user in users %}\n{{ user.pets }}\n{% endfor %}\n"
OVER = "{% for user in users %}"


def project(folder: Path, templates: dict[str, str | bytes], view: str = VIEW) -> Path:
    (folder / "pyproject.toml").touch()
    (folder / "app.py").write_text(MODELS + view)
    for name, text in templates.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def found(folder: Path, cache: bool = False) -> list[str]:
    report = check([str(folder)], Settings(folder=folder, cache=cache))
    assert not report.errors
    return [
        f"{Path(each.path).relative_to(folder).as_posix()}:{each.span.line} {each.code}" for each in report.findings
    ]


def alone(folder: Path, text: str, view: str = VIEW) -> list[str]:
    """The lines of one template that are reported."""
    lines = found(project(folder, {"templates/index.html": text}, view))
    assert all(line.startswith("templates/index.html:") and line.endswith(" SES401") for line in lines)
    return [line.split(":")[1].removesuffix(" SES401") for line in lines]


def run(*args: str) -> str:
    return CliRunner().invoke(command, [*args, "--no-cache"], catch_exceptions=False).output


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (LOOP, ["2"]),
        (f"{OVER}{{{{ user.id }}}}{{% endfor %}}", []),
        (f"{OVER}{{% if user.pets|length > 2 and user.id %}}many{{% endif %}}{{% endfor %}}", ["1"]),
        (f"{OVER}{{% for pet in user.pets %}}{{{{ pet.owner.id }}}}{{% endfor %}}{{% endfor %}}", ["1"]),
        (f"{OVER}{{{{ user.pets }}}}{{{{ user.pets[0].id }}}}{{% endfor %}}", ["1"]),
        ("{{ users[0].pets }}{{ users|first }}{{ (users|first).pets }}", []),
        ("{% for user in users[:9] %}{{ user['pets'] }}{% endfor %}", ["1"]),
        ("{% for row in users|batch(3) %}{% for user in row %}{{ user.pets }}{% endfor %}{% endfor %}", ["1"]),
        ("{% for users in others %}{{ users.pets }}{% endfor %}", []),
        ("{% set users = [] %}" + LOOP, []),
        ("{% for user in users if user.id %}{{ user.pets }}{% endfor %}", ["1"]),
        ("{% for user in users or [] %}{{ user.pets }}{% endfor %}", ["1"]),
        ("{{ users|map(attribute='pets')|list }}", ["1"]),
        ("{{ users|selectattr('pets')|list|length }}", ["1"]),
        ("{{ users|groupby('id') }}{{ users|join(', ', attribute='id') }}", []),
        ("{{ users|map(attribute=chosen)|list }}{{ users|mine|list }}", []),
        ("{% for user in users|mine %}{{ user.pets }}{% endfor %}", []),
        (OVER + "{% set n = namespace(pets=1) %}{{ n.pets }}{% set user = 1 %}{{ user.pets }}{% endfor %}", []),
        ("{% macro show(user) %}{{ user.pets }}{% endmacro %}" + OVER + "\n{{ show(user) }}{% endfor %}", ["1"]),
        ("{% macro show(user) %}{{ user.pets }}{% endmacro %}{{ show(users[0]) }}", []),
        ("{% macro show(user) %}{{ show(user) }}{% endmacro %}" + OVER + "{{ show(user) }}{% endfor %}", []),
        ("{% filter upper %}" + LOOP + "{% endfilter %}", ["2"]),
        ("{% trans %}x{% endtrans %}{% do users %}" + OVER + "{% break %}{% endfor %}" + LOOP, ["2"]),
        ("{% raw %}" + LOOP + "{% endraw %}{# " + LOOP + " #}", []),
        ("{% autoescape true %}" + LOOP + "{% endautoescape %}", ["2"]),
        (LOOP.replace("\n", "\r\n"), ["2"]),
        ("\ufeff" + LOOP, ["2"]),
    ],
)
def test_what_a_template_reads(tmp_path: Path, text: str, lines: list[str]) -> None:
    assert alone(tmp_path, text) == lines


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xfe{% for user in users %}",
        b"\xff" + LOOP.encode(),
        b"\0" + LOOP.encode(),
        "{% for user in users %}{{ user.pets }}",
        "{% unknown %}" + LOOP,
        "{{ " + "(" * 5000 + "users" + ")" * 5000 + " }}" + LOOP,
        "{% if users %}" * 3000 + "{% endif %}" * 3000,
        LOOP + " " * 600_000,
        "{% include 'index.html' %}" * 50,
        "{% extends 'index.html' %}",
        "{% from 'index.html' import show %}{{ show(users) }}",
        "{% include users %}{% extends users %}{% import users as m %}{{ m.x(users) }}",
        "{{ super() }}{{ caller() }}{{ loop(users) }}{{ self.x() }}{% block a %}{{ super() }}{% endblock %}",
        "",
    ],
)
def test_nothing_is_said_of_what_cannot_be_read(tmp_path: Path, hostile: str | bytes) -> None:
    assert found(project(tmp_path, {"templates/index.html": hostile})) == []


def test_templates_that_include_each_other_end(tmp_path: Path) -> None:
    many = "".join(f"{{% include '{name}.html' %}}" for name in "abcdefgh" * 3)
    names = {f"templates/{name}.html": many for name in ("index", *"abcdefgh")}
    assert found(project(tmp_path, {**names, "templates/h.html": many + LOOP})) in ([], ["templates/h.html:2 SES401"])


@pytest.mark.parametrize(
    "view",
    [
        "def index(name):\n    return render_template(name, users=User.query.all())\n",
        'def index():\n    return render_template("other.html", users=User.query.all())\n',
        'def index():\n    return render_template("index.html", users=[User(), User()])\n',
        'def index(users):\n    return render_template("index.html", users=users)\n',
        'def index():\n    return render_template("index.html", **locals())\n',
        "def index():\n    rows = User.query.options(selectinload(User.pets)).all()\n"
        '    return render_template("index.html", users=rows)\n',
        "def render_template(name, **names):\n    return name\n" + VIEW,
    ],
)
def test_what_is_not_handed_over_without_doubt(tmp_path: Path, view: str) -> None:
    assert alone(tmp_path, LOOP, view) == []


def test_the_template_must_be_the_only_one_of_its_name(tmp_path: Path) -> None:
    twice: dict[str, str | bytes] = {"templates/index.html": LOOP, "plugin/templates/index.html": LOOP}
    assert found(project(tmp_path, twice)) == []
    (tmp_path / "plugin" / "templates" / "index.html").rename(tmp_path / "plugin" / "index.html")
    assert found(tmp_path) == ["templates/index.html:2 SES401"]


def test_of_several_templates_the_one_that_mentions_what_it_is_handed(tmp_path: Path) -> None:
    two: dict[str, str | bytes] = {"templates/index.html": LOOP, "plugin/templates/index.html": "<p>plugin</p>"}
    assert found(project(tmp_path, two)) == ["templates/index.html:2 SES401"]
    assert found(project(tmp_path, {"plugin/templates/index.html": "{{ users|length }}"})) == []


@pytest.mark.parametrize("folder", ["desk_templates", "desk/mail-templates", "desk_templates/pages"])
def test_folders_of_templates_that_have_a_name_of_their_own(tmp_path: Path, folder: str) -> None:
    name = f"{folder.partition('templates/')[2]}/index.html".removeprefix("/")
    view = VIEW.replace("index.html", name)
    pages: dict[str, str | bytes] = {f"{folder}/index.html": LOOP, "front_templates/index.html": "<p>front</p>"}
    assert found(project(tmp_path, pages, view)) == [f"{folder}/index.html:2 SES401"]
    assert found(project(tmp_path, {f"templates/{name}": LOOP}, view)) == [f"templates/{name}:2 SES401"]


@pytest.mark.parametrize("folder", ["templates_of_mine", "_templates", "contemplates"])
def test_folders_that_hold_no_templates(tmp_path: Path, folder: str) -> None:
    assert found(project(tmp_path, {f"{folder}/index.html": LOOP})) == []


@pytest.mark.parametrize(
    "call",
    [
        'pages.TemplateResponse(request, "index.html", {"users": users})',
        'pages.TemplateResponse("index.html", {"request": request, "users": users})',
        'pages.TemplateResponse(request=request, name="index.html", context={"users": users})',
    ],
)
def test_templates_of_starlette(tmp_path: Path, call: str) -> None:
    view = f"""
from fastapi.templating import Jinja2Templates

pages = Jinja2Templates(directory="templates")

def index(request):
    users = User.query.all()
    return {call}
"""
    assert alone(tmp_path, LOOP, view) == ["2"]


@pytest.mark.parametrize(
    "view",
    [
        'from pyramid.view import view_config\n@view_config(route_name="i", renderer="shop:templates/index.html")\n'
        'def index(request):\n    return {"users": User.query.all()}\n',
        "import aiohttp_jinja2\ndef index(request):\n"
        '    return aiohttp_jinja2.render_template("index.html", request, {"users": User.query.all()})\n',
        "from flask_themes2 import render_theme_template\ndef show(name, **names):\n"
        '    return render_theme_template("dark", name, **names)\n'
        'def index():\n    return show("index.html", users=User.query.all())\n',
        "from quart import render_template\ndef index():\n"
        '    return render_template("index.html", users=User.query.all())\n',
    ],
)
def test_how_other_frameworks_name_templates(tmp_path: Path, view: str) -> None:
    assert alone(tmp_path, LOOP, view) == ["2"]


@pytest.mark.parametrize(
    "view",
    [
        'from pyramid.view import view_config\n@view_config(renderer="json")\n'
        'def index(request):\n    return {"users": User.query.all()}\n',
        'from jinja2 import DictLoader, Environment\npages = Environment(loader=DictLoader({"index.html": ""}))\n'
        'def index():\n    return pages.get_template("index.html").render(users=User.query.all())\n',
        'from jinja2 import Environment, FileSystemLoader\npages = Environment(loader=FileSystemLoader("mails"))\n'
        'def index():\n    return pages.get_template("index.html").render(users=User.query.all())\n',
        'def show(name, **names):\n    return render_template("plain/" + name, **names)\n'
        'def index():\n    return show("index.html", users=User.query.all())\n',
        'def show(name, **names):\n    name = name + ".txt"\n    return render_template(name, **names)\n'
        'def index():\n    return show("index.html", users=User.query.all())\n',
        '@pages.context_processor\ndef added():\n    return {"users": User.query.all()}\n'
        'def index():\n    return render_template("index.html")\n',
    ],
)
def test_templates_that_are_others(tmp_path: Path, view: str) -> None:
    assert alone(tmp_path, LOOP, view) == []


def test_rows_that_the_user_asks_for(tmp_path: Path) -> None:
    models = "class Member(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n\n"
    models += "    def friends(self):\n        return User.query\n\n"
    loader = "@login.user_loader\ndef load(key):\n    return db.session.get(Member, key)\n"
    view = VIEW.replace("User.query.all()", "current_user.friends()")
    program = (
        f"from flask_login import LoginManager, current_user\n\nlogin = LoginManager()\n\n{models}\n{{loader}}\n{view}"
    )
    assert alone(tmp_path, LOOP, program.format(loader=loader)) == ["2"]
    assert alone(tmp_path, LOOP, program.format(loader="")) == []


def test_templates_of_flask_themes(tmp_path: Path) -> None:
    base = "{% block body %}{% endblock %}\n" + LOOP
    templates = {"index": '{% extends theme("base.html") %}{% block body %}' + OVER + "{{ user.id }}{% endfor %}"}
    templates = {"index": templates["index"] + "{% endblock %}", "base": base}
    files: dict[str, str | bytes] = {f"templates/{name}.html": text for name, text in templates.items()}
    assert found(project(tmp_path, files)) == ["templates/base.html:3 SES401"]


def test_a_loader_may_call_a_folder_of_templates_by_the_folder_around_it(tmp_path: Path) -> None:
    view = VIEW.replace('"index.html"', '"dark/index.html"')
    templates: dict[str, str | bytes] = {
        "themes/dark/templates/index.html": LOOP,
        "themes/light/templates/x.html": LOOP,
    }
    assert found(project(tmp_path, templates, view)) == ["themes/dark/templates/index.html:2 SES401"]


HELPERS = [
    'def show(users):\n    return render_template("index.html", users=users)\n\n'
    "def index():\n    return show(User.query.all())\n",
    "def show(name, users):\n    return render_template(name, users=users)\n\n"
    'def index():\n    return show("index.html", User.query.all())\n',
    "def show(name, **names):\n    return render_template(name, menu=[], **names)\n\n"
    'def index():\n    return show("index.html", users=User.query.all())\n',
    "class Page:\n    def show(self, name, **names):\n        return render_template(name, **names)\n\n"
    'class Index(Page):\n    def get(self):\n        return self.show("index.html", **{"users": User.query.all()})\n',
    'def show(users):\n    return render_template("index.html", users=users)\n\n'
    "def listed(users):\n    return show(users)\n\n"
    "def index():\n    return listed(User.query.all())\n",
]


@pytest.mark.parametrize("view", HELPERS)
def test_helpers_that_render(tmp_path: Path, view: str) -> None:
    assert alone(tmp_path, LOOP, view) == ["2"]
    assert alone(tmp_path, LOOP, view.replace("query", "query.options(selectinload(User.pets))")) == []


@pytest.mark.parametrize("renderer", ["index.html", "app:templates/index.html"])
def test_views_of_pyramid(tmp_path: Path, renderer: str) -> None:
    view = f"""
from pyramid.view import view_config

@view_config(route_name="index", renderer="{renderer}")
def index(request):
    return {{"users": request.db.query(User).order_by(User.id).all(), "title": "Users"}}
"""
    assert alone(tmp_path, LOOP, view) == ["2"]
    assert alone(tmp_path, LOOP, view.replace(".order_by", ".options(selectinload(User.pets)).order_by")) == []
    query = "request.db.query(User).order_by(User.id)"
    paged = view.replace("@view", "from paginate_sqlalchemy import SqlalchemyOrmPage\n\n@view")
    assert alone(tmp_path, LOOP, paged.replace(f"{query}.all()", f"SqlalchemyOrmPage({query}, page=1)")) == ["2"]


def test_a_view_that_is_not_checked_says_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    (folder / "other.py").touch()
    assert not check([str(folder / "other.py")], Settings(folder=folder, cache=False)).findings


def test_a_changed_template_is_judged_anew(tmp_path: Path) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    assert found(folder, cache=True) == ["templates/index.html:2 SES401"]
    assert found(folder, cache=True) == ["templates/index.html:2 SES401"]
    (folder / "templates" / "index.html").write_text("\n" + LOOP)
    assert found(folder, cache=True) == ["templates/index.html:3 SES401"]


def test_without_jinja_no_template_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jinja_files, "is_installed", lambda: False)
    assert alone(tmp_path, LOOP) == []


def test_the_frame_shows_the_template(tmp_path: Path) -> None:
    text = run(str(project(tmp_path, {"templates/index.html": LOOP})))
    assert "templates/index.html:2:9" in text
    assert "{{ user.pets }}" in text
    assert "app.py" in text


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif", "github", "gitlab", "junit", "rdjson", "concise"])
def test_every_report_names_the_template(tmp_path: Path, form: str) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    assert "templates/index.html" in run(str(folder), "--format", form)


def test_two_views_of_one_template_are_one_finding_and_two_queries_to_mend(tmp_path: Path) -> None:
    view = VIEW + VIEW.replace("index()", "newest()").replace(".query.all()", ".query.order_by(User.id).all()")
    folder = project(tmp_path, {"templates/index.html": LOOP}, view)
    (finding,) = check([str(folder)], Settings(folder=folder, cache=False)).findings
    assert [place.message for place in finding.related if "renders" in place.message] == [
        "index renders it here",
        "newest renders it here",
    ]
    result = CliRunner().invoke(command, ["--no-cache", "--fix", "--exit-zero", str(folder)])
    assert "0 findings" in result.output
    assert (folder / "app.py").read_text().count(".options(selectinload(User.pets))") == 2


def test_the_fix_is_in_the_view(tmp_path: Path) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    run(str(folder), "--fix")
    assert "User.query.options(selectinload(User.pets)).all()" in (folder / "app.py").read_text()
    assert (folder / "templates" / "index.html").read_text() == LOOP
    assert found(folder) == []


def test_a_comment_is_not_written_into_a_template(tmp_path: Path) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    run(str(folder), "--add-noqa")
    assert (folder / "templates" / "index.html").read_text() == LOOP
    assert found(folder) == ["templates/index.html:2 SES401"]


def test_the_baseline_knows_templates(tmp_path: Path) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    file = folder / "known.json"
    run(str(folder), "--write-baseline", str(file))
    assert json.loads(file.read_text())["findings"][0]["text"] == "{{ user.pets }}"
    (folder / "templates" / "index.html").write_text("\n" + LOOP)
    assert "index.html" not in run(str(folder), "--baseline", str(file), "--format", "concise")


def test_files_can_be_ignored_by_their_path(tmp_path: Path) -> None:
    folder = project(tmp_path, {"templates/index.html": LOOP})
    (folder / "pyproject.toml").write_text('[tool.sqla-lint.per-file-ignores]\n"templates/*" = ["SES401"]\n')
    assert "index.html" not in run(str(folder), "--format", "concise")
