"""What the commands turn into one line on stderr and an exit code.

raise UsageError("--half-life needs --average ema")     # exit 2: the call was wrong
raise StreamError("no such file: song.mp3")             # exit 1: the call was right, the world was not
"""

from __future__ import annotations

import importlib.util
import shlex
import sys


class StreamError(Exception):
    """Something a user can cause and mend went wrong; the message is one line that says what and what to do."""

    exit_code = 1


class UsageError(StreamError):
    """The command was called wrongly."""

    exit_code = 2


def need(module: str, what: str, *packages: str) -> None:
    """See that a module is there, without importing it.

    Args:
        module: by its name.
        what: needs it.
        packages: as pip is to be told, with the bounds of setup.cfg that a new version may break.

    Raises:
        StreamError: it is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise missing(what, *packages)


def missing(what: str, *packages: str) -> StreamError:
    """Return the error that names the command which installs them, for the interpreter that runs.

    It works in any folder, and whether or not the environment is activated.
    """
    command = shlex.join([sys.executable or "python3", "-m", "pip", "install", *packages])
    return StreamError(f"{what} needs a package that is not installed: {command}")


def need_kafka() -> None:
    """See that kafka-python is there.

    Raises:
        StreamError: it is not installed.
    """
    need("kafka", "Kafka", "kafka-python>=3.0.9,<3.1", "crc32c")
