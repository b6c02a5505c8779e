"""Packages that only a part of the program needs, and what to do where one is not installed.

need("matplotlib", "the picture", "matplotlib")     # StreamError, unless there is a module of that name
raise missing("the microphone", "sounddevice")
"""

from __future__ import annotations

import importlib.util
import shlex
import sys

from stream.errors import StreamError


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
