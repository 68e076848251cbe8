"""The flake8 plugin: the command's findings, for flake8 to select, suppress and print.

A project is analysed once in each of flake8's processes, when the first file of it comes that could matter; the
findings for its other files are kept for when flake8 gets to them. Nothing but this module is imported before that.

What the analysis needs comes from ``[tool.sqla-lint]``; which findings are shown is flake8's own configuration.
"""

from __future__ import annotations

import argparse
import ast
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sqla_lint import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from sqla_lint.config import Settings
    from sqla_lint.finding import Finding
    from sqla_lint.source import Source, Unreadable

Violation = tuple[int, int, str, type[Any]]


class Plugin:
    """One file, as flake8 hands it over. The parameters' names are flake8's."""

    name = "sqla-session-lint"
    version = __version__

    def __init__(self, tree: ast.AST, filename: str, lines: list[str], options: argparse.Namespace) -> None:
        self.filename = filename
        self.lines = lines
        self.options = options

    @staticmethod
    def add_options(manager: Any) -> None:
        """Declare the options; all begin with ``--sqla-``, since flake8 takes a short form for an option of its own."""
        manager.add_option(
            "--sqla-enable",
            default="",
            parse_from_config=True,
            comma_separated_list=True,
            metavar="RULES",
            help="Rules of sqla-lint that are off by default, by code or name.",
        )

    def run(self) -> Iterator[Violation]:
        """The findings of this file, with columns from 0.

        Raises:
            ExecutionError: a wrong configuration or rule, which ends flake8's run with its message.
        """
        for finding in self._findings():
            message = " ".join(finding.message.split())
            yield finding.span.line, finding.span.column - 1, f"{finding.code} {message}", type(self)

    def _findings(self) -> Sequence[Finding]:
        from sqla_lint.config import ConfigError
        from sqla_lint.selection import UnknownSelector

        arguments = tuple(self.options.filenames or (".",))
        path, text = os.path.abspath(self.filename), "".join(self.lines)
        try:
            from_stdin = "-" in arguments
            places = (path,) if from_stdin else arguments
            configured = _configured(places)
            if not _could_matter(os.path.dirname(path), text, places, configured):
                return ()
            settings = _settings(configured, tuple(self.options.sqla_enable), _asked_of_flake8(self.options))
            return _findings_of_text(path, text, settings) if from_stdin else _findings_of_file(path, places, settings)
        except (ConfigError, UnknownSelector) as error:
            from flake8.exceptions import ExecutionError

            raise ExecutionError(f"sqla-lint: {error}") from error


def _asked_of_flake8(options: argparse.Namespace) -> frozenset[str]:
    return frozenset((*(options.select or ()), *(options.extend_select or ())))


def _enabled(named: tuple[str, ...], asked: frozenset[str]) -> tuple[str, ...]:
    """The rules off by default that the user wants: named to the plugin, or by exact code to flake8."""
    from sqla_lint.rules import all_rules
    from sqla_lint.selection import find_rule

    codes = {find_rule(word).code for word in named}
    return tuple(sorted(codes | {rule.code for rule in all_rules() if rule.code in asked}))


@cache
def _configured(places: tuple[str, ...]) -> Settings:
    from pathlib import Path

    from sqla_lint import config
    from sqla_lint.discovery import common_folder

    return config.discover(common_folder([Path(place) for place in places]))


@cache
def _settings(configured: Settings, named: tuple[str, ...], asked: frozenset[str]) -> Settings:
    """The project's settings for the analysis; all that decides what is shown is left to flake8."""
    from dataclasses import replace

    # SES000 is flake8's own E999.
    return replace(
        configured,
        select=(),
        extend_select=_enabled(named, asked),
        ignore=("SES000",),
        per_file_ignores=(),
        exclude=(),
        noqa=False,
        cache=True,
        jobs=1,  # flake8 has processes of its own
    )


def _findings_of_text(path: str, text: str, settings: Settings) -> Sequence[Finding]:
    """The findings of what flake8 read from standard input, in the project of the name that it was given."""
    from sqla_lint.source import from_text

    return _check((), settings, from_text(path, text)).get(path, ())


def _findings_of_file(path: str, arguments: tuple[str, ...], settings: Settings) -> Sequence[Finding]:
    found = _check(arguments, settings)
    # What flake8 opens and the command would not find (an ignored file, another suffix) is checked by itself.
    return found[path] if path in found else _check((path,), settings).get(path, ())


@cache
def _check(
    arguments: tuple[str, ...], settings: Settings, stdin: Source | Unreadable | None = None
) -> Mapping[str, Sequence[Finding]]:
    """The findings of a whole run, by file; each file that was checked is a key."""
    from sqla_lint.engine import check

    report = check(arguments, settings, stdin=stdin)
    for error in report.errors:
        logging.getLogger("flake8.sqla_lint").warning("internal error on %s: %s", error.path, error.message)
    found: dict[str, list[Finding]] = {path: [] for path in report.files}
    for finding in report.findings:
        if finding.path in found:  # flake8 has no place for what stands in a template
            found[finding.path].append(finding)
    return found


def _could_matter(folder: str, text: str, arguments: tuple[str, ...], settings: Settings) -> bool:
    """Whether a file of *folder*, or the project that it belongs to, has to do with SQLAlchemy at all."""
    from sqla_lint.projects import is_concerned

    return is_concerned([text.encode("utf-8", "replace")], settings) or _is_project_concerned(
        folder, arguments, settings
    )


@cache
def _is_project_concerned(folder: str, arguments: tuple[str, ...], settings: Settings) -> bool:
    from pathlib import Path

    from sqla_lint import discovery

    root = discovery.project_root(Path(folder), [Path(argument) for argument in arguments])
    return _is_root_concerned(root, settings)


@cache
def _is_root_concerned(root: Path, settings: Settings) -> bool:
    from sqla_lint.discovery import project_files
    from sqla_lint.projects import is_concerned
    from sqla_lint.source import Source, read

    contents = map(read, project_files(root))
    return is_concerned((content.data for content in contents if isinstance(content, Source)), settings)
