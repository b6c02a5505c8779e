"""Files that are whole or not there, and errors in one line.

with replaced(Path("scores.json")) as part:      # a file beside it, put in its place when all went well
    part.write_text(text)
one_line(error)                                  # what an exception says, without line breaks
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give the path of a part to write; it takes the place of ``path`` at the end, or is removed if the block fails.

    A reader, or whoever comes after a crash, finds the old file or the new one, and no half.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def one_line(error: BaseException) -> str:
    """Return what an exception says as one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
