"""What kinds of picture an evening can be drawn as.

check_kind(Path("evening.png"))     # before anything is read, and without matplotlib
"""

from __future__ import annotations

from pathlib import Path

from stream.common.errors import StreamError
from stream.common.text import plain

_KINDS = ("eps", "jpeg", "jpg", "pdf", "png", "svg", "webp")


def check_kind(path: Path) -> None:
    """See that a name says a kind of picture.

    Raises:
        StreamError: it does not.
    """
    if path.suffix.lower().removeprefix(".") not in _KINDS:
        raise StreamError(f"no picture can be written to {plain(str(path))}: end its name in .png or .svg")
