"""The command ``sqla-lint``: flags to settings, settings to a run, a run to bytes and an exit status."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import click

from sqla_lint import __version__, arguments, output, watching
from sqla_lint.arguments import Request
from sqla_lint.config import PATTERNS, ConfigError
from sqla_lint.progress import moving_bar
from sqla_lint.reporters import formats

_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141
_MOST_SHOWN: Final = 5


def _page(context: click.Context, _: click.Parameter, value: Any) -> None:
    if value is not None and not context.resilient_parsing:
        click.echo(arguments.page(value), nl=False)
        context.exit()


def _table(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(arguments.rule_table(), nl=False)
        context.exit()


def _jobs(context: click.Context, parameter: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "auto" or (value.isdecimal() and value.isascii() and int(value) > 0):
        return int(value) if value and value != "auto" else value
    raise click.BadParameter(f"must be 'auto' or a number from 1 up, not {value!r}", context, parameter)


_OPTIONS: Final[Sequence[Callable[[Any], Any]]] = (
    click.argument("paths", nargs=-1, type=click.Path(path_type=str)),
    click.option("--stdin-filename", metavar="PATH", help="The name of what `-` reads."),
    click.option("--project", metavar="DIR", help="The folder that names are resolved in (default: found by itself)."),
    click.option("--select", multiple=True, metavar="RULES", help="Only these: codes, prefixes (SES4), names; commas."),
    click.option("--ignore", multiple=True, metavar="RULES", help="Not these."),
    click.option("--extend-select", multiple=True, metavar="RULES", help="These too, such as rules off by default."),
    click.option("--fix", is_flag=True, help="Apply safe fixes."),
    click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: the unsafe ones too."),
    click.option("--diff", is_flag=True, help="Print what --fix would change; write nothing."),
    click.option("--pattern", type=click.Choice(PATTERNS), help="What the session fixes rewrite to."),
    click.option("--edits", is_flag=True, help="Give each fix's edits in machine formats."),
    click.option("--format", "format_", type=click.Choice(formats()), default="text", show_default=True),
    click.option("--output-file", metavar="FILE", help="Write the report to a file."),
    click.option(
        "--explain", metavar="RULE", callback=_page, expose_value=False, help="Print a rule's page, and leave."
    ),
    click.option("--list-rules", is_flag=True, callback=_table, expose_value=False, help="Print all rules, and leave."),
    click.option("--statistics", is_flag=True, help="Count the findings by rule."),
    click.option("--baseline", metavar="FILE", help="Report only what this file of known findings does not hold."),
    click.option("--write-baseline", metavar="FILE", help="Write the findings to FILE as known, and exit with 0."),
    click.option("--add-noqa", is_flag=True, help="Write `# noqa: CODE` on every finding's line."),
    click.option("--config", metavar="FILE", help="Take the configuration from this TOML file."),
    click.option("--isolated", is_flag=True, help="Read no configuration."),
    click.option("--show-settings", is_flag=True, help="Print the settings, and leave."),
    click.option("--force-exclude", is_flag=True, help="`exclude` holds for files given by name too."),
    click.option("--watch", is_flag=True, help="Check again as files change, until Ctrl-C."),
    click.option("--jobs", metavar="N|auto", callback=_jobs, help="How many processes to use (default: auto)."),
    click.option("--cache-dir", metavar="DIR", help="Keep outcomes here (default: .sqla_lint_cache in the project)."),
    click.option("--no-cache", is_flag=True, help="Neither use nor keep outcomes of earlier runs."),
    click.option("--clear-cache", is_flag=True, help="Delete what earlier runs kept, then check."),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings."),
    click.option("-q", "--quiet", is_flag=True, help="Findings only, no summary."),
    click.option("-v", "--verbose", is_flag=True, help="Say what was read, what was left out, and why."),
    click.option("--color/--no-color", default=None, help="Colours (default: on a terminal)."),
)


def _with_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class _WrongConfiguration(click.ClickException):
    """A configuration that cannot be used ends the run as bad usage does, without the lines on usage."""

    exit_code = 2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@_with_options
@click.version_option(__version__, prog_name="sqla-lint")
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Find misuse of SQLAlchemy sessions in PATHS (default: the current folder; `-` is standard input).

    Exit status: 0 clean, 1 findings (or a diff), 2 bad usage, bad configuration or an internal error.
    """
    try:
        request = arguments.request(flags)
        if request.show_settings:
            click.echo(arguments.settings_text(request), nl=False)
            context.exit()
        if request.watch:
            _watch(flags)
        context.exit(_run(request))
    except ConfigError as error:
        raise _WrongConfiguration(str(error)) from error


def _watch(flags: Mapping[str, Any]) -> NoReturn:
    """Run, and again whenever something changes.

    Raises:
        ConfigError: the configuration is wrong at the beginning; later that is said, and mended or not.
    """

    def look() -> watching.State:
        return watching.state(arguments.dependencies(flags))

    state = look()
    _run(arguments.request(flags))
    flags = {**flags, "clear_cache": False}
    while True:
        if not flags["quiet"]:
            click.echo("watching for changes; Ctrl-C ends", err=True)
        gc.collect()
        changed = watching.wait_for_change(state, look)
        state = look()
        if sys.stdout.isatty():
            click.clear()
        if not flags["quiet"]:
            click.echo(f"changed: {', '.join(map(output.shown, changed[:_MOST_SHOWN]))}", err=True)
        try:
            _run(arguments.request(flags))
        except ConfigError as error:
            click.echo(f"Error: {error}", err=True)


def _run(request: Request) -> int:
    # A run makes millions of long-lived nodes and hardly any garbage cycles: collecting would double its time.
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        shown = sys.stderr.isatty() and not request.quiet
        with moving_bar(sys.stderr, shown=shown):
            outcome = arguments.carry_out(request)
        return output.show(outcome, request)
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit status.

    Args:
        argv: the arguments without the program's name; those of the process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        # A file name that is not UTF-8, or a terminal that is not, must not end the run.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    # The process ends with the run: there is no use in looking through all that it made, then or at the end.
    gc.disable()
    try:
        sys.exit(_main(argv))
    except BrokenPipeError:
        # The interpreter flushes standard output once more at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_PIPE_CLOSED)


def _main(argv: Sequence[str] | None) -> int:
    # Not command.main(): that gives an interrupt and a closed pipe the exit status of findings.
    try:
        with command.make_context("sqla-lint", list(sys.argv[1:] if argv is None else argv)) as context:
            command.invoke(context)
        return 0
    except click.exceptions.Exit as end:
        sys.stdout.flush()
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    finally:
        gc.freeze()
