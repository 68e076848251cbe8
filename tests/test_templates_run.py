"""What is reported in a template is what running it shows: a statement for each row, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendered import MODELS, lines_per_row

from sqla_lint import Settings, check

pytest.importorskip("jinja2")
pytest.importorskip("flask_sqlalchemy")

MARK = "{#!#}"
LOOP = "{% for user in users %}\n{{ user.pets|length }}{#!#}\n{% endfor %}\n"
EAGER = LOOP.replace(MARK, "")
USERS = "users=User.query.all()"


def view(*lines: str, before: str = "") -> str:
    body = "\n".join("    " + line for line in lines)
    return f'{MODELS}\n\n{before}\n\n@app.get("/")\ndef index():\n{body}\n'


def rendering(what: str, before: str = "") -> str:
    return view(f'return render_template("index.html", {what})', before=before)


def over(text: str, rows: str = "users", name: str = "user") -> str:
    return f"{{% for {name} in {rows} %}}\n{text}\n{{% endfor %}}"


def agree(folder: Path, program: str, templates: dict[str, str]) -> None:
    """The marked lines are reported, and no others; a run shows that they send a statement for each row."""
    (folder / "pyproject.toml").touch()
    (folder / "app.py").write_text(program)
    marked: set[tuple[str, int]] = set()
    for name, text in templates.items():
        path = folder / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        marked |= {(name, number) for number, line in enumerate(text.split("\n"), 1) if MARK in line}
    report = check([str(folder)], Settings(folder=folder, cache=False))
    assert not report.errors
    found = [(Path(f.path).relative_to(folder).as_posix(), f.span.line) for f in report.findings]
    assert sorted(found) == sorted((f"templates/{name}", line) for name, line in marked)
    shown = lines_per_row(folder)
    assert marked <= shown
    assert marked or not shown


FORWARDED = "def render(name, **context):\n    return render_template(name, **context)\n"
RESPONDED = "def respond(name, data):\n    return render_template(name, **data)\n"
INJECTED = "@app.context_processor\ndef added():\n    return {'users': User.query.all()}\n"
ENVIRONMENT = "pages = Environment(loader=FileSystemLoader('templates'))\n"
KEPT = "@app.before_request\ndef keep():\n    flask.g.team = Team.query.first()\n"
PAGES = """
class Page(MethodView):
    def show(self, name, **context):
        return render_template(name, **context)

    def get(self):
        return self.show("index.html", users=User.query.all())

app.add_url_rule("/", view_func=Page.as_view("page"))
"""


@pytest.mark.parametrize(
    "program",
    [
        rendering(USERS),
        view('return render("index.html", users=User.query.all())', before=FORWARDED),
        view(
            'return page("index.html", users=User.query.all())',
            before=FORWARDED + "def page(name, **more):\n    return render(name, title='x', **more)\n",
        ),
        view('return respond("index.html", {"users": User.query.all()})', before=RESPONDED),
        view(
            'data = {"title": "x"}',
            'data["users"] = User.query.all()',
            'return respond("index.html", data)',
            before=RESPONDED,
        ),
        view(
            "return page(User.query.all())",
            before="def page(users):\n    return render_template('index.html', users=users)\n",
        ),
        MODELS + PAGES,
        rendering("users=flask.g.team.everybody()", before=KEPT),
        view("context = {}", 'context["users"] = User.query.all()', 'return render_template("index.html", **context)'),
        view("context = dict(n=1)", f"context.update({USERS})", 'return render_template("index.html", **context)'),
        view('context = {"n": 1} | {"users": User.query.all()}', 'return render_template("index.html", **context)'),
        view(
            'context = {"n": 1}',
            'return render_template("index.html", **{**context, "users": User.query.all()})',
        ),
        view(
            'return render_template("index.html", **context())',
            before="def context():\n    return {'users': User.query.all()}\n",
        ),
        view('return flask.render_template("index.html", users=User.query)'),
        view('return "".join(flask.stream_template("index.html", users=User.query.all()))'),
        rendering("n=1", before=INJECTED),
        view(f'return pages.get_template("index.html").render({USERS})', before=ENVIRONMENT),
        view(
            'template = pages.get_template("index.html")',
            'return template.render({"users": User.query.all()})',
            before=ENVIRONMENT,
        ),
        view(
            f'return "".join(stream("index.html", {USERS}))',
            before="def stream(name, **context):\n    app.update_template_context(context)\n"
            "    found = app.jinja_env.get_template(name)\n    return found.stream(context)\n",
        ),
        view(f'return flask.current_app.jinja_env.get_template("index.html").render({USERS})'),
        view("found = User.query.paginate(per_page=90)", 'return render_template("index.html", users=found.items)'),
    ],
)
def test_how_rows_reach_a_template(tmp_path: Path, program: str) -> None:
    agree(tmp_path, program, {"index.html": LOOP})


@pytest.mark.parametrize(
    "program",
    [
        rendering("users=User.query.options(selectinload(User.pets)).all()"),
        view('return render("index.html", users=User.query.options(selectinload(User.pets)).all())', before=FORWARDED),
        view(
            'context = {"users": User.query.all()}',
            'context["users"] = []',
            'return render_template("index.html", **context)',
        ),
        rendering("users=flask.g.team.everybody().options(selectinload(User.pets))", before=KEPT),
        rendering("users=[]", before=INJECTED),
        rendering("n=1", before=INJECTED.replace("all()", "options(selectinload(User.pets)).all()")),
        rendering("users=[{'pets': [1]} for user in User.query]"),
        view(
            f'return pages.get_template("index.html").render({USERS.replace("all", "options(selectinload(User.pets)).all")})',
            before=ENVIRONMENT,
        ),
    ],
)
def test_rows_that_are_loaded_or_others(tmp_path: Path, program: str) -> None:
    agree(tmp_path, program, {"index.html": EAGER})


@pytest.mark.parametrize(
    "text",
    [
        over("{{ user.team.name }}{#!#}\n{{ user.team.id }}"),
        over("{{ user['team']['name'] }}{#!#}"),
        over("{{ (user|attr('pets'))|length }}{#!#}"),
        over("{% if user.pets %}{#!#}yes{% endif %}"),
        over("{% if user.name == 'x' %}a{% elif user.team %}{#!#}b{% endif %}"),
        over("{% if user.team is none %}{#!#}x{% endif %}"),
        over("{{ user.team.name if user.team else '' }}{#!#}"),
        over("{{ user.name }}", "users if user.team").replace("%}\n", "%}{#!#}\n", 1),
        over("{{ user.to_dict() }}{#!#}"),
        over("{{ user.to_dict()['team'] }}{#!#}"),
        over("{{ user.pet_count }}{#!#}"),
        over("{{ user.short() }} {{ user.shout }} {{ loop.index }} {{ user }}"),
        over("{% for pet in user.pets %}{#!#}\n{{ pet.name }}{{ pet.owner.name }}{% endfor %}"),
        over("{% set team = user.team %}{#!#}\n{{ team.name }}"),
        "{% for user in users %}{% with team = user.team %}{#!#}{{ team.name }}{% endwith %}{% endfor %}",
        "{% set ns = namespace(n=0) %}" + over("{% set ns.n = ns.n + user.pets|length %}{#!#}"),
        "{% set people = users|sort(attribute='name') %}\n" + over("{{ user.team.name }}{#!#}", "people"),
        over("{{ user.team.name }}{#!#}") + over("{{ user.team.name }}"),
        "{{ users|sort(attribute='team.name')|length }}{#!#}",
        "{{ users|map(attribute='team.name')|join(', ') }}{#!#}",
        "{{ users|selectattr('team.name')|list|length }}{#!#}",
        "{{ users|sum(attribute='team.id') }}{#!#}",
        "{% for name, some in users|groupby('team.name') %}{#!#}\n{{ name }}{% endfor %}",
        "{% for group in users|groupby('name') %}{% for user in group.list %}\n{{ user.team.id }}{#!#}\n"
        "{% endfor %}{% endfor %}",
        "{% for row in users|batch(2) %}" + over("{{ user.team.name }}{#!#}", "row") + "{% endfor %}",
        "{% macro show(u) %}\n{{ u.pets|length }}{#!#}\n{% endmacro %}" + over("{{ show(u=user) }}"),
        "{% macro box() %}{{ caller() }}{% endmacro %}"
        + over("{% call box() %}\n{{ user.pets|length }}{#!#}\n{% endcall %}"),
        "{% macro each(rows) %}{% for row in rows %}{{ caller(row) }}{% endfor %}{% endmacro %}"
        "{% call(u) each(users) %}\n{{ u.pets|length }}{#!#}\n{% endcall %}",
        "{{ users|length }}{{ (users|first).team.name }}{{ users[0].pets|length }}",
    ],
)
def test_what_is_read_of_users(tmp_path: Path, text: str) -> None:
    agree(tmp_path, rendering(USERS), {"index.html": text})


@pytest.mark.parametrize(
    "text",
    [
        over("{{ pet }}{#!#}", "pets", "pet"),
        over("{{ pet|string|upper }}{#!#}", "pets", "pet"),
        over("{{ 'a ' ~ pet }}{#!#}", "pets", "pet"),
        "{{ pets|join(', ') }}{#!#}",
        over("{{ pet.name ~ pet.id }}", "pets", "pet"),
    ],
)
def test_rows_that_become_text(tmp_path: Path, text: str) -> None:
    agree(tmp_path, rendering("pets=Pet.query.all()"), {"index.html": text})


@pytest.mark.parametrize(
    "text",
    [
        "{% for team in teams recursive %}\n{{ team.name }}{% if team.below %}{#!#}\n{{ loop(team.below) }}{% endif %}\n"
        "{% endfor %}",
        over("{% for user in team.users %}{#!#}\n{{ user.pets|length }}{#!#}\n{% endfor %}", "teams", "team"),
    ],
)
def test_rows_within_rows(tmp_path: Path, text: str) -> None:
    agree(tmp_path, rendering("teams=Team.query.filter(Team.above_id.is_(None)).all()"), {"index.html": text})


@pytest.mark.parametrize(
    "templates",
    [
        {
            "index.html": "{% extends 'base.html' %}{% block body %}\n" + LOOP + "{% endblock %}",
            "base.html": "<b>{% block body %}{% endblock %}",
        },
        {
            "index.html": "{% extends 'middle.html' %}{% block body %}{{ super() }}{% endblock %}",
            "middle.html": "{% extends 'base.html' %}",
            "base.html": "{% block body %}\n" + LOOP + "{% endblock %}",
        },
        {
            "index.html": "{% extends 'base.html' %}{% block body %}none{% endblock %}",
            "base.html": "{% block body %}\n" + EAGER + "{% endblock %}",
        },
        {
            "index.html": "{% extends 'ba' ~ 'se.html' %}{% block body %}\n"
            + LOOP
            + "{% block foot %}{% endblock %}{% endblock %}",
            "base.html": "<b>{% block body %}{% endblock %}",
        },
        {
            "index.html": "{% extends 'ba' ~ 'se.html' %}" + EAGER + "{% block body %}{{ super() }}{% endblock %}",
            "base.html": "<b>{% block body %}{% endblock %}",
        },
        {"index.html": over("{% include 'row.html' %}"), "row.html": "\n{{ user.pets|length }}{#!#}"},
        {
            "index.html": over("{% include 'row.html' without context %}"),
            "row.html": "{{ user.pets|length if user else 0 }}",
        },
        {
            "index.html": "{% from 'parts.html' import show %}" + over("{{ show(user) }}"),
            "parts.html": "{% macro show(user) %}\n{{ user.pets|length }}{#!#}\n{% endmacro %}",
        },
        {
            "index.html": "{% import 'parts.html' as parts %}{{ parts.table(users) }}",
            "parts.html": "{% macro table(rows) %}" + over("{{ user.pets }}{#!#}", "rows") + "{% endmacro %}",
        },
    ],
)
def test_templates_of_several_files(tmp_path: Path, templates: dict[str, str]) -> None:
    agree(tmp_path, rendering(USERS), templates)
