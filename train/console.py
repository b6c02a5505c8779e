"""What the training commands write: results to standard output, everything else to standard error, a line each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def show(text: str) -> None:
    """Write a result."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """Write a remark or an error."""
    sys.stderr.write(f"{text}\n")


def failure(error: OSError, path: Path) -> str:
    """Return a fault of a file in a line; a full disk does not say which file, so ``path`` does."""
    return f"{error.filename or path}: {error.strerror or ' '.join(str(error).split())}"


def whole_number(text: str) -> int:
    """Return an option's whole number from 0 on, such as a seed; raises what argparse makes a usage error of."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def command_parser(name: str, docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser whose ``--help`` shows a module's docstring: its first line, the options, the rest."""
    description, _, rest = (docstring or "").partition("\n")
    return argparse.ArgumentParser(
        f"python -m {name}",
        description=description,
        epilog=rest,
        formatter_class=argparse.RawTextHelpFormatter,
    )
