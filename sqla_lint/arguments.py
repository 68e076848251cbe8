"""What the command line asks for: flags, checked against each other, and the configuration in one frozen value."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from sqla_lint import baseline, config, discovery, engine
from sqla_lint.config import ConfigError, Settings
from sqla_lint.report import FixReport, Report
from sqla_lint.reporters import tells_edits
from sqla_lint.rules import Rule, all_rules
from sqla_lint.selection import UnknownSelector, find_rule, parse_selector
from sqla_lint.source import Source, Unreadable, decode

_STDIN: Final = "-"
_UNKNOWN_PAGE: Final = "sqla_lint.flow.evaluation.unknown"
# Flags that make no sense together with these others.
_EXCLUDING: Final[Sequence[tuple[str, Sequence[str]]]] = (
    ("config", ("isolated",)),
    ("write_baseline", ("baseline", "fix", "diff", "add_noqa")),
    ("add_noqa", ("fix", "diff")),
    ("watch", ("fix", "diff", "add_noqa", "write_baseline")),
)
# Flags that do nothing for what standard input says.
_FILES_ONLY: Final = ("add_noqa", "watch")


@dataclass(frozen=True)
class Request:
    """One run as the command line asks for it. *stdin_data* is what standard input said, if it was to be read."""

    paths: tuple[str, ...]
    settings: Settings
    stdin: Source | Unreadable | None
    stdin_data: bytes
    fix: bool
    diff: bool
    format: str
    output_file: Path | None
    statistics: bool
    show_settings: bool
    exit_zero: bool
    quiet: bool
    verbose: bool
    color: bool | None
    write_baseline: Path | None
    add_noqa: bool
    watch: bool
    clear_cache: bool


def request(flags: Mapping[str, Any]) -> Request:
    """The request that the command's *flags* make.

    Raises:
        click.UsageError: flags that make no sense, alone or together.
        ConfigError: the configuration is wrong.
    """
    named = tuple(path for path in flags["paths"] if path != _STDIN)
    wants_stdin = _STDIN in flags["paths"]
    if flags["stdin_filename"] and not wants_stdin:
        raise click.UsageError("--stdin-filename names what `-` reads: give `-` as a path too")
    for one, others in _EXCLUDING:
        for other in others:
            if flags[one] and flags[other]:
                raise click.UsageError(f"{_flag(one)} and {_flag(other)} exclude each other")
    for name in _FILES_ONLY:
        if flags[name] and wants_stdin:
            raise click.UsageError(f"{_flag(name)} is for files: it cannot be used with `-`")
    stdin_path = os.path.abspath(flags["stdin_filename"] or "<stdin>") if wants_stdin else None
    places = [Path(path) for path in (*named, *([stdin_path] if stdin_path else []))] or [Path.cwd()]
    settings = _settings(flags, places)
    data = sys.stdin.buffer.read() if stdin_path and not flags["show_settings"] else b""
    return Request(
        paths=named,
        settings=settings,
        stdin=decode(stdin_path, data) if stdin_path else None,
        stdin_data=data,
        fix=flags["fix"] and not flags["diff"],
        diff=flags["diff"],
        format=flags["format_"],
        output_file=_file(flags["output_file"]),
        write_baseline=_file(flags["write_baseline"]),
        **{name: flags[name] for name in _TAKEN_OVER},
    )


_TAKEN_OVER: Final = (
    "add_noqa", "clear_cache", "watch", "statistics", "show_settings", "exit_zero", "quiet", "verbose", "color",
)  # fmt: skip


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _file(name: str | None) -> Path | None:
    return Path(name) if name else None


def carry_out(request: Request) -> FixReport:
    """Check, and repair, suppress or write a baseline if that was asked for.

    Raises:
        click.UsageError: the baseline cannot be written, or the cache cannot be deleted.
        ConfigError: the baseline cannot be used.
    """
    if request.clear_cache:
        _clear_cache(request)
    if request.fix or request.diff:
        return engine.fix(request.paths, request.settings, stdin=request.stdin, write=request.fix)
    if request.add_noqa:
        return engine.add_noqa(request.paths, request.settings)
    report = engine.check(request.paths, request.settings, stdin=request.stdin)
    return FixReport(_written_down(report, request.write_baseline) if request.write_baseline else report)


def dependencies(flags: Mapping[str, Any]) -> frozenset[str]:
    """The files that the outcome of a run with these *flags* depends on, whether the configuration is right or not."""
    try:
        asked = request(flags)
    except ConfigError:
        named = [flags[name] for name in ("config", "baseline") if flags[name]]
        return engine.dependencies(flags["paths"], Settings()) | {os.path.abspath(name) for name in named}
    return engine.dependencies(asked.paths, asked.settings)


def _clear_cache(request: Request) -> None:
    try:
        engine.clear_cache(request.paths, request.settings, stdin=request.stdin)
    except OSError as error:
        raise click.UsageError(f"--clear-cache: {error.filename}: {error.strerror or error}") from error


def _written_down(report: Report, file: Path) -> Report:
    """The report as the baseline that is written of it leaves it."""
    try:
        baseline.write(file, report.findings, report.sources)
    except OSError as error:
        raise click.UsageError(f"--write-baseline: {file}: {error.strerror or error}") from error
    return replace(report, findings=(), known=len(report.findings))


def _settings(flags: Mapping[str, Any], places: Sequence[Path]) -> Settings:
    settings = _configured(flags, places)
    chosen = {name: _selectors(flags[name], _flag(name)) for name in _SELECTING}
    if chosen["select"]:
        # Who asks for rules by hand wants to see them, whatever the project's configuration leaves out.
        settings = replace(settings, select=chosen["select"], ignore=(), extend_select=())
    if chosen["ignore"]:
        settings = replace(settings, ignore=chosen["ignore"])
    if flags["baseline"] or flags["write_baseline"]:
        settings = replace(settings, baseline=os.path.abspath(flags["baseline"]) if flags["baseline"] else None)
    return replace(
        settings,
        extend_select=settings.extend_select + chosen["extend_select"],
        pattern=flags["pattern"] or settings.pattern,
        unsafe_fixes=flags["unsafe_fixes"],
        edits=flags["edits"] or tells_edits(flags["format_"]),
        force_exclude=flags["force_exclude"],
        jobs=flags["jobs"] or settings.jobs,
        cache=not flags["no_cache"],
        cache_dir=os.path.abspath(flags["cache_dir"]) if flags["cache_dir"] else settings.cache_dir,
        project=_folder(flags["project"]),
    )


_SELECTING: Final = ("select", "ignore", "extend_select")


def _configured(flags: Mapping[str, Any], places: Sequence[Path]) -> Settings:
    if flags["isolated"]:
        return Settings()
    if flags["config"]:
        return config.load(Path(flags["config"]))
    return config.discover(discovery.common_folder(places))


def _selectors(values: Sequence[str], flag: str) -> tuple[str, ...]:
    words = [word.strip() for value in values for word in value.split(",")]
    try:
        return tuple(parse_selector(word) for word in words if word)
    except UnknownSelector as error:
        raise click.UsageError(f"{flag}: {error} (`--list-rules` prints all)") from error


def _folder(project: str | None) -> Path | None:
    if project is None:
        return None
    if not os.path.isdir(project):
        raise click.UsageError(f"--project: {project!r} is no folder")
    return Path(os.path.abspath(project))


# --- what is printed instead of a run


def settings_text(request: Request) -> str:
    """The settings of a request as TOML."""
    return config.shown(request.settings)


def rule_table() -> str:
    """All rules, one a line."""
    rules = all_rules()
    width = max(len(rule.name) for rule in rules)
    return "".join(
        f"{rule.code}  {rule.name:{width}}  {rule.severity:7}  {'on ' if rule.default else 'off'}  {rule.title}\n"
        for rule in rules
    )


def page(word: str) -> str:
    """The page of the rule of this code or name, or the page on what the analysis does with the unknown.

    Raises:
        click.UsageError: there is no such page.
    """
    if word == "unknown":
        return inspect.cleandoc(importlib.import_module(_UNKNOWN_PAGE).__doc__ or "") + "\n"
    try:
        rule = find_rule(word)
    except UnknownSelector as error:
        raise click.UsageError(f"--explain: {error} (`--list-rules` prints all)") from error
    return f"{_heading(rule)}\n\n{rule.page}\n"


def _heading(rule: Rule) -> str:
    return f"{rule.code} {rule.name} ({rule.severity}, {'on' if rule.default else 'off'} by default)"
