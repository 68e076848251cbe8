"""A Jinja template that a view renders: its loops over the rows it is handed, and what they read of each.

What is not plainly followed (a name that is worked out, what ``loop`` holds) is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from sqla_lint.flow.reading import drawing
from sqla_lint.flow.rendering.jinja_expressions import (
    Block,
    Imported,
    Macro,
    Names,
    Place,
    Run,
    call,
    expr,
    line,
    loop_of,
    shown,
)
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Pair
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN
from sqla_lint.jinja_files import Template
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Templates and macros within one another.
_MAX_DEPTH = 12
# ``{% extends theme("base.html") %}`` of Flask-Themes: where the theme has none, it is the application's.
_THEMED = "theme"


def follow(ctx: Context, cur: Cursor, name: str, names: Names, handed: Collection[str], pos: Pos) -> None:
    """Follow the template that the call at *pos* renders with *names*, those that it is *handed* and others; nothing of
    *cur* changes.
    """
    template = ctx.world.templates.find(name, handed)
    if template is None:
        return
    inner = Context(ctx.world, ctx.path, ctx.function, static=False)
    inner.sessions = dict(ctx.sessions)
    run = Run(inner, Cursor(cur.state(), None), ctx, pos)
    try:
        _template(Place(run, template, dict(names)))
    except RecursionError:  # what nests too deeply is not followed further
        return


# --- templates within templates --------------------------------------------------------------------------------------


def _template(place: Place) -> None:
    """A whole template: what it extends is looked at with the blocks that it fills."""
    run, path = place.run, place.template.source.path
    if path in run.active or len(run.active) >= _MAX_DEPTH:
        return
    outer, run.active = run.active, (*run.active, path)
    extended = next((node for node in place.template.tree.body if type(node).__name__ == "Extends"), None)
    if extended is None:
        _all(place, place.template.tree.body)
    else:
        for node in place.template.tree.body:
            if type(node).__name__ in ("Assign", "Macro", "Import", "FromImport"):
                _statement(place, node)
            elif type(node).__name__ == "Block":
                _fill(place, node)
        parent = _found(run, extended.template)
        if parent is not None:
            _template(place._replace(template=parent))
        else:
            _fillings(run)
    run.active = outer


def _fillings(run: Run) -> None:
    """What fills the blocks of a template that is not known: it shows each once."""
    for name in list(run.blocks):
        filled(run, name, 0, None)


def _fill(place: Place, node: Any) -> None:
    place.run.blocks.setdefault(node.name, []).append(Block(place.template, node.body, place.names))


def _found(run: Run, node: Any) -> Template | None:
    if type(node).__name__ == "Call" and getattr(node.node, "name", "") == _THEMED and len(node.args) == 1:
        node = node.args[0]
    name = getattr(node, "value", None)
    return run.ctx.world.templates.find(name) if isinstance(name, str) else None


def _block(place: Place, node: Any) -> None:
    """A block is what the template furthest down says it is."""
    names = place.names
    _fill(place, node)
    filled(place.run, node.name, 0, names if node.scoped else None)
    place.run.blocks[node.name].pop()


def filled(run: Run, name: str, index: int, scoped: Names | None) -> None:
    blocks = run.blocks.get(name, [])
    if index >= len(blocks) or (name, index) in run.supers:
        return
    block, outer = blocks[index], run.supers
    run.supers = (*outer, (name, index))
    _all(Place(run, block.template, {**block.names, **(scoped or {})}), block.body)
    run.supers = outer


def _include(place: Place, node: Any) -> None:
    template = _found(place.run, node.template)
    if template is not None:
        names = dict(place.names) if node.with_context else {}
        blocks, place.run.blocks = place.run.blocks, {}
        _template(Place(place.run, template, names))
        place.run.blocks = blocks


def _macros(place: Place, node: Any) -> dict[str, Macro]:
    template = _found(place.run, node.template)
    if template is None:
        return {}
    known = tuple(place.names.items()) if node.with_context else ()
    body = (each for each in template.tree.body if type(each).__name__ == "Macro")
    own = {each.name: Macro(template, each, known) for each in body}
    return {name: macro._replace(names=(*known, *own.items())) for name, macro in own.items()}


def _import(place: Place, node: Any) -> None:
    place.names[node.target] = Imported(tuple(_macros(place, node).items()))


def _from_import(place: Place, node: Any) -> None:
    macros = _macros(place, node)
    for each in node.names:
        name, alias = (each, each) if isinstance(each, str) else each
        place.names[alias] = macros.get(name, UNKNOWN)


def call_macro(
    place: Place, macro: Macro, args: list[Value], kwargs: dict[str, Value], caller: Macro | None = None
) -> None:
    called = getattr(macro.node, "name", f"caller {macro.node.lineno}")
    run, path = place.run, f"{macro.template.source.path}:{called}"
    if path in run.active or len(run.active) >= _MAX_DEPTH:
        return
    names = {**dict(macro.names), called: macro}
    if caller is not None:
        names["caller"] = caller
    bound = {param.name: value for param, value in zip(macro.node.args, args)}
    for param in macro.node.args:
        names[param.name] = bound.get(param.name, kwargs.get(param.name, UNKNOWN))
    outer, run.active = run.active, (*run.active, path)
    _all(Place(run, macro.template, names), macro.node.body)
    run.active = outer


# --- statements ------------------------------------------------------------------------------------------------------


def _all(place: Place, nodes: Iterable[Any]) -> None:
    for node in nodes:
        _statement(place, node)


def _statement(place: Place, node: Any) -> None:
    place.run.left -= 1
    if place.run.left < 0:
        return
    found = _STATEMENTS.get(type(node).__name__)
    if found is not None:
        found(place, node)
    else:
        expr(place, node)


def _parts(place: Place, node: Any) -> None:
    for child in node.iter_child_nodes():
        _statement(place, child)


def _for(place: Place, node: Any) -> None:
    run = place.run
    source = expr(place, node.iter)
    body, loop = place.inside(), loop_of(place, node)
    item = drawing.draw(run.ctx, run.cur, source, loop, n.Opaque(line(node)))
    outer, run.ctx.loops = run.ctx.loops, (*run.ctx.loops, loop)
    _bind(body, node.target, item)
    body.names["loop"] = UNKNOWN
    if node.test is not None:
        expr(body, node.test)
    _all(body, node.body)
    run.ctx.loops = outer
    _all(place.inside(), node.else_)


def _if(place: Place, node: Any) -> None:
    expr(place, node.test)
    before = dict(place.names)
    after: list[Names] = []
    for body in (node.body, node.elif_, node.else_):
        branch = place._replace(names=dict(before))
        _all(branch, body)
        after.append(branch.names)
    for name in {name for names in after for name in names}:
        values = [names.get(name, UNKNOWN) for names in after]
        place.names[name] = values[0] if values[0] == values[1] == values[2] else _either(values)


def _either(values: list[Value]) -> Value:
    found = values[0]
    for value in values[1:]:
        found = join(found, value)
    return found


def _assign(place: Place, node: Any) -> None:
    _bind(place, node.target, expr(place, node.node))


def _bind(place: Place, target: Any, value: Value) -> None:
    if type(target).__name__ == "Name":
        place.names[target.name] = value
    for index, item in enumerate(getattr(target, "items", ())):
        known = isinstance(value, Pair) and len(value.items) == len(target.items)
        _bind(place, item, value.items[index] if isinstance(value, Pair) and known else UNKNOWN)


def _assign_block(place: Place, node: Any) -> None:
    _all(place.inside(), node.body)
    _bind(place, node.target, UNKNOWN)


def _with(place: Place, node: Any) -> None:
    body = place.inside()
    for target, value in zip(node.targets, node.values):
        _bind(body, target, expr(place, value))
    _all(body, node.body)


def _macro(place: Place, node: Any) -> None:
    place.names[node.name] = Macro(place.template, node, tuple(place.names.items()))


def _output(place: Place, node: Any) -> None:
    for part in node.nodes:
        shown(place, expr(place, part), part)


def _call_block(place: Place, node: Any) -> None:
    """``{% call(row) each(rows) %}``: the macro calls the block's body, with what it hands over."""
    call(place, node.call, Macro(place.template, node, tuple(place.names.items())))


_STATEMENTS: dict[str, Callable[[Place, Any], None]] = {
    "Assign": _assign,
    "AssignBlock": _assign_block,
    "Block": _block,
    "CallBlock": _call_block,
    "Extends": lambda _place, _node: None,
    "For": _for,
    "FromImport": _from_import,
    "If": _if,
    "Import": _import,
    "Include": _include,
    "Macro": _macro,
    "FilterBlock": _parts,
    "Output": _output,
    "OverlayScope": _parts,
    "Scope": _parts,
    "ScopedEvalContextModifier": _parts,
    "TemplateData": lambda _place, _node: None,
    "With": _with,
}
