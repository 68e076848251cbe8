"""Calls that render a Jinja template: Flask's and others' functions, an environment's templates, and functions of the
project that hand on what they are handed.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqla_lint.flow.evaluation import containers, substitute
from sqla_lint.flow.reading import rows
from sqla_lint.flow.terms import configure
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Record
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Renders, Summary
from sqla_lint.flow.terms.values import UNKNOWN, JinjaTemplate, Literal, Mapping, Outside, Parameter
from sqla_lint.index.module import Function, walk
from sqla_lint.jinja_files import FOLDER
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# ``render_template(name, **context)``, by where it may be imported from.
_NAMED = frozenset(
    f"{home}.{name}"
    for home in ("flask", "flask.templating", "quart", "quart.templating")
    for name in ("render_template", "stream_template")
)
_STARLETTE = frozenset(f"{home}.templating.Jinja2Templates" for home in ("starlette", "fastapi"))
# ``render_theme_template(theme, name, **context)``: where the theme has none, it is the application's.
_THEMED = frozenset({"flask_themes.render_theme_template", "flask_themes2.render_theme_template"})
_AIOHTTP = frozenset({"aiohttp_jinja2.render_template", "aiohttp_jinja2.render_string"})
_ENVIRONMENTS = frozenset(
    {"jinja2.Environment", "jinja2.environment.Environment", "jinja2.sandbox.SandboxedEnvironment"}
)
_OWN_ENVIRONMENTS = ("flask.Flask.jinja_env", "flask.current_app.jinja_env", *sorted(_STARLETTE))
# Methods of a template.
_RENDERS = frozenset({"render", "render_async", "stream", "generate", "generate_async"})


Names: TypeAlias = dict[str, Value]


class _Given(NamedTuple):
    """The context of a template: what it holds by name, and the parameter that holds more."""

    names: Names
    more: Value = UNKNOWN


# --- calls -----------------------------------------------------------------------------------------------------------


def call(
    ctx: Context,
    cur: Cursor,
    func: Outside,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
    node: n.Call | None,
) -> Value | None:
    """A call of a name from outside the project, if it has to do with templates; None if it has not."""
    if func.name in _ENVIRONMENTS and node is not None and not func.called:
        return Outside("jinja2.Environment", True) if _loads_templates(node) else UNKNOWN
    if func.name.endswith((".get_template", ".select_template")) and _is_environment(func.name.rpartition(".")[0]):
        named = _at(ctx, args, node, 0)
        return JinjaTemplate(named) if isinstance(named, (Literal, Parameter)) else UNKNOWN
    if ctx.static or not ctx.world.templates:
        return None
    if not func.called and func.name in _NAMED | _THEMED:
        name = _at(ctx, args, node, 1 if func.name in _THEMED else 0)
        _render(ctx, cur, name, _spread(ctx, cur, kwargs, node), pos, injected=True)
    elif not func.called and func.name in _AIOHTTP:
        _render(ctx, cur, _at(ctx, args, node, 0), _context(ctx, cur, args, kwargs, node, 2), pos)
    elif func.called and func.name.endswith(".TemplateResponse") and func.name.rpartition(".")[0] in _STARLETTE:
        _starlette(ctx, cur, args, kwargs, pos, node)
    return None


def of_template(
    ctx: Context,
    cur: Cursor,
    template: JinjaTemplate,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
    node: n.Call | None,
) -> Value:
    """``env.get_template("rows.html").render(rows=rows)``, or ``render({"rows": rows})``."""
    if name in _RENDERS and not ctx.static and ctx.world.templates:
        given = _context(ctx, cur, args, {}, node, 0) if args else _spread(ctx, cur, kwargs, node)
        _render(ctx, cur, template.name, given, pos)
    return UNKNOWN


def returned(ctx: Context, cur: Cursor, value: Value, node: n.Expr) -> None:
    """A view returns the context of the template that its decorator names: Pyramid's ``view_config(renderer=...)``."""
    function = ctx.function
    if ctx.static or not ctx.world.templates or function is None:
        return
    decorators = (*function.node.decorators, *(function.cls.node.decorators if function.cls is not None else ()))
    names = {name for each in decorators if (name := _named_by(each)) is not None}
    if len(names) == 1:
        _render(ctx, cur, Literal(names.pop(), "str"), _given(ctx, cur, node, value), node.pos)


def _named_by(decorator: n.Expr) -> str | None:
    """The template that a decorator of a view names: ``shop:templates/rows.html`` is ``rows.html``."""
    if not isinstance(decorator, n.Call):
        return None
    called = n.last_part(decorator.func)
    named = next((k.value for k in decorator.keywords if k.name == "renderer"), None)
    text = named.value if isinstance(named, n.Constant) and called in ("view_config", "view_defaults") else None
    if not isinstance(text, str) or "." not in text:
        return None
    return text.rpartition(":")[2].removeprefix(f"{FOLDER}/")


def _starlette(
    ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos, node: n.Call | None
) -> None:
    """``TemplateResponse(request, name, context)``, or, as it was, ``TemplateResponse(name, context)``."""
    old = bool(args) and isinstance(_at(ctx, args, node, 0), Literal)
    named = _by_name(ctx, node, "name", kwargs)
    at = 0 if old else 1
    name = _at(ctx, args, node, at) if len(args) > at else named
    _render(ctx, cur, name, _context(ctx, cur, args, kwargs, node, at + 1), pos)


def _is_environment(name: str) -> bool:
    return name in _ENVIRONMENTS or name.removesuffix(".env") in _OWN_ENVIRONMENTS


def _loads_templates(node: n.Call) -> bool:
    """Whether an environment's loader is told to look into a folder of the usual name, or where packages keep them."""
    loader = next((k.value for k in node.keywords if k.name == "loader"), node.args[0] if node.args else None)
    if not isinstance(loader, n.Call):
        return False
    name = n.last_part(loader.func)
    texts = [part.value for part in walk(loader.args) if isinstance(part, n.Constant) and isinstance(part.value, str)]
    if name == "PackageLoader":
        return len(loader.args) == 1 or bool(texts) and texts[-1].rstrip("/").endswith(FOLDER)
    return name == "FileSystemLoader" and bool(texts) and texts[-1].rstrip("/").split("/")[-1] == FOLDER


def as_context(ctx: Context, cur: Cursor, expr: n.Expr, value: Value, spread: bool = False) -> Value:
    """An argument that may be a template's context: a dictionary that was built in steps, a parameter's ``**more``."""
    if isinstance(expr, n.Name) and (value == UNKNOWN or isinstance(value, (Record, Mapping))) and not spread:
        return containers.in_steps(cur, expr, value)
    return _itself(ctx, expr, value) if spread else value


# --- what is handed over ---------------------------------------------------------------------------------------------


def _at(ctx: Context, args: list[Value], node: n.Call | None, index: int) -> Value:
    """A positional argument; a plain parameter of the function is itself."""
    if index >= len(args):
        return UNKNOWN
    expr = node.args[index] if node is not None and index < len(node.args) else None
    return _itself(ctx, expr, args[index])


def _by_name(ctx: Context, node: n.Call | None, name: str, kwargs: dict[str, Value]) -> Value:
    expr = next((k.value for k in node.keywords if k.name == name), None) if node is not None else None
    return _itself(ctx, expr, kwargs.get(name, UNKNOWN))


def _itself(ctx: Context, expr: n.Expr | None, value: Value) -> Value:
    function = ctx.function
    if value != UNKNOWN or function is None or not isinstance(expr, n.Name) or expr.id in function.assigned:
        return value
    return Parameter(expr.id) if any(param.name == expr.id for param in function.node.params) else value


def _spread(ctx: Context, cur: Cursor, kwargs: dict[str, Value], node: n.Call | None) -> _Given:
    """``render_template(name, rows=rows, **context)``."""
    expr = next((k.value for k in node.keywords if k.name is None), None) if node is not None else None
    more = _given(ctx, cur, expr, kwargs.get(configure.SPREAD, UNKNOWN))
    own = {key: _by_name(ctx, node, key, kwargs) for key in kwargs if key != configure.SPREAD}
    return more._replace(names={**more.names, **own})


def _context(
    ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], node: n.Call | None, index: int
) -> _Given:
    """A context that is handed over as a dictionary, at a place or as ``context=``."""
    if index < len(args):
        expr = node.args[index] if node is not None and index < len(node.args) else None
        return _given(ctx, cur, expr, args[index])
    expr = next((k.value for k in node.keywords if k.name == "context"), None) if node is not None else None
    return _given(ctx, cur, expr, kwargs.get("context", UNKNOWN))


def _given(ctx: Context, cur: Cursor, expr: n.Expr | None, value: Value) -> _Given:
    itself = _itself(ctx, expr, UNKNOWN)
    value = containers.in_steps(cur, expr, value)
    if isinstance(expr, n.Dict):
        itself = next((_itself(ctx, v, UNKNOWN) for k, v in zip(expr.keys, expr.values) if k is None), UNKNOWN)
    return _Given(_named(value), itself)


def _named(value: Value) -> Names:
    if not isinstance(value, Record):
        return {}
    known = [key for key in value.keys if isinstance(key, str) and value.keys.count(key) == 1]
    return {key: rows.at_key(value, Literal(key, "str")) for key in known}


def _render(ctx: Context, cur: Cursor, template: Value, given: _Given, pos: Pos, injected: bool = False) -> None:
    """Follow a template, and keep what callers decide for them; *injected* if context processors add to its context."""
    handed = isinstance(template, Parameter) or given.more != UNKNOWN or any(map(_depends, given.names.values()))
    if handed and ctx.function is not None and ctx.function.node.params:
        ctx.renders[Renders(template, tuple(given.names.items()), given.more, injected)] = None
    if isinstance(template, Literal) and isinstance(template.value, str):
        from sqla_lint.flow.rendering import templates

        names = {**_injected(ctx, cur, pos), **given.names} if injected and given.more == UNKNOWN else given.names
        templates.follow(ctx, cur, template.value, names, given.names, pos)


def _injected(ctx: Context, cur: Cursor, pos: Pos) -> Names:
    """What the application's context processors add to every template."""
    names: Names = {}
    for function in ctx.world.context_processors:
        returns = ctx.world.summary(function).returns
        if returns is not None:
            names.update(_named(substitute.value(ctx, cur, returns, {}, pos)))
    return names


def _depends(value: Value) -> bool:
    """Whether a value is made of what the function was handed."""
    return isinstance(value, Parameter) or any(map(_depends, containers.parts(value)))


# --- functions of the project ----------------------------------------------------------------------------------------


def handed(
    ctx: Context,
    cur: Cursor,
    summary: Summary,
    bound: dict[str, Value],
    kwargs: dict[str, Value],
    function: Function,
    pos: Pos,
) -> None:
    """A function of the project is called that renders what it is handed."""
    if ctx.static or not ctx.world.templates:
        return
    for one in summary.renders:
        template = substitute.value(ctx, cur, one.template, bound, pos)
        # Where the function says itself which template it is, it tells of its own rows itself.
        own = one.template == template
        names = {
            name: substitute.value(ctx, cur, value, bound, pos) if _depends(value) or not own else UNKNOWN
            for name, value in one.names
        }
        more = _more(one.more, bound, kwargs, function)
        _render(ctx, cur, template, more._replace(names={**more.names, **names}), pos, one.injected)


def _more(more: Value, bound: dict[str, Value], kwargs: dict[str, Value], function: Function) -> _Given:
    if not isinstance(more, Parameter):
        return _Given({})
    param = next((p for p in function.node.params if p.name == more.name), None)
    if param is None or param.kind != "kwarg":
        value = bound.get(more.name, UNKNOWN)
        return _Given(_named(value), value if isinstance(value, Parameter) else UNKNOWN)
    taken = {p.name for p in function.node.params if p.kind != "kwarg"} | {configure.SPREAD}
    spread = kwargs.get(configure.SPREAD, UNKNOWN)
    named = {key: value for key, value in kwargs.items() if key not in taken}
    return _Given({**_named(spread), **named}, spread if isinstance(spread, Parameter) else UNKNOWN)
