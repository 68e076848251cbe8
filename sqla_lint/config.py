"""Settings: what ``[tool.sqla-lint]`` and the command line say, validated, in one frozen value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pathspec import GitIgnoreSpec

from sqla_lint.selection import did_you_mean, nearest_word, parse_selector

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SessionPattern = Literal["context-manager", "base-mixin"]
PATTERNS: Final = ("context-manager", "base-mixin")
OWN_FILE: Final = ".sqla-lint.toml"


class ConfigError(Exception):
    """The configuration is wrong; the message names the file, the key and the nearest right word if there is one."""


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on besides the files. Selectors are codes or prefixes of codes.

    *cache* says whether outcomes are kept on disk: the command and the plugin keep them, a program that calls
    :func:`sqla_lint.check` has to ask for it.
    *folder* is what ``exclude`` and ``per-file-ignores`` are relative to; *file* is where the settings came from.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    pattern: SessionPattern = "context-manager"
    unsafe_fixes: bool = False
    edits: bool = False
    noqa: bool = True
    session_factories: tuple[str, ...] = ()
    session_scopes: tuple[str, ...] = ()
    managed_sessions: tuple[str, ...] = ()
    session_parameters: tuple[str, ...] = ()
    model_bases: tuple[str, ...] = ()
    slow_calls: tuple[str, ...] = ()
    baseline: str | None = None
    jobs: int | Literal["auto"] = "auto"
    cache: bool = False
    cache_dir: str | None = None
    project: Path | None = None
    folder: Path = field(default_factory=Path.cwd)
    file: Path | None = None


def load(file: Path) -> Settings:
    """The settings in *file*: the table of a ``pyproject.toml``, or the bare keys of any other TOML file.

    Args:
        file: the file to read; patterns in it are relative to its folder.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or holds a wrong key, code or type.
    """
    table = _table(file, _toml(file))
    return Settings(**_values(file, table or {}), folder=file.absolute().parent, file=file.absolute())


def discover(start: Path) -> Settings:
    """The settings of the nearest folder up from *start* that has any; the defaults if none has.

    The search ends at the repository's root (a folder with ``.git``) and at the home folder.

    Raises:
        ConfigError: as :func:`load`.
    """
    for folder in (start, *start.parents):
        if (folder / OWN_FILE).is_file():
            return load(folder / OWN_FILE)
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and _table(pyproject, _toml(pyproject)) is not None:
            return load(pyproject)
        if (folder / ".git").exists() or folder == Path.home():
            break
    return Settings(folder=start)


def places(start: Path) -> tuple[str, ...]:
    """Where :func:`discover` would look for settings, up to the file system's root."""
    return tuple(str(folder / name) for folder in (start, *start.parents) for name in (OWN_FILE, "pyproject.toml"))


def shown(settings: Settings) -> str:
    """All settings as the TOML that would give them."""
    lines = [f"# from {settings.file or 'the defaults'}; patterns are relative to {settings.folder}"]
    for name in sorted(_KEYS):
        value = getattr(settings, name.replace("-", "_"))
        lines.append(f"{name} = {_toml_text(value)}" if value is not None else f"# {name} is not set")
    return "\n".join(lines) + "\n"


def _toml_text(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return "{ " + ", ".join(f"{_quoted(key)} = {_toml_text(codes)}" for key, codes in value) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_text(item) for item in value) + "]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8, which TOML must be: {error.reason} at byte {error.start}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: is not valid TOML: {error}") from error


def _table(file: Path, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The linter's part of a file; None if a ``pyproject.toml`` has none."""
    if file.name != "pyproject.toml":
        return content
    tool = content.get("tool", {})
    table = tool.get("sqla-lint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{file}: [tool.sqla-lint] must be a table, not {_type_of(table)}")
    return table


def _values(file: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            raise ConfigError(f"{file}: unknown key {key!r}{did_you_mean(nearest_word(key, _KEYS))}")
        try:
            values[key.replace("-", "_")] = _KEYS[key](value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{file}: {key}: {error}") from error
    return values


def _type_of(value: Any) -> str:
    names = {bool: "a boolean", str: "a string", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), type(value).__name__)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {_type_of(value)}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"must be a list of strings, not {_type_of(value)}")
    for item in value:
        if not isinstance(item, str):
            raise TypeError(f"must be a list of strings, but holds {_type_of(item)}")
    return tuple(value)


def _selectors(value: Any) -> tuple[str, ...]:
    return tuple(parse_selector(item) for item in _texts(value))


def _globs(value: Any) -> tuple[str, ...]:
    texts = _texts(value)
    GitIgnoreSpec.from_lines(texts)
    return texts


def _selectors_by_glob(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise TypeError(f"must be a table of patterns and lists of rules, not {_type_of(value)}")
    _globs(list(value))
    return tuple((glob, _selectors(codes)) for glob, codes in value.items())


def _dotted_names(value: Any) -> tuple[str, ...]:
    texts = _texts(value)
    for text in texts:
        if not all(part.isidentifier() for part in text.split(".")):
            raise ValueError(f"{text!r} is not a dotted name such as 'package.module.name'")
    return texts


def _pattern(value: Any) -> str:
    text = _text(value)
    if text not in PATTERNS:
        choices = " or ".join(map(repr, PATTERNS))
        raise ValueError(f"must be {choices}, not {text!r}{did_you_mean(nearest_word(text, PATTERNS))}")
    return text


def _jobs(value: Any) -> int | str:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"must be 'auto' or a number from 1 up, not {value!r}")


_KEYS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "select": _selectors,
    "extend-select": _selectors,
    "ignore": _selectors,
    "per-file-ignores": _selectors_by_glob,
    "exclude": _globs,
    "pattern": _pattern,
    "session-factories": _dotted_names,
    "session-scopes": _dotted_names,
    "managed-sessions": _dotted_names,
    "session-parameters": _dotted_names,
    "model-bases": _dotted_names,
    "slow-calls": _dotted_names,
    "baseline": _text,
    "jobs": _jobs,
    "cache-dir": _text,
}
