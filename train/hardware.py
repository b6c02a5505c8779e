"""The options and the exit codes that the commands which train have in common.

add_hardware(parser)
options = parser.parse_args(arguments)
take_hardware(parser, options)
with one_line("train.fit", folder) as end:
    ...                                # what is wrong with files, settings or numbers ends it in one line
return end.code
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from train.common.console import failure, say
from train.common.lock import LockedError
from train.networks import ConfigurationError


@dataclasses.dataclass
class End:
    """How a command ended."""

    code: int = 0


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """Add the options for what a network is trained on."""
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default %(default)s)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default %(default)s")


def take_hardware(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Let torch have so many threads; the usage error of a number that makes no sense."""
    if options.threads < 1:
        parser.error(f"--threads {options.threads}: at least 1 is needed")
    torch.set_num_threads(options.threads)


@contextmanager
def one_line(command: str, folder: Path) -> Iterator[End]:
    """Say in one line what a user can cause, and keep the exit code that belongs to it: 1, or 130 after Ctrl-C.

    Args:
        command: its name.
        folder: where it writes, and from where the same command continues.
    """
    end = End()
    try:
        yield end
    except OSError as error:
        say(f"{command}: {failure(error, folder)}")
        end.code = 1
    except (ConfigurationError, LockedError, ValueError, RuntimeError, FloatingPointError) as error:
        say(f"{command}: {' '.join(str(error).split())}")
        end.code = 1
    except KeyboardInterrupt:
        say(f"{command}: interrupted; the same command continues from {folder}")
        end.code = 130
