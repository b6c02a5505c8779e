"""What the training commands write: results to standard output, everything else to standard error, a line each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OURS = ("model", "stream", "train")


@contextmanager
def needed(module: str) -> Iterator[None]:
    """Import what a command needs; a package that is missing ends the command in one line.

    Args:
        module: ``__name__`` of the command. One that is imported, not run, raises ModuleNotFoundError as usual.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0].replace("sklearn", "scikit-learn")
        if module != "__main__" or not package or package in OURS:
            raise
        raise SystemExit(
            f"train.{Path(sys.argv[0]).stem} needs the package {package}: pip install 'moodstream[train]', "
            "or make test, which sets up everything"
        ) from None


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
