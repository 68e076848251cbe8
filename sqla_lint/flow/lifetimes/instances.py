"""Single instances of mapped classes: when they are expired, detached, without a key, or changed.

Facts of SQLAlchemy: a commit (unless ``expire_on_commit=False``) and a rollback expire what the session holds; reading
an expired attribute loads it again, which needs the session; the flush fills in a generated primary key, and any
statement flushes first where autoflush is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import OtherCommit
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, OneOf, Pair, Record
from sqla_lint.flow.terms.state import CLOSED, OPEN, Cursor, InstanceId, InstanceState, SessionState
from sqla_lint.flow.terms.values import UNKNOWN, Instance, Mapping, Parameter
from sqla_lint.lower.nodes import Pos

# Owners that decide, by how they made the session, whether a commit expires.
ASKED = ("parameter", "held", "instance")


def identity(entity: Entity) -> InstanceId | None:
    """What tells an instance (or the rows of one query) from others; None where it is not known where it came from."""
    if entity.origin is not None:
        return entity.origin.path, entity.origin.pos, entity.steps
    return (*entity.made, ()) if entity.made is not None else None


_CONTAINERS = frozenset({Forked, Many, OneOf, Pair, Record, Mapping, Instance})


def entities(value: Value | None) -> Iterable[Entity]:
    """The instances that a value is, or contains."""
    if type(value) in _CONTAINERS:
        return _contained(value)
    return (value,) if isinstance(value, Entity) else ()


def _contained(value: Value | None) -> Iterator[Entity]:
    if isinstance(value, Many):
        yield from entities(value.item)
        for part in value.parts:
            yield from entities(part)
    elif isinstance(value, (OneOf, Pair, Record)):
        for item in value.items if isinstance(value, Pair) else value.values:
            yield from entities(item)
    elif isinstance(value, Forked):
        for way in value.ways:
            yield from entities(way)
    elif isinstance(value, Mapping):
        yield from entities(value.value)
    elif isinstance(value, Instance):
        for _, held in value.held:
            yield from entities(held)


def session_of(cur: Cursor, entity: Entity) -> Sid | None:
    """The session that an instance is in, as far as it is known."""
    key = identity(entity)
    state = cur.instances.get(key) if key is not None else None
    if state is not None and state.sid is not None:
        return state.sid
    return entity.origin.sid if entity.origin is not None else None


def known(cur: Cursor, entity: Entity) -> tuple[InstanceId, InstanceState] | None:
    """What is known of an instance; None for one of which it is not known where it came from."""
    key = identity(entity)
    if key is None:
        return None
    found = cur.instances.get(key)
    if found is None:
        if entity.origin is None:
            return None
        found = InstanceState(entity.origin.sid, stored=True)
    return key, found


def keyed(cur: Cursor, entity: Entity) -> None:
    """It has its primary key, says the code that looked."""
    found = known(cur, entity)
    if found is not None and found[1].keyless:
        cur.instances[found[0]] = found[1]._replace(keyless=False)


def is_closed(cur: Cursor, entity: Entity) -> bool:
    """Whether the session of an instance has been closed: nothing more can be loaded of it."""
    if entity.origin is not None and entity.origin.closed:
        return True
    sid = session_of(cur, entity)
    state = cur.sessions.get(sid) if sid is not None else None
    return state is not None and state.status == CLOSED


def is_outside(cur: Cursor, entity: Entity) -> bool:
    """Whether an instance has been built and no session has been given it."""
    found = known(cur, entity)
    return found is not None and found[1].sid is None and not found[1].stored and not found[1].shared


# --- what is done to instances ---------------------------------------------------------------------------------------


def built(ctx: Context, cur: Cursor, entity: Entity, given: frozenset[str] | None) -> None:
    """A constructor was called with the attributes *given* (None where these are not known)."""
    key = identity(entity)
    if ctx.static or key is None:
        return
    generated = ctx.world.columns.generated(entity.cls)
    keyless = given is not None and bool(generated) and not generated & given
    whole = ctx.world.method(entity.cls, "__init__") is None and not ctx.world.is_mapped_dataclass(entity.cls)
    cur.instances[key] = InstanceState(keyless=keyless, touched=given if whole else None)


def touched(cur: Cursor, key: InstanceId, state: InstanceState, name: str) -> InstanceState:
    """An attribute of an instance was read or set: of one that is not saved yet, it is there from then on."""
    if state.touched is not None and name not in state.touched:
        state = state._replace(touched=state.touched | {name})
        cur.instances[key] = state
    return state


def added(ctx: Context, cur: Cursor, sid: Sid, value: Value) -> None:
    """Instances were added to a session (or came into it by ``merge``)."""
    if ctx.static:
        return
    for entity in entities(value):
        found = known(cur, entity)
        if found is not None:
            key, state = found
            _keeps_change(cur, state.sid, sid)
            cur.instances[key] = state._replace(sid=sid, spared=False)
            _with_it(cur, sid, state.holds)
            session = cur.sessions.get(sid)
            if session is not None and session.status == CLOSED:
                # It is used once more: what is read from here on loads again.
                cur.instances[key] = InstanceState(sid, stored=True, shared=True)


def _with_it(cur: Cursor, sid: Sid, held: frozenset[InstanceId]) -> None:
    """What hangs on an added instance is added with it, and what hangs on that."""
    for key in held:
        state = cur.instances.get(key)
        if state is not None and state.sid is None:
            cur.instances[key] = state._replace(sid=sid, spared=False)
            _with_it(cur, sid, state.holds)


def _keeps_change(cur: Cursor, before: Sid | None, now: Sid) -> None:
    """An instance goes over to another session: its changes are that one's."""
    state = cur.sessions.get(before) if before is not None else None
    if before is not None and before != now and state is not None and state.changed is not None:
        cur.sessions[before] = state._replace(changed=None)


def merged(ctx: Context, cur: Cursor, sid: Sid, entity: Entity, pos: Pos) -> Entity:
    """What ``session.merge(x)`` returns: an instance of that session, with the changes of *x*."""
    before = session_of(cur, entity)
    _keeps_change(cur, before, sid)
    made = Entity(entity.cls, None, made=(ctx.path, pos))
    key, given = identity(made), known(cur, entity)
    if not ctx.static and key is not None:
        names = given[1].touched if given is not None else None
        cur.instances[key] = InstanceState(sid, stored=True, touched=names, saved=True)
    return made


def spared(cur: Cursor, value: Value) -> None:
    """``delete`` or ``expunge``: a later commit does not expire it."""
    for entity in entities(value):
        found = known(cur, entity)
        if found is not None:
            cur.instances[found[0]] = found[1]._replace(spared=True)


def deleted(cur: Cursor, value: Value) -> None:
    """``delete``: it, or the flush that does so, loads what hangs on the row; how much is a matter of cascades,
    ``passive_deletes`` and ``viewonly``, and not followed.
    """
    for name in [name for name, known_as in cur.env.items() if known_as == value]:
        if isinstance(value, Entity) and value.origin is not None:
            cur.env[name] = value._replace(origin=value.origin._replace(certain=False))
        elif isinstance(value, Parameter):
            cur.env[name] = UNKNOWN


def all_spared(cur: Cursor, sid: Sid) -> None:
    """``expunge_all``."""
    for key, state in _held(cur, sid):
        cur.instances[key] = state._replace(spared=True)


def shared(ctx: Context, cur: Cursor, value: Value) -> None:
    """Other code has it now: it may have loaded, flushed, refreshed or set whatever it likes."""
    if ctx.static:
        return
    for entity in entities(value):
        found = known(cur, entity)
        if found is not None and not is_closed(cur, entity):
            _shared(cur, *found)


def _shared(cur: Cursor, key: InstanceId, state: InstanceState) -> None:
    """What hangs on an instance that other code has may be in a session as well."""
    cur.instances[key] = state._replace(shared=True, expired=None, committed=None, keyless=False)
    for other in state.holds:
        held = cur.instances.get(other)
        if held is not None and not held.shared:
            _shared(cur, other, held)


def _held(cur: Cursor, sid: Sid) -> list[tuple[InstanceId, InstanceState]]:
    """The instances that a session holds and that the code can still reach."""
    found: dict[InstanceId, InstanceState] = {}
    values = [*cur.env.values(), cur.result] if cur.result is not None else list(cur.env.values())
    for value in values:
        for entity in entities(value):
            one = known(cur, entity)
            if one is not None and one[1].sid == sid and not (entity.origin is not None and entity.origin.closed):
                found[one[0]] = one[1]
    return list(found.items())


def expire(ctx: Context, cur: Cursor, sid: Sid, pos: Pos) -> None:
    """``expire_all()``: it does not reach what a close has detached."""
    now = cur.sessions.get(sid)
    for key, state in _held(cur, sid) if now is None or now.status != CLOSED else ():
        if state.stored and not state.spared:
            cur.instances[key] = state._replace(expired=pos)


def expire_one(cur: Cursor, value: Value, pos: Pos, some: bool) -> None:
    """``expire(x)``; *some* if it names attributes."""
    for entity in entities(value):
        found = known(cur, entity)
        if found is not None and not found[1].spared:
            cur.instances[found[0]] = found[1]._replace(expired=None if some else pos, shared=found[1].shared or some)


def committed(ctx: Context, cur: Cursor, sid: Sid, pos: Pos) -> None:
    """A commit stores what was added, and expires what the session holds unless it was told not to."""
    if ctx.static:
        return
    _tell_other_changes(ctx, cur, sid, pos)
    session, now = ctx.sessions.get(sid), cur.sessions.get(sid)
    expires = session is not None and session.settings.expire_on_commit is True and not (now is not None and now.reset)
    for key, state in _held(cur, sid):
        if state.spared:
            continue
        given = pos if sid.owner in ASKED else None
        expired = pos if expires else None
        cur.instances[key] = state._replace(stored=True, keyless=False, expired=expired, committed=given)
    flushed(ctx, cur, sid)


def _tell_other_changes(ctx: Context, cur: Cursor, sid: Sid, pos: Pos) -> None:
    """Instances of another session were changed, and it is this one that is committed."""
    for other, state in cur.sessions.items():
        if other != sid and other.owner == "local" and state.status == OPEN and state.changed is not None:
            ctx.emit(OtherCommit(sid, pos, other, state.changed))


def rolled_back(cur: Cursor, sid: Sid, before: SessionState, pos: Pos) -> None:
    """A rollback expires what the database has and forgets what was only added; after a commit it does nothing."""
    if not before.active and before.wrote is None:
        return
    for key, state in _held(cur, sid):
        if not state.stored:
            cur.instances[key] = state._replace(sid=None)
        elif not state.spared:
            cur.instances[key] = state._replace(expired=pos)


def flushed(ctx: Context, cur: Cursor, sid: Sid) -> None:
    """A flush gives keys to what the session holds, and to what other code may have added."""
    for key, state in cur.instances.items():
        mine = _may_be(state.sid, sid) if state.sid is not None else state.shared
        if mine and (state.keyless or state.touched is not None and not state.saved):
            cur.instances[key] = state._replace(keyless=False, saved=state.saved or state.sid == sid)


def flushed_somewhere(cur: Cursor) -> None:
    """Something that is not known was flushed or committed: it may be any session that was not made here."""
    for key, state in cur.instances.items():
        if state.keyless and (state.sid is None or state.sid.owner != "local"):
            cur.instances[key] = state._replace(keyless=False)


def _may_be(one: Sid, other: Sid) -> bool:
    """Whether two sessions may be one: a test's ``session`` and the registry's are, often; one made here is another."""
    return one == other or "local" not in (one.owner, other.owner)


def hooked(cur: Cursor, entity: Entity) -> None:
    """An instance was set beside another one of which it is not known whether it is in a session: backrefs may have
    brought it in.
    """
    found = known(cur, entity)
    if found is not None and found[1].sid is None:
        cur.instances[found[0]] = found[1]._replace(shared=True)


def autoflushed(ctx: Context, cur: Cursor, sid: Sid) -> None:
    """A statement flushes first, unless autoflush is off."""
    session, state = ctx.sessions.get(sid), cur.sessions.get(sid)
    if (session is None or session.settings.autoflush is not False) and not (state is not None and state.silent):
        flushed(ctx, cur, sid)


def loaded(cur: Cursor, entity: Entity) -> None:
    """A query gave these rows: they are new to this code, and others of the class may have been loaded again."""
    origin = entity.origin
    if origin is None or not cur.instances:
        return
    for key, state in list(cur.instances.items()):
        if key[:2] == (origin.path, origin.pos):
            del cur.instances[key]
        elif state.expired is not None and state.sid == origin.sid:
            cur.instances[key] = state._replace(expired=None, committed=None, shared=True)


def vague(cur: Cursor, entity: Entity) -> None:
    """Some attributes of an instance were loaded, which ones is not followed."""
    found = known(cur, entity)
    if found is not None:
        cur.instances[found[0]] = found[1]._replace(touched=None)


def refreshed(cur: Cursor, entity: Entity) -> None:
    """``refresh(x)`` loads its columns."""
    found = known(cur, entity)
    if found is not None:
        cur.instances[found[0]] = found[1]._replace(expired=None, committed=None, keyless=False)
