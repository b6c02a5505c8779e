"""One process at a time: two that write the same run or the same shard would spoil each other's files.

with locked(folder / ".lock", "another train.fit"):
    ...                                    # the system lets go, however the process ends

The file stays; it holds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class LockedError(Exception):
    """Somebody else is at work there; the message is one line."""


@contextmanager
def locked(path: Path, who: str) -> Iterator[None]:
    """Hold the lock of a file in a folder that exists.

    Args:
        path: of the lock.
        who: holds it, if this process cannot have it.

    Raises:
        LockedError: another process has it.
        OSError: the file cannot be written.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(f"{who} is at work in {path.parent}: wait for its end, or take another folder") from None
    try:
        yield
    finally:
        lock.release()
