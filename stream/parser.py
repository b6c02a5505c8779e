"""The command line's grammar, which all commands share: headings, actions, and one line where argparse would exit.

parser = make_parser(HELP)
add_arguments(parser, options, HELP.groups)      # the settings, under their headings
namespace, unknown = parser.parse_known_args(argv)
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import NoReturn

from stream.common.errors import UsageError
from stream.common.process import say
from stream.options import nearest


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
