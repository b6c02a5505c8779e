"""What the engine needs of a sink.

class Sink: emit(record), close()
"""

from __future__ import annotations

from typing import Protocol

from stream.tagging.record import Record


class Sink(Protocol):
    """Takes records, one at a time, from one thread at a time."""

    def emit(self, record: Record) -> None:
        """Write one record; after it returns, the record is out (flushed) or shown."""
        ...

    def close(self) -> None:
        """Finish: write what is left, release the file or terminal. Safe to call twice."""
        ...
