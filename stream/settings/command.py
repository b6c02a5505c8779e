"""How every command comes to its settings: a flag wins over a variable, that over the YAML file, that over the default.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings(TopicOptions, ConnectionOptions, CommandSettings):      # the last one's options come first
        partitions: int = option(8, integer(1, 99, "a number"), "...", group="Topics", section="topics")

    settings = parse_command(Settings, HELP, sys.argv[1:], os.environ)      # UsageError: one line
    settings.action, settings.partitions, settings.log_level
    print(settings.to_yaml(), end="")                                       # --print-config

One YAML file, or one environment, may serve all commands: a key that only another command knows is passed over, one
that none knows is refused. So two commands that share a key must mean the same by it.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from stream.common.errors import UsageError
from stream.common.process import say
from stream.settings import table
from stream.settings.table import (
    DEFAULT,
    PREFIX,
    Given,
    Option,
    Origin,
    add_arguments,
    merge,
    nearest,
    options_of,
    options_under,
    read_environment,
    read_flags,
)
from stream.settings.yaml_file import read_yaml, to_yaml


@dataclasses.dataclass(frozen=True, slots=True)
class Help:
    """What ``--help`` says around the options, and what a command can do.

    Attributes:
        usage: the call, without "usage: ".
        description: what the command does, wrapped at 79 columns.
        epilog: examples and the like, wrapped too.
        groups: the headings of the options, in order, each with a line below it.
        words: what may stand first on the command line and says what to do, each with a line of help; one is needed.
        actions: flags that do something else instead, each with a line of help.
        otherwise: the action without any of those flags, where there are no ``words``.
        lone: what to say of an argument that stands alone; ``{}`` is the argument.
    """

    usage: str
    description: str
    epilog: str
    groups: Mapping[str, str | None]
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    actions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    otherwise: str = ""
    lone: str = "see --help"


class _Parser(argparse.ArgumentParser):
    def print_help(self, file: object = None) -> None:
        """Print the help; what cannot be written is the caller's to say, where argparse keeps silent."""
        say(self.format_help())

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and rarely needed

        say(f"moodstream {version('moodstream')}\n")
        parser.exit()


def make_parser(about: Help) -> argparse.ArgumentParser:
    """Return a parser that knows what a command can do; it raises UsageError, in one line, where argparse would exit.

    The namespace has ``action``, ``word`` (None if none was given) and ``config``.
    """
    parser = _Parser(
        usage=about.usage,
        description=about.description,
        epilog=about.epilog,
        formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, width=79, max_help_position=27),
        allow_abbrev=False,
        add_help=False,
    )
    commands = parser.add_argument_group("Commands", None if about.words else "they need no source")
    if about.words:
        summary = "; ".join(f"{word}: {line}" for word, line in about.words.items())
        commands.add_argument("word", nargs="?", metavar="|".join(about.words), help=summary)
    commands.add_argument("-h", "--help", action="help", help="show this and exit")
    commands.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(action=about.otherwise, word=None)
    for action, summary in about.actions.items():
        commands.add_argument(f"--{action}", dest="action", action="store_const", const=action, help=summary)
    commands.add_argument("--config", metavar="FILE", help="read settings from a YAML file")
    return parser


def chosen_action(namespace: argparse.Namespace, about: Help) -> str:
    """Return what the command line asks for.

    Raises:
        UsageError: nothing, or something that the command cannot do.
    """
    action: str = namespace.action
    if action or not about.words:
        return action
    if namespace.word is None:
        raise UsageError(f"say what to do: {' or '.join(about.words)} (see --help)")
    if namespace.word not in about.words:
        raise UsageError(f"{namespace.word!r} is unknown; say {' or '.join(about.words)}")
    return str(namespace.word)


def unknown_argument(arguments: Sequence[str], parser: argparse.ArgumentParser, about: Help) -> str:
    """Return what to say about arguments that a parser left over."""
    flags = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
    if not flags:
        return f"{arguments[0]!r} stands alone; {about.lone.format(arguments[0])}"
    known = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    return f"{flags[0]} is unknown; {nearest(flags[0], known)}"


_log = options_under("Log", "log")
S = TypeVar("S", bound="CommandSettings")

PRINT_CONFIG = "show the settings, and where each came from, and exit"

_SETTINGS = (
    "stream.settings.listen:Settings",
    "stream.settings.kafka:TopicSettings",
    "stream.settings.publish:PublishSettings",
    "stream.settings.kafka:DeadLettersSettings",
)
"""Where the settings of each command are declared."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommandSettings:
    """What the settings of every command have.

    Attributes:
        action: what to do.
        origins: where each value that is no default came from, by field name.
    """

    action: str = ""
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    log_level: Literal["debug", "info", "warning", "error"] = _log(
        "info", table.choice("debug", "info", "warning", "error"), "the lowest level that is logged"
    )
    log_format: Literal["text", "json"] = _log(
        "text", table.choice("text", "json"), "on standard error, one line an event"
    )

    def to_yaml(self) -> str:
        """Return the settings as YAML, each with where it came from; a ``--config`` file of it lacks secrets only."""
        options = options_of(type(self))
        return to_yaml(options, {each.name: getattr(self, each.name) for each in options}, self.origins)


@dataclasses.dataclass(slots=True)
class Gathered:
    """What the layers say, not yet a settings object.

    Attributes:
        action: what to do.
        given: the value that won, by field name; a default is not there.
        flags: what the command line said, by field name.
    """

    action: str
    given: dict[str, Given]
    flags: Mapping[str, Given]

    def settings(self, kind: type[S]) -> S:
        """Return the settings object, with the default of what nothing gave."""
        options = options_of(kind)
        values: dict[str, Any] = {
            each.name: self.given.get(each.name, Given(each.default, DEFAULT)).value for each in options
        }
        return kind(action=self.action, origins={name: each.origin for name, each in self.given.items()}, **values)


def gather(kind: type[CommandSettings], about: Help, argv: Sequence[str], environ: Mapping[str, str]) -> Gathered:
    """Return what command line, environment and YAML file say.

    Prints and raises ``SystemExit(0)`` for ``--help`` and ``--version``.

    Args:
        kind: the settings class; its options' groups are among ``about.groups``.
        about: what the command can do and says of itself.
        argv: the command line without the program's name.
        environ: the environment.

    Raises:
        UsageError: a name or a value is not acceptable; one line.
    """
    options = options_of(kind)
    parser = make_parser(about)
    add_arguments(parser, options, about.groups)
    namespace, unknown = parser.parse_known_args(argv)
    if unknown:
        raise UsageError(unknown_argument(unknown, parser, about))
    environ = dict(environ)
    config = environ.pop(PREFIX + "CONFIG", "")
    config = namespace.config or config
    flags = read_flags(namespace, options)
    given = merge(
        read_yaml(Path(config), options, _of_all_commands) if config else {},
        read_environment(environ, options, _of_all_commands),
        flags,
    )
    return Gathered(chosen_action(namespace, about), given, flags)


def parse_command(kind: type[S], about: Help, argv: Sequence[str], environ: Mapping[str, str]) -> S:
    """Return a command's settings: :func:`gather` for those that need no more."""
    return gather(kind, about, argv, environ).settings(kind)


def _of_all_commands() -> Sequence[Option]:
    """Return the options of every command; their modules are imported only where an unknown name is met."""
    found: dict[str, Option] = {}
    for place in _SETTINGS:
        module, _, name = place.partition(":")
        for each in options_of(getattr(importlib.import_module(module), name)):
            found.setdefault(each.key, each)
    return tuple(found.values())
