"""What ``python -m stream.listen --help`` says around the options, and the commands that are no settings.

parser = make_parser()
add_arguments(parser, OPTIONS, GROUPS)           # the settings, under their headings
namespace, unknown = parser.parse_known_args(argv)
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping, Sequence
from typing import NoReturn

from stream.errors import UsageError
from stream.options import nearest
from stream.process import say

GROUPS: Mapping[str, str | None] = {
    "Source": "exactly one of them",
    "Sound": None,
    "Mood": None,
    "Events": "that a mood began or ended",
    "Output": None,
    "HTTP": "/metrics, /healthz, /readyz, /status; YAML section metrics",
    "Log": "YAML section log",
}
"""The headings, in order, each with a line below it."""

_USAGE = """python -m stream.listen SOURCE [OPTION...]
       SOURCE is --mic | --file PATH... | --stdin | --url URL | --demo"""

_DESCRIPTION = """\
Listens to music and says its mood, live: a probability of each mood for every
window of 2.992 s, and their running average over the track."""

_EPILOG = """\
Examples:
  python -m stream.listen --demo
  python -m stream.listen --mic --device USB --channel left
  python -m stream.listen --file album/ --jobs 2 --output jsonl > moods.jsonl
  python -m stream.listen --url https://radio.example/stream --average ema
  arecord -f S16_LE -r 44100 -c 2 | python -m stream.listen --stdin \\
      --format s16le --samplerate 44100 --channels 2

Environment and YAML:
  Every option is an environment variable and a YAML key as well:
    --hop-seconds 1      MOODSTREAM_HOP_SECONDS=1        hop_seconds: 1
    --metrics-port 80    MOODSTREAM_METRICS__PORT=80     metrics: {port: 80}
    --log-level debug    MOODSTREAM_LOG__LEVEL=debug     log: {level: debug}
    --mic                MOODSTREAM_MIC=true             mic: true
    --config FILE        MOODSTREAM_CONFIG=FILE
  A flag wins over a variable, a variable over the file, the file over the
  default. --print-config shows what won, as YAML for --config.

Exit codes: 0 all well, 1 something could not be heard or written, 2 the call
was wrong, 130 and 143 stopped by Ctrl-C and SIGTERM after the final records.
"""


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


def make_parser() -> argparse.ArgumentParser:
    """Return a parser that knows the commands; it raises UsageError, in one line, where argparse would exit."""
    parser = _Parser(
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, width=79, max_help_position=27),
        allow_abbrev=False,
        add_help=False,
    )
    commands = parser.add_argument_group("Commands", "they need no source")
    commands.add_argument("-h", "--help", action="help", help="show this and exit")
    commands.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(action="listen")
    for action, summary in _ACTIONS:
        commands.add_argument(f"--{action}", dest="action", action="store_const", const=action, help=summary)
    commands.add_argument("--config", metavar="FILE", help="read settings from a YAML file")
    return parser


def unknown_argument(arguments: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Return what to say about arguments that a parser left over."""
    flags = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
    if not flags:
        return f"{arguments[0]!r} stands alone; did you mean --file {arguments[0]}?"
    known = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    return f"{flags[0]} is unknown; {nearest(flags[0], known)}"


_ACTIONS: Sequence[tuple[str, str]] = (
    ("list-devices", "show the sound inputs and exit"),
    ("benchmark", "measure what a window costs on this machine and exit"),
    ("print-config", "show the settings, and where each came from, and exit"),
)
